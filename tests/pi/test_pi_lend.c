// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loans: the borrower and all that it depends on have the priority of the highest lender, from when
 * LEND returns, and exactly what is left after UNLEND.
 */
#include "addr.h"
#include "channel.h"
#include "child.h"
#include "lend.h"
#include "tracefs.h"

#include <signal.h>

enum { MINOR = 20, MINOR_TOO = 30 };

/* The watchdog ends a test that waits for ever. */
static void await_policy(pid_t tid, unsigned int policy)
{
	struct task_attr attr;

	for (unsigned int polls = 0; !task_get_attr(tid, &attr) && attr.policy != policy; polls++)
		let_others_run(polls);
}

/* FIFO @prio, or 0: no real-time priority. */
static void await_prio(pid_t tid, unsigned int prio)
{
	struct task_attr attr;

	for (unsigned int polls = 0; !task_get_attr(tid, &attr) && attr.prio != prio; polls++)
		let_others_run(polls);
}

/* ---- one loan ---- */

static void raised_and_lowered(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_normal(f);

	need_loans(f);
	for (int i = 0; i < 3; i++) {
		actor_lends(lender, borrower);
		assert_boosted(borrower, HIGH);
		assert_true(arbiter_has(borrower->tid, "loan", SCHED_FIFO, HIGH));
		actor_unlends(lender);
		assert_unboosted(borrower);
		assert_true(arbiter_idle());
	}
}

static void a_higher_borrower_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_low(f, "lender"), *borrower = actor_high(f);

	need_loans(f);
	actor_lends(lender, borrower);
	assert_unboosted(borrower);
	actor_unlends(lender);
	assert_unboosted(borrower);
}

static void loans_are_traced(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_normal(f);
	char words[64], *text;

	need_loans(f);
	snprintf(words, sizeof(words), "borrower_tid=%d prio=%d", borrower->tid, HIGH);
	trace_begin();
	actor_lends(lender, borrower);
	actor_unlends(lender);
	text = trace_end();
	assert_true(traced_task(text, "ntsync_lend", lender->tid, words));
	snprintf(words, sizeof(words), "borrower_tid=%d prio=0", borrower->tid);
	assert_true(traced_task(text, "ntsync_unlend", lender->tid, words));
	free(text);
}

/* ---- a server behind a pipe ---- */

static void a_servers_client_is_not_held_up(void **state)
{
	struct fixture *f = *state;
	struct actor *client = actor_high(f), *server = actor_normal(f);
	struct pipe_server s;

	need_loans(f);
	pipe_server_init(f, &s, server);
	actor_tell(server, serve_by_pipe, &s);
	actor_tell(client, call_by_pipe, &s);
	hog_release();
	assert_not_held_up(client, 0);
	assert_ret(actor_finish(server), 0);
	assert_unboosted(server);
}

static void the_server_waits_for_a_mutex(void **state)
{
	struct fixture *f = *state;
	struct actor *client = actor_high(f), *server = actor_low(f, "server");
	struct actor *owner = actor_normal(f);
	struct pipe_server s;

	need_loans(f);
	pipe_server_init(f, &s, server);
	s.mutex = new_mutex(f, 0, 0);
	assert_ret(actor_locks(owner, s.mutex), 0);
	actor_tell(server, serve_by_pipe, &s);
	actor_tell(client, call_by_pipe, &s);
	actor_work_and_unlock(owner, s.mutex);
	hog_release();
	assert_not_held_up(client, 0);
	assert_ret(actor_finish(server), 0);
	assert_ret(actor_finish(owner), 0);
	assert_unboosted(server);
	assert_unboosted(owner);
}

/* RT thread, mutex, its owner in a call of a server; a mutex, its owner. */
static void check_lender_boosted_later(struct fixture *f, struct actor *holder, uint32_t flags)
{
	struct actor *waiter = actor_high(f), *server = actor_new(f, "server", NORMAL(0));
	struct actor *owner = actor_new(f, "owner", NORMAL(0));
	struct pipe_server s;

	pipe_server_init(f, &s, server);
	s.flags = flags;
	s.mutex = new_mutex(f, 0, 0);
	s.unlocks = new_mutex(f, 0, 0);
	assert_ret(actor_locks(owner, s.mutex), 0);
	assert_ret(actor_locks(holder, s.unlocks), 0);
	actor_tell(server, serve_by_pipe, &s);
	actor_tell(holder, call_by_pipe, &s);
	await_call(holder);
	actor_assert_asleep(server);
	actor_lock(waiter, s.unlocks);
	actor_work_and_unlock(owner, s.mutex);
	hog_release();
	assert_not_held_up(waiter, 0);
	assert_ret(actor_finish(holder), 0);
	assert_ret(actor_finish(server), 0);
	assert_ret(actor_finish(owner), 0);
	pi_assert_exact(f);
}

static void a_real_time_lender_is_boosted_later(void **state)
{
	struct fixture *f = *state;

	need_loans(f);
	check_lender_boosted_later(f, actor_low(f, "holder"), 0);
}

static void a_normal_lender_is_boosted_later(void **state)
{
	struct fixture *f = *state;

	need_loans(f);
	check_lender_boosted_later(f, actor_normal(f), LATER);
}

/* ---- what the borrower depends on ---- */

static void the_borrower_waits_already(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_low(f, "borrower");
	struct actor *owner = actor_normal(f);
	int mutex = new_mutex(f, 0, 0);

	need_loans(f);
	assert_ret(actor_locks(owner, mutex), 0);
	actor_block_on(borrower, mutex);
	assert_boosted(owner, LOW);
	actor_lends(lender, borrower);
	assert_boosted(borrower, HIGH);
	assert_boosted(owner, HIGH);
	actor_unlends(lender);
	assert_unboosted(borrower);
	assert_boosted(owner, LOW);
	actor_pass_mutex(owner, borrower, mutex);
}

static void the_borrower_waits_later(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_new(f, "borrower", NORMAL(0));
	struct actor *owner = actor_normal(f);
	int mutex = new_mutex(f, 0, 0);

	need_loans(f);
	assert_ret(actor_locks(owner, mutex), 0);
	actor_lends(lender, borrower);
	actor_block_on(borrower, mutex);
	assert_boosted(owner, HIGH);
	actor_pass_mutex(owner, borrower, mutex);
	assert_unboosted(owner);
	assert_boosted(borrower, HIGH);
	actor_unlends(lender);
	assert_unboosted(borrower);
}

static void the_borrower_sends_a_request(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_client(f, "borrower");
	struct actor *server = actor_low(f, "server");
	int channel = pi_channel(f);

	need_loans(f);
	actor_sends(borrower, channel, 0);
	actor_receives(server, channel, borrower);
	assert_unboosted(server);
	actor_lends(lender, borrower);
	assert_boosted(server, HIGH);
	actor_unlends(lender);
	assert_unboosted(server);
	actor_answers(server, borrower);
}

/* A sender whose request has no priority of its own verifies, too, once a second. */
static void a_server_is_lowered_from_outside(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_client(f, "borrower");
	struct actor *server = actor_new(f, "server", NORMAL(0));
	int channel = pi_channel(f);

	need_loans(f);
	actor_lends(lender, borrower);
	actor_sends(borrower, channel, 0);
	actor_receives(server, channel, borrower);
	assert_boosted(server, HIGH);
	assert_ret(task_set_attr(server->tid, NORMAL(5)), 0);
	server->unboosted.attr.nice = 5;
	await_policy(server->tid, SCHED_FIFO);
	assert_boosted(server, HIGH);
	actor_answers(server, borrower);
	assert_unboosted(server);
	actor_unlends(lender);
}

static void the_lender_serves_a_request(void **state)
{
	struct fixture *f = *state;
	struct actor *client = actor_client(f, "client"), *server = actor_low(f, "server");
	struct actor *borrower = actor_normal(f);
	int channel = pi_channel(f);

	need_loans(f);
	actor_lends(server, borrower);
	assert_boosted(borrower, LOW);
	actor_sends(client, channel, HIGH);
	assert_boosted(borrower, LOW);
	actor_receives(server, channel, client);
	assert_boosted(borrower, HIGH);
	actor_answers(server, client);
	assert_boosted(borrower, LOW);
	actor_unlends(server);
	assert_unboosted(borrower);
}

static void a_chain_of_loans(void **state)
{
	struct fixture *f = *state;
	struct actor *a[5] = { actor_high(f) };
	int mutex = new_mutex(f, 0, 0);

	need_loans(f);
	for (size_t i = 1; i < ARRAY_SIZE(a); i++)
		a[i] = actor_new(f, "in the chain", NORMAL(0));
	assert_ret(actor_locks(a[4], mutex), 0);
	actor_lends_later(a[2], a[3]);
	actor_lends_later(a[1], a[2]);
	actor_block_on(a[3], mutex);
	actor_lends(a[0], a[1]);
	for (size_t i = 1; i < ARRAY_SIZE(a); i++)
		assert_boosted(a[i], HIGH);
	actor_unlends(a[1]);
	assert_boosted(a[1], HIGH);
	for (size_t i = 2; i < ARRAY_SIZE(a); i++)
		assert_unboosted(a[i]);
	actor_lends(a[1], a[2]);
	assert_boosted(a[4], HIGH);
	actor_unlends(a[0]);
	pi_assert_exact(f);
	actor_pass_mutex(a[4], a[3], mutex);
	actor_unlends(a[1]);
	actor_unlends(a[2]);
}

/* ---- several ---- */

static void the_highest_of_several_counts(void **state)
{
	struct fixture *f = *state;
	struct actor *minor = actor_new(f, "minor", FIFO(MINOR)), *high = actor_high(f);
	struct actor *minor_too = actor_new(f, "minor too", FIFO(MINOR_TOO));
	struct actor *borrower = actor_normal(f);
	int mutex = new_mutex(f, 0, 0);

	need_loans(f);
	actor_lends(minor, borrower);
	actor_lends(high, borrower);
	actor_lends(minor_too, borrower);
	assert_boosted(borrower, HIGH);
	actor_unlends(high);
	assert_boosted(borrower, MINOR_TOO);
	actor_unlends(minor);
	assert_boosted(borrower, MINOR_TOO);
	actor_lends(minor, borrower);
	actor_unlends(minor_too);
	assert_boosted(borrower, MINOR);
	/* And a mutex. */
	assert_ret(actor_locks(borrower, mutex), 0);
	actor_block_on(high, mutex);
	assert_boosted(borrower, HIGH);
	actor_unlends(minor);
	assert_boosted(borrower, HIGH);
	assert_true(arbiter_has(borrower->tid, "mutex", SCHED_FIFO, HIGH));
	end_contention(borrower, high, mutex);
	assert_unboosted(borrower);
}

static void it_moves_from_one_to_another(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *one = actor_normal(f);
	struct actor *two = actor_new(f, "two", NORMAL(0));

	need_loans(f);
	for (int i = 0; i < 3; i++) {
		actor_lends(lender, one);
		assert_boosted(one, HIGH);
		assert_unboosted(two);
		actor_lends(lender, two);
		assert_boosted(two, HIGH);
		assert_unboosted(one);
	}
	actor_unlends(lender);
}

/* A contribution that is made again is not taken away in between. */
static void the_same_loan_again_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_normal(f);

	need_loans(f);
	trace_begin();
	for (int i = 0; i < 10; i++)
		actor_lends(lender, borrower);
	actor_unlends(lender);
	assert_prios(borrower->tid, HIGH, 0);
}

/* The lender's own priority drops, and it lends again: the borrower drops, too. */
static void the_same_loan_again_for_less(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_normal(f);

	need_loans(f);
	actor_lends(lender, borrower);
	assert_boosted(borrower, HIGH);
	actor_set_attr(lender, FIFO(LOW));
	actor_lends(lender, borrower);
	assert_boosted(borrower, LOW);
	actor_set_attr(lender, NORMAL(0));
	actor_lends_later(lender, borrower);
	assert_unboosted(borrower);
	actor_unlends(lender);
	assert_unboosted(borrower);
}

/* ---- the test changes the priority of a lender that sleeps in a call of the driver ---- */

static struct actor *lend_low(struct fixture *f, struct actor **borrower)
{
	struct actor *lender = actor_low(f, "lender");

	*borrower = actor_normal(f);
	actor_lends(lender, *borrower);
	assert_boosted(*borrower, LOW);
	return lender;
}

/* The lender sleeps. It verifies once a second. */
static void check_changed_in_sleep(struct actor *lender, struct actor *borrower)
{
	actor_set_attr(lender, FIFO(HIGH));
	await_prio(borrower->tid, HIGH);
	assert_boosted(borrower, HIGH);
	assert_unboosted(lender);
	actor_set_attr(lender, FIFO(MINOR));
	await_prio(borrower->tid, MINOR);
	assert_boosted(borrower, MINOR);
	actor_set_attr(lender, NORMAL(0));
	await_prio(borrower->tid, 0);
	assert_unboosted(borrower);
}

static void changed_in_a_wait_for_an_event(void **state)
{
	struct fixture *f = *state;
	struct actor *borrower, *lender;

	need_loans(f);
	lender = lend_low(f, &borrower);
	actor_block_on(lender, new_auto(f, false));
	check_changed_in_sleep(lender, borrower);
	actor_interrupt(lender);
	actor_unlends(lender);
}

static void changed_in_a_wait_for_all(void **state)
{
	struct fixture *f = *state;
	struct actor *borrower, *lender;

	need_loans(f);
	lender = lend_low(f, &borrower);
	actor_block(lender, ALL, ARGS(FDS(new_sem(f, 0, 1), new_auto(f, false)), .timeout = FOREVER));
	check_changed_in_sleep(lender, borrower);
	actor_interrupt(lender);
	actor_unlends(lender);
}

static void changed_in_a_receive(void **state)
{
	struct fixture *f = *state;
	struct actor *borrower, *lender;
	int channel = pi_channel(f);

	need_loans(f);
	lender = lend_low(f, &borrower);
	actor_parks(lender, channel);
	check_changed_in_sleep(lender, borrower);
	actor_interrupt(lender);
	actor_unlends(lender);
}

/* The request has no priority, and the loan has that of the sender. */
static void changed_in_a_send(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_new(f, "server", NORMAL(0)), *borrower, *lender;
	int channel = pi_channel(f);

	need_loans(f);
	lender = lend_low(f, &borrower);
	actor_sends(lender, channel, 0);
	actor_receives(server, channel, lender);
	check_changed_in_sleep(lender, borrower);
	assert_unboosted(server);
	actor_answers(server, lender);
	actor_unlends(lender);
}

static void changed_in_a_wait_on_an_address(void **state)
{
	struct fixture *f = *state;
	struct actor *borrower, *lender;
	static const int word;

	need_addresses(f);
	lender = lend_low(f, &borrower);
	actor_sleeps_on(lender, &word, 0, 0);
	check_changed_in_sleep(lender, borrower);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(lender), 0);
	actor_unlends(lender);
}

/* The borrower's own chain is verified with it. */
static void changed_at_the_head_of_a_chain(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", NORMAL(0)), *borrower, *lender;
	int mutex = new_mutex(f, 0, 0);

	need_loans(f);
	assert_ret(actor_locks(owner, mutex), 0);
	lender = lend_low(f, &borrower);
	actor_block_on(borrower, mutex);
	assert_boosted(owner, LOW);
	actor_block_on(lender, new_sem(f, 0, 1));
	actor_set_attr(lender, FIFO(HIGH));
	await_prio(owner->tid, HIGH);
	assert_boosted(borrower, HIGH);
	assert_boosted(owner, HIGH);
	actor_interrupt(lender);
	actor_unlends(lender);
	assert_unboosted(borrower);
	assert_unboosted(owner);
	actor_pass_mutex(owner, borrower, mutex);
}

/* No second passes: the lender verifies before it sleeps. */
static void changed_before_the_sleep(void **state)
{
	struct fixture *f = *state;
	struct actor *borrower, *lender;
	int event = new_auto(f, false);

	need_loans(f);
	lender = lend_low(f, &borrower);
	actor_set_attr(lender, FIFO(HIGH));
	assert_boosted(borrower, LOW);
	trace_begin();
	actor_block_on(lender, event);
	assert_boosted(borrower, HIGH);
	actor_interrupt(lender);
	assert_prios(borrower->tid, HIGH);
	actor_unlends(lender);
	assert_unboosted(borrower);
}

/* The lender has no priority left, but its loan contributes one. */
static void taken_away_before_the_sleep(void **state)
{
	struct fixture *f = *state;
	struct actor *borrower, *lender;

	need_loans(f);
	lender = lend_low(f, &borrower);
	actor_set_attr(lender, NORMAL(0));
	assert_boosted(borrower, LOW);
	actor_block_on(lender, new_auto(f, false));
	assert_unboosted(borrower);
	actor_interrupt(lender);
	actor_unlends(lender);
}

/* ---- circles ---- */

static void a_circle_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct actor *a[3], *source = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	need_loans(f);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		a[i] = actor_new(f, "in the circle", NORMAL(0));
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		actor_lends_later(a[i], a[(i + 1) % ARRAY_SIZE(a)]);
	assert_ret(actor_locks(a[0], mutex), 0);
	for (int times = 0; times < 3; times++) {
		actor_block_on(source, mutex);
		for (size_t i = 0; i < ARRAY_SIZE(a); i++)
			assert_boosted(a[i], HIGH);
		actor_interrupt(source);
		pi_assert_exact(f);
		actor_lends(source, a[1]);
		for (size_t i = 0; i < ARRAY_SIZE(a); i++)
			assert_boosted(a[i], HIGH);
		actor_unlends(source);
		pi_assert_exact(f);
	}
	assert_ret(actor_unlocks(a[0], mutex), 0);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		actor_unlends(a[i]);
}

/* The lender waits for a mutex of the borrower. */
static void lender_and_borrower_need_one_another(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_normal(f);
	int mutex = new_mutex(f, 0, 0);

	need_loans(f);
	assert_ret(actor_locks(borrower, mutex), 0);
	actor_lends(lender, borrower);
	actor_lends_later(borrower, lender);
	actor_block_on(lender, mutex);
	assert_boosted(borrower, HIGH);
	assert_unboosted(lender);
	actor_pass_mutex(borrower, lender, mutex);
	assert_boosted(borrower, HIGH);
	actor_unlends(lender);
	assert_unboosted(borrower);
	actor_unlends(borrower);
}

/* ---- deadline tasks ---- */

static void a_deadline_lender(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_roaming(f, "lender", DEADLINE), *borrower = actor_normal(f);

	need_loans(f);
	actor_lends(lender, borrower);
	assert_boosted(borrower, 99);
	actor_unlends(lender);
	assert_unboosted(borrower);
}

static void a_deadline_borrower(void **state)
{
	struct fixture *f = *state;
	struct actor *borrower = actor_roaming(f, "borrower", DEADLINE), *lender = actor_high(f);

	need_loans(f);
	actor_lends(lender, borrower);
	assert_unboosted(borrower);
	actor_unlends(lender);
	assert_unboosted(borrower);
}

/* ---- fork, exec, credentials ---- */

static int fork_unboosted_child(struct actor *a, void *unused)
{
	pid_t pid = fork();

	(void)a;
	(void)unused;
	if (!pid)
		_exit(check_not_boosted());
	return pid < 0 ? -errno : -child_finish(pid);
}

static void children_of_the_borrower(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_normal(f);

	need_loans(f);
	actor_lends(lender, borrower);
	assert_ret(actor_do(borrower, fork_unboosted_child, NULL), 0);
	assert_boosted(borrower, HIGH);
	actor_unlends(lender);
}

/* Neither its UNLEND nor its exit concerns the parent's loan. */
static int fork_child_that_unlends(struct actor *a, void *unused)
{
	pid_t pid = fork();

	(void)unused;
	if (!pid)
		_exit(nt(a->f->dev, NTSYNC_IOC_UNLEND, NULL) ? 1 : 0);
	return pid < 0 ? -errno : -child_finish(pid);
}

static void children_of_the_lender(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_normal(f);

	need_loans(f);
	actor_lends(lender, borrower);
	assert_ret(actor_do(lender, fork_child_that_unlends, NULL), 0);
	assert_boosted(borrower, HIGH);
	actor_unlends(lender);
	assert_unboosted(borrower);
}

static int exec_helper(struct pi_child *p)
{
	char told[16];

	snprintf(told, sizeof(told), "%d", p->value);
	fcntl(p->value, F_SETFD, 0);
	execl("/proc/self/exe", "/proc/self/exe", "exec-helper", told, NULL);
	return 1;
}

/* What the borrower executes. */
static int tell_and_stop(char **argv)
{
	if (write(atoi(argv[2]), "", 1) != 1)
		return 1;
	for (;;)
		pause();
}

static int stop_and_exec(struct pi_child *p)
{
	pi_child_stop(p);
	return exec_helper(p);
}

static void exec_of_the_borrower(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f);
	struct pi_child *borrower;
	int told[2];
	char c;

	need_loans(f);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	own_fd(f, told[0]);
	own_fd(f, told[1]);
	borrower = pi_child_start(f, stop_and_exec, 0, told[1]);
	pi_child_await(borrower);
	assert_ret(actor_lends_to(lender, borrower->tid, 0), 0);
	pi_child_go(borrower);
	assert_int_equal(read(told[0], &c, 1), 1);
	pi_child_assert_boosted(borrower, HIGH);
	actor_unlends(lender);
	pi_child_assert_unboosted(borrower);
	pi_child_kill(borrower);
}

static int stop_and_become_nobody(struct pi_child *p)
{
	pi_child_stop(p);
	CHECK(!drop_privilege(0));
	pi_child_stop(p);
	CHECK(!check_not_boosted());
	return 0;
}

static void setuid_of_the_borrower(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f);
	struct pi_child *borrower;

	need_loans(f);
	borrower = pi_child_start(f, stop_and_become_nobody, 0, 0);
	pi_child_await(borrower);
	assert_ret(actor_lends_to(lender, borrower->tid, 0), 0);
	pi_child_go(borrower);
	pi_child_await(borrower);
	pi_child_assert_boosted(borrower, HIGH);
	actor_unlends(lender);
	pi_child_assert_unboosted(borrower);
	pi_child_go(borrower);
	pi_child_assert_ok(borrower);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(raised_and_lowered),
		PI_TEST(a_higher_borrower_is_left_alone),
		PI_TEST(loans_are_traced),
		PI_TEST(a_servers_client_is_not_held_up),
		PI_TEST(the_server_waits_for_a_mutex),
		PI_TEST(a_real_time_lender_is_boosted_later),
		PI_TEST(a_normal_lender_is_boosted_later),
		PI_TEST(the_borrower_waits_already),
		PI_TEST(the_borrower_waits_later),
		PI_TEST(the_borrower_sends_a_request),
		PI_TEST(a_server_is_lowered_from_outside),
		PI_TEST(the_lender_serves_a_request),
		PI_TEST(a_chain_of_loans),
		PI_TEST(the_highest_of_several_counts),
		PI_TEST(it_moves_from_one_to_another),
		PI_TEST(the_same_loan_again_changes_nothing),
		PI_TEST(the_same_loan_again_for_less),
		PI_TEST(changed_in_a_wait_for_an_event),
		PI_TEST(changed_in_a_wait_for_all),
		PI_TEST(changed_in_a_receive),
		PI_TEST(changed_in_a_send),
		PI_TEST(changed_in_a_wait_on_an_address),
		PI_TEST(changed_at_the_head_of_a_chain),
		PI_TEST(changed_before_the_sleep),
		PI_TEST(taken_away_before_the_sleep),
		PI_TEST(a_circle_leaves_nothing),
		PI_TEST(lender_and_borrower_need_one_another),
		PI_TEST(a_deadline_lender),
		PI_TEST(a_deadline_borrower),
		PI_TEST(children_of_the_borrower),
		PI_TEST(children_of_the_lender),
		PI_TEST(exec_of_the_borrower),
		PI_TEST(setuid_of_the_borrower),
	};

	if (argc > 2 && !strcmp(argv[1], "exec-helper"))
		return tell_and_stop(argv);
	return RUN(tests);
}
