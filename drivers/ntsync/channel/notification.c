// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readiness notifications. An aggregate wait for a channel returns with one: the caller has been
 * told that a request is pending and is expected to receive it. core/aggregate.c explains why.
 * The core passes them on before each sleep (core/notification.c).
 */
#include "receiver.h"

/*
 * Does nothing for a receiver whose process has closed the channel: it can't receive, and nothing
 * would ever pass its notification on.
 */
void ntsync_receiver_notify_locked(struct ntsync_receiver *r)
{
	ntsync_assert_obj_lock(r->channel->obj);
	if (ntsync_receiver_notified_locked(r) || ntsync_receiver_closed_locked(r))
		return;
	r->channel->nr_notified++;
	guard(raw_spinlock)(&r->t->lock);
	list_add(&r->notification.node, &r->t->notifications);
}

void ntsync_receiver_drop_notification_locked(struct ntsync_receiver *r)
{
	ntsync_assert_obj_lock(r->channel->obj);
	if (!ntsync_receiver_notified_locked(r))
		return;
	r->channel->nr_notified--;
	guard(raw_spinlock)(&r->t->lock);
	list_del_init(&r->notification.node);
}

/* ntsync_obj_ops::pass_on */
void ntsync_receiver_pass_on_notification(struct ntsync_notification *n)
{
	struct ntsync_receiver *r = container_of(n, struct ntsync_receiver, notification);
	struct ntsync_section s;

	ntsync_obj_lock(&s, n->obj);
	ntsync_receiver_drop_notification_locked(r);
	ntsync_obj_hand_off(&s, n->obj);
	ntsync_obj_unlock(&s);
}
