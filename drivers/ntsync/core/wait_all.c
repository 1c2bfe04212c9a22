// SPDX-License-Identifier: GPL-2.0-only
/*
 * WAIT_ALL: all objects at the same moment, or nothing. While a call looks at an
 * object it counts in obj->all_waits, which makes everybody else come to all_lock
 * first; lock.h draws why no more than one raw lock is needed at a time.
 */
#include <linux/bitmap.h>

#include "core_internal.h"
#include "lock.h"
#include "pi/source.h"
#include "ticket.h"

/* Joins; true if the object can be had. The answer stays true under all_lock. */
bool ntsync_wait_all_join(struct ntsync_obj *obj, u32 owner)
{
	struct ntsync_hold h __uninitialized;
	bool signaled;

	ntsync_obj_hold_all_locked(&h, obj);
	obj->all_waits++;
	signaled = obj->ops->signaled(obj, owner);
	ntsync_obj_unhold(&h);
	return signaled;
}

static bool join_each(const struct ntsync_wait_req *req)
{
	bool signaled = true;
	u32 i;

	for (i = 0; i < req->count; i++)
		signaled &= ntsync_wait_all_join(req->objs[i], req->owner);
	return signaled;
}

void ntsync_wait_all_leave(struct ntsync_obj *obj)
{
	guard(raw_spinlock)(&obj->lock);
	obj->all_waits--;
}

static void leave_each(const struct ntsync_wait_req *req)
{
	u32 i;

	for (i = 0; i < req->count; i++)
		ntsync_wait_all_leave(req->objs[i]);
}

/*
 * Takes them, and leaves each as soon as it has it: who gets to see one that is taken
 * waits for all_lock at those that are not yet.
 */
static void acquire_each(const struct ntsync_wait_req *req, struct ntsync_taker *taker)
{
	u32 i;

	for (i = 0; i < req->count; i++) {
		struct ntsync_obj *obj = req->objs[i];

		guard(raw_spinlock)(&obj->lock);
		obj->ops->acquire(obj, taker);
		obj->all_waits--;
	}
}

static bool try_alert(struct ntsync_wait_req *req, struct ntsync_taker *taker)
{
	struct ntsync_obj *alert = req->objs[req->count];
	struct ntsync_hold h __uninitialized;
	bool signaled;

	ntsync_obj_hold_all_locked(&h, alert);
	signaled = alert->ops->signaled(alert, req->owner);
	if (signaled)
		alert->ops->acquire(alert, taker);
	ntsync_obj_unhold(&h);
	return signaled;
}

static bool peek(const struct ntsync_wait_req *req)
{
	u32 i;

	if (req->alert && ntsync_obj_peek(req->objs[req->count], req->owner))
		return true;
	for (i = 0; i < req->count; i++) {
		if (!ntsync_obj_peek(req->objs[i], req->owner))
			return false;
	}
	return true;
}

static bool try_all_locked(struct ntsync_wait_req *req, struct ntsync_taker *taker)
{
	bool signaled = false;

	if (join_each(req)) {
		req->index = 0;
		acquire_each(req, taker);
		return true;
	}
	if (req->alert) {
		req->index = req->count;
		signaled = try_alert(req, taker);
	}
	leave_each(req);
	return signaled;
}

/* One look at all, no queueing. -EAGAIN if neither they nor the alert are ready. */
static int try_all(struct ntsync_device *dev, struct ntsync_wait_req *req, struct ntsync_task *t)
{
	struct ntsync_taker taker = { .task = current, .t = t, .owner = req->owner };
	bool taken;

	/* See ntsync_obj_peek(). */
	smp_mb();
	if (!peek(req))
		return -EAGAIN;
	scoped_guard(ntsync_all_lock, dev) {
		taken = try_all_locked(req, &taker);
		/* Before others can signal what somebody else is still waiting for. */
		if (unlikely(taker.boosted))
			ntsync_pi_update(t);
	}
	return taken ? ntsync_taker_result(&taker) : -EAGAIN;
}

static void queue_entry(struct ntsync_wait_entry *e)
{
	struct ntsync_obj *obj = e->obj;
	struct ntsync_todo todo;

	ntsync_waitq_insert_at(&obj->all, &e->node, ntsync_task_level(current),
			       ntsync_wait_arrival(e->wait, obj->dev));
	if (!obj->ops->owned)
		return;
	todo.nr = 0;
	scoped_guard(raw_spinlock, &obj->lock)
		obj->ops->source->add(e, &todo);
	ntsync_pi_walk(&todo);
}

/* Into all queues, or the end of the wait if it turns out that it is over. */
static bool enqueue(struct ntsync_device *dev, struct ntsync_wait *w,
		    const struct ntsync_wait_req *req)
{
	u32 i;

	guard(ntsync_all_lock)(dev);
	if (join_each(req)) {
		atomic_set(&w->claim, 0);
		acquire_each(req, &w->taker);
		/* As in try_all(). */
		if (unlikely(w->taker.boosted))
			ntsync_pi_update(w->taker.t);
		return true;
	}
	if (req->alert && ntsync_wait_enqueue_any(&w->entries[w->count], true)) {
		leave_each(req);
		return true;
	}
	for (i = 0; i < w->count; i++)
		queue_entry(&w->entries[i]);
	return false;
}

static void dequeue_entry(struct ntsync_wait_entry *e)
{
	struct ntsync_obj *obj = e->obj;
	struct ntsync_todo todo;

	ntsync_waitq_erase(&obj->all, &e->node);
	if (!obj->ops->owned)
		return;
	todo.nr = 0;
	scoped_guard(raw_spinlock, &obj->lock)
		obj->ops->source->remove(e, &todo);
	ntsync_pi_walk(&todo);
}

static void dequeue(struct ntsync_device *dev, struct ntsync_wait *w,
		    const struct ntsync_wait_req *req)
{
	u32 i;

	if (req->alert)
		ntsync_wait_dequeue_any(&w->entries[w->count]);
	/* Pairs with grant_all() in wake.c: what it has written is ours then. */
	if (smp_load_acquire(&w->left))
		return;

	guard(ntsync_all_lock)(dev);
	if (w->left)
		return;
	for (i = 0; i < w->count; i++)
		dequeue_entry(&w->entries[i]);
	leave_each(req);
}

static noinline int block_all(struct ntsync_device *dev, struct ntsync_wait_req *req,
			      struct ntsync_task *t)
{
	struct ntsync_wait_entry small[NTSYNC_SMALL_WAIT] __uninitialized, *entries;
	u32 nr = ntsync_req_entries(req);
	struct ntsync_wait w __uninitialized;
	int ret = 0;

	entries = ntsync_wait_get_entries(nr, small);
	if (!entries)
		return -ENOMEM;
	ntsync_wait_init(&w, req, t, entries, true);
	ntsync_pi_begin_wait(&w);
	if (!enqueue(dev, &w, req)) {
		ntsync_notices_hand_on(t);
		ntsync_pi_block(&w);
		ret = ntsync_wait_sleep(&w, &req->deadline, req->polls);
		dequeue(dev, &w, req);
	}
	ntsync_pi_end_wait(&w);
	ntsync_wait_put_entries(entries, nr);
	ret = ntsync_wait_result(&w, ret, &req->index);
	ntsync_ticket_keep(&w, req, NTSYNC_CALL_ALL, ret);
	return ret;
}

#define SEEN_BITS	9

/*
 * The alert counts as one of them. Two thousand comparisons among 64 objects would be
 * a tenth of the call, so only those are compared that may be the same. Objects that were
 * made one after the other have numbers one after the other.
 */
static bool has_duplicate(const struct ntsync_wait_req *req)
{
	DECLARE_BITMAP(seen, 1 << SEEN_BITS) = {};
	u32 i, j, nr = ntsync_req_entries(req);

	for (i = 0; i < nr; i++) {
		if (!__test_and_set_bit(req->objs[i]->id % (1 << SEEN_BITS), seen))
			continue;
		for (j = 0; j < i; j++) {
			if (req->objs[i] == req->objs[j])
				return true;
		}
	}
	return false;
}

/**
 * ntsync_wait_all() - wait until all objects can be had at once, and take them
 * @dev: the instance; all objects are its own
 * @req: objects, alert, owner, deadline; @req->index is the answer
 *
 * Takes nothing until it can take all. Without objects it succeeds at once and
 * does not look at the alert.
 *
 * Context: process; may sleep; the caller keeps the objects.
 * Return: 0, -EOWNERDEAD (acquired, but one or more had been abandoned), -EINVAL
 * (an object twice), -ETIMEDOUT, -ERESTARTSYS, -ENOMEM.
 */
int ntsync_wait_all(struct ntsync_device *dev, struct ntsync_wait_req *req)
{
	struct ntsync_task *t;
	int ret;

	if (has_duplicate(req))
		return -EINVAL;
	t = ntsync_wait_begin(req);
	if (unlikely(!t))
		return -ENOMEM;
	ntsync_ticket_take(t, req, NTSYNC_CALL_ALL);
	if (!req->count) {
		req->index = 0;
		return 0;
	}
	ret = try_all(dev, req, t);
	if (ret != -EAGAIN)
		return ret;
	if (unlikely(req->polls) && ntsync_polls_ready(req->polls)) {
		req->index = NTSYNC_INDEX_URING_READY;
		return 0;
	}
	if (ntsync_deadline_passed(&req->deadline))
		return -ETIMEDOUT;
	return block_all(dev, req, t);
}
