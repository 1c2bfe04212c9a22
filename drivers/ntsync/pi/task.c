// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records of tasks, from a task's first call until its exit. Only the task itself looks up
 * its record by task. Others have a counted pointer from a mutex, an owner id, a contribution or a
 * receiver, or iterate over all records (ntsync_task_next()).
 */
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "core/core.h"
#include "pi_internal.h"

static struct kmem_cache *cache;

int ntsync_task_cache_init(void)
{
	cache = ntsync_cache_create("ntsync_task", sizeof(struct ntsync_task));
	return cache ? 0 : -ENOMEM;
}

/* The caller has put all records and waited for an RCU barrier. */
void ntsync_task_cache_exit(void)
{
	kmem_cache_destroy(cache);
}

struct hlist_head ntsync_tasks[1 << NTSYNC_TASK_BITS];

/*
 * Protect the buckets of @ntsync_tasks, several buckets each, and are held for a few instructions.
 * With one lock for all, tasks of different instances would wait for each other.
 */
static raw_spinlock_t bucket_locks[64];

static raw_spinlock_t *bucket_lock(unsigned int bucket)
{
	return &bucket_locks[bucket % ARRAY_SIZE(bucket_locks)];
}

struct ntsync_task *ntsync_task_create(void)
{
	unsigned int bucket = hash_ptr(current, NTSYNC_TASK_BITS);
	struct ntsync_task *t = kmem_cache_zalloc(cache, GFP_KERNEL_ACCOUNT);

	if (!t)
		return NULL;
	t->task = get_task_struct(current);
	refcount_set(&t->refs, 1);
	raw_spin_lock_init(&t->lock);
	rt_mutex_init(&t->apply_lock);
	t->contribs = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&t->notifications);
	ntsync_pi_normal_task_init(t);
	scoped_guard(raw_spinlock, bucket_lock(bucket))
		hlist_add_head_rcu(&t->hash, &ntsync_tasks[bucket]);
	return t;
}

static void free_record_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(cache, container_of(rcu, struct ntsync_task, rcu));
}

/* Readers of the record's bucket may still access it. */
void ntsync_task_free(struct ntsync_task *t)
{
	call_rcu(&t->rcu, free_record_rcu);
}

/* A reference to the task, or NULL if it has exited. */
struct task_struct *ntsync_task_get_task(struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	return t->dead ? NULL : get_task_struct(t->task);
}

/*
 * Remove the record from the table. Contributions to it have no effect any more. Returns the
 * highest of them, as ntsync_pi_task_exit().
 */
static int retire_record(struct ntsync_task *t)
{
	unsigned int bucket = hash_ptr(t->task, NTSYNC_TASK_BITS);
	int inherited;

	scoped_guard(raw_spinlock, bucket_lock(bucket))
		hlist_del_rcu(&t->hash);
	inherited = ntsync_pi_task_exit(t);
	put_task_struct(t->task);
	ntsync_task_put(t);
	return inherited;
}

/*
 * Called by each exiting task. It must not sleep, and its work must be constant. Returns the prio
 * that current inherited, MAX_RT_PRIO if it inherited nothing.
 */
int ntsync_task_remove_current(void)
{
	struct ntsync_task *t = ntsync_task_current();
	bool keeps_module;
	int inherited;

	if (likely(!t))
		return MAX_RT_PRIO;
	keeps_module = t->keeps_module;
	inherited = retire_record(t);
	if (keeps_module)
		module_put(THIS_MODULE);
	return inherited;
}

/*
 * Iterates over the records of @bucket: returns a reference to the one after @after, which the
 * caller puts, or NULL.
 */
struct ntsync_task *ntsync_task_next(unsigned int bucket, const struct ntsync_task *after)
{
	struct ntsync_task *t, *found = NULL;

	/* The order of a bucket changes, that of the addresses does not. */
	scoped_guard(raw_spinlock, bucket_lock(bucket)) {
		hlist_for_each_entry(t, &ntsync_tasks[bucket], hash) {
			if (t > after && (!found || t < found))
				found = t;
		}
		if (found)
			ntsync_task_get(found);
	}
	return found;
}

void ntsync_task_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bucket_locks); i++)
		raw_spin_lock_init(&bucket_locks[i]);
}

/* No instance is open, and the probe of exits is gone. Tasks that have records may still run. */
void ntsync_task_exit(void)
{
	struct hlist_node *next;
	struct ntsync_task *t;
	unsigned int i;

	ntsync_pi_wait_for_setters();
	for (i = 0; i < ARRAY_SIZE(ntsync_tasks); i++) {
		hlist_for_each_entry_safe(t, next, &ntsync_tasks[i], hash)
			retire_record(t);
	}
	rcu_barrier();
}
