// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mutex contributes to its owner: the highest priority of the real-time tasks that wait
 * for it. It is updated in the critical section of obj->lock that changes the waiters or the owner,
 * with one exception: an owner that releases the mutex keeps the contribution until the hand-off is
 * done.
 */
#include <linux/init.h>
#include <linux/sched/rt.h>
#include <linux/sched/task.h>

#include "pi/owner.h"
#include "types_internal.h"

/* ---- real-time waiters ---- */

static bool waiter_is_higher(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_wait_entry, pi)->pi_rank <
	       rb_entry(b, struct ntsync_wait_entry, pi)->pi_rank;
}

/* @e contributes @rank to the owner of its mutex. */
static void set_waiter_rank_locked(struct ntsync_wait_entry *e, u32 rank)
{
	struct rb_root_cached *waiters = &e->obj->mutex.rt_waiters;

	if (!RB_EMPTY_NODE(&e->pi)) {
		if (e->pi_rank == rank)
			return;
		rb_erase_cached(&e->pi, waiters);
		RB_CLEAR_NODE(&e->pi);
	}
	if (rank == NTSYNC_NO_CONTRIB)
		return;
	e->pi_rank = rank;
	rb_add_cached(&e->pi, waiters, waiter_is_higher);
}

/* ntsync_source_ops::update_waiter */
static int update_waiter(struct ntsync_wait *w, u32 index, int prio)
{
	struct ntsync_wait_entry *e = &w->entries[index];

	ntsync_assert_obj_lock(e->obj);
	if (e->in_mutex_queue)
		set_waiter_rank_locked(e, ntsync_contrib_pass_on(prio, w->hops));
	return prio;
}

/* @e, of a mutex, has entered a queue. */
void ntsync_mutex_add_waiter_locked(struct ntsync_wait_entry *e)
{
	struct ntsync_task *t = e->wait->acquirer.t;
	int prio;

	ntsync_assert_obj_lock(e->obj);
	if (!ntsync_pi_enabled)
		return;
	e->in_mutex_queue = true;
	e->wait->has_mutex = true;
	/*
	 * A walk that raises current after this check finds @e, and waits for obj->lock. A change
	 * from outside is noticed before the sleep, see is_verified() in pi/sleeper.c.
	 */
	if (likely(ntsync_task_queue_prio(current) == MAX_RT_PRIO))
		return;
	guard(raw_spinlock)(&t->lock);
	prio = ntsync_pi_update_wait_prio_locked(t, e->wait);
	set_waiter_rank_locked(e, ntsync_contrib_pass_on(prio, e->wait->hops));
}

/* @e has left the queue. */
void ntsync_mutex_remove_waiter_locked(struct ntsync_wait_entry *e)
{
	ntsync_assert_obj_lock(e->obj);
	e->in_mutex_queue = false;
	if (unlikely(!RB_EMPTY_NODE(&e->pi)))
		set_waiter_rank_locked(e, NTSYNC_NO_CONTRIB);
}

/* ---- the owner ---- */

/**
 * find_owner_locked() - the record of the task that owns a mutex
 * @obj: the mutex; obj->lock is held
 *
 * Return: the record, which stays while the lock is held; NULL if the mutex is free or its owner
 * is not known. The task may have exited.
 */
static struct ntsync_task *find_owner_locked(struct ntsync_obj *obj)
{
	struct ntsync_mutex *m = &obj->mutex;

	ntsync_assert_obj_lock(obj);
	if (!m->owner)
		return NULL;
	/* Preemption is off under obj->lock, so RCU keeps a record that the table drops. */
	return m->owner_by_id ? ntsync_owner_find_rcu(obj->dev, m->owner) : m->task;
}

/* The owner's task, counted; NULL if it has exited or is not known. */
struct task_struct *ntsync_mutex_get_owner_task(struct ntsync_obj *obj)
{
	struct ntsync_task *t;

	guard(raw_spinlock)(&obj->lock);
	t = find_owner_locked(obj);
	return t ? ntsync_task_get_task(t) : NULL;
}

/*
 * Mutexes that were created owned and that real-time tasks wait for. The owner of such a mutex is
 * the task that the table of owner ids has for its owner id, and that task may change. So these
 * mutexes are in dev->mutexes_by_id, by owner id:
 *
 *   a waiter, with obj->lock		a task that registers the id
 *
 *   adds the mutex to dev->mutexes_by_id	stores itself in dev->owners
 *   smp_mb(); (M), pairs with (N)	smp_mb(); (N), pairs with (M)
 *   looks up dev->owners		looks for mutexes in dev->mutexes_by_id
 *
 * At least one of them sees the other.
 */
static int compare_listed(u32 owner_id, const struct ntsync_obj *obj,
			  const struct ntsync_obj *other)
{
	if (owner_id != other->mutex.listed_id)
		return owner_id < other->mutex.listed_id ? -1 : 1;
	return obj < other ? -1 : obj > other;
}

static struct ntsync_obj *node_to_listed(const struct rb_node *node)
{
	return rb_entry(node, struct ntsync_obj, mutex.listed);
}

static bool listed_before(struct rb_node *a, const struct rb_node *b)
{
	const struct ntsync_obj *obj = node_to_listed(a);

	return compare_listed(obj->mutex.listed_id, obj, node_to_listed(b)) < 0;
}

static void update_listed_locked(struct ntsync_obj *obj)
{
	struct ntsync_mutex *m = &obj->mutex;
	bool listed = m->owner_by_id && !RB_EMPTY_ROOT(&m->rt_waiters.rb_root);
	u32 owner_id = listed ? m->owner : 0;

	if (likely(owner_id == m->listed_id))
		return;
	guard(raw_spinlock)(&obj->dev->lock);
	if (m->listed_id)
		rb_erase(&m->listed, &obj->dev->mutexes_by_id);
	m->listed_id = owner_id;
	if (owner_id)
		rb_add(&m->listed, &obj->dev->mutexes_by_id, listed_before);
	smp_mb(); /* (M), pairs with (N) in update_mutexes_of_owner() */
}

/* The first mutex with this owner id behind @after, counted and locked. */
static struct ntsync_obj *lock_next_listed(struct ntsync_device *dev, u32 owner_id,
					   const struct ntsync_obj *after)
{
	struct ntsync_obj *found = NULL;
	struct rb_node *n;

	scoped_guard(raw_spinlock, &dev->lock) {
		for (n = dev->mutexes_by_id.rb_node; n;) {
			if (compare_listed(owner_id, after, node_to_listed(n)) < 0) {
				found = node_to_listed(n);
				n = n->rb_left;
			} else {
				n = n->rb_right;
			}
		}
		if (found && found->mutex.listed_id == owner_id)
			ntsync_obj_get(found);
		else
			found = NULL;
	}
	if (found)
		raw_spin_lock(&found->lock);
	return found;
}

/* The table of owner ids has another task, or none, for @owner_id. */
static void update_mutexes_of_owner(struct ntsync_device *dev, u32 owner_id)
{
	struct ntsync_obj *obj = NULL, *last;

	smp_mb(); /* (N), pairs with (M) in update_listed_locked() */
	if (likely(RB_EMPTY_ROOT(&dev->mutexes_by_id)))
		return;
	for (;;) {
		struct ntsync_todo todo = { };

		last = obj;
		obj = lock_next_listed(dev, owner_id, last);
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

/*
 * A task does not boost itself. Nor does a waiter with the owner's id boost the owner: it can
 * acquire the mutex although it is held.
 */
static bool boosts_owner(const struct ntsync_obj *obj, const struct ntsync_wait_entry *e,
			 const struct ntsync_task *owner)
{
	return e->wait->acquirer.t != owner && e->wait->acquirer.owner != obj->mutex.owner;
}

/* Bounds the search under obj->lock: after so many skipped waiters the next one counts anyhow. */
#define MAX_SKIPPED	16

static u32 find_contrib_rank_locked(const struct ntsync_obj *obj, const struct ntsync_task *owner)
{
	struct rb_node *n = rb_first_cached(&obj->mutex.rt_waiters);
	unsigned int skipped = 0;

	for (; n; n = rb_next(n)) {
		const struct ntsync_wait_entry *e = rb_entry(n, struct ntsync_wait_entry, pi);

		if (boosts_owner(obj, e, owner) || ++skipped > MAX_SKIPPED)
			return e->pi_rank;
	}
	return NTSYNC_NO_CONTRIB;
}

/**
 * ntsync_mutex_update_contrib_locked() - update what a mutex contributes to its owner
 * @obj: the mutex; obj->lock is held
 * @todo: gets the records that a walk has to start from
 */
void ntsync_mutex_update_contrib_locked(struct ntsync_obj *obj, struct ntsync_todo *todo)
{
	struct ntsync_mutex *m = &obj->mutex;
	struct ntsync_task *owner = NULL;
	u32 rank = NTSYNC_NO_CONTRIB;

	ntsync_assert_obj_lock(obj);
	if (!ntsync_pi_enabled)
		return;
	update_listed_locked(obj);
	/* A hand-off is pending: the task that releases the mutex inherits until that is done. */
	if (!m->owner && obj->handoff_pending)
		return;
	if (m->owner && !RB_EMPTY_ROOT(&m->rt_waiters.rb_root)) {
		owner = find_owner_locked(obj);
		if (owner)
			rank = find_contrib_rank_locked(obj, owner);
	}
	ntsync_contrib_set_locked(&m->contrib, owner, rank, SCHED_FIFO, todo);
}

/*
 * A real-time task has begun to wait by @e. Only a previous owner goes to @todo: the waiter
 * verifies the present one, here or by a walk before it sleeps. Without this each blocking wait
 * would walk twice, and a wait-all once with all_lock held. A waiter that does not sleep after all
 * leaves the queue, which updates the owner.
 */
void ntsync_mutex_update_on_wait_locked(struct ntsync_wait_entry *e, struct ntsync_todo *todo)
{
	struct ntsync_contrib *contrib = &e->obj->mutex.contrib;
	struct ntsync_todo changed;
	unsigned int i;

	changed.nr = 0;
	ntsync_mutex_update_contrib_locked(e->obj, &changed);
	for (i = 0; i < changed.nr; i++) {
		if (changed.tasks[i] != contrib->to)
			ntsync_todo_add(todo, changed.tasks[i]);
	}
	ntsync_todo_put_all(&changed);
	ntsync_contrib_verify_locked(e->wait, contrib, ntsync_contrib_prio(e->pi_rank));
}

/*
 * The mutex has a new owner. The previous one is releasing the mutex, and updates itself when that
 * is done. If another task with the same owner id acquires the mutex once more, that task is the
 * owner from then on. The previous owner is in no release then, so the caller updates it through
 * @acquirer->former_owner.
 */
void ntsync_mutex_update_on_acquire_locked(struct ntsync_obj *obj, struct ntsync_acquirer *acquirer)
{
	bool again = obj->mutex.count > 1;
	struct ntsync_todo todo;
	unsigned int i;

	todo.nr = 0;
	ntsync_mutex_update_contrib_locked(obj, &todo);
	for (i = 0; i < todo.nr; i++) {
		if (todo.tasks[i] == acquirer->t)
			acquirer->must_walk = true;
		else if (again && !acquirer->former_owner)
			acquirer->former_owner = ntsync_task_get(todo.tasks[i]);
		else if (again)
			ntsync_pi_recheck_soon(todo.tasks[i]);
	}
	ntsync_todo_put_all(&todo);
}

/* The priority that current should take on before it hands off the mutex, else MAX_RT_PRIO. */
int ntsync_mutex_prio_to_take_on_locked(const struct ntsync_obj *obj,
					const struct ntsync_task *self_record)
{
	struct rb_node *n = rb_first_cached(&obj->mutex.rt_waiters);

	if (likely(!n))
		return MAX_RT_PRIO;
	return ntsync_pi_prio_to_take_on(rb_entry(n, struct ntsync_wait_entry, pi)->pi_rank,
					 self_record);
}

/* ---- the table of the source ---- */

/* ntsync_source_ops::update_contribs; a mutex contributes to one task, so one call is enough. */
static const void *update_contrib(struct ntsync_obj *obj, const void *after,
				  struct ntsync_todo *changed, struct ntsync_todo *others)
{
	ntsync_mutex_update_contrib_locked(obj, changed);
	if (obj->mutex.contrib.to && !changed->nr)
		ntsync_todo_add(others, obj->mutex.contrib.to);
	return NULL;
}

static void add_waiter(struct ntsync_wait_entry *e, struct ntsync_todo *todo)
{
	ntsync_mutex_add_waiter_locked(e);
	if (!RB_EMPTY_NODE(&e->pi))
		ntsync_mutex_update_on_wait_locked(e, todo);
}

static void remove_waiter(struct ntsync_wait_entry *e, struct ntsync_todo *todo)
{
	ntsync_mutex_remove_waiter_locked(e);
	if (todo)
		ntsync_mutex_update_contrib_locked(e->obj, todo);
}

const struct ntsync_source_ops ntsync_mutex_source = {
	.update_waiter = update_waiter,
	.update_contribs = update_contrib,
	.add = add_waiter,
	.remove = remove_waiter,
};

/* Semaphores and events have nothing to set up. */
void __init ntsync_types_init(void)
{
	ntsync_owner_set_listener(update_mutexes_of_owner);
}
