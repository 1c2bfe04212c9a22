// SPDX-License-Identifier: GPL-2.0-only
/*
 * WAIT_ANY with threads that sleep. The thread that returns is the one that the signal chose: the
 * others stay queued, whatever the scheduler does.
 */
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "fixture.h"

static void wakes_in_the_order_of_priority(struct kunit *test)
{
	static const int prios[] = { KT_NORMAL, 30, 80, 1, 99, 50 };
	static const int served[] = { 4, 2, 5, 1, 3, 0 };
	struct ntsync_obj *sem = kt_sem(test, 0, 1);
	struct kt_waiter *w[ARRAY_SIZE(prios)];
	u32 prev;
	int i;

	for (i = 0; i < ARRAY_SIZE(prios); i++)
		w[i] = kt_start_any(test, 1, prios[i], sem);
	for (i = 0; i < ARRAY_SIZE(served); i++) {
		ntsync_sem_release(sem, 1, &prev);
		KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w[served[i]]), 0);
		KUNIT_EXPECT_EQ(test, sem->any.count, ARRAY_SIZE(served) - 1 - i);
	}
}

static void normal_tasks_keep_the_order_of_arrival(struct kunit *test)
{
	static const int nice[] = { 19, 0, -20, 5 };
	struct ntsync_obj *sem = kt_sem(test, 0, 1);
	struct kt_waiter *w[ARRAY_SIZE(nice)];
	u32 prev;
	int i;

	for (i = 0; i < ARRAY_SIZE(nice); i++) {
		w[i] = kt_waiter(test, false, 1, KT_NORMAL);
		set_user_nice(w[i]->task, nice[i]);
		kt_waiter_add(w[i], sem);
		kt_waiter_start(test, w[i]);
		kt_until_any(test, sem, i + 1);
	}
	for (i = 0; i < ARRAY_SIZE(nice); i++) {
		ntsync_sem_release(sem, 1, &prev);
		KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w[i]), 0);
	}
}

/* The kernel tells no module of a sched_setscheduler(). */
static void a_front_whose_priority_has_sunk_goes_back(struct kunit *test)
{
	struct ntsync_obj *sem = kt_sem(test, 0, 1);
	struct kt_waiter *w[] = {
		kt_start_any(test, 1, 90, sem), kt_start_any(test, 1, 50, sem),
	};
	u32 prev;

	kt_set_prio(w[0]->task, 10);
	ntsync_sem_release(sem, 1, &prev);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w[1]), 0);
	ntsync_sem_release(sem, 1, &prev);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w[0]), 0);
}

/* Entries on the stack, from the slab cache, and from kmalloc(). */
static const u32 sizes[] = { 1, NTSYNC_SMALL_WAIT, NTSYNC_SMALL_WAIT + 1, NTSYNC_CACHED_WAIT,
			     NTSYNC_CACHED_WAIT + 1, NTSYNC_MAX_ENTRIES };

static void describe_size(const u32 *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u entries", *size);
}

KUNIT_ARRAY_PARAM(wait_size, sizes, describe_size);

static void any_of_many(struct kunit *test)
{
	u32 nr = *(const u32 *)test->param_value;
	struct kt_waiter *w = kt_waiter(test, false, 1, 50);
	struct ntsync_obj *objs[NTSYNC_MAX_ENTRIES];
	u32 i, prev;

	for (i = 0; i < nr; i++) {
		objs[i] = kt_event(test, false, false);
		kt_waiter_add(w, objs[i]);
	}
	if (nr == NTSYNC_MAX_ENTRIES) {
		w->req.count--;
		kt_waiter_alert(w, objs[nr - 1]);
	}
	kt_waiter_start(test, w);
	kt_until_any(test, objs[nr - 1], 1);
	ntsync_event_set(objs[nr - 1], &prev);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), 0);
	KUNIT_EXPECT_EQ(test, w->req.index, nr - 1);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_FALSE(test, objs[i]->event.signaled);
}

static void the_lowest_ready_position_wins(struct kunit *test)
{
	struct ntsync_obj *objs[] = {
		kt_sem(test, 0, 1), kt_mutex(test, 0, 0), kt_event(test, true, true),
	};
	struct ntsync_wait_req req = { .objs = objs, .count = 2, .alert = true, .owner = 5 };

	KUNIT_EXPECT_EQ(test, ntsync_wait_any(&req), 0);
	KUNIT_EXPECT_EQ(test, req.index, 1);
	KUNIT_EXPECT_EQ(test, objs[1]->mutex.owner, 5);

	req.owner = 6;
	KUNIT_EXPECT_EQ(test, ntsync_wait_any(&req), 0);
	KUNIT_EXPECT_EQ(test, req.index, 2);
}

static void an_abandoned_mutex_is_told_to_the_sleeper(struct kunit *test)
{
	struct ntsync_obj *m = kt_mutex(test, 3, 2);
	struct kt_waiter *w = kt_start_any(test, 4, 50, m);

	KUNIT_EXPECT_EQ(test, ntsync_mutex_kill(m, 3), 0);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), -EOWNERDEAD);
	KUNIT_EXPECT_EQ(test, w->req.index, 0);
	KUNIT_EXPECT_EQ(test, m->mutex.owner, 4);
	KUNIT_EXPECT_EQ(test, m->mutex.count, 1);
}

static void a_deadline_ends_the_wait_and_leaves_no_trace(struct kunit *test)
{
	struct ntsync_obj *objs[] = { kt_event(test, false, false), kt_sem(test, 0, 1) };
	struct ntsync_wait_req req = {
		.objs = objs, .count = 2, .owner = 1, .index = 42,
		.deadline = {
			.clock = CLOCK_MONOTONIC,
			.expires = ktime_add_ms(ktime_get(), 20),
		},
	};

	KUNIT_EXPECT_EQ(test, ntsync_wait_any(&req), -ETIMEDOUT);
	KUNIT_EXPECT_GE(test, ktime_get(), req.deadline.expires);
	KUNIT_EXPECT_EQ(test, req.index, 42);

	req.deadline.clock = CLOCK_REALTIME;
	req.deadline.expires = ktime_add_ms(ktime_get_real(), 20);
	KUNIT_EXPECT_EQ(test, ntsync_wait_any(&req), -ETIMEDOUT);
	KUNIT_EXPECT_GE(test, ktime_get_real(), req.deadline.expires);
}

static void a_signal_ends_the_wait_and_leaves_no_trace(struct kunit *test)
{
	struct ntsync_obj *sem = kt_sem(test, 0, 1);
	struct kt_waiter *w = kt_start_any(test, 1, 50, sem);

	send_sig(SIGKILL, w->task, 1);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, sem->any.count, 0);
}

/*
 * A file that is never ready, but wakes who polls it each time, as a FUSE server can make its file
 * do. The @polls are limited, so that the test fails if no signal ends the wait.
 */
struct restless_file {
	wait_queue_head_t queue;
	atomic_t polls;
};

static __poll_t poll_restless_file(struct file *file, poll_table *pt)
{
	struct restless_file *f = file->private_data;

	poll_wait(file, &f->queue, pt);
	wake_up_poll(&f->queue, EPOLLIN);
	return atomic_dec_and_test(&f->polls) ? EPOLLIN : 0;
}

static const struct file_operations restless_fops = {
	.owner = THIS_MODULE,
	.poll = poll_restless_file,
};

static void a_signal_ends_the_wait_for_a_file_that_wakes_it_in_vain(struct kunit *test)
{
	struct restless_file f = { .polls = ATOMIC_INIT(1000000) };
	struct ntsync_poll_fd fd = { .events = EPOLLIN };
	struct ntsync_wait_files polls = { .fds = &fd, .nr = 1 };
	struct kt_waiter *w = kt_waiter(test, false, 1, KT_NORMAL);

	init_waitqueue_head(&f.queue);
	fd.file = anon_inode_getfile("ntsync_kunit", &restless_fops, &f, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fd.file);
	w->req.polls = &polls;
	kt_waiter_add(w, kt_sem(test, 0, 1));
	kt_waiter_start(test, w);
	/* It has registered with the file, and polls it again and again. */
	while (atomic_read(&f.polls) > 1000000 - 10)
		cond_resched();
	send_sig(SIGKILL, w->task, 1);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), -ERESTARTSYS);
	fput(fd.file);
}

static struct kunit_case wait_any_cases[] = {
	KUNIT_CASE(wakes_in_the_order_of_priority),
	KUNIT_CASE(normal_tasks_keep_the_order_of_arrival),
	KUNIT_CASE(a_front_whose_priority_has_sunk_goes_back),
	KUNIT_CASE_PARAM(any_of_many, wait_size_gen_params),
	KUNIT_CASE(the_lowest_ready_position_wins),
	KUNIT_CASE(an_abandoned_mutex_is_told_to_the_sleeper),
	KUNIT_CASE(a_deadline_ends_the_wait_and_leaves_no_trace),
	KUNIT_CASE(a_signal_ends_the_wait_and_leaves_no_trace),
	KUNIT_CASE(a_signal_ends_the_wait_for_a_file_that_wakes_it_in_vain),
	{}
};

static struct kunit_suite wait_any_suite = {
	.name = "ntsync_wait_any",
	.init = ntsync_kunit_init,
	.test_cases = wait_any_cases,
};

kunit_test_suite(wait_any_suite);
