/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A contribution: one reason for a task to run at a higher priority than its own. Mutexes and
 * receivers have one in themselves.
 */
#ifndef NTSYNC_PI_CONTRIB_H
#define NTSYNC_PI_CONTRIB_H

#include <linux/limits.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct ntsync_task;

enum ntsync_contrib_kind {
	NTSYNC_CONTRIB_MUTEX,
	NTSYNC_CONTRIB_CHANNEL,
	NTSYNC_CONTRIB_EVENT,
	NTSYNC_CONTRIB_WORK,
};

/**
 * struct ntsync_contrib - one reason for a task to run at a higher priority than its own
 * @rb: in @to->contribs, the most urgent first
 * @key: see ntsync_contrib_key()
 * @policy: SCHED_FIFO or SCHED_RR
 * @kind: enum ntsync_contrib_kind, for people
 * @to: whose record; NULL: it contributes nothing
 * @object: id of the object that it comes from, for people
 *
 * @rb, @key and @policy are protected by @to->lock, @to by the lock of the object that the
 * contribution belongs to. @to is counted.
 */
struct ntsync_contrib {
	struct rb_node rb;
	u32 key;
	u16 policy;
	u16 kind;
	struct ntsync_task *to;
	u64 object;
};

/*
 * Sorts contributions: the priority first, as task_struct::prio counts it (less is more
 * urgent; -1 for deadline tasks), then the number of tasks that it was handed on by. In a
 * cycle of waits a priority whose origin has left gets another hop with each task, until it is
 * dropped at NTSYNC_MAX_HOPS.
 */
#define NTSYNC_MAX_HOPS		1024
#define NTSYNC_NO_CONTRIB	U32_MAX

static inline u32 ntsync_contrib_key(int prio, unsigned int hops)
{
	return (u32)(prio + 1) << 16 | hops;
}

static inline int ntsync_contrib_prio(u32 key)
{
	return (int)(key >> 16) - 1;
}

static inline unsigned int ntsync_contrib_hops(u32 key)
{
	return key & 0xffff;
}

#endif
