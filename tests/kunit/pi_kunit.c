// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the arbiter does at moments that only the kernel can arrange.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/rt.h>

#include "fixture.h"
#include "lock.h"
#include "pi.h"

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
		lent += ntsync_task_lent_level(current) != MAX_RT_PRIO;
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
 * Somebody else is before it, so it changes nothing. But whoever is at work may not have done
 * yet what has to be done for those who wait, and needs its priority.
 */
static void second_waiter_waits_for_who_is_at_work(struct kunit *test)
{
	struct ntsync_obj *mutex = kt_mutex(test, 0, 0);
	struct kt_waiter *first = kt_waiter(test, false, OWNER + 1, 40);
	struct kt_waiter *second = kt_waiter(test, false, OWNER + 2, 30);
	u32 prev;

	kt_set_prio(current, HIGH);
	KUNIT_ASSERT_EQ(test, lock_mutex(test, mutex), 0);
	kt_waiter_add(first, mutex);
	kt_waiter_start(test, first);
	kt_until_any(test, mutex, 1);
	KUNIT_EXPECT_EQ(test, sleep_of(first->task), TASK_INTERRUPTIBLE);

	ntsync_pi_lock();
	kt_waiter_add(second, mutex);
	kt_waiter_start(test, second);
	kt_until_any(test, mutex, 2);
	KUNIT_EXPECT_EQ(test, sleep_of(second->task), TASK_UNINTERRUPTIBLE);
	ntsync_pi_unlock();

	KUNIT_EXPECT_EQ(test, ntsync_mutex_unlock(mutex, OWNER, &prev), 0);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, first), 0);
	KUNIT_EXPECT_EQ(test, ntsync_mutex_unlock(mutex, OWNER + 1, &prev), 0);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, second), 0);
	kt_set_prio(current, KT_NORMAL);
}

/* What a task has without us can't be told while we may be changing it. */
static void base_is_not_known_to_others(struct kunit *test)
{
	struct ntsync_obj *mutex = kt_mutex(test, 0, 0);
	struct kt_waiter *w = kt_waiter(test, false, OWNER + 1, HIGH);
	u32 prev;

	ntsync_pi_lock();
	KUNIT_EXPECT_EQ(test, ntsync_pi_peek_base_level(current), NTSYNC_UNKNOWN_LEVEL);
	ntsync_pi_unlock();

	KUNIT_ASSERT_EQ(test, lock_mutex(test, mutex), 0);
	kt_waiter_add(w, mutex);
	kt_waiter_start(test, w);
	until_boosted();
	KUNIT_EXPECT_EQ(test, ntsync_pi_peek_base_level(current), NTSYNC_UNKNOWN_LEVEL);
	KUNIT_EXPECT_EQ(test, ntsync_mutex_unlock(mutex, OWNER, &prev), 0);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), 0);
}

struct closing {
	struct ntsync_obj *obj;
	bool begun;
	bool over;
	struct completion done;
};

static int destroy(void *arg)
{
	struct closing *c = arg;

	WRITE_ONCE(c->begun, true);
	c->obj->ops->destroy(c->obj);
	WRITE_ONCE(c->over, true);
	complete(&c->done);
	return 0;
}

/*
 * The sweeper takes what it has of a mutex away under obj->lock. Whoever closes the mutex in that
 * moment finds nothing to do, but must not free it before the lock is free. We play the sweeper.
 */
static void closing_waits_for_the_sweeper(struct kunit *test)
{
	struct closing c = { .obj = kt_mutex(test, 0, 0) };
	int here = get_cpu(), there = cpumask_any_but(cpu_online_mask, here);
	struct task_struct *closer;

	put_cpu();
	if (there >= nr_cpu_ids)
		kunit_skip(test, "needs two CPUs");
	init_completion(&c.done);
	closer = kthread_create(destroy, &c, "close");
	KUNIT_ASSERT_FALSE(test, IS_ERR(closer));
	kthread_bind(closer, there);
	set_cpus_allowed_ptr(current, cpumask_of(here));

	raw_spin_lock(&c.obj->lock);
	c.obj->mutex.was_active = true;
	wake_up_process(closer);
	while (!READ_ONCE(c.begun))
		cpu_relax();
	/* Long enough for what is three instructions. */
	mdelay(50);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(c.over));
	raw_spin_unlock(&c.obj->lock);
	wait_for_completion(&c.done);
	set_cpus_allowed_ptr(current, cpu_online_mask);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(holder_of_all_lock_is_not_lowered),
	KUNIT_CASE(what_is_taken_away_was_not_lent),
	KUNIT_CASE(second_waiter_waits_for_who_is_at_work),
	KUNIT_CASE(base_is_not_known_to_others),
	KUNIT_CASE(closing_waits_for_the_sweeper),
	{}
};

static struct kunit_suite suite = {
	.name = "ntsync_pi",
	.init = ntsync_kunit_init,
	.test_cases = cases,
};
kunit_test_suite(suite);
