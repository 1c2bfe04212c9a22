// SPDX-License-Identifier: LGPL-2.1-or-later
#include "handle.h"

/**
 * struct ntsync_nt_snapshot - the handles that were open at a time
 * @count: how many.
 * @entries: the handles in ascending order.
 */
struct ntsync_nt_snapshot {
	size_t count;
	struct ntsync_nt_entry entries[];
};

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

static struct ntsync_nt_snapshot *resize_snapshot(struct ntsync_nt_snapshot *snapshot, size_t count)
{
	return nt_realloc(snapshot, sizeof(*snapshot) + count * sizeof(snapshot->entries[0]));
}

NTSYNC_API int ntsync_nt_snapshot_take(struct ntsync_nt *nt, struct ntsync_nt_snapshot **out)
{
	uint32_t used = nt_pool_used(&nt->slots);
	struct ntsync_nt_snapshot *snapshot = resize_snapshot(NULL, used), *shrunk;

	if (!snapshot)
		return -ENOMEM;
	snapshot->count = 0;
	for (uint32_t i = 0; i < used; i++)
		snapshot->count += read_slot(nt, i, &snapshot->entries[snapshot->count]);
	/* If the allocator cannot shrink it, the larger one is used. */
	shrunk = resize_snapshot(snapshot, snapshot->count);
	*out = shrunk ? shrunk : snapshot;
	return 0;
}

NTSYNC_API void ntsync_nt_snapshot_free(struct ntsync_nt_snapshot *snapshot)
{
	nt_realloc(snapshot, 0);
}

/* Whether @before has the entry. Both are sorted, so the search continues from *@at. */
static bool has_entry(const struct ntsync_nt_snapshot *before, size_t *at,
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
		if (before && has_entry(before, &at, &after->entries[i]))
			continue;
		count++;
		if (report)
			report(context, &after->entries[i]);
	}
	return count;
}
