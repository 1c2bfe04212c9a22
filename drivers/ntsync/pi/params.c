// SPDX-License-Identifier: GPL-2.0-only
/*
 * A task's scheduling parameters, read and set: the only caller of sched_setattr_nocheck()
 * for a boost.
 */
#include <linux/sched.h>
#include <linux/sched/deadline.h>
#include <linux/sched/rt.h>
#include <uapi/linux/sched/types.h>

#include "pi_internal.h"

/* As task_struct::prio counts, all normal tasks alike. @rt_priority as in sched_attr. */
int ntsync_prio_of(int policy, int rt_priority)
{
	if (policy == SCHED_DEADLINE)
		return MAX_DL_PRIO - 1;
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return MAX_RT_PRIO - 1 - rt_priority;
	return MAX_RT_PRIO;
}

/* What @p has without what the kernel's own locks lend to it. */
int ntsync_normal_prio(const struct task_struct *p)
{
	return min_t(int, READ_ONCE(p->normal_prio), MAX_RT_PRIO);
}

/* The kernel changes them one after the other under this lock. */
void ntsync_sched_params_read(struct task_struct *p, struct ntsync_sched_params *params)
{
	guard(raw_spinlock_irqsave)(&p->pi_lock);
	params->policy = p->policy;
	params->prio = p->rt_priority;
	params->reset_on_fork = p->sched_reset_on_fork;
	params->slice = p->se.custom_slice ? p->se.slice : 0;
	params->slack = p->timer_slack_ns;
}

/*
 * The priority that the kernel lends to @p, by a PI futex or another lock; MAX_RT_PRIO: none.
 * prio and normal_prio are changed one after the other, so a look without the lock may take
 * for lent what has only just been taken away.
 */
int ntsync_task_lent_prio(struct task_struct *p)
{
	if (likely(READ_ONCE(p->prio) >= READ_ONCE(p->normal_prio)))
		return MAX_RT_PRIO;
	guard(raw_spinlock_irqsave)(&p->pi_lock);
	return p->prio < p->normal_prio ? ntsync_task_level(p) : MAX_RT_PRIO;
}

bool ntsync_task_is_dead(const struct task_struct *p)
{
	return READ_ONCE(p->exit_state);
}

/**
 * ntsync_sched_params_set() - set a task's scheduling parameters
 * @p: the task; the caller has a reference
 * @params: what it gets; its nice value stays
 *
 * Context: preemptible, as the kernel may walk a chain of PI futexes; with preemption off
 * only for current, which waits for none.
 * Return: 0; -EBUSY: a deadline task waits for a lock of @p's and has made it a deadline task
 * for that time, so nobody can change it; -EACCES: a BPF scheduler does not let it back.
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

	/* Somebody has made it one meanwhile; that is above all that we could set. */
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
	/* Or the time of all boosts would add up for RLIMIT_RTTIME; the kernel's own end so too. */
	if (!params->prio)
		WRITE_ONCE(p->rt.timeout, 0);
	return 0;
}
