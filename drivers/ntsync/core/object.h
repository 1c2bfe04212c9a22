/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The structs and prototypes that the parts of the driver share. The lock order
 * and the lifetime rules are in lock.h; who may call whom is in docs/architecture.md.
 */
#ifndef NTSYNC_INTERNAL_H
#define NTSYNC_INTERNAL_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/hash.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/rbtree.h>
#include <linux/rtmutex.h>
#include <linux/sched.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "task.h"

struct file;
struct file_operations;
struct ntsync_channel;
struct ntsync_channel_entry;
struct ntsync_hold;
struct ntsync_receiver;
struct pid;
struct poll_table_struct;
struct seq_file;
struct seq_operations;
struct ntsync_obj;
struct ntsync_wait;
struct ntsync_wait_entry;
struct ntsync_wait_req;

/* ---- waitq.c: a queue in the order of (level, arrival) ---- */

/**
 * struct ntsync_waitq_node - a place in a queue
 * @rb: the tree's link; an empty node is not queued
 * @key: what it is sorted by, the least first, so that it takes one comparison:
 *	level + 1	8 bits; the lower the sooner, see ntsync_task_level()
 *	arrival		48 bits; the how manieth arrival at this queue, or in the instance: first
 *			come, first served within a level, and kept when the node moves to
 *			another one, or when an interrupted call is made again (ticket.c).
 *			That is enough for nine years of a million a second
 *	tag		8 bits; what else whoever it belongs to wants to know. It never
 *			decides, as no two arrivals are the same but those of one call
 *
 * Protected by the lock of the queue it is in.
 */
struct ntsync_waitq_node {
	struct rb_node rb;
	u64 key;
};

#define NTSYNC_WAITQ_LEVEL_SHIFT	56
#define NTSYNC_WAITQ_ARRIVAL_SHIFT	8
#define NTSYNC_WAITQ_LEVEL		GENMASK_ULL(63, NTSYNC_WAITQ_LEVEL_SHIFT)
#define NTSYNC_WAITQ_TAG		GENMASK_ULL(NTSYNC_WAITQ_ARRIVAL_SHIFT - 1, 0)

struct ntsync_waitq {
	struct rb_root_cached tree;
	u64 arrivals;
	u32 count;
};

void ntsync_waitq_insert(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int level);
void ntsync_waitq_insert_at(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int level,
			    u64 arrival);
void ntsync_waitq_erase(struct ntsync_waitq *q, struct ntsync_waitq_node *n);
void ntsync_waitq_move(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int level);
void ntsync_waitq_put_back(struct ntsync_waitq *q, struct ntsync_waitq_node *n);

static inline void ntsync_waitq_node_init(struct ntsync_waitq_node *n, u8 tag)
{
	RB_CLEAR_NODE(&n->rb);
	n->key = tag;
}

static inline int ntsync_waitq_level(const struct ntsync_waitq_node *n)
{
	return (int)(n->key >> NTSYNC_WAITQ_LEVEL_SHIFT) - 1;
}

static inline u8 ntsync_waitq_tag(const struct ntsync_waitq_node *n)
{
	return n->key & NTSYNC_WAITQ_TAG;
}

/* For comparing within one queue. */
static inline u64 ntsync_waitq_arrival(const struct ntsync_waitq_node *n)
{
	return n->key & ~NTSYNC_WAITQ_LEVEL;
}

static inline u64 ntsync_waitq_level_bits(int level)
{
	return (u64)(level + 1) << NTSYNC_WAITQ_LEVEL_SHIFT;
}

/* Of a node that is in no queue. */
static inline void ntsync_waitq_set_level(struct ntsync_waitq_node *n, int level)
{
	n->key = ntsync_waitq_arrival(n) | ntsync_waitq_level_bits(level);
}

static inline void ntsync_waitq_init(struct ntsync_waitq *q)
{
	q->tree = RB_ROOT_CACHED;
	q->arrivals = 0;
	q->count = 0;
}

static inline struct ntsync_waitq_node *ntsync_waitq_first(const struct ntsync_waitq *q)
{
	return rb_entry_safe(rb_first_cached(&q->tree), struct ntsync_waitq_node, rb);
}

static inline struct ntsync_waitq_node *ntsync_waitq_next(const struct ntsync_waitq_node *n)
{
	return rb_entry_safe(rb_next(&n->rb), struct ntsync_waitq_node, rb);
}

static inline bool ntsync_waitq_queued(const struct ntsync_waitq_node *n)
{
	return !RB_EMPTY_NODE(&n->rb);
}

/* ---- records whose contributions have changed; see pi/chain.c ---- */

#define NTSYNC_TODO_MAX		10

/**
 * struct ntsync_todo - records whose contributions a call has changed
 * @nr: how many
 * @tasks: they are counted
 *
 * Filled under raw locks, and given to ntsync_pi_walk() when none is held any more.
 */
struct ntsync_todo {
	unsigned int nr;
	struct ntsync_task *tasks[NTSYNC_TODO_MAX];
};

static inline void ntsync_todo_drop(struct ntsync_todo *todo)
{
	while (todo->nr)
		ntsync_task_put(todo->tasks[--todo->nr]);
}

static inline void ntsync_todo_add(struct ntsync_todo *todo, struct ntsync_task *t)
{
	if (todo->nr && todo->tasks[todo->nr - 1] == t)
		return;
	if (!WARN_ON_ONCE(todo->nr == NTSYNC_TODO_MAX))
		todo->tasks[todo->nr++] = ntsync_task_get(t);
}

/* ---- token.c: a channel's tokens ---- */

#define NTSYNC_MAX_TOKENS	32768

struct ntsync_token;

struct ntsync_tokens {
	struct rb_root tree;
	u32 count;
};

struct ntsync_token *ntsync_token_alloc(u32 tid, u64 token);
void ntsync_token_free(struct ntsync_token *t);
u64 ntsync_token_get_locked(const struct ntsync_tokens *tokens, const struct pid *sender);
int ntsync_token_swap_locked(struct ntsync_tokens *tokens, struct ntsync_token **t);
struct ntsync_token *ntsync_token_take_locked(struct ntsync_tokens *tokens, u32 tid);
void ntsync_tokens_destroy(struct ntsync_tokens *tokens);

/* ---- pi/source.h ---- */

struct ntsync_source_ops;

/**
 * struct ntsync_source_ops - an object whose owner, or whose receivers, inherit from waiters
 * @move: a task that waits has @prio now. What it waits with is entry @index of @w, or, if that
 *	is behind the last entry, the request of @w. Returns what that is worth. The lock of
 *	the task's record is held as well
 * @update: have the object contribute what it should. An object that contributes to many tasks
 *	does some of them, those behind @after, which is NULL or what this has returned last;
 *	returns NULL when there are no more. @changed gets the records for which something has
 *	changed, @same others that inherit something
 * @add: an entry has come into the queue of wait-alls; @todo as for enqueued() of the type
 * @remove: it has left that; @todo is NULL if the object is about to be acquired, which updates
 *	what it contributes
 *
 * All under obj->lock.
 */
struct ntsync_source_ops {
	int (*move)(struct ntsync_wait *w, u32 index, int prio);
	const void *(*update)(struct ntsync_obj *obj, const void *after,
			      struct ntsync_todo *changed, struct ntsync_todo *same);
	void (*add)(struct ntsync_wait_entry *e, struct ntsync_todo *todo);
	void (*remove)(struct ntsync_wait_entry *e, struct ntsync_todo *todo);
};

/* ---- object.c: what all types have in common ---- */

/**
 * struct ntsync_device - one open of /dev/ntsync
 * @refs: its file and every object
 * @id: unique for ever; immutable
 * @all_lock: see lock.h
 * @owners: owner id -> the record of the task that is known by it; owner.c
 * @next_owner: where to look next for what can be forgotten; a hint
 * @pollers: those of objects for which there was no memory for a queue of their own
 * @arrivals: how many calls have been queued; ticket.c
 * @lock: protects what follows
 * @guessed: mutexes that real-time tasks wait for and of which only the owner id is
 *	known; types/mutex_source.c
 * @boosted: records of tasks with an event's boost that came from here; boost.c
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

struct ntsync_sem {
	u32 count;
	u32 max;	/* immutable */
};

struct ntsync_mutex {
	u32 owner;	/* 0 = free; the runtime's id, not a tid */
	u32 count;	/* depth of recursion */
	bool abandoned;
	bool guessed;	/* it was created owned: @task says nothing */
	u32 guess_owner; /* the id by which it is in dev->guessed; 0: it is not there */
	struct ntsync_task *task; /* who has acquired it last; counted */
	struct rb_root by_owner; /* the any-queue's entries again, by owner id */
	struct rb_root_cached waiters; /* those of real-time tasks, by pi_key; all kinds */
	struct ntsync_contrib contrib; /* what the owner inherits */
	struct rb_node guess;
};

struct ntsync_event {
	bool manual;	/* immutable */
	bool signaled;
	bool pulsed;	/* signaled for those who are queued, and only until they have it */
	u8 boost_prio;	/* for whoever takes the signal, as in sched_attr; 0 = none */
	u8 boost_policy;
};

union ntsync_state {
	struct ntsync_sem sem;
	struct ntsync_mutex mutex;
	struct ntsync_event event;
	struct ntsync_channel *channel;
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

struct ntsync_device *ntsync_device_alloc(void);
void ntsync_device_get(struct ntsync_device *dev);
void ntsync_device_put(struct ntsync_device *dev);
struct ntsync_obj *ntsync_obj_alloc(struct ntsync_device *dev, const struct ntsync_obj_ops *ops);
void ntsync_obj_put(struct ntsync_obj *obj);
void ntsync_obj_put_later(struct ntsync_obj *obj);
void ntsync_objects_exit(void);
int ntsync_obj_install_fd(struct ntsync_obj *obj, const struct file_operations *fops);

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

/* ---- show.c: what fdinfo shows ---- */

void ntsync_obj_show(struct seq_file *m, struct ntsync_obj *obj);
void ntsync_device_show(struct seq_file *m, const struct ntsync_device *dev);

/* ---- pollers.c ---- */

__poll_t ntsync_obj_poll(struct ntsync_obj *obj, struct file *file,
			 struct poll_table_struct *pt);
void ntsync_obj_wake_pollers(struct ntsync_obj *obj);
void ntsync_obj_free_pollers(struct ntsync_obj *obj);

/* ---- wait.c: the sleeper's side ---- */

#define NTSYNC_UNCLAIMED	(-1)
#define NTSYNC_SMALL_WAIT	8	/* entries on the sleeper's stack up to here, */
#define NTSYNC_CACHED_WAIT	16	/* from the slab cache up to here */
#define NTSYNC_MAX_ENTRIES	(NTSYNC_MAX_WAIT_COUNT + 1)

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

/* ---- poll.c ---- */

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

/* Why a sleep has ended, besides errors: one of the files is ready. */
#define NTSYNC_POLLED		1

/* A claim that gives nothing: the process has closed the channel. */
#define NTSYNC_CLOSED		(NTSYNC_MAX_ENTRIES + 1)

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

void ntsync_wait_init(struct ntsync_wait *w, const struct ntsync_wait_req *req,
		      struct ntsync_task *t, struct ntsync_wait_entry *entries, bool all);
int ntsync_wait_sleep(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
		      struct ntsync_polls *polls);
int ntsync_wait_sleep_until(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
			    const int *triggered);
bool ntsync_polls_ready(struct ntsync_polls *polls);
int ntsync_polls_sleep(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
		       struct ntsync_polls *polls);
int ntsync_wait_result(struct ntsync_wait *w, int ret, u32 *index);
bool ntsync_deadline_passed(const struct ntsync_deadline *deadline);
bool ntsync_wait_enqueue_any(struct ntsync_wait_entry *e, bool all_locked);
void ntsync_wait_queue_locked(struct ntsync_wait_entry *e, struct ntsync_todo *todo);
void ntsync_wait_dequeue_any(struct ntsync_wait_entry *e);
void ntsync_wait_move_entry_locked(struct ntsync_wait_entry *e, int prio);

struct ntsync_wait_entry *ntsync_wait_get_entries(u32 nr, struct ntsync_wait_entry *small);
void ntsync_wait_put_entries(struct ntsync_wait_entry *entries, u32 nr);

/* ---- wake.c: the waker's side ---- */

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
void ntsync_obj_help(struct ntsync_obj *obj);
void ntsync_obj_dequeue_locked(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			       struct ntsync_todo *todo);
void ntsync_hold_wake_locked(struct ntsync_hold *h, struct task_struct *p);
void ntsync_hold_make_room(struct ntsync_hold *h);

/* ---- owner.c: the task behind an owner id ---- */

void ntsync_owners_init(struct ntsync_device *dev);
void ntsync_owners_destroy(struct ntsync_device *dev);
void ntsync_owner_note(struct ntsync_device *dev, struct ntsync_task *t, u32 owner);
void ntsync_owner_learn_killer(struct ntsync_device *dev, struct ntsync_task *t, u32 owner);
void ntsync_owner_listen(void (*fn)(struct ntsync_device *dev, u32 owner));
struct ntsync_task *ntsync_owner_find_locked(struct ntsync_device *dev, u32 owner);

/* current, whose record is @t, uses @owner. */
static inline void ntsync_owner_learn(struct ntsync_device *dev, struct ntsync_task *t, u32 owner)
{
	if (unlikely(READ_ONCE(t->owner) != owner || t->owner_dev != dev->id))
		ntsync_owner_note(dev, t, owner);
}

/* ---- pi.c, pi/apply.c: priority inheritance ---- */

extern bool ntsync_pi_enabled;

int ntsync_pi_init(void);
void ntsync_pi_exit(void);
void ntsync_pi_task_init(struct ntsync_task *t);
void ntsync_pi_task_exit(struct ntsync_task *t);
void ntsync_pi_wait_for_bases(void);
void ntsync_pi_walk_changed(struct ntsync_todo *todo);
void ntsync_pi_update(struct ntsync_task *t);
void ntsync_pi_update_own(struct ntsync_task *t);
void ntsync_pi_begin_wait(struct ntsync_wait *w);
void ntsync_pi_end_wait(struct ntsync_wait *w);
void ntsync_pi_block(struct ntsync_wait *w);
void ntsync_pi_verify(struct ntsync_wait *w);
int ntsync_pi_inherited(struct ntsync_wait *w);
void ntsync_pi_join(struct ntsync_task *t, int prio);
void ntsync_pi_leave_work(struct ntsync_task *t);
void ntsync_pi_all_lock_contended(void);
void ntsync_pi_all_locked(void);
void ntsync_pi_all_unlocked(void);
void ntsync_pi_show_stats(struct seq_file *m);
bool ntsync_pi_queue_work(struct work_struct *work);

/* Without a raw lock: what follows from the contributions that were changed. */
static inline void ntsync_pi_walk(struct ntsync_todo *todo)
{
	if (unlikely(todo->nr))
		ntsync_pi_walk_changed(todo);
}

/* ---- types/mutex_source.c ---- */

extern const struct ntsync_source_ops ntsync_mutex_source;
void ntsync_mutex_update_contrib_locked(struct ntsync_obj *obj, struct ntsync_todo *todo);
void ntsync_mutex_add_waiter_locked(struct ntsync_wait_entry *e);
void ntsync_mutex_remove_waiter_locked(struct ntsync_wait_entry *e);
void ntsync_mutex_update_waited_for_locked(struct ntsync_obj *obj, struct ntsync_todo *todo);
void ntsync_mutex_update_acquired_locked(struct ntsync_obj *obj, struct ntsync_taker *taker);
int ntsync_mutex_urgent_prio_locked(const struct ntsync_obj *obj, const struct ntsync_task *joined);
struct task_struct *ntsync_mutex_get_owner_task(struct ntsync_obj *obj);

/* ---- hook.c: probes on the kernel's tracepoints ---- */

struct tracepoint;

struct ntsync_hook {
	struct tracepoint *tracepoint;
	void *probe;
};

int ntsync_hook_init(struct ntsync_hook *hook, const char *name, void *probe);
void ntsync_hook_exit(struct ntsync_hook *hook);

/* ---- ticket.c: the turn of an interrupted call ---- */

/* What a ticket tells calls apart by, besides their objects. */
enum ntsync_call_kind {
	NTSYNC_CALL_ANY,
	NTSYNC_CALL_ALL,
	NTSYNC_CALL_SIGNAL_AND_WAIT,
	NTSYNC_CALL_AGGREGATE,
	NTSYNC_CALL_RECEIVE,
};

u64 ntsync_ticket_mix(u64 call, u64 word);
u64 ntsync_ticket_find(struct ntsync_task *t, u64 dev, u64 call);
void ntsync_ticket_take_own(struct ntsync_task *t, struct ntsync_wait_req *req,
			    enum ntsync_call_kind kind);
void ntsync_ticket_leave_own(struct ntsync_task *t, const struct ntsync_wait *w,
			     const struct ntsync_wait_req *req, enum ntsync_call_kind kind);

/* At the beginning of a call: the turn that it has kept, or none. */
static __always_inline void ntsync_ticket_take(struct ntsync_task *t, struct ntsync_wait_req *req,
					       enum ntsync_call_kind kind)
{
	req->arrival = 0;
	if (unlikely(t->ticket.arrival))
		ntsync_ticket_take_own(t, req, kind);
}

/* At its end: @w has left all queues, and @ret is what it answers. */
static inline void ntsync_ticket_keep(const struct ntsync_wait *w, const struct ntsync_wait_req *req,
				      enum ntsync_call_kind kind, int ret)
{
	if (unlikely(ret == -ERESTARTSYS))
		ntsync_ticket_leave_own(w->taker.t, w, req, kind);
}

/* ---- restart.c: calls that go on after an interruption ---- */

struct restart_block;

long ntsync_restart_later(const struct ntsync_restart *wait, long (*fn)(struct restart_block *));
bool ntsync_restart_take(struct ntsync_restart *wait);

/* ---- fork.c: boosts are not for children ---- */

int ntsync_fork_init(void);
void ntsync_fork_exit(void);
void ntsync_fork_put_right(struct task_struct *child);

/* ---- boost.c: boosts that come with the signal of an event ---- */

u32 ntsync_boost_clamp(u32 prio);
void ntsync_boost_hand_locked(struct ntsync_obj *obj, struct ntsync_taker *taker, int policy,
			      u32 prio);
void ntsync_boost_drop_locked(struct ntsync_task *t);
void ntsync_boost_end_own(struct ntsync_task *t);
void ntsync_boosts_end(struct ntsync_device *dev);

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

/* ---- pi_show.c ---- */

extern const struct seq_operations ntsync_pi_sops;

/* ---- debugfs.c ---- */

void ntsync_debugfs_init(void);
void ntsync_debugfs_exit(void);

/* ---- sem.c, mutex.c, event.c ---- */

void ntsync_types_init(void);

extern const struct ntsync_obj_ops ntsync_sem_ops;
struct ntsync_obj *ntsync_sem_create(struct ntsync_device *dev, u32 count, u32 max);
int ntsync_sem_release(struct ntsync_obj *obj, u32 count, u32 *prev);
int ntsync_sem_read(struct ntsync_obj *obj, u32 *count, u32 *max);

extern const struct ntsync_obj_ops ntsync_mutex_ops;
struct ntsync_obj *ntsync_mutex_create(struct ntsync_device *dev, u32 owner, u32 count);
int ntsync_mutex_unlock(struct ntsync_obj *obj, u32 owner, u32 *prev);
int ntsync_mutex_kill(struct ntsync_obj *obj, u32 owner);
int ntsync_mutex_read(struct ntsync_obj *obj, u32 *owner, u32 *count);

extern const struct ntsync_obj_ops ntsync_event_ops;
struct ntsync_obj *ntsync_event_create(struct ntsync_device *dev, bool manual, bool signaled);
int ntsync_event_set(struct ntsync_obj *obj, u32 *prev);
int ntsync_event_set_pi(struct ntsync_obj *obj, u32 policy, u32 prio);
int ntsync_event_reset(struct ntsync_obj *obj, u32 *prev);
int ntsync_event_pulse(struct ntsync_obj *obj, u32 *prev);
int ntsync_event_read(struct ntsync_obj *obj, u32 *manual, u32 *signaled);

/* ---- channel.c, receiver.c, reaper.c, notice.c ---- */

/**
 * struct ntsync_message - a request, as its receiver gets it
 * @id: what to reply to
 * @payload: the sender's
 * @reply: the sender's
 * @token: what is registered for the sender, or 0
 * @tid: the sender's, in its pid namespace
 * @prio: of the request; 0 = none
 */
struct ntsync_message {
	u64 id;
	u64 payload;
	u64 reply;
	u64 token;
	u32 tid;
	u32 prio;
};

extern const struct ntsync_obj_ops ntsync_channel_ops;
struct ntsync_obj *ntsync_channel_create(struct ntsync_device *dev, u32 max_depth);
int ntsync_channel_send(struct ntsync_obj *obj, struct file *file, u32 policy, u32 prio,
			u64 payload, u64 reply);
int ntsync_channel_recv(struct ntsync_obj *obj, struct file *file, bool block,
			struct ntsync_message *msg);
void ntsync_channel_put_back(struct ntsync_obj *obj, u64 id);
int ntsync_channel_reply(struct ntsync_obj *obj, u64 id);
int ntsync_channel_register(struct ntsync_obj *obj, u32 tid, u64 token);
int ntsync_channel_deregister(struct ntsync_obj *obj, u32 tid);
void ntsync_channel_flush(struct ntsync_obj *obj, struct file *file, const void *files);
void ntsync_notices_hand_on_all(struct ntsync_task *t);
int ntsync_channel_init(void);
void ntsync_channel_exit(void);

/* current is about to sleep, for something else than what it has been told of. */
static inline void ntsync_notices_hand_on(struct ntsync_task *t)
{
	/* Others only take from it. */
	if (unlikely(!list_empty_careful(&t->noticed)))
		ntsync_notices_hand_on_all(t);
}

/* ---- wait_any.c, wait_all.c, signal_wait.c ---- */

int ntsync_wait_any(struct ntsync_wait_req *req);
int ntsync_wait_all(struct ntsync_device *dev, struct ntsync_wait_req *req);
bool ntsync_wait_all_join(struct ntsync_obj *obj, u32 owner);
void ntsync_wait_all_leave(struct ntsync_obj *obj);
int ntsync_signal_and_wait(struct ntsync_device *dev, struct ntsync_obj *obj,
			   struct ntsync_wait_req *req);

/* ---- aggregate.c ---- */

/**
 * struct ntsync_aggregate - an aggregate wait in kernel types
 * @wait: its objects; owner 0 is legal if no object is a mutex
 * @polls: its files
 * @files: of the objects
 * @obj_position: where the objects stand in the caller's array
 * @fd_position: likewise the files
 * @fired: out: position of what has ended the wait
 * @events: out: what a file is ready for; 0 for an object
 */
struct ntsync_aggregate {
	struct ntsync_wait_req wait;
	struct ntsync_polls polls;
	struct file *const *files;
	const u8 *obj_position;
	const u8 *fd_position;
	u32 fired;
	__poll_t events;
};

int ntsync_aggregate_wait(struct ntsync_aggregate *a);
void ntsync_aggregate_undelivered(struct ntsync_aggregate *a);

/* ---- cache.c ---- */

int ntsync_cache_init(void);
void ntsync_cache_exit(void);
struct kmem_cache *ntsync_cache_create(const char *name, unsigned int size);
int ntsync_task_cache_init(void);
void ntsync_task_cache_exit(void);
struct ntsync_obj *ntsync_cache_alloc_obj(void);
void ntsync_cache_free_obj(struct ntsync_obj *obj);
struct ntsync_wait_entry *ntsync_cache_alloc_entries(u32 nr);
void ntsync_cache_free_entries(struct ntsync_wait_entry *entries, u32 nr);

/* ---- ioctl.c ---- */

extern const struct file_operations ntsync_device_fops;

#endif
