// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A thread may get a real-time policy from outside at any time (rtkit, chrt), without a notice. So
 * the kernel is asked again after a while. The clock is read without a system call.
 */
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"

#define LOOK_AGAIN_MS 100

/* ---- the policy: looked has the time in ms, and whether it was a real-time one in bit 0 ---- */

#define REAL_TIME 1u

static uint32_t coarse_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

static uint32_t ask_kernel(void)
{
	switch (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) {
	case SCHED_FIFO:
	case SCHED_RR:
	case SCHED_DEADLINE:
		return REAL_TIME;
	}
	return 0;
}

static void look_at_policy(struct ntsync_locker *me)
{
	me->looked = (coarse_ms() & ~REAL_TIME) | ask_kernel();
}

bool lock_is_real_time(struct ntsync_locker *me)
{
	if (coarse_ms() - (me->looked & ~REAL_TIME) >= LOOK_AGAIN_MS)
		look_at_policy(me);
	return me->looked & REAL_TIME;
}

/* ---- the calls ---- */

/* -EBADF, which ntsync_features() would say, means futexes here. */
static int find_addresses(int dev, bool *found)
{
	struct ntsync_features features = { 0 };
	int ret = dev == -1 ? 0 : ntsync_features(dev, &features);

	*found = features.features & NTSYNC_FEATURE_ADDRESS;
	return ret;
}

NTSYNC_API int ntsync_locker_init(struct ntsync_locker *me, int dev, uint32_t flags)
{
	bool found;
	int ret;

	if (flags & ~(uint32_t)NTSYNC_LOCKER_SHARED)
		return -EINVAL;
	ret = find_addresses(dev, &found);
	if (ret)
		return ret;
	*me = (struct ntsync_locker){
		.dev = found ? dev : -1,
		.tid = (uint32_t)gettid(),
		.flags = flags,
	};
	look_at_policy(me);
	return 0;
}

NTSYNC_API int ntsync_locker_lend(struct ntsync_locker *me, uint32_t tid)
{
	int ret;

	if (me->dev == -1)
		return -ENOTSUP;
	if (tid == me->tid)
		return -EINVAL;
	/* A loan that is left has to end, which needs the call, too. */
	if (!me->held && !me->has_loan && !lock_is_real_time(me))
		return 0;
	ret = ntsync_lend(me->dev, tid, me->held ? NTSYNC_LEND_LATER : 0);
	if (!ret)
		me->has_loan = true;
	return ret;
}

NTSYNC_API int ntsync_locker_unlend(struct ntsync_locker *me)
{
	int ret;

	if (!me->has_loan)
		return 0;
	ret = ntsync_unlend(me->dev);
	if (!ret)
		me->has_loan = false;
	return ret;
}
