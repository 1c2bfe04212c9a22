// SPDX-License-Identifier: GPL-2.0-only
/*
 * The containers of a channel's requests: pending ones by (priority, arrival), dispatched ones by
 * id, those of one receiver by (newest set, contribution, id), and pending ones that contribute to
 * receivers by (contribution, id). Each function takes O(log requests) under obj->lock. Those that
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

/* No file is open, so no request is allocated. */
void ntsync_requests_exit(void)
{
	kmem_cache_destroy(cache);
}

struct ntsync_request *ntsync_request_alloc(void)
{
	return kmem_cache_zalloc(cache, GFP_KERNEL_ACCOUNT);
}

void ntsync_request_free(struct ntsync_request *req)
{
	kmem_cache_free(cache, req);
}

/* The priority that the sender asked for, without what it inherits. */
int ntsync_request_requested_prio(const struct ntsync_request *req)
{
	return req->prio ? MAX_RT_PRIO - 1 - req->prio : MAX_RT_PRIO;
}

static bool id_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_request, node.rb)->id <
	       rb_entry(b, struct ntsync_request, node.rb)->id;
}

static int compare_id(const void *key, const struct rb_node *node)
{
	const struct ntsync_request *req =
		rb_entry(node, struct ntsync_request, node.rb);
	u64 id = *(const u64 *)key;

	return id < req->id ? -1 : id > req->id;
}

static bool contributes_before(struct rb_node *a, const struct rb_node *b)
{
	const struct ntsync_request *l =
		rb_entry(a, struct ntsync_request, contrib_node);
	const struct ntsync_request *r =
		rb_entry(b, struct ntsync_request, contrib_node);

	if (l->set != r->set)
		return l->set > r->set;
	if (l->rank != r->rank)
		return l->rank < r->rank;
	return l->id < r->id;
}

/* What a request with this priority contributes. */
static u32 make_contrib_rank(const struct ntsync_request *req, int prio)
{
	if (prio == MAX_RT_PRIO)
		return NTSYNC_NO_CONTRIB;
	if (prio == ntsync_request_requested_prio(req))
		return ntsync_contrib_rank(prio, 1);
	return ntsync_contrib_pass_on(prio, req->wait->hops);
}

static void add_contrib(struct ntsync_request *req)
{
	if (req->receiver)
		rb_add_cached(&req->contrib_node, &req->receiver->requests, contributes_before);
	else if (req->rank != NTSYNC_NO_CONTRIB)
		rb_add_cached(&req->contrib_node, &req->channel->contributing, contributes_before);
}

static void remove_contrib(struct ntsync_request *req)
{
	if (req->receiver)
		rb_erase_cached(&req->contrib_node, &req->receiver->requests);
	else if (req->rank != NTSYNC_NO_CONTRIB)
		rb_erase_cached(&req->contrib_node, &req->channel->contributing);
}

/* Adds the time since the request was queued. */
void ntsync_request_add_latency_locked(const struct ntsync_request *req, struct ntsync_latency *l)
{
	u64 ns = ktime_get_ns() - req->sent;

	ntsync_assert_obj_lock(req->channel->obj);
	l->nr++;
	l->sum += ns;
	l->max = max(l->max, ns);
}

/* The arrival is new, or the one that an interrupted call of the sender has kept. */
void ntsync_request_queue_locked(struct ntsync_request *req, int inherited)
{
	struct ntsync_channel *c = req->channel;
	int prio = min(ntsync_request_requested_prio(req), inherited);

	ntsync_assert_obj_lock(c->obj);
	req->id = ++c->last_id;
	req->sent = ktime_get_ns();
	ntsync_waitq_insert_at(&c->pending, &req->node, prio,
			       ntsync_wait_arrival(req->wait, c->obj->dev));
	req->rank = make_contrib_rank(req, prio);
	add_contrib(req);
	c->nr_borrowing += req->borrows_file;
	ntsync_channel_mark_for_update_locked(c, ntsync_waitq_prio(&req->node));
}

void ntsync_request_dispatch_locked(struct ntsync_request *req, struct ntsync_receiver *r)
{
	struct ntsync_channel *c = req->channel;

	ntsync_assert_obj_lock(c->obj);
	ntsync_channel_mark_for_update_locked(c, min(ntsync_receiver_work_prio(r),
						     ntsync_waitq_prio(&req->node)));
	ntsync_request_add_latency_locked(req, &c->queueing);
	ntsync_waitq_erase(&c->pending, &req->node);
	remove_contrib(req);
	c->nr_borrowing -= req->borrows_file;
	rb_add(&req->node.rb, &c->dispatched, id_before);
	c->nr_dispatched++;
	req->receiver = r;
	req->set = r->set;
	add_contrib(req);
}

static void undispatch_request(struct ntsync_request *req)
{
	struct ntsync_channel *c = req->channel;

	remove_contrib(req);
	/* The receiver may inherit from an older set again. */
	ntsync_channel_mark_for_update_locked(c, ntsync_receiver_work_prio(req->receiver));
	req->receiver = NULL;
	rb_erase(&req->node.rb, &c->dispatched);
	c->nr_dispatched--;
}

/* Back to pending, with the old arrival. */
void ntsync_request_put_back_locked(struct ntsync_request *req)
{
	ntsync_assert_obj_lock(req->channel->obj);
	undispatch_request(req);
	req->set = 0;
	ntsync_waitq_put_back(&req->channel->pending, &req->node);
	add_contrib(req);
	req->channel->nr_borrowing += req->borrows_file;
	ntsync_channel_mark_for_update_locked(req->channel, ntsync_waitq_prio(&req->node));
}

void ntsync_request_remove_locked(struct ntsync_request *req)
{
	ntsync_assert_obj_lock(req->channel->obj);
	if (req->receiver) {
		undispatch_request(req);
	} else {
		ntsync_waitq_erase(&req->channel->pending, &req->node);
		remove_contrib(req);
		req->channel->nr_borrowing -= req->borrows_file;
	}
	ntsync_channel_mark_for_update_locked(req->channel, ntsync_waitq_prio(&req->node));
}

/*
 * What the sender inherits has changed. Nothing happens to a request that is not queued yet or that
 * has ended.
 */
void ntsync_request_set_prio_locked(struct ntsync_request *req, int prio)
{
	u32 rank = make_contrib_rank(req, prio);

	ntsync_assert_obj_lock(req->channel->obj);
	if (!req->receiver && (!req->id || ntsync_wait_claimed(req->wait)))
		return;
	if (rank == req->rank && prio == ntsync_waitq_prio(&req->node))
		return;
	remove_contrib(req);
	req->rank = rank;
	if (req->receiver)
		ntsync_waitq_set_prio(&req->node, prio);
	else
		ntsync_waitq_requeue(&req->channel->pending, &req->node, prio);
	add_contrib(req);
}

/* The dispatched request with this id, or NULL. */
struct ntsync_request *ntsync_request_find_locked(const struct ntsync_channel *c, u64 id)
{
	ntsync_assert_obj_lock(c->obj);
	return rb_entry_safe(rb_find(&id, &c->dispatched, compare_id),
			     struct ntsync_request, node.rb);
}
