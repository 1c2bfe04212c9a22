// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The mutants that a thread owns, so that they can be abandoned when it ends. Only the thread
 * itself uses its list, so it needs no lock. A mutant that is destroyed while it is owned stays
 * in the list until there is no room for others: its id tells that it is gone. One whose descriptor
 * others have is not destroyed before its owner ends: %NT_LEFT_TO_OWNER.
 */
#include "thread.h"

#define FIRST_ENTRIES 16

static void free_entry(struct nt_thread *thread, uint32_t index)
{
	thread->owned[index] = (struct nt_owned){ .count = thread->free_owned };
	thread->free_owned = index;
	thread->nr_free++;
}

/* A reference to the mutant, or NULL if it was destroyed. */
static struct nt_object *get_if_live(struct nt_thread *thread, const struct nt_owned *owned)
{
	if (!owned->id || !nt_object_get_if_live(owned->object))
		return NULL;
	if (owned->object->id == owned->id)
		return owned->object;
	nt_object_put(thread->nt, owned->object);
	return NULL;
}

static void free_destroyed(struct nt_thread *thread)
{
	for (uint32_t i = 0; i < thread->nr_owned; i++) {
		struct nt_object *mutant;

		if (!thread->owned[i].id)
			continue;
		mutant = get_if_live(thread, &thread->owned[i]);
		if (mutant)
			nt_object_put(thread->nt, mutant);
		else
			free_entry(thread, i);
	}
}

static bool has_room(const struct nt_thread *thread, uint32_t count)
{
	return thread->max_owned - thread->nr_owned + thread->nr_free >= count;
}

static int grow_list(struct nt_thread *thread, uint32_t count)
{
	uint32_t max = thread->max_owned ? 2 * thread->max_owned : FIRST_ENTRIES;
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
	free_destroyed(thread);
	return has_room(thread, count) ? 0 : grow_list(thread, count);
}

static uint32_t find_entry(const struct nt_thread *thread, const struct nt_object *mutant)
{
	uint32_t index = atomic_load_explicit(&mutant->owned_at, memory_order_relaxed);

	if (index < thread->nr_owned && thread->owned[index].id == mutant->id)
		return index;
	return NT_NO_INDEX;
}

uint32_t nt_owned_count(const struct nt_thread *thread, const struct nt_object *mutant)
{
	uint32_t index = find_entry(thread, mutant);

	return index == NT_NO_INDEX ? 0 : thread->owned[index].count;
}

static uint32_t alloc_entry(struct nt_thread *thread)
{
	uint32_t index = thread->free_owned;

	if (index == NT_NO_INDEX)
		return thread->nr_owned++;
	thread->free_owned = thread->owned[index].count;
	thread->nr_free--;
	return index;
}

void nt_owned_restore(struct nt_thread *thread, struct nt_object *mutant, uint32_t count)
{
	uint32_t index = alloc_entry(thread);

	nt_assert(index < thread->max_owned);
	thread->owned[index] = (struct nt_owned){ mutant, mutant->id, count };
	atomic_store_explicit(&mutant->owned_at, index, memory_order_relaxed);
}

void nt_owned_acquired(struct nt_thread *thread, struct nt_object *mutant)
{
	uint32_t index = find_entry(thread, mutant);

	if (index != NT_NO_INDEX)
		thread->owned[index].count++;
	else
		nt_owned_restore(thread, mutant, 1);
}

/* After the release, the next owner sets &nt_object.owned_at. */
uint32_t nt_owned_begin_release(const struct nt_thread *thread, struct nt_object *mutant)
{
	uint32_t index = find_entry(thread, mutant);

	if (index != NT_NO_INDEX && thread->owned[index].count == 1)
		atomic_store_explicit(&mutant->owned_at, NT_NO_INDEX, memory_order_relaxed);
	return index;
}

/* If others have released it by its descriptor, it may have another owner. */
void nt_owned_not_released(const struct nt_thread *thread, struct nt_object *mutant,
			   uint32_t index)
{
	uint32_t none = NT_NO_INDEX;

	if (index != NT_NO_INDEX && thread->owned[index].count == 1)
		atomic_compare_exchange_strong(&mutant->owned_at, &none, index);
}

void nt_owned_released(struct nt_thread *thread, uint32_t index)
{
	nt_assert(index != NT_NO_INDEX);
	if (index != NT_NO_INDEX && !--thread->owned[index].count)
		free_entry(thread, index);
}

/*
 * Not if others have released it by its descriptor, nor if the thread is abandoned while it sleeps in a
 * call that has released it. Another thread may own it then, and @owned_at is its index.
 */
static bool is_owner(const struct nt_thread *thread, const struct nt_object *mutant)
{
	uint32_t owner = 0;

	ntsync_mutex_read(mutant->fd, &owner, NULL);
	return owner == thread->tid;
}

/* Whether the last reference was left to this thread, which must drop it. */
static bool take_owned_at(const struct nt_thread *thread, uint32_t index, struct nt_object *mutant)
{
	uint32_t at = index | NT_LEFT_TO_OWNER;

	if (!is_owner(thread, mutant))
		return atomic_compare_exchange_strong(&mutant->owned_at, &at, NT_NO_INDEX);
	return atomic_exchange(&mutant->owned_at, NT_NO_INDEX) & NT_LEFT_TO_OWNER;
}

/* References to those that are gone are dropped; of others @count says how many there are to drop. */
static void prepare_to_abandon(struct nt_thread *thread)
{
	for (uint32_t i = 0; i < thread->nr_owned; i++) {
		struct nt_owned *owned = &thread->owned[i];
		struct nt_object *mutant = get_if_live(thread, owned);

		owned->id = mutant ? owned->id : 0;
		if (mutant)
			owned->count = take_owned_at(thread, i, mutant) ? 2 : 1;
	}
}

/*
 * One ntsync mutex can be behind several mutants of the list, as ntsync_nt_adopt_fd() makes them. So
 * the thread is still the owner of all when the first pass asks. MUTEX_KILL does nothing unless the
 * thread is the owner.
 */
void nt_owned_abandon(struct nt_thread *thread)
{
	prepare_to_abandon(thread);
	nt_race();
	for (uint32_t i = 0; i < thread->nr_owned; i++) {
		struct nt_owned *owned = &thread->owned[i];

		if (!owned->id)
			continue;
		ntsync_mutex_kill(owned->object->fd, thread->tid);
		while (owned->count--)
			nt_object_put(thread->nt, owned->object);
	}
	thread->owned = nt_realloc(thread->owned, 0);
	thread->nr_owned = 0;
	thread->max_owned = 0;
	thread->nr_free = 0;
	thread->free_owned = NT_NO_INDEX;
}
