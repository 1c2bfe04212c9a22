// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Alerts and APCs: a bit says that there is one, an auto-reset event ends the wait. The bit
 * is set before the event is, so whoever is woken finds it. Bits are taken by the thread
 * itself only; an event that is left over ends a wait that finds no bit, and goes on.
 */
#include "nt.h"

/* Who alerted before could set no event. */
int nt_alert_init_locked(struct nt_thread *thread)
{
	int fd = nt_not_zero(ntsync_event_create(thread->nt->config.dev, false,
						 atomic_load(&thread->alerts)));

	if (fd < 0)
		return fd;
	thread->alert_fd = fd;
	return 0;
}

/* The event was consumed for the alert, so an APC that is there too needs it again. */
static uint32_t take_alert(struct nt_thread *thread)
{
	uint32_t before = atomic_fetch_and(&thread->alerts, ~NT_ALERT);

	if (before & NT_APC)
		ntsync_event_set(thread->alert_fd, NULL);
	return NTSYNC_STATUS_ALERTED;
}

uint32_t nt_alert_take(struct nt_thread *thread)
{
	uint32_t alerts = atomic_load(&thread->alerts);

	if (alerts & NT_ALERT)
		return take_alert(thread);
	if (!(alerts & NT_APC))
		return NTSYNC_STATUS_SUCCESS;
	atomic_fetch_and(&thread->alerts, ~NT_APC);
	return NTSYNC_STATUS_USER_APC;
}

void nt_alert_put_back(struct nt_thread *thread)
{
	if (atomic_load(&thread->alerts))
		ntsync_event_set(thread->alert_fd, NULL);
}

static uint32_t send_locked(struct nt_thread *thread, uint32_t bit)
{
	atomic_fetch_or(&thread->alerts, bit);
	if (thread->alert_fd < 0)
		return NTSYNC_STATUS_SUCCESS;
	return nt_status(ntsync_event_set(thread->alert_fd, NULL));
}

static uint32_t alert(struct ntsync_nt *nt, uint32_t tid, uint32_t bit)
{
	uint32_t status = NTSYNC_STATUS_NO_MEMORY;
	struct nt_thread *thread;
	struct nt_saved saved;

	if (!tid)
		return NTSYNC_STATUS_INVALID_CID;
	nt_lock(&nt->lock, &saved);
	/* A guest's thread may exist for the guest before it is attached; a host's never does. */
	thread = tid < NTSYNC_NT_OWN_TIDS ? nt_thread_expect_locked(nt, tid) :
					    nt_thread_find_locked(nt, tid);
	if (thread)
		status = send_locked(thread, bit);
	else if (tid >= NTSYNC_NT_OWN_TIDS)
		status = NTSYNC_STATUS_INVALID_CID;
	nt_unlock(&nt->lock, &saved);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_alert_thread(struct ntsync_nt *nt, uint32_t tid)
{
	return alert(nt, tid, NT_ALERT);
}

NTSYNC_API uint32_t ntsync_nt_queue_apc(struct ntsync_nt *nt, uint32_t tid)
{
	return alert(nt, tid, NT_APC);
}

/* What is said of the caller only it takes back, so it needs no lock. */
NTSYNC_API uint32_t ntsync_nt_set_apc_pending(struct ntsync_nt *nt, bool pending)
{
	struct nt_thread *thread = nt_thread_self(nt);

	if (!thread)
		return NTSYNC_STATUS_NO_MEMORY;
	if (!pending) {
		atomic_fetch_and(&thread->alerts, ~NT_APC);
		return NTSYNC_STATUS_SUCCESS;
	}
	return send_locked(thread, NT_APC);
}

NTSYNC_API uint32_t ntsync_nt_test_alert(struct ntsync_nt *nt)
{
	struct nt_thread *thread = nt_thread_self(nt);

	return thread ? nt_alert_take(thread) : NTSYNC_STATUS_NO_MEMORY;
}
