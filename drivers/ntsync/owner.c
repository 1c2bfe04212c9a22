// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which task stands behind an owner id. The ids are the runtime's own, so it can
 * only be learnt from the calls that use them:
 *
 * - A task that acquires a mutex, or in whose name a waker does, is noted in the
 *   mutex itself. That is the usual case and always right.
 * - A mutex that is created owned is noted with its creator, as a guess. A better
 *   answer may be in the device's table: the last task that waited or unlocked
 *   successfully with that id. A call that failed teaches nothing, since any task
 *   can make one with any id.
 *
 * Tasks are noted without a reference, by pid and start time: a dead owner pins
 * nothing, and is not mistaken for a later task with its pid. A thread that execs
 * takes over pid and start time of its process, and is found there.
 */
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>

#include "lock.h"
#include "ntsync_internal.h"

/* The part of ntsync_owner_learn() that is only for what was not known. */
void ntsync_owner_note(struct ntsync_device *dev, u32 owner)
{
	struct ntsync_owner_slot *slot = ntsync_owner_slot(dev, owner);

	guard(raw_spinlock)(&dev->owners_lock);
	slot->owner = owner;
	slot->id = ntsync_task_id(current);
}

static bool look_up(struct ntsync_device *dev, u32 owner, struct ntsync_task_id *id)
{
	struct ntsync_owner_slot *slot = ntsync_owner_slot(dev, owner);

	guard(raw_spinlock)(&dev->owners_lock);
	*id = slot->id;
	return slot->owner == owner;
}

static struct task_struct *find_task(const struct ntsync_task_id *id)
{
	struct task_struct *p = pid_task(find_pid_ns(id->pid, &init_pid_ns), PIDTYPE_PID);

	if (p && p == id->task && p->start_time == id->start)
		return p;
	p = pid_task(find_pid_ns(id->tgid, &init_pid_ns), PIDTYPE_PID);
	/* After an exec it has its process's start time, which is earlier. */
	return p && p == id->task && p->start_time <= id->start ? p : NULL;
}

/*
 * The living task that owns @obj, a mutex; NULL if there is none. @guess is a task that it
 * may well be, and that the caller has a reference to, or NULL. Under RCU.
 */
struct task_struct *ntsync_owner_find_locked(const struct ntsync_obj *obj,
					     struct task_struct *guess)
{
	struct ntsync_task_id id = obj->mutex.task_id, better;
	u32 owner = obj->mutex.owner;
	struct task_struct *p;

	ntsync_assert_obj_lock(obj);
	if (!owner)
		return NULL;
	if (obj->mutex.guessed && look_up(obj->dev, owner, &better))
		id = better;
	p = guess && ntsync_task_is(guess, &id) ? guess : find_task(&id);
	/* Who has begun to exit makes no more calls. */
	return p && !(READ_ONCE(p->flags) & PF_EXITING) ? p : NULL;
}

/* A reference to it. */
struct task_struct *ntsync_owner_get_task(struct ntsync_obj *obj)
{
	struct task_struct *p;

	guard(raw_spinlock)(&obj->lock);
	guard(rcu)();
	p = ntsync_owner_find_locked(obj, NULL);
	return p ? get_task_struct(p) : NULL;
}
