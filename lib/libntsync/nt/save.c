// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a runtime needs to save a table, besides the queries of the types. */
#include "handle.h"
#include "name.h"
#include "thread.h"

NTSYNC_API uint32_t ntsync_nt_query_name(struct ntsync_nt *nt, uint32_t handle, char *name,
					 size_t size, size_t *length)
{
	struct nt_pin pin;
	uint32_t status = nt_get(nt, handle, &pin);
	size_t found;

	if (status)
		return status;
	found = nt_name_read(nt, pin.object, name, size);
	nt_put(nt, &pin);
	if (length)
		*length = found;
	return found < size ? NTSYNC_STATUS_SUCCESS : NTSYNC_STATUS_BUFFER_TOO_SMALL;
}

NTSYNC_API size_t ntsync_nt_thread_ids(struct ntsync_nt *nt, uint32_t *tids, size_t size)
{
	const struct nt_hash_link *link = NULL;
	struct nt_saved saved;
	size_t count = 0;

	nt_lock(&nt->lock, &saved);
	while ((link = nt_hash_next(&nt->threads, link))) {
		uint32_t tid = ((const struct nt_thread *)link)->tid;

		/* 0: it was abandoned. */
		if (tid && count < size)
			tids[count] = tid;
		count += tid != 0;
	}
	nt_unlock(&nt->lock, &saved);
	return count;
}

static void read_pending_locked(struct nt_thread *thread, struct ntsync_nt_pending *pending,
				struct ntsync_nt_apc *apcs, size_t size)
{
	uint32_t alerts = atomic_load(&thread->alerts);

	*pending = (struct ntsync_nt_pending){
		.apcs = nt_apc_copy(thread, apcs, size),
		.interruption = atomic_load(&thread->interruption),
		.alerted = alerts & NT_ALERT,
		.apc_pending = alerts & NT_APC,
		.attached = thread->attached,
		.alerted_by_id = atomic_load(&thread->alerted_by_id),
	};
}

NTSYNC_API uint32_t ntsync_nt_query_pending(struct ntsync_nt *nt, uint32_t tid,
					    struct ntsync_nt_pending *pending,
					    struct ntsync_nt_apc *apcs, size_t size)
{
	struct ntsync_nt_pending found;
	struct nt_thread *thread;
	struct nt_saved saved;

	nt_lock(&nt->lock, &saved);
	thread = tid ? nt_thread_find_locked(nt, tid) : NULL;
	if (thread)
		read_pending_locked(thread, &found, apcs, size);
	nt_unlock(&nt->lock, &saved);
	if (!thread)
		return NTSYNC_STATUS_INVALID_CID;
	if (pending)
		*pending = found;
	return NTSYNC_STATUS_SUCCESS;
}
