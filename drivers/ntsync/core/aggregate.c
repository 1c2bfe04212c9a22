// SPDX-License-Identifier: GPL-2.0-only
/*
 * AGGREGATE_WAIT: one sleep over objects, channels and files. It is a WAIT_ANY that also polls
 * files (wait_files.c), and that gets readiness notifications of channels instead of requests.
 *
 * A readiness notification says that a channel has a pending request, and takes nothing. Each
 * request wakes one waiter: a receiver, which gets the request, or an aggregate waiter, which gets
 * a notification and is expected to receive. A channel wakes another waiter only while it has more
 * pending requests than notifications that were not acted on. So a notification is passed on to
 * another waiter if its task exits, closes the channel, sleeps for something else
 * (notification.c), or could not be told. It reserves nothing: any receiver may take the request.
 */
#include "core_internal.h"
#include "trace.h"

/* Makes current a receiver of each channel: it inherits from what is pending there. */
static int enter_channels(struct ntsync_aggregate *a)
{
	struct ntsync_task *t = ntsync_task_find_or_create();
	u32 i;

	if (!t)
		return -ENOMEM;

	for (i = 0; i < a->wait.count; i++) {
		struct ntsync_obj *obj = a->wait.objs[i];
		int ret = obj->ops->enter ? obj->ops->enter(obj, a->obj_files[i], t) : 0;

		if (ret)
			return ret;
	}
	return 0;
}

static int wait_for_any(struct ntsync_aggregate *a)
{
	int ret = enter_channels(a);

	if (ret)
		return ret;
	a->wait.notify_only = true;
	a->wait.polls = &a->polls;
	ret = ntsync_wait_any(&a->wait);
	if (ret && ret != -EOWNERDEAD)
		return ret;
	if (a->wait.index == NTSYNC_INDEX_POLLED) {
		a->fired = a->fd_position[a->polls.fired];
		a->events = a->polls.revents;
	} else {
		a->fired = a->obj_position[a->wait.index];
		a->events = 0;
	}
	return ret;
}

/**
 * ntsync_aggregate_wait() - wait until an object is signaled or a file is ready
 * @a: objects and files; @a->fired and @a->events are the result
 *
 * Objects are acquired as by ntsync_wait_any(), channels give a readiness notification. If several
 * are ready on entry, objects come before files, each in the order of the caller.
 *
 * Context: process; may sleep; the caller holds objects and files.
 * Return: 0, -EOWNERDEAD, -EBADF (the process has closed a channel, before the call or during its
 * sleep), -ETIMEDOUT, -ERESTARTSYS, -ENOMEM, or the error of a file's poll.
 */
int ntsync_aggregate_wait(struct ntsync_aggregate *a)
{
	int ret = wait_for_any(a);

	trace_ntsync_aggregate(a, ret);
	return ret;
}

/* The result could not be copied to user space: a readiness notification is passed on. */
void ntsync_aggregate_undelivered(struct ntsync_aggregate *a)
{
	struct ntsync_obj *obj;

	if (a->wait.index == NTSYNC_INDEX_POLLED)
		return;
	obj = a->wait.objs[a->wait.index];
	if (obj->ops->undelivered)
		obj->ops->undelivered(obj);
}
