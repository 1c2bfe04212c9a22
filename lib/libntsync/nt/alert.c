// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Alerts and APCs. A bit in &nt_thread.alerts says that one was sent; after that, an auto-reset
 * event ends the thread's wait, so the woken thread finds the bit. Only the thread itself clears
 * bits. If the event of a bit that was taken earlier ends a wait, the wait finds no bit and
 * starts again.
 */
#include "alert.h"
#include "timer.h"

/* The wait consumed the event for the alert. APCs that were sent too need it again. */
static uint32_t take_alert(struct nt_thread *thread)
{
	uint32_t before = atomic_fetch_and(&thread->alerts, ~NT_ALERT);

	if (before & ~NT_ALERT)
		ntsync_event_set(thread->alert_fd, NULL);
	return NTSYNC_STATUS_ALERTED;
}

uint32_t nt_alert_take(struct nt_thread *thread)
{
	uint32_t alerts = atomic_load(&thread->alerts);

	if (alerts & NT_ALERT)
		return take_alert(thread);
	if (!alerts)
		return NTSYNC_STATUS_SUCCESS;
	atomic_fetch_and(&thread->alerts, ~NT_APC);
	/* Until the queue is empty each alertable wait ends, also one in an APC. */
	nt_alert_signal_again(thread);
	return NTSYNC_STATUS_USER_APC;
}

void nt_alert_signal_again(struct nt_thread *thread)
{
	if (atomic_load(&thread->alerts))
		ntsync_event_set(thread->alert_fd, NULL);
}

/* An alert that was sent before the reset has its bit set already. */
void nt_alert_reset(struct nt_thread *thread)
{
	ntsync_event_reset(thread->alert_fd, NULL);
	nt_alert_signal_again(thread);
}

/* For another thread under the table's lock, so that the thread is not freed meanwhile. */
static uint32_t send_alert(struct nt_thread *thread, uint32_t bit)
{
	atomic_fetch_or(&thread->alerts, bit);
	if (thread->alert_fd < 0)
		return NTSYNC_STATUS_SUCCESS;
	return nt_status(ntsync_event_set(thread->alert_fd, NULL));
}

static uint32_t send_alert_to(struct ntsync_nt *nt, uint32_t tid, uint32_t bit)
{
	struct nt_thread *thread;
	struct nt_saved saved;
	uint32_t status;

	nt_lock(&nt->lock, &saved);
	status = nt_thread_address_locked(nt, tid, &thread);
	if (!status)
		status = send_alert(thread, bit);
	nt_unlock(&nt->lock, &saved);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_alert_thread(struct ntsync_nt *nt, uint32_t tid)
{
	return send_alert_to(nt, tid, NT_ALERT);
}

NTSYNC_API uint32_t ntsync_nt_queue_apc(struct ntsync_nt *nt, uint32_t tid)
{
	return send_alert_to(nt, tid, NT_APC);
}

NTSYNC_API uint32_t ntsync_nt_set_apc_pending(struct ntsync_nt *nt, bool pending)
{
	struct nt_thread *thread = nt_thread_self(nt);

	if (!thread)
		return NTSYNC_STATUS_NO_MEMORY;
	if (pending)
		return send_alert(thread, NT_APC);
	atomic_fetch_and(&thread->alerts, ~NT_APC);
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_test_alert(struct ntsync_nt *nt)
{
	struct nt_thread *thread = nt_thread_self(nt);

	if (!thread)
		return NTSYNC_STATUS_NO_MEMORY;
	if (thread->has_timer_apcs)
		nt_timers_catch_up(nt);
	return nt_alert_take(thread);
}
