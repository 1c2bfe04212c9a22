// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waits on addresses by futexes. A futex compares an aligned word of 32 bits, so
 *
 * - a word of 1 or 2 bytes waits on the word around it. If only its neighbours have changed, the
 *   wait begins again.
 * - a word of 8 bytes waits on its first half. A change of the other half alone is not noticed, so
 *   such a wait looks again after a millisecond.
 *
 * It knows no CLOCK_BOOTTIME. With such a deadline a wait sleeps for a second at most and looks at
 * the clock, as the machine may have been suspended meanwhile.
 *
 * A wake does not know the size. The place of the address in the word selects one bit of the futex's
 * bitset, so a wake finds the waiters of its own address only.
 */
#include <linux/futex.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"

#define NS_PER_SEC 1000000000
#define NS_PER_MS 1000000

/* The kernel's 64-bit timespec, on 32-bit machines, too. */
#ifdef SYS_futex_time64
#define FUTEX SYS_futex_time64
#else
#define FUTEX SYS_futex
#endif

static uint32_t *word_around(const volatile void *addr)
{
	return (uint32_t *)((uintptr_t)addr & ~(uintptr_t)3);
}

static uint32_t bit_of(const volatile void *addr)
{
	return 1u << ((uintptr_t)addr & 3);
}

static int futex_op(int op, uint32_t flags)
{
	if (!(flags & NTSYNC_ADDR_SHARED))
		op |= FUTEX_PRIVATE_FLAG;
	if (flags & NTSYNC_WAIT_REALTIME)
		op |= FUTEX_CLOCK_REALTIME;
	return op;
}

static long call_futex(uint32_t *word, int op, uint32_t value,
		       const struct __kernel_timespec *deadline, uint32_t bits)
{
	long ret = syscall(FUTEX, word, op, value, deadline, NULL, bits);

	return ret < 0 ? -errno : ret;
}

static struct __kernel_timespec to_timespec(uint64_t ns)
{
	/* Values above have passed; the driver's rule. */
	if (ns > INT64_MAX)
		ns = 0;
	return (struct __kernel_timespec){
		.tv_sec = (long long)(ns / NS_PER_SEC),
		.tv_nsec = (long long)(ns % NS_PER_SEC),
	};
}

static clockid_t choose_clock(uint32_t flags)
{
	if (flags & NTSYNC_WAIT_BOOTTIME)
		return CLOCK_BOOTTIME;
	return flags & NTSYNC_WAIT_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

static bool has_passed(uint64_t deadline, uint32_t flags)
{
	return deadline > INT64_MAX ? deadline != NTSYNC_WAIT_FOREVER :
				      deadline <= read_clock(choose_clock(flags));
}

/* One sleep while the 32-bit word around the address has that value. */
static int sleep_once(const volatile void *addr, uint32_t value, uint64_t deadline, uint32_t flags)
{
	struct __kernel_timespec ts = to_timespec(deadline);

	return (int)call_futex(word_around(addr), futex_op(FUTEX_WAIT_BITSET, flags), value,
			       deadline == NTSYNC_WAIT_FOREVER ? NULL : &ts, bit_of(addr));
}

/* A deadline of CLOCK_BOOTTIME in CLOCK_MONOTONIC, a second away at most; 0 if it has passed. */
static uint64_t boottime_to_monotonic(uint64_t deadline)
{
	uint64_t now = read_clock(CLOCK_BOOTTIME);

	if (deadline > INT64_MAX || deadline <= now)
		return 0;
	return read_clock(CLOCK_MONOTONIC) +
	       (deadline - now < NS_PER_SEC ? deadline - now : NS_PER_SEC);
}

/* A sleep on any of the clocks. */
static int sleep_until(const volatile void *addr, uint32_t value, uint64_t deadline, uint32_t flags)
{
	int ret;

	if (!(flags & NTSYNC_WAIT_BOOTTIME) || deadline == NTSYNC_WAIT_FOREVER)
		return sleep_once(addr, value, deadline, flags);
	do {
		ret = sleep_once(addr, value, boottime_to_monotonic(deadline), flags);
	} while (ret == -ETIMEDOUT && !has_passed(deadline, flags));
	return ret;
}

/* ---- words of 1 and 2 bytes ---- */

static uint64_t pick_bytes(uint32_t word, const volatile void *addr, uint32_t size)
{
	unsigned char bytes[sizeof(word)];
	uint16_t two;

	memcpy(bytes, &word, sizeof(word));
	if (size == 1)
		return bytes[(uintptr_t)addr & 3];
	memcpy(&two, &bytes[(uintptr_t)addr & 3], sizeof(two));
	return two;
}

static int wait_small(const volatile void *addr, uint32_t size, uint64_t expected,
		      const struct ntsync_addr_opts *opts)
{
	uint32_t word;
	int ret;

	expected &= size == 1 ? UINT8_MAX : UINT16_MAX;
	do {
		word = __atomic_load_n(word_around(addr), __ATOMIC_SEQ_CST);
		if (pick_bytes(word, addr, size) != expected)
			return -EAGAIN;
		ret = sleep_until(addr, word, opts->deadline, opts->flags);
		if (ret != -EAGAIN)
			return ret;
	} while (!has_passed(opts->deadline, opts->flags));
	return -ETIMEDOUT;
}

/* ---- words of 8 bytes ---- */

static uint32_t first_half(uint64_t value)
{
	uint32_t half;

	memcpy(&half, &value, sizeof(half));
	return half;
}

static int wait_large(const volatile uint64_t *addr, uint64_t expected,
		      const struct ntsync_addr_opts *opts)
{
	while (__atomic_load_n(addr, __ATOMIC_SEQ_CST) == expected) {
		uint64_t soon = read_clock(choose_clock(opts->flags)) + NS_PER_MS;
		int ret;

		if (has_passed(opts->deadline, opts->flags))
			return -ETIMEDOUT;
		ret = sleep_until(addr, first_half(expected),
				  opts->deadline < soon ? opts->deadline : soon, opts->flags);
		if (ret != -ETIMEDOUT)
			return ret;
	}
	return -EAGAIN;
}

/* ---- the calls ---- */

#define CLOCK_FLAGS (NTSYNC_WAIT_REALTIME | NTSYNC_WAIT_BOOTTIME)
#define WAIT_FLAGS (CLOCK_FLAGS | NTSYNC_ADDR_SHARED | NTSYNC_ADDR_TAKE_OVER)

int addr_futex_wait(const volatile void *addr, uint32_t size, uint64_t expected,
		      const struct ntsync_addr_opts *opts)
{
	if (opts->flags & ~(uint32_t)WAIT_FLAGS || (opts->flags & CLOCK_FLAGS) == CLOCK_FLAGS)
		return -EINVAL;
	if ((size != 1 && size != 2 && size != 4 && size != 8) || (uintptr_t)addr & (size - 1))
		return -EINVAL;
	if (opts->alert)
		return -ENOTSUP;
	if (size == 8)
		return wait_large(addr, expected, opts);
	if (size < 4)
		return wait_small(addr, size, expected, opts);
	return sleep_until(addr, (uint32_t)expected, opts->deadline, opts->flags);
}

int addr_futex_wake(const volatile void *addr, uint32_t count, uint32_t flags)
{
	if (flags & ~(uint32_t)NTSYNC_ADDR_SHARED)
		return -EINVAL;
	/* The kernel wakes one if it is asked for none. */
	if (!count)
		return 0;
	return (int)call_futex(word_around(addr), futex_op(FUTEX_WAKE_BITSET, flags),
			       count < INT_MAX ? count : INT_MAX, NULL, bit_of(addr));
}
