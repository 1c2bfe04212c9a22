// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Locks in the guest's memory: those of ntsync_lock.h, with a locker whose sleep a stop ends. A
 * critical section is an exclusive lock, in a field that no guest looks at. Its owner writes the
 * fields that guests look at.
 */
#include "address.h"

#include <stddef.h>
#include <time.h>

/* OwningThread of 64 bits: where its lower half is. The upper one stays 0. */
#define LOWER_HALF(pointer_size) \
	((pointer_size) == 8 && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)

/* LockCount as NT has it, without waiters. */
#define FREE	(-1)
#define ENTERED	(-2)

/* The driver has no memory for a wait now. Not a cancellation point. */
static int sleep_a_millisecond(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	nanosleep(&ms, NULL);
	pthread_setcancelstate(state, NULL);
	return -EINTR;
}

static int sleep_on_lock(struct ntsync_locker *me, const uint32_t *addr, uint32_t value,
			 const struct ntsync_addr_opts *opts)
{
	struct nt_thread *thread =
		(struct nt_thread *)((char *)me - offsetof(struct nt_thread, locker));
	const struct nt_word word = { addr, sizeof(*addr), value };
	int ret = nt_address_wait(thread, &word, opts, &thread->lock_ended);

	return ret == -ENOMEM ? sleep_a_millisecond() : ret;
}

/* The calling thread with a locker, or NULL. */
static struct nt_thread *find_locker(struct ntsync_nt *nt)
{
	struct nt_thread *thread = nt_thread_self(nt);

	if (!thread || thread->locker.tid)
		return thread;
	if (ntsync_locker_init(&thread->locker, nt_addr_dev(nt), 0))
		return NULL;
	thread->locker.sleep = sleep_on_lock;
	return thread;
}

static uint32_t lock_status(const struct nt_thread *thread, int ret)
{
	switch (ret) {
	case -ECANCELED:
		return thread->lock_ended;
	case -EDEADLK:
		return NTSYNC_STATUS_POSSIBLE_DEADLOCK;
	case -EOVERFLOW:
		return NTSYNC_STATUS_INSUFFICIENT_RESOURCES;
	case -EPERM:
		return NTSYNC_STATUS_RESOURCE_NOT_OWNED;
	case -EFAULT:
		return NTSYNC_STATUS_ACCESS_VIOLATION;
	default:
		return nt_status(ret);
	}
}

static bool is_aligned(const void *lock)
{
	return !((uintptr_t)lock & (sizeof(uint32_t) - 1));
}

/* -- Critical sections --------------------------------------------------------------------- */

/**
 * struct section - where a critical section has its fields
 * @thread: the calling thread.
 * @lock: the lock: LockSemaphore.
 * @lock_count: LockCount.
 * @recursion: RecursionCount.
 * @owner: OwningThread.
 */
struct section {
	struct nt_thread *thread;
	struct ntsync_rw *lock;
	int32_t *lock_count;
	int32_t *recursion;
	uint32_t *owner;
};

static uint32_t find_section(struct ntsync_nt *nt, void *at, size_t pointer_size,
			     struct section *section)
{
	char *bytes = at;

	if ((pointer_size != 4 && pointer_size != 8) || !is_aligned(at))
		return NTSYNC_STATUS_INVALID_PARAMETER;
	*section = (struct section){
		.thread = find_locker(nt),
		.lock_count = (int32_t *)(bytes + pointer_size),
		.recursion = (int32_t *)(bytes + pointer_size + 4),
		.owner = (uint32_t *)(bytes + pointer_size + 8 + LOWER_HALF(pointer_size)),
		.lock = (struct ntsync_rw *)(bytes + 2 * pointer_size + 8),
	};
	return section->thread ? NTSYNC_STATUS_SUCCESS : NTSYNC_STATUS_NO_MEMORY;
}

static void write_fields(const struct section *section, int32_t count, int32_t recursion,
			 uint32_t owner)
{
	__atomic_store_n(section->lock_count, count, __ATOMIC_RELAXED);
	__atomic_store_n(section->recursion, recursion, __ATOMIC_RELAXED);
	__atomic_store_n(section->owner, owner, __ATOMIC_RELAXED);
}

static bool is_owner(const struct section *section)
{
	return ntsync_lock_holder_(&section->lock->word) ==
	       (section->thread->locker.tid | NTSYNC_LOCK_EXCLUSIVE);
}

static int32_t recursion_of(const struct section *section)
{
	return __atomic_load_n(section->recursion, __ATOMIC_RELAXED);
}

/* 0 or -EOVERFLOW. The caller is the owner. */
static int enter_again(const struct section *section)
{
	if (recursion_of(section) == INT32_MAX)
		return -EOVERFLOW;
	__atomic_store_n(section->recursion, recursion_of(section) + 1, __ATOMIC_RELAXED);
	return 0;
}

static uint32_t call_section(struct ntsync_nt *nt, void *at, size_t pointer_size,
			     int (*call)(const struct section *section))
{
	struct section section;
	uint32_t status = find_section(nt, at, pointer_size, &section);

	return status ? status : lock_status(section.thread, call(&section));
}

static int enter(const struct section *section)
{
	int ret;

	if (is_owner(section))
		return enter_again(section);
	ret = ntsync_rw_lock(&section->thread->locker, section->lock);
	if (!ret)
		write_fields(section, ENTERED, 1, section->thread->tid);
	return ret;
}

NTSYNC_API uint32_t ntsync_nt_enter_critical_section(struct ntsync_nt *nt, void *at,
						     size_t pointer_size)
{
	return call_section(nt, at, pointer_size, enter);
}

NTSYNC_API bool ntsync_nt_try_enter_critical_section(struct ntsync_nt *nt, void *at,
						     size_t pointer_size)
{
	struct section section;

	if (find_section(nt, at, pointer_size, &section))
		return false;
	if (is_owner(&section))
		return !enter_again(&section);
	if (!ntsync_rw_try_lock(&section.thread->locker, section.lock))
		return false;
	write_fields(&section, ENTERED, 1, section.thread->tid);
	return true;
}

/* The lock last: another thread may enter then, and free the memory. */
static int leave(const struct section *section)
{
	int32_t recursion;

	if (!is_owner(section))
		return -EPERM;
	recursion = recursion_of(section);
	if (recursion > 1) {
		__atomic_store_n(section->recursion, recursion - 1, __ATOMIC_RELAXED);
		return 0;
	}
	write_fields(section, FREE, 0, 0);
	return ntsync_rw_unlock(&section->thread->locker, section->lock);
}

NTSYNC_API uint32_t ntsync_nt_leave_critical_section(struct ntsync_nt *nt, void *at,
						     size_t pointer_size)
{
	return call_section(nt, at, pointer_size, leave);
}

/* -- SRW locks ---------------------------------------------------------------------------- */

static uint32_t call_srw_lock(struct ntsync_nt *nt, void *lock,
			      int (*call)(struct ntsync_locker *me, struct ntsync_rw *rw))
{
	struct nt_thread *thread;

	if (!is_aligned(lock))
		return NTSYNC_STATUS_INVALID_PARAMETER;
	thread = find_locker(nt);
	return thread ? lock_status(thread, call(&thread->locker, lock)) : NTSYNC_STATUS_NO_MEMORY;
}

NTSYNC_API uint32_t ntsync_nt_acquire_srw_lock(struct ntsync_nt *nt, void *lock, bool shared)
{
	return call_srw_lock(nt, lock, shared ? ntsync_rw_lock_shared : ntsync_rw_lock);
}

NTSYNC_API bool ntsync_nt_try_acquire_srw_lock(struct ntsync_nt *nt, void *lock, bool shared)
{
	struct nt_thread *thread = is_aligned(lock) ? find_locker(nt) : NULL;

	if (!thread)
		return false;
	return shared ? ntsync_rw_try_lock_shared(&thread->locker, lock) :
			ntsync_rw_try_lock(&thread->locker, lock);
}

NTSYNC_API uint32_t ntsync_nt_release_srw_lock(struct ntsync_nt *nt, void *lock, bool shared)
{
	return call_srw_lock(nt, lock, shared ? ntsync_rw_unlock_shared : ntsync_rw_unlock);
}
