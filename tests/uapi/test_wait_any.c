// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

static void lowest_ready_index_wins(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), mutex = new_mutex(f, 0, 0), event = new_auto(f, true);

	assert_wait(f, ANY, ARGS(FDS(sem, mutex, event), .owner = 7), 0, 1);
	assert_mutex(mutex, 7, 1);
	assert_event(event, 0, 1);
	/* A mutex of another owner is passed over. */
	assert_wait(f, ANY, ARGS(FDS(sem, mutex, event), .owner = 8), 0, 2);
	assert_event(event, 0, 0);
	assert_wait(f, ANY, ARGS(FDS(sem, mutex, event), .owner = 8), -ETIMEDOUT, 0);
	release(sem, 1, 0);
	assert_wait(f, ANY, ARGS(FDS(sem, mutex, event), .owner = 7), 0, 0);
	assert_mutex(mutex, 7, 1);
	assert_sem(sem, 0, 1);
}

static void a_mutex_at_its_last_is_passed_over(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 7, ~0u), sem = new_sem(f, 1, 1);

	assert_wait(f, ANY, ARGS(FDS(mutex, sem), .owner = 7), 0, 1);
	assert_mutex(mutex, 7, ~0u);
	assert_sem(sem, 0, 1);
}

static void ownerdead_comes_with_the_index(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), mutex = new_mutex(f, 9, 2), last = new_sem(f, 1, 1);
	struct waiter *w;

	kill_owner(mutex, 9);
	assert_wait(f, ANY, ARGS(FDS(sem, mutex, last), .owner = 7), -EOWNERDEAD, 1);
	assert_mutex(mutex, 7, 1);
	assert_sem(last, 1, 1);
	w = start(f, ANY, ARGS(FDS(sem, sem, mutex), .owner = 8, .timeout = FOREVER));
	kill_owner(mutex, 7);
	assert_woken(w, -EOWNERDEAD, 2);
	assert_mutex(mutex, 8, 1);
}

/* A mutex behind the acquired object is not reported, and stays abandoned. */
static void ownerdead_only_of_what_was_acquired(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1), mutex = new_mutex(f, 9, 1);

	kill_owner(mutex, 9);
	assert_wait(f, ANY, ARGS(FDS(sem, mutex), .owner = 7), 0, 0);
	assert_abandoned(mutex);
}

static void none_of_none_times_out(void **state)
{
	struct fixture *f = *state;
	uint64_t deadline = monotonic_ns() + 5 * NS_PER_MS;

	assert_wait(f, ANY, ARGS(.owner = OWNER), -ETIMEDOUT, 0);
	assert_wait(f, ANY, ARGS(.owner = OWNER, .timeout = deadline), -ETIMEDOUT, 0);
	assert_true(monotonic_ns() >= deadline);
}

static void none_of_none_sleeps(void **state)
{
	struct fixture *f = *state;
	struct waiter *w = start(f, ANY, ARGS(.owner = OWNER, .timeout = FOREVER));

	assert_asleep(w);
	/* The teardown ends the wait by a signal. */
}

static void each_of_64_and_the_alert_when_ready(void **state)
{
	struct fixture *f = *state;
	struct many m;

	new_many(f, &m);
	assert_wait(f, ANY, many_args(&m, MANY, 0), -ETIMEDOUT, 0);
	for (int i = MANY; i >= 0; i--) {
		signal_one_of_many(&m, i);
		assert_wait(f, ANY, many_args(&m, MANY, 0), 0, i);
		assert_wait(f, ANY, many_args(&m, MANY, 0), -ETIMEDOUT, 0);
	}
}

static void each_of_64_and_the_alert_when_asleep(void **state)
{
	struct fixture *f = *state;
	struct many m;

	new_many(f, &m);
	for (int i = 0; i <= MANY; i++) {
		struct waiter *w = start(f, ANY, many_args(&m, MANY, FOREVER));

		signal_one_of_many(&m, i);
		assert_woken(w, 0, i);
	}
	assert_wait(f, ANY, many_args(&m, MANY, 0), -ETIMEDOUT, 0);
}

/* Of every size, so with every way to allocate a wait's record. */
static void every_count(void **state)
{
	struct fixture *f = *state;
	struct many m;

	new_many(f, &m);
	for (unsigned int count = 1; count <= MANY; count++) {
		struct ntsync_wait_args args = many_args(&m, MANY, FOREVER);
		struct waiter *w;

		args.count = count;
		args.alert = count % 3 ? 0 : m.alert;
		w = start(f, ANY, args);
		signal_one_of_many(&m, count - 1);
		assert_woken(w, 0, count - 1);
	}
}

static void the_same_object_64_times(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 2);
	struct many m = { .alert = sem };
	struct waiter *w;

	for (int i = 0; i < MANY; i++)
		m.objs[i] = sem;
	assert_wait(f, ANY, many_args(&m, MANY, 0), 0, 0);
	assert_wait(f, ANY, many_args(&m, MANY, 0), 0, 0);
	w = start(f, ANY, many_args(&m, MANY, FOREVER));
	release(sem, 2, 0);
	assert_woken(w, 0, 0);
	assert_sem(sem, 1, 2);
}

/* A wait that has been granted acquires nothing more, and leaves nothing in the queues. */
static void one_wait_takes_one_object(void **state)
{
	struct fixture *f = *state;
	int first = new_sem(f, 0, 2), second = new_auto(f, false), third = new_mutex(f, 9, 1);
	struct waiter *w = start(f, ANY, ARGS(FDS(first, second, third), .owner = OWNER,
					      .timeout = FOREVER));

	set_event(second, 0);
	release(first, 2, 0);
	unlock(third, 9, 1);
	assert_woken(w, 0, 1);
	assert_sem(first, 2, 2);
	assert_event(second, 0, 0);
	assert_mutex(third, 0, 0);
	set_event(second, 0);
	assert_event(second, 0, 1);
}

static void a_wait_that_timed_out_takes_nothing(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), mutex = new_mutex(f, 9, 1), event = new_auto(f, false);
	uint64_t deadline = monotonic_ns() + 20 * NS_PER_MS;
	struct waiter *w = start_running(f, ANY, ARGS(FDS(sem, mutex, event), .owner = OWNER,
						      .timeout = deadline), NULL);

	assert_woken(w, -ETIMEDOUT, 0);
	release(sem, 1, 0);
	unlock(mutex, 9, 1);
	set_event(event, 0);
	assert_sem(sem, 1, 1);
	assert_mutex(mutex, 0, 0);
	assert_event(event, 0, 1);
}

/* Two releases serve both waits, not the first one twice. */
static void two_waiters_on_two_objects(void **state)
{
	struct fixture *f = *state;
	int a = new_auto(f, false), b = new_auto(f, false);
	struct waiter *first = start(f, ANY, ARGS(FDS(a, b), .owner = OWNER, .timeout = FOREVER));
	struct waiter *second = start(f, ANY, ARGS(FDS(b, a), .owner = OWNER,
						   .timeout = FOREVER));

	set_event(a, 0);
	set_event(b, 0);
	assert_woken(first, 0, 0);
	assert_woken(second, 0, 0);
	assert_event(a, 0, 0);
	assert_event(b, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(lowest_ready_index_wins),
		TEST(a_mutex_at_its_last_is_passed_over),
		TEST(ownerdead_comes_with_the_index),
		TEST(ownerdead_only_of_what_was_acquired),
		TEST(none_of_none_times_out),
		TEST(none_of_none_sleeps),
		TEST(each_of_64_and_the_alert_when_ready),
		TEST(each_of_64_and_the_alert_when_asleep),
		TEST(every_count),
		TEST(the_same_object_64_times),
		TEST(one_wait_takes_one_object),
		TEST(a_wait_that_timed_out_takes_nothing),
		TEST(two_waiters_on_two_objects),
	};

	return RUN(tests);
}
