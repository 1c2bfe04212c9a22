/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pool of items of one size, each with an index. Memory is mapped in segments and unmapped
 * only with the pool, so an item that has been in use once stays readable at its address.
 * Allocating and freeing takes no lock, and constant time.
 *
 * An item begins with a 64-bit word. While the item is free, the low NT_LINK_BITS of the word
 * belong to the pool. The pool never changes the other bits: the user of the pool keeps there
 * what has to survive a free item, and what tells a free item from one in use.
 */
#ifndef LIBNTSYNC_NT_POOL_H
#define LIBNTSYNC_NT_POOL_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NT_LINK_BITS	28
#define NT_LINK_MASK	((1ull << NT_LINK_BITS) - 1)
/* No item has this index. */
#define NT_NO_INDEX	((uint32_t)NT_LINK_MASK)

/* What every allocation writes must not share a cache line with what every lookup reads. */
#define NT_CACHE_LINE	64

/**
 * struct nt_pool - a pool
 * @segments: one pointer per segment, NULL until the segment is mapped.
 * @item_size: bytes per item.
 * @shift: logarithm of the number of items per segment.
 * @capacity: how many items there can be.
 * @fifo: free items are a queue: the one freed first is used first, and only while more than
 *	@quarantine items are free. Otherwise they are a stack: the one freed last is used first.
 * @quarantine: see @fifo.
 * @nr_used: items below this index have been in use.
 * @head: the first free item: its index, and above it a tag that changes with every update, so
 *	that a compare-and-swap with an old value fails even if the index is the same again.
 * @tail: FIFO: the last free item or an earlier one, and a tag.
 * @nr_queued: FIFO: how many items are in the queue besides the one that always is.
 * @returned: FIFO: a stack of the items that nt_pool_return() gave back, like @head.
 *
 * Members above @nr_used do not change after nt_pool_make_fifo(), but segments are added.
 */
struct nt_pool {
	char *_Atomic *segments;
	size_t item_size;
	uint32_t shift;
	uint32_t capacity;
	bool fifo;
	uint32_t quarantine;
	alignas(NT_CACHE_LINE) _Atomic uint32_t nr_used;
	alignas(NT_CACHE_LINE) _Atomic uint64_t head;
	alignas(NT_CACHE_LINE) _Atomic uint64_t tail;
	alignas(NT_CACHE_LINE) _Atomic uint32_t nr_queued;
	_Atomic uint64_t returned;
};

/*
 * 0 or -ENOMEM. @capacity is below NT_NO_INDEX - 1. Segments of 2 MB and more are huge pages,
 * except the first one, because most pools do not need a second.
 */
int nt_pool_init(struct nt_pool *pool, size_t item_size, uint32_t shift, uint32_t capacity);
/* Makes a pool FIFO from which nothing was allocated yet. 0 or -ENOMEM. */
int nt_pool_make_fifo(struct nt_pool *pool, uint32_t quarantine);
void nt_pool_exit(struct nt_pool *pool);

/*
 * The index of an item, or NT_NO_INDEX if all are in use or there is no memory for more. An
 * item is all zero the first time; after that it is as it was freed, except for the link.
 */
uint32_t nt_pool_alloc(struct nt_pool *pool);
void nt_pool_free(struct nt_pool *pool, uint32_t index);
/*
 * Undoes an allocation whose item no other thread has seen: it is the next one allocated, and does
 * not enter the quarantine.
 */
void nt_pool_return(struct nt_pool *pool, uint32_t index);

/*
 * Allocates the item @index if it is free, also if it is in quarantine. In time and memory that
 * grow with the number of free items, and with @index if it has not been in use. Not called by two
 * threads at a time. An allocation by another thread may find no free item meanwhile.
 */
bool nt_pool_claim(struct nt_pool *pool, uint32_t index);

/* nt_pool_segment() for a caller that knows @shift as a constant, for speed. */
static inline char *nt_pool_segment_at(const struct nt_pool *pool, uint32_t index, uint32_t shift)
{
	if (index >= pool->capacity)
		return NULL;
	return atomic_load_explicit(&pool->segments[index >> shift], memory_order_acquire);
}

/* The segment of an item, or NULL if it is not mapped. */
static inline char *nt_pool_segment(const struct nt_pool *pool, uint32_t index)
{
	return nt_pool_segment_at(pool, index, pool->shift);
}

/* The item at an index that nt_pool_alloc() has returned at some time. */
static inline void *nt_pool_item(const struct nt_pool *pool, uint32_t index)
{
	return nt_pool_segment(pool, index) +
	       (index & ((1u << pool->shift) - 1)) * pool->item_size;
}

/* All items that have ever been in use have a lower index than this. */
static inline uint32_t nt_pool_used(const struct nt_pool *pool)
{
	return atomic_load_explicit(&pool->nr_used, memory_order_acquire);
}

#endif /* LIBNTSYNC_NT_POOL_H */
