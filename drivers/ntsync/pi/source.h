/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sources: objects that contribute to other tasks. Their type keeps the contributions up to date, in
 * the same hold of obj->lock as each change, and has this table of what the arbiter and the core call.
 */
#ifndef NTSYNC_PI_SOURCE_H
#define NTSYNC_PI_SOURCE_H

#include <linux/types.h>

#include "contrib.h"

struct ntsync_obj;
struct ntsync_task;
struct ntsync_todo;
struct ntsync_wait;
struct ntsync_wait_entry;
struct task_struct;
struct work_struct;

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

/* chain.c, base.c, params.c: what a source calls. The arbiter waits for queued works when it goes. */
bool ntsync_contrib_move_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 key,
				int policy, struct ntsync_todo *todo);
int ntsync_pi_wait_prio_locked(const struct ntsync_task *t, struct ntsync_wait *w);
void ntsync_pi_look_soon(struct ntsync_task *t);
bool ntsync_pi_queue_work(struct work_struct *work);
int ntsync_normal_prio(const struct task_struct *p);

#endif
