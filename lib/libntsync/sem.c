// SPDX-License-Identifier: LGPL-2.1-or-later
#include "internal.h"

NTSYNC_API int ntsync_sem_create(int dev, uint32_t count, uint32_t max)
{
	struct ntsync_sem_args args = { .count = count, .max = max };

	return ntsync_ioctl(dev, NTSYNC_IOC_CREATE_SEM, &args);
}

NTSYNC_API int ntsync_sem_release(int sem, uint32_t count, uint32_t *prev)
{
	int ret = ntsync_ioctl(sem, NTSYNC_IOC_SEM_RELEASE, &count);

	if (!ret)
		ntsync_set_result(prev, count);
	return ret;
}

NTSYNC_API int ntsync_sem_read(int sem, uint32_t *count, uint32_t *max)
{
	struct ntsync_sem_args args = { 0 };
	int ret = ntsync_ioctl(sem, NTSYNC_IOC_SEM_READ, &args);

	if (!ret) {
		ntsync_set_result(count, args.count);
		ntsync_set_result(max, args.max);
	}
	return ret;
}
