// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl tables, and the ioctls that do not wait. This file and ioctl_*.c convert user arguments
 * to kernel types: only they access user memory. The functions that they call take plain values, so
 * that in-kernel tests can call them, too.
 *
 * The order of the checks is part of the interface: include/uapi/linux/ntsync.h lists the errors of
 * each ioctl in that order. The type of an object is checked by the function of the type.
 */
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "addr/addr.h"
#include "channel/channel.h"
#include "core/core.h"
#include "ioctl.h"
#include "observe/observe.h"
#include "pi/loan.h"
#include "pi/pi.h"
#include "types/types.h"
#include "uapi.h"

/* ntsync_features_args::version */
#define NTSYNC_INTERFACE	1

static int install_obj_fd(struct ntsync_obj *obj, const struct file_operations *fops)
{
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	return ntsync_obj_install_fd(obj, fops);
}

/* ---- ioctls on the device ---- */

static long query_features(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_features_args args = {
		.features = NTSYNC_FEATURE_PRIORITY_QUEUES | NTSYNC_FEATURE_CHANNEL |
			    NTSYNC_FEATURE_CHANNEL_TRY_RECV2 |
			    NTSYNC_FEATURE_AGGREGATE_WAIT | NTSYNC_FEATURE_URING_FD |
			    NTSYNC_FEATURE_POLL | NTSYNC_FEATURE_SIGNAL_AND_WAIT |
			    NTSYNC_FEATURE_BOOTTIME | NTSYNC_FEATURE_ADDRESS,
		.version = NTSYNC_INTERFACE,
	};

	if (ntsync_pi_enabled)
		args.features |= NTSYNC_FEATURE_MUTEX_PI | NTSYNC_FEATURE_EVENT_SET_PI |
				 NTSYNC_FEATURE_LEND;

	return copy_to_user(argp, &args, sizeof(args)) ? -EFAULT : 0;
}

static long create_sem(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_sem_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return install_obj_fd(ntsync_sem_create(dev, args.count, args.max), &ntsync_obj_fops);
}

static long create_mutex(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_mutex_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return install_obj_fd(ntsync_mutex_create(dev, args.owner, args.count), &ntsync_obj_fops);
}

static long create_event(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_event_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return install_obj_fd(ntsync_event_create(dev, args.manual, args.signaled), &ntsync_obj_fops);
}

static long create_channel(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_channel_create_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return install_obj_fd(ntsync_channel_create(dev, args.max_depth), &ntsync_channel_fops);
}

static long lend(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_lend_args args;

	if (ntsync_read_words((u32 *)&args, argp, sizeof(args) / sizeof(u32)))
		return -EFAULT;
	if (args.flags & ~NTSYNC_LEND_LATER || args.tid == ntsync_own_tid())
		return -EINVAL;
	return ntsync_lend(dev, args.tid, args.flags & NTSYNC_LEND_LATER);
}

/* Any instance ends the loan. */
static long unlend(struct ntsync_device *dev, void __user *argp)
{
	ntsync_unlend();
	return 0;
}

/* ---- ioctls on an object ---- */

static long sem_release(struct ntsync_obj *obj, void __user *argp)
{
	u32 __user *word = argp;
	u32 count, prev;
	int ret;

	if (get_user(count, word))
		return -EFAULT;
	ret = ntsync_sem_release(obj, count, &prev);
	if (ret)
		return ret;
	return put_user(prev, word);
}

static long sem_read(struct ntsync_obj *obj, void __user *argp)
{
	struct ntsync_sem_args args;
	int ret = ntsync_sem_read(obj, &args.count, &args.max);

	if (ret)
		return ret;
	return copy_to_user(argp, &args, sizeof(args)) ? -EFAULT : 0;
}

static long unlock_mutex(struct ntsync_obj *obj, void __user *argp)
{
	struct ntsync_mutex_args __user *uargs = argp;
	struct ntsync_mutex_args args __uninitialized;
	u32 prev;
	int ret;

	if (ntsync_read_words((u32 *)&args, argp, sizeof(args) / sizeof(u32)))
		return -EFAULT;
	ret = ntsync_mutex_unlock(obj, args.owner, &prev);
	if (ret)
		return ret;
	return put_user(prev, &uargs->count);
}

static long mutex_kill(struct ntsync_obj *obj, void __user *argp)
{
	u32 owner;

	if (get_user(owner, (u32 __user *)argp))
		return -EFAULT;
	return ntsync_mutex_kill(obj, owner);
}

static long mutex_read(struct ntsync_obj *obj, void __user *argp)
{
	struct ntsync_mutex_args args;
	int ret = ntsync_mutex_read(obj, &args.owner, &args.count);

	if (ret && ret != -EOWNERDEAD)
		return ret;
	return copy_to_user(argp, &args, sizeof(args)) ? -EFAULT : ret;
}

/* SET, RESET and PULSE take effect even if the previous state can't be written. */
static long change_event(struct ntsync_obj *obj, void __user *argp,
			 int (*change)(struct ntsync_obj *obj, u32 *prev))
{
	u32 prev;
	int ret = change(obj, &prev);

	if (ret)
		return ret;
	return put_user(prev, (u32 __user *)argp);
}

static long event_set(struct ntsync_obj *obj, void __user *argp)
{
	return change_event(obj, argp, ntsync_event_set);
}

static long event_reset(struct ntsync_obj *obj, void __user *argp)
{
	return change_event(obj, argp, ntsync_event_reset);
}

static long event_pulse(struct ntsync_obj *obj, void __user *argp)
{
	return change_event(obj, argp, ntsync_event_pulse);
}

static long event_set_pi(struct ntsync_obj *obj, void __user *argp)
{
	struct ntsync_event_set_pi_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.flags)
		return -EINVAL;
	if (args.policy != SCHED_FIFO && args.policy != SCHED_RR)
		return -EINVAL;
	if (args.prio < 1 || args.prio >= MAX_RT_PRIO)
		return -EINVAL;
	return ntsync_event_set_pi(obj, args.policy, args.prio);
}

static long event_read(struct ntsync_obj *obj, void __user *argp)
{
	struct ntsync_event_args args;
	int ret = ntsync_event_read(obj, &args.manual, &args.signaled);

	if (ret)
		return ret;
	return copy_to_user(argp, &args, sizeof(args)) ? -EFAULT : 0;
}

/* ---- tables ---- */

#define FIRST_NR	0x80
#define SLOT(cmd)	(_IOC_NR(cmd) - FIRST_NR)

struct device_ioctl {
	unsigned int cmd;
	long (*fn)(struct ntsync_device *dev, void __user *argp);
};

struct obj_ioctl {
	unsigned int cmd;
	long (*fn)(struct ntsync_obj *obj, void __user *argp);
};

struct channel_ioctl {
	unsigned int cmd;
	long (*fn)(struct file *file, void __user *argp);
};

#define ENTRY(_cmd, _fn)	[SLOT(_cmd)] = { .cmd = (_cmd), .fn = (_fn) }

static const struct device_ioctl device_ioctls[] = {
	ENTRY(NTSYNC_IOC_CREATE_SEM, create_sem),
	ENTRY(NTSYNC_IOC_WAIT_ANY, ntsync_ioctl_wait_any),
	ENTRY(NTSYNC_IOC_WAIT_ALL, ntsync_ioctl_wait_all),
	ENTRY(NTSYNC_IOC_CREATE_MUTEX, create_mutex),
	ENTRY(NTSYNC_IOC_CREATE_EVENT, create_event),
	ENTRY(NTSYNC_IOC_CREATE_CHANNEL, create_channel),
	ENTRY(NTSYNC_IOC_AGGREGATE_WAIT, ntsync_ioctl_aggregate_wait),
	ENTRY(NTSYNC_IOC_SIGNAL_AND_WAIT, ntsync_ioctl_signal_and_wait),
	ENTRY(NTSYNC_IOC_QUERY_FEATURES, query_features),
	ENTRY(NTSYNC_IOC_LEND, lend),
	ENTRY(NTSYNC_IOC_UNLEND, unlend),
	ENTRY(NTSYNC_IOC_ADDR_WAIT, ntsync_ioctl_addr_wait),
	ENTRY(NTSYNC_IOC_ADDR_WAKE, ntsync_ioctl_addr_wake),
};

static const struct obj_ioctl obj_ioctls[] = {
	ENTRY(NTSYNC_IOC_SEM_RELEASE, sem_release),
	ENTRY(NTSYNC_IOC_MUTEX_UNLOCK, unlock_mutex),
	ENTRY(NTSYNC_IOC_MUTEX_KILL, mutex_kill),
	ENTRY(NTSYNC_IOC_EVENT_SET, event_set),
	ENTRY(NTSYNC_IOC_EVENT_RESET, event_reset),
	ENTRY(NTSYNC_IOC_EVENT_PULSE, event_pulse),
	ENTRY(NTSYNC_IOC_SEM_READ, sem_read),
	ENTRY(NTSYNC_IOC_MUTEX_READ, mutex_read),
	ENTRY(NTSYNC_IOC_EVENT_READ, event_read),
	ENTRY(NTSYNC_IOC_EVENT_SET_PI, event_set_pi),
};

static const struct channel_ioctl channel_ioctls[] = {
	ENTRY(NTSYNC_IOC_CHANNEL_SEND_PI, ntsync_ioctl_channel_send),
	ENTRY(NTSYNC_IOC_CHANNEL_RECV, ntsync_ioctl_channel_recv),
	ENTRY(NTSYNC_IOC_CHANNEL_REPLY, ntsync_ioctl_channel_reply),
	ENTRY(NTSYNC_IOC_CHANNEL_REGISTER_THREAD, ntsync_ioctl_channel_register_thread),
	ENTRY(NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD, ntsync_ioctl_channel_deregister_thread),
	ENTRY(NTSYNC_IOC_CHANNEL_RECV2, ntsync_ioctl_channel_recv2),
	ENTRY(NTSYNC_IOC_CHANNEL_TRY_RECV2, ntsync_ioctl_channel_try_recv2),
};

/*
 * The entry of @table for @_cmd, or NULL. The cmd of an empty slot is 0, which is no ioctl of ours.
 * It uses table + i, because for &table[i] the compiler would add a second bounds check.
 */
#define FIND(table, _cmd) ({						\
	const unsigned int __slot = SLOT(_cmd);				\
	const typeof(*(table)) *__entry = NULL;				\
									\
	if (__slot < ARRAY_SIZE(table)) {				\
		__entry = (table) + array_index_nospec(__slot, ARRAY_SIZE(table)); \
		if (__entry->cmd != (_cmd))				\
			__entry = NULL;					\
	}								\
	__entry;							\
})

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct device_ioctl *ioc = FIND(device_ioctls, cmd);

	/* The only ioctl number with two argument layouts: of 40 and of 48 bytes. */
	if (cmd == NTSYNC_IOC_AGGREGATE_WAIT_TIMESPEC)
		return ntsync_ioctl_aggregate_wait_timespec(file->private_data, (void __user *)arg);
	return ioc ? ioc->fn(file->private_data, (void __user *)arg) : -ENOTTY;
}

static long obj_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct obj_ioctl *ioc = FIND(obj_ioctls, cmd);
	const struct channel_ioctl *channel_ioc;

	if (ioc)
		return ioc->fn(file->private_data, (void __user *)arg);
	channel_ioc = FIND(channel_ioctls, cmd);
	return channel_ioc ? channel_ioc->fn(file, (void __user *)arg) : -ENOTTY;
}

/* ---- files ---- */

static int device_open(struct inode *inode, struct file *file)
{
	file->private_data = ntsync_device_alloc();
	if (!file->private_data)
		return -ENOMEM;
	return nonseekable_open(inode, file);
}

static int device_release(struct inode *inode, struct file *file)
{
	ntsync_device_put(file->private_data);
	return 0;
}

static void device_show_fdinfo(struct seq_file *m, struct file *file)
{
	ntsync_device_show(m, file->private_data);
	ntsync_addr_waits_show(m, file->private_data);
}

const struct file_operations ntsync_device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.show_fdinfo = device_show_fdinfo,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static int obj_release(struct inode *inode, struct file *file)
{
	ntsync_obj_put(file->private_data);
	return 0;
}

static __poll_t obj_poll(struct file *file, poll_table *pt)
{
	return ntsync_obj_poll(file->private_data, file, pt);
}

static void obj_show_fdinfo(struct seq_file *m, struct file *file)
{
	ntsync_obj_show(m, file->private_data);
}

const struct file_operations ntsync_obj_fops = {
	.owner = THIS_MODULE,
	.release = obj_release,
	.poll = obj_poll,
	.show_fdinfo = obj_show_fdinfo,
	.unlocked_ioctl = obj_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static int channel_flush(struct file *file, fl_owner_t files)
{
	ntsync_channel_flush(file->private_data, file, files);
	return 0;
}

/* Differs from ntsync_obj_fops so that the wait ioctls refuse channels. */
const struct file_operations ntsync_channel_fops = {
	.owner = THIS_MODULE,
	.flush = channel_flush,
	.release = obj_release,
	.poll = obj_poll,
	.show_fdinfo = obj_show_fdinfo,
	.unlocked_ioctl = obj_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
