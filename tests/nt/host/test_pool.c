// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool of items: no item is allocated twice, the order of reuse, and threads that compete for
 * few items.
 */
#include "../nt_test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "../../../lib/libntsync/nt/debug.h"
#include "../../../lib/libntsync/nt/pool.h"

#define SHIFT 12

/* The owner's part of the word must survive whatever the pool does. */
struct item {
	_Atomic uint64_t word;
	_Atomic uint32_t taken;
};

static struct item *item_at(struct nt_pool *pool, uint32_t index)
{
	return nt_pool_item(pool, index);
}

static void last_in_first_out(void **state)
{
	struct nt_pool pool;

	(void)state;
	assert_int_equal(nt_pool_init(&pool, sizeof(struct item), SHIFT, 3), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(nt_pool_alloc(&pool), i);
	assert_int_equal(nt_pool_alloc(&pool), NT_NO_INDEX);
	nt_pool_free(&pool, 0);
	nt_pool_free(&pool, 2);
	nt_pool_free(&pool, 1);
	assert_int_equal(nt_pool_alloc(&pool), 1);
	assert_int_equal(nt_pool_alloc(&pool), 2);
	assert_int_equal(nt_pool_alloc(&pool), 0);
	assert_int_equal(nt_pool_alloc(&pool), NT_NO_INDEX);
	nt_pool_exit(&pool);
}

/* One item is always in the queue, and one more than the quarantine must be. */
static void first_in_first_out(void **state)
{
	struct nt_pool pool;

	(void)state;
	assert_int_equal(nt_pool_init(&pool, sizeof(struct item), SHIFT, 5), 0);
	assert_int_equal(nt_pool_make_fifo(&pool, 1), 0);
	for (uint32_t i = 1; i < 5; i++)
		assert_int_equal(nt_pool_alloc(&pool), i);
	assert_int_equal(nt_pool_alloc(&pool), NT_NO_INDEX);
	nt_pool_free(&pool, 3);
	assert_int_equal(nt_pool_alloc(&pool), NT_NO_INDEX);
	nt_pool_free(&pool, 1);
	assert_int_equal(nt_pool_alloc(&pool), 0);
	nt_pool_free(&pool, 4);
	assert_int_equal(nt_pool_alloc(&pool), 3);
	assert_int_equal(nt_pool_alloc(&pool), NT_NO_INDEX);
	nt_pool_exit(&pool);
}

/* It is reused at once, before those that are due, and is not in the queue. */
static void returned_unused(void **state)
{
	struct nt_pool pool;

	(void)state;
	assert_int_equal(nt_pool_init(&pool, sizeof(struct item), SHIFT, 5), 0);
	assert_int_equal(nt_pool_make_fifo(&pool, 1), 0);
	assert_int_equal(nt_pool_alloc(&pool), 1);
	assert_int_equal(nt_pool_alloc(&pool), 2);
	nt_pool_free(&pool, 1);
	nt_pool_return(&pool, 2);
	/*
	 * A thread that has slept since this was the last item in the queue must not take it for
	 * that.
	 */
	assert_int_not_equal(atomic_load(&item_at(&pool, 2)->word) & NT_LINK_MASK, NT_NO_INDEX);
	assert_int_equal(nt_pool_alloc(&pool), 2);
	assert_int_equal(nt_pool_alloc(&pool), 3);
	nt_pool_free(&pool, 3);
	nt_pool_return(&pool, 2);
	assert_int_equal(nt_pool_alloc(&pool), 2);
	assert_int_equal(nt_pool_alloc(&pool), 0);
	nt_pool_exit(&pool);
}

static void fill_pool(uint32_t shift)
{
	const uint32_t items = 3 * (1u << shift) + 1;
	struct nt_pool pool;
	struct item *first;

	assert_int_equal(nt_pool_init(&pool, sizeof(struct item), shift, items), 0);
	assert_null(nt_pool_segment(&pool, 0));
	assert_int_equal(nt_pool_alloc(&pool), 0);
	first = item_at(&pool, 0);
	for (uint32_t i = 1; i < items; i++) {
		assert_int_equal(nt_pool_alloc(&pool), i);
		atomic_store(&item_at(&pool, i)->taken, i);
	}
	assert_ptr_equal(item_at(&pool, 0), first);
	for (uint32_t i = 1; i < items; i++)
		assert_int_equal(atomic_load(&item_at(&pool, i)->taken), i);
	assert_null(nt_pool_segment(&pool, items));
	assert_null(nt_pool_segment(&pool, UINT32_MAX));
	nt_pool_exit(&pool);
}

static void items_stay_where_they_are(void **state)
{
	(void)state;
	fill_pool(SHIFT);
}

/* Two megabytes per segment. */
static void items_stay_in_huge_pages(void **state)
{
	(void)state;
	fill_pool(17);
}

/* -- Eight threads, four items ------------------------------------------------------------ */

#define ROUNDS 20000

struct fight {
	struct nt_pool pool;
	_Atomic uint32_t twice, changed, got;
};

/* The upper half of the word is the owner's: here it counts how often the item was allocated. */
static void use_item(struct fight *fight, uint32_t index)
{
	struct item *item = item_at(&fight->pool, index);
	uint64_t word;

	if (atomic_exchange(&item->taken, 1))
		atomic_fetch_add(&fight->twice, 1);
	word = atomic_load(&item->word);
	/*
	 * While the item is allocated the pool's part may hold anything: here, a value that looks
	 * like a link.
	 */
	atomic_store(&item->word, (word & ~NT_LINK_MASK) + (1ull << 32) + index % 3);
	nt_race();
	if (atomic_load(&item->word) >> 32 != (word >> 32) + 1)
		atomic_fetch_add(&fight->changed, 1);
	atomic_store(&item->taken, 0);
	nt_pool_free(&fight->pool, index);
	atomic_fetch_add(&fight->got, 1);
}

/* As before the allocation, except for the link. */
static void return_unused_item(struct fight *fight, uint32_t index)
{
	struct item *item = item_at(&fight->pool, index);

	if (atomic_exchange(&item->taken, 1))
		atomic_fetch_add(&fight->twice, 1);
	nt_race();
	atomic_store(&item->taken, 0);
	nt_pool_return(&fight->pool, index);
}

static void *run_fighter(void *arg)
{
	struct fight *fight = arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t index = nt_pool_alloc(&fight->pool);

		if (index == NT_NO_INDEX)
			continue;
		if (i % 3)
			use_item(fight, index);
		else
			return_unused_item(fight, index);
	}
	return NULL;
}

static void run_fight(struct fight *fight, uint32_t items)
{
	pthread_t threads[8];
	uint64_t uses = 0;

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_fighter, fight), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(fight->twice, 0);
	assert_int_equal(fight->changed, 0);
	assert_true(fight->got > ROUNDS / 2);
	for (uint32_t i = 0; i < nt_pool_used(&fight->pool); i++)
		uses += atomic_load(&item_at(&fight->pool, i)->word) >> 32;
	assert_int_equal(uses, fight->got);
	/* No item was lost. */
	for (uint32_t i = 0; i < items; i++)
		assert_int_not_equal(nt_pool_alloc(&fight->pool), NT_NO_INDEX);
	assert_int_equal(nt_pool_alloc(&fight->pool), NT_NO_INDEX);
	nt_pool_exit(&fight->pool);
}

static void fight_for_the_last_one_freed(void **state)
{
	struct fight fight = { .got = 0 };

	(void)state;
	assert_int_equal(nt_pool_init(&fight.pool, sizeof(struct item), SHIFT, 4), 0);
	run_fight(&fight, 4);
}

static void fight_for_the_first_one_freed(void **state)
{
	struct fight fight = { .got = 0 };

	(void)state;
	assert_int_equal(nt_pool_init(&fight.pool, sizeof(struct item), SHIFT, 5), 0);
	assert_int_equal(nt_pool_make_fifo(&fight.pool, 0), 0);
	run_fight(&fight, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_in_first_out),
		cmocka_unit_test(first_in_first_out),
		cmocka_unit_test(returned_unused),
		cmocka_unit_test(items_stay_where_they_are),
		cmocka_unit_test(items_stay_in_huge_pages),
		cmocka_unit_test(fight_for_the_last_one_freed),
		cmocka_unit_test(fight_for_the_first_one_freed),
	};

	return RUN(tests);
}
