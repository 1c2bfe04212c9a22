// SPDX-License-Identifier: GPL-2.0-only
/*
 * WAIT_ALL: acquires all objects at the same moment, or none. A call raises obj->all_lock_users of
 * each of its objects before it looks at them, so that other calls change them under all_lock only.
 * lock.h draws how all_lock keeps the states, so that a call never holds two obj->locks.
 */
#include <linux/bitmap.h>

#include "core_internal.h"
#include "lock.h"
#include "pi/source.h"
#include "ticket.h"

/*
 * While an object has such users, each change of it takes all_lock. True if the object is signaled:
 * that stays true while all_lock is held.
 */
bool ntsync_obj_add_all_lock_user(struct ntsync_obj *obj, u32 owner)
{
	struct ntsync_section s __uninitialized;
	bool signaled;

	ntsync_obj_lock_all_locked(&s, obj);
	obj->all_lock_users++;
	signaled = obj->ops->signaled(obj, owner);
	ntsync_obj_unlock(&s);
	return signaled;
}

static bool join_objs(const struct ntsync_wait_req *req)
{
	bool signaled = true;
	u32 i;

	for (i = 0; i < req->count; i++)
		signaled &= ntsync_obj_add_all_lock_user(req->objs[i], req->owner);
	return signaled;
}

void ntsync_obj_remove_all_lock_user(struct ntsync_obj *obj)
{
	guard(raw_spinlock)(&obj->lock);
	obj->all_lock_users--;
}

static void leave_objs(const struct ntsync_wait_req *req)
{
	u32 i;

	for (i = 0; i < req->count; i++)
		ntsync_obj_remove_all_lock_user(req->objs[i]);
}

/*
 * Acquires all objects, and lowers all_lock_users of each in the same critical section of its lock.
 * A task that finds one of them acquired waits for all_lock at the others, so it does not see one
 * that is not acquired yet.
 */
static void acquire_objs(const struct ntsync_wait_req *req, struct ntsync_acquirer *acquirer)
{
	u32 i;

	for (i = 0; i < req->count; i++) {
		struct ntsync_obj *obj = req->objs[i];

		guard(raw_spinlock)(&obj->lock);
		obj->ops->acquire(obj, acquirer);
		obj->all_lock_users--;
	}
}

static bool try_alert(struct ntsync_wait_req *req, struct ntsync_acquirer *acquirer)
{
	struct ntsync_obj *alert = req->objs[req->count];
	struct ntsync_section s __uninitialized;
	bool signaled;

	ntsync_obj_lock_all_locked(&s, alert);
	signaled = alert->ops->signaled(alert, req->owner);
	if (signaled)
		alert->ops->acquire(alert, acquirer);
	ntsync_obj_unlock(&s);
	return signaled;
}

static bool peek_all_or_alert(const struct ntsync_wait_req *req)
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

static bool try_all_locked(struct ntsync_wait_req *req, struct ntsync_acquirer *acquirer)
{
	bool signaled = false;

	if (join_objs(req)) {
		req->index = 0;
		acquire_objs(req, acquirer);
		return true;
	}
	if (req->alert) {
		req->index = req->count;
		signaled = try_alert(req, acquirer);
	}
	leave_objs(req);
	return signaled;
}

/* Does not queue. -EAGAIN if neither all objects nor the alert are signaled. */
static int try_all(struct ntsync_device *dev, struct ntsync_wait_req *req, struct ntsync_task *t)
{
	struct ntsync_acquirer acquirer = { .task = current, .t = t, .owner = req->owner };
	bool taken;

	smp_mb(); /* (B), pairs with (A) in ntsync_obj_finish_change() */
	if (!peek_all_or_alert(req))
		return -EAGAIN;
	scoped_guard(ntsync_all_lock, dev) {
		taken = try_all_locked(req, &acquirer);
		/* Under all_lock: a task that needs the boost waits for it and boosts us. */
		if (unlikely(acquirer.must_walk))
			ntsync_pi_walk_from(t);
	}
	return taken ? ntsync_acquirer_result(&acquirer) : -EAGAIN;
}

/* Calls the source of @e, and walks from the contributions that it has changed. */
static void update_source(struct ntsync_wait_entry *e,
			  void (*update)(struct ntsync_wait_entry *e, struct ntsync_todo *todo))
{
	struct ntsync_todo todo;

	todo.nr = 0;
	scoped_guard(raw_spinlock, &e->obj->lock)
		update(e, &todo);
	ntsync_pi_walk(&todo);
}

static void queue_entry(struct ntsync_wait_entry *e)
{
	struct ntsync_obj *obj = e->obj;

	ntsync_waitq_insert_at(&obj->all, &e->node, ntsync_task_queue_prio(current),
			       ntsync_wait_arrival(e->wait, obj->dev));
	if (obj->ops->owned)
		update_source(e, obj->ops->source->add);
}

/* True if the objects or the alert were acquired; else all entries are queued. */
static bool acquire_or_enqueue(struct ntsync_device *dev, struct ntsync_wait *w,
			       const struct ntsync_wait_req *req)
{
	u32 i;

	guard(ntsync_all_lock)(dev);
	if (join_objs(req)) {
		atomic_set(&w->claim, 0);
		acquire_objs(req, &w->acquirer);
		/* Under all_lock, as in try_all(). */
		if (unlikely(w->acquirer.must_walk))
			ntsync_pi_walk_from(w->acquirer.t);
		return true;
	}
	if (req->alert && ntsync_wait_enqueue_any(&w->entries[w->count], true)) {
		leave_objs(req);
		return true;
	}
	for (i = 0; i < w->count; i++)
		queue_entry(&w->entries[i]);
	return false;
}

static void dequeue_entry(struct ntsync_wait_entry *e)
{
	struct ntsync_obj *obj = e->obj;

	ntsync_waitq_erase(&obj->all, &e->node);
	if (obj->ops->owned)
		update_source(e, obj->ops->source->remove);
}

static void dequeue_wait(struct ntsync_device *dev, struct ntsync_wait *w,
			 const struct ntsync_wait_req *req)
{
	u32 i;

	if (req->alert)
		ntsync_wait_dequeue_any(&w->entries[w->count]);
	/* (G), pairs with (F) in hand_off_all(): the results that it wrote are visible. */
	if (smp_load_acquire(&w->waker_done))
		return;

	guard(ntsync_all_lock)(dev);
	if (w->waker_done)
		return;
	for (i = 0; i < w->count; i++)
		dequeue_entry(&w->entries[i]);
	leave_objs(req);
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
	if (!acquire_or_enqueue(dev, &w, req)) {
		ntsync_notifications_pass_on(t);
		ntsync_pi_before_sleep(&w);
		ret = ntsync_wait_sleep(&w, &req->deadline, req->polls);
		dequeue_wait(dev, &w, req);
	}
	ntsync_pi_end_wait(&w);
	ntsync_wait_put_entries(entries, nr);
	ret = ntsync_wait_result(&w, ret, &req->index);
	ntsync_ticket_save(&w, req, NTSYNC_CALL_ALL, ret);
	return ret;
}

#define SEEN_BITS	9

/*
 * Is an object, or the alert, twice in @req? Only objects whose ids are equal in the lowest bits
 * are compared. To compare each pair of 64 objects takes 11,900 instructions more: 27,300 instead of
 * 15,400 with events. Objects that were created one after the other have consecutive ids.
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
 * ntsync_wait_all() - wait until all objects are signaled at once, and acquire them
 * @dev: the instance of all objects
 * @req: objects, alert, owner, deadline; @req->index is the result
 *
 * Acquires nothing until it can acquire all. Without objects it succeeds at once and does not look
 * at the alert.
 *
 * Context: process; may sleep; the caller holds the objects.
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
	if (unlikely(req->polls) && ntsync_wait_files_ready(req->polls)) {
		req->index = NTSYNC_INDEX_POLLED;
		return 0;
	}
	if (ntsync_deadline_passed(&req->deadline))
		return -ETIMEDOUT;
	return block_all(dev, req, t);
}
