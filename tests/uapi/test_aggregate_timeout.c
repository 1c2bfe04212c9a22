// SPDX-License-Identifier: GPL-2.0-only
/* AGGREGATE_WAIT: when it times out, what signals do to it, and that closing does not end it. */
#include "aggregate.h"

#include <signal.h>

static const struct {
	uint32_t flags;
	clockid_t clock;
} clocks[] = {
	{ 0, CLOCK_MONOTONIC },
	{ NTSYNC_AGG_FLAG_REALTIME, CLOCK_REALTIME },
	{ NTSYNC_AGG_FLAG_BOOTTIME, CLOCK_BOOTTIME },
};

static void the_past(void **state)
{
	static const uint64_t past[] = { 0, 1, NS_PER_SEC };
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), full = new_sem(f, 10, 10), fd = new_eventfd(f, 1);

	need_aggregate(f);
	for (size_t i = 0; i < ARRAY_SIZE(past); i++) {
		for (size_t c = 0; c < ARRAY_SIZE(clocks); c++) {
			uint32_t flags = clocks[c].flags;

			assert_agg(f, AGG_ARGS(SOURCES(OBJ(sem)), .timeout = past[i],
					       .flags = flags), -ETIMEDOUT, 0, 0);
			assert_agg(f, AGG_ARGS(SOURCES(OBJ(sem), OBJ(full)), .timeout = past[i],
					       .flags = flags), 0, 1, 0);
			assert_agg(f, AGG_ARGS(SOURCES(OBJ(sem), FILE_IN(fd)), .timeout = past[i],
					       .flags = flags), 0, 1, POLLIN);
		}
	}
	assert_sem(full, 1, 10);
}

/* As a number of nanoseconds: above S64_MAX it is in the past, except for the last value. */
static void above_s64_max(void **state)
{
	static const uint64_t past[] = { 1ull << 63, UINT64_MAX - 1 };
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);

	need_aggregate(f);
	for (size_t i = 0; i < ARRAY_SIZE(past); i++)
		assert_agg(f, AGG_ARGS(SOURCES(OBJ(sem)), .timeout = past[i]), -ETIMEDOUT, 0, 0);
}

static int call_timespec(struct fixture *f, int obj, int64_t sec, int64_t nsec)
{
	const source_t source = OBJ(obj);
	agg_timespec_t ts = {
		.nb_sources = 1, .sources = (uintptr_t)&source, .deadline = { sec, nsec },
		.fired_index = UNTOUCHED,
	};
	int ret = nt(f->dev, AGG_TIMESPEC, &ts);

	assert_int_equal(ts.fired_index, ret ? NTSYNC_AGG_TIMEOUT : 0);
	return ret;
}

static void negative_seconds_are_the_past(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1);

	need_aggregate(f);
	assert_ret(call_timespec(f, sem, -1, 0), 0);
	assert_ret(call_timespec(f, sem, -1, 0), -ETIMEDOUT);
	assert_ret(call_timespec(f, sem, INT64_MIN, 999999999), -ETIMEDOUT);
	assert_ret(call_timespec(f, sem, 0, 1), -ETIMEDOUT);
}

static void waits_until_the_deadline(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), fd = new_eventfd(f, 0);

	need_aggregate(f);
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		clockid_t clock = clocks[i].clock;
		uint64_t deadline = now_ns(clock) + 30 * NS_PER_MS;

		assert_agg(f, AGG_ARGS(SOURCES(OBJ(sem), FILE_IN(fd)), .timeout = deadline,
				       .flags = clocks[i].flags), -ETIMEDOUT, 0, 0);
		assert_true(now_ns(clock) >= deadline);
		deadline = now_ns(clock) + 30 * NS_PER_MS;
		assert_agg(f, AGG_ARGS(SOURCES(FILE_IN(fd)), .timeout = deadline,
				       .flags = clocks[i].flags), -ETIMEDOUT, 0, 0);
		assert_true(now_ns(clock) >= deadline);
	}
}

/*
 * The present of the other clocks is far in the past of CLOCK_REALTIME, and the other way round far
 * in the future.
 */
static void the_flag_chooses_the_clock(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);
	struct agg_wait *w;

	need_aggregate(f);
	assert_agg(f, AGG_ARGS(SOURCES(OBJ(sem)), .timeout = long_from_now(),
			       .flags = NTSYNC_AGG_FLAG_REALTIME), -ETIMEDOUT, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (clocks[i].clock == CLOCK_REALTIME)
			continue;
		w = agg_start(f, AGG_ARGS(SOURCES(OBJ(sem)), .timeout = now_ns(CLOCK_REALTIME),
					  .flags = clocks[i].flags));
		release(sem, 1, 0);
		assert_agg_woken(w, 0, 0, 0);
	}
}

static void success_before_the_deadline(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), fd = new_eventfd(f, 0);
	struct agg_wait *w;

	need_aggregate(f);
	w = agg_start(f, AGG_ARGS(SOURCES(OBJ(sem), FILE_IN(fd)), .timeout = long_from_now()));
	release(sem, 1, 0);
	assert_agg_woken(w, 0, 0, 0);
	w = agg_start(f, AGG_ARGS(SOURCES(OBJ(sem), FILE_IN(fd)), .timeout = long_from_now()));
	add_one(fd);
	assert_agg_woken(w, 0, 1, POLLIN);
}

/* ---- signals ---- */

static void signal_interrupts(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), fd = new_eventfd(f, 0);
	struct agg_wait *waits[3];

	need_aggregate(f);
	count_signals(SIGUSR1, 0);
	waits[0] = agg_start_on(f, OBJ(sem));
	waits[1] = agg_start_on(f, FILE_IN(fd));
	waits[2] = agg_start_on(f, OBJ(sem), FILE_IN(fd));
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		call_signal(agg_of(waits[i]), SIGUSR1);
		assert_agg_woken(waits[i], -EINTR, 0, 0);
	}
	assert_int_equal(signals_counted, 3);
	release(sem, 1, 0);
	assert_sem(sem, 1, 1);
}

static void signal_restarts(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), fd = new_eventfd(f, 0);
	struct agg_wait *a, *b;

	need_aggregate(f);
	count_signals(SIGUSR1, SA_RESTART);
	a = agg_start_on(f, OBJ(sem), FILE_IN(fd));
	b = agg_start_on(f, FILE_IN(fd));
	call_signal(agg_of(a), SIGUSR1);
	call_signal(agg_of(b), SIGUSR1);
	await_signals(2);
	assert_agg_asleep(a);
	assert_agg_asleep(b);
	release(sem, 1, 0);
	assert_agg_woken(a, 0, 0, 0);
	add_one(fd);
	assert_agg_woken(b, 0, 0, POLLIN);
}

static void restart_keeps_the_deadline(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);
	uint64_t deadline = monotonic_ns() + 200 * NS_PER_MS;
	struct agg_wait *w;

	need_aggregate(f);
	count_signals(SIGUSR1, SA_RESTART);
	w = agg_running(f, AGG_ARGS(SOURCES(OBJ(sem)), .timeout = deadline), NULL);
	while (!call_out(agg_of(w))) {
		call_signal(agg_of(w), SIGUSR1);
		sleep_ms(5);
	}
	assert_agg_woken(w, -ETIMEDOUT, 0, 0);
	assert_true(monotonic_ns() >= deadline);
}

/* ---- a file that was ready in time ---- */

/*
 * The waiter is on a CPU that the test occupies, and the file becomes ready while the waiter can't
 * run. What happens to it after that must not change the result; poll(2) behaves the same.
 */
static struct agg_wait *ready_late(struct fixture *f, bool expires)
{
	const struct waiter_sched below = { .policy = SCHED_FIFO, .prio = 10, .cpu = 1 };
	int fd = new_eventfd(f, 0), sem = new_sem(f, 0, 1);
	struct agg_wait *w;

	w = agg_running(f, AGG_ARGS(AGG_EXPIRES(expires), SOURCES(OBJ(sem), FILE_IN(fd))), &below);
	assert_agg_asleep(w);
	occupy_cpu(50);
	add_one(fd);
	return w;
}

static void a_file_wins_over_the_deadline(void **state)
{
	struct fixture *f = *state;
	struct agg_wait *w;

	need_aggregate(f);
	need_realtime();
	need_settable_clock();
	w = ready_late(f, true);
	pass_an_hour();
	free_cpu();
	assert_agg_woken(w, 0, 1, POLLIN);
}

static void a_file_wins_over_a_signal(void **state)
{
	struct fixture *f = *state;
	struct agg_wait *w;

	need_aggregate(f);
	need_realtime();
	count_signals(SIGUSR1, 0);
	w = ready_late(f, false);
	call_signal(agg_of(w), SIGUSR1);
	free_cpu();
	assert_agg_woken(w, 0, 1, POLLIN);
}

/* ---- lifetime ---- */

static void closing_an_object_ends_nothing(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), other = own_fd(f, dup(sem));
	struct agg_wait *w;

	need_aggregate(f);
	w = agg_start_on(f, OBJ(sem));
	close_fd(f, sem);
	assert_agg_asleep(w);
	release(other, 1, 0);
	assert_agg_woken(w, 0, 0, 0);
}

/* Every descriptor is closed, so only a signal can end the wait. */
static void closing_the_last_descriptor(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), fd = new_eventfd(f, 0);
	struct agg_wait *w;

	need_aggregate(f);
	count_signals(SIGUSR1, 0);
	w = agg_start_on(f, OBJ(sem), FILE_IN(fd));
	close_fd(f, sem);
	close_fd(f, fd);
	assert_agg_asleep(w);
	call_signal(agg_of(w), SIGUSR1);
	assert_agg_woken(w, -EINTR, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AGG_TEST(the_past),
		AGG_TEST_NUMBER(above_s64_max),
		AGG_TEST_TIMESPEC(negative_seconds_are_the_past),
		AGG_TEST(waits_until_the_deadline),
		AGG_TEST(the_flag_chooses_the_clock),
		AGG_TEST(success_before_the_deadline),
		AGG_TEST(signal_interrupts),
		AGG_TEST(signal_restarts),
		AGG_TEST(restart_keeps_the_deadline),
		AGG_TEST(a_file_wins_over_the_deadline),
		AGG_TEST(a_file_wins_over_a_signal),
		AGG_TEST(closing_an_object_ends_nothing),
		AGG_TEST(closing_the_last_descriptor),
	};

	return RUN(tests);
}
