// SPDX-License-Identifier: GPL-2.0-only
#include "fake_kernel.h"

typedef int (*wait_fn)(int dev, const int *objs, uint32_t count,
		       const struct ntsync_wait_opts *opts, uint32_t *index);

static const int objs[] = { 10, 11, 12 };
static const struct ntsync_wait_opts plain = { .deadline = 0, .owner = 1 };
static const struct ntsync_wait_opts with_uring = {
	.deadline = NTSYNC_WAIT_FOREVER, .owner = 1, .uring_fd = 21,
};
static uint32_t out;

static int any(void)
{
	return ntsync_wait_any(3, objs, 3, &plain, &out);
}

static int all(void)
{
	return ntsync_wait_all(3, objs, 3, &plain, &out);
}

static void check_options(wait_fn wait, unsigned long request)
{
	const struct ntsync_wait_opts opts = {
		.deadline = 0x123456789abcdef0,
		.flags = NTSYNC_WAIT_REALTIME,
		.owner = 77,
		.alert = 20,
		.uring_fd = 21,
	};
	struct ntsync_wait_args args = {
		.timeout = 0x123456789abcdef0,
		.objs = (uintptr_t)objs,
		.count = 3,
		.flags = NTSYNC_WAIT_REALTIME,
		.owner = 77,
		.alert = 20,
		.uring_fd = 21,
	};
	struct ntsync_wait_args result = args;

	result.index = 2;
	fake_writes(&result, sizeof(result));
	assert_int_equal(wait(3, objs, 3, &opts, &out), 0);
	fake_assert_one_call(3, request, &args, sizeof(args));
	assert_int_equal(out, 2);
}

static void any_passes_all_options(void **state)
{
	(void)state;
	check_options(ntsync_wait_any, NTSYNC_IOC_WAIT_ANY);
}

static void all_passes_all_options(void **state)
{
	(void)state;
	check_options(ntsync_wait_all, NTSYNC_IOC_WAIT_ALL);
}

static void check_forever(wait_fn wait, unsigned long request)
{
	const struct ntsync_wait_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = 1 };
	const struct ntsync_wait_args args = { .timeout = 0xffffffffffffffff, .owner = 1 };

	fake_returns(0);
	assert_int_equal(wait(3, NULL, 0, &opts, NULL), 0);
	fake_assert_one_call(3, request, &args, sizeof(args));
}

static void any_of_nothing_for_ever(void **state)
{
	(void)state;
	check_forever(ntsync_wait_any, NTSYNC_IOC_WAIT_ANY);
}

static void all_of_nothing_for_ever(void **state)
{
	(void)state;
	check_forever(ntsync_wait_all, NTSYNC_IOC_WAIT_ALL);
}

static void index_of_an_abandoned_mutex(void **state)
{
	const struct ntsync_wait_args result = { .index = 1 };

	(void)state;
	fake_fails_and_writes(EOWNERDEAD, &result, sizeof(result));
	assert_int_equal(any(), -EOWNERDEAD);
	assert_int_equal(out, 1);
	out = UNTOUCHED;
	fake_fails_and_writes(EOWNERDEAD, &result, sizeof(result));
	assert_int_equal(all(), -EOWNERDEAD);
	assert_int_equal(out, 1);
	fake_fails_and_writes(EOWNERDEAD, &result, sizeof(result));
	assert_int_equal(ntsync_wait_any(3, objs, 3, &plain, NULL), -EOWNERDEAD);
}

static void errors_pass(void **state)
{
	(void)state;
	fake_assert_errors_pass(any);
	fake_assert_errors_pass(all);
}

/* Also EINTR: if the library called again the fake would fail the test. */
static void errors_write_no_index(void **state)
{
	static const int errors[] = { EINTR, ETIMEDOUT, EINVAL, EFAULT, ENOMEM, EBADF };
	const struct ntsync_wait_args result = { .index = 1 };

	(void)state;
	out = UNTOUCHED;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fake_fails_and_writes(errors[i], &result, sizeof(result));
		assert_int_equal(any(), -errors[i]);
		fake_fails_and_writes(errors[i], &result, sizeof(result));
		assert_int_equal(all(), -errors[i]);
	}
	assert_int_equal(out, UNTOUCHED);
}

static void uring_fd_on_the_in_tree_driver(void **state)
{
	(void)state;
	out = UNTOUCHED;
	fake_fails(EINVAL);
	fake_fails(ENOTTY);
	fake_fails(EINVAL);
	assert_int_equal(ntsync_wait_any(3, objs, 3, &with_uring, &out), -ENOTSUP);
	assert_int_equal(fake_call(1)->request, NTSYNC_IOC_QUERY_FEATURES);
	assert_int_equal(fake_call(1)->fd, 3);
	assert_int_equal(out, UNTOUCHED);
}

static void uring_fd_without_its_feature(void **state)
{
	const struct ntsync_features_args args = {
		.features = ~NTSYNC_FEATURE_URING_FD, .version = 1,
	};

	(void)state;
	fake_fails(EINVAL);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_wait_all(3, objs, 3, &with_uring, &out), -ENOTSUP);
}

static void einval_with_the_feature_is_einval(void **state)
{
	const struct ntsync_features_args args = {
		.features = NTSYNC_FEATURE_URING_FD, .version = 1,
	};

	(void)state;
	fake_fails(EINVAL);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_wait_any(3, objs, 3, &with_uring, &out), -EINVAL);
}

static void einval_where_the_query_fails_is_einval(void **state)
{
	(void)state;
	fake_fails(EINVAL);
	fake_fails(EBADF);
	assert_int_equal(ntsync_wait_any(3, objs, 3, &with_uring, &out), -EINVAL);
}

/* A driver with all features but that of CLOCK_BOOTTIME. */
static void lacks_boottime(void)
{
	const struct ntsync_features_args args = {
		.features = ~NTSYNC_FEATURE_BOOTTIME, .version = 1,
	};

	fake_fails(EINVAL);
	fake_writes(&args, sizeof(args));
}

static void boottime_without_its_feature(void **state)
{
	const struct ntsync_wait_opts boottime = {
		.deadline = 5, .flags = NTSYNC_WAIT_BOOTTIME, .owner = 1,
	};

	(void)state;
	out = UNTOUCHED;
	lacks_boottime();
	assert_int_equal(ntsync_wait_any(3, objs, 3, &boottime, &out), -ENOTSUP);
	assert_int_equal(fake_call(0)->request, NTSYNC_IOC_WAIT_ANY);
	assert_int_equal(fake_call(1)->request, NTSYNC_IOC_QUERY_FEATURES);
	lacks_boottime();
	assert_int_equal(ntsync_wait_all(3, objs, 3, &boottime, &out), -ENOTSUP);
	lacks_boottime();
	assert_int_equal(ntsync_signal_and_wait(3, 4, 6, &boottime, &out), -ENOTSUP);
	/* The in-tree driver. */
	fake_fails(EINVAL);
	fake_fails(ENOTTY);
	fake_fails(EINVAL);
	assert_int_equal(ntsync_wait_any(3, objs, 3, &boottime, &out), -ENOTSUP);
	assert_int_equal(out, UNTOUCHED);
}

/* One of the two features is not enough. */
static void boottime_and_a_uring_fd(void **state)
{
	const struct ntsync_wait_opts both = {
		.flags = NTSYNC_WAIT_BOOTTIME, .owner = 1, .uring_fd = 21,
	};
	struct ntsync_features_args args = {
		.features = NTSYNC_FEATURE_BOOTTIME, .version = 1,
	};

	(void)state;
	fake_fails(EINVAL);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_wait_any(3, objs, 3, &both, &out), -ENOTSUP);
	args.features = NTSYNC_FEATURE_URING_FD;
	fake_fails(EINVAL);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_wait_any(3, objs, 3, &both, &out), -ENOTSUP);
	args.features |= NTSYNC_FEATURE_BOOTTIME;
	fake_fails(EINVAL);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_wait_any(3, objs, 3, &both, &out), -EINVAL);
}

static void signal_and_wait(void **state)
{
	struct ntsync_wait_opts opts = { .deadline = 5, .flags = 1, .owner = 7, .alert = 8 };
	struct ntsync_signal_and_wait_args args = { .timeout = 5, .signal = 4, .wait = 6,
						    .flags = 1, .owner = 7, .alert = 8 };
	struct ntsync_signal_and_wait_args result = args;
	uint32_t index = 99;

	(void)state;
	result.index = 1;
	fake_writes(&result, sizeof(result));
	assert_int_equal(ntsync_signal_and_wait(3, 4, 6, &opts, &index), 0);
	fake_assert_one_call(3, NTSYNC_IOC_SIGNAL_AND_WAIT, &args, sizeof(args));
	assert_int_equal(index, 1);

	fake_fails(EPERM);
	index = 99;
	assert_int_equal(ntsync_signal_and_wait(3, 4, 6, &opts, &index), -EPERM);
	assert_int_equal(index, 99);

	opts.uring_fd = 9;
	assert_int_equal(ntsync_signal_and_wait(3, 4, 6, &opts, &index), -EINVAL);
}

static void signal_and_wait_without_it(void **state)
{
	struct ntsync_wait_opts opts = { .owner = 7 };
	struct ntsync_features_args found = { .version = 1 };

	(void)state;
	fake_fails(ENOTTY);
	fake_writes(&found, sizeof(found));
	assert_int_equal(ntsync_signal_and_wait(3, 4, 6, &opts, NULL), -ENOTSUP);
	fake_fails(ENOTTY);
	fake_fails(EBADF);
	assert_int_equal(ntsync_signal_and_wait(3, 4, 6, &opts, NULL), -ENOTTY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(any_passes_all_options),
		fake_test(all_passes_all_options),
		fake_test(any_of_nothing_for_ever),
		fake_test(all_of_nothing_for_ever),
		fake_test(index_of_an_abandoned_mutex),
		fake_test(errors_pass),
		fake_test(errors_write_no_index),
		fake_test(uring_fd_on_the_in_tree_driver),
		fake_test(uring_fd_without_its_feature),
		fake_test(einval_with_the_feature_is_einval),
		fake_test(einval_where_the_query_fails_is_einval),
		fake_test(boottime_without_its_feature),
		fake_test(boottime_and_a_uring_fd),
		fake_test(signal_and_wait),
		fake_test(signal_and_wait_without_it),
	};

	return cmocka_run_group_tests_name("libntsync: wait", tests, NULL, NULL);
}
