// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boosts that come with the signal of an event (EVENT_SET_PI):
 *
 *   staged	in the event. Setting, resetting, pulsing or destroying the event discards it.
 *   assigned	to the record of the task that takes the signal, in the critical section of
 *		obj->lock in which it does so: no other task can get it
 *   applied	by the waker before its call returns, as the woken task might not get a CPU
 *		without it, or by the task before it returns to user space; whichever is first
 *   ended	when the task next waits for objects or on an address, or receives, in any instance;
 *		when it exits; when the instance is freed; when a higher boost replaces it. A send
 *		does not end it: the request passes it on
 */
#include <linux/capability.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>

#include "pi_internal.h"

/* The real-time priority of current without boosts, as in sched_attr; 0: none. */
static u32 own_rt_priority(void)
{
	struct ntsync_task *t = ntsync_task_current();
	u32 prio = current->rt_priority;

	if (!prio || !t)
		return prio;
	guard(raw_spinlock)(&t->lock);
	return t->normal_saved ? t->normal.prio : current->rt_priority;
}

/* Lower @prio to what current could have itself. */
u32 ntsync_boost_clamp(u32 prio)
{
	u32 own = own_rt_priority();

	if (prio <= own || prio <= task_rlimit(current, RLIMIT_RTPRIO))
		return prio;
	/* Not to have it is normal; capable() could write each denial to the audit log. */
	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_NICE))
		return prio;
	return max_t(u32, own, task_rlimit(current, RLIMIT_RTPRIO));
}

/* t->lock is held. */
static void detach_event_boost_locked(struct ntsync_task *t)
{
	struct ntsync_device *dev = t->event_dev;

	ntsync_contrib_erase_locked(&t->event_boost);
	t->event_dev = NULL;
	guard(raw_spinlock)(&dev->lock);
	list_del(&t->dev_node);
}

/**
 * ntsync_event_boost_assign_locked() - the task that takes a signal gets its boost
 * @obj: the event; its lock is held
 * @acquirer: the task; its boost has to be applied before its call returns
 * @policy: SCHED_FIFO or SCHED_RR
 * @prio: as in sched_attr
 *
 * If one wait takes two boosts, the higher one counts.
 */
void ntsync_event_boost_assign_locked(struct ntsync_obj *obj, struct ntsync_acquirer *acquirer,
				int policy, u32 prio)
{
	u32 rank = ntsync_contrib_rank(MAX_RT_PRIO - 1 - prio, 0);
	struct ntsync_device *dev = obj->dev;
	struct ntsync_task *t = acquirer->t;
	bool replaces;

	acquirer->must_walk = true;
	guard(raw_spinlock)(&t->lock);
	if (t->dead || (t->event_boost.to && t->event_boost.rank <= rank))
		return;
	replaces = t->event_boost.to;
	if (replaces)
		detach_event_boost_locked(t);
	t->event_boost.kind = NTSYNC_CONTRIB_EVENT;
	t->event_boost.object = obj->id;
	ntsync_contrib_insert_locked(&t->event_boost, t, rank, policy);
	/* Drop the reference of the replaced boost. */
	if (replaces)
		ntsync_task_put(t);
	t->event_dev = dev;
	guard(raw_spinlock)(&dev->lock);
	list_add(&t->dev_node, &dev->event_boosted);
}

/* Returns true if there was an event boost; the caller puts the record then. */
static bool end_event_boost_locked(struct ntsync_task *t)
{
	if (!t->event_boost.to)
		return false;
	detach_event_boost_locked(t);
	return true;
}

/* The task exits; t->lock is held. The task's own reference keeps the record. */
void ntsync_event_boost_end_exiting_locked(struct ntsync_task *t)
{
	if (end_event_boost_locked(t))
		ntsync_task_put(t);
}

/* current enters its next wait. Also tries again to set what could not be set before. */
void ntsync_event_boost_end_current(struct ntsync_task *t)
{
	bool dropped;

	scoped_guard(raw_spinlock, &t->lock)
		dropped = end_event_boost_locked(t);
	ntsync_pi_walk_from(t);
	if (dropped)
		ntsync_task_put(t);
}

static struct ntsync_task *get_first_boosted(struct ntsync_device *dev)
{
	struct ntsync_task *t;

	guard(raw_spinlock)(&dev->lock);
	t = list_first_entry_or_null(&dev->event_boosted, struct ntsync_task, dev_node);
	return t ? ntsync_task_get(t) : NULL;
}

/* @dev is being freed: end the boosts that came from its events. */
void ntsync_device_end_event_boosts(struct ntsync_device *dev)
{
	struct ntsync_task *t;

	while ((t = get_first_boosted(dev))) {
		bool dropped;

		scoped_guard(raw_spinlock, &t->lock)
			dropped = t->event_dev == dev && end_event_boost_locked(t);
		if (dropped) {
			ntsync_pi_walk_from(t);
			ntsync_task_put(t);
		}
		ntsync_task_put(t);
	}
}
