// SPDX-License-Identifier: GPL-2.0-only
/*
 * Priority inversion, without and with inheritance: how long a FIFO 80 thread waits
 * for what a FIFO 10 thread has to do, on one CPU, while a FIFO 50 thread burns one
 * second. The work itself takes a millisecond.
 *
 *	inversion			one column, with the driver as it is loaded
 *	inversion ntsync.ko		both: loads it with pi=off, and with pi=on
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inversion.h"

enum { CHAIN_BLOCKED_FIRST = 5, CHAIN_BOOSTED_FIRST };

static struct scene scenes[] = {
	{ "mutex, taken by a wait", { { 10, "L0.wU0" }, { 80, ".<L0>" } } },
	{ "mutex, created owned", { { 10, "C0.wU0" }, { 80, ".<L0>" } } },
	{ "mutex, handed over",
	  { { 10, "L0:::U0" }, { 10, "L0.wU0" }, { 20, "::" }, { 80, ".<L0>" } } },
	{ "any of three mutexes",
	  { { 10, "L0.wU0" }, { 10, "L1.wU1" }, { 10, "L2.wU2" }, { 80, ".<Y012 >" } } },
	{ "all of three mutexes",
	  { { 10, "L0.wU0" }, { 10, "L1.wU1" }, { 10, "L2.wU2" }, { 80, ".<A012 >" } } },
	[CHAIN_BLOCKED_FIRST] = { "chain of 12, blocked first", { { 0 } } },
	[CHAIN_BOOSTED_FIRST] = { "chain of 12, boosted first", { { 0 } } },
	{ "a PI futex in between", { { 9, "p.wq" }, { 10, "L0pqU0" }, { 80, ".<L0>" } } },
	{ "event, consumer queued", { { 10, "Lew>" }, { 80, ".<P" } } },
	{ "event, staged before", { { 80, "P" }, { 10, "<Legw>" } } },
	{ "wait-all, consumer queued", { { 10, "A0e w>" }, { 80, ".<P" } } },
	{ "wait-all, staged before", { { 80, "P" }, { 10, "<A0e gw>" } } },
	{ "aggregate wait for a mutex", { { 10, "L0.wU0" }, { 80, ".<S0 >" } } },
	{ "aggregate, consumer queued", { { 10, "Se w>" }, { 80, ".<P" } } },
	{ "aggregate, staged before", { { 80, "P" }, { 10, "<Se gw>" } } },
	{ "channel, aggregate server", { { 10, "Sc rwR" }, { 80, ".<s>" } } },
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SCENES ARRAY_SIZE(scenes)

/* The last task has the work, and each other one waits for the next. */
static void write_chain(struct scene *s, const char *pause)
{
	sprintf(s->role[0].program, "L%x.wU%x", CHAIN - 1, CHAIN - 1);
	for (int n = 1; n < CHAIN; n++) {
		int i = CHAIN - 1 - n;

		sprintf(s->role[n].program, "L%x%sL%xU%xU%x", i, pause, i + 1, i + 1, i);
	}
	for (int n = 0; n < CHAIN; n++)
		s->role[n].prio = 10;
	s->role[CHAIN] = (struct role){ 80, ".<L0>" };
}

static void load(const char *module, const char *parameters)
{
	int fd = open(module, O_RDONLY | O_CLOEXEC);

	syscall(SYS_delete_module, "ntsync", O_NONBLOCK);
	if (syscall(SYS_finit_module, fd, parameters, 0)) {
		perror(module);
		exit(1);
	}
	close(fd);
}

/* One CPU, and nobody is throttled for using all of it. */
static void take_the_cpu(void)
{
	FILE *limit = fopen("/proc/sys/kernel/sched_rt_runtime_us", "w");
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	set_prio(90);
	if (limit) {
		fputs("-1", limit);
		fclose(limit);
	}
}

int main(int argc, char **argv)
{
	static const char *const columns[] = { "pi=off", "pi=on" };
	int runs = argc > 1 ? 2 : 1;
	double ms[2][SCENES];

	take_the_cpu();
	write_chain(&scenes[CHAIN_BLOCKED_FIRST], "");
	write_chain(&scenes[CHAIN_BOOSTED_FIRST], ".");
	for (int r = 0; r < runs; r++) {
		if (argc > 1)
			load(argv[1], columns[r]);
		for (size_t i = 0; i < SCENES; i++)
			ms[r][i] = play(&scenes[i]);
	}
	printf("One CPU. A FIFO 80 thread waits for 1 ms of a FIFO 10 thread's work, while a\n"
	       "FIFO 50 thread burns one second. How long it waits, in milliseconds:\n\n%28s", "");
	for (int r = 0; r < runs; r++)
		printf("%10s", runs > 1 ? columns[r] : "");
	for (size_t i = 0; i < SCENES; i++) {
		printf("\n%-28s", scenes[i].title);
		for (int r = 0; r < runs; r++)
			printf("%10.1f", ms[r][i]);
	}
	printf("\n");
	return 0;
}
