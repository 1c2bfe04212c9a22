// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A thread may get a real-time policy from outside at any time (rtkit, chrt), without a notice. So the
 * kernel is asked again after a while. The clock is read without a system call.
 */
#include <sched.h>
#include <time.h>

#include "shim.h"

#define NS_PER_SEC 1000000000ull
#define LOOK_AGAIN_NS (NS_PER_SEC / 10)

static __thread struct {
	uint64_t looked;
	bool is_real_time;
} policy;

static uint64_t read_clock(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static bool ask_kernel(void)
{
	switch (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) {
	case SCHED_FIFO:
	case SCHED_RR:
	case SCHED_DEADLINE:
		return true;
	}
	return false;
}

bool policy_is_real_time(void)
{
	uint64_t now = read_clock();

	if (!policy.looked || now - policy.looked >= LOOK_AGAIN_NS) {
		policy.is_real_time = ask_kernel();
		policy.looked = now;
	}
	return policy.is_real_time;
}
