// SPDX-License-Identifier: 0BSD
/*
 * A boosted chain to look at. On one CPU, high (FIFO 80) waits for a mutex that middle (FIFO 20) has,
 * and middle waits for a mutex that low (FIFO 10) has. Then low works, while hog (FIFO 50) wants
 * the CPU.
 *
 *	chain [COMMAND]		runs COMMAND while all of them wait; docs/observing.md shows
 *				`chain "ntsyncctl graph"` and a trace
 *
 * The main thread is at FIFO 5, so whenever it runs, all others sleep.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libntsync.h>

enum { MAIN = 5, LOW = 10, MIDDLE = 20, HOG = 50, HIGH = 80 };

static int dev, first, second;
static sem_t low_go, hog_go;
static atomic_bool high_is_done;
static bool hog_was_late;

static void need(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "chain: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static void work_ms(int ms)
{
	struct timespec now, end;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	end.tv_nsec += ms * 1000000L;
	end.tv_sec += end.tv_nsec / 1000000000L;
	end.tv_nsec %= 1000000000L;
	do {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
}

static void lock(int mutex, uint32_t owner)
{
	struct ntsync_wait_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = owner };

	need(ntsync_wait_any(dev, &mutex, 1, &opts, NULL), "lock");
}

static void unlock(int mutex, uint32_t owner)
{
	need(ntsync_mutex_unlock(mutex, owner, NULL), "unlock");
}

static void *low(void *unused)
{
	lock(first, LOW);
	sem_wait(&low_go);
	sem_post(&hog_go);
	work_ms(5);
	unlock(first, LOW);
	return unused;
}

static void *middle(void *unused)
{
	lock(second, MIDDLE);
	lock(first, MIDDLE);
	unlock(first, MIDDLE);
	unlock(second, MIDDLE);
	return unused;
}

static void *high(void *unused)
{
	lock(second, HIGH);
	atomic_store(&high_is_done, true);
	unlock(second, HIGH);
	return unused;
}

static void *hog(void *unused)
{
	sem_wait(&hog_go);
	hog_was_late = atomic_load(&high_is_done);
	work_ms(20);
	return unused;
}

/* Returns when the thread sleeps: its priority is higher, and there is one CPU. */
static pthread_t start(const char *name, int prio, void *(*fn)(void *))
{
	struct sched_param param = { .sched_priority = prio };
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	/* A new thread inherits its creator's name. */
	pthread_setname_np(pthread_self(), name);
	need(-pthread_create(&thread, &attr, fn, NULL), "a real-time thread");
	pthread_setname_np(pthread_self(), "chain");
	return thread;
}

static void be_main(void)
{
	struct sched_param param = { .sched_priority = MAIN };
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	need(sched_setaffinity(0, sizeof(cpu), &cpu) ? -errno : 0, "the first CPU");
	need(sched_setscheduler(0, SCHED_FIFO, &param) ? -errno : 0, "real-time priorities");
}

int main(int argc, char **argv)
{
	struct ntsync_features features;
	bool command_failed;
	pthread_t threads[4];

	dev = ntsync_open();
	need(dev, "/dev/ntsync");
	need(ntsync_features(dev, &features), "features");
	need(first = ntsync_mutex_create(dev, 0, 0), "mutex");
	need(second = ntsync_mutex_create(dev, 0, 0), "mutex");
	be_main();
	threads[0] = start("low", LOW, low);
	threads[1] = start("middle", MIDDLE, middle);
	threads[2] = start("hog", HOG, hog);
	threads[3] = start("high", HIGH, high);
	command_failed = argc > 1 && system(argv[1]);
	if (command_failed)
		fprintf(stderr, "chain: %s has failed\n", argv[1]);
	sem_post(&low_go);
	for (int i = 0; i < 4; i++)
		need(-pthread_join(threads[i], NULL), "joining a thread");
	/* What COMMAND prints may go into a pipe. */
	fprintf(stderr, "high was done %s the hog\n", hog_was_late ? "before" : "after");
	return command_failed || (features.features & NTSYNC_FEATURE_MUTEX_PI && !hog_was_late);
}
