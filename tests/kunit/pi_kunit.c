// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the arbiter does at moments that only the kernel can arrange.
 */
#include <linux/kthread.h>
#include <linux/sched/rt.h>
#include <linux/sched/task.h>

#include "core/lock.h"
#include "fixture.h"
#include "pi/pi_internal.h"

#define OWNER	1
#define HIGH	80

static int lock_mutex(struct kunit *test, struct ntsync_obj *mutex)
{
	struct ntsync_wait_req req = { .objs = &mutex, .count = 1, .owner = OWNER };

	return ntsync_wait_any(&req);
}

static void until_boosted(void)
{
	while (READ_ONCE(current->prio) != MAX_RT_PRIO - 1 - HIGH)
		cond_resched();
}

/* A boost that ends while current holds all_lock stays until it has let go. */
static void holder_of_all_lock_is_not_lowered(struct kunit *test)
{
	struct ntsync_obj *mutex = kt_mutex(test, 0, 0), *event = kt_event(test, false, false);
	struct kt_waiter *w = kt_waiter(test, false, OWNER + 1, HIGH);
	u32 prev;

	KUNIT_ASSERT_EQ(test, lock_mutex(test, mutex), 0);
	kt_waiter_add(w, mutex);
	kt_waiter_add(w, event);
	kt_waiter_start(test, w);
	kt_until_any(test, event, 1);
	until_boosted();

	scoped_guard(ntsync_all_lock, mutex->dev) {
		KUNIT_EXPECT_EQ(test, ntsync_event_set(event, &prev), 0);
		KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), 0);
		KUNIT_EXPECT_EQ(test, current->normal_prio, MAX_RT_PRIO - 1 - HIGH);
	}
	KUNIT_EXPECT_TRUE(test, current->normal_prio > MAX_RT_PRIO);
	KUNIT_EXPECT_EQ(test, ntsync_mutex_unlock(mutex, OWNER, &prev), 0);
}

#define CHANGES	4000

struct changes {
	struct task_struct *of;
	struct completion over;
};

static int change(void *arg)
{
	struct changes *c = arg;
	int i;

	for (i = 0; i < CHANGES; i++) {
		kt_set_prio(c->of, HIGH);
		kt_set_prio(c->of, KT_NORMAL);
	}
	complete(&c->over);
	return 0;
}

/* Nobody lends anything: current only has it for itself, and then not any more. */
static void what_is_taken_away_was_not_lent(struct kunit *test)
{
	struct changes c = { .of = current };
	struct task_struct *other;
	unsigned long lent = 0;

	init_completion(&c.over);
	other = kthread_run(change, &c, "change");
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	while (!try_wait_for_completion(&c.over)) {
		lent += ntsync_task_lent_prio(current) != MAX_RT_PRIO;
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, lent, 0);
}

/* A kind of sleep that it has come to. */
static unsigned int sleep_of(struct task_struct *p)
{
	unsigned int state;

	while (!(state = READ_ONCE(p->__state) & (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)))
		schedule_timeout_uninterruptible(1);
	return state;
}

/*
 * Somebody is setting the owner's parameters and does not get on: we play that one. Whoever
 * waits for the owner does not trust it but waits for it, and lends to it.
 */
static void waiters_wait_for_who_is_setting(struct kunit *test)
{
	struct ntsync_obj *mutex = kt_mutex(test, 0, 0);
	struct kt_waiter *first = kt_waiter(test, false, OWNER + 1, 40);
	struct kt_waiter *second = kt_waiter(test, false, OWNER + 2, 30);
	struct ntsync_task *t;
	u32 prev;

	KUNIT_ASSERT_EQ(test, lock_mutex(test, mutex), 0);
	t = ntsync_task_find();
	KUNIT_ASSERT_NOT_NULL(test, t);
	kt_waiter_add(first, mutex);
	kt_waiter_add(second, mutex);

	rt_mutex_lock(&t->apply_lock);
	scoped_guard(raw_spinlock, &t->lock)
		t->applying = true;
	kt_waiter_start(test, first);
	kt_until_any(test, mutex, 1);
	KUNIT_EXPECT_EQ(test, sleep_of(first->task), TASK_UNINTERRUPTIBLE);
	KUNIT_EXPECT_EQ(test, current->prio, MAX_RT_PRIO - 1 - 40);
	kt_waiter_start(test, second);
	kt_until_any(test, mutex, 2);
	KUNIT_EXPECT_EQ(test, sleep_of(second->task), TASK_UNINTERRUPTIBLE);
	scoped_guard(raw_spinlock, &t->lock)
		t->applying = false;
	rt_mutex_unlock(&t->apply_lock);

	KUNIT_EXPECT_EQ(test, sleep_of(first->task), TASK_INTERRUPTIBLE);
	KUNIT_EXPECT_EQ(test, sleep_of(second->task), TASK_INTERRUPTIBLE);
	KUNIT_EXPECT_EQ(test, current->normal_prio, MAX_RT_PRIO - 1 - 40);
	KUNIT_EXPECT_EQ(test, ntsync_mutex_unlock(mutex, OWNER, &prev), 0);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, first), 0);
	KUNIT_EXPECT_EQ(test, ntsync_mutex_unlock(mutex, OWNER + 1, &prev), 0);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, second), 0);
}

/* Who is in the middle of something is raised by others, but lowered only by itself. */
static void who_is_busy_is_not_lowered(struct kunit *test)
{
	struct ntsync_obj *mutex = kt_mutex(test, 0, 0), *event = kt_event(test, false, false);
	struct kt_waiter *w = kt_waiter(test, false, OWNER + 1, HIGH);
	struct ntsync_task *t;
	u32 prev;

	KUNIT_ASSERT_EQ(test, lock_mutex(test, mutex), 0);
	t = ntsync_task_find();
	KUNIT_ASSERT_NOT_NULL(test, t);
	kt_waiter_add(w, mutex);
	kt_waiter_add(w, event);
	ntsync_pi_enter(t);
	kt_waiter_start(test, w);
	kt_until_any(test, event, 1);
	until_boosted();
	KUNIT_EXPECT_EQ(test, ntsync_event_set(event, &prev), 0);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), 0);
	KUNIT_EXPECT_EQ(test, current->normal_prio, MAX_RT_PRIO - 1 - HIGH);
	KUNIT_EXPECT_TRUE(test, ntsync_pi_leave(t));
	ntsync_pi_apply(t);
	KUNIT_EXPECT_TRUE(test, current->normal_prio > MAX_RT_PRIO);
	KUNIT_EXPECT_EQ(test, ntsync_mutex_unlock(mutex, OWNER, &prev), 0);
}

/*
 * A reference to the task may be that of somebody who has been asked while there was a boost, and
 * is about to set what it lent. What that does then does not stay.
 */
static void what_was_lent_can_not_be_kept(struct kunit *test)
{
	struct ntsync_obj *mutex = kt_mutex(test, 0, 0), *event = kt_event(test, false, false);
	struct kt_waiter *w = kt_waiter(test, false, OWNER + 1, HIGH);
	struct ntsync_task *t;
	u32 prev;

	KUNIT_ASSERT_EQ(test, lock_mutex(test, mutex), 0);
	kt_waiter_add(w, mutex);
	kt_waiter_add(w, event);
	kt_waiter_start(test, w);
	kt_until_any(test, event, 1);
	until_boosted();
	t = ntsync_task_find();
	scoped_guard(raw_spinlock, &t->lock)
		t->had_cap = false;
	get_task_struct(current);
	KUNIT_EXPECT_EQ(test, ntsync_event_set(event, &prev), 0);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), 0);
	KUNIT_EXPECT_TRUE(test, current->normal_prio > MAX_RT_PRIO);
	kt_set_prio(current, HIGH);
	put_task_struct(current);
	while (READ_ONCE(current->policy) != SCHED_NORMAL)
		schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_EQ(test, ntsync_mutex_unlock(mutex, OWNER, &prev), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(holder_of_all_lock_is_not_lowered),
	KUNIT_CASE(what_is_taken_away_was_not_lent),
	KUNIT_CASE(waiters_wait_for_who_is_setting),
	KUNIT_CASE(who_is_busy_is_not_lowered),
	KUNIT_CASE(what_was_lent_can_not_be_kept),
	{}
};

static struct kunit_suite suite = {
	.name = "ntsync_pi",
	.init = ntsync_kunit_init,
	.test_cases = cases,
};
kunit_test_suite(suite);
