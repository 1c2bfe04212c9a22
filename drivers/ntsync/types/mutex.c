// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutex: recursive, owned by an owner id that the runtime chooses, and abandoned when the runtime
 * reports that the owner has died (MUTEX_KILL).
 *
 *	state		owner	count	abandoned
 *	free		0	0	false
 *	abandoned	0	0	true	  the next acquirer gets -EOWNERDEAD
 *	held		id	1..~0	false
 */
#include <linux/errno.h>
#include <linux/rbtree.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>

#include "core/show.h"
#include "core/trace.h"
#include "pi/owner.h"
#include "types_internal.h"

static bool mutex_signaled(const struct ntsync_obj *obj, u32 owner)
{
	u32 holder = READ_ONCE(obj->mutex.owner);

	return !holder || (holder == owner && READ_ONCE(obj->mutex.count) < U32_MAX);
}

static void acquire_mutex(struct ntsync_obj *obj, struct ntsync_acquirer *acquirer)
{
	struct ntsync_mutex *m = &obj->mutex;

	ntsync_assert_obj_lock(obj);
	WRITE_ONCE(m->owner, acquirer->owner);
	WRITE_ONCE(m->count, m->count + 1);
	if (unlikely(m->task != acquirer->t)) {
		ntsync_task_put(m->task);
		m->task = ntsync_task_get(acquirer->t);
	}
	m->owner_by_id = false;
	if (m->abandoned) {
		m->abandoned = false;
		acquirer->owner_dead = true;
	}
	trace_ntsync_acquire(obj, acquirer->task, acquirer->owner, m->count);
	if (unlikely(m->contrib.to || m->listed_id || !RB_EMPTY_ROOT(&m->rt_waiters.rb_root)))
		ntsync_mutex_update_on_acquire_locked(obj, acquirer);
}

/*
 * When a task acquires the mutex all waiters with the same owner id acquire it, too, wherever they
 * are in the queue. A tree by owner id finds them: with it a hand-over among 1,000 waiters takes
 * 1.11 times the instructions of one among 2 (docs/performance.md), and iterating over the queue
 * would be O(waiters).
 */
static bool owner_less(struct rb_node *a, const struct rb_node *b)
{
	const struct ntsync_wait_entry *l = rb_entry(a, struct ntsync_wait_entry, by_owner);
	const struct ntsync_wait_entry *r = rb_entry(b, struct ntsync_wait_entry, by_owner);

	if (l->wait->acquirer.owner != r->wait->acquirer.owner)
		return l->wait->acquirer.owner < r->wait->acquirer.owner;
	return ntsync_waitq_order(&l->node) < ntsync_waitq_order(&r->node);
}

static int compare_owner(const void *key, const struct rb_node *node)
{
	const struct ntsync_wait_entry *e = rb_entry(node, struct ntsync_wait_entry, by_owner);
	u32 owner = *(const u32 *)key;

	return owner < e->wait->acquirer.owner ? -1 : owner > e->wait->acquirer.owner;
}

static void mutex_enqueued(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			   struct ntsync_todo *todo)
{
	rb_add(&e->by_owner, &obj->mutex.by_owner, owner_less);
	ntsync_mutex_add_waiter_locked(e);
	if (unlikely(!RB_EMPTY_NODE(&e->pi)))
		ntsync_mutex_update_on_wait_locked(e, todo);
}

/* If the mutex is free a release is in progress, which updates the contribution at its end. */
static void mutex_dequeued(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			   struct ntsync_todo *todo)
{
	rb_erase(&e->by_owner, &obj->mutex.by_owner);
	ntsync_mutex_remove_waiter_locked(e);
	if (obj->mutex.owner && unlikely(obj->mutex.contrib.to || obj->mutex.listed_id))
		ntsync_mutex_update_contrib_locked(obj, todo);
}

static struct ntsync_wait_entry *mutex_next_waiter(struct ntsync_obj *obj)
{
	if (!obj->mutex.owner)
		return ntsync_obj_first_any(obj);
	if (obj->mutex.count == U32_MAX)
		return NULL;
	return rb_entry_safe(rb_find_first(&obj->mutex.owner, &obj->mutex.by_owner, compare_owner),
			     struct ntsync_wait_entry, by_owner);
}

static void mutex_show(struct seq_file *m, const union ntsync_state *copy)
{
	seq_printf(m, "ntsync-owner:\t%u\n", copy->mutex.owner);
	seq_printf(m, "ntsync-count:\t%u\n", copy->mutex.count);
	seq_printf(m, "ntsync-abandoned:\t%d\n", copy->mutex.abandoned);
}

/* Prints nothing if the mutex is free, or if its owner has exited or is not known. */
static void mutex_show_tasks(struct seq_file *m, struct ntsync_obj *obj)
{
	struct task_struct *p = ntsync_mutex_get_owner_task(obj);

	if (!p)
		return;
	seq_printf(m, "ntsync-owner-tid:\t%d\n", ntsync_shown_tid(p));
	put_task_struct(p);
}

/*
 * Frees the mutex. current, as a rule the owner, updates its own priority at the end of the call.
 * If another task inherits from the mutex, the contribution to that task is removed now.
 */
static void clear_owner_locked(struct ntsync_section *s, struct ntsync_obj *obj)
{
	struct ntsync_mutex *m = &obj->mutex;

	WRITE_ONCE(m->owner, 0);
	if (s && unlikely(m->contrib.to) && m->contrib.to->task != current)
		ntsync_mutex_update_contrib_locked(obj, &s->todo);
}

/*
 * Releases one level of recursion or, if @abandon, all. -EPERM if @owner is not the owner. @s: as
 * for ntsync_obj_hand_off().
 */
static __always_inline int release_locked(struct ntsync_section *s, struct ntsync_obj *obj,
					  u32 owner, bool abandon, u32 *prev)
{
	struct ntsync_mutex *m = &obj->mutex;

	if (m->owner != owner)
		return -EPERM;
	*prev = m->count;
	WRITE_ONCE(m->count, abandon ? 0 : m->count - 1);
	m->abandoned = abandon;
	trace_ntsync_release(obj, current, owner, m->count);
	if (!m->count)
		clear_owner_locked(s, obj);
	/* At a count of U32_MAX those with the owner's id had to wait; now one can acquire. */
	if (!m->count || *prev == U32_MAX)
		ntsync_obj_hand_off(s, obj);
	/* If no waiter has acquired it, it contributes to no task. */
	if (s && unlikely(m->contrib.to || m->listed_id) && !m->owner)
		ntsync_mutex_update_contrib_locked(obj, &s->todo);
	return 0;
}

static void destroy_mutex(struct ntsync_obj *obj)
{
	WARN_ON_ONCE(obj->mutex.contrib.to || obj->mutex.listed_id);
	ntsync_task_put(obj->mutex.task);
}

static int mutex_signal(struct ntsync_section *s, u32 owner)
{
	u32 prev;

	return release_locked(s, s->obj, owner, false, &prev);
}

static const struct ntsync_obj_ops mutex_ops = {
	.name = "mutex",
	.signaled = mutex_signaled,
	.acquire = acquire_mutex,
	.signal = mutex_signal,
	.next_waiter = mutex_next_waiter,
	.enqueued = mutex_enqueued,
	.dequeued = mutex_dequeued,
	.show = mutex_show,
	.show_tasks = mutex_show_tasks,
	.destroy = destroy_mutex,
	.owned = true,
	.source = &ntsync_mutex_source,
};

/* Free if both are 0, else owned by @owner @count times; -EINVAL if only one of them is 0. */
struct ntsync_obj *ntsync_mutex_create(struct ntsync_device *dev, u32 owner, u32 count)
{
	struct ntsync_obj *obj;

	if (!owner != !count)
		return ERR_PTR(-EINVAL);
	obj = ntsync_obj_alloc(dev, &mutex_ops);
	if (!obj)
		return ERR_PTR(-ENOMEM);
	obj->mutex.owner = owner;
	obj->mutex.count = count;
	obj->mutex.owner_by_id = true;
	obj->mutex.contrib.kind = NTSYNC_CONTRIB_MUTEX;
	obj->mutex.contrib.object = obj->id;
	return obj;
}

/*
 * If a task of higher priority than current waits for the mutex, raises current to that priority
 * until the next owner has been woken and boosted; otherwise current could be preempted in between.
 * Returns true if it has raised current. For that it drops the lock, and other waiters may come
 * meanwhile: hence the loop. A task whose first call this is gets its record here; without memory
 * for it, it is not raised.
 */
static bool raise_to_waiters(struct ntsync_section *s, struct ntsync_obj *obj, u32 owner)
{
	struct ntsync_task *raised = NULL;
	int prio;

	while (obj->mutex.owner == owner) {
		prio = ntsync_mutex_prio_to_take_on_locked(obj, raised);
		if (likely(prio == MAX_RT_PRIO))
			break;
		ntsync_obj_unlock(s);
		raised = ntsync_task_find_or_create();
		if (likely(raised))
			ntsync_pi_boost_self(raised, prio);
		ntsync_obj_lock(s, obj);
		if (unlikely(!raised))
			break;
	}
	return raised;
}

static noinline int release_mutex_slow(struct ntsync_obj *obj, u32 owner, bool abandon, u32 *prev)
{
	struct ntsync_section s __uninitialized;
	bool boosted_self;
	int ret;

	ntsync_section_begin_locked(&s, obj);
	boosted_self = raise_to_waiters(&s, obj, owner);
	ret = release_locked(&s, obj, owner, abandon, prev);
	ntsync_obj_unlock(&s);
	if (unlikely(boosted_self))
		ntsync_pi_unboost_self(ntsync_task_current());
	else
		ntsync_pi_walk_own(ntsync_task_current());
	return ret;
}

static __always_inline int release_mutex(struct ntsync_obj *obj, u32 owner, bool abandon, u32 *prev)
{
	int ret;

	if (!owner || obj->ops != &mutex_ops)
		return -EINVAL;

	if (!ntsync_obj_lock_check_idle(obj))
		return release_mutex_slow(obj, owner, abandon, prev);
	ret = release_locked(NULL, obj, owner, abandon, prev);
	ntsync_obj_unlock_idle(obj, !ret);
	return ret;
}

int ntsync_mutex_unlock(struct ntsync_obj *obj, u32 owner, u32 *prev)
{
	int ret = release_mutex(obj, owner, false, prev);
	struct ntsync_task *t;

	if (ret)
		return ret;
	t = ntsync_task_find_or_create();
	if (likely(t))
		ntsync_owner_learn(obj->dev, t, owner);
	return 0;
}

int ntsync_mutex_kill(struct ntsync_obj *obj, u32 owner)
{
	struct ntsync_task *t;
	u32 prev;
	int ret = release_mutex(obj, owner, true, &prev);

	if (ret)
		return ret;
	t = ntsync_task_find_or_create();
	if (likely(t))
		ntsync_owner_learn_kill(obj->dev, t, owner);
	return 0;
}

/* -EOWNERDEAD, with owner and count 0, if the mutex is abandoned. */
int ntsync_mutex_read(struct ntsync_obj *obj, u32 *owner, u32 *count)
{
	struct ntsync_section s __uninitialized;
	int ret;

	if (obj->ops != &mutex_ops)
		return -EINVAL;

	ntsync_obj_lock(&s, obj);
	*owner = obj->mutex.owner;
	*count = obj->mutex.count;
	ret = obj->mutex.abandoned ? -EOWNERDEAD : 0;
	ntsync_obj_unlock(&s);
	return ret;
}
