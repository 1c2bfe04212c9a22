// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions per operation, for a VM whose clock counts instructions:
 *
 *	scripts/vm/run --icount --add build/bench/pair -- /add/pair
 *
 * There a nanosecond is an instruction, and a run repeats to the digit. Anywhere else
 * the figures are plain nanoseconds. What is counted includes the system calls and
 * the C library; the first line is what a call that does nothing takes.
 */
#define _GNU_SOURCE
#include <libntsync.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ROUNDS 2000
#define OWNER 7

static int dev, mutex[8], sem, event;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int wait_for(const int *objs, uint32_t count, bool all)
{
	const struct ntsync_wait_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = OWNER };

	return (all ? ntsync_wait_all : ntsync_wait_any)(dev, objs, count, &opts, NULL);
}

static int nothing(void)
{
	return syscall(SYS_getppid) < 0;
}

static int mutex_pair(void)
{
	return wait_for(mutex, 1, false) | ntsync_mutex_unlock(mutex[0], OWNER, NULL);
}

static int mutexes(int count)
{
	int ret = wait_for(mutex, count, true);

	while (count--)
		ret |= ntsync_mutex_unlock(mutex[count], OWNER, NULL);
	return ret;
}

static int two_mutexes(void)
{
	return mutexes(2);
}

static int eight_mutexes(void)
{
	return mutexes(8);
}

static int sem_pair(void)
{
	return wait_for(&sem, 1, false) | ntsync_sem_release(sem, 1, NULL);
}

static int event_pair(void)
{
	return ntsync_event_set(event, NULL) | wait_for(&event, 1, false);
}

static const struct {
	const char *name;
	int (*run)(void);
} operations[] = {
	{ "getppid", nothing },
	{ "mutex: wait, unlock", mutex_pair },
	{ "semaphore: wait, release", sem_pair },
	{ "auto event: set, wait", event_pair },
	{ "all of 2 mutexes, unlocks", two_mutexes },
	{ "all of 8 mutexes, unlocks", eight_mutexes },
};

/* The first rounds fill the caches of the kernel's allocators. */
static double measure(int (*run)(void), int *failed)
{
	uint64_t from;

	for (int i = 0; i < ROUNDS; i++)
		*failed |= run();
	from = now();
	for (int i = 0; i < ROUNDS; i++)
		*failed |= run();
	return (double)(now() - from) / ROUNDS;
}

int main(void)
{
	const struct sched_param param = { .sched_priority = 50 };
	int failed = 0;

	sched_setscheduler(0, SCHED_FIFO, &param);
	dev = ntsync_open();
	for (int i = 0; i < 8; i++)
		mutex[i] = ntsync_mutex_create(dev, 0, 0);
	sem = ntsync_sem_create(dev, 1, 1);
	event = ntsync_event_create(dev, false, false);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		double cost = measure(operations[i].run, &failed);

		printf("%-28s %8.0f\n", operations[i].name, cost);
	}
	if (failed)
		printf("failed\n");
	return failed != 0;
}
