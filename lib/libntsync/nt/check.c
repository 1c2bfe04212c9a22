// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nt.h"

#include <string.h>

/**
 * struct tally - what was found by walking a table
 * @holders: per object, slots and bindings that refer to it.
 * @handles: per object, live slots.
 * @by_type: live slots.
 * @objects: live objects, by type.
 * @live: live slots.
 * @wrong: broken invariants.
 */
struct tally {
	uint32_t *holders;
	uint32_t *handles;
	uint32_t by_type[NTSYNC_NT_TYPES];
	uint32_t objects[NTSYNC_NT_TYPES];
	uint32_t live;
	size_t wrong;
};

static void expect(struct tally *tally, bool condition)
{
	tally->wrong += !condition;
}

static void walk_slot(struct ntsync_nt *nt, struct tally *tally, uint32_t index)
{
	const struct nt_slot *slot = nt_slot_at(nt, index);
	uint64_t word = atomic_load(&slot->word);
	const struct nt_object *object = slot->object;

	/* A call in progress, or a free slot that kept its object. */
	if (!(word & NT_REF_MASK)) {
		expect(tally, !object);
		return;
	}
	expect(tally, !(word & NT_PIN_MASK) && object);
	if (!object)
		return;
	expect(tally, atomic_load(&object->refs) > 0);
	tally->holders[object->index]++;
	tally->handles[object->index]++;
	tally->by_type[object->type]++;
	tally->live++;
}

static void walk_object(struct ntsync_nt *nt, struct tally *tally, uint32_t index)
{
	const struct nt_object *object = nt_pool_item(&nt->objects, index);
	uint32_t refs = atomic_load(&object->refs);

	expect(tally, refs == tally->holders[index]);
	if (!refs)
		return;
	expect(tally, atomic_load(&object->handles) == tally->handles[index]);
	tally->objects[object->type]++;
}

static void walk_bindings(struct ntsync_nt *nt, struct tally *tally)
{
	const struct nt_object *process = atomic_load(&nt->process);
	const struct nt_thread *thread = NULL;
	struct nt_saved saved;

	if (process)
		tally->holders[process->index]++;
	nt_lock(&nt->lock, &saved);
	while ((thread = nt_thread_next_locked(nt, thread))) {
		if (thread->self)
			tally->holders[thread->self->index]++;
	}
	nt_unlock(&nt->lock, &saved);
}

static void compare_counts(struct ntsync_nt *nt, struct tally *tally)
{
	expect(tally, atomic_load(&nt->live) == tally->live);
	for (int i = 0; i < NTSYNC_NT_TYPES; i++) {
		const struct nt_counts *counts = &nt->counts[i];

		expect(tally, atomic_load(&counts->handles) == tally->by_type[i]);
		expect(tally, atomic_load(&counts->objects) == tally->objects[i]);
		expect(tally, atomic_load(&counts->most_handles) >= tally->by_type[i]);
		expect(tally, atomic_load(&counts->most_objects) >= tally->objects[i]);
		expect(tally, atomic_load(&counts->creates) >= tally->by_type[i]);
	}
}

NTSYNC_API int ntsync_nt_check(struct ntsync_nt *nt)
{
	uint32_t objects = nt_pool_used(&nt->objects);
	struct tally tally = { 0 };

	tally.holders = nt_realloc(NULL, (objects + 1) * 2 * sizeof(*tally.holders));
	if (!tally.holders)
		return -ENOMEM;
	memset(tally.holders, 0, (objects + 1) * 2 * sizeof(*tally.holders));
	tally.handles = tally.holders + objects;
	for (uint32_t i = 0; i < nt_pool_used(&nt->slots); i++)
		walk_slot(nt, &tally, i);
	walk_bindings(nt, &tally);
	for (uint32_t i = 0; i < objects; i++)
		walk_object(nt, &tally, i);
	compare_counts(nt, &tally);
	nt_realloc(tally.holders, 0);
	return tally.wrong > INT32_MAX ? INT32_MAX : (int)tally.wrong;
}
