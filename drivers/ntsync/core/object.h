/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instance, the object, and the table of operations of a type. lock.h has the locking rules and
 * lifetimes.
 */
#ifndef NTSYNC_CORE_OBJECT_H
#define NTSYNC_CORE_OBJECT_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/rtmutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "state.h"
#include "waitq.h"

struct file;
struct ntsync_section;
struct ntsync_source_ops;
struct ntsync_todo;
struct ntsync_wait_entry;
struct seq_file;
struct task_struct;

/**
 * struct ntsync_device - an instance: one open of /dev/ntsync
 * @refs: held by its file and by every object
 * @id: unique, never reused; immutable
 * @all_lock: see lock.h
 * @owners: owner id -> record of the task with that id; pi/owner.c
 * @next_owner: where the next search for unused owner ids starts; a hint
 * @pollers: wait queue of objects for which no queue of their own could be allocated
 * @arrivals: how many waiting calls have been queued; ticket.c
 * @lock: protects the fields below
 * @mutexes_by_id: mutexes that real-time tasks wait for and whose owner is known by its owner id
 *	only; types/mutex_source.c
 * @event_boosted: records of tasks that have an event boost from this instance; pi/boost.c
 * @loans: loans that were made through this instance; pi/loan.c
 */
struct ntsync_device {
	struct kref refs;
	u64 id;
	struct rt_mutex all_lock;
	struct xarray owners;
	unsigned long next_owner;
	struct wait_queue_head pollers;
	atomic64_t arrivals;
	raw_spinlock_t lock;
	struct rb_root mutexes_by_id;
	struct list_head event_boosted;
	struct list_head loans;
};

/**
 * struct ntsync_obj - what one of our file descriptors stands for
 * @lock: protects every field for which no other rule is given
 * @refs: held by the object's file, and by code that has no file, such as a chain walk
 * @all_lock_users: number of calls, such as wait-alls, that need the state to change under
 *	dev->all_lock only. Written under both locks
 * @needs_update: the contributions of a channel need an update. The end of the locked section
 *	clears it and calls @ops->update_inheritors()
 * @handoff_pending: a waiter in @any may be able to acquire the object and has not been served.
 *	The next locked section serves it first
 * @ops: operations of the type; immutable
 * @dev: the instance it was created in, counted; immutable
 * @pollers: wait queue for poll and epoll; NULL until the first poll, then immutable
 * @any: queue of WAIT_ANY entries, of alerts, and of a channel's parked receivers
 * @all: queue of WAIT_ALL entries; protected by dev->all_lock alone
 * @id: unique, never reused; for fdinfo and tracepoints; immutable
 * @unused: link in the list of objects that a work item frees
 */
struct ntsync_obj {
	raw_spinlock_t lock;
	refcount_t refs;
	u32 all_lock_users;
	bool handoff_pending;
	bool needs_update;
	const struct ntsync_obj_ops *ops;
	struct ntsync_device *dev;
	struct wait_queue_head *pollers;
	union {
		union ntsync_state state;
		struct ntsync_sem sem;
		struct ntsync_mutex mutex;
		struct ntsync_event event;
		struct ntsync_channel *channel; /* immutable */
	};
	struct ntsync_waitq any;
	struct ntsync_waitq all;
	u64 id;
	struct llist_node unused;
};

/**
 * struct ntsync_acquirer - the task for which a call acquires objects, and what it learns by that
 * @task: the task; immutable
 * @t: its record; immutable
 * @owner: its owner id for mutexes; immutable
 * @owner_dead: out: one of the objects was an abandoned mutex
 * @must_walk: out: what the task inherits may have changed; the caller walks from @t
 * @notify_only: it wants a readiness notification of a channel, not a request; immutable
 * @former_owner: out: record of the task that owned the object, or the key, before, counted; the
 *	caller walks from it; or NULL
 */
struct ntsync_acquirer {
	struct task_struct *task;
	struct ntsync_task *t;
	u32 owner;
	bool owner_dead;
	bool must_walk;
	bool notify_only;
	struct ntsync_task *former_owner;
};

/**
 * struct ntsync_notification - readiness notification: a task was told that a channel has a request
 * @node: in the list of the task's record
 * @obj: the channel; not counted
 */
struct ntsync_notification {
	struct list_head node;
	struct ntsync_obj *obj;
};

/**
 * struct ntsync_obj_ops - operations of a type
 * @name: the type's name in fdinfo and tracepoints
 * @signaled: can a waiter with this owner id acquire the object now? ntsync_obj_peek() calls it
 *	without the lock; a "no" must then have been true at some moment of the call
 * @acquire: acquire the object for @acquirer
 * @signal: set it, or release it once as @owner
 * @next_waiter: the entry of the any-queue to serve next; NULL if none can acquire the object
 * @drained: NULL, or called when no waiter is left to serve
 * @enqueued: NULL, or called after an entry has entered the any-queue. Adds to @todo the records
 *	that a walk has to start from. The owner that the entry contributes to is left out: the
 *	waiter verifies it before it sleeps
 * @dequeued: NULL, or called after an entry has left the any-queue. @todo: all records that a
 *	walk has to start from
 * @update_inheritors: called without a raw lock after a locked section that has set
 *	obj->needs_update: update what the object contributes to its receivers
 * @show: print the state for fdinfo, from a copy; no lock is held
 * @show_tasks: NULL, or print the tasks behind the state; takes its locks itself
 * @destroy: NULL, or called before the object is freed
 * @enter: NULL, or called before an aggregate wait begins; 0 or an error
 * @undelivered: NULL, or called if current has acquired the object by an aggregate wait and the
 *	result could not be copied to user space
 * @pass_on: current does not act on @n before it sleeps; pass it to another waiter
 * @source: NULL, or how the object contributes to other tasks
 * @owned: an acquirer owns the object, and inherits from its waiters
 *
 * @acquire, @signal, @next_waiter, @drained, @enqueued and @dequeued are called under obj->lock,
 * @signaled with or without it, the others without a raw lock.
 */
struct ntsync_obj_ops {
	const char *name;
	bool (*signaled)(const struct ntsync_obj *obj, u32 owner);
	void (*acquire)(struct ntsync_obj *obj, struct ntsync_acquirer *acquirer);
	int (*signal)(struct ntsync_section *s, u32 owner);
	struct ntsync_wait_entry *(*next_waiter)(struct ntsync_obj *obj);
	void (*drained)(struct ntsync_obj *obj);
	void (*enqueued)(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			 struct ntsync_todo *todo);
	void (*dequeued)(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			 struct ntsync_todo *todo);
	void (*update_inheritors)(struct ntsync_obj *obj);
	void (*show)(struct seq_file *m, const union ntsync_state *copy);
	void (*show_tasks)(struct seq_file *m, struct ntsync_obj *obj);
	void (*destroy)(struct ntsync_obj *obj);
	int (*enter)(struct ntsync_obj *obj, struct file *file, struct ntsync_task *t);
	void (*undelivered)(struct ntsync_obj *obj);
	void (*pass_on)(struct ntsync_notification *n);
	const struct ntsync_source_ops *source;
	bool owned;
};

/*
 * Looks at the state without the lock. "No" is a valid answer, true at the moment of the look;
 * "yes" must be checked again under the lock. So a look at 64 objects that are not signaled takes
 * no lock (6,514 instructions, docs/performance.md).
 *
 * The caller executes a full barrier before its first look, and every change that can make an
 * object signaled executes one before it returns:
 *
 *   task 1				task 2
 *
 *   changes an object			x = 1
 *   smp_mb(); (A)			smp_mb(); (B)
 *   reads x				looks at the object
 *
 * x is any memory: a variable of the program for (B), obj->pollers for (C). At least one of the two
 * sees what the other has done. (A) is in ntsync_obj_finish_change(), (B)
 * in ntsync_wait_any() and in wait_all.c, (C) in ntsync_obj_poll() has the role of (B).
 */
static inline bool ntsync_obj_peek(const struct ntsync_obj *obj, u32 owner)
{
	return obj->ops->signaled(obj, owner);
}

/* The last step of a locked section, before the unlock. */
static inline bool ntsync_obj_take_needs_update_locked(struct ntsync_obj *obj)
{
	bool needs_update = obj->needs_update;

	if (unlikely(needs_update))
		obj->needs_update = false;
	return needs_update;
}

static inline struct ntsync_obj *ntsync_obj_get(struct ntsync_obj *obj)
{
	refcount_inc(&obj->refs);
	return obj;
}

struct ntsync_obj *ntsync_obj_alloc(struct ntsync_device *dev, const struct ntsync_obj_ops *ops);
void ntsync_obj_put(struct ntsync_obj *obj);
void ntsync_obj_put_later(struct ntsync_obj *obj);

#endif
