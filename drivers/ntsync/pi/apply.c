// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a task is to have, and setting it: the higher of its base, which is what it has
 * without us, and the most urgent contribution to it.
 *
 * Whoever changes a contribution calls ntsync_pi_apply() afterwards. It takes the record's
 * apply_lock, an rt_mutex, for one sched_setattr(): of two callers the second one finds
 * nothing left to do, or sets what has changed since. Who holds the lock with a low priority
 * inherits from those who wait for it.
 *
 * What is about to be set is marked by t->applying before, under t->lock: the parameters that
 * a task has tell nothing while somebody may be about to change them, for however long.
 */
#include <linux/sched/rt.h>
#include <linux/sched/task.h>

#include "core/trace.h"
#include "pi_internal.h"

static const char *const kind_names[] = {
	[NTSYNC_CONTRIB_MUTEX] = "mutex",
	[NTSYNC_CONTRIB_CHANNEL] = "channel",
	[NTSYNC_CONTRIB_EVENT] = "event",
	[NTSYNC_CONTRIB_WORK] = "work",
};

const char *ntsync_contrib_name(const struct ntsync_contrib *c)
{
	return kind_names[c->kind];
}

/* As in sched_attr: what a deadline task lends is the highest that there is. */
static int rt_priority_of(int prio)
{
	return min(MAX_RT_PRIO - 1 - prio, MAX_RT_PRIO - 1);
}

/* What the task has without us; t->lock, and the task lives. */
int ntsync_pi_base_prio_locked(const struct ntsync_task *t)
{
	return t->saved ? ntsync_prio_of(t->base.policy, t->base.prio) :
			  ntsync_normal_prio(t->task);
}

/* The contribution that is worth more than what the task has itself, or NULL; t->lock. */
static const struct ntsync_contrib *find_boost_locked(const struct ntsync_task *t)
{
	const struct ntsync_contrib *top = ntsync_task_top_locked(t);

	return top && ntsync_contrib_prio(top->key) < ntsync_pi_base_prio_locked(t) ? top : NULL;
}

/* Does it inherit something that it does not have itself? t->lock. */
bool ntsync_pi_inherits_locked(const struct ntsync_task *t)
{
	return find_boost_locked(t);
}

/**
 * ntsync_pi_needs_locked() - does something have to be set?
 * @t: the record; t->lock is held
 *
 * Sees a change by somebody else only if that has changed the real-time priority.
 */
bool ntsync_pi_needs_locked(const struct ntsync_task *t)
{
	const struct ntsync_contrib *top;
	int policy, prio;

	lockdep_assert_held(&t->lock);
	if (t->dead)
		return false;
	if (t->applying)
		return true;
	if (!t->saved && !ntsync_task_top_locked(t))
		return false;
	top = find_boost_locked(t);
	if (!top && !t->saved)
		return false;
	policy = top ? top->policy : 0;
	prio = top ? rt_priority_of(ntsync_contrib_prio(top->key)) : 0;
	return t->policy != policy || t->prio != prio ||
	       (int)READ_ONCE(t->task->rt_priority) != (prio ?: t->base.prio);
}

/**
 * ntsync_pi_lacks_locked() - is a task below what it inherits?
 * @t: its record; t->lock is held
 * @prio: less than this is not asked for
 *
 * Not if it could not be given more.
 */
bool ntsync_pi_lacks_locked(const struct ntsync_task *t, int prio)
{
	const struct ntsync_contrib *top = ntsync_task_top_locked(t);

	lockdep_assert_held(&t->lock);
	if (t->dead || t->retry || !top)
		return false;
	/* Nothing is given above FIFO 99, whatever a deadline task is worth. */
	prio = max3(prio, ntsync_contrib_prio(top->key), 0);
	return t->applying || ntsync_normal_prio(t->task) > prio;
}

/* ---- setting ---- */

/**
 * struct change - what is to be set
 * @params: to this
 * @source: why, for people
 * @boost: it is not the base
 */
struct change {
	struct ntsync_sched_params params;
	const char *source;
	bool boost;
};

static bool is_lower(const struct ntsync_task *t, const struct change *c)
{
	return ntsync_prio_of(c->params.policy, c->params.prio) > ntsync_normal_prio(t->task);
}

static void plan_boost(struct change *c, const struct ntsync_contrib *top)
{
	c->boost = true;
	c->source = ntsync_contrib_name(top);
	c->params = (struct ntsync_sched_params){
		.policy = top->policy,
		.prio = rt_priority_of(ntsync_contrib_prio(top->key)),
		.reset_on_fork = true,
	};
}

static void plan_base(struct change *c, const struct ntsync_task *t)
{
	c->boost = false;
	c->source = "none";
	c->params = t->base;
}

/*
 * Under apply_lock. False: it has what it is to have, or whoever is in the middle of
 * something will see to it itself.
 */
static bool plan(struct ntsync_task *t, struct change *c, bool changed)
{
	const struct ntsync_contrib *top;

	guard(raw_spinlock)(&t->lock);
	top = find_boost_locked(t);
	if (top)
		plan_boost(c, top);
	else if (t->saved)
		plan_base(c, t);
	else
		return false;
	if (!changed && t->policy == (c->boost ? c->params.policy : 0) &&
	    t->prio == (c->boost ? c->params.prio : 0))
		return false;
	if (t->busy && t->task != current && is_lower(t, c))
		return false;
	t->applying = true;
	return true;
}

/* @c is in force. */
static void note(struct ntsync_task *t, const struct change *c)
{
	int old = t->prio ?: t->base.prio, new = c->params.prio;

	scoped_guard(raw_spinlock, &t->lock) {
		t->applying = false;
		t->retry = false;
		t->policy = c->boost ? c->params.policy : 0;
		t->prio = c->boost ? new : 0;
		t->max_prio = max(t->max_prio, t->prio);
	}
	if (c->boost && new >= old)
		trace_ntsync_boost(t->task, c->source, old, new);
	else
		trace_ntsync_unboost(t->task, c->source, old, new);
}

static void set(struct ntsync_task *t, const struct change *c)
{
	bool again = t->retry;

	if (ntsync_sched_params_set(t->task, &c->params)) {
		scoped_guard(raw_spinlock, &t->lock) {
			t->applying = false;
			t->retry = true;
		}
		if (!again)
			ntsync_pi_look_soon(t);
		return;
	}
	note(t, c);
	if (!c->boost)
		ntsync_pi_forget_base(t, 1);
}

/*
 * current lowers itself in the moment in which it lets go of apply_lock: a task that has got
 * a lock for which others wait with the same priority is not lent anything by them (there was
 * no need to), nor is it when it lowers itself; it would keep them waiting for whatever
 * preempts it. This is the one place where parameters are set with preemption off: current
 * waits for nothing, so there is no chain of PI futexes for the kernel to walk.
 */
static void lower_self_and_unlock(struct ntsync_task *t, const struct change *c)
{
	guard(preempt)();
	set(t, c);
	rt_mutex_unlock(&t->apply_lock);
}

/* A reference to the task, or NULL if it has exited. */
struct task_struct *ntsync_task_get_living(struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	return t->dead ? NULL : get_task_struct(t->task);
}

/* A boost that is about to begin needs to know the base. True if that was saved. */
static bool save_base_if_needed(struct ntsync_task *t)
{
	bool needed;

	if (t->saved)
		return false;
	scoped_guard(raw_spinlock, &t->lock)
		needed = find_boost_locked(t);
	if (needed)
		ntsync_pi_save_base(t);
	return needed;
}

/* Unlocks. */
static void apply_locked(struct ntsync_task *t)
{
	bool changed = ntsync_pi_update_base(t);
	bool saved = save_base_if_needed(t);
	struct change c;

	if (!plan(t, &c, changed)) {
		/* What was to be lent is gone again. */
		if (unlikely(saved))
			ntsync_pi_forget_base(t, 1);
		rt_mutex_unlock(&t->apply_lock);
	} else if (t->task == current && is_lower(t, &c) && current->policy != SCHED_DEADLINE) {
		/* For a deadline task it could sleep; somebody has made it one meanwhile. */
		lower_self_and_unlock(t, &c);
	} else {
		set(t, &c);
		rt_mutex_unlock(&t->apply_lock);
	}
}

/**
 * ntsync_pi_apply() - give a task what it is to have
 * @t: its record; the caller has a reference
 *
 * Context: process; sleeps; holds no raw lock and no apply_lock.
 */
void ntsync_pi_apply(struct ntsync_task *t)
{
	struct task_struct *p;

	rt_mutex_lock(&t->apply_lock);
	p = ntsync_task_get_living(t);
	if (!p) {
		rt_mutex_unlock(&t->apply_lock);
		return;
	}
	apply_locked(t);
	put_task_struct(p);
}

/* ---- current in the middle of something ---- */

/*
 * The kernel does not look for whom else a lock is held when it lowers a task that got the
 * lock as the first of those who waited:
 *
 *   current, boosted		X			somebody else, on another CPU
 *
 *   gets a lock of ours	waits for it, is not
 *				more urgent: lends
 *				nothing
 *   is preempted by N					ends the boost: current is lowered
 *				waits for N
 *
 * So while current walks, or holds an all_lock, or waits for that, others may raise it but
 * not lower it; it lowers itself when it is through. Somebody who is about to lower it already
 * is waited for.
 */
void ntsync_pi_enter(struct ntsync_task *t)
{
	bool wait;

	scoped_guard(raw_spinlock, &t->lock) {
		t->busy++;
		wait = t->applying;
	}
	if (unlikely(wait)) {
		rt_mutex_lock(&t->apply_lock);
		rt_mutex_unlock(&t->apply_lock);
	}
}

/* True if current has to be given what it is to have. */
bool ntsync_pi_leave(struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	return !--t->busy && ntsync_pi_needs_locked(t);
}

static void keep_prio(struct ntsync_task *t)
{
	t->keeps_prio = true;
	ntsync_pi_enter(t);
}

/* current is about to wait for all_lock, and may get it as the first of several. */
void ntsync_pi_all_lock_contended(void)
{
	struct ntsync_task *t = ntsync_task_find();

	if (t && ntsync_pi_enabled)
		keep_prio(t);
}

/* current has it. Whoever waits from now on lends what it should, but to a task that is boosted. */
void ntsync_pi_all_locked(void)
{
	struct ntsync_task *t = ntsync_task_find();

	if (unlikely(t && !t->keeps_prio && READ_ONCE(t->prio)))
		keep_prio(t);
}

void ntsync_pi_all_unlocked(void)
{
	struct ntsync_task *t = ntsync_task_find();

	if (likely(!t || !t->keeps_prio))
		return;
	t->keeps_prio = false;
	if (ntsync_pi_leave(t))
		ntsync_pi_update(t);
}
