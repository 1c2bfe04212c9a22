/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIBNTSYNC_NT_ALERT_H
#define LIBNTSYNC_NT_ALERT_H

#include "thread.h"

/* Takes an alert of the calling thread: USER_APC or ALERTED, or SUCCESS if there is none. */
uint32_t nt_alert_take(struct nt_thread *thread);
/* Signals the thread's event again, after a wait consumed it and returned something else. */
void nt_alert_signal_again(struct nt_thread *thread);

/* Resets the thread's event, which may be set without a reason. The caller is the thread. */
void nt_alert_reset(struct nt_thread *thread);

#endif /* LIBNTSYNC_NT_ALERT_H */
