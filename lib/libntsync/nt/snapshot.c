// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nt.h"

/**
 * struct ntsync_nt_snapshot - the handles that were live at a time
 * @count: how many.
 * @entries: in the order of their slots.
 */
struct ntsync_nt_snapshot {
	size_t count;
	struct ntsync_nt_entry entries[];
};

/* A pin keeps the object that the entry tells of. */
static bool read_slot(struct ntsync_nt *nt, uint32_t index, struct ntsync_nt_entry *entry)
{
	struct nt_slot *slot = nt_slot_at(nt, index);

	if (!slot || !nt_slot_pin(slot))
		return false;
	*entry = (struct ntsync_nt_entry){
		.id = slot->object->id,
		.type = slot->object->type,
		.handle = nt_handle_at(nt, index),
		.generation = nt_generation(atomic_load(&slot->word)),
	};
	nt_slot_unpin(nt, slot, index);
	return true;
}

/* Room for so many entries. A snapshot that gets smaller is never lost. */
static struct ntsync_nt_snapshot *resize(struct ntsync_nt_snapshot *snapshot, size_t count)
{
	return nt_realloc(snapshot, sizeof(*snapshot) + count * sizeof(snapshot->entries[0]));
}

NTSYNC_API int ntsync_nt_snapshot_take(struct ntsync_nt *nt, struct ntsync_nt_snapshot **out)
{
	uint32_t used = nt_pool_used(&nt->slots);
	struct ntsync_nt_snapshot *snapshot = resize(NULL, used), *shrunk;

	if (!snapshot)
		return -ENOMEM;
	snapshot->count = 0;
	for (uint32_t i = 0; i < used; i++)
		snapshot->count += read_slot(nt, i, &snapshot->entries[snapshot->count]);
	shrunk = resize(snapshot, snapshot->count);
	*out = shrunk ? shrunk : snapshot;
	return 0;
}

NTSYNC_API void ntsync_nt_snapshot_free(struct ntsync_nt_snapshot *snapshot)
{
	nt_realloc(snapshot, 0);
}

/* Whether the very same handle was in @before; *at is where to go on looking. */
static bool was_in(const struct ntsync_nt_snapshot *before, size_t *at,
		   const struct ntsync_nt_entry *entry)
{
	while (*at < before->count && before->entries[*at].handle < entry->handle)
		(*at)++;
	return *at < before->count && before->entries[*at].handle == entry->handle &&
	       before->entries[*at].generation == entry->generation &&
	       before->entries[*at].id == entry->id;
}

NTSYNC_API size_t ntsync_nt_snapshot_diff(const struct ntsync_nt_snapshot *before,
					  const struct ntsync_nt_snapshot *after,
					  ntsync_nt_entry_fn report, void *context)
{
	size_t at = 0, count = 0;

	for (size_t i = 0; i < after->count; i++) {
		if (before && was_in(before, &at, &after->entries[i]))
			continue;
		count++;
		if (report)
			report(context, &after->entries[i]);
	}
	return count;
}

NTSYNC_API void ntsync_nt_count(struct ntsync_nt *nt, enum ntsync_nt_type type,
				struct ntsync_nt_count *out)
{
	const struct nt_counts *counts = &nt->counts[type];

	*out = (struct ntsync_nt_count){
		.handles = atomic_load(&counts->handles),
		.most_handles = atomic_load(&counts->most_handles),
		.objects = atomic_load(&counts->objects),
		.most_objects = atomic_load(&counts->most_objects),
		.creates = atomic_load(&counts->creates),
	};
}
