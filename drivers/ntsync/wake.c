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
 * What is left to do when the lock is dropped in between stays visible to
 * others, so that nobody can come between a signal and those whom it released:
 *
 *   a thing that one waiter takes from all others (semaphore, mutex, auto-reset
 *   event): obj->unsettled is set, and whoever takes the lock next goes on
 *   handing out before it does anything else;
 *
 *   a release of everybody who is queued (manual-reset event): they are cut off
 *   from later arrivals by the queue's epoch, and go first.
 */
#include <linux/preempt.h>
#include <linux/sched/task.h>

#include "lock.h"
#include "ntsync_internal.h"

/* ---- holding an object ---- */

static void lock_obj(struct ntsync_hold *h)
{
	struct ntsync_obj *obj = h->obj;

	h->steps = 0;
	for (;;) {
		raw_spin_lock(&obj->lock);
		if (likely(!obj->all_waits) || h->all)
			return;
		raw_spin_unlock(&obj->lock);
		rt_mutex_lock(&obj->dev->all_lock);
		h->all = true;
		h->drop_all = true;
	}
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
	for (i = 0; i < h->nr; i++)
		wake_up_process(h->wake[i]);
	preempt_enable();

	for (i = 0; i < h->nr; i++)
		put_task_struct(h->wake[i]);
	h->nr = 0;
}

static void wake_and_relock(struct ntsync_hold *h)
{
	unlock_obj_and_wake(h);
	lock_obj(h);
}

/* ---- one waiter ---- */

void ntsync_obj_dequeue_locked(struct ntsync_obj *obj, struct ntsync_wait_entry *e)
{
	ntsync_assert_obj_lock(obj);
	if (obj->ops->dequeue)
		obj->ops->dequeue(obj, e);
	ntsync_waitq_erase(&obj->any, &e->node);
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

	ntsync_obj_dequeue_locked(obj, e);
	if (!ntsync_wait_claim(w, e->index))
		return false;
	obj->ops->acquire(obj, &w->taker);
	h->wake[h->nr++] = get_task_struct(w->taker.task);
	return true;
}

/* Somebody may have changed the task's priority since it came; true if it moved. */
static bool refresh_level(struct ntsync_waitq *q, struct ntsync_wait_entry *e)
{
	int level = ntsync_task_level(e->wait->taker.task);

	if (likely(level == e->node.level))
		return false;
	ntsync_waitq_move(q, &e->node, level);
	return true;
}

/*
 * Serves the waiter that is next; false if it was not to be had: its level was
 * out of date (then somebody else may be next), or something else was faster.
 * The lock is dropped first if the batch is full; what was next may be gone then.
 */
static bool serve(struct ntsync_hold *h, struct ntsync_wait_entry *e)
{
	if (h->steps++ == NTSYNC_WAKE_BATCH) {
		wake_and_relock(h);
		return false;
	}
	return !refresh_level(&h->obj->any, e) && grant_locked(h, e);
}

/* Hands out until nobody can take the object any more. */
static void settle(struct ntsync_hold *h)
{
	struct ntsync_obj *obj = h->obj;
	struct ntsync_wait_entry *e;

	while (unlikely(obj->unsettled)) {
		e = obj->ops->next_waiter(obj);
		if (e)
			serve(h, e);
		else
			obj->unsettled = false;
	}
}

/**
 * ntsync_obj_hold() - lock an object in order to look at it or change it
 * @h: what to give to ntsync_obj_unhold() afterwards
 * @obj: the object
 *
 * Everybody to whom an earlier change had promised the object has got it when
 * this returns. May sleep if a wait-all looks at the object; then all_lock is
 * held too.
 */
void ntsync_obj_hold(struct ntsync_hold *h, struct ntsync_obj *obj)
{
	h->obj = obj;
	h->all = false;
	h->drop_all = false;
	h->nr = 0;
	lock_obj(h);
	settle(h);
}

/* The same for a caller that holds all_lock. */
void ntsync_obj_hold_all_locked(struct ntsync_hold *h, struct ntsync_obj *obj)
{
	ntsync_assert_all_lock(obj->dev);
	h->obj = obj;
	h->all = true;
	h->drop_all = false;
	h->nr = 0;
	lock_obj(h);
	settle(h);
}

/*
 * Unlocks, and wakes whom the change let go. A new owner is awake before the old
 * one loses what it had inherited.
 */
void ntsync_obj_unhold(struct ntsync_hold *h)
{
	unlock_obj_and_wake(h);
	if (h->drop_all)
		rt_mutex_unlock(&h->obj->dev->all_lock);
	ntsync_pi_catch_up();
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

/*
 * all_lock keeps the states as all_signaled() has seen them, and the sleeper in
 * its call: it needs all_lock to leave.
 */
static void grant_all(struct ntsync_wait *w)
{
	u32 i;

	guard(preempt)();
	if (!ntsync_wait_claim(w, 0))
		return;
	for (i = 0; i < w->count; i++) {
		struct ntsync_obj *obj = w->entries[i].obj;

		guard(raw_spinlock)(&obj->lock);
		obj->ops->acquire(obj, &w->taker);
	}
	wake_up_process(w->taker.task);
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

/**
 * ntsync_wake_all_waiters() - offer a signaled object to the wait-alls
 * @h: the object
 *
 * They come before the any-waiters. Drops obj->lock meanwhile; with wait-alls
 * there, all_lock keeps the state.
 */
void ntsync_wake_all_waiters(struct ntsync_hold *h)
{
	struct ntsync_obj *obj = h->obj;
	struct ntsync_waitq_node *n;

	if (likely(!obj->all_waits))
		return;
	ntsync_assert_all_lock(obj->dev);
	raw_spin_unlock(&obj->lock);

	sort_by_live_level(&obj->all);
	for (n = ntsync_waitq_first(&obj->all); n; n = ntsync_waitq_next(n)) {
		struct ntsync_wait *w = container_of(n, struct ntsync_wait_entry, node)->wait;

		if (!ntsync_wait_claimed(w) && all_signaled(w))
			grant_all(w);
	}

	raw_spin_lock(&obj->lock);
}

/* ---- what the types call after a change ---- */

/**
 * ntsync_wake_takers() - the object can be taken now: hand it to whom it is due
 * @h: the object
 *
 * For what can be used up: semaphores, mutexes, auto-reset events.
 */
void ntsync_wake_takers(struct ntsync_hold *h)
{
	ntsync_wake_all_waiters(h);
	if (h->obj->any.count) {
		h->obj->unsettled = true;
		settle(h);
	}
}

/* Releases the first any-waiter that is still waiting, if there is one. */
void ntsync_wake_one(struct ntsync_hold *h)
{
	struct ntsync_wait_entry *e;

	while ((e = ntsync_obj_first_any(h->obj)) && !serve(h, e))
		;
}

/* Releases every any-waiter that is queued now, and none that comes later. */
void ntsync_wake_queued(struct ntsync_hold *h)
{
	struct ntsync_waitq *q = &h->obj->any;
	struct ntsync_wait_entry *e;
	u32 epoch;

	if (!q->count)
		return;
	epoch = ntsync_waitq_cut(q);
	while ((e = ntsync_obj_first_any(h->obj)) && ntsync_waitq_before_cut(&e->node, epoch))
		serve(h, e);
}
