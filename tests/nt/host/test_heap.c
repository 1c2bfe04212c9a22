// SPDX-License-Identifier: GPL-2.0-only
/* The heap of timers beside a simple model. */
#include "../nt_test.h"

#include "../../../lib/libntsync/nt/timer.h"

#define TIMERS 60

static void assert_heap(const struct nt_heap *heap, size_t set)
{
	assert_int_equal(heap->count, set);
	for (size_t i = 0; i < set; i++) {
		assert_int_equal(heap->items[i]->place, i);
		if (i)
			assert_true(heap->items[(i - 1) / 2]->deadline <=
				    heap->items[i]->deadline);
	}
}

static void random_inserts_and_removes(void **state)
{
	struct nt_timer *items[TIMERS], timers[TIMERS];
	struct nt_heap heap = { .items = items };
	uint32_t random = 1;
	size_t set = 0;

	(void)state;
	for (size_t i = 0; i < TIMERS; i++)
		timers[i] = (struct nt_timer){ .place = NT_NOT_SET };
	for (int step = 0; step < 20000; step++) {
		struct nt_timer *timer;

		random = random * 1664525 + 1013904223;
		timer = &timers[(random >> 8) % TIMERS];
		if (timer->place != NT_NOT_SET) {
			nt_heap_remove(timer);
			set--;
		} else {
			timer->deadline = (random >> 16) % 40;
			nt_heap_insert(&heap, timer);
			set++;
		}
		assert_heap(&heap, set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_inserts_and_removes),
	};

	return RUN(tests);
}
