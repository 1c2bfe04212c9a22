/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIBNTSYNC_INTERNAL_H
#define LIBNTSYNC_INTERNAL_H

#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "libntsync.h"

/* An exported function; all others are hidden. libntsync.map lists the same ones. */
#define NTSYNC_API __attribute__((visibility("default")))

static inline int ntsync_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/*
 * An ioctl that the in-tree driver lacks. It answers -ENOTTY, as does any descriptor that is no
 * instance: -ENOTSUP if @dev is one.
 */
static inline int ntsync_dev_ioctl(int dev, unsigned long request, void *arg)
{
	int ret = ntsync_ioctl(dev, request, arg);

	return ret == -ENOTTY && !ntsync_features(dev, NULL) ? -ENOTSUP : ret;
}

/* Writes a result that the caller may not want. */
static inline void ntsync_set_result(uint32_t *result, uint32_t value)
{
	if (result)
		*result = value;
}

#endif /* LIBNTSYNC_INTERNAL_H */
