/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sleep without objects. Another thread, which knows why, sets the event that ends this thread's
 * waits. What decides how the call ends is under a lock of the caller.
 */
#ifndef LIBNTSYNC_NT_SLEEP_H
#define LIBNTSYNC_NT_SLEEP_H

#include "wait.h"

/* The event that ends the sleep: that of alerts if the wait is alertable. */
int nt_sleep_event(const struct nt_wait *wait);
/* Sleeps until the event is set, or the deadline: the driver's answer. */
int nt_sleep(const struct nt_wait *wait);
/*
 * Why the thread is awake after the driver has answered @ret, if it is not what the caller waits
 * for: takes an alert or an interruption. SUCCESS: for no reason.
 */
uint32_t nt_sleep_reason(const struct nt_wait *wait, int ret);
/* Another thread has set the event, perhaps after something else had ended the sleep. */
void nt_sleep_reset_event(const struct nt_wait *wait);

#endif /* LIBNTSYNC_NT_SLEEP_H */
