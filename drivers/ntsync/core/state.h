/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The states of the types. They are here because an object has its state in itself; only its type
 * looks into it.
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
	u32 owner;	/* 0 = free; the runtime's id, not a tid */
	u32 count;	/* depth of recursion */
	bool abandoned;
	bool guessed;	/* it was created owned: @task says nothing */
	u32 guess_owner; /* the id by which it is in dev->guessed; 0: it is not there */
	struct ntsync_task *task; /* who has acquired it last; counted */
	struct rb_root by_owner; /* the any-queue's entries again, by owner id */
	struct rb_root_cached waiters; /* those of real-time tasks, by pi_key; all kinds */
	struct ntsync_contrib contrib; /* what the owner inherits */
	struct rb_node guess;
};

struct ntsync_event {
	bool manual;	/* immutable */
	bool signaled;
	bool pulsed;	/* signaled for those who are queued, and only until they have it */
	u8 boost_prio;	/* for whoever takes the signal, as in sched_attr; 0 = none */
	u8 boost_policy;
};

union ntsync_state {
	struct ntsync_sem sem;
	struct ntsync_mutex mutex;
	struct ntsync_event event;
	struct ntsync_channel *channel;
};

#endif
