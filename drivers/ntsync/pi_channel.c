// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a channel contributes to each of its receivers: the higher of
 *
 * - what it is working on: the most urgent of its newest set of entries, unless it waits for
 *   the next one;
 * - the most urgent pending entry: each receiver may be the next to serve that, and nobody
 *   does before one of them is done with its work. Not its own, for which it waits itself.
 *
 * So nothing changes for a receiver when it takes the first pending entry, nor when it has
 * replied while others are pending: there is no moment without.
 *
 * There may be thousands of receivers, so they are brought up to date a few at a time, by
 * whoever has changed something that they depend on.
 */
#include <linux/sched/rt.h>

#include "channel.h"
#include "pi.h"

/* How many receivers are looked at in one hold of obj->lock. */
#define FEW	8

struct worth {
	u32 key;
	int policy;
};

static void consider(struct worth *w, const struct ntsync_channel_entry *e)
{
	if (!e || e->key >= w->key)
		return;
	w->key = e->key;
	w->policy = ntsync_waitq_level(&e->node) == ntsync_entry_own_level(e) ? e->policy :
									     SCHED_FIFO;
}

static const struct ntsync_channel_entry *first_pending_for(const struct ntsync_channel *c,
							     const struct ntsync_task *t)
{
	struct rb_node *n = rb_first_cached(&c->urgent);

	/* A task has one request at a time, so the next is not its own. */
	if (n && rb_entry(n, struct ntsync_channel_entry, urgent)->wait->taker.t == t)
		n = rb_next(n);
	return rb_entry_safe(n, struct ntsync_channel_entry, urgent);
}

/* True if something has changed. */
static bool update_locked(struct ntsync_receiver *r, struct ntsync_todo *todo)
{
	struct worth w = { .key = NTSYNC_NO_CONTRIB };

	if (!ntsync_receiver_receives_locked(r))
		consider(&w, ntsync_receiver_first_entry(r));
	/* Who has let go of the channel can't receive it. */
	if (!ntsync_receiver_left_locked(r))
		consider(&w, first_pending_for(r->channel, r->t));
	return ntsync_contrib_move_locked(&r->contrib, r->t, w.key, w.policy, todo);
}

static struct ntsync_receiver *next_receiver(const struct ntsync_channel *c,
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

/**
 * ntsync_pi_update_receivers_locked() - what some of a channel's receivers inherit
 * @c: the channel; obj->lock is held
 * @after: what this has returned last, or NULL
 * @todo: gets the records for which something has changed
 * @same: gets the others that inherit something
 *
 * Return: where to go on; NULL: these were the last.
 */
const struct ntsync_task *ntsync_pi_update_receivers_locked(struct ntsync_channel *c,
							    const struct ntsync_task *after,
							    struct ntsync_todo *todo,
							    struct ntsync_todo *same)
{
	struct ntsync_receiver *r;
	unsigned int i;

	ntsync_assert_obj_lock(c->obj);
	for (i = 0; i < FEW; i++) {
		r = next_receiver(c, after);
		if (!r)
			return NULL;
		after = r->t;
		if (!update_locked(r, todo) && r->contrib.to)
			ntsync_todo_add(same, r->t);
	}
	return after;
}

/* All of them, after a change of the channel; without a raw lock. */
void ntsync_pi_channel_unlocked(struct ntsync_obj *obj)
{
	const struct ntsync_task *at = NULL;
	struct ntsync_channel *c = obj->channel;
	struct ntsync_todo todo, same;

	do {
		todo.nr = 0;
		same.nr = 0;
		scoped_guard(raw_spinlock, &obj->lock)
			at = ntsync_pi_update_receivers_locked(c, at, &todo, &same);
		ntsync_todo_drop(&same);
		ntsync_pi_walk(&todo);
	} while (at);
}

static void do_stale_work(struct work_struct *work)
{
	struct ntsync_channel *c = container_of(work, struct ntsync_channel, stale_work);

	ntsync_pi_channel_unlocked(c->obj);
	ntsync_obj_put(c->obj);
}

void ntsync_pi_channel_init(struct ntsync_channel *c)
{
	INIT_WORK(&c->stale_work, do_stale_work);
}

/*
 * The same by a worker: for the reaper, for which others may wait. What changes when a receiver
 * goes makes others less urgent only, but for senders, who verify what they wait for.
 */
void ntsync_pi_channel_unlocked_later(struct ntsync_channel *c)
{
	ntsync_obj_get(c->obj);
	if (!ntsync_pi_queue_work(&c->stale_work))
		ntsync_obj_put_later(c->obj);
}

/* A request's sender inherits @prio now. What the request is worth; obj->lock. */
int ntsync_pi_move_request_locked(struct ntsync_channel_entry *e, int prio)
{
	prio = min(prio, ntsync_entry_own_level(e));
	ntsync_entry_set_level_locked(e, prio);
	return prio;
}

/* @r has been given a request, or notice of one. True if it inherits something else now. */
bool ntsync_pi_receiver_acquired_locked(struct ntsync_receiver *r)
{
	struct ntsync_todo todo;
	bool changed;

	todo.nr = 0;
	changed = ntsync_pi_enabled && update_locked(r, &todo);
	ntsync_todo_drop(&todo);
	return changed;
}
