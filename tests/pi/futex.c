// SPDX-License-Identifier: GPL-2.0-only
#include "futex.h"

pthread_mutex_t pi_futex;

void init_pi_futex(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&pi_futex, &attr);
	pthread_mutexattr_destroy(&attr);
}

int lock_pi_futex_here(void)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 5;
	return -pthread_mutex_clocklock(&pi_futex, CLOCK_MONOTONIC, &end);
}

int lock_pi_futex(struct actor *a, void *arg)
{
	(void)a;
	(void)arg;
	return lock_pi_futex_here();
}

int unlock_pi_futex(struct actor *a, void *arg)
{
	(void)a;
	(void)arg;
	return -pthread_mutex_unlock(&pi_futex);
}
