// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boosts that come with the signal of an event (EVENT_SET_PI).
 *
 *   staged	on the event, ->task is NULL. It goes if the event is set again, reset
 *		or pulsed, or destroyed.
 *   handed	to the task that takes the signal, under obj->lock: nobody else can
 *		get it then
 *   applied	by the signaller before its call returns, so that a busy CPU can't
 *		hold it back, and by the taker before its own returns, so that it never
 *		runs without; whoever is first
 *   ended	when the task enters its next wait, or with the instance
 */
#include <linux/capability.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "lock.h"
#include "ntsync_internal.h"

/**
 * struct ntsync_boost - one signal's boost
 * @refs: the signaller's, and the event's or the taker's
 * @policy: immutable
 * @level: immutable
 * @dev: number of the instance it comes from; immutable
 * @task: who took the signal, counted; written once, under the event's lock
 * @next: in taker->boost; the taker's
 * @spare: what the arbiter needs; NULL when applied. Protected by pi_lock
 */
struct ntsync_boost {
	refcount_t refs;
	int policy;
	int level;
	u64 dev;
	struct task_struct *task;
	struct ntsync_boost *next;
	struct ntsync_pi_task *spare;
};

/* How many tasks have one in effect. */
atomic_t ntsync_boosts = ATOMIC_INIT(0);

/* Nobody can hand on more than it could have itself. */
static u32 clamp_prio(u32 prio)
{
	u32 own = ntsync_pi_base_prio();

	if (prio <= own || prio <= task_rlimit(current, RLIMIT_RTPRIO) || capable(CAP_SYS_NICE))
		return prio;
	return max_t(u32, own, task_rlimit(current, RLIMIT_RTPRIO));
}

/*
 * For one signal of an event of @dev, with two references. NULL if nothing is left
 * of @prio, or inheritance is off: the signal goes without; -ENOMEM.
 */
struct ntsync_boost *ntsync_boost_alloc(const struct ntsync_device *dev, u32 policy, u32 prio)
{
	struct ntsync_boost *b;

	if (!ntsync_pi_enabled)
		return NULL;
	prio = clamp_prio(prio);
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
	refcount_set(&b->refs, 2);
	b->policy = policy;
	b->level = MAX_RT_PRIO - 1 - prio;
	b->dev = dev->id;
	return b;
}

void ntsync_boost_put(struct ntsync_boost *b)
{
	if (!b || !refcount_dec_and_test(&b->refs))
		return;
	ntsync_pi_task_free(b->spare);
	if (b->task)
		put_task_struct(b->task);
	kfree(b);
}

/* The event's reference goes to the taker. */
void ntsync_boost_hand_locked(struct ntsync_boost *b, struct ntsync_taker *taker)
{
	WRITE_ONCE(b->task, get_task_struct(taker->task));
	b->next = taker->boost;
	taker->boost = b;
}

/* Does nothing if it is applied, or staged, or NULL. */
void ntsync_boost_apply(struct ntsync_boost *b)
{
	if (!b || !READ_ONCE(b->task))
		return;
	ntsync_pi_lock();
	if (b->spare) {
		ntsync_pi_boost_locked(b->task, b->spare, b->level, b->policy, b->dev);
		b->spare = NULL;
	}
	ntsync_pi_unlock();
}

/* current has taken the signals that these came with. */
void ntsync_boost_take(struct ntsync_taker *taker)
{
	struct ntsync_boost *b;

	while ((b = taker->boost)) {
		taker->boost = b->next;
		ntsync_boost_apply(b);
		ntsync_boost_put(b);
	}
}

void ntsync_boost_end_slow(void)
{
	ntsync_pi_lock();
	ntsync_pi_end_boost_locked(current);
	ntsync_pi_unlock();
}

/* The instance is gone; so is the next wait that would have ended its boosts. */
void ntsync_boost_end_device(u64 dev)
{
	if (!atomic_read(&ntsync_boosts))
		return;
	ntsync_pi_lock();
	ntsync_pi_end_boosts_locked(dev);
	ntsync_pi_unlock();
}
