// SPDX-License-Identifier: LGPL-2.1-or-later
#include <assert.h>

#include "internal.h"

/*
 * The kernel writes the request into the caller's struct: if it cannot, the request stays
 * pending. A request that the library had to copy there would be lost instead.
 */
#define SAME_PLACE(ours, type, theirs)					\
	static_assert(offsetof(struct ntsync_channel_request, ours) ==	\
		      offsetof(type, theirs), #theirs)

SAME_PLACE(id, struct ntsync_channel_recv2_args, entry_id);
SAME_PLACE(payload, struct ntsync_channel_recv2_args, payload_off);
SAME_PLACE(reply, struct ntsync_channel_recv2_args, reply_off);
SAME_PLACE(sender_tid, struct ntsync_channel_recv2_args, sender_tid);
SAME_PLACE(prio, struct ntsync_channel_recv2_args, prio);
SAME_PLACE(token, struct ntsync_channel_recv2_args, thread_token);
static_assert(sizeof(struct ntsync_channel_request) ==
	      sizeof(struct ntsync_channel_recv2_args), "size with a token");
/* RECV writes everything before the token. */
static_assert(sizeof(struct ntsync_channel_recv_args) ==
	      offsetof(struct ntsync_channel_request, token), "size without a token");

NTSYNC_API int ntsync_channel_create(int dev, uint32_t max_depth)
{
	struct ntsync_channel_create_args args = { .max_depth = max_depth };

	return ntsync_dev_ioctl(dev, NTSYNC_IOC_CREATE_CHANNEL, &args);
}

/*
 * A driver without channels answers -ENOTTY for its own objects too. An object of any type is
 * recognised by EVENT_READ, which answers -EINVAL for a wrong type and -ENOTTY for all else.
 */
static int channel_ioctl(int channel, unsigned long request, void *arg)
{
	int ret = ntsync_ioctl(channel, request, arg);
	int probe;

	if (ret != -ENOTTY)
		return ret;
	probe = ntsync_event_read(channel, NULL, NULL);
	return !probe || probe == -EINVAL ? -ENOTSUP : ret;
}

NTSYNC_API int ntsync_channel_send_pi(int channel, uint32_t policy, uint32_t prio,
				      uint64_t payload, uint64_t reply)
{
	struct ntsync_channel_send_args args = {
		.policy = policy,
		.prio = prio,
		.payload_off = payload,
		.reply_off = reply,
	};

	return channel_ioctl(channel, NTSYNC_IOC_CHANNEL_SEND_PI, &args);
}

NTSYNC_API int ntsync_channel_recv(int channel, struct ntsync_channel_request *request)
{
	int ret = channel_ioctl(channel, NTSYNC_IOC_CHANNEL_RECV, request);

	if (!ret)
		request->token = 0;
	return ret;
}

NTSYNC_API int ntsync_channel_recv2(int channel, struct ntsync_channel_request *request)
{
	return channel_ioctl(channel, NTSYNC_IOC_CHANNEL_RECV2, request);
}

NTSYNC_API int ntsync_channel_try_recv2(int channel, struct ntsync_channel_request *request)
{
	return channel_ioctl(channel, NTSYNC_IOC_CHANNEL_TRY_RECV2, request);
}

NTSYNC_API int ntsync_channel_reply(int channel, uint64_t id)
{
	return channel_ioctl(channel, NTSYNC_IOC_CHANNEL_REPLY, &id);
}

NTSYNC_API int ntsync_channel_register_thread(int channel, uint32_t tid, uint64_t token)
{
	struct ntsync_channel_register_thread_args args = { .tid = tid, .token = token };

	return channel_ioctl(channel, NTSYNC_IOC_CHANNEL_REGISTER_THREAD, &args);
}

NTSYNC_API int ntsync_channel_deregister_thread(int channel, uint32_t tid)
{
	return channel_ioctl(channel, NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD, &tid);
}
