// SPDX-License-Identifier: GPL-2.0-only
/* NT's timeouts as deadlines. */
#include "nt_test.h"

/* 1970-01-01 in units of 100 ns since 1601. */
#define EPOCH 116444736000000000ll
#define REALTIME NTSYNC_WAIT_REALTIME

static struct ntsync_nt_deadline deadline_of(int64_t timeout)
{
	return ntsync_nt_timeout(&timeout);
}

static void assert_deadline(struct ntsync_nt_deadline got, uint64_t ns, uint32_t flags)
{
	if (got.ns != ns)
		fail_msg("%llu ns, want %llu", (unsigned long long)got.ns, (unsigned long long)ns);
	assert_int_equal(got.flags, flags);
}

static void for_ever(void **state)
{
	(void)state;
	assert_deadline(ntsync_nt_timeout(NULL), UINT64_MAX, 0);
}

static void once(void **state)
{
	(void)state;
	assert_deadline(deadline_of(0), 0, 0);
}

static void spans(void **state)
{
	static const int64_t ticks[] = { 1, 10000, 10000000, 1ll << 50 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ticks); i++) {
		uint64_t from = now_ns(), until;
		struct ntsync_nt_deadline deadline = deadline_of(-ticks[i]);

		until = now_ns();
		assert_int_equal(deadline.flags, 0);
		assert_true(deadline.ns >= from + 100 * (uint64_t)ticks[i]);
		assert_true(deadline.ns <= until + 100 * (uint64_t)ticks[i]);
	}
}

/* The driver takes values above INT64_MAX for the past. */
static void spans_that_do_not_fit(void **state)
{
	const int64_t most = (INT64_MAX - (int64_t)now_ns()) / 100;

	(void)state;
	assert_deadline(deadline_of(INT64_MIN), UINT64_MAX, 0);
	assert_deadline(deadline_of(INT64_MIN + 1), UINT64_MAX, 0);
	assert_deadline(deadline_of(-(INT64_MAX / 100) - 1), UINT64_MAX, 0);
	/* 2^63 * 100 and 2^64 / 100 would come out small if they overflowed. */
	assert_deadline(deadline_of(-184467440737095517ll), UINT64_MAX, 0);
	assert_deadline(deadline_of(-(most + 1)), UINT64_MAX, 0);
	/* An hour less fits. */
	assert_true(deadline_of(-(most - 36000000000ll)).ns <= INT64_MAX);
}

static void dates(void **state)
{
	(void)state;
	assert_deadline(deadline_of(EPOCH + 1), 100, REALTIME);
	assert_deadline(deadline_of(EPOCH + 10000000), 1000000000, REALTIME);
	/* 2026-01-01 */
	assert_deadline(deadline_of(134116992000000000ll), 1767225600ull * 1000000000, REALTIME);
}

static void dates_before_1970(void **state)
{
	(void)state;
	assert_deadline(deadline_of(1), 0, REALTIME);
	assert_deadline(deadline_of(EPOCH - 1), 0, REALTIME);
	assert_deadline(deadline_of(EPOCH), 0, REALTIME);
}

static void dates_that_do_not_fit(void **state)
{
	const int64_t last = EPOCH + INT64_MAX / 100;

	(void)state;
	assert_deadline(deadline_of(last), INT64_MAX / 100 * 100, REALTIME);
	assert_deadline(deadline_of(last + 1), UINT64_MAX, REALTIME);
	assert_deadline(deadline_of(INT64_MAX), UINT64_MAX, REALTIME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(for_ever),
		cmocka_unit_test(once),
		cmocka_unit_test(spans),
		cmocka_unit_test(spans_that_do_not_fit),
		cmocka_unit_test(dates),
		cmocka_unit_test(dates_before_1970),
		cmocka_unit_test(dates_that_do_not_fit),
	};

	return RUN(tests);
}
