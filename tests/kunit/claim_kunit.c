// SPDX-License-Identifier: GPL-2.0-only
/*
 * The protocol between waker and sleeper. Waits that are queued without a sleeper show which of
 * them was claimed, and when.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "core/lock.h"
#include "fixture.h"

#define MANY	10000

static struct kt_record *alloc_records(struct kunit *test, unsigned int nr)
{
	struct kt_record *r = kunit_kmalloc_array(test, nr, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	return r;
}

static unsigned int leave_records(struct kt_record *r, unsigned int nr)
{
	unsigned int i, claimed = 0;

	for (i = 0; i < nr; i++)
		claimed += kt_record_leave(&r[i]) != NTSYNC_UNCLAIMED;
	return claimed;
}

/* ---- one claim ---- */

struct claim_race {
	struct ntsync_wait wait;
	atomic_t wins;
};

static void claim_often(void *arg)
{
	struct claim_race *race = arg;
	int i;

	for (i = 0; i < 100; i++) {
		if (ntsync_wait_claim(&race->wait, i))
			atomic_inc(&race->wins);
	}
}

static void a_wait_is_claimed_once(struct kunit *test)
{
	struct claim_race race;
	int round;

	for (round = 0; round < 200; round++) {
		atomic_set(&race.wait.claim, NTSYNC_UNCLAIMED);
		atomic_set(&race.wins, 0);
		kt_run(test, 4, claim_often, &race);
		KUNIT_ASSERT_EQ(test, atomic_read(&race.wins), 1);
	}
}

static void a_claim_beats_the_reason_why_the_sleep_ended(struct kunit *test)
{
	struct ntsync_obj *sem = kt_sem(test, 0, 1);
	struct kt_record r;
	u32 prev, index = 77;

	kt_record_queue(&r, 1, sem, NULL);
	/* The deadline has passed, the sleeper is on its way to the lock. */
	KUNIT_EXPECT_EQ(test, ntsync_sem_release(sem, 1, &prev), 0);
	kt_record_leave(&r);
	KUNIT_EXPECT_EQ(test, ntsync_wait_result(&r.wait, -ETIMEDOUT, &index), 0);
	KUNIT_EXPECT_EQ(test, index, 0);

	index = 77;
	kt_record_queue(&r, 1, sem, NULL);
	kt_record_leave(&r);
	KUNIT_EXPECT_EQ(test, ntsync_wait_result(&r.wait, -ETIMEDOUT, &index), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, index, 77);
}

static void a_claimed_waiter_takes_nothing_more(struct kunit *test)
{
	struct ntsync_obj *a = kt_event(test, false, false);
	struct ntsync_obj *b = kt_event(test, false, false);
	u32 prev, manual, signaled;
	struct kt_record r;

	KUNIT_ASSERT_TRUE(test, kt_record_queue(&r, 1, a, b));
	ntsync_event_set(b, &prev);
	ntsync_event_set(a, &prev);
	ntsync_event_read(a, &manual, &signaled);
	KUNIT_EXPECT_EQ(test, signaled, 1);
	ntsync_event_read(b, &manual, &signaled);
	KUNIT_EXPECT_EQ(test, signaled, 0);
	KUNIT_EXPECT_EQ(test, kt_record_leave(&r), 1);
}

/* A claimed sleeper may return at any time, so its entry must be out of the queue. */
static void a_waker_takes_the_entry_out(struct kunit *test)
{
	struct ntsync_obj *sem = kt_sem(test, 0, 9);
	struct kt_record *r = alloc_records(test, 3);
	u32 prev;
	int i;

	for (i = 0; i < 3; i++)
		kt_record_queue(&r[i], 1, sem, NULL);
	ntsync_sem_release(sem, 2, &prev);
	KUNIT_EXPECT_EQ(test, sem->any.count, 1);
	KUNIT_EXPECT_EQ(test, leave_records(r, 3), 2);
}

/* ---- mutex owners ---- */

static void all_waits_of_the_new_owner_are_served(struct kunit *test)
{
	struct ntsync_obj *m = kt_mutex(test, 9, 1);
	struct kt_record *r = alloc_records(test, 6);
	u32 prev, owner, count;
	int i;

	for (i = 0; i < 6; i++)
		kt_record_queue(&r[i], 1 + i % 2, m, NULL);
	KUNIT_EXPECT_EQ(test, ntsync_mutex_unlock(m, 9, &prev), 0);
	ntsync_mutex_read(m, &owner, &count);
	KUNIT_EXPECT_EQ(test, owner, 1);
	KUNIT_EXPECT_EQ(test, count, 3);
	KUNIT_EXPECT_EQ(test, m->any.count, 3);

	KUNIT_EXPECT_EQ(test, ntsync_mutex_kill(m, 1), 0);
	for (i = 0; i < 6; i++) {
		KUNIT_EXPECT_EQ(test, kt_record_leave(&r[i]), 0);
		/* Only the first wait of the new owner gets -EOWNERDEAD. */
		KUNIT_EXPECT_EQ(test, r[i].wait.acquirer.owner_dead, i == 1);
	}
}

static void the_deepest_recursion_waits_for_one_level(struct kunit *test)
{
	struct ntsync_obj *m = kt_mutex(test, 9, U32_MAX);
	struct kt_record *r = alloc_records(test, 2);
	u32 prev;

	KUNIT_ASSERT_TRUE(test, kt_record_queue(&r[0], 8, m, NULL));
	KUNIT_ASSERT_TRUE(test, kt_record_queue(&r[1], 9, m, NULL));
	ntsync_mutex_unlock(m, 9, &prev);
	KUNIT_EXPECT_EQ(test, prev, U32_MAX);
	KUNIT_EXPECT_EQ(test, kt_record_leave(&r[0]), NTSYNC_UNCLAIMED);
	KUNIT_EXPECT_EQ(test, kt_record_leave(&r[1]), 0);
	KUNIT_EXPECT_EQ(test, m->mutex.count, U32_MAX);
}

/* ---- many waiters: the lock is dropped between batches ---- */

static void a_set_releases_everybody(struct kunit *test)
{
	struct ntsync_obj *e = kt_event(test, true, false);
	struct kt_record *r = alloc_records(test, MANY);
	u32 prev;
	int i;

	for (i = 0; i < MANY; i++)
		kt_record_queue(&r[i], 1, e, NULL);
	ntsync_event_set(e, &prev);
	KUNIT_EXPECT_EQ(test, leave_records(r, MANY), MANY);
}

struct overtake {
	struct ntsync_obj *obj;
	struct kt_record *r;
	atomic_t role;
	unsigned int thefts;
	int newcomer;
};

static void release_or_steal(void *arg)
{
	struct overtake *o = arg;
	struct ntsync_wait_req req = { .objs = &o->obj, .count = 1, .owner = 1 };
	u32 prev;

	if (atomic_inc_return(&o->role) == 1) {
		ntsync_sem_release(o->obj, MANY, &prev);
		return;
	}
	while (!ntsync_wait_claimed(&o->r[MANY - 1].wait)) {
		if (!ntsync_wait_any(&req))
			o->thefts++;
		cond_resched();
	}
}

/*
 * One release serves exactly the waiters that are queued, and drops the lock many times meanwhile.
 * A task that comes in between finds a count, but the hand-offs are pending.
 */
static void nobody_overtakes_a_release_in_progress(struct kunit *test)
{
	struct overtake o = {
		.obj = kt_sem(test, 0, MANY),
		.r = alloc_records(test, MANY),
	};
	int i;

	for (i = 0; i < MANY; i++)
		kt_record_queue(&o.r[i], 1, o.obj, NULL);
	kt_run(test, 2, release_or_steal, &o);
	KUNIT_EXPECT_EQ(test, o.thefts, 0);
	KUNIT_EXPECT_EQ(test, leave_records(o.r, MANY), MANY);
}

static void pulse_or_join(void *arg)
{
	struct overtake *o = arg;
	struct kt_record late;
	u32 prev;

	if (atomic_inc_return(&o->role) == 1) {
		ntsync_event_pulse(o->obj, &prev);
		return;
	}
	while (!ntsync_wait_claimed(&o->r[0].wait))
		cond_resched();
	kt_set_prio(current, 50); /* a higher priority than theirs, and still too late */
	kt_record_queue(&late, 1, o->obj, NULL);
	/* When the last of the earlier waiters is claimed the pulse has ended. */
	while (!ntsync_wait_claimed(&o->r[MANY - 1].wait))
		usleep_range(50, 100);
	o->newcomer = kt_record_leave(&late);
}

static void a_pulse_does_not_release_a_newcomer(struct kunit *test)
{
	struct overtake o = {
		.obj = kt_event(test, true, false),
		.r = alloc_records(test, MANY),
	};
	int i;

	for (i = 0; i < MANY; i++)
		kt_record_queue(&o.r[i], 1, o.obj, NULL);
	kt_run(test, 2, pulse_or_join, &o);
	KUNIT_EXPECT_EQ(test, o.newcomer, NTSYNC_UNCLAIMED);
	KUNIT_EXPECT_EQ(test, leave_records(o.r, MANY), MANY);
	KUNIT_EXPECT_FALSE(test, o.obj->event.signaled);
}

static void set_or_reset(void *arg)
{
	struct overtake *o = arg;
	u32 prev;

	if (atomic_inc_return(&o->role) == 1)
		ntsync_event_set(o->obj, &prev);
	else
		ntsync_event_reset(o->obj, &prev);
}

/*
 * A reset before or after the set can't take the signal from the waiter, although the set first
 * drops the entries of many waits that were claimed elsewhere, and drops the lock meanwhile.
 */
static void a_reset_does_not_catch_a_signal_on_its_way(struct kunit *test)
{
	struct ntsync_obj *gone = kt_event(test, true, false);
	struct overtake o = {
		.obj = kt_event(test, false, false),
		.r = alloc_records(test, 200),
	};
	int i, round;
	u32 prev;

	for (round = 0; round < 200; round++) {
		for (i = 0; i < 199; i++)
			kt_record_queue(&o.r[i], 1, o.obj, gone);
		kt_record_queue(&o.r[199], 1, o.obj, NULL);
		ntsync_event_pulse(gone, &prev);

		atomic_set(&o.role, 0);
		kt_run(test, 2, set_or_reset, &o);
		KUNIT_ASSERT_EQ(test, leave_records(o.r, 200), 200);
		ntsync_event_reset(o.obj, &prev);
	}
}

/* ---- pending hand-offs of a pulse ---- */

#define NR_CLAIMED	300

/* Two signals race; each drops the lock while it drops the entries of claimed waits. */
static void pulse_or_set(void *arg)
{
	struct overtake *o = arg;
	u32 prev;

	if (atomic_inc_return(&o->role) == 1)
		ntsync_event_pulse(o->obj, &prev);
	else
		ntsync_event_set(o->obj, &prev);
}

static void queue_claimed(struct kt_record *r, struct ntsync_obj *obj, struct ntsync_obj *gone)
{
	u32 prev;
	int i;

	for (i = 0; i < NR_CLAIMED; i++)
		kt_record_queue(&r[i], 1, obj, gone);
	ntsync_event_pulse(gone, &prev);
}

static void a_pulse_and_a_set_release_two(struct kunit *test)
{
	struct ntsync_obj *gone = kt_event(test, true, false);
	struct overtake o = {
		.obj = kt_event(test, false, false),
		.r = alloc_records(test, NR_CLAIMED + 2),
	};
	int round;
	u32 prev;

	for (round = 0; round < 200; round++) {
		queue_claimed(o.r, o.obj, gone);
		kt_record_queue(&o.r[NR_CLAIMED], 1, o.obj, NULL);
		kt_record_queue(&o.r[NR_CLAIMED + 1], 1, o.obj, NULL);
		atomic_set(&o.role, 0);
		kt_run(test, 2, pulse_or_set, &o);
		KUNIT_ASSERT_EQ(test, leave_records(o.r, NR_CLAIMED + 2), NR_CLAIMED + 2);
		ntsync_event_reset(o.obj, &prev);
	}
}

static void pulse_or_come_late(void *arg)
{
	struct overtake *o = arg;
	struct kt_record late;
	u32 prev;

	if (atomic_inc_return(&o->role) == 1) {
		ntsync_event_pulse(o->obj, &prev);
		return;
	}
	kt_set_prio(current, 50);
	while (!ntsync_wait_claimed(&o->r[NR_CLAIMED].wait) && o->obj->any.count > NR_CLAIMED)
		usleep_range(1, 2);
	kt_record_queue(&late, 1, o->obj, NULL);
	o->newcomer = kt_record_leave(&late);
}

static void a_pulse_releases_one_that_was_queued(struct kunit *test)
{
	struct ntsync_obj *gone = kt_event(test, true, false);
	struct overtake o = {
		.obj = kt_event(test, false, false),
		.r = alloc_records(test, NR_CLAIMED + 1),
	};
	int round;

	for (round = 0; round < 200; round++) {
		queue_claimed(o.r, o.obj, gone);
		kt_record_queue(&o.r[NR_CLAIMED], 1, o.obj, NULL);
		atomic_set(&o.role, 0);
		kt_run(test, 2, pulse_or_come_late, &o);
		KUNIT_ASSERT_EQ(test, o.newcomer, NTSYNC_UNCLAIMED);
		KUNIT_ASSERT_EQ(test, leave_records(o.r, NR_CLAIMED + 1), NR_CLAIMED + 1);
		KUNIT_ASSERT_FALSE(test, o.obj->event.signaled);
	}
}

/* ---- waiters that leave drain a batch ---- */

/*
 * As if the signaller was preempted before its first batch: hand-offs are pending, and each waiter
 * that leaves serves one batch.
 */
static void the_served_help_the_others(struct kunit *test)
{
	struct ntsync_obj *sem = kt_sem(test, 0, 100);
	struct kt_record *r = alloc_records(test, 40);
	int i;

	for (i = 0; i < 40; i++)
		kt_record_queue(&r[i], 1, sem, NULL);
	sem->sem.count = 40;
	sem->handoff_pending = true;
	KUNIT_EXPECT_EQ(test, kt_record_leave(&r[39]), NTSYNC_UNCLAIMED);
	KUNIT_EXPECT_EQ(test, sem->sem.count, 40 - NTSYNC_WAKE_BATCH);
	KUNIT_EXPECT_EQ(test, kt_record_leave(&r[0]), 0);
	KUNIT_EXPECT_EQ(test, sem->sem.count, 40 - 2 * NTSYNC_WAKE_BATCH);
	KUNIT_EXPECT_EQ(test, leave_records(r, 39), 39);
}

/* ---- the lowest index wins ---- */

struct scan {
	struct ntsync_obj *low, *high;
	atomic_t role;
	unsigned int wrong;
};

/*
 * The lower one is set before the higher one and reset after it: the higher is never signaled
 * alone.
 */
static void set_both_or_scan(void *arg)
{
	struct scan *s = arg;
	struct ntsync_obj *objs[] = { s->low, s->high };
	struct ntsync_wait_req req = { .objs = objs, .count = 2, .owner = 1 };
	u32 prev;
	int i;

	if (atomic_inc_return(&s->role) == 1) {
		for (i = 0; i < 20000; i++) {
			ntsync_event_set(s->low, &prev);
			ntsync_event_set(s->high, &prev);
			ntsync_event_reset(s->high, &prev);
			ntsync_event_reset(s->low, &prev);
		}
		return;
	}
	for (i = 0; i < 40000; i++) {
		if (!ntsync_wait_any(&req) && req.index == 1)
			s->wrong++;
	}
}

static void a_scan_does_not_pass_over_a_lower_one(struct kunit *test)
{
	struct scan s = {
		.low = kt_event(test, true, false),
		.high = kt_event(test, true, false),
	};

	kt_run(test, 2, set_both_or_scan, &s);
	KUNIT_EXPECT_EQ(test, s.wrong, 0);
}

/* ---- no count is lost ---- */

struct churn {
	struct ntsync_obj *sem;
	atomic_t role;
	atomic_t lost_tries;
};

static void take_and_release(void *arg)
{
	struct churn *c = arg;
	struct ntsync_wait_req req = { .objs = &c->sem, .count = 1, .owner = 1 };
	u32 prev;
	int i, ret;

	for (i = 0; i < 3000; i++) {
		req.deadline.clock = CLOCK_MONOTONIC;
		req.deadline.expires = ktime_add_ns(ktime_get(), (i % 40) * 500);
		ret = ntsync_wait_any(&req);
		if (!ret)
			ntsync_sem_release(c->sem, 1, &prev);
		else if (ret == -ETIMEDOUT)
			atomic_inc(&c->lost_tries);
	}
}

static void no_count_is_lost_to_a_deadline(struct kunit *test)
{
	struct churn c = { .sem = kt_sem(test, 2, 2) };

	kt_run(test, 6, take_and_release, &c);
	kunit_info(test, "%d timeouts", atomic_read(&c.lost_tries));
	KUNIT_EXPECT_GT(test, atomic_read(&c.lost_tries), 0);
	KUNIT_EXPECT_EQ(test, c.sem->sem.count, 2);
}

static struct kunit_case claim_cases[] = {
	KUNIT_CASE_SLOW(a_wait_is_claimed_once),
	KUNIT_CASE(a_claim_beats_the_reason_why_the_sleep_ended),
	KUNIT_CASE(a_claimed_waiter_takes_nothing_more),
	KUNIT_CASE(a_waker_takes_the_entry_out),
	KUNIT_CASE(all_waits_of_the_new_owner_are_served),
	KUNIT_CASE(the_deepest_recursion_waits_for_one_level),
	KUNIT_CASE_SLOW(a_set_releases_everybody),
	KUNIT_CASE_SLOW(nobody_overtakes_a_release_in_progress),
	KUNIT_CASE_SLOW(a_pulse_does_not_release_a_newcomer),
	KUNIT_CASE_SLOW(a_reset_does_not_catch_a_signal_on_its_way),
	KUNIT_CASE_SLOW(a_pulse_and_a_set_release_two),
	KUNIT_CASE_SLOW(a_pulse_releases_one_that_was_queued),
	KUNIT_CASE(the_served_help_the_others),
	KUNIT_CASE_SLOW(a_scan_does_not_pass_over_a_lower_one),
	KUNIT_CASE_SLOW(no_count_is_lost_to_a_deadline),
	{}
};

static struct kunit_suite claim_suite = {
	.name = "ntsync_claim",
	.init = ntsync_kunit_init,
	.test_cases = claim_cases,
};

kunit_test_suite(claim_suite);
