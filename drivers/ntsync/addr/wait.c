// SPDX-License-Identifier: GPL-2.0-only
/*
 * ADDR_WAIT. The word is compared in the critical section of bucket->lock in which the waiter is
 * queued and names the owner:
 *
 *   waiter				waker
 *
 *   finds or makes its space		word = new value
 *   lock(bucket)			smp_mb(); (X)
 *   smp_mb(); (W)			is there a space? no: nobody waits
 *   word == expected?			lock(bucket)
 *   queued, names the owner		claims the first waiter, takes it out
 *   unlock(bucket)			unlock(bucket), wakes it
 *
 * If the waker finds the space, bucket->lock decides. If the waiter has the lock first, the waker
 * finds it in the queue; otherwise the waiter sees the new value. If the waker finds no space, the
 * waiter makes it later, and by (W) and (X) the waiter sees the new value.
 *
 * Of two waiters the one that is queued later has seen the later owner in the word. So the owner
 * that was named last is the right one.
 *
 * A page that is not there can't be waited for under a raw lock. So the word is read without a page
 * fault; if that fails, the lock is released, the word is read as usual, and the call tries again.
 */
#include <linux/cred.h>
#include <linux/sched/signal.h>

#include "core/core.h"
#include "core/ticket.h"
#include "core/trace.h"
#include "core/trace_addr.h"
#include "key.h"
#include "pi/loan.h"

/* The result of a call that is ended by its alert; of one that is woken it is 0. */
#define ALERT_INDEX	1

/* ---- tickets: an interrupted call that is made again keeps its turn, see core/ticket.c ---- */

static u64 hash_call(const struct ntsync_addr_req *req)
{
	u64 call = ntsync_ticket_hash(NTSYNC_CALL_ADDR, req->deadline.expires);

	call = ntsync_ticket_hash(call, (uintptr_t)req->place.id);
	call = ntsync_ticket_hash(call, req->place.address);
	return ntsync_ticket_hash(call, req->expected);
}

static u64 take_ticket(struct ntsync_task *t, const struct ntsync_addr_req *req)
{
	return likely(!t->ticket.arrival) ? 0 : ntsync_ticket_find(t, req->dev->id, hash_call(req));
}

static void save_ticket(const struct ntsync_addr_waiter *aw, const struct ntsync_addr_req *req)
{
	aw->wait.acquirer.t->ticket = (struct ntsync_ticket){
		.arrival = aw->arrival,
		.dev = req->dev->id,
		.call = hash_call(req),
	};
}

/* ---- the word ---- */

/* Fetches its page, too. */
static int compare_word(const struct ntsync_addr_req *req)
{
	u64 value;

	if (!req->read(req, &value))
		return -EFAULT;
	return value == req->expected ? 0 : -EAGAIN;
}

/* ---- into the queue ---- */

/* May this waiter name the owner? */
static bool may_name(const struct ntsync_key *key, const struct ntsync_addr_waiter *aw)
{
	return !ntsync_key_has_user(key) || key->user == aw->user;
}

/*
 * The owner that was named last counts. If the owner of the key itself begins to wait there, and
 * names no other task or may not name one, the key has no owner any more.
 */
static void name_owner(struct ntsync_key *key, struct ntsync_addr_waiter *aw,
		       struct ntsync_task *owner)
{
	if (likely(!owner) || !may_name(key, aw)) {
		if (unlikely(ntsync_key_has_user(key) && key->owner == aw->wait.acquirer.t))
			ntsync_key_set_owner_locked(key, NULL);
		return;
	}
	if (!ntsync_key_has_user(key))
		ntsync_key_set_user_locked(key, aw->user);
	aw->wait.contributes = true;
	ntsync_key_set_owner_locked(key, owner);
}

/*
 * current names @owner, and raises it later. In between a task below the highest waiter must not
 * preempt current. Returns the priority that current has to take on for that, or MAX_RT_PRIO if it
 * needs none.
 */
static int find_prio_to_take_on(const struct ntsync_key *key, const struct ntsync_addr_waiter *aw,
				const struct ntsync_task *owner, bool boosted_self)
{
	if (likely(!owner || !ntsync_key_has_user(key)) || key->owner == owner || !may_name(key, aw))
		return MAX_RT_PRIO;
	return ntsync_key_prio_to_take_on_locked(key, boosted_self ? aw->wait.acquirer.t : NULL);
}

/*
 * One critical section of bucket->lock. Returns 0: the waiter is queued; -EAGAIN: the word has
 * another value; -EFAULT: its page is not there; -EBUSY: current has to take on *@prio first.
 */
static int queue_waiter(struct ntsync_addr_waiter *aw, const struct ntsync_addr_req *req,
			struct ntsync_task *owner, struct ntsync_todo *todo, int *prio)
{
	struct ntsync_key *key;
	u64 value;

	guard(raw_spinlock)(&aw->bucket->lock);
	smp_mb__after_spinlock(); /* (W), pairs with (X) in wake.c */
	if (unlikely(!req->read_nofault(req, &value)))
		return -EFAULT;
	if (unlikely(value != req->expected))
		return -EAGAIN;
	key = ntsync_key_insert_locked(aw);
	/*
	 * -EBUSY only if the key has a user. Such a key has another waiter, so aw->key was not
	 * inserted and need not be removed.
	 */
	*prio = find_prio_to_take_on(key, aw, owner, aw->boosted_self);
	if (unlikely(*prio != MAX_RT_PRIO))
		return -EBUSY;
	name_owner(key, aw, owner);
	ntsync_key_queue_locked(key, aw);
	if (unlikely(ntsync_key_has_user(key)))
		ntsync_key_update_locked(key, aw->bucket, todo);
	return 0;
}

/*
 * The word's page was not there. If the page is removed again each time, the caller repeats this
 * until a signal comes; it holds no lock meanwhile.
 */
static int fetch_page(const struct ntsync_addr_req *req)
{
	int ret = compare_word(req);

	if (ret)
		return ret;
	cond_resched();
	return signal_pending(current) ? -ERESTARTSYS : 0;
}

/* A task must not sleep in a fetch of a page with a priority that it has taken on. */
static void unboost(struct ntsync_addr_waiter *aw)
{
	if (likely(!aw->boosted_self))
		return;
	ntsync_pi_unboost_self(aw->wait.acquirer.t);
	aw->boosted_self = false;
}

static int enter_queue(struct ntsync_addr_waiter *aw, const struct ntsync_addr_req *req,
		       struct ntsync_task *owner)
{
	struct ntsync_task *t = aw->wait.acquirer.t;
	struct ntsync_todo todo;
	int ret, prio;

	todo.nr = 0;
	do {
		ret = queue_waiter(aw, req, owner, &todo, &prio);
		if (likely(!ret || ret == -EAGAIN))
			break;
		if (ret == -EFAULT) {
			unboost(aw);
			ret = fetch_page(req);
		} else {
			ntsync_pi_boost_self(t, prio);
			aw->boosted_self = true;
			ret = 0;
		}
	} while (!ret);
	ntsync_pi_walk(&todo);
	unboost(aw);
	return ret;
}

/* ---- the sleep ---- */

static int sleep_in_queue(struct ntsync_addr_waiter *aw, const struct ntsync_addr_req *req)
{
	struct ntsync_wait *w = &aw->wait;
	int ret = 0;

	if (unlikely(w->nr) && ntsync_wait_enqueue_any(&w->entries[0], false)) {
		ntsync_addr_leave(aw);
		return 0;
	}
	ntsync_pi_before_sleep(w);
	ret = ntsync_wait_sleep(w, &req->deadline, NULL);
	/* Before the alert is dequeued: others may wait for wake-ups that this makes. */
	ntsync_addr_leave(aw);
	if (unlikely(w->nr))
		ntsync_wait_dequeue_any(&w->entries[0]);
	return ret;
}

static void init_waiter(struct ntsync_addr_waiter *aw, const struct ntsync_addr_req *req,
			struct ntsync_task *t, const struct ntsync_boost_target *target)
{
	aw->wait.addr_ops = &ntsync_addr_ops;
	aw->arrival = take_ticket(t, req);
	ntsync_waitq_node_init(&aw->node, 0);
	RB_CLEAR_NODE(&aw->pi);
	aw->boosted_self = false;
	aw->take_over = req->take_over;
	aw->uid = __kuid_val(current_euid());
	aw->user = target->t ? ntsync_make_user(aw->uid, target->by_cap) : NTSYNC_NO_USER;
	aw->address = req->place.address;
	aw->space = *ntsync_space_slot(t, &req->place);
	aw->bucket = ntsync_space_bucket(aw->space, aw->address);
	RB_CLEAR_NODE(&aw->key.rb);
}

static noinline int wait_for_wake(struct ntsync_addr_req *req, struct ntsync_wait_req *wait_req,
				  struct ntsync_task *t, const struct ntsync_boost_target *target)
{
	struct ntsync_addr_waiter aw __uninitialized;
	struct ntsync_wait_entry alert __uninitialized;
	int ret;

	ntsync_notifications_pass_on(t);
	ntsync_wait_init(&aw.wait, wait_req, t, &alert, false);
	/* The tag of an entry is the index that a claim through it returns. */
	if (unlikely(aw.wait.nr))
		ntsync_waitq_node_init(&alert.node, ALERT_INDEX);
	init_waiter(&aw, req, t, target);
	ntsync_pi_begin_wait(&aw.wait);
	ret = enter_queue(&aw, req, target->t);
	if (likely(!ret)) {
		trace_ntsync_addr_wait(&aw.wait, aw.address, req->owner);
		ret = sleep_in_queue(&aw, req);
	}
	ntsync_pi_end_wait(&aw.wait);
	ret = ntsync_wait_result(&aw.wait, ret, &req->index);
	if (unlikely(ret == -ERESTARTSYS && aw.arrival))
		save_ticket(&aw, req);
	return ret;
}

/* ---- the call ---- */

/* Ends an event boost of current, as each wait does. */
static struct ntsync_task *begin_wait(const struct ntsync_wait_req *wait_req)
{
	struct ntsync_task *t = ntsync_task_current();

	if (likely(t && !READ_ONCE(t->event_boost.to) && !READ_ONCE(t->retry)))
		return t;
	return ntsync_wait_begin_slow(wait_req, t);
}

static int find_or_create_space(struct ntsync_task *t, const struct ntsync_place *place)
{
	struct ntsync_space *s;

	if (likely(ntsync_has_space(t, place)))
		return 0;
	s = ntsync_space_find_or_create(place->id);
	if (!s)
		return -ENOMEM;
	ntsync_remember_space(t, place, s);
	return 0;
}

/*
 * If the owner can't be found, the word is compared before the error is returned. A word that has
 * changed has another owner, so -EAGAIN takes precedence.
 */
static int find_target(const struct ntsync_addr_req *req, struct ntsync_task *t,
		       struct ntsync_boost_target *target)
{
	int ret;

	target->t = NULL;
	if (likely(!req->owner || !ntsync_pi_enabled))
		return 0;
	if (t->named_through != req->dev->id)
		WRITE_ONCE(t->named_through, req->dev->id);
	ret = ntsync_boost_target_get(target, req->owner);
	return ret ? compare_word(req) ?: ret : 0;
}

/*
 * The deadline has passed, so the call does not sleep, and looks at the alert only. It does not
 * queue: if current is the owner of the key, that would end (promise 3 in docs/lending.md). A woken
 * task that makes this call to give up stays the owner until it has passed its wake-up on.
 */
static noinline int poll_alert(struct ntsync_addr_req *req, struct ntsync_wait_req *wait_req)
{
	int ret;

	if (!req->alert)
		return -ETIMEDOUT;
	/* Not the deadline of the call: CLOCK_REALTIME may be set back now. */
	wait_req->deadline = (struct ntsync_deadline){ .expires = 0, .clock = CLOCK_MONOTONIC };
	wait_req->polls = NULL;
	ret = ntsync_wait_any(wait_req);
	if (!ret)
		req->index = ALERT_INDEX;
	return ret;
}

/**
 * ntsync_addr_wait() - sleep while a word has a value
 * @req: the arguments; @req->index is the result
 *
 * Context: process; may sleep; the caller has references to the alert and the place.
 * Return: 0; -EFAULT, -EAGAIN, -ESRCH, -EPERM, -ENOMEM, -ETIMEDOUT, -ERESTARTSYS.
 */
int ntsync_addr_wait(struct ntsync_addr_req *req)
{
	struct ntsync_wait_req wait_req __uninitialized;
	struct ntsync_boost_target target __uninitialized;
	struct ntsync_task *t;
	int ret = compare_word(req);

	if (ret)
		return ret;
	wait_req.objs = &req->alert;
	wait_req.count = 0;
	wait_req.alert = req->alert;
	wait_req.owner = 0;
	wait_req.notify_only = false;
	wait_req.arrival = 0;
	t = begin_wait(&wait_req);
	if (!t)
		return -ENOMEM;
	ret = find_or_create_space(t, &req->place);
	if (ret)
		return ret;
	ret = find_target(req, t, &target);
	if (ret)
		return ret;
	if (unlikely(ntsync_deadline_passed(&req->deadline)))
		ret = poll_alert(req, &wait_req);
	else
		ret = wait_for_wake(req, &wait_req, t, &target);
	ntsync_task_put(target.t);
	return ret;
}
