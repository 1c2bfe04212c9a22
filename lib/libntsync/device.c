// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>

#include "internal.h"

NTSYNC_API int ntsync_open(void)
{
	int fd = open("/dev/ntsync", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}
