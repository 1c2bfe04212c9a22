// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIGNAL_AND_WAIT: signals one object and begins to wait for another in one step. The call raises
 * all_lock_users of both, as a wait-all does, so that other calls change them under all_lock only:
 *
 *   current				a task that it wakes
 *
 *   lock(all_lock), all_lock_users++
 *   signals the first object		runs
 *					changes the second: lock(all_lock), waits
 *   acquires the second, or is queued
 *   all_lock_users--, unlock(all_lock)
 *					finds the second acquired, or current in its queue
 */
#include "core_internal.h"
#include "lock.h"
#include "ticket.h"

/* True if the wait is over: one of the objects was acquired. */
static bool acquire_or_enqueue(struct ntsync_wait *w)
{
	u32 i;

	for (i = 0; i < w->nr; i++) {
		if (ntsync_wait_enqueue_any(&w->entries[i], true))
			return true;
	}
	return false;
}

static int signal_obj(struct ntsync_obj *obj, u32 owner)
{
	struct ntsync_section s __uninitialized;
	int ret;

	ntsync_obj_lock_all_locked(&s, obj);
	ret = obj->ops->signal(&s, owner);
	ntsync_obj_unlock(&s);
	return ret;
}

/* 0: the wait has begun; 1: it is over; an error: the signal failed and nothing was done. */
static int signal_and_queue(struct ntsync_device *dev, struct ntsync_obj *obj,
			    struct ntsync_wait *w)
{
	struct ntsync_obj *other = w->entries[0].obj;
	int ret;

	guard(ntsync_all_lock)(dev);
	ntsync_obj_add_all_lock_user(obj, w->acquirer.owner);
	ntsync_obj_add_all_lock_user(other, w->acquirer.owner);
	ret = signal_obj(obj, w->acquirer.owner);
	if (!ret)
		ret = acquire_or_enqueue(w);
	ntsync_obj_remove_all_lock_user(other);
	ntsync_obj_remove_all_lock_user(obj);
	return ret;
}

static int sleep_in_queues(struct ntsync_wait *w, const struct ntsync_wait_req *req)
{
	ntsync_notifications_pass_on(w->acquirer.t);
	ntsync_pi_before_sleep(w);
	return ntsync_wait_sleep(w, &req->deadline, NULL);
}

static void dequeue_entries(struct ntsync_wait *w)
{
	u32 i;

	for (i = 0; i < w->nr; i++)
		ntsync_wait_dequeue_any(&w->entries[i]);
}

/**
 * ntsync_signal_and_wait() - signal an object and begin to wait for another, in one step
 * @dev: the instance of all objects
 * @obj: the object to signal: an event is set, a semaphore or mutex released once
 * @req: one object to wait for, alert, owner, deadline; @req->index is the result
 *
 * Context: process; may sleep; the caller holds the objects.
 * Return: -EOVERFLOW (semaphore), -EPERM (mutex), -ENOMEM: nothing was done. Otherwise the object
 * was signaled, and: 0, -EOWNERDEAD, -ETIMEDOUT, -ERESTARTSYS (only the wait may be made again).
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
	/* Drops a ticket of an earlier call; none of this kind is ever saved, see below. */
	ntsync_ticket_take(t, req, NTSYNC_CALL_SIGNAL_AND_WAIT);
	ntsync_wait_init(&w, req, t, entries, false);
	ntsync_pi_begin_wait(&w);
	ret = signal_and_queue(dev, obj, &w);
	ntsync_pi_walk_own(t);
	if (ret < 0) {
		ntsync_pi_end_wait(&w);
		return ret;
	}
	if (!ret)
		ret = sleep_in_queues(&w, req);
	dequeue_entries(&w);
	ntsync_pi_end_wait(&w);
	ret = ntsync_wait_result(&w, ret, &req->index);
	/* The wait that is left to do is a WAIT_ANY. */
	ntsync_ticket_save(&w, req, NTSYNC_CALL_ANY, ret);
	return ret;
}
