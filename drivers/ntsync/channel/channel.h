/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Channels: requests and replies. Functions that take any object and return an error return -EINVAL
 * if the object is no channel. The others are called for channels only.
 */
#ifndef NTSYNC_CHANNEL_H
#define NTSYNC_CHANNEL_H

#include <linux/types.h>

struct file;
struct ntsync_device;
struct ntsync_obj;

/**
 * struct ntsync_message - a request, as a receiver gets it
 * @id: passed to ntsync_channel_reply()
 * @payload: as the sender gave it
 * @reply: as the sender gave it
 * @token: the token that is registered for the sender's thread, or 0
 * @tid: the sender's thread, in the sender's pid namespace
 * @prio: the priority that the sender asked for, after clamping; 0 = none. It does not include what
 *	the sender inherits
 */
struct ntsync_message {
	u64 id;
	u64 payload;
	u64 reply;
	u64 token;
	u32 tid;
	u32 prio;
};

int ntsync_channel_init(void);
void ntsync_channel_exit(void);
struct ntsync_obj *ntsync_channel_create(struct ntsync_device *dev, u32 max_depth);
int ntsync_channel_send(struct ntsync_obj *obj, struct file *file, u32 policy, u32 prio,
			u64 payload, u64 reply);
int ntsync_channel_recv(struct ntsync_obj *obj, struct file *file, bool block,
			struct ntsync_message *msg);
void ntsync_channel_put_back(struct ntsync_obj *obj, u64 id);
int ntsync_channel_reply(struct ntsync_obj *obj, u64 id);
int ntsync_channel_register(struct ntsync_obj *obj, u32 tid, u64 token);
int ntsync_channel_deregister(struct ntsync_obj *obj, u32 tid);
void ntsync_channel_flush(struct ntsync_obj *obj, struct file *file, const void *files);

#endif
