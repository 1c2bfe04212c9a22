// SPDX-License-Identifier: GPL-2.0-only
/* ADDR_WAKE: whom it wakes, and in what order. */
#include "addr.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

static uint32_t word;

static struct addr_call *start_fifo(struct fixture *f, int prio)
{
	const struct waiter_sched sched = {
		.policy = prio ? SCHED_FIFO : SCHED_OTHER,
		.prio = prio,
	};

	return start_addr(f, ADDR_SLEEP(&word), &sched);
}

static void one_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct addr_call *c[4];

	need_addr(f);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		c[i] = start_addr(f, ADDR_SLEEP(&word), NULL);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		assert_ret(addr_wake(f, &word, 1, 0), 1);
		assert_addr_woken(c[i], 0);
		for (size_t j = i + 1; j < ARRAY_SIZE(c); j++)
			assert_addr_asleep(c[j]);
	}
	assert_ret(addr_wake(f, &word, 1, 0), 0);
}

static void by_priority_and_arrival(void **state)
{
	static const int prios[] = { 0, 20, 0, 30, 20, 10 };
	static const size_t order[] = { 3, 1, 4, 5, 0, 2 };
	struct addr_call *c[ARRAY_SIZE(prios)];
	struct fixture *f = *state;

	need_addr(f);
	need_realtime();
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		c[i] = start_fifo(f, prios[i]);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		assert_ret(addr_wake(f, &word, 1, 0), 1);
		assert_addr_woken(c[order[i]], 0);
		for (size_t j = i + 1; j < ARRAY_SIZE(c); j++)
			assert_addr_asleep(c[order[j]]);
	}
}

/* A priority that is changed while the thread sleeps counts. */
static void by_the_priority_of_now(void **state)
{
	struct fixture *f = *state;
	struct addr_call *first, *second;

	need_addr(f);
	need_realtime();
	first = start_fifo(f, 20);
	second = start_fifo(f, 10);
	assert_int_equal(sched_setscheduler(call_tid(first->call), SCHED_OTHER,
					    &(struct sched_param){ 0 }), 0);
	assert_ret(addr_wake(f, &word, 1, 0), 1);
	assert_addr_woken(second, 0);
	assert_addr_asleep(first);
	assert_ret(addr_wake(f, &word, 1, 0), 1);
	assert_addr_woken(first, 0);
}

/* A handler that restarts the call does not cost it its turn. */
static void a_restart_keeps_the_turn(void **state)
{
	struct fixture *f = *state;
	struct addr_call *first, *second;

	need_addr(f);
	count_signals(SIGUSR1, SA_RESTART);
	first = start_addr(f, ADDR_SLEEP(&word), NULL);
	second = start_addr(f, ADDR_SLEEP(&word), NULL);
	call_signal(first->call, SIGUSR1);
	await_signals(1);
	assert_addr_asleep(first);
	assert_ret(addr_wake(f, &word, 1, 0), 1);
	assert_addr_woken(first, 0);
	assert_addr_asleep(second);
	assert_ret(addr_wake(f, &word, 1, 0), 1);
}

/* Those that leave in the middle, the carrier of the key among them. */
static void some_have_left(void **state)
{
	struct fixture *f = *state;
	struct addr_call *c[5];

	need_addr(f);
	count_signals(SIGUSR1, 0);
	for (size_t leaves = 0; leaves < ARRAY_SIZE(c); leaves++) {
		for (size_t i = 0; i < ARRAY_SIZE(c); i++)
			c[i] = start_addr(f, ADDR_SLEEP(&word), NULL);
		call_signal(c[leaves]->call, SIGUSR1);
		assert_addr_woken(c[leaves], -EINTR);
		for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
			if (i == leaves)
				continue;
			assert_ret(addr_wake(f, &word, 1, 0), 1);
			assert_addr_woken(c[i], 0);
		}
		assert_ret(addr_wake(f, &word, 1, 0), 0);
	}
}

/* ---- many ---- */

static void start_many(struct fixture *f, struct addr_call **c, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		c[i] = start_addr_running(f, ADDR_SLEEP(&word), NULL);
	for (unsigned int i = 0; i < count; i++)
		assert_addr_asleep(c[i]);
}

static unsigned int count_out(struct addr_call **c, unsigned int count)
{
	unsigned int out = 0;

	for (unsigned int i = 0; i < count; i++)
		out += !call_asleep(c[i]->call);
	return out;
}

static void as_many_as_asked_for(void **state)
{
	static const unsigned int wakes[] = { 1, 7, 8, 9, 0, 17, 40, 100 };
	struct fixture *f = *state;
	struct addr_call *c[100];
	unsigned int woken = 0;

	need_addr(f);
	start_many(f, c, ARRAY_SIZE(c));
	for (size_t i = 0; i < ARRAY_SIZE(wakes); i++) {
		unsigned int left = ARRAY_SIZE(c) - woken;
		unsigned int want = wakes[i] < left ? wakes[i] : left;

		assert_ret(addr_wake(f, &word, wakes[i], 0), want);
		woken += want;
		assert_int_equal(count_out(c, ARRAY_SIZE(c)), woken);
	}
	assert_int_equal(woken, ARRAY_SIZE(c));
}

/* In order, also after a wake of many that has left some. */
static void the_order_of_many(void **state)
{
	struct fixture *f = *state;
	struct addr_call *c[40], *late[2];

	need_addr(f);
	need_realtime();
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		c[i] = start_addr(f, ADDR_SLEEP(&word), NULL);
	assert_ret(addr_wake(f, &word, 20, 0), 20);
	for (size_t i = 0; i < 20; i++)
		assert_addr_woken(c[i], 0);
	late[0] = start_addr(f, ADDR_SLEEP(&word), NULL);
	late[1] = start_fifo(f, 10);
	assert_int_equal(count_out(c, ARRAY_SIZE(c)), 20);
	assert_ret(addr_wake(f, &word, 1, 0), 1);
	assert_addr_woken(late[1], 0);
	for (size_t i = 20; i < ARRAY_SIZE(c); i++) {
		assert_ret(addr_wake(f, &word, 1, 0), 1);
		assert_addr_woken(c[i], 0);
	}
	assert_addr_asleep(late[0]);
	assert_ret(addr_wake(f, &word, ~0u, 0), 1);
	assert_addr_woken(late[0], 0);
}

/* A wake of many leaves a few, and more come than are left. */
static void more_come_than_are_left(void **state)
{
	struct fixture *f = *state;
	struct addr_call *c[40];

	need_addr(f);
	for (size_t i = 0; i < 20; i++)
		c[i] = start_addr(f, ADDR_SLEEP(&word), NULL);
	assert_ret(addr_wake(f, &word, 12, 0), 12);
	for (size_t i = 0; i < 12; i++)
		assert_addr_woken(c[i], 0);
	for (size_t i = 20; i < ARRAY_SIZE(c); i++)
		c[i] = start_addr(f, ADDR_SLEEP(&word), NULL);
	for (size_t i = 12; i < ARRAY_SIZE(c); i++) {
		assert_ret(addr_wake(f, &word, 1, 0), 1);
		assert_addr_woken(c[i], 0);
	}
	assert_ret(addr_wake(f, &word, 1, 0), 0);
}

/* Waiters that a wake of many has left may leave by themselves, and change their priority. */
static void some_of_many_leave(void **state)
{
	struct fixture *f = *state;
	struct addr_call *c[30];

	need_addr(f);
	need_realtime();
	count_signals(SIGUSR1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		c[i] = start_addr(f, ADDR_SLEEP(&word), NULL);
	assert_ret(addr_wake(f, &word, 20, 0), 20);
	for (size_t i = 20; i < ARRAY_SIZE(c); i += 2) {
		call_signal(c[i]->call, SIGUSR1);
		assert_addr_woken(c[i], -EINTR);
	}
	assert_int_equal(sched_setscheduler(call_tid(c[29]->call), SCHED_FIFO,
					    &(struct sched_param){ .sched_priority = 3 }), 0);
	assert_ret(addr_wake(f, &word, ~0u, 0), 5);
	for (size_t i = 21; i < ARRAY_SIZE(c); i += 2)
		assert_addr_woken(c[i], 0);
}

/* A thousand, with other addresses beside them that are not touched. */
static void all_of_a_thousand(void **state)
{
	static struct addr_call *c[1000], *others[20];
	static uint32_t other_words[20];
	unsigned int crowd = choose_crowd(ARRAY_SIZE(c));
	struct fixture *f = *state;

	need_addr(f);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = start_addr(f, ADDR_SLEEP(&other_words[i]), NULL);
	start_many(f, c, crowd);
	still_alive();
	assert_ret(addr_wake(f, &word, ~0u, 0), crowd);
	for (size_t i = 0; i < crowd; i++)
		assert_addr_woken(c[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_addr_asleep(others[i]);
		assert_ret(addr_wake(f, &other_words[i], 1, 0), 1);
		assert_addr_woken(others[i], 0);
	}
}

/* Waits with deadlines of some microseconds, and counts those that a wake ended. */
struct sleeper {
	pthread_t thread;
	int dev;
	uint64_t woken;
};

static atomic_bool sleepers_end;

static void *sleep_and_count(void *arg)
{
	struct sleeper *s = arg;

	while (!atomic_load(&sleepers_end)) {
		struct ntsync_addr_wait_args args = ADDR_ARGS(&word, .timeout = monotonic_ns() + 50000);

		s->woken += !ioctl(s->dev, ADDR_WAIT, &args);
	}
	return NULL;
}

/* A waiter that is counted is woken, though its deadline passes before its turn comes. */
static void each_that_is_counted_is_woken(void **state)
{
	static struct sleeper sleepers[40];
	struct fixture *f = *state;
	uint64_t counted = 0, woken = 0;

	need_addr(f);
	for (size_t i = 0; i < ARRAY_SIZE(sleepers); i++) {
		sleepers[i].dev = f->dev;
		assert_int_equal(pthread_create(&sleepers[i].thread, NULL, sleep_and_count,
						&sleepers[i]), 0);
	}
	for (int i = 0; i < 3000; i++) {
		int ret = addr_wake(f, &word, ~0u, 0);

		assert_true(ret >= 0);
		counted += ret;
		sched_yield();
	}
	atomic_store(&sleepers_end, true);
	for (size_t i = 0; i < ARRAY_SIZE(sleepers); i++) {
		pthread_join(sleepers[i].thread, NULL);
		woken += sleepers[i].woken;
	}
	assert_int_equal(woken, counted);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ADDR_TEST(one_at_a_time),
		ADDR_TEST(by_priority_and_arrival),
		ADDR_TEST(by_the_priority_of_now),
		ADDR_TEST(a_restart_keeps_the_turn),
		ADDR_TEST(some_have_left),
		ADDR_TEST(as_many_as_asked_for),
		ADDR_TEST(the_order_of_many),
		ADDR_TEST(more_come_than_are_left),
		ADDR_TEST(some_of_many_leave),
		ADDR_TEST(all_of_a_thousand),
		ADDR_TEST(each_that_is_counted_is_woken),
	};

	return RUN(tests);
}
