// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody is born with a boost, at whatever moment of its parent's boost, or of its
 * end, the parent was copied. Boosts and births are not in step, so they meet in many
 * ways: each of the tests has some time for that. The rarest of them are made by hand
 * in tests/kunit/fork_kunit.c.
 */
#include "inversion.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MILLISECONDS 700
#define CHILDREN 500
#define LOOKS 20

struct family;

/**
 * struct kind - a way of having children
 * @bear: the parent has one; a number that stands for it, or -errno
 * @tid:  its task
 * @bury: ends it
 */
struct kind {
	int (*bear)(void);
	pid_t (*tid)(int child);
	void (*bury)(int child);
};

/**
 * struct family - what the two actors of a test share
 * @mutex: the parent holds it
 * @over:  there will be no more children
 */
struct family {
	const struct kind *kind;
	int mutex;
	atomic_bool over;
	int born;
	int children[CHILDREN];
};

/* ---- processes ---- */

static int empty(void *unused)
{
	(void)unused;
	return 0;
}

/*
 * Little is copied but the task itself and, before its priority is looked at, all of a
 * user namespace: a boost that falls into this call is likely to fall in between.
 */
static int bear_process(void)
{
	static char stack[16384];
	int pid = clone(empty, stack + sizeof(stack),
			CLONE_VM | CLONE_VFORK | CLONE_NEWUSER | SIGCHLD, NULL);

	return pid < 0 ? -errno : pid;
}

/* What it was like can still be seen when it has died, and nobody lends it anything then. */
static pid_t dead_process(int pid)
{
	siginfo_t info;

	return waitid(P_PID, pid, &info, WEXITED | WNOWAIT) ? -errno : pid;
}

static void bury_process(int pid)
{
	waitpid(pid, NULL, 0);
}

static const struct kind processes = { bear_process, dead_process, bury_process };

/* ---- the kernel's threads for io_uring, which no fork() makes ---- */

static int bear_worker(void)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1 };
	int ring = syscall(SYS_io_uring_setup, 1, &params);

	return ring < 0 ? -errno : ring;
}

/* Its creator, if it has not begun yet. */
static pid_t worker_of(int ring)
{
	char path[64], line[64];
	pid_t tid = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ring);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "SqThread: %d", &tid) == 1)
			break;
	}
	if (file)
		fclose(file);
	return tid;
}

static void close_ring(int ring)
{
	close(ring);
}

static const struct kind workers = { bear_worker, worker_of, close_ring };

/* ---- the two actors ---- */

static int have_children(struct actor *a, void *arg)
{
	struct family *family = arg;
	uint64_t end = monotonic_ns() + MILLISECONDS * 1000000ull;
	int child = 0;

	(void)a;
	while (family->born < CHILDREN && child >= 0 && monotonic_ns() < end) {
		child = family->kind->bear();
		if (child >= 0)
			family->children[family->born++] = child;
	}
	atomic_store(&family->over, true);
	return child < 0 ? child : 0;
}

/* Boosts the mutex's owner, now for longer, now for less, and lets it be in between. */
static int boost_often(struct actor *a, void *arg)
{
	struct family *family = arg;
	int ret = -ETIMEDOUT;

	for (unsigned int turn = 0; ret == -ETIMEDOUT && !atomic_load(&family->over); turn++) {
		struct timespec pause = { .tv_nsec = 20000 + turn % 37 * 1000 };

		nanosleep(&pause, NULL);
		ret = wait_any_here(a, family->mutex, monotonic_ns() + 20000 + turn % 50 * 1000);
	}
	return ret;
}

/* ---- the test ---- */

/*
 * A child has its parent's own parameters, whatever they are. The priority that it runs
 * with may be lent to it by the kernel's locks, and goes then; its own stays.
 */
static bool is_unlike_its_parent(pid_t tid, struct task_attr own)
{
	static int told;
	struct task_stat is = { 0 };

	for (int i = 0; i < LOOKS && task_get_stat(tid, &is); i++) {
		if (is.policy != (int)own.policy || is.prio != (int)own.prio)
			break;
		if (is.live == is.prio)
			return false;
		sleep_ms(1);
	}
	if (told++ < 3)
		fprintf(stderr, "# child: policy %d priority %d, live %d\n", is.policy, is.prio,
			is.live);
	return true;
}

static void children_are_like_their_parent(struct fixture *f, struct task_attr attr,
					   const struct kind *kind)
{
	struct actor *parent = actor_roaming(f, "parent", attr);
	struct actor *waiter = actor_roaming(f, "waiter", FIFO(HIGH));
	struct family family = { .kind = kind };
	int unlike = 0;

	family.mutex = new_mutex(f, 0, 0);
	assert_ret(actor_locks(parent, family.mutex), 0);
	actor_tell(parent, have_children, &family);
	actor_tell(waiter, boost_often, &family);
	assert_ret(actor_finish(parent), 0);
	assert_ret(actor_finish(waiter), -ETIMEDOUT);
	assert_ret(actor_unlocks(parent, family.mutex), 0);
	for (int i = 0; i < family.born; i++) {
		unlike += is_unlike_its_parent(kind->tid(family.children[i]), attr);
		kind->bury(family.children[i]);
	}
	print_message("# %d of %d were unlike their parent\n", unlike, family.born);
	assert_int_not_equal(family.born, 0);
	assert_int_equal(unlike, 0);
}

static void children_of_a_normal_task(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	children_are_like_their_parent(f, NORMAL(0), &processes);
}

static void children_of_a_fifo_task(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	children_are_like_their_parent(f, FIFO(LOW), &processes);
}

static void children_of_a_round_robin_task(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	children_are_like_their_parent(f, ATTR(.policy = SCHED_RR, .prio = LOW), &processes);
}

static void children_of_an_idle_task(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	children_are_like_their_parent(f, ATTR(.policy = SCHED_IDLE), &processes);
}

static void workers_of_a_normal_task(void **state)
{
	struct fixture *f = *state;
	int ring;

	only_ours(f, "no inheritance");
	ring = bear_worker();
	if (ring < 0)
		skip_because("no io_uring: %s", strerror(-ring));
	close_ring(ring);
	children_are_like_their_parent(f, NORMAL(0), &workers);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(children_of_a_normal_task),
		PI_TEST(children_of_a_fifo_task),
		PI_TEST(children_of_a_round_robin_task),
		PI_TEST(children_of_an_idle_task),
		PI_TEST(workers_of_a_normal_task),
	};

	return RUN(tests);
}
