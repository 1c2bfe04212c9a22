// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records that are made by a lender, and loans of lenders that exit or execute a program, in races
 * that user space can hardly hit.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "fixture.h"
#include "pi/pi_internal.h"

#define ROUNDS	500

/* ---- records ---- */

static bool has_record(const struct task_struct *p)
{
	struct ntsync_task *t = NULL, *next;
	bool found = false;

	while (!found && (next = ntsync_task_next(hash_ptr(p, NTSYNC_TASK_BITS), t))) {
		ntsync_task_put(t);
		t = next;
		found = t->task == p;
	}
	ntsync_task_put(t);
	return found;
}

static int sleep_until_stopped(void *unused)
{
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static struct task_struct *start_sleeper(struct kunit *test)
{
	struct task_struct *p = kthread_run(sleep_until_stopped, NULL, "ntsync_kunit_sleeper");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p);
	return get_task_struct(p);
}

/* Returns when the probe of exits has run; kthread_stop() may return before that. */
static void stop_sleeper(struct task_struct *p)
{
	kthread_stop(p);
	while (!READ_ONCE(p->exit_state))
		cond_resched();
}

struct meeting {
	struct task_struct *p;
	struct ntsync_task *records[4];
	atomic_t nr;
};

static void get_record(void *arg)
{
	struct meeting *m = arg;
	struct ntsync_task *t = ntsync_task_get_record_of(m->p);

	m->records[atomic_fetch_inc(&m->nr)] = t;
}

/* Several lenders make the record of one task at once. */
static void one_record_of_a_task(struct kunit *test)
{
	unsigned int i, k;

	for (i = 0; i < ROUNDS / 10; i++) {
		struct meeting m = { .p = start_sleeper(test) };

		kt_run(test, ARRAY_SIZE(m.records), get_record, &m);
		for (k = 0; k < ARRAY_SIZE(m.records); k++) {
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m.records[k]);
			KUNIT_EXPECT_PTR_EQ(test, m.records[k], m.records[0]);
		}
		/* And that of the task itself. */
		KUNIT_EXPECT_EQ(test, refcount_read(&m.records[0]->refs), ARRAY_SIZE(m.records) + 1);
		KUNIT_EXPECT_TRUE(test, has_record(m.p));
		stop_sleeper(m.p);
		KUNIT_EXPECT_FALSE(test, has_record(m.p));
		KUNIT_EXPECT_TRUE(test, m.records[0]->dead);
		KUNIT_EXPECT_EQ(test, refcount_read(&m.records[0]->refs), ARRAY_SIZE(m.records));
		for (k = 0; k < ARRAY_SIZE(m.records); k++)
			ntsync_task_put(m.records[k]);
		put_task_struct(m.p);
	}
}

struct pursuit {
	struct task_struct *p;
	struct ntsync_task *t;
	unsigned int there;
};

/* Makes the record again and again until the task is gone. */
static int pursue(void *arg)
{
	struct pursuit *s = arg;

	do {
		s->t = ntsync_task_get_record_of(s->p);
		if (!IS_ERR(s->t)) {
			s->there++;
			ntsync_task_put(s->t);
		}
	} while (!IS_ERR(s->t) && !kthread_should_stop());
	while (!kthread_should_stop())
		cond_resched();
	return 0;
}

/* The exit's probe, or the lender, has retired the record; neither has left it to the other. */
static void no_record_is_left_of_an_exit(struct kunit *test)
{
	unsigned int i, there = 0;

	for (i = 0; i < ROUNDS; i++) {
		struct pursuit s = { .p = start_sleeper(test) };
		struct task_struct *lender = kthread_run(pursue, &s, "ntsync_kunit_lender");

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, lender);
		udelay(i % 50);
		stop_sleeper(s.p);
		kthread_stop(lender);
		KUNIT_EXPECT_FALSE(test, has_record(s.p));
		there += s.there;
		put_task_struct(s.p);
	}
	KUNIT_EXPECT_NE(test, there, 0);
}

/* The probe of forks has not looked at its parameters yet, or nobody looks for records any more. */
static void not_before_birth_nor_in_exit(struct kunit *test)
{
	struct task_struct *p = kthread_create(sleep_until_stopped, NULL, "ntsync_kunit_child");
	unsigned int state;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p);
	get_task_struct(p);
	kthread_bind(p, 0); /* returns when it sleeps */
	state = READ_ONCE(p->__state);
	WRITE_ONCE(p->__state, TASK_NEW);
	KUNIT_EXPECT_EQ(test, PTR_ERR(ntsync_task_get_record_of(p)), -ESRCH);
	WRITE_ONCE(p->__state, state);
	p->flags |= PF_EXITING;
	KUNIT_EXPECT_EQ(test, PTR_ERR(ntsync_task_get_record_of(p)), -ESRCH);
	p->flags &= ~PF_EXITING;
	KUNIT_EXPECT_FALSE(test, has_record(p));
	stop_sleeper(p);
	put_task_struct(p);
}

/* ---- loans ---- */

/*
 * A task that LEND accepts as a borrower: the one that loads the module. A kernel thread is
 * refused, and init would keep its record after the test.
 */
static pid_t find_user_task(struct kunit *test)
{
	struct task_struct *p;
	pid_t pid = 0;

	scoped_guard(rcu) {
		for_each_process(p) {
			if (p->pid != 1 && !(p->flags & (PF_KTHREAD | PF_EXITING)))
				pid = p->pid;
		}
	}
	KUNIT_ASSERT_NE(test, pid, 0);
	return pid;
}

static struct ntsync_task *lend_to_user_task(struct kunit *test)
{
	struct ntsync_task *t;

	KUNIT_ASSERT_EQ(test, ntsync_lend(test->priv, find_user_task(test), false), 0);
	t = ntsync_task_current();
	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_EXPECT_NOT_NULL(test, READ_ONCE(t->loan.contrib.to));
	return t;
}

/* As in an execve(). */
static void exec_ends_the_loan(struct kunit *test)
{
	struct ntsync_task *t;
	unsigned int refs;

	kt_set_prio(current, 20);
	t = lend_to_user_task(test);
	ntsync_unlend();
	refs = refcount_read(&t->refs);
	lend_to_user_task(test);
	KUNIT_EXPECT_EQ(test, refcount_read(&t->refs), refs + 1);
	/* It is queued twice, or a second time after its step. */
	ntsync_loan_end_later(t);
	ntsync_loan_end_later(t);
	ntsync_exit_worker_flush();
	KUNIT_EXPECT_NULL(test, READ_ONCE(t->loan.borrower));
	KUNIT_EXPECT_NULL(test, READ_ONCE(t->loan.contrib.to));
	KUNIT_EXPECT_EQ(test, refcount_read(&t->refs), refs);
	kt_set_prio(current, KT_NORMAL);
}

/* The new program makes a loan of its own, before or after the exit worker ends the old one. */
static void a_loan_after_the_exec_stands(struct kunit *test)
{
	struct ntsync_task *t;
	unsigned int i;

	kt_set_prio(current, 20);
	t = lend_to_user_task(test);
	for (i = 0; i < ROUNDS; i++) {
		ntsync_loan_end_later(t);
		udelay(i % 20);
		lend_to_user_task(test);
		ntsync_exit_worker_flush();
		KUNIT_ASSERT_NOT_NULL(test, READ_ONCE(t->loan.contrib.to));
	}
	ntsync_unlend();
	KUNIT_EXPECT_NULL(test, READ_ONCE(t->loan.borrower));
	kt_set_prio(current, KT_NORMAL);
}

/* One that is worth nothing needs no worker. */
static void an_empty_loan_ends_at_once(struct kunit *test)
{
	struct ntsync_task *t;

	KUNIT_ASSERT_EQ(test, ntsync_lend(test->priv, find_user_task(test), true), 0);
	t = ntsync_task_current();
	KUNIT_EXPECT_NOT_NULL(test, READ_ONCE(t->loan.borrower));
	KUNIT_EXPECT_NULL(test, READ_ONCE(t->loan.contrib.to));
	ntsync_loan_end_later(t);
	KUNIT_EXPECT_NULL(test, READ_ONCE(t->loan.borrower));
	KUNIT_EXPECT_FALSE(test, ntsync_waitq_queued(&t->loan.exit.node));
}

static struct kunit_case loan_cases[] = {
	KUNIT_CASE(one_record_of_a_task),
	KUNIT_CASE(no_record_is_left_of_an_exit),
	KUNIT_CASE(not_before_birth_nor_in_exit),
	KUNIT_CASE(exec_ends_the_loan),
	KUNIT_CASE(a_loan_after_the_exec_stands),
	KUNIT_CASE(an_empty_loan_ends_at_once),
	{}
};

static struct kunit_suite loan_suite = {
	.name = "ntsync_loan",
	.init = ntsync_kunit_init,
	.test_cases = loan_cases,
};

kunit_test_suite(loan_suite);
