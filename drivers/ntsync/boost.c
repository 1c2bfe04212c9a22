// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boosts that come with the signal of an event (EVENT_SET_PI).
 *
 *   staged	on the event, ->task is NULL. It goes if the event is set again, reset
 *		or pulsed, or destroyed.
 *   handed	to the task that takes the signal, under obj->lock: nobody else can
 *		get it then
 *   applied	by the waker before its call returns, so that a busy CPU can't hold it
 *		back, and by the taker before its own does, so that it never runs
 *		without; whoever is first (ntsync_pi_catch_up())
 *   ended	when the task enters its next wait, or with the instance
 */
#include <linux/capability.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "lock.h"
#include "ntsync_internal.h"

/* Nobody can hand on more than it could have itself. */
u32 ntsync_boost_clamp(u32 prio)
{
	u32 own = ntsync_pi_base_prio();

	if (prio <= own || prio <= task_rlimit(current, RLIMIT_RTPRIO))
		return prio;
	/* A question: "no" is an answer, and nothing for the audit log of a confined program. */
	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_NICE))
		return prio;
	return max_t(u32, own, task_rlimit(current, RLIMIT_RTPRIO));
}

/*
 * For one signal of an event of @dev. NULL if nothing is left of @prio, or inheritance
 * is off: the signal goes without; -ENOMEM.
 */
struct ntsync_boost *ntsync_boost_alloc(const struct ntsync_device *dev, u32 policy, u32 prio)
{
	struct ntsync_boost *b;

	if (!ntsync_pi_enabled)
		return NULL;
	prio = ntsync_boost_clamp(prio);
	if (!prio)
		return NULL;

	b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	if (!b)
		return ERR_PTR(-ENOMEM);
	b->spare = ntsync_pi_task_alloc();
	if (!b->spare) {
		kfree(b);
		return ERR_PTR(-ENOMEM);
	}
	b->policy = policy;
	b->level = MAX_RT_PRIO - 1 - prio;
	b->dev = dev->id;
	return b;
}

/* One that is not on its way to a task; or NULL. */
void ntsync_boost_free(struct ntsync_boost *b)
{
	if (!b)
		return;
	ntsync_pi_task_free(b->spare);
	kfree(b);
}

/* It is the taker's now, who waits until it is applied before it frees it. */
void ntsync_boost_hand_locked(struct ntsync_boost *b, struct ntsync_taker *taker)
{
	b->task = taker->task;
	b->next = taker->boost;
	taker->boost = b;
	atomic_inc(&ntsync_pi_pending);
	llist_add(&b->handed, &ntsync_pi_handed);
}

/* current has taken the signals that these came with. */
void ntsync_boost_take(struct ntsync_taker *taker)
{
	struct ntsync_boost *b;

	ntsync_pi_run();
	while ((b = taker->boost)) {
		taker->boost = b->next;
		ntsync_boost_free(b);
	}
}
