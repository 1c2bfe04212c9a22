// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets a task's parameters: those of its highest contribution if that is higher than the task's
 * normal prio, else its normal parameters.
 *
 * A call that has changed a contribution makes a chain walk, which calls ntsync_pi_apply(). That
 * holds the record's apply_lock, an rt_mutex, over one sched_setattr(). Of two callers the second
 * one finds nothing to do, or sets what has changed in between. Waiters for the lock boost a holder
 * of lower priority.
 *
 * t->applying is set, under t->lock, before the parameters are set, and cleared after that.
 * Meanwhile nothing may rely on the parameters that the task has: they may change at any moment.
 */
#include <linux/sched/rt.h>
#include <linux/sched/task.h>

#include "core/trace.h"
#include "pi_internal.h"

static const char *const kind_names[] = {
	[NTSYNC_CONTRIB_MUTEX] = "mutex",
	[NTSYNC_CONTRIB_CHANNEL] = "channel",
	[NTSYNC_CONTRIB_EVENT] = "event",
	[NTSYNC_CONTRIB_SELF] = "handoff",
	[NTSYNC_CONTRIB_LOAN] = "loan",
	[NTSYNC_CONTRIB_ADDRESS] = "address",
};

const char *ntsync_contrib_name(const struct ntsync_contrib *c)
{
	return kind_names[c->kind];
}

/*
 * The prio without our boosts, unlike task_struct::normal_prio, which includes them. t->lock is
 * held, and the task has not exited.
 */
int ntsync_pi_normal_prio_locked(const struct ntsync_task *t)
{
	return t->normal_saved ? ntsync_attr_to_prio(t->normal.policy, t->normal.prio) :
				 ntsync_prio_without_kernel_boost(t->task);
}

/* The contribution that boosts the task, or NULL; t->lock is held. */
static const struct ntsync_contrib *find_boost_locked(const struct ntsync_task *t)
{
	const struct ntsync_contrib *top = ntsync_task_top_locked(t);

	return top && ntsync_contrib_prio(top->rank) < ntsync_pi_normal_prio_locked(t) ? top : NULL;
}

/* Does a contribution exceed the task's normal prio? t->lock is held. */
bool ntsync_pi_is_boosted_locked(const struct ntsync_task *t)
{
	return find_boost_locked(t);
}

/**
 * ntsync_pi_needs_apply_locked() - do parameters have to be set?
 * @t: the record; t->lock is held
 *
 * A change from outside is noticed only if it has changed the real-time priority.
 */
bool ntsync_pi_needs_apply_locked(const struct ntsync_task *t)
{
	const struct ntsync_contrib *top;
	int policy, prio;

	lockdep_assert_held(&t->lock);
	if (t->dead)
		return false;
	if (t->applying)
		return true;
	if (!t->normal_saved && !ntsync_task_top_locked(t))
		return false;
	top = find_boost_locked(t);
	if (!top && !t->normal_saved)
		return false;
	policy = top ? top->policy : 0;
	prio = top ? ntsync_prio_to_attr(ntsync_contrib_prio(top->rank)) : 0;
	return t->boost_policy != policy || t->boost_prio != prio ||
	       (int)READ_ONCE(t->task->rt_priority) != (prio ?: t->normal.prio);
}

/**
 * ntsync_pi_is_below_locked() - does a task lack the priority that it inherits?
 * @t: its record; t->lock is held
 * @prio: a priority that is enough, even if the task inherits a higher one; -1: only what it
 *	inherits is enough
 *
 * True also while parameters are being set. False for a task whose parameters can't be set.
 */
bool ntsync_pi_is_below_locked(const struct ntsync_task *t, int prio)
{
	const struct ntsync_contrib *top = ntsync_task_top_locked(t);

	lockdep_assert_held(&t->lock);
	if (t->dead || t->retry || !top)
		return false;
	/*
	 * The lower of @prio and what it inherits, which is the larger number. No task is boosted
	 * above FIFO 99, not even by a deadline task.
	 */
	prio = max3(prio, ntsync_contrib_prio(top->rank), 0);
	return t->applying || ntsync_prio_without_kernel_boost(t->task) > prio;
}

/* ---- setting ---- */

/**
 * struct param_change - what is to be set
 * @params: the new parameters
 * @source: the cause, for the tracepoint
 * @boost: they are a boost, not the normal parameters
 */
struct param_change {
	struct ntsync_sched_params params;
	const char *source;
	bool boost;
};

static bool change_lowers(const struct ntsync_task *t, const struct param_change *c)
{
	return ntsync_attr_to_prio(c->params.policy, c->params.prio) >
	       ntsync_prio_without_kernel_boost(t->task);
}

static void prepare_boost(struct param_change *c, const struct ntsync_contrib *top)
{
	c->boost = true;
	c->source = ntsync_contrib_name(top);
	c->params = (struct ntsync_sched_params){
		.policy = top->policy,
		.prio = ntsync_prio_to_attr(ntsync_contrib_prio(top->rank)),
		.reset_on_fork = true,
	};
}

static void prepare_normal(struct param_change *c, const struct ntsync_task *t)
{
	c->boost = false;
	c->source = "none";
	c->params = t->normal;
}

/*
 * The contribution that boosts the task, or NULL; t->lock and apply_lock are held. If a boost is
 * about to begin, its contribution is found and the normal parameters are saved in one critical
 * section of t->lock. Otherwise a contribution could be added in between. Its boost would begin
 * without saved parameters, and would never end.
 */
static const struct ntsync_contrib *find_boost_and_save_locked(struct ntsync_task *t)
{
	const struct ntsync_contrib *top = find_boost_locked(t);

	if (!top || t->normal_saved)
		return top;
	ntsync_pi_save_normal_locked(t);
	/* Others may have raised the task since the first look. */
	top = find_boost_locked(t);
	if (!top)
		t->normal_saved = false;
	return top;
}

/*
 * apply_lock is held. Returns false if nothing is to be set, or if the task must not be lowered by
 * others now and will do it itself.
 */
static bool prepare_change(struct ntsync_task *t, struct param_change *c, bool changed)
{
	const struct ntsync_contrib *top;

	guard(raw_spinlock)(&t->lock);
	top = find_boost_and_save_locked(t);
	if (top)
		prepare_boost(c, top);
	else if (t->normal_saved)
		prepare_normal(c, t);
	else
		return false;
	if (!changed && t->boost_policy == (c->boost ? c->params.policy : 0) &&
	    t->boost_prio == (c->boost ? c->params.prio : 0))
		return false;
	if (t->lower_disabled && t->task != current && change_lowers(t, c))
		return false;
	/* (U), the unlock after this and the next lock of pi_lock, pairs with (V) in has_boost() */
	WRITE_ONCE(t->applying, true);
	return true;
}

/* The parameters in @c have been set. A task that has exited meanwhile gets its normal ones. */
static void record_change(struct ntsync_task *t, const struct param_change *c)
{
	int old = t->boost_prio ?: t->normal.prio, new = c->params.prio;
	bool dead;

	scoped_guard(raw_spinlock, &t->lock) {
		dead = t->dead;
		WRITE_ONCE(t->retry, false);
		t->boost_policy = c->boost ? c->params.policy : 0;
		WRITE_ONCE(t->boost_prio, c->boost ? new : 0);
		t->max_boost_prio = max(t->max_boost_prio, t->boost_prio);
		smp_store_release(&t->applying, false); /* (Q), pairs with (R) in has_boost() */
	}
	if (unlikely(dead && c->boost))
		ntsync_sched_params_set(t->task, &t->normal);
	if (c->boost && new >= old)
		trace_ntsync_boost(t->task, c->source, old, new);
	else
		trace_ntsync_unboost(t->task, c->source, old, new);
}

static void make_change(struct ntsync_task *t, const struct param_change *c)
{
	bool again = t->retry;

	if (ntsync_sched_params_set(t->task, &c->params)) {
		scoped_guard(raw_spinlock, &t->lock) {
			WRITE_ONCE(t->applying, false);
			WRITE_ONCE(t->retry, true);
		}
		if (!again)
			ntsync_pi_recheck_soon(t);
		return;
	}
	record_change(t, c);
	if (!c->boost)
		ntsync_pi_forget_normal(t, 1);
}

/*
 * current lowers itself with preemption off until it has released apply_lock. Preempted in
 * between, it would delay the waiters of the lock: those that waited already when current acquired
 * the lock ahead of them have not boosted it, and the kernel does not look at them again when
 * current lowers itself; see ntsync_pi_lower_disable().
 *
 * Here and at its exit current sets its own parameters with preemption off. It waits for nothing,
 * so the kernel has no chain of PI futexes to walk. Nor has it one for the child that the probe in
 * fork.c sets. The exit worker is the exception, see set_worker_prio() in exit_worker.c.
 */
static void lower_self_and_unlock(struct ntsync_task *t, const struct param_change *c)
{
	guard(preempt)();
	make_change(t, c);
	rt_mutex_unlock(&t->apply_lock);
}

/* Releases apply_lock. */
static void apply_and_unlock(struct ntsync_task *t)
{
	bool changed = ntsync_pi_update_normal(t);
	struct param_change c;

	if (!prepare_change(t, &c, changed)) {
		rt_mutex_unlock(&t->apply_lock);
	} else if (t->task == current && change_lowers(t, &c) &&
		   current->policy != SCHED_DEADLINE) {
		/* Not if current has become a deadline task: then setting could sleep. */
		lower_self_and_unlock(t, &c);
	} else {
		make_change(t, &c);
		rt_mutex_unlock(&t->apply_lock);
	}
}

/**
 * ntsync_pi_apply() - set the parameters that a task should have
 * @t: its record; the caller has a reference
 *
 * Context: process; sleeps; the caller holds no raw lock and no apply_lock.
 */
void ntsync_pi_apply(struct ntsync_task *t)
{
	struct task_struct *p;

	rt_mutex_lock(&t->apply_lock);
	p = ntsync_task_get_task(t);
	if (!p) {
		rt_mutex_unlock(&t->apply_lock);
		return;
	}
	apply_and_unlock(t);
	put_task_struct(p);
}

/* ---- current must not be lowered ---- */

/*
 * The kernel does not look for other waiters of a lock when it lowers a task that has acquired
 * the lock ahead of waiters of the same or a lower priority. current (boosted) and X have FIFO 80,
 * N has FIFO 50:
 *
 *   current			X			a third task, on another CPU
 *
 *   waits for a lock of ours	waits for it, behind
 *				current
 *   acquires the lock		has not boosted current
 *   is preempted by N					ends the boost: lowers current
 *				waits for N
 *
 * So while current walks the chain, holds an all_lock or waits for one, others may raise it but
 * not lower it; it lowers itself when it is done. If another task is just about to lower it,
 * ntsync_pi_lower_disable() waits until that is over.
 */
void ntsync_pi_lower_disable(struct ntsync_task *t)
{
	bool wait;

	scoped_guard(raw_spinlock, &t->lock) {
		t->lower_disabled++;
		wait = t->applying;
	}
	if (unlikely(wait)) {
		rt_mutex_lock(&t->apply_lock);
		rt_mutex_unlock(&t->apply_lock);
	}
}

/* Returns true if current has to apply its parameters. */
bool ntsync_pi_lower_enable(struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	return !--t->lower_disabled && ntsync_pi_needs_apply_locked(t);
}

static void lower_disable_for_all_lock(struct ntsync_task *t)
{
	t->all_lock_disabled = true;
	ntsync_pi_lower_disable(t);
}

/* current is about to wait for all_lock, and may acquire it ahead of other waiters. */
void ntsync_pi_all_lock_contended(void)
{
	struct ntsync_task *t = ntsync_task_current();

	if (t && ntsync_pi_enabled)
		lower_disable_for_all_lock(t);
}

/*
 * Has current, which has just acquired all_lock, a boost by which it may have overtaken others? Or
 * is one being set?
 *
 *   a task that sets the boost		current
 *
 *   applying = true			acquires all_lock: the kernel reads its priority
 *   unlock(t), lock(pi_lock) (U)	smp_rmb(); (V)
 *   sets the priority			reads applying
 *   boost_prio = 80			(R)
 *   (Q)				reads boost_prio
 *   applying = false
 *
 * By (U) and (V), if the kernel has read the priority of the boost, current sees that applying was
 * set. If it sees that applying is clear again, by (Q) and (R) it sees boost_prio.
 */
static bool has_boost(const struct ntsync_task *t)
{
	smp_rmb(); /* (V), pairs with (U) in prepare_change() */
	/* (R), pairs with (Q) in record_change() */
	return smp_load_acquire(&t->applying) || READ_ONCE(t->boost_prio);
}

/*
 * current holds all_lock. Tasks that begin to wait now boost it through the rt_mutex, those that it
 * has overtaken do not, so a boosted holder must not be lowered by others.
 */
void ntsync_pi_all_lock_acquired(void)
{
	struct ntsync_task *t = ntsync_task_current();

	if (unlikely(t && !t->all_lock_disabled && has_boost(t)))
		lower_disable_for_all_lock(t);
}

void ntsync_pi_all_lock_released(void)
{
	struct ntsync_task *t = ntsync_task_current();

	if (likely(!t || !t->all_lock_disabled))
		return;
	t->all_lock_disabled = false;
	if (ntsync_pi_lower_enable(t))
		ntsync_pi_walk_from(t);
}
