// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sleeper's side that all waits have in common: the blocked call, its way into the
 * any-queues and out of them, the sleep, and the result. wake.c draws the protocol with the waker.
 */
#include <linux/hrtimer.h>
#include <linux/sched/signal.h>

#include "core_internal.h"
#include "lock.h"
#include "pi/owner.h"

/* The slow path of ntsync_wait_begin(); @t is current's record, or NULL if it has none. */
struct ntsync_task *ntsync_wait_begin_slow(const struct ntsync_wait_req *req,
					   struct ntsync_task *t)
{
	if (!t)
		t = ntsync_task_create();
	if (!t)
		return NULL;
	if (ntsync_req_entries(req) && req->owner)
		ntsync_owner_learn(req->objs[0]->dev, t, req->owner);
	if (READ_ONCE(t->event_boost.to) || READ_ONCE(t->retry))
		ntsync_event_boost_end_current(t);
	return t;
}

void ntsync_wait_init(struct ntsync_wait *w, const struct ntsync_wait_req *req,
		      struct ntsync_task *t, struct ntsync_wait_entry *entries, bool all)
{
	u32 i;

	w->acquirer.task = current;
	w->acquirer.t = t;
	w->acquirer.owner = req->owner;
	w->acquirer.owner_dead = false;
	w->acquirer.must_walk = false;
	w->acquirer.former_owner = NULL;
	w->acquirer.notify_only = req->notify_only;
	atomic_set(&w->claim, NTSYNC_UNCLAIMED);
	w->all = all;
	w->waker_done = false;
	w->has_mutex = false;
	w->needs_verify = false;
	w->contributes = false;
	w->hops = 0;
	w->arrival = req->arrival;
	w->addr_ops = NULL;
	w->send = NULL;
	w->count = req->count;
	w->nr = ntsync_req_entries(req);
	w->entries = entries;

	for (i = 0; i < w->nr; i++) {
		ntsync_waitq_node_init(&entries[i].node, i);
		RB_CLEAR_NODE(&entries[i].pi);
		entries[i].in_mutex_queue = false;
		entries[i].obj = req->objs[i];
		entries[i].wait = w;
	}
}

/*
 * Queues @e with the current priority of its task. Priority changes after ntsync_pi_begin_wait()
 * find the entry.
 */
void ntsync_wait_queue_locked(struct ntsync_wait_entry *e, struct ntsync_todo *todo)
{
	struct ntsync_obj *obj = e->obj;

	ntsync_assert_obj_lock(obj);
	ntsync_waitq_insert_at(&obj->any, &e->node, ntsync_task_queue_prio(current),
			       ntsync_wait_arrival(e->wait, obj->dev));
	if (obj->ops->enqueued)
		obj->ops->enqueued(obj, e, todo);
}

/*
 * Acquires the object of @e if it is signaled, else queues @e in its any-queue. True if the wait is
 * over: the object was acquired, or the wait was claimed through another entry meanwhile. False
 * if @e was queued.
 */
bool ntsync_wait_enqueue_any(struct ntsync_wait_entry *e, bool all_locked)
{
	struct ntsync_wait *w = e->wait;
	struct ntsync_obj *obj = e->obj;
	struct ntsync_section s __uninitialized;
	bool signaled;

	if (all_locked)
		ntsync_obj_lock_all_locked(&s, obj);
	else
		ntsync_obj_lock(&s, obj);

	signaled = obj->ops->signaled(obj, w->acquirer.owner);
	if (signaled) {
		if (ntsync_wait_claim(w, ntsync_waitq_tag(&e->node))) {
			obj->ops->acquire(obj, &w->acquirer);
			if (unlikely(w->acquirer.must_walk))
				ntsync_todo_add(&s.todo, w->acquirer.t);
		}
	} else {
		ntsync_wait_queue_locked(e, &s.todo);
	}
	ntsync_obj_unlock(&s);
	return signaled;
}

/*
 * Takes @e out of its any-queue. The lock is taken even if a waker has dequeued the entry already:
 * that waker may still use the wait until it unlocks.
 */
void ntsync_wait_dequeue_any(struct ntsync_wait_entry *e)
{
	struct ntsync_obj *obj = e->obj;
	struct ntsync_todo todo;
	bool pending, needs_update;

	todo.nr = 0;
	scoped_guard(raw_spinlock, &obj->lock) {
		if (ntsync_waitq_queued(&e->node))
			ntsync_obj_dequeue_locked(obj, e, &todo);
		pending = obj->handoff_pending;
		needs_update = ntsync_obj_take_needs_update_locked(obj);
	}
	ntsync_pi_walk(&todo);
	if (unlikely(pending))
		ntsync_obj_drain_batch(obj);
	if (unlikely(needs_update))
		obj->ops->update_inheritors(obj);
}

static ktime_t read_clock(clockid_t clock)
{
	if (likely(clock == CLOCK_MONOTONIC))
		return ktime_get();
	return clock == CLOCK_REALTIME ? ktime_get_real() : ktime_get_boottime();
}

bool ntsync_deadline_passed(const struct ntsync_deadline *deadline)
{
	if (deadline->expires == KTIME_MAX)
		return false;
	if (deadline->expires <= 0)
		return true;
	return read_clock(deadline->clock) >= deadline->expires;
}

/*
 * signal_pending() is also true for task work, such as a completion of an io_uring of the task.
 * Other calls return -ERESTARTSYS, the work runs, and the call is made again. A sender must not: it
 * would withdraw a request that a receiver is working on. So it clears the flag (TIF_NOTIFY_SIGNAL)
 * and sleeps on, and sets the flag again at the end, so that the work runs before the return to
 * user space:
 *
 *   sleeper				task_work_add()
 *
 *   state = INTERRUPTIBLE		adds the work
 *   flag set? clears it, starts again	sets the flag; wakes the task if it was not set
 *   schedule()
 *   [the sleep is over]
 *   sets the flag
 */
static bool defer_task_work(const struct ntsync_wait *w)
{
	if (!w->send || task_sigpending(current))
		return false;
	clear_notify_signal();
	return true;
}

/* Sleeps until current is woken. Returns true if the deadline has passed. */
static bool sleep_until_deadline(const struct ntsync_deadline *deadline)
{
	ktime_t expires = deadline->expires;

	if (expires != KTIME_MAX)
		return !schedule_hrtimeout_range_clock(&expires, 0, HRTIMER_MODE_ABS,
						       deadline->clock);
	schedule();
	return false;
}

/* Sleeps until @w is claimed, or *@triggered is set if @triggered is not NULL; returns 0 then. */
int ntsync_wait_sleep_until(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
			    const int *triggered)
{
	bool deferred = false;
	int ret = 0;

	for (;;) {
		/* (D), pairs with (E) in core/wake.c, addr/wake.c and pi/sleeper.c, and pollwake() in fs/select.c */
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		if (ntsync_wait_claimed(w) || (triggered && READ_ONCE(*triggered)))
			break;
		if (signal_pending(current)) {
			if (defer_task_work(w)) {
				deferred = true;
				continue;
			}
			ret = -ERESTARTSYS;
			break;
		}
		if (unlikely(ntsync_pi_verify_due(w->acquirer.t))) {
			__set_current_state(TASK_RUNNING);
			ntsync_pi_verify(w);
			continue;
		}
		if (sleep_until_deadline(deadline)) {
			/* A file that was ready before the deadline counts, however late we run. */
			if (!triggered || !READ_ONCE(*triggered))
				ret = -ETIMEDOUT;
			break;
		}
	}
	__set_current_state(TASK_RUNNING);
	if (unlikely(deferred))
		set_thread_flag(TIF_NOTIFY_SIGNAL);
	return ret;
}

/*
 * 0 if claimed, NTSYNC_POLLED, or an error. The wait can be claimed until it has left every queue,
 * so ntsync_wait_result() looks at the claim again.
 */
int ntsync_wait_sleep(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
		      struct ntsync_wait_files *polls)
{
	if (unlikely(polls))
		return ntsync_wait_files_sleep(w, deadline, polls);
	return ntsync_wait_sleep_until(w, deadline, NULL);
}

/* Call it when @w has left every queue. A claim takes precedence over a timeout or a signal. */
int ntsync_wait_result(struct ntsync_wait *w, int ret, u32 *index)
{
	int claim = atomic_read(&w->claim);

	if (claim == NTSYNC_UNCLAIMED && ret != NTSYNC_POLLED)
		return ret;
	if (claim == NTSYNC_UNCLAIMED) {
		*index = NTSYNC_INDEX_POLLED;
		return 0;
	}
	if (claim == NTSYNC_CLOSED)
		return -EBADF;
	*index = claim;
	return ntsync_acquirer_result(&w->acquirer);
}

/* Returns @small if it has room for @nr entries, else memory, or NULL. */
struct ntsync_wait_entry *ntsync_wait_get_entries(u32 nr, struct ntsync_wait_entry *small)
{
	return nr <= NTSYNC_SMALL_WAIT ? small : ntsync_cache_alloc_entries(nr);
}

void ntsync_wait_put_entries(struct ntsync_wait_entry *entries, u32 nr)
{
	if (nr > NTSYNC_SMALL_WAIT)
		ntsync_cache_free_entries(entries, nr);
}
