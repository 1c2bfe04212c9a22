/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instance, the object, and the table of what differs between the types. What they protect and
 * how they are locked is in lock.h.
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
struct ntsync_hold;
struct ntsync_source_ops;
struct ntsync_todo;
struct ntsync_wait_entry;
struct seq_file;
struct task_struct;

/**
 * struct ntsync_device - one open of /dev/ntsync
 * @refs: its file and every object
 * @id: unique for ever; immutable
 * @all_lock: see lock.h
 * @owners: owner id -> the record of the task that is known by it; pi/owner.c
 * @next_owner: where to look next for what can be forgotten; a hint
 * @pollers: those of objects for which there was no memory for a queue of their own
 * @arrivals: how many calls have been queued; ticket.c
 * @lock: protects what follows
 * @guessed: mutexes that real-time tasks wait for and of which only the owner id is
 *	known; types/mutex_source.c
 * @boosted: records of tasks with an event's boost that came from here; pi/boost.c
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
	struct rb_root guessed;
	struct list_head boosted;
};

/**
 * struct ntsync_obj - what one fd of ours stands for
 * @lock: protects all below that is not marked otherwise
 * @refs: its file's, and those of walks that look at it
 * @all_waits: how many wait-alls are looking at this object. While it is not 0,
 *	whoever touches the state holds dev->all_lock too; written under both
 * @stale: what others inherit from a channel has changed in this hold of @lock; whoever lets
 *	go of it takes the flag along, and calls @ops->unlocked()
 * @unsettled: somebody in @any may be able to take the object and has not been
 *	given it yet; whoever takes @lock next goes on handing out
 * @ops: the type; immutable
 * @dev: the instance it was created on, counted; immutable
 * @pollers: who has it in poll or epoll; NULL until the first one comes, then immutable
 * @any: WAIT_ANY's waiters, and alerts
 * @all: WAIT_ALL's waiters; protected by dev->all_lock alone
 * @id: unique for ever, for those who look; immutable
 * @unused: in a list of those that are to be freed
 */
struct ntsync_obj {
	raw_spinlock_t lock;
	refcount_t refs;
	u32 all_waits;
	bool unsettled;
	bool stale;
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
 * struct ntsync_taker - in whose name an object is acquired, and what comes with it
 * @task: the task; immutable
 * @t: its record; immutable
 * @owner: its owner id for mutexes; immutable
 * @owner_dead: out: an abandoned mutex was among them
 * @boosted: out: it inherits from what it has acquired
 * @lost: out: NULL, or who does not any more; counted
 * @notice: it only wants to know that a channel has something; immutable
 */
struct ntsync_taker {
	struct task_struct *task;
	struct ntsync_task *t;
	u32 owner;
	bool owner_dead;
	bool boosted;
	bool notice;
	struct ntsync_task *lost;
};

/**
 * struct ntsync_notice - that a task has been told of something pending
 * @node: in the task's list
 * @obj: the channel; not counted
 */
struct ntsync_notice {
	struct list_head node;
	struct ntsync_obj *obj;
};

/**
 * struct ntsync_obj_ops - what differs between the types; one table per type
 * @name: as fdinfo shows it
 * @signaled: could a waiter with this owner id take the object now? Without the
 *	lock, too, a "no" must have been true at some moment during the call
 *	(ntsync_obj_peek() relies on it)
 * @acquire: take it for that task
 * @signal: set it, or give it back once in the name of @owner
 * @next_waiter: the entry of the any-queue that is to have the object now, NULL
 *	if nobody there can take it
 * @settled: NULL, or called when @next_waiter has no more waiter to name
 * @enqueued, @dequeued: NULL, or called after an entry went into the any-queue
 *	and after it has left it; the records whose contributions have changed by that go to
 *	@todo, but for what whoever queues verifies before it sleeps
 * @unlocked: called without a raw lock after a hold in which @stale was set
 * @show: the state for fdinfo; works on a copy, without a lock
 * @show_tasks: NULL, or the tasks behind the state, for fdinfo; takes its locks itself
 * @destroy: NULL, or called before the object is freed, without a lock
 * @enter: NULL, or called before an aggregate wait begins, without a lock; 0, or why it can't
 * @undelivered: NULL, or called without a lock: current has acquired it by an aggregate wait, and
 *	could not be told
 * @hand_on: of a type that gives notices: current does not act on @n for now; without a lock
 * @source: NULL, or how it contributes to other tasks
 * @owned: somebody owns it while it is taken, and inherits from who waits for it
 *
 * What is not said to be called without a lock is called under obj->lock, but for @show, and for
 * @signaled in a peek.
 */
struct ntsync_obj_ops {
	const char *name;
	bool (*signaled)(const struct ntsync_obj *obj, u32 owner);
	void (*acquire)(struct ntsync_obj *obj, struct ntsync_taker *taker);
	int (*signal)(struct ntsync_hold *h, u32 owner);
	struct ntsync_wait_entry *(*next_waiter)(struct ntsync_obj *obj);
	void (*settled)(struct ntsync_obj *obj);
	void (*enqueued)(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			 struct ntsync_todo *todo);
	void (*dequeued)(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			 struct ntsync_todo *todo);
	void (*unlocked)(struct ntsync_obj *obj);
	void (*show)(struct seq_file *m, const union ntsync_state *copy);
	void (*show_tasks)(struct seq_file *m, struct ntsync_obj *obj);
	void (*destroy)(struct ntsync_obj *obj);
	int (*enter)(struct ntsync_obj *obj, struct file *file, struct ntsync_task *t);
	void (*undelivered)(struct ntsync_obj *obj);
	void (*hand_on)(struct ntsync_notice *n);
	const struct ntsync_source_ops *source;
	bool owned;
};

/*
 * A look without the lock. "No" is a good answer, as of the moment of the look;
 * "yes" has to be asked again under the lock. The first of a call's looks comes
 * after a full barrier, and so does the return of every change: of two tasks that
 * each write a word of their own and then look at the other's object (or signal it
 * and then look at the other's word), one sees the other.
 */
static inline bool ntsync_obj_peek(const struct ntsync_obj *obj, u32 owner)
{
	return obj->ops->signaled(obj, owner);
}

/* At the end of a hold of obj->lock. */
static inline bool ntsync_obj_take_stale_locked(struct ntsync_obj *obj)
{
	bool stale = obj->stale;

	if (unlikely(stale))
		obj->stale = false;
	return stale;
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
