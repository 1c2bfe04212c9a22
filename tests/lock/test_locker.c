// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lockers and their loans, and what makes no system call: a child in seccomp's strict mode is killed
 * by the first one. Who inherits is in tests/pi.
 */
#include "lock.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- lockers ---- */

static void they_are_made(void **state)
{
	struct locks *l = locks_of(state);
	struct ntsync_locker me = { 0 };

	assert_ret(ntsync_locker_init(&me, l->dev, NTSYNC_LOCKER_SHARED), 0);
	assert_int_equal(me.dev, l->dev);
	assert_int_equal(me.tid, gettid());
	assert_int_equal(me.flags, NTSYNC_LOCKER_SHARED);
	assert_int_equal(me.held, 0);
}

static void errors_change_nothing(void **state)
{
	struct locks *l = locks_of(state);
	struct ntsync_locker me, before;
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	memset(&before, 0x5a, sizeof(before));
	me = before;
	for (int bit = 0; bit < 32; bit++) {
		if (1u << bit != NTSYNC_LOCKER_SHARED)
			assert_ret(ntsync_locker_init(&me, l->dev, 1u << bit), -EINVAL);
	}
	assert_ret(ntsync_locker_init(&me, -2, 0), -EBADF);
	assert_ret(ntsync_locker_init(&me, pipes[0], 0), -ENOTTY);
	assert_memory_equal(&me, &before, sizeof(me));
	close(pipes[0]);
	close(pipes[1]);
}

static void who_can_be_lent_to(void **state)
{
	struct locks *l = locks_of(state);

	if (l->dev == -1) {
		assert_ret(ntsync_locker_lend(&l->me, 1), -ENOTSUP);
		assert_ret(ntsync_locker_unlend(&l->me), 0);
		return;
	}
	assert_ret(ntsync_locker_lend(&l->me, gettid()), -EINVAL);
	assert_ret(ntsync_locker_unlend(&l->me), 0);
	/* With a lock it asks the driver. */
	l->me.held++;
	assert_ret(ntsync_locker_lend(&l->me, gettid()), -EINVAL);
	l->me.held--;
}

/* ---- without a system call ---- */

/* So says a child that runs @body in strict mode; exit() would be the wrong call there. */
static bool makes_no_call(struct locks *l, int (*body)(struct locks *l))
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		if (ntsync_locker_init(&l->me, l->dev, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0))
			syscall(SYS_exit, 2);
		syscall(SYS_exit, body(l));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !status;
}

static int do_nothing(struct locks *l)
{
	(void)l;
	return 0;
}

static int make_a_call(struct locks *l)
{
	(void)l;
	return syscall(SYS_getppid) < 0;
}

static void strict_mode_works(void **state)
{
	struct locks *l = locks_of(state);

	assert_true(makes_no_call(l, do_nothing));
	assert_false(makes_no_call(l, make_a_call));
}

/* What a program gets that takes a function's address: the library's own. */
struct calls {
	int (*enter)(struct ntsync_locker *me, struct ntsync_cs *cs);
	bool (*try_enter)(struct ntsync_locker *me, struct ntsync_cs *cs);
	int (*leave)(struct ntsync_locker *me, struct ntsync_cs *cs);
	int (*lock)(struct ntsync_locker *me, struct ntsync_rw *rw);
	int (*lock_shared)(struct ntsync_locker *me, struct ntsync_rw *rw);
	bool (*try_lock)(struct ntsync_locker *me, struct ntsync_rw *rw);
	bool (*try_lock_shared)(struct ntsync_locker *me, struct ntsync_rw *rw);
	int (*unlock)(struct ntsync_locker *me, struct ntsync_rw *rw);
	int (*unlock_shared)(struct ntsync_locker *me, struct ntsync_rw *rw);
	int (*wake)(struct ntsync_locker *me, struct ntsync_cond *c);
	int (*wake_all)(struct ntsync_locker *me, struct ntsync_cond *c);
};

static const struct calls library_calls = {
	ntsync_cs_enter, ntsync_cs_try_enter, ntsync_cs_leave,
	ntsync_rw_lock, ntsync_rw_lock_shared, ntsync_rw_try_lock, ntsync_rw_try_lock_shared,
	ntsync_rw_unlock, ntsync_rw_unlock_shared,
	ntsync_cond_wake, ntsync_cond_wake_all,
};


static int use_inline(struct locks *l)
{
	struct ntsync_cs cs = { 0 };
	struct ntsync_rw rw = { 0 };
	struct ntsync_cond c = { 0 };

	return ntsync_cs_enter(&l->me, &cs) || ntsync_cs_enter(&l->me, &cs) ||
	       !ntsync_cs_try_enter(&l->me, &cs) || ntsync_cs_enter_until(&l->me, &cs, 0) ||
	       ntsync_cs_leave(&l->me, &cs) || ntsync_cs_leave(&l->me, &cs) ||
	       ntsync_cs_leave(&l->me, &cs) || ntsync_cs_leave(&l->me, &cs) ||
	       ntsync_cs_leave(&l->me, &cs) != -EPERM ||
	       ntsync_rw_lock(&l->me, &rw) || ntsync_rw_try_lock_shared(&l->me, &rw) ||
	       ntsync_rw_unlock(&l->me, &rw) || !ntsync_rw_try_lock(&l->me, &rw) ||
	       ntsync_rw_unlock(&l->me, &rw) || ntsync_rw_lock_until(&l->me, &rw, 0) ||
	       ntsync_rw_unlock(&l->me, &rw) || ntsync_rw_lock_shared(&l->me, &rw) ||
	       !ntsync_rw_try_lock_shared(&l->me, &rw) || ntsync_rw_try_lock(&l->me, &rw) ||
	       ntsync_rw_lock_shared_until(&l->me, &rw, 0) ||
	       ntsync_rw_unlock_shared(&l->me, &rw) || ntsync_rw_unlock_shared(&l->me, &rw) ||
	       ntsync_rw_unlock_shared(&l->me, &rw) ||
	       ntsync_rw_unlock_shared(&l->me, &rw) != -EPERM ||
	       ntsync_cond_wake(&l->me, &c) || ntsync_cond_wake_all(&l->me, &c) ||
	       cs.word || rw.word || c.seq != 2 || l->me.held;
}

static int use_library(struct locks *l)
{
	const struct calls *lib = &library_calls;
	struct ntsync_cs cs = { 0 };
	struct ntsync_rw rw = { 0 };
	struct ntsync_cond c = { 0 };

	/* Or the compiler, which knows what they are, would inline them. */
	__asm__("" : "+r"(lib));
	return lib->enter(&l->me, &cs) || !lib->try_enter(&l->me, &cs) ||
	       lib->leave(&l->me, &cs) || lib->leave(&l->me, &cs) ||
	       lib->leave(&l->me, &cs) != -EPERM ||
	       lib->lock(&l->me, &rw) || lib->try_lock_shared(&l->me, &rw) ||
	       lib->unlock(&l->me, &rw) || !lib->try_lock(&l->me, &rw) ||
	       lib->unlock(&l->me, &rw) || lib->lock_shared(&l->me, &rw) ||
	       !lib->try_lock_shared(&l->me, &rw) || lib->unlock_shared(&l->me, &rw) ||
	       lib->unlock_shared(&l->me, &rw) || lib->unlock_shared(&l->me, &rw) != -EPERM ||
	       lib->wake(&l->me, &c) || lib->wake_all(&l->me, &c) ||
	       cs.word || rw.word || c.seq != 2 || l->me.held;
}

static int find_another_value(struct locks *l)
{
	uint64_t value = 1, compare = 0;

	return ntsync_wait_on_address(&l->me, &value, &compare, 8, NTSYNC_WAIT_FOREVER) ||
	       ntsync_wait_on_address(&l->me, &value, &compare, 3, 0) != -EINVAL;
}

/* The locker was made a moment ago, by a normal thread. */
static int lend_nothing(struct locks *l)
{
	int want = l->dev == -1 ? -ENOTSUP : 0;

	return ntsync_locker_lend(&l->me, 1) != want || ntsync_locker_unlend(&l->me);
}

static void no_call_without_contention(void **state)
{
	struct locks *l = locks_of(state);

	assert_true(makes_no_call(l, use_inline));
	assert_true(makes_no_call(l, use_library));
	assert_true(makes_no_call(l, find_another_value));
}

/* A child that gets no CPU for 100 ms in between has to ask for its policy. */
static void no_call_for_a_loan_of_nothing(void **state)
{
	struct locks *l = locks_of(state);
	bool made_none = false;

	for (int i = 0; i < 20 && !made_none; i++)
		made_none = makes_no_call(l, lend_nothing);
	assert_true(made_none);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LOCK_TEST(they_are_made),
		LOCK_TEST(errors_change_nothing),
		LOCK_TEST(who_can_be_lent_to),
		LOCK_TEST(strict_mode_works),
		LOCK_TEST(no_call_without_contention),
		LOCK_TEST(no_call_for_a_loan_of_nothing),
	};

	return RUN_LOCKS(tests);
}
