// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>

#include "fake_kernel.h"

static void opens_the_device(void **state)
{
	(void)state;
	fake_returns(7);
	assert_int_equal(ntsync_open(), 7);
	assert_string_equal(fake_open()->path, "/dev/ntsync");
	assert_int_equal(fake_open()->flags & O_ACCMODE, O_RDWR);
	assert_true(fake_open()->flags & O_CLOEXEC);
}

static void descriptor_0_is_no_error(void **state)
{
	(void)state;
	fake_returns(0);
	assert_int_equal(ntsync_open(), 0);
}

static void errors_pass(void **state)
{
	static const int errors[] = { ENOENT, EACCES, EMFILE, ENFILE, ENOMEM };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fake_fails(errors[i]);
		assert_int_equal(ntsync_open(), -errors[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(opens_the_device),
		fake_test(descriptor_0_is_no_error),
		fake_test(errors_pass),
	};

	return cmocka_run_group_tests_name("libntsync: device", tests, NULL, NULL);
}
