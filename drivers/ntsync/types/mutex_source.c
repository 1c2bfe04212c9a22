// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mutex contributes to its owner: the highest priority of the real-time tasks that wait for
 * it. Every change of the waiters or of the owner updates the contribution in the same locked
 * section.
 */
#include <linux/init.h>
#include <linux/sched/rt.h>
#include <linux/sched/task.h>

#include "pi/owner.h"
#include "types_internal.h"

/* ---- waiters that are real-time tasks ---- */

static bool pi_key_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_wait_entry, pi)->pi_key <
	       rb_entry(b, struct ntsync_wait_entry, pi)->pi_key;
}

/* Sets the key of @e in the tree of waiters; NTSYNC_NO_CONTRIB removes it. */
static void set_waiter_key_locked(struct ntsync_wait_entry *e, u32 key)
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
	rb_add_cached(&e->pi, waiters, pi_key_less);
}

static u32 make_waiter_key(const struct ntsync_wait *w, int prio)
{
	if (prio >= MAX_RT_PRIO || w->hops >= NTSYNC_MAX_HOPS)
		return NTSYNC_NO_CONTRIB;
	return ntsync_contrib_key(prio, w->hops + 1);
}

/* ntsync_source_ops::move */
static int set_waiter_prio(struct ntsync_wait *w, u32 index, int prio)
{
	struct ntsync_wait_entry *e = &w->entries[index];

	ntsync_assert_obj_lock(e->obj);
	if (e->queued)
		set_waiter_key_locked(e, make_waiter_key(w, prio));
	return prio;
}

/* @e has entered a queue of its mutex. */
void ntsync_mutex_add_waiter_locked(struct ntsync_wait_entry *e)
{
	struct ntsync_task *t = e->wait->taker.t;

	ntsync_assert_obj_lock(e->obj);
	if (!ntsync_pi_enabled)
		return;
	e->queued = true;
	/* If the priority is raised after this check, the walk of that call finds @e. */
	if (likely(ntsync_task_level(current) == MAX_RT_PRIO))
		return;
	guard(raw_spinlock)(&t->lock);
	set_waiter_key_locked(e, make_waiter_key(e->wait, ntsync_pi_wait_prio_locked(t, e->wait)));
}

/* @e has left the queue. */
void ntsync_mutex_remove_waiter_locked(struct ntsync_wait_entry *e)
{
	ntsync_assert_obj_lock(e->obj);
	e->queued = false;
	if (unlikely(!RB_EMPTY_NODE(&e->pi)))
		set_waiter_key_locked(e, NTSYNC_NO_CONTRIB);
}

/* ---- the owner ---- */

/**
 * find_owner_locked() - the record of the task that owns a mutex
 * @obj: the mutex; obj->lock is held
 *
 * Return: the record, valid while the lock is held; NULL if the mutex is free or its owner is not
 * known. The task may have exited.
 */
static struct ntsync_task *find_owner_locked(struct ntsync_obj *obj)
{
	struct ntsync_mutex *m = &obj->mutex;

	ntsync_assert_obj_lock(obj);
	if (!m->owner)
		return NULL;
	/* obj->lock disables preemption, so RCU keeps a record that others drop meanwhile. */
	return m->owner_by_id ? ntsync_owner_find_locked(obj->dev, m->owner) : m->task;
}

/* The owner's task, counted; NULL if it has exited or is not known. */
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
 * A mutex that was created owned has no record of its owner: the owner is the task that is
 * registered under the owner id, and another task may register later. While real-time tasks wait
 * for such a mutex it is in dev->mutexes_by_id, where a task that registers finds it:
 *
 *   a waiter, with obj->lock		a task that registers the id
 *
 *   adds the mutex to mutexes_by_id	stores its record in dev->owners
 *   smp_mb(); (I)			smp_mb(); (J)
 *   looks up dev->owners		looks for mutexes in mutexes_by_id
 *
 * At least one of the two sees what the other has done.
 */
static int compare_listed(u32 owner, const struct ntsync_obj *obj, const struct ntsync_obj *other)
{
	if (owner != other->mutex.listed_id)
		return owner < other->mutex.listed_id ? -1 : 1;
	return obj < other ? -1 : obj > other;
}

static struct ntsync_obj *listed_mutex(const struct rb_node *node)
{
	return rb_entry(node, struct ntsync_obj, mutex.listed);
}

static bool listed_less(struct rb_node *a, const struct rb_node *b)
{
	const struct ntsync_obj *obj = listed_mutex(a);

	return compare_listed(obj->mutex.listed_id, obj, listed_mutex(b)) < 0;
}

static void update_listed_locked(struct ntsync_obj *obj)
{
	struct ntsync_mutex *m = &obj->mutex;
	u32 owner = m->owner_by_id && !RB_EMPTY_ROOT(&m->waiters.rb_root) ? m->owner : 0;

	if (likely(owner == m->listed_id))
		return;
	guard(raw_spinlock)(&obj->dev->lock);
	if (m->listed_id)
		rb_erase(&m->listed, &obj->dev->mutexes_by_id);
	m->listed_id = owner;
	if (owner)
		rb_add(&m->listed, &obj->dev->mutexes_by_id, listed_less);
	smp_mb(); /* (I), pairs with (J) in update_listed_mutexes() */
}

/* The first mutex with that owner id behind @after, counted and locked; NULL if there is none. */
static struct ntsync_obj *lock_next_listed(struct ntsync_device *dev, u32 owner,
					   const struct ntsync_obj *after)
{
	struct ntsync_obj *found = NULL;
	struct rb_node *n;

	scoped_guard(raw_spinlock, &dev->lock) {
		for (n = dev->mutexes_by_id.rb_node; n;) {
			if (compare_listed(owner, after, listed_mutex(n)) < 0) {
				found = listed_mutex(n);
				n = n->rb_left;
			} else {
				n = n->rb_right;
			}
		}
		if (found && found->mutex.listed_id == owner)
			ntsync_obj_get(found);
		else
			found = NULL;
	}
	if (found)
		raw_spin_lock(&found->lock);
	return found;
}

/* Listener of the owner table: another task is registered under @owner. */
static void update_listed_mutexes(struct ntsync_device *dev, u32 owner)
{
	struct ntsync_obj *obj = NULL, *last;

	smp_mb(); /* (J), pairs with (I) in update_listed_locked() */
	if (likely(RB_EMPTY_ROOT(&dev->mutexes_by_id)))
		return;
	for (;;) {
		struct ntsync_todo todo = { };

		last = obj;
		obj = lock_next_listed(dev, owner, last);
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

/* ---- the contribution ---- */

/* No task inherits from itself, nor from a task with its owner id, which can acquire the mutex. */
static bool may_inherit_from(const struct ntsync_obj *obj, const struct ntsync_wait_entry *e,
			     const struct ntsync_task *owner)
{
	return e->wait->taker.t != owner && e->wait->taker.owner != obj->mutex.owner;
}

/*
 * Bounds the iteration over waiters that the owner does not inherit from. If there are more the
 * owner inherits from one of them.
 */
#define MAX_SKIPPED	16

static u32 find_top_key_locked(const struct ntsync_obj *obj, const struct ntsync_task *owner)
{
	struct rb_node *n = rb_first_cached(&obj->mutex.waiters);
	unsigned int skipped = 0;

	for (; n; n = rb_next(n)) {
		const struct ntsync_wait_entry *e = rb_entry(n, struct ntsync_wait_entry, pi);

		if (may_inherit_from(obj, e, owner) || ++skipped > MAX_SKIPPED)
			return e->pi_key;
	}
	return NTSYNC_NO_CONTRIB;
}

/**
 * ntsync_mutex_update_contrib_locked() - update the contribution of a mutex
 * @obj: the mutex; obj->lock is held
 * @todo: the records whose contributions have changed are added to it
 */
void ntsync_mutex_update_contrib_locked(struct ntsync_obj *obj, struct ntsync_todo *todo)
{
	struct ntsync_mutex *m = &obj->mutex;
	struct ntsync_task *owner = NULL;
	u32 key = NTSYNC_NO_CONTRIB;

	ntsync_assert_obj_lock(obj);
	if (!ntsync_pi_enabled)
		return;
	update_listed_locked(obj);
	/* During a hand-off the previous owner still inherits, until the next one has the mutex. */
	if (!m->owner && obj->handoff_pending)
		return;
	if (m->owner && !RB_EMPTY_ROOT(&m->waiters.rb_root)) {
		owner = find_owner_locked(obj);
		if (owner)
			key = find_top_key_locked(obj, owner);
	}
	ntsync_contrib_move_locked(&m->contrib, owner, key, SCHED_FIFO, todo);
}

/*
 * A real-time task has begun to wait. @todo gets only a previous owner, whose contribution has
 * gone: the waiter boosts the present owner itself, when it verifies its chain before it sleeps.
 */
void ntsync_mutex_update_on_wait_locked(struct ntsync_obj *obj, struct ntsync_todo *todo)
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
 * The mutex has a new owner. A previous owner that has released it updates its own priority at the
 * end of that call. But if a second task with the same owner id acquires the mutex recursively, the
 * first one makes no such call: @taker->lost has it updated.
 */
void ntsync_mutex_update_on_acquire_locked(struct ntsync_obj *obj, struct ntsync_taker *taker)
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
 * The priority of the first waiter if it is higher than that of current, else MAX_RT_PRIO. @joined:
 * current's record if ntsync_pi_join() has raised current before, else NULL; the priority asked for
 * then counts as current's, even if it could not be set.
 */
int ntsync_mutex_higher_prio_locked(const struct ntsync_obj *obj, const struct ntsync_task *joined)
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

/* ---- operations for the arbiter and the core ---- */

/* ntsync_source_ops::update; a mutex contributes to one task, so there is no next one. */
static const void *update_contrib(struct ntsync_obj *obj, const void *after,
				  struct ntsync_todo *changed, struct ntsync_todo *same)
{
	ntsync_mutex_update_contrib_locked(obj, changed);
	if (obj->mutex.contrib.to && !changed->nr)
		ntsync_todo_add(same, obj->mutex.contrib.to);
	return NULL;
}

static void add_all_entry(struct ntsync_wait_entry *e, struct ntsync_todo *todo)
{
	ntsync_mutex_add_waiter_locked(e);
	ntsync_mutex_update_on_wait_locked(e->obj, todo);
}

static void remove_all_entry(struct ntsync_wait_entry *e, struct ntsync_todo *todo)
{
	ntsync_mutex_remove_waiter_locked(e);
	if (todo)
		ntsync_mutex_update_contrib_locked(e->obj, todo);
}

const struct ntsync_source_ops ntsync_mutex_source = {
	.move = set_waiter_prio,
	.update = update_contrib,
	.add = add_all_entry,
	.remove = remove_all_entry,
};

void __init ntsync_types_init(void)
{
	ntsync_owner_listen(update_listed_mutexes);
}
