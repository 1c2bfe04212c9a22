// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sleep is interrupted by something that is no signal: work that the kernel has for the thread,
 * such as the completion of its own io_uring operation, or a stop. The call must go on.
 */
#include "channel.h"
#include "uring.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const uint32_t kinds_of_ring[] = { 0, IORING_SETUP_COOP_TASKRUN };

/* A thread that submits the read of a byte to its ring, and then makes a call. */
struct reader {
	struct ring ring;
	int ends[2];
	char byte;
	int fd;
	unsigned long request;
	void *arg;
	atomic_int tid;
	atomic_bool out;
	pthread_t thread;
	int ret;
};

static void *reader_main(void *arg)
{
	struct reader *r = arg;

	ring_read(&r->ring, r->ends[0], &r->byte, 1);
	atomic_store(&r->tid, gettid());
	r->ret = nt(r->fd, r->request, r->arg);
	atomic_store(&r->out, true);
	return NULL;
}

static void start_reader(struct fixture *f, struct reader *r, uint32_t flags, int fd,
			 unsigned long request, void *arg)
{
	memset(r, 0, sizeof(*r));
	ring_init(f, &r->ring, flags);
	/* Before 6.4 io_uring has a worker read from a pipe, which interrupts nobody. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, r->ends), 0);
	own_fd(f, r->ends[0]);
	own_fd(f, r->ends[1]);
	r->fd = fd;
	r->request = request;
	r->arg = arg;
	assert_int_equal(pthread_create(&r->thread, NULL, reader_main, r), 0);
	while (!atomic_load(&r->tid) || !asleep_in(getpid(), r->tid, request))
		sleep_ms(1);
}

static long count_switches(struct reader *r)
{
	char path[64], line[128];
	long n = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", r->tid);
	file = fopen(path, "re");
	while (file && n < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "voluntary_ctxt_switches: %ld", &n);
	if (file)
		fclose(file);
	return n;
}

/*
 * Completes the read. Returns when that has woken the thread, and it sleeps again or has returned.
 */
static void interrupt_reader(struct reader *r)
{
	long before = count_switches(r);

	assert_int_equal(write(r->ends[1], "x", 1), 1);
	while (!atomic_load(&r->out) && count_switches(r) == before)
		sleep_ms(1);
}

static int join_reader(struct reader *r)
{
	pthread_join(r->thread, NULL);
	assert_reaped(&r->ring, 1, 1);
	ring_free(&r->ring);
	return r->ret;
}

/* ---- requests ---- */

static void a_dispatched_request_stays(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(kinds_of_ring); i++) {
		int channel = new_channel(f, 4);
		struct reader r;
		uint64_t id;

		start_reader(f, &r, kinds_of_ring[i], channel, SEND, &MESSAGE(0, 7));
		id = take(channel, 0, 7);
		interrupt_reader(&r);
		assert_ret(reply(channel, id), 0);
		assert_ret(join_reader(&r), 0);
	}
}

static void a_pending_request_keeps_its_turn(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(kinds_of_ring); i++) {
		int channel = new_channel(f, 4);
		struct call *other;
		struct reader r;
		uint64_t id;

		start_reader(f, &r, kinds_of_ring[i], channel, SEND, &MESSAGE(0, 7));
		other = start_send(f, channel, 0, 8);
		interrupt_reader(&r);
		id = take(channel, 0, 7);
		assert_int_equal(id, 1);
		serve(channel, 0, 8);
		assert_call(other, 0);
		assert_ret(reply(channel, id), 0);
		assert_ret(join_reader(&r), 0);
	}
}

/* A real signal still ends the call, also when it comes later. */
static void a_signal_still_ends_it(void **state)
{
	struct fixture *f = *state;

	count_signals(SIGUSR1, SA_RESTART);
	for (size_t i = 0; i < ARRAY_SIZE(kinds_of_ring); i++) {
		int channel = new_channel(f, 4);
		struct reader r;

		start_reader(f, &r, kinds_of_ring[i], channel, SEND, &MESSAGE(0, 7));
		take(channel, 0, 7);
		interrupt_reader(&r);
		assert_int_equal(pthread_kill(r.thread, SIGUSR1), 0);
		assert_ret(join_reader(&r), -EINTR);
	}
}

/* ---- SIGNAL_AND_WAIT ---- */

#define SIGNAL_AND_WAIT NTSYNC_IOC_SIGNAL_AND_WAIT

static struct ntsync_signal_and_wait_args call_exchange(int signal, int wait, int alert)
{
	return (struct ntsync_signal_and_wait_args){
		.timeout = FOREVER, .signal = signal, .wait = wait, .owner = OWNER,
		.alert = alert, .index = UNTOUCHED,
	};
}

/* The wait goes on, the object has been signaled once, and the ring's work is done. */
static void signal_and_wait_goes_on(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no SIGNAL_AND_WAIT");
	for (size_t i = 0; i < 2 * ARRAY_SIZE(kinds_of_ring); i++) {
		int sem = new_sem(f, 0, 9), event = new_auto(f, false), alert = new_auto(f, false);
		struct ntsync_signal_and_wait_args args = call_exchange(sem, event, alert);
		struct reader r;

		start_reader(f, &r, kinds_of_ring[i / 2], f->dev, SIGNAL_AND_WAIT, &args);
		interrupt_reader(&r);
		while (atomic_load(r.ring.cq_tail) == 0)
			sleep_ms(1);
		assert_sem(sem, 1, 9);
		set_event(i % 2 ? alert : event, 0);
		assert_ret(join_reader(&r), 0);
		assert_int_equal(args.index, i % 2);
		assert_sem(sem, 1, 9);
		assert_event(event, 0, 0);
	}
}

/* ---- stops ---- */

struct exchanger {
	struct ntsync_signal_and_wait_args args;
	int dev;
	bool handle;
};

static int call_exchange_and_report(struct peer *p, void *arg)
{
	struct exchanger *e = arg;
	int ret;

	if (e->handle)
		count_signals(SIGUSR1, SA_RESTART);
	ret = nt(e->dev, SIGNAL_AND_WAIT, &e->args);
	peer_say(p, (uint32_t)-ret << 8 | (e->args.index & 0xff));
	return 0;
}

static struct peer *exchange_stopped(struct fixture *f, struct exchanger *e)
{
	struct peer *p = peer_start(f, call_exchange_and_report, e);
	int status;

	peer_await_asleep(p, SIGNAL_AND_WAIT);
	assert_int_equal(kill(peer_pid(p), SIGSTOP), 0);
	assert_int_equal(waitpid(peer_pid(p), &status, WUNTRACED), peer_pid(p));
	assert_true(WIFSTOPPED(status));
	return p;
}

static void goes_on_after_a_stop(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9), event = new_auto(f, false);
	struct exchanger e = { .args = call_exchange(sem, event, 0), .dev = f->dev };
	struct peer *p;

	only_ours(f, "no SIGNAL_AND_WAIT");
	p = exchange_stopped(f, &e);
	assert_sem(sem, 1, 9);
	kill(peer_pid(p), SIGCONT);
	set_event(event, 0);
	assert_int_equal(peer_hear(p), 0);
	assert_sem(sem, 1, 9);
	assert_peer_ok(p);
}

/* The deadline is unchanged. */
static void times_out_after_a_stop(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9), event = new_auto(f, false);
	struct exchanger e = { .args = call_exchange(sem, event, 0), .dev = f->dev };
	struct peer *p;

	only_ours(f, "no SIGNAL_AND_WAIT");
	/* It must not have passed when the peer is stopped. */
	e.args.timeout = monotonic_ns() + 3 * NS_PER_SEC;
	p = exchange_stopped(f, &e);
	kill(peer_pid(p), SIGCONT);
	assert_int_equal(peer_hear(p) >> 8, ETIMEDOUT);
	assert_true(monotonic_ns() >= e.args.timeout);
	assert_sem(sem, 1, 9);
	assert_peer_ok(p);
}

/* A signal handler ends the call, whatever has interrupted it before. */
static void ends_by_a_handler_after_a_stop(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9), event = new_auto(f, false);
	struct exchanger e = { .args = call_exchange(sem, event, 0), .dev = f->dev, .handle = true };
	struct peer *p;

	only_ours(f, "no SIGNAL_AND_WAIT");
	p = exchange_stopped(f, &e);
	kill(peer_pid(p), SIGUSR1);
	kill(peer_pid(p), SIGCONT);
	assert_int_equal(peer_hear(p) >> 8, EINTR);
	assert_sem(sem, 1, 9);
	assert_event(event, 0, 0);
	assert_peer_ok(p);
}

/* The object of the wait is closed, and another one has its number. */
static void does_not_go_on_with_another_object(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9), event = new_auto(f, false);
	struct exchanger e = { .args = call_exchange(sem, event, 0), .dev = f->dev };
	struct ntsync_signal_and_wait_args *args = &e.args;
	struct reader r;

	only_ours(f, "no SIGNAL_AND_WAIT");
	start_reader(f, &r, 0, f->dev, SIGNAL_AND_WAIT, args);
	assert_int_equal(dup3(new_auto(f, true), event, O_CLOEXEC), event);
	interrupt_reader(&r);
	assert_ret(join_reader(&r), -EINTR);
	assert_event(event, 0, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(a_dispatched_request_stays),
		CHANNEL_TEST(a_pending_request_keeps_its_turn),
		CHANNEL_TEST(a_signal_still_ends_it),
		CHANNEL_TEST(signal_and_wait_goes_on),
		CHANNEL_TEST(goes_on_after_a_stop),
		CHANNEL_TEST(times_out_after_a_stop),
		CHANNEL_TEST(ends_by_a_handler_after_a_stop),
		CHANNEL_TEST(does_not_go_on_with_another_object),
	};

	return RUN(tests);
}
