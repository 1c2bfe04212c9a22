// SPDX-License-Identifier: GPL-2.0-only
/*
 * A queue ordered by priority and arrival: of an object, of the requests of a channel, of an address,
 * or of the exit worker. It is a red-black tree with the leftmost node cached, so finding the first
 * node is O(1) and everything else O(log nodes). A mutex hand-over among 1,000 waiters takes
 * 1.11 times the instructions of one among 2 (docs/performance.md).
 */
#include "waitq.h"

static bool key_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_waitq_node, rb)->key <
	       rb_entry(b, struct ntsync_waitq_node, rb)->key;
}

/* No two nodes of a queue may have the same @arrival, unless they belong to one call. */
void ntsync_waitq_insert_at(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int prio,
			    u64 arrival)
{
	arrival = arrival << NTSYNC_WAITQ_ARRIVAL_SHIFT & ~NTSYNC_WAITQ_PRIO;
	n->key = ntsync_waitq_prio_bits(prio) | arrival | ntsync_waitq_tag(n);
	rb_add_cached(&n->rb, &q->tree, key_less);
	WRITE_ONCE(q->count, q->count + 1);
}

/*
 * Queues @n behind all others of its priority. Do not mix it with ntsync_waitq_insert_at() in a
 * queue: it counts the arrivals at this queue.
 */
void ntsync_waitq_insert(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int prio)
{
	ntsync_waitq_insert_at(q, n, prio, q->arrivals++);
}

void ntsync_waitq_erase(struct ntsync_waitq *q, struct ntsync_waitq_node *n)
{
	/* The only one, mostly. */
	if (likely(q->count == 1))
		q->tree = RB_ROOT_CACHED;
	else
		rb_erase_cached(&n->rb, &q->tree);
	RB_CLEAR_NODE(&n->rb);
	WRITE_ONCE(q->count, q->count - 1);
}

/* Changes the priority of a queued node; it keeps its arrival number. */
void ntsync_waitq_requeue(struct ntsync_waitq *q, struct ntsync_waitq_node *n, int prio)
{
	rb_erase_cached(&n->rb, &q->tree);
	ntsync_waitq_set_prio(n, prio);
	rb_add_cached(&n->rb, &q->tree, key_less);
}

/* Queues @n again with the priority and the arrival number that it had. */
void ntsync_waitq_put_back(struct ntsync_waitq *q, struct ntsync_waitq_node *n)
{
	rb_add_cached(&n->rb, &q->tree, key_less);
	WRITE_ONCE(q->count, q->count + 1);
}
