// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits on addresses: the task that was named last inherits from all that have named one, until a
 * wake.
 */
#include "addr.h"
#include "child.h"
#include "tracefs.h"

#include <signal.h>

enum { MINOR = 20, MINOR_TOO = 30 };

static int word, other_word;

/* ---- one waiter ---- */

static void the_owner_inherits(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *owner = actor_normal(f);

	need_addresses(f);
	for (int i = 0; i < 3; i++) {
		actor_sleeps(waiter, &word, owner);
		assert_boosted(owner, HIGH);
		assert_true(arbiter_has(owner->tid, "address", SCHED_FIFO, HIGH));
		wake_some(f, &other_word, 1, 0);
		assert_boosted(owner, HIGH);
		wake_some(f, &word, 1, 1);
		assert_ret(actor_finish(waiter), 0);
		assert_unboosted(owner);
		assert_true(arbiter_idle());
	}
}

static void a_waiter_that_leaves(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *owner = actor_normal(f);

	need_addresses(f);
	actor_sleeps(waiter, &word, owner);
	assert_boosted(owner, HIGH);
	actor_interrupt(waiter);
	assert_unboosted(owner);
}

static void a_waiter_that_names_nobody(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *minor = actor_new(f, "minor", FIFO(MINOR));
	struct actor *owner = actor_normal(f);

	need_addresses(f);
	actor_sleeps_on(waiter, &word, 0, 0);
	actor_sleeps(minor, &word, owner);
	assert_boosted(owner, MINOR);
	wake_some(f, &word, 2, 2);
	assert_ret(actor_finish(waiter), 0);
	assert_ret(actor_finish(minor), 0);
	/* Nor does one that comes later change anything. */
	actor_sleeps(minor, &word, owner);
	actor_sleeps_on(waiter, &word, 0, 0);
	assert_boosted(owner, MINOR);
	wake_some(f, &word, 2, 2);
	assert_ret(actor_finish(waiter), 0);
	assert_ret(actor_finish(minor), 0);
}

/* An owner that sleeps on its own key is not busy with it any more. */
static void the_owner_waits_too(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *owner = actor_normal(f);
	struct actor *other = actor_new(f, "other", NORMAL(0));

	need_addresses(f);
	actor_sleeps(waiter, &word, owner);
	assert_boosted(owner, HIGH);
	actor_sleeps_on(owner, &word, 0, 0);
	assert_unboosted(owner);
	/* Named again: it does not inherit from itself, and passes on what it has. */
	actor_sleeps(other, &word, owner);
	assert_boosted(owner, HIGH);
	assert_unboosted(other);
	wake_some(f, &word, 3, 3);
	assert_ret(actor_finish(waiter), 0);
	assert_ret(actor_finish(owner), 0);
	assert_ret(actor_finish(other), 0);
}

static void they_are_traced(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *owner = actor_normal(f);
	char words[64], *text;

	need_addresses(f);
	snprintf(words, sizeof(words), "prio=%d address=%p owner=%d", HIGH, (void *)&word,
		 owner->tid);
	trace_begin();
	actor_sleeps(waiter, &word, owner);
	wake_some(f, &word, 1, 1);
	text = trace_end();
	assert_ret(actor_finish(waiter), 0);
	assert_true(traced_task(text, "ntsync_addr_wait", waiter->tid, words));
	snprintf(words, sizeof(words), "address=%p woken=1", (void *)&word);
	assert_true(traced_task(text, "ntsync_addr_wake", gettid(), words));
	free(text);
}

/* ---- several ---- */

static void the_last_named_counts(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *minor = actor_new(f, "minor", FIFO(MINOR));
	struct actor *normal = actor_new(f, "normal", NORMAL(0));
	struct actor *first = actor_normal(f), *second = actor_new(f, "second", NORMAL(0));

	need_addresses(f);
	actor_sleeps(high, &word, first);
	assert_boosted(first, HIGH);
	actor_sleeps(minor, &word, second);
	assert_unboosted(first);
	assert_boosted(second, HIGH);
	/* By a waiter that has no priority of its own. */
	actor_sleeps(normal, &word, first);
	assert_unboosted(second);
	assert_boosted(first, HIGH);
	assert_unboosted(normal);
	actor_interrupt(high);
	assert_boosted(first, MINOR);
	actor_interrupt(minor);
	assert_unboosted(first);
	actor_interrupt(normal);
}

/* A task of a low priority names one, which is then as urgent as the others. */
static void a_normal_task_names_another(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *normal = actor_new(f, "normal", NORMAL(0));
	struct actor *first = actor_normal(f), *second = actor_new(f, "second", NORMAL(0));
	struct actor *waiter = actor_new(f, "waiter", FIFO(MINOR));
	int mutex = new_mutex(f, 0, 0);

	need_addresses(f);
	assert_ret(actor_locks(second, mutex), 0);
	actor_sleeps(high, &word, first);
	actor_sleeps(normal, &word, second);
	assert_unboosted(normal);
	assert_boosted(second, HIGH);
	actor_lock(waiter, mutex);
	actor_work_and_unlock(second, mutex);
	hog_release();
	assert_ret(actor_finish(second), 0);
	assert_boosted(second, HIGH);
	assert_ret(actor_finish(waiter), 0);
	assert_ret(actor_unlocks(waiter, mutex), 0);
	wake_some(f, &word, 2, 2);
	assert_ret(actor_finish(high), 0);
	assert_ret(actor_finish(normal), 0);
}

static void the_next_best_counts(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *owner = actor_normal(f);
	struct actor *minor = actor_new(f, "minor", FIFO(MINOR));
	struct actor *minor_too = actor_new(f, "minor too", FIFO(MINOR_TOO));

	need_addresses(f);
	/* The first one carries the key. */
	actor_sleeps(high, &word, owner);
	actor_sleeps(minor, &word, owner);
	actor_sleeps(minor_too, &word, owner);
	assert_boosted(owner, HIGH);
	actor_interrupt(high);
	assert_boosted(owner, MINOR_TOO);
	actor_interrupt(minor_too);
	assert_boosted(owner, MINOR);
	actor_sleeps(high, &word, owner);
	assert_boosted(owner, HIGH);
	actor_interrupt(minor);
	assert_boosted(owner, HIGH);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(high), 0);
}

static void a_wake_leaves_no_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *owner = actor_normal(f);
	struct actor *minor = actor_new(f, "minor", FIFO(MINOR));

	need_addresses(f);
	actor_sleeps(minor, &word, owner);
	actor_sleeps(high, &word, owner);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(high), 0);
	assert_unboosted(owner);
	assert_true(arbiter_idle());
	/* The next one to name it does so for all. */
	actor_sleeps(high, &word, owner);
	assert_boosted(owner, HIGH);
	actor_interrupt(high);
	assert_boosted(owner, MINOR);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(minor), 0);
}

static bool is_fifo(struct actor *a, int prio)
{
	struct task_attr attr;

	return !task_get_attr(a->tid, &attr) && attr.policy == SCHED_FIFO && (int)attr.prio == prio;
}

/* The others depend on the task that was woken, if it loses its own priority. */
static void the_woken_task_takes_over(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *owner = actor_normal(f);
	struct actor *minor = actor_new(f, "minor", FIFO(MINOR));

	need_addresses(f);
	actor_sleeps_on(minor, &word, owner->tid, TAKE_OVER);
	actor_sleeps_on(high, &word, owner->tid, TAKE_OVER);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(high), 0);
	assert_unboosted(owner);
	assert_unboosted(high);
	assert_ret(task_set_attr(high->tid, NORMAL(0)), 0);
	/* The driver is not told; the sleeper looks once a second. */
	for (unsigned int polls = 0; !is_fifo(high, MINOR); polls++)
		let_others_run(polls);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(minor), 0);
	assert_ret(task_set_attr(high->tid, FIFO(HIGH)), 0);
}

/*
 * As drawn in docs/lending.md: W is normal and inherits from R. It is woken, and R gives up. Q's
 * priority has to be with W.
 */
static void what_was_inherited_ends(void **state)
{
	struct fixture *f = *state;
	struct actor *w = actor_new(f, "w", NORMAL(0)), *owner = actor_normal(f);
	struct actor *r = actor_high(f), *q = actor_new(f, "q", FIFO(HOG + 5));
	int mutex = new_mutex(f, 0, 0);

	need_addresses(f);
	assert_ret(actor_locks(w, mutex), 0);
	actor_sleeps_on(w, &word, owner->tid, TAKE_OVER);
	actor_sleeps_on(q, &word, owner->tid, TAKE_OVER);
	actor_block_on(r, mutex);
	assert_boosted(w, HIGH);
	assert_boosted(owner, HIGH);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(w), 0);
	assert_unboosted(owner);
	assert_boosted(w, HIGH);
	actor_interrupt(r);
	assert_boosted(w, HOG + 5);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(q), 0);
	assert_unboosted(w);
	assert_ret(actor_unlocks(w, mutex), 0);
}

/* ---- chains ---- */

static void the_owner_waits_for_a_mutex(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *owner = actor_low(f, "owner");
	struct actor *last = actor_normal(f);
	int mutex = new_mutex(f, 0, 0);

	need_addresses(f);
	assert_ret(actor_locks(last, mutex), 0);
	actor_block_on(owner, mutex);
	actor_sleeps(waiter, &word, owner);
	assert_boosted(owner, HIGH);
	assert_boosted(last, HIGH);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(waiter), 0);
	assert_unboosted(owner);
	assert_boosted(last, LOW);
	actor_pass_mutex(last, owner, mutex);
}

/* A chain of keys, made from its end. */
static void a_chain_of_keys(void **state)
{
	static int words[4];
	struct fixture *f = *state;
	struct actor *a[5] = { actor_high(f) };

	need_addresses(f);
	for (size_t i = 1; i < ARRAY_SIZE(a); i++)
		a[i] = actor_new(f, "in the chain", NORMAL(0));
	for (size_t i = 3; i; i--)
		actor_sleeps(a[i], &words[i], a[i + 1]);
	actor_sleeps(a[0], &words[0], a[1]);
	for (size_t i = 1; i < ARRAY_SIZE(a); i++)
		assert_boosted(a[i], HIGH);
	wake_some(f, &words[1], 1, 1);
	assert_ret(actor_finish(a[1]), 0);
	assert_boosted(a[1], HIGH);
	for (size_t i = 2; i < ARRAY_SIZE(a); i++)
		assert_unboosted(a[i]);
	actor_interrupt(a[0]);
	assert_unboosted(a[1]);
	actor_interrupt(a[2]);
	actor_interrupt(a[3]);
}

static void a_circle_of_keys(void **state)
{
	static int words[3];
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *a[3];

	need_addresses(f);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		a[i] = actor_new(f, "in the circle", NORMAL(0));
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		actor_sleeps(a[i], &words[i], a[(i + 1) % ARRAY_SIZE(a)]);
	actor_sleeps(high, &words[2], a[0]);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		assert_boosted(a[i], HIGH);
	actor_interrupt(high);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		assert_unboosted(a[i]);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		actor_interrupt(a[i]);
}

/* The waiter is raised, and lowered, while it sleeps. */
static void the_waiter_inherits_later(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *waiter = actor_new(f, "waiter", NORMAL(0));
	struct actor *minor = actor_new(f, "minor", FIFO(MINOR)), *owner = actor_normal(f);
	int mutex = new_mutex(f, 0, 0);

	need_addresses(f);
	assert_ret(actor_locks(waiter, mutex), 0);
	actor_sleeps(minor, &word, owner);
	actor_sleeps(waiter, &word, owner);
	assert_boosted(owner, MINOR);
	actor_block_on(high, mutex);
	assert_boosted(owner, HIGH);
	actor_interrupt(high);
	assert_boosted(owner, MINOR);
	/* It is the first in the queue as long as it inherits. */
	actor_block_on(high, mutex);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(waiter), 0);
	actor_assert_asleep_in(minor, ADDR_WAIT);
	actor_pass_mutex(waiter, high, mutex);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(minor), 0);
}

/* ---- the end of a task ---- */

static void the_owner_exits(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *owner = actor_normal(f);
	struct actor *other = actor_new(f, "other", NORMAL(0));
	struct actor *minor = actor_new(f, "minor", FIFO(MINOR));
	pid_t tid = owner->tid;

	need_addresses(f);
	actor_sleeps(waiter, &word, owner);
	actor_exit(owner);
	assert_true(arbiter_idle_soon());
	assert_ret(addr_wait_here(f->dev, &word, word, tid, 0), -ESRCH);
	actor_sleeps(minor, &word, other);
	assert_boosted(other, HIGH);
	wake_some(f, &word, 2, 2);
	assert_ret(actor_finish(waiter), 0);
	assert_ret(actor_finish(minor), 0);
}

/* Waits in the shared memory, and names the task whose id is the word. */
static int child_sleeps(struct pi_child *p)
{
	CHECK(!task_set_attr(0, FIFO(HIGH)));
	addr_wait_here(p->f->dev, &p->value, p->value, p->value, SHARED);
	return 1;
}

static void await_child_asleep(struct pi_child *p)
{
	while (!asleep_in(p->pid, p->pid, ADDR_WAIT))
		sleep_ms(1);
}

static void a_killed_waiter(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_normal(f), *minor = actor_new(f, "minor", FIFO(MINOR));
	struct pi_child *p;

	need_addresses(f);
	p = pi_child_start(f, child_sleeps, 0, owner->tid);
	await_child_asleep(p);
	actor_sleeps_on(minor, &p->value, owner->tid, SHARED);
	assert_boosted(owner, HIGH);
	pi_child_kill(p);
	assert_boosted(owner, MINOR);
	assert_ret(addr_wake_here(f->dev, &p->value, 9, SHARED), 1);
	assert_ret(actor_finish(minor), 0);
}

/* ---- other users ---- */

/*
 * A process of nobody, of FIFO MINOR. @owner is a child of its own. It names root's task, which it
 * must not; and then its own one, when it is told to.
 */
static int nobody_sleeps(struct pi_child *p)
{
	pid_t pid;

	CHECK(!drop_privilege(MINOR));
	pid = fork();
	while (!pid)
		pause();
	CHECK(!task_set_attr(0, FIFO(MINOR)));
	p->owner = (uint32_t)pid;
	CHECK(addr_wait_here(p->f->dev, &p->value, p->value, p->value, SHARED) == -EPERM);
	pi_child_stop(p);
	CHECK(!addr_wait_here(p->f->dev, &p->value, p->value, pid, SHARED | TAKE_OVER));
	CHECK(!kill(pid, SIGKILL));
	CHECK(child_finish(pid) == 128 + SIGKILL);
	return 0;
}

static int prio_of(pid_t tid)
{
	struct task_attr attr;

	assert_ret(task_get_attr(tid, &attr), 0);
	return (int)attr.prio;
}

static void who_names_first_decides(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *owner = actor_normal(f);
	struct pi_child *p;

	need_addresses(f);
	p = pi_child_start(f, nobody_sleeps, 0, owner->tid);
	pi_child_await(p);
	actor_sleeps_on(high, &p->value, owner->tid, SHARED);
	pi_child_go(p);
	await_child_asleep(p);
	assert_boosted(owner, HIGH);
	assert_int_equal(prio_of((pid_t)p->owner), 0);
	assert_ret(addr_wake_here(f->dev, &p->value, 1, SHARED), 1);
	assert_ret(actor_finish(high), 0);
	assert_unboosted(owner);
	assert_ret(addr_wake_here(f->dev, &p->value, 1, SHARED), 1);
	pi_child_assert_ok(p);
}

static void another_user_named_first(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *owner = actor_normal(f);
	struct pi_child *p;

	need_addresses(f);
	p = pi_child_start(f, nobody_sleeps, 0, owner->tid);
	pi_child_await(p);
	pi_child_go(p);
	await_child_asleep(p);
	assert_int_equal(prio_of((pid_t)p->owner), MINOR);
	actor_sleeps_on(high, &p->value, owner->tid, SHARED);
	assert_unboosted(owner);
	assert_int_equal(prio_of((pid_t)p->owner), MINOR);
	assert_ret(addr_wake_here(f->dev, &p->value, 1, SHARED), 1);
	assert_ret(actor_finish(high), 0);
	assert_ret(addr_wake_here(f->dev, &p->value, 1, SHARED), 1);
	pi_child_assert_ok(p);
}

/* Of two waiters that take over the one of another user does not. */
static void another_user_does_not_take_over(void **state)
{
	struct fixture *f = *state;
	struct actor *low = actor_low(f, "low"), *owner = actor_normal(f);
	struct pi_child *p;

	need_addresses(f);
	p = pi_child_start(f, nobody_sleeps, 0, owner->tid);
	pi_child_await(p);
	actor_sleeps_on(low, &p->value, owner->tid, SHARED);
	pi_child_go(p);
	await_child_asleep(p);
	assert_boosted(owner, LOW);
	/* The child is woken, of FIFO MINOR; nobody is the owner then. */
	assert_ret(addr_wake_here(f->dev, &p->value, 1, SHARED), 1);
	assert_unboosted(owner);
	assert_true(arbiter_idle());
	pi_child_assert_ok(p);
	assert_ret(addr_wake_here(f->dev, &p->value, 1, SHARED), 1);
	assert_ret(actor_finish(low), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(the_owner_inherits),
		PI_TEST(a_waiter_that_leaves),
		PI_TEST(a_waiter_that_names_nobody),
		PI_TEST(the_owner_waits_too),
		PI_TEST(they_are_traced),
		PI_TEST(the_last_named_counts),
		PI_TEST(a_normal_task_names_another),
		PI_TEST(the_next_best_counts),
		PI_TEST(a_wake_leaves_no_owner),
		PI_TEST(the_woken_task_takes_over),
		PI_TEST(what_was_inherited_ends),
		PI_TEST(the_owner_waits_for_a_mutex),
		PI_TEST(a_chain_of_keys),
		PI_TEST(a_circle_of_keys),
		PI_TEST(the_waiter_inherits_later),
		PI_TEST(the_owner_exits),
		PI_TEST(a_killed_waiter),
		PI_TEST(who_names_first_decides),
		PI_TEST(another_user_named_first),
		PI_TEST(another_user_does_not_take_over),
	};

	return RUN(tests);
}
