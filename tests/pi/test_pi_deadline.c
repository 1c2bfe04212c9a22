// SPDX-License-Identifier: GPL-2.0-only
/*
 * SCHED_DEADLINE: above all that can be lent, and in nobody's way.
 */
#include "inversion.h"

static int change_myself(struct actor *a, void *attr)
{
	(void)a;
	return task_set_attr(0, *(struct task_attr *)attr);
}

static struct task_attr deadline(void)
{
	return ATTR(.policy = SCHED_DEADLINE, .runtime = 20 * NS_PER_MS,
		    .deadline = 100 * NS_PER_MS, .period = 100 * NS_PER_MS);
}

static void deadline_owner_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_roaming(f, "holder", deadline()), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_base(holder);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_base(holder);
	assert_ret(actor_finish(waiter), 0);
}

static void deadline_waiter_lends_99(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_roaming(f, "waiter", deadline());
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_boosted(holder, 99);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_base(holder);
	assert_ret(actor_finish(waiter), 0);
}

static void becomes_deadline_while_boosted(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_roaming(f, "holder", NORMAL(0)), *waiter = actor_high(f);
	struct task_attr attr = deadline();
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	assert_ret(actor_do(holder, change_myself, &attr), 0);
	assert_ret(task_get_state(holder->tid, &holder->base), 0);
	holder->base.attr.flags = 0;
	assert_int_equal(holder->base.attr.policy, SCHED_DEADLINE);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_base(holder);
	assert_ret(actor_finish(waiter), 0);
}

/* ---- one that lends by way of the kernel ---- */

static pthread_mutex_t futex;

static int lock_futex(struct actor *a, void *arg)
{
	(void)a;
	(void)arg;
	return -pthread_mutex_lock(&futex);
}

static int unlock_futex(struct actor *a, void *arg)
{
	(void)a;
	(void)arg;
	return -pthread_mutex_unlock(&futex);
}

/* @holder has a PI futex, and a deadline task waits for that: the kernel makes it one. */
static void lend_deadline(struct actor *holder, struct actor *lender)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&futex, &attr);
	assert_ret(actor_do(holder, lock_futex, NULL), 0);
	actor_tell(lender, lock_futex, NULL);
	for (unsigned int looks = 0; task_live_prio(holder->tid) != LIVE_DEADLINE; looks++)
		let_others_run(looks);
}

static void take_deadline_back(struct actor *holder, struct actor *lender)
{
	assert_ret(actor_do(holder, unlock_futex, NULL), 0);
	assert_ret(actor_finish(lender), 0);
	assert_ret(actor_do(lender, unlock_futex, NULL), 0);
}

/*
 * Nobody can change the parameters of such a task. What it is to have it gets when that is
 * over, without doing anything for it.
 */
static void a_boost_ends_while_deadline_is_lent(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	struct actor *lender = actor_roaming(f, "lender", deadline());
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	lend_deadline(holder, lender);
	actor_interrupt(waiter);
	take_deadline_back(holder, lender);
	until_looked_at(2);
	stage_assert_exact(f);
	assert_ret(actor_unlocks(holder, mutex), 0);
}

/* Nor when its next wait begins. */
static void the_next_wait_ends_it_at_once(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	struct actor *lender = actor_roaming(f, "lender", deadline());
	int mutex = new_mutex(f, 0, 0);
	long long looks;

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	lend_deadline(holder, lender);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
	looks = looks_in_background();
	take_deadline_back(holder, lender);
	actor_introduce(holder);
	/* Not in the background, or this was no test. */
	if (looks_in_background() == looks)
		assert_base(holder);
	until_looked_at(2);
	stage_assert_exact(f);
}

static void a_boost_begins_while_deadline_is_lent(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	struct actor *lender = actor_roaming(f, "lender", deadline());
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	lend_deadline(holder, lender);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	take_deadline_back(holder, lender);
	until_looked_at(2);
	assert_boosted(holder, HIGH);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_base(holder);
	assert_ret(actor_finish(waiter), 0);
}

/* It ends for good, and is not forgotten, when the task ends instead. */
static void the_task_ends_while_deadline_is_lent(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	struct actor *lender = actor_roaming(f, "lender", deadline());
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	lend_deadline(holder, lender);
	actor_interrupt(waiter);
	assert_ret(actor_do(holder, unlock_futex, NULL), 0);
	actor_exit(holder);
	assert_ret(actor_finish(lender), 0);
	assert_ret(actor_do(lender, unlock_futex, NULL), 0);
	until_looked_at(2);
	stage_assert_exact(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(deadline_owner_is_left_alone),
		PI_TEST(deadline_waiter_lends_99),
		PI_TEST(becomes_deadline_while_boosted),
		PI_TEST(a_boost_ends_while_deadline_is_lent),
		PI_TEST(the_next_wait_ends_it_at_once),
		PI_TEST(a_boost_begins_while_deadline_is_lent),
		PI_TEST(the_task_ends_while_deadline_is_lent),
	};

	return RUN(tests);
}
