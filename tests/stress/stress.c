// SPDX-License-Identifier: GPL-2.0-only
#include "stress.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* On top of the run's own time: what an emulated kernel under KASAN may need. */
#define WATCHDOG_SECONDS 300

static uint64_t number(const char *text, uint64_t otherwise)
{
	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

void stress_init(struct stress *s, int argc, char **argv)
{
	memset(s, 0, sizeof(*s));
	setvbuf(stdout, NULL, _IOLBF, 0);
	s->seconds = number(getenv("NTSYNC_STRESS_SECONDS"), 3);
	s->seconds = number(argc > 1 ? argv[1] : NULL, s->seconds);
	s->seed = number(argc > 2 ? argv[2] : NULL, stress_now() | 1);
	s->end = stress_now() + s->seconds * NS_PER_SEC;
	printf("# %u s, seed %llu\n", s->seconds, (unsigned long long)s->seed);
	/* A hang is a failure: the signal kills the program. */
	alarm(s->seconds + WATCHDOG_SECONDS);
}

bool stress_over(const struct stress *s)
{
	return stress_now() >= s->end;
}

void stress_check(struct stress *s, bool ok, const char *invariant)
{
	printf("%sok %u - %s\n", ok ? "" : "not ", ++s->tests, invariant);
	s->failures += !ok;
}

int stress_end(const struct stress *s)
{
	printf("1..%u\n", s->tests);
	return s->failures != 0;
}

int stress_skip(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

int stress_bail_out(const char *what, int ret)
{
	printf("Bail out! %s: %s\n", what, strerror(-ret));
	return 1;
}

uint64_t stress_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dull;
}

unsigned int stress_below(uint64_t *state, unsigned int bound)
{
	return (stress_random(state) >> 33) % bound;
}

uint64_t stress_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

void stress_sleep(uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / NS_PER_SEC, .tv_nsec = ns % NS_PER_SEC };

	nanosleep(&ts, NULL);
}

int stress_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -3; /* ".", ".." and the directory itself */

	if (!dir)
		return -1;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

int stress_module_references(void)
{
	FILE *file = fopen("/sys/module/ntsync/refcnt", "re");
	int count = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &count) != 1)
		count = -1;
	fclose(file);
	return count;
}
