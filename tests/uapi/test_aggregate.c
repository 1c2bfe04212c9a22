// SPDX-License-Identifier: GPL-2.0-only
/* AGGREGATE_WAIT on objects: what it acquires, and which object it reports. */
#include "aggregate.h"

/* ---- effects ---- */

static void semaphore(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 3);

	need_aggregate(f);
	assert_agg_ready(f, 0, 0, OBJ(sem));
	assert_sem(sem, 1, 3);
	assert_agg_ready(f, 0, 0, OBJ(sem));
	assert_agg_nothing(f, OBJ(sem));
	assert_sem(sem, 0, 3);
}

static void events(void **state)
{
	struct fixture *f = *state;
	int automatic = new_auto(f, true), manual = new_manual(f, true);

	need_aggregate(f);
	assert_agg_ready(f, 0, 0, OBJ(automatic));
	assert_event(automatic, 0, 0);
	assert_agg_nothing(f, OBJ(automatic));
	assert_agg_ready(f, 0, 0, OBJ(manual));
	assert_agg_ready(f, 0, 0, OBJ(manual));
	assert_event(manual, 1, 1);
}

static void mutex(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0);
	const agg_t args = AGG_ARGS(SOURCES(OBJ(mutex)), .owner = OWNER);
	const agg_t other = AGG_ARGS(SOURCES(OBJ(mutex)), .owner = OWNER + 1);

	need_aggregate(f);
	assert_agg(f, args, 0, 0, 0);
	assert_agg(f, args, 0, 0, 0);
	assert_mutex(mutex, OWNER, 2);
	assert_agg(f, other, -ETIMEDOUT, 0, 0);
	unlock(mutex, OWNER, 2);
	unlock(mutex, OWNER, 1);
	assert_agg(f, other, 0, 0, 0);
	assert_mutex(mutex, OWNER + 1, 1);
}

static void mutex_at_its_limit(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, OWNER, ~0u), sem = new_sem(f, 1, 1);

	need_aggregate(f);
	assert_agg(f, AGG_ARGS(SOURCES(OBJ(mutex), OBJ(sem)), .owner = OWNER), 0, 1, 0);
	assert_mutex(mutex, OWNER, ~0u);
}

static void abandoned_mutex(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), mutex = new_mutex(f, 1, 3);

	need_aggregate(f);
	kill_owner(mutex, 1);
	assert_agg(f, AGG_ARGS(SOURCES(OBJ(sem), OBJ(mutex)), .owner = OWNER), -EOWNERDEAD, 1, 0);
	assert_mutex(mutex, OWNER, 1);
	assert_agg(f, AGG_ARGS(SOURCES(OBJ(sem), OBJ(mutex)), .owner = OWNER), 0, 1, 0);
}

static void abandoned_while_waiting(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), mutex = new_mutex(f, 1, 1), fd = new_eventfd(f, 0);
	struct agg_wait *w;

	need_aggregate(f);
	w = agg_start(f, AGG_ARGS(.timeout = FOREVER, .owner = OWNER,
				  SOURCES(FILE_IN(fd), OBJ(sem), OBJ(mutex))));
	kill_owner(mutex, 1);
	assert_agg_woken(w, -EOWNERDEAD, 2, 0);
	assert_mutex(mutex, OWNER, 1);
}

/* Objects of each type, with a file beside them, for a waiter that sleeps. */
static void woken_by_each_kind(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), mutex = new_mutex(f, 1, 1), fd = new_eventfd(f, 0);
	int automatic = new_auto(f, false), manual = new_manual(f, false);
	const agg_t args = AGG_ARGS(.timeout = FOREVER, .owner = OWNER,
				    SOURCES(OBJ(sem), OBJ(mutex), FILE_IN(fd), OBJ(automatic),
					    OBJ(manual)));
	struct agg_wait *w;

	need_aggregate(f);
	w = agg_start(f, args);
	release(sem, 1, 0);
	assert_agg_woken(w, 0, 0, 0);
	assert_sem(sem, 0, 1);
	w = agg_start(f, args);
	unlock(mutex, 1, 1);
	assert_agg_woken(w, 0, 1, 0);
	assert_mutex(mutex, OWNER, 1);
	unlock(mutex, OWNER, 1);
	assert_agg(f, AGG_ARGS(SOURCES(OBJ(mutex)), .owner = 1), 0, 0, 0);
	w = agg_start(f, args);
	set_event(automatic, 0);
	assert_agg_woken(w, 0, 3, 0);
	assert_event(automatic, 0, 0);
	w = agg_start(f, args);
	set_event(manual, 0);
	assert_agg_woken(w, 0, 4, 0);
	assert_event(manual, 1, 1);
}

static void pulse_wakes(void **state)
{
	struct fixture *f = *state;
	int manual = new_manual(f, false), fd = new_eventfd(f, 0);
	struct agg_wait *a, *b;

	need_aggregate(f);
	a = agg_start_on(f, OBJ(manual), FILE_IN(fd));
	b = agg_start_on(f, FILE_IN(fd), OBJ(manual));
	pulse_event(manual, 0);
	assert_agg_woken(a, 0, 0, 0);
	assert_agg_woken(b, 0, 1, 0);
	assert_event(manual, 1, 0);
}

/* ---- which one ---- */

static void objects_go_before_files(void **state)
{
	struct fixture *f = *state;
	int low = new_eventfd(f, 1), high = new_eventfd(f, 1), sem = new_sem(f, 1, 1);
	int event = new_auto(f, true);

	need_aggregate(f);
	assert_agg_ready(f, 1, 0, FILE_IN(low), OBJ(event), FILE_IN(high), OBJ(sem));
	assert_sem(sem, 1, 1);
	assert_agg_ready(f, 3, 0, FILE_IN(low), OBJ(event), FILE_IN(high), OBJ(sem));
	assert_agg_ready(f, 0, POLLIN, FILE_IN(low), OBJ(event), FILE_IN(high), OBJ(sem));
	drain_fd(low);
	assert_agg_ready(f, 2, POLLIN, FILE_IN(low), OBJ(event), FILE_IN(high), OBJ(sem));
}

static void every_position_of_64(void **state)
{
	struct fixture *f = *state;
	source_t sources[NTSYNC_AGG_MAX];
	const agg_t args = AGG_ARGS(.sources = (uintptr_t)sources, .nb_sources = NTSYNC_AGG_MAX);

	need_aggregate(f);
	for (size_t i = 0; i < NTSYNC_AGG_MAX; i++)
		sources[i] = i % 2 ? OBJ(new_auto(f, false)) : FILE_IN(new_eventfd(f, 0));
	for (size_t i = 0; i < NTSYNC_AGG_MAX; i++) {
		if (i % 2)
			set_event(sources[i].fd, 0);
		else
			add_one(sources[i].fd);
		assert_agg(f, args, 0, i, i % 2 ? 0 : POLLIN);
		if (i % 2 == 0)
			drain_fd(sources[i].fd);
		assert_agg(f, args, -ETIMEDOUT, 0, 0);
	}
}

/* The same for waits that sleep: the first, the last and some between of 1 to 64. */
static void sleeping_on_any_number(void **state)
{
	static const uint32_t numbers[] = { 1, 2, 4, 5, 8, 9, 16, 17, 33, 63, 64 };
	struct fixture *f = *state;
	source_t sources[NTSYNC_AGG_MAX];

	need_aggregate(f);
	for (size_t i = 0; i < NTSYNC_AGG_MAX; i++)
		sources[i] = i % 3 ? OBJ(new_auto(f, false)) : FILE_IN(new_eventfd(f, 0));
	for (size_t n = 0; n < ARRAY_SIZE(numbers); n++) {
		const uint32_t last = numbers[n] - 1, which[] = { 0, last / 2, last };

		for (size_t k = 0; k < ARRAY_SIZE(which); k++) {
			uint32_t i = which[k];
			struct agg_wait *w = agg_start(f, AGG_ARGS(
				.timeout = FOREVER, .sources = (uintptr_t)sources,
				.nb_sources = numbers[n]));

			if (i % 3)
				set_event(sources[i].fd, 0);
			else
				add_one(sources[i].fd);
			assert_agg_woken(w, 0, i, i % 3 ? 0 : POLLIN);
			if (i % 3 == 0)
				drain_fd(sources[i].fd);
		}
	}
}

static void duplicates(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 2), same = own_fd(f, dup(sem)), fd = new_eventfd(f, 1);
	struct agg_wait *w;

	need_aggregate(f);
	assert_agg_ready(f, 0, 0, OBJ(sem), OBJ(sem), OBJ(same));
	assert_sem(sem, 1, 2);
	assert_agg_ready(f, 0, 0, OBJ(same), OBJ(sem));
	assert_agg_ready(f, 1, POLLIN, OBJ(sem), FILE_IN(fd), FILE_IN(fd));
	assert_agg_ready(f, 1, POLLIN | POLLOUT, FILE_FOR(fd, 0), FILE_FOR(fd, POLLIN | POLLOUT));
	w = agg_start_on(f, OBJ(sem), OBJ(same), OBJ(sem));
	release(sem, 1, 0);
	/* Only one of the waits is woken. */
	assert_agg_woken(w, 0, 0, 0);
	assert_sem(sem, 0, 2);
}

static void best_waiter_first(void **state)
{
	const struct waiter_sched high = { .policy = SCHED_FIFO, .prio = 20 };
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 2), fd = new_eventfd(f, 0);
	struct agg_wait *normal, *urgent;

	need_aggregate(f);
	need_realtime();
	normal = agg_start_on(f, OBJ(sem), FILE_IN(fd));
	urgent = agg_running(f, AGG_FOREVER(FILE_IN(fd), OBJ(sem)), &high);
	assert_agg_asleep(urgent);
	release(sem, 1, 0);
	assert_agg_woken(urgent, 0, 1, 0);
	assert_agg_asleep(normal);
	release(sem, 1, 0);
	assert_agg_woken(normal, 0, 0, 0);
}

/* Aggregate waits are in the same queues as other waits. */
static void beside_other_waits(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 3), other = new_sem(f, 1, 1);
	struct waiter *any, *all;
	struct agg_wait *w;

	need_aggregate(f);
	any = start_on(f, ANY, sem);
	w = agg_start_on(f, OBJ(sem));
	all = start(f, ALL, ARGS(FDS(sem, other), .owner = OWNER, .timeout = FOREVER));
	release(sem, 1, 0);
	assert_woken(all, 0, 0);
	assert_asleep(any);
	release(sem, 1, 0);
	assert_woken(any, 0, 0);
	assert_agg_asleep(w);
	release(sem, 1, 0);
	assert_agg_woken(w, 0, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AGG_TEST(semaphore),
		AGG_TEST(events),
		AGG_TEST(mutex),
		AGG_TEST(mutex_at_its_limit),
		AGG_TEST(abandoned_mutex),
		AGG_TEST(abandoned_while_waiting),
		AGG_TEST(woken_by_each_kind),
		AGG_TEST(pulse_wakes),
		AGG_TEST(objects_go_before_files),
		AGG_TEST(every_position_of_64),
		AGG_TEST(sleeping_on_any_number),
		AGG_TEST(duplicates),
		AGG_TEST(best_waiter_first),
		AGG_TEST(beside_other_waits),
	};

	return RUN(tests);
}
