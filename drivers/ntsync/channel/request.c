// SPDX-License-Identifier: GPL-2.0-only
/*
 * The containers of a channel's entries: pending ones by (priority, arrival), dispatched ones by
 * id, those of one receiver by (newest set, contribution, id), and pending ones that contribute to
 * receivers by (contribution, id). Each function takes O(log entries) under obj->lock. Those that
 * add or remove mark the channel: receivers may inherit something else now.
 *
 * Of contributions with the same priority the one with the fewest hops is first, whichever arrived
 * first. Otherwise, in a cycle of channels, a request whose priority has come round the cycle could
 * sort before the one that it came from. The walk would drop it at NTSYNC_MAX_HOPS, find the
 * original, and begin again.
 */
#include <linux/slab.h>

#include "receiver.h"

static struct kmem_cache *cache;

int ntsync_requests_init(void)
{
	cache = ntsync_cache_create("ntsync_request", sizeof(struct ntsync_request));
	return cache ? 0 : -ENOMEM;
}

/* No file is open, so no entry is allocated. */
void ntsync_requests_exit(void)
{
	kmem_cache_destroy(cache);
}

struct ntsync_request *ntsync_request_alloc(void)
{
	return kmem_cache_zalloc(cache, GFP_KERNEL_ACCOUNT);
}

void ntsync_request_free(struct ntsync_request *e)
{
	kmem_cache_free(cache, e);
}

/* The priority that the sender asked for, without what it inherits. */
int ntsync_request_requested_prio(const struct ntsync_request *e)
{
	return e->prio ? MAX_RT_PRIO - 1 - e->prio : MAX_RT_PRIO;
}

static bool id_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_request, node.rb)->id <
	       rb_entry(b, struct ntsync_request, node.rb)->id;
}

static int compare_id(const void *key, const struct rb_node *node)
{
	const struct ntsync_request *e =
		rb_entry(node, struct ntsync_request, node.rb);
	u64 id = *(const u64 *)key;

	return id < e->id ? -1 : id > e->id;
}

static bool contributes_before(struct rb_node *a, const struct rb_node *b)
{
	const struct ntsync_request *l =
		rb_entry(a, struct ntsync_request, contrib_node);
	const struct ntsync_request *r =
		rb_entry(b, struct ntsync_request, contrib_node);

	if (l->set != r->set)
		return l->set > r->set;
	if (l->key != r->key)
		return l->key < r->key;
	return l->id < r->id;
}

/* What a request with this priority contributes. */
static u32 make_contrib_key(const struct ntsync_request *e, int prio)
{
	if (prio == MAX_RT_PRIO)
		return NTSYNC_NO_CONTRIB;
	if (prio == ntsync_request_requested_prio(e))
		return ntsync_contrib_key(prio, 1);
	if (e->wait->hops >= NTSYNC_MAX_HOPS)
		return NTSYNC_NO_CONTRIB;
	return ntsync_contrib_key(prio, e->wait->hops + 1);
}

static void add_contrib(struct ntsync_request *e)
{
	if (e->receiver)
		rb_add_cached(&e->contrib_node, &e->receiver->entries, contributes_before);
	else if (e->key != NTSYNC_NO_CONTRIB)
		rb_add_cached(&e->contrib_node, &e->channel->contributing, contributes_before);
}

static void remove_contrib(struct ntsync_request *e)
{
	if (e->receiver)
		rb_erase_cached(&e->contrib_node, &e->receiver->entries);
	else if (e->key != NTSYNC_NO_CONTRIB)
		rb_erase_cached(&e->contrib_node, &e->channel->contributing);
}

/* Adds the time since the request was queued. */
void ntsync_request_add_latency_locked(const struct ntsync_request *e, struct ntsync_latency *l)
{
	u64 ns = ktime_get_ns() - e->sent;

	ntsync_assert_obj_lock(e->channel->obj);
	l->nr++;
	l->sum += ns;
	l->max = max(l->max, ns);
}

/* The arrival is new, or the one that an interrupted call of the sender has kept. */
void ntsync_request_queue_locked(struct ntsync_request *e, int inherited)
{
	struct ntsync_channel *c = e->channel;
	int prio = min(ntsync_request_requested_prio(e), inherited);

	ntsync_assert_obj_lock(c->obj);
	e->id = ++c->last_id;
	e->sent = ktime_get_ns();
	ntsync_waitq_insert_at(&c->pending, &e->node, prio,
			       ntsync_wait_arrival(e->wait, c->obj->dev));
	e->key = make_contrib_key(e, prio);
	add_contrib(e);
	c->nr_borrowing += e->borrows_file;
	ntsync_channel_mark_for_update_locked(c, ntsync_waitq_prio(&e->node));
}

void ntsync_request_dispatch_locked(struct ntsync_request *e, struct ntsync_receiver *r)
{
	struct ntsync_channel *c = e->channel;

	ntsync_assert_obj_lock(c->obj);
	ntsync_channel_mark_for_update_locked(c, min(ntsync_receiver_work_prio(r),
						     ntsync_waitq_prio(&e->node)));
	ntsync_request_add_latency_locked(e, &c->queueing);
	ntsync_waitq_erase(&c->pending, &e->node);
	remove_contrib(e);
	c->nr_borrowing -= e->borrows_file;
	rb_add(&e->node.rb, &c->dispatched, id_before);
	c->nr_dispatched++;
	e->receiver = r;
	e->set = r->set;
	add_contrib(e);
}

static void undispatch_entry(struct ntsync_request *e)
{
	remove_contrib(e);
	/* The receiver may inherit from an older set again. */
	ntsync_channel_mark_for_update_locked(e->channel, ntsync_receiver_work_prio(e->receiver));
	e->receiver = NULL;
	rb_erase(&e->node.rb, &e->channel->dispatched);
	e->channel->nr_dispatched--;
}

/* Back to pending, with the old arrival. */
void ntsync_request_put_back_locked(struct ntsync_request *e)
{
	ntsync_assert_obj_lock(e->channel->obj);
	undispatch_entry(e);
	e->set = 0;
	ntsync_waitq_put_back(&e->channel->pending, &e->node);
	add_contrib(e);
	e->channel->nr_borrowing += e->borrows_file;
	ntsync_channel_mark_for_update_locked(e->channel, ntsync_waitq_prio(&e->node));
}

void ntsync_request_remove_locked(struct ntsync_request *e)
{
	ntsync_assert_obj_lock(e->channel->obj);
	if (e->receiver) {
		undispatch_entry(e);
	} else {
		ntsync_waitq_erase(&e->channel->pending, &e->node);
		remove_contrib(e);
		e->channel->nr_borrowing -= e->borrows_file;
	}
	ntsync_channel_mark_for_update_locked(e->channel, ntsync_waitq_prio(&e->node));
}

/*
 * What the sender inherits has changed. Nothing happens to an entry that is not queued yet or that
 * has ended.
 */
void ntsync_request_set_prio_locked(struct ntsync_request *e, int prio)
{
	u32 key = make_contrib_key(e, prio);

	ntsync_assert_obj_lock(e->channel->obj);
	if (!e->receiver && (!e->id || ntsync_wait_claimed(e->wait)))
		return;
	if (key == e->key && prio == ntsync_waitq_prio(&e->node))
		return;
	remove_contrib(e);
	e->key = key;
	if (e->receiver)
		ntsync_waitq_set_prio(&e->node, prio);
	else
		ntsync_waitq_requeue(&e->channel->pending, &e->node, prio);
	add_contrib(e);
}

/* The dispatched entry with this id, or NULL. */
struct ntsync_request *ntsync_request_find_locked(const struct ntsync_channel *c, u64 id)
{
	ntsync_assert_obj_lock(c->obj);
	return rb_entry_safe(rb_find(&id, &c->dispatched, compare_id),
			     struct ntsync_request, node.rb);
}
