// SPDX-License-Identifier: GPL-2.0-only
/*
 * Alternatives: a load from an array, which gives no protection; a slot with a reference count,
 * which has no generation, protection, or type; and the flat array under a recursive mutex that
 * emulators begin with.
 */
#include "handles.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define ROOM 64

struct entry {
	_Atomic uint64_t refs;
	_Atomic uintptr_t object;
};

struct flat {
	pthread_mutex_t lock;
	uint32_t live, capacity;
	struct entry *entries;
};


static void *make(uint32_t handles)
{
	struct flat *flat = calloc(1, sizeof(*flat));
	pthread_mutexattr_t attr;

	if (!flat)
		abort();
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&flat->lock, &attr);
	flat->live = handles;
	flat->capacity = handles + ROOM;
	flat->entries = calloc(flat->capacity, sizeof(*flat->entries));
	if (!flat->entries)
		abort();
	for (uint32_t i = 0; i < handles; i++) {
		atomic_store(&flat->entries[i].refs, 1);
		atomic_store(&flat->entries[i].object, 1);
	}
	return flat;
}

static void unmake(void *table)
{
	struct flat *flat = table;

	free(flat->entries);
	free(flat);
}

static uintptr_t object_of(struct entry *entry)
{
	return atomic_load_explicit(&entry->object, memory_order_relaxed);
}

/* Uses the object as a caller would. All objects are 1. */
static uint32_t use_object(uintptr_t found)
{
	if (!found)
		abort();
	return (uint32_t)(found >> 1);
}

static uint32_t load_object(void *table, uint32_t random)
{
	struct flat *flat = table;

	return use_object(object_of(&flat->entries[random % flat->live]));
}

/* The last user must find out that it is the last one. */
static void put_entry(struct entry *entry)
{
	if (atomic_fetch_sub_explicit(&entry->refs, 1, memory_order_acq_rel) == 1)
		abort();
}

static uint32_t count(void *table, uint32_t random)
{
	struct flat *flat = table;
	struct entry *entry = &flat->entries[random % flat->live];
	uint64_t refs = atomic_load_explicit(&entry->refs, memory_order_relaxed);
	uint32_t zero;

	do {
		if (!refs)
			abort();
	} while (!atomic_compare_exchange_weak_explicit(&entry->refs, &refs, refs + 1,
							memory_order_acquire,
							memory_order_relaxed));
	zero = use_object(object_of(entry));
	put_entry(entry);
	return zero;
}

static uint32_t lock(void *table, uint32_t random)
{
	struct flat *flat = table;
	struct entry *entry = &flat->entries[random % flat->live];
	uint32_t zero;

	pthread_mutex_lock(&flat->lock);
	if (object_of(entry))
		atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&flat->lock);
	zero = use_object(object_of(entry));
	put_entry(entry);
	return zero;
}

static uint32_t search_free(const struct flat *flat)
{
	uint32_t i = 0;

	while (i < flat->capacity && object_of(&flat->entries[i]))
		i++;
	return i;
}

static uint32_t search_and_free(void *table, uint32_t random)
{
	struct flat *flat = table;
	uint32_t i;

	(void)random;
	pthread_mutex_lock(&flat->lock);
	i = search_free(flat);
	atomic_store(&flat->entries[i].object, 1);
	pthread_mutex_unlock(&flat->lock);
	pthread_mutex_lock(&flat->lock);
	atomic_store(&flat->entries[i].object, 0);
	pthread_mutex_unlock(&flat->lock);
	return 0;
}

const struct contender counted_slot = { "lookup+release: counted slot", make, unmake, count };

const struct contender others[] = {
	{ "lookup: plain array load", make, unmake, load_object },
	{ "lookup+release: counted slot", make, unmake, count },
	{ "lookup+release: recursive mutex", make, unmake, lock },
	{ "allocate+free: mutex, linear search", make, unmake, search_and_free },
	{ 0 },
};
