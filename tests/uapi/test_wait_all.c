// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

static void takes_all_that_are_ready(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 3), mutex = new_mutex(f, 0, 0);
	int once = new_auto(f, true), stays = new_manual(f, true);

	assert_wait(f, ALL, ARGS(FDS(sem, mutex, once, stays), .owner = 7), 0, 0);
	assert_sem(sem, 1, 3);
	assert_mutex(mutex, 7, 1);
	assert_event(once, 0, 0);
	assert_event(stays, 1, 1);
}

/* Whichever object is missing: none of the others is acquired. */
static void takes_nothing_when_one_is_missing(void **state)
{
	struct fixture *f = *state;

	for (int missing = 0; missing < 4; missing++) {
		int sem = new_sem(f, missing != 0, 1);
		int mutex = new_mutex(f, missing == 1 ? 9 : 7, 1);
		int once = new_auto(f, missing != 2), stays = new_manual(f, missing != 3);

		assert_wait(f, ALL, ARGS(FDS(sem, mutex, once, stays), .owner = 7),
			    -ETIMEDOUT, 0);
		assert_sem(sem, missing != 0, 1);
		assert_mutex(mutex, missing == 1 ? 9 : 7, 1);
		assert_event(once, 0, missing != 2);
		assert_event(stays, 1, missing != 3);
	}
}

static void takes_nothing_while_it_waits(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1), event = new_auto(f, false), mutex = new_mutex(f, 0, 0);
	struct waiter *w = start(f, ALL, ARGS(FDS(sem, event, mutex), .owner = 7,
					      .timeout = FOREVER));

	assert_sem(sem, 1, 1);
	assert_mutex(mutex, 0, 0);
	/* Other threads may acquire objects of the wait, ... */
	assert_ret(try_wait(f, sem, OWNER), 0);
	assert_ret(try_wait(f, mutex, 8), 0);
	set_event(event, 0);
	assert_asleep(w);
	assert_event(event, 0, 1);
	release(sem, 1, 0);
	assert_asleep(w);
	assert_sem(sem, 1, 1);
	/* ... and with the last one it gets them all. */
	unlock(mutex, 8, 1);
	assert_sem(sem, 0, 1);
	assert_event(event, 0, 0);
	assert_mutex(mutex, 7, 1);
	assert_woken(w, 0, 0);
}

/* Whichever object comes last completes the wait. */
static void completed_by_any_type(void **state)
{
	struct fixture *f = *state;

	for (int last = 0; last < 4; last++) {
		int sem = new_sem(f, last != 0, 1), mutex = new_mutex(f, 9, 1);
		int once = new_auto(f, last != 2), stays = new_manual(f, last != 3);
		struct waiter *w;

		if (last != 1)
			unlock(mutex, 9, 1);
		w = start(f, ALL, ARGS(FDS(sem, mutex, once, stays), .owner = 7,
				       .timeout = FOREVER));
		if (last == 0)
			release(sem, 1, 0);
		else if (last == 1)
			unlock(mutex, 9, 1);
		else
			set_event(last == 2 ? once : stays, 0);
		assert_woken(w, 0, 0);
		assert_sem(sem, 0, 1);
		assert_mutex(mutex, 7, 1);
		assert_event(once, 0, 0);
		assert_event(stays, 1, 1);
	}
}

static void all_of_none_succeeds_at_once(void **state)
{
	struct fixture *f = *state;
	int alert = new_auto(f, true);

	assert_wait(f, ALL, ARGS(.owner = OWNER), 0, 0);
	assert_wait(f, ALL, ARGS(.owner = OWNER, .timeout = FOREVER), 0, 0);
	assert_wait(f, ALL, ARGS(.owner = OWNER, .alert = alert), 0, 0);
	assert_event(alert, 0, 1);
}

static void a_held_mutex_counts_up(void **state)
{
	struct fixture *f = *state;
	int mine = new_mutex(f, 7, 2), unheld = new_mutex(f, 0, 0);

	assert_wait(f, ALL, ARGS(FDS(mine, unheld), .owner = 7), 0, 0);
	assert_mutex(mine, 7, 3);
	assert_mutex(unheld, 7, 1);
	assert_wait(f, ALL, ARGS(FDS(mine, unheld), .owner = 8), -ETIMEDOUT, 0);
}

static void a_mutex_at_its_last_is_missing(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 7, ~0u), sem = new_sem(f, 1, 1);

	assert_wait(f, ALL, ARGS(FDS(sem, mutex), .owner = 7), -ETIMEDOUT, 0);
	assert_sem(sem, 1, 1);
	assert_mutex(mutex, 7, ~0u);
}

static void several_abandoned_are_told_once(void **state)
{
	struct fixture *f = *state;
	int a = new_mutex(f, 9, 2), b = new_mutex(f, 9, 1), c = new_mutex(f, 7, 1);

	kill_owner(a, 9);
	kill_owner(b, 9);
	assert_wait(f, ALL, ARGS(FDS(c, a, b), .owner = 7), -EOWNERDEAD, 0);
	assert_mutex(a, 7, 1);
	assert_mutex(b, 7, 1);
	assert_mutex(c, 7, 2);
	assert_wait(f, ALL, ARGS(FDS(c, a, b), .owner = 7), 0, 0);
	assert_mutex(a, 7, 2);
}

static void abandoned_is_not_taken_by_halves(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 9, 1), sem = new_sem(f, 0, 1);
	struct waiter *w;

	kill_owner(mutex, 9);
	assert_wait(f, ALL, ARGS(FDS(mutex, sem), .owner = 7), -ETIMEDOUT, 0);
	assert_abandoned(mutex);
	w = start(f, ALL, ARGS(FDS(mutex, sem), .owner = 7, .timeout = FOREVER));
	assert_abandoned(mutex);
	release(sem, 1, 0);
	assert_woken(w, -EOWNERDEAD, 0);
	assert_mutex(mutex, 7, 1);
}

static void several_abandoned_while_it_waits(void **state)
{
	struct fixture *f = *state;
	int a = new_mutex(f, 9, 1), b = new_mutex(f, 9, 1);
	struct waiter *w = start(f, ALL, ARGS(FDS(a, b), .owner = 7, .timeout = FOREVER));

	kill_owner(b, 9);
	assert_asleep(w);
	assert_abandoned(b);
	kill_owner(a, 9);
	assert_woken(w, -EOWNERDEAD, 0);
	assert_mutex(a, 7, 1);
	assert_mutex(b, 7, 1);
}

/* A mutex that was abandoned and has had an owner since is not reported. */
static void abandoned_meanwhile_is_forgotten(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 9, 1), sem = new_sem(f, 0, 1);
	struct waiter *w = start(f, ALL, ARGS(FDS(mutex, sem), .owner = 7, .timeout = FOREVER));

	kill_owner(mutex, 9);
	assert_wait(f, ANY, ARGS(FDS(mutex), .owner = 8), -EOWNERDEAD, 0);
	unlock(mutex, 8, 1);
	assert_asleep(w);
	release(sem, 1, 0);
	assert_woken(w, 0, 0);
}

static void all_waiters_before_any_waiters(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 2), event = new_manual(f, true);
	struct waiter *any = start_on(f, ANY, sem);
	struct waiter *all = start(f, ALL, ARGS(FDS(sem, event), .owner = OWNER,
						.timeout = FOREVER));

	release(sem, 1, 0);
	assert_woken(all, 0, 0);
	assert_asleep(any);
	release(sem, 1, 0);
	assert_woken(any, 0, 0);
	assert_sem(sem, 0, 2);
}

static void mutex_goes_to_all_waiters_first(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 9, 1), event = new_auto(f, true);
	struct waiter *any = start_as(f, ANY, mutex, 8);
	struct waiter *all = start(f, ALL, ARGS(FDS(mutex, event), .owner = 7,
						.timeout = FOREVER));

	unlock(mutex, 9, 1);
	assert_woken(all, 0, 0);
	assert_mutex(mutex, 7, 1);
	assert_event(event, 0, 0);
	assert_asleep(any);
	kill_owner(mutex, 7);
	assert_woken(any, -EOWNERDEAD, 0);
}

static void an_incomplete_wait_all_keeps_nobody_waiting(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), event = new_auto(f, false);
	struct waiter *all = start(f, ALL, ARGS(FDS(sem, event), .owner = OWNER,
						.timeout = FOREVER));
	struct waiter *any = start_on(f, ANY, sem);

	release(sem, 1, 0);
	assert_woken(any, 0, 0);
	assert_sem(sem, 0, 1);
	assert_asleep(all);
	set_event(event, 0);
	assert_asleep(all);
	assert_event(event, 0, 1);
	release(sem, 1, 0);
	assert_woken(all, 0, 0);
	assert_event(event, 0, 0);
}

/* One release may complete several waits, each of which acquires its part. */
static void one_release_completes_several(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9), token = new_sem(f, 2, 2);
	struct waiter *w[3], *any;

	for (int i = 0; i < 3; i++)
		w[i] = start(f, ALL, ARGS(FDS(token, sem), .owner = OWNER, .timeout = FOREVER));
	any = start_on(f, ANY, sem);
	release(sem, 4, 0);
	assert_woken(w[0], 0, 0);
	assert_woken(w[1], 0, 0);
	assert_woken(any, 0, 0);
	assert_asleep(w[2]);
	assert_sem(token, 0, 2);
	assert_sem(sem, 1, 9);
	release(token, 1, 0);
	assert_woken(w[2], 0, 0);
	assert_sem(sem, 0, 9);
}

/* Waits whose objects overlap, in different orders: no deadlock, and no partial acquisition. */
static void overlapping_waits(void **state)
{
	struct fixture *f = *state;
	int a = new_auto(f, false), b = new_auto(f, false), c = new_auto(f, false);
	struct waiter *ab = start(f, ALL, ARGS(FDS(a, b), .owner = 1, .timeout = FOREVER));
	struct waiter *ca = start(f, ALL, ARGS(FDS(c, a), .owner = 2, .timeout = FOREVER));
	struct waiter *bc = start(f, ALL, ARGS(FDS(b, c), .owner = 3, .timeout = FOREVER));

	set_event(a, 0);
	assert_asleep(ab);
	set_event(c, 0);
	assert_woken(ca, 0, 0);
	set_event(b, 0);
	assert_asleep(ab);
	assert_asleep(bc);
	set_event(a, 0);
	assert_woken(ab, 0, 0);
	assert_asleep(bc);
	set_event(c, 0);
	assert_asleep(bc);
	set_event(b, 0);
	assert_woken(bc, 0, 0);
	assert_event(a, 0, 0);
	assert_event(b, 0, 0);
	assert_event(c, 0, 0);
}

static void signal_all_but_the_last(struct many *m, int count)
{
	for (int i = 0; i < count - 1; i++)
		signal_one_of_many(m, i);
}

static void assert_none_is_signaled(struct many *m, int count)
{
	for (int i = 0; i < count; i++) {
		if (i % 2)
			assert_sem(m->objs[i], 0, 1);
		else
			assert_event(m->objs[i], 0, 0);
	}
}

static void sixty_four_and_an_alert_when_ready(void **state)
{
	struct fixture *f = *state;
	struct many m;

	new_many(f, &m);
	signal_all_but_the_last(&m, MANY);
	assert_wait(f, ALL, many_args(&m, MANY, 0), -ETIMEDOUT, 0);
	signal_one_of_many(&m, MANY - 1);
	assert_wait(f, ALL, many_args(&m, MANY, 0), 0, 0);
	assert_none_is_signaled(&m, MANY);
}

/* Of every size, so with every way to allocate a wait's record. */
static void every_count_when_asleep(void **state)
{
	struct fixture *f = *state;
	struct many m;

	new_many(f, &m);
	for (int count = 1; count <= MANY; count++) {
		struct waiter *w = start(f, ALL, many_args(&m, count, FOREVER));

		signal_all_but_the_last(&m, count);
		assert_asleep(w);
		signal_one_of_many(&m, count - 1);
		assert_woken(w, 0, 0);
		assert_none_is_signaled(&m, count);
	}
}

static void sixty_four_and_an_alert_when_asleep(void **state)
{
	struct fixture *f = *state;
	struct many m;
	struct waiter *w;

	new_many(f, &m);
	w = start(f, ALL, many_args(&m, MANY, FOREVER));
	signal_all_but_the_last(&m, MANY);
	assert_asleep(w);
	set_event(m.alert, 0);
	assert_woken(w, 0, MANY);
	/* Nothing was acquired. */
	assert_event(m.objs[0], 0, 1);
	assert_sem(m.objs[1], 1, 1);
	assert_event(m.alert, 0, 0);
}

static void a_wait_that_timed_out_takes_nothing(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1), event = new_auto(f, false);
	uint64_t deadline = monotonic_ns() + 20 * NS_PER_MS;
	struct waiter *w = start_running(f, ALL, ARGS(FDS(sem, event), .owner = OWNER,
						      .timeout = deadline), NULL);

	assert_woken(w, -ETIMEDOUT, 0);
	set_event(event, 0);
	assert_sem(sem, 1, 1);
	assert_event(event, 0, 1);
	/* Other waits can still acquire the objects. */
	assert_ret(try_wait(f, sem, OWNER), 0);
	assert_ret(try_wait(f, event, OWNER), 0);
	assert_not_ready(f, sem);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(takes_all_that_are_ready),
		TEST(takes_nothing_when_one_is_missing),
		TEST(takes_nothing_while_it_waits),
		TEST(completed_by_any_type),
		TEST(all_of_none_succeeds_at_once),
		TEST(a_held_mutex_counts_up),
		TEST(a_mutex_at_its_last_is_missing),
		TEST(several_abandoned_are_told_once),
		TEST(abandoned_is_not_taken_by_halves),
		TEST(several_abandoned_while_it_waits),
		TEST(abandoned_meanwhile_is_forgotten),
		TEST(all_waiters_before_any_waiters),
		TEST(mutex_goes_to_all_waiters_first),
		TEST(an_incomplete_wait_all_keeps_nobody_waiting),
		TEST(one_release_completes_several),
		TEST(overlapping_waits),
		TEST(sixty_four_and_an_alert_when_ready),
		TEST(every_count_when_asleep),
		TEST(sixty_four_and_an_alert_when_asleep),
		TEST(a_wait_that_timed_out_takes_nothing),
	};

	return RUN(tests);
}
