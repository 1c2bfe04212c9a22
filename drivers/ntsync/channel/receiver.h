/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receivers of a channel: tasks, and the processes that they belong to.
 */
#ifndef NTSYNC_CHANNEL_RECEIVER_H
#define NTSYNC_CHANNEL_RECEIVER_H

#include <linux/cleanup.h>

#include "channel_internal.h"
#include "pi/exit_worker.h"

/**
 * struct ntsync_receiver_task - a task that is a receiver of one or more channels
 * @by_task: in the tree of running receiver tasks, until the task exits
 * @exit: for the exit worker, after the task has exited
 * @receivers: linked by task_node; receiver_free_lock is held, too, when one is removed
 * @task: the task; no reference is needed, as its exit is observed
 * @dying_files: its descriptor table, if it has exited, the other threads of its process are being
 *	killed, and no other process uses the table; otherwise NULL
 * @refs: held by the task until it exits, after that by the exit worker and by probe_exit()
 * @rcu: for freeing
 *
 * Protected by receiver_exit.c's exit_lock.
 */
struct ntsync_receiver_task {
	struct rb_node by_task;
	struct ntsync_exit_item exit;
	struct list_head receivers;
	struct task_struct *task;
	const void *dying_files;
	refcount_t refs;
	struct rcu_head rcu;
};

/**
 * struct ntsync_receiver - a task that has received from a channel, or waited for one
 * @by_task: in channel->receivers, by @t
 * @task_node: in ntsync_receiver_task::receivers; protected by receiver_exit.c's exit_lock
 * @receiver_task: the task, in whose list @task_node is
 * @t: the task's record, counted; immutable
 * @channel: the channel; immutable
 * @process: its receiving process. NULL after that has closed the channel and the requests of the
 *	receiver were reset, until the next receive
 * @process_node: in process->members or process->leaving
 * @parked: its entry in obj->any, while it waits for a request or a readiness notification
 * @notification: in @t->notifications from a readiness notification until that is used or passed
 *	on. Changed under @t->lock as well
 * @requests: dispatched requests without a reply, by (newest set, contribution, id)
 * @set: number of the newest set. A blocking receive begins a new set, so that older requests do
 *	not determine the receiver's priority while the new set has one; TRY_RECV2 adds to the
 *	newest set
 * @message: the result of the last receive; written by the type's acquire(), and read by the
 *	task itself after that
 * @contrib: what the channel contributes to the task's priority
 *
 * Protected by obj->lock unless stated otherwise. Freed under receiver_free_lock.
 */
struct ntsync_receiver {
	struct rb_node by_task;
	struct list_head task_node;
	struct ntsync_receiver_task *receiver_task;
	struct ntsync_task *t;
	struct ntsync_channel *channel;
	struct ntsync_process *process;
	struct list_head process_node;
	struct ntsync_wait_entry *parked;
	struct ntsync_notification notification;
	struct rb_root_cached requests;
	u64 set;
	struct ntsync_message message;
	struct ntsync_contrib contrib;
};

/**
 * struct ntsync_process - a process that receives from a channel
 * @by_files: in channel->processes, until @closed
 * @files: its descriptor table, which identifies it; never dereferenced through this pointer
 * @members: its receivers
 * @leaving: after @closed: receivers whose requests are still to be reset
 * @last_receive: value of channel->nr_receives at its last receive
 * @closed: it has closed its last descriptor of the channel, or has died
 * @dies: its threads are being killed; it closes with its last receiver
 * @freed_with_receiver: it is freed with its last receiver
 *
 * Protected by obj->lock.
 */
struct ntsync_process {
	struct rb_node by_files;
	const void *files;
	struct list_head members;
	struct list_head leaving;
	u64 last_receive;
	bool closed;
	bool dies;
	bool freed_with_receiver;
};

static inline struct ntsync_request *ntsync_receiver_first_request(const struct ntsync_receiver *r)
{
	return rb_entry_safe(rb_first_cached(&r->requests), struct ntsync_request,
			     contrib_node);
}

/* The priority of the request that @r works on; MAX_RT_PRIO if there is none. */
static inline int ntsync_receiver_work_prio(const struct ntsync_receiver *r)
{
	const struct ntsync_request *req = ntsync_receiver_first_request(r);

	return req ? ntsync_waitq_prio(&req->node) : MAX_RT_PRIO;
}

/* ---- receiver.c ---- */

struct ntsync_receiver *ntsync_receiver_find_locked(const struct ntsync_channel *c,
						    const struct ntsync_task *t);
struct ntsync_receiver *ntsync_receiver_enter(struct ntsync_channel *c, struct file *file,
					      struct ntsync_task *t);
void ntsync_receivers_flush(struct ntsync_channel *c, struct file *file, const void *files);
void ntsync_receivers_destroy(struct ntsync_channel *c);
void ntsync_channel_check_reachable_locked(struct ntsync_section *s, struct ntsync_channel *c,
					   struct file *file, int others);
bool ntsync_channel_borrows_file(const struct ntsync_channel *c, struct file *file);
void ntsync_channel_check_reachable(struct ntsync_channel *c, struct file *file, int others);
void ntsync_request_finish_locked(struct ntsync_section *s, struct ntsync_request *req,
				enum ntsync_send_result result);

bool ntsync_receiver_end_batch(struct ntsync_receiver *r, const void *dying_files);
void ntsync_receiver_free(struct ntsync_receiver *r);

/*
 * Does @r sleep in a receive? Then it has no work, and its requests do not count. An aggregate
 * waiter is still at work: it waits for something that it needs to finish its requests.
 */
static inline bool ntsync_receiver_receives_locked(const struct ntsync_receiver *r)
{
	return r->parked && !r->parked->wait->acquirer.notify_only;
}

/* Has the process of @r closed the channel? Then @r can't receive. */
static inline bool ntsync_receiver_closed_locked(const struct ntsync_receiver *r)
{
	return !r->process || r->process->closed;
}

/* ---- notification.c ---- */

static inline bool ntsync_receiver_notified_locked(const struct ntsync_receiver *r)
{
	return !list_empty(&r->notification.node);
}

void ntsync_receiver_notify_locked(struct ntsync_receiver *r);
void ntsync_receiver_drop_notification_locked(struct ntsync_receiver *r);
void ntsync_receiver_pass_on_notification(struct ntsync_notification *n);

/* ---- receiver_exit.c ---- */

int ntsync_receiver_exit_init(void);
void ntsync_receiver_exit_destroy(void);

struct ntsync_receiver_task *ntsync_receiver_task_alloc(void);
void ntsync_receiver_task_free(struct ntsync_receiver_task *rt);
void ntsync_receiver_watch_exit(struct ntsync_receiver *r, struct ntsync_receiver_task *new);
struct ntsync_receiver_task *ntsync_receiver_unwatch_exit(struct ntsync_receiver *r);
void ntsync_receiver_free_lock(void);
void ntsync_receiver_free_unlock(void);
void ntsync_receiver_free_assert_held(void);

/* The outermost lock; keeps every receiver from being freed. */
DEFINE_LOCK_GUARD_0(ntsync_receiver_free, ntsync_receiver_free_lock(),
		    ntsync_receiver_free_unlock())

#endif
