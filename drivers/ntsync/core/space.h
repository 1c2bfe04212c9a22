/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spaces. A space is what the driver keeps for one process, or one file, in which tasks wait on
 * addresses. docs/lending.md says why the keys of all spaces are not in one table, nor in one per
 * instance.
 */
#ifndef NTSYNC_CORE_SPACE_H
#define NTSYNC_CORE_SPACE_H

#include <linux/cache.h>
#include <linux/hash.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define NTSYNC_SPACE_BITS	6

/**
 * struct ntsync_bucket - the keys of some addresses of a space
 * @lock: raw; has the place of an obj->lock, and is never held together with one, nor with another
 *	of its kind. Protects the bucket, its keys and their queues
 * @arrivals: how many waits have been queued in it
 * @keys: the keys, by address; addr/key.c
 */
struct ntsync_bucket {
	raw_spinlock_t lock;
	u64 arrivals;
	struct rb_root keys;
};

/**
 * struct ntsync_space - the keys of one process or file
 * @hash: in the table of spaces, while there is a reference
 * @id: the mm_struct, or the address_space of the file; only for comparison. While a task waits in
 *	the space, the mm_struct or address_space exists. While no task waits, another process or
 *	file may have the same id. It then uses this space, whose buckets are empty
 * @number: unique, never reused; for fdinfo
 * @refs: held by the records of tasks that have used it last, by calls, chain walks and fdinfo
 * @rcu: for freeing
 * @buckets: by the hash of the address
 */
struct ntsync_space {
	struct hlist_node hash;
	const void *id;
	u64 number;
	refcount_t refs;
	struct rcu_head rcu;
	struct ntsync_bucket buckets[1 << NTSYNC_SPACE_BITS];
};

static inline struct ntsync_bucket *ntsync_space_bucket(struct ntsync_space *s, u64 address)
{
	return &s->buckets[hash_64(address, NTSYNC_SPACE_BITS)];
}

static inline struct ntsync_space *ntsync_space_get(struct ntsync_space *s)
{
	refcount_inc(&s->refs);
	return s;
}

struct ntsync_space *ntsync_space_find(const void *id);
struct ntsync_space *ntsync_space_find_or_create(const void *id);
void ntsync_space_free(struct ntsync_space *s);

/* Any context. */
static inline void ntsync_space_put(struct ntsync_space *s)
{
	if (s && refcount_dec_and_test(&s->refs))
		ntsync_space_free(s);
}

int ntsync_space_init(void);
void ntsync_space_exit(void);

#endif
