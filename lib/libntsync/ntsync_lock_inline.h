/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Of ntsync_lock.h, which includes it: what the locks do without contention. lock_calls.c makes the
 * library's functions of the same text.
 */
#ifndef NTSYNC_LOCK_INLINE_H
#define NTSYNC_LOCK_INLINE_H

#include <errno.h>

/* Inlined only: where a program takes the address of a function, it gets the library's. */
#define NTSYNC_LOCK_HELPER extern __inline__ __attribute__((__gnu_inline__, __always_inline__))
#ifndef NTSYNC_LOCK_INLINE
#define NTSYNC_LOCK_INLINE NTSYNC_LOCK_HELPER
#endif

#define NTSYNC_LOCK_READERS (NTSYNC_LOCK_EXCLUSIVE - 1)

/* False: the word has another value, which *@seen is then. */
NTSYNC_LOCK_HELPER bool ntsync_lock_acquire_(uint32_t *word, uint32_t *seen, uint32_t value)
{
	return __atomic_compare_exchange_n(word, seen, value, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

NTSYNC_LOCK_HELPER int ntsync_lock_wake_(const struct ntsync_locker *me, uint32_t *word,
					 uint32_t count)
{
	int ret = ntsync_addr_wake(me->dev, word, count, me->flags);

	return ret < 0 ? ret : 0;
}

/* Releases first, then wakes: the caller inherits until it has woken the next one. */
NTSYNC_LOCK_HELPER int ntsync_lock_release_(struct ntsync_locker *me, uint32_t *word)
{
	me->held--;
	if (!(__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) & NTSYNC_LOCK_WAITERS))
		return 0;
	return ntsync_lock_wake_(me, word, 1);
}

/* The word without NTSYNC_LOCK_WAITERS. */
NTSYNC_LOCK_HELPER uint32_t ntsync_lock_holder_(uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED) & ~NTSYNC_LOCK_WAITERS;
}

/* ---- critical sections ---- */

NTSYNC_LOCK_INLINE bool ntsync_cs_try_enter(struct ntsync_locker *me, struct ntsync_cs *cs)
{
	uint32_t seen = 0;

	if (!me->tid)
		return false;
	if (ntsync_lock_acquire_(&cs->word, &seen, me->tid)) {
		cs->recursion = 1;
		me->held++;
		return true;
	}
	if ((seen & ~NTSYNC_LOCK_WAITERS) != me->tid || cs->recursion == UINT32_MAX)
		return false;
	cs->recursion++;
	return true;
}

NTSYNC_LOCK_INLINE int ntsync_cs_enter(struct ntsync_locker *me, struct ntsync_cs *cs)
{
	if (ntsync_cs_try_enter(me, cs))
		return 0;
	return ntsync_cs_enter_until(me, cs, NTSYNC_WAIT_FOREVER);
}

NTSYNC_LOCK_INLINE int ntsync_cs_leave(struct ntsync_locker *me, struct ntsync_cs *cs)
{
	if (!me->tid || ntsync_lock_holder_(&cs->word) != me->tid)
		return -EPERM;
	if (--cs->recursion)
		return 0;
	return ntsync_lock_release_(me, &cs->word);
}

/* ---- reader/writer locks ---- */

NTSYNC_LOCK_INLINE bool ntsync_rw_try_lock(struct ntsync_locker *me, struct ntsync_rw *rw)
{
	uint32_t seen = 0;

	if (!me->tid || !ntsync_lock_acquire_(&rw->word, &seen, me->tid | NTSYNC_LOCK_EXCLUSIVE))
		return false;
	me->held++;
	return true;
}

NTSYNC_LOCK_INLINE int ntsync_rw_lock(struct ntsync_locker *me, struct ntsync_rw *rw)
{
	if (ntsync_rw_try_lock(me, rw))
		return 0;
	return ntsync_rw_lock_until(me, rw, NTSYNC_WAIT_FOREVER);
}

NTSYNC_LOCK_INLINE bool ntsync_rw_try_lock_shared(struct ntsync_locker *me, struct ntsync_rw *rw)
{
	uint32_t seen = __atomic_load_n(&rw->word, __ATOMIC_RELAXED);

	if (!me->tid)
		return false;
	do {
		/* Not a writer, waiters, or the last number of readers. */
		if (seen >= NTSYNC_LOCK_READERS)
			return false;
	} while (!ntsync_lock_acquire_(&rw->word, &seen, seen + 1));
	return true;
}

NTSYNC_LOCK_INLINE int ntsync_rw_lock_shared(struct ntsync_locker *me, struct ntsync_rw *rw)
{
	if (ntsync_rw_try_lock_shared(me, rw))
		return 0;
	return ntsync_rw_lock_shared_until(me, rw, NTSYNC_WAIT_FOREVER);
}

NTSYNC_LOCK_INLINE int ntsync_rw_unlock(struct ntsync_locker *me, struct ntsync_rw *rw)
{
	if (!me->tid || ntsync_lock_holder_(&rw->word) != (me->tid | NTSYNC_LOCK_EXCLUSIVE))
		return -EPERM;
	return ntsync_lock_release_(me, &rw->word);
}

/* The last reader takes NTSYNC_LOCK_WAITERS out of the word, and wakes. */
NTSYNC_LOCK_INLINE int ntsync_rw_unlock_shared(struct ntsync_locker *me, struct ntsync_rw *rw)
{
	uint32_t seen = __atomic_load_n(&rw->word, __ATOMIC_RELAXED), next;

	if (!me->tid)
		return -EPERM;
	do {
		if (seen & NTSYNC_LOCK_EXCLUSIVE || !(seen & NTSYNC_LOCK_READERS))
			return -EPERM;
		next = (seen & NTSYNC_LOCK_READERS) == 1 ? 0 : seen - 1;
	} while (!__atomic_compare_exchange_n(&rw->word, &seen, next, false, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	if (next || !(seen & NTSYNC_LOCK_WAITERS))
		return 0;
	return ntsync_lock_wake_(me, &rw->word, 1);
}

/* ---- condition variables ---- */

/*
 * A waiter is counted before it reads seq, with the lock held. A wake that does not find it is
 * before that, and so is the change of what the waiter has looked at.
 */
NTSYNC_LOCK_HELPER int ntsync_cond_wake_(struct ntsync_locker *me, struct ntsync_cond *c,
					 uint32_t count)
{
	if (!me->tid)
		return -EINVAL;
	__atomic_fetch_add(&c->seq, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&c->waiters, __ATOMIC_SEQ_CST))
		return 0;
	return ntsync_lock_wake_(me, &c->seq, count);
}

NTSYNC_LOCK_INLINE int ntsync_cond_wake(struct ntsync_locker *me, struct ntsync_cond *c)
{
	return ntsync_cond_wake_(me, c, 1);
}

NTSYNC_LOCK_INLINE int ntsync_cond_wake_all(struct ntsync_locker *me, struct ntsync_cond *c)
{
	return ntsync_cond_wake_(me, c, UINT32_MAX);
}

#endif /* NTSYNC_LOCK_INLINE_H */
