// SPDX-License-Identifier: GPL-2.0-only
/* Between the library and poll() (--wrap), which its timer thread sleeps in. */
#include "fake_device.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go_on = PTHREAD_COND_INITIALIZER;
static bool held;

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int ret = __real_poll(fds, count, timeout);

	pthread_mutex_lock(&lock);
	while (held)
		pthread_cond_wait(&go_on, &lock);
	pthread_mutex_unlock(&lock);
	return ret;
}

void fake_hold_polls(bool on)
{
	pthread_mutex_lock(&lock);
	held = on;
	pthread_cond_broadcast(&go_on);
	pthread_mutex_unlock(&lock);
}
