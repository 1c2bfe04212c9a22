// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <time.h>
#include <linux/futex.h>

#include "fake_kernel.h"

#define SECOND 1000000000ull
#define FLAGS (NTSYNC_WAIT_REALTIME | NTSYNC_ADDR_SHARED | NTSYNC_ADDR_TAKE_OVER)

static _Alignas(8) unsigned char memory[16];
static uint32_t out[2];

static int wait_in(int dev, unsigned int at, uint32_t size, uint64_t expected, uint64_t deadline,
		   uint32_t flags)
{
	const struct ntsync_addr_opts opts = { .deadline = deadline, .flags = flags };

	return ntsync_addr_wait(dev, &memory[at], size, expected, &opts, &out[0]);
}

/* ---- with the driver ---- */

static int wait_here(void)
{
	const struct ntsync_addr_opts opts = {
		.deadline = 5, .flags = FLAGS, .owner = 6, .alert = 7,
	};

	return ntsync_addr_wait(3, &memory[4], 2, 9, &opts, &out[0]);
}

static int wake_here(void)
{
	return ntsync_addr_wake(3, &memory[4], 8, NTSYNC_ADDR_SHARED);
}

static void arguments_pass(void **state)
{
	struct ntsync_addr_wait_args wait = {
		.timeout = 5, .addr = (uintptr_t)&memory[4], .expected = 9, .size = 2,
		.flags = FLAGS, .owner = 6, .alert = 7,
	};
	const struct ntsync_addr_wake_args wake = {
		.addr = (uintptr_t)&memory[4], .count = 8, .flags = NTSYNC_ADDR_SHARED,
	};
	struct ntsync_addr_wait_args result = wait;

	(void)state;
	result.index = 1;
	fake_writes(&result, sizeof(result));
	assert_int_equal(wait_here(), 0);
	assert_int_equal(out[0], 1);
	fake_assert_one_call(3, NTSYNC_IOC_ADDR_WAIT, &wait, sizeof(wait));
	fake_setup(NULL);
	fake_returns(2);
	assert_int_equal(wake_here(), 2);
	fake_assert_one_call(3, NTSYNC_IOC_ADDR_WAKE, &wake, sizeof(wake));
}

static void errors_pass(void **state)
{
	static const int errors[] = {
		EBADF, EFAULT, EINVAL, EPERM, ESRCH, ENOMEM, EAGAIN, ETIMEDOUT, EINTR, EACCES,
	};

	(void)state;
	out[0] = UNTOUCHED;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fake_setup(NULL);
		fake_fails(errors[i]);
		assert_int_equal(wait_here(), -errors[i]);
		fake_fails(errors[i]);
		assert_int_equal(wake_here(), -errors[i]);
	}
	assert_int_equal(out[0], UNTOUCHED);
}

static void boottime_on_an_older_driver(void **state)
{
	struct ntsync_features_args found = {
		.features = ~NTSYNC_FEATURE_BOOTTIME, .version = 1,
	};

	(void)state;
	fake_fails(EINVAL);
	fake_writes(&found, sizeof(found));
	assert_int_equal(wait_in(3, 4, 4, 0, 5, NTSYNC_WAIT_BOOTTIME), -ENOTSUP);
	found.features = NTSYNC_FEATURE_ADDRESS | NTSYNC_FEATURE_BOOTTIME;
	fake_fails(EINVAL);
	fake_writes(&found, sizeof(found));
	assert_int_equal(wait_in(3, 4, 4, 0, 5, NTSYNC_WAIT_BOOTTIME), -EINVAL);
	assert_int_equal(fake_nr_futexes(), 0);
}

/* ---- without ---- */

static void a_driver_without_addresses(void **state)
{
	struct ntsync_features_args found = { .version = 1 };

	(void)state;
	memset(memory, 0, sizeof(memory));
	fake_fails(ENOTTY);
	fake_writes(&found, sizeof(found));
	fake_returns(0);
	assert_int_equal(wait_in(3, 4, 4, 0, NTSYNC_WAIT_FOREVER, 0), 0);
	assert_int_equal(out[0], 0);
	assert_ptr_equal(fake_futex(0)->word, &memory[4]);
	fake_fails(ENOTTY);
	fake_writes(&found, sizeof(found));
	fake_returns(1);
	assert_int_equal(wake_here(), 1);
	assert_int_equal(fake_nr_futexes(), 2);
	/* No instance. */
	fake_fails(ENOTTY);
	fake_fails(EBADF);
	assert_int_equal(wait_in(3, 4, 4, 0, NTSYNC_WAIT_FOREVER, 0), -ENOTTY);
	fake_fails(ENOTTY);
	fake_fails(EBADF);
	assert_int_equal(wake_here(), -ENOTTY);
	assert_int_equal(fake_nr_futexes(), 2);
}

static void a_futex_checks_arguments(void **state)
{
	const struct ntsync_addr_opts alert = { .alert = 5 };

	(void)state;
	for (uint32_t size = 0; size < 20; size++) {
		bool legal = size == 1 || size == 2 || size == 4 || size == 8;

		for (unsigned int at = 0; at < 8; at++) {
			if (!legal || at % size)
				assert_int_equal(wait_in(-1, at, size, 0, 0, 0), -EINVAL);
		}
	}
	assert_int_equal(wait_in(-1, 0, 4, 0, 0, 2), -EINVAL);
	assert_int_equal(wait_in(-1, 0, 4, 0, 0, NTSYNC_WAIT_REALTIME | NTSYNC_WAIT_BOOTTIME),
			 -EINVAL);
	assert_int_equal(ntsync_addr_wake(-1, memory, 1, NTSYNC_ADDR_TAKE_OVER), -EINVAL);
	assert_int_equal(ntsync_addr_wait(-1, memory, 4, 0, &alert, NULL), -ENOTSUP);
	assert_int_equal(ntsync_addr_wake(-1, memory, 0, 0), 0);
	assert_int_equal(fake_nr_futexes(), 0);
}

static void what_a_futex_is_asked(void **state)
{
	const struct fake_futex *f;

	(void)state;
	fake_returns(0);
	assert_int_equal(wait_in(-1, 4, 4, 0x100000007, 3 * SECOND + 5, 0), 0);
	f = fake_futex(0);
	assert_ptr_equal(f->word, &memory[4]);
	assert_int_equal(f->op, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG);
	assert_int_equal(f->value, 7);
	assert_int_equal(f->sec, 3);
	assert_int_equal(f->nsec, 5);
	assert_int_equal(f->bits, 1);
	fake_fails(ETIMEDOUT);
	assert_int_equal(wait_in(-1, 4, 4, 7, UINT64_MAX - 1, FLAGS), -ETIMEDOUT);
	f = fake_futex(1);
	assert_int_equal(f->op, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME);
	assert_int_equal(f->sec, 0);
	assert_int_equal(f->nsec, 0);
	fake_fails(EINTR);
	assert_int_equal(wait_in(-1, 4, 4, 7, NTSYNC_WAIT_FOREVER, 0), -EINTR);
	assert_int_equal(fake_futex(2)->sec, -1);

	fake_returns(4);
	assert_int_equal(ntsync_addr_wake(-1, &memory[4], UINT32_MAX, 0), 4);
	f = fake_futex(3);
	assert_ptr_equal(f->word, &memory[4]);
	assert_int_equal(f->op, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG);
	assert_int_equal(f->value, INT32_MAX);
	assert_int_equal(f->bits, 1);
	fake_fails(EFAULT);
	assert_int_equal(ntsync_addr_wake(-1, &memory[4], 3, NTSYNC_ADDR_SHARED), -EFAULT);
	assert_int_equal(fake_futex(4)->op, FUTEX_WAKE_BITSET);
	assert_int_equal(fake_futex(4)->value, 3);
}

/* Waiters and wakes of the four bytes of a word have different bits. */
static void small_words_have_bits(void **state)
{
	(void)state;
	memset(memory, 0x11, sizeof(memory));
	for (unsigned int at = 0; at < 4; at++) {
		fake_setup(NULL);
		fake_returns(0);
		assert_int_equal(wait_in(-1, at, 1, 0x2211, NTSYNC_WAIT_FOREVER, 0), 0);
		fake_returns(0);
		assert_int_equal(ntsync_addr_wake(-1, &memory[at], 1, 0), 0);
		for (unsigned int i = 0; i < 2; i++) {
			assert_ptr_equal(fake_futex(i)->word, memory);
			assert_int_equal(fake_futex(i)->bits, 1u << at);
		}
		assert_int_equal(fake_futex(0)->value, 0x11111111);
		assert_int_equal(wait_in(-1, at, 1, 0x12, NTSYNC_WAIT_FOREVER, 0), -EAGAIN);
	}
	fake_setup(NULL);
	fake_returns(0);
	assert_int_equal(wait_in(-1, 2, 2, 0x1111, NTSYNC_WAIT_FOREVER, 0), 0);
	assert_int_equal(fake_futex(0)->bits, 4);
	assert_int_equal(wait_in(-1, 2, 2, 0x1211, NTSYNC_WAIT_FOREVER, 0), -EAGAIN);
	assert_int_equal(wait_in(-1, 2, 2, 0x1112, NTSYNC_WAIT_FOREVER, 0), -EAGAIN);
}

static void change_neighbour(void)
{
	memory[3]++;
}

static void change_word(void)
{
	memory[1]++;
}

static void neighbours_do_not_end_a_wait(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	fake_in_futex = change_neighbour;
	for (int i = 0; i < 3; i++)
		fake_fails(EAGAIN);
	fake_returns(0);
	assert_int_equal(wait_in(-1, 0, 2, 0, NTSYNC_WAIT_FOREVER, 0), 0);
	assert_int_equal(fake_nr_futexes(), 4);
	fake_in_futex = change_word;
	fake_fails(EAGAIN);
	assert_int_equal(wait_in(-1, 0, 2, 0, NTSYNC_WAIT_FOREVER, 0), -EAGAIN);
	assert_int_equal(fake_nr_futexes(), 5);
}

/* Then no futex says that the deadline has passed. */
static void neighbours_do_not_prolong_a_wait(void **state)
{
	(void)state;
	for (uint32_t size = 1; size <= 2; size++) {
		fake_setup(NULL);
		memset(memory, 0, sizeof(memory));
		fake_in_futex = change_neighbour;
		fake_fails(EAGAIN);
		assert_int_equal(wait_in(-1, 0, size, 0, 0, 0), -ETIMEDOUT);
		assert_int_equal(fake_nr_futexes(), 1);
	}
}

/* The kernel does not see a change of the second half. */
static void large_words_are_looked_at(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	fake_fails(ETIMEDOUT);
	fake_fails(ETIMEDOUT);
	fake_returns(0);
	assert_int_equal(wait_in(-1, 0, 8, 0, NTSYNC_WAIT_FOREVER, 0), 0);
	assert_int_equal(fake_nr_futexes(), 3);
	assert_true(fake_futex(0)->sec >= 0);
	fake_in_futex = change_neighbour;
	fake_fails(ETIMEDOUT);
	assert_int_equal(wait_in(-1, 0, 8, 0, NTSYNC_WAIT_FOREVER, 0), -EAGAIN);
	memset(memory, 0, sizeof(memory));
	assert_int_equal(wait_in(-1, 0, 8, 0, 0, 0), -ETIMEDOUT);
	assert_int_equal(wait_in(-1, 0, 8, 0, UINT64_MAX - 1, 0), -ETIMEDOUT);
	assert_int_equal(wait_in(-1, 0, 8, 1, 0, 0), -EAGAIN);
	assert_int_equal(wait_in(-1, 0, 8, 1ull << 63, 0, 0), -EAGAIN);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static uint64_t futex_deadline(unsigned int n)
{
	return (uint64_t)fake_futex(n)->sec * SECOND + (uint64_t)fake_futex(n)->nsec;
}

/* The futex's clock is CLOCK_MONOTONIC, and its sleep ends after a second. */
static void boottime_is_looked_at(void **state)
{
	uint64_t before = now_ns(CLOCK_MONOTONIC), far = now_ns(CLOCK_BOOTTIME) + 1000 * SECOND;

	(void)state;
	memset(memory, 0, sizeof(memory));
	for (uint32_t size = 1; size <= 4; size *= 2) {
		fake_setup(NULL);
		fake_fails(ETIMEDOUT);
		fake_fails(ETIMEDOUT);
		fake_returns(0);
		assert_int_equal(wait_in(-1, 4, size, 0, far, NTSYNC_WAIT_BOOTTIME), 0);
		assert_int_equal(fake_nr_futexes(), 3);
		for (unsigned int i = 0; i < 3; i++) {
			assert_int_equal(fake_futex(i)->op, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG);
			assert_true(futex_deadline(i) >= before + SECOND);
			assert_true(futex_deadline(i) <= now_ns(CLOCK_MONOTONIC) + SECOND);
		}
	}
	fake_setup(NULL);
	fake_returns(0);
	assert_int_equal(wait_in(-1, 0, 8, 0, far, NTSYNC_WAIT_BOOTTIME), 0);
	assert_true(futex_deadline(0) >= before);
	assert_true(futex_deadline(0) <= now_ns(CLOCK_MONOTONIC) + SECOND / 1000);
	fake_setup(NULL);
	fake_fails(EINTR);
	assert_int_equal(wait_in(-1, 4, 4, 0, far, NTSYNC_WAIT_BOOTTIME), -EINTR);
	fake_fails(EAGAIN);
	assert_int_equal(wait_in(-1, 4, 4, 0, far, NTSYNC_WAIT_BOOTTIME), -EAGAIN);
	fake_returns(0);
	assert_int_equal(wait_in(-1, 4, 4, 0, NTSYNC_WAIT_FOREVER, NTSYNC_WAIT_BOOTTIME), 0);
	assert_int_equal(fake_futex(2)->sec, -1);
}

/* The futex compares the word, and does not sleep. */
static void boottime_that_has_passed(void **state)
{
	const uint64_t passed[] = { 0, 1, now_ns(CLOCK_BOOTTIME), 1ull << 63, UINT64_MAX - 1 };

	(void)state;
	memset(memory, 0, sizeof(memory));
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
		fake_fails(ETIMEDOUT);
		assert_int_equal(wait_in(-1, 4, 4, 0, passed[i], NTSYNC_WAIT_BOOTTIME),
				 -ETIMEDOUT);
		assert_int_equal(futex_deadline(i), 0);
		assert_int_equal(wait_in(-1, 0, 8, 0, passed[i], NTSYNC_WAIT_BOOTTIME),
				 -ETIMEDOUT);
	}
	assert_int_equal(fake_nr_futexes(), ARRAY_SIZE(passed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(arguments_pass),
		fake_test(errors_pass),
		fake_test(boottime_on_an_older_driver),
		fake_test(a_driver_without_addresses),
		fake_test(a_futex_checks_arguments),
		fake_test(what_a_futex_is_asked),
		fake_test(small_words_have_bits),
		fake_test(neighbours_do_not_end_a_wait),
		fake_test(neighbours_do_not_prolong_a_wait),
		fake_test(large_words_are_looked_at),
		fake_test(boottime_is_looked_at),
		fake_test(boottime_that_has_passed),
	};

	return cmocka_run_group_tests_name("libntsync: addr", tests, NULL, NULL);
}
