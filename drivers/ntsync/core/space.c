// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of spaces. It is the only thing of waits on addresses that all users share: a lookup
 * takes no lock, and an insertion, once per process and file, holds one for a few instructions.
 */
#include <linux/rculist.h>
#include <linux/slab.h>

#include "core_internal.h"
#include "space.h"

#define TABLE_BITS	12

static struct hlist_head table[1 << TABLE_BITS];
/* Protect the slots of @table, several slots each. */
static raw_spinlock_t slot_locks[64];
static struct kmem_cache *cache;

static raw_spinlock_t *slot_lock(unsigned int slot)
{
	return &slot_locks[slot % ARRAY_SIZE(slot_locks)];
}

/*
 * Under the slot's lock, or RCU's. A space whose last reference has gone is skipped: it is empty,
 * and there may be another one with the same id.
 */
static struct ntsync_space *get_from_slot(unsigned int slot, const void *id)
{
	struct ntsync_space *s;

	hlist_for_each_entry_rcu(s, &table[slot], hash, true) {
		if (s->id == id && refcount_inc_not_zero(&s->refs))
			return s;
	}
	return NULL;
}

/* The space of @id, counted, or NULL: nobody waits in it. */
struct ntsync_space *ntsync_space_find(const void *id)
{
	guard(rcu)();
	return get_from_slot(hash_ptr(id, TABLE_BITS), id);
}

static struct ntsync_space *alloc_space(const void *id)
{
	struct ntsync_space *s = kmem_cache_zalloc(cache, GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!s)
		return NULL;
	s->id = id;
	s->number = ntsync_new_id();
	refcount_set(&s->refs, 1);
	for (i = 0; i < ARRAY_SIZE(s->buckets); i++)
		raw_spin_lock_init(&s->buckets[i].lock);
	return s;
}

/* The space of @id, counted; NULL without memory. */
struct ntsync_space *ntsync_space_find_or_create(const void *id)
{
	unsigned int slot = hash_ptr(id, TABLE_BITS);
	struct ntsync_space *s = ntsync_space_find(id), *new;

	if (s)
		return s;
	new = alloc_space(id);
	if (!new)
		return NULL;
	scoped_guard(raw_spinlock, slot_lock(slot)) {
		s = get_from_slot(slot, id);
		if (!s)
			hlist_add_head_rcu(&new->hash, &table[slot]);
	}
	if (!s)
		return new;
	kmem_cache_free(cache, new);
	return s;
}

static void free_space_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(cache, container_of(rcu, struct ntsync_space, rcu));
}

/* The last reference has gone. */
void ntsync_space_free(struct ntsync_space *s)
{
	scoped_guard(raw_spinlock, slot_lock(hash_ptr(s->id, TABLE_BITS)))
		hlist_del_rcu(&s->hash);
	call_rcu(&s->rcu, free_space_rcu);
}

int ntsync_space_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(slot_locks); i++)
		raw_spin_lock_init(&slot_locks[i]);
	cache = ntsync_cache_create("ntsync_space", sizeof(struct ntsync_space));
	return cache ? 0 : -ENOMEM;
}

/* The caller has put all spaces and waited for an RCU barrier. */
void ntsync_space_exit(void)
{
	kmem_cache_destroy(cache);
}
