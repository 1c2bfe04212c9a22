// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel needs before any driver is called: the minimum for everything else. */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <libntsync.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NO_SUCH_IOCTL _IO('N', 0x7f)

static int fd;

static int begin_nothing(const struct operation *op)
{
	return 0;
}

static void end_nothing(const struct operation *op)
{
}

static int getppid_once(const struct operation *op, uint64_t *ns)
{
	return syscall(SYS_getppid) < 0 ? -1 : 1;
}

static int begin_event(const struct operation *op)
{
	fd = ntsync_event_create(dev, false, false);
	return fd < 0;
}

static int begin_eventfd(const struct operation *op)
{
	fd = eventfd(0, EFD_CLOEXEC);
	return fd < 0;
}

static void end_fd(const struct operation *op)
{
	close(fd);
}

static int null_ioctl(const struct operation *op, uint64_t *ns)
{
	return ioctl(fd, NO_SUCH_IOCTL) == -1 && errno == ENOTTY ? 1 : -1;
}

static int eventfd_pair(const struct operation *op, uint64_t *ns)
{
	uint64_t value = 1;

	return write(fd, &value, 8) == 8 && read(fd, &value, 8) == 8 ? 1 : -1;
}

const struct operation floor_ops[] = {
	{ "getppid", begin_nothing, getppid_once, end_nothing, 0, NULL },
	{ "ioctl", begin_event, null_ioctl, end_fd, 0, NULL },
	{ "eventfd", begin_eventfd, eventfd_pair, end_fd, 0, NULL },
	{ 0 },
};
