// SPDX-License-Identifier: GPL-2.0-only
/*
 * No child starts with a boost, whatever the state of its parent's boost was when the parent was
 * copied. The parent is boosted and forks without any order between the two, so that they meet at
 * different points; each test has some time for that. tests/kunit/fork_kunit.c makes the rarest of
 * these points happen.
 */
#include "inversion.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MILLISECONDS 700
#define CHILDREN 500
#define TRIES 2000

/**
 * struct kind - a way to create children
 * @create: creates one; a number that stands for it, or -errno
 * @get_tid: its task
 * @reap: ends it
 */
struct kind {
	int (*create)(void);
	pid_t (*get_tid)(int child);
	void (*reap)(int child);
};

/**
 * struct fork_race - what the two actors of a test share
 * @mutex: held by the parent
 * @over:  the parent creates no more children
 */
struct fork_race {
	const struct kind *kind;
	int mutex;
	atomic_bool over;
	int created;
	int children[CHILDREN];
};

/* ---- processes ---- */

static int return_zero(void *unused)
{
	(void)unused;
	return 0;
}

/*
 * The kernel copies little but the task itself and, before it looks at the priority, all of a user
 * namespace: a boost that begins during this call most likely begins in between.
 */
static int create_process(void)
{
	static char stack[16384];
	int pid = clone(return_zero, stack + sizeof(stack),
			CLONE_VM | CLONE_VFORK | CLONE_NEWUSER | SIGCHLD, NULL);

	return pid < 0 ? -errno : pid;
}

/* A dead child's parameters can still be read, and nothing can boost it any more. */
static pid_t await_death(int pid)
{
	siginfo_t info;

	return waitid(P_PID, pid, &info, WEXITED | WNOWAIT) ? -errno : pid;
}

static void reap_process(int pid)
{
	waitpid(pid, NULL, 0);
}

static const struct kind processes = { create_process, await_death, reap_process };

/* ---- the kernel's threads for io_uring, which are created without fork() ---- */

static int create_worker(void)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1 };
	int ring = syscall(SYS_io_uring_setup, 1, &params);

	return ring < 0 ? -errno : ring;
}

/* Until the worker runs, fdinfo has the creator's id. */
static pid_t find_worker(int ring)
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

static const struct kind workers = { create_worker, find_worker, close_ring };

/* ---- the two actors ---- */

static int create_children(struct actor *a, void *arg)
{
	struct fork_race *race = arg;
	uint64_t end = monotonic_ns() + MILLISECONDS * 1000000ull;
	int child = 0;

	(void)a;
	while (race->created < CHILDREN && child >= 0 && monotonic_ns() < end) {
		child = race->kind->create();
		if (child >= 0)
			race->children[race->created++] = child;
	}
	atomic_store(&race->over, true);
	return child < 0 ? child : 0;
}

/* Boosts the mutex's owner again and again, for different times and with different pauses. */
static int boost_often(struct actor *a, void *arg)
{
	struct fork_race *race = arg;
	int ret = -ETIMEDOUT;

	for (unsigned int turn = 0; ret == -ETIMEDOUT && !atomic_load(&race->over); turn++) {
		struct timespec pause = { .tv_nsec = 20000 + turn % 37 * 1000 };

		nanosleep(&pause, NULL);
		ret = wait_any_here(a, race->mutex, monotonic_ns() + 20000 + turn % 50 * 1000);
	}
	return ret;
}

/* ---- the test ---- */

/*
 * A child has its parent's own parameters. The priority that it runs with may be a boost by one of
 * the kernel's locks, which then ends: that is why it is read again.
 */
static bool differs_from_parent(pid_t tid, struct task_attr own)
{
	static int told;
	struct task_stat is = { 0 };

	for (int i = 0; i < TRIES && task_get_stat(tid, &is); i++) {
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

static void check_children(struct fixture *f, struct task_attr attr,
			   const struct kind *kind)
{
	struct actor *parent = actor_roaming(f, "parent", attr);
	struct actor *waiter = actor_roaming(f, "waiter", FIFO(HIGH));
	struct fork_race race = { .kind = kind };
	int unlike = 0;

	race.mutex = new_mutex(f, 0, 0);
	assert_ret(actor_locks(parent, race.mutex), 0);
	actor_tell(parent, create_children, &race);
	actor_tell(waiter, boost_often, &race);
	assert_ret(actor_finish(parent), 0);
	assert_ret(actor_finish(waiter), -ETIMEDOUT);
	assert_ret(actor_unlocks(parent, race.mutex), 0);
	for (int i = 0; i < race.created; i++) {
		unlike += differs_from_parent(kind->get_tid(race.children[i]), attr);
		kind->reap(race.children[i]);
	}
	print_message("# %d of %d were unlike their parent\n", unlike, race.created);
	assert_int_not_equal(race.created, 0);
	assert_int_equal(unlike, 0);
}

static void children_of_a_normal_task(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	check_children(f, NORMAL(0), &processes);
}

static void children_of_a_fifo_task(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	check_children(f, FIFO(LOW), &processes);
}

static void children_of_a_round_robin_task(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	check_children(f, ATTR(.policy = SCHED_RR, .prio = LOW), &processes);
}

static void children_of_an_idle_task(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	check_children(f, ATTR(.policy = SCHED_IDLE), &processes);
}

static void workers_of_a_normal_task(void **state)
{
	struct fixture *f = *state;
	int ring;

	only_ours(f, "no inheritance");
	ring = create_worker();
	if (ring < 0)
		skip_because("no io_uring: %s", strerror(-ring));
	close_ring(ring);
	check_children(f, NORMAL(0), &workers);
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
