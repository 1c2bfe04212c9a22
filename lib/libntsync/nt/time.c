// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nt.h"

#include <time.h>

#define NS_PER_TICK	100u
#define NS_PER_SECOND	1000000000ull
/* From 1601-01-01 to 1970-01-01, in units of 100 ns. */
#define EPOCH		116444736000000000ll

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

/*
 * @ticks after @start. The driver takes what is beyond INT64_MAX for the past, so what
 * would end there (in 292 years) never ends.
 */
static uint64_t after(uint64_t start, uint64_t ticks)
{
	if (ticks > (INT64_MAX - start) / NS_PER_TICK)
		return NTSYNC_WAIT_FOREVER;
	return start + ticks * NS_PER_TICK;
}

static struct ntsync_nt_deadline date(int64_t ticks)
{
	struct ntsync_nt_deadline deadline = { .flags = NTSYNC_WAIT_REALTIME };

	if (ticks > EPOCH)
		deadline.ns = after(0, (uint64_t)(ticks - EPOCH));
	return deadline;
}

NTSYNC_API struct ntsync_nt_deadline ntsync_nt_timeout(const int64_t *timeout)
{
	struct ntsync_nt_deadline deadline = { 0 };

	if (!timeout)
		deadline.ns = NTSYNC_WAIT_FOREVER;
	else if (*timeout > 0)
		deadline = date(*timeout);
	else if (*timeout < 0)
		/* Unsigned, as INT64_MIN has no positive counterpart. */
		deadline.ns = after(now(), 0 - (uint64_t)*timeout);
	return deadline;
}
