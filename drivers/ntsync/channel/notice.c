// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notices: who has been told that a channel has something pending, and has not received
 * since. aggregate.c says what for.
 *
 * The holder of a notice is expected to be back soon. If it goes to sleep for something else
 * it may be for long, and somebody who stands idle serves the request: so it hands its notices
 * on before each sleep. Most sleepers find that there are none at all.
 */
#include "channel_internal.h"

/* Who has left since it came in could neither receive nor hand it on. */
void ntsync_receiver_notice_locked(struct ntsync_receiver *r)
{
	ntsync_assert_obj_lock(r->channel->obj);
	if (ntsync_receiver_noticed_locked(r) || ntsync_receiver_left_locked(r))
		return;
	r->channel->notices++;
	guard(raw_spinlock)(&r->t->lock);
	list_add(&r->noticed, &r->t->noticed);
}

void ntsync_receiver_drop_notice_locked(struct ntsync_receiver *r)
{
	ntsync_assert_obj_lock(r->channel->obj);
	if (!ntsync_receiver_noticed_locked(r))
		return;
	r->channel->notices--;
	guard(raw_spinlock)(&r->t->lock);
	list_del_init(&r->noticed);
}

/* One of @t's, with its object counted; NULL: it has none. */
static struct ntsync_receiver *get_first(struct ntsync_task *t)
{
	struct ntsync_receiver *r;

	guard(raw_spinlock)(&t->lock);
	r = list_first_entry_or_null(&t->noticed, struct ntsync_receiver, noticed);
	/* Of a channel that goes they go by themselves. */
	return r && refcount_inc_not_zero(&r->channel->obj->refs) ? r : NULL;
}

/*
 * All of current's, whose record is @t. Its receivers stay: they are freed when current has
 * exited, or with the channel.
 */
void ntsync_notices_hand_on_all(struct ntsync_task *t)
{
	struct ntsync_receiver *r;
	struct ntsync_obj *obj;
	struct ntsync_hold h;

	while ((r = get_first(t))) {
		obj = r->channel->obj;
		ntsync_obj_hold(&h, obj);
		ntsync_receiver_drop_notice_locked(r);
		ntsync_wake_takers(&h, obj);
		ntsync_obj_unhold(&h);
		ntsync_obj_put_later(obj);
	}
}
