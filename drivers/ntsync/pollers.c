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

#include "ntsync_internal.h"

struct ntsync_pollers {
	wait_queue_head_t wqh;
};

/* Made when the first one looks; it stays as long as the object. NULL: no memory. */
static struct ntsync_pollers *get_pollers(struct ntsync_obj *obj)
{
	struct ntsync_pollers *p = READ_ONCE(obj->pollers), *old;

	if (p)
		return p;
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		return NULL;
	init_waitqueue_head(&p->wqh);
	old = cmpxchg(&obj->pollers, NULL, p);
	if (!old)
		return p;
	kfree(p);
	return old;
}

/*
 * Readable: an acquisition would succeed now, as far as it does not depend on who asks; a
 * channel has something pending. Nothing is taken, so somebody else may be faster.
 */
__poll_t ntsync_obj_poll(struct ntsync_obj *obj, struct file *file,
			 struct poll_table_struct *pt)
{
	struct ntsync_pollers *p = get_pollers(obj);

	if (!p)
		return EPOLLERR;
	poll_wait(file, &p->wqh, pt);
	smp_mb(); /* as drawn at the top */
	return ntsync_obj_peek(obj, 0) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* After a change, behind a full barrier, without a lock. */
void ntsync_obj_wake_pollers(struct ntsync_obj *obj)
{
	if (ntsync_obj_peek(obj, 0))
		wake_up_interruptible_poll(&obj->pollers->wqh, EPOLLIN | EPOLLRDNORM);
}

void ntsync_obj_free_pollers(struct ntsync_obj *obj)
{
	kfree(obj->pollers);
}
