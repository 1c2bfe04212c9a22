/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Those who receive from a channel: tasks, and the processes that they are of.
 */
#ifndef NTSYNC_CHANNEL_RECEIVER_H
#define NTSYNC_CHANNEL_RECEIVER_H

#include <linux/cleanup.h>

#include "channel_internal.h"

/**
 * struct ntsync_receiver_task - a task that is a receiver, of however many channels
 * @by_task: until it exits
 * @dead: when it has, by its level
 * @receivers: by of_task; who takes one out has the reap lock
 * @task: not counted, as its exit is heard of
 *
 * Protected by reaper.c's exit_lock.
 */
struct ntsync_receiver_task {
	struct rb_node by_task;
	struct ntsync_waitq_node dead;
	struct list_head receivers;
	struct task_struct *task;
};

/**
 * struct ntsync_receiver - a task that has received from a channel
 * @by_task: in channel->receivers, by @t
 * @of_task: with others of the same task; reaper.c's exit_lock
 * @of: what all receivers of that task have in common; immutable
 * @t: the task's record, counted; immutable
 * @channel: immutable
 * @party: its process, NULL if that has let go of the channel
 * @member: in party->members or party->leaving
 * @parked: its entry in obj->any, while it waits for a request or a notice
 * @notice: in @t->noticed: it has been told of a request and has not received since; notice.c.
 *	Written with @t->lock, too
 * @entries: requests that it has not replied to: those of the newest set first, and
 *	of a set the best
 * @set: number of the newest set. Each blocking receive begins one, which puts
 *	aside what the receiver had before; a TRY_RECV2 adds to it
 * @message: what the last receive has got; written in acquire(), the task's own
 *	afterwards
 * @contrib: what it inherits from the channel
 */
struct ntsync_receiver {
	struct rb_node by_task;
	struct list_head of_task;
	struct ntsync_receiver_task *of;
	struct ntsync_task *t;
	struct ntsync_channel *channel;
	struct ntsync_party *party;
	struct list_head member;
	struct ntsync_wait_entry *parked;
	struct ntsync_notice notice;
	struct rb_root_cached entries;
	u64 set;
	struct ntsync_message message;
	struct ntsync_contrib contrib;
};

/**
 * struct ntsync_party - a process that receives from a channel
 * @by_files: in channel->parties, until it lets go
 * @files: its table of descriptors; for comparing only
 * @members: its receivers
 * @leaving: those that are still to be dealt with after it has let go
 * @entered: number of its last receive, of all of the channel's
 * @left: it has let go
 */
struct ntsync_party {
	struct rb_node by_files;
	const void *files;
	struct list_head members;
	struct list_head leaving;
	u64 entered;
	bool left;
};

static inline struct ntsync_channel_entry *ntsync_receiver_first_entry(const struct ntsync_receiver *r)
{
	return rb_entry_safe(rb_first_cached(&r->entries), struct ntsync_channel_entry,
			     of_receiver);
}

/* The level of what @r works on now. */
static inline int ntsync_receiver_work_level(const struct ntsync_receiver *r)
{
	const struct ntsync_channel_entry *e = ntsync_receiver_first_entry(r);

	return e ? ntsync_waitq_level(&e->node) : MAX_RT_PRIO;
}

/* ---- receiver.c ---- */

struct ntsync_receiver *ntsync_receiver_find_locked(const struct ntsync_channel *c,
						    const struct ntsync_task *t);
struct ntsync_receiver *ntsync_receiver_enter(struct ntsync_channel *c, struct file *file,
					      struct ntsync_task *t);
void ntsync_receivers_flush(struct ntsync_channel *c, struct file *file, const void *files);
void ntsync_receivers_destroy(struct ntsync_channel *c);
void ntsync_channel_orphan_locked(struct ntsync_hold *h, struct ntsync_channel *c,
				  struct file *file, int others);
bool ntsync_channel_borrows_file(const struct ntsync_channel *c, struct file *file);
void ntsync_channel_check_orphan(struct ntsync_channel *c, struct file *file, int others);
void ntsync_entry_finish_locked(struct ntsync_hold *h, struct ntsync_channel_entry *e,
				enum ntsync_send_result result);

void ntsync_receiver_free(struct ntsync_receiver *r);

/* Is it waiting for its next request? Then it does not work on those that it has. */
static inline bool ntsync_receiver_receives_locked(const struct ntsync_receiver *r)
{
	return r->parked && !r->parked->wait->taker.notice;
}

static inline bool ntsync_receiver_left_locked(const struct ntsync_receiver *r)
{
	return !r->party || r->party->left;
}

/* ---- notice.c ---- */

static inline bool ntsync_receiver_noticed_locked(const struct ntsync_receiver *r)
{
	return !list_empty(&r->notice.node);
}

void ntsync_receiver_notice_locked(struct ntsync_receiver *r);
void ntsync_receiver_drop_notice_locked(struct ntsync_receiver *r);
void ntsync_receiver_hand_on_notice(struct ntsync_notice *n);

/* ---- reaper.c ---- */

int ntsync_reaper_init(void);
void ntsync_reaper_exit(void);

struct ntsync_receiver_task *ntsync_receiver_task_alloc(void);
void ntsync_receiver_task_free(struct ntsync_receiver_task *t);
void ntsync_receiver_listen(struct ntsync_receiver *r, struct ntsync_receiver_task *new);
struct ntsync_receiver_task *ntsync_receiver_forget(struct ntsync_receiver *r);
void ntsync_reap_lock(void);
void ntsync_reap_unlock(void);
void ntsync_reap_assert_held(void);

/* Outside all other locks: nobody else frees a receiver meanwhile. */
DEFINE_LOCK_GUARD_0(ntsync_reap_lock, ntsync_reap_lock(), ntsync_reap_unlock())

#endif
