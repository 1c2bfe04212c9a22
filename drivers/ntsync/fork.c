// SPDX-License-Identifier: GPL-2.0-only
/*
 * Children of boosted tasks. SCHED_FLAG_RESET_ON_FORK keeps the boost from them but
 * for two windows, as a fork copies the task while others may change it:
 *
 *   parent, forks			arbiter
 *
 *   copies itself: normal policy,
 *   no reset on fork
 *					sched_setattr_nocheck(parent): FIFO
 *   child->prio = parent's, which
 *   decides the child's class
 *
 *   copies policy: FIFO
 *					sched_setattr_nocheck(parent): back
 *   copies reset on fork: no more
 *
 * In the one the child has a normal policy and runs as a real-time task all its life,
 * in the other it keeps the boost. So a new real-time task whose parent is not the
 * same is put right before it runs for the first time.
 */
#include <linux/sched.h>
#include <uapi/linux/sched/types.h>

#include "ntsync_internal.h"

static struct ntsync_hook fork_hook;

static bool is_normal(const struct task_struct *p)
{
	return p->policy != SCHED_FIFO && p->policy != SCHED_RR && p->policy != SCHED_DEADLINE;
}

/* What a child of current is to be: normal if current is boosted, or wants that. */
static struct sched_attr child_params(void)
{
	struct sched_attr attr = { .size = sizeof(attr) };

	/* The kernel changes policy, priority and flag together under this lock. */
	guard(raw_spinlock_irqsave)(&current->pi_lock);
	if (current->sched_reset_on_fork || is_normal(current)) {
		attr.sched_policy = SCHED_NORMAL;
	} else {
		attr.sched_policy = current->policy;
		attr.sched_priority = current->rt_priority;
	}
	return attr;
}

/*
 * Called by the parent, with preemption off, between the child's set-up and its first
 * wake-up. A change to a policy other than SCHED_DEADLINE does not sleep.
 */
static void on_fork(void *unused, struct task_struct *parent, struct task_struct *child)
{
	struct sched_attr attr;

	if (likely(child->prio >= MAX_RT_PRIO))
		return;
	attr = child_params();
	if (is_normal(child)) {
		attr.sched_policy = child->policy;
		attr.sched_priority = 0;
		attr.sched_nice = task_nice(child);
		/* Another slice than it has, or the call would find nothing to change. */
		if (child->se.custom_slice)
			attr.sched_runtime = child->se.slice - 1;
	} else if (child->policy == SCHED_DEADLINE ||
		   (child->policy == attr.sched_policy &&
		    child->rt_priority == attr.sched_priority)) {
		return;
	}
	sched_setattr_nocheck(child, &attr);
}

int ntsync_fork_init(void)
{
	/* Without it boosts are not safe. */
	return ntsync_hook_init(&fork_hook, "sched_process_fork", on_fork);
}

void ntsync_fork_exit(void)
{
	ntsync_hook_exit(&fork_hook);
}
