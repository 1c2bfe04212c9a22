// SPDX-License-Identifier: GPL-2.0-only
/*
 * Children of boosted tasks, made by hand: a fork copies fields from before and after a change by
 * the arbiter, in all mixtures. (tests/pi/test_pi_fork.c checks that every kind of fork gets here.)
 */
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/sched/rt.h>
#include <linux/sched/task.h>
#include <uapi/linux/sched/types.h>

#include "fixture.h"
#include "pi/pi_internal.h"

#define BOOST	80

/* The fields that one fork may copy at different times. */
enum { POLICY = BIT(0), RT_PRIORITY = BIT(1), NORMAL_PRIO = BIT(2), PRIO = BIT(3), MIXTURES = 16 };

static int run_never(void *unused)
{
	return 0;
}

static void stop_child(void *child)
{
	kthread_stop(child);
}

static struct task_struct *create_child(struct kunit *test)
{
	struct task_struct *child = kthread_create(run_never, NULL, "ntsync_kunit_child");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, child);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_child, child), 0);
	kthread_bind(child, 0); /* returns when the child sleeps and is in no queue */
	return child;
}

static int prio_to_policy(int prio)
{
	return prio ? SCHED_FIFO : SCHED_NORMAL;
}

static int prio_to_kernel_prio(int prio)
{
	return prio ? MAX_RT_PRIO - 1 - prio : DEFAULT_PRIO;
}

/* The child's own priority is @own. The fields in @mixture are copied from the boost. */
static void copy_mixture(struct task_struct *child, int own, unsigned int mixture)
{
	/* The scheduling class follows from prio. */
	kt_set_prio(child, mixture & PRIO ? BOOST : own);
	child->policy = prio_to_policy(mixture & POLICY ? BOOST : own);
	child->rt_priority = mixture & RT_PRIORITY ? BOOST : own;
	child->normal_prio = prio_to_kernel_prio(mixture & NORMAL_PRIO ? BOOST : own);
}

static void expect_prio(struct kunit *test, struct task_struct *p, int prio,
			const char *parent, unsigned int mixture)
{
	KUNIT_EXPECT_EQ_MSG(test, p->policy, prio_to_policy(prio), "%s, %x", parent, mixture);
	KUNIT_EXPECT_EQ_MSG(test, p->rt_priority, prio, "%s, %x", parent, mixture);
	KUNIT_EXPECT_EQ_MSG(test, p->normal_prio, prio_to_kernel_prio(prio), "%s, %x", parent,
			    mixture);
	KUNIT_EXPECT_EQ_MSG(test, p->prio, prio_to_kernel_prio(prio), "%s, %x", parent, mixture);
}

/* @own: the priority of the parent, and of the child if the boost is over. */
static void try_mixtures(struct kunit *test, int own)
{
	static const struct sched_attr boost = {
		.size = sizeof(boost),
		.sched_policy = SCHED_FIFO,
		.sched_priority = BOOST,
		.sched_flags = SCHED_FLAG_RESET_ON_FORK,
	};
	struct task_struct *child = create_child(test);
	unsigned int mixture;

	for (mixture = 0; mixture < MIXTURES; mixture++) {
		kt_set_prio(current, own);
		copy_mixture(child, own, mixture);
		ntsync_fork_fix_child(child);
		expect_prio(test, child, own, "boost over", mixture);

		copy_mixture(child, own, mixture);
		sched_setattr_nocheck(current, &boost);
		ntsync_fork_fix_child(child);
		expect_prio(test, child, 0, "boosted", mixture);
	}
	kt_set_prio(current, 0);
}

static void child_of_non_rt_task(struct kunit *test)
{
	try_mixtures(test, 0);
}

static void child_of_rt_task(struct kunit *test)
{
	try_mixtures(test, 10);
}

/* The slice, nice value and policy of an unboosted parent without real-time priority stay. */
static void non_rt_child_keeps_params(struct kunit *test)
{
	static const struct sched_attr own = {
		.size = sizeof(own),
		.sched_policy = SCHED_BATCH,
		.sched_nice = 5,
		.sched_runtime = 7 * NSEC_PER_MSEC,
	};
	struct task_struct *child = create_child(test);
	unsigned int mixture;

	KUNIT_ASSERT_EQ(test, sched_setattr_nocheck(current, &own), 0);
	for (mixture = RT_PRIORITY; mixture < PRIO; mixture++) {
		if (mixture & POLICY)
			continue;
		sched_setattr_nocheck(child, &own);
		if (mixture & RT_PRIORITY)
			child->rt_priority = BOOST;
		if (mixture & NORMAL_PRIO)
			child->normal_prio = prio_to_kernel_prio(BOOST);
		ntsync_fork_fix_child(child);
		KUNIT_EXPECT_EQ(test, child->policy, SCHED_BATCH);
		KUNIT_EXPECT_EQ(test, task_nice(child), 5);
		KUNIT_EXPECT_EQ(test, child->se.slice, own.sched_runtime);
		KUNIT_EXPECT_EQ(test, child->rt_priority, 0);
		KUNIT_EXPECT_EQ(test, child->normal_prio, NICE_TO_PRIO(5));
		KUNIT_EXPECT_EQ(test, child->prio, NICE_TO_PRIO(5));
	}
	kt_set_prio(current, 0);
}

static struct kunit_case fork_cases[] = {
	KUNIT_CASE(child_of_non_rt_task),
	KUNIT_CASE(child_of_rt_task),
	KUNIT_CASE(non_rt_child_keeps_params),
	{}
};

static struct kunit_suite fork_suite = {
	.name = "ntsync_fork",
	.test_cases = fork_cases,
};

kunit_test_suite(fork_suite);
