// SPDX-License-Identifier: GPL-2.0-only
/*
 * The waker's side: which waiters a change of an object serves, and how they are woken. The object's
 * type names the next waiter of the any-queue (ops->next_waiter), usually its first one: queues are
 * ordered by priority and arrival (waitq.h). serve_wait_alls() decides between it and the wait-alls.
 *
 * A waker hands an object off to a waiter: it claims the wait and acquires the object for the
 * waiter under obj->lock, and wakes the waiter after the unlock:
 *
 *   waker				sleeper
 *
 *   lock(obj)				set_current_state(INTERRUPTIBLE) (D)
 *   claim: UNCLAIMED -> index	claimed? no
 *   acquire, get_task_struct		schedule()
 *   preempt_disable, unlock(obj)	[deadline or signal instead of the wake-up]
 *   wake_up_process (E)		lock(obj), dequeue, unlock(obj)
 *   preempt_enable, put_task_struct	claimed? yes: success, whatever ended the sleep
 *
 * (D) orders the write of the task's state before the read of the claim; (E), the barrier in
 * wake_up_process(), orders the claim before the read of the state. So either the sleeper sees the
 * claim, or the waker sees a task to wake. The same holds for a waker of a wait-all.
 *
 * The sleeper reads the result from the claim after it has left every queue, because only then
 * nobody can claim it any more. If it read the claim first, a claim between the two would give it
 * an object that its caller is never told of.
 *
 * Preemption is off between claim and wake-up: if a task of medium priority preempted the waker
 * there, a waiter of higher priority would wait until that task sleeps. To bound that section, at
 * most NTSYNC_WAKE_BATCH waiters are woken at a time, and the lock is dropped after each batch.
 *
 * Pending hand-offs: the waiters that a change released but that have not been served when the lock
 * is dropped keep their right to the object. obj->handoff_pending is set, and every locked section
 * (ntsync_obj_lock()) first drains the pending hand-offs, in the order of the queue. So no task can
 * acquire the object, reset it, or join the queue between a signal and the waiters that it
 * released.
 *
 * These waiters do not depend on the signaller alone, which may be preempted: every waiter that
 * leaves the queue drains one batch (ntsync_obj_drain_batch()). A waiter that was served has at
 * least the priority of those that it serves.
 */
#include <linux/preempt.h>
#include <linux/sched/task.h>

#include "core_internal.h"
#include "lock.h"
#include "pi/source.h"
#include "trace.h"

/* ---- locked sections ---- */

/* Takes all_lock if all_lock_users is not 0; drops obj->lock meanwhile. */
static void take_all_lock_if_needed(struct ntsync_section *s)
{
	struct ntsync_obj *obj = s->obj;

	if (likely(!obj->all_lock_users) || s->all_locked)
		return;
	raw_spin_unlock(&obj->lock);
	ntsync_all_lock(obj->dev);
	s->all_locked = true;
	s->unlock_all = true;
	raw_spin_lock(&obj->lock);
}

static void lock_obj(struct ntsync_section *s)
{
	raw_spin_lock(&s->obj->lock);
	take_all_lock_if_needed(s);
}

static void unlock_obj_and_wake(struct ntsync_section *s)
{
	unsigned int i;

	if (!s->nr) {
		raw_spin_unlock(&s->obj->lock);
		return;
	}

	preempt_disable();
	raw_spin_unlock(&s->obj->lock);
	for (i = 0; i < s->nr; i++) {
		trace_ntsync_wake(s->obj, s->wake[i]);
		wake_up_process(s->wake[i]); /* (E), pairs with (D) in ntsync_wait_sleep_until() */
	}
	preempt_enable();

	for (i = 0; i < s->nr; i++)
		put_task_struct(s->wake[i]);
	s->nr = 0;
}

static void wake_and_relock(struct ntsync_section *s)
{
	s->needs_update |= ntsync_obj_take_needs_update_locked(s->obj);
	unlock_obj_and_wake(s);
	ntsync_pi_walk(&s->todo);
	s->steps = 0;
	lock_obj(s);
}

/* Arranges for @p to be woken after the unlock. Call ntsync_section_make_room() before. */
void ntsync_section_wake_locked(struct ntsync_section *s, struct task_struct *p)
{
	s->steps++;
	s->wake[s->nr++] = get_task_struct(p);
}

/* Makes room for one task to wake; may drop obj->lock meanwhile. */
void ntsync_section_make_room(struct ntsync_section *s)
{
	if (s->steps >= NTSYNC_WAKE_BATCH)
		wake_and_relock(s);
}

/* ---- hand-off to the any-queue ---- */

/* @todo: as for ntsync_obj_ops::dequeued */
void ntsync_obj_dequeue_locked(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			       struct ntsync_todo *todo)
{
	ntsync_assert_obj_lock(obj);
	ntsync_waitq_erase(&obj->any, &e->node);
	if (obj->ops->dequeued)
		obj->ops->dequeued(obj, e, todo);
}

/*
 * Dequeues @e and acquires the object for it, unless the wait was claimed through another entry. An
 * entry of such a wait is dequeued, too: otherwise the drain would meet it for ever.
 */
static void hand_off_locked(struct ntsync_section *s, struct ntsync_wait_entry *e)
{
	struct ntsync_obj *obj = s->obj;
	struct ntsync_wait *w = e->wait;

	ntsync_obj_dequeue_locked(obj, e, &s->todo);
	if (!ntsync_wait_claim(w, ntsync_waitq_tag(&e->node)))
		return;
	obj->ops->acquire(obj, &w->acquirer);
	if (unlikely(w->acquirer.must_walk))
		ntsync_todo_add(&s->todo, w->acquirer.t);
	s->wake[s->nr++] = get_task_struct(w->acquirer.task);
}

/*
 * The kernel tells no module that a task's priority has changed, so an entry is compared with its
 * task before it is served. True if the entry was moved.
 */
static bool requeue_entry_by_prio(struct ntsync_waitq *q, struct ntsync_wait_entry *e)
{
	int prio = ntsync_task_queue_prio(e->wait->acquirer.task);

	if (likely(prio == ntsync_waitq_prio(&e->node)))
		return false;
	ntsync_waitq_requeue(q, &e->node, prio);
	return true;
}

/*
 * Must the lock be dropped now? Until one waiter has been served, no woken task continues the drain
 * if this task is preempted after the unlock. So the limit of steps is four times as high until
 * then. One step adds 3 records to s->todo at most, and the end of the section 2 more.
 */
static bool batch_is_full(const struct ntsync_section *s)
{
	return s->steps >= (s->nr ? NTSYNC_WAKE_BATCH : 4 * NTSYNC_WAKE_BATCH) ||
	       s->todo.nr > NTSYNC_TODO_MAX - 5;
}

/*
 * Serves waiters of higher priority than @prio until none of them can acquire the object, or the
 * batch is full; false in the latter case. After an entry was requeued the type is asked again:
 * another waiter may be the next one now.
 */
static bool serve_batch_above_prio_locked(struct ntsync_section *s, int prio)
{
	struct ntsync_obj *obj = s->obj;
	struct ntsync_wait_entry *e;

	while ((e = obj->ops->next_waiter(obj))) {
		if (batch_is_full(s))
			return false;
		s->steps++;
		if (requeue_entry_by_prio(&obj->any, e))
			continue;
		if (ntsync_waitq_prio(&e->node) >= prio)
			break;
		hand_off_locked(s, e);
	}
	return true;
}

/* Serves one batch; true if no hand-off is pending any more. all_lock is held if it is needed. */
bool ntsync_section_drain_batch(struct ntsync_section *s)
{
	struct ntsync_obj *obj = s->obj;

	if (!serve_batch_above_prio_locked(s, INT_MAX))
		return false;
	obj->handoff_pending = false;
	if (obj->ops->drained)
		obj->ops->drained(obj);
	return true;
}

static void drain(struct ntsync_section *s)
{
	while (unlikely(s->obj->handoff_pending) && !ntsync_section_drain_batch(s))
		wake_and_relock(s);
}

/* The slow path of ntsync_obj_lock(); obj->lock is held. */
void ntsync_section_drain(struct ntsync_section *s)
{
	take_all_lock_if_needed(s);
	drain(s);
}

/*
 * The slow path of ntsync_obj_unlock(). Priorities are updated before all_lock is dropped: a task
 * of higher priority that needs them waits for all_lock, and boosts its holder.
 */
void ntsync_section_unlock_slow(struct ntsync_section *s)
{
	unlock_obj_and_wake(s);
	ntsync_pi_walk(&s->todo);
	if (s->unlock_all)
		ntsync_all_unlock(s->obj->dev);
}

/* A waiter that has left the queue drains one batch for the signaller. */
void ntsync_obj_drain_batch(struct ntsync_obj *obj)
{
	struct ntsync_section s __uninitialized;

	ntsync_section_init(&s, obj, false);
	lock_obj(&s);
	if (obj->handoff_pending)
		ntsync_section_drain_batch(&s);
	ntsync_obj_unlock(&s);
}

/* ---- hand-off to wait-alls ---- */

static bool all_signaled(const struct ntsync_wait *w)
{
	u32 i;

	for (i = 0; i < w->count; i++) {
		const struct ntsync_obj *obj = w->entries[i].obj;

		if (!obj->ops->signaled(obj, w->acquirer.owner))
			return false;
	}
	return true;
}

/* The acquisition that follows updates what the object contributes. */
static void leave_source_locked(struct ntsync_wait_entry *e)
{
	e->in_mutex_queue = false;
	if (unlikely(!RB_EMPTY_NODE(&e->pi)))
		e->obj->ops->source->remove(e, NULL);
}

/*
 * Acquires all objects of a wait-all and wakes it. Since all_signaled() was called, all_lock has
 * kept the states unchanged. It also keeps @w in memory: until waker_done is set the sleeper takes
 * all_lock before it returns. waker_done lets the sleeper return at once: the waker holds all_lock
 * until it has looked at all other wait-alls of the object.
 */
static void hand_off_all(struct ntsync_wait *w)
{
	struct task_struct *task = get_task_struct(w->acquirer.task);
	struct ntsync_todo todo;
	u32 i;

	todo.nr = 0;

	scoped_guard(preempt) {
		if (!ntsync_wait_claim(w, 0))
			break;
		for (i = 0; i < w->count; i++) {
			struct ntsync_wait_entry *e = &w->entries[i];
			struct ntsync_obj *obj = e->obj;

			ntsync_waitq_erase(&obj->all, &e->node);
			guard(raw_spinlock)(&obj->lock);
			leave_source_locked(e);
			obj->ops->acquire(obj, &w->acquirer);
			obj->all_lock_users--;
		}
		if (unlikely(w->acquirer.must_walk))
			ntsync_todo_add(&todo, w->acquirer.t);
		trace_ntsync_wake(w->entries[0].obj, task);
		/* (F), pairs with (G) in dequeue_wait(). @w may be gone after it. */
		smp_store_release(&w->waker_done, true);
		wake_up_process(task); /* (E), pairs with (D) in ntsync_wait_sleep_until() */
	}
	put_task_struct(task);
	ntsync_pi_walk(&todo);
}

/* An entry that moves back is met again at its new place. */
static void requeue_all_by_prio(struct ntsync_waitq *q)
{
	struct ntsync_waitq_node *n, *next;

	for (n = ntsync_waitq_first(q); n; n = next) {
		next = ntsync_waitq_next(n);
		requeue_entry_by_prio(q, container_of(n, struct ntsync_wait_entry, node));
	}
}

/* Serves and wakes the any-waiters of higher priority than @prio. */
static void serve_any_waiters_above_prio(struct ntsync_section *s, int prio)
{
	bool drained;

	/* No other task enters the queue: that takes all_lock, as all_lock_users is not 0. */
	if (!READ_ONCE(s->obj->any.count))
		return;
	do {
		raw_spin_lock(&s->obj->lock);
		s->steps = 0;
		drained = serve_batch_above_prio_locked(s, prio);
		unlock_obj_and_wake(s);
		ntsync_pi_walk(&s->todo);
	} while (!drained);
}

/*
 * Serves the wait-alls in the order of priority, and before each of them the any-waiters of higher
 * priority; within one priority wait-alls come first. obj->lock is dropped meanwhile. This call's
 * own count in all_lock_users keeps the state under all_lock, which is held, even after the last
 * wait-all has been served.
 */
static void serve_wait_alls(struct ntsync_section *s)
{
	struct ntsync_obj *obj = s->obj;
	struct ntsync_waitq_node *n, *next;

	if (likely(!obj->all_lock_users))
		return;
	ntsync_assert_all_lock(obj->dev);
	WARN_ON_ONCE(s->nr); /* they would not be woken before all wait-alls have been looked at */
	obj->all_lock_users++;
	raw_spin_unlock(&obj->lock);

	requeue_all_by_prio(&obj->all);
	for (n = ntsync_waitq_first(&obj->all); n; n = next) {
		struct ntsync_wait *w = container_of(n, struct ntsync_wait_entry, node)->wait;

		next = ntsync_waitq_next(n);
		if (!all_signaled(w))
			continue;
		serve_any_waiters_above_prio(s, ntsync_waitq_prio(n));
		if (all_signaled(w))
			hand_off_all(w);
	}

	raw_spin_lock(&obj->lock);
	obj->all_lock_users--;
}

/* The slow path of ntsync_obj_hand_off(). */
void ntsync_section_hand_off(struct ntsync_section *s)
{
	serve_wait_alls(s);
	s->obj->handoff_pending = true;
	drain(s);
}
