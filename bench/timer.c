// SPDX-License-Identifier: GPL-2.0-only
/*
 * How late a waitable timer of the handle table is: from its deadline to the return of the wait, in
 * microseconds, for a thread and a timer thread of real-time priority.
 *
 *	scripts/vm/run --icount --add build/bench/timer -- /add/timer
 *
 * This measures an otherwise idle machine, whatever else the host does.
 */
#include <ntsync_nt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 300
#define PERIOD 10000000ull /* ns */

static const struct ntsync_nt_deadline forever = { NTSYNC_WAIT_FOREVER, 0 };

static uint64_t read_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int compare_values(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void report(const char *what, uint64_t *late)
{
	qsort(late, ROUNDS, sizeof(*late), compare_values);
	printf("%-12s %10.1f %10.1f %10.1f\n", what, (double)late[ROUNDS / 2] / 1000,
	       (double)late[ROUNDS * 99 / 100] / 1000, (double)late[ROUNDS - 1] / 1000);
}

static int measure_one_shot(struct ntsync_nt *nt, uint32_t timer, uint64_t *late)
{
	for (int i = 0; i < ROUNDS; i++) {
		const struct ntsync_nt_deadline due = { read_clock() + PERIOD, 0 };

		if (ntsync_nt_set_timer(nt, timer, due, 0, NULL) ||
		    ntsync_nt_wait_single(nt, timer, false, forever))
			return 1;
		late[i] = read_clock() - due.ns;
	}
	return 0;
}

/* Against the ideal deadlines, modulo the period, so that a drift adds up. */
static int measure_periodic(struct ntsync_nt *nt, uint32_t timer, uint64_t *late)
{
	const struct ntsync_nt_deadline due = { read_clock() + PERIOD, 0 };

	if (ntsync_nt_set_timer(nt, timer, due, PERIOD, NULL))
		return 1;
	for (int i = 0; i < ROUNDS; i++) {
		if (ntsync_nt_wait_single(nt, timer, false, forever))
			return 1;
		late[i] = (read_clock() - due.ns) % PERIOD;
	}
	return ntsync_nt_cancel_timer(nt, timer, NULL) != NTSYNC_STATUS_SUCCESS;
}

static int measure(const char *what,
		   int (*rounds)(struct ntsync_nt *nt, uint32_t timer, uint64_t *late),
		   struct ntsync_nt *nt, uint32_t timer)
{
	uint64_t late[ROUNDS];
	int ret = rounds(nt, timer, late);

	if (ret)
		fprintf(stderr, "timer: %s: failed\n", what);
	else
		report(what, late);
	return ret;
}

int main(void)
{
	const struct sched_param param = { .sched_priority = 50 };
	struct ntsync_nt_config config;
	struct ntsync_nt *nt;
	uint32_t timer;
	int ret;

	ntsync_nt_config_init(&config);
	config.timer_priority = 60;
	ret = ntsync_nt_create(&config, &nt);
	if (ret) {
		fprintf(stderr, "timer: /dev/ntsync: %s\n", strerror(-ret));
		return 1;
	}
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		printf("note: no right to real-time priorities\n");
	if (ntsync_nt_create_timer(nt, &timer, NULL, false)) {
		fprintf(stderr, "timer: no timer\n");
		return 1;
	}
	printf("late by (us)     median       99 %%        max\n");
	ret = measure("one-shot", measure_one_shot, nt, timer) || measure("periodic", measure_periodic, nt, timer);
	ntsync_nt_destroy(nt);
	return ret;
}
