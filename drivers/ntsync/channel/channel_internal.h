/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The internals of a channel, for the files of this folder.
 *
 * A request changes its state under obj->lock only:
 *
 *	state		linked in		left by
 * [1]	pending		channel->pending	dispatch -> [2]; EPIPE, withdrawal -> [3]
 * [2]	dispatched	channel->dispatched,	reply, ECONNRESET, withdrawal -> [3];
 *			receiver->requests	failed delivery -> [1]
 * [3]	done		nothing			the sender frees it
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
 * struct ntsync_request - a request whose sender sleeps
 * @node: [1] in channel->pending; [2] in channel->dispatched, by @id
 * @contrib_node: [1] in channel->contributing, if @rank contributes anything; [2] in
 *	receiver->requests
 * @channel: the channel
 * @receiver: [2] the receiver that it was dispatched to; NULL otherwise
 * @wait: the sender's wait; it is claimed with one of enum ntsync_send_result
 * @id: counted per channel; set when the request is queued
 * @payload: passed to the receiver
 * @reply: passed to the receiver
 * @pid: the sender's; needs no reference, as the sender sleeps until [3]
 * @tid: the sender's, in the sender's pid namespace
 * @prio: 1 to 99 as requested by the sender, after clamping; 0 = none
 * @policy: SCHED_FIFO or SCHED_RR
 * @rank: what the request contributes to a receiver; see ntsync_contrib_rank()
 * @borrows_file: fdget() took no file reference for the sender's call, as the sender's process has
 *	one thread; file_count() does not include the call
 * @sent: when it was queued, CLOCK_MONOTONIC
 * @set: [2] receiver->set when it was dispatched; 0 otherwise
 *
 * The priority in @node is the higher of @prio and the one that the sender inherits while it waits.
 * @node, @contrib_node, @rank, @receiver and @set are protected by obj->lock; the others do not
 * change after the request was queued.
 */
struct ntsync_request {
	struct ntsync_waitq_node node;
	struct rb_node contrib_node;
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
	u32 rank;
	bool borrows_file;
	u64 sent;
	u64 set;
};

/* How a request ended: with a reply, ECONNRESET, EPIPE, or because its sender has left. */
enum ntsync_send_result {
	NTSYNC_SEND_REPLIED,
	NTSYNC_SEND_RESET,
	NTSYNC_SEND_BROKEN,
	NTSYNC_SEND_WITHDRAWN,
};

/* ---- token.c ---- */

#define NTSYNC_MAX_TOKENS	32768

struct pid;
struct ntsync_receiver;
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
 * struct ntsync_latency - statistics of a latency, in nanoseconds
 * @nr: number of samples
 * @sum: sum of the samples
 * @max: the longest sample
 */
struct ntsync_latency {
	u64 nr;
	u64 sum;
	u64 max;
};

/**
 * struct ntsync_channel - the state of a channel
 * @obj: the object; immutable
 * @id: of the object, for tracepoints; immutable
 * @max_depth: upper bound of pending requests; immutable
 * @pending: pending requests, by (priority, arrival)
 * @contributing: those of them that contribute to the receivers, by (contribution, id)
 * @nr_borrowing: number of requests in @pending with borrows_file set
 * @dispatched: dispatched requests, by id
 * @nr_dispatched: number of requests in @dispatched
 * @last_id: id of the newest request
 * @nr_notified: number of receivers with a readiness notification
 * @nr_receives: number of receives that have begun
 * @broken: the last receiving process has closed the channel or dies, or no process has a
 *	descriptor any more: sends fail with EPIPE. Reset by the next receive
 * @update_exit_worker_prio: an item of the exit worker was raised, so its priority has to be
 *	updated
 * @receivers: receivers, by task record
 * @nr_receivers: number of receivers
 * @processes: receiving processes, by descriptor table
 * @tokens: see token.c
 * @queueing: latency from queueing to dispatch
 * @response: latency from queueing to reply
 * @update_work: updates what the receivers inherit after one of them has exited
 *
 * Protected by obj->lock unless stated otherwise.
 */
struct ntsync_channel {
	struct ntsync_obj *obj;
	u64 id;
	u32 max_depth;
	struct ntsync_waitq pending;
	struct rb_root_cached contributing;
	u32 nr_borrowing;
	struct rb_root dispatched;
	u32 nr_dispatched;
	u64 last_id;
	u32 nr_notified;
	u64 nr_receives;
	bool broken;
	bool update_exit_worker_prio;
	struct rb_root receivers;
	u32 nr_receivers;
	struct rb_root processes;
	struct ntsync_tokens tokens;
	struct ntsync_latency queueing;
	struct ntsync_latency response;
	struct work_struct update_work;
};

/* ---- request.c ---- */

int ntsync_requests_init(void);
void ntsync_requests_exit(void);
struct ntsync_request *ntsync_request_alloc(void);
void ntsync_request_free(struct ntsync_request *req);

int ntsync_request_requested_prio(const struct ntsync_request *req);
void ntsync_request_queue_locked(struct ntsync_request *req, int inherited);
void ntsync_request_dispatch_locked(struct ntsync_request *req, struct ntsync_receiver *r);
void ntsync_request_put_back_locked(struct ntsync_request *req);
void ntsync_request_remove_locked(struct ntsync_request *req);
void ntsync_request_add_latency_locked(const struct ntsync_request *req,
				       struct ntsync_latency *l);
void ntsync_request_set_prio_locked(struct ntsync_request *req, int prio);
struct ntsync_request *ntsync_request_find_locked(const struct ntsync_channel *c, u64 id);

static inline struct ntsync_request *ntsync_channel_first_pending(const struct ntsync_channel *c)
{
	struct ntsync_waitq_node *n = ntsync_waitq_first(&c->pending);

	return n ? container_of(n, struct ntsync_request, node) : NULL;
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
 * What receivers inherit may have changed; @prio is the highest priority that one may have gained
 * or lost. The task that holds obj->lock updates them after the unlock. It may be preempted before
 * that, but a sender does not rely on it: it verifies its receivers before it sleeps.
 */
static inline void ntsync_channel_mark_for_update_locked(struct ntsync_channel *c, int prio)
{
	if (prio < MAX_RT_PRIO && ntsync_pi_enabled)
		c->obj->needs_update = true;
}

#endif
