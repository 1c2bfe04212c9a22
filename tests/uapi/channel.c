// SPDX-License-Identifier: GPL-2.0-only
#include "channel.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Small, as a test has a thousand of these threads. */
#define STACK_SIZE (128 * 1024)

struct call {
	struct call *next;
	int fd;
	unsigned long request;
	void *address;
	union {
		struct ntsync_channel_send_args send;
		request_t received;
		uint64_t word;
	} arg;
	pthread_t thread;
	atomic_int tid;
	atomic_bool out;
	sem_t returned;
	sem_t may_end;
	bool joined;
	int ret;
};

struct peer {
	struct peer *next;
	pid_t pid;
	int said[2];
	int told[2];
};

/* Of the running test. */
static struct call *calls;
static struct peer *peers;

static void await_semaphore(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

void call_end(struct call *c)
{
	if (c->joined)
		return;
	sem_post(&c->may_end);
	pthread_join(c->thread, NULL);
	c->joined = true;
}

static void end_calls(void)
{
	while (calls) {
		struct call *c = calls;

		while (!atomic_load(&c->out)) {
			pthread_kill(c->thread, SIGUSR2);
			sleep_ms(1);
		}
		call_end(c);
		calls = c->next;
		free(c);
	}
}

static void end_peers(void)
{
	while (peers) {
		struct peer *p = peers;

		if (p->pid) {
			kill(p->pid, SIGKILL);
			child_finish(p->pid);
		}
		close(p->said[0]);
		close(p->told[1]);
		peers = p->next;
		munmap(p, sizeof(*p));
	}
}

int channel_setup(void **state)
{
	return fixture_setup(state);
}

int channel_teardown(void **state)
{
	end_peers();
	end_calls();
	return fixture_teardown(state);
}

int new_channel(struct fixture *f, uint32_t max_depth)
{
	struct ntsync_channel_create_args args = { .max_depth = max_depth };

	only_ours(f, "it has no channels");
	return own_fd(f, nt(f->dev, NTSYNC_IOC_CREATE_CHANNEL, &args));
}

int channel_info(int channel, const char *key)
{
	char path[64], line[64];
	int value = -1, number;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", channel);
	file = fopen(path, "re");
	assert_non_null(file);
	snprintf(path, sizeof(path), "ntsync-%s:\t%%d\n", key);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, path, &number) == 1)
			value = number;
	}
	fclose(file);
	return value;
}

void await_info(int channel, const char *key, int value)
{
	while (channel_info(channel, key) != value)
		sleep_ms(1);
}

int try_send(int channel, uint32_t prio, uint64_t payload)
{
	return nt(channel, SEND, &MESSAGE(prio, payload));
}

int receive(int channel, unsigned long request, request_t *out)
{
	return nt(channel, request, out);
}

int reply(int channel, uint64_t id)
{
	return nt(channel, REPLY, &id);
}

int register_thread(int channel, uint32_t tid, uint64_t token)
{
	struct ntsync_channel_register_thread_args args = { .tid = tid, .token = token };

	return nt(channel, NTSYNC_IOC_CHANNEL_REGISTER_THREAD, &args);
}

int deregister_thread(int channel, uint32_t tid)
{
	return nt(channel, NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD, &tid);
}

/* The content of @got before a receive. */
static const request_t untouched = { 0, 0, 0, 0, UNTOUCHED, ~0ull };

static uint64_t check_got(const request_t *got, unsigned long request, uint32_t prio,
			  uint64_t payload, const char *file, int line)
{
	uint64_t token = request == RECV ? untouched.thread_token : 0;

	if (got->entry_id && got->payload_off == payload && got->reply_off == ~payload &&
	    got->sender_tid && got->prio == prio && got->thread_token == token)
		return got->entry_id;
	print_error("got id %llu payload %llu/%#llx tid %u prio %u token %#llx, want payload %llu "
		    "prio %u token %#llx\n", (unsigned long long)got->entry_id,
		    (unsigned long long)got->payload_off, (unsigned long long)got->reply_off,
		    got->sender_tid, got->prio, (unsigned long long)got->thread_token,
		    (unsigned long long)payload, prio, (unsigned long long)token);
	_fail(file, line);
	return 0;
}

uint64_t channel_take(int channel, unsigned long request, uint32_t prio, uint64_t payload,
		      const char *file, int line)
{
	request_t got = untouched;

	fixture_assert_ret(nt(channel, request, &got), 0, "receive", file, line);
	return check_got(&got, request, prio, payload, file, line);
}

static void *call_thread(void *arg)
{
	struct call *c = arg;

	atomic_store(&c->tid, gettid());
	c->ret = nt(c->fd, c->request, c->address);
	atomic_store(&c->out, true);
	sem_post(&c->returned);
	await_semaphore(&c->may_end);
	return NULL;
}

static struct call *new_call(int fd, unsigned long request)
{
	struct call *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->fd = fd;
	c->request = request;
	c->address = &c->arg;
	sem_init(&c->returned, 0, 0);
	sem_init(&c->may_end, 0, 0);
	return c;
}

static struct call *start_call(struct call *c, const struct waiter_sched *sched)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (sched)
		set_thread_sched(&attr, sched);
	assert_int_equal(pthread_create(&c->thread, &attr, call_thread, c), 0);
	pthread_attr_destroy(&attr);
	c->next = calls;
	calls = c;
	return c;
}

struct call *call_running(struct fixture *f, int fd, unsigned long request, const void *arg,
			  const struct waiter_sched *sched)
{
	struct call *c = new_call(fd, request);

	(void)f;
	if (arg)
		memcpy(&c->arg, arg, _IOC_SIZE(request));
	else
		c->arg.received = untouched;
	return start_call(c, sched);
}

struct call *call_at(struct fixture *f, int fd, unsigned long request, void *address,
		     const struct waiter_sched *sched)
{
	struct call *c = new_call(fd, request);

	(void)f;
	c->address = address;
	return start_call(c, sched);
}

bool call_out(struct call *c)
{
	return atomic_load(&c->out);
}

bool call_asleep(struct call *c)
{
	for (;;) {
		int tid = atomic_load(&c->tid);
		bool asleep = tid && asleep_in(getpid(), tid, c->request);

		/* Checked last: by now it might sleep for another reason. */
		if (call_out(c))
			return false;
		if (asleep)
			return true;
		sleep_ms(1);
	}
}

static struct call *require_asleep(struct call *c)
{
	if (!call_asleep(c))
		fail_msg("call %#lx did not block: %s", c->request, strerror(-call_ret(c)));
	return c;
}

struct call *start_send(struct fixture *f, int channel, uint32_t prio, uint64_t payload)
{
	return require_asleep(call_running(f, channel, SEND, &MESSAGE(prio, payload), NULL));
}

struct call *start_recv(struct fixture *f, int channel, unsigned long request,
			const struct waiter_sched *sched)
{
	return require_asleep(call_running(f, channel, request, NULL, sched));
}

int call_ret(struct call *c)
{
	await_semaphore(&c->returned);
	sem_post(&c->returned);
	return c->ret;
}

const request_t *call_request(struct call *c)
{
	call_ret(c);
	return &c->arg.received;
}

uint64_t channel_got(struct call *c, uint32_t prio, uint64_t payload, const char *file, int line)
{
	fixture_assert_ret(call_ret(c), 0, "receive", file, line);
	return check_got(&c->arg.received, c->request, prio, payload, file, line);
}

pid_t call_tid(struct call *c)
{
	int tid;

	while (!(tid = atomic_load(&c->tid)))
		sleep_ms(1);
	return tid;
}

void call_signal(struct call *c, int sig)
{
	assert_int_equal(pthread_kill(c->thread, sig), 0);
}

long call_switches(struct call *c)
{
	char path[64], line[128];
	long sum = 0, n;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", call_tid(c));
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %ld", &n) == 1)
			sum += n;
	}
	fclose(file);
	return sum;
}

static int peer_main(struct peer *p, peer_fn body, void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(p->said[0]);
	close(p->told[1]);
	return body(p, arg);
}

static struct peer *start_cloned(unsigned long flags, peer_fn body, void *arg)
{
	/* Not on the heap: another thread may hold its lock at the time of the fork. */
	struct peer *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(pipe2(p->said, O_CLOEXEC), 0);
	assert_int_equal(pipe2(p->told, O_CLOEXEC), 0);
	p->pid = flags ? syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL) : fork();
	assert_true(p->pid >= 0);
	if (!p->pid)
		_exit(peer_main(p, body, arg));
	close(p->said[1]);
	close(p->told[0]);
	p->next = peers;
	peers = p;
	return p;
}

struct peer *peer_start(struct fixture *f, peer_fn body, void *arg)
{
	(void)f;
	return start_cloned(0, body, arg);
}

struct peer *peer_start_in_namespace(struct fixture *f, peer_fn body, void *arg)
{
	(void)f;
	if (geteuid())
		skip_because("no pid namespaces without privileges");
	return start_cloned(CLONE_NEWPID, body, arg);
}

pid_t peer_pid(struct peer *p)
{
	return p->pid;
}

void peer_say(struct peer *p, uint64_t word)
{
	if (write(p->said[1], &word, sizeof(word)) != sizeof(word))
		_exit(1);
}

char peer_wait(struct peer *p)
{
	char what;

	if (read(p->told[0], &what, 1) != 1)
		_exit(1);
	return what;
}

uint64_t peer_hear(struct peer *p)
{
	uint64_t word = 0;

	if (read(p->said[0], &word, sizeof(word)) != sizeof(word))
		fail_msg("the other process has ended");
	return word;
}

void peer_tell(struct peer *p, char what)
{
	assert_int_equal(write(p->told[1], &what, 1), 1);
}

void peer_await_asleep(struct peer *p, unsigned long request)
{
	while (!asleep_in(p->pid, p->pid, request))
		sleep_ms(1);
}

void peer_kill(struct peer *p)
{
	assert_int_equal(kill(p->pid, SIGKILL), 0);
	assert_int_equal(peer_finish(p), 128 + SIGKILL);
}

int peer_finish(struct peer *p)
{
	int status = child_finish(p->pid);

	p->pid = 0;
	return status;
}

static int receive_as_told(struct peer *p, void *arg)
{
	int channel = *(int *)arg;
	request_t got;

	for (;;) {
		int ret = 0;

		switch (peer_wait(p)) {
		case 'r':
			ret = receive(channel, RECV2, &got);
			break;
		case 'c':
			got.entry_id = 0;
			ret = close(channel);
			break;
		default:
			return 0;
		}
		peer_say(p, ret ? (uint64_t)ret : got.entry_id);
	}
}

struct peer *receiver_start(struct fixture *f, int channel)
{
	return peer_start(f, receive_as_told, &channel);
}

void receiver_parks(struct peer *p)
{
	peer_tell(p, 'r');
	peer_await_asleep(p, RECV2);
}

uint64_t receiver_takes(struct peer *p)
{
	peer_tell(p, 'r');
	return peer_hear(p);
}

void receiver_closes(struct peer *p)
{
	peer_tell(p, 'c');
	assert_int_equal(peer_hear(p), 0);
}

int send_rights(int sock, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
			    .msg_controllen = sizeof(control.room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &m, 0);
}

int receive_rights(int sock)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
			    .msg_controllen = sizeof(control.room) };
	int fd = -1;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}
