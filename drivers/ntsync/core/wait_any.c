// SPDX-License-Identifier: GPL-2.0-only
/*
 * WAIT_ANY: the first of several objects that can be had.
 */
#include "core_internal.h"
#include "lock.h"
#include "ticket.h"

/* The lowest position that is ready at a look, @nr if there is none. */
static u32 first_ready(const struct ntsync_wait_req *req, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		if (ntsync_obj_peek(req->objs[i], req->owner))
			break;
	}
	return i;
}

/*
 * Takes the object if it can be had and nothing before it: since we looked there,
 * somebody may have signaled that one first and this one after it.
 */
static __always_inline bool try_acquire_locked(const struct ntsync_wait_req *req, u32 index,
					       struct ntsync_taker *taker)
{
	struct ntsync_obj *obj = req->objs[index];

	if (!obj->ops->signaled(obj, req->owner) || first_ready(req, index) != index)
		return false;
	obj->ops->acquire(obj, taker);
	return true;
}

/* If it is of interest to others too. */
static noinline bool try_acquire_shared(const struct ntsync_wait_req *req, u32 index,
					struct ntsync_taker *taker)
{
	struct ntsync_hold h __uninitialized;
	bool acquired;

	ntsync_obj_hold_locked(&h, req->objs[index]);
	acquired = try_acquire_locked(req, index, taker);
	if (unlikely(taker->boosted))
		ntsync_todo_add(&h.todo, taker->t);
	ntsync_obj_unhold(&h);
	return acquired;
}

static __always_inline bool try_acquire(const struct ntsync_wait_req *req, u32 index,
					struct ntsync_taker *taker)
{
	struct ntsync_obj *obj = req->objs[index];
	bool acquired;

	if (!ntsync_obj_lock_alone(obj))
		return try_acquire_shared(req, index, taker);
	acquired = try_acquire_locked(req, index, taker);
	ntsync_obj_unlock_alone(obj, false);
	return acquired;
}

/* No queueing. -EAGAIN if none is ready. */
static __always_inline int try_each(struct ntsync_wait_req *req, struct ntsync_task *t)
{
	struct ntsync_taker taker = { .task = current, .t = t, .owner = req->owner,
				      .notice = req->notice };
	u32 nr = ntsync_req_entries(req);
	u32 i;

	while ((i = first_ready(req, nr)) < nr) {
		if (try_acquire(req, i, &taker)) {
			req->index = i;
			return ntsync_taker_result(&taker);
		}
	}
	return -EAGAIN;
}

static inline enum ntsync_call_kind call_kind(const struct ntsync_wait_req *req)
{
	return req->notice ? NTSYNC_CALL_AGGREGATE : NTSYNC_CALL_ANY;
}

static noinline int block_any(struct ntsync_wait_req *req, struct ntsync_task *t)
{
	struct ntsync_wait_entry small[NTSYNC_SMALL_WAIT] __uninitialized, *entries;
	u32 queued = 0, nr = ntsync_req_entries(req);
	struct ntsync_wait w __uninitialized;
	int ret = 0;

	entries = ntsync_wait_get_entries(nr, small);
	if (!entries)
		return -ENOMEM;
	/* Not later: when we stand in a channel's queue we may be told of the next request. */
	ntsync_notices_hand_on(t);
	ntsync_wait_init(&w, req, t, entries, false);
	ntsync_pi_begin_wait(&w);
	while (queued < nr) {
		if (ntsync_wait_enqueue_any(&entries[queued], false))
			goto out;
		queued++;
	}
	ntsync_pi_block(&w);
	ret = ntsync_wait_sleep(&w, &req->deadline, req->polls);
out:
	while (queued--)
		ntsync_wait_dequeue_any(&entries[queued]);
	ntsync_pi_end_wait(&w);
	ntsync_wait_put_entries(entries, nr);
	ret = ntsync_wait_result(&w, ret, &req->index);
	ntsync_ticket_keep(&w, req, call_kind(req), ret);
	return ret;
}

/**
 * ntsync_wait_any() - wait until one of the objects can be had, and take it
 * @req: objects, alert, owner, deadline; @req->index is the answer
 *
 * The lowest position that is ready wins; the alert is the last one, and files come
 * after it.
 *
 * Context: process; may sleep; the caller keeps the objects.
 * Return: 0, -EOWNERDEAD (acquired, but abandoned), -ETIMEDOUT, -ERESTARTSYS,
 * -ENOMEM, or what the poll of a file failed with.
 */
int ntsync_wait_any(struct ntsync_wait_req *req)
{
	struct ntsync_task *t = ntsync_wait_begin(req);
	int ret;

	if (unlikely(!t))
		return -ENOMEM;
	ntsync_ticket_take(t, req, call_kind(req));
	/* See ntsync_obj_peek(). */
	smp_mb();
	ret = try_each(req, t);
	if (ret != -EAGAIN)
		return ret;
	if (unlikely(req->polls) && ntsync_polls_ready(req->polls)) {
		req->index = NTSYNC_INDEX_URING_READY;
		return 0;
	}
	if (ntsync_deadline_passed(&req->deadline))
		return -ETIMEDOUT;
	return block_any(req, t);
}
