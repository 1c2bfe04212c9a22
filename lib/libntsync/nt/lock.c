// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lock.h"

#include <stdatomic.h>
#include <stdlib.h>

int nt_lock_init(struct nt_lock *lock)
{
	pthread_mutexattr_t attr;
	int ret = pthread_mutexattr_init(&attr);

	if (ret)
		return -ret;
	ret = pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	if (!ret)
		ret = pthread_mutex_init(&lock->mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return -ret;
}

void nt_lock_exit(struct nt_lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

void nt_block(struct nt_saved *saved)
{
	sigset_t all;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &saved->cancel_state);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved->signals);
}

void nt_unblock(const struct nt_saved *saved)
{
	pthread_sigmask(SIG_SETMASK, &saved->signals, NULL);
	pthread_setcancelstate(saved->cancel_state, NULL);
}

void nt_lock(struct nt_lock *lock, struct nt_saved *saved)
{
	nt_block(saved);
	pthread_mutex_lock(&lock->mutex);
}

void nt_unlock(struct nt_lock *lock, const struct nt_saved *saved)
{
	pthread_mutex_unlock(&lock->mutex);
	nt_unblock(saved);
}

void *nt_realloc(void *memory, size_t size)
{
	struct nt_saved saved;

	nt_block(&saved);
	if (size) {
		memory = realloc(memory, size);
	} else {
		free(memory);
		memory = NULL;
	}
	nt_unblock(&saved);
	return memory;
}

void nt_barrier(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}
