// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "fake_kernel.h"

static const struct ntsync_wait_args probe;

static void ours(void **state)
{
	const struct ntsync_features_args args = {
		.features = NTSYNC_FEATURE_PRIORITY_QUEUES, .version = 1,
	};
	struct ntsync_features found;

	(void)state;
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_features(3, &found), 0);
	fake_assert_one_call(3, NTSYNC_IOC_QUERY_FEATURES, NULL, sizeof(args));
	assert_int_equal(found.driver, NTSYNC_DRIVER_NTSYNC_RT);
	assert_int_equal(found.version, 1);
	assert_int_equal(found.features, NTSYNC_FEATURE_PRIORITY_QUEUES);
}

static void unknown_bits_and_versions_pass(void **state)
{
	const struct ntsync_features_args args = {
		.features = 1ULL << 63 | 1ULL << 40, .version = 1000, .reserved = 5,
	};
	struct ntsync_features found;

	(void)state;
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_features(3, &found), 0);
	assert_int_equal(found.driver, NTSYNC_DRIVER_NTSYNC_RT);
	assert_int_equal(found.version, 1000);
	assert_true(found.features == (1ULL << 63 | 1ULL << 40));
}

static void ours_before_version_1(void **state)
{
	const struct ntsync_features_args args = { .features = NTSYNC_FEATURE_POLL };
	struct ntsync_features found;

	(void)state;
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_features(3, &found), 0);
	assert_int_equal(found.driver, NTSYNC_DRIVER_NTSYNC_RT);
	assert_int_equal(found.version, 0);
	assert_int_equal(found.features, NTSYNC_FEATURE_POLL);
}

static void in_tree(void **state)
{
	struct ntsync_features found;

	(void)state;
	memset(&found, 0xff, sizeof(found));
	fake_fails(ENOTTY);
	fake_fails(EINVAL);
	assert_int_equal(ntsync_features(3, &found), 0);
	assert_int_equal(fake_call(0)->request, NTSYNC_IOC_QUERY_FEATURES);
	assert_int_equal(fake_call(1)->request, NTSYNC_IOC_WAIT_ANY);
	assert_int_equal(fake_call(1)->fd, 3);
	assert_memory_equal(fake_call(1)->arg, &probe, sizeof(probe));
	assert_int_equal(found.driver, NTSYNC_DRIVER_IN_TREE);
	assert_int_equal(found.version, 0);
	assert_int_equal(found.features, 0);
}

static void neither(void **state)
{
	struct ntsync_features found, before;

	(void)state;
	memset(&found, 0xff, sizeof(found));
	before = found;
	fake_fails(ENOTTY);
	fake_fails(ENOTTY);
	assert_int_equal(ntsync_features(3, &found), -ENOTTY);
	assert_memory_equal(&found, &before, sizeof(found));
}

static void other_errors_pass(void **state)
{
	struct ntsync_features found, before;

	(void)state;
	memset(&found, 0xff, sizeof(found));
	before = found;
	fake_fails(EBADF);
	assert_int_equal(ntsync_features(3, &found), -EBADF);
	assert_memory_equal(&found, &before, sizeof(found));
}

static void result_may_be_null(void **state)
{
	const struct ntsync_features_args args = { .version = 1 };

	(void)state;
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_features(3, NULL), 0);
	fake_fails(ENOTTY);
	fake_fails(EINVAL);
	assert_int_equal(ntsync_features(3, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(ours),
		fake_test(unknown_bits_and_versions_pass),
		fake_test(ours_before_version_1),
		fake_test(in_tree),
		fake_test(neither),
		fake_test(other_errors_pass),
		fake_test(result_may_be_null),
	};

	return cmocka_run_group_tests_name("libntsync: features", tests, NULL, NULL);
}
