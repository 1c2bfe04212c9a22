// SPDX-License-Identifier: GPL-2.0-only
/* Who holds a mutex runs with the priority of whoever waits for it. */
#include "inversion.h"

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
		actor_wait(waiter, requests[i],
			   ARGS(FDS(event), .alert = mutex, .timeout = FOREVER));
		actor_assert_asleep(waiter);
		assert_boosted(holder, HIGH);
		assert_ret(actor_unlocks(holder, mutex), 0);
		assert_ret(actor_finish(waiter), 0);
		assert_base(holder);
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

/* As a server does it: the creator is somebody else, and must not be boosted. */
static void created_for_another(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *creator = actor_low(f, "creator"), *waiter = actor_high(f);
	int mutex;

	only_ours(f, "no inheritance");
	actor_introduce(creator);
	actor_introduce(holder);
	/* The test's thread creates it; the holder has only been heard of. */
	mutex = new_mutex(f, holder->owner, 1);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_boosted(holder, HIGH);
	assert_base(creator);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
	assert_ret(actor_unlocks(waiter, mutex), 0);
	mutex = new_mutex(f, holder->owner, 1);
	check_inversion(f, holder, mutex);
}

/* Whose id it is turns out when somebody is waiting already. */
static void owner_learnt_while_others_wait(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *waiter = actor_high(f);
	int mutex = new_mutex(f, holder->owner, 1);

	only_ours(f, "no inheritance");
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	actor_introduce(holder);
	assert_boosted(holder, HIGH);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
	assert_base(holder);
}

struct theft {
	int mutex;
	int event;
	uint32_t owner;
};

/* Calls in another's name that are refused, every one of them. */
static int refused_calls(struct actor *a, void *arg)
{
	const struct theft *theft = arg;
	struct ntsync_mutex_args unlock = { .owner = theft->owner };
	uint32_t owner = theft->owner;

	(void)a;
	return nt(theft->event, NTSYNC_IOC_MUTEX_UNLOCK, &unlock) == -EINVAL &&
	       nt(theft->mutex, NTSYNC_IOC_MUTEX_KILL, &owner) == -EPERM &&
	       nt(theft->mutex, NTSYNC_IOC_MUTEX_UNLOCK, &unlock) == -EPERM ? 0 : -EPROTO;
}

/* Whether the driver knows the holder from its own wait, or from its id alone. */
static void a_refused_call_teaches_nothing(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *stranger = actor_low(f, "stranger"), *waiter = actor_high(f);
	struct theft theft = { .mutex = new_mutex(f, 0, 0), .event = new_auto(f, false),
			       .owner = holder->owner };

	only_ours(f, "no inheritance");
	actor_introduce(holder);
	for (int created = 0; created < 2; created++) {
		int mutex = new_mutex(f, created ? holder->owner : 0, created);

		if (!created)
			assert_ret(actor_locks(holder, mutex), 0);
		assert_ret(actor_do(stranger, refused_calls, &theft), 0);
		actor_lock(waiter, mutex);
		actor_assert_asleep(waiter);
		assert_ret(actor_do(stranger, refused_calls, &theft), 0);
		assert_base(stranger);
		assert_boosted(holder, HIGH);
		assert_ret(actor_unlocks(holder, mutex), 0);
		assert_ret(actor_finish(waiter), 0);
	}
}

/* The new holder was given the mutex, and has not run since. */
static void handed_over_by_a_releaser(void **state)
{
	struct fixture *f = *state;
	struct actor *first = actor_low(f, "first"), *heir = actor_low(f, "heir"), *waiter;
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(first, mutex), 0);
	actor_lock(heir, mutex);
	actor_assert_asleep(heir);
	waiter = actor_high(f);
	unlock(mutex, first->owner, 1);
	assert_mutex(mutex, heir->owner, 1);
	assert_false(actor_finished(heir));
	actor_lock(waiter, mutex);
	hog_release();
	/* It is out of its wait, as the high one waits for it; then it works. */
	assert_not_held_up(heir, 0);
	actor_assert_asleep(waiter);
	assert_boosted(heir, HIGH);
	assert_base(first);
	assert_ret(actor_unlocks(heir, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
	assert_base(heir);
}

/* One waits for all of several and still lacks something, so the low one gets it. */
static void handed_over_while_a_high_one_waits(void **state)
{
	struct fixture *f = *state;
	struct actor *first = actor_low(f, "first"), *heir = actor_low(f, "heir"), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 0, 1);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(first, mutex), 0);
	actor_lock(heir, mutex);
	actor_assert_asleep(heir);
	actor_wait(waiter, ALL, ARGS(FDS(mutex, sem), .timeout = FOREVER));
	actor_assert_asleep(waiter);
	assert_boosted(first, HIGH);
	unlock(mutex, first->owner, 1);
	hog_release();
	assert_not_held_up(heir, 0);
	assert_base(first);
	assert_boosted(heir, HIGH);
	assert_ret(actor_unlocks(heir, mutex), 0);
	assert_base(heir);
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
	actor_lock(middle, mutex);
	actor_assert_asleep(middle);
	assert_boosted(holder, 30);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_boosted(holder, HIGH);
	assert_true(arbiter_has(holder->tid, "mutex", SCHED_FIFO, HIGH));
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_base(holder);
	assert_ret(actor_finish(waiter), 0);
	assert_base(waiter);
	assert_ret(actor_unlocks(waiter, mutex), 0);
	assert_ret(actor_finish(middle), 0);
}

/* Among several levels of recursion only the last unlock ends it. */
static void recursion(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	assert_ret(actor_locks(holder, mutex), 0);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_ret(actor_locks(holder, mutex), 0);
	for (int i = 0; i < 3; i++) {
		assert_boosted(holder, HIGH);
		assert_ret(actor_unlocks(holder, mutex), 0);
	}
	assert_base(holder);
	assert_ret(actor_finish(waiter), 0);
}

/* A waiter that is not real-time lends nothing, whatever its nice is. */
static void normal_waiters_lend_nothing(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_new(f, "holder", NORMAL(10));
	struct actor *waiter = actor_new(f, "waiter", NORMAL(-20));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_base(holder);
	assert_true(arbiter_idle());
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
}

/* A holder above its waiter stays what it is, round-robin for instance. */
static void never_lowered(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_new(f, "holder", ATTR(.policy = SCHED_RR, .prio = 60));
	struct actor *waiter = actor_new(f, "waiter", FIFO(40));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_base(holder);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
}

/* ---- several mutexes ---- */

#define OWNERS 3

struct owned {
	struct actor *owner[OWNERS];
	int mutex[OWNERS];
};

static struct owned three_owned(struct fixture *f)
{
	static const char *const names[] = { "first", "second", "third" };
	struct owned all;

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
	struct owned all;

	only_ours(f, "no inheritance");
	for (int first = 0; first < OWNERS; first++) {
		all = three_owned(f);
		actor_wait(waiter, ANY, ARGS(.objs = (uintptr_t)all.mutex, .count = OWNERS,
					     .timeout = FOREVER));
		actor_assert_asleep(waiter);
		for (int i = 0; i < OWNERS; i++)
			assert_boosted(all.owner[i], HIGH);
		assert_ret(actor_unlocks(all.owner[first], all.mutex[first]), 0);
		assert_ret(actor_finish(waiter), 0);
		assert_int_equal(waiter->wait.index, first);
		stage_assert_exact(f);
	}
}

static void wait_any_is_not_held_up(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	struct owned all = three_owned(f);

	only_ours(f, "no inheritance");
	actor_wait(waiter, ANY,
		   ARGS(.objs = (uintptr_t)all.mutex, .count = OWNERS, .timeout = FOREVER));
	for (int i = 0; i < OWNERS; i++)
		actor_work_and_unlock(all.owner[i], all.mutex[i]);
	hog_release();
	assert_not_held_up(waiter, 0);
	for (int i = 0; i < OWNERS; i++)
		assert_ret(actor_finish(all.owner[i]), 0);
}

static void wait_all_is_not_held_up(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	struct owned all = three_owned(f);

	only_ours(f, "no inheritance");
	actor_wait(waiter, ALL,
		   ARGS(.objs = (uintptr_t)all.mutex, .count = OWNERS, .timeout = FOREVER));
	for (int i = 0; i < OWNERS; i++)
		actor_work_and_unlock(all.owner[i], all.mutex[i]);
	hog_release();
	assert_not_held_up(waiter, 0);
	for (int i = 0; i < OWNERS; i++)
		assert_ret(actor_finish(all.owner[i]), 0);
}

static void wait_all_boosts_those_it_lacks(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	struct owned all = three_owned(f);

	only_ours(f, "no inheritance");
	actor_wait(waiter, ALL,
		   ARGS(.objs = (uintptr_t)all.mutex, .count = OWNERS, .timeout = FOREVER));
	actor_assert_asleep(waiter);
	for (int i = 0; i < OWNERS; i++) {
		for (int k = i; k < OWNERS; k++)
			assert_boosted(all.owner[k], HIGH);
		assert_ret(actor_unlocks(all.owner[i], all.mutex[i]), 0);
		assert_base(all.owner[i]);
	}
	assert_ret(actor_finish(waiter), 0);
}

/* Somebody takes a mutex that a queued wait-all wants and cannot have yet. */
static void wait_all_boosts_a_later_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *late = actor_low(f, "late");
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 0, 1);

	only_ours(f, "no inheritance");
	actor_wait(waiter, ALL, ARGS(FDS(mutex, sem), .timeout = FOREVER));
	actor_assert_asleep(waiter);
	assert_ret(actor_locks(late, mutex), 0);
	assert_boosted(late, HIGH);
	assert_ret(actor_unlocks(late, mutex), 0);
	assert_base(late);
	release(sem, 1, 0);
	assert_ret(actor_finish(waiter), 0);
}

/* ---- chains ---- */

/* Each holds one mutex; all but the last want the next one's too. */
struct link {
	int own, next;
};

struct chain {
	struct actor *task[CHAIN];
	struct link link[CHAIN];
};

static int pass_on(struct actor *a, void *arg)
{
	struct link *link = arg;
	int ret = wait_any_here(a, link->next, FOREVER);

	if (!ret)
		ret = unlock_here(a, link->next);
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

static void block(struct chain *c, int i)
{
	actor_tell(c->task[i], pass_on, &c->link[i]);
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
		assert_base(c->task[i]);
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
		block(&c, i);
	actor_lock(waiter, c.link[0].own);
	actor_assert_asleep(waiter);
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
		block(&c, i);
	actor_lock(waiter, c.link[0].own);
	actor_assert_asleep(waiter);
	check_chain(&c, waiter);
}

static void chain_boosted_first(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	struct chain c;

	only_ours(f, "no inheritance");
	make_chain(f, &c);
	actor_lock(waiter, c.link[0].own);
	actor_assert_asleep(waiter);
	for (int i = 0; i < CHAIN - 1; i++) {
		assert_boosted(c.task[i], HIGH);
		block(&c, i);
	}
	check_chain(&c, waiter);
}

/* In the middle, one that waits for all or any of several. */
static void chain_through_several_objects(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *middle = actor_low(f, "middle");
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t r = 0; r < ARRAY_SIZE(requests); r++) {
		struct owned all = three_owned(f);

		assert_ret(actor_locks(middle, mutex), 0);
		actor_wait(middle, requests[r],
			   ARGS(.objs = (uintptr_t)all.mutex, .count = OWNERS, .timeout = FOREVER));
		actor_assert_asleep(middle);
		actor_lock(waiter, mutex);
		actor_assert_asleep(waiter);
		for (int i = 0; i < OWNERS; i++)
			assert_boosted(all.owner[i], HIGH);
		for (int i = 0; i < OWNERS; i++)
			assert_ret(actor_unlocks(all.owner[i], all.mutex[i]), 0);
		assert_ret(actor_finish(middle), 0);
		assert_ret(actor_unlocks(middle, mutex), 0);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		stage_assert_exact(f);
	}
}

/* The end of the chain leaves it, and only what is behind loses the boost. */
static void chain_is_cut(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *a = actor_low(f, "a"), *b = actor_low(f, "b");
	int first = new_mutex(f, 0, 0), second = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(a, first), 0);
	assert_ret(actor_locks(b, second), 0);
	actor_lock(a, second);
	actor_assert_asleep(a);
	actor_lock(waiter, first);
	actor_assert_asleep(waiter);
	assert_boosted(b, HIGH);
	pthread_kill(a->thread, SIGUSR2);
	assert_ret(actor_finish(a), -EINTR);
	assert_base(b);
	assert_boosted(a, HIGH);
	assert_ret(actor_unlocks(a, first), 0);
	assert_ret(actor_finish(waiter), 0);
	assert_base(a);
}

/* A boosted waiter overtakes those who were before it in the queue. */
static void boost_moves_in_the_queue(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *boosted = actor_low(f, "boosted");
	struct actor *other = actor_new(f, "other", FIFO(40)), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0), wanted = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	assert_ret(actor_locks(boosted, wanted), 0);
	actor_lock(boosted, mutex);
	actor_assert_asleep(boosted);
	actor_lock(other, mutex);
	actor_assert_asleep(other);
	actor_lock(waiter, wanted);
	actor_assert_asleep(waiter);
	unlock(mutex, holder->owner, 1);
	assert_mutex(mutex, boosted->owner, 1);
	assert_ret(actor_finish(boosted), 0);
	assert_boosted(boosted, HIGH);
	assert_ret(actor_unlocks(boosted, wanted), 0);
	assert_boosted(boosted, 40);
	assert_ret(actor_unlocks(boosted, mutex), 0);
	assert_ret(actor_finish(other), 0);
	assert_ret(actor_finish(waiter), 0);
}

/* Nobody is served any more, but nobody loops either, and it can be undone. */
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
	for (int i = 0; i < 3; i++) {
		actor_lock(task[i], mutex[(i + 1) % 3]);
		actor_assert_asleep(task[i]);
	}
	actor_lock(waiter, mutex[0]);
	actor_assert_asleep(waiter);
	for (int i = 0; i < 3; i++)
		assert_boosted(task[i], HIGH);
	pthread_kill(waiter->thread, SIGUSR2);
	assert_ret(actor_finish(waiter), -EINTR);
	for (int i = 0; i < 3; i++) {
		pthread_kill(task[i]->thread, SIGUSR2);
		assert_ret(actor_finish(task[i]), -EINTR);
	}
}

/* ---- a PI futex in the middle ---- */

static pthread_mutex_t futex;

static void init_futex(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&futex, &attr);
	pthread_mutexattr_destroy(&attr);
}

/* Signals don't end this wait: without a deadline a failed test would hang. */
static int lock_futex_here(void)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 5;
	return -pthread_mutex_clocklock(&futex, CLOCK_MONOTONIC, &end);
}

static int lock_futex(struct actor *a, void *arg)
{
	(void)a;
	(void)arg;
	return lock_futex_here();
}

/* Holds a mutex of ours and waits for the futex. */
static int take_futex_and_unlock(struct actor *a, void *arg)
{
	int ret = lock_futex_here();

	if (!ret)
		ret = -pthread_mutex_unlock(&futex);
	return ret ? ret : unlock_here(a, *(int *)arg);
}

static int work_and_unlock_futex(struct actor *a, void *arg)
{
	(void)a;
	(void)arg;
	work_here();
	return -pthread_mutex_unlock(&futex);
}

/* Holds the futex and waits for a mutex of ours. */
static int take_mutex_and_unlock_futex(struct actor *a, void *arg)
{
	int mutex = *(int *)arg;
	int ret = wait_any_here(a, mutex, FOREVER);

	if (!ret)
		ret = unlock_here(a, mutex);
	return ret ? ret : -pthread_mutex_unlock(&futex);
}

/* Blocked in the futex, which shows in the holder's priority only if that is lower. */
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
	init_futex();
	assert_ret(actor_locks(middle, mutex), 0);
	assert_ret(actor_do(end, lock_futex, NULL), 0);
	actor_tell(middle, take_futex_and_unlock, &mutex);
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
	struct actor *waiter = actor_high(f), *before = actor_low(f, "before"), *behind = actor_low(f, "behind");
	struct actor *middle = actor_new(f, "middle", FIFO(LOW - 1));
	int mutex = new_mutex(f, 0, 0), last = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	init_futex();
	assert_ret(actor_locks(before, mutex), 0);
	assert_ret(actor_locks(behind, last), 0);
	assert_ret(actor_do(middle, lock_futex, NULL), 0);
	actor_tell(before, take_futex_and_unlock, &mutex);
	await_live_prio(middle, LOW);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_int_equal(task_live_prio(middle->tid), HIGH);
	actor_tell(middle, take_mutex_and_unlock_futex, &last);
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

struct other_device {
	int dev, mutex;
};

static int wait_on_other_device(struct actor *a, void *arg)
{
	struct other_device *other = arg;
	struct ntsync_wait_args args = ARGS(FDS(other->mutex), .owner = a->owner,
					    .timeout = FOREVER);

	return nt(other->dev, ANY, &args);
}

static struct other_device open_other(struct fixture *f)
{
	struct ntsync_mutex_args args = { 0 };
	struct other_device other = { .dev = open_device(f) };

	other.mutex = own_fd(f, nt(other.dev, NTSYNC_IOC_CREATE_MUTEX, &args));
	return other;
}

static void two_devices_boost_one_task(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *waiter = actor_high(f);
	struct actor *other_waiter = actor_new(f, "other", FIFO(60));
	struct other_device other = open_other(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (int order = 0; order < 2; order++) {
		assert_ret(actor_locks(holder, mutex), 0);
		assert_ret(actor_do(holder, wait_on_other_device, &other), 0);
		actor_tell(other_waiter, wait_on_other_device, &other);
		actor_assert_asleep(other_waiter);
		assert_boosted(holder, 60);
		actor_lock(waiter, mutex);
		actor_assert_asleep(waiter);
		assert_boosted(holder, HIGH);
		assert_ret(actor_unlocks(holder, order ? other.mutex : mutex), 0);
		assert_boosted(holder, order ? HIGH : 60);
		assert_ret(actor_unlocks(holder, order ? mutex : other.mutex), 0);
		assert_base(holder);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_finish(other_waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		assert_ret(actor_unlocks(other_waiter, other.mutex), 0);
	}
}

static void chain_across_devices(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *middle = actor_low(f, "middle"), *end = actor_low(f, "end");
	struct other_device other = open_other(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (int boosted_first = 0; boosted_first < 2; boosted_first++) {
		assert_ret(actor_locks(middle, mutex), 0);
		assert_ret(actor_do(end, wait_on_other_device, &other), 0);
		for (int i = 0; i < 2; i++) {
			if (i == boosted_first)
				actor_tell(middle, wait_on_other_device, &other);
			else
				actor_lock(waiter, mutex);
			actor_assert_asleep(i == boosted_first ? middle : waiter);
		}
		assert_boosted(end, HIGH);
		assert_ret(actor_unlocks(end, other.mutex), 0);
		assert_ret(actor_finish(middle), 0);
		assert_base(end);
		assert_ret(actor_unlocks(middle, mutex), 0);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(middle, other.mutex), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

/* The same owner id means different tasks on different devices. */
static void owner_ids_belong_to_a_device(void **state)
{
	struct fixture *f = *state;
	struct actor *here = actor_low(f, "here"), *there = actor_low(f, "there"), *waiter = actor_high(f);
	struct other_device other = open_other(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	there->owner = here->owner;
	assert_ret(actor_locks(here, mutex), 0);
	assert_ret(actor_do(there, wait_on_other_device, &other), 0);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_boosted(here, HIGH);
	assert_base(there);
	assert_ret(actor_unlocks(here, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
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
		PI_TEST(handed_over_while_a_high_one_waits),
		PI_TEST(a_higher_waiter_comes_later),
		PI_TEST(recursion),
		PI_TEST(normal_waiters_lend_nothing),
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
