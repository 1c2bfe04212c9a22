// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a channel's entries stand: pending ones by (level, arrival), dispatched ones by
 * id, those of one receiver by (set, contribution, id), and pending ones that contribute to
 * receivers by (contribution, id). A contribution is ordered by its hops, too: if of two of the
 * same level the first to arrive counted, one that goes round a cycle of channels could hide its
 * own source, until it has no hops left, and then begin anew, for ever. Each step is O(log entries), made
 * under obj->lock, and is news for the arbiter if priorities are involved. What the steps
 * mean is channel.c's business.
 */
#include "channel.h"

/* What the sender has asked for, whatever it inherits. */
int ntsync_entry_own_level(const struct ntsync_channel_entry *e)
{
	return e->prio ? MAX_RT_PRIO - 1 - e->prio : MAX_RT_PRIO;
}

static bool id_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_channel_entry, node.rb)->id <
	       rb_entry(b, struct ntsync_channel_entry, node.rb)->id;
}

static int compare_id(const void *key, const struct rb_node *node)
{
	const struct ntsync_channel_entry *e =
		rb_entry(node, struct ntsync_channel_entry, node.rb);
	u64 id = *(const u64 *)key;

	return id < e->id ? -1 : id > e->id;
}

/* Pending ones are of no set yet. */
static bool counts_before(struct rb_node *a, const struct rb_node *b)
{
	const struct ntsync_channel_entry *l = rb_entry(a, struct ntsync_channel_entry, urgent);
	const struct ntsync_channel_entry *r = rb_entry(b, struct ntsync_channel_entry, urgent);

	if (l->set != r->set)
		return l->set > r->set;
	if (l->key != r->key)
		return l->key < r->key;
	return l->id < r->id;
}

/* What a request of @level contributes; its sender may have it by too many hops already. */
static u32 contribution(const struct ntsync_channel_entry *e, int level)
{
	if (level == MAX_RT_PRIO)
		return NTSYNC_NO_CONTRIB;
	if (level == ntsync_entry_own_level(e))
		return ntsync_contrib_key(level, 1);
	if (e->wait->hops >= NTSYNC_MAX_HOPS)
		return NTSYNC_NO_CONTRIB;
	return ntsync_contrib_key(level, e->wait->hops + 1);
}

static void add_urgent(struct ntsync_channel_entry *e)
{
	if (e->receiver)
		rb_add_cached(&e->urgent, &e->receiver->entries, counts_before);
	else if (e->key != NTSYNC_NO_CONTRIB)
		rb_add_cached(&e->urgent, &e->channel->urgent, counts_before);
}

static void erase_urgent(struct ntsync_channel_entry *e)
{
	if (e->receiver)
		rb_erase_cached(&e->urgent, &e->receiver->entries);
	else if (e->key != NTSYNC_NO_CONTRIB)
		rb_erase_cached(&e->urgent, &e->channel->urgent);
}

/* Since it was sent. */
void ntsync_entry_measure_locked(const struct ntsync_channel_entry *e, struct ntsync_latency *l)
{
	u64 ns = ktime_get_ns() - e->sent;

	ntsync_assert_obj_lock(e->channel->obj);
	l->nr++;
	l->sum += ns;
	l->max = max(l->max, ns);
}

/* At the end of its level, or with the turn that its sender has kept. */
void ntsync_entry_queue_locked(struct ntsync_channel_entry *e, int inherited)
{
	struct ntsync_channel *c = e->channel;
	int level = min(ntsync_entry_own_level(e), inherited);

	ntsync_assert_obj_lock(c->obj);
	e->id = ++c->last_id;
	e->sent = ktime_get_ns();
	ntsync_waitq_insert_at(&c->pending, &e->node, level,
			       ntsync_wait_arrival(e->wait, c->obj->dev));
	e->key = contribution(e, level);
	add_urgent(e);
	c->nr_borrowing += e->borrows;
	ntsync_pi_channel_changed_locked(c, ntsync_waitq_level(&e->node));
}

void ntsync_entry_dispatch_locked(struct ntsync_channel_entry *e, struct ntsync_receiver *r)
{
	struct ntsync_channel *c = e->channel;

	ntsync_assert_obj_lock(c->obj);
	ntsync_pi_channel_changed_locked(c, min(ntsync_receiver_work_level(r),
						ntsync_waitq_level(&e->node)));
	ntsync_entry_measure_locked(e, &c->queueing);
	ntsync_waitq_erase(&c->pending, &e->node);
	erase_urgent(e);
	c->nr_borrowing -= e->borrows;
	rb_add(&e->node.rb, &c->dispatched, id_before);
	c->nr_dispatched++;
	e->receiver = r;
	e->set = r->set;
	add_urgent(e);
}

static void undispatch(struct ntsync_channel_entry *e)
{
	erase_urgent(e);
	/* What it has hidden may count again. */
	ntsync_pi_channel_changed_locked(e->channel, ntsync_receiver_work_level(e->receiver));
	e->receiver = NULL;
	rb_erase(&e->node.rb, &e->channel->dispatched);
	e->channel->nr_dispatched--;
}

/* It keeps its turn. */
void ntsync_entry_put_back_locked(struct ntsync_channel_entry *e)
{
	ntsync_assert_obj_lock(e->channel->obj);
	undispatch(e);
	e->set = 0;
	ntsync_waitq_put_back(&e->channel->pending, &e->node);
	add_urgent(e);
	e->channel->nr_borrowing += e->borrows;
	ntsync_pi_channel_changed_locked(e->channel, ntsync_waitq_level(&e->node));
}

void ntsync_entry_remove_locked(struct ntsync_channel_entry *e)
{
	ntsync_assert_obj_lock(e->channel->obj);
	if (e->receiver) {
		undispatch(e);
	} else {
		ntsync_waitq_erase(&e->channel->pending, &e->node);
		erase_urgent(e);
		e->channel->nr_borrowing -= e->borrows;
	}
	ntsync_pi_channel_changed_locked(e->channel, ntsync_waitq_level(&e->node));
}

/* Its sender inherits, or no more. Nothing if it is not queued yet, or is done with. */
void ntsync_entry_set_level_locked(struct ntsync_channel_entry *e, int level)
{
	u32 key = contribution(e, level);

	ntsync_assert_obj_lock(e->channel->obj);
	if (!e->receiver && (!e->id || ntsync_wait_claimed(e->wait)))
		return;
	if (key == e->key && level == ntsync_waitq_level(&e->node))
		return;
	erase_urgent(e);
	e->key = key;
	if (e->receiver)
		ntsync_waitq_set_level(&e->node, level);
	else
		ntsync_waitq_move(&e->channel->pending, &e->node, level);
	add_urgent(e);
}

/* Dispatched, by its id; or NULL. */
struct ntsync_channel_entry *ntsync_entry_find_locked(const struct ntsync_channel *c, u64 id)
{
	ntsync_assert_obj_lock(c->obj);
	return rb_entry_safe(rb_find(&id, &c->dispatched, compare_id),
			     struct ntsync_channel_entry, node.rb);
}
