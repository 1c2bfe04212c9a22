/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files of this folder: ioctl.c has the tables and the ioctls that do not wait.
 */
#ifndef NTSYNC_IOCTL_H
#define NTSYNC_IOCTL_H

#include <linux/fault-inject-usercopy.h>
#include <linux/fs.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "core/call.h"

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

/* task_pid_vnr(current): 56 instructions less, as current's own struct pid needs no RCU. */
static inline u32 ntsync_own_tid(void)
{
	const struct pid *pid = task_pid(current);

	return pid->numbers[pid->level].nr;
}

/* KTIME_MAX = never; 0 = it has passed. Neither is a moment that a time namespace would shift. */
static __always_inline ktime_t ntsync_decode_expires(u64 timeout, clockid_t clock)
{
	if (timeout == U64_MAX)
		return KTIME_MAX;
	if (timeout > KTIME_MAX)
		return 0;
	if (clock != CLOCK_REALTIME && timeout > 0 && timeout < KTIME_MAX)
		return ntsync_ktime_to_host(clock, timeout);
	return timeout;
}

/* ioctl_wait.c */
int ntsync_decode_flagged_deadline(struct ntsync_deadline *d, u64 timeout, u32 flags);

/* Returns -EINVAL if @flags is not 0, NTSYNC_WAIT_REALTIME or NTSYNC_WAIT_BOOTTIME. */
static __always_inline int ntsync_decode_deadline(struct ntsync_deadline *d, u64 timeout, u32 flags)
{
	if (unlikely(flags))
		return ntsync_decode_flagged_deadline(d, timeout, flags);
	d->expires = ntsync_decode_expires(timeout, CLOCK_MONOTONIC);
	d->clock = CLOCK_MONOTONIC;
	return 0;
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

/* ioctl_addr.c: ioctls on the device */
long ntsync_ioctl_addr_wait(struct ntsync_device *dev, void __user *argp);
long ntsync_ioctl_addr_wake(struct ntsync_device *dev, void __user *argp);

/* ioctl_channel.c: ioctls on a channel */
long ntsync_ioctl_channel_send(struct file *file, void __user *argp);
long ntsync_ioctl_channel_recv(struct file *file, void __user *argp);
long ntsync_ioctl_channel_recv2(struct file *file, void __user *argp);
long ntsync_ioctl_channel_try_recv2(struct file *file, void __user *argp);
long ntsync_ioctl_channel_reply(struct file *file, void __user *argp);
long ntsync_ioctl_channel_register_thread(struct file *file, void __user *argp);
long ntsync_ioctl_channel_deregister_thread(struct file *file, void __user *argp);

#endif
