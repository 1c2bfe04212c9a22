// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event: a flag. Auto-reset: the one waiter that it lets go takes it. Manual-reset:
 * it lets everybody go, until it is reset.
 */
#include <linux/errno.h>
#include <linux/seq_file.h>

#include "lock.h"
#include "ntsync_internal.h"

static bool event_signaled(const struct ntsync_obj *obj, u32 owner)
{
	return READ_ONCE(obj->event.signaled);
}

static bool acquire_event(struct ntsync_obj *obj, u32 owner)
{
	ntsync_assert_obj_lock(obj);
	if (!obj->event.manual) {
		WRITE_ONCE(obj->event.signaled, false);
		obj->event.pulsed = false;
	}
	return false;
}

static struct ntsync_wait_entry *event_next_waiter(struct ntsync_obj *obj)
{
	return obj->event.signaled ? ntsync_obj_first_any(obj) : NULL;
}

static void event_settled(struct ntsync_obj *obj)
{
	if (obj->event.pulsed) {
		WRITE_ONCE(obj->event.signaled, false);
		obj->event.pulsed = false;
	}
}

static void event_show(struct seq_file *m, const union ntsync_state *copy)
{
	seq_printf(m, "ntsync-manual:\t%d\n", copy->event.manual);
	seq_printf(m, "ntsync-signaled:\t%d\n", copy->event.signaled);
}

const struct ntsync_obj_ops ntsync_event_ops = {
	.name = "event",
	.signaled = event_signaled,
	.acquire = acquire_event,
	.next_waiter = event_next_waiter,
	.settled = event_settled,
	.show = event_show,
};

struct ntsync_obj *ntsync_event_create(struct ntsync_device *dev, bool manual, bool signaled)
{
	struct ntsync_obj *obj = ntsync_obj_alloc(dev, &ntsync_event_ops);

	if (!obj)
		return ERR_PTR(-ENOMEM);
	obj->event.manual = manual;
	obj->event.signaled = signaled;
	return obj;
}

static int signal(struct ntsync_obj *obj, bool pulse, u32 *prev)
{
	struct ntsync_hold h;

	if (obj->ops != &ntsync_event_ops)
		return -EINVAL;

	ntsync_obj_hold(&h, obj);
	*prev = obj->event.signaled;
	obj->event.pulsed = pulse;
	WRITE_ONCE(obj->event.signaled, true);
	ntsync_wake_takers(&h);
	ntsync_obj_unhold(&h);
	return 0;
}

int ntsync_event_set(struct ntsync_obj *obj, u32 *prev)
{
	return signal(obj, false, prev);
}

/*
 * A set for those who are queued. Nobody else can take it or join them: whoever
 * comes meanwhile settles the event first, and that ends the pulse.
 */
int ntsync_event_pulse(struct ntsync_obj *obj, u32 *prev)
{
	return signal(obj, true, prev);
}

int ntsync_event_reset(struct ntsync_obj *obj, u32 *prev)
{
	struct ntsync_hold h;

	if (obj->ops != &ntsync_event_ops)
		return -EINVAL;

	ntsync_obj_hold(&h, obj);
	*prev = obj->event.signaled;
	WRITE_ONCE(obj->event.signaled, false);
	ntsync_obj_unhold(&h);
	return 0;
}

int ntsync_event_read(struct ntsync_obj *obj, u32 *manual, u32 *signaled)
{
	struct ntsync_hold h;

	if (obj->ops != &ntsync_event_ops)
		return -EINVAL;

	ntsync_obj_hold(&h, obj);
	*manual = obj->event.manual;
	*signaled = obj->event.signaled;
	ntsync_obj_unhold(&h);
	return 0;
}
