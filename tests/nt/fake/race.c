// SPDX-License-Identifier: GPL-2.0-only
#include <stdint.h>
#include <time.h>

/* The library's, for its tests: lib/libntsync/nt/debug.h. */
void nt_race(void);

static _Thread_local uint32_t random_state = 1;

void nt_race(void)
{
	/* Sleeping lets others run for sure; what sched_yield() does is the scheduler's choice. */
	const struct timespec moment = { .tv_nsec = 1 };

	random_state = random_state * 1664525 + 1013904223;
	if (random_state >> 26 == 0)
		nanosleep(&moment, NULL);
}
