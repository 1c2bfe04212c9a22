/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A queue in the order of (level, arrival). Locking is the caller's.
 */
#ifndef NTSYNC_CORE_WAITQ_H
#define NTSYNC_CORE_WAITQ_H

#include <linux/bits.h>
#include <linux/rbtree.h>
#include <linux/types.h>

/**
 * struct ntsync_waitq_node - a place in a queue
 * @rb: the tree's link; an empty node is not queued
 * @key: what it is sorted by, the least first, so that it takes one comparison:
 *	level + 1	8 bits; the lower the sooner, see ntsync_task_level()
 *	arrival		48 bits; the how manieth arrival at this queue, or in the instance: first
 *			come, first served within a level, and kept when the node moves to
 *			another one, or when an interrupted call is made again (ticket.c).
 *			That is enough for nine years of a million a second
 *	tag		8 bits; what else whoever it belongs to wants to know. It never
 *			decides, as no two arrivals are the same but those of one call
 *
 * Protected by the lock of the queue it is in.
 */
struct ntsync_waitq_node {
	struct rb_node rb;
	u64 key;
};

#define NTSYNC_WAITQ_LEVEL_SHIFT	56
#define NTSYNC_WAITQ_ARRIVAL_SHIFT	8
#define NTSYNC_WAITQ_LEVEL		GENMASK_ULL(63, NTSYNC_WAITQ_LEVEL_SHIFT)
#define NTSYNC_WAITQ_TAG		GENMASK_ULL(NTSYNC_WAITQ_ARRIVAL_SHIFT - 1, 0)

struct ntsync_waitq {
	struct rb_root_cached tree;
	u64 arrivals;
	u32 count;
};

void ntsync_waitq_insert(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int level);
void ntsync_waitq_insert_at(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int level,
			    u64 arrival);
void ntsync_waitq_erase(struct ntsync_waitq *q, struct ntsync_waitq_node *n);
void ntsync_waitq_move(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int level);
void ntsync_waitq_put_back(struct ntsync_waitq *q, struct ntsync_waitq_node *n);

static inline void ntsync_waitq_node_init(struct ntsync_waitq_node *n, u8 tag)
{
	RB_CLEAR_NODE(&n->rb);
	n->key = tag;
}

static inline int ntsync_waitq_level(const struct ntsync_waitq_node *n)
{
	return (int)(n->key >> NTSYNC_WAITQ_LEVEL_SHIFT) - 1;
}

static inline u8 ntsync_waitq_tag(const struct ntsync_waitq_node *n)
{
	return n->key & NTSYNC_WAITQ_TAG;
}

/* For comparing within one queue. */
static inline u64 ntsync_waitq_arrival(const struct ntsync_waitq_node *n)
{
	return n->key & ~NTSYNC_WAITQ_LEVEL;
}

static inline u64 ntsync_waitq_level_bits(int level)
{
	return (u64)(level + 1) << NTSYNC_WAITQ_LEVEL_SHIFT;
}

/* Of a node that is in no queue. */
static inline void ntsync_waitq_set_level(struct ntsync_waitq_node *n, int level)
{
	n->key = ntsync_waitq_arrival(n) | ntsync_waitq_level_bits(level);
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
