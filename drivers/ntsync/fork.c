// SPDX-License-Identifier: GPL-2.0-only
/*
 * Children of boosted tasks. SCHED_FLAG_RESET_ON_FORK keeps the boost from them but
 * for one window:
 *
 *   parent, forks			arbiter
 *
 *   copies itself: normal policy,
 *   no reset on fork
 *					sched_setattr_nocheck(parent): FIFO
 *   child->prio = parent's, which
 *   decides the child's class
 *
 * The child has a normal policy then, and runs as a real-time task all its life. So a
 * new task that is like that is given its own parameters again before it runs for
 * the first time.
 */
#include <linux/sched.h>
#include <linux/tracepoint.h>
#include <uapi/linux/sched/types.h>

#include "ntsync_internal.h"

static struct tracepoint *fork_tracepoint;

static bool is_normal(const struct task_struct *p)
{
	return p->policy != SCHED_FIFO && p->policy != SCHED_RR && p->policy != SCHED_DEADLINE;
}

/*
 * Called with preemption off, between the child's set-up and its first wake-up. A
 * change to a policy other than SCHED_DEADLINE does not sleep.
 */
static void on_fork(void *unused, struct task_struct *parent, struct task_struct *child)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = child->policy,
		.sched_nice = task_nice(child),
	};

	if (likely(child->prio >= MAX_RT_PRIO || !is_normal(child)))
		return;
	/* Another slice than it has, or the call would find nothing to change. */
	if (child->se.custom_slice)
		attr.sched_runtime = child->se.slice - 1;
	sched_setattr_nocheck(child, &attr);
}

static void find_fork(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "sched_process_fork"))
		fork_tracepoint = tp;
}

/* -ENODEV if the kernel has no such tracepoint: without it boosts are not safe. */
int ntsync_fork_init(void)
{
	for_each_kernel_tracepoint(find_fork, NULL);
	if (!fork_tracepoint)
		return -ENODEV;
	return tracepoint_probe_register(fork_tracepoint, on_fork, NULL);
}

void ntsync_fork_exit(void)
{
	tracepoint_probe_unregister(fork_tracepoint, on_fork, NULL);
	tracepoint_synchronize_unregister();
}
