// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The instance is opened by the first call that wants to lend. Its number is high: the program gets the
 * low ones in the order that it expects, and may close or replace all that it knows.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "../libntsync/libntsync.h"
#include "shim.h"

enum { NOT_OPENED = -1, UNUSABLE = -2 };

/* A higher one would make the kernel's table of descriptors large. */
#define HIGHEST_FLOOR 1000

static atomic_int device = NOT_OPENED;

static int move_up(int fd)
{
	struct rlimit limit;
	int floor = HIGHEST_FLOOR, high = -1;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < 2 * HIGHEST_FLOOR)
		floor = (int)limit.rlim_cur / 2;
	high = fcntl(fd, F_DUPFD_CLOEXEC, floor);
	next()->close(fd);
	return high;
}

static int open_device(void)
{
	struct ntsync_features found;
	int fd = ntsync_open();

	if (fd < 0)
		return UNUSABLE;
	if (ntsync_features(fd, &found) || !(found.features & NTSYNC_FEATURE_LEND)) {
		next()->close(fd);
		return UNUSABLE;
	}
	fd = move_up(fd);
	return fd < 0 ? UNUSABLE : fd;
}

int device_get(void)
{
	int fd = atomic_load_explicit(&device, memory_order_acquire), opened;

	if (fd != NOT_OPENED)
		return fd;
	opened = open_device();
	/* Another thread, or a signal handler of this one, may have opened it meanwhile. */
	if (atomic_compare_exchange_strong(&device, &fd, opened))
		return opened;
	if (opened >= 0)
		next()->close(opened);
	return fd;
}

int device_fd(void)
{
	return atomic_load_explicit(&device, memory_order_relaxed);
}

bool device_is(int fd)
{
	return fd >= 0 && fd == device_fd();
}

void device_forget(int fd)
{
	if (fd >= 0)
		atomic_compare_exchange_strong(&device, &fd, NOT_OPENED);
}

bool device_is_unusable(void)
{
	return device_fd() == UNUSABLE;
}
