// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nt.h"

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

void nt_lock(struct nt_lock *lock, sigset_t *saved)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
	pthread_mutex_lock(&lock->mutex);
}

void nt_unlock(struct nt_lock *lock, const sigset_t *saved)
{
	pthread_mutex_unlock(&lock->mutex);
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}
