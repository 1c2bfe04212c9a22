// SPDX-License-Identifier: GPL-2.0-only
/*
 * A child of a boosted task starts with what a child of the unboosted task would have. A fork
 * copies the parent while others may change it: first its parameters, one by one, and much later
 * the priority that the child runs at, from the parent's normal_prio of that moment. So a child
 * may get a mixture of what the parent had before and after a change, and no single field tells
 * which:
 *
 *   during the fork			what the child gets
 *
 *   a boost begins, between the copy	normal parameters, but it runs boosted all its
 *   of the parameters and that of	life
 *   the priority
 *   a boost ends, between the copies	normal parameters, but the normal_prio of the boost,
 *   of rt_priority and policy		which it returns to for good when a boost by one
 *					of the kernel's locks ends
 *   a boost ends, between the copies	the boost's policy and priority, as its own
 *   of policy and reset_on_fork
 *   nothing; the parent is boosted	SCHED_NORMAL with nice 0, as reset_on_fork says
 *
 * The tracepoint task_newtask comes in the parent before the child runs for the first time. Its
 * probe compares all of these fields, and sets those that differ.
 */
#include <linux/sched.h>
#include <linux/sched/rt.h>
#include <trace/events/task.h>
#include <uapi/linux/sched/types.h>

#include "hook.h"
#include "pi_internal.h"

static struct ntsync_hook fork_hook;

/**
 * struct child_params - what a child should have
 * @params: reset_on_fork is never set
 * @nice: its nice value; of a real-time task, too
 */
struct child_params {
	struct ntsync_sched_params params;
	int nice;
};

/* Under t->lock no boost begins between the read and the check of normal_saved. */
static void read_normal_of_record(struct ntsync_task *t, struct ntsync_sched_params *normal)
{
	guard(raw_spinlock)(&t->lock);
	ntsync_sched_params_read(current, normal);
	if (t->normal_saved && (t->applying || ntsync_pi_params_are_ours(t, normal) ||
				!ntsync_pi_params_permitted(t, normal)))
		*normal = t->normal;
}

/* current's normal parameters. Parameters that it is not permitted are ignored. */
static void read_normal(struct ntsync_sched_params *normal)
{
	struct ntsync_task *t = ntsync_task_current();

	if (likely(!t))
		ntsync_sched_params_read(current, normal);
	else
		read_normal_of_record(t, normal);
}

/* What the kernel does in a fork of an unboosted task. */
static void derive_child_params(struct child_params *own)
{
	struct ntsync_sched_params *p = &own->params;

	own->nice = task_nice(current);
	if (!p->reset_on_fork)
		return;
	p->reset_on_fork = false;
	p->slice = 0;
	if (p->prio || p->policy == SCHED_DEADLINE) {
		p->policy = SCHED_NORMAL;
		p->prio = 0;
		own->nice = 0;
	} else if (own->nice < 0) {
		own->nice = 0;
	}
}

static bool child_has_params(const struct task_struct *child, const struct child_params *own)
{
	const struct ntsync_sched_params *p = &own->params;
	int prio = p->prio ? MAX_RT_PRIO - 1 - p->prio : NICE_TO_PRIO(own->nice);

	return (int)child->policy == p->policy && (int)child->rt_priority == p->prio &&
	       child->prio == prio && child->normal_prio == prio &&
	       child->static_prio == NICE_TO_PRIO(own->nice);
}

/*
 * The kernel changes nothing if policy and priority are what they should be already, even if the
 * other fields are not; so other values are set first. Setting a policy other than SCHED_DEADLINE
 * does not sleep.
 */
static void set_child_params(struct task_struct *child, const struct child_params *own)
{
	const struct sched_attr other = {
		.size = sizeof(other),
		.sched_policy = SCHED_FIFO,
		.sched_priority = child->rt_priority == 1 ? 2 : 1,
	};
	const struct sched_attr normal = {
		.size = sizeof(normal),
		.sched_policy = SCHED_NORMAL,
		.sched_nice = own->nice,
	};
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = own->params.policy,
		.sched_priority = own->params.prio,
		.sched_nice = own->nice,
		.sched_runtime = own->params.slice,
	};

	sched_setattr_nocheck(child, &other);
	/* A real-time task has a nice value, too, which is set only without real-time policy. */
	if (own->params.prio && child->static_prio != NICE_TO_PRIO(own->nice))
		sched_setattr_nocheck(child, &normal);
	sched_setattr_nocheck(child, &attr);
	/* The kernel has copied the slack of a boosted parent, which is 0. */
	if (!own->params.prio && own->params.slack) {
		WRITE_ONCE(child->timer_slack_ns, own->params.slack);
		WRITE_ONCE(child->default_timer_slack_ns, own->params.slack);
	}
}

/**
 * ntsync_fork_fix_child() - remove what a child has got of its parent's boost
 * @child: a child of current; it has not run yet
 */
void ntsync_fork_fix_child(struct task_struct *child)
{
	struct child_params own;

	/* Set from outside: a fork does not copy this policy. */
	if (child->policy == SCHED_DEADLINE)
		return;
	read_normal(&own.params);
	derive_child_params(&own);
	if (likely(child_has_params(child, &own)) || own.params.policy == SCHED_DEADLINE)
		return;
	set_child_params(child, &own);
}

/* Runs in the parent at the end of the fork. Preemption may be off. */
static void probe_task_newtask(void *unused, NTSYNC_NEWTASK_PROBE_ARGS)
{
	ntsync_fork_fix_child(p);
}

/* sched_process_fork is not enough: it leaves out the workers that io_uring creates. */
int ntsync_fork_init(void)
{
	check_trace_callback_type_task_newtask(probe_task_newtask);
	/* Without the probe boosts would leak to children, so there must be none. */
	return ntsync_hook_init(&fork_hook, "task_newtask", probe_task_newtask);
}

void ntsync_fork_exit(void)
{
	ntsync_hook_exit(&fork_hook);
}
