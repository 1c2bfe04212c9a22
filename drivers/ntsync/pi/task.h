/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver knows of a task: a record, made in the task's first wait, receive or unlock and
 * kept until it exits. docs/pi.md has the model.
 */
#ifndef NTSYNC_PI_TASK_H
#define NTSYNC_PI_TASK_H

#include <linux/hash.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/rculist.h>
#include <linux/refcount.h>
#include <linux/rtmutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "contrib.h"
#include "core/call.h"

struct ntsync_device;
struct ntsync_wait;

/**
 * struct ntsync_sched_params - scheduling parameters, as far as a boost changes them
 * @policy: as in sched_attr
 * @prio: as in sched_attr, 0 for normal tasks
 * @reset_on_fork: children start as normal tasks
 * @slice: a slice that the task has asked for, or 0
 * @slack: timer slack, which the kernel resets for real-time tasks
 *
 * Nice is not among them: setpriority() works on a boosted task as ever, and it is
 * read when it is needed.
 */
struct ntsync_sched_params {
	int policy;
	int prio;
	bool reset_on_fork;
	u64 slice;
	u64 slack;
};

/**
 * struct ntsync_task - the record of a task
 * @hash: in ntsync_tasks, until the task exits
 * @task: counted until the task exits, then for comparing only; immutable
 * @refs: the task itself until it exits, mutexes, owner ids, contributions, walks
 * @rcu: for freeing
 * @owner: the owner id that the task has used last, with instance @owner_dev; the task's own,
 *	but others clear it when they use the id
 * @owner_dev: id of that instance
 * @nr_owners: how many owner ids stand for the task
 * @ticket: the turn of its last call, if that was interrupted; the task's own
 * @restart: what it goes on with after an interruption, if @can_restart; the task's own, see
 *	core/restart.c
 * @can_restart: see @restart
 * @keeps_module: it may call back, so the module stays until it exits
 * @lock: raw; inside obj->lock. Protects all that follows, if nothing else is said
 * @wait: the blocked call that the task is in: while it may have entries in queues
 * @contribs: tree of struct ntsync_contrib
 * @event: the contribution of an event's boost
 * @event_dev: the instance that this came from
 * @of_dev: in @event_dev->boosted; that one's lock
 * @noticed: its receivers that have been told of a request; channel/notice.c
 * @work: what the task is worth while it makes a call for others; see ntsync_pi_join()
 * @seq: changes whenever @wait does
 * @busy: the task is in the middle of a walk, or has an all_lock: nobody else lowers it
 * @dead: the task has exited
 * @saved: @base is what the task has without us; else it has just that
 * @had_cap: it had CAP_SYS_NICE when @base was saved
 * @retry: what it should have could not be set
 * @applying: somebody is about to set what it should have
 * @policy: what was set
 * @prio: as @policy, in terms of sched_attr; 0: its base
 * @max_prio: the highest @prio since @base was saved
 * @base: see @saved
 * @apply_lock: held by whoever sets the task's parameters; outside @lock. Who writes what is
 *	from @saved to @base holds both
 * @keeps_prio: it holds an all_lock, or waits for it, and counts in @busy for that; the task's own
 * @look_ms: the time until @look_work
 * @look_work: looks whether @base can be forgotten, and tries again what could not be set
 * @walk: what the last walk that has come to this record has left; a hint
 */
struct ntsync_task {
	struct hlist_node hash;
	struct task_struct *task;
	refcount_t refs;
	struct rcu_head rcu;
	u32 owner;
	atomic_t nr_owners;
	u64 owner_dev;
	struct ntsync_ticket ticket;
	struct ntsync_restart restart;
	bool can_restart;
	bool keeps_module;

	raw_spinlock_t lock;
	struct ntsync_wait *wait;
	struct rb_root_cached contribs;
	struct ntsync_contrib event;
	struct ntsync_device *event_dev;
	struct list_head of_dev;
	struct list_head noticed;
	struct ntsync_contrib work;
	u32 seq;
	u32 busy;
	bool dead;
	bool saved;
	bool had_cap;
	bool retry;
	bool applying;
	int policy;
	int prio;
	int max_prio;
	struct ntsync_sched_params base;

	struct rt_mutex apply_lock;
	bool keeps_prio;
	unsigned int look_ms;
	struct delayed_work look_work;
	u64 walk;
};

#define NTSYNC_TASK_BITS	13

extern struct hlist_head ntsync_tasks[1 << NTSYNC_TASK_BITS];

/*
 * current's record, or NULL. Only current itself takes it out, at its exit; the others in
 * the chain are freed by RCU.
 */
static inline struct ntsync_task *ntsync_task_find(void)
{
	const struct task_struct *p = current;
	struct ntsync_task *t;

	guard(preempt)();
	hlist_for_each_entry_rcu(t, &ntsync_tasks[hash_ptr(p, NTSYNC_TASK_BITS)], hash, true) {
		if (t->task == p)
			return t;
	}
	return NULL;
}

struct ntsync_task *ntsync_task_create(void);

/* current's record, which is made if there is none; NULL: no memory. */
static inline struct ntsync_task *ntsync_task_get_own(void)
{
	return ntsync_task_find() ?: ntsync_task_create();
}

static inline struct ntsync_task *ntsync_task_get(struct ntsync_task *t)
{
	refcount_inc(&t->refs);
	return t;
}

void ntsync_task_free(struct ntsync_task *t);

/* In any context. */
static inline void ntsync_task_put(struct ntsync_task *t)
{
	if (t && refcount_dec_and_test(&t->refs))
		ntsync_task_free(t);
}

void ntsync_task_retire(void);

/* The most urgent contribution, or NULL; t->lock. */
static inline struct ntsync_contrib *ntsync_task_top_locked(const struct ntsync_task *t)
{
	return rb_entry_safe(rb_first_cached(&t->contribs), struct ntsync_contrib, rb);
}

static inline u32 ntsync_task_top_key_locked(const struct ntsync_task *t)
{
	const struct ntsync_contrib *c = ntsync_task_top_locked(t);

	return c ? c->key : NTSYNC_NO_CONTRIB;
}

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

#endif
