// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool.h"

#include "debug.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* The tag of a head or tail is above the index, which has NT_LINK_BITS. */
#define TAG_ONE (NT_LINK_MASK + 1)
#define HUGE_PAGE (2ul << 20)
/* The link of the last item of a stack. A queue ends with NT_NO_INDEX: see enqueue(). */
#define STACK_END (NT_NO_INDEX - 1)

static uint32_t index_of(uint64_t pointer)
{
	return (uint32_t)(pointer & NT_LINK_MASK);
}

/* @pointer after an update: the index is @index, and the tag is the next one. */
static uint64_t next_pointer(uint64_t pointer, uint32_t index)
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
 * Zeroed memory, of which only the pages that are used are allocated. Not from malloc(): it has
 * locks that a suspended thread could hold.
 */
static char *map_memory(size_t bytes)
{
	char *made = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return made == MAP_FAILED ? NULL : made;
}

static char *map_huge(size_t bytes)
{
	char *made = map_memory(bytes + HUGE_PAGE);
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
 * With small pages, random lookups among very many items miss the TLB, which costs more than the
 * lookup. The first segment alone is too few items to be worth a huge page.
 */
static char *map_segment(const struct nt_pool *pool, uint32_t index)
{
	size_t bytes = segment_bytes(pool);

	return index >> pool->shift && bytes >= HUGE_PAGE ? map_huge(bytes) : map_memory(bytes);
}

/* Several threads may map a missing segment: the first one wins, the others unmap theirs. */
static bool ensure_segment(struct nt_pool *pool, uint32_t index)
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
	atomic_init(&pool->nr_used, 0);
	atomic_init(&pool->head, STACK_END);
	atomic_init(&pool->tail, NT_NO_INDEX);
	atomic_init(&pool->nr_queued, 0);
	atomic_init(&pool->returned, STACK_END);
	return 0;
}

/* The queue always has one item, so no code is needed for an empty one. */
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

/* Maps the segment before it takes the index: without memory, a taken index would be lost. */
static uint32_t take_unused(struct nt_pool *pool)
{
	uint32_t index = nt_pool_used(pool);

	do {
		if (index >= pool->capacity || !ensure_segment(pool, index))
			return NT_NO_INDEX;
	} while (!atomic_compare_exchange_weak_explicit(&pool->nr_used, &index, index + 1,
							memory_order_acq_rel,
							memory_order_acquire));
	return index;
}

/* -- Stacks ----------------------------------------------------------------------------- */

/*
 * Another thread may have taken the first item by the time its link is read. The link is
 * meaningless then, but the tag of the head has changed, so it is not used.
 */
static uint32_t pop_stack(const struct nt_pool *pool, _Atomic uint64_t *stack)
{
	uint64_t head = load(stack);

	while (index_of(head) != STACK_END) {
		uint32_t next = link_in(load(word_of(pool, index_of(head))));

		nt_race();
		if (replace(stack, head, next_pointer(head, next)))
			return index_of(head);
		head = load(stack);
	}
	return NT_NO_INDEX;
}

static void push_stack(const struct nt_pool *pool, _Atomic uint64_t *stack, uint32_t index)
{
	uint64_t head;

	do {
		head = load(stack);
		set_link(pool, index, index_of(head));
	} while (!replace(stack, head, next_pointer(head, index)));
}

/* -- FIFO: the lock-free queue of Michael and Scott; the items are its nodes -------------- */

/*
 * The tail is the last item, or an earlier one while a thread has linked its item and not moved
 * the tail yet; then the next thread moves it. The tail is always an item of the queue, because
 * dequeue() does not take the item that the tail is at. So a word that was read while the tail
 * did not change is the word of a free item.
 *
 * The compare-and-swap of that word succeeds only if the item is still the last one: an item
 * outside the queue never has the link NT_NO_INDEX, except one that another enqueue() is about
 * to add, and then both items enter the queue.
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
			replace(&pool->tail, tail, next_pointer(tail, link_in(word)));
			continue;
		}
		nt_race();
		if (replace(word_of(pool, index_of(tail)), word, (word & ~NT_LINK_MASK) | index))
			break;
	}
	replace(&pool->tail, tail, next_pointer(tail, index));
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
			replace(&pool->tail, tail, next_pointer(tail, next));
		else if (replace(&pool->head, head, next_pointer(head, next)))
			return index_of(head);
	}
}

/* An item is counted after it was queued, so dequeue() finds one for each that is counted off. */
static uint32_t take_queued(struct nt_pool *pool)
{
	uint32_t queued = atomic_load_explicit(&pool->nr_queued, memory_order_acquire);

	do {
		if (queued <= pool->quarantine)
			return NT_NO_INDEX;
	} while (!atomic_compare_exchange_weak_explicit(&pool->nr_queued, &queued, queued - 1,
							memory_order_acq_rel,
							memory_order_acquire));
	return dequeue(pool);
}

uint32_t nt_pool_alloc(struct nt_pool *pool)
{
	uint32_t index = pop_stack(pool, pool->fifo ? &pool->returned : &pool->head);

	if (index == NT_NO_INDEX && pool->fifo)
		index = take_queued(pool);
	return index != NT_NO_INDEX ? index : take_unused(pool);
}

void nt_pool_free(struct nt_pool *pool, uint32_t index)
{
	if (!pool->fifo) {
		push_stack(pool, &pool->head, index);
		return;
	}
	enqueue(pool, index);
	atomic_fetch_add_explicit(&pool->nr_queued, 1, memory_order_acq_rel);
}

void nt_pool_return(struct nt_pool *pool, uint32_t index)
{
	push_stack(pool, pool->fifo ? &pool->returned : &pool->head, index);
}

/* -- A certain item ---------------------------------------------------------------------- */

/* The items before it become free. The lowest is on top, as if they had been used in order. */
static bool claim_unused(struct nt_pool *pool, uint32_t index)
{
	uint32_t used = nt_pool_used(pool);

	for (uint32_t i = used; i <= index; i = ((i >> pool->shift) + 1) << pool->shift) {
		if (!ensure_segment(pool, i))
			return false;
	}
	do {
		if (index < used)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&pool->nr_used, &used, index + 1,
							memory_order_acq_rel,
							memory_order_acquire));
	for (uint32_t i = index; i-- > used;)
		nt_pool_return(pool, i);
	return true;
}

/* Moves the items before it to another stack, and back. */
static bool claim_stacked(struct nt_pool *pool, _Atomic uint64_t *stack, uint32_t index)
{
	_Atomic uint64_t before = STACK_END;
	uint32_t item = pop_stack(pool, stack);
	bool found;

	while (item != NT_NO_INDEX && item != index) {
		push_stack(pool, &before, item);
		item = pop_stack(pool, stack);
	}
	found = item == index;
	while ((item = pop_stack(pool, &before)) != NT_NO_INDEX)
		push_stack(pool, stack, item);
	return found;
}

static bool take_from_quarantine(struct nt_pool *pool, uint32_t *index)
{
	uint32_t queued = atomic_load_explicit(&pool->nr_queued, memory_order_acquire);

	do {
		if (!queued)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&pool->nr_queued, &queued, queued - 1,
							memory_order_acq_rel,
							memory_order_acquire));
	*index = dequeue(pool);
	return true;
}

/*
 * Moves each item of the queue to its end once. The item that is always in the queue can be
 * dequeued only if there is another one.
 */
static bool claim_queued(struct nt_pool *pool, uint32_t index)
{
	uint32_t count = atomic_load_explicit(&pool->nr_queued, memory_order_acquire) + 1, item;
	bool found = false;

	if (count == 1) {
		item = take_unused(pool);
		if (item == NT_NO_INDEX)
			return false;
		nt_pool_free(pool, item);
	}
	while (count-- && take_from_quarantine(pool, &item)) {
		if (item == index)
			found = true;
		else
			nt_pool_free(pool, item);
	}
	return found;
}

bool nt_pool_claim(struct nt_pool *pool, uint32_t index)
{
	if (index >= pool->capacity)
		return false;
	if (index >= nt_pool_used(pool) && claim_unused(pool, index))
		return true;
	if (!pool->fifo)
		return claim_stacked(pool, &pool->head, index);
	return claim_stacked(pool, &pool->returned, index) || claim_queued(pool, index);
}
