// SPDX-License-Identifier: GPL-2.0-only
/*
 * A task's normal parameters are those that it has when it is not boosted. They are saved when a
 * boost begins. If others set parameters meanwhile, these become the normal ones if the task is
 * permitted to have them without the boost. The saved ones are forgotten when no setter (a task
 * that is inside sched_setattr() or a similar call) can be in flight that was permitted only by the
 * boost:
 *
 *   current, unprivileged		another thread of its process
 *
 *   is boosted to FIFO 80
 *					sched_setattr(current, FIFO 80)
 *					  get_task_struct(current); (L), pairs with (K)
 *					  current is FIFO 80 already: permitted
 *					  [preempted]
 *   the boost ends
 *					  lock(current->pi_lock), sets FIFO 80
 *
 * A setter holds a reference to the task from its check to its change, and changes the task
 * under task_struct::pi_lock. So if the task, looked at under that lock, has its normal
 * parameters and only the references that we know of, no setter is in flight, and later ones are
 * checked against the normal parameters. Otherwise the saved parameters stay. A worker tries again
 * to forget them after 10 ms, 100 ms, then once a second. The worker, the task when it blocks, and
 * the next boost take back what such a setter has set by then.
 * A reference that is kept for long, as by an io_uring, only makes them stay for longer.
 *
 * Only on x86 is (L) a full barrier. Elsewhere a setter's reference can become visible after the
 * setter has read the priority. So there the end of a boost forgets the parameters only if the
 * task has the right to the boost by itself; otherwise a recheck does, 10 ms later or more.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/rcupdate.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>

#include "pi_internal.h"

static struct workqueue_struct *workqueue;

/* Rechecks that are queued or running. */
static atomic_t nr_queued = ATOMIC_INIT(0);

/* ---- what a task is permitted to have ---- */

static bool has_cap_sys_nice(struct task_struct *p)
{
	const struct cred *cred;

	guard(rcu)();
	cred = __task_cred(p);
	return cred->user_ns == &init_user_ns && cap_raised(cred->cap_effective, CAP_SYS_NICE);
}

/*
 * The capability counts only if the task had it when the boost began, too. Otherwise an
 * unprivileged task could set parameters, and execute a set-user-ID program before the driver finds
 * them.
 */
static bool had_and_has_cap(const struct ntsync_task *t)
{
	return t->had_cap && has_cap_sys_nice(t->task);
}

/**
 * ntsync_pi_params_permitted() - would a task be permitted these parameters without boosts?
 * @t: a record with saved normal parameters; the task has not exited
 * @params: what was found
 *
 * By the rules of sched(7) for unprivileged tasks. Only a privileged setter can have set a
 * priority above all boosts.
 */
bool ntsync_pi_params_permitted(const struct ntsync_task *t,
				const struct ntsync_sched_params *params)
{
	unsigned long limit = task_rlimit(t->task, RLIMIT_RTPRIO);

	/* A boost does not help to become a deadline task. */
	if (params->policy == SCHED_DEADLINE ||
	    params->prio > max(t->max_boost_prio, t->normal.prio))
		return true;
	if (had_and_has_cap(t))
		return true;
	if (t->normal.policy == SCHED_IDLE && params->policy != SCHED_IDLE &&
	    nice_to_rlimit(task_nice(t->task)) > task_rlimit(t->task, RLIMIT_NICE))
		return false;
	if (params->policy == SCHED_FIFO || params->policy == SCHED_RR)
		return (params->policy == t->normal.policy || limit) &&
		       (params->prio <= t->normal.prio || params->prio <= limit);
	return true;
}

/* ---- changes from outside ---- */

bool ntsync_pi_params_are_ours(const struct ntsync_task *t, const struct ntsync_sched_params *now)
{
	/* A boost sets reset_on_fork; if it is clear, somebody else has set the parameters. */
	if (t->boost_prio)
		return now->policy == t->boost_policy && now->prio == t->boost_prio &&
		       now->reset_on_fork;
	return now->policy == t->normal.policy && now->prio == t->normal.prio &&
	       now->reset_on_fork == t->normal.reset_on_fork;
}

/* Somebody has set @now. In a boosted task reset_on_fork and the slack are the boost's. */
static void adopt_normal(struct ntsync_task *t, struct ntsync_sched_params *now)
{
	if (t->boost_prio) {
		now->reset_on_fork &= t->normal.reset_on_fork;
		now->slack = now->prio ? 0 : t->normal.slack;
	}
	guard(raw_spinlock)(&t->lock);
	t->normal = *now;
}

/**
 * ntsync_pi_update_normal() - adopt or reject parameters that were set from outside
 * @t: the record; apply_lock is held, and the task has not exited
 *
 * Return: true if the parameters must be set even though the record says that the task has them.
 */
bool ntsync_pi_update_normal(struct ntsync_task *t)
{
	struct ntsync_sched_params now;

	if (!t->normal_saved)
		return false;
	ntsync_sched_params_read(t->task, &now);
	if (ntsync_pi_params_are_ours(t, &now))
		return false;
	if (ntsync_pi_params_permitted(t, &now)) {
		adopt_normal(t, &now);
		return t->boost_prio;
	}
	ntsync_pi_count(NTSYNC_COUNT_REVOKED);
	pr_notice_ratelimited("%s[%d]: policy %d with priority %d was set while it was boosted; it has no right to that, so it is dropped\n",
			      t->task->comm, t->task->pid, now.policy, now.prio);
	return true;
}

/* ---- saving and forgetting ---- */

/* A boost is about to begin; t->lock and apply_lock are held. */
void ntsync_pi_save_normal_locked(struct ntsync_task *t)
{
	lockdep_assert_held(&t->lock);
	ntsync_sched_params_read(t->task, &t->normal);
	t->had_cap = has_cap_sys_nice(t->task);
	t->max_boost_prio = 0;
	t->boost_policy = 0;
	t->boost_prio = 0;
	t->normal_saved = true;
	ntsync_pi_count(NTSYNC_COUNT_BOOSTS);
}

/* The reference of the task itself, and that of its record. */
#define STANDING_REFS	2

/* @refs: how many references the caller has. */
static bool no_setter_in_flight(const struct ntsync_task *t, unsigned int refs)
{
	struct task_struct *p = t->task;

	/* The normal parameters are set before the references are read. */
	smp_mb(); /* (K), pairs with (L), the atomic of get_task_struct() in a setter */
	guard(raw_spinlock_irqsave)(&p->pi_lock);
	return p->policy == t->normal.policy && (int)p->rt_priority == t->normal.prio &&
	       refcount_read(&p->usage) == STANDING_REFS + refs;
}

/* @sooner: the work, if it is queued already, gets the new time. */
static void queue_recheck(struct ntsync_task *t, unsigned int ms, bool sooner)
{
	struct delayed_work *work = &t->recheck_work;
	bool queued;

	ntsync_task_get(t);
	atomic_inc(&nr_queued);
	queued = sooner ? !mod_delayed_work(workqueue, work, msecs_to_jiffies(ms)) :
			  queue_delayed_work(workqueue, work, msecs_to_jiffies(ms));
	if (queued)
		return;
	/* It was queued already, and keeps that reference. */
	atomic_dec(&nr_queued);
	ntsync_task_put(t);
}

static void forget_normal(struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	t->normal_saved = false;
}

/**
 * ntsync_pi_forget_normal() - a boost has ended
 * @t: the record; apply_lock is held; the task has not exited and has its normal parameters
 * @refs: how many references to the task the caller has
 *
 * Forgets the saved normal parameters at once where that is safe, so that most boosts queue no
 * work.
 *
 * Context: preemption may be off.
 */
void ntsync_pi_forget_normal(struct ntsync_task *t, unsigned int refs)
{
	bool own_right = t->max_boost_prio <= task_rlimit(t->task, RLIMIT_RTPRIO) &&
			 t->normal.policy != SCHED_IDLE;

	if (own_right || had_and_has_cap(t) ||
	    (IS_ENABLED(CONFIG_X86) && no_setter_in_flight(t, refs)))
		forget_normal(t);
	else
		ntsync_pi_recheck_soon(t);
}

#define RECHECK_SOON_MS	10

/*
 * Have a worker look at @t in 10 ms: to set what could not be set (the task itself tries again in
 * its next wait, too), to continue a chain walk, or to forget the normal parameters. A look that is
 * due already is not postponed: otherwise tasks that exit one after the other could put it off.
 */
void ntsync_pi_recheck_soon(struct ntsync_task *t)
{
	bool sooner = xchg(&t->recheck_ms, RECHECK_SOON_MS) > RECHECK_SOON_MS;

	queue_recheck(t, RECHECK_SOON_MS, sooner);
}

/* apply_lock is held. */
static void recheck_locked(struct ntsync_task *t)
{
	struct task_struct *p = ntsync_task_get_task(t);

	if (!p)
		return;
	if (t->normal_saved && !t->boost_prio && !t->retry && no_setter_in_flight(t, 1))
		forget_normal(t);
	/* While a boost is in effect no recheck is needed: its end does one. */
	if (t->retry || (t->normal_saved && !t->boost_prio)) {
		unsigned int ms = min(READ_ONCE(t->recheck_ms) * 10, 1000u);

		WRITE_ONCE(t->recheck_ms, ms);
		queue_recheck(t, ms, false);
	}
	put_task_struct(p);
}

static void do_recheck(struct work_struct *work)
{
	struct ntsync_task *t = container_of(work, struct ntsync_task, recheck_work.work);

	ntsync_pi_count(NTSYNC_COUNT_RECHECKS);
	/* Takes back what the task is not permitted. */
	ntsync_pi_apply(t);
	ntsync_pi_walk_from(t);
	rt_mutex_lock(&t->apply_lock);
	recheck_locked(t);
	rt_mutex_unlock(&t->apply_lock);
	ntsync_task_put(t);
	atomic_dec(&nr_queued);
}

void ntsync_pi_normal_task_init(struct ntsync_task *t)
{
	INIT_DELAYED_WORK(&t->recheck_work, do_recheck);
}

/* ---- init, exit ---- */

static bool slot_has_saved(unsigned int slot)
{
	struct ntsync_task *t = NULL, *next;
	bool saved = false;

	while (!saved && (next = ntsync_task_next(slot, t))) {
		ntsync_task_put(t);
		t = next;
		saved = READ_ONCE(t->normal_saved);
	}
	ntsync_task_put(t);
	return saved;
}

/*
 * No instance is open, so no boost begins any more. Waits until all normal parameters are
 * forgotten, for two seconds at most. A setter that has been preempted for longer than that can
 * still give its task the priority of a boost.
 */
void ntsync_pi_wait_for_setters(void)
{
	unsigned int tries, slot;

	for (tries = 0; tries < 100; tries++) {
		slot = 0;
		while (slot < ARRAY_SIZE(ntsync_tasks) && !slot_has_saved(slot))
			slot++;
		if (slot == ARRAY_SIZE(ntsync_tasks))
			return;
		schedule_timeout_uninterruptible(msecs_to_jiffies(20));
	}
}

/* For work that no call waits for; it ends before the module does. */
bool ntsync_pi_queue_work(struct work_struct *work)
{
	return queue_work(workqueue, work);
}

/* Returns when all work items that were queued before have run. */
void ntsync_pi_flush_work(void)
{
	flush_workqueue(workqueue);
}

int ntsync_pi_normal_init(void)
{
	workqueue = alloc_workqueue("ntsync", WQ_UNBOUND, 0);
	return workqueue ? 0 : -ENOMEM;
}

/* All records count as exited, so nothing is queued any more. */
void ntsync_pi_normal_exit(void)
{
	while (atomic_read(&nr_queued))
		schedule_timeout_uninterruptible(msecs_to_jiffies(20));
	destroy_workqueue(workqueue);
	/* Each recheck may have dropped the last reference to a record. */
	rcu_barrier();
}
