// SPDX-License-Identifier: GPL-2.0-only
/* Threads beside the main one; with small stacks, as there may be a thousand. */
#include "ops.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

#define STACK (64 * 1024)

atomic_bool crew_stop;
static pthread_t *crew;
static void *(*crew_work)(void *number);
static uint32_t crew_size;

static void *enter(void *number)
{
	own_id = OWNER + 1 + (uint32_t)(uintptr_t)number;
	return crew_work(number);
}

/*
 * @priority: SCHED_FIFO; 0 = that of the caller. The pause lets them get to where they wait: a
 * main thread that never sleeps would not meet them on one CPU.
 */
int crew_start(uint32_t count, void *(*work)(void *number), int priority)
{
	const struct sched_param param = { .sched_priority = priority };
	const struct timespec pause = { .tv_nsec = 50000000 };
	pthread_attr_t attr;

	atomic_store(&crew_stop, false);
	crew_size = 0;
	crew_work = work;
	crew = calloc(count, sizeof(*crew));
	if (!crew)
		return -1;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	if (priority) {
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
		pthread_attr_setschedparam(&attr, &param);
	}
	while (crew_size < count &&
	       !pthread_create(&crew[crew_size], &attr, enter, (void *)(uintptr_t)crew_size))
		crew_size++;
	pthread_attr_destroy(&attr);
	nanosleep(&pause, NULL);
	return crew_size == count ? 0 : -1;
}

void crew_join(void)
{
	while (crew_size)
		pthread_join(crew[--crew_size], NULL);
	free(crew);
	crew = NULL;
}
