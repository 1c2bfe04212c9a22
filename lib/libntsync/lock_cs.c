// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The word has the holder, so the comparison covers it: a waiter that sleeps has named the thread
 * that has the lock, or one that is about to wake it. docs/locks.md draws that.
 */
#include "lock.h"

static int wait_and_enter(struct lock_sleeper *s, uint32_t tid)
{
	for (;;) {
		uint32_t seen = lock_load(s->word);
		int ret;

		if (!seen) {
			if (lock_change(s->word, 0, tid | s->waiters))
				return 0;
			continue;
		}
		ret = lock_sleep(s, seen, seen & ~NTSYNC_LOCK_WAITERS, NTSYNC_WAIT_FOREVER);
		if (ret)
			return ret;
	}
}

NTSYNC_API int ntsync_cs_enter_until(struct ntsync_locker *me, struct ntsync_cs *cs,
				     uint64_t deadline)
{
	struct lock_sleeper s = lock_make_sleeper(me, &cs->word, deadline);
	int ret;

	if (ntsync_cs_try_enter(me, cs))
		return 0;
	if (!me->tid)
		return -EINVAL;
	if (ntsync_lock_holder_(&cs->word) == me->tid)
		return -EOVERFLOW;
	ret = wait_and_enter(&s, me->tid);
	if (ret)
		return ret;
	cs->recursion = 1;
	me->held++;
	return 0;
}
