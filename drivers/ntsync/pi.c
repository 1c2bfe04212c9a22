// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arbiter: who inherits whose priority. It is the only place that changes a
 * task's scheduling parameters, and there is one for the whole module, as a task
 * can work with several devices. docs/pi.md has the model at length; in short:
 *
 *   wait entries of real-time tasks --> mutex --> its owner's record --> the owner
 *   (entry->pi, by level)		  (contrib)		        and on, from the
 *								wait that it sleeps in
 *
 * Three equations hold whenever nothing is marked dirty:
 *
 * [1] a mutex contributes the best level among its waiters to its owner
 * [2] a task has the best of its own level (the base) and all contributions to it
 * [3] the entries of a sleeping task have the level of the task
 *
 * Whatever changes one side marks the mutex, and catch_up() repairs one mutex after
 * the other: [1] for the mutex, [2] for its owners, [3] for the owners' waits, which
 * marks the mutexes that those wait for. It drops pi_lock in between, so the length
 * of a chain is nobody's latency, and leaves when nothing is marked: the call that
 * has changed something does not return before its consequences have happened,
 * whoever has worked on them.
 *
 * It ends, in a cycle too: mutexes whose contribution gets worse go first. Such a
 * step makes levels only worse, of which there are finitely many, and marks nothing
 * that gets better; when none is left, a step makes levels only better, and nothing
 * that gets worse comes from it. (In a cycle, which is a deadlock as long as it
 * lasts, a level may go on being inherited around it after its source has left. It
 * goes as soon as anyone leaves the cycle.)
 *
 * Records never fail to be there: every active mutex, and every event boost in
 * effect, has brought one along, and each needs at most one task to be boosted. All
 * memory is allocated by calls that may sleep and may say -ENOMEM before they have
 * changed anything; further down a chain, where nobody could be told, it is
 * allocated so that it can't fail.
 *
 * Protected by pi_lock, an rt_mutex: who works here with a low priority inherits
 * that of whoever waits for the lock. Taken inside all_lock, outside obj->lock.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/sched/deadline.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>
#include <uapi/linux/sched/types.h>

#include "lock.h"
#include "ntsync_internal.h"
#include "trace.h"

/**
 * struct params - a task's scheduling parameters, as far as a boost changes them
 * @policy, @prio: as in sched_attr; @prio is 0 for normal tasks
 * @reset_on_fork: children start as normal tasks
 * @slice: a slice that the task has asked for, or 0
 * @slack: timer slack, which the kernel resets for real-time tasks
 *
 * Nice is not among them: setpriority() works on a boosted task as ever, and it is
 * read when it is needed.
 */
struct params {
	int policy;
	int prio;
	bool reset_on_fork;
	u64 slice;
	u64 slack;
};

/**
 * struct ntsync_pi_task - the record of a task that has contributions
 * @hash: in records, by @task
 * @spare: in spares, while it stands for no task
 * @task: counted
 * @contribs: struct ntsync_contrib, the best one first
 * @event: the one of an event's boost
 * @event_dev: number of the instance that this came from
 * @base: what the task is without us
 * @policy, @prio: what we have given to it; @prio is 0 while it has its base
 */
struct ntsync_pi_task {
	union {
		struct hlist_node hash;
		struct list_head spare;
	};
	struct task_struct *task;
	struct ntsync_waitq contribs;
	struct ntsync_contrib event;
	u64 event_dev;
	struct params base;
	int policy;
	int prio;
};

bool ntsync_pi_enabled __read_mostly = true;

/* Mutexes whose owner has changed; filled under obj->lock, emptied under pi_lock. */
LLIST_HEAD(ntsync_pi_stale);

static DEFINE_RT_MUTEX(pi_lock);
static DEFINE_HASHTABLE(records, 7);
static LIST_HEAD(spares);
static LIST_HEAD(active);
static LIST_HEAD(worse);	/* marked: the contribution gets worse, or ends */
static LIST_HEAD(better);	/* marked: all others */

static void sweep(struct work_struct *work);
static DECLARE_DELAYED_WORK(sweeper, sweep);

static struct {
	u64 locks;
	u64 allocs;
	u64 records;
} stats;

void ntsync_pi_lock(void)
{
	rt_mutex_lock(&pi_lock);
	stats.locks++;
}

void ntsync_pi_unlock(void)
{
	rt_mutex_unlock(&pi_lock);
}

/* ---- memory ---- */

struct ntsync_pi_task *ntsync_pi_task_alloc(void)
{
	return kzalloc(sizeof(struct ntsync_pi_task), GFP_KERNEL_ACCOUNT);
}

void ntsync_pi_task_free(struct ntsync_pi_task *r)
{
	kfree(r);
}

/* With the record that it brings along. */
static struct ntsync_pi_mutex *mutex_alloc(gfp_t gfp)
{
	struct ntsync_pi_mutex *m = kzalloc(sizeof(*m), gfp);

	if (!m)
		return NULL;
	m->spare = kzalloc(sizeof(*m->spare), gfp);
	if (!m->spare) {
		kfree(m);
		return NULL;
	}
	return m;
}

static void mutex_free(struct ntsync_pi_mutex *m)
{
	kfree(m->spare);
	kfree(m);
}

static void add_spare(struct ntsync_pi_task *r)
{
	list_add(&r->spare, &spares);
	stats.allocs++;
}

static void drop_spare(void)
{
	struct ntsync_pi_task *r = list_first_entry_or_null(&spares, struct ntsync_pi_task, spare);

	if (WARN_ON_ONCE(!r))
		return;
	list_del(&r->spare);
	kfree(r);
}

/* ---- a task's parameters ---- */

static int level_of(int policy, int prio)
{
	if (policy == SCHED_DEADLINE)
		return MAX_DL_PRIO - 1;
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return MAX_RT_PRIO - 1 - prio;
	return MAX_RT_PRIO;
}

static int prio_of(int level)
{
	return min(MAX_RT_PRIO - 1 - level, MAX_RT_PRIO - 1);
}

static void read_params(const struct task_struct *p, struct params *params)
{
	params->policy = p->policy;
	params->prio = p->rt_priority;
	params->reset_on_fork = p->sched_reset_on_fork;
	params->slice = p->se.custom_slice ? p->se.slice : 0;
	params->slack = p->timer_slack_ns;
}

static bool is_dead(const struct task_struct *p)
{
	return READ_ONCE(p->exit_state) || (READ_ONCE(p->flags) & PF_EXITING);
}

static void set_params(struct task_struct *p, const struct params *params)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = params->policy,
		.sched_priority = params->prio,
		.sched_nice = task_nice(p),
		.sched_flags = params->reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0,
		.sched_runtime = params->slice,
	};

	sched_setattr_nocheck(p, &attr);
	if (params->slack)
		WRITE_ONCE(p->timer_slack_ns, params->slack);
}

static bool has_cap_sys_nice(struct task_struct *p)
{
	const struct cred *cred;

	guard(rcu)();
	cred = __task_cred(p);
	return cred->user_ns == &init_user_ns && cap_raised(cred->cap_effective, CAP_SYS_NICE);
}

/* Could @r's task have given itself these, had it not been boosted? */
static bool may_have(const struct ntsync_pi_task *r, const struct params *params)
{
	if (level_of(params->policy, params->prio) == MAX_RT_PRIO)
		return true;
	if (has_cap_sys_nice(r->task))
		return true;
	if (params->policy == SCHED_DEADLINE)
		return false;
	return params->prio <= r->base.prio ||
	       params->prio <= task_rlimit(r->task, RLIMIT_RTPRIO);
}

/*
 * Has somebody changed the parameters since we looked last? They are the new base,
 * unless only the boost has made that possible; then the old base comes back. True
 * if what the task has now must be replaced, whatever it is.
 */
static bool adopt_changes(struct ntsync_pi_task *r)
{
	struct params now;

	read_params(r->task, &now);
	if (!r->prio) {
		r->base = now;
		return false;
	}
	if (now.policy == r->policy && now.prio == r->prio)
		return false;

	r->prio = 0;
	if (!may_have(r, &now))
		return true;
	now.slack = r->base.slack;
	r->base = now;
	return false;
}

static const struct ntsync_contrib *best(const struct ntsync_pi_task *r)
{
	struct ntsync_waitq_node *n = ntsync_waitq_first(&r->contribs);

	return n ? container_of(n, struct ntsync_contrib, node) : NULL;
}

/* Equation [2]. True if the task's level has changed. */
static bool apply(struct ntsync_pi_task *r)
{
	const struct ntsync_contrib *top = best(r);
	bool foreign = adopt_changes(r);
	int old = r->prio ?: r->base.prio;
	struct params want = r->base;

	if (top && top->node.level < level_of(r->base.policy, r->base.prio)) {
		want.policy = top->policy;
		want.prio = prio_of(top->node.level);
		want.reset_on_fork = true;
		want.slice = 0;
		want.slack = 0;
		if (!foreign && r->policy == want.policy && r->prio == want.prio)
			return false;
		r->policy = want.policy;
		r->prio = want.prio;
		set_params(r->task, &want);
		if (want.prio >= old)
			trace_ntsync_boost(r->task, top->event ? "event" : "mutex", old, want.prio);
		else
			trace_ntsync_unboost(r->task, top->event ? "event" : "mutex", old,
					     want.prio);
		return true;
	}

	if (!r->prio && !foreign)
		return false;
	r->prio = 0;
	set_params(r->task, &want);
	trace_ntsync_unboost(r->task, "none", old, want.prio);
	return true;
}
