// SPDX-License-Identifier: GPL-2.0-only
/*
 * From user space into kernel types and back: the ioctl tables, file descriptors
 * to objects, and every access to user memory that this driver makes. What is
 * behind takes plain values, so that an in-kernel test can call it.
 *
 * The order of the checks in here is part of the interface.
 */
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "lock.h"
#include "ntsync_internal.h"

#define NTSYNC_VERSION	1

static const struct file_operations obj_fops;
static const struct file_operations channel_fops;

static int install(struct ntsync_obj *obj, const struct file_operations *fops)
{
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	return ntsync_obj_install_fd(obj, fops);
}

/* ---- on the device ---- */

static long query_features(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_features_args args = {
		.features = NTSYNC_FEATURE_PRIORITY_QUEUES | NTSYNC_FEATURE_CHANNEL |
			    NTSYNC_FEATURE_CHANNEL_TRY_RECV2,
		.version = NTSYNC_VERSION,
	};

	if (ntsync_pi_enabled)
		args.features |= NTSYNC_FEATURE_MUTEX_PI | NTSYNC_FEATURE_EVENT_SET_PI;

	return copy_to_user(argp, &args, sizeof(args)) ? -EFAULT : 0;
}

static long create_sem(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_sem_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return install(ntsync_sem_create(dev, args.count, args.max), &obj_fops);
}

static long create_mutex(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_mutex_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return install(ntsync_mutex_create(dev, args.owner, args.count), &obj_fops);
}

static long create_event(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_event_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return install(ntsync_event_create(dev, args.manual, args.signaled), &obj_fops);
}

static long create_channel(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_channel_create_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return install(ntsync_channel_create(dev, args.max_depth), &channel_fops);
}

/* ---- waits ---- */

/* The objects of one call: the files that keep them, and what the engines want. */
struct wait_objs {
	unsigned int nr;
	struct fd files[NTSYNC_MAX_ENTRIES];
	struct ntsync_obj *objs[NTSYNC_MAX_ENTRIES];
};

static bool get_obj(struct wait_objs *set, struct ntsync_device *dev, int fd)
{
	struct fd f = fdget(fd);
	struct ntsync_obj *obj;

	if (!fd_file(f))
		return false;
	obj = fd_file(f)->private_data;
	if (fd_file(f)->f_op != &obj_fops || obj->dev != dev) {
		fdput(f);
		return false;
	}
	set->files[set->nr] = f;
	set->objs[set->nr++] = obj;
	return true;
}

static void put_objs(struct wait_objs *set)
{
	while (set->nr)
		fdput(set->files[--set->nr]);
}

static int get_objs(struct wait_objs *set, struct ntsync_device *dev,
		    const struct ntsync_wait_args *args)
{
	int fds[NTSYNC_MAX_WAIT_COUNT];
	u32 i;

	if (copy_from_user(fds, u64_to_user_ptr(args->objs), args->count * sizeof(*fds)))
		return -EFAULT;

	for (i = 0; i < args->count; i++) {
		if (!get_obj(set, dev, fds[i]))
			return -EINVAL;
	}
	if (args->alert && !get_obj(set, dev, args->alert))
		return -EINVAL;
	return 0;
}

static struct ntsync_deadline decode_deadline(u64 timeout, bool realtime)
{
	struct ntsync_deadline d = {
		.clock = realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC,
	};

	if (timeout == U64_MAX)
		d.expires = KTIME_MAX;
	else if (timeout > KTIME_MAX)
		d.expires = 0;
	else
		d.expires = timeout;

	/* Only the monotonic clock is shifted in a time namespace. */
	if (!realtime && d.expires > 0 && d.expires < KTIME_MAX)
		d.expires = ntsync_monotonic_to_host(d.expires);
	return d;
}

static int check_wait_args(const struct ntsync_wait_args *args)
{
	if (args->flags & ~NTSYNC_WAIT_REALTIME)
		return -EINVAL;
	if (args->uring_fd)
		return -EINVAL;
	if (!args->owner)
		return -EINVAL;
	if (args->count > NTSYNC_MAX_WAIT_COUNT)
		return -EINVAL;
	return 0;
}

static long do_wait(struct ntsync_device *dev, void __user *argp, bool all)
{
	struct ntsync_wait_args __user *uargs = argp;
	struct ntsync_wait_args args;
	struct ntsync_wait_req req;
	struct wait_objs set;
	int ret;

	if (copy_from_user(&args, uargs, sizeof(args)))
		return -EFAULT;
	ret = check_wait_args(&args);
	if (ret)
		return ret;

	set.nr = 0;
	ret = get_objs(&set, dev, &args);
	if (!ret) {
		req.objs = set.objs;
		req.count = args.count;
		req.alert = args.alert;
		req.owner = args.owner;
		req.deadline = decode_deadline(args.timeout, args.flags & NTSYNC_WAIT_REALTIME);
		ret = all ? ntsync_wait_all(dev, &req) : ntsync_wait_any(&req);
	}
	put_objs(&set);

	if (ret && ret != -EOWNERDEAD)
		return ret;
	if (ntsync_owner_learn(dev, args.owner))
		ntsync_pi_learnt(dev, args.owner);
	/* What has been acquired stays acquired, even if nobody can be told. */
	return put_user(req.index, &uargs->index) ? -EFAULT : ret;
}

static long wait_any(struct ntsync_device *dev, void __user *argp)
{
	return do_wait(dev, argp, false);
}

static long wait_all(struct ntsync_device *dev, void __user *argp)
{
	return do_wait(dev, argp, true);
}

/* ---- on an object ---- */

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
	struct ntsync_mutex_args args;
	u32 prev;
	int ret;

	if (copy_from_user(&args, uargs, sizeof(args)))
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

/* SET, RESET and PULSE change first, and answer the previous state afterwards. */
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

/* ---- on a channel ---- */

static bool is_rt_policy(u32 policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static long channel_send(struct file *file, void __user *argp)
{
	struct ntsync_channel_send_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.prio >= MAX_RT_PRIO || (args.prio && !is_rt_policy(args.policy)))
		return -EINVAL;
	return ntsync_channel_send(file->private_data, args.policy, args.prio, args.payload_off,
				   args.reply_off);
}

/*
 * RECV's result is the beginning of RECV2's. A request that can't be delivered goes
 * back, so that its sender is not stranded.
 */
static long receive(struct file *file, void __user *argp, bool block, size_t size)
{
	struct ntsync_channel_recv2_args args;
	struct ntsync_message msg;
	int ret;

	BUILD_BUG_ON(offsetof(struct ntsync_channel_recv2_args, thread_token) !=
		     sizeof(struct ntsync_channel_recv_args));
	ret = ntsync_channel_recv(file->private_data, file, block, &msg);
	if (ret)
		return ret;
	args = (struct ntsync_channel_recv2_args){
		.entry_id = msg.id,
		.payload_off = msg.payload,
		.reply_off = msg.reply,
		.sender_tid = msg.tid,
		.prio = msg.prio,
		.thread_token = msg.token,
	};
	if (!copy_to_user(argp, &args, size))
		return 0;
	ntsync_channel_put_back(file->private_data, msg.id);
	return -EFAULT;
}

static long channel_recv(struct file *file, void __user *argp)
{
	return receive(file, argp, true, sizeof(struct ntsync_channel_recv_args));
}

static long channel_recv2(struct file *file, void __user *argp)
{
	return receive(file, argp, true, sizeof(struct ntsync_channel_recv2_args));
}

static long channel_try_recv2(struct file *file, void __user *argp)
{
	return receive(file, argp, false, sizeof(struct ntsync_channel_recv2_args));
}

static long channel_reply(struct file *file, void __user *argp)
{
	u64 id;

	if (get_user(id, (u64 __user *)argp))
		return -EFAULT;
	return ntsync_channel_reply(file->private_data, id);
}

static long channel_register_thread(struct file *file, void __user *argp)
{
	struct ntsync_channel_register_thread_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return ntsync_channel_register(file->private_data, args.tid, args.token);
}

static long channel_deregister_thread(struct file *file, void __user *argp)
{
	u32 tid;

	if (get_user(tid, (u32 __user *)argp))
		return -EFAULT;
	return ntsync_channel_deregister(file->private_data, tid);
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
	ENTRY(NTSYNC_IOC_WAIT_ANY, wait_any),
	ENTRY(NTSYNC_IOC_WAIT_ALL, wait_all),
	ENTRY(NTSYNC_IOC_CREATE_MUTEX, create_mutex),
	ENTRY(NTSYNC_IOC_CREATE_EVENT, create_event),
	ENTRY(NTSYNC_IOC_CREATE_CHANNEL, create_channel),
	ENTRY(NTSYNC_IOC_QUERY_FEATURES, query_features),
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
	ENTRY(NTSYNC_IOC_CHANNEL_SEND_PI, channel_send),
	ENTRY(NTSYNC_IOC_CHANNEL_RECV, channel_recv),
	ENTRY(NTSYNC_IOC_CHANNEL_REPLY, channel_reply),
	ENTRY(NTSYNC_IOC_CHANNEL_REGISTER_THREAD, channel_register_thread),
	ENTRY(NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD, channel_deregister_thread),
	ENTRY(NTSYNC_IOC_CHANNEL_RECV2, channel_recv2),
	ENTRY(NTSYNC_IOC_CHANNEL_TRY_RECV2, channel_try_recv2),
};

/*
 * The entry of @table for @cmd, or NULL. An empty slot has the number 0, which is
 * in no range that starts at FIRST_NR.
 */
#define FIND(table, _cmd) ({						\
	const unsigned int __slot = SLOT(_cmd);				\
	const typeof(*(table)) *__entry = NULL;				\
									\
	if (__slot < ARRAY_SIZE(table)) {				\
		__entry = &(table)[array_index_nospec(__slot, ARRAY_SIZE(table))]; \
		if (__entry->cmd != (_cmd))				\
			__entry = NULL;					\
	}								\
	__entry;							\
})

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct device_ioctl *ioc = FIND(device_ioctls, cmd);

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
	struct ntsync_device *dev = file->private_data;
	u64 id = dev->id;

	if (ntsync_device_put(dev))
		ntsync_boost_end_device(id);
	return 0;
}

const struct file_operations ntsync_device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static int obj_release(struct inode *inode, struct file *file)
{
	struct ntsync_obj *obj = file->private_data;
	u64 id = obj->dev->id;

	if (ntsync_obj_free(obj))
		ntsync_boost_end_device(id);
	return 0;
}

static void obj_show_fdinfo(struct seq_file *m, struct file *file)
{
	ntsync_obj_show(m, file->private_data);
}

static const struct file_operations obj_fops = {
	.owner = THIS_MODULE,
	.release = obj_release,
	.show_fdinfo = obj_show_fdinfo,
	.unlocked_ioctl = obj_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static int channel_flush(struct file *file, fl_owner_t files)
{
	ntsync_channel_flush(file->private_data, file, files);
	return 0;
}

/* Not obj_fops, so that WAIT_* does not take it for one of its objects. */
static const struct file_operations channel_fops = {
	.owner = THIS_MODULE,
	.flush = channel_flush,
	.release = obj_release,
	.show_fdinfo = obj_show_fdinfo,
	.unlocked_ioctl = obj_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
