// SPDX-License-Identifier: GPL-2.0-only
/* Critical sections. */
#include "lock.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static struct ntsync_cs cs;

static void assert_free(const struct ntsync_cs *c)
{
	assert_int_equal(c->word & ~WAITERS, 0);
	assert_int_equal(c->recursion, 0);
}

/* ---- one thread ---- */

static void words(void **state)
{
	struct locks *l = locks_of(state);

	memset(&cs, 0, sizeof(cs));
	for (uint32_t i = 1; i <= 3; i++) {
		assert_ret(ntsync_cs_enter(&l->me, &cs), 0);
		assert_int_equal(cs.word, gettid());
		assert_int_equal(cs.recursion, i);
		assert_int_equal(l->me.held, 1);
	}
	assert_true(ntsync_cs_try_enter(&l->me, &cs));
	assert_ret(ntsync_cs_enter_until(&l->me, &cs, 0), 0);
	assert_int_equal(cs.recursion, 5);
	for (uint32_t i = 5; i; i--) {
		assert_int_equal(cs.recursion, i);
		assert_int_equal(l->me.held, 1);
		assert_ret(ntsync_cs_leave(&l->me, &cs), 0);
	}
	assert_int_equal(l->me.held, 0);
	assert_int_equal(cs.word, 0);
	assert_free(&cs);
}

static void errors_change_nothing(void **state)
{
	struct locks *l = locks_of(state);
	struct ntsync_locker nobody = { .dev = l->dev };

	memset(&cs, 0, sizeof(cs));
	assert_ret(ntsync_cs_leave(&l->me, &cs), -EPERM);
	assert_ret(ntsync_cs_leave(&nobody, &cs), -EPERM);
	assert_ret(ntsync_cs_enter(&nobody, &cs), -EINVAL);
	assert_ret(ntsync_cs_enter_until(&nobody, &cs, 0), -EINVAL);
	assert_false(ntsync_cs_try_enter(&nobody, &cs));
	assert_int_equal(cs.word, 0);
	assert_free(&cs);
	assert_int_equal(l->me.held, 0);
	assert_ret(ntsync_cs_enter(&l->me, &cs), 0);
	cs.recursion = UINT32_MAX;
	assert_ret(ntsync_cs_enter(&l->me, &cs), -EOVERFLOW);
	assert_ret(ntsync_cs_enter_until(&l->me, &cs, 0), -EOVERFLOW);
	assert_false(ntsync_cs_try_enter(&l->me, &cs));
	assert_int_equal(cs.recursion, UINT32_MAX);
	assert_int_equal(cs.word, l->me.tid);
	assert_int_equal(l->me.held, 1);
}

/* ---- two ---- */

/* The words and the locker of the holder are as before. */
static int fail_on_held(struct worker *w, void *arg)
{
	uint32_t word = cs.word & ~WAITERS, recursion = cs.recursion;

	(void)arg;
	CHECK(!ntsync_cs_try_enter(&w->me, &cs));
	CHECK(ntsync_cs_leave(&w->me, &cs) == -EPERM);
	CHECK(ntsync_cs_enter_until(&w->me, &cs, 0) == -ETIMEDOUT);
	CHECK(ntsync_cs_enter_until(&w->me, &cs, UINT64_MAX - 1) == -ETIMEDOUT);
	CHECK(ntsync_cs_enter_until(&w->me, &cs, in_a_moment()) == -ETIMEDOUT);
	CHECK((cs.word & ~WAITERS) == word && cs.recursion == recursion);
	CHECK(!w->me.held);
	return 0;
}

static void a_holder_keeps_others_out(void **state)
{
	struct locks *l = locks_of(state);

	memset(&cs, 0, sizeof(cs));
	assert_ret(ntsync_cs_enter(&l->me, &cs), 0);
	assert_ret(ntsync_cs_enter(&l->me, &cs), 0);
	for (int i = 0; i < 2; i++) {
		run_workers(l, 1, fail_on_held, NULL);
		assert_ret(ntsync_cs_leave(&l->me, &cs), 0);
	}
	run_workers(l, 1, enter_and_leave_cs, &cs);
	assert_free(&cs);
}

static void a_waiter_gets_it(void **state)
{
	struct locks *l = locks_of(state);
	struct worker *w;

	memset(&cs, 0, sizeof(cs));
	assert_ret(ntsync_cs_enter(&l->me, &cs), 0);
	assert_ret(ntsync_cs_enter(&l->me, &cs), 0);
	w = start_worker(l, enter_cs, &cs);
	await_asleep(w, &cs.word);
	assert_int_equal(cs.word, l->me.tid | WAITERS);
	assert_ret(ntsync_cs_leave(&l->me, &cs), 0);
	await_asleep(w, &cs.word);
	assert_ret(ntsync_cs_leave(&l->me, &cs), 0);
	assert_worker(w, 0);
	assert_int_equal(cs.word & ~WAITERS, w->me.tid);
	assert_int_equal(cs.recursion, 1);
	assert_int_equal(w->me.held, 1);
}

/* The one that is woken says that the others still sleep. */
static void all_waiters_get_it(void **state)
{
	struct locks *l = locks_of(state);
	struct worker *w[4];

	memset(&cs, 0, sizeof(cs));
	assert_ret(ntsync_cs_enter(&l->me, &cs), 0);
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		w[i] = start_worker(l, enter_and_leave_cs, &cs);
		await_asleep(w[i], &cs.word);
	}
	assert_ret(ntsync_cs_leave(&l->me, &cs), 0);
	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		assert_worker(w[i], 0);
	assert_free(&cs);
}

static void a_signal_does_not_end_a_wait(void **state)
{
	struct locks *l = locks_of(state);
	struct worker *w;

	memset(&cs, 0, sizeof(cs));
	count_signals(SIGUSR1, 0);
	assert_ret(ntsync_cs_enter(&l->me, &cs), 0);
	w = start_worker(l, enter_cs, &cs);
	for (int i = 1; i <= 3; i++) {
		await_asleep(w, &cs.word);
		assert_int_equal(pthread_kill(w->thread, SIGUSR1), 0);
		await_signals(i);
	}
	await_asleep(w, &cs.word);
	assert_ret(ntsync_cs_leave(&l->me, &cs), 0);
	assert_worker(w, 0);
}

/* ---- many ---- */

static struct {
	struct ntsync_cs cs;
	unsigned long count;
	int inside;
} guarded;

/* Some enter twice, and some with a deadline that may pass. */
static int count_inside(struct worker *w, void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		bool twice = i % 4 == 0;

		if (i % 8 == 1) {
			while (ntsync_cs_enter_until(&w->me, &guarded.cs, monotonic_ns() + 20000))
				;
		} else {
			CHECK(!ntsync_cs_enter(&w->me, &guarded.cs));
		}
		if (twice)
			CHECK(!ntsync_cs_enter(&w->me, &guarded.cs));
		CHECK(!guarded.inside++);
		guarded.count++;
		stay_inside(i);
		CHECK(!--guarded.inside);
		if (twice)
			CHECK(!ntsync_cs_leave(&w->me, &guarded.cs));
		CHECK(!ntsync_cs_leave(&w->me, &guarded.cs));
	}
	return 0;
}

static void one_at_a_time(void **state)
{
	struct locks *l = locks_of(state);

	memset(&guarded, 0, sizeof(guarded));
	run_workers(l, 8, count_inside, NULL);
	assert_int_equal(guarded.count, 8 * ROUNDS);
	assert_free(&guarded.cs);
	assert_int_equal(guarded.cs.word, 0);
}

/* ---- processes ---- */

struct shared {
	struct ntsync_cs cs;
	unsigned long count;
};

static int count_in_child(struct locks *l, struct shared *s)
{
	struct ntsync_locker me;

	CHECK(!ntsync_locker_init(&me, l->dev, NTSYNC_LOCKER_SHARED));
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(!ntsync_cs_enter(&me, &s->cs));
		s->count++;
		stay_inside(i);
		CHECK(!ntsync_cs_leave(&me, &s->cs));
	}
	return 0;
}

static void processes_share_it(void **state)
{
	struct locks *l = locks_of(state);
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[3];
	int status;

	assert_ptr_not_equal(s, MAP_FAILED);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(count_in_child(l, s));
		assert_true(pids[i] > 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(s->count, ARRAY_SIZE(pids) * ROUNDS);
	munmap(s, sizeof(*s));
}

/* Each of two processes waits for the other one's lock, asleep. */
static void a_waiter_in_another_process(void **state)
{
	struct locks *l = locks_of(state);
	struct ntsync_cs *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct ntsync_locker me;
	int status;
	pid_t pid;

	assert_ptr_not_equal(c, MAP_FAILED);
	assert_ret(ntsync_locker_init(&me, l->dev, NTSYNC_LOCKER_SHARED), 0);
	assert_ret(ntsync_cs_enter(&me, c), 0);
	pid = fork();
	if (!pid) {
		ntsync_locker_init(&me, l->dev, NTSYNC_LOCKER_SHARED);
		_exit(ntsync_cs_enter(&me, c) || ntsync_cs_leave(&me, c));
	}
	while (!(__atomic_load_n(&c->word, __ATOMIC_SEQ_CST) & WAITERS))
		sleep_ms(1);
	assert_ret(ntsync_cs_leave(&me, c), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	munmap(c, sizeof(*c));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LOCK_TEST(words),
		LOCK_TEST(errors_change_nothing),
		LOCK_TEST(a_holder_keeps_others_out),
		LOCK_TEST(a_waiter_gets_it),
		LOCK_TEST(all_waiters_get_it),
		LOCK_TEST(a_signal_does_not_end_a_wait),
		LOCK_TEST(one_at_a_time),
		LOCK_TEST(processes_share_it),
		LOCK_TEST(a_waiter_in_another_process),
	};

	return RUN_LOCKS(tests);
}
