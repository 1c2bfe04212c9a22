// SPDX-License-Identifier: GPL-2.0-only
/*
 * Others who look at our objects: poll, select, epoll, io_uring. poll.c is the reverse.
 *
 *	poll				a change (ntsync_obj_unhold())
 *
 *	makes obj->pollers		changes the state, unlocks
 *	queues itself			smp_mb()
 *	smp_mb()			obj->pollers?
 *	looks at the state		looks at the state, wakes the queue
 *
 * Wait queues have a lock that sleeps on PREEMPT_RT, hence after the unlock.
 */
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "core_internal.h"
#include "lock.h"

/*
 * Made when the first one looks; it stays as long as the object. Without memory it is the
 * instance's: a poll that registers nowhere is silent for ever, as epoll asks only once.
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
 * Readable: an acquisition would succeed now, as far as it does not depend on who asks; a
 * channel has something pending. Nothing is taken, so somebody else may be faster.
 */
__poll_t ntsync_obj_poll(struct ntsync_obj *obj, struct file *file,
			 struct poll_table_struct *pt)
{
	poll_wait(file, get_pollers(obj), pt);
	smp_mb(); /* as drawn at the top */
	return ntsync_obj_peek(obj, 0) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* After a change, behind a full barrier, without a lock. */
void ntsync_obj_wake_pollers(struct ntsync_obj *obj)
{
	/* In the instance's queue the first exclusive one may look at another object. */
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
