// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody tells us when a boosted task dies, or changes its own parameters, or when a task
 * that could not be given something could be; and what goes round in a cycle changes
 * nothing. While there are records or active mutexes they are looked at once a second: by a thread that
 * nobody keeps from it, and that is not preempted between taking a level away and giving
 * it back. It lets go of pi_lock after a few of them.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/sched/rt.h>
#include <uapi/linux/sched/types.h>

#include "pi.h"

static struct task_struct *sweeper;

/* There are records or active mutexes, or were a moment ago; written under pi_lock. */
static bool watching;

void ntsync_pi_start_watching(void)
{
	if (!watching) {
		WRITE_ONCE(watching, true);
		wake_up_process(sweeper);
	}
}

/* The record of @p, and somebody who looks at it now and then. */
struct ntsync_pi_task *ntsync_pi_watch(struct task_struct *p)
{
	ntsync_pi_start_watching();
	return ntsync_pi_task_get(p);
}

/* The contributions of a dead task: mutexes contribute to nobody, a boost has ended. */
static void bury(struct ntsync_pi_task *r)
{
	bool boosted = ntsync_waitq_queued(&r->event.node);

	while (r->contribs.count)
		ntsync_contrib_detach(container_of(ntsync_waitq_first(&r->contribs), struct ntsync_contrib, node));
	ntsync_pi_update_task(r);
	if (boosted) {
		atomic_dec(&ntsync_boosts);
		ntsync_pi_spare_drop();
	}
}

static void sweep_records(struct hlist_head *bucket)
{
	struct ntsync_pi_task *r;
	struct hlist_node *next;

	hlist_for_each_entry_safe(r, next, bucket, hash) {
		if (ntsync_task_is_dead(r->task))
			bury(r);
		else
			ntsync_pi_update_task(r);
	}
}

/*
 * With pi_lock free. We are above nearly all who want it, so unlocking and locking again lets
 * nobody in, and there may be thousands of tasks and mutexes.
 */
void ntsync_pi_nap(void)
{
	ktime_t some = 50 * NSEC_PER_USEC;

	set_current_state(TASK_IDLE);
	schedule_hrtimeout(&some, HRTIMER_MODE_REL);
}

static void unlock_and_nap(void)
{
	ntsync_pi_unlock();
	ntsync_pi_nap();
	ntsync_pi_lock_again();
}

static void sweep(void)
{
	struct ntsync_pi_visit all = { .wanted = ntsync_pi_unless_idle, .breathe = unlock_and_nap };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ntsync_pi_records); i++) {
		if (hlist_empty(&ntsync_pi_records[i]))
			continue;
		ntsync_pi_lock_again();
		sweep_records(&ntsync_pi_records[i]);
		ntsync_pi_catch_up_locked(0);
		ntsync_pi_unlock();
		ntsync_pi_nap();
	}
	ntsync_pi_break_cycles();
	ntsync_pi_lock_again();
	ntsync_pi_visit_locked(&all);
	ntsync_pi_count_sweep();
	WRITE_ONCE(watching, !hash_empty(ntsync_pi_records) || !ntsync_pi_mutexes_idle());
	ntsync_pi_unlock();
}

static int sweeper_main(void *unused)
{
	ktime_t second = NSEC_PER_SEC;

	while (!kthread_should_stop()) {
		set_current_state(TASK_IDLE);
		if (!READ_ONCE(watching) && !kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
		if (!READ_ONCE(watching))
			continue;
		/* Of a real-time task, so it goes off in the timer's interrupt. */
		set_current_state(TASK_IDLE);
		if (!kthread_should_stop())
			schedule_hrtimeout(&second, HRTIMER_MODE_REL);
		__set_current_state(TASK_RUNNING);
		sweep();
	}
	return 0;
}

int ntsync_pi_sweeper_init(void)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_FIFO,
		.sched_priority = MAX_RT_PRIO - 1,
	};

	sweeper = kthread_create(sweeper_main, NULL, "ntsync_arbiter");
	if (IS_ERR(sweeper))
		return PTR_ERR(sweeper);
	sched_setattr_nocheck(sweeper, &attr);
	wake_up_process(sweeper);
	return 0;
}

/* A record may still be there because its task could not get its base back yet. */
void ntsync_pi_sweeper_exit(void)
{
	unsigned int tries;

	kthread_stop(sweeper);
	for (tries = 0; tries < 100 && !hash_empty(ntsync_pi_records); tries++) {
		sweep();
		msleep(20);
	}
}
