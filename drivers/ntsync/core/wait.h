/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A wait: its arguments, the blocked call and its entries in queues, and the common begin and end.
 */
#ifndef NTSYNC_CORE_WAIT_H
#define NTSYNC_CORE_WAIT_H

#include <linux/atomic.h>
#include <linux/lockdep.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/rt.h>

#include "object.h"
#include "pi/pi.h"
#include "pi/task.h"

struct file;
struct ntsync_request;
struct ntsync_addr_wait_ops;

#define NTSYNC_UNCLAIMED	(-1)

/*
 * Up to NTSYNC_SMALL_WAIT entries, the alert's included, are on the sleeper's stack; up to
 * NTSYNC_CACHED_WAIT come from a slab cache, more from kmalloc(). The in-tree driver allocates 344
 * bytes for 8 objects (docs/performance.md).
 */
#define NTSYNC_SMALL_WAIT	8
#define NTSYNC_CACHED_WAIT	16
#define NTSYNC_MAX_ENTRIES	(NTSYNC_MAX_WAIT_COUNT + 1)

/* Result of a sleep: one of the files is ready. */
#define NTSYNC_POLLED		1

/* The index that a call returns when a file has ended the wait. */
#define NTSYNC_INDEX_POLLED	NTSYNC_INDEX_URING_READY

/* A claim without an acquisition: the process has closed the channel. */
#define NTSYNC_CLOSED		(NTSYNC_MAX_ENTRIES + 1)

/**
 * struct ntsync_wait_entry - one object of a blocked wait, as it stands in a queue
 * @node: in obj->any (WAIT_ANY, and every alert) or in obj->all; its tag is the number of the entry
 *	in @wait->entries. A claim through obj->any returns the tag as index. A claim of a WAIT_ALL
 *	through obj->all returns 0
 * @by_owner: in obj->mutex.by_owner, if the object is a mutex and @node is in obj->any
 * @pi: in obj->mutex.rt_waiters, if the object is a mutex and the task a real-time one
 * @pi_rank: key in that tree, see ntsync_contrib_rank()
 * @in_mutex_queue: the object is a mutex and the entry is in one of its queues; not used with
 *	pi=off
 * @obj: the object; the caller's reference to the file keeps it
 * @wait: the wait
 */
struct ntsync_wait_entry {
	struct ntsync_waitq_node node;
	struct rb_node by_owner;
	struct rb_node pi;
	u32 pi_rank;
	bool in_mutex_queue;
	struct ntsync_obj *obj;
	struct ntsync_wait *wait;
};

/**
 * struct ntsync_wait - a blocked call; on the sleeper's stack
 * @acquirer: the sleeper as acquirer. A waker writes the results before it sets @waker_done, or
 *	under a lock that the sleeper takes before it reads them
 * @claim: NTSYNC_UNCLAIMED, the index that the call returns, NTSYNC_CLOSED, or for a send an enum
 *	ntsync_send_result. Set once, by a waker or by the sleeper; a task that sets an index
 *	acquires the object for the sleeper
 * @all: the call is a WAIT_ALL; immutable
 * @waker_done: a waker has taken the entries out of all wait-all queues, or the waiter out of the
 *	queue of its address, and does not use the wait any more
 * @has_mutex: an entry of a mutex was queued; not with pi=off. Only for the sleeper
 * @needs_verify: the sleeper has to verify by a walk before it sleeps; see
 *	ntsync_contrib_verify_locked(). Only for the sleeper
 * @hops: number of tasks that have passed the sleeper's priority on, see ntsync_contrib_rank();
 *	protected by t->lock
 * @arrival: arrival number of all entries, or of the request; 0 until the first is queued, unless
 *	a ticket has kept one; only for the sleeper
 * @send_prio: priority that the request asks for, as in task_struct::prio; valid if @send
 * @addr_ops: how a wait on an address contributes to the owner of its key; NULL: the wait is for
 *	objects; immutable
 * @contributes: a wait on an address that has named an owner, by a waiter that may name one (see
 *	struct ntsync_key::user). The sleeper sets it before it queues; immutable while it is queued
 * @send: the request whose reply the call waits for, or NULL; immutable
 * @send_to: the channel of @send; immutable
 * @count: number of objects without the alert; immutable
 * @nr: number of entries with the alert; immutable
 * @entries: @nr entries, the alert's last
 */
struct ntsync_wait {
	struct ntsync_acquirer acquirer;
	atomic_t claim;
	bool all;
	bool waker_done;
	bool has_mutex;
	bool needs_verify;
	bool contributes;
	unsigned int hops;
	int send_prio;
	u64 arrival;
	const struct ntsync_addr_wait_ops *addr_ops;
	struct ntsync_request *send;
	struct ntsync_obj *send_to;
	u32 count;
	u32 nr;
	struct ntsync_wait_entry *entries;
};

struct ntsync_poll_fd {
	struct file *file;
	__poll_t events;
};

/**
 * struct ntsync_wait_files - files that end a wait
 * @fds: the files, and the poll events to wait for
 * @nr: number of files
 * @fired: out: index of the file that is ready
 * @revents: out: its poll events
 */
struct ntsync_wait_files {
	const struct ntsync_poll_fd *fds;
	u32 nr;
	u32 fired;
	__poll_t revents;
};

/**
 * struct ntsync_wait_req - a wait call in kernel types
 * @objs: @count objects, then the alert if @alert
 * @count: number of objects without the alert
 * @alert: there is an alert
 * @owner: owner id; not 0 if one of the objects is a mutex
 * @deadline: when to time out
 * @polls: files that end the wait, or NULL
 * @notify_only: as in struct ntsync_acquirer
 * @arrival: arrival number from a ticket, 0 = none; set by the call itself
 * @index: out, valid for 0 and -EOWNERDEAD: index of the object; NTSYNC_INDEX_POLLED: one of @polls
 *	is ready
 */
struct ntsync_wait_req {
	struct ntsync_obj *const *objs;
	u32 count;
	bool alert;
	u32 owner;
	struct ntsync_deadline deadline;
	struct ntsync_wait_files *polls;
	bool notify_only;
	u64 arrival;
	u32 index;
};

/* Is entry @i in obj->all? All other entries, and alerts, are in obj->any. */
static inline bool ntsync_wait_is_all_entry(const struct ntsync_wait *w, u32 i)
{
	return w->all && i < w->count;
}

/* The first entry of the any-queue; NULL if it is empty. */
static inline struct ntsync_wait_entry *ntsync_obj_first_any(const struct ntsync_obj *obj)
{
	struct ntsync_waitq_node *n = ntsync_waitq_first(&obj->any);

	return n ? container_of(n, struct ntsync_wait_entry, node) : NULL;
}

static inline u32 ntsync_req_entries(const struct ntsync_wait_req *req)
{
	return req->count + req->alert;
}

/*
 * The priority by which a task queues, as in task_struct::prio: deadline tasks first, then
 * real-time tasks by priority, then all normal tasks with one priority, MAX_RT_PRIO, in the order
 * of arrival. Ordered by nice, a normal task that comes back quickly would starve the others for
 * ever.
 */
static inline int ntsync_task_queue_prio(const struct task_struct *p)
{
	return min_t(int, READ_ONCE(p->prio), MAX_RT_PRIO);
}

/**
 * ntsync_wait_requeue_entry_locked() - requeue an entry after its task's priority has changed
 * @e: the entry; obj->lock and the lock of the task's record are held
 * @prio: the new priority
 *
 * Does nothing if the entry is not queued, or is in a queue of wait-alls: those are sorted when an
 * object becomes available.
 */
static inline void ntsync_wait_requeue_entry_locked(struct ntsync_wait_entry *e, int prio)
{
	bool in_all = ntsync_wait_is_all_entry(e->wait, ntsync_waitq_tag(&e->node));

	lockdep_assert_held(&e->obj->lock);
	if (!in_all && ntsync_waitq_queued(&e->node) && ntsync_waitq_prio(&e->node) != prio)
		ntsync_waitq_requeue(&e->obj->any, &e->node, prio);
}

/* A caller that gets true for an index must acquire the object for the waiter; nobody else does. */
static inline bool ntsync_wait_claim(struct ntsync_wait *w, u32 index)
{
	return atomic_cmpxchg(&w->claim, NTSYNC_UNCLAIMED, index) == NTSYNC_UNCLAIMED;
}

static inline bool ntsync_wait_claimed(const struct ntsync_wait *w)
{
	return atomic_read(&w->claim) != NTSYNC_UNCLAIMED;
}

struct ntsync_task *ntsync_wait_begin_slow(const struct ntsync_wait_req *req,
					   struct ntsync_task *t);

/**
 * ntsync_wait_begin() - begin a wait call
 * @req: the wait
 *
 * Registers the owner id for current, however the wait ends, and ends an event boost of current.
 *
 * Return: current's record; NULL if there was none and no memory for one.
 */
static __always_inline struct ntsync_task *ntsync_wait_begin(const struct ntsync_wait_req *req)
{
	struct ntsync_task *t = ntsync_task_current();

	if (likely(t && t->owner == req->owner && ntsync_req_entries(req) &&
		   t->owner_dev == req->objs[0]->dev->id &&
		   !READ_ONCE(t->event_boost.to) && !READ_ONCE(t->retry)))
		return t;
	return ntsync_wait_begin_slow(req, t);
}

/* The arrival number for an entry that is about to be queued. */
static inline u64 ntsync_wait_arrival(struct ntsync_wait *w, struct ntsync_device *dev)
{
	if (!w->arrival)
		w->arrival = atomic64_inc_return(&dev->arrivals);
	return w->arrival;
}

/* Updates priorities after an acquisition, and returns the result of the call. */
static inline int ntsync_acquirer_result(struct ntsync_acquirer *acquirer)
{
	if (unlikely(acquirer->must_walk))
		ntsync_pi_walk_from(acquirer->t);
	if (unlikely(acquirer->former_owner)) {
		ntsync_pi_walk_from(acquirer->former_owner);
		ntsync_task_put(acquirer->former_owner);
	}
	return acquirer->owner_dead ? -EOWNERDEAD : 0;
}

void ntsync_notifications_pass_on_all(struct ntsync_task *t);

/* current is about to sleep without having acted on its readiness notifications; notification.c. */
static inline void ntsync_notifications_pass_on(struct ntsync_task *t)
{
	/*
	 * An aggregate wait of current gets notifications only while it is queued, so now other
	 * tasks only remove from the list: an empty one stays empty.
	 */
	if (unlikely(!list_empty_careful(&t->notifications)))
		ntsync_notifications_pass_on_all(t);
}

/* wait.c, for code that builds a wait of its own */
bool ntsync_deadline_passed(const struct ntsync_deadline *deadline);
void ntsync_wait_init(struct ntsync_wait *w, const struct ntsync_wait_req *req,
		      struct ntsync_task *t, struct ntsync_wait_entry *entries, bool all);
int ntsync_wait_sleep(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
		      struct ntsync_wait_files *polls);
int ntsync_wait_result(struct ntsync_wait *w, int ret, u32 *index);
void ntsync_wait_queue_locked(struct ntsync_wait_entry *e, struct ntsync_todo *todo);
bool ntsync_wait_enqueue_any(struct ntsync_wait_entry *e, bool all_locked);
void ntsync_wait_dequeue_any(struct ntsync_wait_entry *e);

#endif
