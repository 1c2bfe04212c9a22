// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a channel contributes to each of its receivers: the higher of
 *
 * - the highest request of its newest set (see ntsync_receiver::set) that still has one without a
 *   reply, unless the receiver sleeps in a receive;
 * - the highest pending request. Each receiver may be the next to receive it, and as a rule none
 *   does before it is done with its present work. A receiver's own request does not count, because
 *   the receiver itself waits for the reply.
 *
 * So the contribution never falls below the highest pending request, neither when a receiver takes
 * that one nor between a reply and the next receive.
 *
 * A channel may have thousands of receivers. The call that changes what they depend on updates
 * them, a few at a time.
 */
#include <linux/sched/rt.h>

#include "receiver.h"

/* How many receivers are updated in one critical section of obj->lock. */
#define RECEIVER_BATCH	8

struct boost {
	u32 rank;
	int policy;
};

static void raise_to_request(struct boost *b, const struct ntsync_request *req)
{
	bool requested;

	if (!req || req->rank >= b->rank)
		return;
	requested = ntsync_waitq_prio(&req->node) == ntsync_request_requested_prio(req);
	b->rank = req->rank;
	b->policy = requested ? req->policy : SCHED_FIFO;
}

static const struct ntsync_request *find_pending_for(const struct ntsync_channel *c,
							   const struct ntsync_task *t)
{
	struct rb_node *n = rb_first_cached(&c->contributing);

	/* A task has one request at a time, so the next one is not its own. */
	if (n && rb_entry(n, struct ntsync_request, contrib_node)->wait->acquirer.t == t)
		n = rb_next(n);
	return rb_entry_safe(n, struct ntsync_request, contrib_node);
}

/*
 * The task of @r has exited, and a request of priority @prio waits for the exit worker. A
 * contribution to the record has no effect any more, not even one that was made before the exit.
 */
static void raise_exit_locked(struct ntsync_receiver *r, int prio)
{
	struct ntsync_channel *c = r->channel;

	if (ntsync_exit_raise_item(&r->receiver_task->exit, prio))
		WRITE_ONCE(c->update_exit_worker_prio, true);
}

/*
 * Does @r inherit from pending requests? A process that has closed the channel can't receive them.
 * If it was the last one, the exit worker may be about to end them.
 */
static bool counts_pending(const struct ntsync_receiver *r, bool dead)
{
	return !ntsync_receiver_closed_locked(r) || (dead && r->channel->broken);
}

/* Returns true if anything has changed. */
static bool update_contrib_locked(struct ntsync_receiver *r, struct ntsync_todo *todo)
{
	struct boost b = { .rank = NTSYNC_NO_CONTRIB };
	bool dead = READ_ONCE(r->t->dead), changed;

	if (!ntsync_receiver_receives_locked(r))
		raise_to_request(&b, ntsync_receiver_first_request(r));
	if (counts_pending(r, dead))
		raise_to_request(&b, find_pending_for(r->channel, r->t));
	changed = ntsync_contrib_set_locked(&r->contrib, r->t, b.rank, b.policy, todo);
	/* It may have exited since. */
	dead |= b.rank != NTSYNC_NO_CONTRIB && !r->contrib.to;
	if (unlikely(dead && b.rank != NTSYNC_NO_CONTRIB))
		raise_exit_locked(r, ntsync_contrib_prio(b.rank));
	return changed;
}

static struct ntsync_receiver *find_next_receiver(const struct ntsync_channel *c,
						  const struct ntsync_task *after)
{
	struct ntsync_receiver *found = NULL;
	struct rb_node *n = c->receivers.rb_node;

	while (n) {
		struct ntsync_receiver *r = rb_entry(n, struct ntsync_receiver, by_task);

		if (r->t > after) {
			found = r;
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	return found;
}

/* ntsync_source_ops::update_contribs; @after is the record of the last receiver. */
static const void *update_receivers_locked(struct ntsync_obj *obj, const void *after,
					   struct ntsync_todo *todo, struct ntsync_todo *others)
{
	struct ntsync_channel *c = obj->channel;
	struct ntsync_receiver *r;
	unsigned int i;

	ntsync_assert_obj_lock(c->obj);
	for (i = 0; i < RECEIVER_BATCH; i++) {
		r = find_next_receiver(c, after);
		if (!r)
			return NULL;
		after = r->t;
		if (!update_contrib_locked(r, todo) && r->contrib.to)
			ntsync_todo_add(others, r->t);
	}
	return after;
}

/*
 * ntsync_source_ops::updated. Preemption is off from clearing the flag to the update: a caller that
 * finds the flag cleared does not update, and its request would wait for this task.
 */
static void update_exit_worker(struct ntsync_obj *obj)
{
	struct ntsync_channel *c = obj->channel;
	bool raised;

	if (likely(!READ_ONCE(c->update_exit_worker_prio)))
		return;
	guard(preempt)();
	scoped_guard(raw_spinlock, &obj->lock) {
		raised = c->update_exit_worker_prio;
		WRITE_ONCE(c->update_exit_worker_prio, false);
	}
	if (raised)
		ntsync_exit_worker_update_prio();
}

/* After a change of the channel; no raw lock is held. */
void ntsync_channel_update_receivers(struct ntsync_obj *obj)
{
	struct ntsync_todo todo, others;
	const void *at = NULL;

	do {
		todo.nr = 0;
		others.nr = 0;
		scoped_guard(raw_spinlock, &obj->lock)
			at = update_receivers_locked(obj, at, &todo, &others);
		update_exit_worker(obj);
		ntsync_todo_put_all(&others);
		ntsync_pi_walk(&todo);
	} while (at);
}

static void update_receivers_work(struct work_struct *work)
{
	struct ntsync_channel *c = container_of(work, struct ntsync_channel, update_work);

	ntsync_channel_update_receivers(c->obj);
	ntsync_obj_put(c->obj);
}

void ntsync_channel_source_init(struct ntsync_channel *c)
{
	INIT_WORK(&c->update_work, update_receivers_work);
}

/*
 * ntsync_channel_update_receivers() in a kworker, as senders may wait for the exit worker, which
 * calls this. The delay is harmless: when a receiver exits, priorities only drop, and a sender
 * verifies its receivers before it sleeps.
 *
 * The caller holds receiver_free_lock, which keeps the channel's memory, but not its last
 * reference:
 *
 *   exit worker			sender
 *
 *   resets a request, unlocks,
 *   wakes the sender
 *					returns, closes the last descriptor: no reference is left
 *					destroys the channel: waits for receiver_free_lock
 *   queues no work
 *   unlocks receiver_free_lock
 *					frees the channel
 */
void ntsync_channel_update_receivers_later(struct ntsync_channel *c)
{
	if (!refcount_inc_not_zero(&c->obj->refs))
		return;
	if (!ntsync_pi_queue_work(&c->update_work))
		ntsync_obj_put_later(c->obj);
}

/* @r has got a request or a notification. Returns true if its contribution has changed. */
bool ntsync_receiver_update_contrib_locked(struct ntsync_receiver *r)
{
	struct ntsync_todo todo;
	bool changed;

	todo.nr = 0;
	changed = ntsync_pi_enabled && update_contrib_locked(r, &todo);
	ntsync_todo_put_all(&todo);
	return changed;
}

/* ntsync_source_ops::update_waiter; of the wait of a sender only the request contributes. */
static int update_request(struct ntsync_wait *w, u32 index, int prio)
{
	struct ntsync_request *req = w->send;

	prio = min(prio, ntsync_request_requested_prio(req));
	ntsync_request_set_prio_locked(req, prio);
	/* After the exit every request counts, not only those of the newest set. */
	if (req->receiver && unlikely(READ_ONCE(req->receiver->t->dead)))
		raise_exit_locked(req->receiver, prio);
	return prio;
}

const struct ntsync_source_ops ntsync_channel_source = {
	.update_waiter = update_request,
	.update_contribs = update_receivers_locked,
	.updated = update_exit_worker,
};
