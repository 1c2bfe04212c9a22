// SPDX-License-Identifier: GPL-2.0-only
#include "fake_kernel.h"

static uint32_t out[2];

static int create(void)
{
	return ntsync_mutex_create(3, 77, 2);
}

static int unlock(void)
{
	return ntsync_mutex_unlock(4, 77, &out[0]);
}

static int kill_owner(void)
{
	return ntsync_mutex_kill(4, 77);
}

static int read_state(void)
{
	return ntsync_mutex_read(4, &out[0], &out[1]);
}

static void create_passes_the_state(void **state)
{
	const struct ntsync_mutex_args args = { .owner = 77, .count = 2 };

	(void)state;
	fake_assert_creates(create, NTSYNC_IOC_CREATE_MUTEX, &args, sizeof(args));
}

static void unlock_returns_the_count_before(void **state)
{
	const struct ntsync_mutex_args in = { .owner = 77, .count = 0 };
	const struct ntsync_mutex_args result = { .owner = 77, .count = 4 };

	(void)state;
	fake_writes(&result, sizeof(result));
	assert_int_equal(unlock(), 0);
	fake_assert_one_call(4, NTSYNC_IOC_MUTEX_UNLOCK, &in, sizeof(in));
	assert_int_equal(out[0], 4);
}

static void kill_passes_the_owner(void **state)
{
	const uint32_t owner = 77;

	(void)state;
	fake_returns(0);
	assert_int_equal(kill_owner(), 0);
	fake_assert_one_call(4, NTSYNC_IOC_MUTEX_KILL, &owner, sizeof(owner));
}

static void read_returns_the_state(void **state)
{
	const struct ntsync_mutex_args args = { .owner = 77, .count = 2 };

	(void)state;
	fake_writes(&args, sizeof(args));
	assert_int_equal(read_state(), 0);
	fake_assert_one_call(4, NTSYNC_IOC_MUTEX_READ, NULL, sizeof(args));
	assert_int_equal(out[0], 77);
	assert_int_equal(out[1], 2);
}

static void read_of_an_abandoned_mutex(void **state)
{
	const struct ntsync_mutex_args args = { 0 };

	(void)state;
	out[0] = UNTOUCHED;
	out[1] = UNTOUCHED;
	fake_fails_and_writes(EOWNERDEAD, &args, sizeof(args));
	assert_int_equal(read_state(), -EOWNERDEAD);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], 0);
}

static void results_may_be_null(void **state)
{
	const struct ntsync_mutex_args args = { .owner = 77, .count = 2 };

	(void)state;
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_mutex_unlock(4, 77, NULL), 0);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_mutex_read(4, NULL, &out[1]), 0);
	assert_int_equal(out[1], 2);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_mutex_read(4, &out[0], NULL), 0);
	assert_int_equal(out[0], 77);
	fake_fails_and_writes(EOWNERDEAD, &args, sizeof(args));
	assert_int_equal(ntsync_mutex_read(4, NULL, NULL), -EOWNERDEAD);
}

static void errors_pass(void **state)
{
	(void)state;
	out[0] = UNTOUCHED;
	fake_assert_errors_pass(create);
	fake_assert_errors_pass(unlock);
	fake_assert_errors_pass(kill_owner);
	assert_int_equal(out[0], UNTOUCHED);
	fake_assert_errors_pass(read_state);
}

static void errors_of_read_write_nothing(void **state)
{
	(void)state;
	out[0] = UNTOUCHED;
	out[1] = UNTOUCHED;
	fake_fails(EFAULT);
	assert_int_equal(read_state(), -EFAULT);
	assert_int_equal(out[0], UNTOUCHED);
	assert_int_equal(out[1], UNTOUCHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(create_passes_the_state),
		fake_test(unlock_returns_the_count_before),
		fake_test(kill_passes_the_owner),
		fake_test(read_returns_the_state),
		fake_test(read_of_an_abandoned_mutex),
		fake_test(results_may_be_null),
		fake_test(errors_pass),
		fake_test(errors_of_read_write_nothing),
	};

	return cmocka_run_group_tests_name("libntsync: mutex", tests, NULL, NULL);
}
