// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boosts that come with the signal of an event (EVENT_SET_PI).
 *
 *   staged	in the event. It goes if the event is set again, reset or pulsed, or destroyed.
 *   handed	to the record of the task that takes the signal, under obj->lock: nobody
 *		else can get it then
 *   applied	by the waker before its call returns, so that a busy CPU can't hold it
 *		back, and by the taker before its own does, so that it never runs
 *		without; whoever is first
 *   ended	when the task enters its next wait, or with the instance
 */
#include <linux/capability.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>

#include "pi_internal.h"

/* The real-time priority that current has without us, as in sched_attr; 0: none. */
static u32 own_prio(void)
{
	struct ntsync_task *t = ntsync_task_find();
	u32 prio = current->rt_priority;

	if (!prio || !t)
		return prio;
	guard(raw_spinlock)(&t->lock);
	return t->saved ? t->base.prio : current->rt_priority;
}

/* Nobody can hand on more than it could have itself. */
u32 ntsync_boost_clamp(u32 prio)
{
	u32 own = own_prio();

	if (prio <= own || prio <= task_rlimit(current, RLIMIT_RTPRIO))
		return prio;
	/* A question: "no" is an answer, and nothing for the audit log of a confined program. */
	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_NICE))
		return prio;
	return max_t(u32, own, task_rlimit(current, RLIMIT_RTPRIO));
}

/* t->lock is held. */
static void detach_locked(struct ntsync_task *t)
{
	struct ntsync_device *dev = t->event_dev;

	ntsync_contrib_erase_locked(&t->event);
	t->event_dev = NULL;
	guard(raw_spinlock)(&dev->lock);
	list_del(&t->of_dev);
}

/**
 * ntsync_boost_hand_locked() - a task takes a signal with a boost
 * @obj: the event; its lock is held
 * @taker: the task; it has to be given what it inherits before it returns
 * @policy: SCHED_FIFO or SCHED_RR
 * @prio: as in sched_attr
 *
 * Of two that one wait has taken, the more urgent counts.
 */
void ntsync_boost_hand_locked(struct ntsync_obj *obj, struct ntsync_taker *taker, int policy,
			      u32 prio)
{
	u32 key = ntsync_contrib_key(MAX_RT_PRIO - 1 - prio, 0);
	struct ntsync_device *dev = obj->dev;
	struct ntsync_task *t = taker->t;
	bool replaces;

	taker->boosted = true;
	guard(raw_spinlock)(&t->lock);
	if (t->dead || (t->event.to && t->event.key <= key))
		return;
	replaces = t->event.to;
	if (replaces)
		detach_locked(t);
	t->event.kind = NTSYNC_CONTRIB_EVENT;
	t->event.object = obj->id;
	ntsync_contrib_insert_locked(&t->event, t, key, policy);
	/* The reference of the one that it replaces. */
	if (replaces)
		ntsync_task_put(t);
	t->event_dev = dev;
	guard(raw_spinlock)(&dev->lock);
	list_add(&t->of_dev, &dev->boosted);
}

/* False if it has none. */
static bool drop_locked(struct ntsync_task *t)
{
	if (!t->event.to)
		return false;
	detach_locked(t);
	return true;
}

/* The task exits; t->lock. Its own reference to the record is still there. */
void ntsync_boost_drop_locked(struct ntsync_task *t)
{
	if (drop_locked(t))
		ntsync_task_put(t);
}

/* Of current, at the entry of its next wait. What could not be set before is tried again. */
void ntsync_boost_end_own(struct ntsync_task *t)
{
	bool dropped;

	scoped_guard(raw_spinlock, &t->lock)
		dropped = drop_locked(t);
	ntsync_pi_update(t);
	if (dropped)
		ntsync_task_put(t);
}

static struct ntsync_task *get_boosted(struct ntsync_device *dev)
{
	struct ntsync_task *t;

	guard(raw_spinlock)(&dev->lock);
	t = list_first_entry_or_null(&dev->boosted, struct ntsync_task, of_dev);
	return t ? ntsync_task_get(t) : NULL;
}

/* @dev is gone, and so is the next wait that would have ended its boosts: one after the other. */
void ntsync_boosts_end(struct ntsync_device *dev)
{
	struct ntsync_task *t;

	while ((t = get_boosted(dev))) {
		bool dropped;

		scoped_guard(raw_spinlock, &t->lock)
			dropped = t->event_dev == dev && drop_locked(t);
		if (dropped) {
			ntsync_pi_update(t);
			ntsync_task_put(t);
		}
		ntsync_task_put(t);
	}
}
