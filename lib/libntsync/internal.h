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

/* What a wait with these flags needs. Those of an aggregate wait are the same bits. */
static inline uint64_t ntsync_clock_feature(uint32_t flags)
{
	return flags & NTSYNC_WAIT_BOOTTIME ? NTSYNC_FEATURE_BOOTTIME : 0;
}

/*
 * A driver that lacks a feature of waits answers -EINVAL. Only then are its features asked for:
 * asking before every wait would cost a system call each time. Returns -ENOTSUP if the driver lacks
 * one of @needed.
 */
static inline int ntsync_explain_einval(int dev, uint64_t needed)
{
	struct ntsync_features found;

	if (!needed || ntsync_features(dev, &found))
		return -EINVAL;
	return (found.features & needed) == needed ? -EINVAL : -ENOTSUP;
}

/* Writes a result that the caller may not want. */
static inline void ntsync_set_result(uint32_t *result, uint32_t value)
{
	if (result)
		*result = value;
}

#endif /* LIBNTSYNC_INTERNAL_H */
