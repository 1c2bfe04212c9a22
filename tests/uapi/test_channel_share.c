// SPDX-License-Identifier: GPL-2.0-only
/* Channels and processes: fork, exec, shared descriptor tables, pid namespaces. */
#include "channel.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NOBODY 65534

/* ---- fork ---- */

static int fork_and_die(struct peer *p, void *arg)
{
	int channel = *(int *)arg;
	request_t got;
	pid_t pid;

	CHECK(!receive(channel, RECV, &got));
	pid = fork();
	CHECK(pid >= 0);
	if (pid) {
		peer_say(p, got.entry_id);
		peer_wait(p);
		return 0;
	}
	/* Only the child gets here: the parent has exited by then. */
	while (peer_wait(p) != 'x')
		;
	CHECK(!receive(channel, RECV, &got));
	CHECK(!reply(channel, got.entry_id));
	return 0;
}

/* The child has a descriptor of the channel but has not received: it is no receiver. */
static void a_child_of_a_receiver(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *dispatched = start_send(f, channel, 10, 1), *pending;
	struct peer *p = peer_start(f, fork_and_die, &channel);

	peer_hear(p);
	pending = start_send(f, channel, 10, 2);
	peer_kill(p);
	assert_call(dispatched, -ECONNRESET);
	assert_call(pending, -EPIPE);
	assert_ret(try_send(channel, 10, 3), -EPIPE);
	/* Now the child receives. */
	peer_tell(p, 'x');
	await_info(channel, "waiters-any", 1);
	assert_ret(try_send(channel, 10, 4), 0);
}

static int fork_and_close(struct peer *p, void *arg)
{
	int channel = *(int *)arg;
	request_t got;
	pid_t pid;

	CHECK(!receive(channel, RECV, &got));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		_exit(close(channel));
	CHECK(!child_finish(pid));
	peer_say(p, got.entry_id);
	peer_wait(p);
	CHECK(!reply(channel, got.entry_id));
	return 0;
}

static void a_child_that_closes(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *sender = start_send(f, channel, 10, 1);
	struct peer *p = peer_start(f, fork_and_close, &channel);

	peer_hear(p);
	assert_call_asleep(sender);
	peer_go(p);
	assert_call(sender, 0);
	assert_peer_ok(p);
}

/* A sender's process forks while the sender sleeps: still one request, and one reply. */
static void a_child_of_a_sender(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *sender = start_send(f, channel, 10, 1);
	struct peer *p = receiver_start(f, channel);

	assert_depth(channel, 1);
	receiver_closes(p);
	peer_tell(p, 'e');
	assert_peer_ok(p);
	assert_depth(channel, 1);
	serve(channel, 10, 1);
	assert_call(sender, 0);
	assert_empty(channel);
}

/* ---- one table of descriptors, two processes ---- */

static int receive_in_clone(void *arg)
{
	int *channel = arg;
	request_t got;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (receive(channel[0], RECV, &got))
		return 1;
	channel[1] = got.entry_id;
	pause();
	return 0;
}

static void a_shared_table(void **state)
{
	struct fixture *f = *state;
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *stack = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);
	struct call *dispatched, *pending;
	int channel = new_channel(f, 8);
	pid_t pid;

	shared[0] = channel;
	pid = clone(receive_in_clone, stack + (1 << 16), CLONE_FILES | SIGCHLD, shared);
	assert_true(pid > 0);
	dispatched = start_send(f, channel, 10, 1);
	await_info(channel, "dispatched", 1);
	pending = start_send(f, channel, 10, 2);
	kill(pid, SIGKILL);
	assert_int_equal(child_finish(pid), 128 + SIGKILL);
	assert_call(dispatched, -ECONNRESET);
	/* The table is still in use, by this process. */
	assert_call_asleep(pending);
	serve(channel, 10, 2);
	assert_call(pending, 0);
	munmap(stack, 1 << 16);
	munmap(shared, 4096);
}

/* ---- exec ---- */

/* The program run by the tests that follow. argv: --reply-after-exec CHANNEL ID */
static int reply_after_exec(char **argv)
{
	int channel = atoi(argv[2]);
	uint64_t id = strtoull(argv[3], NULL, 10);
	request_t got;

	CHECK(!reply(channel, id));
	CHECK(!receive(channel, RECV, &got));
	CHECK(!reply(channel, got.entry_id));
	return 0;
}

struct exec {
	int channel;
	bool keep;
};

static int receive_and_exec(struct peer *p, void *arg)
{
	struct exec *e = arg;
	char channel[16], id[24];
	request_t got;

	CHECK(!receive(e->channel, RECV, &got));
	peer_say(p, got.entry_id);
	peer_wait(p);
	if (e->keep)
		CHECK(!fcntl(e->channel, F_SETFD, 0));
	snprintf(channel, sizeof(channel), "%d", e->channel);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)got.entry_id);
	if (e->keep)
		execl("/proc/self/exe", "test_channel_share", "--reply-after-exec", channel, id,
		      NULL);
	else
		execl("/proc/self/exe", "test_channel_share", "--pause", NULL);
	CHECK(!"exec");
	return 1;
}

/* The receiver executes a program while one request is dispatched and one is pending. */
static struct peer *check_exec(struct fixture *f, struct exec *e, int dispatched_ret,
			       int pending_ret)
{
	struct call *dispatched = start_send(f, e->channel, 10, 1), *pending;
	struct peer *p = peer_start(f, receive_and_exec, e);

	peer_hear(p);
	pending = start_send(f, e->channel, 10, 2);
	peer_go(p);
	assert_call(dispatched, dispatched_ret);
	assert_call(pending, pending_ret);
	return p;
}

/* The descriptor is O_CLOEXEC, so the new program does not have it. */
static void exec_closes_the_descriptor(void **state)
{
	struct fixture *f = *state;
	struct exec e = { new_channel(f, 8), false };

	peer_kill(check_exec(f, &e, -ECONNRESET, -EPIPE));
}

static void exec_keeps_a_descriptor(void **state)
{
	struct fixture *f = *state;
	struct exec e = { new_channel(f, 8), true };

	assert_peer_ok(check_exec(f, &e, 0, 0));
	assert_ret(try_send(e.channel, 10, 3), -EPIPE);
}

static void *send_1(void *arg)
{
	try_send(*(int *)arg, 10, 1);
	return NULL;
}

static int send_and_exec(struct peer *p, void *arg)
{
	pthread_t threads[2];

	CHECK(!pthread_create(&threads[0], NULL, send_1, arg));
	CHECK(!pthread_create(&threads[1], NULL, send_1, arg));
	peer_wait(p);
	execl("/proc/self/exe", "test_channel_share", "--pause", NULL);
	CHECK(!"exec");
	return 1;
}

/* The threads of the old program are gone: one request was pending, one dispatched. */
static void exec_ends_senders(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct peer *p = peer_start(f, send_and_exec, &channel);
	uint64_t id;

	await_info(channel, "depth", 2);
	id = take(channel, 10, 1);
	peer_go(p);
	await_info(channel, "depth", 0);
	await_info(channel, "dispatched", 0);
	assert_ret(reply(channel, id), -ENOENT);
	assert_empty(channel);
	peer_kill(p);
}

/* ---- pid namespaces ---- */

struct sender {
	int channel;
	pid_t tid;
};

static void *send_tid(void *arg)
{
	struct sender *s = arg;

	try_send(s->channel, 0, gettid());
	return NULL;
}

/* Two threads that send; the payload is the thread's id in its own namespace. */
static int send_from_namespace(struct fixture *f, void *arg)
{
	pthread_t thread;

	(void)f;
	CHECK(getpid() == 1);
	CHECK(!pthread_create(&thread, NULL, send_tid, arg));
	CHECK(!try_send(((struct sender *)arg)->channel, 10, gettid()));
	CHECK(!pthread_join(thread, NULL));
	return 0;
}

/* unshare() takes effect for children only, so there is a process in between. */
static int make_namespace(struct peer *p, void *arg)
{
	peer_say(p, unshare(CLONE_NEWPID));
	return child_finish(child_start(NULL, send_from_namespace, arg));
}

static void need_namespaces(void)
{
	if (geteuid())
		skip_because("not root, so no pid namespace");
	if (access("/proc/self/ns/pid", F_OK))
		skip_because("no pid namespaces in this kernel");
}

static void senders_in_a_namespace(void **state)
{
	struct fixture *f = *state;
	struct sender s = { .channel = new_channel(f, 8) };
	struct peer *p;
	request_t got;

	need_namespaces();
	p = peer_start(f, make_namespace, &s);
	assert_int_equal(peer_hear(p), 0);
	await_info(s.channel, "depth", 2);
	/*
	 * The receiver is told the id in the sender's namespace; a token is registered by the id in
	 * the test's namespace.
	 */
	assert_ret(register_thread(s.channel, 1, 1001), 0);
	assert_ret(receive(s.channel, RECV2, &got), 0);
	assert_int_equal(got.sender_tid, 1);
	assert_int_equal(got.payload_off, 1);
	assert_true(got.thread_token == 0);
	assert_ret(reply(s.channel, got.entry_id), 0);
	assert_ret(receive(s.channel, RECV2, &got), 0);
	assert_int_not_equal(got.sender_tid, 1);
	assert_int_equal(got.payload_off, got.sender_tid);
	assert_true(got.thread_token == 0);
	assert_ret(reply(s.channel, got.entry_id), 0);
	assert_peer_ok(p);
}

static int receive_in_namespace(struct fixture *f, void *arg)
{
	struct sender *s = arg;
	request_t got;

	(void)f;
	CHECK(getpid() == 1);
	CHECK(!receive(s->channel, RECV2, &got));
	CHECK(got.sender_tid == got.payload_off);
	CHECK(!reply(s->channel, got.entry_id));
	return 0;
}

static int make_receiver(struct peer *p, void *arg)
{
	peer_say(p, unshare(CLONE_NEWPID));
	return child_finish(child_start(NULL, receive_in_namespace, arg));
}

/* Not the id in the receiver's namespace, in which the sender has none. */
static void a_receiver_in_a_namespace(void **state)
{
	struct fixture *f = *state;
	struct sender s = { .channel = new_channel(f, 8) };
	struct peer *p;

	need_namespaces();
	p = peer_start(f, make_receiver, &s);
	assert_int_equal(peer_hear(p), 0);
	assert_ret(try_send(s.channel, 0, gettid()), 0);
	assert_peer_ok(p);
}

/* ---- users ---- */

struct user {
	int channel;
	rlim_t rtprio;
	int base;
	uint32_t prio;
};

static int send_as_nobody(struct peer *p, void *arg)
{
	struct user *u = arg;
	const struct rlimit limit = { u->rtprio, u->rtprio };
	struct sched_param param = { .sched_priority = u->base };

	(void)p;
	if (u->base)
		CHECK(!sched_setscheduler(0, SCHED_FIFO, &param));
	CHECK(!setrlimit(RLIMIT_RTPRIO, &limit));
	CHECK(!setresgid(NOBODY, NOBODY, NOBODY));
	CHECK(!setresuid(NOBODY, NOBODY, NOBODY));
	CHECK(!prctl(PR_SET_DUMPABLE, 1));
	CHECK(!try_send(u->channel, u->prio, 1));
	return 0;
}

/* To the priority that the sender may have itself; getting less than it asked for is no error. */
static void priorities_are_clamped(void **state)
{
	static const struct {
		rlim_t rtprio;
		int base;
		uint32_t prio, reported;
	} users[] = {
		{ 0, 0, 99, 0 },   { 0, 0, 1, 0 },    { 0, 0, 0, 0 },	 { 20, 0, 99, 20 },
		{ 20, 0, 20, 20 }, { 20, 0, 19, 19 }, { 0, 30, 99, 30 }, { 0, 30, 29, 29 },
		{ 20, 30, 99, 30 }, { 40, 30, 99, 40 },
	};
	struct fixture *f = *state;
	int channel = new_channel(f, 8);

	need_realtime();
	if (geteuid())
		skip_because("not root, so no other user to become");
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		struct user u = { channel, users[i].rtprio, users[i].base, users[i].prio };
		struct peer *p = peer_start(f, send_as_nobody, &u);

		await_info(channel, "depth", 1);
		serve(channel, users[i].reported, 1);
		assert_peer_ok(p);
	}
}

/* In the queue the granted priority counts. */
static void clamped_ones_queue_by_what_they_got(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct user u = { channel, 20, 0, 99 };
	struct peer *p;

	need_realtime();
	if (geteuid())
		skip_because("not root, so no other user to become");
	p = peer_start(f, send_as_nobody, &u);
	await_info(channel, "depth", 1);
	start_send(f, channel, 20, 2);
	start_send(f, channel, 21, 3);
	serve(channel, 21, 3);
	serve(channel, 20, 1);
	serve(channel, 20, 2);
	assert_peer_ok(p);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(a_child_of_a_receiver),
		CHANNEL_TEST(a_child_that_closes),
		CHANNEL_TEST(a_child_of_a_sender),
		CHANNEL_TEST(a_shared_table),
		CHANNEL_TEST(exec_closes_the_descriptor),
		CHANNEL_TEST(exec_keeps_a_descriptor),
		CHANNEL_TEST(exec_ends_senders),
		CHANNEL_TEST(senders_in_a_namespace),
		CHANNEL_TEST(a_receiver_in_a_namespace),
		CHANNEL_TEST(priorities_are_clamped),
		CHANNEL_TEST(clamped_ones_queue_by_what_they_got),
	};

	if (argc > 3 && !strcmp(argv[1], "--reply-after-exec"))
		return reply_after_exec(argv);
	if (argc > 1 && !strcmp(argv[1], "--pause"))
		return pause();
	return RUN(tests);
}
