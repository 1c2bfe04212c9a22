// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A wait on an address without a driver that has such waits. futex_waitv() also waits for the word
 * that a stop changes; ntsync_addr_wait() could not. It takes words of 32 bits, so
 *
 * - a word of 1 or 2 bytes waits on the word around it, and ends also if its neighbours change or
 *   are woken.
 * - a word of 8 bytes waits on both halves. A wake of the address finds the first one. A change
 *   before that is in one of the halves, and the kernel compares both after it has queued the
 *   first.
 *
 * The waiters have no bitset, so a wake of ntsync_addr_wake() finds them whatever the place of the
 * address in the word is.
 */
#include "address.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SEC 1000000000u
#define HALF sizeof(uint32_t)

static struct futex_waitv make_futex(const volatile void *addr, uint32_t value)
{
	return (struct futex_waitv){
		.val = value, .uaddr = (uintptr_t)addr, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG,
	};
}

/* The futexes of the word: how many, or -EAGAIN: it has another value. */
static int make_futexes(struct futex_waitv *futexes, const struct nt_word *word)
{
	uintptr_t place = (uintptr_t)word->addr & (HALF - 1);
	uint32_t *around = (uint32_t *)((uintptr_t)word->addr - place), value;
	uint8_t one = (uint8_t)word->expected;
	uint16_t two = (uint16_t)word->expected;
	uint32_t halves[2];

	switch (word->size) {
	case 4:
		futexes[0] = make_futex(word->addr, (uint32_t)word->expected);
		return 1;
	case 8:
		memcpy(halves, &word->expected, sizeof(halves));
		futexes[0] = make_futex(around, halves[0]);
		futexes[1] = make_futex(around + 1, halves[1]);
		return 2;
	}
	value = __atomic_load_n(around, __ATOMIC_SEQ_CST);
	if (memcmp((char *)&value + place, word->size == 1 ? (void *)&one : (void *)&two, word->size))
		return -EAGAIN;
	futexes[0] = make_futex(around, value);
	return 1;
}

static int call_futex_waitv(const struct futex_waitv *futexes, int count,
			    const struct ntsync_addr_opts *opts)
{
	/* Values above INT64_MAX have passed; the driver's rule. */
	uint64_t ns = opts->deadline > INT64_MAX ? 0 : opts->deadline;
	struct __kernel_timespec until = {
		.tv_sec = (long long)(ns / NS_PER_SEC), .tv_nsec = (long long)(ns % NS_PER_SEC),
	};
	clockid_t clock = opts->flags & NTSYNC_WAIT_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	long ret = syscall(SYS_futex_waitv, futexes, count, 0,
			   opts->deadline == NTSYNC_WAIT_FOREVER ? NULL : &until, clock);

	return ret < 0 ? -errno : (int)ret;
}

/* Of several that were woken the kernel returns the last: a wake of the word is not lost. */
int nt_futex_wait(const struct nt_word *word, const struct ntsync_addr_opts *opts,
		  const _Atomic uint32_t *ends, uint32_t seen)
{
	struct futex_waitv futexes[3] = { make_futex(ends, seen) };
	int count = make_futexes(&futexes[1], word), ret;

	if (count < 0)
		return count;
	ret = call_futex_waitv(futexes, count + 1, opts);
	if (ret)
		return ret < 0 ? ret : 0;
	return -EINTR;
}
