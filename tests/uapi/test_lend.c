// SPDX-License-Identifier: GPL-2.0-only
/* LEND and UNLEND: arguments, errors, and what ends a loan. Who inherits is tested in tests/pi. */
#include "lend.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NOBODY 65534
#define NO_TASK 0x3fffffffu

/* A lender of FIFO 30 and a thread to lend to. */
static struct idler borrower;

static int setup(void **state)
{
	if (fixture_setup(state))
		return -1;
	idler_start(&borrower);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlend(f->dev);
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	idler_end(&borrower);
	return fixture_teardown(state);
}

#define LEND_TEST(fn) { #fn, fn, setup, teardown, (char *)(__FILE__ ":" #fn) }

static void lend_here(struct fixture *f)
{
	need_lend(f);
	need_realtime();
	become(30);
	assert_ret(lend(f->dev, borrower.tid, 0), 0);
	assert_prio(borrower.tid, 30);
}

/* ---- arguments ---- */

static void arguments_are_checked(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);

	need_lend(f);
	assert_ret(nt(f->dev, NTSYNC_IOC_LEND, NULL), -EFAULT);
	assert_ret(nt(f->dev, NTSYNC_IOC_LEND, unmapped(f)), -EFAULT);
	assert_ret(lend(f->dev, borrower.tid, 2), -EINVAL);
	assert_ret(lend(f->dev, borrower.tid, ~0u), -EINVAL);
	assert_ret(lend(f->dev, gettid(), 0), -EINVAL);
	assert_ret(lend(f->dev, gettid(), NTSYNC_LEND_LATER), -EINVAL);
	assert_ret(lend(event, borrower.tid, 0), -ENOTTY);
	assert_ret(unlend(event), -ENOTTY);
	/* There is no loan. */
	assert_ret(unlend(f->dev), 0);
	/* The argument is not used. */
	assert_ret(nt(f->dev, NTSYNC_IOC_UNLEND, unmapped(f)), 0);
}

static void input_is_not_changed(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_lend_args init = { .tid = borrower.tid };

	need_lend(f);
	need_realtime();
	become(30);
	assert_ret(nt(f->dev, NTSYNC_IOC_LEND, read_only(f, &init, sizeof(init))), 0);
	assert_prio(borrower.tid, 30);
	assert_ret(nt(f->dev, NTSYNC_IOC_LEND, at_page_end(f, &init, sizeof(init))), 0);
	assert_ret(nt(f->dev, NTSYNC_IOC_LEND, past_page_end(f, &init, sizeof(init))), -EFAULT);
	assert_prio(borrower.tid, 30);
}

static pid_t start_zombie(void)
{
	siginfo_t info;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(0);
	assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	return pid;
}

static void who_is_not_there(void **state)
{
	struct fixture *f = *state;
	pid_t zombie = start_zombie();

	need_lend(f);
	need_realtime();
	for (unsigned int flags = 0; flags < 2; flags++) {
		become(flags ? 0 : 30);
		assert_ret(lend(f->dev, NO_TASK, flags), -ESRCH);
		assert_ret(lend(f->dev, 0, flags), -ESRCH);
		assert_ret(lend(f->dev, ~0u, flags), -ESRCH);
		assert_ret(lend(f->dev, zombie, flags), -ESRCH);
	}
	child_finish(zombie);
}

static void a_normal_caller_looks_for_nobody(void **state)
{
	struct fixture *f = *state;

	need_lend(f);
	assert_ret(lend(f->dev, NO_TASK, 0), 0);
	assert_ret(lend(f->dev, 2, 0), 0);
	assert_ret(lend(f->dev, borrower.tid, 0), 0);
	assert_prio(borrower.tid, 0);
	assert_ret(lend(f->dev, borrower.tid, NTSYNC_LEND_LATER), 0);
	assert_prio(borrower.tid, 0);
}

/* ---- the loan ---- */

static void the_borrower_has_the_priority(void **state)
{
	struct fixture *f = *state;

	lend_here(f);
	assert_ret(unlend(f->dev), 0);
	assert_prio(borrower.tid, 0);
	assert_ret(unlend(f->dev), 0);
}

static void after_an_error_the_loan_stands(void **state)
{
	struct fixture *f = *state;

	lend_here(f);
	assert_ret(lend(f->dev, NO_TASK, 0), -ESRCH);
	assert_ret(lend(f->dev, 2, 0), -EPERM);
	assert_ret(lend(f->dev, borrower.tid, 2), -EINVAL);
	assert_ret(lend(f->dev, gettid(), 0), -EINVAL);
	assert_ret(nt(f->dev, NTSYNC_IOC_LEND, NULL), -EFAULT);
	assert_prio(borrower.tid, 30);
}

static void another_loan_ends_the_first(void **state)
{
	struct fixture *f = *state;
	struct idler other;

	lend_here(f);
	idler_start(&other);
	assert_ret(lend(f->dev, other.tid, 0), 0);
	assert_prio(other.tid, 30);
	assert_prio(borrower.tid, 0);
	assert_ret(lend(f->dev, borrower.tid, 0), 0);
	assert_prio(other.tid, 0);
	assert_prio(borrower.tid, 30);
	/* The same one again, with what the lender has now. */
	become(20);
	assert_ret(lend(f->dev, borrower.tid, 0), 0);
	assert_prio(borrower.tid, 20);
	idler_end(&other);
}

static void a_caller_that_is_normal_now_ends_it(void **state)
{
	struct fixture *f = *state;

	lend_here(f);
	become(0);
	assert_ret(lend(f->dev, borrower.tid, 0), 0);
	assert_prio(borrower.tid, 0);
	become(30);
	assert_prio(borrower.tid, 0);
}

/* ---- instances ---- */

static void any_instance_ends_it(void **state)
{
	struct fixture *f = *state;
	int other = open_device(f);

	lend_here(f);
	assert_ret(unlend(other), 0);
	assert_prio(borrower.tid, 0);
}

static void it_ends_with_the_instance(void **state)
{
	struct fixture *f = *state;
	int other = open_device(f);

	lend_here(f);
	assert_ret(lend(other, borrower.tid, 0), 0);
	assert_prio(borrower.tid, 30);
	close_fd(f, other);
	await_prio_of(borrower.tid, 0);
}

static void an_object_keeps_the_instance(void **state)
{
	struct ntsync_event_args args = { 0 };
	struct fixture *f = *state;
	int other = open_device(f), event;

	lend_here(f);
	event = own_fd(f, nt(other, NTSYNC_IOC_CREATE_EVENT, &args));
	assert_ret(lend(other, borrower.tid, 0), 0);
	close_fd(f, other);
	assert_prio(borrower.tid, 30);
	close_fd(f, event);
	await_prio_of(borrower.tid, 0);
}

/* The last loan counts, whichever instance it was made through. */
static void it_moves_between_instances(void **state)
{
	struct fixture *f = *state;
	int other = open_device(f);

	lend_here(f);
	assert_ret(lend(other, borrower.tid, 0), 0);
	assert_ret(lend(f->dev, borrower.tid, 0), 0);
	close_fd(f, other);
	assert_prio(borrower.tid, 30);
}

/* ---- the end of a lender ---- */

/* Lends to the thread whose id is @arg, and does what the test wants. */
static int lend_as_fifo(struct fixture *f, pid_t tid)
{
	CHECK(!sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 40 }));
	CHECK(!lend(f->dev, tid, 0));
	CHECK(prio_of(tid) == 40);
	return 0;
}

static int lend_and_exit(struct fixture *f, void *tid)
{
	return lend_as_fifo(f, (intptr_t)tid);
}

static int lend_and_be_killed(struct fixture *f, void *tid)
{
	CHECK(!lend_as_fifo(f, (intptr_t)tid));
	raise(SIGKILL);
	return 1;
}

static int lend_and_exec(struct fixture *f, void *tid)
{
	CHECK(!lend_as_fifo(f, (intptr_t)tid));
	execl("/proc/self/exe", "/proc/self/exe", "wait-helper", NULL);
	return 1;
}

static void its_exit_ends_it(void **state)
{
	static const struct {
		child_fn body;
		int status;
	} ends[] = {
		{ lend_and_exit, 0 },
		{ lend_and_be_killed, 128 + SIGKILL },
	};
	struct fixture *f = *state;

	need_lend(f);
	need_realtime();
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		void *tid = (void *)(intptr_t)borrower.tid;

		assert_int_equal(child_finish(child_start(f, ends[i].body, tid)), ends[i].status);
		await_prio_of(borrower.tid, 0);
	}
}

static bool executes_helper(pid_t pid)
{
	char path[64], line[256] = "";
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	size = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	return size && !strcmp(line + strlen(line) + 1, "wait-helper");
}

static void its_exec_ends_it(void **state)
{
	struct fixture *f = *state;
	pid_t lender;

	need_lend(f);
	need_realtime();
	lender = child_start(f, lend_and_exec, (void *)(intptr_t)borrower.tid);
	while (!executes_helper(lender))
		sleep_ms(1);
	await_prio_of(borrower.tid, 0);
	assert_prio(lender, 40);
	kill(lender, SIGKILL);
	assert_int_equal(child_finish(lender), 128 + SIGKILL);
}

static int stop_here(struct fixture *f, void *unused)
{
	(void)f;
	(void)unused;
	for (;;)
		pause();
	return 0;
}

/* Nothing is left of a loan to it, and another task that gets its id has no part in it. */
static void its_borrower_exits(void **state)
{
	struct fixture *f = *state;
	pid_t child;

	/* It skips the test without loans, so there is no child yet. */
	lend_here(f);
	child = child_start(f, stop_here, NULL);
	assert_ret(lend(f->dev, child, 0), 0);
	assert_prio(borrower.tid, 0);
	assert_prio(child, 30);
	kill(child, SIGKILL);
	assert_int_equal(child_finish(child), 128 + SIGKILL);
	assert_ret(lend(f->dev, child, 0), -ESRCH);
	assert_ret(unlend(f->dev), 0);
}

/* ---- permission ---- */

static int become_nobody(void)
{
	CHECK(!sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 40 }));
	CHECK(!setresgid(NOBODY, NOBODY, NOBODY));
	CHECK(!setresuid(NOBODY, NOBODY, NOBODY));
	return 0;
}

static int nobody_lends(struct fixture *f, void *root)
{
	pid_t child;

	CHECK(!become_nobody());
	CHECK(lend(f->dev, (intptr_t)root, 0) == -EPERM);
	CHECK(lend(f->dev, (intptr_t)root, NTSYNC_LEND_LATER) == -EPERM);
	CHECK(lend(f->dev, 1, 0) == -EPERM);
	CHECK(lend(f->dev, 2, 0) == -EPERM);
	/* Children of a process without privilege may be helped. */
	child = fork();
	if (!child)
		stop_here(f, NULL);
	CHECK(!lend(f->dev, child, 0));
	CHECK(!kill(child, SIGKILL));
	return child_finish(child) != 128 + SIGKILL;
}

static void not_to_other_users(void **state)
{
	struct fixture *f = *state;

	need_lend(f);
	need_realtime();
	assert_child_ok(child_start(f, nobody_lends, (void *)(intptr_t)borrower.tid));
	assert_prio(borrower.tid, 0);
}

/* The real user id counts, as for a set-user-ID program; the saved one does not. */
static int take_ids(struct fixture *f, void *ids)
{
	const uid_t *id = ids;

	CHECK(!setresuid(id[0], id[1], id[2]));
	return stop_here(f, NULL);
}

static int nobody_lends_to_mixed(struct fixture *f, void *tids)
{
	const pid_t *tid = tids;

	CHECK(!become_nobody());
	CHECK(!lend(f->dev, tid[0], 0));
	CHECK(!lend(f->dev, tid[1], 0));
	CHECK(lend(f->dev, tid[2], 0) == -EPERM);
	return 0;
}

static bool has_uids(pid_t pid, const uid_t *id)
{
	char path[64], line[256];
	uid_t real, effective, saved;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		found |= sscanf(line, "Uid: %u %u %u", &real, &effective, &saved) == 3 &&
			 real == id[0] && effective == id[1] && saved == id[2];
	if (file)
		fclose(file);
	return found;
}

static void whose_ids_count(void **state)
{
	static uid_t ids[3][3] = { { NOBODY, 0, 0 }, { 1, NOBODY, 1 }, { 1, 1, NOBODY } };
	struct fixture *f = *state;
	pid_t tids[3];

	need_lend(f);
	need_realtime();
	for (int i = 0; i < 3; i++) {
		tids[i] = child_start(f, take_ids, ids[i]);
		while (!has_uids(tids[i], ids[i]))
			sleep_ms(1);
	}
	assert_child_ok(child_start(f, nobody_lends_to_mixed, tids));
	for (int i = 0; i < 3; i++) {
		kill(tids[i], SIGKILL);
		assert_int_equal(child_finish(tids[i]), 128 + SIGKILL);
	}
}

static void not_to_the_kernel(void **state)
{
	struct fixture *f = *state;

	need_lend(f);
	need_realtime();
	become(30);
	/* kthreadd; root could give it a priority, but that would be of no use. */
	assert_ret(lend(f->dev, 2, 0), -EPERM);
}

/* ---- fdinfo ---- */

/* How many lines of this form; one must be of the pair, with the priority. */
static int count_loans(int dev, pid_t lender, pid_t to, int prio)
{
	char path[64], line[256];
	bool found = false;
	int lines = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dev);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		int is[3];

		if (sscanf(line, "ntsync-loan:\t%d %d %d\n", &is[0], &is[1], &is[2]) != 3)
			continue;
		lines++;
		found |= is[0] == lender && is[1] == to && is[2] == prio;
	}
	fclose(file);
	assert_true(found || !lender);
	return lines;
}

static void loans_are_shown(void **state)
{
	struct fixture *f = *state;
	int other = open_device(f);

	lend_here(f);
	assert_int_equal(count_loans(f->dev, gettid(), borrower.tid, 30), 1);
	assert_int_equal(count_loans(other, 0, 0, 0), 0);
	become(0);
	assert_ret(lend(other, borrower.tid, NTSYNC_LEND_LATER), 0);
	assert_int_equal(count_loans(f->dev, 0, 0, 0), 0);
	assert_int_equal(count_loans(other, gettid(), borrower.tid, 0), 1);
	assert_ret(unlend(f->dev), 0);
	assert_int_equal(count_loans(other, 0, 0, 0), 0);
}

struct many_lenders {
	struct fixture *f;
	pthread_barrier_t lent, shown;
};

static void *lend_and_wait(void *arg)
{
	struct many_lenders *m = arg;

	lend(m->f->dev, borrower.tid, NTSYNC_LEND_LATER);
	pthread_barrier_wait(&m->lent);
	pthread_barrier_wait(&m->shown);
	return NULL;
}

/* More than are copied at a time. */
static void all_loans_are_shown(void **state)
{
	struct many_lenders m = { .f = *state };
	pthread_t threads[100];

	need_lend(m.f);
	pthread_barrier_init(&m.lent, NULL, 101);
	pthread_barrier_init(&m.shown, NULL, 101);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, lend_and_wait, &m), 0);
	pthread_barrier_wait(&m.lent);
	assert_int_equal(count_loans(m.f->dev, 0, 0, 0), 100);
	pthread_barrier_wait(&m.shown);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		LEND_TEST(arguments_are_checked),
		LEND_TEST(input_is_not_changed),
		LEND_TEST(who_is_not_there),
		LEND_TEST(a_normal_caller_looks_for_nobody),
		LEND_TEST(the_borrower_has_the_priority),
		LEND_TEST(after_an_error_the_loan_stands),
		LEND_TEST(another_loan_ends_the_first),
		LEND_TEST(a_caller_that_is_normal_now_ends_it),
		LEND_TEST(any_instance_ends_it),
		LEND_TEST(it_ends_with_the_instance),
		LEND_TEST(an_object_keeps_the_instance),
		LEND_TEST(it_moves_between_instances),
		LEND_TEST(its_exit_ends_it),
		LEND_TEST(its_exec_ends_it),
		LEND_TEST(its_borrower_exits),
		LEND_TEST(not_to_other_users),
		LEND_TEST(whose_ids_count),
		LEND_TEST(not_to_the_kernel),
		LEND_TEST(loans_are_shown),
		LEND_TEST(all_loans_are_shown),
	};

	/* What its_exec_ends_it() executes. */
	while (argc == 2 && !strcmp(argv[1], "wait-helper"))
		pause();
	return RUN(tests);
}
