// SPDX-License-Identifier: GPL-2.0-only
/*
 * WAIT_ANY: acquires the first of several objects that is signaled. A call that can acquire one, or
 * whose deadline has passed, does not queue, and allocates nothing once the task has a record and
 * its owner id is known. A ready semaphore takes 1,103 instructions; an ioctl that fails at once
 * takes 649 (docs/performance.md).
 */
#include "core_internal.h"
#include "lock.h"
#include "ticket.h"

/* The lowest index of an object that looks signaled, without its lock; @nr if there is none. */
static u32 peek_first_signaled(const struct ntsync_wait_req *req, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		if (ntsync_obj_peek(req->objs[i], req->owner))
			break;
	}
	return i;
}

/*
 * Acquires the object if it is signaled and none before it is. Those before it are looked at again:
 * one of them may have been signaled since, before this one was, and the lowest index wins.
 */
static __always_inline bool try_acquire_locked(const struct ntsync_wait_req *req, u32 index,
					       struct ntsync_acquirer *acquirer)
{
	struct ntsync_obj *obj = req->objs[index];

	if (!obj->ops->signaled(obj, req->owner) || peek_first_signaled(req, index) != index)
		return false;
	obj->ops->acquire(obj, acquirer);
	return true;
}

/* The slow path of try_acquire(); obj->lock is held. */
static noinline bool try_acquire_slow(const struct ntsync_wait_req *req, u32 index,
					struct ntsync_acquirer *acquirer)
{
	struct ntsync_section s __uninitialized;
	bool acquired;

	ntsync_section_begin_locked(&s, req->objs[index]);
	acquired = try_acquire_locked(req, index, acquirer);
	if (unlikely(acquirer->must_walk))
		ntsync_todo_add(&s.todo, acquirer->t);
	ntsync_obj_unlock(&s);
	return acquired;
}

static __always_inline bool try_acquire(const struct ntsync_wait_req *req, u32 index,
					struct ntsync_acquirer *acquirer)
{
	struct ntsync_obj *obj = req->objs[index];
	bool acquired;

	if (!ntsync_obj_lock_check_idle(obj))
		return try_acquire_slow(req, index, acquirer);
	acquired = try_acquire_locked(req, index, acquirer);
	ntsync_obj_unlock_idle(obj, false);
	return acquired;
}

/* Does not queue. -EAGAIN if no object is signaled. */
static __always_inline int try_any(struct ntsync_wait_req *req, struct ntsync_task *t)
{
	struct ntsync_acquirer acquirer = { .task = current, .t = t, .owner = req->owner,
				      .notify_only = req->notify_only };
	u32 nr = ntsync_req_entries(req);
	u32 i;

	while ((i = peek_first_signaled(req, nr)) < nr) {
		if (try_acquire(req, i, &acquirer)) {
			req->index = i;
			return ntsync_acquirer_result(&acquirer);
		}
	}
	return -EAGAIN;
}

static inline enum ntsync_call_kind get_call_kind(const struct ntsync_wait_req *req)
{
	return req->notify_only ? NTSYNC_CALL_AGGREGATE : NTSYNC_CALL_ANY;
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
	/*
	 * Before queueing: once in a channel's queue we may get a new notification, which must not
	 * be passed on.
	 */
	ntsync_notifications_pass_on(t);
	ntsync_wait_init(&w, req, t, entries, false);
	ntsync_pi_begin_wait(&w);
	while (queued < nr) {
		if (ntsync_wait_enqueue_any(&entries[queued], false))
			goto out;
		queued++;
	}
	ntsync_pi_before_sleep(&w);
	ret = ntsync_wait_sleep(&w, &req->deadline, req->polls);
out:
	while (queued--)
		ntsync_wait_dequeue_any(&entries[queued]);
	ntsync_pi_end_wait(&w);
	ntsync_wait_put_entries(entries, nr);
	ret = ntsync_wait_result(&w, ret, &req->index);
	ntsync_ticket_save(&w, req, get_call_kind(req), ret);
	return ret;
}

/**
 * ntsync_wait_any() - wait until one of the objects is signaled, and acquire it
 * @req: objects, alert, owner, deadline; @req->index is the result
 *
 * The lowest index that is signaled wins; the alert comes after the objects, the files after the
 * alert.
 *
 * Context: process; may sleep; the caller holds the objects.
 * Return: 0, -EOWNERDEAD (acquired, but abandoned), -ETIMEDOUT, -ERESTARTSYS,
 * -ENOMEM, -EBADF (current's process has closed one of the channels), or the error of a file's
 * poll.
 */
int ntsync_wait_any(struct ntsync_wait_req *req)
{
	struct ntsync_task *t = ntsync_wait_begin(req);
	int ret;

	if (unlikely(!t))
		return -ENOMEM;
	ntsync_ticket_take(t, req, get_call_kind(req));
	smp_mb(); /* (B), pairs with (A) in ntsync_obj_finish_change() */
	ret = try_any(req, t);
	if (ret != -EAGAIN)
		return ret;
	if (unlikely(req->polls) && ntsync_wait_files_ready(req->polls)) {
		req->index = NTSYNC_INDEX_POLLED;
		return 0;
	}
	if (ntsync_deadline_passed(&req->deadline))
		return -ETIMEDOUT;
	return block_any(req, t);
}
