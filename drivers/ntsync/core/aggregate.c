// SPDX-License-Identifier: GPL-2.0-only
/*
 * AGGREGATE_WAIT: one sleep over objects, channels and files. It is a WAIT_ANY that also
 * looks at files (poll.c) and takes notices instead of requests from channels.
 *
 * A notice says that a channel has something pending, and takes nothing. Each request
 * wakes one waiter: a receiver, who gets it, or an aggregate waiter, who gets a notice
 * and is expected to receive:
 *
 *   channel->notices	how many receivers have been told, and have not received since
 *   receiver->noticed	this one has
 *
 * The next waiter is only woken while more requests are pending than notices are out. Who
 * has a notice and goes away, by exit or by closing the channel, or could not be told, or
 * goes to sleep for something else, hands it on (notice.c). Nobody is kept from receiving by the
 * notice of somebody else.
 */
#include "core_internal.h"
#include "trace.h"

/* current is one of the receivers of each of the channels, and inherits as such. */
static int enter_channels(struct ntsync_aggregate *a)
{
	struct ntsync_task *t = ntsync_task_get_own();
	u32 i;

	if (!t)
		return -ENOMEM;

	for (i = 0; i < a->wait.count; i++) {
		struct ntsync_obj *obj = a->wait.objs[i];
		int ret = obj->ops->enter ? obj->ops->enter(obj, a->files[i], t) : 0;

		if (ret)
			return ret;
	}
	return 0;
}

static int wait(struct ntsync_aggregate *a)
{
	int ret = enter_channels(a);

	if (ret)
		return ret;
	a->wait.notice = true;
	a->wait.polls = &a->polls;
	ret = ntsync_wait_any(&a->wait);
	if (ret && ret != -EOWNERDEAD)
		return ret;
	if (a->wait.index == NTSYNC_INDEX_URING_READY) {
		a->fired = a->fd_position[a->polls.fired];
		a->events = a->polls.revents;
	} else {
		a->fired = a->obj_position[a->wait.index];
		a->events = 0;
	}
	return ret;
}

/**
 * ntsync_aggregate_wait() - wait until an object can be had, or a file is ready
 * @a: objects and files; @a->fired and @a->events are the answer
 *
 * Objects are acquired as by ntsync_wait_any(), channels give notice. Of several that
 * are ready on entry objects go before files, each in their order.
 *
 * Context: process; may sleep; the caller keeps objects and files.
 * Return: 0, -EOWNERDEAD, -EBADF (the process has closed a channel meanwhile),
 * -ETIMEDOUT, -ERESTARTSYS, -ENOMEM, or what a file's poll failed with.
 */
int ntsync_aggregate_wait(struct ntsync_aggregate *a)
{
	int ret = wait(a);

	ntsync_trace(aggregate, a, ret);
	return ret;
}

/* The caller could not be told: if it was a notice, somebody else gets it. */
void ntsync_aggregate_undelivered(struct ntsync_aggregate *a)
{
	struct ntsync_obj *obj;

	if (a->wait.index == NTSYNC_INDEX_URING_READY)
		return;
	obj = a->wait.objs[a->wait.index];
	if (obj->ops->undelivered)
		obj->ops->undelivered(obj);
}
