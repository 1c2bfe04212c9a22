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

static int set_pi(void)
{
	return ntsync_event_set_pi(4, 1, 80);
}

static int read_state(void)
{
	return ntsync_event_read(4, &out[0], &out[1]);
}

static void create_passes_the_state(void **state)
{
	const struct ntsync_event_args args = { .manual = 1, .signaled = 0 };

	(void)state;
	fake_assert_creates(create, NTSYNC_IOC_CREATE_EVENT, &args, sizeof(args));
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

static void set_pi_passes_policy_and_priority(void **state)
{
	const struct ntsync_event_set_pi_args args = { .policy = 1, .prio = 80 };

	(void)state;
	fake_returns(0);
	assert_int_equal(set_pi(), 0);
	fake_assert_one_call(4, NTSYNC_IOC_EVENT_SET_PI, &args, sizeof(args));
}

/* If the object can be read as an event, ENOTTY means that the driver lacks the ioctl. */
static void set_pi_is_not_supported(void **state)
{
	const struct ntsync_event_args args = { .manual = 0, .signaled = 0 };

	(void)state;
	fake_fails(ENOTTY);
	fake_writes(&args, sizeof(args));
	assert_int_equal(set_pi(), -ENOTSUP);
	assert_int_equal(fake_call(0)->request, NTSYNC_IOC_EVENT_SET_PI);
	assert_int_equal(fake_call(1)->request, NTSYNC_IOC_EVENT_READ);
	assert_int_equal(fake_call(1)->fd, 4);
}

static void set_pi_of_something_else(void **state)
{
	(void)state;
	fake_fails(ENOTTY);
	fake_fails(ENOTTY);
	assert_int_equal(set_pi(), -ENOTTY);
}

static void set_pi_passes_other_errors(void **state)
{
	static const int errors[] = { EBADF, EINVAL, ENOMEM };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fake_setup(NULL);
		fake_fails(errors[i]);
		assert_int_equal(set_pi(), -errors[i]);
	}
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
	fake_assert_errors_write_nothing(out, create, set, reset, pulse, read_state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(create_passes_the_state),
		fake_test(create_tells_the_flags_apart),
		fake_test(set_returns_the_state_before),
		fake_test(set_pi_passes_policy_and_priority),
		fake_test(set_pi_is_not_supported),
		fake_test(set_pi_of_something_else),
		fake_test(set_pi_passes_other_errors),
		fake_test(reset_returns_the_state_before),
		fake_test(pulse_returns_the_state_before),
		fake_test(read_returns_the_state),
		fake_test(results_may_be_null),
		fake_test(errors_pass),
	};

	return cmocka_run_group_tests_name("libntsync: event", tests, NULL, NULL);
}
