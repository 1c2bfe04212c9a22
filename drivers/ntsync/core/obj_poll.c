// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects that are polled: by poll, select, epoll, io_uring. wait_files.c is the reverse: waits
 * that poll files.
 *
 *   poll				a change (ntsync_obj_unlock())
 *
 *   creates obj->pollers		changes the state, unlocks
 *   queues itself			smp_mb(); (A)
 *   smp_mb(); (C)			obj->pollers set?
 *   looks at the state			looks at the state, wakes the queue
 *
 * At least one of the two sees what the other has done. The queue is woken after the unlock,
 * because the lock of a wait queue sleeps on PREEMPT_RT.
 */
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "core_internal.h"
#include "lock.h"

/*
 * Creates the object's wait queue in its first poll, so an object that is never polled has none.
 * Without memory the instance's queue is used: epoll calls poll only once, and if that registered
 * nowhere it would never report the object.
 */
static struct wait_queue_head *get_pollers(struct ntsync_obj *obj)
{
	struct wait_queue_head *q = READ_ONCE(obj->pollers), *old;

	if (q)
		return q;
	q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);
	if (q)
		init_waitqueue_head(q);
	else
		q = &obj->dev->pollers;
	old = cmpxchg(&obj->pollers, NULL, q);
	if (!old)
		return q;
	if (q != &obj->dev->pollers)
		kfree(q);
	return old;
}

/*
 * Readable: an acquisition by a task without an owner id would succeed now, or a channel has a
 * pending request. Nothing is acquired, so another task may be faster.
 */
__poll_t ntsync_obj_poll(struct ntsync_obj *obj, struct file *file,
			 struct poll_table_struct *pt)
{
	poll_wait(file, get_pollers(obj), pt);
	smp_mb(); /* (C), pairs with (A) in ntsync_obj_finish_change() */
	return ntsync_obj_peek(obj, 0) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* Called after a change, after (A), without a raw lock. */
void ntsync_obj_wake_pollers(struct ntsync_obj *obj)
{
	/* In the instance's queue the first exclusive waiter may be one of another object. */
	int nr_exclusive = obj->pollers == &obj->dev->pollers ? 0 : 1;

	if (ntsync_obj_peek(obj, 0))
		__wake_up(obj->pollers, TASK_INTERRUPTIBLE, nr_exclusive,
			  poll_to_key(EPOLLIN | EPOLLRDNORM));
}

void ntsync_obj_free_pollers(struct ntsync_obj *obj)
{
	if (obj->pollers != &obj->dev->pollers)
		kfree(obj->pollers);
}
