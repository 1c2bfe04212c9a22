// SPDX-License-Identifier: GPL-2.0-only
/* The holder of a mutex runs with the highest priority of those that wait for it. */
#include "futex.h"

#include <signal.h>

#define CHAIN 12

static void features(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	assert_true(f->features & NTSYNC_FEATURE_MUTEX_PI);
	assert_true(f->features & NTSYNC_FEATURE_EVENT_SET_PI);
}

static void taken_by_a_wait(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0);
	struct actor *holder = actor_low(f, "holder");

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	check_inversion(f, holder, mutex);
}

static void taken_by_a_wait_all(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0), event = new_manual(f, true);
	struct actor *holder = actor_low(f, "holder");

	only_ours(f, "no inheritance");
	actor_wait(holder, ALL, ARGS(FDS(event, mutex)));
	assert_ret(actor_finish(holder), 0);
	check_inversion(f, holder, mutex);
}

static void taken_as_an_alert(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);
	struct actor *holder = actor_low(f, "holder");

	only_ours(f, "no inheritance");
	actor_wait(holder, ANY, ARGS(FDS(event), .alert = mutex));
	assert_ret(actor_finish(holder), 0);
	check_inversion(f, holder, mutex);
}

static void wanted_as_an_alert(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);
	struct actor *holder = actor_low(f, "holder"), *waiter = actor_high(f);

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		assert_ret(actor_locks(holder, mutex), 0);
		actor_block(waiter, requests[i],
			   ARGS(FDS(event), .alert = mutex, .timeout = FOREVER));
		assert_boosted(holder, HIGH);
		actor_pass_mutex(holder, waiter, mutex);
		assert_unboosted(holder);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

static int create_owned(struct actor *a, void *arg)
{
	struct ntsync_mutex_args args = { .owner = a->owner, .count = 1 };

	(void)arg;
	return nt(a->f->dev, NTSYNC_IOC_CREATE_MUTEX, &args);
}

static void created_owned_by_a_known_creator(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder");
	int mutex;

	only_ours(f, "no inheritance");
	actor_introduce(holder);
	mutex = own_fd(f, actor_do(holder, create_owned, NULL));
	check_inversion(f, holder, mutex);
}

/* A server creates mutexes for others: the creator is not the owner, and must not be boosted. */
static void created_for_another(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *creator = actor_low(f, "creator");
	struct actor *waiter = actor_high(f);
	int mutex;

	only_ours(f, "no inheritance");
	actor_introduce(creator);
	actor_introduce(holder);
	/* The test's thread creates it. Of the holder the driver only knows the owner id. */
	mutex = new_mutex(f, holder->owner, 1);
	actor_block_on(waiter, mutex);
	assert_boosted(holder, HIGH);
	assert_unboosted(creator);
	actor_pass_mutex(holder, waiter, mutex);
	assert_ret(actor_unlocks(waiter, mutex), 0);
	mutex = new_mutex(f, holder->owner, 1);
	check_inversion(f, holder, mutex);
}

/* The driver learns whose id it is while a waiter is asleep already. */
static void owner_learnt_while_others_wait(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *waiter = actor_high(f);
	int mutex = new_mutex(f, holder->owner, 1);

	only_ours(f, "no inheritance");
	actor_block_on(waiter, mutex);
	actor_introduce(holder);
	assert_boosted(holder, HIGH);
	actor_pass_mutex(holder, waiter, mutex);
	assert_unboosted(holder);
}

struct refused_args {
	int mutex;
	int event;
	uint32_t owner;
};

/* Calls with another task's owner id, each of which is refused. */
static int make_refused_calls(struct actor *a, void *arg)
{
	const struct refused_args *args = arg;
	struct ntsync_mutex_args unlock = { .owner = args->owner };
	uint32_t owner = args->owner;

	(void)a;
	return nt(args->event, NTSYNC_IOC_MUTEX_UNLOCK, &unlock) == -EINVAL &&
	       nt(args->mutex, NTSYNC_IOC_MUTEX_KILL, &owner) == -EPERM &&
	       nt(args->mutex, NTSYNC_IOC_MUTEX_UNLOCK, &unlock) == -EPERM ? 0 : -EPROTO;
}

/* Once the driver knows the holder from its own wait, once from its owner id alone. */
static void a_refused_call_teaches_nothing(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *other = actor_low(f, "other");
	struct actor *waiter = actor_high(f);
	struct refused_args args = { .mutex = new_mutex(f, 0, 0), .event = new_auto(f, false),
			       .owner = holder->owner };

	only_ours(f, "no inheritance");
	actor_introduce(holder);
	for (int created = 0; created < 2; created++) {
		int mutex = new_mutex(f, created ? holder->owner : 0, created);

		if (!created)
			assert_ret(actor_locks(holder, mutex), 0);
		assert_ret(actor_do(other, make_refused_calls, &args), 0);
		actor_block_on(waiter, mutex);
		assert_ret(actor_do(other, make_refused_calls, &args), 0);
		assert_unboosted(other);
		assert_boosted(holder, HIGH);
		actor_pass_mutex(holder, waiter, mutex);
	}
}

/* The next holder has been given the mutex, and has not run since. */
static void handed_over_by_a_releaser(void **state)
{
	struct fixture *f = *state;
	struct actor *first = actor_low(f, "first"), *next = actor_low(f, "next"), *waiter;
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(first, mutex), 0);
	actor_block_on(next, mutex);
	waiter = actor_high(f);
	unlock(mutex, first->owner, 1);
	assert_mutex(mutex, next->owner, 1);
	assert_false(actor_finished(next));
	actor_lock(waiter, mutex);
	hog_release();
	/* It leaves its wait, boosted by the waiter, and would then work. */
	assert_not_held_up(next, 0);
	actor_assert_asleep(waiter);
	assert_boosted(next, HIGH);
	assert_unboosted(first);
	actor_pass_mutex(next, waiter, mutex);
	assert_unboosted(next);
}

/*
 * The higher one waits for all of two objects and can't get the other one, so the lower one gets
 * the mutex.
 */
static void handed_over_while_a_higher_one_waits(void **state)
{
	struct fixture *f = *state;
	struct actor *first = actor_low(f, "first"), *next = actor_low(f, "next");
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 0, 1);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(first, mutex), 0);
	actor_block_on(next, mutex);
	actor_block(waiter, ALL, ARGS(FDS(mutex, sem), .timeout = FOREVER));
	assert_boosted(first, HIGH);
	unlock(mutex, first->owner, 1);
	hog_release();
	assert_not_held_up(next, 0);
	assert_unboosted(first);
	assert_boosted(next, HIGH);
	assert_ret(actor_unlocks(next, mutex), 0);
	assert_unboosted(next);
	release(sem, 1, 0);
	assert_ret(actor_finish(waiter), 0);
}

static void a_higher_waiter_comes_later(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *waiter = actor_high(f);
	struct actor *middle = actor_new(f, "middle", FIFO(30));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	actor_block_on(middle, mutex);
	assert_boosted(holder, 30);
	actor_block_on(waiter, mutex);
	assert_boosted(holder, HIGH);
	assert_true(arbiter_has(holder->tid, "mutex", SCHED_FIFO, HIGH));
	end_contention(holder, waiter, mutex);
	assert_unboosted(waiter);
	actor_pass_mutex(waiter, middle, mutex);
}

/* Of a mutex that was locked several times only the last unlock ends the boost. */
static void recursion(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	assert_ret(actor_locks(holder, mutex), 0);
	actor_block_on(waiter, mutex);
	assert_ret(actor_locks(holder, mutex), 0);
	for (int i = 0; i < 3; i++) {
		assert_boosted(holder, HIGH);
		assert_ret(actor_unlocks(holder, mutex), 0);
	}
	assert_unboosted(holder);
	assert_ret(actor_finish(waiter), 0);
}

/* A waiter that is not real-time boosts nobody, whatever its nice value is. */
static void normal_waiters_boost_nobody(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_new(f, "holder", NORMAL(10));
	struct actor *waiter = actor_new(f, "waiter", NORMAL(-20));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	actor_block_on(waiter, mutex);
	assert_unboosted(holder);
	assert_true(arbiter_idle());
	actor_pass_mutex(holder, waiter, mutex);
}

/* A holder above its waiter keeps its policy and priority. */
static void never_lowered(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_new(f, "holder", ATTR(.policy = SCHED_RR, .prio = 60));
	struct actor *waiter = actor_new(f, "waiter", FIFO(40));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	actor_block_on(waiter, mutex);
	assert_unboosted(holder);
	actor_pass_mutex(holder, waiter, mutex);
}

/* ---- several mutexes ---- */

#define OWNERS 3

struct owned_mutexes {
	struct actor *owner[OWNERS];
	int mutex[OWNERS];
};

#define ALL_OWNED(all) ARGS(.objs = (uintptr_t)(all).mutex, .count = OWNERS, .timeout = FOREVER)

static struct owned_mutexes new_owned_mutexes(struct fixture *f)
{
	static const char *const names[] = { "first", "second", "third" };
	struct owned_mutexes all;

	for (int i = 0; i < OWNERS; i++) {
		all.owner[i] = actor_low(f, names[i]);
		all.mutex[i] = new_mutex(f, 0, 0);
		assert_ret(actor_locks(all.owner[i], all.mutex[i]), 0);
	}
	return all;
}

static void wait_any_over_three(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	struct owned_mutexes all;

	only_ours(f, "no inheritance");
	for (int first = 0; first < OWNERS; first++) {
		all = new_owned_mutexes(f);
		actor_block(waiter, ANY, ALL_OWNED(all));
		for (int i = 0; i < OWNERS; i++)
			assert_boosted(all.owner[i], HIGH);
		actor_pass_mutex(all.owner[first], waiter, all.mutex[first]);
		assert_int_equal(waiter->wait.index, first);
		pi_assert_exact(f);
	}
}

static void check_not_held_up(struct fixture *f, unsigned long request)
{
	struct actor *waiter = actor_high(f);
	struct owned_mutexes all = new_owned_mutexes(f);

	only_ours(f, "no inheritance");
	actor_wait(waiter, request, ALL_OWNED(all));
	for (int i = 0; i < OWNERS; i++)
		actor_work_and_unlock(all.owner[i], all.mutex[i]);
	hog_release();
	assert_not_held_up(waiter, 0);
	for (int i = 0; i < OWNERS; i++)
		assert_ret(actor_finish(all.owner[i]), 0);
}

static void wait_any_is_not_held_up(void **state)
{
	check_not_held_up(*state, ANY);
}

static void wait_all_is_not_held_up(void **state)
{
	check_not_held_up(*state, ALL);
}

static void wait_all_boosts_those_it_lacks(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	struct owned_mutexes all = new_owned_mutexes(f);

	only_ours(f, "no inheritance");
	actor_block(waiter, ALL, ALL_OWNED(all));
	for (int i = 0; i < OWNERS; i++) {
		for (int k = i; k < OWNERS; k++)
			assert_boosted(all.owner[k], HIGH);
		assert_ret(actor_unlocks(all.owner[i], all.mutex[i]), 0);
		assert_unboosted(all.owner[i]);
	}
	assert_ret(actor_finish(waiter), 0);
}

/* A task acquires a mutex that a queued wait for all of several objects still wants. */
static void wait_all_boosts_a_later_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *late = actor_low(f, "late");
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 0, 1);

	only_ours(f, "no inheritance");
	actor_block(waiter, ALL, ARGS(FDS(mutex, sem), .timeout = FOREVER));
	assert_ret(actor_locks(late, mutex), 0);
	assert_boosted(late, HIGH);
	assert_ret(actor_unlocks(late, mutex), 0);
	assert_unboosted(late);
	release(sem, 1, 0);
	assert_ret(actor_finish(waiter), 0);
}

/* ---- chains ---- */

/* Each task holds one mutex and, but for the last, waits for the next one. */
struct link {
	int own, next;
};

struct chain {
	struct actor *task[CHAIN];
	struct link link[CHAIN];
};

static int lock_next_and_unlock(struct actor *a, void *arg)
{
	struct link *link = arg;
	int ret = lock_and_unlock_here(a, link->next);

	return ret ? ret : unlock_here(a, link->own);
}

static void make_chain(struct fixture *f, struct chain *c)
{
	static const char *const names[CHAIN] = { "t0", "t1", "t2", "t3", "t4", "t5",
						  "t6", "t7", "t8", "t9", "t10", "t11" };

	for (int i = 0; i < CHAIN; i++) {
		c->task[i] = i % 2 ? actor_new(f, names[i], NORMAL(i)) : actor_low(f, names[i]);
		c->link[i].own = new_mutex(f, 0, 0);
		assert_ret(actor_locks(c->task[i], c->link[i].own), 0);
	}
	for (int i = 0; i < CHAIN - 1; i++)
		c->link[i].next = c->link[i + 1].own;
}

static void block_link(struct chain *c, int i)
{
	actor_tell(c->task[i], lock_next_and_unlock, &c->link[i]);
	actor_assert_asleep(c->task[i]);
}

static void check_chain(struct chain *c, struct actor *waiter)
{
	for (int i = 0; i < CHAIN; i++)
		assert_boosted(c->task[i], HIGH);
	actor_work_and_unlock(c->task[CHAIN - 1], c->link[CHAIN - 1].own);
	hog_release();
	assert_not_held_up(waiter, 0);
	for (int i = 0; i < CHAIN; i++) {
		assert_ret(actor_finish(c->task[i]), 0);
		assert_unboosted(c->task[i]);
	}
}

static void chain_blocked_first(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	struct chain c;

	only_ours(f, "no inheritance");
	make_chain(f, &c);
	for (int i = 0; i < CHAIN - 1; i++)
		block_link(&c, i);
	actor_block_on(waiter, c.link[0].own);
	check_chain(&c, waiter);
}

static void chain_blocked_from_its_end(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	struct chain c;

	only_ours(f, "no inheritance");
	make_chain(f, &c);
	for (int i = CHAIN - 2; i >= 0; i--)
		block_link(&c, i);
	actor_block_on(waiter, c.link[0].own);
	check_chain(&c, waiter);
}

static void chain_boosted_first(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	struct chain c;

	only_ours(f, "no inheritance");
	make_chain(f, &c);
	actor_block_on(waiter, c.link[0].own);
	for (int i = 0; i < CHAIN - 1; i++) {
		assert_boosted(c.task[i], HIGH);
		block_link(&c, i);
	}
	check_chain(&c, waiter);
}

/* The task in the middle waits for all or any of several mutexes. */
static void chain_through_several_objects(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *middle = actor_low(f, "middle");
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t r = 0; r < ARRAY_SIZE(requests); r++) {
		struct owned_mutexes all = new_owned_mutexes(f);

		assert_ret(actor_locks(middle, mutex), 0);
		actor_block(middle, requests[r], ALL_OWNED(all));
		actor_block_on(waiter, mutex);
		for (int i = 0; i < OWNERS; i++)
			assert_boosted(all.owner[i], HIGH);
		for (int i = 0; i < OWNERS; i++)
			assert_ret(actor_unlocks(all.owner[i], all.mutex[i]), 0);
		assert_ret(actor_finish(middle), 0);
		actor_pass_mutex(middle, waiter, mutex);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		pi_assert_exact(f);
	}
}

/* A task in the chain leaves its wait, and only what is behind it loses the boost. */
static void chain_is_cut(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *a = actor_low(f, "a"), *b = actor_low(f, "b");
	int first = new_mutex(f, 0, 0), second = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(a, first), 0);
	assert_ret(actor_locks(b, second), 0);
	actor_block_on(a, second);
	actor_block_on(waiter, first);
	assert_boosted(b, HIGH);
	actor_interrupt(a);
	assert_unboosted(b);
	assert_boosted(a, HIGH);
	actor_pass_mutex(a, waiter, first);
	assert_unboosted(a);
}

/* A boosted waiter overtakes those before it in the queue. */
static void boost_moves_in_the_queue(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *boosted = actor_low(f, "boosted");
	struct actor *other = actor_new(f, "other", FIFO(40)), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0), wanted = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	assert_ret(actor_locks(boosted, wanted), 0);
	actor_block_on(boosted, mutex);
	actor_block_on(other, mutex);
	actor_block_on(waiter, wanted);
	unlock(mutex, holder->owner, 1);
	assert_mutex(mutex, boosted->owner, 1);
	assert_ret(actor_finish(boosted), 0);
	assert_boosted(boosted, HIGH);
	assert_ret(actor_unlocks(boosted, wanted), 0);
	assert_boosted(boosted, 40);
	actor_pass_mutex(boosted, other, mutex);
	assert_ret(actor_finish(waiter), 0);
}

/* A cycle is a deadlock, but the driver must not loop in it, and signals undo it. */
static void a_cycle_ends(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *task[3];
	int mutex[3];

	only_ours(f, "no inheritance");
	for (int i = 0; i < 3; i++) {
		task[i] = actor_low(f, "in a cycle");
		mutex[i] = new_mutex(f, 0, 0);
		assert_ret(actor_locks(task[i], mutex[i]), 0);
	}
	for (int i = 0; i < 3; i++)
		actor_block_on(task[i], mutex[(i + 1) % 3]);
	actor_block_on(waiter, mutex[0]);
	for (int i = 0; i < 3; i++)
		assert_boosted(task[i], HIGH);
	actor_interrupt(waiter);
	for (int i = 0; i < 3; i++)
		actor_interrupt(task[i]);
}

/* ---- a PI futex in the middle ---- */

/* The actor holds a mutex of the driver's and waits for the futex. */
static int lock_futex_and_unlock(struct actor *a, void *mutex)
{
	int ret = lock_pi_futex_here();

	if (!ret)
		ret = -pthread_mutex_unlock(&pi_futex);
	return ret ? ret : unlock_here(a, *(int *)mutex);
}

static int work_and_unlock_futex(struct actor *a, void *arg)
{
	work_here();
	return unlock_pi_futex(a, arg);
}

/* The actor holds the futex and waits for a mutex of the driver's. */
static int lock_mutex_and_unlock_futex(struct actor *a, void *mutex)
{
	int ret = lock_and_unlock_here(a, *(int *)mutex);

	return ret ? ret : -pthread_mutex_unlock(&pi_futex);
}

/* A waiter blocked in the futex shows in the priority of its holder, if that is lower. */
static void await_live_prio(struct actor *a, int prio)
{
	while (task_live_prio(a->tid) != prio)
		sleep_ms(1);
}

static void chain_ends_in_a_futex(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *middle = actor_low(f, "middle");
	struct actor *end = actor_new(f, "end", FIFO(LOW - 1));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	init_pi_futex();
	assert_ret(actor_locks(middle, mutex), 0);
	assert_ret(actor_do(end, lock_pi_futex, NULL), 0);
	actor_tell(middle, lock_futex_and_unlock, &mutex);
	await_live_prio(end, LOW);
	actor_lock(waiter, mutex);
	actor_tell(end, work_and_unlock_futex, NULL);
	hog_release();
	assert_not_held_up(waiter, 0);
	assert_ret(actor_finish(end), 0);
	assert_ret(actor_finish(middle), 0);
	assert_int_equal(task_live_prio(end->tid), LOW - 1);
}

static void chain_through_a_futex(void **state)
{
	struct fixture *f = *state;
	struct actor *before = actor_low(f, "before"), *behind = actor_low(f, "behind");
	struct actor *waiter = actor_high(f);
	struct actor *middle = actor_new(f, "middle", FIFO(LOW - 1));
	int mutex = new_mutex(f, 0, 0), last = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	init_pi_futex();
	assert_ret(actor_locks(before, mutex), 0);
	assert_ret(actor_locks(behind, last), 0);
	assert_ret(actor_do(middle, lock_pi_futex, NULL), 0);
	actor_tell(before, lock_futex_and_unlock, &mutex);
	await_live_prio(middle, LOW);
	actor_block_on(waiter, mutex);
	assert_int_equal(task_live_prio(middle->tid), HIGH);
	actor_tell(middle, lock_mutex_and_unlock_futex, &last);
	actor_assert_asleep(middle);
	assert_boosted(behind, HIGH);
	actor_work_and_unlock(behind, last);
	hog_release();
	assert_not_held_up(waiter, 0);
	assert_ret(actor_finish(behind), 0);
	assert_ret(actor_finish(middle), 0);
	assert_ret(actor_finish(before), 0);
	assert_int_equal(task_live_prio(middle->tid), LOW - 1);
}

/* ---- several devices ---- */

static void two_devices_boost_one_task(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *waiter = actor_high(f);
	struct actor *other_waiter = actor_new(f, "other", FIFO(60));
	struct other_device other = open_other_device(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (int order = 0; order < 2; order++) {
		assert_ret(actor_locks(holder, mutex), 0);
		assert_ret(actor_do(holder, lock_on_other_device, &other), 0);
		actor_tell(other_waiter, lock_on_other_device, &other);
		actor_assert_asleep(other_waiter);
		assert_boosted(holder, 60);
		actor_block_on(waiter, mutex);
		assert_boosted(holder, HIGH);
		assert_ret(actor_unlocks(holder, order ? other.mutex : mutex), 0);
		assert_boosted(holder, order ? HIGH : 60);
		assert_ret(actor_unlocks(holder, order ? mutex : other.mutex), 0);
		assert_unboosted(holder);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_finish(other_waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		assert_ret(actor_unlocks(other_waiter, other.mutex), 0);
	}
}

static void chain_across_devices(void **state)
{
	struct fixture *f = *state;
	struct actor *middle = actor_low(f, "middle"), *end = actor_low(f, "end");
	struct actor *waiter = actor_high(f);
	struct other_device other = open_other_device(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (int boosted_first = 0; boosted_first < 2; boosted_first++) {
		assert_ret(actor_locks(middle, mutex), 0);
		assert_ret(actor_do(end, lock_on_other_device, &other), 0);
		for (int i = 0; i < 2; i++) {
			if (i == boosted_first)
				actor_tell(middle, lock_on_other_device, &other);
			else
				actor_lock(waiter, mutex);
			actor_assert_asleep(i == boosted_first ? middle : waiter);
		}
		assert_boosted(end, HIGH);
		actor_pass_mutex(end, middle, other.mutex);
		assert_unboosted(end);
		actor_pass_mutex(middle, waiter, mutex);
		assert_ret(actor_unlocks(middle, other.mutex), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

/* The same owner id means different tasks on different devices. */
static void owner_ids_belong_to_a_device(void **state)
{
	struct fixture *f = *state;
	struct actor *here = actor_low(f, "here"), *there = actor_low(f, "there");
	struct actor *waiter = actor_high(f);
	struct other_device other = open_other_device(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	there->owner = here->owner;
	assert_ret(actor_locks(here, mutex), 0);
	assert_ret(actor_do(there, lock_on_other_device, &other), 0);
	actor_block_on(waiter, mutex);
	assert_boosted(here, HIGH);
	assert_unboosted(there);
	actor_pass_mutex(here, waiter, mutex);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(features),
		PI_TEST(taken_by_a_wait),
		PI_TEST(taken_by_a_wait_all),
		PI_TEST(taken_as_an_alert),
		PI_TEST(wanted_as_an_alert),
		PI_TEST(created_owned_by_a_known_creator),
		PI_TEST(created_for_another),
		PI_TEST(owner_learnt_while_others_wait),
		PI_TEST(a_refused_call_teaches_nothing),
		PI_TEST(handed_over_by_a_releaser),
		PI_TEST(handed_over_while_a_higher_one_waits),
		PI_TEST(a_higher_waiter_comes_later),
		PI_TEST(recursion),
		PI_TEST(normal_waiters_boost_nobody),
		PI_TEST(never_lowered),
		PI_TEST(wait_any_over_three),
		PI_TEST(wait_any_is_not_held_up),
		PI_TEST(wait_all_is_not_held_up),
		PI_TEST(wait_all_boosts_those_it_lacks),
		PI_TEST(wait_all_boosts_a_later_owner),
		PI_TEST(chain_blocked_first),
		PI_TEST(chain_blocked_from_its_end),
		PI_TEST(chain_boosted_first),
		PI_TEST(chain_through_several_objects),
		PI_TEST(chain_is_cut),
		PI_TEST(boost_moves_in_the_queue),
		PI_TEST(a_cycle_ends),
		PI_TEST(chain_ends_in_a_futex),
		PI_TEST(chain_through_a_futex),
		PI_TEST(two_devices_boost_one_task),
		PI_TEST(chain_across_devices),
		PI_TEST(owner_ids_belong_to_a_device),
	};

	return RUN(tests);
}
