// SPDX-License-Identifier: GPL-2.0-only
/*
 * Children of boosted tasks. SCHED_FLAG_RESET_ON_FORK keeps the boost from them, but
 * a fork copies the task while others may change it: first its parameters, one after
 * the other, in this order or the reverse,
 *
 *	normal_prio, rt_priority ... policy ... reset on fork
 *
 * and, a good deal later, the priority that the child runs with, from the parent's
 * normal_prio of that moment. The arbiter changes all of them at once. So what a
 * child gets may be from before and from after a change:
 *
 *   the arbiter's change			what the child gets
 *
 *   boost between parameters and prio	all its own, but runs boosted all its life
 *   end between rt_priority and policy	normal, but the normal_prio of the boost: it
 *					gets that back whenever the kernel has lent
 *					it a priority, for good
 *   end between policy and the flag	the boost's policy and priority, as its own
 *
 * A second change may hide the first: a boosted prio beside FIFO 10, while the parent
 * is FIFO 10 again. So no single one of them says anything. A child that does not fit
 * together, or is real-time but not as its parent is, is put right before it runs for
 * the first time.
 */
#include <linux/sched.h>
#include <trace/events/task.h>
#include <uapi/linux/sched/types.h>

#include "ntsync_internal.h"

static struct ntsync_hook fork_hook;

static bool is_normal(const struct task_struct *p)
{
	return p->policy != SCHED_FIFO && p->policy != SCHED_RR && p->policy != SCHED_DEADLINE;
}

static bool is_normal_throughout(const struct task_struct *p)
{
	return is_normal(p) && !p->rt_priority && p->prio >= MAX_RT_PRIO &&
	       p->normal_prio >= MAX_RT_PRIO;
}

static bool is_throughout(const struct task_struct *p, const struct sched_attr *attr)
{
	int prio = MAX_RT_PRIO - 1 - attr->sched_priority;

	return p->policy == attr->sched_policy && p->rt_priority == attr->sched_priority &&
	       p->prio == prio && p->normal_prio == prio;
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
 * The kernel does nothing if it finds policy and priority as they are to be, whatever
 * the others are; so they are made different first. A change to a policy other than
 * SCHED_DEADLINE does not sleep.
 */
static void set_all_params(struct task_struct *child, const struct sched_attr *attr)
{
	const struct sched_attr other = {
		.size = sizeof(other),
		.sched_policy = SCHED_FIFO,
		.sched_priority = child->rt_priority == 1 ? 2 : 1,
	};

	sched_setattr_nocheck(child, &other);
	sched_setattr_nocheck(child, attr);
}

/**
 * ntsync_fork_put_right() - no part of a boost for a child
 * @child: of current; it has not run yet
 */
void ntsync_fork_put_right(struct task_struct *child)
{
	struct sched_attr attr;

	if (likely(is_normal_throughout(child)))
		return;
	attr = child_params();
	if (is_normal(child)) {
		attr.sched_policy = child->policy;
		attr.sched_priority = 0;
		attr.sched_nice = task_nice(child);
		attr.sched_runtime = child->se.custom_slice ? child->se.slice : 0;
	} else if (child->policy == SCHED_DEADLINE || is_throughout(child, &attr)) {
		return;
	}
	set_all_params(child, &attr);
}

/* The last thing that current does in copying itself. Preemption may be off. */
static void on_fork(void *unused, NTSYNC_NEWTASK_PROBE_ARGS)
{
	ntsync_fork_put_right(p);
}

/* Not sched_process_fork, which does not tell of the workers that io_uring creates. */
int ntsync_fork_init(void)
{
	check_trace_callback_type_task_newtask(on_fork);
	/* Without it boosts are not safe. */
	return ntsync_hook_init(&fork_hook, "task_newtask", on_fork);
}

void ntsync_fork_exit(void)
{
	ntsync_hook_exit(&fork_hook);
}
