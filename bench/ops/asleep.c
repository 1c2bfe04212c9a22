// SPDX-License-Identifier: GPL-2.0-only
/*
 * All threads are on one CPU, the main one above the others, and one below them all: that one runs,
 * and says so, when all others sleep.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <sched.h>
#include <semaphore.h>

#define ABOVE 60
#define USUAL 50
#define BELOW 5

static sem_t ask, asleep;
static cpu_set_t all_cpus;
static pthread_t lowest;
static bool stop;

static void *run_lowest(void *unused)
{
	while (!sem_wait(&ask) && !stop)
		sem_post(&asleep);
	return NULL;
}

static int set_priority(pthread_t thread, int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	return pthread_setschedparam(thread, SCHED_FIFO, &param);
}

/* Before the other threads are started. */
int await_asleep_begin(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_getaffinity(0, sizeof(all_cpus), &all_cpus) ||
	    sched_setaffinity(0, sizeof(one), &one))
		return -1;
	stop = false;
	if (sem_init(&ask, 0, 0) || sem_init(&asleep, 0, 0) ||
	    pthread_create(&lowest, NULL, run_lowest, NULL))
		return -1;
	return set_priority(lowest, BELOW) || set_priority(pthread_self(), ABOVE) ? -1 : 0;
}

int await_asleep(void)
{
	return sem_post(&ask) || sem_wait(&asleep);
}

void await_asleep_end(void)
{
	stop = true;
	sem_post(&ask);
	pthread_join(lowest, NULL);
	sem_destroy(&ask);
	sem_destroy(&asleep);
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
	set_priority(pthread_self(), USUAL);
}
