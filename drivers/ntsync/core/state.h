/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The states of the types. The core embeds them in struct ntsync_obj; only the type reads and
 * writes its state.
 */
#ifndef NTSYNC_CORE_STATE_H
#define NTSYNC_CORE_STATE_H

#include <linux/rbtree.h>
#include <linux/types.h>

#include "pi/contrib.h"

struct ntsync_channel;
struct ntsync_task;

struct ntsync_sem {
	u32 count;
	u32 max;	/* immutable */
};

struct ntsync_mutex {
	u32 owner;	/* owner id, 0 = free */
	u32 count;	/* depth of recursion */
	bool abandoned;
	bool owner_by_id; /* not acquired since it was created: look @owner up, not @task */
	u32 listed_id;	/* key in dev->mutexes_by_id; 0: not there */
	struct ntsync_task *task; /* record of the last acquirer; counted */
	struct rb_root by_owner; /* entries of the any-queue, by owner id */
	struct rb_root_cached rt_waiters; /* entries of real-time tasks in both queues, by pi_rank */
	struct ntsync_contrib contrib; /* what the owner inherits */
	struct rb_node listed; /* in dev->mutexes_by_id */
};

struct ntsync_event {
	bool manual;	/* immutable */
	bool signaled;
	bool pulsed;	/* signaled until the waiters that are queued have been served */
	u8 boost_prio;	/* boost for the acquirer, as in sched_attr; 0 = none */
	u8 boost_policy;
};

union ntsync_state {
	struct ntsync_sem sem;
	struct ntsync_mutex mutex;
	struct ntsync_event event;
	struct ntsync_channel *channel;
};

#endif
