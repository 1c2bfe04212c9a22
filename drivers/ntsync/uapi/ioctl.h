/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the ioctls are made of: ioctl.c has the tables and the simple ones.
 */
#ifndef NTSYNC_IOCTL_H
#define NTSYNC_IOCTL_H

#include <linux/fault-inject-usercopy.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

struct ntsync_device;

/*
 * Word by word: copy_from_user() takes longer to begin than to copy a few of them.
 * 0 or -EFAULT.
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

/* ioctl_wait.c, on the device */
long ntsync_ioctl_wait_any(struct ntsync_device *dev, void __user *argp);
long ntsync_ioctl_wait_all(struct ntsync_device *dev, void __user *argp);
long ntsync_ioctl_signal_and_wait(struct ntsync_device *dev, void __user *argp);
long ntsync_ioctl_aggregate_wait(struct ntsync_device *dev, void __user *argp);
long ntsync_ioctl_aggregate_wait_timespec(struct ntsync_device *dev, void __user *argp);

/* ioctl_channel.c, on a channel */
long ntsync_ioctl_channel_send(struct file *file, void __user *argp);
long ntsync_ioctl_channel_recv(struct file *file, void __user *argp);
long ntsync_ioctl_channel_recv2(struct file *file, void __user *argp);
long ntsync_ioctl_channel_try_recv2(struct file *file, void __user *argp);
long ntsync_ioctl_channel_reply(struct file *file, void __user *argp);
long ntsync_ioctl_channel_register_thread(struct file *file, void __user *argp);
long ntsync_ioctl_channel_deregister_thread(struct file *file, void __user *argp);

#endif
