/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What outlives a call: when it gives up, and what an interrupted one goes on with. A task's record
 * has the last two in itself.
 */
#ifndef NTSYNC_CORE_CALL_H
#define NTSYNC_CORE_CALL_H

#include <linux/ktime.h>
#include <linux/types.h>

/**
 * struct ntsync_deadline - when a wait gives up
 * @expires: host time, so not in the caller's time namespace any more;
 *	KTIME_MAX = never, 0 = try once
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 */
struct ntsync_deadline {
	ktime_t expires;
	clockid_t clock;
};

/**
 * struct ntsync_restart - the wait that an interrupted SIGNAL_AND_WAIT goes on with
 * @index: where the answer goes
 * @fd: what it waits for
 * @alert: what else, 0 = nothing
 * @owner: owner id
 * @fd_id: the number of the object that was behind @fd
 * @alert_id: likewise, behind @alert
 * @deadline: when to give up
 */
struct ntsync_restart {
	u32 __user *index;
	u32 fd;
	u32 alert;
	u32 owner;
	u64 fd_id;
	u64 alert_id;
	struct ntsync_deadline deadline;
};

/**
 * struct ntsync_ticket - the turn of a call that was interrupted; see ticket.c
 * @arrival: its turn; 0 = there is none
 * @dev: id of its instance
 * @call: which call
 */
struct ntsync_ticket {
	u64 arrival;
	u64 dev;
	u64 call;
};

#endif
