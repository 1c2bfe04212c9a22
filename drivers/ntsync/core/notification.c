// SPDX-License-Identifier: GPL-2.0-only
/*
 * Passing on readiness notifications. A task that was told of a pending request (aggregate.c) is
 * expected to receive soon. If it sleeps for something else, which may take long, the request would
 * wait although other receivers are idle. So a task passes its notifications on before each sleep.
 * ntsync_notifications_pass_on() returns at once if it has none.
 */
#include "core_internal.h"

/* The first notification of @t, with its channel counted; NULL if there is none. */
static struct ntsync_notification *get_first_notification(struct ntsync_task *t)
{
	struct ntsync_notification *n;

	guard(raw_spinlock)(&t->lock);
	n = list_first_entry_or_null(&t->notifications, struct ntsync_notification, node);
	/*
	 * Before the last reference to a channel goes, ntsync_channel_flush() has dropped the
	 * notifications of all its receiving processes. So the count is not 0 here, and NULL does
	 * not hide a notification of another channel.
	 */
	return n && refcount_inc_not_zero(&n->obj->refs) ? n : NULL;
}

/*
 * Passes on all notifications of current, whose record is @t. A notification is part of a receiver,
 * which is freed when current has exited, or with its channel; so it stays while this runs.
 */
void ntsync_notifications_pass_on_all(struct ntsync_task *t)
{
	struct ntsync_notification *n;

	while ((n = get_first_notification(t))) {
		struct ntsync_obj *obj = n->obj;

		obj->ops->pass_on(n);
		ntsync_obj_put_later(obj);
	}
}
