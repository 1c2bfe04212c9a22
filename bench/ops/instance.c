// SPDX-License-Identifier: GPL-2.0-only
#include "ops.h"

#include <libntsync.h>
#include <time.h>
#include <unistd.h>

_Thread_local uint32_t own_id = OWNER;
int dev;
int objs[MOST_OBJECTS];

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int wait_any(const int *wanted, uint32_t count, uint64_t deadline)
{
	const struct ntsync_wait_opts opts = { .deadline = deadline, .owner = own_id };

	return ntsync_wait_any(dev, wanted, count, &opts, NULL);
}

int wait_all(const int *wanted, uint32_t count)
{
	const struct ntsync_wait_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = own_id };

	return ntsync_wait_all(dev, wanted, count, &opts, NULL);
}

void close_objects(uint32_t count)
{
	while (count--)
		close(objs[count]);
}
