/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A queue ordered by (priority, arrival). Locking is the caller's.
 */
#ifndef NTSYNC_CORE_WAITQ_H
#define NTSYNC_CORE_WAITQ_H

#include <linux/bits.h>
#include <linux/rbtree.h>
#include <linux/types.h>

/**
 * struct ntsync_waitq_node - an entry of a queue
 * @rb: link in the tree; an empty node is not queued
 * @key: sort key, the lowest first; one number, so that a step down the tree is one comparison:
 *	priority + 1	8 bits; see ntsync_task_queue_prio()
 *	arrival		48 bits; counts the arrivals at this queue, in the instance, or in the bucket
 *			of an address. First come, first served within a priority. A node keeps it
 *			when its priority changes and when an interrupted call is made again
 *			(ticket.c). 48 bits last for nine years of a million arrivals a second
 *	tag		8 bits; data of the node's owner. It decides the order only between entries
 *			of one call, as no other two have the same arrival
 *
 * Protected by the lock of the queue it is in.
 */
struct ntsync_waitq_node {
	struct rb_node rb;
	u64 key;
};

#define NTSYNC_WAITQ_PRIO_SHIFT	56
#define NTSYNC_WAITQ_ARRIVAL_SHIFT	8
#define NTSYNC_WAITQ_PRIO		GENMASK_ULL(63, NTSYNC_WAITQ_PRIO_SHIFT)
#define NTSYNC_WAITQ_TAG		GENMASK_ULL(NTSYNC_WAITQ_ARRIVAL_SHIFT - 1, 0)

struct ntsync_waitq {
	struct rb_root_cached tree;
	u64 arrivals;
	u32 count;
};

void ntsync_waitq_insert(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int prio);
void ntsync_waitq_insert_at(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int prio,
			    u64 arrival);
void ntsync_waitq_erase(struct ntsync_waitq *q, struct ntsync_waitq_node *n);
void ntsync_waitq_requeue(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int prio);
void ntsync_waitq_put_back(struct ntsync_waitq *q, struct ntsync_waitq_node *n);

static inline void ntsync_waitq_node_init(struct ntsync_waitq_node *n, u8 tag)
{
	RB_CLEAR_NODE(&n->rb);
	n->key = tag;
}

static inline int ntsync_waitq_prio(const struct ntsync_waitq_node *n)
{
	return (int)(n->key >> NTSYNC_WAITQ_PRIO_SHIFT) - 1;
}

static inline u8 ntsync_waitq_tag(const struct ntsync_waitq_node *n)
{
	return n->key & NTSYNC_WAITQ_TAG;
}

/* Arrival and tag: orders two nodes of one queue by arrival. */
static inline u64 ntsync_waitq_order(const struct ntsync_waitq_node *n)
{
	return n->key & ~NTSYNC_WAITQ_PRIO;
}

static inline u64 ntsync_waitq_prio_bits(int prio)
{
	return (u64)(prio + 1) << NTSYNC_WAITQ_PRIO_SHIFT;
}

/* @n must not be in a tree that is sorted by key. */
static inline void ntsync_waitq_set_prio(struct ntsync_waitq_node *n, int prio)
{
	n->key = ntsync_waitq_order(n) | ntsync_waitq_prio_bits(prio);
}

static inline void ntsync_waitq_init(struct ntsync_waitq *q)
{
	q->tree = RB_ROOT_CACHED;
	q->arrivals = 0;
	q->count = 0;
}

static inline struct ntsync_waitq_node *ntsync_waitq_first(const struct ntsync_waitq *q)
{
	return rb_entry_safe(rb_first_cached(&q->tree), struct ntsync_waitq_node, rb);
}

static inline struct ntsync_waitq_node *ntsync_waitq_next(const struct ntsync_waitq_node *n)
{
	return rb_entry_safe(rb_next(&n->rb), struct ntsync_waitq_node, rb);
}

static inline bool ntsync_waitq_queued(const struct ntsync_waitq_node *n)
{
	return !RB_EMPTY_NODE(&n->rb);
}

#endif
