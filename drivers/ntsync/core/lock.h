/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks, in the order in which they are taken:
 *
 *   dev->all_lock		rt_mutex; the all-queues and all_lock_users of the instance's
 *				objects, and the state of every object whose all_lock_users is
 *				not 0
 *     t->apply_lock		rt_mutex; the scheduling parameters of one task. Never two
 *				of them at a time
 *       obj->lock		raw spinlock; state and any-queue of one object. Never two
 *				of them at a time, never from an interrupt
 *       loan->lock		raw spinlock; the loan of one task. Never two of them at a
 *				time, nor together with an obj->lock
 *       bucket->lock		raw spinlock; the keys of some addresses (core/space.h). Never
 *				two of them at a time, nor together with an obj->lock or a
 *				loan->lock
 *         t->lock		raw spinlock; the record of one task: its contributions and
 *				the wait that it is in. Never two of them at a time
 *           dev->lock		raw spinlock; lists of the instance
 *
 * Outside all of these is receiver_free_lock, a mutex that keeps receivers of channels from being
 * freed. Raw locks under which no other is taken are exit_lock (like receiver_free_lock, in
 * channel/receiver_exit.c), the exit worker's queue_lock, the locks of the table of records
 * (pi/task.c), and the locks of the table of spaces (core/space.c). The kernel's
 * task_struct::pi_lock is innermost: it is taken under t->lock, too.
 *
 * Code under obj->lock does pointer work that is O(log waiters), or looks at each object of one
 * call. It does not allocate or free, access user memory, take a sleeping lock (on PREEMPT_RT that
 * includes spinlock_t and wait queues), or wake a task. Tasks to wake are collected and woken after
 * the unlock, see wake.c.
 *
 * Code that looks at the state in order to acquire, signal, change or read it, or to join the
 * any-queue, is a locked section. It begins with ntsync_obj_lock(), which first drains pending
 * hand-offs, and ends with ntsync_obj_unlock(). A hot path begins it with
 * ntsync_obj_lock_check_idle(), and needs no struct ntsync_section if that finds no waiter.
 *
 * Code that leaves a queue, or that only touches contributions, all_lock_users, the lists of
 * receivers and tokens, or a copy for fdinfo, takes obj->lock alone. So do a wait-all and a waker
 * that acts for one when they acquire: all_lock has kept the states at which they have looked.
 *
 * The state of an object changes under
 *   obj->lock			if obj->all_lock_users is 0,
 *   dev->all_lock, obj->lock	otherwise.
 * all_lock_users is read under obj->lock, so a change of the state can't miss that it was raised:
 *
 *   WAIT_ALL				SEM_RELEASE
 *
 *   lock(all_lock)
 *   lock(obj)				lock(obj)	  spins; or got the lock first, and
 *   all_lock_users++					  WAIT_ALL sees the new count
 *   signaled()?
 *   unlock(obj)			all_lock_users != 0 -> unlock(obj)
 *   [looks at the other objects]	lock(all_lock)	  waits until WAIT_ALL is through
 *
 * So a wait-all, and a waker that acts for one, looks at its objects one after the other and then
 * acquires them one after the other. Under all_lock no other task changes any of them meanwhile.
 * Only fdinfo, which takes obj->lock alone, and poll, which takes no lock, can see some of them
 * acquired and others not.
 *
 * Lifetimes:
 *   struct ntsync_obj		counted by its file, and by code that has no file, such as a
 *				chain walk (pi/chain.c); a call holds the file
 *   struct ntsync_task		counted; freed by RCU
 *   struct ntsync_device	counted by its file and by every object
 *   struct ntsync_wait		on the sleeper's stack. A waker finds it through an entry in a
 *				queue, under the lock of that queue. Before it returns the sleeper
 *				takes the lock of every queue that it was in, unless a waker has
 *				set waker_done. So a waker may use the wait until it drops that
 *				lock or sets waker_done, and not after it. It takes a
 *				reference to the task that it will wake while it holds the lock.
 *   struct ntsync_key		in a waiter on an address, on the stack of its task; addr/key.c
 *   struct ntsync_space	counted; freed by RCU
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

/*
 * How many tasks are woken at a time, with preemption off. With 8 a task of higher priority on the
 * same CPU waits for 9,719 instructions at most; with 16 for 19,140, and a SET with 1,000 waiters
 * is 0.6 % cheaper (docs/performance.md).
 */
#define NTSYNC_WAKE_BATCH	8

/**
 * struct ntsync_section - a locked section: an object under its lock, and whom the change wakes
 * @obj: the object; obj->lock is held
 * @all_locked: dev->all_lock is held
 * @unlock_all: the section took dev->all_lock and drops it at its end
 * @available: the change may let others acquire the object
 * @steps: work done since obj->lock was taken: entries, requests or receivers handled
 * @todo: records that a chain walk has to start from
 * @needs_update: obj->needs_update was set in one of the parts of the section
 * @nr: number of tasks in @wake
 * @wake: tasks that were served and are woken after the unlock; counted
 *
 * Lives on the stack of the call; fast paths have none. Declare it __uninitialized: otherwise the
 * compiler may clear @wake in each call.
 */
struct ntsync_section {
	struct ntsync_obj *obj;
	bool all_locked;
	bool unlock_all;
	bool available;
	unsigned int steps;
	struct ntsync_todo todo;
	bool needs_update;
	unsigned int nr;
	struct task_struct *wake[NTSYNC_WAKE_BATCH];
};

void ntsync_section_drain(struct ntsync_section *s);
bool ntsync_section_drain_batch(struct ntsync_section *s);
void ntsync_section_unlock_slow(struct ntsync_section *s);
void ntsync_section_hand_off(struct ntsync_section *s);

/* For a type that wakes tasks other than those that acquire the object. */
void ntsync_section_make_room(struct ntsync_section *s);
void ntsync_section_wake_locked(struct ntsync_section *s, struct task_struct *p);
void ntsync_obj_dequeue_locked(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			       struct ntsync_todo *todo);

/* obj_poll.c */
void ntsync_obj_wake_pollers(struct ntsync_obj *obj);

/*
 * The inline functions are enough for an object without a waiter or wait-all; the slow paths are in
 * wake.c. An uncontended pair of calls takes 1,847 to 1,907 instructions; two ioctls that fail at
 * once take 1,298 (docs/performance.md).
 */

static inline void ntsync_section_init(struct ntsync_section *s, struct ntsync_obj *obj, bool all)
{
	s->obj = obj;
	s->all_locked = all;
	s->unlock_all = false;
	s->available = false;
	s->steps = 0;
	s->todo.nr = 0;
	s->needs_update = false;
	s->nr = 0;
}

/* The rest of ntsync_obj_lock() for a caller that has taken obj->lock. */
static inline void ntsync_section_begin_locked(struct ntsync_section *s, struct ntsync_obj *obj)
{
	ntsync_section_init(s, obj, false);
	if (unlikely(obj->all_lock_users || obj->handoff_pending))
		ntsync_section_drain(s);
}

/**
 * ntsync_obj_lock() - begin a locked section
 * @s: the section, for ntsync_obj_unlock()
 * @obj: the object
 *
 * Drains pending hand-offs first: on return every waiter that an earlier change released has been
 * served. May sleep if all_lock_users is not 0; all_lock is held then, too.
 */
static inline void ntsync_obj_lock(struct ntsync_section *s, struct ntsync_obj *obj)
{
	raw_spin_lock(&obj->lock);
	ntsync_section_begin_locked(s, obj);
}

/* ntsync_obj_lock() for a caller that holds all_lock. */
static inline void ntsync_obj_lock_all_locked(struct ntsync_section *s, struct ntsync_obj *obj)
{
	ntsync_assert_all_lock(obj->dev);
	ntsync_section_init(s, obj, true);
	raw_spin_lock(&obj->lock);
	if (unlikely(obj->handoff_pending))
		ntsync_section_drain(s);
}

/* The end of every change, after the unlock. @available: as in struct ntsync_section. */
static inline void ntsync_obj_finish_change(struct ntsync_obj *obj, bool available)
{
	smp_mb(); /* (A), pairs with (B) and (C) as drawn at ntsync_obj_peek() */
	if (unlikely(READ_ONCE(obj->pollers)) && available)
		ntsync_obj_wake_pollers(obj);
}

/*
 * Ends a locked section: unlocks, wakes the tasks that were served, then updates priorities. A new
 * owner is woken before the old one loses what it has inherited.
 */
static inline void ntsync_obj_unlock(struct ntsync_section *s)
{
	struct ntsync_obj *obj = s->obj;

	s->needs_update |= ntsync_obj_take_needs_update_locked(obj);
	if (unlikely(s->nr || s->unlock_all || s->todo.nr))
		ntsync_section_unlock_slow(s);
	else
		raw_spin_unlock(&obj->lock);
	ntsync_obj_finish_change(obj, s->available);
	if (unlikely(s->needs_update))
		obj->ops->update_inheritors(obj);
}

/**
 * ntsync_obj_hand_off() - hand an object to its waiters
 * @s: the locked section; NULL after ntsync_obj_lock_check_idle(), when there is no waiter
 * @obj: the object
 *
 * A type calls it after a change that may let others acquire the object.
 */
static __always_inline void ntsync_obj_hand_off(struct ntsync_section *s, struct ntsync_obj *obj)
{
	if (s)
		s->available = true;
	if (s && unlikely(obj->any.count || obj->all_lock_users))
		ntsync_section_hand_off(s);
	else if (obj->ops->drained)
		obj->ops->drained(obj);
}

/*
 * Always takes obj->lock. Returns true if the object has no waiter, no user of all_lock and no
 * pending hand-off, so that the caller needs no struct ntsync_section. If false, the caller goes on
 * with ntsync_section_begin_locked().
 */
static inline bool ntsync_obj_lock_check_idle(struct ntsync_obj *obj)
{
	raw_spin_lock(&obj->lock);
	return likely(!obj->all_lock_users && !obj->handoff_pending && !obj->any.count);
}

/* @available: as in struct ntsync_section. */
static inline void ntsync_obj_unlock_idle(struct ntsync_obj *obj, bool available)
{
	raw_spin_unlock(&obj->lock);
	ntsync_obj_finish_change(obj, available);
}

/*
 * all_lock is taken and dropped by these two functions only: they tell the arbiter, which must not
 * lower the priority of a task that holds it, see ntsync_pi_lower_disable().
 */
static inline void ntsync_all_lock(struct ntsync_device *dev)
{
	if (unlikely(!rt_mutex_trylock(&dev->all_lock))) {
		ntsync_pi_all_lock_contended();
		rt_mutex_lock(&dev->all_lock);
	}
	ntsync_pi_all_lock_acquired();
}

static inline void ntsync_all_unlock(struct ntsync_device *dev)
{
	rt_mutex_unlock(&dev->all_lock);
	ntsync_pi_all_lock_released();
}

DEFINE_GUARD(ntsync_all_lock, struct ntsync_device *, ntsync_all_lock(_T), ntsync_all_unlock(_T))

#endif
