// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fork and exec of a boosted task, and of an owner of a mutex.
 */
#include "child.h"

#include <signal.h>
#include <sys/wait.h>

static int fork_child(struct actor *a, void *arg)
{
	pid_t pid = fork();

	(void)a;
	(void)arg;
	if (!pid)
		_exit(check_not_boosted());
	return pid < 0 ? -errno : -child_finish(pid);
}

static void *thread_main(void *arg)
{
	*(int *)arg = check_not_boosted();
	return NULL;
}

static int create_thread(struct actor *a, void *arg)
{
	pthread_t thread;
	int ret = 0;

	(void)a;
	(void)arg;
	if (pthread_create(&thread, NULL, thread_main, &ret))
		return -EAGAIN;
	pthread_join(thread, NULL);
	return -ret;
}

static void children_are_not_boosted(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	assert_ret(actor_do(holder, fork_child, NULL), 0);
	assert_ret(actor_do(holder, create_thread, NULL), 0);
	assert_boosted(holder, HIGH);
	end_contention(holder, waiter, mutex);
}

/* The program that the child executes: still boosted, until it unlocks. */
static int unlock_in_helper(char **argv)
{
	struct ntsync_mutex_args args = { .owner = atoi(argv[3]) };
	struct task_attr attr;

	CHECK(!task_get_attr(0, &attr));
	CHECK(attr.policy == SCHED_FIFO);
	CHECK(attr.prio == HIGH);
	CHECK(!nt(atoi(argv[2]), NTSYNC_IOC_MUTEX_UNLOCK, &args));
	return check_not_boosted();
}

/* This program again, as @helper, with the mutex and the owner id. */
static void exec_helper(struct pi_child *p, const char *helper)
{
	char mutex[16], owner[16];
	const char *const argv[] = { "/proc/self/exe", helper, mutex, owner, NULL };

	snprintf(mutex, sizeof(mutex), "%d", p->mutex);
	snprintf(owner, sizeof(owner), "%u", p->owner);
	fcntl(p->mutex, F_SETFD, 0);
	execv(argv[0], (char *const *)argv);
	_exit(99);
}

/*
 * In another thread than the first if @value says so: that thread then takes over the first one's
 * id.
 */
static int run_in_thread(struct pi_child *p, void *(*fn)(void *arg))
{
	pthread_t thread;

	if (p->value) {
		CHECK(!pthread_create(&thread, NULL, fn, p));
		pthread_join(thread, NULL);
	}
	fn(p);
	return 97;
}

static void *lock_stop_and_exec(void *arg)
{
	struct pi_child *p = arg;

	p->tid = gettid();
	if (pi_child_lock(p, FOREVER))
		_exit(98);
	pi_child_stop(p);
	exec_helper(p, "unlock-helper");
	return NULL;
}

static int exec_child(struct pi_child *p)
{
	return run_in_thread(p, lock_stop_and_exec);
}

static void exec_while_boosted(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (int other_thread = 0; other_thread < 2; other_thread++) {
		struct pi_child *p = pi_child_start(f, exec_child, mutex, other_thread);

		pi_child_contend(p, waiter);
		pi_child_assert_ok(p);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		assert_true(arbiter_idle());
	}
}

/* The waiter comes after the exec: the owner id still stands for the same task. */
static int stop_and_unlock_in_helper(char **argv)
{
	struct ntsync_mutex_args args = { .owner = atoi(argv[3]) };
	int unlocked;

	raise(SIGSTOP);
	unlocked = nt(atoi(argv[2]), NTSYNC_IOC_MUTEX_UNLOCK, &args);
	CHECK(!unlocked);
	return check_not_boosted();
}

static void *lock_and_exec(void *arg)
{
	struct pi_child *p = arg;

	if (pi_child_lock(p, FOREVER))
		_exit(98);
	exec_helper(p, "stop-and-unlock-helper");
	return NULL;
}

static int exec_first_child(struct pi_child *p)
{
	return run_in_thread(p, lock_and_exec);
}

/* The program has started when the child has stopped. */
static void await_program(struct pi_child *p)
{
	int status;

	assert_int_equal(waitpid(p->pid, &status, WUNTRACED), p->pid);
	assert_true(WIFSTOPPED(status));
}

static void exec_before_the_waiter_comes(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (int other_thread = 0; other_thread < 2; other_thread++) {
		struct pi_child *p = pi_child_start(f, exec_first_child, mutex, other_thread);

		await_program(p);
		actor_block_on(waiter, mutex);
		p->tid = p->pid;
		pi_child_assert_boosted(p, HIGH);
		kill(p->pid, SIGCONT);
		pi_child_assert_ok(p);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		assert_true(arbiter_idle());
	}
}

/*
 * The exec of another thread ends the owner. That thread takes over the owner's task id, but owns
 * nothing.
 */
static void *exec_beside_owner(void *arg)
{
	struct pi_child *p = arg;

	exec_helper(p, "stop-helper");
	return NULL;
}

static int stop_in_helper(void)
{
	raise(SIGSTOP);
	return check_not_boosted();
}

static int exec_other_child(struct pi_child *p)
{
	pthread_t thread;

	CHECK(!pi_child_lock(p, FOREVER));
	CHECK(!pthread_create(&thread, NULL, exec_beside_owner, p));
	pthread_join(thread, NULL);
	return 97;
}

static void exec_by_another_than_the_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);
	struct pi_child *p;

	only_ours(f, "no inheritance");
	p = pi_child_start(f, exec_other_child, mutex, 0);
	await_program(p);
	actor_block_on(waiter, mutex);
	assert_true(arbiter_idle());
	kill(p->pid, SIGCONT);
	pi_child_assert_ok(p);
	actor_interrupt(waiter);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(children_are_not_boosted),
		PI_TEST(exec_while_boosted),
		PI_TEST(exec_before_the_waiter_comes),
		PI_TEST(exec_by_another_than_the_owner),
	};

	if (argc == 4 && !strcmp(argv[1], "unlock-helper"))
		return unlock_in_helper(argv);
	if (argc == 4 && !strcmp(argv[1], "stop-and-unlock-helper"))
		return stop_and_unlock_in_helper(argv);
	if (argc == 4 && !strcmp(argv[1], "stop-helper"))
		return stop_in_helper();
	return RUN(tests);
}
