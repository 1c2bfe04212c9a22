// SPDX-License-Identifier: LGPL-2.1-or-later
/* The library's queue of APCs, for runtimes that have none of their own. */
#include "alert.h"
#include "apc.h"
#include "timer.h"

NTSYNC_API uint32_t ntsync_nt_queue_user_apc(struct ntsync_nt *nt, uint32_t tid,
					     const struct ntsync_nt_apc *call)
{
	struct nt_apc *apc = call ? nt_realloc(NULL, sizeof(*apc)) : NULL;
	struct nt_thread *thread;
	struct nt_saved saved;
	uint32_t status;

	if (!apc)
		return call ? NTSYNC_STATUS_NO_MEMORY : NTSYNC_STATUS_INVALID_PARAMETER;
	*apc = (struct nt_apc){ .call = *call };
	nt_lock(&nt->lock, &saved);
	status = nt_thread_address_locked(nt, tid, &thread);
	if (!status)
		nt_apc_queue(thread, apc);
	nt_unlock(&nt->lock, &saved);
	if (status)
		nt_realloc(apc, 0);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_take_apc(struct ntsync_nt *nt, struct ntsync_nt_apc *call)
{
	struct nt_thread *thread = nt_thread_self(nt);

	if (!call)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	if (!thread)
		return NTSYNC_STATUS_NO_MEMORY;
	if (thread->has_timer_apcs)
		nt_timers_catch_up(nt);
	if (!(atomic_load(&thread->alerts) & NT_QUEUED) || !nt_apc_take(thread, call))
		return NTSYNC_STATUS_NO_MORE_ENTRIES;
	/* The last wait that returned USER_APC has left it set for the next one. */
	if (!atomic_load(&thread->alerts))
		nt_alert_reset(thread);
	return NTSYNC_STATUS_SUCCESS;
}
