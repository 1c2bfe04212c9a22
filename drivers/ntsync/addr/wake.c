// SPDX-License-Identifier: GPL-2.0-only
/*
 * ADDR_WAKE. At most NTSYNC_ADDR_BATCH waiters are claimed in one critical section of bucket->lock,
 * with preemption off until they are woken. The first section also changes the owner of the key.
 * The former owner is lowered after the waiters are awake: by the waker, and by one of the waiters,
 * as the waker may be preempted by then.
 *
 * Pending wake-ups: if the call is to wake more waiters than the first section has claimed, that
 * section moves all that are left to key->older, by a copy of the queue's root, and sets
 * key->nr_pending_wakes. So a waiter that comes later is not among them. From then on these waiters
 * do not depend on the waker alone, which may be preempted after each section:
 *
 *   waker				a waiter that it has woken
 *
 *   lock(bucket)
 *   claims 8, older = the queue
 *   nr_pending_wakes = what is left
 *   unlock(bucket), wakes 8
 *   [preempted for a minute]		lock(bucket), pending? claims 8
 *					unlock(bucket), wakes 8
 *					returns to user space
 *
 * Each waiter that leaves the key drains one batch like that. A waiter that was woken has at least
 * the priority of those that it wakes. A chain walk that raises a waiter in key->older drains one
 * batch, too. The next ADDR_WAKE drains all pending wake-ups before it makes its own. If waiters
 * are left in key->older then, it joins the two queues.
 *
 * Pending hand-offs of objects are drained in the same way (core/wake.c).
 */
#include <linux/cred.h>
#include <linux/preempt.h>
#include <linux/sched/task.h>

#include "core/trace.h"
#include "core/trace_addr.h"
#include "key.h"

/* ---- one critical section ---- */

/*
 * The kernel tells no module that a task's priority has changed, so a waiter is compared with its
 * task before it is woken. True if it was moved.
 */
static bool requeue_by_prio(struct ntsync_key *key, struct ntsync_addr_waiter *aw)
{
	int prio = ntsync_task_queue_prio(aw->wait.acquirer.task);

	if (likely(prio == ntsync_waitq_prio(&aw->node)))
		return false;
	ntsync_key_requeue_locked(key, aw, prio);
	return true;
}

/*
 * Takes the waiter out of its queue, and claims it, unless its alert was faster. Such a waiter is
 * taken out, too: otherwise the wake-up would be lost.
 */
static void claim_waiter(struct ntsync_key *key, struct ntsync_addr_waiter *aw,
			 struct ntsync_wake_batch *b)
{
	ntsync_key_dequeue_locked(key, aw);
	if (!ntsync_wait_claim(&aw->wait, 0))
		return;
	b->tasks[b->nr] = get_task_struct(aw->wait.acquirer.task);
	b->waiters[b->nr++] = aw;
}

/*
 * Claims the next @max waiters of @q. Returns false if the limit of steps was reached. Until one
 * waiter has been claimed, no woken task continues if this one is preempted. So the limit is four
 * times as high until then.
 */
static bool claim_waiters(struct ntsync_key *key, struct ntsync_waitq *q, u32 max,
			  struct ntsync_wake_batch *b)
{
	struct ntsync_waitq_node *n;
	unsigned int steps = 0;

	max = min_t(u32, max, NTSYNC_ADDR_BATCH);
	while (b->nr < max && (n = ntsync_waitq_first(q))) {
		struct ntsync_addr_waiter *aw = ntsync_node_to_waiter(n);

		if (steps++ >= (b->nr ? NTSYNC_ADDR_BATCH : 4 * NTSYNC_ADDR_BATCH))
			return false;
		if (!requeue_by_prio(key, aw))
			claim_waiter(key, aw, b);
	}
	return true;
}

/*
 * After a wake the owner of the key is the first waiter of this batch that has set @take_over and
 * has the uid of the key's user, else nobody. By its uid the waiters left may raise it.
 */
static void pass_on_ownership(struct ntsync_key *key, const struct ntsync_wake_batch *b)
{
	struct ntsync_task *owner = NULL;
	unsigned int i;

	if (likely(!ntsync_key_has_user(key)))
		return;
	for (i = 0; i < b->nr && !owner; i++) {
		const struct ntsync_addr_waiter *aw = b->waiters[i];

		if (aw->take_over && aw->uid == ntsync_user_to_uid(key->user))
			owner = aw->wait.acquirer.t;
	}
	ntsync_key_set_owner_locked(key, owner);
}

/*
 * Returns the woken waiter that walks from @t as well, or NULL: the task of @t itself, or else the
 * first one that has named an owner and is of @user. A waiter of another user does not walk the
 * chain behind @t, which may be long.
 */
static struct ntsync_acquirer *find_second_walker(struct ntsync_wake_batch *b, u64 user,
						  const struct ntsync_task *t)
{
	struct ntsync_acquirer *found = NULL;
	unsigned int i;

	for (i = 0; i < b->nr; i++) {
		struct ntsync_acquirer *a = &b->waiters[i]->wait.acquirer;

		if (a->t == t)
			return a;
		if (!found && b->waiters[i]->user == user)
			found = a;
	}
	return found;
}

/*
 * The waker may be preempted before it has lowered the former owner. So one of the woken tasks
 * lowers the former owner as well. A waker that is the former owner is left out: it lowers itself,
 * and still has its boost until then.
 */
static void share_walk(struct ntsync_wake_batch *b, u64 user)
{
	unsigned int i;

	for (i = 0; i < b->todo.nr; i++) {
		struct ntsync_task *t = b->todo.tasks[i];
		struct ntsync_acquirer *a = find_second_walker(b, user, t);

		if (!a || t->task == current)
			continue;
		if (a->t == t)
			a->must_walk = true;
		else if (!a->former_owner)
			a->former_owner = ntsync_task_get(t);
	}
}

/*
 * May the chain behind the owner be one that another user has made long? Not for a waiter that has
 * named an owner for @user: it has walked the chain before it slept. Nor for another task with that
 * uid, unless @user needed CAP_SYS_NICE to name the owner: then the chain is another user's.
 */
static bool is_foreign(const struct ntsync_wake_batch *b, u64 user)
{
	return b->namer != user && (ntsync_user_to_uid(user) != __kuid_val(current_euid()) ||
				    ntsync_user_by_cap(user));
}

/*
 * The end of a change of the key. If no wake-up is pending, the claimed waiters have nothing to do
 * here after their sleep. With waker_done they return without bucket->lock. So the waker does not
 * access them after it has set waker_done.
 */
static void update_key(struct ntsync_key *key, struct ntsync_bucket *bucket,
		       struct ntsync_wake_batch *b)
{
	u64 user = key->user;
	bool pending = ntsync_key_update_locked(key, bucket, &b->todo);
	unsigned int i;

	if (unlikely(b->todo.nr)) {
		b->foreign = is_foreign(b, user);
		share_walk(b, user);
	}
	if (unlikely(pending))
		return;
	for (i = 0; i < b->nr; i++)
		smp_store_release(&b->waiters[i]->wait.waker_done, true); /* (Y), pairs with (Z) in key.h */
}

/* The end of a critical section: wakes the batch. */
static void unlock_and_wake(struct ntsync_bucket *bucket, struct ntsync_wake_batch *b)
{
	unsigned int i;

	if (!b->nr) {
		raw_spin_unlock(&bucket->lock);
		return;
	}
	preempt_disable();
	raw_spin_unlock(&bucket->lock);
	for (i = 0; i < b->nr; i++)
		wake_up_process(b->tasks[i]); /* (E), pairs with (D) in ntsync_wait_sleep_until() */
	preempt_enable();
	for (i = 0; i < b->nr; i++)
		put_task_struct(b->tasks[i]);
}

/* A task of another user leaves the chains behind the records in @b->todo to workers. */
static void walk(struct ntsync_wake_batch *b)
{
	if (unlikely(b->foreign))
		ntsync_pi_walk_later(&b->todo);
	else
		ntsync_pi_walk(&b->todo);
}

static void update_unlock_and_wake(struct ntsync_key *key, struct ntsync_bucket *bucket,
				   struct ntsync_wake_batch *b)
{
	update_key(key, bucket, b);
	unlock_and_wake(bucket, b);
	walk(b);
}

/* Claims one batch of the waiters for which wake-ups are pending. */
static void claim_pending(struct ntsync_key *key, struct ntsync_wake_batch *b)
{
	claim_waiters(key, &key->older, key->nr_pending_wakes, b);
	key->nr_pending_wakes -= b->nr;
}

/* Makes one batch of the pending wake-ups, and releases bucket->lock. Returns how many. */
static u32 drain_batch(struct ntsync_key *key, struct ntsync_bucket *bucket)
{
	struct ntsync_wake_batch b __uninitialized;

	ntsync_wake_batch_init(&b);
	claim_pending(key, &b);
	update_unlock_and_wake(key, bucket, &b);
	return b.nr;
}

/**
 * ntsync_addr_drain_batch() - make one batch of the pending wake-ups, for a chain walk
 * @key: the key, of which a waiter has been raised
 * @bucket: its bucket; the lock is held, and released
 * @changed: gets the records whose contributions change
 */
void ntsync_addr_drain_batch(struct ntsync_key *key, struct ntsync_bucket *bucket,
			     struct ntsync_todo *changed)
{
	struct ntsync_wake_batch b __uninitialized;
	unsigned int i;

	ntsync_wake_batch_init(&b);
	claim_pending(key, &b);
	update_key(key, bucket, &b);
	unlock_and_wake(bucket, &b);
	/* current is the walk's own affair, which lowers it last. */
	for (i = 0; i < b.todo.nr; i++) {
		if (!b.foreign || b.todo.tasks[i]->task == current)
			ntsync_todo_add(changed, b.todo.tasks[i]);
	}
	if (b.foreign)
		ntsync_pi_walk_later(&b.todo);
	else
		ntsync_todo_put_all(&b.todo);
}

/*
 * The waiter leaves, maybe because it has timed out or was interrupted. If as many wake-ups are
 * pending as there are waiters in key->older, each of these was counted as woken. So it claims its
 * own wait and takes one of the wake-ups: its call succeeds. Otherwise the call could be restarted
 * and sleep for ever, although it was counted. If fewer are pending, another waiter of key->older
 * gets the wake-up.
 */
static void leave_queue(struct ntsync_key *key, struct ntsync_addr_waiter *aw)
{
	if (!ntsync_waitq_queued(&aw->node))
		return;
	if (unlikely(key->nr_pending_wakes && key->nr_pending_wakes >= key->older.count) &&
	    ntsync_key_is_older_locked(key, aw) && ntsync_wait_claim(&aw->wait, 0))
		key->nr_pending_wakes--;
	ntsync_key_dequeue_locked(key, aw);
}

/*
 * A waiter that has timed out or was interrupted leaves the queue. It, or one that was woken,
 * drains one batch of pending wake-ups. The lock is taken in any case: a waker may access the
 * waiter until it unlocks.
 */
void ntsync_addr_leave_slow(struct ntsync_addr_waiter *aw)
{
	struct ntsync_bucket *bucket = aw->bucket;
	struct ntsync_wake_batch b __uninitialized;
	struct ntsync_key *key;

	raw_spin_lock(&bucket->lock);
	key = ntsync_key_find_locked(bucket, aw->address);
	if (!key) {
		raw_spin_unlock(&bucket->lock);
		return;
	}
	ntsync_wake_batch_init(&b);
	b.namer = aw->user;
	leave_queue(key, aw);
	if (unlikely(key->nr_pending_wakes))
		claim_pending(key, &b);
	update_unlock_and_wake(key, bucket, &b);
}

/* ---- the call ---- */

/*
 * No wake-up is pending: moves a few waiters of the shorter queue to the other one, which is
 * key->queue then, and releases bucket->lock. The joined queue is at least twice as long as the one
 * that a moved waiter was in. So one waiter is moved O(log n) times at most, however many calls
 * there are.
 */
static void join_queues(struct ntsync_key *key, struct ntsync_bucket *bucket)
{
	struct ntsync_waitq_node *n;
	unsigned int i;

	if (key->older.count > key->queue.count)
		swap(key->older, key->queue);
	for (i = 0; i < NTSYNC_ADDR_BATCH && (n = ntsync_waitq_first(&key->older)); i++) {
		ntsync_waitq_erase(&key->older, n);
		ntsync_waitq_put_back(&key->queue, n);
	}
	raw_spin_unlock(&bucket->lock);
}

/*
 * Locks the bucket, and returns the key or NULL. Before that it drains the pending wake-ups of
 * earlier calls, and moves all waiters to key->queue. Nobody depends on this call yet, so it may
 * release the lock many times.
 */
static struct ntsync_key *lock_key(struct ntsync_bucket *bucket, u64 address)
{
	struct ntsync_key *key;

	for (;;) {
		raw_spin_lock(&bucket->lock);
		key = ntsync_key_find_locked(bucket, address);
		if (likely(!key || !key->older.count))
			return key;
		if (key->nr_pending_wakes)
			drain_batch(key, bucket);
		else
			join_queues(key, bucket);
		cond_resched();
	}
}

/*
 * Moves the waiters that this critical section has not reached to key->older. At most @max of them
 * are to be woken; returns the number.
 */
static u32 set_pending_wakes(struct ntsync_key *key, u32 max)
{
	if (likely(!max || !key->queue.count))
		return 0;
	key->older = key->queue;
	ntsync_waitq_init(&key->queue);
	key->nr_pending_wakes = min(max, key->older.count);
	return key->nr_pending_wakes;
}

/*
 * Makes the @rest wake-ups that this call has left pending, unless others have made them: stops
 * when none is pending. Also stops after @rest, even if a later call has left more pending. A kernel
 * with preempt=voluntary or none preempts it nowhere else.
 */
static void drain_rest(struct ntsync_bucket *bucket, u64 address, u32 rest)
{
	struct ntsync_key *key;

	do {
		cond_resched();
		raw_spin_lock(&bucket->lock);
		key = ntsync_key_find_locked(bucket, address);
		if (!key || !key->nr_pending_wakes) {
			raw_spin_unlock(&bucket->lock);
			return;
		}
		rest -= min(rest, drain_batch(key, bucket));
	} while (rest);
}

static u32 wake_waiters(struct ntsync_bucket *bucket, u64 address, u32 max)
{
	struct ntsync_wake_batch b __uninitialized;
	struct ntsync_key *key;
	u32 woken, rest = 0;
	bool found;

	do {
		key = lock_key(bucket, address);
		if (!key) {
			raw_spin_unlock(&bucket->lock);
			return 0;
		}
		ntsync_wake_batch_init(&b);
		found = claim_waiters(key, &key->queue, max, &b) || b.nr;
		woken = b.nr;
		if (woken && key->queue.count) {
			pass_on_ownership(key, &b);
			rest = set_pending_wakes(key, max - woken);
		}
		update_unlock_and_wake(key, bucket, &b);
	} while (unlikely(!found));
	if (unlikely(rest))
		drain_rest(bucket, address, rest);
	return woken + rest;
}

/*
 * Wakes the only waiter of a key for which nobody has named an owner, and removes the key. Releases
 * bucket->lock. Returns the number of tasks that it has woken.
 */
static u32 wake_only_waiter(struct ntsync_key *key, struct ntsync_bucket *bucket)
{
	struct ntsync_addr_waiter *aw = container_of(key, struct ntsync_addr_waiter, key);
	struct task_struct *p = aw->wait.acquirer.task;
	bool claimed = ntsync_wait_claim(&aw->wait, 0);

	if (likely(claimed))
		get_task_struct(p);
	ntsync_waitq_node_init(&aw->node, 0);
	ntsync_key_remove_locked(key, bucket);
	smp_store_release(&aw->wait.waker_done, true); /* (Y), pairs with (Z) in key.h */
	if (unlikely(!claimed)) {
		raw_spin_unlock(&bucket->lock);
		return 0;
	}
	preempt_disable();
	raw_spin_unlock(&bucket->lock);
	wake_up_process(p); /* (E), pairs with (D) in ntsync_wait_sleep_until() */
	preempt_enable();
	put_task_struct(p);
	return 1;
}

/* Most calls find nobody, or one waiter: 190 instructions less than wake_waiters(). */
static __always_inline u32 wake_at(struct ntsync_bucket *bucket, u64 address, u32 max)
{
	struct ntsync_key *key;

	raw_spin_lock(&bucket->lock);
	key = ntsync_key_find_locked(bucket, address);
	if (!key) {
		raw_spin_unlock(&bucket->lock);
		return 0;
	}
	if (likely(key->queue.count == 1 && !key->older.count && !ntsync_key_has_user(key)))
		return wake_only_waiter(key, bucket);
	raw_spin_unlock(&bucket->lock);
	return wake_waiters(bucket, address, max);
}

/*
 * Returns the space, or NULL if there is none. current's record holds the reference. If current has
 * no record, *@counted is the space, and the caller puts it; otherwise *@counted is NULL.
 */
static struct ntsync_space *get_existing_space(const struct ntsync_place *place,
					       struct ntsync_space **counted)
{
	struct ntsync_task *t = ntsync_task_current();
	struct ntsync_space *s;

	*counted = NULL;
	if (likely(t && ntsync_has_space(t, place)))
		return *ntsync_space_slot(t, place);
	smp_mb(); /* (X), pairs with (W) in wait.c */
	s = ntsync_space_find(place->id);
	if (s && t)
		ntsync_remember_space(t, place, s);
	else
		*counted = s;
	return s;
}

/**
 * ntsync_addr_wake() - wake tasks that wait on an address
 * @place: the place of the word
 * @count: how many at most
 *
 * Context: process.
 * Return: how many tasks were counted for a wake-up. The alert of one whose wake-up is pending may
 * still end its wait.
 */
u32 ntsync_addr_wake(const struct ntsync_place *place, u32 count)
{
	struct ntsync_space *counted, *s = get_existing_space(place, &counted);
	u32 woken = 0;

	if (s && count)
		woken = wake_at(ntsync_space_bucket(s, place->address), place->address, count);
	trace_ntsync_addr_wake(place->address, woken);
	ntsync_space_put(counted);
	return woken;
}
