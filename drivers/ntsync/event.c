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

static void acquire_event(struct ntsync_obj *obj, struct ntsync_taker *taker)
{
	ntsync_assert_obj_lock(obj);
	if (!obj->event.manual)
		WRITE_ONCE(obj->event.signaled, false);
	if (unlikely(obj->event.boost)) {
		ntsync_boost_hand_locked(obj->event.boost, taker);
		obj->event.boost = NULL;
	}
}

/* Manual-reset events release by ntsync_wake_queued() and owe nothing to anyone. */
static struct ntsync_wait_entry *event_next_waiter(struct ntsync_obj *obj)
{
	if (obj->event.manual || !obj->event.signaled)
		return NULL;
	return ntsync_obj_first_any(obj);
}

static void event_show(struct seq_file *m, const union ntsync_state *copy)
{
	seq_printf(m, "ntsync-manual:\t%d\n", copy->event.manual);
	seq_printf(m, "ntsync-signaled:\t%d\n", copy->event.signaled);
}

static void event_destroy(struct ntsync_obj *obj)
{
	ntsync_boost_put(obj->event.boost);
}

const struct ntsync_obj_ops ntsync_event_ops = {
	.name = "event",
	.signaled = event_signaled,
	.acquire = acquire_event,
	.next_waiter = event_next_waiter,
	.show = event_show,
	.destroy = event_destroy,
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

/* The signal, and with it @b or no boost; the boost of an earlier one goes. */
static void set_with(struct ntsync_obj *obj, struct ntsync_boost *b, u32 *prev)
{
	struct ntsync_boost *old;
	struct ntsync_hold h;

	ntsync_obj_hold(&h, obj);
	*prev = obj->event.signaled;
	old = obj->event.boost;
	obj->event.boost = b;
	WRITE_ONCE(obj->event.signaled, true);
	if (obj->event.manual) {
		ntsync_wake_all_waiters(&h);
		ntsync_wake_queued(&h);
	} else {
		ntsync_wake_takers(&h);
	}
	ntsync_obj_unhold(&h);
	ntsync_boost_put(old);
}

int ntsync_event_set(struct ntsync_obj *obj, u32 *prev)
{
	if (obj->ops != &ntsync_event_ops)
		return -EINVAL;
	set_with(obj, NULL, prev);
	return 0;
}

/* The event and we have a reference each: the waiter may be done before we are. */
int ntsync_event_set_pi(struct ntsync_obj *obj, u32 policy, u32 prio)
{
	struct ntsync_boost *b;
	u32 prev;

	if (obj->ops != &ntsync_event_ops)
		return -EINVAL;
	b = ntsync_boost_alloc(policy, prio);
	if (IS_ERR(b))
		return PTR_ERR(b);
	set_with(obj, b, &prev);
	ntsync_boost_apply(b);
	ntsync_boost_put(b);
	return 0;
}

int ntsync_event_reset(struct ntsync_obj *obj, u32 *prev)
{
	struct ntsync_boost *old;
	struct ntsync_hold h;

	if (obj->ops != &ntsync_event_ops)
		return -EINVAL;

	ntsync_obj_hold(&h, obj);
	*prev = obj->event.signaled;
	WRITE_ONCE(obj->event.signaled, false);
	old = obj->event.boost;
	obj->event.boost = NULL;
	ntsync_obj_unhold(&h);
	ntsync_boost_put(old);
	return 0;
}

/*
 * Whoever is queued now is released as by a set; nobody else ever sees it
 * signaled. Wait-alls need it signaled while they look; all_lock hides that. The
 * any-waiters don't need it, so it is over before they are woken, which may drop
 * the lock. The boost of an earlier signal ends with that signal.
 */
int ntsync_event_pulse(struct ntsync_obj *obj, u32 *prev)
{
	struct ntsync_boost *old;
	struct ntsync_hold h;
	bool taken = false;

	if (obj->ops != &ntsync_event_ops)
		return -EINVAL;

	ntsync_obj_hold(&h, obj);
	*prev = obj->event.signaled;
	old = obj->event.boost;
	obj->event.boost = NULL;
	if (obj->all_waits) {
		WRITE_ONCE(obj->event.signaled, true);
		ntsync_wake_all_waiters(&h);
		taken = !obj->event.signaled;
	}
	WRITE_ONCE(obj->event.signaled, false);
	if (obj->event.manual)
		ntsync_wake_queued(&h);
	else if (!taken)
		ntsync_wake_one(&h);
	ntsync_obj_unhold(&h);
	ntsync_boost_put(old);
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
