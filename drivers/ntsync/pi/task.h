/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of a task. The first call of the task that waits, sends, receives, unlocks, kills or
 * lends makes it. So does the first call of another task that lends to the task, or that names it
 * as the owner in an ADDR_WAIT. The record is kept until the task exits. docs/pi.md explains the
 * model.
 */
#ifndef NTSYNC_PI_TASK_H
#define NTSYNC_PI_TASK_H

#include <linux/hash.h>
#include <linux/hrtimer.h>
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
#include "loan.h"

struct ntsync_device;
struct ntsync_space;
struct ntsync_wait;

/**
 * struct ntsync_sched_params - the scheduling parameters that a boost changes
 * @policy: as in sched_attr
 * @prio: as in sched_attr; 0 without real-time priority
 * @reset_on_fork: children start without real-time priority
 * @slice: a slice that the task has asked for, or 0
 * @slack: timer slack, which the kernel clears for real-time tasks
 *
 * The nice value is not among them, because setpriority() changes it in a boosted task, too. It
 * is read when parameters are set.
 */
struct ntsync_sched_params {
	int policy;
	int prio;
	bool reset_on_fork;
	u64 slice;
	u64 slack;
};

/* What a sleeper and the timer of its record tell each other; see sleeper.c. */
enum ntsync_verify {
	NTSYNC_VERIFY_OFF,	/* not asleep, or neither its wait nor its loan can boost others */
	NTSYNC_VERIFY_ON,	/* the timer is to wake it */
	NTSYNC_VERIFY_DUE,	/* the timer has woken it */
};

/**
 * struct ntsync_task - the record of a task
 * @hash: in ntsync_tasks until the task exits
 * @task: counted until the task exits, after that only for comparison; immutable
 * @refs: held by the task until it exits, by mutexes, receivers, owner ids, contributions, loans
 *	and their queued exit items, keys of addresses, acquirers (@former_owner), chain walks,
 *	readers of fdinfo and debugfs, and a queued @recheck_work
 * @rcu: for freeing
 * @owner: the owner id that the task has used last, in instance @owner_dev; written by the
 *	task itself, and cleared by another task that takes one of the task's ids, or drops one
 *	from the table
 * @owner_dev: id of that instance
 * @nr_owners: how many owner ids stand for the task
 * @ticket: the arrival of the task's last call if that was interrupted; only for the task itself
 * @restart: the wait that the task continues after an interruption, if @can_restart; only for the
 *	task itself; see core/restart.c
 * @can_restart: see @restart
 * @named_through: id of the instance through which the task has named an owner in an ADDR_WAIT
 *	last; written by the task itself; for fdinfo
 * @keeps_module: the task may restart a call, so it holds a reference to the module until it exits
 * @lock: raw; inside obj->lock. Protects all members below, unless stated otherwise
 * @wait: the call that the task is blocked in, while that may have entries in queues
 * @contribs: tree of struct ntsync_contrib
 * @event_boost: contribution of an event's boost
 * @event_dev: the instance of that event
 * @dev_node: in @event_dev->event_boosted; protected by @event_dev->lock
 * @notifications: its receivers that have been notified of a request; see core/notification.c and
 *	channel/notification.c
 * @self_boost: contribution of the task to itself while it hands off an object, or names
 *	another owner in an ADDR_WAIT; see ntsync_pi_boost_self()
 * @seq: changes whenever @wait does
 * @lower_disabled: while it is not 0, other tasks must not lower this one; a nesting count, see
 *	ntsync_pi_lower_disable()
 * @dead: the task has exited
 * @normal_saved: @normal is valid; otherwise the task has its normal parameters
 * @had_cap: the task had CAP_SYS_NICE when @normal was saved
 * @retry: setting the parameters that it should have has failed
 * @applying: a task, maybe this one, is about to set the parameters
 * @boost_policy: the policy that was set, if @boost_prio is not 0
 * @boost_prio: the boost that was set, as in sched_attr; 0: none
 * @max_boost_prio: the highest @boost_prio since @normal was saved
 * @normal: the parameters without boosts; see normal.c
 * @apply_lock: held while the task's parameters are set; outside @lock. Members from
 *	@normal_saved to @normal are written with both locks held
 * @all_lock_disabled: the task holds an all_lock or waits for one, and counts in @lower_disabled
 *	for that; only for the task itself
 * @recheck_ms: delay of @recheck_work
 * @recheck_work: forgets @normal when that is safe, and sets what could not be set before
 * @verify: see sleeper.c; written by the task itself, and by @verify_timer
 * @verify_timer: wakes the task to verify, see sleeper.c
 * @walk_hint: id of the last chain walk that has listed or processed the record; see chain.c
 * @loan: its loan as a lender
 * @spaces: the spaces that the task has used last, of a process and of a file, counted;
 *	only for the task itself; see core/space.h
 *
 * Comments say record. In the names of functions "task" is the record, too: ntsync_task_get() takes
 * a reference to a record, ntsync_task_get_task() one to its task_struct.
 */
struct ntsync_task {
	struct hlist_node hash;
	struct task_struct *task;
	refcount_t refs;
	struct rcu_head rcu;
	u32 owner;
	atomic_t nr_owners;
	u64 owner_dev;
	u64 named_through;
	struct ntsync_ticket ticket;
	struct ntsync_restart restart;
	bool can_restart;
	bool keeps_module;

	raw_spinlock_t lock;
	struct ntsync_wait *wait;
	struct rb_root_cached contribs;
	struct ntsync_contrib event_boost;
	struct ntsync_device *event_dev;
	struct list_head dev_node;
	struct list_head notifications;
	struct ntsync_contrib self_boost;
	u32 seq;
	u32 lower_disabled;
	bool dead;
	bool normal_saved;
	bool had_cap;
	bool retry;
	bool applying;
	int boost_policy;
	int boost_prio;
	int max_boost_prio;
	struct ntsync_sched_params normal;

	struct rt_mutex apply_lock;
	bool all_lock_disabled;
	unsigned int recheck_ms;
	struct delayed_work recheck_work;
	enum ntsync_verify verify;
	struct hrtimer verify_timer;
	u64 walk_hint;
	struct ntsync_loan loan;
	struct ntsync_space *spaces[2];
};

#define NTSYNC_TASK_BITS	13

extern struct hlist_head ntsync_tasks[1 << NTSYNC_TASK_BITS];

/*
 * The record of current, or NULL. No reference is needed: nobody removes it before current exits.
 * Preemption is off during the search, because RCU frees the slot's other records.
 */
static inline struct ntsync_task *ntsync_task_current(void)
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
struct ntsync_task *ntsync_task_get_record_of(struct task_struct *p);
struct ntsync_task *ntsync_task_next_namer(unsigned int slot, u64 dev_id,
					   const struct ntsync_task *after);

/* The record of current, created if there is none; NULL without memory. */
static inline struct ntsync_task *ntsync_task_find_or_create(void)
{
	return ntsync_task_current() ?: ntsync_task_create();
}

static inline struct ntsync_task *ntsync_task_get(struct ntsync_task *t)
{
	refcount_inc(&t->refs);
	return t;
}

void ntsync_task_free(struct ntsync_task *t);

/* Any context. */
static inline void ntsync_task_put(struct ntsync_task *t)
{
	if (t && refcount_dec_and_test(&t->refs))
		ntsync_task_free(t);
}

struct task_struct *ntsync_task_get_task(struct ntsync_task *t);
int ntsync_task_remove_current(void);

/* The highest contribution, or NULL; t->lock is held. */
static inline struct ntsync_contrib *ntsync_task_top_locked(const struct ntsync_task *t)
{
	return rb_entry_safe(rb_first_cached(&t->contribs), struct ntsync_contrib, rb);
}

static inline u32 ntsync_task_top_key_locked(const struct ntsync_task *t)
{
	const struct ntsync_contrib *c = ntsync_task_top_locked(t);

	return c ? c->rank : NTSYNC_NO_CONTRIB;
}

#define NTSYNC_TODO_MAX		10

/**
 * struct ntsync_todo - records that a chain walk has to start from, as their contributions have
 *	changed
 * @nr: number of records
 * @tasks: the records, counted
 *
 * Filled under raw locks, and passed to ntsync_pi_walk() after these are released.
 */
struct ntsync_todo {
	unsigned int nr;
	struct ntsync_task *tasks[NTSYNC_TODO_MAX];
};

static inline void ntsync_todo_put_all(struct ntsync_todo *todo)
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
