/* SPDX-License-Identifier: GPL-2.0-only */
/* With --wrap=ioctl the linker calls the first one in place of ioctl(); the second one is the C library's ioctl(). */
#ifndef NTSYNC_TESTS_STRESS_CALLS_H
#define NTSYNC_TESTS_STRESS_CALLS_H

int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_ioctl(int fd, unsigned long request, ...);

#endif
