// SPDX-License-Identifier: GPL-2.0-only
/*
 * The base: what a task has without us. It is saved when a boost begins, follows what others
 * set meanwhile if the task may have that by its own rights, and is forgotten when nobody
 * can be about to set something for which only the boost was the permission:
 *
 *   current, unprivileged		another thread of its process
 *
 *   is boosted to FIFO 80
 *					sched_setattr(current, FIFO 80)
 *					  get_task_struct(current)
 *					  current is FIFO 80 already: allowed
 *					  [preempted]
 *   the boost ends: normal
 *					  lock(current->pi_lock), sets FIFO 80
 *
 * Between its check and its change a setter holds a reference to the task, and for the
 * change it needs task_struct::pi_lock. So if the task has its base under that lock, and no
 * references but our own, then nobody is in between, and whoever comes later is checked
 * against the base. Else the base is kept, and looked at again: soon, then once a second;
 * when the task blocks; and when a boost begins. A reference that somebody keeps, as a
 * ring of io_uring does, only makes that last longer.
 *
 * The setter may take its reference and read the priority in either order on a machine with
 * weak memory, but for both to be seen late takes no ten milliseconds.
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

/* Works that are queued, or wait for their time. */
static atomic_t nr_queued = ATOMIC_INIT(0);

/* ---- what a task may have ---- */

static bool has_cap_sys_nice(struct task_struct *p)
{
	const struct cred *cred;

	guard(rcu)();
	cred = __task_cred(p);
	return cred->user_ns == &init_user_ns && cap_raised(cred->cap_effective, CAP_SYS_NICE);
}

/*
 * Before it was boosted, too: what it has done without may come to our notice only when it
 * is in the middle of a set-user-ID program.
 */
static bool may_have_all(const struct ntsync_task *t)
{
	return t->had_cap && has_cap_sys_nice(t->task);
}

/**
 * ntsync_pi_may_have() - could a task have these parameters, had it not been boosted?
 * @t: a record with a saved base; the task lives
 * @params: what was found
 *
 * As sched(7) says what an unprivileged task may do. More than was ever lent can only be a
 * gift of somebody with privilege.
 */
bool ntsync_pi_may_have(const struct ntsync_task *t, const struct ntsync_sched_params *params)
{
	unsigned long limit = task_rlimit(t->task, RLIMIT_RTPRIO);

	/* Nothing that we give helps to become a deadline task. */
	if (params->policy == SCHED_DEADLINE || params->prio > max(t->max_prio, t->base.prio))
		return true;
	if (may_have_all(t))
		return true;
	if (t->base.policy == SCHED_IDLE && params->policy != SCHED_IDLE &&
	    nice_to_rlimit(task_nice(t->task)) > task_rlimit(t->task, RLIMIT_NICE))
		return false;
	if (params->policy == SCHED_FIFO || params->policy == SCHED_RR)
		return (params->policy == t->base.policy || limit) &&
		       (params->prio <= t->base.prio || params->prio <= limit);
	return true;
}

/* ---- what others set ---- */

bool ntsync_pi_is_what_was_set(const struct ntsync_task *t, const struct ntsync_sched_params *now)
{
	/* A boosted task has the flag, unless somebody has set all of its parameters. */
	if (t->prio)
		return now->policy == t->policy && now->prio == t->prio && now->reset_on_fork;
	return now->policy == t->base.policy && now->prio == t->base.prio &&
	       now->reset_on_fork == t->base.reset_on_fork;
}

/* Somebody has set @now. While the task was boosted the flag and the slack were ours. */
static void adopt(struct ntsync_task *t, struct ntsync_sched_params *now)
{
	if (t->prio) {
		now->reset_on_fork &= t->base.reset_on_fork;
		now->slack = now->prio ? 0 : t->base.slack;
	}
	guard(raw_spinlock)(&t->lock);
	t->base = *now;
}

/**
 * ntsync_pi_update_base() - has somebody changed the parameters of a task with a saved base?
 * @t: the record; apply_lock is held, and the task lives
 *
 * They are its new base, unless only a boost has made that possible.
 *
 * Return: true if the task has to be given its parameters, whatever they are to be.
 */
bool ntsync_pi_update_base(struct ntsync_task *t)
{
	struct ntsync_sched_params now;

	if (!t->saved)
		return false;
	ntsync_sched_params_read(t->task, &now);
	if (ntsync_pi_is_what_was_set(t, &now))
		return false;
	if (ntsync_pi_may_have(t, &now)) {
		adopt(t, &now);
		return t->prio;
	}
	ntsync_pi_count(NTSYNC_COUNT_REVOKED);
	pr_notice_ratelimited("%s[%d]: policy %d with priority %d was set while it was boosted; it has no right to that, so it is dropped\n",
			      t->task->comm, t->task->pid, now.policy, now.prio);
	return true;
}

/* ---- saved and forgotten ---- */

/* A boost is about to begin; apply_lock. */
void ntsync_pi_save_base(struct ntsync_task *t)
{
	struct ntsync_sched_params now;
	bool had_cap = has_cap_sys_nice(t->task);

	ntsync_sched_params_read(t->task, &now);
	guard(raw_spinlock)(&t->lock);
	t->base = now;
	t->had_cap = had_cap;
	t->max_prio = 0;
	t->policy = 0;
	t->prio = 0;
	t->saved = true;
	ntsync_pi_count(NTSYNC_COUNT_SAVED);
}

/* What the task itself has, and the record. */
#define STANDING_REFS	2

/* @refs: the references that the caller has, but the record's. */
static bool nobody_is_setting(const struct ntsync_task *t, unsigned int refs)
{
	struct task_struct *p = t->task;

	/* The change to the base comes before the look at the references. */
	smp_mb();
	guard(raw_spinlock_irqsave)(&p->pi_lock);
	return p->policy == t->base.policy && (int)p->rt_priority == t->base.prio &&
	       refcount_read(&p->usage) == STANDING_REFS + refs;
}

static void look_later(struct ntsync_task *t)
{
	ntsync_task_get(t);
	atomic_inc(&nr_queued);
	if (!mod_delayed_work(workqueue, &t->look_work, msecs_to_jiffies(t->look_ms)))
		return;
	/* It was to come later. */
	atomic_dec(&nr_queued);
	ntsync_task_put(t);
}

static void forget(struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	t->saved = false;
}

/**
 * ntsync_pi_forget_base() - a boost has ended
 * @t: the record; apply_lock is held, the task lives and has been given its base
 * @refs: how many references to the task the caller has
 *
 * Context: preemption may be off.
 */
void ntsync_pi_forget_base(struct ntsync_task *t, unsigned int refs)
{
	bool own_right = t->max_prio <= task_rlimit(t->task, RLIMIT_RTPRIO) &&
			 t->base.policy != SCHED_IDLE;

	if (own_right || may_have_all(t) || (IS_ENABLED(CONFIG_X86) && nobody_is_setting(t, refs))) {
		forget(t);
		return;
	}
	ntsync_pi_look_soon(t);
}

/*
 * A worker is to look at @t: what could not be set is tried again (the task itself tries at its
 * next wait, too), and what somebody else had no patience for is done.
 */
void ntsync_pi_look_soon(struct ntsync_task *t)
{
	WRITE_ONCE(t->look_ms, 10);
	look_later(t);
}

/* With apply_lock held. */
static void look_locked(struct ntsync_task *t)
{
	struct task_struct *p = ntsync_task_get_living(t);

	if (!p)
		return;
	if (t->saved && !t->prio && !t->retry && nobody_is_setting(t, 1))
		forget(t);
	/* The end of a boost that is in effect looks itself. */
	if (t->retry || (t->saved && !t->prio)) {
		t->look_ms = min(t->look_ms * 10, 1000);
		look_later(t);
	}
	put_task_struct(p);
}

static void look(struct work_struct *work)
{
	struct ntsync_task *t = container_of(work, struct ntsync_task, look_work.work);

	ntsync_pi_count(NTSYNC_COUNT_LOOKS);
	/* Takes back what the task may not have. */
	ntsync_pi_apply(t);
	ntsync_pi_update(t);
	rt_mutex_lock(&t->apply_lock);
	look_locked(t);
	rt_mutex_unlock(&t->apply_lock);
	ntsync_task_put(t);
	atomic_dec(&nr_queued);
}

void ntsync_pi_base_task_init(struct ntsync_task *t)
{
	INIT_DELAYED_WORK(&t->look_work, look);
}

/* ---- init, exit ---- */

static bool has_saved_base(unsigned int bucket)
{
	struct ntsync_task *t = NULL, *next;
	bool saved = false;

	while (!saved && (next = ntsync_task_next(bucket, t))) {
		ntsync_task_put(t);
		t = next;
		saved = READ_ONCE(t->saved);
	}
	ntsync_task_put(t);
	return saved;
}

/*
 * No instance is open, so nothing begins any more. What is saved still is looked at for two
 * seconds; after that, nobody takes back what a thread sets that was asked while there was a
 * boost, if it has been preempted for as long.
 */
void ntsync_pi_wait_for_bases(void)
{
	unsigned int tries, bucket;

	for (tries = 0; tries < 100; tries++) {
		bucket = 0;
		while (bucket < ARRAY_SIZE(ntsync_tasks) && !has_saved_base(bucket))
			bucket++;
		if (bucket == ARRAY_SIZE(ntsync_tasks))
			return;
		schedule_timeout_uninterruptible(msecs_to_jiffies(20));
	}
}

/* Work that nobody waits for. It ends before the module does. */
bool ntsync_pi_queue_work(struct work_struct *work)
{
	return queue_work(workqueue, work);
}

int ntsync_pi_base_init(void)
{
	workqueue = alloc_workqueue("ntsync", WQ_UNBOUND, 0);
	return workqueue ? 0 : -ENOMEM;
}

/* All records count as dead by now, so nothing is queued again. */
void ntsync_pi_base_exit(void)
{
	while (atomic_read(&nr_queued))
		schedule_timeout_uninterruptible(msecs_to_jiffies(20));
	destroy_workqueue(workqueue);
	/* Each of them may have had the last reference to a record. */
	rcu_barrier();
}
