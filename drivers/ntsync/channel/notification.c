// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notices: who has been told that a channel has something pending, and has not received
 * since. core/aggregate.c says what for.
 * The core has them handed on before each sleep (core/notice.c).
 */
#include "receiver.h"

/* Who has left since it came in could neither receive nor hand it on. */
void ntsync_receiver_notice_locked(struct ntsync_receiver *r)
{
	ntsync_assert_obj_lock(r->channel->obj);
	if (ntsync_receiver_noticed_locked(r) || ntsync_receiver_left_locked(r))
		return;
	r->channel->notices++;
	guard(raw_spinlock)(&r->t->lock);
	list_add(&r->notice.node, &r->t->noticed);
}

void ntsync_receiver_drop_notice_locked(struct ntsync_receiver *r)
{
	ntsync_assert_obj_lock(r->channel->obj);
	if (!ntsync_receiver_noticed_locked(r))
		return;
	r->channel->notices--;
	guard(raw_spinlock)(&r->t->lock);
	list_del_init(&r->notice.node);
}

/* ntsync_obj_ops::hand_on */
void ntsync_receiver_hand_on_notice(struct ntsync_notice *n)
{
	struct ntsync_receiver *r = container_of(n, struct ntsync_receiver, notice);
	struct ntsync_hold h;

	ntsync_obj_hold(&h, n->obj);
	ntsync_receiver_drop_notice_locked(r);
	ntsync_wake_takers(&h, n->obj);
	ntsync_obj_unhold(&h);
}
