// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ntsync.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct fake fake;

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	if (!strcmp(path, "/dev/ntsync")) {
		fake.opens++;
		path = fake.exists ? "/dev/null" : "/dev/ntsync-is-not-here";
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* A success changes errno, too: the library has to hide that. */
static int fail(int error)
{
	errno = error ? error : EDOM;
	return error ? -1 : 0;
}

static int lend(int fd, const struct ntsync_lend_args *args)
{
	fake.lends++;
	fake.dev = fd;
	fake.tid = args->tid;
	if (fake.before)
		fake.before(true);
	return fail(fake.lend_error);
}

static int unlend(void)
{
	fake.unlends++;
	if (fake.before)
		fake.before(false);
	return fail(0);
}

static int query(struct ntsync_features_args *args)
{
	if (!fake.features)
		return fail(ENOTTY);
	*args = (struct ntsync_features_args){ .version = 1, .features = fake.features };
	return fail(0);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case NTSYNC_IOC_QUERY_FEATURES:
		return query(arg);
	case NTSYNC_IOC_LEND:
		return lend(fd, arg);
	case NTSYNC_IOC_UNLEND:
		return unlend();
	case NTSYNC_IOC_WAIT_ANY:
		return fail(EINVAL);
	}
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

int sched_getscheduler(pid_t pid)
{
	(void)pid;
	fake.looks++;
	errno = EDOM;
	return fake.policy;
}
