// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event: a flag. An auto-reset event releases one waiter, which clears the flag. A manual-reset
 * event releases all waiters until it is reset.
 */
#include <linux/errno.h>
#include <linux/seq_file.h>

#include "core/lock.h"
#include "core/trace.h"
#include "core/wait.h"
#include "types.h"

static bool event_signaled(const struct ntsync_obj *obj, u32 owner)
{
	return READ_ONCE(obj->event.signaled);
}

/*
 * Has the next waiter a higher priority than @acquirer, though it is served later? This happens if
 * its task was raised and the entry has not been requeued yet. The boost of a manual-reset event is
 * left for it.
 */
static bool higher_waits(const struct ntsync_obj *obj, const struct ntsync_acquirer *acquirer)
{
	const struct ntsync_wait_entry *e = ntsync_obj_first_any(obj);

	return e && !ntsync_wait_claimed(e->wait) &&
	       ntsync_task_queue_prio(e->wait->acquirer.task) <
	       ntsync_task_queue_prio(acquirer->task);
}

static void pass_boost_locked(struct ntsync_obj *obj, struct ntsync_acquirer *acquirer)
{
	u8 prio = obj->event.boost_prio;

	obj->event.boost_prio = 0;
	ntsync_event_boost_assign_locked(obj, acquirer, obj->event.boost_policy, prio);
}

static void acquire_event(struct ntsync_obj *obj, struct ntsync_acquirer *acquirer)
{
	ntsync_assert_obj_lock(obj);
	if (!obj->event.manual) {
		WRITE_ONCE(obj->event.signaled, false);
		obj->event.pulsed = false;
	}
	trace_ntsync_acquire(obj, acquirer->task, acquirer->owner, obj->event.signaled);
	if (unlikely(obj->event.boost_prio) && !(obj->event.manual && higher_waits(obj, acquirer)))
		pass_boost_locked(obj, acquirer);
}

static struct ntsync_wait_entry *event_next_waiter(struct ntsync_obj *obj)
{
	return obj->event.signaled ? ntsync_obj_first_any(obj) : NULL;
}

static void event_drained(struct ntsync_obj *obj)
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

/* The boost of this signal replaces that of an earlier one. @s: as for ntsync_obj_hand_off(). */
static __always_inline void set_locked(struct ntsync_section *s, struct ntsync_obj *obj, bool pulse,
				       u8 boost_policy, u8 boost_prio)
{
	struct ntsync_event *event = &obj->event;

	event->boost_policy = boost_policy;
	event->boost_prio = boost_prio;
	event->pulsed = pulse;
	WRITE_ONCE(event->signaled, true);
	trace_ntsync_release(obj, current, 0, true);
	ntsync_obj_hand_off(s, obj);
}

static int event_signal(struct ntsync_section *s, u32 owner)
{
	set_locked(s, s->obj, false, 0, 0);
	return 0;
}

static const struct ntsync_obj_ops event_ops = {
	.name = "event",
	.signaled = event_signaled,
	.acquire = acquire_event,
	.signal = event_signal,
	.next_waiter = event_next_waiter,
	.drained = event_drained,
	.show = event_show,
};

struct ntsync_obj *ntsync_event_create(struct ntsync_device *dev, bool manual, bool signaled)
{
	struct ntsync_obj *obj = ntsync_obj_alloc(dev, &event_ops);

	if (!obj)
		return ERR_PTR(-ENOMEM);
	obj->event.manual = manual;
	obj->event.signaled = signaled;
	return obj;
}

static noinline void set_event_slow(struct ntsync_obj *obj, bool pulse, u8 boost_policy,
				    u8 boost_prio, u32 *prev)
{
	struct ntsync_section s __uninitialized;

	ntsync_section_begin_locked(&s, obj);
	*prev = obj->event.signaled;
	set_locked(&s, obj, pulse, boost_policy, boost_prio);
	ntsync_obj_unlock(&s);
}

static __always_inline void set_event(struct ntsync_obj *obj, bool pulse, u8 boost_policy,
				      u8 boost_prio, u32 *prev)
{
	if (!ntsync_obj_lock_check_idle(obj)) {
		set_event_slow(obj, pulse, boost_policy, boost_prio, prev);
		return;
	}
	*prev = obj->event.signaled;
	set_locked(NULL, obj, pulse, boost_policy, boost_prio);
	ntsync_obj_unlock_idle(obj, true);
}

int ntsync_event_set(struct ntsync_obj *obj, u32 *prev)
{
	if (obj->ops != &event_ops)
		return -EINVAL;
	set_event(obj, false, 0, 0, prev);
	return 0;
}

/*
 * Sets the event for the waiters that are queued now. No other task can acquire it or join the
 * queue before the pulse is over: every locked section first drains the pending hand-offs, and at
 * the end of that event_drained() clears the event.
 */
int ntsync_event_pulse(struct ntsync_obj *obj, u32 *prev)
{
	if (obj->ops != &event_ops)
		return -EINVAL;
	set_event(obj, true, 0, 0, prev);
	return 0;
}

int ntsync_event_set_pi(struct ntsync_obj *obj, u32 policy, u32 prio)
{
	u32 prev;

	if (obj->ops != &event_ops)
		return -EINVAL;
	/* 0 if the caller may give no priority at all: the event is set without a boost. */
	set_event(obj, false, policy, ntsync_pi_enabled ? ntsync_boost_clamp(prio) : 0, &prev);
	return 0;
}

int ntsync_event_reset(struct ntsync_obj *obj, u32 *prev)
{
	struct ntsync_section s __uninitialized;

	if (obj->ops != &event_ops)
		return -EINVAL;

	ntsync_obj_lock(&s, obj);
	*prev = obj->event.signaled;
	WRITE_ONCE(obj->event.signaled, false);
	obj->event.boost_prio = 0;
	ntsync_obj_unlock(&s);
	return 0;
}

int ntsync_event_read(struct ntsync_obj *obj, u32 *manual, u32 *signaled)
{
	struct ntsync_section s __uninitialized;

	if (obj->ops != &event_ops)
		return -EINVAL;

	ntsync_obj_lock(&s, obj);
	*manual = obj->event.manual;
	*signaled = obj->event.signaled;
	ntsync_obj_unlock(&s);
	return 0;
}
