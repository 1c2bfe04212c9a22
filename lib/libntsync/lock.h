/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the locks of ntsync_lock.h have in common: how a thread sleeps on a lock's word. */
#ifndef LIBNTSYNC_LOCK_H
#define LIBNTSYNC_LOCK_H

#include "internal.h"
#include "ntsync_lock.h"

/**
 * struct lock_sleeper - a thread that waits for a lock
 * @me: its locker
 * @word: the lock's word
 * @deadline: when it gives up
 * @waiters: NTSYNC_LOCK_WAITERS once it was woken, which it puts into the word when it takes the lock:
 *	nobody else knows then whether others sleep
 * @refused: an owner that could not be named, or 0
 */
struct lock_sleeper {
	struct ntsync_locker *me;
	uint32_t *word;
	uint64_t deadline;
	uint32_t waiters;
	uint32_t refused;
};

/**
 * lock_sleep() - set NTSYNC_LOCK_WAITERS in a lock's word, and sleep while it has that value
 * @s: the sleeper.
 * @value: the value, with NTSYNC_LOCK_WAITERS or without.
 * @owner: the thread that inherits, or 0.
 * @until: when to look again, or NTSYNC_WAIT_FOREVER.
 *
 * After the deadline it changes nothing, so a thread that tries again and again costs readers nothing.
 *
 * Return: 0: look at the word again. Else the caller gives up with this error; another sleeper was
 * woken if it has to be.
 */
int lock_sleep(struct lock_sleeper *s, uint32_t value, uint32_t owner, uint64_t until);

/* Gives up with error @ret: wakes another sleeper if this one was woken. Return: @ret. */
int lock_give_up(struct lock_sleeper *s, int ret);

/* The time, and that in a millisecond: how long a sleeper relies on what it does not know. */
uint64_t lock_now(void);
uint64_t lock_in_a_millisecond(void);
bool lock_has_passed(uint64_t deadline);

/* The driver has no memory for a sleep: sleeps without it for a while. -ETIMEDOUT after @deadline. */
int lock_nap(uint64_t deadline);

/* Whether the thread had a real-time policy up to 100 ms ago, its own or an inherited one. */
bool lock_is_real_time(struct ntsync_locker *me);

static inline struct lock_sleeper lock_make_sleeper(struct ntsync_locker *me, uint32_t *word,
						    uint64_t deadline)
{
	return (struct lock_sleeper){ .me = me, .word = word, .deadline = deadline };
}

static inline uint32_t lock_load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline bool lock_change(uint32_t *word, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* The word @seen says that somebody waits, or does from now on. False: it has changed. */
static inline bool lock_has_waiters(uint32_t *word, uint32_t seen)
{
	return seen & NTSYNC_LOCK_WAITERS || lock_change(word, seen, seen | NTSYNC_LOCK_WAITERS);
}

#endif /* LIBNTSYNC_LOCK_H */
