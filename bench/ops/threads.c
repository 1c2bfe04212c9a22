// SPDX-License-Identifier: GPL-2.0-only
/*
 * The threads of an operation beside the main one; with small stacks, as there may be a thousand.
 */
#include "ops.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

#define STACK (64 * 1024)

atomic_bool threads_stop;
static pthread_t *threads;
static void *(*thread_work)(void *number);
static uint32_t nr_threads;

static void *run_thread(void *number)
{
	own_id = OWNER + 1 + (uint32_t)(uintptr_t)number;
	return thread_work(number);
}

/*
 * @priority: SCHED_FIFO; 0 = that of the caller. The pause lets the threads reach their waits: on
 * one CPU a main thread that never sleeps would not meet them there.
 */
int start_threads(uint32_t count, void *(*work)(void *number), int priority)
{
	const struct sched_param param = { .sched_priority = priority };
	const struct timespec pause = { .tv_nsec = 50000000 };
	pthread_attr_t attr;

	atomic_store(&threads_stop, false);
	nr_threads = 0;
	thread_work = work;
	threads = calloc(count, sizeof(*threads));
	if (!threads)
		return -1;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	if (priority) {
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
		pthread_attr_setschedparam(&attr, &param);
	}
	while (nr_threads < count &&
	       !pthread_create(&threads[nr_threads], &attr, run_thread, (void *)(uintptr_t)nr_threads))
		nr_threads++;
	pthread_attr_destroy(&attr);
	nanosleep(&pause, NULL);
	return nr_threads == count ? 0 : -1;
}

void join_threads(void)
{
	while (nr_threads)
		pthread_join(threads[--nr_threads], NULL);
	free(threads);
	threads = NULL;
}
