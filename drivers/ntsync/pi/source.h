/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sources contribute to other tasks: objects (a mutex, a channel), and waits on addresses. A mutex
 * updates its contribution in the critical section of obj->lock that changes the object. A channel does so only for the receiver
 * that gets a request or a notification, and updates the others after the unlock. The arbiter and
 * the core call a source through this table.
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
 * struct ntsync_source_ops - a mutex, which contributes to its owner, or a channel, which
 *	contributes to its receivers
 * @update_waiter: update what one entry of @w contributes; @prio is what the task of @w should have
 *	now. @index is the number of the entry; one more than the last means the request of @w.
 *	Returns the priority that the entry contributes. The lock of the task's record is held as
 *	well
 * @update_contribs: update what the object contributes. An object that contributes to many tasks
 *	updates some of them, those behind @after, which is NULL or the last return value;
 *	returns NULL after the last one. Records whose contributions change so that a walk
 *	has something to do for them are added to @changed, others that inherit from the object to
 *	@others
 * @updated: called after update_contribs() for a request, without a raw lock
 * @add: an entry has entered the queue of wait-alls; @todo as for enqueued() of the type
 * @remove: the entry has left that queue; @todo is NULL if the object is about to be acquired,
 *	which updates the contribution
 *
 * All but @updated are called with obj->lock held.
 */
struct ntsync_source_ops {
	int (*update_waiter)(struct ntsync_wait *w, u32 index, int prio);
	const void *(*update_contribs)(struct ntsync_obj *obj, const void *after,
				       struct ntsync_todo *changed, struct ntsync_todo *others);
	void (*updated)(struct ntsync_obj *obj);
	void (*add)(struct ntsync_wait_entry *e, struct ntsync_todo *todo);
	void (*remove)(struct ntsync_wait_entry *e, struct ntsync_todo *todo);
};

/**
 * struct ntsync_addr_wait_ops - a wait on an address, which contributes to the owner of its key
 * @update: update the place of the wait in its queue, and what the key contributes, after a change
 *	of the priority that the task should have. @seq identifies the wait. Records are added to @changed and
 *	@others as by update_contribs(). Returns the priority that the wait contributes
 *
 * Called without a raw lock.
 */
struct ntsync_addr_wait_ops {
	int (*update)(struct ntsync_task *t, u32 seq, struct ntsync_todo *changed,
		      struct ntsync_todo *others);
};

/* What sources call. ntsync_pi_exit() waits for what ntsync_pi_queue_work() has queued. */
bool ntsync_contrib_set_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 rank,
			       int policy, struct ntsync_todo *todo);
void ntsync_contrib_verify_locked(struct ntsync_wait *w, const struct ntsync_contrib *c, int prio);
int ntsync_pi_update_wait_prio_locked(const struct ntsync_task *t, struct ntsync_wait *w);
void ntsync_pi_recheck_soon(struct ntsync_task *t);
bool ntsync_pi_queue_work(struct work_struct *work);
int ntsync_prio_without_kernel_boost(const struct task_struct *p);

#endif
