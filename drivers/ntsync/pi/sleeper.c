// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sleeper's side of priority inheritance: its wait, which chain walks find, and what it
 * verifies before it sleeps and while it sleeps. The top of chain.c says why.
 */
#include <linux/hrtimer.h>
#include <linux/sched/rt.h>

#include "core/trace.h"
#include "pi_internal.h"

/* ---- the wait ---- */

/**
 * ntsync_pi_begin_wait() - current is about to enter queues
 * @w: the wait; chain walks find it from now on
 *
 * A chain walk that changes current's priority requeues the entries that are in a queue. An
 * entry that is queued later takes the priority that current has at that moment:
 *
 *   sleeper				a chain walk that boosts it
 *
 *   lock(t) t->wait = w unlock(t)	sched_setattr_nocheck(sleeper)
 *   lock(obj)				lock(t) t->wait? get its obj unlock(t)
 *   queue the entry with task->prio	lock(obj)
 *   unlock(obj)			requeue the entry if it is queued
 *					unlock(obj)
 *
 * If the walk takes obj->lock first, or finds no wait, the sleeper sees the new priority.
 */
void ntsync_pi_begin_wait(struct ntsync_wait *w)
{
	struct ntsync_task *t = w->acquirer.t;

	guard(raw_spinlock)(&t->lock);
	t->seq++;
	t->wait = w;
}

/**
 * ntsync_pi_end_wait() - current has left all queues
 * @w: the wait; no other task accesses it after this
 */
void ntsync_pi_end_wait(struct ntsync_wait *w)
{
	struct ntsync_task *t = w->acquirer.t;

	WRITE_ONCE(t->verify, NTSYNC_VERIFY_OFF);
	guard(raw_spinlock)(&t->lock);
	t->seq++;
	t->wait = NULL;
}

/*
 * The priority that a wait contributes; t->lock is held. Also sets w->hops, the number of hops that
 * it has come by. A request passes on what its sender inherits, but not the sender's normal prio.
 */
int ntsync_pi_update_wait_prio_locked(const struct ntsync_task *t, struct ntsync_wait *w)
{
	return ntsync_pi_target_prio_locked(t, !w->send, &w->hops);
}

/* The priority inherited by the request that current is about to send. */
int ntsync_pi_inherited_prio(struct ntsync_wait *w)
{
	struct ntsync_task *t = w->acquirer.t;

	if (!ntsync_pi_enabled)
		return MAX_RT_PRIO;
	guard(raw_spinlock)(&t->lock);
	return ntsync_pi_update_wait_prio_locked(t, w);
}

/* ---- verification once a second ---- */

#define VERIFY_NS	NSEC_PER_SEC

/*
 * The kernel does not tell a module that somebody has changed a task's priority. So a sleeper whose
 * priority may boost others verifies once a second. The timer is in its record, and runs on when
 * the sleep is over: to start it and to cancel it for each sleep would take 600 instructions, a
 * tenth of a hand-over. t->verify says whether the timer is wanted:
 *
 *   sleeper					timer
 *
 *   verify = ON				is dequeued by the kernel
 *   smp_mb(); (I), pairs with (J)		smp_mb(); (J), pairs with (I)
 *   is the timer queued? else start it		verify == ON? then verify = DUE, and wake the
 *						task: (E), pairs with (D)
 *   state = INTERRUPTIBLE (D)
 *   verify == DUE? then verifies
 *   schedule()
 *
 * If the sleeper sees a timer that is queued, the timer sees that it is wanted.
 */
static enum hrtimer_restart wake_to_verify(struct hrtimer *timer)
{
	struct ntsync_task *t = container_of(timer, struct ntsync_task, verify_timer);

	smp_mb(); /* (J), pairs with (I) in start_verify_timer() */
	if (cmpxchg(&t->verify, NTSYNC_VERIFY_ON, NTSYNC_VERIFY_DUE) == NTSYNC_VERIFY_ON)
		wake_up_process(t->task); /* (E), pairs with (D) in ntsync_wait_sleep_until() */
	return HRTIMER_NORESTART;
}

void ntsync_verify_timer_init(struct ntsync_task *t)
{
	hrtimer_setup(&t->verify_timer, wake_to_verify, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
}

/* The task exits, or the module is unloaded. */
void ntsync_verify_timer_exit(struct ntsync_task *t)
{
	hrtimer_cancel(&t->verify_timer);
}

static void start_verify_timer(struct ntsync_task *t)
{
	WRITE_ONCE(t->verify, NTSYNC_VERIFY_ON);
	smp_mb(); /* (I), pairs with (J) in wake_to_verify() */
	if (!hrtimer_is_queued(&t->verify_timer))
		hrtimer_start(&t->verify_timer, ns_to_ktime(VERIFY_NS), HRTIMER_MODE_REL_HARD);
}

/*
 * Does current lend a priority, or contribute one to a borrower that it no longer has? LEND has
 * verified, but no chain walk follows if another task changes current's parameters after that, so
 * the borrower would keep what it had. Here the lender L, which waits for a semaphore:
 *
 *   L, FIFO 10				another task
 *
 *   LEND: the borrower has FIFO 10
 *					(a) sched_setattr(L)
 *   verifies before it sleeps
 *   sleeps				(b) sched_setattr(L)
 *   is woken to verify
 *
 * The sleep verifies what (a) has changed, also if L has no real-time priority any more. The timer
 * is for (b).
 */
static bool lends_prio(const struct ntsync_task *t)
{
	if (likely(!READ_ONCE(t->loan.borrower)))
		return false;
	/* Without loan->lock: a walk that changes it does the rest itself. */
	return ntsync_task_queue_prio(current) < MAX_RT_PRIO || data_race(t->loan.contrib.to);
}

/*
 * Could a task inherit from the sleeper? Whether one does is not checked. A request passes on its own
 * priority, and what its sender inherits. A loan passes on the lender's, whatever it waits for.
 */
static bool can_boost_others(const struct ntsync_wait *w)
{
	if (lends_prio(w->acquirer.t))
		return true;
	if (w->send)
		return w->send_prio < MAX_RT_PRIO ||
		       READ_ONCE(w->acquirer.t->contribs.rb_root.rb_node) ||
		       ntsync_task_kernel_boost_prio(current) < MAX_RT_PRIO;
	return (w->has_mutex || w->contributes) && ntsync_task_queue_prio(current) < MAX_RT_PRIO;
}

static void verify_chain(struct ntsync_wait *w)
{
	ntsync_pi_walk_verify(w->acquirer.t);
	if (can_boost_others(w))
		start_verify_timer(w->acquirer.t);
	else
		WRITE_ONCE(w->acquirer.t->verify, NTSYNC_VERIFY_OFF);
}

/* ---- before the sleep ---- */

/**
 * ntsync_contrib_verify_locked() - current queues an entry that contributes to an owner
 * @w: its wait
 * @c: the contribution of the entry's object; the object's lock is held
 * @prio: the priority of the entry
 *
 * Verifies the first step of the chain. If the owner has @prio or a higher one, and depends on
 * nobody, that is the whole chain, and current does not have to walk it before it sleeps.
 */
void ntsync_contrib_verify_locked(struct ntsync_wait *w, const struct ntsync_contrib *c, int prio)
{
	bool below;

	if (c->to && ntsync_pi_needs_verify(c->to, prio, &below))
		w->needs_verify = true;
}

/*
 * Does nothing contribute to current, and has it its normal parameters? If so, the walk for a
 * contribution that is added from now on finds t->wait and does the rest.
 */
static bool is_unboosted(const struct ntsync_task *t)
{
	return !READ_ONCE(t->contribs.rb_root.rb_node) && !READ_ONCE(t->normal_saved);
}

/*
 * Has the entry the priority that current still has, in its queue and for the owner? A walk that
 * changes it meanwhile finds t->wait, and does the rest itself: then either value will do.
 */
static bool entry_has_prio(struct ntsync_wait_entry *e, int prio)
{
	/* Without obj->lock, see above. */
	return data_race(ntsync_waitq_prio(&e->node) == prio &&
			 (!e->in_mutex_queue ||
			  (!RB_EMPTY_NODE(&e->pi) && ntsync_contrib_prio(e->pi_rank) == prio)));
}

/* Was the whole chain verified when the entries were queued? */
static bool is_verified(const struct ntsync_task *t, const struct ntsync_wait *w)
{
	int prio = ntsync_task_queue_prio(current);
	u32 i;

	if (w->send || w->contributes || w->needs_verify || READ_ONCE(t->loan.borrower))
		return false;
	for (i = 0; i < w->nr; i++) {
		if (!entry_has_prio(&w->entries[i], prio))
			return false;
	}
	return true;
}

/**
 * ntsync_pi_before_sleep() - current is about to sleep
 * @w: its wait; all entries are queued
 *
 * When this returns, each task that the sleeper waits for runs at the priority that the wait passes
 * on (for a send, the request's) or higher. Exceptions are a mutex whose owner is unknown, and a
 * task whose parameters can't be set. A task without real-time priority that inherits nothing
 * returns at once, unless it sends a request with a priority.
 */
void ntsync_pi_before_sleep(struct ntsync_wait *w)
{
	struct ntsync_task *t = w->acquirer.t;
	bool unboosted = is_unboosted(t);

	trace_ntsync_wait(w);
	if (likely(unboosted && !can_boost_others(w)) || !ntsync_pi_enabled)
		return;
	if (unboosted && is_verified(t, w))
		start_verify_timer(t);
	else
		verify_chain(w);
}

/* current was woken by the timer. */
void ntsync_pi_verify(struct ntsync_wait *w)
{
	ntsync_pi_count(NTSYNC_COUNT_VERIFIES);
	verify_chain(w);
}
