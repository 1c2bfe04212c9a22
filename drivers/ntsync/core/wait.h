/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A wait: the request, the record of a blocked call and its entries in queues, and what every wait
 * begins and ends with.
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
struct ntsync_channel_entry;

#define NTSYNC_UNCLAIMED	(-1)
#define NTSYNC_SMALL_WAIT	8	/* entries on the sleeper's stack up to here, */
#define NTSYNC_CACHED_WAIT	16	/* from the slab cache up to here */
#define NTSYNC_MAX_ENTRIES	(NTSYNC_MAX_WAIT_COUNT + 1)

/* Why a sleep has ended, besides errors: one of the files is ready. */
#define NTSYNC_POLLED		1

/* A claim that gives nothing: the process has closed the channel. */
#define NTSYNC_CLOSED		(NTSYNC_MAX_ENTRIES + 1)

/**
 * struct ntsync_wait_entry - one object of a wait
 * @node: in obj->any (wait-any, and every alert) or in obj->all; its tag is what a
 *	claim through this entry answers
 * @by_owner: in obj->mutex.by_owner, if it is a mutex and @node is in obj->any
 * @pi: in obj->mutex.waiters, by @pi_key, if it is a mutex and the task a real-time one
 * @pi_key: see ntsync_contrib_key()
 * @queued: of a mutex: the entry is in its queue
 * @obj: the object; the caller's file reference keeps it
 * @wait: back to the whole
 */
struct ntsync_wait_entry {
	struct ntsync_waitq_node node;
	struct rb_node by_owner;
	struct rb_node pi;
	u32 pi_key;
	bool queued;
	struct ntsync_obj *obj;
	struct ntsync_wait *wait;
};

/**
 * struct ntsync_wait - one blocked call; lives on the sleeper's stack
 * @taker: who sleeps, and what it got; the claimer writes it under the locks that
 *	the sleeper has to take before it reads it
 * @claim: NTSYNC_UNCLAIMED, or the index that a waker (or the sleeper itself)
 *	has set by a compare-and-exchange; the claimer acquires in the waiter's name
 * @all: a WAIT_ALL; immutable
 * @left: a waker has taken it out of all wait-all queues, and is done with it
 * @lends: somebody inherits from the sleeper, which looks now and then whether that
 *	holds; the sleeper's own
 * @hops: by how many tasks the priority that it has was handed on; t->lock
 * @arrival: the turn that all entries, or the request, have within their level; 0 until the
 *	first is queued; the sleeper's own
 * @send_prio: what the request asks for itself, as task_struct::prio counts it; if @send
 * @send: the request that it waits for a reply to, if it is that; immutable, as the next one
 * @send_to: the channel that the request was sent to, if @send
 * @count: objects, without the alert; immutable
 * @nr: entries, with the alert; immutable
 * @entries: @nr of them, the alert's last
 */
struct ntsync_wait {
	struct ntsync_taker taker;
	atomic_t claim;
	bool all;
	bool left;
	bool lends;
	unsigned int hops;
	int send_prio;
	u64 arrival;
	struct ntsync_channel_entry *send;
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
 * struct ntsync_polls - files that end a wait
 * @fds: files, and what they are to be ready for
 * @nr: how many
 * @fired: out: which one
 * @revents: out: what it is ready for
 */
struct ntsync_polls {
	const struct ntsync_poll_fd *fds;
	u32 nr;
	u32 fired;
	__poll_t revents;
};

/**
 * struct ntsync_wait_req - a wait call in kernel types
 * @objs: @count objects, and behind them the alert if @alert
 * @count: without the alert
 * @alert: is there an alert?
 * @owner: owner id, not 0
 * @deadline: when to give up
 * @polls: files that end the wait, or NULL
 * @notice: as in struct ntsync_taker
 * @arrival: the turn that the call has kept, 0 = none; the call sets it itself
 * @index: out, valid if the call succeeds or gives -EOWNERDEAD;
 *	NTSYNC_INDEX_URING_READY: one of @polls
 */
struct ntsync_wait_req {
	struct ntsync_obj *const *objs;
	u32 count;
	bool alert;
	u32 owner;
	struct ntsync_deadline deadline;
	struct ntsync_polls *polls;
	bool notice;
	u64 arrival;
	u32 index;
};

/* Is it in obj->all? All others, and alerts, are in obj->any. */
static inline bool ntsync_wait_is_all_entry(const struct ntsync_wait *w, u32 i)
{
	return w->all && i < w->count;
}

/* Who is first in the any-queue? NULL if it is empty. */
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
 * The one order of service: deadline tasks, then real-time priorities, then all
 * the rest on one level, in the order of arrival. Ordering normal tasks by nice
 * would let one that comes back quickly starve the others for ever.
 */
static inline int ntsync_task_level(const struct task_struct *p)
{
	return min_t(int, READ_ONCE(p->prio), MAX_RT_PRIO);
}

/**
 * ntsync_wait_move_entry_locked() - an entry's task has this priority now
 * @e: the entry; obj->lock and the lock of the task's record are held
 * @prio: the priority
 *
 * Nothing if the entry is not queued. In a queue of wait-alls they are sorted when
 * they are looked at.
 */
static inline void ntsync_wait_move_entry_locked(struct ntsync_wait_entry *e, int prio)
{
	bool in_all = ntsync_wait_is_all_entry(e->wait, ntsync_waitq_tag(&e->node));

	lockdep_assert_held(&e->obj->lock);
	if (!in_all && ntsync_waitq_queued(&e->node) && ntsync_waitq_level(&e->node) != prio)
		ntsync_waitq_move(&e->obj->any, &e->node, prio);
}

/* Whoever gets true has the right, and the duty, to acquire in this waiter's name. */
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
 * ntsync_wait_begin() - what every wait begins with
 * @req: the wait
 *
 * The owner id is current's, however the wait ends; and a boost by an event is over.
 *
 * Return: current's record, or NULL: it is current's first call, and there is no memory.
 */
static __always_inline struct ntsync_task *ntsync_wait_begin(const struct ntsync_wait_req *req)
{
	struct ntsync_task *t = ntsync_task_find();

	if (likely(t && t->owner == req->owner && ntsync_req_entries(req) &&
		   t->owner_dev == req->objs[0]->dev->id &&
		   !READ_ONCE(t->event.to) && !READ_ONCE(t->retry)))
		return t;
	return ntsync_wait_begin_slow(req, t);
}

/* For an entry that is to be queued. */
static inline u64 ntsync_wait_arrival(struct ntsync_wait *w, struct ntsync_device *dev)
{
	if (!w->arrival)
		w->arrival = atomic64_inc_return(&dev->arrivals);
	return w->arrival;
}

/* What the call that has acquired something answers, and lives with. */
static inline int ntsync_taker_result(struct ntsync_taker *taker)
{
	if (unlikely(taker->boosted))
		ntsync_pi_update(taker->t);
	if (unlikely(taker->lost)) {
		ntsync_pi_update(taker->lost);
		ntsync_task_put(taker->lost);
	}
	return taker->owner_dead ? -EOWNERDEAD : 0;
}

void ntsync_notices_hand_on_all(struct ntsync_task *t);

/* current is about to sleep, for something else than what it has been told of. */
static inline void ntsync_notices_hand_on(struct ntsync_task *t)
{
	/* Others only take from it. */
	if (unlikely(!list_empty_careful(&t->noticed)))
		ntsync_notices_hand_on_all(t);
}

/* wait.c, for who makes a wait of its own */
void ntsync_wait_init(struct ntsync_wait *w, const struct ntsync_wait_req *req,
		      struct ntsync_task *t, struct ntsync_wait_entry *entries, bool all);
int ntsync_wait_sleep(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
		      struct ntsync_polls *polls);
int ntsync_wait_result(struct ntsync_wait *w, int ret, u32 *index);
void ntsync_wait_queue_locked(struct ntsync_wait_entry *e, struct ntsync_todo *todo);
void ntsync_wait_dequeue_any(struct ntsync_wait_entry *e);

#endif
