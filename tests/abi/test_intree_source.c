// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that was written for the in-tree header: it uses the names of that header only. It must
 * compile; it is not meant to use a device.
 */
#include <sys/ioctl.h>
#include <linux/ntsync.h>

#include "pin.h"

static int create(int dev)
{
	struct ntsync_sem_args sem_args = { .count = 1, .max = 2 };
	struct ntsync_mutex_args mutex_args = { .owner = 1, .count = 1 };
	struct ntsync_event_args event_args = { .manual = 1, .signaled = 0 };

	return ioctl(dev, NTSYNC_IOC_CREATE_SEM, &sem_args) +
	       ioctl(dev, NTSYNC_IOC_CREATE_MUTEX, &mutex_args) +
	       ioctl(dev, NTSYNC_IOC_CREATE_EVENT, &event_args);
}

static int change(int obj)
{
	struct ntsync_mutex_args mutex_args = { .owner = 1, .count = 0 };
	__u32 word = 1;

	return ioctl(obj, NTSYNC_IOC_SEM_RELEASE, &word) +
	       ioctl(obj, NTSYNC_IOC_MUTEX_UNLOCK, &mutex_args) +
	       ioctl(obj, NTSYNC_IOC_MUTEX_KILL, &word) +
	       ioctl(obj, NTSYNC_IOC_EVENT_SET, &word) +
	       ioctl(obj, NTSYNC_IOC_EVENT_RESET, &word) +
	       ioctl(obj, NTSYNC_IOC_EVENT_PULSE, &word);
}

static int query(int obj)
{
	struct ntsync_sem_args sem_args;
	struct ntsync_mutex_args mutex_args;
	struct ntsync_event_args event_args;

	return ioctl(obj, NTSYNC_IOC_SEM_READ, &sem_args) +
	       ioctl(obj, NTSYNC_IOC_MUTEX_READ, &mutex_args) +
	       ioctl(obj, NTSYNC_IOC_EVENT_READ, &event_args);
}

static int wait_for(int dev, const int *objs, int all)
{
	struct ntsync_wait_args args = {
		.timeout = (__u64)-1,
		.objs = (size_t)objs,
		.count = NTSYNC_MAX_WAIT_COUNT,
		.index = ~0u,
		.flags = NTSYNC_WAIT_REALTIME,
		.owner = 1,
		.alert = 0,
		.pad = 0,
	};

	args.pad = 0;
	return ioctl(dev, all ? NTSYNC_IOC_WAIT_ALL : NTSYNC_IOC_WAIT_ANY, &args);
}

int main(void)
{
	int closed[NTSYNC_MAX_WAIT_COUNT] = { -1 };

	if (create(-1) != -3 || change(-1) != -6 || query(-1) != -3 ||
	    wait_for(-1, closed, 0) + wait_for(-1, closed, 1) != -2)
		printf("not ");
	pin_group("source written for the in-tree header");
	pin_end();
	return 0;
}
