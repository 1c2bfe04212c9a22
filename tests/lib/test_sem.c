// SPDX-License-Identifier: GPL-2.0-only
#include "fake_kernel.h"

static uint32_t out[2];

static int create(void)
{
	return ntsync_sem_create(3, 2, 5);
}

static int release(void)
{
	return ntsync_sem_release(4, 2, &out[0]);
}

static int read_state(void)
{
	return ntsync_sem_read(4, &out[0], &out[1]);
}

static void create_passes_the_state(void **state)
{
	const struct ntsync_sem_args args = { .count = 2, .max = 5 };

	(void)state;
	fake_assert_creates(create, NTSYNC_IOC_CREATE_SEM, &args, sizeof(args));
}

static void release_returns_the_count_before(void **state)
{
	const uint32_t in = 2, prev = 3;

	(void)state;
	fake_writes(&prev, sizeof(prev));
	assert_int_equal(release(), 0);
	fake_assert_one_call(4, NTSYNC_IOC_SEM_RELEASE, &in, sizeof(in));
	assert_int_equal(out[0], 3);
}

static void read_returns_the_state(void **state)
{
	const struct ntsync_sem_args args = { .count = 2, .max = 5 };

	(void)state;
	fake_writes(&args, sizeof(args));
	assert_int_equal(read_state(), 0);
	fake_assert_one_call(4, NTSYNC_IOC_SEM_READ, NULL, sizeof(args));
	assert_int_equal(out[0], 2);
	assert_int_equal(out[1], 5);
}

static void results_may_be_null(void **state)
{
	const struct ntsync_sem_args args = { .count = 2, .max = 5 };

	(void)state;
	fake_writes(&args.count, sizeof(args.count));
	assert_int_equal(ntsync_sem_release(4, 1, NULL), 0);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_sem_read(4, NULL, &out[1]), 0);
	assert_int_equal(out[1], 5);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_sem_read(4, &out[0], NULL), 0);
	assert_int_equal(out[0], 2);
}

static void errors_pass(void **state)
{
	(void)state;
	fake_assert_errors_write_nothing(out, create, release, read_state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(create_passes_the_state),
		fake_test(release_returns_the_count_before),
		fake_test(read_returns_the_state),
		fake_test(results_may_be_null),
		fake_test(errors_pass),
	};

	return cmocka_run_group_tests_name("libntsync: sem", tests, NULL, NULL);
}
