/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks in the program's own memory: a recursive critical section, a reader/writer lock, a
 * condition variable, and waits for a value. Their holders inherit the priority of those that wait,
 * if the driver has NTSYNC_FEATURE_ADDRESS and NTSYNC_FEATURE_LEND; else they are futexes.
 *
 * A lock whose words are all 0 is free, so a static one needs no initialisation. The layouts do not
 * change. Without contention no function makes a system call.
 *
 * Each thread has a &struct ntsync_locker, which it passes with each call. All users of a lock have
 * lockers of the same kind: with the driver or without, NTSYNC_LOCKER_SHARED or not. The locks are
 * not robust: if a process is killed while it holds one, others wait for ever. They are not fair: a
 * thread that leaves one may take it again before another that was woken.
 *
 * Unless its description says otherwise, a function
 *
 * - returns 0 or a negative errno. If it fails it has changed nothing.
 * - takes deadlines in nanoseconds of CLOCK_MONOTONIC, or NTSYNC_WAIT_FOREVER. With 0 or a time in
 *   the past it tries once.
 * - does not return -EINTR: it goes on after a signal was handled.
 * - must not be called from a signal handler.
 *
 * Functions that wait or wake may also return what ntsync_addr_wait() and ntsync_addr_wake() say
 * about a bad descriptor or bad memory: -EBADF and -ENOTTY, if the locker's instance has been closed;
 * -EFAULT and -EACCES.
 */
#ifndef NTSYNC_LOCK_H
#define NTSYNC_LOCK_H

#include "libntsync.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- Lockers */

/**
 * NTSYNC_LOCKER_SHARED - the locks are in memory that processes of one pid namespace share
 */
#define NTSYNC_LOCKER_SHARED NTSYNC_ADDR_SHARED

/**
 * struct ntsync_locker - a thread, as locks see it
 * @dev: the instance, or -1 for futexes.
 * @tid: its thread id.
 * @flags: 0 or NTSYNC_LOCKER_SHARED.
 * @held: how many critical sections and exclusive locks it holds; the locks write it.
 * @looked: when the thread's policy was looked at, and what it was; the library's own.
 * @has_loan: the thread may have made a loan; ntsync_locker_lend()'s own.
 * @sleep: how it sleeps on a lock instead of ntsync_addr_wait(), or NULL; ntsync_nt.h's own.
 */
struct ntsync_locker {
	int dev;
	uint32_t tid;
	uint32_t flags;
	uint32_t held;
	uint32_t looked;
	uint32_t has_loan;
	int (*sleep)(struct ntsync_locker *me, const uint32_t *word, uint32_t value,
		     const struct ntsync_addr_opts *opts);
};

/**
 * ntsync_locker_init() - make the calling thread's locker
 * @me: the locker. Only this thread may use it, and not after a fork(): the child makes its own.
 * @dev: an instance, which stays open, or -1 for futexes. Of a driver without
 *	NTSYNC_FEATURE_ADDRESS the locker gets -1.
 * @flags: 0 or NTSYNC_LOCKER_SHARED.
 *
 * Makes up to four system calls.
 *
 * Return: 0, or
 * -EINVAL: unknown flags.
 * -EBADF, -ENOTTY: @dev is not -1 and no instance.
 */
int ntsync_locker_init(struct ntsync_locker *me, int dev, uint32_t flags);

/**
 * ntsync_locker_lend() - ntsync_lend(), for threads that mostly have nothing to lend
 * @me: the thread's locker.
 * @tid: the thread to lend to.
 *
 * A thread that holds a lock may inherit at any moment, so it lends with NTSYNC_LEND_LATER. One
 * that holds none, and had no real-time policy up to 100 ms ago, makes no system call, and no loan.
 *
 * The locker knows of critical sections and exclusive locks only. A thread may also inherit because
 * it owns a mutex of the instance, serves a channel, or borrows from another thread. Such a thread
 * calls ntsync_lend() with NTSYNC_LEND_LATER instead.
 *
 * Return: as ntsync_lend(); -ENOTSUP also if the locker uses futexes.
 */
int ntsync_locker_lend(struct ntsync_locker *me, uint32_t tid);

/**
 * ntsync_locker_unlend() - end the loan of ntsync_locker_lend()
 * @me: the thread's locker.
 *
 * No system call if the last ntsync_locker_lend() made none.
 *
 * Return: 0, also if there is no loan, or as ntsync_unlend().
 */
int ntsync_locker_unlend(struct ntsync_locker *me);

/* ------------------------------------------------------- Critical sections */

/* Of a lock's word. The rest of the word is the holder's thread id, or the number of readers. */
#define NTSYNC_LOCK_WAITERS 0x80000000u
#define NTSYNC_LOCK_EXCLUSIVE 0x40000000u

/**
 * struct ntsync_cs - a lock that its holder may enter again (RTL_CRITICAL_SECTION)
 * @word: 0, or the holder's thread id, and NTSYNC_LOCK_WAITERS.
 * @recursion: how many times the holder has entered it; the holder's.
 */
struct ntsync_cs {
	uint32_t word;
	uint32_t recursion;
};

/**
 * ntsync_cs_enter() - enter a critical section
 * @me: the thread's locker.
 * @cs: the critical section. Left as often as it was entered.
 *
 * Waits. The holder inherits the caller's priority meanwhile.
 *
 * Return: 0, or
 * -EINVAL: the locker has not been made.
 * -EOVERFLOW: the thread has entered it 2^32 - 1 times.
 */
int ntsync_cs_enter(struct ntsync_locker *me, struct ntsync_cs *cs);

/**
 * ntsync_cs_enter_until() - enter a critical section before a deadline
 * @me: the thread's locker.
 * @cs: the critical section.
 * @deadline: when to give up.
 *
 * Return: as ntsync_cs_enter(), and -ETIMEDOUT.
 */
int ntsync_cs_enter_until(struct ntsync_locker *me, struct ntsync_cs *cs, uint64_t deadline);

/**
 * ntsync_cs_try_enter() - enter a critical section that is free, or the caller's
 * @me: the thread's locker.
 * @cs: the critical section.
 *
 * Return: whether it was entered. Makes no system call.
 */
bool ntsync_cs_try_enter(struct ntsync_locker *me, struct ntsync_cs *cs);

/**
 * ntsync_cs_leave() - leave a critical section
 * @me: the thread's locker.
 * @cs: the critical section.
 *
 * Return: 0, or
 * -EPERM: the thread does not hold it.
 * After another error it is free, and nobody was woken.
 */
int ntsync_cs_leave(struct ntsync_locker *me, struct ntsync_cs *cs);

/* ------------------------------------------------------ Reader/writer locks */

/**
 * struct ntsync_rw - one writer or any number of readers (SRWLOCK)
 * @word: 0; the holder's thread id and NTSYNC_LOCK_EXCLUSIVE; or the number of readers. With
 *	NTSYNC_LOCK_WAITERS.
 *
 * Not recursive: a thread that has it for reading and locks it for reading again may wait for ever, if
 * a writer has come meanwhile. Readers do not inherit. A reader that comes while others wait does not
 * pass them. If only readers hold the lock, it does after 1 ms, if it has a real-time policy or holds
 * a critical section or an exclusive lock.
 */
struct ntsync_rw {
	uint32_t word;
};

/**
 * ntsync_rw_lock() - lock exclusively
 * @me: the thread's locker.
 * @rw: the lock.
 *
 * Waits. An exclusive holder inherits the caller's priority meanwhile.
 *
 * Return: 0, or
 * -EINVAL: the locker has not been made.
 * -EDEADLK: the thread holds it exclusively.
 */
int ntsync_rw_lock(struct ntsync_locker *me, struct ntsync_rw *rw);

/**
 * ntsync_rw_lock_until() - lock exclusively before a deadline
 * @me: the thread's locker.
 * @rw: the lock.
 * @deadline: when to give up. If it has waited for readers, new readers still give way after that,
 *	until the lock is free for a moment.
 *
 * Return: as ntsync_rw_lock(), and -ETIMEDOUT.
 */
int ntsync_rw_lock_until(struct ntsync_locker *me, struct ntsync_rw *rw, uint64_t deadline);

/**
 * ntsync_rw_try_lock() - lock exclusively, if it is free
 * @me: the thread's locker.
 * @rw: the lock.
 *
 * Return: whether it was locked. Makes no system call.
 */
bool ntsync_rw_try_lock(struct ntsync_locker *me, struct ntsync_rw *rw);

/**
 * ntsync_rw_lock_shared() - lock for reading
 * @me: the thread's locker.
 * @rw: the lock.
 *
 * Return: as ntsync_rw_lock(), and
 * -EOVERFLOW: there are 2^30 - 1 readers.
 */
int ntsync_rw_lock_shared(struct ntsync_locker *me, struct ntsync_rw *rw);

/**
 * ntsync_rw_lock_shared_until() - lock for reading before a deadline
 * @me: the thread's locker.
 * @rw: the lock.
 * @deadline: when to give up.
 *
 * Return: as ntsync_rw_lock_shared(), and -ETIMEDOUT.
 */
int ntsync_rw_lock_shared_until(struct ntsync_locker *me, struct ntsync_rw *rw, uint64_t deadline);

/**
 * ntsync_rw_try_lock_shared() - lock for reading, if there is no writer and nobody waits
 * @me: the thread's locker.
 * @rw: the lock.
 *
 * Return: whether it was locked. Makes no system call.
 */
bool ntsync_rw_try_lock_shared(struct ntsync_locker *me, struct ntsync_rw *rw);

/**
 * ntsync_rw_unlock() - end an exclusive lock
 * @me: the thread's locker.
 * @rw: the lock.
 *
 * Return: as ntsync_cs_leave().
 */
int ntsync_rw_unlock(struct ntsync_locker *me, struct ntsync_rw *rw);

/**
 * ntsync_rw_unlock_shared() - end a lock for reading
 * @me: the thread's locker.
 * @rw: the lock.
 *
 * Return: as ntsync_cs_leave(). -EPERM: there is no reader. That the caller is one can't be checked.
 */
int ntsync_rw_unlock_shared(struct ntsync_locker *me, struct ntsync_rw *rw);

/* ------------------------------------- Condition variables, waits for a value */

/**
 * struct ntsync_cond - what waits for a change of what a lock protects (CONDITION_VARIABLE)
 * @seq: how many wakes there were.
 * @waiters: how many threads wait.
 */
struct ntsync_cond {
	uint32_t seq;
	uint32_t waiters;
};

/**
 * ntsync_cond_wait_cs() - leave a critical section, wait for a wake, and enter it again
 * @me: the thread's locker.
 * @c: the condition variable.
 * @cs: the critical section, which the thread holds. It is left once, as by ntsync_cs_leave().
 * @deadline: when to give up.
 *
 * Returns now and then without a wake: look at the condition again. The thread holds @cs again after
 * every result but the last three, also after errors of ntsync_addr_wait() and ntsync_addr_wake().
 *
 * Return: 0, or
 * -ETIMEDOUT: the deadline has passed.
 * -EINVAL: the locker has not been made. Nothing has changed.
 * -EPERM: the thread does not hold @cs. Nothing has changed.
 * -ENOTRECOVERABLE: the thread has left @cs and could not enter it again.
 */
int ntsync_cond_wait_cs(struct ntsync_locker *me, struct ntsync_cond *c, struct ntsync_cs *cs,
			uint64_t deadline);

/**
 * ntsync_cond_wait_rw() - the same with a reader/writer lock
 * @me: the thread's locker.
 * @c: the condition variable.
 * @rw: the lock, which the thread holds.
 * @shared: whether it holds it for reading.
 * @deadline: when to give up.
 *
 * Return: as ntsync_cond_wait_cs(). -ENOTRECOVERABLE: also if there are 2^30 - 1 readers meanwhile.
 */
int ntsync_cond_wait_rw(struct ntsync_locker *me, struct ntsync_cond *c, struct ntsync_rw *rw,
			bool shared, uint64_t deadline);

/**
 * ntsync_cond_wake() - wake one thread
 * @me: the thread's locker.
 * @c: the condition variable.
 *
 * The caller need not hold the lock, but has held it to change what the others wait for. The thread
 * with the highest priority is woken. Nobody inherits from a thread that waits for a wake.
 *
 * Return: 0, or
 * -EINVAL: the locker has not been made.
 * After another error the wake is counted, but nobody was woken.
 */
int ntsync_cond_wake(struct ntsync_locker *me, struct ntsync_cond *c);

/**
 * ntsync_cond_wake_all() - wake all threads
 * @me: the thread's locker.
 * @c: the condition variable.
 *
 * Return: as ntsync_cond_wake().
 */
int ntsync_cond_wake_all(struct ntsync_locker *me, struct ntsync_cond *c);

/**
 * ntsync_wait_on_address() - wait until a value has changed (WaitOnAddress)
 * @me: the thread's locker.
 * @addr: the value, aligned to @size.
 * @compare: what it is to differ from.
 * @size: 1, 2, 4 or 8.
 * @deadline: when to give up.
 *
 * Nobody inherits. A thread that changes the value wakes others by ntsync_addr_wake(), with the
 * instance and the flags of its locker.
 *
 * Return: 0: the value differs, or
 * -ETIMEDOUT: the deadline has passed.
 * -EINVAL: the locker has not been made; another @size, or @addr is not aligned to it.
 */
int ntsync_wait_on_address(struct ntsync_locker *me, const volatile void *addr,
			   const void *compare, uint32_t size, uint64_t deadline);

/*
 * The library has each of these functions. Most are inlined besides, as far as they need no system
 * call, unless the program defines NTSYNC_LOCK_NO_INLINE.
 */
#ifndef NTSYNC_LOCK_NO_INLINE
#include "ntsync_lock_inline.h"
#endif

#ifdef __cplusplus
}
#endif

#endif /* NTSYNC_LOCK_H */
