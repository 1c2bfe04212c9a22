// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mutex contributes to its owner: the priority of the most urgent real-time task
 * that it keeps waiting. Kept up to date in the same hold of obj->lock as each change of the
 * waiters and of the owner.
 */
#include <linux/init.h>
#include <linux/sched/rt.h>
#include <linux/sched/task.h>

#include "pi/owner.h"
#include "types_internal.h"

/* ---- the real-time tasks that wait for it ---- */

static bool is_more_urgent(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_wait_entry, pi)->pi_key <
	       rb_entry(b, struct ntsync_wait_entry, pi)->pi_key;
}

/* @e is worth @key to the owner of its mutex now. */
static void place_locked(struct ntsync_wait_entry *e, u32 key)
{
	struct rb_root_cached *waiters = &e->obj->mutex.waiters;

	if (!RB_EMPTY_NODE(&e->pi)) {
		if (e->pi_key == key)
			return;
		rb_erase_cached(&e->pi, waiters);
		RB_CLEAR_NODE(&e->pi);
	}
	if (key == NTSYNC_NO_CONTRIB)
		return;
	e->pi_key = key;
	rb_add_cached(&e->pi, waiters, is_more_urgent);
}

static u32 key_of(const struct ntsync_wait *w, int prio)
{
	if (prio >= MAX_RT_PRIO || w->hops >= NTSYNC_MAX_HOPS)
		return NTSYNC_NO_CONTRIB;
	return ntsync_contrib_key(prio, w->hops + 1);
}

/* ntsync_source_ops::move */
static int move_waiter(struct ntsync_wait *w, u32 index, int prio)
{
	struct ntsync_wait_entry *e = &w->entries[index];

	ntsync_assert_obj_lock(e->obj);
	if (e->queued)
		place_locked(e, key_of(w, prio));
	return prio;
}

/* @e, of a mutex, has come into a queue. */
void ntsync_mutex_add_waiter_locked(struct ntsync_wait_entry *e)
{
	struct ntsync_task *t = e->wait->taker.t;

	ntsync_assert_obj_lock(e->obj);
	if (!ntsync_pi_enabled)
		return;
	e->queued = true;
	/* If that changes now, whoever changes it comes here after us. */
	if (likely(ntsync_task_level(current) == MAX_RT_PRIO))
		return;
	guard(raw_spinlock)(&t->lock);
	place_locked(e, key_of(e->wait, ntsync_pi_wait_prio_locked(t, e->wait)));
}

/* It has left the queue. */
void ntsync_mutex_remove_waiter_locked(struct ntsync_wait_entry *e)
{
	ntsync_assert_obj_lock(e->obj);
	e->queued = false;
	if (unlikely(!RB_EMPTY_NODE(&e->pi)))
		place_locked(e, NTSYNC_NO_CONTRIB);
}

/* ---- its owner ---- */

/**
 * find_owner_locked() - the record of the task that owns a mutex
 * @obj: the mutex; obj->lock is held
 *
 * Return: the record, which stays as long as the lock is held; NULL if the mutex is free, or
 * it is not known who has it. The task may have exited.
 */
static struct ntsync_task *find_owner_locked(struct ntsync_obj *obj)
{
	struct ntsync_mutex *m = &obj->mutex;

	ntsync_assert_obj_lock(obj);
	if (!m->owner)
		return NULL;
	/* obj->lock keeps preemption off, and so a record that others forget meanwhile. */
	return m->guessed ? ntsync_owner_find_locked(obj->dev, m->owner) : m->task;
}

/* A reference to the owner's task, or NULL. */
struct task_struct *ntsync_mutex_get_owner_task(struct ntsync_obj *obj)
{
	struct task_struct *p = NULL;
	struct ntsync_task *t;

	raw_spin_lock(&obj->lock);
	t = find_owner_locked(obj);
	if (t) {
		raw_spin_lock(&t->lock);
		if (!t->dead)
			p = get_task_struct(t->task);
		raw_spin_unlock(&t->lock);
	}
	raw_spin_unlock(&obj->lock);
	return p;
}

/*
 * Mutexes that were created owned and that real-time tasks wait for: their owner is whoever is
 * known by the id, and that may change. They are found by the id:
 *
 *   a waiter, with obj->lock		a task that uses the id for the first time
 *
 *   puts the mutex into dev->guessed	stores itself in dev->owners
 *   smp_mb(); (C), pairs with (D)	smp_mb(); (D), pairs with (C)
 *   looks up dev->owners		looks for mutexes in dev->guessed
 *
 * One of them sees the other.
 */
static int compare_guess(u32 owner, const struct ntsync_obj *obj, const struct ntsync_obj *other)
{
	if (owner != other->mutex.guess_owner)
		return owner < other->mutex.guess_owner ? -1 : 1;
	return obj < other ? -1 : obj > other;
}

static struct ntsync_obj *guess_of(const struct rb_node *node)
{
	return rb_entry(node, struct ntsync_obj, mutex.guess);
}

static bool guess_before(struct rb_node *a, const struct rb_node *b)
{
	const struct ntsync_obj *obj = guess_of(a);

	return compare_guess(obj->mutex.guess_owner, obj, guess_of(b)) < 0;
}

static void update_guess_locked(struct ntsync_obj *obj)
{
	struct ntsync_mutex *m = &obj->mutex;
	u32 owner = m->guessed && !RB_EMPTY_ROOT(&m->waiters.rb_root) ? m->owner : 0;

	if (likely(owner == m->guess_owner))
		return;
	guard(raw_spinlock)(&obj->dev->lock);
	if (m->guess_owner)
		rb_erase(&m->guess, &obj->dev->guessed);
	m->guess_owner = owner;
	if (owner)
		rb_add(&m->guess, &obj->dev->guessed, guess_before);
	smp_mb(); /* (C), pairs with (D) in update_guessed() */
}

/* Of those with that id, the first one behind @after; locked, so that it stays. */
static struct ntsync_obj *lock_next_guess(struct ntsync_device *dev, u32 owner,
					  const struct ntsync_obj *after)
{
	struct ntsync_obj *found = NULL;
	struct rb_node *n;

	scoped_guard(raw_spinlock, &dev->lock) {
		for (n = dev->guessed.rb_node; n;) {
			if (compare_guess(owner, after, guess_of(n)) < 0) {
				found = guess_of(n);
				n = n->rb_left;
			} else {
				n = n->rb_right;
			}
		}
		if (found && found->mutex.guess_owner == owner)
			ntsync_obj_get(found);
		else
			found = NULL;
	}
	if (found)
		raw_spin_lock(&found->lock);
	return found;
}

/* Another task is known by @owner now. */
static void update_guessed(struct ntsync_device *dev, u32 owner)
{
	struct ntsync_obj *obj = NULL, *last;

	smp_mb(); /* (D), pairs with (C) in update_guess_locked() */
	if (likely(RB_EMPTY_ROOT(&dev->guessed)))
		return;
	for (;;) {
		struct ntsync_todo todo = { };

		last = obj;
		obj = lock_next_guess(dev, owner, last);
		if (obj) {
			ntsync_mutex_update_contrib_locked(obj, &todo);
			raw_spin_unlock(&obj->lock);
		}
		if (last)
			ntsync_obj_put_later(last);
		if (!obj)
			return;
		ntsync_pi_walk(&todo);
	}
}

/* ---- what it contributes ---- */

/* Nobody inherits from itself, nor from a task that has the same owner id and gets it all the same. */
static bool counts(const struct ntsync_obj *obj, const struct ntsync_wait_entry *e,
		   const struct ntsync_task *owner)
{
	return e->wait->taker.t != owner && e->wait->taker.owner != obj->mutex.owner;
}

/* How many who don't count are passed over; nobody shares an id with so many. */
#define MAX_OWN	16

static u32 first_key_locked(const struct ntsync_obj *obj, const struct ntsync_task *owner)
{
	struct rb_node *n = rb_first_cached(&obj->mutex.waiters);
	unsigned int own = 0;

	for (; n; n = rb_next(n)) {
		const struct ntsync_wait_entry *e = rb_entry(n, struct ntsync_wait_entry, pi);

		if (counts(obj, e, owner) || ++own > MAX_OWN)
			return e->pi_key;
	}
	return NTSYNC_NO_CONTRIB;
}

/**
 * ntsync_mutex_update_contrib_locked() - have a mutex contribute what it should
 * @obj: the mutex; obj->lock is held
 * @todo: gets the records for which something has changed
 */
void ntsync_mutex_update_contrib_locked(struct ntsync_obj *obj, struct ntsync_todo *todo)
{
	struct ntsync_mutex *m = &obj->mutex;
	struct ntsync_task *owner = NULL;
	u32 key = NTSYNC_NO_CONTRIB;

	ntsync_assert_obj_lock(obj);
	if (!ntsync_pi_enabled)
		return;
	update_guess_locked(obj);
	/* It is being handed on: whoever gives it away inherits until that is done. */
	if (!m->owner && obj->unsettled)
		return;
	if (m->owner && !RB_EMPTY_ROOT(&m->waiters.rb_root)) {
		owner = find_owner_locked(obj);
		if (owner)
			key = first_key_locked(obj, owner);
	}
	ntsync_contrib_move_locked(&m->contrib, owner, key, SCHED_FIFO, todo);
}

/*
 * A real-time task has begun to wait for it. The owner is seen to when that task verifies what
 * it waits for, before it sleeps; @todo gets only who was the owner before.
 */
void ntsync_mutex_update_waited_for_locked(struct ntsync_obj *obj, struct ntsync_todo *todo)
{
	struct ntsync_todo all;
	unsigned int i;

	all.nr = 0;
	ntsync_mutex_update_contrib_locked(obj, &all);
	for (i = 0; i < all.nr; i++) {
		if (all.tasks[i] != obj->mutex.contrib.to)
			ntsync_todo_add(todo, all.tasks[i]);
	}
	ntsync_todo_drop(&all);
}

/*
 * It has a new owner. Who has had it before is in the middle of giving it away, and sees to itself;
 * but of several tasks with one owner id the last one to acquire it has it, and the one before
 * may do anything.
 */
void ntsync_mutex_update_acquired_locked(struct ntsync_obj *obj, struct ntsync_taker *taker)
{
	bool again = obj->mutex.count > 1;
	struct ntsync_todo todo;
	unsigned int i;

	todo.nr = 0;
	ntsync_mutex_update_contrib_locked(obj, &todo);
	for (i = 0; i < todo.nr; i++) {
		if (todo.tasks[i] == taker->t)
			taker->boosted = true;
		else if (again && !taker->lost)
			taker->lost = ntsync_task_get(todo.tasks[i]);
		else if (again)
			ntsync_pi_look_soon(todo.tasks[i]);
	}
	ntsync_todo_drop(&todo);
}

/*
 * Is somebody more urgent than current kept waiting? Then current should not be preempted
 * between handing the mutex on and seeing to the new owner. Its priority, or MAX_RT_PRIO.
 * @joined: current's record, if it has joined once: then it is as urgent as that says, even
 * if it could not be given it.
 */
int ntsync_mutex_urgent_prio_locked(const struct ntsync_obj *obj, const struct ntsync_task *joined)
{
	struct rb_node *n = rb_first_cached(&obj->mutex.waiters);
	int own = ntsync_normal_prio(current), prio;

	if (likely(!n))
		return MAX_RT_PRIO;
	if (joined)
		own = min(own, ntsync_contrib_prio(joined->work.key));
	prio = ntsync_contrib_prio(rb_entry(n, struct ntsync_wait_entry, pi)->pi_key);
	return prio < own ? prio : MAX_RT_PRIO;
}

/* ---- what the arbiter and the core call ---- */

/* ntsync_source_ops::update; a mutex contributes to one task, so there is no next one. */
static const void *update(struct ntsync_obj *obj, const void *after, struct ntsync_todo *changed,
			  struct ntsync_todo *same)
{
	ntsync_mutex_update_contrib_locked(obj, changed);
	if (obj->mutex.contrib.to && !changed->nr)
		ntsync_todo_add(same, obj->mutex.contrib.to);
	return NULL;
}

static void add(struct ntsync_wait_entry *e, struct ntsync_todo *todo)
{
	ntsync_mutex_add_waiter_locked(e);
	ntsync_mutex_update_waited_for_locked(e->obj, todo);
}

static void remove(struct ntsync_wait_entry *e, struct ntsync_todo *todo)
{
	ntsync_mutex_remove_waiter_locked(e);
	if (todo)
		ntsync_mutex_update_contrib_locked(e->obj, todo);
}

const struct ntsync_source_ops ntsync_mutex_source = {
	.move = move_waiter,
	.update = update,
	.add = add,
	.remove = remove,
};

void __init ntsync_types_init(void)
{
	ntsync_owner_listen(update_guessed);
}
