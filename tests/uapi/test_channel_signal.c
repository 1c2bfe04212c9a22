// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals to a sender: which requests are withdrawn, which are sent again, and which must not be.
 */
#include "channel.h"

#include <signal.h>
#include <sys/wait.h>

static void a_pending_one_is_withdrawn(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct call *sender = start_send(f, channel, 10, 1);

	count_signals(SIGUSR1, 0);
	call_signal(sender, SIGUSR1);
	assert_call(sender, -EINTR);
	assert_depth(channel, 0);
	assert_empty(channel);
	assert_ret(reply(channel, 1), -ENOENT);
}

static void a_dispatched_one_is_interrupted(void **state)
{
	static const int flags[] = { 0, SA_RESTART };
	struct fixture *f = *state;
	int channel = new_channel(f, 4);

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct call *sender = start_send(f, channel, 10, i);
		uint64_t id = take(channel, 10, i);

		count_signals(SIGUSR1, flags[i]);
		call_signal(sender, SIGUSR1);
		assert_call(sender, -EINTR);
		assert_int_equal(atomic_load(&signals_counted), 1);
		assert_ret(reply(channel, id), -ENOENT);
		assert_int_equal(channel_info(channel, "dispatched"), 0);
		/* The request has been received, so it must not be sent again. */
		assert_empty(channel);
	}
}

/* The request has not been received, so it may be sent again: once, as a new request. */
static void a_pending_one_is_sent_again(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct call *sender = start_send(f, channel, 10, 1);
	uint64_t id;

	count_signals(SIGUSR1, SA_RESTART);
	for (int n = 1; n <= 3; n++) {
		call_signal(sender, SIGUSR1);
		await_signals(n);
		assert_call_asleep(sender);
		assert_depth(channel, 1);
	}
	id = take(channel, 10, 1);
	assert_int_not_equal(id, 1);
	assert_empty(channel);
	assert_ret(reply(channel, 1), -ENOENT);
	assert_ret(reply(channel, id), 0);
	assert_call(sender, 0);
	assert_empty(channel);
}

/* A restarted call reads its arguments again: the descriptor is invalid now. */
static void a_restart_is_a_new_call(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4), twin = own_fd(f, fcntl(channel, F_DUPFD_CLOEXEC, 0));
	struct call *sender = start_send(f, channel, 10, 1);

	count_signals(SIGUSR1, SA_RESTART);
	close_fd(f, channel);
	assert_call_asleep(sender);
	call_signal(sender, SIGUSR1);
	assert_call(sender, -EBADF);
	assert_depth(twin, 0);
}

static void an_ignored_signal_is_no_signal(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct call *sender = start_send(f, channel, 10, 1);
	uint64_t id;

	signal(SIGUSR1, SIG_IGN);
	call_signal(sender, SIGUSR1);
	assert_call_asleep(sender);
	id = take(channel, 10, 1);
	assert_int_equal(id, 1);
	call_signal(sender, SIGUSR1);
	assert_call_asleep(sender);
	assert_ret(reply(channel, id), 0);
	assert_call(sender, 0);
}

/*
 * While the test occupies CPU 0 the sender can't run; then it finds all that has happened
 * meanwhile.
 */
static struct call *start_sender_on_cpu_0(struct fixture *f, int channel, int flags)
{
	static const struct waiter_sched below = { .policy = SCHED_FIFO, .prio = 10, .cpu = 1 };
	struct call *sender;

	need_realtime();
	count_signals(SIGUSR1, flags);
	sender = call_running(f, channel, SEND, &MESSAGE(0, 1), &below);
	assert_call_asleep(sender);
	return sender;
}

static void reply_and_signal(struct fixture *f, bool signal_first)
{
	int channel = new_channel(f, 4), ret;
	struct call *sender = start_sender_on_cpu_0(f, channel, 0);
	uint64_t id = take(channel, 0, 1);

	occupy_cpu(50);
	if (signal_first)
		call_signal(sender, SIGUSR1);
	ret = reply(channel, id);
	if (!signal_first)
		call_signal(sender, SIGUSR1);
	free_cpu();
	/* The replier and the sender must get the same result. */
	assert_ret(ret, 0);
	assert_call(sender, 0);
	assert_int_equal(atomic_load(&signals_counted), 1);
}

static void a_reply_beats_a_later_signal(void **state)
{
	reply_and_signal(*state, false);
}

static void a_reply_beats_an_earlier_signal(void **state)
{
	reply_and_signal(*state, true);
}

/*
 * The request was pending when the signal came, but has been received by the time the sender can
 * run.
 */
static void a_receive_beats_an_earlier_signal(void **state)
{
	static const int flags[] = { 0, SA_RESTART };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int channel = new_channel(f, 4), ret;
		struct call *sender = start_sender_on_cpu_0(f, channel, flags[i]);
		request_t got = { 0 };

		occupy_cpu(50);
		call_signal(sender, SIGUSR1);
		ret = receive(channel, TRY_RECV2, &got);
		free_cpu();
		assert_ret(ret, 0);
		assert_int_equal(got.payload_off, 1);
		assert_call(sender, -EINTR);
		assert_ret(reply(channel, got.entry_id), -ENOENT);
		assert_empty(channel);
	}
}

/*
 * Many signals, with handlers that restart calls. A request is executed once if its send returns
 * success, and never twice; the send and the reply agree on whether it was answered.
 */
#define STORM 400
#define STORM_SENDERS 3

static struct storm {
	int channel;
	atomic_int over;
	pthread_t senders[STORM_SENDERS];
	int sent[STORM_SENDERS * STORM];
	int executed[STORM_SENDERS * STORM];
	int replied[STORM_SENDERS * STORM];
} storm;

static void *storm_send(void *arg)
{
	int first = (int)(intptr_t)arg * STORM;

	for (int i = first; i < first + STORM; i++)
		storm.sent[i] = try_send(storm.channel, i % 3, i);
	atomic_fetch_add(&storm.over, 1);
	return NULL;
}

static void *storm_serve(void *arg)
{
	request_t got;

	(void)arg;
	while (!receive(storm.channel, RECV, &got)) {
		if (got.payload_off >= ARRAY_SIZE(storm.executed)) {
			reply(storm.channel, got.entry_id);
			break;
		}
		storm.executed[got.payload_off]++;
		storm.replied[got.payload_off] = reply(storm.channel, got.entry_id);
	}
	return NULL;
}

static void *storm_signal(void *arg)
{
	(void)arg;
	/* An exited thread can be signaled until it is joined. */
	while (atomic_load(&storm.over) < STORM_SENDERS) {
		for (int i = 0; i < STORM_SENDERS; i++)
			pthread_kill(storm.senders[i], SIGUSR1);
		nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
	}
	return NULL;
}

static void never_executed_twice(void **state)
{
	struct fixture *f = *state;
	pthread_t server, signaller;
	int interrupted = 0;

	memset(&storm, 0, sizeof(storm));
	storm.channel = new_channel(f, 8);
	count_signals(SIGUSR1, SA_RESTART);
	pthread_create(&server, NULL, storm_serve, NULL);
	for (intptr_t i = 0; i < STORM_SENDERS; i++)
		pthread_create(&storm.senders[i], NULL, storm_send, (void *)i);
	pthread_create(&signaller, NULL, storm_signal, NULL);
	pthread_join(signaller, NULL);
	for (int i = 0; i < STORM_SENDERS; i++)
		pthread_join(storm.senders[i], NULL);
	assert_ret(try_send(storm.channel, 0, ARRAY_SIZE(storm.executed)), 0);
	pthread_join(server, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(storm.sent); i++) {
		if (storm.sent[i] && storm.sent[i] != -EINTR)
			fail_msg("send %zu: %s", i, strerror(-storm.sent[i]));
		interrupted += storm.sent[i] == -EINTR;
		if (storm.executed[i] != 1)
			fail_msg("request %zu was executed %d times", i, storm.executed[i]);
		assert_ret(storm.replied[i], storm.sent[i] ? -ENOENT : 0);
	}
	print_message("# %d of %zu interrupted\n", interrupted, ARRAY_SIZE(storm.sent));
}

/* The sending process, which is killed or stopped. */
static int send_in_child(struct peer *p, void *arg)
{
	int ret;

	ret = try_send(*(int *)arg, 10, 1);
	peer_say(p, -ret);
	return 0;
}

static void killed_while_pending(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct peer *p = peer_start(f, send_in_child, &channel);

	peer_await_asleep(p, SEND);
	assert_depth(channel, 1);
	peer_kill(p);
	assert_depth(channel, 0);
	assert_empty(channel);
	start_send(f, channel, 0, 2);
	serve(channel, 0, 2);
}

static void killed_while_dispatched(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct peer *p = peer_start(f, send_in_child, &channel);
	uint64_t id;

	peer_await_asleep(p, SEND);
	id = take(channel, 10, 1);
	peer_kill(p);
	assert_int_equal(channel_info(channel, "dispatched"), 0);
	assert_ret(reply(channel, id), -ENOENT);
	assert_empty(channel);
}

#define VICTIMS 20

static void *send_for_ever(void *arg)
{
	try_send(*(int *)arg, 10, 1);
	return NULL;
}

static int run_many_senders(struct peer *p, void *arg)
{
	pthread_t thread;

	(void)p;
	for (int i = 0; i < VICTIMS; i++)
		CHECK(!pthread_create(&thread, NULL, send_for_ever, arg));
	pause();
	return 1;
}

static void killed_with_many_senders(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, VICTIMS + 1);
	struct peer *p = peer_start(f, run_many_senders, &channel);
	struct call *mine;
	uint64_t ids[VICTIMS / 2];

	await_info(channel, "depth", VICTIMS);
	for (int i = 0; i < VICTIMS / 2; i++)
		ids[i] = take(channel, 10, 1);
	mine = start_send(f, channel, 5, 2);
	peer_kill(p);
	assert_depth(channel, 1);
	assert_int_equal(channel_info(channel, "dispatched"), 0);
	for (int i = 0; i < VICTIMS / 2; i++)
		assert_ret(reply(channel, ids[i]), -ENOENT);
	serve(channel, 5, 2);
	assert_call(mine, 0);
}

/*
 * These signals have no handler, so a pending request is sent again; a dispatched one must not be.
 */
static void stopped_and_continued(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);

	for (int dispatched = 0; dispatched < 2; dispatched++) {
		struct peer *p = peer_start(f, send_in_child, &channel);
		int status;

		peer_await_asleep(p, SEND);
		if (dispatched)
			take(channel, 10, 1);
		kill(peer_pid(p), SIGSTOP);
		assert_int_equal(waitpid(peer_pid(p), &status, WUNTRACED), peer_pid(p));
		assert_true(WIFSTOPPED(status));
		assert_depth(channel, 0);
		kill(peer_pid(p), SIGCONT);
		if (!dispatched)
			assert_ret(reply(channel, take_by(channel, RECV, 10, 1)), 0);
		assert_int_equal(peer_hear(p), dispatched ? EINTR : 0);
		assert_peer_ok(p);
		assert_empty(channel);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(a_pending_one_is_withdrawn),
		CHANNEL_TEST(a_dispatched_one_is_interrupted),
		CHANNEL_TEST(a_pending_one_is_sent_again),
		CHANNEL_TEST(a_restart_is_a_new_call),
		CHANNEL_TEST(an_ignored_signal_is_no_signal),
		CHANNEL_TEST(a_reply_beats_a_later_signal),
		CHANNEL_TEST(a_reply_beats_an_earlier_signal),
		CHANNEL_TEST(a_receive_beats_an_earlier_signal),
		CHANNEL_TEST(never_executed_twice),
		CHANNEL_TEST(killed_while_pending),
		CHANNEL_TEST(killed_while_dispatched),
		CHANNEL_TEST(killed_with_many_senders),
		CHANNEL_TEST(stopped_and_continued),
	};

	return RUN(tests);
}
