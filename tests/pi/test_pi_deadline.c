// SPDX-License-Identifier: GPL-2.0-only
/*
 * SCHED_DEADLINE: a deadline task is above any boost, and as a waiter it boosts to the highest one.
 */
#include "futex.h"

static int set_own_attr(struct actor *a, void *attr)
{
	(void)a;
	return task_set_attr(0, *(struct task_attr *)attr);
}

static void deadline_owner_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_roaming(f, "holder", DEADLINE), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	actor_block_on(waiter, mutex);
	assert_unboosted(holder);
	end_contention(holder, waiter, mutex);
}

static void deadline_waiter_boosts_to_99(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_roaming(f, "waiter", DEADLINE);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	actor_block_on(waiter, mutex);
	assert_boosted(holder, 99);
	end_contention(holder, waiter, mutex);
}

static void becomes_deadline_while_boosted(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_roaming(f, "holder", NORMAL(0)), *waiter = actor_high(f);
	struct task_attr attr = DEADLINE;
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	assert_ret(actor_do(holder, set_own_attr, &attr), 0);
	assert_ret(task_get_state(holder->tid, &holder->unboosted), 0);
	holder->unboosted.attr.flags = 0;
	assert_int_equal(holder->unboosted.attr.policy, SCHED_DEADLINE);
	end_contention(holder, waiter, mutex);
}

/* ---- a deadline boost by the kernel's own inheritance ---- */

static int lock_futex(struct actor *a, void *arg)
{
	(void)a;
	(void)arg;
	return -pthread_mutex_lock(&pi_futex);
}

/*
 * @holder has a PI futex, and a deadline task waits for it: the kernel makes the holder a deadline
 * task.
 */
static void boost_to_deadline(struct actor *holder, struct actor *futex_waiter)
{
	init_pi_futex();
	assert_ret(actor_do(holder, lock_futex, NULL), 0);
	actor_tell(futex_waiter, lock_futex, NULL);
	for (unsigned int polls = 0; task_live_prio(holder->tid) != LIVE_DEADLINE; polls++)
		let_others_run(polls);
}

static void end_deadline_boost(struct actor *holder, struct actor *futex_waiter)
{
	assert_ret(actor_do(holder, unlock_pi_futex, NULL), 0);
	assert_ret(actor_finish(futex_waiter), 0);
	assert_ret(actor_do(futex_waiter, unlock_pi_futex, NULL), 0);
}

/* A holder, a waiter of its mutex, and a deadline task that is to wait for its futex. */
struct tasks {
	struct actor *holder, *waiter, *futex_waiter;
	int mutex;
};

static struct tasks new_tasks(struct fixture *f)
{
	return (struct tasks){
		.holder = actor_normal(f), .waiter = actor_high(f),
		.futex_waiter = actor_roaming(f, "futex waiter", DEADLINE),
		.mutex = new_mutex(f, 0, 0),
	};
}

/*
 * While the kernel's boost lasts nobody can change the task's parameters. Once it has ended the
 * task gets what it should have, without a call of its own.
 */
static void a_boost_ends_in_a_deadline_boost(void **state)
{
	struct fixture *f = *state;
	struct tasks t = new_tasks(f);

	only_ours(f, "no inheritance");
	contend(t.holder, t.waiter, t.mutex);
	boost_to_deadline(t.holder, t.futex_waiter);
	actor_interrupt(t.waiter);
	end_deadline_boost(t.holder, t.futex_waiter);
	until_looked_at(2);
	pi_assert_exact(f);
	assert_ret(actor_unlocks(t.holder, t.mutex), 0);
}

/* If it waits before the arbiter has scanned it, it gets its own parameters back there. */
static void the_next_wait_ends_it_at_once(void **state)
{
	struct fixture *f = *state;
	struct tasks t = new_tasks(f);
	long long looks;

	only_ours(f, "no inheritance");
	contend(t.holder, t.waiter, t.mutex);
	boost_to_deadline(t.holder, t.futex_waiter);
	actor_pass_mutex(t.holder, t.waiter, t.mutex);
	looks = looks_in_background();
	end_deadline_boost(t.holder, t.futex_waiter);
	actor_introduce(t.holder);
	/* After a scan in the background this would say nothing about the wait. */
	if (looks_in_background() == looks)
		assert_unboosted(t.holder);
	until_looked_at(2);
	pi_assert_exact(f);
}

static void a_boost_begins_in_a_deadline_boost(void **state)
{
	struct fixture *f = *state;
	struct tasks t = new_tasks(f);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(t.holder, t.mutex), 0);
	boost_to_deadline(t.holder, t.futex_waiter);
	actor_block_on(t.waiter, t.mutex);
	end_deadline_boost(t.holder, t.futex_waiter);
	until_looked_at(2);
	assert_boosted(t.holder, HIGH);
	end_contention(t.holder, t.waiter, t.mutex);
}

/*
 * A boost could not be set at first. A task that begins to wait when it can be set sets it, and does
 * not leave that to the recheck.
 */
static void a_waiter_sets_what_could_not_be_set(void **state)
{
	struct fixture *f = *state;
	struct tasks t = new_tasks(f);
	struct actor *first = actor_low(f, "first");

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(t.holder, t.mutex), 0);
	boost_to_deadline(t.holder, t.futex_waiter);
	actor_block_on(first, t.mutex);
	/* From now on the background tries once a second. */
	until_looked_at(3);
	end_deadline_boost(t.holder, t.futex_waiter);
	actor_block_on(t.waiter, t.mutex);
	assert_boosted(t.holder, HIGH);
	actor_pass_mutex(t.holder, t.waiter, t.mutex);
	actor_pass_mutex(t.waiter, first, t.mutex);
	assert_ret(actor_unlocks(first, t.mutex), 0);
}

/* The task exits while its boost could not be removed: the record must go all the same. */
static void the_task_ends_in_a_deadline_boost(void **state)
{
	struct fixture *f = *state;
	struct tasks t = new_tasks(f);

	only_ours(f, "no inheritance");
	contend(t.holder, t.waiter, t.mutex);
	boost_to_deadline(t.holder, t.futex_waiter);
	actor_interrupt(t.waiter);
	assert_ret(actor_do(t.holder, unlock_pi_futex, NULL), 0);
	actor_exit(t.holder);
	assert_ret(actor_finish(t.futex_waiter), 0);
	assert_ret(actor_do(t.futex_waiter, unlock_pi_futex, NULL), 0);
	until_looked_at(2);
	pi_assert_exact(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(deadline_owner_is_left_alone),
		PI_TEST(deadline_waiter_boosts_to_99),
		PI_TEST(becomes_deadline_while_boosted),
		PI_TEST(a_boost_ends_in_a_deadline_boost),
		PI_TEST(the_next_wait_ends_it_at_once),
		PI_TEST(a_boost_begins_in_a_deadline_boost),
		PI_TEST(a_waiter_sets_what_could_not_be_set),
		PI_TEST(the_task_ends_in_a_deadline_boost),
	};

	return RUN(tests);
}
