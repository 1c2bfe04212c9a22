// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a handle costs: nanoseconds of a CPU per operation, by 1 and 2 threads, with 10, 10,000 and
 * 1,000,000 live handles; beside what others do. No device is needed: tests/nt/fake takes
 * its place, so what creates and sets contains the fake's time, which has a line of its
 * own, and no system call.
 *
 *	build/bench/handles [MILLISECONDS_PER_FIGURE]
 */
#include "handles.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 64

static const uint32_t sizes[] = { 10, 10000, 1000000 };
static unsigned int milliseconds = 60;
static atomic_bool stop;

struct runner {
	const struct contender *contender;
	void *table;
	uint32_t thread;
	uint64_t operations, ns;
	pthread_t id;
};

/* Of the thread alone: whatever else runs on the machine counts less. */
static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void *run(void *arg)
{
	struct runner *runner = arg;
	uint32_t random = runner->thread + 1;
	uint64_t from = now();

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (int i = 0; i < BATCH; i++) {
			random = random * 1664525 + 1013904223;
			runner->contender->operate(runner->table, random >> 8);
		}
		runner->operations += BATCH;
	}
	runner->ns = now() - from;
	return NULL;
}

static double measure(const struct contender *contender, void *table, uint32_t threads)
{
	const struct timespec time = { .tv_nsec = milliseconds * 1000000l };
	struct runner runners[2];
	uint64_t operations = 0, ns = 0;

	atomic_store(&stop, false);
	for (uint32_t i = 0; i < threads; i++) {
		runners[i] = (struct runner){ .contender = contender, .table = table, .thread = i };
		pthread_create(&runners[i].id, NULL, run, &runners[i]);
	}
	nanosleep(&time, NULL);
	atomic_store(&stop, true);
	for (uint32_t i = 0; i < threads; i++) {
		pthread_join(runners[i].id, NULL);
		operations += runners[i].operations;
		ns += runners[i].ns;
	}
	return (double)ns / (double)operations;
}

/* The best of five: whatever else runs on the machine only adds. */
static double best(const struct contender *contender, void *table, uint32_t threads)
{
	double least = measure(contender, table, threads);

	for (int i = 0; i < 4; i++) {
		double again = measure(contender, table, threads);

		if (again < least)
			least = again;
	}
	return least;
}

static void report_one(const struct contender *contender)
{
	printf("%-34s", contender->name);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		void *table = contender->make(sizes[i]);

		for (uint32_t threads = 1; threads <= 2; threads++)
			printf(" %9.1f", best(contender, table, threads));
		contender->unmake(table);
	}
	putchar('\n');
	fflush(stdout);
}

static void report(const struct contender *contender)
{
	for (; contender->name; contender++)
		report_one(contender);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		milliseconds = (unsigned int)atoi(argv[1]);
	if (!milliseconds || milliseconds > 999) {
		fprintf(stderr, "usage: handles [MILLISECONDS_PER_FIGURE], 1 to 999\n");
		return 2;
	}
	printf("%-34s %19s %19s %19s\n", "live handles", "10", "10,000", "1,000,000");
	printf("%-34s %9s %9s %9s %9s %9s %9s\n", "threads", "1", "2", "1", "2", "1", "2");
	report(others);
	report(tables);
	return 0;
}
