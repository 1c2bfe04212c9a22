// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits that also end when a file is ready. obj_poll.c is the reverse: objects that are polled.
 *
 * A wait polls each file once without registering. If none is ready it registers with all of them,
 * and polls again when one of them wakes it. It calls the files' poll functions in TASK_RUNNING and
 * without a lock, because they may sleep:
 *
 *   sleeper				the waker of a file
 *
 *   register, poll: not ready		makes the file ready
 *   state = INTERRUPTIBLE (D)		triggered = 1
 *   triggered? no			wakes the sleeper (pollwake() in fs/select.c)
 *   schedule()
 */
#include <linux/hrtimer.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "core_internal.h"

/* True if a file is ready; sets @polls->fired and revents. Registers with the files if @pt. */
static bool poll_files(struct ntsync_wait_files *polls, poll_table *pt)
{
	u32 i;

	for (i = 0; i < polls->nr; i++) {
		const struct ntsync_poll_fd *p = &polls->fds[i];
		__poll_t filter = p->events | EPOLLERR | EPOLLHUP;

		if (pt)
			pt->_key = filter;
		polls->revents = vfs_poll(p->file, pt) & filter;
		if (polls->revents) {
			polls->fired = i;
			return true;
		}
	}
	return false;
}

bool ntsync_wait_files_ready(struct ntsync_wait_files *polls)
{
	return poll_files(polls, NULL);
}

static int sleep_registered(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
			    struct ntsync_wait_files *polls, struct poll_wqueues *pwq)
{
	for (;;) {
		int ret = ntsync_wait_sleep_until(w, deadline, &pwq->triggered);

		if (ret || ntsync_wait_claimed(w))
			return ret;
		/*
		 * (H), pairs with the barrier in pollwake(): a file that gets ready after the poll
		 * sets triggered again. That barrier is smp_wmb(), so smp_store_mb() is not enough
		 * here: it could overwrite what pollwake() has set, and the poll still miss that the
		 * file is ready. xchg() reads what it overwrites.
		 */
		xchg(&pwq->triggered, 0);
		if (poll_files(polls, NULL))
			return NTSYNC_POLLED;
		/*
		 * Without these, a file that wakes current again and again, and is never ready, could
		 * keep it here: triggered is looked at before signals.
		 */
		if (signal_pending(current))
			return -ERESTARTSYS;
		if (ntsync_deadline_passed(deadline))
			return -ETIMEDOUT;
	}
}

/*
 * ntsync_wait_sleep() for a wait with files. NTSYNC_POLLED if a file is ready, @polls says which;
 * or the error of registering.
 */
int ntsync_wait_files_sleep(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
			    struct ntsync_wait_files *polls)
{
	struct poll_wqueues pwq;
	int ret;

	poll_initwait(&pwq);
	if (poll_files(polls, &pwq.pt))
		ret = NTSYNC_POLLED;
	else if (pwq.error)
		ret = pwq.error;
	else
		ret = sleep_registered(w, deadline, polls, &pwq);
	poll_freewait(&pwq);
	return ret;
}
