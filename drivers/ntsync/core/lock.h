/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks, in the order in which they are taken:
 *
 *   dev->all_lock		rt_mutex; the all-queues and all_waits of the
 *				instance's objects, and with them the state of
 *				every object that a wait-all looks at
 *     t->apply_lock		rt_mutex; the scheduling parameters of one task.
 *				Never two of them at a time
 *       obj->lock		raw spinlock; state and any-queue of one object.
 *				Never two of them at a time, never from an interrupt
 *         t->lock		raw spinlock; the record of one task: what contributes
 *				to it, and the wait that it is in. Never two of them
 *           dev->lock		raw spinlock; lists of the instance
 *
 * Under obj->lock only pointer work that is bounded by O(log waiters), or by a look at
 * each object of a call: no allocation and no free, no user memory, no sleeping lock (on
 * PREEMPT_RT that includes spinlock_t and wait queues), no wake-up. Tasks are collected
 * in the hold and woken after the unlock, see wake.c.
 *
 * The state of an object changes under
 *   obj->lock			if obj->all_waits is 0,
 *   dev->all_lock, obj->lock	otherwise.
 * all_waits is looked at inside obj->lock, so nobody can miss that it went up:
 *
 *   WAIT_ALL				SEM_RELEASE
 *
 *   lock(all_lock)
 *   lock(obj)				lock(obj)	  waits, or was here first;
 *   all_waits++					  then WAIT_ALL sees its count
 *   signaled()?
 *   unlock(obj)			all_waits != 0 -> unlock(obj)
 *   [looks at the other objects]	lock(all_lock)	  waits for the wait-all
 *
 * So the wait-all, and a waker that acts for it, may look at one object after
 * the other and then take them one after the other: under all_lock nobody else
 * can disturb what is in between. (Only fdinfo can see it, which takes one lock.)
 *
 * Lifetimes:
 *   struct ntsync_obj		counted: by its file, and by walks (pi/chain.c); a call holds
 *				the file
 *   struct ntsync_task		counted; freed by RCU
 *   struct ntsync_device	counted by its own file and by every object
 *   struct ntsync_wait		the sleeper's stack. It is reached through the
 *				entries in the queues, so only under the lock of a
 *				queue that it is in. The sleeper takes the lock of
 *				every queue that it was in, in order to leave it,
 *				and returns after that: a waker that still has such
 *				a lock can rely on the record, one that has dropped
 *				it can't. The task to be woken gets a reference
 *				under the lock.
 */
#ifndef NTSYNC_CORE_LOCK_H
#define NTSYNC_CORE_LOCK_H

#include <linux/cleanup.h>
#include <linux/lockdep.h>

#include "object.h"
#include "pi/pi.h"
#include "pi/task.h"

static inline void ntsync_assert_all_lock(const struct ntsync_device *dev)
{
	lockdep_assert_held(&dev->all_lock);
}

static inline void ntsync_assert_obj_lock(const struct ntsync_obj *obj)
{
	lockdep_assert_held(&obj->lock);
}

#define NTSYNC_WAKE_BATCH	8

/**
 * struct ntsync_hold - an object held for a change, and what the change woke
 * @obj: the object; obj->lock is held
 * @all: dev->all_lock is held, by us or by our caller
 * @drop_all: and it is ours to drop
 * @better: it has become available, or more so
 * @steps: entries handled since obj->lock was taken, about NTSYNC_WAKE_BATCH at most
 * @todo: records whose contributions have changed
 * @stale: as obj->stale, of all its holds
 * @nr: tasks in @wake, at most @steps
 * @wake: claimed for, referenced, not woken yet
 *
 * On the stack of every change. Declare it __uninitialized, or the compiler clears
 * @wake first.
 */
struct ntsync_hold {
	struct ntsync_obj *obj;
	bool all;
	bool drop_all;
	bool better;
	unsigned int steps;
	struct ntsync_todo todo;
	bool stale;
	unsigned int nr;
	struct task_struct *wake[NTSYNC_WAKE_BATCH];
};

void ntsync_hold_settle(struct ntsync_hold *h);
void ntsync_hold_wake(struct ntsync_hold *h);
void ntsync_hold_hand_out(struct ntsync_hold *h);

/* For who wakes by itself: not a task that the object is handed to. */
void ntsync_hold_make_room(struct ntsync_hold *h);
void ntsync_hold_wake_locked(struct ntsync_hold *h, struct task_struct *p);
void ntsync_obj_dequeue_locked(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			       struct ntsync_todo *todo);

/* pollers.c */
void ntsync_obj_wake_pollers(struct ntsync_obj *obj);

/*
 * Holding an object. What nearly all calls do is in here: there is neither somebody
 * who waits nor a wait-all. The rest is in wake.c.
 */

static inline void ntsync_hold_init(struct ntsync_hold *h, struct ntsync_obj *obj, bool all)
{
	h->obj = obj;
	h->all = all;
	h->drop_all = false;
	h->better = false;
	h->steps = 0;
	h->todo.nr = 0;
	h->stale = false;
	h->nr = 0;
}

/* What ntsync_obj_hold() does after it has taken obj->lock. */
static inline void ntsync_obj_hold_locked(struct ntsync_hold *h, struct ntsync_obj *obj)
{
	ntsync_hold_init(h, obj, false);
	if (unlikely(obj->all_waits || obj->unsettled))
		ntsync_hold_settle(h);
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
static inline void ntsync_obj_hold(struct ntsync_hold *h, struct ntsync_obj *obj)
{
	raw_spin_lock(&obj->lock);
	ntsync_obj_hold_locked(h, obj);
}

/* The same for a caller that holds all_lock. */
static inline void ntsync_obj_hold_all_locked(struct ntsync_hold *h, struct ntsync_obj *obj)
{
	ntsync_assert_all_lock(obj->dev);
	ntsync_hold_init(h, obj, true);
	raw_spin_lock(&obj->lock);
	if (unlikely(obj->unsettled))
		ntsync_hold_settle(h);
}

/* What a change ends with, after the unlock. @better: as in struct ntsync_hold. */
static inline void ntsync_obj_changed(struct ntsync_obj *obj, bool better)
{
	/* The counterpart of the one in ntsync_obj_peek(). */
	smp_mb();
	if (unlikely(READ_ONCE(obj->pollers)) && better)
		ntsync_obj_wake_pollers(obj);
}

/*
 * Unlocks, and wakes whom the change let go. A new owner is awake before the old
 * one loses what it had inherited.
 */
static inline void ntsync_obj_unhold(struct ntsync_hold *h)
{
	struct ntsync_obj *obj = h->obj;

	h->stale |= ntsync_obj_take_stale_locked(obj);
	if (unlikely(h->nr || h->drop_all || h->todo.nr))
		ntsync_hold_wake(h);
	else
		raw_spin_unlock(&obj->lock);
	ntsync_obj_changed(obj, h->better);
	if (unlikely(h->stale))
		obj->ops->unlocked(obj);
}

/**
 * ntsync_wake_takers() - the object can be taken now: hand it to whom it is due
 * @h: what holds it; NULL: it is locked alone
 * @obj: the object
 *
 * What the types call after a change for the better.
 */
static __always_inline void ntsync_wake_takers(struct ntsync_hold *h, struct ntsync_obj *obj)
{
	if (h)
		h->better = true;
	if (h && unlikely(obj->any.count || obj->all_waits))
		ntsync_hold_hand_out(h);
	else if (obj->ops->settled)
		obj->ops->settled(obj);
}

/*
 * The short form, where it is enough: false if somebody waits for the object, or a wait-all
 * looks at it. Then it is locked all the same, for ntsync_obj_hold_locked().
 */
static inline bool ntsync_obj_lock_alone(struct ntsync_obj *obj)
{
	raw_spin_lock(&obj->lock);
	return likely(!obj->all_waits && !obj->unsettled && !obj->any.count);
}

/* @better: as in struct ntsync_hold. */
static inline void ntsync_obj_unlock_alone(struct ntsync_obj *obj, bool better)
{
	raw_spin_unlock(&obj->lock);
	ntsync_obj_changed(obj, better);
}

/* In this pair only: who holds it is not lowered, see ntsync_pi_enter(). */
static inline void ntsync_all_lock(struct ntsync_device *dev)
{
	if (unlikely(!rt_mutex_trylock(&dev->all_lock))) {
		ntsync_pi_all_lock_contended();
		rt_mutex_lock(&dev->all_lock);
	}
	ntsync_pi_all_locked();
}

static inline void ntsync_all_unlock(struct ntsync_device *dev)
{
	rt_mutex_unlock(&dev->all_lock);
	ntsync_pi_all_unlocked();
}

DEFINE_GUARD(ntsync_all_lock, struct ntsync_device *, ntsync_all_lock(_T), ntsync_all_unlock(_T))

#endif
