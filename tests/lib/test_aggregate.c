// SPDX-License-Identifier: GPL-2.0-only
#include <poll.h>

#include "fake_kernel.h"

static const struct ntsync_aggregate_source sources[] = {
	{ .type = NTSYNC_AGG_OBJECT, .fd = 10 },
	{ .type = NTSYNC_AGG_FD, .events = POLLIN, .fd = 11 },
	{ .type = NTSYNC_AGG_FD, .events = POLLOUT, .fd = 12 },
};
static const struct ntsync_aggregate_opts plain = { .deadline = 0 };
static uint32_t index_out, events_out;

static int call_wait(void)
{
	return ntsync_aggregate_wait(3, sources, 3, &plain, &index_out, &events_out);
}

static void forget_results(void)
{
	index_out = UNTOUCHED;
	events_out = UNTOUCHED;
}

static void passes_everything(void **state)
{
	const struct ntsync_aggregate_opts opts = {
		.deadline = 0x123456789abcdef0, .flags = NTSYNC_AGG_FLAG_REALTIME, .owner = 77,
	};
	const struct ntsync_aggregate_wait_args args = {
		.timeout = 0x123456789abcdef0,
		.sources = (uintptr_t)sources,
		.nb_sources = 3,
		.flags = NTSYNC_AGG_FLAG_REALTIME,
		.owner = 77,
	};
	struct ntsync_aggregate_wait_args result = args;

	(void)state;
	result.fired_index = 2;
	result.fired_events = POLLOUT | POLLERR;
	forget_results();
	fake_writes(&result, sizeof(result));
	assert_int_equal(ntsync_aggregate_wait(3, sources, 3, &opts, &index_out, &events_out), 0);
	fake_assert_one_call(3, NTSYNC_IOC_AGGREGATE_WAIT, &args, sizeof(args));
	assert_int_equal(index_out, 2);
	assert_int_equal(events_out, POLLOUT | POLLERR);
}

static void for_ever(void **state)
{
	const struct ntsync_aggregate_opts opts = { .deadline = NTSYNC_WAIT_FOREVER };
	const struct ntsync_aggregate_wait_args args = {
		.timeout = 0xffffffffffffffff, .sources = (uintptr_t)sources, .nb_sources = 1,
	};

	(void)state;
	fake_returns(0);
	assert_int_equal(ntsync_aggregate_wait(3, sources, 1, &opts, NULL, NULL), 0);
	fake_assert_one_call(3, NTSYNC_IOC_AGGREGATE_WAIT, &args, sizeof(args));
}

static void an_abandoned_mutex_has_a_position(void **state)
{
	const struct ntsync_aggregate_wait_args result = { .fired_index = 1 };

	(void)state;
	forget_results();
	fake_fails_and_writes(EOWNERDEAD, &result, sizeof(result));
	assert_int_equal(call_wait(), -EOWNERDEAD);
	assert_int_equal(index_out, 1);
	assert_int_equal(events_out, 0);
	fake_fails_and_writes(EOWNERDEAD, &result, sizeof(result));
	assert_int_equal(ntsync_aggregate_wait(3, sources, 3, &plain, NULL, NULL), -EOWNERDEAD);
}

/* Also EINTR: if the library called again the fake would fail the test. */
static void errors_write_nothing(void **state)
{
	static const int errors[] = { EINTR, ETIMEDOUT, EINVAL, EFAULT, ENOMEM, EBADF, EPERM, 4095 };
	const struct ntsync_aggregate_wait_args result = {
		.fired_index = NTSYNC_AGG_TIMEOUT, .fired_events = 1,
	};

	(void)state;
	forget_results();
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fake_setup(NULL);
		fake_fails_and_writes(errors[i], &result, sizeof(result));
		assert_int_equal(call_wait(), -errors[i]);
	}
	assert_int_equal(index_out, UNTOUCHED);
	assert_int_equal(events_out, UNTOUCHED);
}

/* On the in-tree driver the feature query fails, and a wait with owner 0 is refused. */
static void on_the_in_tree_driver(void **state)
{
	(void)state;
	forget_results();
	fake_fails(ENOTTY);
	fake_fails(ENOTTY);
	fake_fails(EINVAL);
	assert_int_equal(call_wait(), -ENOTSUP);
	assert_int_equal(fake_call(1)->request, NTSYNC_IOC_QUERY_FEATURES);
	assert_int_equal(fake_call(1)->fd, 3);
	assert_int_equal(index_out, UNTOUCHED);
}

static void on_an_older_driver(void **state)
{
	const struct ntsync_features_args args = { .version = 1 };

	(void)state;
	fake_fails(ENOTTY);
	fake_writes(&args, sizeof(args));
	assert_int_equal(call_wait(), -ENOTSUP);
}

static void boottime_on_an_older_driver(void **state)
{
	const struct ntsync_aggregate_opts boottime = { .flags = NTSYNC_AGG_FLAG_BOOTTIME };
	struct ntsync_features_args args = {
		.features = ~NTSYNC_FEATURE_BOOTTIME, .version = 1,
	};

	(void)state;
	fake_fails(EINVAL);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_aggregate_wait(3, sources, 3, &boottime, NULL, NULL), -ENOTSUP);
	args.features = NTSYNC_FEATURE_BOOTTIME;
	fake_fails(EINVAL);
	fake_writes(&args, sizeof(args));
	assert_int_equal(ntsync_aggregate_wait(3, sources, 3, &boottime, NULL, NULL), -EINVAL);
}

static void on_something_else(void **state)
{
	(void)state;
	fake_fails(ENOTTY);
	fake_fails(ENOTTY);
	fake_fails(ENOTTY);
	assert_int_equal(call_wait(), -ENOTTY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(passes_everything),
		fake_test(for_ever),
		fake_test(an_abandoned_mutex_has_a_position),
		fake_test(errors_write_nothing),
		fake_test(on_the_in_tree_driver),
		fake_test(on_an_older_driver),
		fake_test(boottime_on_an_older_driver),
		fake_test(on_something_else),
	};

	return cmocka_run_group_tests_name("libntsync: aggregate", tests, NULL, NULL);
}
