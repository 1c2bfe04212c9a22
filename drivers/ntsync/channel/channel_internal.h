/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel's insides, for the files that work on them: entry.c, receiver.c, reaper.c,
 * channel.c, source.c.
 *
 * An entry is one request. Its states, each left and entered under obj->lock:
 *
 *	state		in			receiver	left by
 * [1]	pending		channel->pending	NULL		dispatch, EPIPE, withdrawal
 * [2]	dispatched	channel->dispatched,	who has it	reply, ECONNRESET, withdrawal,
 *			receiver->entries			back to [1] if it can't be delivered
 * [3]	done		nothing			NULL		the sender frees it
 */
#ifndef NTSYNC_CHANNEL_INTERNAL_H
#define NTSYNC_CHANNEL_INTERNAL_H

#include <linux/workqueue.h>

#include "channel.h"
#include "core/core.h"
#include "core/lock.h"
#include "core/wait.h"
#include "pi/source.h"

/**
 * struct ntsync_channel_entry - a request whose sender waits
 * @node: in channel->pending [1]; in channel->dispatched by @id [2]
 * @of_receiver: in receiver->entries [2]
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
 * @borrows: the sender's call has no reference of its own to the file, but that of the
 *	descriptor of its only thread
 * @sent: when it was queued, CLOCK_MONOTONIC; immutable since then
 * @set: which of the receiver's sets it belongs to, see struct ntsync_receiver
 *
 * @node.level is the best of @prio and what the sender inherits while it waits.
 */
struct ntsync_channel_entry {
	struct ntsync_waitq_node node;
	struct rb_node of_receiver;
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

struct ntsync_receiver;

/* ---- token.c: tokens ---- */

#define NTSYNC_MAX_TOKENS	32768

struct pid;
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

/* ---- entry.c: where entries stand; all but the first four under obj->lock ---- */

int ntsync_entries_init(void);
void ntsync_entries_exit(void);
struct ntsync_channel_entry *ntsync_entry_alloc(void);
void ntsync_entry_free(struct ntsync_channel_entry *e);

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

/* ---- show.c ---- */

void ntsync_channel_show(struct seq_file *m, const union ntsync_state *copy);
void ntsync_channel_show_tasks(struct seq_file *m, struct ntsync_obj *obj);

/* ---- source.c ---- */

extern const struct ntsync_source_ops ntsync_channel_source;
void ntsync_channel_source_init(struct ntsync_channel *c);
void ntsync_channel_update_receivers(struct ntsync_obj *obj);
void ntsync_channel_update_receivers_later(struct ntsync_channel *c);
bool ntsync_receiver_update_contrib_locked(struct ntsync_receiver *r);

/*
 * Under obj->lock: something about an entry of @level, or a receiver's work, has changed. A sender
 * does not depend on what others do after that: it verifies before it sleeps.
 */
static inline void ntsync_channel_mark_stale_locked(struct ntsync_channel *c, int level)
{
	if (level < MAX_RT_PRIO && ntsync_pi_enabled)
		c->obj->stale = true;
}

#endif
