/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel's insides, for the files that work on them: entry.c, receiver.c, reaper.c,
 * channel.c, pi_channel.c.
 *
 * An entry is one request. Its states, each left and entered under obj->lock:
 *
 *	state		in			receiver	left by
 * [1]	pending		channel->pending	NULL		dispatch, EPIPE, withdrawal
 * [2]	dispatched	channel->dispatched,	who has it	reply, ECONNRESET, withdrawal,
 *			receiver->entries			back to [1] if it can't be delivered
 * [3]	done		nothing			NULL		the sender frees it
 */
#ifndef NTSYNC_CHANNEL_H
#define NTSYNC_CHANNEL_H

#include "lock.h"
#include "ntsync_internal.h"

/**
 * struct ntsync_channel_entry - a request whose sender waits
 * @node: in channel->pending [1]; in channel->dispatched by @id [2]
 * @urgent: by @key: in channel->urgent [1], if it contributes anything; in receiver->entries [2]
 * @channel: immutable
 * @receiver: who has it [2]
 * @wait: the sender's; a claim of it is one of enum ntsync_send_result; immutable
 * @id: set when it is queued
 * @payload: immutable, as all below but @set
 * @reply: for the receiver
 * @pid: the sender's, which stays as long as the sender waits
 * @tid: the sender's, in its pid namespace
 * @prio: what the sender has asked for, and may; 0 = nothing
 * @policy: SCHED_FIFO or SCHED_RR
 * @key: what it contributes to a receiver, see ntsync_contrib_key()
 * @borrows: the sender's call has no reference of its own to the file, but that of the
 *	descriptor of its only thread
 * @sent: when it was queued, CLOCK_MONOTONIC; immutable since then
 * @set: which of the receiver's sets it belongs to, see struct ntsync_receiver
 *
 * @node.level is the best of @prio and what the sender inherits while it waits.
 */
struct ntsync_channel_entry {
	struct ntsync_waitq_node node;
	struct rb_node urgent;
	struct ntsync_channel *channel;
	struct ntsync_receiver *receiver;
	struct ntsync_wait *wait;
	u64 id;
	u64 payload;
	u64 reply;
	const struct pid *pid;
	u32 tid;
	u32 prio;
	u32 policy;
	u32 key;
	bool borrows;
	u64 sent;
	u64 set;
};

enum ntsync_send_result {
	NTSYNC_SEND_REPLIED,
	NTSYNC_SEND_RESET,
	NTSYNC_SEND_DESERTED,
	NTSYNC_SEND_WITHDRAWN,
};

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
 * @noticed: in @t->noticed: it has been told of a request and has not received since; notice.c.
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
	struct list_head noticed;
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

/**
 * struct ntsync_latency - how long something takes, in nanoseconds
 * @nr: how often it was measured
 * @sum: of all
 * @max: the longest
 */
struct ntsync_latency {
	u64 nr;
	u64 sum;
	u64 max;
};

/**
 * struct ntsync_channel - the state of a channel; all under obj->lock but what says otherwise
 * @obj: the object; immutable
 * @id: of the object, for traces; immutable
 * @max_depth: immutable
 * @pending: entries that wait for a receiver
 * @urgent: those of them that contribute something, by what
 * @nr_borrowing: how many of them borrow their reference to the file
 * @dispatched: entries that a receiver has, by id
 * @nr_dispatched: how many
 * @last_id: of the last entry
 * @notices: how many receivers are noticed
 * @entered: how many receives have begun
 * @deserted: processes have received, and none is left
 * @receivers: by task
 * @nr_receivers: how many
 * @parties: by table of descriptors
 * @tokens: token.c
 * @queueing: how long requests were pending before a receiver had them
 * @response: from when they were sent until they were replied to
 * @stale_work: brings up to date what the receivers inherit, after one of them has exited
 */
struct ntsync_channel {
	struct ntsync_obj *obj;
	u64 id;
	u32 max_depth;
	struct ntsync_waitq pending;
	struct rb_root_cached urgent;
	u32 nr_borrowing;
	struct rb_root dispatched;
	u32 nr_dispatched;
	u64 last_id;
	u32 notices;
	u64 entered;
	bool deserted;
	struct rb_root receivers;
	u32 nr_receivers;
	struct rb_root parties;
	struct ntsync_tokens tokens;
	struct ntsync_latency queueing;
	struct ntsync_latency response;
	struct work_struct stale_work;
};

/* ---- entry.c: where entries stand; all under obj->lock ---- */

int ntsync_entry_own_level(const struct ntsync_channel_entry *e);
void ntsync_entry_queue_locked(struct ntsync_channel_entry *e, int inherited);
void ntsync_entry_dispatch_locked(struct ntsync_channel_entry *e, struct ntsync_receiver *r);
void ntsync_entry_put_back_locked(struct ntsync_channel_entry *e);
void ntsync_entry_remove_locked(struct ntsync_channel_entry *e);
void ntsync_entry_measure_locked(const struct ntsync_channel_entry *e, struct ntsync_latency *l);
void ntsync_entry_set_level_locked(struct ntsync_channel_entry *e, int level);
struct ntsync_channel_entry *ntsync_entry_find_locked(const struct ntsync_channel *c, u64 id);

static inline struct ntsync_channel_entry *ntsync_channel_first_pending(const struct ntsync_channel *c)
{
	struct ntsync_waitq_node *n = ntsync_waitq_first(&c->pending);

	return n ? container_of(n, struct ntsync_channel_entry, node) : NULL;
}

static inline struct ntsync_channel_entry *ntsync_receiver_first_entry(const struct ntsync_receiver *r)
{
	return rb_entry_safe(rb_first_cached(&r->entries), struct ntsync_channel_entry,
			     urgent);
}

/* ---- channel_show.c ---- */

void ntsync_channel_show(struct seq_file *m, const union ntsync_state *copy);
void ntsync_channel_show_tasks(struct seq_file *m, struct ntsync_obj *obj);

/* ---- pi_channel.c ---- */

void ntsync_pi_channel_init(struct ntsync_channel *c);
void ntsync_pi_channel_unlocked(struct ntsync_obj *obj);
void ntsync_pi_channel_unlocked_later(struct ntsync_channel *c);
bool ntsync_pi_receiver_acquired_locked(struct ntsync_receiver *r);

/*
 * Under obj->lock: something about an entry of @level, or a receiver's work, has changed. A sender
 * does not depend on what others do after that: it verifies before it sleeps.
 */
static inline void ntsync_pi_channel_changed_locked(struct ntsync_channel *c, int level)
{
	if (level < MAX_RT_PRIO && ntsync_pi_enabled)
		c->obj->stale = true;
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
	return !list_empty(&r->noticed);
}

void ntsync_receiver_notice_locked(struct ntsync_receiver *r);
void ntsync_receiver_drop_notice_locked(struct ntsync_receiver *r);

/* ---- reaper.c ---- */

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
