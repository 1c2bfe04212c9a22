// SPDX-License-Identifier: GPL-2.0-only
/* Reader/writer locks. */
#include "lock.h"

#define READERS (EXCLUSIVE - 1)

static struct ntsync_rw rw;

/* ---- one thread ---- */

static void words(void **state)
{
	struct locks *l = locks_of(state);

	rw.word = 0;
	assert_ret(ntsync_rw_lock(&l->me, &rw), 0);
	assert_int_equal(rw.word, gettid() | EXCLUSIVE);
	assert_int_equal(l->me.held, 1);
	assert_ret(ntsync_rw_unlock(&l->me, &rw), 0);
	assert_int_equal(l->me.held, 0);
	assert_true(ntsync_rw_try_lock(&l->me, &rw));
	assert_int_equal(l->me.held, 1);
	assert_ret(ntsync_rw_unlock(&l->me, &rw), 0);
	assert_ret(ntsync_rw_lock_until(&l->me, &rw, 0), 0);
	assert_ret(ntsync_rw_unlock(&l->me, &rw), 0);
	assert_int_equal(rw.word, 0);
	assert_ret(ntsync_rw_lock_shared(&l->me, &rw), 0);
	assert_true(ntsync_rw_try_lock_shared(&l->me, &rw));
	assert_ret(ntsync_rw_lock_shared_until(&l->me, &rw, 0), 0);
	for (uint32_t i = 3; i; i--) {
		assert_int_equal(rw.word, i);
		assert_ret(ntsync_rw_unlock_shared(&l->me, &rw), 0);
	}
	assert_int_equal(rw.word, 0);
	assert_int_equal(l->me.held, 0);
}

static void errors_change_nothing(void **state)
{
	struct locks *l = locks_of(state);
	struct ntsync_locker nobody = { .dev = l->dev };

	rw.word = 0;
	assert_ret(ntsync_rw_unlock(&l->me, &rw), -EPERM);
	assert_ret(ntsync_rw_unlock_shared(&l->me, &rw), -EPERM);
	assert_ret(ntsync_rw_unlock(&nobody, &rw), -EPERM);
	assert_ret(ntsync_rw_lock(&nobody, &rw), -EINVAL);
	assert_ret(ntsync_rw_lock_shared(&nobody, &rw), -EINVAL);
	assert_false(ntsync_rw_try_lock(&nobody, &rw));
	assert_false(ntsync_rw_try_lock_shared(&nobody, &rw));
	assert_int_equal(rw.word, 0);

	assert_ret(ntsync_rw_lock_shared(&l->me, &rw), 0);
	assert_ret(ntsync_rw_unlock(&l->me, &rw), -EPERM);
	assert_ret(ntsync_rw_unlock_shared(&nobody, &rw), -EPERM);
	assert_false(ntsync_rw_try_lock(&l->me, &rw));
	assert_int_equal(rw.word, 1);
	rw.word = READERS;
	assert_ret(ntsync_rw_lock_shared(&l->me, &rw), -EOVERFLOW);
	assert_false(ntsync_rw_try_lock_shared(&l->me, &rw));
	assert_int_equal(rw.word, READERS);

	rw.word = 0;
	assert_ret(ntsync_rw_lock(&l->me, &rw), 0);
	assert_ret(ntsync_rw_unlock_shared(&l->me, &rw), -EPERM);
	assert_ret(ntsync_rw_lock(&l->me, &rw), -EDEADLK);
	assert_ret(ntsync_rw_lock_until(&l->me, &rw, 0), -EDEADLK);
	assert_ret(ntsync_rw_lock_shared(&l->me, &rw), -EDEADLK);
	assert_ret(ntsync_rw_lock_shared_until(&l->me, &rw, 0), -EDEADLK);
	assert_false(ntsync_rw_try_lock(&l->me, &rw));
	assert_false(ntsync_rw_try_lock_shared(&l->me, &rw));
	assert_int_equal(rw.word, l->me.tid | EXCLUSIVE);
	assert_int_equal(l->me.held, 1);
}

/* ---- two ---- */

static int fail_to_write(struct worker *w, void *arg)
{
	uint32_t word = rw.word & ~WAITERS;

	(void)arg;
	CHECK(!ntsync_rw_try_lock(&w->me, &rw));
	CHECK(ntsync_rw_lock_until(&w->me, &rw, 0) == -ETIMEDOUT);
	CHECK(ntsync_rw_lock_until(&w->me, &rw, UINT64_MAX - 1) == -ETIMEDOUT);
	CHECK(ntsync_rw_lock_until(&w->me, &rw, in_a_moment()) == -ETIMEDOUT);
	CHECK(ntsync_rw_unlock(&w->me, &rw) == -EPERM);
	CHECK((rw.word & ~WAITERS) == word);
	CHECK(!w->me.held);
	return 0;
}

static int fail_to_read(struct worker *w, void *arg)
{
	uint32_t word = rw.word & ~WAITERS;

	(void)arg;
	CHECK(!ntsync_rw_try_lock_shared(&w->me, &rw));
	CHECK(ntsync_rw_lock_shared_until(&w->me, &rw, 0) == -ETIMEDOUT);
	CHECK(ntsync_rw_lock_shared_until(&w->me, &rw, in_a_moment()) == -ETIMEDOUT);
	CHECK((rw.word & ~WAITERS) == word);
	return 0;
}

static void a_holder_keeps_others_out(void **state)
{
	struct locks *l = locks_of(state);

	rw.word = 0;
	assert_ret(ntsync_rw_lock(&l->me, &rw), 0);
	run_workers(l, 1, fail_to_write, NULL);
	run_workers(l, 1, fail_to_read, NULL);
	assert_ret(ntsync_rw_unlock(&l->me, &rw), 0);
	assert_ret(ntsync_rw_lock_shared(&l->me, &rw), 0);
	run_workers(l, 1, fail_to_write, NULL);
	assert_ret(ntsync_rw_unlock_shared(&l->me, &rw), 0);
	run_workers(l, 1, lock_and_unlock_rw, &rw);
	run_workers(l, 1, share_and_unshare_rw, &rw);
	assert_int_equal(rw.word, 0);
}

static void waiters_get_it(void **state)
{
	static const worker_fn jobs[] = { lock_rw, lock_rw_shared };
	struct locks *l = locks_of(state);

	for (int shared = 0; shared <= 1; shared++) {
		struct worker *w;

		rw.word = 0;
		assert_ret(ntsync_rw_lock(&l->me, &rw), 0);
		w = start_worker(l, jobs[shared], &rw);
		await_asleep(w, &rw.word);
		assert_int_equal(rw.word, l->me.tid | EXCLUSIVE | WAITERS);
		assert_ret(ntsync_rw_unlock(&l->me, &rw), 0);
		assert_worker(w, 0);
		assert_int_equal(rw.word & ~WAITERS, shared ? 1 : w->me.tid | EXCLUSIVE);
		assert_int_equal(w->me.held, !shared);
	}
}

static void the_last_reader_wakes(void **state)
{
	struct locks *l = locks_of(state);
	struct worker *w;

	rw.word = 0;
	assert_ret(ntsync_rw_lock_shared(&l->me, &rw), 0);
	assert_ret(ntsync_rw_lock_shared(&l->me, &rw), 0);
	w = start_worker(l, lock_rw, &rw);
	await_asleep(w, &rw.word);
	assert_int_equal(rw.word, 2 | WAITERS);
	assert_ret(ntsync_rw_unlock_shared(&l->me, &rw), 0);
	await_asleep(w, &rw.word);
	assert_int_equal(rw.word, 1 | WAITERS);
	assert_ret(ntsync_rw_unlock_shared(&l->me, &rw), 0);
	assert_worker(w, 0);
	assert_int_equal(rw.word & ~WAITERS, w->me.tid | EXCLUSIVE);
}

/* ---- readers and a writer that waits ---- */

/* They do not pass at once. Those that hold a lock do after a while, as others may wait for them. */
static void readers_give_way(void **state)
{
	struct locks *l = locks_of(state);
	struct worker *writer, *reader;
	struct ntsync_cs cs = { 0 };
	uint64_t before;

	rw.word = 0;
	assert_ret(ntsync_rw_lock_shared(&l->me, &rw), 0);
	writer = start_worker(l, lock_and_unlock_rw, &rw);
	await_asleep(writer, &rw.word);
	assert_false(ntsync_rw_try_lock_shared(&l->me, &rw));
	assert_ret(ntsync_rw_lock_shared_until(&l->me, &rw, 0), -ETIMEDOUT);
	reader = start_worker(l, lock_rw_shared, &rw);
	await_asleep(reader, &rw.word);
	assert_ret(ntsync_cs_enter(&l->me, &cs), 0);
	before = monotonic_ns();
	assert_ret(ntsync_rw_lock_shared(&l->me, &rw), 0);
	assert_true(monotonic_ns() - before >= NS_PER_MS);
	await_asleep(writer, &rw.word);
	assert_int_equal(rw.word, 2 | WAITERS);
	assert_ret(ntsync_rw_unlock_shared(&l->me, &rw), 0);
	assert_ret(ntsync_rw_unlock_shared(&l->me, &rw), 0);
	assert_worker(reader, 0);
	assert_ret(ntsync_rw_unlock_shared(&l->me, &rw), 0);
	assert_worker(writer, 0);
	assert_ret(ntsync_cs_leave(&l->me, &cs), 0);
	assert_int_equal(rw.word, 0);
}

static pthread_barrier_t all_inside;

static int read_together(struct worker *w, void *arg)
{
	(void)arg;
	CHECK(!ntsync_rw_lock_shared(&w->me, &rw));
	pthread_barrier_wait(&all_inside);
	CHECK(!ntsync_rw_unlock_shared(&w->me, &rw));
	return 0;
}

/* Each wakes the next one. When all have the lock nobody waits, and the word says so. */
static void readers_wake_readers(void **state)
{
	struct locks *l = locks_of(state);
	struct worker *w[4];

	rw.word = 0;
	pthread_barrier_init(&all_inside, NULL, ARRAY_SIZE(w) + 1);
	assert_ret(ntsync_rw_lock(&l->me, &rw), 0);
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		w[i] = start_worker(l, read_together, NULL);
		await_asleep(w[i], &rw.word);
	}
	assert_ret(ntsync_rw_unlock(&l->me, &rw), 0);
	while (__atomic_load_n(&rw.word, __ATOMIC_SEQ_CST) != ARRAY_SIZE(w))
		sched_yield();
	assert_true(ntsync_rw_try_lock_shared(&l->me, &rw));
	assert_ret(ntsync_rw_unlock_shared(&l->me, &rw), 0);
	pthread_barrier_wait(&all_inside);
	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		assert_worker(w[i], 0);
	assert_int_equal(rw.word, 0);
	pthread_barrier_destroy(&all_inside);
}

/* A writer among them ends that, and gets the lock after them. */
static void readers_wake_a_writer(void **state)
{
	struct locks *l = locks_of(state);
	struct worker *reader, *writer;

	rw.word = 0;
	pthread_barrier_init(&all_inside, NULL, 2);
	assert_ret(ntsync_rw_lock(&l->me, &rw), 0);
	reader = start_worker(l, read_together, NULL);
	await_asleep(reader, &rw.word);
	writer = start_worker(l, lock_and_unlock_rw, &rw);
	await_asleep(writer, &rw.word);
	assert_ret(ntsync_rw_unlock(&l->me, &rw), 0);
	while (__atomic_load_n(&rw.word, __ATOMIC_SEQ_CST) != (1 | WAITERS))
		sched_yield();
	await_asleep(writer, &rw.word);
	pthread_barrier_wait(&all_inside);
	assert_worker(reader, 0);
	assert_worker(writer, 0);
	assert_int_equal(rw.word, 0);
	pthread_barrier_destroy(&all_inside);
}

/* ---- many ---- */

static struct {
	struct ntsync_rw rw;
	unsigned long first, second;
	int writers;
	atomic_int readers;
} guarded;

static int write_inside(struct worker *w, int round)
{
	if (round % 8 == 1) {
		while (ntsync_rw_lock_until(&w->me, &guarded.rw, monotonic_ns() + 20000))
			;
	} else {
		CHECK(!ntsync_rw_lock(&w->me, &guarded.rw));
	}
	CHECK(!guarded.writers++ && !atomic_load(&guarded.readers));
	guarded.first++;
	stay_inside(round);
	guarded.second++;
	guarded.writers--;
	CHECK(!ntsync_rw_unlock(&w->me, &guarded.rw));
	return 0;
}

static int read_inside(struct worker *w, int round)
{
	if (round % 8 == 1) {
		while (ntsync_rw_lock_shared_until(&w->me, &guarded.rw, monotonic_ns() + 20000))
			;
	} else {
		CHECK(!ntsync_rw_lock_shared(&w->me, &guarded.rw));
	}
	atomic_fetch_add(&guarded.readers, 1);
	CHECK(!guarded.writers);
	stay_inside(round);
	CHECK(guarded.first == guarded.second);
	atomic_fetch_sub(&guarded.readers, 1);
	CHECK(!ntsync_rw_unlock_shared(&w->me, &guarded.rw));
	return 0;
}

static int read_and_write(struct worker *w, void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 4 ? read_inside(w, i) : write_inside(w, i))
			return 1;
	}
	return 0;
}

static void a_writer_is_alone(void **state)
{
	struct locks *l = locks_of(state);

	memset(&guarded, 0, sizeof(guarded));
	run_workers(l, 8, read_and_write, NULL);
	assert_int_equal(guarded.first, 8 * ROUNDS / 4);
	assert_int_equal(guarded.rw.word, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LOCK_TEST(words),
		LOCK_TEST(errors_change_nothing),
		LOCK_TEST(a_holder_keeps_others_out),
		LOCK_TEST(waiters_get_it),
		LOCK_TEST(the_last_reader_wakes),
		LOCK_TEST(readers_give_way),
		LOCK_TEST(readers_wake_readers),
		LOCK_TEST(readers_wake_a_writer),
		LOCK_TEST(a_writer_is_alone),
	};

	return RUN_LOCKS(tests);
}
