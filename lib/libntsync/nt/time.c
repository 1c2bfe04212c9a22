// SPDX-License-Identifier: LGPL-2.1-or-later
#include "timer.h"

#include <time.h>

#define NS_PER_TICK	100u
#define NS_PER_SECOND	1000000000ull
/* From 1601-01-01 to 1970-01-01, in units of 100 ns. */
#define EPOCH		116444736000000000ll

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

struct nt_times nt_times_now(void)
{
	return (struct nt_times){ clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME) };
}

uint64_t nt_system_time(void)
{
	return clock_ns(CLOCK_REALTIME) / NS_PER_TICK + EPOCH;
}

/*
 * @ticks after @start. The driver takes a deadline above INT64_MAX for the past, so one that
 * would be there, in 292 years, becomes "never".
 */
static uint64_t add_ticks(uint64_t start, uint64_t ticks)
{
	if (ticks > (INT64_MAX - start) / NS_PER_TICK)
		return NTSYNC_WAIT_FOREVER;
	return start + ticks * NS_PER_TICK;
}

static struct ntsync_nt_deadline deadline_of_date(int64_t ticks)
{
	struct ntsync_nt_deadline deadline = { .flags = NTSYNC_WAIT_REALTIME };

	if (ticks > EPOCH)
		deadline.ns = add_ticks(0, (uint64_t)(ticks - EPOCH));
	return deadline;
}

NTSYNC_API struct ntsync_nt_deadline ntsync_nt_timeout(const int64_t *timeout)
{
	struct ntsync_nt_deadline deadline = { 0 };

	if (!timeout)
		deadline.ns = NTSYNC_WAIT_FOREVER;
	else if (*timeout > 0)
		deadline = deadline_of_date(*timeout);
	else if (*timeout < 0)
		/* Negated as unsigned, because -INT64_MIN overflows. */
		deadline.ns = add_ticks(clock_ns(CLOCK_MONOTONIC), 0 - (uint64_t)*timeout);
	return deadline;
}
