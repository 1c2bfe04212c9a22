// SPDX-License-Identifier: GPL-2.0-only
#include "fake_kernel.h"

static int lend(void)
{
	return ntsync_lend(3, 4, NTSYNC_LEND_LATER);
}

static int unlend(void)
{
	return ntsync_unlend(3);
}

static void arguments_pass(void **state)
{
	const struct ntsync_lend_args args = { .tid = 4, .flags = NTSYNC_LEND_LATER };

	(void)state;
	fake_returns(0);
	assert_int_equal(lend(), 0);
	fake_assert_one_call(3, NTSYNC_IOC_LEND, &args, sizeof(args));
	fake_returns(0);
	assert_int_equal(unlend(), 0);
	assert_int_equal(fake_call(1)->fd, 3);
	assert_int_equal(fake_call(1)->request, NTSYNC_IOC_UNLEND);
}

static void errors_pass(void **state)
{
	static const int errors[] = { EBADF, EFAULT, EINVAL, EPERM, ESRCH, ENOMEM };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fake_fails(errors[i]);
		assert_int_equal(lend(), -errors[i]);
		fake_fails(errors[i]);
		assert_int_equal(unlend(), -errors[i]);
	}
}

static void a_driver_without_loans(void **state)
{
	int (*const calls[])(void) = { lend, unlend };
	struct ntsync_features_args found = { .version = 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		fake_fails(ENOTTY);
		fake_writes(&found, sizeof(found));
		assert_int_equal(calls[i](), -ENOTSUP);
		/* No instance. */
		fake_fails(ENOTTY);
		fake_fails(EBADF);
		assert_int_equal(calls[i](), -ENOTTY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(arguments_pass),
		fake_test(errors_pass),
		fake_test(a_driver_without_loans),
	};

	return cmocka_run_group_tests_name("libntsync: lend", tests, NULL, NULL);
}
