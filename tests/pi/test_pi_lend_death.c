// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lenders and borrowers that exit, and tasks that are not there yet or any more: nobody keeps a
 * priority, and no record is left.
 */
#include "child.h"
#include "exit_worker.h"
#include "lend.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define ROUNDS 3000
#define BIRTHS 400
#define BIRTHS_INSTRUMENTED 100

/* For what the driver does on its own; the watchdog ends a test that hangs. */
static void await_unboosted(struct actor *a)
{
	struct task_attr attr;

	for (unsigned int polls = 0;; polls++) {
		assert_ret(task_get_attr(a->tid, &attr), 0);
		if (attr.policy == a->unboosted.attr.policy && attr.prio == a->unboosted.attr.prio)
			return;
		let_others_run(polls);
	}
}

/* ---- exits ---- */

/*
 * A hog keeps all normal tasks from the CPU, the borrower too. The exit worker lowers the borrower
 * at the lender's priority: the hog has not finished by then.
 */
static void the_lender_exits(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_normal(f);
	pid_t exit_worker;

	need_loans(f);
	exit_worker = exit_worker_begin();
	actor_lends(lender, borrower);
	hog_release();
	actor_exit(lender);
	await_unboosted(borrower);
	assert_true(hog_is_running());
	exit_worker_end(exit_worker);
	assert_true(arbiter_idle_soon());
}

static void what_the_borrower_waits_for_is_lowered(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_new(f, "borrower", NORMAL(0));
	struct actor *owner = actor_normal(f);
	int mutex = new_mutex(f, 0, 0);

	need_loans(f);
	assert_ret(actor_locks(owner, mutex), 0);
	actor_block_on(borrower, mutex);
	actor_lends(lender, borrower);
	assert_boosted(owner, HIGH);
	actor_exit(lender);
	await_unboosted(borrower);
	await_unboosted(owner);
	actor_pass_mutex(owner, borrower, mutex);
	assert_true(arbiter_idle_soon());
}

static void the_next_lender_counts_after_an_exit(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *low = actor_low(f, "low"), *borrower = actor_normal(f);
	struct task_attr attr;

	need_loans(f);
	actor_lends(lender, borrower);
	actor_lends(low, borrower);
	actor_exit(lender);
	for (unsigned int polls = 0; task_live_prio(borrower->tid) != LOW; polls++)
		let_others_run(polls);
	assert_ret(task_get_attr(borrower->tid, &attr), 0);
	assert_int_equal(attr.prio, LOW);
	actor_unlends(low);
	assert_unboosted(borrower);
}

static void the_borrower_exits(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_low(f, "borrower");
	struct actor *other = actor_normal(f);

	need_loans(f);
	/* It is a lender, too. */
	actor_lends(borrower, other);
	actor_lends(lender, borrower);
	assert_boosted(other, HIGH);
	actor_exit(borrower);
	await_unboosted(other);
	assert_ret(actor_lends_to(lender, borrower->tid, 0), -ESRCH);
	actor_unlends(lender);
	assert_true(arbiter_idle_soon());
}

static int lend_and_stop(struct pi_child *p)
{
	CHECK(!task_set_attr(0, FIFO(HIGH)));
	CHECK(!lend_here(p->f->dev, p->value, 0));
	pi_child_stop(p);
	return 1;
}

/* A lender and its borrower are killed at once, in both orders, and a third task is left. */
static void both_are_killed(void **state)
{
	struct fixture *f = *state;
	struct actor *last = actor_low(f, "last");

	need_loans(f);
	for (int i = 0; i < 10; i++) {
		struct pi_child *borrower = pi_child_start(f, lend_and_stop, 0, last->tid);
		struct pi_child *lender;

		pi_child_await(borrower);
		lender = pi_child_start(f, lend_and_stop, 0, borrower->tid);
		pi_child_await(lender);
		pi_assert_task_boosted(last->tid, "last", SCHED_FIFO, HIGH, __FILE__, __LINE__);
		kill(i & 1 ? lender->pid : borrower->pid, SIGKILL);
		kill(i & 1 ? borrower->pid : lender->pid, SIGKILL);
		pi_child_kill(lender);
		pi_child_kill(borrower);
		await_unboosted(last);
	}
	assert_true(arbiter_idle_soon());
}

/* ---- borrowers that live for a moment ---- */

/* The kernel with KASAN and lockdep, on which a fork takes ten times as long. */
static bool is_instrumented(void)
{
	struct utsname kernel;

	uname(&kernel);
	return strstr(kernel.release, "instrumented");
}

#define CACHE "/sys/kernel/slab/ntsync_task/"

/* Those that the kernel keeps for each CPU count as used, until the cache is shrunk. */
static void shrink_cache(void)
{
	FILE *file = fopen(CACHE "shrink", "we");

	if (!file)
		return;
	fputs("1\n", file);
	fclose(file);
}

/* How many records there are, or -1. KASAN keeps freed ones in its quarantine, and counts them. */
static int count_records(void)
{
	FILE *file;
	int n = -1;

	if (is_instrumented())
		return n;
	shrink_cache();
	file = fopen(CACHE "objects", "re");
	if (file && fscanf(file, "%d", &n) != 1)
		n = -1;
	if (file)
		fclose(file);
	return n;
}

struct moment {
	atomic_int tid;
	atomic_bool over;
	atomic_uint tries, found;
};

static void *live_for_a_moment(void *arg)
{
	struct moment *m = arg;

	atomic_store(&m->tid, gettid());
	return NULL;
}

static int lend_all_the_time(struct actor *a, void *arg)
{
	struct moment *m = arg;

	while (!atomic_load(&m->over)) {
		int tid = atomic_load(&m->tid), ret;

		if (!tid)
			continue;
		ret = lend_here(a->f->dev, tid, LATER);
		if (ret && ret != -ESRCH)
			return ret;
		atomic_fetch_add(&m->tries, 1);
		atomic_fetch_add(&m->found, !ret);
	}
	return nt(a->f->dev, NTSYNC_IOC_UNLEND, NULL);
}

/* Two lenders and threads that exit meanwhile: each record is retired, by one or the other. */
static void borrowers_that_exit_at_that_moment(void **state)
{
	struct fixture *f = *state;
	struct actor *lender[2] = { actor_roaming(f, "one", NORMAL(0)),
				    actor_roaming(f, "two", NORMAL(0)) };
	struct moment m = { 0 };
	int before, left;

	need_loans(f);
	before = count_records();
	task_set_attr(0, NORMAL(0));
	for (int i = 0; i < 2; i++)
		actor_tell(lender[i], lend_all_the_time, &m);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, live_for_a_moment, &m), 0);
		pthread_join(thread, NULL);
		if (i % 100 == 0)
			still_alive();
	}
	atomic_store(&m.over, true);
	for (int i = 0; i < 2; i++)
		assert_ret(actor_finish(lender[i]), 0);
	task_set_attr(0, FIFO(TEST_PRIO));
	print_message("# %u of %u were there\n", atomic_load(&m.found), atomic_load(&m.tries));
	assert_true(atomic_load(&m.found) && atomic_load(&m.found) < atomic_load(&m.tries));
	if (before < 0)
		return;
	/* Records are freed by RCU. The lenders may still have theirs. */
	for (unsigned int polls = 0; (left = count_records()) > before + 2 && polls < 6000; polls++)
		sleep_ms(10);
	print_message("# %d records before, %d left\n", before, left);
	assert_true(left <= before + 2);
}

/* ---- borrowers that are not born yet ---- */

/* @rounds: how often the lender has made its loans */
struct birth {
	atomic_int next, rounds;
	atomic_bool over;
	int births, wrong;
};

/* The kernel gives out tids in turn, so the next ones are known. */
static int lend_to_the_next(struct actor *a, void *arg)
{
	struct birth *b = arg;

	for (int rounds = 1; !atomic_load(&b->over); rounds++) {
		int tid = atomic_load(&b->next);

		/* The children and the kernel's own threads need this CPU, too. */
		if (rounds % 20 == 0)
			sleep_ms(1);
		for (int i = 0; i < 3; i++) {
			int ret = lend_here(a->f->dev, tid + i, 0);

			if (ret && ret != -ESRCH && ret != -EPERM && ret != -EINVAL)
				return ret;
		}
		nt(a->f->dev, NTSYNC_IOC_UNLEND, NULL);
		atomic_fetch_add(&b->rounds, 1);
	}
	return 0;
}

static bool is_normal(pid_t pid)
{
	struct task_attr attr;

	return task_get_attr(pid, &attr) || attr.policy == SCHED_OTHER;
}

/*
 * A dead child's parameters can still be read. A call of LEND that was about to set them when the
 * child died sets them, finds that the child is dead, and takes that back. So the call has to end
 * before the second look.
 */
static bool has_kept_boost(struct birth *b, pid_t pid)
{
	int rounds = atomic_load(&b->rounds);

	if (is_normal(pid))
		return false;
	while (atomic_load(&b->rounds) < rounds + 2)
		sleep_ms(1);
	return !is_normal(pid);
}

static int boosted_parent(struct actor *a, void *arg)
{
	struct birth *b = arg;

	(void)a;
	for (int i = 0; i < b->births; i++) {
		siginfo_t info;
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0)
			return -errno;
		atomic_store(&b->next, pid + 1);
		waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
		b->wrong += has_kept_boost(b, pid);
		waitpid(pid, NULL, 0);
		if (i % 20 == 0)
			still_alive();
	}
	return 0;
}

/*
 * A boosted parent's child has half of the boost until the probe of forks has put that right. A
 * loan to it in between would save the boost as the child's own.
 */
static void borrowers_that_are_born_at_that_moment(void **state)
{
	struct fixture *f = *state;
	struct actor *parent = actor_roaming(f, "parent", NORMAL(0));
	struct actor *booster = actor_high(f), *lender = actor_roaming(f, "lender", FIFO(1));
	struct birth b = { .next = gettid(), .births = is_instrumented() ? BIRTHS_INSTRUMENTED : BIRTHS };

	need_loans(f);
	need_cpus(2);
	task_set_attr(0, NORMAL(0));
	actor_lends(booster, parent);
	actor_tell(lender, lend_to_the_next, &b);
	assert_ret(actor_do(parent, boosted_parent, &b), 0);
	atomic_store(&b.over, true);
	assert_ret(actor_finish(lender), 0);
	actor_unlends(booster);
	task_set_attr(0, FIFO(TEST_PRIO));
	print_message("# %d of %d children have kept a boost\n", b.wrong, b.births);
	assert_int_equal(b.wrong, 0);
	assert_true(arbiter_idle_soon());
}

/* ---- many ---- */

#define MANY_LENDERS 1000

struct crowd {
	struct fixture *f;
	pid_t borrower;
	pthread_barrier_t lent, over;
	atomic_int failed;
};

static void *lend_and_wait(void *arg)
{
	struct crowd *c = arg;

	if (task_set_attr(0, FIFO(1 + gettid() % 40)) || lend_here(c->f->dev, c->borrower, 0))
		atomic_fetch_add(&c->failed, 1);
	pthread_barrier_wait(&c->lent);
	pthread_barrier_wait(&c->over);
	return NULL;
}

static void many_lenders_exit_at_once(void **state)
{
	struct fixture *f = *state;
	struct actor *borrower = actor_normal(f);
	struct crowd c = { .f = f, .borrower = borrower->tid };
	pthread_t threads[MANY_LENDERS];
	pthread_attr_t attr;

	need_loans(f);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_barrier_init(&c.lent, NULL, MANY_LENDERS + 1);
	pthread_barrier_init(&c.over, NULL, MANY_LENDERS + 1);
	for (int i = 0; i < MANY_LENDERS; i++)
		assert_int_equal(pthread_create(&threads[i], &attr, lend_and_wait, &c), 0);
	pthread_attr_destroy(&attr);
	pthread_barrier_wait(&c.lent);
	assert_int_equal(atomic_load(&c.failed), 0);
	assert_boosted(borrower, 40);
	pthread_barrier_wait(&c.over);
	for (int i = 0; i < MANY_LENDERS; i++)
		pthread_join(threads[i], NULL);
	await_unboosted(borrower);
	assert_true(arbiter_idle_soon());
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(the_lender_exits),
		PI_TEST(what_the_borrower_waits_for_is_lowered),
		PI_TEST(the_next_lender_counts_after_an_exit),
		PI_TEST(the_borrower_exits),
		PI_TEST(both_are_killed),
		PI_TEST(borrowers_that_exit_at_that_moment),
		PI_TEST(borrowers_that_are_born_at_that_moment),
		PI_TEST(many_lenders_exit_at_once),
	};

	return RUN(tests);
}
