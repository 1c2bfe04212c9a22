// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which task stands behind an owner id. The ids are the runtime's own, so it can
 * only be learnt from the calls that use them:
 *
 * - A task that acquires a mutex, or in whose name a waker does, is noted in the mutex
 *   itself: that is always right.
 * - A mutex that is created owned belongs to whoever is known by its owner id: the last task
 *   that has begun a wait with it or has unlocked a mutex with it, or has killed one with an id
 *   that nobody was known by. A task is known until it exits. Until one has used the id the
 *   mutex has no owner to boost; its creator is none.
 *
 * Any task of the instance can use any id, as it can acquire any mutex.
 */
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/xarray.h>

#include "lock.h"

/* A task that uses more ids than this is known by some of them only. */
#define MAX_IDS		64

/* How many ids are looked at for tasks that have exited, whenever one is added. */
#define COLLECT		4

static void forget(struct ntsync_device *dev, u32 owner, struct ntsync_task *t)
{
	if (xa_cmpxchg(&dev->owners, owner, t, NULL, 0) != t)
		return;
	atomic_dec(&t->nr_owners);
	ntsync_task_put(t);
	/* What it owns by that id has no owner any more. */
	ntsync_pi_owner_learnt(dev, owner);
}

/* The table does not grow without bound, however many tasks come and go, or ids are used. */
static void collect(struct ntsync_device *dev)
{
	unsigned long id = READ_ONCE(dev->next_owner);
	unsigned int i;

	for (i = 0; i < COLLECT; i++) {
		struct ntsync_task *t;
		bool useless = false;

		scoped_guard(rcu) {
			t = xa_find(&dev->owners, &id, ULONG_MAX, XA_PRESENT);
			if (t)
				useless = READ_ONCE(t->dead) || atomic_read(&t->nr_owners) > MAX_IDS;
			if (useless && !refcount_inc_not_zero(&t->refs))
				useless = false;
		}
		if (!t)
			break;
		if (useless) {
			forget(dev, id, t);
			ntsync_task_put(t);
		}
		id++;
	}
	WRITE_ONCE(dev->next_owner, i == COLLECT ? id : 0);
}

static void add(struct ntsync_device *dev, struct ntsync_task *t, u32 owner)
{
	struct ntsync_task *old;

	ntsync_task_get(t);
	old = xa_store(&dev->owners, owner, t, GFP_KERNEL);
	if (xa_is_err(old)) {
		/* Its next call tries again. */
		WRITE_ONCE(t->owner, 0);
		ntsync_task_put(t);
		return;
	}
	atomic_inc(&t->nr_owners);
	if (old) {
		/* So that it is learnt again if that one comes back. */
		WRITE_ONCE(old->owner, 0);
		atomic_dec(&old->nr_owners);
		ntsync_task_put(old);
	}
	collect(dev);
	ntsync_pi_owner_learnt(dev, owner);
}

static struct ntsync_task *find_locked(struct ntsync_device *dev, u32 owner)
{
	struct ntsync_task *t = xa_load(&dev->owners, owner);

	return t && !READ_ONCE(t->dead) ? t : NULL;
}

/* The part of ntsync_owner_learn() that is only for what was not known. */
void ntsync_owner_note(struct ntsync_device *dev, struct ntsync_task *t, u32 owner)
{
	bool known;

	t->owner_dev = dev->id;
	WRITE_ONCE(t->owner, owner);
	/* Before the look: whoever takes the id from now on clears it, see add(). */
	smp_mb();
	scoped_guard(rcu)
		known = find_locked(dev, owner) == t;
	if (!known)
		add(dev, t, owner);
}

/* current has killed @owner, most likely in the name of somebody else, who may have exited. */
void ntsync_owner_learn_killer(struct ntsync_device *dev, struct ntsync_task *t, u32 owner)
{
	bool known;

	scoped_guard(rcu)
		known = find_locked(dev, owner);
	if (!known)
		add(dev, t, owner);
}

/**
 * ntsync_mutex_find_owner_locked() - the record of the task that owns a mutex
 * @obj: the mutex; obj->lock is held
 *
 * Return: the record, which stays as long as the lock is held; NULL if the mutex is free, or
 * it is not known who has it. The task may have exited.
 */
struct ntsync_task *ntsync_mutex_find_owner_locked(struct ntsync_obj *obj)
{
	struct ntsync_mutex *m = &obj->mutex;

	ntsync_assert_obj_lock(obj);
	if (!m->owner)
		return NULL;
	/* obj->lock keeps preemption off, and so a record that others forget meanwhile. */
	return m->guessed ? find_locked(obj->dev, m->owner) : m->task;
}

/* A reference to the owner's task, or NULL. */
struct task_struct *ntsync_owner_get_task(struct ntsync_obj *obj)
{
	struct task_struct *p = NULL;
	struct ntsync_task *t;

	raw_spin_lock(&obj->lock);
	t = ntsync_mutex_find_owner_locked(obj);
	if (t) {
		raw_spin_lock(&t->lock);
		if (!t->dead)
			p = get_task_struct(t->task);
		raw_spin_unlock(&t->lock);
	}
	raw_spin_unlock(&obj->lock);
	return p;
}

void ntsync_owners_init(struct ntsync_device *dev)
{
	xa_init_flags(&dev->owners, XA_FLAGS_ACCOUNT);
}

void ntsync_owners_destroy(struct ntsync_device *dev)
{
	struct ntsync_task *t;
	unsigned long owner;

	xa_for_each(&dev->owners, owner, t) {
		atomic_dec(&t->nr_owners);
		ntsync_task_put(t);
	}
	xa_destroy(&dev->owners);
}
