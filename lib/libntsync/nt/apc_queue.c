// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apc.h"
#include "thread.h"

/* The bit before the event, as for all alerts: the woken thread finds it. */
static void append_locked(struct nt_thread *thread, struct nt_apc *apc)
{
	struct nt_apc **end = &thread->first_apc;

	apc->queued = true;
	apc->next = NULL;
	if (thread->first_apc)
		end = &thread->last_apc->next;
	*end = apc;
	thread->last_apc = apc;
	atomic_fetch_or(&thread->alerts, NT_QUEUED);
	if (thread->alert_fd >= 0)
		ntsync_event_set(thread->alert_fd, NULL);
}

void nt_apc_queue(struct nt_thread *thread, struct nt_apc *apc)
{
	struct nt_lock *lock = &thread->nt->apc_lock;
	struct nt_saved saved;

	nt_lock(lock, &saved);
	append_locked(thread, apc);
	nt_unlock(lock, &saved);
}

bool nt_apc_is_queued(struct nt_thread *thread, const struct nt_apc *apc)
{
	struct nt_lock *lock = &thread->nt->apc_lock;
	struct nt_saved saved;
	bool queued;

	nt_lock(lock, &saved);
	queued = apc->queued;
	nt_unlock(lock, &saved);
	return queued;
}

static void unlink_locked(struct nt_thread *thread, struct nt_apc **at, struct nt_apc *before)
{
	struct nt_apc *apc = *at;

	*at = apc->next;
	if (thread->last_apc == apc)
		thread->last_apc = before;
	apc->queued = false;
	if (!thread->first_apc)
		atomic_fetch_and(&thread->alerts, ~NT_QUEUED);
}

void nt_apc_remove(struct nt_thread *thread, struct nt_apc *apc)
{
	struct nt_lock *lock = &thread->nt->apc_lock;
	struct nt_apc **at = &thread->first_apc, *before = NULL;
	struct nt_saved saved;

	nt_lock(lock, &saved);
	while (*at && *at != apc) {
		before = *at;
		at = &before->next;
	}
	if (*at)
		unlink_locked(thread, at, before);
	nt_unlock(lock, &saved);
}

bool nt_apc_take(struct nt_thread *thread, struct ntsync_nt_apc *call)
{
	struct nt_lock *lock = &thread->nt->apc_lock;
	struct nt_apc *apc, *allocated;
	struct nt_saved saved;

	nt_lock(lock, &saved);
	apc = thread->first_apc;
	allocated = apc && !apc->of_timer ? apc : NULL;
	if (apc) {
		*call = apc->call;
		unlink_locked(thread, &thread->first_apc, NULL);
	}
	nt_unlock(lock, &saved);
	nt_realloc(allocated, 0);
	return apc;
}

size_t nt_apc_copy(struct nt_thread *thread, struct ntsync_nt_apc *calls, size_t size)
{
	struct nt_lock *lock = &thread->nt->apc_lock;
	struct nt_saved saved;
	size_t count = 0;

	nt_lock(lock, &saved);
	for (const struct nt_apc *apc = thread->first_apc; apc; apc = apc->next) {
		if (count < size)
			calls[count] = apc->call;
		count++;
	}
	nt_unlock(lock, &saved);
	return count;
}

void nt_apc_free_all(struct nt_thread *thread)
{
	while (thread->first_apc) {
		struct nt_apc *apc = thread->first_apc;

		thread->first_apc = apc->next;
		if (!apc->of_timer)
			nt_realloc(apc, 0);
	}
}
