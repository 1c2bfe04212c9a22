// SPDX-License-Identifier: LGPL-2.1-or-later
#include "internal.h"

NTSYNC_API int ntsync_lend(int dev, uint32_t tid, uint32_t flags)
{
	struct ntsync_lend_args args = { .tid = tid, .flags = flags };

	return ntsync_dev_ioctl(dev, NTSYNC_IOC_LEND, &args);
}

NTSYNC_API int ntsync_unlend(int dev)
{
	return ntsync_dev_ioctl(dev, NTSYNC_IOC_UNLEND, NULL);
}
