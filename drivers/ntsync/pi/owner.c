// SPDX-License-Identifier: GPL-2.0-only
/*
 * The task behind an owner id. The runtime chooses the ids, so the driver can only learn them from
 * the calls that use them:
 *
 * - A task that acquires a mutex, itself or through a waker, is stored in the mutex. This is
 *   always right.
 * - A mutex that is created owned belongs to the task that the table of owner ids has for its
 *   owner id: the last task that has begun a wait with the id or has unlocked a mutex with it. A
 *   task that kills a mutex with the id becomes its task only if the id has none. An id keeps its
 *   task until another task waits or unlocks with it or the task exits; of a task with more than
 *   64 ids some are dropped. While there is no task for the id, nothing is boosted; creating a
 *   mutex does not add the creator.
 *
 * Any task of the instance can use any id, as it can acquire any mutex.
 */
#include <linux/init.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/xarray.h>

#include "pi_internal.h"

/* If a task uses more ids than this, the table drops some of them. */
#define MAX_OWNER_IDS		64

/* How many ids are checked for tasks that have exited, whenever one is added. */
#define PRUNE_BATCH		4

static void (*listener)(struct ntsync_device *dev, u32 owner) __ro_after_init;

/**
 * ntsync_owner_set_listener() - register a function for changes of the table of owner ids
 * @fn: called without a raw lock when the task of an owner id has changed; has to begin with a
 *	full barrier before it looks for mutexes with that id
 *
 * The mutexes are the only listener. They register before the first instance is made.
 */
void __init ntsync_owner_set_listener(void (*fn)(struct ntsync_device *dev, u32 owner))
{
	listener = fn;
}

/*
 * One of @t's owner ids is not its own any more. If @t uses it again, ntsync_owner_learn() must not
 * stop at the comparison.
 */
static void forget_use(struct ntsync_task *t)
{
	smp_mb(); /* (P), pairs with (O) in ntsync_owner_learn_slow() */
	WRITE_ONCE(t->owner, 0);
	atomic_dec(&t->nr_owners);
}

static void remove_owner(struct ntsync_device *dev, u32 owner, struct ntsync_task *t)
{
	if (xa_cmpxchg(&dev->owners, owner, t, NULL, 0) != t)
		return;
	forget_use(t);
	ntsync_task_put(t);
	/* Mutexes that it owns by that id have no owner to boost any more. */
	listener(dev, owner);
}

/* Bounds the table, however many tasks come and go or ids are used. @owner has just been added. */
static void prune_owners(struct ntsync_device *dev, u32 owner)
{
	unsigned long id = READ_ONCE(dev->next_owner);
	unsigned int i;

	for (i = 0; i < PRUNE_BATCH; i++) {
		struct ntsync_task *t;
		bool drop = false;

		scoped_guard(rcu) {
			t = xa_find(&dev->owners, &id, ULONG_MAX, XA_PRESENT);
			if (t && id != owner)
				drop = READ_ONCE(t->dead) ||
					atomic_read(&t->nr_owners) > MAX_OWNER_IDS;
			if (drop && !refcount_inc_not_zero(&t->refs))
				drop = false;
		}
		if (!t)
			break;
		if (drop) {
			remove_owner(dev, id, t);
			ntsync_task_put(t);
		}
		id++;
	}
	WRITE_ONCE(dev->next_owner, i == PRUNE_BATCH ? id : 0);
}

static void set_owner(struct ntsync_device *dev, struct ntsync_task *t, u32 owner)
{
	struct ntsync_task *old;

	ntsync_task_get(t);
	old = xa_store(&dev->owners, owner, t, GFP_KERNEL);
	if (xa_is_err(old)) {
		/* The task's next call tries again. */
		WRITE_ONCE(t->owner, 0);
		ntsync_task_put(t);
		return;
	}
	atomic_inc(&t->nr_owners);
	if (old) {
		forget_use(old);
		ntsync_task_put(old);
	}
	prune_owners(dev, owner);
	listener(dev, owner);
}

/* The caller has preemption off or holds the RCU read lock, which keeps the record. */
struct ntsync_task *ntsync_owner_find_rcu(struct ntsync_device *dev, u32 owner)
{
	struct ntsync_task *t = xa_load(&dev->owners, owner);

	return t && !READ_ONCE(t->dead) ? t : NULL;
}

/* The slow path of ntsync_owner_learn(). */
void ntsync_owner_learn_slow(struct ntsync_device *dev, struct ntsync_task *t, u32 owner)
{
	bool known;

	t->owner_dev = dev->id;
	WRITE_ONCE(t->owner, owner);
	/*
	 * Another task changes the table, executes (P), then clears t->owner, whichever id that
	 * holds. So either our look-up sees the change, or t->owner is cleared after our write.
	 */
	smp_mb(); /* (O), pairs with (P) in forget_use() */
	scoped_guard(rcu)
		known = ntsync_owner_find_rcu(dev, owner) == t;
	if (!known)
		set_owner(dev, t, owner);
}

/*
 * current has killed @owner, most likely on behalf of another task. So it is stored only if there
 * is no task for the id.
 */
void ntsync_owner_learn_kill(struct ntsync_device *dev, struct ntsync_task *t, u32 owner)
{
	bool known;

	scoped_guard(rcu)
		known = ntsync_owner_find_rcu(dev, owner);
	if (!known)
		set_owner(dev, t, owner);
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
