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
#include <linux/init.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/xarray.h>

#include "pi_internal.h"

/* A task that uses more ids than this is known by some of them only. */
#define MAX_IDS		64

/* How many ids are looked at for tasks that have exited, whenever one is added. */
#define COLLECT		4

static void (*listener)(struct ntsync_device *dev, u32 owner) __ro_after_init;

/**
 * ntsync_owner_listen() - be told when another task, or none, is known by an owner id
 * @fn: called without a raw lock; the look at the ids that it makes comes after a full barrier
 *	of its own
 *
 * There is one listener, the mutexes; it registers before the first instance is made.
 */
void __init ntsync_owner_listen(void (*fn)(struct ntsync_device *dev, u32 owner))
{
	listener = fn;
}

static void forget(struct ntsync_device *dev, u32 owner, struct ntsync_task *t)
{
	if (xa_cmpxchg(&dev->owners, owner, t, NULL, 0) != t)
		return;
	atomic_dec(&t->nr_owners);
	ntsync_task_put(t);
	/* What it owns by that id has no owner any more. */
	listener(dev, owner);
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
	listener(dev, owner);
}

/* Whoever is known by @owner; the record stays while preemption is off, or under RCU. */
struct ntsync_task *ntsync_owner_find_locked(struct ntsync_device *dev, u32 owner)
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
		known = ntsync_owner_find_locked(dev, owner) == t;
	if (!known)
		add(dev, t, owner);
}

/* current has killed @owner, most likely in the name of somebody else, who may have exited. */
void ntsync_owner_learn_killer(struct ntsync_device *dev, struct ntsync_task *t, u32 owner)
{
	bool known;

	scoped_guard(rcu)
		known = ntsync_owner_find_locked(dev, owner);
	if (!known)
		add(dev, t, owner);
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
