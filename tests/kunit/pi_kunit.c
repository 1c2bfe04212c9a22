// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the arbiter does at moments that only the kernel can arrange.
 */
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
	while (READ_ONCE(current->prio) != MAX_RT_PRIO - 1 - HIGH)
		cond_resched();

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

static struct kunit_case cases[] = {
	KUNIT_CASE(holder_of_all_lock_is_not_lowered),
	KUNIT_CASE(what_is_taken_away_was_not_lent),
	{}
};

static struct kunit_suite suite = {
	.name = "ntsync_pi",
	.init = ntsync_kunit_init,
	.test_cases = cases,
};
kunit_test_suite(suite);
