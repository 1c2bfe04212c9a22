// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost of a handle: nanoseconds of CPU time per operation, by 1 and 2 threads, with 10, 10,000
 * and 1,000,000 live handles, beside alternatives. Needs no device: tests/nt/fake replaces it, so
 * operations that create and set include the fake's time, which has a row of its own, but no system
 * call.
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
#define RATIOS 11

static const uint32_t sizes[] = { 10, 10000, 1000000 };
static unsigned int milliseconds = 60;
static atomic_bool stop;

struct runner {
	const struct contender *contender;
	void *table;
	uint32_t thread;
	bool chained;
	uint64_t operations, ns;
	pthread_t id;
};

/* CPU time of this thread, so that other load of the machine counts less. */
static uint64_t read_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The CPU can begin an operation before the last one has ended. */
static uint32_t run_overlapping(const struct runner *runner, uint32_t random)
{
	for (int i = 0; i < BATCH; i++) {
		random = random * 1664525 + 1013904223;
		runner->contender->operate(runner->table, random >> 8);
	}
	return random;
}

/* Each operation depends on the result of the last one, as with a system call in between. */
static uint32_t run_one_by_one(const struct runner *runner, uint32_t random)
{
	for (int i = 0; i < BATCH; i++) {
		random = random * 1664525 + 1013904223;
		random += runner->contender->operate(runner->table, random >> 8);
	}
	return random;
}

static void *run(void *arg)
{
	struct runner *runner = arg;
	uint32_t random = runner->thread + 1;
	uint64_t from = read_clock();

	/* At least once: on a busy machine the time may be over before this thread has started. */
	do {
		random = runner->chained ? run_one_by_one(runner, random) :
					   run_overlapping(runner, random);
		runner->operations += BATCH;
	} while (!atomic_load_explicit(&stop, memory_order_relaxed));
	runner->ns = read_clock() - from;
	return NULL;
}

static double measure(const struct contender *contender, void *table, uint32_t threads,
		      bool chained)
{
	const struct timespec time = { .tv_nsec = milliseconds * 1000000l };
	struct runner runners[2];
	uint64_t operations = 0, ns = 0;

	atomic_store(&stop, false);
	for (uint32_t i = 0; i < threads; i++) {
		runners[i] = (struct runner){
			.contender = contender, .table = table, .thread = i, .chained = chained,
		};
		if (pthread_create(&runners[i].id, NULL, run, &runners[i])) {
			fprintf(stderr, "handles: no thread\n");
			exit(1);
		}
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

/* The fastest of five, as other load of the machine only adds. */
static double measure_best(const struct contender *contender, void *table, uint32_t threads, bool chained)
{
	double least = measure(contender, table, threads, chained);

	for (int i = 0; i < 4; i++) {
		double again = measure(contender, table, threads, chained);

		if (again < least)
			least = again;
	}
	return least;
}

static void report_one(const struct contender *contender, bool chained)
{
	printf("%-34s", contender->name);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		void *table = contender->make(sizes[i]);

		for (uint32_t threads = 1; threads <= 2; threads++)
			printf(" %9.1f", measure_best(contender, table, threads, chained));
		contender->unmake(table);
	}
	putchar('\n');
	fflush(stdout);
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* From pairs of runs, one after the other, so that other load is the same for both. */
static double measure_ratio(const struct contender *a, void *table_a, const struct contender *b,
			    void *table_b, uint32_t threads, bool chained)
{
	double ratios[RATIOS];

	for (int i = 0; i < RATIOS; i++) {
		double first = measure(a, table_a, threads, chained);

		ratios[i] = first / measure(b, table_b, threads, chained);
	}
	qsort(ratios, RATIOS, sizeof(ratios[0]), ascending);
	return ratios[RATIOS / 2];
}

static void report_ratio(const struct contender *a, const struct contender *b, bool chained)
{
	printf("%-34s", chained ? "one by one: ntsync_nt / counted" :
				  "lookup+release: ntsync_nt / counted");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		void *table_a = a->make(sizes[i]), *table_b = b->make(sizes[i]);

		for (uint32_t threads = 1; threads <= 2; threads++)
			printf(" %9.2f", measure_ratio(a, table_a, b, table_b, threads,
						chained));
		a->unmake(table_a);
		b->unmake(table_b);
	}
	putchar('\n');
	fflush(stdout);
}

static void report(const struct contender *contender)
{
	for (; contender->name; contender++)
		report_one(contender, false);
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
	report_ratio(&table_lookup, &counted_slot, false);
	puts("one by one:");
	report_one(&counted_slot, true);
	report_one(&table_lookup, true);
	report_ratio(&table_lookup, &counted_slot, true);
	return 0;
}
