// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sleep.h"

#include "alert.h"
#include "stop.h"
#include "timer.h"

int nt_sleep_event(const struct nt_wait *wait)
{
	return wait->alertable ? wait->thread->alert_fd : wait->thread->stop_fd;
}

int nt_sleep(const struct nt_wait *wait)
{
	int ret = ntsync_wait_any(wait->nt->config.dev, NULL, 0, &wait->opts, NULL);

	nt_race();
	/* An APC of a timer that was due before the deadline comes first. */
	if (ret == -ETIMEDOUT && wait->alertable && wait->thread->has_timer_apcs)
		nt_timers_catch_up(wait->nt);
	return ret;
}

uint32_t nt_sleep_reason(const struct nt_wait *wait, int ret)
{
	uint32_t status = nt_stop_take(wait->thread, wait->stops);

	if (status && wait->alertable)
		nt_alert_signal_again(wait->thread);
	if (!status && wait->alertable)
		status = nt_alert_take(wait->thread);
	if (status || !ret || ret == -EINTR)
		return status;
	return ret == -ETIMEDOUT ? NTSYNC_STATUS_TIMEOUT : nt_status(ret);
}

void nt_sleep_reset_event(const struct nt_wait *wait)
{
	if (wait->alertable)
		nt_alert_reset(wait->thread);
	else
		ntsync_event_reset(wait->thread->stop_fd, NULL);
}
