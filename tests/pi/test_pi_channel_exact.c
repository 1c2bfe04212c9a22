// SPDX-License-Identifier: GPL-2.0-only
/* However a request ends, whoever inherited from it is as before, at once or within a second. */
#include "channel.h"
#include "child.h"

#include <signal.h>
#include <sys/wait.h>

static struct actor *client(struct fixture *f, const char *name)
{
	return actor_new(f, name, NORMAL(0));
}

/* Death is noticed within a second; on a busy machine it may take longer. */
static bool arbiter_idle_soon(void)
{
	int tries = 1000;

	while (tries-- && arbiter_has_records())
		usleep(10000);
	return arbiter_idle();
}

/* ---- the client leaves ---- */

static void check_client_leaves(struct fixture *f, bool dispatched)
{
	struct actor *server = actor_low(f, "server"), *caller = client(f, "caller");
	struct actor *minor = client(f, "minor");
	int channel = stage_channel(f);

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
	stage_assert_exact(f);
}

static void client_is_interrupted(void **state)
{
	only_ours((struct fixture *)*state, "no channels");
	check_client_leaves(*state, false);
	check_client_leaves(*state, true);
}

static int send_in_vain(struct partner *p)
{
	partner_stop(p);
	CHECK(send_here(p->value, HIGH) == -EINTR);
	partner_stop(p);
	return 0;
}

static void partner_assert_sends(struct partner *p)
{
	while (!asleep_in(p->pid, p->tid, SEND)) {
		if (waitid(P_PID, p->pid, &(siginfo_t){ 0 }, WEXITED | WNOHANG | WNOWAIT))
			fail_msg("the partner has gone");
		sleep_ms(1);
	}
}

/* It receives what @p has sent, if that is there already. */
static void receives_from(struct actor *server, int channel, struct partner *p)
{
	actor_receive(server, channel);
	assert_ret(actor_finish(server), 0);
	assert_int_equal(server->got.sender_tid, p->tid);
}

static void client_process_is_killed(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server");
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	actor_finds_nothing(server, channel);
	for (int dispatched = 0; dispatched < 2; dispatched++) {
		struct partner *p = partner_start(f, send_in_vain, 0, channel);

		partner_await(p);
		partner_go(p);
		partner_assert_sends(p);
		assert_boosted(server, HIGH);
		if (dispatched)
			receives_from(server, channel, p);
		assert_boosted(server, HIGH);
		partner_kill(p);
		stage_assert_exact(f);
		actor_finds_nothing(server, channel);
		if (dispatched)
			assert_ret(reply_here(channel, server->got.entry_id), -ENOENT);
	}
}

static struct partner *signalled;

static void say_so(int sig)
{
	(void)sig;
	sem_post(&signalled->stopped);
}

static int send_with_restarts(struct partner *p)
{
	struct sigaction action = { .sa_handler = say_so, .sa_flags = SA_RESTART };

	signalled = p;
	sigaction(SIGUSR1, &action, NULL);
	return send_in_vain(p);
}

/* What is pending begins anew; what has been dispatched does not. */
static void client_restarts_its_call(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server");
	int channel = stage_channel(f);
	struct partner *p;

	only_ours(f, "no channels");
	actor_finds_nothing(server, channel);
	p = partner_start(f, send_with_restarts, 0, channel);
	partner_await(p);
	partner_go(p);
	for (int i = 0; i < 3; i++) {
		partner_assert_sends(p);
		assert_boosted(server, HIGH);
		kill(p->pid, SIGUSR1);
		partner_await(p);
	}
	partner_assert_sends(p);
	receives_from(server, channel, p);
	assert_boosted(server, HIGH);
	kill(p->pid, SIGUSR1);
	partner_await(p);
	partner_await(p);
	stage_assert_exact(f);
	actor_finds_nothing(server, channel);
	partner_go(p);
	partner_assert_ok(p);
}

/* ---- the server leaves ---- */

static int receive_and_hold(struct partner *p)
{
	struct ntsync_channel_recv2_args got;

	CHECK(!receive_here(p->value, &got));
	partner_stop(p);
	return 0;
}

/* With its dispatched requests in hand, and another pending. */
static void server_process_ends(struct fixture *f, bool killed)
{
	struct actor *caller = client(f, "caller"), *pending = client(f, "pending");
	struct actor *successor = actor_low(f, "successor");
	int channel = stage_channel(f);
	struct partner *p;

	actor_sends(caller, channel, 60);
	p = partner_start(f, receive_and_hold, 0, channel);
	partner_await(p);
	partner_assert_boosted(p, 60);
	actor_sends(pending, channel, HIGH);
	partner_assert_boosted(p, HIGH);
	if (killed)
		partner_kill(p);
	else
		partner_go(p);
	assert_ret(actor_finish(caller), -ECONNRESET);
	assert_ret(actor_finish(pending), -EPIPE);
	if (!killed)
		partner_assert_ok(p);
	assert_true(arbiter_idle_soon());
	actor_send(pending, channel, HIGH);
	assert_ret(actor_finish(pending), -EPIPE);

	/* And with somebody who receives it works again. */
	actor_parks(successor, channel);
	actor_sends(caller, channel, 60);
	actor_assert_got(successor, caller);
	assert_boosted(successor, 60);
	actor_answers(successor, caller);
	stage_assert_exact(f);
}

static void server_process_is_killed(void **state)
{
	only_ours((struct fixture *)*state, "no channels");
	server_process_ends(*state, true);
}

static void server_process_exits(void **state)
{
	only_ours((struct fixture *)*state, "no channels");
	server_process_ends(*state, false);
}

static int close_and_stay(struct partner *p)
{
	CHECK(!receive_and_hold(p));
	CHECK(!close(p->value));
	partner_stop(p);
	return 0;
}

/* It lives on, as it was. */
static void server_process_closes_its_descriptor(void **state)
{
	struct fixture *f = *state;
	struct actor *caller = client(f, "caller"), *pending = client(f, "pending");
	int channel = stage_channel(f);
	struct partner *p;

	only_ours(f, "no channels");
	actor_sends(caller, channel, 60);
	p = partner_start(f, close_and_stay, 0, channel);
	partner_await(p);
	actor_sends(pending, channel, HIGH);
	partner_assert_boosted(p, HIGH);
	partner_go(p);
	partner_await(p);
	assert_ret(actor_finish(caller), -ECONNRESET);
	assert_ret(actor_finish(pending), -EPIPE);
	partner_assert_base(p);
	assert_true(arbiter_idle());
	partner_go(p);
	partner_assert_ok(p);
}

static int exec_and_stay(struct partner *p)
{
	char *const argv[] = { "test", "exec-helper", NULL };

	CHECK(!receive_and_hold(p));
	execv("/proc/self/exe", argv);
	return 1;
}

/* Says that it is there by stopping: it has no other descriptor, and no memory of ours. */
static int exec_helper(void)
{
	raise(SIGSTOP);
	return 0;
}

/* With it has gone the right to be boosted: it can't receive what is sent from now on. */
static void who_has_let_go_is_not_boosted(void **state)
{
	static int (*const bodies[])(struct partner *p) = { close_and_stay, exec_and_stay };
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = client(f, "caller");
	struct actor *pending = client(f, "pending");

	only_ours(f, "no channels");
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		int channel = stage_channel(f);
		struct partner *p = partner_start(f, bodies[i], 0, channel);
		bool execs = bodies[i] == exec_and_stay;

		actor_sends(caller, channel, 60);
		partner_await(p);
		actor_finds_nothing(server, channel);
		actor_sends(pending, channel, HIGH);
		partner_assert_boosted(p, HIGH);
		partner_go(p);
		assert_ret(actor_finish(caller), -ECONNRESET);
		if (execs)
			assert_int_equal(waitpid(p->pid, NULL, WUNTRACED), p->pid);
		else
			partner_await(p);
		partner_assert_base(p);
		actor_sends(caller, channel, HIGH + 1);
		partner_assert_base(p);
		assert_boosted(server, HIGH + 1);
		actor_receives(server, channel, caller);
		actor_answers(server, caller);
		actor_receives(server, channel, pending);
		actor_answers(server, pending);
		stage_assert_exact(f);
		if (execs)
			kill(p->pid, SIGCONT);
		else
			partner_go(p);
		partner_assert_ok(p);
	}
}

static int answer_and_close(struct partner *p)
{
	struct ntsync_channel_recv2_args got;

	CHECK(!receive_here(p->value, &got));
	CHECK(!reply_here(p->value, got.entry_id));
	partner_stop(p);
	CHECK(!close(p->value));
	partner_stop(p);
	return 0;
}

/* Nothing ends by that: it was boosted by what others are to receive now. */
static void it_has_no_request_when_it_lets_go(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = client(f, "caller");
	int channel = stage_channel(f);
	struct partner *p;

	only_ours(f, "no channels");
	p = partner_start(f, answer_and_close, 0, channel);
	actor_send(caller, channel, 60);
	partner_await(p);
	assert_ret(actor_finish(caller), 0);
	actor_finds_nothing(server, channel);
	actor_sends(caller, channel, HIGH);
	partner_assert_boosted(p, HIGH);
	partner_go(p);
	partner_await(p);
	partner_assert_base(p);
	assert_boosted(server, HIGH);
	actor_receives(server, channel, caller);
	actor_answers(server, caller);
	stage_assert_exact(f);
	partner_go(p);
	partner_assert_ok(p);
}

/* Others go on receiving: what was pending is theirs, and boosts them. */
static void another_server_is_left(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = client(f, "caller");
	struct actor *pending = client(f, "pending");
	int channel = stage_channel(f);
	struct partner *p;

	only_ours(f, "no channels");
	actor_finds_nothing(server, channel);
	p = partner_start(f, receive_and_hold, 0, channel);
	actor_sends(caller, channel, 60);
	partner_await(p);
	actor_sends(pending, channel, 70);
	partner_assert_boosted(p, 70);
	assert_boosted(server, 70);
	partner_kill(p);
	assert_ret(actor_finish(caller), -ECONNRESET);
	assert_boosted(server, 70);
	actor_receives(server, channel, pending);
	actor_answers(server, pending);
	assert_base(server);
	assert_true(arbiter_idle_soon());
}

/* The process goes on receiving, but the requests of the thread that has gone are lost. */
static void server_thread_exits(void **state)
{
	struct fixture *f = *state;
	struct actor *gone = actor_low(f, "gone"), *stays = actor_low(f, "stays");
	struct actor *caller[2] = { client(f, "c1"), client(f, "c2") }, *pending;
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	pending = client(f, "pending");
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
	/* The channel is as good as before. */
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
	struct actor *caller = client(f, "caller"), *pending = client(f, "pending");
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	actor_sends(caller, channel, 60);
	actor_receives(server, channel, caller);
	actor_sends(pending, channel, HIGH);
	assert_boosted(server, HIGH);
	close_fd(f, channel);
	assert_ret(actor_finish(caller), -ECONNRESET);
	assert_ret(actor_finish(pending), -EPIPE);
	stage_assert_exact(f);

	channel = stage_channel(f);
	actor_sends(caller, channel, 60);
	actor_receives(server, channel, caller);
	actor_parks(parked, channel);
	close_fd(f, channel);
	assert_ret(actor_finish(caller), -ECONNRESET);
	assert_ret(actor_finish(parked), -EBADF);
	stage_assert_exact(f);
}

/* The device's own descriptor plays no part in it. */
static void device_is_closed(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = client(f, "caller");
	int dev = open_device(f), channel;

	only_ours(f, "no channels");
	channel = foreign_channel(f, dev);
	actor_sends(caller, channel, 60);
	actor_receives(server, channel, caller);
	close_fd(f, dev);
	assert_boosted(server, 60);
	actor_answers(server, caller);
	stage_assert_exact(f);
}

/* ---- what a server was before ---- */

static const struct task_attr bases[] = {
	{ .policy = SCHED_OTHER },
	{ .policy = SCHED_OTHER, .nice = -11 },
	{ .policy = SCHED_BATCH, .nice = 4 },
	{ .policy = SCHED_IDLE },
	{ .policy = SCHED_FIFO, .prio = 33 },
	{ .policy = SCHED_RR, .prio = 9 },
	{ .policy = SCHED_FIFO, .prio = 5, .flags = TASK_RESET_ON_FORK },
};

static void every_base_comes_back(void **state)
{
	struct fixture *f = *state;
	struct actor *caller = client(f, "caller");
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		struct actor *server = actor_new(f, "server", bases[i]);

		for (int n = 0; n < 3; n++) {
			actor_sends(caller, channel, HIGH);
			actor_receives(server, channel, caller);
			assert_boosted(server, HIGH);
			actor_answers(server, caller);
			assert_base(server);
		}
		actor_exit(server);
	}
	stage_assert_exact(f);
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
		PI_TEST(who_has_let_go_is_not_boosted),
		PI_TEST(it_has_no_request_when_it_lets_go),
		PI_TEST(another_server_is_left),
		PI_TEST(server_thread_exits),
		PI_TEST(closed_with_requests_in_it),
		PI_TEST(device_is_closed),
		PI_TEST(every_base_comes_back),
	};

	if (argc == 2 && !strcmp(argv[1], "exec-helper"))
		return exec_helper();
	return RUN(tests);
}
