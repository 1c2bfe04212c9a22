// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The mutants that a thread owns, for the day it ends. Only the thread itself touches its
 * list, so there is no lock, and a place never moves. A mutant that is destroyed while it
 * is owned stays in the list: its id tells that it has gone, and its place is found again
 * when places run out.
 */
#include "nt.h"

#define FIRST_PLACES 16

static void free_place(struct nt_thread *thread, uint32_t place)
{
	thread->owned[place] = (struct nt_owned){ .count = thread->free_owned };
	thread->free_owned = place;
	thread->nr_free++;
}

/* The mutant with a reference, or NULL if it is no more. */
static struct nt_object *hold(struct nt_thread *thread, const struct nt_owned *owned)
{
	if (!owned->id || !nt_object_get_if_live(owned->object))
		return NULL;
	if (owned->object->id == owned->id)
		return owned->object;
	nt_object_put(thread->nt, owned->object);
	return NULL;
}

static void forget_destroyed(struct nt_thread *thread)
{
	for (uint32_t i = 0; i < thread->nr_owned; i++) {
		struct nt_object *object;

		if (!thread->owned[i].id)
			continue;
		object = hold(thread, &thread->owned[i]);
		if (object)
			nt_object_put(thread->nt, object);
		else
			free_place(thread, i);
	}
}

static bool has_room(const struct nt_thread *thread, uint32_t count)
{
	return thread->max_owned - thread->nr_owned + thread->nr_free >= count;
}

static int grow(struct nt_thread *thread, uint32_t count)
{
	uint32_t max = thread->max_owned ? 2 * thread->max_owned : FIRST_PLACES;
	struct nt_owned *owned;

	while (max - thread->nr_owned < count)
		max *= 2;
	owned = nt_realloc(thread->owned, max * sizeof(*owned));
	if (!owned)
		return -ENOMEM;
	thread->owned = owned;
	thread->max_owned = max;
	return 0;
}

int nt_owned_reserve(struct nt_thread *thread, uint32_t count)
{
	if (has_room(thread, count))
		return 0;
	forget_destroyed(thread);
	return has_room(thread, count) ? 0 : grow(thread, count);
}

uint32_t nt_owned_find(const struct nt_thread *thread, const struct nt_object *object)
{
	uint32_t place = atomic_load_explicit(&object->owned_at, memory_order_relaxed);

	if (place < thread->nr_owned && thread->owned[place].id == object->id)
		return place;
	return NT_NO_INDEX;
}

uint32_t nt_owned_count(const struct nt_thread *thread, const struct nt_object *object)
{
	uint32_t place = nt_owned_find(thread, object);

	return place == NT_NO_INDEX ? 0 : thread->owned[place].count;
}

static uint32_t take_place(struct nt_thread *thread)
{
	uint32_t place = thread->free_owned;

	if (place == NT_NO_INDEX)
		return thread->nr_owned++;
	thread->free_owned = thread->owned[place].count;
	thread->nr_free--;
	return place;
}

void nt_owned_acquired(struct nt_thread *thread, struct nt_object *object)
{
	uint32_t place = nt_owned_find(thread, object);

	if (place != NT_NO_INDEX) {
		thread->owned[place].count++;
		return;
	}
	place = take_place(thread);
	nt_assert(place < thread->max_owned);
	thread->owned[place] = (struct nt_owned){ object, object->id, 1 };
	atomic_store_explicit(&object->owned_at, place, memory_order_relaxed);
}

void nt_owned_released(struct nt_thread *thread, uint32_t place)
{
	nt_assert(place != NT_NO_INDEX);
	if (place != NT_NO_INDEX && !--thread->owned[place].count)
		free_place(thread, place);
}

void nt_owned_kill(struct nt_thread *thread)
{
	for (uint32_t i = 0; i < thread->nr_owned; i++) {
		struct nt_object *object = hold(thread, &thread->owned[i]);

		if (!object)
			continue;
		ntsync_mutex_kill(object->fd, thread->tid);
		nt_object_put(thread->nt, object);
	}
	thread->owned = nt_realloc(thread->owned, 0);
	thread->nr_owned = 0;
	thread->max_owned = 0;
	thread->nr_free = 0;
	thread->free_owned = NT_NO_INDEX;
}
