/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks, in the order in which they are taken:
 *
 *   dev->all_lock		rt_mutex; the all-queues and all_waits of the
 *				instance's objects, and with them the state of
 *				every object that a wait-all looks at
 *     pi_lock			rt_mutex, one for the module; the arbiter, see pi.c.
 *				What lowers a priority is not done under all_lock
 *       obj->lock		raw spinlock; state and any-queue of one object.
 *				Never two of them at a time, never from an interrupt
 *
 * Under obj->lock only pointer work that is bounded by O(log waiters): no
 * allocation and no free, no user memory, no sleeping lock (on PREEMPT_RT that
 * includes spinlock_t and wait queues), no wake-up. Tasks are collected in the
 * hold and woken after the unlock, see wake.c.
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
 *   struct ntsync_obj		its file's; a call holds the file
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
#ifndef NTSYNC_LOCK_H
#define NTSYNC_LOCK_H

#include <linux/cleanup.h>
#include <linux/lockdep.h>

#include "ntsync_internal.h"

static inline void ntsync_assert_all_lock(const struct ntsync_device *dev)
{
	lockdep_assert_held(&dev->all_lock);
}

static inline void ntsync_assert_obj_lock(const struct ntsync_obj *obj)
{
	lockdep_assert_held(&obj->lock);
}

DEFINE_GUARD(ntsync_all_lock, struct ntsync_device *,
	     rt_mutex_lock(&_T->all_lock), rt_mutex_unlock(&_T->all_lock))

#endif
