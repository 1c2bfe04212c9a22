// SPDX-License-Identifier: GPL-2.0-only
#include "nt_test.h"

#include <sched.h>

static void previous_states_are_the_real_ones(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, true, false);
	int32_t previous = UNTOUCHED;
	bool manual = false, signaled = true;

	assert_ok(ntsync_nt_query_event(f->nt, event, &manual, &signaled));
	assert_true(manual);
	assert_false(signaled);
	assert_ok(ntsync_nt_set_event(f->nt, event, &previous));
	assert_int_equal(previous, 0);
	assert_ok(ntsync_nt_set_event(f->nt, event, &previous));
	assert_int_equal(previous, 1);
	assert_ok(ntsync_nt_reset_event(f->nt, event, &previous));
	assert_int_equal(previous, 1);
	assert_ok(ntsync_nt_reset_event(f->nt, event, &previous));
	assert_int_equal(previous, 0);
	assert_ok(ntsync_nt_pulse_event(f->nt, event, &previous));
	assert_int_equal(previous, 0);
	assert_false(event_signaled(f, event));
}

static void results_may_be_null(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, true);

	assert_ok(ntsync_nt_query_event(f->nt, event, NULL, NULL));
	assert_ok(ntsync_nt_reset_event(f->nt, event, NULL));
	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	assert_ok(ntsync_nt_pulse_event(f->nt, event, NULL));
}

static void errors_write_nothing(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, true);
	int32_t previous = UNTOUCHED;

	close_handle(f, event);
	assert_status(ntsync_nt_set_event(f->nt, event, &previous), NTSYNC_STATUS_INVALID_HANDLE);
	assert_int_equal(previous, UNTOUCHED);
}

static void auto_reset_releases_one(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, true);

	assert_status(poll_handle(f, event), NTSYNC_STATUS_WAIT_0);
	assert_status(poll_handle(f, event), NTSYNC_STATUS_TIMEOUT);
}

static void manual_reset_stays(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, true, true);

	assert_status(poll_handle(f, event), NTSYNC_STATUS_WAIT_0);
	assert_status(poll_handle(f, event), NTSYNC_STATUS_WAIT_0);
}

static void pulse_releases_who_waits(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, true, false);
	struct helper *a = start_asleep(f, wait_for_handle, &event);
	struct helper *b = start_asleep(f, wait_for_handle, &event);

	assert_ok(ntsync_nt_pulse_event(f->nt, event, NULL));
	assert_status(finish(a), NTSYNC_STATUS_WAIT_0);
	assert_status(finish(b), NTSYNC_STATUS_WAIT_0);
	assert_false(event_signaled(f, event));
}

/* Who is boosted is tested in tests/pi. */
static void set_with_a_priority(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false), mutant = new_mutant(f, false);
	uint32_t want = driver_offers(NTSYNC_NT_FEATURE_EVENT_SET_PI) ? NTSYNC_STATUS_SUCCESS :
									NTSYNC_STATUS_NOT_SUPPORTED;

	assert_status(ntsync_nt_set_event_pi(f->nt, event, SCHED_FIFO, 0),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_set_event_pi(f->nt, event, SCHED_RR, 100),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_set_event_pi(f->nt, event, SCHED_OTHER, 1),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_set_event_pi(f->nt, mutant, SCHED_FIFO, 1),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_false(event_signaled(f, event));
	assert_status(ntsync_nt_set_event_pi(f->nt, event, SCHED_FIFO, 99), want);
	assert_int_equal(event_signaled(f, event), !want);
	assert_status(ntsync_nt_set_event_pi(f->nt, event, SCHED_RR, 1), want);
	assert_status(poll_handle(f, event), want ? NTSYNC_STATUS_TIMEOUT : NTSYNC_STATUS_WAIT_0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(set_with_a_priority),
		ON_OLD_DRIVER(set_with_a_priority),
		TEST(previous_states_are_the_real_ones),
		TEST(results_may_be_null),
		TEST(errors_write_nothing),
		TEST(auto_reset_releases_one),
		TEST(manual_reset_stays),
		TEST(pulse_releases_who_waits),
	};

	return RUN(tests);
}
