/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A contribution is one reason for a task to run at a higher priority than its normal prio. Each
 * mutex, each receiver of a channel and each address that tasks wait on has one embedded, and each
 * record has three.
 */
#ifndef NTSYNC_PI_CONTRIB_H
#define NTSYNC_PI_CONTRIB_H

#include <linux/limits.h>
#include <linux/rbtree.h>
#include <linux/sched/prio.h>
#include <linux/types.h>

struct ntsync_task;

enum ntsync_contrib_kind {
	NTSYNC_CONTRIB_MUTEX,
	NTSYNC_CONTRIB_CHANNEL,
	NTSYNC_CONTRIB_EVENT,
	NTSYNC_CONTRIB_SELF,
	NTSYNC_CONTRIB_LOAN,
	NTSYNC_CONTRIB_ADDRESS,
};

/**
 * struct ntsync_contrib - one reason for a task to run at a higher priority
 * @rb: in @to->contribs, the highest priority first
 * @rank: see ntsync_contrib_rank()
 * @policy: SCHED_FIFO or SCHED_RR
 * @kind: enum ntsync_contrib_kind; for debugfs and tracepoints
 * @to: the record that it goes to, counted; NULL: it contributes nothing
 * @object: id of the object that it comes from, of a loan the lender's tid, of an
 *	address the address itself; for debugfs
 *
 * @to->lock protects @rb, @rank and @policy. @to itself is protected by obj->lock for a mutex or
 * channel, by bucket->lock for an address, by loan->lock for a loan, and by t->lock for an event's
 * boost or a hand-off's.
 */
struct ntsync_contrib {
	struct rb_node rb;
	u32 rank;
	u16 policy;
	u16 kind;
	struct ntsync_task *to;
	u64 object;
};

/*
 * The rank of a contribution, by which contributions are sorted; the lowest number comes first: the
 * priority as in task_struct::prio (-1 for deadline tasks), then the number of tasks that have
 * passed it on, its hops. In a cycle of waits a priority whose source has gone gets one more hop at
 * each task, until it is dropped at NTSYNC_MAX_HOPS.
 */
#define NTSYNC_MAX_HOPS		1024
#define NTSYNC_NO_CONTRIB	U32_MAX

static inline u32 ntsync_contrib_rank(int prio, unsigned int hops)
{
	return (u32)(prio + 1) << 16 | hops;
}

/* What a task that has @prio, which has come by @hops, contributes to the next one. */
static inline u32 ntsync_contrib_pass_on(int prio, unsigned int hops)
{
	if (prio >= MAX_RT_PRIO || hops >= NTSYNC_MAX_HOPS)
		return NTSYNC_NO_CONTRIB;
	return ntsync_contrib_rank(prio, hops + 1);
}

static inline int ntsync_contrib_prio(u32 rank)
{
	return (int)(rank >> 16) - 1;
}

static inline unsigned int ntsync_contrib_hops(u32 rank)
{
	return rank & 0xffff;
}

#endif
