// SPDX-License-Identifier: GPL-2.0-only
/*
 * On a kernel that is newer than those that were tested the module boosts a thread of its own when
 * it is loaded, and looks at the thread's parameters. If they are not what they should be, priority
 * inheritance is switched off, and the device works without it.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched/rt.h>
#include <linux/sched/task.h>
#include <linux/utsname.h>

#include "pi_internal.h"

#define BOOST	50

/**
 * struct selftest - a thread to boost
 * @thread: it sleeps until it is stopped
 * @ready: @t is set
 * @t: the thread's record, counted; NULL without memory
 * @before: its parameters before the boost
 */
struct selftest {
	struct task_struct *thread;
	struct completion ready;
	struct ntsync_task *t;
	struct ntsync_sched_params before;
};

static int sleep_until_stopped(void *data)
{
	struct selftest *s = data;

	s->t = ntsync_task_find_or_create();
	if (s->t)
		ntsync_task_get(s->t);
	complete(&s->ready);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void begin_boost(struct ntsync_task *t)
{
	scoped_guard(raw_spinlock, &t->lock) {
		t->self_boost.kind = NTSYNC_CONTRIB_SELF;
		ntsync_contrib_insert_locked(&t->self_boost, t,
					     ntsync_contrib_rank(MAX_RT_PRIO - 1 - BOOST, 0),
					     SCHED_FIFO);
	}
	ntsync_pi_apply(t);
}

static void end_boost(struct ntsync_task *t)
{
	scoped_guard(raw_spinlock, &t->lock)
		ntsync_contrib_erase_locked(&t->self_boost);
	ntsync_task_put(t);
	ntsync_pi_apply(t);
}

/* Does the thread have these parameters, and run at the priority that follows from them? */
static bool has_params(struct task_struct *p, const struct ntsync_sched_params *want)
{
	struct ntsync_sched_params now;
	int prio = want->prio ? MAX_RT_PRIO - 1 - want->prio : p->static_prio;

	ntsync_sched_params_read(p, &now);
	return now.policy == want->policy && now.prio == want->prio &&
	       now.reset_on_fork == want->reset_on_fork && READ_ONCE(p->prio) == prio &&
	       READ_ONCE(p->normal_prio) == prio;
}

/* The next functions return what does not work, or NULL. */
static const char *test_boost(struct selftest *s)
{
	static const struct ntsync_sched_params boost = {
		.policy = SCHED_FIFO,
		.prio = BOOST,
		.reset_on_fork = true,
	};
	const char *fault = NULL;

	begin_boost(s->t);
	if (!has_params(s->thread, &boost))
		fault = "a boost has no effect";
	end_boost(s->t);
	if (!fault && !has_params(s->thread, &s->before))
		fault = "a boost does not end";
	return fault;
}

/*
 * kthread_stop() may return before the thread has come to the tracepoint of its exit, which is behind
 * exit_mm() in older kernels. All of them set exit_state after it.
 */
static void stop_thread(struct task_struct *p)
{
	get_task_struct(p);
	kthread_stop(p);
	/*
	 * Pairs with the unlock of t->lock in ntsync_pi_mark_dead() and the lock of tasklist_lock in
	 * exit_notify(), which order t->dead before exit_state.
	 */
	while (!smp_load_acquire(&p->exit_state))
		schedule_timeout_uninterruptible(1);
	put_task_struct(p);
}

/* The thread has exited. Without the probe of exits nobody would have noticed. */
static const char *test_exit(const struct ntsync_task *t)
{
	return READ_ONCE(t->dead) ? NULL : "the exit of a thread is not noticed";
}

/**
 * ntsync_pi_selftest() - does priority inheritance work on this kernel?
 *
 * Context: process; sleeps. The probe of exits is there.
 *
 * Return: what does not work, or NULL.
 */
const char *ntsync_pi_selftest(void)
{
	struct selftest s = {};
	const char *fault;

	init_completion(&s.ready);
	s.thread = kthread_run(sleep_until_stopped, &s, "ntsync_selftest");
	if (IS_ERR(s.thread))
		return "no thread for the test";
	wait_for_completion(&s.ready);
	if (!s.t) {
		kthread_stop(s.thread);
		return "no memory for the test";
	}
	ntsync_sched_params_read(s.thread, &s.before);
	fault = test_boost(&s);
	stop_thread(s.thread);
	fault = fault ?: test_exit(s.t);
	ntsync_task_put(s.t);
	return fault;
}

/* Called once, when everything but the device is there. */
void ntsync_pi_check_kernel(void)
{
	const char *fault;

	if (!NTSYNC_UNTESTED)
		return;
	pr_notice("ntsync: untested on %s; the newest kernel that was tested is %s\n",
		  init_utsname()->release, NTSYNC_NEWEST_KERNEL);
	if (!ntsync_pi_enabled)
		return;
	fault = ntsync_pi_selftest();
	if (!fault)
		return;
	ntsync_pi_disable();
	pr_warn("ntsync: pi=off, no priority inheritance on this kernel: %s\n", fault);
}
