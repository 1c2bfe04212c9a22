// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wakes of addresses by tasks that are preempted in the middle: what they have not done is done by
 * those that need it.
 */
#include "addr.h"
#include "child.h"
#include "lend.h"
#include "tracefs.h"

#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>

static int word;

/* A job: the task wakes @count waiters, of which there are @woken. */
struct wake {
	const int *word;
	uint32_t count;
	int woken;
};

static int wake_here(struct actor *a, void *arg)
{
	const struct wake *w = arg;

	return addr_wake_here(a->f->dev, w->word, w->count, 0) == w->woken ? 0 : -EIO;
}

/* A job: sleeps on the word, and returns the priority that the owner has right after that. */
static int sleep_and_look(struct actor *a, void *arg)
{
	struct actor *owner = arg;
	int ret = addr_wait_here(a->f->dev, &word, word, owner->tid, 0);

	return ret ? ret : task_live_prio(owner->tid);
}

/* The woken task preempts the waker before that has lowered the former owner. */
static void the_woken_task_lowers_the_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *waker = actor_low(f, "waker");
	struct actor *owner = actor_normal(f);
	struct wake one = { &word, 1, 1 };

	need_addresses(f);
	actor_tell(waiter, sleep_and_look, owner);
	actor_assert_asleep_in(waiter, ADDR_WAIT);
	assert_boosted(owner, HIGH);
	actor_tell(waker, wake_here, &one);
	assert_int_equal(actor_finish(waiter), 0);
	assert_ret(actor_finish(waker), 0);
	assert_unboosted(owner);
}

static int sleep_and_look_at_myself(struct actor *a, void *arg)
{
	int ret = addr_wait_here(a->f->dev, &word, word, 0, 0);

	(void)arg;
	return ret ? ret : task_live_prio(a->tid);
}

/* The former owner sleeps there, too, and is the one that is woken. */
static void the_former_owner_is_woken(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_normal(f), *waiter = actor_high(f);
	struct actor *waker = actor_low(f, "waker");
	struct wake one = { &word, 1, 1 };

	need_addresses(f);
	actor_tell(owner, sleep_and_look_at_myself, NULL);
	actor_assert_asleep_in(owner, ADDR_WAIT);
	actor_sleeps(waiter, &word, owner);
	assert_boosted(owner, HIGH);
	actor_tell(waker, wake_here, &one);
	assert_int_equal(actor_finish(owner), 0);
	assert_ret(actor_finish(waker), 0);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(waiter), 0);
}

/* ---- many ---- */

#define CROWD 24

static int sleep_on_the_word(struct actor *a, void *arg)
{
	(void)arg;
	return addr_wait_here(a->f->dev, &word, word, 0, 0);
}

static int sleep_and_release_hog(struct actor *a, void *arg)
{
	int ret = sleep_on_the_word(a, arg);

	hog_release();
	return ret;
}

/*
 * The first one of the crowd releases the hog when it is woken. The others are real-time tasks, too:
 * the kernel gives normal ones some time beside a hog.
 */
static void crowd_sleeps(struct fixture *f, struct actor *crowd[CROWD])
{
	for (int i = 0; i < CROWD; i++) {
		crowd[i] = actor_new(f, "crowd", FIFO(i ? LOW - 1 : HIGH));
		actor_tell(crowd[i], i ? sleep_on_the_word : sleep_and_release_hog, NULL);
		actor_assert_asleep_in(crowd[i], ADDR_WAIT);
	}
}

/*
 * The waker is held up by the hog, and so are all that it has woken. The last one, which is owed a
 * wake-up, is raised: it does not depend on them any more.
 */
static void the_last_one_is_raised(void **state)
{
	struct fixture *f = *state;
	struct actor *crowd[CROWD], *last, *waker = actor_low(f, "waker");
	struct actor *high = actor_new(f, "high", FIFO(HIGH + 1));
	struct wake all = { &word, CROWD, CROWD };

	need_addresses(f);
	crowd_sleeps(f, crowd);
	last = crowd[CROWD - 1];
	actor_tell(waker, wake_here, &all);
	for (unsigned int polls = 0; !hog_is_running(); polls++)
		let_others_run(polls);
	assert_ret(actor_finish(crowd[0]), 0);
	actor_assert_asleep_in(last, ADDR_WAIT);
	actor_lends(high, last);
	assert_ret(actor_finish(last), 0);
	assert_true(hog_is_running());
	assert_false(actor_finished(waker));
	actor_unlends(high);
	assert_ret(actor_finish(waker), 0);
	for (int i = 1; i < CROWD - 1; i++)
		assert_ret(actor_finish(crowd[i]), 0);
}

/* ---- another user's chain ---- */

enum { MINOR = 20 };

/* A process that lends to @borrower until it is killed; 0: to nobody. */
static pid_t fork_lender(int dev, pid_t borrower)
{
	int pair[2];
	char ready;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		if (borrower && lend_here(dev, borrower, LATER))
			_exit(1);
		if (write(pair[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(pair[1]);
	if (read(pair[0], &ready, 1) != 1)
		pid = -1;
	close(pair[0]);
	return pid;
}

/* A process of nobody, of FIFO MINOR, that names p->tid the owner, which lends to p->owner. */
static int nobody_names_a_lender(struct pi_child *p)
{
	pid_t last, owner;

	CHECK(!drop_privilege(MINOR));
	last = fork_lender(p->f->dev, 0);
	CHECK(last > 0);
	owner = fork_lender(p->f->dev, last);
	CHECK(owner > 0);
	CHECK(!task_set_attr(0, FIFO(MINOR)));
	p->owner = (uint32_t)last;
	p->tid = owner;
	pi_child_stop(p);
	CHECK(!addr_wait_here(p->f->dev, &p->value, p->value, owner, SHARED));
	CHECK(!kill(owner, SIGKILL) && !kill(last, SIGKILL));
	CHECK(child_finish(owner) == 128 + SIGKILL && child_finish(last) == 128 + SIGKILL);
	return 0;
}

/*
 * Where @by has lowered @tid, or NULL; 0: anybody. A line of the trace begins with the name and tid of
 * its task.
 */
static const char *find_lowering(const char *text, pid_t tid, pid_t by)
{
	char event[64], task[32];

	snprintf(event, sizeof(event), "ntsync_unboost: tid=%d ", tid);
	snprintf(task, sizeof(task), "-%d ", by);
	for (const char *at = text; (at = strstr(at, event)); at++) {
		const char *line = at;

		while (line > text && line[-1] != '\n')
			line--;
		line = by ? strstr(line, task) : line;
		if (line && line < at)
			return at;
	}
	return NULL;
}

static bool lowered_by(const char *text, pid_t tid, pid_t by)
{
	return find_lowering(text, tid, by);
}

/*
 * The waker, of another user, does not walk the chain. The woken task of that user does, or a worker
 * that is faster.
 */
static void another_users_chain(void **state)
{
	struct fixture *f = *state;
	struct pi_child *p;
	char *text;
	pid_t last;

	need_addresses(f);
	p = pi_child_start(f, nobody_names_a_lender, 0, 0);
	pi_child_await(p);
	last = (pid_t)p->owner;
	pi_child_go(p);
	while (!asleep_in(p->pid, p->pid, ADDR_WAIT))
		sleep_ms(1);
	pi_assert_task_boosted(last, "last", SCHED_FIFO, MINOR, __FILE__, __LINE__);
	trace_begin();
	assert_ret(addr_wake_here(f->dev, &p->value, 1, SHARED), 1);
	pi_child_assert_ok(p);
	text = trace_end();
	assert_false(lowered_by(text, last, gettid()));
	free(text);
	assert_true(arbiter_idle_soon());
}

/* A process of nobody that wakes the waiter, which is root's, and lends to p->owner meanwhile. */
static int nobody_is_the_owner(struct pi_child *p)
{
	pid_t borrower;

	CHECK(!drop_privilege(0));
	borrower = fork_lender(p->f->dev, 0);
	CHECK(borrower > 0);
	CHECK(!lend_here(p->f->dev, borrower, LATER));
	p->owner = (uint32_t)borrower;
	pi_child_stop(p);
	CHECK(addr_wake_here(p->f->dev, &p->value, 1, SHARED) == 1);
	CHECK(!nt(p->f->dev, NTSYNC_IOC_UNLEND, NULL));
	CHECK(!kill(borrower, SIGKILL) && child_finish(borrower) == 128 + SIGKILL);
	return 0;
}

/* The waiter names that process, and so boosts the borrower. */
static struct pi_child *start_owner(struct fixture *f, struct actor *waiter)
{
	struct pi_child *p = pi_child_start(f, nobody_is_the_owner, 0, 0);

	pi_child_await(p);
	actor_sleeps_on(waiter, &p->value, p->pid, SHARED);
	pi_assert_task_boosted((pid_t)p->owner, "borrower", SCHED_FIFO, HIGH, __FILE__, __LINE__);
	return p;
}

/* Root's waiter has walked the chain before it slept, and walks it when it leaves. */
static void a_waiter_that_leaves_walks(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	struct pi_child *p;
	char *text;

	need_addresses(f);
	p = start_owner(f, waiter);
	trace_begin();
	actor_interrupt(waiter);
	text = trace_end();
	assert_true(lowered_by(text, (pid_t)p->owner, waiter->tid));
	free(text);
	actor_sleeps_on(waiter, &p->value, p->pid, SHARED);
	pi_child_go(p);
	pi_child_assert_ok(p);
	assert_ret(actor_finish(waiter), 0);
}

#define LENDERS 100

/* Threads that lend to @borrower, and exit one after the other. */
struct lenders {
	int dev;
	pid_t borrower;
	atomic_int nr_loans;
	sem_t exit;
};

static void *lend_and_exit(void *arg)
{
	struct lenders *l = arg;

	if (!task_set_attr(0, FIFO(1)) && !lend_here(l->dev, l->borrower, 0))
		atomic_fetch_add(&l->nr_loans, 1);
	while (sem_wait(&l->exit))
		;
	return NULL;
}

/* Each exit has something to do for the worker, which is to walk the chain behind the owner. */
static void exits_do_not_put_the_worker_off(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	pthread_t threads[LENDERS];
	struct lenders l = { .dev = f->dev };
	struct pi_child *p;
	pid_t last;
	int exits = 0;

	need_addresses(f);
	p = pi_child_start(f, nobody_names_a_lender, 0, 0);
	pi_child_await(p);
	last = (pid_t)p->owner;
	l.borrower = (pid_t)p->tid;
	sem_init(&l.exit, 0, 0);
	for (int i = 0; i < LENDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, lend_and_exit, &l), 0);
	for (unsigned int polls = 0; atomic_load(&l.nr_loans) < LENDERS; polls++)
		let_others_run(polls);
	/* It names nobody, and is woken first: it leaves the chain alone, and so does the waker. */
	actor_sleeps_on(waiter, &p->value, 0, SHARED);
	pi_child_go(p);
	while (!asleep_in(p->pid, p->pid, ADDR_WAIT))
		sleep_ms(1);
	pi_assert_task_boosted(last, "last", SCHED_FIFO, MINOR, __FILE__, __LINE__);
	assert_ret(addr_wake_here(f->dev, &p->value, 1, SHARED), 1);
	assert_ret(actor_finish(waiter), 0);
	for (; task_live_prio(last) == MINOR && exits < LENDERS; exits++) {
		sem_post(&l.exit);
		sleep_ms(4);
	}
	for (int i = exits; i < LENDERS; i++)
		sem_post(&l.exit);
	for (int i = 0; i < LENDERS; i++)
		pthread_join(threads[i], NULL);
	print_message("# lowered after %d exits\n", exits);
	assert_true(exits < LENDERS / 2);
	assert_ret(addr_wake_here(f->dev, &p->value, 1, SHARED), 1);
	pi_child_assert_ok(p);
	sem_destroy(&l.exit);
	assert_true(arbiter_idle_soon());
}

/*
 * Of what the waker has inherited, the borrower's part ends first: otherwise a hog could keep the
 * waker from that. A worker may be faster than the waker, and lower the borrower after it.
 */
static void the_waker_is_lowered_last(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	const char *borrower, *waker;
	struct pi_child *p;
	char *text;

	need_addresses(f);
	p = start_owner(f, waiter);
	trace_begin();
	pi_child_go(p);
	pi_child_assert_ok(p);
	text = trace_end();
	waker = find_lowering(text, p->pid, p->pid);
	borrower = find_lowering(text, (pid_t)p->owner, 0);
	assert_true(!waker || (borrower && borrower < waker));
	free(text);
	assert_ret(actor_finish(waiter), 0);
}

/* ---- a wait that does not sleep ---- */

static void a_late_waiter_names_nobody(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_normal(f);
	struct ntsync_addr_wait_args args = {
		.timeout = 1,
		.addr = (uintptr_t)&word,
		.expected = (uint64_t)(unsigned int)word,
		.size = sizeof(word),
		.owner = owner->tid,
	};
	long long boosts = arbiter_stat("pi_boosts");

	need_addresses(f);
	assert_ret(nt(f->dev, ADDR_WAIT, &args), -ETIMEDOUT);
	assert_true(arbiter_stat("pi_boosts") == boosts);
	/* Arguments are looked at before the deadline. */
	args.owner = 0x7fffffff;
	assert_ret(nt(f->dev, ADDR_WAIT, &args), -ESRCH);
	args.expected++;
	assert_ret(nt(f->dev, ADDR_WAIT, &args), -EAGAIN);
}

struct late_wait {
	pid_t owner;
	int alert;
};

static int wait_too_late(struct actor *a, void *arg)
{
	const struct late_wait *late = arg;
	struct ntsync_addr_wait_args args = {
		.timeout = 1,
		.addr = (uintptr_t)&word,
		.expected = (uint64_t)(unsigned int)word,
		.size = sizeof(word),
		.owner = (uint32_t)late->owner,
		.alert = (uint32_t)late->alert,
	};

	return nt(a->f->dev, ADDR_WAIT, &args);
}

/* A task that has taken over and gives up is the owner until it has woken the next one. */
static void a_late_waiter_is_still_the_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *woken = actor_new(f, "woken", NORMAL(0)), *next = actor_new(f, "next", NORMAL(0));
	struct actor *owner = actor_normal(f), *high = actor_high(f);
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);
	struct late_wait late[] = { { owner->tid, 0 }, { 0, 0 }, { owner->tid, event }, { 0, event } };

	need_addresses(f);
	assert_ret(actor_locks(next, mutex), 0);
	actor_sleeps_on(woken, &word, owner->tid, TAKE_OVER);
	actor_sleeps_on(next, &word, owner->tid, TAKE_OVER);
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(woken), 0);
	actor_block_on(high, mutex);
	assert_boosted(woken, HIGH);
	for (size_t i = 0; i < ARRAY_SIZE(late); i++) {
		assert_ret(actor_do(woken, wait_too_late, &late[i]), -ETIMEDOUT);
		assert_boosted(woken, HIGH);
	}
	wake_some(f, &word, 1, 1);
	assert_ret(actor_finish(next), 0);
	assert_unboosted(woken);
	actor_pass_mutex(next, high, mutex);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(the_woken_task_lowers_the_owner),
		PI_TEST(the_former_owner_is_woken),
		PI_TEST(the_last_one_is_raised),
		PI_TEST(another_users_chain),
		PI_TEST(a_waiter_that_leaves_walks),
		PI_TEST(exits_do_not_put_the_worker_off),
		PI_TEST(the_waker_is_lowered_last),
		PI_TEST(a_late_waiter_names_nobody),
		PI_TEST(a_late_waiter_is_still_the_owner),
	};

	return RUN(tests);
}
