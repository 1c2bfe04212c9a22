// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits on addresses, in windows that user space can't reach: what happens in the critical section
 * in which a waiter compares the word, and before its space is made; and a waker that stops between
 * two batches. The word is a variable of the test, whose own functions read it.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "addr/key.h"
#include "fixture.h"

#define ROUNDS	100
#define MANY	12
#define PATIENCE	(60 * HZ)
#define DEADLINE_MS	20

/*
 * An ADDR_WAIT, and the thread that makes it. @read is called after each read that may sleep,
 * @read_locked after each read under the bucket's lock; @reads counts the latter. @prio is that of
 * the thread when the call has returned.
 */
struct addr_call {
	struct ntsync_addr_req req;
	u32 word;
	unsigned int reads;
	void (*read)(struct addr_call *c);
	void (*read_locked)(struct addr_call *c);
	atomic_t step;
	struct task_struct *task;
	struct completion done;
	int prio;
	int ret;
};

static struct addr_call *req_to_call(const struct ntsync_addr_req *req)
{
	return container_of((struct ntsync_addr_req *)req, struct addr_call, req);
}

static bool read_word(const struct ntsync_addr_req *req, u64 *value)
{
	struct addr_call *c = req_to_call(req);

	*value = READ_ONCE(c->word);
	if (c->read)
		c->read(c);
	return true;
}

static bool read_word_locked(const struct ntsync_addr_req *req, u64 *value)
{
	struct addr_call *c = req_to_call(req);

	c->reads++;
	*value = READ_ONCE(c->word);
	if (c->read_locked)
		c->read_locked(c);
	return true;
}

/* The test itself stands for the process. */
static struct addr_call *make_call(struct kunit *test)
{
	struct addr_call *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	init_completion(&c->done);
	c->req.dev = test->priv;
	c->req.place.id = test;
	c->req.place.address = 0x1000;
	c->req.size = sizeof(c->word);
	c->req.deadline.expires = KTIME_MAX;
	c->req.deadline.clock = CLOCK_MONOTONIC;
	c->req.read = read_word;
	c->req.read_nofault = read_word_locked;
	return c;
}

static int call_thread(void *arg)
{
	struct addr_call *c = arg;

	allow_signal(SIGKILL);
	c->ret = ntsync_addr_wait(&c->req);
	c->prio = current->prio;
	kthread_complete_and_exit(&c->done, 0);
}

static void reap_call(void *arg)
{
	struct addr_call *c = arg;

	/* A failed test may leave it asleep. */
	if (!completion_done(&c->done))
		send_sig(SIGKILL, c->task, 1);
	wait_for_completion(&c->done);
	put_task_struct(c->task);
}

static struct addr_call *make_thread(struct kunit *test, int prio)
{
	struct addr_call *c = make_call(test);

	c->task = kthread_create(call_thread, c, "ntsync_kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c->task);
	get_task_struct(c->task);
	kt_set_prio(c->task, prio);
	return c;
}

static void start_call(struct kunit *test, struct addr_call *c)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, reap_call, c), 0);
	wake_up_process(c->task);
}

static int join_call(struct kunit *test, struct addr_call *c)
{
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&c->done, PATIENCE), 0);
	complete(&c->done);
	return c->ret;
}

/* ---- the key, as the test sees it ---- */

struct key_state {
	u32 queued;
	u32 older;
	u32 pending;
	const struct task_struct *owner;
};

static struct key_state read_key(struct kunit *test)
{
	struct ntsync_space *s = ntsync_space_find(test);
	struct key_state state = { };
	struct ntsync_bucket *b;
	struct ntsync_key *key;

	if (!s)
		return state;
	b = ntsync_space_bucket(s, 0x1000);
	scoped_guard(raw_spinlock, &b->lock) {
		key = ntsync_key_find_locked(b, 0x1000);
		if (key) {
			state.queued = key->queue.count;
			state.older = key->older.count;
			state.pending = key->nr_pending_wakes;
			if (ntsync_key_has_user(key) && key->owner)
				state.owner = key->owner->task;
		}
	}
	ntsync_space_put(s);
	return state;
}

static void until_queued(struct kunit *test, u32 count)
{
	unsigned long give_up = jiffies + PATIENCE;

	while (read_key(test).queued != count) {
		KUNIT_ASSERT_TRUE(test, time_before(jiffies, give_up));
		cond_resched();
	}
}

static u32 wake(struct kunit *test, u32 count)
{
	const struct ntsync_place place = { .id = test, .address = 0x1000 };

	return ntsync_addr_wake(&place, count);
}

/* ---- compare and sleep ---- */

/* The word has been read, and the waiter makes its space after this. The waker finds none. */
static void change_and_wake(struct addr_call *c)
{
	const struct ntsync_place place = c->req.place;

	WRITE_ONCE(c->word, 1);
	atomic_add(ntsync_addr_wake(&place, 1), &c->step);
	c->read = NULL;
}

static void a_wake_before_there_is_a_space(struct kunit *test)
{
	struct addr_call *c = make_thread(test, KT_NORMAL);

	c->read = change_and_wake;
	start_call(test, c);
	KUNIT_EXPECT_EQ(test, join_call(test, c), -EAGAIN);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->step), 0);
	KUNIT_EXPECT_EQ(test, c->reads, 1);
}

/* The word has been compared. The waiter goes on when the waker has changed it. */
static void wait_for_the_change(struct addr_call *c)
{
	atomic_set(&c->step, 1);
	while (atomic_read(&c->step) == 1)
		cpu_relax();
}

struct waker {
	struct addr_call *call;
	struct completion done;
	u32 woken;
};

static int waker_thread(void *arg)
{
	struct waker *w = arg;
	struct addr_call *c = w->call;

	while (!atomic_read(&c->step))
		cpu_relax();
	WRITE_ONCE(c->word, 1);
	atomic_set(&c->step, 2);
	w->woken = ntsync_addr_wake(&c->req.place, 1);
	kthread_complete_and_exit(&w->done, 0);
}

/* Either waits for the other one with preemption off, so each has a CPU. */
static void wake_between_compare_and_sleep(struct kunit *test)
{
	struct waker w = { .call = make_thread(test, KT_NORMAL) };
	struct task_struct *p = kthread_create(waker_thread, &w, "ntsync_kunit_waker");
	unsigned int cpu = cpumask_first(cpu_online_mask);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p);
	init_completion(&w.done);
	w.call->read_locked = wait_for_the_change;
	kthread_bind(w.call->task, cpu);
	kthread_bind(p, cpumask_next(cpu, cpu_online_mask));
	wake_up_process(p);
	start_call(test, w.call);
	KUNIT_EXPECT_EQ(test, join_call(test, w.call), 0);
	wait_for_completion(&w.done);
	KUNIT_EXPECT_EQ(test, w.woken, 1);
	KUNIT_EXPECT_EQ(test, w.call->reads, 1);
}

static void a_wake_between_compare_and_sleep(struct kunit *test)
{
	unsigned int i;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU");
	for (i = 0; i < ROUNDS; i++)
		wake_between_compare_and_sleep(test);
}

/* ---- owners ---- */

/* kthread_should_stop() is for what looks like a kernel thread only, see start_owner(). */
static bool may_stop(void)
{
	return READ_ONCE(current->flags) & PF_KTHREAD && kthread_should_stop();
}

static int sleep_until_stopped(void *unused)
{
	set_current_state(TASK_INTERRUPTIBLE);
	while (!may_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void stop_owner(void *arg)
{
	struct task_struct *p = arg;

	p->flags |= PF_KTHREAD;
	kthread_stop(p);
	while (!READ_ONCE(p->exit_state))
		cond_resched();
	put_task_struct(p);
}

/* A waiter must not name a kernel thread, so this one does not look like one. */
static struct task_struct *start_owner(struct kunit *test)
{
	struct task_struct *p = kthread_create(sleep_until_stopped, NULL, "ntsync_kunit_owner");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p);
	get_task_struct(p);
	kt_set_prio(p, KT_NORMAL);
	p->flags &= ~PF_KTHREAD;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_owner, p), 0);
	wake_up_process(p);
	return p;
}

static struct addr_call *make_namer(struct kunit *test, int prio, const struct task_struct *owner)
{
	struct addr_call *c = make_thread(test, prio);

	c->req.owner = owner->pid;
	return c;
}

static bool is_boosted(const struct task_struct *p)
{
	return READ_ONCE(p->prio) < MAX_RT_PRIO;
}

/* The lock gets another owner while the first waiter sleeps. */
static void the_owner_changes_while_a_waiter_is_queued(struct kunit *test)
{
	struct task_struct *first = start_owner(test), *second = start_owner(test);
	struct addr_call *high = make_namer(test, 80, first);
	struct addr_call *normal = make_namer(test, KT_NORMAL, second);

	start_call(test, high);
	until_queued(test, 1);
	KUNIT_EXPECT_PTR_EQ(test, read_key(test).owner, first);
	start_call(test, normal);
	until_queued(test, 2);
	/* It has taken on the priority of the first waiter, and has compared again. */
	KUNIT_EXPECT_EQ(test, normal->reads, 2);
	KUNIT_EXPECT_PTR_EQ(test, read_key(test).owner, second);
	KUNIT_EXPECT_EQ(test, wake(test, 1), 1);
	KUNIT_EXPECT_EQ(test, join_call(test, high), 0);
	KUNIT_EXPECT_NULL(test, read_key(test).owner);
	KUNIT_EXPECT_EQ(test, wake(test, 1), 1);
	KUNIT_EXPECT_EQ(test, join_call(test, normal), 0);
	KUNIT_EXPECT_EQ(test, normal->prio, DEFAULT_PRIO);
	KUNIT_EXPECT_FALSE(test, is_boosted(first));
	KUNIT_EXPECT_FALSE(test, is_boosted(second));
}

/* It has compared, and takes on a priority next. */
static void change_after_the_first_read(struct addr_call *c)
{
	WRITE_ONCE(c->word, 1);
}

/* The word changes between the two comparisons: the waiter must not name the owner of the past. */
static void a_namer_compares_again(struct kunit *test)
{
	struct task_struct *first = start_owner(test), *second = start_owner(test);
	struct addr_call *high = make_namer(test, 80, first);
	struct addr_call *normal = make_namer(test, KT_NORMAL, second);

	start_call(test, high);
	until_queued(test, 1);
	normal->read_locked = change_after_the_first_read;
	start_call(test, normal);
	KUNIT_EXPECT_EQ(test, join_call(test, normal), -EAGAIN);
	KUNIT_EXPECT_EQ(test, normal->reads, 2);
	KUNIT_EXPECT_EQ(test, normal->prio, DEFAULT_PRIO);
	KUNIT_EXPECT_PTR_EQ(test, read_key(test).owner, first);
	KUNIT_EXPECT_TRUE(test, is_boosted(first));
	KUNIT_EXPECT_FALSE(test, is_boosted(second));
	KUNIT_EXPECT_EQ(test, wake(test, 1), 1);
	KUNIT_EXPECT_EQ(test, join_call(test, high), 0);
}

/* ---- a waker that is preempted after its first batch ---- */

/* As set_pending_wakes() in addr/wake.c. */
static void leave_pending(struct kunit *test, u32 wakes)
{
	struct ntsync_space *s = ntsync_space_find(test);
	struct ntsync_bucket *b;
	struct ntsync_key *key;

	KUNIT_ASSERT_NOT_NULL(test, s);
	b = ntsync_space_bucket(s, 0x1000);
	scoped_guard(raw_spinlock, &b->lock) {
		key = ntsync_key_find_locked(b, 0x1000);
		if (key) {
			key->older = key->queue;
			ntsync_waitq_init(&key->queue);
			key->nr_pending_wakes = wakes;
		}
	}
	ntsync_space_put(s);
}

static void start_many(struct kunit *test, struct addr_call **calls)
{
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		calls[i] = make_thread(test, KT_NORMAL);
		start_call(test, calls[i]);
		until_queued(test, i + 1);
	}
}

/*
 * All of them are counted as woken, so the one whose sleep ends by itself counts, too, and it makes
 * the wake-ups of the others.
 */
static void a_counted_waiter_leaves_by_itself(struct kunit *test)
{
	struct addr_call *calls[MANY];
	unsigned int i;

	start_many(test, calls);
	leave_pending(test, MANY);
	send_sig(SIGKILL, calls[MANY - 1]->task, 1);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, join_call(test, calls[i]), 0);
	KUNIT_EXPECT_EQ(test, read_key(test).older, 0);
}

/* Two of them are counted. The last one leaves without a wake-up, and the first two are woken. */
static void an_uncounted_waiter_leaves_by_itself(struct kunit *test)
{
	struct addr_call *calls[MANY];
	unsigned int i;

	start_many(test, calls);
	leave_pending(test, 2);
	send_sig(SIGKILL, calls[MANY - 1]->task, 1);
	KUNIT_EXPECT_EQ(test, join_call(test, calls[MANY - 1]), -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, join_call(test, calls[0]), 0);
	KUNIT_EXPECT_EQ(test, join_call(test, calls[1]), 0);
	KUNIT_EXPECT_EQ(test, read_key(test).older, MANY - 3);
	KUNIT_EXPECT_EQ(test, read_key(test).pending, 0);
	/* The next wake joins the queues, and finds all that are left. */
	KUNIT_EXPECT_EQ(test, wake(test, U32_MAX), MANY - 3);
	for (i = 2; i < MANY - 1; i++)
		KUNIT_EXPECT_EQ(test, join_call(test, calls[i]), 0);
}

/* On one CPU, so that they leave one after the other, while the test runs on another one. */
static ktime_t start_many_with_deadline(struct kunit *test, struct addr_call **calls)
{
	unsigned int i, cpu = cpumask_last(cpu_online_mask);
	ktime_t expires;

	for (i = 0; i < MANY; i++) {
		calls[i] = make_thread(test, KT_NORMAL);
		kthread_bind(calls[i]->task, cpu);
	}
	expires = ktime_add_ms(ktime_get(), DEADLINE_MS);
	for (i = 0; i < MANY; i++) {
		calls[i]->req.deadline.expires = expires;
		start_call(test, calls[i]);
	}
	return expires;
}

/*
 * A wake of some, while the deadlines of all pass: those that it counts are those that return 0.
 * Each round wakes a bit later.
 */
static void a_wake_while_deadlines_pass(struct kunit *test)
{
	unsigned int round, i, timed_out = 0;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU");
	for (round = 0; round < ROUNDS; round++) {
		struct addr_call *calls[MANY];
		ktime_t expires = start_many_with_deadline(test, calls);
		u32 woken = 0, counted;

		while (ktime_before(ktime_get(), ktime_add_us(expires, 10 * round)))
			cpu_relax();
		counted = wake(test, MANY - 2);
		for (i = 0; i < MANY; i++)
			woken += !join_call(test, calls[i]);
		KUNIT_EXPECT_EQ(test, woken, counted);
		timed_out += counted < MANY - 2;
	}
	kunit_info(test, "%u of %u wakes came too late for some", timed_out, ROUNDS);
}

static struct kunit_case addr_cases[] = {
	KUNIT_CASE(a_wake_before_there_is_a_space),
	KUNIT_CASE(a_wake_between_compare_and_sleep),
	KUNIT_CASE(the_owner_changes_while_a_waiter_is_queued),
	KUNIT_CASE(a_namer_compares_again),
	KUNIT_CASE(a_counted_waiter_leaves_by_itself),
	KUNIT_CASE(an_uncounted_waiter_leaves_by_itself),
	KUNIT_CASE(a_wake_while_deadlines_pass),
	{}
};

static struct kunit_suite addr_suite = {
	.name = "ntsync_addr",
	.init = ntsync_kunit_init,
	.test_cases = addr_cases,
};

kunit_test_suite(addr_suite);
