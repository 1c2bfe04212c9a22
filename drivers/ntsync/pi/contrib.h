/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A contribution is one reason for a task to run at a higher priority than its normal prio. Each
 * mutex and each receiver of a channel has one embedded, and each record has three.
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
	NTSYNC_CONTRIB_HANDOFF,
	NTSYNC_CONTRIB_LOAN,
};

/**
 * struct ntsync_contrib - one reason for a task to run at a higher priority
 * @rb: in @to->contribs, the highest priority first
 * @key: see ntsync_contrib_key()
 * @policy: SCHED_FIFO or SCHED_RR
 * @kind: enum ntsync_contrib_kind; for debugfs and tracepoints
 * @to: the record that it goes to, counted; NULL: it contributes nothing
 * @object: id of the object that it comes from, or of a loan the lender's tid; for debugfs
 *
 * @to->lock protects @rb, @key and @policy. @to itself is protected by the lock of the object
 * that the contribution belongs to, or by the lock of the record if it belongs to one.
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
 * The sort key of contributions: the priority as in task_struct::prio (-1 for deadline tasks),
 * then the number of tasks that have passed it on, its hops. In a cycle of waits a priority whose
 * source has gone gets one more hop at each task, until it is dropped at NTSYNC_MAX_HOPS.
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
