// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* In a pointer: beside the index, which has NT_LINK_BITS. */
#define TAG_ONE (NT_LINK_MASK + 1)
#define HUGE_PAGE (2ul << 20)
/* The link of a stack's last item. Not that of a queue's: see enqueue(). */
#define STACK_END (NT_NO_INDEX - 1)

static uint32_t index_of(uint64_t pointer)
{
	return (uint32_t)(pointer & NT_LINK_MASK);
}

/* What replaces @pointer when it moves on to @index. */
static uint64_t moved(uint64_t pointer, uint32_t index)
{
	return ((pointer + TAG_ONE) & ~(TAG_ONE - 1)) | index;
}

static _Atomic uint64_t *word_of(const struct nt_pool *pool, uint32_t index)
{
	return nt_pool_item(pool, index);
}

static uint64_t load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static bool replace(_Atomic uint64_t *word, uint64_t old, uint64_t new)
{
	return atomic_compare_exchange_strong_explicit(word, &old, new, memory_order_acq_rel,
						       memory_order_acquire);
}

static uint32_t link_in(uint64_t word)
{
	return word & NT_LINK_MASK;
}

static void set_link(const struct nt_pool *pool, uint32_t index, uint32_t link)
{
	_Atomic uint64_t *word = word_of(pool, index);

	atomic_store_explicit(word, (load(word) & ~NT_LINK_MASK) | link, memory_order_release);
}

static size_t segment_bytes(const struct nt_pool *pool)
{
	return pool->item_size << pool->shift;
}

/*
 * So many bytes of zeros, of which only those that are used take memory. Not from malloc(),
 * which has locks that a suspended thread could hold.
 */
static char *map(size_t bytes)
{
	char *made = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return made == MAP_FAILED ? NULL : made;
}

static char *map_huge(size_t bytes)
{
	char *made = map(bytes + HUGE_PAGE);
	size_t before = -(uintptr_t)made % HUGE_PAGE;

	if (!made)
		return NULL;
	if (before)
		munmap(made, before);
	munmap(made + before + bytes, HUGE_PAGE - before);
	madvise(made + before, bytes, MADV_HUGEPAGE);
	return made + before;
}

/*
 * Random lookups among very many items miss the TLB with small pages, which costs more than
 * the lookup. Few items, the first segment, are not worth a huge page.
 */
static char *map_segment(const struct nt_pool *pool, uint32_t index)
{
	size_t bytes = segment_bytes(pool);

	return index >> pool->shift && bytes >= HUGE_PAGE ? map_huge(bytes) : map(bytes);
}

/* Several threads may find a segment missing: one of them has its segment used. */
static bool have_segment(struct nt_pool *pool, uint32_t index)
{
	char *found = nt_pool_segment(pool, index);
	char *made;

	if (found)
		return true;
	made = map_segment(pool, index);
	if (!made)
		return false;
	if (!atomic_compare_exchange_strong_explicit(&pool->segments[index >> pool->shift],
						     &found, made, memory_order_acq_rel,
						     memory_order_acquire))
		munmap(made, segment_bytes(pool));
	return true;
}

int nt_pool_init(struct nt_pool *pool, size_t item_size, uint32_t shift, uint32_t capacity)
{
	size_t segments = ((capacity - 1) >> shift) + 1;

	pool->segments = calloc(segments, sizeof(*pool->segments));
	if (!pool->segments)
		return -ENOMEM;
	pool->item_size = item_size;
	pool->shift = shift;
	pool->capacity = capacity;
	pool->fifo = false;
	pool->quarantine = 0;
	atomic_init(&pool->fresh, 0);
	atomic_init(&pool->head, STACK_END);
	atomic_init(&pool->tail, NT_NO_INDEX);
	atomic_init(&pool->spare, 0);
	atomic_init(&pool->returned, STACK_END);
	return 0;
}

/* The queue is never empty, which spares it the case of a first and a last item. */
int nt_pool_make_fifo(struct nt_pool *pool, uint32_t quarantine)
{
	uint32_t first = nt_pool_alloc(pool);

	if (first == NT_NO_INDEX)
		return -ENOMEM;
	set_link(pool, first, NT_NO_INDEX);
	atomic_init(&pool->head, first);
	atomic_init(&pool->tail, first);
	pool->fifo = true;
	pool->quarantine = quarantine;
	return 0;
}

void nt_pool_exit(struct nt_pool *pool)
{
	for (uint32_t i = 0; i < pool->capacity; i += 1u << pool->shift) {
		char *segment = nt_pool_segment(pool, i);

		if (segment)
			munmap(segment, segment_bytes(pool));
	}
	free(pool->segments);
}

/*
 * The segment comes before the index is taken: an index that no memory could be had for
 * would be lost.
 */
static uint32_t take_fresh(struct nt_pool *pool)
{
	uint32_t index = nt_pool_used(pool);

	do {
		if (index >= pool->capacity || !have_segment(pool, index))
			return NT_NO_INDEX;
	} while (!atomic_compare_exchange_weak_explicit(&pool->fresh, &index, index + 1,
							memory_order_acq_rel,
							memory_order_acquire));
	return index;
}

/* -- Stacks ----------------------------------------------------------------------------- */

/*
 * The link is read from an item that another thread may have taken and be using. Then it
 * is nonsense, but so is the head: its tag has changed.
 */
static uint32_t pop(const struct nt_pool *pool, _Atomic uint64_t *stack)
{
	uint64_t head = load(stack);

	while (index_of(head) != STACK_END) {
		uint32_t next = link_in(load(word_of(pool, index_of(head))));

		nt_race();
		if (replace(stack, head, moved(head, next)))
			return index_of(head);
		head = load(stack);
	}
	return NT_NO_INDEX;
}

static void push(const struct nt_pool *pool, _Atomic uint64_t *stack, uint32_t index)
{
	uint64_t head;

	do {
		head = load(stack);
		set_link(pool, index, index_of(head));
	} while (!replace(stack, head, moved(head, index)));
}

/* -- FIFO: the queue of Michael and Scott, whose nodes are the items --------------------- */

/*
 * States: the tail is the last item, or (a thread has linked its item and not moved the
 * tail yet) an earlier one, which any other thread puts right before it goes on. It is
 * never an item that has left the queue: dequeue() does not take the item the tail is at.
 * So a word that was read while the tail did not change is that of a free item.
 *
 * And it is replaced only if it is that still, and last: outside of the queue no item has
 * NT_NO_INDEX for a link, unless it is just about to be queued, and then what is linked to
 * it comes with it.
 */
static void enqueue(struct nt_pool *pool, uint32_t index)
{
	uint64_t tail, word;

	set_link(pool, index, NT_NO_INDEX);
	for (;;) {
		tail = load(&pool->tail);
		nt_race();
		word = load(word_of(pool, index_of(tail)));
		if (tail != load(&pool->tail))
			continue;
		if (link_in(word) != NT_NO_INDEX) {
			replace(&pool->tail, tail, moved(tail, link_in(word)));
			continue;
		}
		nt_race();
		if (replace(word_of(pool, index_of(tail)), word, (word & ~NT_LINK_MASK) | index))
			break;
	}
	replace(&pool->tail, tail, moved(tail, index));
}

static uint32_t dequeue(struct nt_pool *pool)
{
	for (;;) {
		uint64_t head = load(&pool->head);
		uint64_t tail = load(&pool->tail);
		uint32_t next = link_in(load(word_of(pool, index_of(head))));

		nt_race();
		if (head != load(&pool->head) || next == NT_NO_INDEX)
			continue;
		if (index_of(head) == index_of(tail))
			replace(&pool->tail, tail, moved(tail, next));
		else if (replace(&pool->head, head, moved(head, next)))
			return index_of(head);
	}
}

/* Who has counted one off finds one: an item is counted after it was queued. */
static uint32_t take_spare(struct nt_pool *pool)
{
	uint32_t spare = atomic_load_explicit(&pool->spare, memory_order_acquire);

	do {
		if (spare <= pool->quarantine)
			return NT_NO_INDEX;
	} while (!atomic_compare_exchange_weak_explicit(&pool->spare, &spare, spare - 1,
							memory_order_acq_rel,
							memory_order_acquire));
	return dequeue(pool);
}

uint32_t nt_pool_alloc(struct nt_pool *pool)
{
	uint32_t index = pop(pool, pool->fifo ? &pool->returned : &pool->head);

	if (index == NT_NO_INDEX && pool->fifo)
		index = take_spare(pool);
	return index != NT_NO_INDEX ? index : take_fresh(pool);
}

void nt_pool_free(struct nt_pool *pool, uint32_t index)
{
	if (!pool->fifo) {
		push(pool, &pool->head, index);
		return;
	}
	enqueue(pool, index);
	atomic_fetch_add_explicit(&pool->spare, 1, memory_order_acq_rel);
}

void nt_pool_return(struct nt_pool *pool, uint32_t index)
{
	push(pool, pool->fifo ? &pool->returned : &pool->head, index);
}
