// SPDX-License-Identifier: GPL-2.0-only
/*
 * Children of boosted tasks start with what a child of the parent's base has, whatever the
 * base is. A fork copies the parent while others may change it: first its parameters, one
 * after the other, and a good deal later the priority that the child runs with, from the
 * parent's normal_prio of that moment. So a child may get a mixture of what the parent had
 * before and after a change, and no single part of it says anything:
 *
 *   a change by pi/apply.c			what the child gets
 *
 *   boost between parameters and prio	all its own, but runs boosted all its life
 *   end between rt_priority and policy	normal, but the normal_prio of the boost: it
 *					gets that back whenever the kernel has lent
 *					it a priority, for good
 *   end between policy and the flag	the boost's policy and priority, as its own
 *   no change, a boosted parent	normal with nice 0, as the flag says
 *
 * The kernel calls us in the parent before the child runs for the first time; whatever the
 * child has that it should not have is put right then.
 */
#include <linux/sched.h>
#include <linux/sched/rt.h>
#include <trace/events/task.h>
#include <uapi/linux/sched/types.h>

#include "hook.h"
#include "pi_internal.h"

static struct ntsync_hook fork_hook;

/**
 * struct own_params - what a child is to have
 * @params: reset_on_fork is never set
 * @nice: of a normal task
 */
struct own_params {
	struct ntsync_sched_params params;
	int nice;
};

/* What it has without a saved base is its own: that is looked at under the lock. */
static void read_base_of(struct ntsync_task *t, struct ntsync_sched_params *base)
{
	guard(raw_spinlock)(&t->lock);
	ntsync_sched_params_read(current, base);
	if (t->saved && (t->applying || ntsync_pi_is_what_was_set(t, base) ||
			 !ntsync_pi_may_have(t, base)))
		*base = t->base;
}

/* What current has without us; what it may not have does not count. */
static void read_base(struct ntsync_sched_params *base)
{
	struct ntsync_task *t = ntsync_task_find();

	if (likely(!t))
		ntsync_sched_params_read(current, base);
	else
		read_base_of(t, base);
}

/* As the kernel does for a task that is not boosted. */
static void derive(struct own_params *own)
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

static bool has(const struct task_struct *child, const struct own_params *own)
{
	const struct ntsync_sched_params *p = &own->params;
	int prio = p->prio ? MAX_RT_PRIO - 1 - p->prio : NICE_TO_PRIO(own->nice);

	return (int)child->policy == p->policy && (int)child->rt_priority == p->prio &&
	       child->prio == prio && child->normal_prio == prio &&
	       child->static_prio == NICE_TO_PRIO(own->nice);
}

/*
 * The kernel does nothing if it finds policy and priority as they are to be, whatever
 * the others are; so they are made different first. A change to a policy other than
 * SCHED_DEADLINE does not sleep.
 */
static void set_all(struct task_struct *child, const struct own_params *own)
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
	/* A real-time task has a nice value, too, and only a normal one can be given it. */
	if (own->params.prio && child->static_prio != NICE_TO_PRIO(own->nice))
		sched_setattr_nocheck(child, &normal);
	sched_setattr_nocheck(child, &attr);
	/* What the kernel has copied from a parent that was boosted is none. */
	if (!own->params.prio && own->params.slack) {
		WRITE_ONCE(child->timer_slack_ns, own->params.slack);
		WRITE_ONCE(child->default_timer_slack_ns, own->params.slack);
	}
}

/**
 * ntsync_fork_put_right() - no part of a boost for a child
 * @child: of current; it has not run yet
 */
void ntsync_fork_put_right(struct task_struct *child)
{
	struct own_params own;

	/* The kernel has set its parameters. */
	if (child->policy == SCHED_DEADLINE)
		return;
	read_base(&own.params);
	derive(&own);
	if (likely(has(child, &own)) || own.params.policy == SCHED_DEADLINE)
		return;
	set_all(child, &own);
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
