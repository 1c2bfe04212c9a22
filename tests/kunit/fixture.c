// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#include <kunit/resource.h>
#include <kunit/test-bug.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <uapi/linux/sched/types.h>

#define PATIENCE	(60 * HZ)

/* ---- instance and objects ---- */

static void put_device(void *dev)
{
	ntsync_device_put(dev);
}

int ntsync_kunit_init(struct kunit *test)
{
	test->priv = ntsync_device_alloc();
	if (!test->priv)
		return -ENOMEM;
	return kunit_add_action_or_reset(test, put_device, test->priv);
}

static void free_obj(void *arg)
{
	struct kunit *test = kunit_get_current_test();
	struct ntsync_obj *obj = arg;

	KUNIT_EXPECT_EQ(test, obj->any.count, 0);
	KUNIT_EXPECT_EQ(test, obj->all.count, 0);
	KUNIT_EXPECT_EQ(test, obj->all_lock_users, 0);
	KUNIT_EXPECT_FALSE(test, obj->handoff_pending);
	ntsync_obj_put(obj);
}

static struct ntsync_obj *free_after_test(struct kunit *test, struct ntsync_obj *obj)
{
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_obj, obj), 0);
	return obj;
}

struct ntsync_obj *kt_sem(struct kunit *test, u32 count, u32 max)
{
	return free_after_test(test, ntsync_sem_create(test->priv, count, max));
}

struct ntsync_obj *kt_mutex(struct kunit *test, u32 owner, u32 count)
{
	return free_after_test(test, ntsync_mutex_create(test->priv, owner, count));
}

struct ntsync_obj *kt_event(struct kunit *test, bool manual, bool signaled)
{
	return free_after_test(test, ntsync_event_create(test->priv, manual, signaled));
}

struct ntsync_obj *kt_channel(struct kunit *test)
{
	return free_after_test(test, ntsync_channel_create(test->priv, NTSYNC_CHANNEL_MAX_DEPTH));
}

/* ---- waits without a sleeper ---- */

bool kt_record_queue(struct kt_record *r, u32 owner, struct ntsync_obj *a, struct ntsync_obj *b)
{
	struct ntsync_obj *objs[] = { a, b };
	struct ntsync_wait_req req = { .objs = objs, .count = b ? 2 : 1, .owner = owner };
	struct ntsync_task *t = ntsync_task_find_or_create();

	if (!t)
		return false;
	ntsync_wait_init(&r->wait, &req, t, r->entries, false);
	for (r->nr = 0; r->nr < req.count; r->nr++) {
		if (ntsync_wait_enqueue_any(&r->entries[r->nr], false))
			return false;
	}
	return true;
}

int kt_record_leave(struct kt_record *r)
{
	while (r->nr)
		ntsync_wait_dequeue_any(&r->entries[--r->nr]);
	return atomic_read(&r->wait.claim);
}

/* ---- threads that wait ---- */

void kt_set_prio(struct task_struct *p, int prio)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = prio == KT_NORMAL ? SCHED_NORMAL : SCHED_FIFO,
		.sched_priority = prio,
	};

	WARN_ON(sched_setattr_nocheck(p, &attr));
}

static int waiter_thread(void *arg)
{
	struct kt_waiter *w = arg;

	allow_signal(SIGKILL); /* kernel threads ignore it otherwise */
	w->ret = w->all ? ntsync_wait_all(w->dev, &w->req) : ntsync_wait_any(&w->req);
	/* After the completion the module may be unloaded, so the thread must not return to it. */
	kthread_complete_and_exit(&w->done, 0);
}

static void reap_waiter(void *arg)
{
	struct kt_waiter *w = arg;

	/* A failed test may leave it asleep. */
	if (!w->boosted_self)
		send_sig(SIGKILL, w->task, 1);
	wait_for_completion(&w->done);
	put_task_struct(w->task);
}

struct kt_waiter *kt_waiter(struct kunit *test, bool all, u32 owner, int prio)
{
	struct kt_waiter *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	init_completion(&w->done);
	w->dev = test->priv;
	w->all = all;
	w->req.objs = w->objs;
	w->req.owner = owner;
	w->req.deadline.expires = KTIME_MAX;
	w->req.deadline.clock = CLOCK_MONOTONIC;
	w->task = kthread_create(waiter_thread, w, "ntsync_kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->task);
	get_task_struct(w->task);
	kt_set_prio(w->task, prio);
	return w;
}

void kt_waiter_add(struct kt_waiter *w, struct ntsync_obj *obj)
{
	w->objs[w->req.count++] = obj;
}

void kt_waiter_alert(struct kt_waiter *w, struct ntsync_obj *obj)
{
	w->objs[w->req.count] = obj;
	w->req.alert = true;
}

void kt_waiter_start(struct kunit *test, struct kt_waiter *w)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, reap_waiter, w), 0);
	wake_up_process(w->task);
}

struct kt_waiter *kt_start_any(struct kunit *test, u32 owner, int prio, struct ntsync_obj *obj)
{
	struct kt_waiter *w = kt_waiter(test, false, owner, prio);
	u32 queued = obj->any.count;

	kt_waiter_add(w, obj);
	kt_waiter_start(test, w);
	kt_until_any(test, obj, queued + 1);
	return w;
}

int kt_waiter_join(struct kunit *test, struct kt_waiter *w)
{
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&w->done, PATIENCE), 0);
	complete(&w->done);
	w->boosted_self = true;
	return w->ret;
}

static void wait_for_count(struct kunit *test, const u32 *word, u32 count)
{
	unsigned long give_up = jiffies + PATIENCE;

	while (READ_ONCE(*word) != count) {
		KUNIT_ASSERT_TRUE(test, time_before(jiffies, give_up));
		usleep_range(50, 100);
	}
}

void kt_until_any(struct kunit *test, struct ntsync_obj *obj, u32 count)
{
	wait_for_count(test, &obj->any.count, count);
}

void kt_until_all(struct kunit *test, struct ntsync_obj *obj, u32 count)
{
	wait_for_count(test, &obj->all.count, count);
}

/* ---- threads that run a function ---- */

struct runner {
	void (*fn)(void *arg);
	void *arg;
	struct task_struct *task;
	struct completion done;
};

static int runner_thread(void *arg)
{
	struct runner *r = arg;

	r->fn(r->arg);
	kthread_complete_and_exit(&r->done, 0);
}

void kt_run(struct kunit *test, unsigned int nr, void (*fn)(void *arg), void *arg)
{
	struct runner *runners = kunit_kcalloc(test, nr, sizeof(*runners), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, runners);
	for (i = 0; i < nr; i++) {
		runners[i].fn = fn;
		runners[i].arg = arg;
		init_completion(&runners[i].done);
		runners[i].task = kthread_create(runner_thread, &runners[i], "ntsync_kunit_run");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, runners[i].task);
	}
	for (i = 0; i < nr; i++)
		wake_up_process(runners[i].task);
	for (i = 0; i < nr; i++)
		wait_for_completion(&runners[i].done);
}
