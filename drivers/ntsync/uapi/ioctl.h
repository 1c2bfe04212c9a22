/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files of this folder: ioctl.c has the tables and the ioctls that do not wait.
 */
#ifndef NTSYNC_IOCTL_H
#define NTSYNC_IOCTL_H

#include <linux/fault-inject-usercopy.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

struct ntsync_device;

/*
 * Returns 0 or -EFAULT. For a few words this is faster than copy_from_user(), which has a high
 * fixed cost.
 */
static inline int ntsync_read_words(u32 *to, const u32 __user *from, u32 nr)
{
	u32 i;

	if (should_fail_usercopy() || !user_read_access_begin(from, nr * sizeof(*to)))
		return -EFAULT;
	for (i = 0; i < nr; i++)
		unsafe_get_user(to[i], &from[i], fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

/* ioctl.c */
extern const struct file_operations ntsync_obj_fops;
extern const struct file_operations ntsync_channel_fops;

/* ioctl_wait.c: ioctls on the device */
long ntsync_ioctl_wait_any(struct ntsync_device *dev, void __user *argp);
long ntsync_ioctl_wait_all(struct ntsync_device *dev, void __user *argp);
long ntsync_ioctl_signal_and_wait(struct ntsync_device *dev, void __user *argp);
long ntsync_ioctl_aggregate_wait(struct ntsync_device *dev, void __user *argp);
long ntsync_ioctl_aggregate_wait_timespec(struct ntsync_device *dev, void __user *argp);

/* ioctl_channel.c: ioctls on a channel */
long ntsync_ioctl_channel_send(struct file *file, void __user *argp);
long ntsync_ioctl_channel_recv(struct file *file, void __user *argp);
long ntsync_ioctl_channel_recv2(struct file *file, void __user *argp);
long ntsync_ioctl_channel_try_recv2(struct file *file, void __user *argp);
long ntsync_ioctl_channel_reply(struct file *file, void __user *argp);
long ntsync_ioctl_channel_register_thread(struct file *file, void __user *argp);
long ntsync_ioctl_channel_deregister_thread(struct file *file, void __user *argp);

#endif
