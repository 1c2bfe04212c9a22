// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sleeper's side, as far as WAIT_ANY and WAIT_ALL have it in common: the
 * record of a blocked call, getting into the queues and out of them, the sleep,
 * and what comes out of it. The protocol with the waker is drawn in wake.c.
 */
#include <linux/hrtimer.h>
#include <linux/sched/signal.h>

#include "core_internal.h"
#include "lock.h"
#include "pi/owner.h"

/* What ntsync_wait_begin() leaves to do: @t is current's record, or NULL if it has none. */
struct ntsync_task *ntsync_wait_begin_slow(const struct ntsync_wait_req *req,
					   struct ntsync_task *t)
{
	if (!t)
		t = ntsync_task_create();
	if (!t)
		return NULL;
	if (ntsync_req_entries(req) && req->owner)
		ntsync_owner_learn(req->objs[0]->dev, t, req->owner);
	if (READ_ONCE(t->event.to) || READ_ONCE(t->retry))
		ntsync_boost_end_own(t);
	return t;
}

void ntsync_wait_init(struct ntsync_wait *w, const struct ntsync_wait_req *req,
		      struct ntsync_task *t, struct ntsync_wait_entry *entries, bool all)
{
	u32 i;

	w->taker.task = current;
	w->taker.t = t;
	w->taker.owner = req->owner;
	w->taker.owner_dead = false;
	w->taker.boosted = false;
	w->taker.lost = NULL;
	w->taker.notice = req->notice;
	atomic_set(&w->claim, NTSYNC_UNCLAIMED);
	w->all = all;
	w->left = false;
	w->lends = false;
	w->hops = 0;
	w->arrival = req->arrival;
	w->send = NULL;
	w->count = req->count;
	w->nr = ntsync_req_entries(req);
	w->entries = entries;

	for (i = 0; i < w->nr; i++) {
		ntsync_waitq_node_init(&entries[i].node, i);
		RB_CLEAR_NODE(&entries[i].pi);
		entries[i].queued = false;
		entries[i].obj = req->objs[i];
		entries[i].wait = w;
	}
}

/* With the priority of this moment, see ntsync_pi_begin_wait(). */
void ntsync_wait_queue_locked(struct ntsync_wait_entry *e, struct ntsync_todo *todo)
{
	struct ntsync_obj *obj = e->obj;

	ntsync_assert_obj_lock(obj);
	ntsync_waitq_insert_at(&obj->any, &e->node, ntsync_task_level(current),
			       ntsync_wait_arrival(e->wait, obj->dev));
	if (obj->ops->enqueued)
		obj->ops->enqueued(obj, e, todo);
}

/*
 * Into the any-queue of its object, or, if that is signaled, takes it at once.
 * True if the wait is over; it may as well be because it was claimed through
 * another entry meanwhile. The entry is queued exactly if this returns false.
 */
bool ntsync_wait_enqueue_any(struct ntsync_wait_entry *e, bool all_locked)
{
	struct ntsync_wait *w = e->wait;
	struct ntsync_obj *obj = e->obj;
	struct ntsync_hold h __uninitialized;
	bool signaled;

	if (all_locked)
		ntsync_obj_hold_all_locked(&h, obj);
	else
		ntsync_obj_hold(&h, obj);

	signaled = obj->ops->signaled(obj, w->taker.owner);
	if (signaled) {
		if (ntsync_wait_claim(w, ntsync_waitq_tag(&e->node))) {
			obj->ops->acquire(obj, &w->taker);
			if (unlikely(w->taker.boosted))
				ntsync_todo_add(&h.todo, w->taker.t);
		}
	} else {
		ntsync_wait_queue_locked(e, &h.todo);
	}
	ntsync_obj_unhold(&h);
	return signaled;
}

/*
 * Out of the any-queue. The lock is taken even if a waker has dequeued the entry
 * already: that waker may still be at work on our record.
 */
void ntsync_wait_dequeue_any(struct ntsync_wait_entry *e)
{
	struct ntsync_obj *obj = e->obj;
	struct ntsync_todo todo;
	bool help, stale;

	todo.nr = 0;
	scoped_guard(raw_spinlock, &obj->lock) {
		if (ntsync_waitq_queued(&e->node))
			ntsync_obj_dequeue_locked(obj, e, &todo);
		help = obj->unsettled;
		stale = ntsync_obj_take_stale_locked(obj);
	}
	ntsync_pi_walk(&todo);
	if (unlikely(help))
		ntsync_obj_help(obj);
	if (unlikely(stale))
		obj->ops->unlocked(obj);
}

bool ntsync_deadline_passed(const struct ntsync_deadline *deadline)
{
	if (deadline->expires == KTIME_MAX)
		return false;
	if (deadline->expires <= 0)
		return true;
	if (deadline->clock == CLOCK_REALTIME)
		return ktime_get_real() >= deadline->expires;
	return ktime_get() >= deadline->expires;
}

/* How long somebody who lends to others sleeps without looking whether they have it. */
#define VERIFY_NS	NSEC_PER_SEC

/* When the sleep is to end, on the deadline's clock. */
static ktime_t end_of_sleep(const struct ntsync_wait *w, const struct ntsync_deadline *deadline)
{
	ktime_t now;

	if (likely(!w->lends))
		return deadline->expires;
	now = deadline->clock == CLOCK_REALTIME ? ktime_get_real() : ktime_get();
	return min(deadline->expires, ktime_add_safe(now, VERIFY_NS));
}

/* True if the time is over; else it was only time to verify what is lent. */
static bool is_over(struct ntsync_wait *w, const struct ntsync_deadline *deadline)
{
	if (likely(!w->lends) || ntsync_deadline_passed(deadline))
		return true;
	__set_current_state(TASK_RUNNING);
	ntsync_pi_verify(w);
	return false;
}

/*
 * Is it only work that the kernel has for the task, such as a completion of an io_uring of its own?
 * Other calls end and are made again, and the work is done meanwhile. A sender whose request
 * somebody has got would lose all of it. So it sleeps on, and the work is done when it returns:
 *
 *   sleeper				task_work_add()
 *
 *   state = INTERRUPTIBLE		adds the work
 *   flag? clears it, and begins anew	sets the flag; if it was not set, wakes
 *   schedule()
 *   [the sleep is over]
 *   sets the flag
 */
static bool put_off_work(const struct ntsync_wait *w)
{
	if (!w->send || task_sigpending(current))
		return false;
	clear_notify_signal();
	return true;
}

/* Until it is claimed, or *@triggered, if there is that; 0 then, else why it ended. */
int ntsync_wait_sleep_until(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
			    const int *triggered)
{
	ktime_t expires;
	bool put_off = false;
	int ret = 0;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		if (ntsync_wait_claimed(w) || (triggered && READ_ONCE(*triggered)))
			break;
		if (signal_pending(current)) {
			if (put_off_work(w)) {
				put_off = true;
				continue;
			}
			ret = -ERESTARTSYS;
			break;
		}
		expires = end_of_sleep(w, deadline);
		if (expires == KTIME_MAX) {
			schedule();
		} else if (!schedule_hrtimeout_range_clock(&expires, 0, HRTIMER_MODE_ABS,
							   deadline->clock) &&
			   is_over(w, deadline)) {
			/* A file that was ready in time counts, however late we run. */
			if (!triggered || !READ_ONCE(*triggered))
				ret = -ETIMEDOUT;
			break;
		}
	}
	__set_current_state(TASK_RUNNING);
	if (unlikely(put_off))
		set_thread_flag(TIF_NOTIFY_SIGNAL);
	return ret;
}

/* 0 if claimed; else why the sleep ended. Look at the claim again after dequeueing. */
int ntsync_wait_sleep(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
		      struct ntsync_polls *polls)
{
	if (unlikely(polls))
		return ntsync_polls_sleep(w, deadline, polls);
	return ntsync_wait_sleep_until(w, deadline, NULL);
}

/* For a sleeper that has left every queue: a claim wins over timeout and signal. */
int ntsync_wait_result(struct ntsync_wait *w, int ret, u32 *index)
{
	int claim = atomic_read(&w->claim);

	if (claim == NTSYNC_UNCLAIMED && ret != NTSYNC_POLLED)
		return ret;
	if (claim == NTSYNC_UNCLAIMED) {
		*index = NTSYNC_INDEX_URING_READY;
		return 0;
	}
	if (claim == NTSYNC_CLOSED)
		return -EBADF;
	*index = claim;
	return ntsync_taker_result(&w->taker);
}

/* For @nr entries: the caller's @small ones if that is enough, else memory; or NULL. */
struct ntsync_wait_entry *ntsync_wait_get_entries(u32 nr, struct ntsync_wait_entry *small)
{
	return nr <= NTSYNC_SMALL_WAIT ? small : ntsync_cache_alloc_entries(nr);
}

void ntsync_wait_put_entries(struct ntsync_wait_entry *entries, u32 nr)
{
	if (nr > NTSYNC_SMALL_WAIT)
		ntsync_cache_free_entries(entries, nr);
}
