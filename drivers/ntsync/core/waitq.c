// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue that every wait stands in: a red-black tree whose leftmost node is
 * cached, so that looking at the next one to be served is O(1) and everything
 * else O(log waiters). Locking is the caller's.
 */
#include "waitq.h"

static bool comes_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_waitq_node, rb)->key <
	       rb_entry(b, struct ntsync_waitq_node, rb)->key;
}

/* The caller sees to it that no two nodes, but those of one call, have the same number. */
void ntsync_waitq_insert_at(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int level,
			    u64 arrival)
{
	arrival = arrival << NTSYNC_WAITQ_ARRIVAL_SHIFT & ~NTSYNC_WAITQ_LEVEL;
	n->key = ntsync_waitq_level_bits(level) | arrival | ntsync_waitq_tag(n);
	rb_add_cached(&n->rb, &q->tree, comes_before);
	WRITE_ONCE(q->count, q->count + 1);
}

/* As the last one of its level; not into a queue with numbers of an instance. */
void ntsync_waitq_insert(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int level)
{
	ntsync_waitq_insert_at(q, n, level, q->arrivals++);
}

void ntsync_waitq_erase(struct ntsync_waitq *q, struct ntsync_waitq_node *n)
{
	rb_erase_cached(&n->rb, &q->tree);
	RB_CLEAR_NODE(&n->rb);
	WRITE_ONCE(q->count, q->count - 1);
}

/* To another level; it keeps its turn among those that it joins there. */
void ntsync_waitq_move(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int level)
{
	rb_erase_cached(&n->rb, &q->tree);
	ntsync_waitq_set_level(n, level);
	rb_add_cached(&n->rb, &q->tree, comes_before);
}

/* Back where it was taken out: at its level, and with its turn. */
void ntsync_waitq_put_back(struct ntsync_waitq *q, struct ntsync_waitq_node *n)
{
	rb_add_cached(&n->rb, &q->tree, comes_before);
	WRITE_ONCE(q->count, q->count + 1);
}
