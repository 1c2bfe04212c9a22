// SPDX-License-Identifier: GPL-2.0-only
/*
 * SET of a manual-reset event that many wait for. All threads are on one CPU: the main one above the
 * waiters, so that the call alone can be timed; and one below them, who says when all sleep
 * again.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <libntsync.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

#define ABOVE 60
#define WAITERS 50
#define BELOW 40

static int event;
static sem_t ask, asleep;
static cpu_set_t all_cpus;
static uint32_t waiters;

/* The last of the crew is the one below. */
static void *work(void *number)
{
	if ((uintptr_t)number == waiters) {
		const struct sched_param param = { .sched_priority = BELOW };

		pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
		while (!sem_wait(&ask) && !atomic_load(&crew_stop))
			sem_post(&asleep);
		return NULL;
	}
	while (!wait_any(&event, 1, NTSYNC_WAIT_FOREVER) && !atomic_load(&crew_stop))
		;
	return NULL;
}

static int await_sleep(void)
{
	return sem_post(&ask) || sem_wait(&asleep);
}

static void set_priority(int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
}

static int begin(const struct operation *op)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_getaffinity(0, sizeof(all_cpus), &all_cpus);
	sched_setaffinity(0, sizeof(one), &one);
	set_priority(ABOVE);
	waiters = op->n;
	event = ntsync_event_create(dev, true, false);
	sem_init(&ask, 0, 0);
	sem_init(&asleep, 0, 0);
	return event < 0 || crew_start(waiters + 1, work, WAITERS) || await_sleep();
}

static int release(uint64_t *ns)
{
	uint64_t from = now();
	int ret = ntsync_event_set(event, NULL);

	*ns = now() - from;
	return ret || ntsync_event_reset(event, NULL) || await_sleep();
}

static int the_call(const struct operation *op, uint64_t *ns)
{
	return release(ns) ? -1 : 1;
}

static int per_waiter(const struct operation *op, uint64_t *ns)
{
	int ret = release(ns);

	*ns = 0;
	return ret ? -1 : (int)op->n;
}

static void end(const struct operation *op)
{
	atomic_store(&crew_stop, true);
	ntsync_event_set(event, NULL);
	sem_post(&ask);
	crew_join();
	close(event);
	sem_destroy(&ask);
	sem_destroy(&asleep);
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
	set_priority(WAITERS);
}

const struct operation broadcast_ops[] = {
	{ "broadcast/1000/call", begin, the_call, end, 1000, NULL },
	{ "broadcast/1000/waiter", begin, per_waiter, end, 1000, NULL },
	{ 0 },
};
