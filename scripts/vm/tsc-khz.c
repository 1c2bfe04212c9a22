// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints how many thousand times a second this machine's time stamp counter ticks.
 * An emulated CPU shows its guest the very same counter, and the guest has no means
 * of measuring it that withstands a busy host: told wrong or nothing, it falls back
 * to a clock that ticks 250 times a second.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct sample {
	uint64_t ticks, ns;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Of many tries the one that was interrupted least. */
static struct sample sample(void)
{
	struct sample best = { 0, 0 };
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < 200; i++) {
		uint64_t before = now(), ticks = __rdtsc(), after = now();

		if (after - before < shortest) {
			shortest = after - before;
			best.ticks = ticks;
			best.ns = before + (after - before) / 2;
		}
	}
	return best;
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	struct sample first = sample(), last;

	nanosleep(&pause, NULL);
	last = sample();
	printf("%llu\n", (unsigned long long)((last.ticks - first.ticks) * 1000000 /
					      (last.ns - first.ns)));
	return 0;
}
