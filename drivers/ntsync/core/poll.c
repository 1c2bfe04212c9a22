// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits that also end when some file is ready. pollers.c is the reverse.
 *
 * A wait looks at each file once without registering; if nothing is ready it registers
 * with all, and looks again when one of them wakes it. Files' poll functions are called
 * while current is running and holds no lock, since they may sleep:
 *
 *   sleeper				a file's waker
 *
 *   register, look: not ready		ready
 *   state = INTERRUPTIBLE		triggered = 1
 *   triggered? no			wake up: running again, or seen above
 *   schedule()
 */
#include <linux/hrtimer.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "core_internal.h"

/* True, and which, if one is ready. Without @pt it is a look and nothing more. */
static bool look(struct ntsync_polls *polls, poll_table *pt)
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

bool ntsync_polls_ready(struct ntsync_polls *polls)
{
	return look(polls, NULL);
}

static int sleep_registered(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
			    struct ntsync_polls *polls, struct poll_wqueues *pwq)
{
	for (;;) {
		int ret = ntsync_wait_sleep_until(w, deadline, &pwq->triggered);

		if (ret || ntsync_wait_claimed(w))
			return ret;
		/* Before the look, so that what comes after it wakes us again. */
		smp_store_mb(pwq->triggered, 0);
		if (look(polls, NULL))
			return NTSYNC_POLLED;
		/* Or others that take it again and again could keep us here. */
		if (ntsync_deadline_passed(deadline))
			return -ETIMEDOUT;
	}
}

/*
 * ntsync_wait_sleep() for a wait that also ends when a file is ready: NTSYNC_POLLED, and
 * @polls says which. -ENOMEM, or what the file's poll function failed with.
 */
int ntsync_polls_sleep(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
		       struct ntsync_polls *polls)
{
	struct poll_wqueues pwq;
	int ret;

	poll_initwait(&pwq);
	if (look(polls, &pwq.pt))
		ret = NTSYNC_POLLED;
	else if (pwq.error)
		ret = pwq.error;
	else
		ret = sleep_registered(w, deadline, polls, &pwq);
	poll_freewait(&pwq);
	return ret;
}
