// SPDX-License-Identifier: GPL-2.0-only
#include "nt_test.h"

static void numbers_that_are_refused(void **state)
{
	static const int32_t wrong[][2] = {
		{ 0, 0 }, { 0, -1 }, { -1, 1 }, { 2, 1 }, { INT32_MIN, INT32_MAX }, { 1, INT32_MIN },
	};
	struct fixture *f = *state;
	uint32_t out, semaphore = new_semaphore(f, 1, 5);
	int32_t previous = UNTOUCHED;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		out = UNTOUCHED;
		assert_status(ntsync_nt_create_semaphore(f->nt, &out, NULL, wrong[i][0],
							 wrong[i][1]),
			      NTSYNC_STATUS_INVALID_PARAMETER);
		assert_int_equal(out, 0);
	}
	assert_status(ntsync_nt_release_semaphore(f->nt, semaphore, 0, &previous),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_release_semaphore(f->nt, semaphore, -1, &previous),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_int_equal(previous, UNTOUCHED);
	assert_int_equal(semaphore_count(f, semaphore), 1);
}

static void counting(void **state)
{
	struct fixture *f = *state;
	uint32_t semaphore = new_semaphore(f, 1, 5);
	int32_t previous = UNTOUCHED, limit;

	assert_ok(ntsync_nt_release_semaphore(f->nt, semaphore, 3, &previous));
	assert_int_equal(previous, 1);
	assert_status(poll_handle(f, semaphore), NTSYNC_STATUS_WAIT_0);
	assert_ok(ntsync_nt_query_semaphore(f->nt, semaphore, &previous, &limit));
	assert_int_equal(previous, 3);
	assert_int_equal(limit, 5);
}

static void over_the_limit(void **state)
{
	struct fixture *f = *state;
	uint32_t semaphore = new_semaphore(f, 4, 5);
	int32_t previous = UNTOUCHED;

	assert_status(ntsync_nt_release_semaphore(f->nt, semaphore, 2, &previous),
		      NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED);
	assert_status(ntsync_nt_release_semaphore(f->nt, semaphore, INT32_MAX, &previous),
		      NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED);
	assert_int_equal(previous, UNTOUCHED);
	assert_int_equal(semaphore_count(f, semaphore), 4);
	semaphore = new_semaphore(f, INT32_MAX, INT32_MAX);
	assert_status(ntsync_nt_release_semaphore(f->nt, semaphore, 1, NULL),
		      NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED);
	assert_int_equal(semaphore_count(f, semaphore), INT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_that_are_refused),
		TEST(counting),
		TEST(over_the_limit),
	};

	return RUN(tests);
}
