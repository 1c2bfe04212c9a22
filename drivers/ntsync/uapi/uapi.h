/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ioctl interface: what main.c needs of it.
 */
#ifndef NTSYNC_UAPI_H
#define NTSYNC_UAPI_H

#include <linux/fs.h>

extern const struct file_operations ntsync_device_fops;

#endif
