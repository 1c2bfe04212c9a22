// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handing notices on. A notice says that a channel has something pending (aggregate.c), and its
 * holder is expected to be back soon. If it goes to sleep for something else that may be for
 * long, and somebody who stands idle serves the request: so it hands its notices on before each
 * sleep. Most sleepers find that there are none at all.
 */
#include "core_internal.h"

/* One of @t's, with its object counted; NULL: it has none. */
static struct ntsync_notice *get_first(struct ntsync_task *t)
{
	struct ntsync_notice *n;

	guard(raw_spinlock)(&t->lock);
	n = list_first_entry_or_null(&t->noticed, struct ntsync_notice, node);
	/* Of a channel that goes they go by themselves. */
	return n && refcount_inc_not_zero(&n->obj->refs) ? n : NULL;
}

/*
 * All of current's, whose record is @t. What the notices are in stays: it is freed when current
 * has exited, or with the channel.
 */
void ntsync_notices_hand_on_all(struct ntsync_task *t)
{
	struct ntsync_notice *n;

	while ((n = get_first(t))) {
		struct ntsync_obj *obj = n->obj;

		obj->ops->hand_on(n);
		ntsync_obj_put_later(obj);
	}
}
