// SPDX-License-Identifier: GPL-2.0-only
/*
 * Channels as the arbiter sees them. A channel contributes to each of its receivers the
 * best of
 *
 * - what it is working on: the best of its newest set of entries, unless it waits for
 *   the next one;
 * - the best pending entry: each receiver may be the next to serve that, and nobody does
 *   before one of them is done with what he is at. Not its own, for which it waits itself.
 *
 * So nothing changes for a receiver when it takes the best pending entry, nor when it has
 * replied while others are pending: there is no moment without.
 *
 * Entries are looked at under obj->lock and not remembered. Every receiver brings a record
 * along.
 */
#include <linux/sched/rt.h>

#include "channel.h"
#include "pi.h"

static void consider(const struct ntsync_channel_entry *e, int *level, int *policy)
{
	if (!e || ntsync_waitq_level(&e->node) >= *level)
		return;
	*level = ntsync_waitq_level(&e->node);
	*policy = ntsync_waitq_level(&e->node) == ntsync_entry_own_level(e) ? e->policy : SCHED_FIFO;
}

static const struct ntsync_channel_entry *best_pending_for(const struct ntsync_channel *c,
							    const struct task_struct *p)
{
	const struct ntsync_channel_entry *e = ntsync_channel_first_pending(c);
	struct ntsync_waitq_node *next;

	if (!e || e->wait->taker.task != p)
		return e;
	/* A task has one request at a time, so the next is not its own. */
	next = ntsync_waitq_next(&e->node);
	return next ? container_of(next, struct ntsync_channel_entry, node) : NULL;
}

static int level_for(const struct ntsync_receiver *r, int *policy)
{
	const struct ntsync_channel *c = r->channel;
	int level = MAX_RT_PRIO;

	guard(raw_spinlock)(&c->obj->lock);
	if (!ntsync_receiver_receives_locked(r))
		consider(ntsync_receiver_first_entry(r), &level, policy);
	/* Who has let go of the channel can't receive it. */
	if (!ntsync_receiver_left_locked(r))
		consider(best_pending_for(c, r->task), &level, policy);
	return level;
}

static int receiver_level(const struct ntsync_pi_source *source, const struct task_struct *p)
{
	int policy;

	return level_for(container_of(source, struct ntsync_receiver, source), &policy);
}

static void update_receiver(struct ntsync_pi_source *source)
{
	const struct ntsync_receiver *r = container_of(source, struct ntsync_receiver, source);
	struct ntsync_contrib *c = &source->contrib;
	struct ntsync_pi_task *task = c->task;
	int policy = SCHED_FIFO;
	int level = level_for(r, &policy);

	if (ntsync_task_is_dead(r->task))
		level = MAX_RT_PRIO;
	if (task ? ntsync_waitq_level(&c->node) == level && c->policy == policy : level == MAX_RT_PRIO)
		return;
	if (level < MAX_RT_PRIO)
		task = ntsync_pi_watch(r->task);
	if (c->task)
		ntsync_contrib_detach(c);
	if (level < MAX_RT_PRIO) {
		c->policy = policy;
		ntsync_contrib_attach(c, task, level);
	}
	ntsync_pi_update_task(task);
}

static const struct ntsync_pi_source_ops receiver_source = {
	.name = "channel",
	.level = receiver_level,
	.update = update_receiver,
};

/* Channels of which not all receivers have been marked yet that have to be. */
static LIST_HEAD(unmarked);

static struct ntsync_receiver *receiver_at(const struct ntsync_channel *c,
					   const struct list_head *at)
{
	return at == &c->sources ? NULL : list_entry(at, struct ntsync_receiver, of_channel);
}

/* There may be thousands, and pi_lock is everybody's: a few at a time. */
static void mark_receivers(struct ntsync_channel *c)
{
	c->mark_next = receiver_at(c, c->sources.next);
	list_move_tail(&c->unmarked, &unmarked);
}

/* How many are marked in one step. */
#define FEW	8

/* One step; false if there was nothing to do. */
bool ntsync_pi_mark_some_receivers(void)
{
	struct ntsync_channel *c = list_first_entry_or_null(&unmarked, struct ntsync_channel,
							    unmarked);
	unsigned int i;

	if (likely(!c))
		return false;
	for (i = 0; i < FEW && c->mark_next; i++) {
		struct ntsync_receiver *r = c->mark_next;

		c->mark_next = receiver_at(c, r->of_channel.next);
		ntsync_pi_mark(&r->source);
	}
	if (!c->mark_next)
		list_del_init(&c->unmarked);
	return true;
}

static void mark_news(struct ntsync_pi_news *news)
{
	mark_receivers(container_of(news, struct ntsync_channel, news));
}

void ntsync_pi_channel_init(struct ntsync_channel *c)
{
	INIT_LIST_HEAD(&c->sources);
	INIT_LIST_HEAD(&c->unmarked);
	c->news.mark = mark_news;
}

/* Nobody uses the channel any more, and it has no receivers. */
void ntsync_pi_channel_destroy(struct ntsync_channel *c)
{
	if (!ntsync_pi_enabled)
		return;
	ntsync_pi_lock();
	ntsync_pi_catch_up_locked(ntsync_pi_mark_news());
	ntsync_pi_unlock();
}

/* @e's sender inherits @level now; pi_lock. The sender is pinned, and with it the entry. */
void ntsync_pi_update_send(struct ntsync_channel_entry *e, int level)
{
	struct ntsync_channel *c = e->channel;

	level = min(level, ntsync_entry_own_level(e));
	scoped_guard(raw_spinlock, &c->obj->lock) {
		if (ntsync_waitq_level(&e->node) == level)
			return;
		ntsync_entry_set_level_locked(e, level);
	}
	mark_receivers(c);
}

/* A task has begun to receive; -ENOMEM. */
int ntsync_pi_receiver_add(struct ntsync_receiver *r)
{
	struct ntsync_pi_task *spare;

	if (!ntsync_pi_enabled)
		return 0;
	spare = ntsync_pi_task_alloc();
	if (!spare)
		return -ENOMEM;
	ntsync_pi_source_init(&r->source, &receiver_source, r->channel->obj);
	ntsync_pi_lock();
	ntsync_pi_spare_add(spare);
	list_add(&r->of_channel, &r->channel->sources);
	ntsync_pi_mark(&r->source);
	ntsync_pi_catch_up_locked(0);
	ntsync_pi_unlock();
	return 0;
}

/* It won't any more. */
void ntsync_pi_receiver_remove(struct ntsync_receiver *r)
{
	struct ntsync_pi_task *task;

	if (!ntsync_pi_enabled)
		return;
	ntsync_pi_lock();
	if (r->channel->mark_next == r)
		r->channel->mark_next = receiver_at(r->channel, r->of_channel.next);
	list_del(&r->of_channel);
	list_del(&r->source.dirty);
	task = r->source.contrib.task;
	if (task) {
		ntsync_contrib_detach(&r->source.contrib);
		ntsync_pi_update_task(task);
	}
	ntsync_pi_spare_drop();
	ntsync_pi_catch_up_locked(0);
	ntsync_pi_unlock();
}
