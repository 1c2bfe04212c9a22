/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The deadline of a call, and what an interrupted call leaves behind. The record of a task embeds
 * the restart and the ticket.
 */
#ifndef NTSYNC_CORE_CALL_H
#define NTSYNC_CORE_CALL_H

#include <linux/ktime.h>
#include <linux/types.h>

/**
 * struct ntsync_deadline - when a wait times out
 * @expires: in host time, converted from the caller's time namespace; KTIME_MAX = never, 0 = do
 *	not sleep
 * @clock: CLOCK_MONOTONIC, CLOCK_REALTIME or CLOCK_BOOTTIME
 */
struct ntsync_deadline {
	ktime_t expires;
	clockid_t clock;
};

/**
 * struct ntsync_restart - the wait that an interrupted SIGNAL_AND_WAIT resumes
 * @index: user address of the result
 * @fd: descriptor of the object
 * @alert: descriptor of the alert, 0 = none
 * @owner: owner id
 * @fd_id: id of the object that @fd referred to; another one now means that @fd was reused
 * @alert_id: id of the object that @alert referred to
 * @deadline: when to time out
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
 * struct ntsync_ticket - the arrival number of an interrupted call; ticket.c
 * @arrival: the number, 0 = no ticket
 * @dev: id of the call's instance
 * @call: hash of the call's arguments
 */
struct ntsync_ticket {
	u64 arrival;
	u64 dev;
	u64 call;
};

#endif
