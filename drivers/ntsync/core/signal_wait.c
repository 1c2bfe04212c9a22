// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIGNAL_AND_WAIT: signals one object and begins to wait for another, and nobody gets in
 * between. It counts as a wait-all of both while it does so, which makes everybody who
 * wants to change either of them come to all_lock first:
 *
 *   current				somebody that it wakes
 *
 *   lock(all_lock), joins both
 *   signals the one			runs
 *					changes the other: lock(all_lock), waits
 *   takes the other, or is in its
 *   queue
 *   leaves both, unlock(all_lock)
 *					finds it taken, or current in the queue
 */
#include "core_internal.h"
#include "lock.h"
#include "ticket.h"

/* True if the wait is over already. */
static bool queue(struct ntsync_wait *w)
{
	u32 i;

	for (i = 0; i < w->nr; i++) {
		if (ntsync_wait_enqueue_any(&w->entries[i], true))
			return true;
	}
	return false;
}

static int signal(struct ntsync_obj *obj, u32 owner)
{
	struct ntsync_hold h __uninitialized;
	int ret;

	ntsync_obj_hold_all_locked(&h, obj);
	ret = obj->ops->signal(&h, owner);
	ntsync_obj_unhold(&h);
	return ret;
}

/* 0 if the wait has begun, 1 if it is over, or why the signal failed: nothing was done. */
static int signal_and_queue(struct ntsync_device *dev, struct ntsync_obj *obj,
			    struct ntsync_wait *w)
{
	struct ntsync_obj *other = w->entries[0].obj;
	int ret;

	guard(ntsync_all_lock)(dev);
	ntsync_wait_all_join(obj, w->taker.owner);
	ntsync_wait_all_join(other, w->taker.owner);
	ret = signal(obj, w->taker.owner);
	if (!ret)
		ret = queue(w);
	ntsync_wait_all_leave(other);
	ntsync_wait_all_leave(obj);
	return ret;
}

static int wait(struct ntsync_wait *w, const struct ntsync_wait_req *req)
{
	ntsync_notices_hand_on(w->taker.t);
	ntsync_pi_block(w);
	return ntsync_wait_sleep(w, &req->deadline, NULL);
}

static void dequeue(struct ntsync_wait *w)
{
	u32 i;

	for (i = 0; i < w->nr; i++)
		ntsync_wait_dequeue_any(&w->entries[i]);
}

/**
 * ntsync_signal_and_wait() - signal an object and begin to wait for another, in one step
 * @dev: the instance; all objects are its own
 * @obj: what is signaled: an event is set, a semaphore or mutex released once
 * @req: what is waited for, one object, and the alert; owner; deadline; @req->index is
 *	the answer
 *
 * Context: process; may sleep; the caller keeps the objects.
 * Return: -EOVERFLOW (semaphore), -EPERM (mutex): nothing was done. Else it was signaled,
 * and: 0, -EOWNERDEAD, -ETIMEDOUT, -ERESTARTSYS (the wait alone may be made again: the
 * signal was made), -ENOMEM (nothing to sleep with).
 */
int ntsync_signal_and_wait(struct ntsync_device *dev, struct ntsync_obj *obj,
			   struct ntsync_wait_req *req)
{
	struct ntsync_wait_entry entries[2];
	struct ntsync_wait w __uninitialized;
	struct ntsync_task *t = ntsync_wait_begin(req);
	int ret;

	if (!t)
		return -ENOMEM;
	ntsync_ticket_take(t, req, NTSYNC_CALL_SIGNAL_AND_WAIT);
	ntsync_wait_init(&w, req, t, entries, false);
	ntsync_pi_begin_wait(&w);
	ret = signal_and_queue(dev, obj, &w);
	ntsync_pi_update_own(t);
	if (ret < 0) {
		ntsync_pi_end_wait(&w);
		return ret;
	}
	if (!ret)
		ret = wait(&w, req);
	dequeue(&w);
	ntsync_pi_end_wait(&w);
	ret = ntsync_wait_result(&w, ret, &req->index);
	/* What is left to do is a wait-any. */
	ntsync_ticket_keep(&w, req, NTSYNC_CALL_ANY, ret);
	return ret;
}
