// SPDX-License-Identifier: GPL-2.0-only
#include <stdint.h>
#include <time.h>

/* A hook of the library, for its tests: lib/libntsync/nt/debug.h. */
void nt_race(void);

static _Thread_local uint32_t random_state = 1;

void nt_race(void)
{
	/* A sleep is certain to let other threads run; sched_yield() is not. */
	const struct timespec moment = { .tv_nsec = 1 };

	random_state = random_state * 1664525 + 1013904223;
	if (random_state >> 26 == 0)
		nanosleep(&moment, NULL);
}
