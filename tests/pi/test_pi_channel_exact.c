// SPDX-License-Identifier: GPL-2.0-only
/*
 * In whatever way a request ends, the task that inherited from it is as before, at once or within a
 * second.
 */
#include "channel.h"
#include "child.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- the client leaves ---- */

static void check_client_leaves(struct fixture *f, bool dispatched)
{
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	struct actor *minor = actor_client(f, "minor");
	int channel = pi_channel(f);

	actor_sends(minor, channel, 30);
	actor_receives(server, channel, minor);
	actor_sends(caller, channel, HIGH);
	if (dispatched)
		actor_drains(server, channel, caller);
	assert_boosted(server, HIGH);
	actor_interrupt(caller);
	assert_boosted(server, 30);
	if (dispatched)
		assert_ret(reply_here(channel, caller->entry), -ENOENT);
	actor_finds_nothing(server, channel);
	actor_answers(server, minor);
	pi_assert_exact(f);
}

static void client_is_interrupted(void **state)
{
	only_ours((struct fixture *)*state, "no channels");
	check_client_leaves(*state, false);
	check_client_leaves(*state, true);
}

static int send_interrupted(struct pi_child *p)
{
	pi_child_stop(p);
	CHECK(send_here(p->value, HIGH) == -EINTR);
	pi_child_stop(p);
	return 0;
}

static void pi_child_assert_sends(struct pi_child *p)
{
	while (!asleep_in(p->pid, p->tid, SEND)) {
		if (waitid(P_PID, p->pid, &(siginfo_t){ 0 }, WEXITED | WNOHANG | WNOWAIT))
			fail_msg("the child has gone");
		sleep_ms(1);
	}
}

/* @p's request must be pending already. */
static void receive_from_child(struct actor *server, int channel, struct pi_child *p)
{
	actor_receive(server, channel);
	assert_ret(actor_finish(server), 0);
	assert_int_equal(server->got.sender_tid, p->tid);
}

static void client_process_is_killed(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	actor_finds_nothing(server, channel);
	for (int dispatched = 0; dispatched < 2; dispatched++) {
		struct pi_child *p = pi_child_start(f, send_interrupted, 0, channel);

		pi_child_await(p);
		pi_child_go(p);
		pi_child_assert_sends(p);
		assert_boosted(server, HIGH);
		if (dispatched)
			receive_from_child(server, channel, p);
		assert_boosted(server, HIGH);
		pi_child_kill(p);
		pi_assert_exact(f);
		actor_finds_nothing(server, channel);
		if (dispatched)
			assert_ret(reply_here(channel, server->got.entry_id), -ENOENT);
	}
}

static struct pi_child *signaled_child;

static void post_signal(int sig)
{
	(void)sig;
	sem_post(&signaled_child->stopped);
}

static int send_with_restarts(struct pi_child *p)
{
	struct sigaction action = { .sa_handler = post_signal, .sa_flags = SA_RESTART };

	signaled_child = p;
	sigaction(SIGUSR1, &action, NULL);
	return send_interrupted(p);
}

/* A pending request is restarted; one that has been received is not. */
static void client_restarts_its_call(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server");
	int channel = pi_channel(f);
	struct pi_child *p;

	only_ours(f, "no channels");
	actor_finds_nothing(server, channel);
	p = pi_child_start(f, send_with_restarts, 0, channel);
	pi_child_await(p);
	pi_child_go(p);
	for (int i = 0; i < 3; i++) {
		pi_child_assert_sends(p);
		assert_boosted(server, HIGH);
		kill(p->pid, SIGUSR1);
		pi_child_await(p);
	}
	pi_child_assert_sends(p);
	receive_from_child(server, channel, p);
	assert_boosted(server, HIGH);
	kill(p->pid, SIGUSR1);
	pi_child_await(p);
	pi_child_await(p);
	pi_assert_exact(f);
	actor_finds_nothing(server, channel);
	pi_child_go(p);
	pi_child_assert_ok(p);
}

/* ---- the server leaves ---- */

static int receive_and_hold(struct pi_child *p)
{
	struct ntsync_channel_recv2_args got;

	CHECK(!receive_here(p->value, &got));
	pi_child_stop(p);
	return 0;
}

/* The server process has received a request, and another one is pending. */
static void check_server_ends(struct fixture *f, bool killed)
{
	struct actor *caller = actor_client(f, "caller"), *pending = actor_client(f, "pending");
	struct actor *successor = actor_low(f, "successor");
	int channel = pi_channel(f);
	struct pi_child *p;

	actor_sends(caller, channel, 60);
	p = pi_child_start(f, receive_and_hold, 0, channel);
	pi_child_await(p);
	pi_child_assert_boosted(p, 60);
	actor_sends(pending, channel, HIGH);
	pi_child_assert_boosted(p, HIGH);
	if (killed)
		pi_child_kill(p);
	else
		pi_child_go(p);
	assert_ret(actor_finish(caller), -ECONNRESET);
	assert_ret(actor_finish(pending), -EPIPE);
	if (!killed)
		pi_child_assert_ok(p);
	assert_true(arbiter_idle_soon());
	actor_send(pending, channel, HIGH);
	assert_ret(actor_finish(pending), -EPIPE);

	/* Once another process receives, the channel works again. */
	actor_parks(successor, channel);
	actor_sends(caller, channel, 60);
	actor_assert_got(successor, caller);
	assert_boosted(successor, 60);
	actor_answers(successor, caller);
	pi_assert_exact(f);
}

static void server_process_is_killed(void **state)
{
	only_ours((struct fixture *)*state, "no channels");
	check_server_ends(*state, true);
}

static void server_process_exits(void **state)
{
	only_ours((struct fixture *)*state, "no channels");
	check_server_ends(*state, false);
}

static int close_and_stay(struct pi_child *p)
{
	CHECK(!receive_and_hold(p));
	CHECK(!close(p->value));
	pi_child_stop(p);
	return 0;
}

/* The process goes on, without a boost. */
static void server_process_closes_its_descriptor(void **state)
{
	struct fixture *f = *state;
	struct actor *caller = actor_client(f, "caller"), *pending = actor_client(f, "pending");
	int channel = pi_channel(f);
	struct pi_child *p;

	only_ours(f, "no channels");
	actor_sends(caller, channel, 60);
	p = pi_child_start(f, close_and_stay, 0, channel);
	pi_child_await(p);
	actor_sends(pending, channel, HIGH);
	pi_child_assert_boosted(p, HIGH);
	pi_child_go(p);
	pi_child_await(p);
	assert_ret(actor_finish(caller), -ECONNRESET);
	assert_ret(actor_finish(pending), -EPIPE);
	pi_child_assert_unboosted(p);
	assert_true(arbiter_idle());
	pi_child_go(p);
	pi_child_assert_ok(p);
}

static int exec_and_stay(struct pi_child *p)
{
	char *const argv[] = { "test", "exec-helper", NULL };

	CHECK(!receive_and_hold(p));
	execv("/proc/self/exe", argv);
	return 1;
}

/* The new program shares no memory with the test: it says that it runs by stopping. */
static int stop_in_helper(void)
{
	raise(SIGSTOP);
	return 0;
}

/*
 * A process that has closed its descriptor can't receive any more, so nothing sent later may boost
 * it.
 */
static void a_process_that_let_go_is_not_boosted(void **state)
{
	static int (*const bodies[])(struct pi_child *p) = { close_and_stay, exec_and_stay };
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	struct actor *pending = actor_client(f, "pending");

	only_ours(f, "no channels");
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		int channel = pi_channel(f);
		struct pi_child *p = pi_child_start(f, bodies[i], 0, channel);
		bool execs = bodies[i] == exec_and_stay;

		actor_sends(caller, channel, 60);
		pi_child_await(p);
		actor_finds_nothing(server, channel);
		actor_sends(pending, channel, HIGH);
		pi_child_assert_boosted(p, HIGH);
		pi_child_go(p);
		assert_ret(actor_finish(caller), -ECONNRESET);
		if (execs)
			assert_int_equal(waitpid(p->pid, NULL, WUNTRACED), p->pid);
		else
			pi_child_await(p);
		pi_child_assert_unboosted(p);
		actor_sends(caller, channel, HIGH + 1);
		pi_child_assert_unboosted(p);
		assert_boosted(server, HIGH + 1);
		actor_receives(server, channel, caller);
		actor_answers(server, caller);
		actor_receives(server, channel, pending);
		actor_answers(server, pending);
		pi_assert_exact(f);
		if (execs)
			kill(p->pid, SIGCONT);
		else
			pi_child_go(p);
		pi_child_assert_ok(p);
	}
}

static int answer_and_close(struct pi_child *p)
{
	struct ntsync_channel_recv2_args got;

	CHECK(!receive_here(p->value, &got));
	CHECK(!reply_here(p->value, got.entry_id));
	pi_child_stop(p);
	CHECK(!close(p->value));
	pi_child_stop(p);
	return 0;
}

/*
 * It has no request that could end. Its boost comes from a pending one, which others can still
 * receive.
 */
static void it_has_no_request_when_it_lets_go(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	int channel = pi_channel(f);
	struct pi_child *p;

	only_ours(f, "no channels");
	p = pi_child_start(f, answer_and_close, 0, channel);
	actor_send(caller, channel, 60);
	pi_child_await(p);
	assert_ret(actor_finish(caller), 0);
	actor_finds_nothing(server, channel);
	actor_sends(caller, channel, HIGH);
	pi_child_assert_boosted(p, HIGH);
	pi_child_go(p);
	pi_child_await(p);
	pi_child_assert_unboosted(p);
	assert_boosted(server, HIGH);
	actor_receives(server, channel, caller);
	actor_answers(server, caller);
	pi_assert_exact(f);
	pi_child_go(p);
	pi_child_assert_ok(p);
}

/* Another process still receives: the pending request stays, and boosts that one. */
static void another_server_is_left(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	struct actor *pending = actor_client(f, "pending");
	int channel = pi_channel(f);
	struct pi_child *p;

	only_ours(f, "no channels");
	actor_finds_nothing(server, channel);
	p = pi_child_start(f, receive_and_hold, 0, channel);
	actor_sends(caller, channel, 60);
	pi_child_await(p);
	actor_sends(pending, channel, 70);
	pi_child_assert_boosted(p, 70);
	assert_boosted(server, 70);
	pi_child_kill(p);
	assert_ret(actor_finish(caller), -ECONNRESET);
	assert_boosted(server, 70);
	actor_receives(server, channel, pending);
	actor_answers(server, pending);
	assert_unboosted(server);
	assert_true(arbiter_idle_soon());
}

/* The process still receives, but requests that the exited thread had received are lost. */
static void server_thread_exits(void **state)
{
	struct fixture *f = *state;
	struct actor *gone = actor_low(f, "gone"), *stays = actor_low(f, "stays");
	struct actor *caller[2] = { actor_client(f, "c1"), actor_client(f, "c2") }, *pending;
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	pending = actor_client(f, "pending");
	actor_finds_nothing(stays, channel);
	for (int i = 0; i < 2; i++) {
		actor_sends(caller[i], channel, 60 + i);
		actor_receives(gone, channel, caller[i]);
	}
	actor_sends(pending, channel, 40);
	assert_boosted(stays, 40);
	actor_exit(gone);
	assert_ret(actor_finish(caller[0]), -ECONNRESET);
	assert_ret(actor_finish(caller[1]), -ECONNRESET);
	assert_boosted(stays, 40);
	actor_receives(stays, channel, pending);
	actor_answers(stays, pending);
	assert_true(arbiter_idle_soon());
	/* The channel still works. */
	actor_sends(pending, channel, 40);
	assert_boosted(stays, 40);
	actor_receives(stays, channel, pending);
	actor_answers(stays, pending);
}

/* ---- the channel goes ---- */

static void closed_with_requests_in_it(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *parked = actor_low(f, "parked");
	struct actor *caller = actor_client(f, "caller"), *pending = actor_client(f, "pending");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	actor_sends(caller, channel, 60);
	actor_receives(server, channel, caller);
	actor_sends(pending, channel, HIGH);
	assert_boosted(server, HIGH);
	close_fd(f, channel);
	assert_ret(actor_finish(caller), -ECONNRESET);
	assert_ret(actor_finish(pending), -EPIPE);
	pi_assert_exact(f);

	channel = pi_channel(f);
	actor_sends(caller, channel, 60);
	actor_receives(server, channel, caller);
	actor_parks(parked, channel);
	close_fd(f, channel);
	assert_ret(actor_finish(caller), -ECONNRESET);
	assert_ret(actor_finish(parked), -EBADF);
	pi_assert_exact(f);
}

/* The channel does not need the device's descriptor. */
static void device_is_closed(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	int dev = open_device(f), channel;

	only_ours(f, "no channels");
	channel = pi_channel_of(f, dev);
	actor_sends(caller, channel, 60);
	actor_receives(server, channel, caller);
	close_fd(f, dev);
	assert_boosted(server, 60);
	actor_answers(server, caller);
	pi_assert_exact(f);
}

/* ---- the server's own parameters ---- */

static const struct task_attr attrs[] = {
	{ .policy = SCHED_OTHER },
	{ .policy = SCHED_OTHER, .nice = -11 },
	{ .policy = SCHED_BATCH, .nice = 4 },
	{ .policy = SCHED_IDLE },
	{ .policy = SCHED_FIFO, .prio = 33 },
	{ .policy = SCHED_RR, .prio = 9 },
	{ .policy = SCHED_FIFO, .prio = 5, .flags = TASK_RESET_ON_FORK },
};

static void every_policy_comes_back(void **state)
{
	struct fixture *f = *state;
	struct actor *caller = actor_client(f, "caller");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		struct actor *server = actor_new(f, "server", attrs[i]);

		for (int n = 0; n < 3; n++) {
			actor_sends(caller, channel, HIGH);
			actor_receives(server, channel, caller);
			assert_boosted(server, HIGH);
			actor_answers(server, caller);
			assert_unboosted(server);
		}
		actor_exit(server);
	}
	pi_assert_exact(f);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(client_is_interrupted),
		PI_TEST(client_process_is_killed),
		PI_TEST(client_restarts_its_call),
		PI_TEST(server_process_is_killed),
		PI_TEST(server_process_exits),
		PI_TEST(server_process_closes_its_descriptor),
		PI_TEST(a_process_that_let_go_is_not_boosted),
		PI_TEST(it_has_no_request_when_it_lets_go),
		PI_TEST(another_server_is_left),
		PI_TEST(server_thread_exits),
		PI_TEST(closed_with_requests_in_it),
		PI_TEST(device_is_closed),
		PI_TEST(every_policy_comes_back),
	};

	if (argc == 2 && !strcmp(argv[1], "exec-helper"))
		return stop_in_helper();
	return RUN(tests);
}
