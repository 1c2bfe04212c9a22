// SPDX-License-Identifier: GPL-2.0-only
/* Condition variables. */
#include "lock.h"

static struct {
	struct ntsync_cs cs;
	struct ntsync_rw rw;
	struct ntsync_cond cond, space;
	int wanted, done;
} s;

/* ---- the locks ---- */

static void errors_change_nothing(void **state)
{
	struct locks *l = locks_of(state);
	struct ntsync_locker nobody = { .dev = l->dev };

	memset(&s, 0, sizeof(s));
	assert_ret(ntsync_cond_wait_cs(&l->me, &s.cond, &s.cs, 0), -EPERM);
	for (int shared = 0; shared <= 1; shared++)
		assert_ret(ntsync_cond_wait_rw(&l->me, &s.cond, &s.rw, shared, 0), -EPERM);
	assert_ret(ntsync_cond_wait_cs(&nobody, &s.cond, &s.cs, 0), -EINVAL);
	assert_ret(ntsync_cond_wait_rw(&nobody, &s.cond, &s.rw, false, 0), -EINVAL);
	assert_ret(ntsync_cond_wake(&nobody, &s.cond), -EINVAL);
	assert_ret(ntsync_cond_wake_all(&nobody, &s.cond), -EINVAL);
	/* Held the other way. */
	assert_ret(ntsync_rw_lock(&l->me, &s.rw), 0);
	assert_ret(ntsync_cond_wait_rw(&l->me, &s.cond, &s.rw, true, 0), -EPERM);
	assert_int_equal(s.rw.word, l->me.tid | EXCLUSIVE);
	assert_ret(ntsync_rw_unlock(&l->me, &s.rw), 0);
	assert_ret(ntsync_rw_lock_shared(&l->me, &s.rw), 0);
	assert_ret(ntsync_cond_wait_rw(&l->me, &s.cond, &s.rw, false, 0), -EPERM);
	assert_ret(ntsync_cond_wait_rw(&nobody, &s.cond, &s.rw, true, 0), -EINVAL);
	assert_int_equal(s.rw.word, 1);
	assert_int_equal(s.cs.word, 0);
	assert_int_equal(s.cond.seq, 0);
	assert_int_equal(s.cond.waiters, 0);
}

static void a_timeout_returns_with_the_lock(void **state)
{
	struct locks *l = locks_of(state);

	memset(&s, 0, sizeof(s));
	for (int moment = 0; moment <= 1; moment++) {
		assert_ret(ntsync_cs_enter(&l->me, &s.cs), 0);
		assert_ret(ntsync_cond_wait_cs(&l->me, &s.cond, &s.cs, moment ? in_a_moment() : 0),
			   -ETIMEDOUT);
		assert_int_equal(s.cs.word, l->me.tid);
		assert_ret(ntsync_cs_leave(&l->me, &s.cs), 0);
		assert_ret(ntsync_rw_lock(&l->me, &s.rw), 0);
		assert_ret(ntsync_cond_wait_rw(&l->me, &s.cond, &s.rw, false,
					       moment ? in_a_moment() : 0), -ETIMEDOUT);
		assert_int_equal(s.rw.word, l->me.tid | EXCLUSIVE);
		assert_ret(ntsync_rw_unlock(&l->me, &s.rw), 0);
		assert_ret(ntsync_rw_lock_shared(&l->me, &s.rw), 0);
		assert_ret(ntsync_cond_wait_rw(&l->me, &s.cond, &s.rw, true,
					       moment ? in_a_moment() : 0), -ETIMEDOUT);
		assert_int_equal(s.rw.word, 1);
		assert_ret(ntsync_rw_unlock_shared(&l->me, &s.rw), 0);
	}
	assert_int_equal(s.cond.waiters, 0);
	assert_int_equal(l->me.held, 0);
}

/* ---- wakes ---- */

static int wait_cs(struct worker *w, void *arg)
{
	(void)arg;
	CHECK(!ntsync_cs_enter(&w->me, &s.cs));
	while (!s.wanted)
		CHECK(!ntsync_cond_wait_cs(&w->me, &s.cond, &s.cs, NTSYNC_WAIT_FOREVER));
	CHECK((s.cs.word & ~WAITERS) == w->me.tid && w->me.held == 1);
	s.wanted--;
	s.done++;
	return ntsync_cs_leave(&w->me, &s.cs);
}

static int wait_rw(struct worker *w, void *arg)
{
	(void)arg;
	CHECK(!ntsync_rw_lock(&w->me, &s.rw));
	while (!s.wanted)
		CHECK(!ntsync_cond_wait_rw(&w->me, &s.cond, &s.rw, false, NTSYNC_WAIT_FOREVER));
	CHECK((s.rw.word & ~WAITERS) == (w->me.tid | EXCLUSIVE));
	s.wanted--;
	s.done++;
	return ntsync_rw_unlock(&w->me, &s.rw);
}

static int wait_rw_shared(struct worker *w, void *arg)
{
	(void)arg;
	CHECK(!ntsync_rw_lock_shared(&w->me, &s.rw));
	while (!s.wanted)
		CHECK(!ntsync_cond_wait_rw(&w->me, &s.cond, &s.rw, true, NTSYNC_WAIT_FOREVER));
	CHECK(!(s.rw.word & EXCLUSIVE));
	return ntsync_rw_unlock_shared(&w->me, &s.rw);
}

static void want(struct locks *l, worker_fn job, int n)
{
	bool cs = job == wait_cs;

	assert_ret(cs ? ntsync_cs_enter(&l->me, &s.cs) : ntsync_rw_lock(&l->me, &s.rw), 0);
	s.wanted = n;
	assert_ret(cs ? ntsync_cs_leave(&l->me, &s.cs) : ntsync_rw_unlock(&l->me, &s.rw), 0);
}

static void start_waiters(struct locks *l, worker_fn job, struct worker **w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		w[i] = start_worker(l, job, NULL);
		await_asleep(w[i], &s.cond.seq);
	}
}

static void one_is_woken(void **state)
{
	static const worker_fn jobs[] = { wait_cs, wait_rw };
	struct locks *l = locks_of(state);
	struct worker *w[3];

	for (size_t j = 0; j < ARRAY_SIZE(jobs); j++) {
		memset(&s, 0, sizeof(s));
		start_waiters(l, jobs[j], w, ARRAY_SIZE(w));
		assert_int_equal(s.cond.waiters, 3);
		/* One at a time, the one that came first. */
		for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
			want(l, jobs[j], 1);
			assert_ret(ntsync_cond_wake(&l->me, &s.cond), 0);
			assert_worker(w[i], 0);
			assert_int_equal(s.done, i + 1);
			for (size_t k = i + 1; k < ARRAY_SIZE(w); k++)
				await_asleep(w[k], &s.cond.seq);
			assert_int_equal(s.cond.waiters, 2 - i);
		}
	}
}

static void all_are_woken(void **state)
{
	static const worker_fn jobs[] = { wait_cs, wait_rw, wait_rw_shared };
	struct locks *l = locks_of(state);
	struct worker *w[4];

	for (size_t j = 0; j < ARRAY_SIZE(jobs); j++) {
		memset(&s, 0, sizeof(s));
		start_waiters(l, jobs[j], w, ARRAY_SIZE(w));
		want(l, jobs[j], ARRAY_SIZE(w));
		assert_ret(ntsync_cond_wake_all(&l->me, &s.cond), 0);
		for (size_t i = 0; i < ARRAY_SIZE(w); i++)
			assert_worker(w[i], 0);
		assert_int_equal(s.cond.waiters, 0);
	}
}

/* The critical section is left once: who has entered it twice keeps it. */
static int wait_inside_twice(struct worker *w, void *arg)
{
	(void)arg;
	CHECK(!ntsync_cs_enter(&w->me, &s.cs));
	CHECK(!ntsync_cs_enter(&w->me, &s.cs));
	CHECK(!ntsync_cond_wait_cs(&w->me, &s.cond, &s.cs, NTSYNC_WAIT_FOREVER));
	CHECK(s.cs.recursion == 2 && w->me.held == 1);
	CHECK(!ntsync_cs_leave(&w->me, &s.cs));
	return ntsync_cs_leave(&w->me, &s.cs);
}

static void it_is_left_once(void **state)
{
	struct locks *l = locks_of(state);
	struct worker *w;

	memset(&s, 0, sizeof(s));
	w = start_worker(l, wait_inside_twice, NULL);
	await_asleep(w, &s.cond.seq);
	assert_int_equal(s.cs.word, w->me.tid);
	assert_int_equal(s.cs.recursion, 1);
	assert_false(ntsync_cs_try_enter(&l->me, &s.cs));
	assert_ret(ntsync_cond_wake(&l->me, &s.cond), 0);
	assert_worker(w, 0);
	assert_int_equal(s.cs.word, 0);
}

/* ---- many ---- */

static int put(struct worker *w, void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS / 4; i++) {
		CHECK(!ntsync_cs_enter(&w->me, &s.cs));
		while (s.wanted == 2)
			CHECK(!ntsync_cond_wait_cs(&w->me, &s.space, &s.cs, NTSYNC_WAIT_FOREVER));
		s.wanted++;
		/* With the lock and without. */
		if (i % 2)
			CHECK(!ntsync_cond_wake(&w->me, &s.cond));
		CHECK(!ntsync_cs_leave(&w->me, &s.cs));
		if (i % 2 == 0)
			CHECK(!ntsync_cond_wake(&w->me, &s.cond));
	}
	return 0;
}

static int take(struct worker *w, void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS / 4; i++) {
		CHECK(!ntsync_cs_enter(&w->me, &s.cs));
		while (!s.wanted)
			CHECK(!ntsync_cond_wait_cs(&w->me, &s.cond, &s.cs, NTSYNC_WAIT_FOREVER));
		s.wanted--;
		s.done++;
		CHECK(!ntsync_cs_leave(&w->me, &s.cs));
		CHECK(!ntsync_cond_wake(&w->me, &s.space));
	}
	return 0;
}

static void none_is_lost(void **state)
{
	struct locks *l = locks_of(state);
	struct worker *w[8];

	memset(&s, 0, sizeof(s));
	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		w[i] = start_worker(l, i % 2 ? put : take, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		assert_worker(w[i], 0);
	assert_int_equal(s.done, ROUNDS);
	assert_int_equal(s.wanted, 0);
	assert_int_equal(s.cond.waiters, 0);
	assert_int_equal(s.space.waiters, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LOCK_TEST(errors_change_nothing),
		LOCK_TEST(a_timeout_returns_with_the_lock),
		LOCK_TEST(one_is_woken),
		LOCK_TEST(all_are_woken),
		LOCK_TEST(it_is_left_once),
		LOCK_TEST(none_is_lost),
	};

	return RUN_LOCKS(tests);
}
