// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * All wait on one key, so the most urgent is woken, whatever it wants. An exclusive holder is in the
 * word, and is named. With readers in the lock waiters name nobody, and look again after a
 * millisecond: another thread that is woken may hold the lock exclusively by then.
 *
 * A reader that was woken wakes the next one when it has the lock. It leaves it to that one to say
 * that others wait: if there is none, readers that come later need not wait. Until then it is the
 * owner of the key, as waiters take over, so it is as urgent as those that have named somebody. A
 * writer that is woken this way sleeps again, and the chain ends.
 */
#include "lock.h"

/* ---- writers ---- */

/* Who inherits while the word is @seen. */
static uint32_t holder_of(uint32_t seen)
{
	return seen & NTSYNC_LOCK_EXCLUSIVE ?
		       seen & ~(NTSYNC_LOCK_EXCLUSIVE | NTSYNC_LOCK_WAITERS) : 0;
}

static int wait_and_lock(struct lock_sleeper *s, uint32_t tid)
{
	for (;;) {
		uint32_t seen = lock_load(s->word), owner;
		int ret;

		if (!seen) {
			if (lock_change(s->word, 0, tid | NTSYNC_LOCK_EXCLUSIVE | s->waiters))
				return 0;
			continue;
		}
		owner = holder_of(seen);
		ret = lock_sleep(s, seen, owner,
				 owner ? NTSYNC_WAIT_FOREVER : lock_in_a_millisecond());
		if (ret)
			return ret;
	}
}

/* What makes a wait impossible. */
static int check_may_wait(const struct ntsync_locker *me, struct ntsync_rw *rw)
{
	if (!me->tid)
		return -EINVAL;
	if (ntsync_lock_holder_(&rw->word) == (me->tid | NTSYNC_LOCK_EXCLUSIVE))
		return -EDEADLK;
	return 0;
}

NTSYNC_API int ntsync_rw_lock_until(struct ntsync_locker *me, struct ntsync_rw *rw,
				    uint64_t deadline)
{
	struct lock_sleeper s = lock_make_sleeper(me, &rw->word, deadline);
	int ret;

	if (ntsync_rw_try_lock(me, rw))
		return 0;
	ret = check_may_wait(me, rw);
	if (!ret)
		ret = wait_and_lock(&s, me->tid);
	if (!ret)
		me->held++;
	return ret;
}

/* ---- readers ---- */

/**
 * struct reader - a reader that waits
 * @s: the sleeper
 * @patience: until when it gives way to those that wait, if readers hold the lock, and looks again; 0:
 *	it has not met them since
 * @enters: it does not give way any more, or is the one that was woken
 */
struct reader {
	struct lock_sleeper s;
	uint64_t patience;
	bool enters;
};

/*
 * Nobody inherits from a reader that gives way, so one that is urgent, or may become so as others
 * wait for what it holds, passes after a while. If all did, they could keep a writer out for ever.
 */
static bool may_pass(struct ntsync_locker *me)
{
	return me->held || lock_is_real_time(me);
}

/* The word is @seen: gives way to those that wait. */
static int give_way(struct reader *r, uint32_t seen)
{
	int ret;

	if (!r->patience)
		r->patience = lock_in_a_millisecond();
	ret = lock_sleep(&r->s, seen, 0, r->patience);
	r->enters = r->s.waiters;
	if (lock_has_passed(r->patience)) {
		r->enters |= may_pass(r->s.me);
		r->patience = 0;
	}
	return ret;
}

/* One step of a reader whose lock's word is @seen. 1: it has the lock. */
static int step_reader(struct reader *r, uint32_t seen)
{
	if (seen & NTSYNC_LOCK_EXCLUSIVE) {
		int ret = lock_sleep(&r->s, seen, holder_of(seen), NTSYNC_WAIT_FOREVER);

		r->enters |= !!r->s.waiters;
		return ret;
	}
	if (seen & NTSYNC_LOCK_WAITERS && !r->enters)
		return give_way(r, seen);
	if ((seen & NTSYNC_LOCK_READERS) == NTSYNC_LOCK_READERS)
		return lock_give_up(&r->s, -EOVERFLOW);
	return lock_change(r->s.word, seen, seen + 1);
}

NTSYNC_API int ntsync_rw_lock_shared_until(struct ntsync_locker *me, struct ntsync_rw *rw,
					   uint64_t deadline)
{
	struct reader r = { .s = lock_make_sleeper(me, &rw->word, deadline) };
	int ret;

	if (ntsync_rw_try_lock_shared(me, rw))
		return 0;
	ret = check_may_wait(me, rw);
	while (!ret)
		ret = step_reader(&r, lock_load(&rw->word));
	if (ret < 0)
		return ret;
	if (r.s.waiters)
		ntsync_addr_wake(me->dev, &rw->word, 1, me->flags);
	return 0;
}
