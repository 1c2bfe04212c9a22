// SPDX-License-Identifier: 0BSD
/*
 * Priority inversion without and with inheritance. On one CPU, a FIFO 80 thread waits for a
 * millisecond of work by a FIFO 10 thread, while a FIFO 50 thread burns one second: how long does it
 * wait?
 *
 *	inversion			one column: the driver as it is loaded
 *	inversion ntsync.ko		two columns: loads this driver with pi=off and with pi=on
 *
 * It needs the right to real-time priorities. As root, it turns the throttling of real-time tasks off.
 * That setting and the driver that was loaded are restored at the end, even after Ctrl-C. The exit status
 * is 1 if something failed, or if a FIFO 80 thread waited for the FIFO 50 thread on a driver with
 * inheritance.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <libntsync.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inversion.h"

static const char *const parameters[] = { "pi=off", "pi=on" };

enum { CHAIN_BLOCKED_FIRST = 5, CHAIN_BOOSTED_FIRST };

static struct scenario scenarios[] = {
	{ "mutex, taken by a wait", { { 10, "L0.wU0" }, { 80, ".<L0>U0" } } },
	{ "mutex, created owned", { { 10, "L1U1C0.wU0" }, { 80, ".<L0>U0" } } },
	{ "mutex, handed over",
	  { { 10, "L0,U0" }, { 10, "L0.wU0" }, { 20, "!" }, { 80, ".<L0>U0" } } },
	{ "any of three mutexes",
	  { { 10, "L0.wU0" }, { 10, "L1.wU1" }, { 10, "L2.wU2" }, { 80, ".<Y012 >u" } } },
	{ "all of three mutexes",
	  { { 10, "L0.wU0" }, { 10, "L1.wU1" }, { 10, "L2.wU2" }, { 80, ".<A012 >U0U1U2" } } },
	[CHAIN_BLOCKED_FIRST] = { "chain of 12, blocked first", { { 0 } } },
	[CHAIN_BOOSTED_FIRST] = { "chain of 12, boosted first", { { 0 } } },
	{ "a PI futex in between",
	  { { 9, "p.wq" }, { 10, "L0pqU0" }, { 80, ".<L0>U0" } } },
	{ "event, consumer queued", { { 10, "Lew>" }, { 80, ".<P" } } },
	{ "event, staged before", { { 80, "P" }, { 10, "<Legw>" } } },
	{ "wait-all, consumer queued", { { 10, "A0e w>U0" }, { 80, ".<P" } } },
	{ "wait-all, staged before", { { 80, "P" }, { 10, "<A0e gw>U0" } } },
	{ "aggregate wait for a mutex", { { 10, "L0.wU0" }, { 80, ".<S0 >U0" } } },
	{ "aggregate, consumer queued", { { 10, "Se w>" }, { 80, ".<P" } } },
	{ "aggregate, staged before", { { 80, "P" }, { 10, "<Se gw>" } } },
	{ "channel, aggregate server", { { 10, "Sc rwR" }, { 80, ".<s>" } } },
	{ "server behind two pipes", { { 10, "vwa" }, { 80, ".<l>" } } },
	{ "critical section", { { 10, "E.wX" }, { 80, ".<E>X" } } },
	{ "reader/writer lock", { { 10, "W.wV" }, { 80, ".<W>V" } } },
	{ "condition variable", { { 80, "d>X" }, { 10, "E<k.wX" } } },
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SCENARIOS ARRAY_SIZE(scenarios)

/* The last thread works, and each other one waits for the next. */
static void write_chain(struct scenario *s, const char *pause)
{
	sprintf(s->role[0].program, "L%x.wU%x", CHAIN - 1, CHAIN - 1);
	for (int n = 1; n < CHAIN; n++) {
		int i = CHAIN - 1 - n;

		sprintf(s->role[n].program, "L%x%sL%xU%xU%x", i, pause, i + 1, i + 1, i);
	}
	for (int n = 0; n < CHAIN; n++)
		s->role[n].prio = 10;
	s->role[CHAIN] = (struct role){ 80, ".<L0>U0" };
}

int must(int ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "inversion: %s: %s\n", what, strerror(-ret));
	exit(EXIT_FAILURE);
}

/* The child writes it, the parent prints it. */
struct column {
	struct result result[SCENARIOS];
	uint64_t features;
};

/* Runs in a child process. */
static int run_all(void *arg)
{
	struct ntsync_features found;
	struct column *c = arg;
	cpu_set_t cpu;
	int dev;

	dev = must(ntsync_open(), "/dev/ntsync");
	must(ntsync_features(dev, &found), "/dev/ntsync (an old driver?)");
	close(dev);
	c->features = found.features;
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	must(sched_setaffinity(0, sizeof(cpu), &cpu) ? -errno : 0, "the first CPU");
	/* A thread that waits for a page fault would let lower priorities run. */
	if (mlockall(MCL_CURRENT))
		fprintf(stderr, "inversion: note: memory is not locked: %s\n", strerror(errno));
	for (size_t i = 0; i < SCENARIOS; i++)
		c->result[i] = run_scenario(&scenarios[i], c->features);
	return EXIT_SUCCESS;
}

static void print_cell(const struct result *r)
{
	if (r->supported)
		printf("%15.1f", r->ms);
	else
		printf("%15s", "not supported");
}

static void print_table(const struct column *columns, int runs)
{
	printf("One CPU. A FIFO 80 thread waits for 1 ms of a FIFO 10 thread's work, while a\n"
	       "FIFO 50 thread burns one second. How long it waits, in milliseconds:\n\n%28s", "");
	for (int r = 0; r < runs; r++)
		printf("%15s", runs > 1 ? parameters[r] : "");
	for (size_t i = 0; i < SCENARIOS; i++) {
		printf("\n%-28s", scenarios[i].title);
		for (int r = 0; r < runs; r++)
			print_cell(&columns[r].result[i]);
	}
	printf("\n");
}

static unsigned int count_inversions(const struct column *c)
{
	unsigned int late = 0;

	for (size_t i = 0; i < SCENARIOS; i++)
		late += c->features & NTSYNC_FEATURE_MUTEX_PI && c->result[i].late;
	return late;
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? 2 : 1, ret = EXIT_SUCCESS;
	unsigned int inversions = 0;
	struct column *columns;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fprintf(stderr, "usage: inversion [NTSYNC.KO]\n");
		return 2;
	}
	columns = mmap(NULL, 2 * sizeof(*columns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	must(columns == MAP_FAILED ? -errno : 0, "memory");
	if (argc == 1)
		close(must(ntsync_open(), "/dev/ntsync"));
	/* Above all threads of the scenarios, to be able to end them. */
	set_prio(91);
	write_chain(&scenarios[CHAIN_BLOCKED_FIRST], "");
	write_chain(&scenarios[CHAIN_BOOSTED_FIRST], ".");
	if (!guard_throttling())
		fprintf(stderr, "inversion: note: sched_rt_runtime_us stays, so all may stop for a while\n");
	for (int r = 0; r < runs && !ret; r++) {
		if (argc > 1)
			guard_module(argv[1], parameters[r]);
		ret = guard_run(run_all, &columns[r]);
		inversions += count_inversions(&columns[r]);
	}
	if (!guard_end())
		ret = EXIT_FAILURE;
	if (ret)
		return ret;
	print_table(columns, runs);
	if (inversions)
		printf("FAILED: the driver has inheritance, and %u waits were for the FIFO 50 thread\n",
		       inversions);
	return inversions ? EXIT_FAILURE : EXIT_SUCCESS;
}
