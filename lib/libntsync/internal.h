/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIBNTSYNC_INTERNAL_H
#define LIBNTSYNC_INTERNAL_H

#include <errno.h>
#include <sys/ioctl.h>

#include "libntsync.h"

/* Everything else is hidden. libntsync.map lists the same functions. */
#define NTSYNC_API __attribute__((visibility("default")))

/* The only system call of the library besides the open() of the device. */
static inline int ntsync_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/* Results may be NULL everywhere. */
static inline void ntsync_put(uint32_t *result, uint32_t value)
{
	if (result)
		*result = value;
}

#endif /* LIBNTSYNC_INTERNAL_H */
