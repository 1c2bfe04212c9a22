// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notices: who has been told that a channel has something pending, and has not received
 * since. aggregate.c says what for.
 *
 * The holder of a notice is expected to be back soon. If it goes to sleep for something else
 * it may be for long, and somebody who stands idle serves the request: so it hands its notices
 * on before each sleep. Most sleepers find that there are none at all.
 */
#include "channel.h"

/* How many are out. */
atomic_t ntsync_notices = ATOMIC_INIT(0);

/* Who has left since he came in could neither receive nor hand it on. */
void ntsync_receiver_notice_locked(struct ntsync_receiver *r)
{
	ntsync_assert_obj_lock(r->channel->obj);
	if (r->noticed || ntsync_receiver_left_locked(r))
		return;
	r->noticed = true;
	r->channel->notices++;
	atomic_inc(&r->of->notices);
	atomic_inc(&ntsync_notices);
}

void ntsync_receiver_drop_notice_locked(struct ntsync_receiver *r)
{
	ntsync_assert_obj_lock(r->channel->obj);
	if (!r->noticed)
		return;
	r->noticed = false;
	r->channel->notices--;
	atomic_dec(&r->of->notices);
	atomic_dec(&ntsync_notices);
}

static void hand_on(struct ntsync_receiver *r)
{
	struct ntsync_hold h;

	ntsync_obj_hold(&h, r->channel->obj);
	ntsync_receiver_drop_notice_locked(r);
	ntsync_wake_takers(&h, h.obj);
	ntsync_obj_unhold(&h);
}

/* All of current's. Only current itself adds to its receivers, and nobody frees one meanwhile. */
void ntsync_notices_hand_on_own(void)
{
	struct ntsync_receiver_task *t;
	struct ntsync_receiver *r;

	if (!ntsync_receiver_task_has_notices())
		return;
	guard(ntsync_reap_lock)();
	t = ntsync_receiver_task_find();
	if (!t)
		return;
	list_for_each_entry(r, &t->receivers, of_task) {
		if (READ_ONCE(r->noticed))
			hand_on(r);
	}
}
