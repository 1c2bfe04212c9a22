// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fork and exec of a boosted task, and of one that owns what others want.
 */
#include "child.h"

#include <signal.h>
#include <sys/wait.h>

static int fork_here(struct actor *a, void *arg)
{
	pid_t pid = fork();

	(void)a;
	(void)arg;
	if (!pid)
		_exit(no_boost_here());
	return pid < 0 ? -errno : -child_finish(pid);
}

static void *thread_main(void *arg)
{
	*(int *)arg = no_boost_here();
	return NULL;
}

static int create_thread_here(struct actor *a, void *arg)
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
	assert_ret(actor_do(holder, fork_here, NULL), 0);
	assert_ret(actor_do(holder, create_thread_here, NULL), 0);
	assert_boosted(holder, HIGH);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_base(holder);
	assert_ret(actor_finish(waiter), 0);
}

/* What is left of the partner after exec: still boosted, until it unlocks. */
static int exec_helper(char **argv)
{
	struct ntsync_mutex_args args = { .owner = atoi(argv[3]) };
	struct task_attr attr;

	CHECK(!task_get_attr(0, &attr));
	CHECK(attr.policy == SCHED_FIFO);
	CHECK(attr.prio == HIGH);
	CHECK(!nt(atoi(argv[2]), NTSYNC_IOC_MUTEX_UNLOCK, &args));
	return no_boost_here();
}

static void exec_here(struct partner *p)
{
	char mutex[16], owner[16];
	const char *const argv[] = { "/proc/self/exe", "exec-helper", mutex, owner, NULL };

	snprintf(mutex, sizeof(mutex), "%d", p->mutex);
	snprintf(owner, sizeof(owner), "%u", p->owner);
	fcntl(p->mutex, F_SETFD, 0);
	execv(argv[0], (char *const *)argv);
	_exit(99);
}

static void *hold_and_exec(void *arg)
{
	struct partner *p = arg;

	p->tid = gettid();
	if (partner_lock(p, FOREVER))
		_exit(98);
	partner_stop(p);
	exec_here(p);
	return NULL;
}

static int exec_partner(struct partner *p)
{
	pthread_t thread;

	if (p->value) {
		CHECK(!pthread_create(&thread, NULL, hold_and_exec, p));
		pthread_join(thread, NULL);
	}
	hold_and_exec(p);
	return 97;
}

static void exec_while_boosted(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	/* Another thread than the first takes over the first one's id. */
	for (int other_thread = 0; other_thread < 2; other_thread++) {
		struct partner *p = partner_start(f, exec_partner, mutex, other_thread);

		partner_contend(p, waiter);
		partner_assert_ok(p);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		assert_true(arbiter_idle());
	}
}

/* The waiter comes after the exec: the task behind the owner id is the same one. */
static int exec_first_helper(char **argv)
{
	struct ntsync_mutex_args args = { .owner = atoi(argv[3]) };
	int unlocked;

	raise(SIGSTOP);
	unlocked = nt(atoi(argv[2]), NTSYNC_IOC_MUTEX_UNLOCK, &args);
	CHECK(!unlocked);
	return no_boost_here();
}

static void exec_first(struct partner *p, const char *helper)
{
	char mutex[16], owner[16];
	const char *const argv[] = { "/proc/self/exe", helper, mutex, owner, NULL };

	snprintf(mutex, sizeof(mutex), "%d", p->mutex);
	snprintf(owner, sizeof(owner), "%u", p->owner);
	fcntl(p->mutex, F_SETFD, 0);
	execv(argv[0], (char *const *)argv);
	_exit(99);
}

static void *hold_and_exec_first(void *arg)
{
	struct partner *p = arg;

	if (partner_lock(p, FOREVER))
		_exit(98);
	exec_first(p, "exec-first-helper");
	return NULL;
}

static int exec_first_partner(struct partner *p)
{
	pthread_t thread;

	if (p->value) {
		CHECK(!pthread_create(&thread, NULL, hold_and_exec_first, p));
		pthread_join(thread, NULL);
	}
	hold_and_exec_first(p);
	return 97;
}

static void exec_before_the_waiter_comes(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0), status;

	only_ours(f, "no inheritance");
	for (int other_thread = 0; other_thread < 2; other_thread++) {
		struct partner *p = partner_start(f, exec_first_partner, mutex, other_thread);

		assert_int_equal(waitpid(p->pid, &status, WUNTRACED), p->pid);
		assert_true(WIFSTOPPED(status));
		actor_lock(waiter, mutex);
		actor_assert_asleep(waiter);
		p->tid = p->pid;
		partner_assert_boosted(p, HIGH);
		kill(p->pid, SIGCONT);
		partner_assert_ok(p);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		assert_true(arbiter_idle());
	}
}

/* The owner ends by the exec of another thread, which gets the owner's id: it owns nothing. */
static void *exec_besides_the_owner(void *arg)
{
	struct partner *p = arg;

	exec_first(p, "exec-other-helper");
	return NULL;
}

static int exec_other_helper(void)
{
	raise(SIGSTOP);
	return no_boost_here();
}

static int exec_other_partner(struct partner *p)
{
	pthread_t thread;

	CHECK(!partner_lock(p, FOREVER));
	CHECK(!pthread_create(&thread, NULL, exec_besides_the_owner, p));
	pthread_join(thread, NULL);
	return 97;
}

static void exec_by_another_than_the_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0), status;
	struct partner *p;

	only_ours(f, "no inheritance");
	p = partner_start(f, exec_other_partner, mutex, 0);
	assert_int_equal(waitpid(p->pid, &status, WUNTRACED), p->pid);
	assert_true(WIFSTOPPED(status));
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_true(arbiter_idle());
	kill(p->pid, SIGCONT);
	partner_assert_ok(p);
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

	if (argc == 4 && !strcmp(argv[1], "exec-helper"))
		return exec_helper(argv);
	if (argc == 4 && !strcmp(argv[1], "exec-first-helper"))
		return exec_first_helper(argv);
	if (argc == 4 && !strcmp(argv[1], "exec-other-helper"))
		return exec_other_helper();
	return RUN(tests);
}
