// SPDX-License-Identifier: GPL-2.0-only
/*
 * WAIT_ANY: the first of several objects that can be had.
 */
#include "lock.h"
#include "ntsync_internal.h"

/* Take it if it can be had now. */
static bool try_acquire(struct ntsync_obj *obj, struct ntsync_taker *taker)
{
	struct ntsync_hold h;
	bool signaled;

	if (!ntsync_obj_peek(obj, taker->owner))
		return false;
	ntsync_obj_hold(&h, obj);
	signaled = obj->ops->signaled(obj, taker->owner);
	if (signaled)
		obj->ops->acquire(obj, taker);
	ntsync_obj_unhold(&h);
	return signaled;
}

/* One look at each, no queueing. -EAGAIN if none is ready. */
static int try_each(struct ntsync_wait_req *req)
{
	struct ntsync_taker taker = { .task = current, .owner = req->owner };
	u32 i;

	for (i = 0; i < ntsync_req_entries(req); i++) {
		if (try_acquire(req->objs[i], &taker)) {
			req->index = i;
			return ntsync_taker_result(&taker);
		}
	}
	return -EAGAIN;
}

static int block_any(struct ntsync_wait_req *req, struct ntsync_wait_entry *entries)
{
	struct ntsync_wait w;
	u32 queued = 0;
	int ret = 0;

	ntsync_wait_init(&w, req, entries, false);
	while (queued < ntsync_req_entries(req)) {
		if (ntsync_wait_enqueue_any(&entries[queued], false))
			goto out;
		queued++;
	}
	ret = ntsync_pi_block(&w);
	if (!ret)
		ret = ntsync_wait_sleep(&w, &req->deadline);
out:
	while (queued--)
		ntsync_wait_dequeue_any(&entries[queued]);
	ntsync_pi_unblock(&w);
	return ntsync_wait_result(&w, ret, &req->index);
}

/**
 * ntsync_wait_any() - wait until one of the objects can be had, and take it
 * @req: objects, alert, owner, deadline; @req->index is the answer
 *
 * The lowest position that is ready wins; the alert is the last one.
 *
 * Context: process; may sleep; the caller keeps the objects.
 * Return: 0, -EOWNERDEAD (acquired, but abandoned), -ETIMEDOUT, -ERESTARTSYS,
 * -ENOMEM.
 */
int ntsync_wait_any(struct ntsync_wait_req *req)
{
	int ret;

	ntsync_boost_end();
	ret = try_each(req);
	if (ret != -EAGAIN)
		return ret;
	if (ntsync_deadline_passed(&req->deadline))
		return -ETIMEDOUT;
	return ntsync_wait_with_entries(req, block_any);
}
