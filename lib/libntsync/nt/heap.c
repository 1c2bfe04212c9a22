// SPDX-License-Identifier: LGPL-2.1-or-later
#include "timer.h"

static void place_timer(struct nt_heap *heap, size_t at, struct nt_timer *timer)
{
	heap->items[at] = timer;
	timer->place = at;
}

static void move_up_from(struct nt_heap *heap, size_t at, struct nt_timer *timer)
{
	while (at && heap->items[(at - 1) / 2]->deadline > timer->deadline) {
		place_timer(heap, at, heap->items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place_timer(heap, at, timer);
}

static void move_down_from(struct nt_heap *heap, size_t at, struct nt_timer *timer)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < heap->count &&
		    heap->items[child + 1]->deadline < heap->items[child]->deadline)
			child++;
		if (child >= heap->count || heap->items[child]->deadline >= timer->deadline)
			break;
		place_timer(heap, at, heap->items[child]);
		at = child;
	}
	place_timer(heap, at, timer);
}

void nt_heap_insert(struct nt_heap *heap, struct nt_timer *timer)
{
	nt_assert(timer->place == NT_NOT_SET);
	timer->heap = heap;
	move_up_from(heap, heap->count++, timer);
}

void nt_heap_remove(struct nt_timer *timer)
{
	struct nt_heap *heap = timer->heap;
	struct nt_timer *last = heap->items[--heap->count];
	size_t at = timer->place;

	nt_assert(heap->items[at] == timer);
	timer->place = NT_NOT_SET;
	if (last == timer)
		return;
	if (at && heap->items[(at - 1) / 2]->deadline > last->deadline)
		move_up_from(heap, at, last);
	else
		move_down_from(heap, at, last);
}
