// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records of tasks: from the first call of a task until its exit. Only the task itself
 * looks its record up. Everybody else has a counted pointer from a mutex, an owner id, a
 * contribution or a receiver.
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

/* Nobody has a record any more, and an RCU barrier has passed. */
void ntsync_task_cache_exit(void)
{
	kmem_cache_destroy(cache);
}

struct hlist_head ntsync_tasks[1 << NTSYNC_TASK_BITS];

/* Of @ntsync_tasks, one for several buckets each; held for a few instructions. */
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
	INIT_LIST_HEAD(&t->noticed);
	ntsync_pi_task_init(t);
	scoped_guard(raw_spinlock, bucket_lock(bucket))
		hlist_add_head_rcu(&t->hash, &ntsync_tasks[bucket]);
	return t;
}

static void free_by_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(cache, container_of(rcu, struct ntsync_task, rcu));
}

/* Nobody has a counted pointer to it; readers of its bucket may still pass it. */
void ntsync_task_free(struct ntsync_task *t)
{
	call_rcu(&t->rcu, free_by_rcu);
}

/* It can't be found any more, and contributions to it mean nothing. */
static void retire(struct ntsync_task *t)
{
	unsigned int bucket = hash_ptr(t->task, NTSYNC_TASK_BITS);

	scoped_guard(raw_spinlock, bucket_lock(bucket))
		hlist_del_rcu(&t->hash);
	ntsync_pi_task_exit(t);
	put_task_struct(t->task);
	ntsync_task_put(t);
}

/* By every task that exits, with preemption off: constant work. */
void ntsync_task_retire(void)
{
	struct ntsync_task *t = ntsync_task_find();
	bool keeps_module;

	if (likely(!t))
		return;
	keeps_module = t->keeps_module;
	retire(t);
	if (keeps_module)
		module_put(THIS_MODULE);
}

/* Bucket @bucket, one after the other: the one after @after, which is put, counted; or NULL. */
struct ntsync_task *ntsync_task_next(unsigned int bucket, const struct ntsync_task *after)
{
	struct ntsync_task *t, *found = NULL;

	/* They are sorted by nothing that stays, so each is found by its address. */
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

/*
 * Nobody has an instance open, and exits are not heard of any more. Tasks that have used an
 * instance may be there still.
 */
void ntsync_task_exit(void)
{
	struct hlist_node *next;
	struct ntsync_task *t;
	unsigned int i;

	ntsync_pi_wait_for_bases();
	for (i = 0; i < ARRAY_SIZE(ntsync_tasks); i++) {
		hlist_for_each_entry_safe(t, next, &ntsync_tasks[i], hash)
			retire(t);
	}
	rcu_barrier();
}
