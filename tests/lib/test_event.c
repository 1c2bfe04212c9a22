// SPDX-License-Identifier: GPL-2.0-only
#include "fake_kernel.h"

static uint32_t out[2];

static int create(void)
{
	return ntsync_event_create(3, true, false);
}

static int set(void)
{
	return ntsync_event_set(4, &out[0]);
}

static int reset(void)
{
	return ntsync_event_reset(4, &out[0]);
}

static int pulse(void)
{
	return ntsync_event_pulse(4, &out[0]);
}

static int read_state(void)
{
	return ntsync_event_read(4, &out[0], &out[1]);
}

static void create_passes_the_state(void **state)
{
	const struct ntsync_event_args args = { .manual = 1, .signaled = 0 };

	(void)state;
	fake_returns(9);
	assert_int_equal(create(), 9);
	fake_assert_one_call(3, NTSYNC_IOC_CREATE_EVENT, &args, sizeof(args));
}

static void create_tells_the_flags_apart(void **state)
{
	const struct ntsync_event_args args = { .manual = 0, .signaled = 1 };

	(void)state;
	fake_returns(9);
	assert_int_equal(ntsync_event_create(3, false, true), 9);
	fake_assert_one_call(3, NTSYNC_IOC_CREATE_EVENT, &args, sizeof(args));
}

static void check_change(int (*change)(void), unsigned long request)
{
	const uint32_t prev = 1;

	out[0] = UNTOUCHED;
	fake_writes(&prev, sizeof(prev));
	assert_int_equal(change(), 0);
	fake_assert_one_call(4, request, NULL, sizeof(prev));
	assert_int_equal(out[0], 1);
}

static void set_returns_the_state_before(void **state)
{
	(void)state;
	check_change(set, NTSYNC_IOC_EVENT_SET);
}

static void reset_returns_the_state_before(void **state)
{
	(void)state;
	check_change(reset, NTSYNC_IOC_EVENT_RESET);
}

static void pulse_returns_the_state_before(void **state)
{
	(void)state;
	check_change(pulse, NTSYNC_IOC_EVENT_PULSE);
}

static void read_returns_the_state(void **state)
{
	const struct ntsync_event_args args = { .manual = 0, .signaled = 1 };

	(void)state;
	fake_writes(&args, sizeof(args));
	assert_int_equal(read_state(), 0);
	fake_assert_one_call(4, NTSYNC_IOC_EVENT_READ, NULL, sizeof(args));
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], 1);
}

static void results_may_be_null(void **state)
{
	const struct ntsync_event_args args = { .manual = 1, .signaled = 1 };

	(void)state;
	fake_writes(&args.signaled, sizeof(args.signaled));
	assert_int_equal(ntsync_event_set(4, NULL), 0);
	fake_writes(&args.signaled, sizeof(args.signaled));
	assert_int_equal(ntsync_event_reset(4, NULL), 0);
	fake_writes(&args.signaled, sizeof(args.signaled));
	assert_int_equal(ntsync_event_pulse(4, NULL), 0);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_event_read(4, NULL, &out[1]), 0);
	assert_int_equal(out[1], 1);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_event_read(4, &out[0], NULL), 0);
	assert_int_equal(out[0], 1);
}

static void errors_pass(void **state)
{
	(void)state;
	out[0] = UNTOUCHED;
	out[1] = UNTOUCHED;
	fake_assert_errors_pass(create);
	fake_assert_errors_pass(set);
	fake_assert_errors_pass(reset);
	fake_assert_errors_pass(pulse);
	fake_assert_errors_pass(read_state);
	assert_int_equal(out[0], UNTOUCHED);
	assert_int_equal(out[1], UNTOUCHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(create_passes_the_state),
		fake_test(create_tells_the_flags_apart),
		fake_test(set_returns_the_state_before),
		fake_test(reset_returns_the_state_before),
		fake_test(pulse_returns_the_state_before),
		fake_test(read_returns_the_state),
		fake_test(results_may_be_null),
		fake_test(errors_pass),
	};

	return cmocka_run_group_tests_name("libntsync: event", tests, NULL, NULL);
}
