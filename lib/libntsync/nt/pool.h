/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Items of one size that are named by an index, for ever at the same address once they
 * have been in use: memory is added in segments and given back only with the pool.
 * Allocating and freeing takes no lock and constant time.
 *
 * An item begins with a 64-bit word. While it is free, the low NT_LINK_BITS of the word
 * belong to the pool; the other bits are never touched, so the owner of the items can
 * keep there what has to outlive a free item, and recognise one.
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

/* Beside data that every lookup reads nothing may lie that every allocation writes. */
#define NT_CACHE_LINE	64

/* Between looking and acting: tests have a thread lose its CPU there. */
#ifdef NTSYNC_NT_DEBUG
void nt_race(void);
#else
static inline void nt_race(void)
{
}
#endif

/**
 * struct nt_pool - where items come from
 * @segments: one pointer per segment, NULL until it is needed.
 * @item_size: bytes per item.
 * @shift: the logarithm of a segment's items.
 * @capacity: how many items there can be.
 * @fifo: free items are used again in the order in which they were freed, and only while
 *	more than @quarantine of them are free. Otherwise the last one freed comes first.
 * @quarantine: see there.
 * @fresh: items from here on have never been used.
 * @head: the first free item: index, and a tag that changes with every change, against
 *	a thread that sleeps between reading and writing it.
 * @tail: FIFO: the last one, or one before it.
 * @spare: FIFO: how many are in the queue besides the one that always is.
 * @returned: FIFO: the first of those that were not used after all, as @head of the others.
 *
 * The members before @fresh are immutable, except that segments appear.
 */
struct nt_pool {
	char *_Atomic *segments;
	size_t item_size;
	uint32_t shift;
	uint32_t capacity;
	bool fifo;
	uint32_t quarantine;
	alignas(NT_CACHE_LINE) _Atomic uint32_t fresh;
	alignas(NT_CACHE_LINE) _Atomic uint64_t head;
	alignas(NT_CACHE_LINE) _Atomic uint64_t tail;
	alignas(NT_CACHE_LINE) _Atomic uint32_t spare;
	_Atomic uint64_t returned;
};

/*
 * 0 or -ENOMEM. @capacity: below NT_NO_INDEX - 1. Segments of 2 MB and more are in huge pages,
 * but for the first, which most pools do not leave.
 */
int nt_pool_init(struct nt_pool *pool, size_t item_size, uint32_t shift, uint32_t capacity);
/* For a pool of which nothing was used: FIFO from now on. 0 or -ENOMEM. */
int nt_pool_make_fifo(struct nt_pool *pool, uint32_t quarantine);
void nt_pool_exit(struct nt_pool *pool);

/*
 * An item for the caller alone, or NT_NO_INDEX if all are in use, or there is no memory
 * for more. A fresh item is zero; another is as it was freed, but for the link.
 */
uint32_t nt_pool_alloc(struct nt_pool *pool);
void nt_pool_free(struct nt_pool *pool, uint32_t index);
/*
 * An item that nobody has seen: it is the next one allocated, and no quarantine holds it
 * back, or is shortened by it.
 */
void nt_pool_return(struct nt_pool *pool, uint32_t index);

/* With @shift a constant, where it matters. */
static inline char *nt_pool_segment_at(const struct nt_pool *pool, uint32_t index, uint32_t shift)
{
	if (index >= pool->capacity)
		return NULL;
	return atomic_load_explicit(&pool->segments[index >> shift], memory_order_acquire);
}

/* The segment of an item, or NULL if there was never such an item. */
static inline char *nt_pool_segment(const struct nt_pool *pool, uint32_t index)
{
	return nt_pool_segment_at(pool, index, pool->shift);
}

/* An item that exists. */
static inline void *nt_pool_item(const struct nt_pool *pool, uint32_t index)
{
	return nt_pool_segment(pool, index) +
	       (index & ((1u << pool->shift) - 1)) * pool->item_size;
}

/* How many items have ever been in use: their indices are below. */
static inline uint32_t nt_pool_used(const struct nt_pool *pool)
{
	return atomic_load_explicit(&pool->fresh, memory_order_acquire);
}

#endif /* LIBNTSYNC_NT_POOL_H */
