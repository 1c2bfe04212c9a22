// SPDX-License-Identifier: GPL-2.0-only
/*
 * Semaphore: a count up to a maximum. A waiter takes one.
 */
#include <linux/errno.h>
#include <linux/overflow.h>
#include <linux/seq_file.h>

#include "core/lock.h"
#include "core/trace.h"
#include "core/wait.h"
#include "types.h"

static bool sem_signaled(const struct ntsync_obj *obj, u32 owner)
{
	return READ_ONCE(obj->sem.count) > 0;
}

static void acquire_sem(struct ntsync_obj *obj, struct ntsync_acquirer *acquirer)
{
	ntsync_assert_obj_lock(obj);
	WRITE_ONCE(obj->sem.count, obj->sem.count - 1);
	trace_ntsync_acquire(obj, acquirer->task, acquirer->owner, obj->sem.count);
}

static struct ntsync_wait_entry *sem_next_waiter(struct ntsync_obj *obj)
{
	return obj->sem.count ? ntsync_obj_first_any(obj) : NULL;
}

static void sem_show(struct seq_file *m, const union ntsync_state *copy)
{
	seq_printf(m, "ntsync-count:\t%u\n", copy->sem.count);
	seq_printf(m, "ntsync-max:\t%u\n", copy->sem.max);
}

/* @s as for ntsync_obj_hand_off(). */
static __always_inline int release_locked(struct ntsync_section *s, struct ntsync_obj *obj,
					  u32 count, u32 *prev)
{
	struct ntsync_sem *sem = &obj->sem;
	u32 sum;

	if (check_add_overflow(sem->count, count, &sum) || sum > sem->max)
		return -EOVERFLOW;
	*prev = sem->count;
	WRITE_ONCE(sem->count, sum);
	trace_ntsync_release(obj, current, 0, sum);
	ntsync_obj_hand_off(s, obj);
	return 0;
}

static int sem_signal(struct ntsync_section *s, u32 owner)
{
	u32 prev;

	return release_locked(s, s->obj, 1, &prev);
}

static const struct ntsync_obj_ops sem_ops = {
	.name = "sem",
	.signaled = sem_signaled,
	.acquire = acquire_sem,
	.signal = sem_signal,
	.next_waiter = sem_next_waiter,
	.show = sem_show,
};

/* -EINVAL if @count is more than @max. */
struct ntsync_obj *ntsync_sem_create(struct ntsync_device *dev, u32 count, u32 max)
{
	struct ntsync_obj *obj;

	if (count > max)
		return ERR_PTR(-EINVAL);
	obj = ntsync_obj_alloc(dev, &sem_ops);
	if (!obj)
		return ERR_PTR(-ENOMEM);
	obj->sem.count = count;
	obj->sem.max = max;
	return obj;
}

static noinline int release_sem_slow(struct ntsync_obj *obj, u32 count, u32 *prev)
{
	struct ntsync_section s __uninitialized;
	int ret;

	ntsync_section_begin_locked(&s, obj);
	ret = release_locked(&s, obj, count, prev);
	ntsync_obj_unlock(&s);
	return ret;
}

/* -EINVAL for another type; -EOVERFLOW, and no change, if the count would exceed the maximum. */
int ntsync_sem_release(struct ntsync_obj *obj, u32 count, u32 *prev)
{
	int ret;

	if (obj->ops != &sem_ops)
		return -EINVAL;

	if (!ntsync_obj_lock_check_idle(obj))
		return release_sem_slow(obj, count, prev);
	ret = release_locked(NULL, obj, count, prev);
	ntsync_obj_unlock_idle(obj, !ret);
	return ret;
}

int ntsync_sem_read(struct ntsync_obj *obj, u32 *count, u32 *max)
{
	struct ntsync_section s __uninitialized;

	if (obj->ops != &sem_ops)
		return -EINVAL;

	ntsync_obj_lock(&s, obj);
	*count = obj->sem.count;
	*max = obj->sem.max;
	ntsync_obj_unlock(&s);
	return 0;
}
