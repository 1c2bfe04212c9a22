/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two halves of the arbiter share: pi.c and pi_task.c.
 */
#ifndef NTSYNC_PI_H
#define NTSYNC_PI_H

#include <linux/hashtable.h>

#include "lock.h"
#include "ntsync_internal.h"

/**
 * struct ntsync_sched_params - a task's scheduling parameters, as far as a boost changes them
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
 * struct ntsync_pi_walk - where a walk over the records stands; see pi_cycle.c
 * @from: whence it came
 * @receiver: the receiver of the task's request that it looked at last
 * @entry: the entry of the task's wait that it looks at next
 * @round: of the last walk that has come by
 * @on_path: it has come by and not gone back
 * @cut: a source that contributed to the task was cut out
 */
struct ntsync_pi_walk {
	struct ntsync_pi_task *from;
	struct list_head *receiver;
	u32 entry;
	u32 round;
	bool on_path;
	bool cut;
};

/**
 * struct ntsync_pi_task - the record of a task that has contributions
 * @hash: in ntsync_pi_records, by @task
 * @spare: in spares, while it stands for no task
 * @task: counted
 * @contribs: struct ntsync_contrib, the best one first
 * @event: the one of an event's boost
 * @event_dev: number of the instance that this came from
 * @base: what the task is without us
 * @policy: what we have given to it
 * @prio: likewise; 0 while it has its base
 * @retry: it could not be given what it is to have: @policy and @prio are what it has
 * @kept: another record has taken its place among the spares
 * @had_cap: it had CAP_SYS_NICE when the record was made
 * @has_all_lock: it holds an all_lock, or waits for it, and is not lowered
 * @walk: for looking for cycles
 */
struct ntsync_pi_task {
	union {
		struct hlist_node hash;
		struct list_head spare;
	};
	struct task_struct *task;
	struct ntsync_waitq contribs;
	struct ntsync_contrib event;
	u64 event_dev;
	struct ntsync_sched_params base;
	int policy;
	int prio;
	bool retry;
	bool kept;
	bool had_cap;
	bool has_all_lock;
	struct ntsync_pi_walk walk;
};

#define NTSYNC_PI_RECORD_BITS	7

extern DECLARE_HASHTABLE(ntsync_pi_records, NTSYNC_PI_RECORD_BITS);
extern u32 ntsync_pi_round;

/* Worse than all that there are. */
#define NTSYNC_UNKNOWN_LEVEL	(MAX_RT_PRIO + 1)

/**
 * struct ntsync_pi_source_ops - what differs between what contributes
 * @name: as debugfs and the tracepoints show it
 * @level: what it should contribute to that task
 * @update: contributes what it should now
 */
struct ntsync_pi_source_ops {
	const char *name;
	int (*level)(const struct ntsync_pi_source *source, const struct task_struct *p);
	void (*update)(struct ntsync_pi_source *source);
};

/**
 * struct ntsync_pi_visit - a visit to all active mutexes, a few at a time
 * @place: stands for it in the list of all; has no object
 * @wanted: is this one to be looked at? May free it, and say no
 * @arg: for @wanted
 * @breathe: lets others have pi_lock in between
 * @done: news that was marked by the way
 */
struct ntsync_pi_visit {
	struct ntsync_pi_mutex place;
	bool (*wanted)(struct ntsync_pi_visit *v, struct ntsync_pi_mutex *m);
	const void *arg;
	void (*breathe)(void);
	int done;
};

/* pi.c */
void ntsync_pi_visit_locked(struct ntsync_pi_visit *v);
void ntsync_pi_let_others_in(void);
void ntsync_pi_source_init(struct ntsync_pi_source *source, const struct ntsync_pi_source_ops *ops,
			   const struct ntsync_obj *obj);
void ntsync_pi_mark(struct ntsync_pi_source *source);
int ntsync_pi_mark_news(void);
void ntsync_pi_catch_up_locked(int done);
void ntsync_pi_update_task(struct ntsync_pi_task *r);

/* pi_heed.c */
int ntsync_pi_any_level_locked(const struct ntsync_obj *obj, const struct task_struct *owner);
int ntsync_pi_all_level_locked(const struct ntsync_pi_mutex *m, const struct task_struct *owner);

void ntsync_pi_count_guess_locked(struct ntsync_pi_mutex *m, u32 owner);
void ntsync_pi_count_owner_locked(struct ntsync_pi_mutex *m, const struct task_struct *owner);
bool ntsync_pi_may_be_guessed(u32 owner);
bool ntsync_pi_count_sender(void);
bool ntsync_pi_is_sending(const struct task_struct *p);

/* pi_mutex.c */
struct ntsync_pi_mutex *ntsync_pi_activate(struct ntsync_obj *obj, struct list_head *kits);
bool ntsync_pi_visit_some(struct ntsync_pi_visit *v);
void ntsync_pi_update_all_entry(struct ntsync_wait_entry *e, struct list_head *kits);
int ntsync_pi_alloc_kits(const struct ntsync_wait *w, struct list_head *kits);
void ntsync_pi_free_kits(struct list_head *kits);
bool ntsync_pi_mutexes_idle(void);
bool ntsync_pi_unless_idle(struct ntsync_pi_visit *v, struct ntsync_pi_mutex *m);

/* pi_channel.c */
bool ntsync_pi_mark_some_receivers(void);
void ntsync_pi_update_send(struct ntsync_channel_entry *e, int level);

/* pi_cycle.c */
void ntsync_pi_break_cycles(void);

/* pi_sweep.c */
void ntsync_pi_nap(void);
void ntsync_pi_start_watching(void);
struct ntsync_pi_task *ntsync_pi_watch(struct task_struct *p);
int ntsync_pi_sweeper_init(void);
void ntsync_pi_sweeper_exit(void);

/* pi_params.c */
int ntsync_level_of(int policy, int prio);
int ntsync_prio_of_level(int level);
int ntsync_task_lent_level(struct task_struct *p);
bool ntsync_task_is_dead(const struct task_struct *p);
void ntsync_sched_params_read(struct task_struct *p, struct ntsync_sched_params *params);
int ntsync_sched_params_set(struct task_struct *p, const struct ntsync_sched_params *params);

/* pi_task.c */
void ntsync_pi_lock_again(void);
bool ntsync_pi_is_busy(void);
int ntsync_pi_peek_base_level(const struct task_struct *p);
bool ntsync_pi_task_needs(const struct task_struct *p, int level);
bool ntsync_pi_try_unlock(void);
bool ntsync_pi_pause(void);
void ntsync_pi_count_sweep(void);
bool ntsync_pi_may_inherit(void);
int ntsync_pi_task_inherits(const struct task_struct *p, int lent);
bool ntsync_pi_task_may_be_known(const struct task_struct *p);
void ntsync_pi_spare_add(struct ntsync_pi_task *r);
void ntsync_pi_spare_drop(void);
int ntsync_pi_wait_level(const struct ntsync_wait *w, struct task_struct *p);
struct ntsync_pi_task *ntsync_pi_task_find(const struct task_struct *p);
struct ntsync_pi_task *ntsync_pi_task_get(struct task_struct *p);
bool ntsync_pi_task_apply(struct ntsync_pi_task *r);
void ntsync_pi_task_put_idle(struct ntsync_pi_task *r);
void ntsync_contrib_attach(struct ntsync_contrib *c, struct ntsync_pi_task *r, int level);
void ntsync_contrib_detach(struct ntsync_contrib *c);

#endif
