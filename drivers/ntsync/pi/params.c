// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and setting the scheduling parameters of a task. All boosts are set here. fork.c sets the
 * parameters of a new child itself, exit_worker.c those of the worker.
 */
#include <linux/sched.h>
#include <linux/sched/deadline.h>
#include <linux/sched/rt.h>
#include <uapi/linux/sched/types.h>

#include "pi_internal.h"

/* From sched_attr to task_struct::prio; all tasks without real-time priority get MAX_RT_PRIO. */
int ntsync_attr_to_prio(int policy, int rt_priority)
{
	if (policy == SCHED_DEADLINE)
		return MAX_DL_PRIO - 1;
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return MAX_RT_PRIO - 1 - rt_priority;
	return MAX_RT_PRIO;
}

/* The opposite, for a boost: a deadline task boosts to the highest real-time priority. */
int ntsync_prio_to_attr(int prio)
{
	return min(MAX_RT_PRIO - 1 - prio, MAX_RT_PRIO - 1);
}

/* Without boosts by the kernel's own locks, but with ours; at most MAX_RT_PRIO. */
int ntsync_prio_without_kernel_boost(const struct task_struct *p)
{
	return min_t(int, READ_ONCE(p->normal_prio), MAX_RT_PRIO);
}

/* The kernel writes the fields one by one under pi_lock. */
void ntsync_sched_params_read(struct task_struct *p, struct ntsync_sched_params *params)
{
	guard(raw_spinlock_irqsave)(&p->pi_lock);
	params->policy = p->policy;
	params->prio = p->rt_priority;
	/* Not so the other bits of its word, which the scheduler writes under other locks. */
	params->reset_on_fork = data_race((bool)p->sched_reset_on_fork);
	params->slice = ntsync_custom_slice(p);
	params->slack = p->timer_slack_ns;
}

/*
 * The prio to which a PI futex or another lock of the kernel boosts @p, or MAX_RT_PRIO. The kernel
 * writes prio and normal_prio one by one, so without pi_lock the end of one of our boosts could be
 * taken for a boost by the kernel.
 */
int ntsync_task_kernel_boost_prio(struct task_struct *p)
{
	if (likely(READ_ONCE(p->prio) >= READ_ONCE(p->normal_prio)))
		return MAX_RT_PRIO;
	guard(raw_spinlock_irqsave)(&p->pi_lock);
	return p->prio < p->normal_prio ? ntsync_task_queue_prio(p) : MAX_RT_PRIO;
}

bool ntsync_task_is_dead(const struct task_struct *p)
{
	return READ_ONCE(p->exit_state);
}

/**
 * ntsync_sched_params_set() - set a task's scheduling parameters
 * @p: the task; the caller has a reference
 * @params: the new parameters; the nice value stays
 *
 * Context: preemptible, as the kernel may walk a chain of PI futexes. With preemption off only
 * for current, which waits for no PI futex.
 *
 * Return: 0; -EBUSY if a deadline task waits for a lock of the kernel's that @p holds, and so
 * has made @p a deadline task, which can't be changed; -EACCES if a BPF scheduler refuses it.
 */
int ntsync_sched_params_set(struct task_struct *p, const struct ntsync_sched_params *params)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = params->policy,
		.sched_priority = params->prio,
		.sched_nice = task_nice(p),
		.sched_flags = params->reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0,
		.sched_runtime = params->slice,
	};
	int ret;

	/* Set from outside, and higher than anything that we could set. */
	if (params->policy == SCHED_DEADLINE)
		return 0;
	ntsync_pi_count(NTSYNC_COUNT_SETS);
	ret = sched_setattr_nocheck(p, &attr);
	if (ntsync_task_is_dead(p))
		return 0;
	if (ret) {
		WARN_ON_ONCE(ret != -EBUSY && ret != -EACCES);
		return ret;
	}
	if (params->slack)
		WRITE_ONCE(p->timer_slack_ns, params->slack);
	/*
	 * Otherwise the real-time runtime of all boosts would add up against RLIMIT_RTTIME. The
	 * kernel clears it, too, when one of its own boosts ends.
	 */
	if (!params->prio)
		WRITE_ONCE(p->rt.timeout, 0);
	return 0;
}
