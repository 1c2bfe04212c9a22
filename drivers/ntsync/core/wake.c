// SPDX-License-Identifier: GPL-2.0-only
/*
 * The waker's side: whom a change of an object's state lets go, and how they are
 * woken.
 *
 * A waker claims a waiter under obj->lock, acquires the object in its name, and
 * wakes it after the unlock:
 *
 *   waker				sleeper
 *
 *   lock(obj)				set_current_state(INTERRUPTIBLE)
 *   claim: UNCLAIMED -> index		claimed? no
 *   acquire, get_task_struct		schedule()
 *   preempt_disable, unlock(obj)	[deadline or signal instead of the wake-up]
 *   wake_up_process			lock(obj), dequeue, unlock(obj)
 *   preempt_enable, put_task_struct	claimed? yes: success, whatever woke it
 *
 * The sleeper looks at the claim when it has left every queue, because only then
 * can nobody claim it any more. If it looked first, a claim in between would
 * give it an object that its caller never hears of.
 *
 * Between claim and wake-up preemption is off: a signaller that is preempted
 * there by a middling task would hold up a better waiter for as long as that
 * task likes. For the same reason at most NTSYNC_WAKE_BATCH are woken at a time.
 *
 * Those who have not been reached when the lock is dropped in between have been
 * promised the object all the same. obj->unsettled says so, and everybody who wants
 * to do something with the object goes on handing it out first, in the same order
 * (ntsync_obj_hold()). So nobody can come between a signal and those whom it
 * released: neither take it from them, nor reset it, nor join them.
 *
 * Nor do they depend on the signaller alone, who may not run for a while: whoever
 * it has woken helps with one batch on his way out (ntsync_obj_help()), and is more
 * urgent than those whom that reaches.
 */
#include <linux/preempt.h>
#include <linux/sched/task.h>

#include "core_internal.h"
#include "lock.h"
#include "pi/source.h"
#include "trace.h"

/* ---- holding an object ---- */

/* obj->lock is held; all_lock too afterwards, if it has to be. */
static void get_all_lock(struct ntsync_hold *h)
{
	struct ntsync_obj *obj = h->obj;

	if (likely(!obj->all_waits) || h->all)
		return;
	raw_spin_unlock(&obj->lock);
	ntsync_all_lock(obj->dev);
	h->all = true;
	h->drop_all = true;
	raw_spin_lock(&obj->lock);
}

static void lock_obj(struct ntsync_hold *h)
{
	raw_spin_lock(&h->obj->lock);
	get_all_lock(h);
}

static void unlock_obj_and_wake(struct ntsync_hold *h)
{
	unsigned int i;

	if (!h->nr) {
		raw_spin_unlock(&h->obj->lock);
		return;
	}

	preempt_disable();
	raw_spin_unlock(&h->obj->lock);
	for (i = 0; i < h->nr; i++) {
		ntsync_trace(wake, h->obj, h->wake[i]);
		wake_up_process(h->wake[i]);
	}
	preempt_enable();

	for (i = 0; i < h->nr; i++)
		put_task_struct(h->wake[i]);
	h->nr = 0;
}

static void wake_and_relock(struct ntsync_hold *h)
{
	h->stale |= ntsync_obj_take_stale_locked(h->obj);
	unlock_obj_and_wake(h);
	ntsync_pi_walk(&h->todo);
	h->steps = 0;
	lock_obj(h);
}

/* @p has got what he waits for, and is woken after the unlock. Make room before. */
void ntsync_hold_wake_locked(struct ntsync_hold *h, struct task_struct *p)
{
	h->steps++;
	h->wake[h->nr++] = get_task_struct(p);
}

/* For one more step; the lock may have been dropped meanwhile. */
void ntsync_hold_make_room(struct ntsync_hold *h)
{
	if (h->steps >= NTSYNC_WAKE_BATCH)
		wake_and_relock(h);
}

/* ---- one waiter ---- */

/* @todo: as for the type's dequeued() */
void ntsync_obj_dequeue_locked(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			       struct ntsync_todo *todo)
{
	ntsync_assert_obj_lock(obj);
	ntsync_waitq_erase(&obj->any, &e->node);
	if (obj->ops->dequeued)
		obj->ops->dequeued(obj, e, todo);
}

/*
 * Takes @e out of the queue and gives it the object, unless another object, or
 * its own deadline, was faster. An entry that was claimed elsewhere goes out too,
 * so that it is met only once.
 */
static bool grant_locked(struct ntsync_hold *h, struct ntsync_wait_entry *e)
{
	struct ntsync_obj *obj = h->obj;
	struct ntsync_wait *w = e->wait;

	ntsync_obj_dequeue_locked(obj, e, &h->todo);
	if (!ntsync_wait_claim(w, ntsync_waitq_tag(&e->node)))
		return false;
	obj->ops->acquire(obj, &w->taker);
	if (unlikely(w->taker.boosted))
		ntsync_todo_add(&h->todo, w->taker.t);
	h->wake[h->nr++] = get_task_struct(w->taker.task);
	return true;
}

/* Somebody may have changed the task's priority since it came; true if it moved. */
static bool refresh_level(struct ntsync_waitq *q, struct ntsync_wait_entry *e)
{
	int level = ntsync_task_level(e->wait->taker.task);

	if (likely(level == ntsync_waitq_level(&e->node)))
		return false;
	ntsync_waitq_move(q, &e->node, level);
	return true;
}

/*
 * Is it time to let go of the lock? Not before somebody is woken, if that is not too far
 * away: if there is nobody who can help, all depends on us, and we may be preempted.
 */
static bool is_full(const struct ntsync_hold *h)
{
	return h->steps >= (h->nr ? NTSYNC_WAKE_BATCH : 4 * NTSYNC_WAKE_BATCH) ||
	       h->todo.nr > NTSYNC_TODO_MAX - 5;
}

/*
 * Hands out to those before @level until none of them can take the object any more, or the
 * batch is full; then false. An entry whose level was out of date is asked for again:
 * somebody else may come first now.
 */
static bool hand_out_before_locked(struct ntsync_hold *h, int level)
{
	struct ntsync_obj *obj = h->obj;
	struct ntsync_wait_entry *e;

	while ((e = obj->ops->next_waiter(obj))) {
		if (is_full(h))
			return false;
		h->steps++;
		if (refresh_level(&obj->any, e))
			continue;
		if (ntsync_waitq_level(&e->node) >= level)
			break;
		grant_locked(h, e);
	}
	return true;
}

/* To everybody in the any-queue, and says so to the object; false if the batch is full. */
static bool hand_out_locked(struct ntsync_hold *h)
{
	struct ntsync_obj *obj = h->obj;

	if (!hand_out_before_locked(h, INT_MAX))
		return false;
	obj->unsettled = false;
	if (obj->ops->settled)
		obj->ops->settled(obj);
	return true;
}

static void settle(struct ntsync_hold *h)
{
	while (unlikely(h->obj->unsettled) && !hand_out_locked(h))
		wake_and_relock(h);
}

/* What ntsync_obj_hold() leaves to do, under obj->lock. */
void ntsync_hold_settle(struct ntsync_hold *h)
{
	get_all_lock(h);
	settle(h);
}

/*
 * The part of ntsync_obj_unhold() that is only for some: unlocks, wakes, and does what follows
 * for priorities: before it lets go of all_lock, for which others lend to it.
 */
void ntsync_hold_wake(struct ntsync_hold *h)
{
	unlock_obj_and_wake(h);
	ntsync_pi_walk(&h->todo);
	if (h->drop_all)
		ntsync_all_unlock(h->obj->dev);
}

/* One batch for those who are still to be served, by one of those who have been. */
void ntsync_obj_help(struct ntsync_obj *obj)
{
	struct ntsync_hold h __uninitialized;

	ntsync_hold_init(&h, obj, false);
	lock_obj(&h);
	if (obj->unsettled)
		hand_out_locked(&h);
	ntsync_obj_unhold(&h);
}

/* ---- wait-alls ---- */

static bool all_signaled(const struct ntsync_wait *w)
{
	u32 i;

	for (i = 0; i < w->count; i++) {
		const struct ntsync_obj *obj = w->entries[i].obj;

		if (!obj->ops->signaled(obj, w->taker.owner))
			return false;
	}
	return true;
}

/* Its object is acquired next, which updates what that contributes. */
static void leave_source_locked(struct ntsync_wait_entry *e)
{
	e->queued = false;
	if (unlikely(!RB_EMPTY_NODE(&e->pi)))
		e->obj->ops->source->remove(e, NULL);
}

/*
 * all_lock keeps the states as all_signaled() has seen them, and the record here:
 * the sleeper needs all_lock to leave, until it is told that it has left. So the
 * best waiter does not have to wait until all others have been looked at.
 */
static void grant_all(struct ntsync_wait *w)
{
	struct task_struct *task = get_task_struct(w->taker.task);
	struct ntsync_todo todo;
	u32 i;

	todo.nr = 0;

	scoped_guard(preempt) {
		if (!ntsync_wait_claim(w, 0))
			break;
		for (i = 0; i < w->count; i++) {
			struct ntsync_wait_entry *e = &w->entries[i];
			struct ntsync_obj *obj = e->obj;

			ntsync_waitq_erase(&obj->all, &e->node);
			guard(raw_spinlock)(&obj->lock);
			leave_source_locked(e);
			obj->ops->acquire(obj, &w->taker);
			obj->all_waits--;
		}
		if (unlikely(w->taker.boosted))
			ntsync_todo_add(&todo, w->taker.t);
		ntsync_trace(wake, w->entries[0].obj, task);
		/* Our last touch; pairs with dequeue() in wait_all.c. */
		smp_store_release(&w->left, true);
		wake_up_process(task);
	}
	put_task_struct(task);
	ntsync_pi_walk(&todo);
}

/* Who moves back is met again, and then in its place. */
static void sort_by_live_level(struct ntsync_waitq *q)
{
	struct ntsync_waitq_node *n, *next;

	for (n = ntsync_waitq_first(q); n; n = next) {
		next = ntsync_waitq_next(n);
		refresh_level(q, container_of(n, struct ntsync_wait_entry, node));
	}
}

/* To those of the any-queue who come before a wait-all of @level. They are awake then. */
static void hand_out_before(struct ntsync_hold *h, int level)
{
	bool through;

	if (!READ_ONCE(h->obj->any.count)) /* nobody comes in under all_lock */
		return;
	do {
		raw_spin_lock(&h->obj->lock);
		h->steps = 0;
		through = hand_out_before_locked(h, level);
		unlock_obj_and_wake(h);
		ntsync_pi_walk(&h->todo);
	} while (!through);
}

/*
 * Priority comes before the kind of wait; of one priority, wait-alls come before the
 * any-waiters. obj->lock is dropped meanwhile, but we count as one of the wait-alls, so
 * all_lock keeps the state.
 */
static void wake_all_waiters(struct ntsync_hold *h)
{
	struct ntsync_obj *obj = h->obj;
	struct ntsync_waitq_node *n, *next;

	if (likely(!obj->all_waits))
		return;
	ntsync_assert_all_lock(obj->dev);
	WARN_ON_ONCE(h->nr); /* they would wait for their wake-up until we are through */
	obj->all_waits++;
	raw_spin_unlock(&obj->lock);

	sort_by_live_level(&obj->all);
	for (n = ntsync_waitq_first(&obj->all); n; n = next) {
		struct ntsync_wait *w = container_of(n, struct ntsync_wait_entry, node)->wait;

		next = ntsync_waitq_next(n);
		if (!all_signaled(w))
			continue;
		hand_out_before(h, ntsync_waitq_level(n));
		if (all_signaled(w))
			grant_all(w);
	}

	raw_spin_lock(&obj->lock);
	obj->all_waits--;
}

/* The part of ntsync_wake_takers() that is only for some. */
void ntsync_hold_hand_out(struct ntsync_hold *h)
{
	wake_all_waiters(h);
	h->obj->unsettled = true;
	settle(h);
}
