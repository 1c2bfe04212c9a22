// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arbiter in situations that only kernel code can arrange.
 */
#include <linux/kthread.h>
#include <linux/sched/rt.h>
#include <linux/sched/task.h>

#include "core/lock.h"
#include "fixture.h"
#include "pi/pi_internal.h"

#define OWNER	1
#define HIGH	80

/* current owns @mutex. @waiter, at FIFO HIGH, waits for @mutex or @event. */
struct boost_fixture {
	struct ntsync_obj *mutex;
	struct ntsync_obj *event;
	struct kt_waiter *waiter;
	struct ntsync_task *t;
};

/* Returns current's record. */
static struct ntsync_task *lock_mutex(struct kunit *test, struct ntsync_obj *mutex)
{
	struct ntsync_wait_req req = { .objs = &mutex, .count = 1, .owner = OWNER };

	KUNIT_ASSERT_EQ(test, ntsync_wait_any(&req), 0);
	KUNIT_ASSERT_NOT_NULL(test, ntsync_task_current());
	return ntsync_task_current();
}

static void unlock_mutex(struct kunit *test, struct ntsync_obj *mutex, u32 owner)
{
	u32 prev;

	KUNIT_EXPECT_EQ(test, ntsync_mutex_unlock(mutex, owner, &prev), 0);
}

static void init_boost(struct kunit *test, struct boost_fixture *f)
{
	f->mutex = kt_mutex(test, 0, 0);
	f->event = kt_event(test, false, false);
	f->waiter = kt_waiter(test, false, OWNER + 1, HIGH);
	f->t = lock_mutex(test, f->mutex);
	kt_waiter_add(f->waiter, f->mutex);
	kt_waiter_add(f->waiter, f->event);
}

static void begin_boost(struct kunit *test, struct boost_fixture *f)
{
	kt_waiter_start(test, f->waiter);
	kt_until_any(test, f->event, 1);
	while (READ_ONCE(current->prio) != MAX_RT_PRIO - 1 - HIGH)
		cond_resched();
}

static void end_boost(struct kunit *test, struct boost_fixture *f)
{
	u32 prev;

	KUNIT_EXPECT_EQ(test, ntsync_event_set(f->event, &prev), 0);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, f->waiter), 0);
}

/* A boost that ends while current holds all_lock stays until current has released it. */
static void all_lock_holder_is_not_lowered(struct kunit *test)
{
	struct boost_fixture f;

	init_boost(test, &f);
	begin_boost(test, &f);
	scoped_guard(ntsync_all_lock, f.mutex->dev) {
		end_boost(test, &f);
		KUNIT_EXPECT_EQ(test, current->normal_prio, MAX_RT_PRIO - 1 - HIGH);
	}
	KUNIT_EXPECT_TRUE(test, current->normal_prio > MAX_RT_PRIO);
	unlock_mutex(test, f.mutex, OWNER);
}

/*
 * A boost begins: the other task has set current's priority, but has not recorded it yet. all_lock
 * must count as held by a boosted task already then.
 */
static void all_lock_holder_counts_a_new_boost(struct kunit *test)
{
	struct ntsync_obj *mutex = kt_mutex(test, 0, 0);
	struct ntsync_task *t = lock_mutex(test, mutex);

	scoped_guard(raw_spinlock, &t->lock)
		t->applying = true;
	scoped_guard(ntsync_all_lock, mutex->dev) {
		KUNIT_EXPECT_EQ(test, t->lower_disabled, 1);
		scoped_guard(raw_spinlock, &t->lock)
			t->applying = false;
	}
	KUNIT_EXPECT_EQ(test, t->lower_disabled, 0);
	unlock_mutex(test, mutex, OWNER);
}

/* Two tasks boost current again and again, and each takes its boost back. */
struct boosters {
	struct ntsync_task *t;
	atomic_t running;
};

static int boost_and_unboost(void *arg)
{
	struct boosters *b = arg;
	struct ntsync_contrib c = { .kind = NTSYNC_CONTRIB_EVENT };
	int i;

	for (i = 0; i < 4000; i++) {
		scoped_guard(raw_spinlock, &b->t->lock)
			ntsync_contrib_insert_locked(&c, b->t,
						     ntsync_contrib_rank(MAX_RT_PRIO - 1 - HIGH, 0),
						     SCHED_FIFO);
		ntsync_pi_apply(b->t);
		scoped_guard(raw_spinlock, &b->t->lock)
			ntsync_contrib_erase_locked(&c);
		ntsync_task_put(b->t);
		ntsync_pi_apply(b->t);
	}
	atomic_dec(&b->running);
	return 0;
}

/*
 * A contribution that is added while another task applies the record must not begin a boost before
 * the normal parameters are saved: it would never end.
 */
static void no_boost_begins_unsaved(struct kunit *test)
{
	struct ntsync_obj *mutex = kt_mutex(test, 0, 0);
	struct boosters b = { .t = lock_mutex(test, mutex), .running = ATOMIC_INIT(2) };
	int i;

	for (i = 0; i < 2; i++)
		KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(boost_and_unboost, &b, "boost")));
	while (atomic_read(&b.running))
		schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_EQ(test, current->policy, SCHED_NORMAL);
	KUNIT_EXPECT_EQ(test, current->rt_priority, 0);
	unlock_mutex(test, mutex, OWNER);
}

#define CHANGES	4000

struct changes {
	struct task_struct *task;
	struct completion over;
};

static int change_prio(void *arg)
{
	struct changes *c = arg;
	int i;

	for (i = 0; i < CHANGES; i++) {
		kt_set_prio(c->task, HIGH);
		kt_set_prio(c->task, KT_NORMAL);
	}
	complete(&c->over);
	return 0;
}

/*
 * Another task raises and lowers current. No kernel lock boosts it, so
 * ntsync_task_kernel_boost_prio() must never report a boost.
 */
static void own_change_is_no_kernel_boost(struct kunit *test)
{
	struct changes c = { .task = current };
	struct task_struct *other;
	unsigned long boosted = 0;

	init_completion(&c.over);
	other = kthread_run(change_prio, &c, "change");
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	while (!try_wait_for_completion(&c.over)) {
		boosted += ntsync_task_kernel_boost_prio(current) != MAX_RT_PRIO;
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, boosted, 0);
}

/* Waits until @p sleeps; returns the state that it sleeps in. */
static unsigned int wait_for_sleep(struct task_struct *p)
{
	unsigned int state;

	while (!(state = READ_ONCE(p->__state) & (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)))
		schedule_timeout_uninterruptible(1);
	return state;
}

/*
 * A task that is setting the owner's parameters does not get on; the test plays that task. The
 * owner's waiters must not rely on it: they wait for its apply_lock, and so boost it.
 */
static void waiters_wait_for_pending_change(struct kunit *test)
{
	struct ntsync_obj *mutex = kt_mutex(test, 0, 0);
	struct kt_waiter *first = kt_waiter(test, false, OWNER + 1, 40);
	struct kt_waiter *second = kt_waiter(test, false, OWNER + 2, 30);
	struct ntsync_task *t = lock_mutex(test, mutex);

	kt_waiter_add(first, mutex);
	kt_waiter_add(second, mutex);

	rt_mutex_lock(&t->apply_lock);
	scoped_guard(raw_spinlock, &t->lock)
		t->applying = true;
	kt_waiter_start(test, first);
	kt_until_any(test, mutex, 1);
	KUNIT_EXPECT_EQ(test, wait_for_sleep(first->task), TASK_UNINTERRUPTIBLE);
	KUNIT_EXPECT_EQ(test, current->prio, MAX_RT_PRIO - 1 - 40);
	kt_waiter_start(test, second);
	kt_until_any(test, mutex, 2);
	KUNIT_EXPECT_EQ(test, wait_for_sleep(second->task), TASK_UNINTERRUPTIBLE);
	scoped_guard(raw_spinlock, &t->lock)
		t->applying = false;
	rt_mutex_unlock(&t->apply_lock);

	KUNIT_EXPECT_EQ(test, wait_for_sleep(first->task), TASK_INTERRUPTIBLE);
	KUNIT_EXPECT_EQ(test, wait_for_sleep(second->task), TASK_INTERRUPTIBLE);
	KUNIT_EXPECT_EQ(test, current->normal_prio, MAX_RT_PRIO - 1 - 40);
	unlock_mutex(test, mutex, OWNER);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, first), 0);
	unlock_mutex(test, mutex, OWNER + 1);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, second), 0);
}

/* While a task has lowering disabled, others raise it but do not lower it. */
static void lower_disabled_task_is_not_lowered(struct kunit *test)
{
	struct boost_fixture f;

	init_boost(test, &f);
	ntsync_pi_lower_disable(f.t);
	begin_boost(test, &f);
	end_boost(test, &f);
	KUNIT_EXPECT_EQ(test, current->normal_prio, MAX_RT_PRIO - 1 - HIGH);
	KUNIT_EXPECT_TRUE(test, ntsync_pi_lower_enable(f.t));
	ntsync_pi_apply(f.t);
	KUNIT_EXPECT_TRUE(test, current->normal_prio > MAX_RT_PRIO);
	unlock_mutex(test, f.mutex, OWNER);
}

/*
 * A reference to the task may belong to a setter that was permitted by the boost and sets its
 * priority after the boost has ended. That priority must be taken back.
 */
static void boost_can_not_be_kept(struct kunit *test)
{
	struct boost_fixture f;

	init_boost(test, &f);
	begin_boost(test, &f);
	scoped_guard(raw_spinlock, &f.t->lock)
		f.t->had_cap = false;
	get_task_struct(current);
	end_boost(test, &f);
	KUNIT_EXPECT_TRUE(test, current->normal_prio > MAX_RT_PRIO);
	kt_set_prio(current, HIGH);
	put_task_struct(current);
	while (READ_ONCE(current->policy) != SCHED_NORMAL)
		schedule_timeout_uninterruptible(1);
	unlock_mutex(test, f.mutex, OWNER);
}

static void selftest_succeeds(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, ntsync_pi_selftest() ?: "nothing", "nothing");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(all_lock_holder_is_not_lowered),
	KUNIT_CASE(all_lock_holder_counts_a_new_boost),
	KUNIT_CASE(no_boost_begins_unsaved),
	KUNIT_CASE(own_change_is_no_kernel_boost),
	KUNIT_CASE(waiters_wait_for_pending_change),
	KUNIT_CASE(lower_disabled_task_is_not_lowered),
	KUNIT_CASE(boost_can_not_be_kept),
	KUNIT_CASE(selftest_succeeds),
	{}
};

static struct kunit_suite suite = {
	.name = "ntsync_pi",
	.init = ntsync_kunit_init,
	.test_cases = cases,
};
kunit_test_suite(suite);
