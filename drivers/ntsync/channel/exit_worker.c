// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receivers that have exited. The kernel tells us while preemption is off, so what has to be
 * done is done by a worker, the reaper: senders of what they had get ECONNRESET, notices are
 * handed on.
 *
 * Somebody waits for that, so the reaper is as urgent as the most urgent task that is to be
 * reaped was when it exited; as its requests still counted for it, that is what those are
 * worth. With nothing to do the reaper has the lowest real-time priority.
 *
 * Whoever changes the list of the dead sets the priority after it, and looks whether it is
 * still right:
 *
 *   reaper				task that exits (FIFO 80)
 *
 *   takes the last out of the list
 *   the best of the list: nothing
 *					puts itself into the list
 *					the best of the list: 80
 *					reaper := 80
 *					the best of the list: 80, done
 *   reaper := 1
 *   the best of the list: 80
 *   reaper := 80
 *   the best of the list: 80, done
 *
 * Who set it last has seen all changes. Preemption is off, or somebody in the middle could
 * keep the reaper from looking again, just as it has lowered itself.
 */
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <trace/events/sched.h>
#include <uapi/linux/sched/types.h>

#include "pi/hook.h"
#include "receiver.h"

/* All tasks that are receivers, and those that have exited. */
static struct rb_root receiver_tasks = RB_ROOT;
static struct ntsync_waitq dead_tasks;
static DEFINE_RAW_SPINLOCK(exit_lock);

/* Whoever frees a receiver holds it; outside obj->lock and pi_lock. */
static DEFINE_MUTEX(reap_lock);

static struct kthread_worker *reaper;
static struct ntsync_hook exit_hook;

void ntsync_reap_lock(void)
{
	mutex_lock(&reap_lock);
}

void ntsync_reap_unlock(void)
{
	mutex_unlock(&reap_lock);
}

void ntsync_reap_assert_held(void)
{
	lockdep_assert_held(&reap_lock);
}

/* ---- tasks that are receivers ---- */

/* exit_lock held. */
static struct ntsync_receiver_task *find_task(const struct task_struct *p)
{
	struct rb_node *n = receiver_tasks.rb_node;

	while (n) {
		struct ntsync_receiver_task *t =
			rb_entry(n, struct ntsync_receiver_task, by_task);

		if (t->task == p)
			return t;
		n = p < t->task ? n->rb_left : n->rb_right;
	}
	return NULL;
}

static bool task_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_receiver_task, by_task)->task <
	       rb_entry(b, struct ntsync_receiver_task, by_task)->task;
}

/* For current; or NULL. */
struct ntsync_receiver_task *ntsync_receiver_task_alloc(void)
{
	struct ntsync_receiver_task *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (t) {
		t->task = current;
		INIT_LIST_HEAD(&t->receivers);
	}
	return t;
}

void ntsync_receiver_task_free(struct ntsync_receiver_task *t)
{
	kfree(t);
}

/* @r is current's; its exit will be heard of. @new is used up. */
void ntsync_receiver_listen(struct ntsync_receiver *r, struct ntsync_receiver_task *new)
{
	struct ntsync_receiver_task *t;

	scoped_guard(raw_spinlock, &exit_lock) {
		t = find_task(current);
		if (!t) {
			t = new;
			new = NULL;
			rb_add(&t->by_task, &receiver_tasks, task_before);
		}
		r->of = t;
		list_add(&r->of_task, &t->receivers);
	}
	kfree(new);
}

/* Nobody will hear of @r by its task. What is to be freed after it, or NULL. */
struct ntsync_receiver_task *ntsync_receiver_forget(struct ntsync_receiver *r)
{
	struct ntsync_receiver_task *t;

	guard(raw_spinlock)(&exit_lock);
	list_del(&r->of_task);
	t = find_task(r->t->task);
	if (!t || !list_empty(&t->receivers))
		return NULL;
	rb_erase(&t->by_task, &receiver_tasks);
	return t;
}

/* ---- the reaper's priority ---- */

/* exit_lock held. */
static struct ntsync_receiver_task *first_dead(void)
{
	struct ntsync_waitq_node *n = ntsync_waitq_first(&dead_tasks);

	return n ? container_of(n, struct ntsync_receiver_task, dead) : NULL;
}

/* As FIFO; nothing better than that is to be had, and nothing is not enough. */
static int best_prio(void)
{
	const struct ntsync_receiver_task *t;

	guard(raw_spinlock)(&exit_lock);
	t = first_dead();
	return t ? clamp(MAX_RT_PRIO - 1 - ntsync_waitq_level(&t->dead), 1, MAX_RT_PRIO - 1) : 1;
}

/*
 * It can't be changed (-EBUSY) while a deadline task waits for the reap_lock that it has,
 * which makes it one. It looks again when it has let go of that.
 */
static void set_reaper_prio(int prio)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_FIFO,
		.sched_priority = prio,
	};

	/* For a deadline task it could sleep; somebody has made it one. */
	if (reaper->task->policy != SCHED_DEADLINE)
		sched_setattr_nocheck(reaper->task, &attr);
}

/* The list of the dead has changed; drawn at the top. */
static void adjust_reaper(void)
{
	int prio = best_prio(), set;

	guard(preempt)();
	do {
		set = prio;
		set_reaper_prio(set);
		prio = best_prio();
	} while (prio != set);
}

/* ---- reaping ---- */

/*
 * A receiver of the most urgent of the dead, or what is left of that one; false: none. Nobody
 * leaves the list while reap_lock is held: then the reaper could be lowered with it.
 */
static bool reap_one(void)
{
	struct ntsync_receiver *r = NULL;
	struct ntsync_receiver_task *t;

	scoped_guard(ntsync_reap_lock) {
		scoped_guard(raw_spinlock, &exit_lock) {
			t = first_dead();
			if (t)
				r = list_first_entry_or_null(&t->receivers, struct ntsync_receiver,
							     of_task);
			if (r)
				list_del(&r->of_task);
		}
		if (r)
			ntsync_receiver_free(r);
	}
	if (!t || r)
		return t;

	scoped_guard(raw_spinlock, &exit_lock)
		ntsync_waitq_erase(&dead_tasks, &t->dead);
	kfree(t);
	return true;
}

/* Somebody may not have been able to raise us, see set_reaper_prio(). */
static void reap(struct kthread_work *work)
{
	do {
		adjust_reaper();
		cond_resched();
	} while (reap_one());
}
static DEFINE_KTHREAD_WORK(reaping, reap);

static void retire_receiver(struct task_struct *p)
{
	struct ntsync_receiver_task *t;

	if (likely(RB_EMPTY_ROOT(&receiver_tasks)))
		return;
	scoped_guard(raw_spinlock, &exit_lock) {
		t = find_task(p);
		if (t) {
			rb_erase(&t->by_task, &receiver_tasks);
			ntsync_waitq_insert(&dead_tasks, &t->dead, ntsync_task_level(p));
		}
	}
	if (!t)
		return;
	adjust_reaper();
	kthread_queue_work(reaper, &reaping);
}

/* Called by every task that exits, with preemption off. What it has inherited counts to the end. */
static void on_exit(void *unused, NTSYNC_EXIT_PROBE_ARGS)
{
	retire_receiver(p);
	ntsync_task_retire();
}

int ntsync_reaper_init(void)
{
	int ret;

	ntsync_waitq_init(&dead_tasks);
	reaper = kthread_create_worker(0, "ntsync_reaper");
	if (IS_ERR(reaper))
		return PTR_ERR(reaper);
	set_reaper_prio(1);
	wake_up_process(reaper->task); /* since 6.14 it does not start by itself */
	check_trace_callback_type_sched_process_exit(on_exit);
	ret = ntsync_hook_init(&exit_hook, "sched_process_exit", on_exit);
	if (ret)
		kthread_destroy_worker(reaper);
	return ret;
}

void ntsync_reaper_exit(void)
{
	ntsync_hook_exit(&exit_hook);
	kthread_destroy_worker(reaper);
}
