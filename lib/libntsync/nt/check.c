// SPDX-License-Identifier: LGPL-2.1-or-later
#include "association.h"
#include "handle.h"
#include "port.h"
#include "stop.h"
#include "thread.h"

#include <string.h>

/**
 * struct tally - what a table contains, counted
 * @references: per object, how many slots and bindings refer to it.
 * @handles: per object, how many live slots it has.
 * @by_type: live slots by type.
 * @objects: live objects by type.
 * @live: live slots.
 * @waits: waits may be in progress: the table is stopped, and suspended threads have not returned.
 * @broken: broken invariants.
 */
struct tally {
	uint32_t *references;
	uint32_t *handles;
	uint32_t by_type[NTSYNC_NT_TYPES];
	uint32_t objects[NTSYNC_NT_TYPES];
	uint32_t live;
	bool waits;
	size_t broken;
};

static void expect(struct tally *tally, bool condition)
{
	tally->broken += !condition;
}

static void count_slot(struct ntsync_nt *nt, struct tally *tally, uint32_t index)
{
	const struct nt_slot *slot = nt_slot_at(nt, index);
	uint64_t word = atomic_load(&slot->word);
	const struct nt_object *object = slot->object;

	/* A slot without refs is free, unless a wait uses it. */
	if (!(word & NT_REF_MASK) && (!object || !tally->waits)) {
		expect(tally, !object);
		return;
	}
	expect(tally, object && (!(word & NT_PIN_MASK) || tally->waits));
	if (!object)
		return;
	expect(tally, atomic_load(&object->refs) > 0);
	tally->references[object->index]++;
	if (!(word & NT_REF_MASK))
		return;
	tally->handles[object->index]++;
	tally->by_type[object->type]++;
	tally->live++;
}

static void check_object(struct ntsync_nt *nt, struct tally *tally, uint32_t index)
{
	const struct nt_object *object = nt_pool_item(&nt->objects, index);
	uint32_t refs = atomic_load(&object->refs);

	/* @held of a free object is that of the last one. */
	if (refs)
		tally->references[index] += atomic_load(&object->held);
	if (refs && object->type == NTSYNC_NT_MUTANT && atomic_load(&object->owned_at) & NT_LEFT_TO_OWNER)
		tally->references[index]++;
	/* A wait has a reference to what a pseudo-handle stands for. */
	expect(tally, tally->waits ? refs >= tally->references[index] :
				     refs == tally->references[index]);
	if (!refs)
		return;
	expect(tally, atomic_load(&object->handles) == tally->handles[index]);
	tally->objects[object->type]++;
	if (object->type == NTSYNC_NT_IO_COMPLETION)
		tally->broken += nt_port_check(nt, object->port);
	if (atomic_load(&object->awaited))
		tally->broken += nt_association_check(nt, object);
}

static void count_bindings(struct ntsync_nt *nt, struct tally *tally)
{
	const struct nt_object *process = atomic_load(&nt->process);
	const struct nt_hash_link *link = NULL;
	struct nt_saved saved;

	if (process)
		tally->references[process->index]++;
	nt_lock(&nt->lock, &saved);
	while ((link = nt_hash_next(&nt->threads, link))) {
		const struct nt_thread *thread = (const struct nt_thread *)link;
		const struct nt_object *object = atomic_load(&thread->object);

		if (thread->self)
			tally->references[thread->self->index]++;
		if (object)
			tally->references[object->index]++;
	}
	nt_unlock(&nt->lock, &saved);
}

/* The references of objects to their events. */
static void count_events(struct ntsync_nt *nt, struct tally *tally)
{
	for (uint32_t i = 0; i < nt_pool_used(&nt->objects); i++) {
		const struct nt_object *object = nt_pool_item(&nt->objects, i);

		if (atomic_load(&object->refs) && object->type == NTSYNC_NT_OWN &&
		    object->own->event)
			tally->references[object->own->event->index]++;
	}
}

static void count_targets(struct tally *tally, const struct nt_packet *packet)
{
	for (; packet; packet = packet->next) {
		if (packet->target)
			tally->references[packet->target->index]++;
	}
}

static void count_ring(struct tally *tally, const struct nt_association *first)
{
	const struct nt_association *a = first;

	do {
		tally->references[a->packet->target->index]++;
		a = a->next;
	} while (a != first);
}

/* The references of packets to what their wait completion packets wait for. */
static void count_packets(struct ntsync_nt *nt, struct tally *tally)
{
	const struct nt_hash_link *link = NULL;
	struct nt_saved saved;

	nt_lock(&nt->port_lock, &saved);
	while ((link = nt_hash_next(&nt->associations, link)))
		count_ring(tally, (const struct nt_association *)link);
	for (uint32_t i = 0; i < nt_pool_used(&nt->objects); i++) {
		const struct nt_object *object = nt_pool_item(&nt->objects, i);

		if (atomic_load(&object->refs) && object->type == NTSYNC_NT_IO_COMPLETION)
			count_targets(tally, object->port->first);
	}
	nt_unlock(&nt->port_lock, &saved);
}

static void check_counts(struct ntsync_nt *nt, struct tally *tally)
{
	expect(tally, atomic_load(&nt->live) == tally->live);
	for (int i = 0; i < NTSYNC_NT_TYPES; i++) {
		const struct nt_counts *counts = &nt->counts[i];

		expect(tally, atomic_load(&counts->handles.now) == tally->by_type[i]);
		expect(tally, atomic_load(&counts->objects.now) == tally->objects[i]);
		expect(tally, atomic_load(&counts->handles.most) >= tally->by_type[i]);
		expect(tally, atomic_load(&counts->objects.most) >= tally->objects[i]);
		expect(tally, atomic_load(&counts->creates) >= tally->by_type[i]);
	}
}

NTSYNC_API int ntsync_nt_check(struct ntsync_nt *nt)
{
	uint32_t objects = nt_pool_used(&nt->objects);
	struct tally tally = { .waits = nt_is_stopped(nt) };

	tally.references = nt_realloc(NULL, (objects + 1) * 2 * sizeof(*tally.references));
	if (!tally.references)
		return -ENOMEM;
	memset(tally.references, 0, (objects + 1) * 2 * sizeof(*tally.references));
	tally.handles = tally.references + objects;
	for (uint32_t i = 0; i < nt_pool_used(&nt->slots); i++)
		count_slot(nt, &tally, i);
	count_bindings(nt, &tally);
	count_events(nt, &tally);
	count_packets(nt, &tally);
	for (uint32_t i = 0; i < objects; i++)
		check_object(nt, &tally, i);
	check_counts(nt, &tally);
	nt_realloc(tally.references, 0);
	return tally.broken > INT32_MAX ? INT32_MAX : (int)tally.broken;
}
