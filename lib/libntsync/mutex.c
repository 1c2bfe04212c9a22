// SPDX-License-Identifier: LGPL-2.1-or-later
#include "internal.h"

NTSYNC_API int ntsync_mutex_create(int dev, uint32_t owner, uint32_t count)
{
	struct ntsync_mutex_args args = { .owner = owner, .count = count };

	return ntsync_ioctl(dev, NTSYNC_IOC_CREATE_MUTEX, &args);
}

NTSYNC_API int ntsync_mutex_unlock(int mutex, uint32_t owner, uint32_t *prev)
{
	struct ntsync_mutex_args args = { .owner = owner };
	int ret = ntsync_ioctl(mutex, NTSYNC_IOC_MUTEX_UNLOCK, &args);

	if (!ret)
		ntsync_set_result(prev, args.count);
	return ret;
}

NTSYNC_API int ntsync_mutex_kill(int mutex, uint32_t owner)
{
	return ntsync_ioctl(mutex, NTSYNC_IOC_MUTEX_KILL, &owner);
}

NTSYNC_API int ntsync_mutex_read(int mutex, uint32_t *owner, uint32_t *count)
{
	struct ntsync_mutex_args args = { 0 };
	int ret = ntsync_ioctl(mutex, NTSYNC_IOC_MUTEX_READ, &args);

	/* For an abandoned mutex, the driver writes the results too. */
	if (!ret || ret == -EOWNERDEAD) {
		ntsync_set_result(owner, args.owner);
		ntsync_set_result(count, args.count);
	}
	return ret;
}
