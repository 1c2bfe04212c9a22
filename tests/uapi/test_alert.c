// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

static const unsigned long requests[] = { ANY, ALL };

#define for_each_request(request)                                              \
	for (const unsigned long *request = requests;                          \
	     request < requests + ARRAY_SIZE(requests); request++)

static void index_is_the_count(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), event = new_auto(f, false), alert = new_manual(f, true);

	for_each_request(r) {
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = alert), 0, 1);
		assert_wait(f, *r, ARGS(FDS(sem, event), .owner = OWNER, .alert = alert), 0, 2);
	}
	assert_wait(f, ANY, ARGS(.owner = OWNER, .alert = alert), 0, 0);
	assert_event(alert, 1, 1);
}

static void auto_alert_is_consumed_when_it_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), alert = new_auto(f, false);

	for_each_request(r) {
		set_event(alert, 0);
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = alert), 0, 1);
		assert_event(alert, 0, 0);
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = alert),
			    -ETIMEDOUT, 0);
	}
}

static void objects_beat_the_alert(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 2), alert = new_auto(f, true);

	for_each_request(r) {
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = alert), 0, 0);
		assert_event(alert, 0, 1);
	}
	for_each_request(r) {
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = alert), 0, 1);
		assert_event(alert, 0, 0);
		set_event(alert, 0);
	}
}

/* A wait for all that lacks an object is not ready: the alert ends it, and it acquires nothing. */
static void alert_ends_an_incomplete_wait_all(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1), event = new_auto(f, false), alert = new_auto(f, true);

	assert_wait(f, ALL, ARGS(FDS(sem, event), .owner = OWNER, .alert = alert), 0, 2);
	assert_sem(sem, 1, 1);
	assert_event(alert, 0, 0);
}

static void alert_wakes_a_sleeper(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);

	for_each_request(r) {
		for (int manual = 0; manual < 2; manual++) {
			int alert = new_event(f, manual, false);
			struct waiter *w = start(f, *r, ARGS(FDS(sem), .owner = OWNER,
							     .alert = alert, .timeout = FOREVER));

			set_event(alert, 0);
			assert_event(alert, manual, manual);
			assert_woken(w, 0, 1);
			release(sem, 1, 0);
			assert_sem(sem, 1, 1);
			assert_ret(try_wait(f, sem, OWNER), 0);
		}
	}
}

static void alert_wakes_a_wait_for_nothing_else(void **state)
{
	struct fixture *f = *state;
	int alert = new_auto(f, false);
	struct waiter *w = start(f, ANY, ARGS(.owner = OWNER, .alert = alert,
					      .timeout = FOREVER));

	set_event(alert, 0);
	assert_woken(w, 0, 0);
	assert_event(alert, 0, 0);
}

static void pulse_of_an_alert(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);

	for_each_request(r) {
		for (int manual = 0; manual < 2; manual++) {
			int alert = new_event(f, manual, false);
			struct waiter *w[2];

			for (int i = 0; i < 2; i++)
				w[i] = start(f, *r, ARGS(FDS(sem), .owner = OWNER,
							 .alert = alert, .timeout = FOREVER));
			pulse_event(alert, 0);
			assert_event(alert, manual, 0);
			assert_woken(w[0], 0, 1);
			if (!manual) {
				assert_asleep(w[1]);
				pulse_event(alert, 0);
			}
			assert_woken(w[1], 0, 1);
		}
	}
}

/* An object ends the wait; the alert that is signaled after that stays signaled. */
static void alert_is_left_when_an_object_came(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), alert = new_auto(f, false);

	for_each_request(r) {
		struct waiter *w = start(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = alert,
						     .timeout = FOREVER));

		release(sem, 1, 0);
		set_event(alert, 0);
		assert_woken(w, 0, 0);
		assert_event(alert, 0, 1);
		reset_event(alert, 1);
	}
}

static void semaphore_as_alert_is_acquired(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false), alert = new_sem(f, 1, 1);

	for_each_request(r) {
		struct waiter *w;

		assert_wait(f, *r, ARGS(FDS(event), .owner = OWNER, .alert = alert), 0, 1);
		assert_sem(alert, 0, 1);
		assert_wait(f, *r, ARGS(FDS(event), .owner = OWNER, .alert = alert),
			    -ETIMEDOUT, 0);
		w = start(f, *r, ARGS(FDS(event), .owner = OWNER, .alert = alert,
				      .timeout = FOREVER));
		release(alert, 1, 0);
		assert_woken(w, 0, 1);
		assert_sem(alert, 0, 1);
		release(alert, 1, 0);
	}
}

static void mutex_as_alert_is_acquired(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);

	for_each_request(r) {
		int alert = new_mutex(f, 0, 0);
		struct waiter *w;

		assert_wait(f, *r, ARGS(FDS(event), .owner = 7, .alert = alert), 0, 1);
		assert_wait(f, *r, ARGS(FDS(event), .owner = 7, .alert = alert), 0, 1);
		assert_mutex(alert, 7, 2);
		assert_wait(f, *r, ARGS(FDS(event), .owner = 8, .alert = alert), -ETIMEDOUT, 0);
		w = start(f, *r, ARGS(FDS(event), .owner = 8, .alert = alert,
				      .timeout = FOREVER));
		unlock(alert, 7, 2);
		assert_asleep(w);
		unlock(alert, 7, 1);
		assert_woken(w, 0, 1);
		assert_mutex(alert, 8, 1);
	}
}

static void abandoned_mutex_as_alert(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);

	for_each_request(r) {
		int alert = new_mutex(f, 9, 2);
		struct waiter *w;

		kill_owner(alert, 9);
		assert_wait(f, *r, ARGS(FDS(event), .owner = 7, .alert = alert), -EOWNERDEAD, 1);
		assert_mutex(alert, 7, 1);
		w = start(f, *r, ARGS(FDS(event), .owner = 8, .alert = alert,
				      .timeout = FOREVER));
		kill_owner(alert, 7);
		assert_woken(w, -EOWNERDEAD, 1);
		assert_mutex(alert, 8, 1);
	}
}

/* Another object ended the wait, so the mutex must stay abandoned. */
static void abandoned_alert_is_left_when_an_object_is_ready(void **state)
{
	struct fixture *f = *state;
	int event = new_manual(f, true), alert = new_mutex(f, 9, 2);

	kill_owner(alert, 9);
	for_each_request(r)
		assert_wait(f, *r, ARGS(FDS(event), .owner = 7, .alert = alert), 0, 0);
	assert_abandoned(alert);
}

static void alert_does_not_make_wait_all_complete(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), event = new_auto(f, false), alert = new_auto(f, false);
	struct waiter *w = start(f, ALL, ARGS(FDS(sem, event), .owner = OWNER, .alert = alert,
					      .timeout = FOREVER));

	release(sem, 1, 0);
	assert_asleep(w);
	/* The other case: the wait is complete without the alert. */
	set_event(event, 0);
	assert_woken(w, 0, 0);
	assert_event(alert, 0, 0);
	assert_sem(sem, 0, 1);
}

/* One event is the alert of several waits, and an object of another one. */
static void alert_of_one_is_object_of_another(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), event = new_auto(f, false);
	struct waiter *alerted = start(f, ANY, ARGS(FDS(sem), .owner = OWNER, .alert = event,
						    .timeout = FOREVER));
	struct waiter *waiting = start_on(f, ANY, event);

	set_event(event, 0);
	assert_woken(alerted, 0, 1);
	assert_asleep(waiting);
	set_event(event, 0);
	assert_woken(waiting, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(index_is_the_count),
		TEST(auto_alert_is_consumed_when_it_ends_the_wait),
		TEST(objects_beat_the_alert),
		TEST(alert_ends_an_incomplete_wait_all),
		TEST(alert_wakes_a_sleeper),
		TEST(alert_wakes_a_wait_for_nothing_else),
		TEST(pulse_of_an_alert),
		TEST(alert_is_left_when_an_object_came),
		TEST(semaphore_as_alert_is_acquired),
		TEST(mutex_as_alert_is_acquired),
		TEST(abandoned_mutex_as_alert),
		TEST(abandoned_alert_is_left_when_an_object_is_ready),
		TEST(alert_does_not_make_wait_all_complete),
		TEST(alert_of_one_is_object_of_another),
	};

	return RUN(tests);
}
