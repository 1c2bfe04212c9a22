// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a channel's entries stand: pending ones by (level, arrival), dispatched ones by
 * id, and those of one receiver by (set, level, id). Each step is O(log entries), made
 * under obj->lock, and is news for the arbiter if priorities are involved. What the steps
 * mean is channel.c's business.
 */
#include <linux/slab.h>

#include "receiver.h"

static struct kmem_cache *cache;

int ntsync_entries_init(void)
{
	cache = ntsync_cache_create("ntsync_channel_entry", sizeof(struct ntsync_channel_entry));
	return cache ? 0 : -ENOMEM;
}

/* No file is open. */
void ntsync_entries_exit(void)
{
	kmem_cache_destroy(cache);
}

struct ntsync_channel_entry *ntsync_entry_alloc(void)
{
	return kmem_cache_zalloc(cache, GFP_KERNEL_ACCOUNT);
}

void ntsync_entry_free(struct ntsync_channel_entry *e)
{
	kmem_cache_free(cache, e);
}

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

static bool handled_before(struct rb_node *a, const struct rb_node *b)
{
	const struct ntsync_channel_entry *l =
		rb_entry(a, struct ntsync_channel_entry, of_receiver);
	const struct ntsync_channel_entry *r =
		rb_entry(b, struct ntsync_channel_entry, of_receiver);

	if (l->set != r->set)
		return l->set > r->set;
	if (ntsync_waitq_level(&l->node) != ntsync_waitq_level(&r->node))
		return ntsync_waitq_level(&l->node) < ntsync_waitq_level(&r->node);
	return l->id < r->id;
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

	ntsync_assert_obj_lock(c->obj);
	e->id = ++c->last_id;
	e->sent = ktime_get_ns();
	ntsync_waitq_insert_at(&c->pending, &e->node, min(ntsync_entry_own_level(e), inherited),
			       ntsync_wait_arrival(e->wait, c->obj->dev));
	c->nr_borrowing += e->borrows;
	ntsync_channel_mark_stale_locked(c, ntsync_waitq_level(&e->node));
}

void ntsync_entry_dispatch_locked(struct ntsync_channel_entry *e, struct ntsync_receiver *r)
{
	struct ntsync_channel *c = e->channel;

	ntsync_assert_obj_lock(c->obj);
	ntsync_channel_mark_stale_locked(c, min(ntsync_receiver_work_level(r),
						ntsync_waitq_level(&e->node)));
	ntsync_entry_measure_locked(e, &c->queueing);
	ntsync_waitq_erase(&c->pending, &e->node);
	c->nr_borrowing -= e->borrows;
	rb_add(&e->node.rb, &c->dispatched, id_before);
	c->nr_dispatched++;
	e->receiver = r;
	e->set = r->set;
	rb_add_cached(&e->of_receiver, &r->entries, handled_before);
}

static void undispatch(struct ntsync_channel_entry *e)
{
	rb_erase_cached(&e->of_receiver, &e->receiver->entries);
	/* What it has hidden may count again. */
	ntsync_channel_mark_stale_locked(e->channel, ntsync_receiver_work_level(e->receiver));
	e->receiver = NULL;
	rb_erase(&e->node.rb, &e->channel->dispatched);
	e->channel->nr_dispatched--;
}

/* It keeps its turn. */
void ntsync_entry_put_back_locked(struct ntsync_channel_entry *e)
{
	ntsync_assert_obj_lock(e->channel->obj);
	undispatch(e);
	ntsync_waitq_put_back(&e->channel->pending, &e->node);
	e->channel->nr_borrowing += e->borrows;
	ntsync_channel_mark_stale_locked(e->channel, ntsync_waitq_level(&e->node));
}

void ntsync_entry_remove_locked(struct ntsync_channel_entry *e)
{
	ntsync_assert_obj_lock(e->channel->obj);
	if (e->receiver) {
		undispatch(e);
	} else {
		ntsync_waitq_erase(&e->channel->pending, &e->node);
		e->channel->nr_borrowing -= e->borrows;
	}
	ntsync_channel_mark_stale_locked(e->channel, ntsync_waitq_level(&e->node));
}

/* Its sender inherits, or no more. Nothing if it is not queued yet, or is done with. */
void ntsync_entry_set_level_locked(struct ntsync_channel_entry *e, int level)
{
	ntsync_assert_obj_lock(e->channel->obj);
	if (e->receiver) {
		rb_erase_cached(&e->of_receiver, &e->receiver->entries);
		ntsync_waitq_set_level(&e->node, level);
		rb_add_cached(&e->of_receiver, &e->receiver->entries, handled_before);
	} else if (e->id && !ntsync_wait_claimed(e->wait)) {
		ntsync_waitq_move(&e->channel->pending, &e->node, level);
	}
}

/* Dispatched, by its id; or NULL. */
struct ntsync_channel_entry *ntsync_entry_find_locked(const struct ntsync_channel *c, u64 id)
{
	ntsync_assert_obj_lock(c->obj);
	return rb_entry_safe(rb_find(&id, &c->dispatched, compare_id),
			     struct ntsync_channel_entry, node.rb);
}
