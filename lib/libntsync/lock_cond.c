// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lock.h"

/* The caller holds the lock: a wake that does not count it is of an earlier holder. */
static uint32_t begin_wait(struct ntsync_cond *c)
{
	__atomic_fetch_add(&c->waiters, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&c->seq, __ATOMIC_SEQ_CST);
}

/* Sleeps until there was a wake since @seq was read. */
static int sleep_on(const struct ntsync_locker *me, struct ntsync_cond *c, uint32_t seq,
		    uint64_t deadline)
{
	const struct ntsync_addr_opts opts = { .deadline = deadline, .flags = me->flags };
	int ret;

	do {
		ret = ntsync_addr_wait(me->dev, &c->seq, sizeof(c->seq), seq, &opts, NULL);
		if (ret == -ENOMEM)
			ret = lock_nap(deadline) ?: -EINTR;
	} while (ret == -EINTR);
	return ret == -EAGAIN ? 0 : ret;
}

/* One code for all that keeps a thread from its lock, as it has the lock after every other result. */
static int choose_result(int ret, int again)
{
	return again ? -ENOTRECOVERABLE : ret;
}

static void end_wait(struct ntsync_cond *c)
{
	__atomic_fetch_sub(&c->waiters, 1, __ATOMIC_SEQ_CST);
}

NTSYNC_API int ntsync_cond_wait_cs(struct ntsync_locker *me, struct ntsync_cond *c,
				   struct ntsync_cs *cs, uint64_t deadline)
{
	uint32_t seq;
	int ret, again;

	if (!me->tid)
		return -EINVAL;
	if (ntsync_lock_holder_(&cs->word) != me->tid)
		return -EPERM;
	seq = begin_wait(c);
	ret = ntsync_cs_leave(me, cs);
	if (!ret)
		ret = sleep_on(me, c, seq, deadline);
	end_wait(c);
	again = ntsync_cs_enter(me, cs);
	return choose_result(ret, again);
}

/* ---- with a reader/writer lock ---- */

static bool holds_rw(const struct ntsync_locker *me, struct ntsync_rw *rw, bool shared)
{
	uint32_t holder = ntsync_lock_holder_(&rw->word);

	if (shared)
		return holder && !(holder & NTSYNC_LOCK_EXCLUSIVE);
	return holder == (me->tid | NTSYNC_LOCK_EXCLUSIVE);
}

NTSYNC_API int ntsync_cond_wait_rw(struct ntsync_locker *me, struct ntsync_cond *c,
				   struct ntsync_rw *rw, bool shared, uint64_t deadline)
{
	uint32_t seq;
	int ret, again;

	if (!me->tid)
		return -EINVAL;
	if (!holds_rw(me, rw, shared))
		return -EPERM;
	seq = begin_wait(c);
	ret = shared ? ntsync_rw_unlock_shared(me, rw) : ntsync_rw_unlock(me, rw);
	if (!ret)
		ret = sleep_on(me, c, seq, deadline);
	end_wait(c);
	again = shared ? ntsync_rw_lock_shared(me, rw) : ntsync_rw_lock(me, rw);
	return choose_result(ret, again);
}
