// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls on channels.
 */
#include <linux/fs.h>
#include <linux/uaccess.h>

#include "channel/channel.h"
#include "core/object.h"
#include "ioctl.h"

static bool is_rt_policy(u32 policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

long ntsync_ioctl_channel_send(struct file *file, void __user *argp)
{
	struct ntsync_channel_send_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.prio >= MAX_RT_PRIO || (args.prio && !is_rt_policy(args.policy)))
		return -EINVAL;
	return ntsync_channel_send(file->private_data, file, args.policy, args.prio,
				   args.payload_off, args.reply_off);
}

/*
 * The result of RECV is the beginning of RECV2's. If it can't be written, the request becomes
 * pending again: nobody would reply to it.
 */
static long receive_request(struct file *file, void __user *argp, bool block, size_t size)
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

long ntsync_ioctl_channel_recv(struct file *file, void __user *argp)
{
	return receive_request(file, argp, true, sizeof(struct ntsync_channel_recv_args));
}

long ntsync_ioctl_channel_recv2(struct file *file, void __user *argp)
{
	return receive_request(file, argp, true, sizeof(struct ntsync_channel_recv2_args));
}

long ntsync_ioctl_channel_try_recv2(struct file *file, void __user *argp)
{
	return receive_request(file, argp, false, sizeof(struct ntsync_channel_recv2_args));
}

long ntsync_ioctl_channel_reply(struct file *file, void __user *argp)
{
	u64 id;

	if (get_user(id, (u64 __user *)argp))
		return -EFAULT;
	return ntsync_channel_reply(file->private_data, id);
}

long ntsync_ioctl_channel_register_thread(struct file *file, void __user *argp)
{
	struct ntsync_channel_register_thread_args args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return ntsync_channel_register(file->private_data, args.tid, args.token);
}

long ntsync_ioctl_channel_deregister_thread(struct file *file, void __user *argp)
{
	u32 tid;

	if (get_user(tid, (u32 __user *)argp))
		return -EFAULT;
	return ntsync_channel_deregister(file->private_data, tid);
}
