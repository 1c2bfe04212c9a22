// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loans among threads that also wait for mutexes: in circles, through instances that are closed, by
 * threads that exit with a loan, by processes that are killed or execute another program, and to
 * threads that exit at that moment. A reader of fdinfo goes over the list of loans meanwhile. Every
 * call ends, and when all have ended every thread has its own priority.
 */
#include "stress.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libntsync.h"

#define THREADS 6
#define MUTEXES 3
/* With this argument the program does nothing. */
#define IDLE "idle"

struct lender {
	pthread_t thread;
	unsigned int number;
	uint64_t random;
};

static struct stress stress;
static int dev, mutexes[MUTEXES];
static atomic_int tids[THREADS];
/* A thread that lives for a moment, or has lived. */
static atomic_int mortal;
static atomic_ullong lent, missed, deaths, lines;
static atomic_uint wrong;
static pthread_barrier_t begun, ended;

/* Half of them are normal threads. */
static int own_prio(unsigned int number)
{
	return number % 2 ? 10 * (int)number : 0;
}

static int become(int prio)
{
	const struct sched_param param = { .sched_priority = prio };

	return sched_setscheduler(0, prio ? SCHED_FIFO : SCHED_OTHER, &param);
}

static uint32_t pick_borrower(uint64_t *random)
{
	unsigned int i = stress_below(random, THREADS + 2);
	int tid = i < THREADS ? atomic_load(&tids[i]) : atomic_load(&mortal);

	return tid == gettid() ? 0 : (uint32_t)tid;
}

static void lend_through(int instance, uint64_t *random)
{
	int ret = ntsync_lend(instance, pick_borrower(random),
			      stress_below(random, 2) ? NTSYNC_LEND_LATER : 0);

	atomic_fetch_add(&lent, !ret);
	atomic_fetch_add(&missed, ret == -ESRCH);
	if (ret && ret != -ESRCH)
		stress_expect(ret, 0, "lend");
}

static void lend_and_close(uint64_t *random)
{
	int instance = ntsync_open();

	if (instance < 0)
		return;
	lend_through(instance, random);
	close(instance);
}

/* So that loans go on to owners of mutexes, and walks meet. */
static void lock_one(uint32_t owner, uint64_t *random)
{
	int mutex = mutexes[stress_below(random, MUTEXES)];
	const struct ntsync_wait_opts opts = {
		.deadline = stress_now() + stress_below(random, 500) * NS_PER_US,
		.owner = owner,
	};
	int ret = ntsync_wait_any(dev, &mutex, 1, &opts, NULL);

	if (ret == -ETIMEDOUT)
		return;
	EXPECT_SUCCESS(ret);
	if (!stress_below(random, 4))
		stress_sleep(stress_below(random, 200) * NS_PER_US);
	EXPECT_SUCCESS(ntsync_mutex_unlock(mutex, owner, NULL));
}

static void act(uint32_t owner, uint64_t *random)
{
	switch (stress_below(random, 8)) {
	case 0:
		EXPECT_SUCCESS(ntsync_unlend(dev));
		return;
	case 1:
		lend_and_close(random);
		return;
	case 2:
	case 3:
		lock_one(owner, random);
		return;
	case 4:
		/* Normal threads need the CPU, too. */
		stress_sleep(50 * NS_PER_US);
		return;
	default:
		lend_through(dev, random);
	}
}

static void *lend_all_the_time(void *arg)
{
	struct lender *l = arg;
	int prio = own_prio(l->number);

	atomic_store(&tids[l->number], gettid());
	stress_expect(become(prio) ? -errno : 0, 0, "real-time priority");
	pthread_barrier_wait(&begun);
	while (!stress_over(&stress))
		act(l->number + 1, &l->random);
	EXPECT_SUCCESS(ntsync_unlend(dev));
	pthread_barrier_wait(&ended);
	/* main() waits until nobody is boosted. */
	pthread_barrier_wait(&ended);
	if (!stress_is_scheduled(prio ? SCHED_FIFO : SCHED_OTHER, prio)) {
		struct sched_param param = { 0 };

		sched_getparam(0, &param);
		printf("# thread %u, of FIFO %d, has policy %d and priority %d\n", l->number, prio,
		       sched_getscheduler(0), param.sched_priority);
		atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

/* ---- threads that live for a moment ---- */

static void *lend_and_exit(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	atomic_store(&mortal, gettid());
	if (stress_below(&random, 2))
		become(1 + (int)stress_below(&random, 40));
	if (stress_below(&random, 4))
		lend_through(dev, &random);
	if (!stress_below(&random, 4))
		lock_one(100, &random);
	return NULL;
}

static void *spawn_threads(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	while (!stress_over(&stress)) {
		uint64_t seed = stress_random(&random);
		pthread_t thread;

		if (pthread_create(&thread, NULL, lend_and_exit, &seed))
			continue;
		pthread_join(thread, NULL);
		atomic_fetch_add(&deaths, 1);
	}
	return NULL;
}

static void *read_fdinfo(void *unused)
{
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dev);
	while (!stress_over(&stress)) {
		FILE *file = fopen(path, "re");

		while (file && fgets(line, sizeof(line), file))
			atomic_fetch_add(&lines, !strncmp(line, "ntsync-loan:", 12));
		if (file)
			fclose(file);
		stress_sleep(NS_PER_MS);
	}
	return unused;
}

/* ---- processes ---- */

/* Lends to threads of the main process, which has the same instance. */
static void lend_until_killed(uint64_t random, const int *borrowers)
{
	bool execs = stress_below(&random, 2);
	unsigned int count = stress_below(&random, 50);

	if (become(1 + (int)stress_below(&random, 40)))
		_exit(1);
	do {
		ntsync_lend(dev, (uint32_t)borrowers[stress_below(&random, THREADS)], 0);
		if (!count-- && execs)
			execl("/proc/self/exe", "/proc/self/exe", IDLE, NULL);
		stress_sleep(50 * NS_PER_US);
	} while (true);
}

/*
 * One at a time, each for a few milliseconds. In a process without threads, which is forked before
 * there are any; the borrowers' ids come through @from.
 */
static void spawn_processes(int from, uint64_t random)
{
	int borrowers[THREADS];

	if (read(from, borrowers, sizeof(borrowers)) != (ssize_t)sizeof(borrowers))
		_exit(1);
	/* What the threads have done is not seen here. */
	stress.complete = NULL;
	while (!stress_over(&stress)) {
		uint64_t seed = stress_random(&random);
		pid_t pid = fork();

		if (!pid)
			lend_until_killed(seed, borrowers);
		if (pid < 0)
			continue;
		stress_sleep(stress_below(&random, 5000) * NS_PER_US);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	_exit(0);
}

/* ---- main ---- */

static bool complete(void)
{
	return atomic_load(&lent) > 1000 && atomic_load(&missed) > 10 && atomic_load(&deaths) > 50 &&
	       atomic_load(&lines) > 10;
}

static void show(void)
{
	printf("# %llu loans, %llu to nobody, %llu threads, %llu lines\n", atomic_load(&lent),
	       atomic_load(&missed), atomic_load(&deaths), atomic_load(&lines));
}

static void tell_borrowers(int to)
{
	int ids[THREADS];

	for (int i = 0; i < THREADS; i++)
		ids[i] = atomic_load(&tids[i]);
	if (write(to, ids, sizeof(ids)) != (ssize_t)sizeof(ids))
		exit(1);
}

int main(int argc, char **argv)
{
	struct lender lenders[THREADS];
	pthread_t spawner, reader;
	struct ntsync_features found;
	int pipes[2], status;
	uint64_t seed;
	pid_t pid;

	while (argc == 2 && !strcmp(argv[1], IDLE))
		pause();
	stress_init(&stress, argc, argv);
	stress.complete = complete;
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	if (ntsync_features(dev, &found) || !(found.features & NTSYNC_FEATURE_LEND))
		return stress_skip("the driver has no loans");
	if (become(1))
		return stress_skip("no right to real-time priorities");
	become(0);
	for (int i = 0; i < MUTEXES; i++)
		mutexes[i] = ntsync_mutex_create(dev, 0, 0);
	if (pipe(pipes))
		return stress_bail_out("pipe", -errno);
	seed = stress.seed;
	pid = fork();
	if (!pid)
		spawn_processes(pipes[0], stress_random(&seed));

	pthread_barrier_init(&begun, NULL, THREADS + 1);
	pthread_barrier_init(&ended, NULL, THREADS + 1);
	for (unsigned int i = 0; i < THREADS; i++) {
		lenders[i] = (struct lender){ .number = i, .random = stress_random(&seed) };
		pthread_create(&lenders[i].thread, NULL, lend_all_the_time, &lenders[i]);
	}
	pthread_barrier_wait(&begun);
	tell_borrowers(pipes[1]);
	pthread_create(&spawner, NULL, spawn_threads, &seed);
	pthread_create(&reader, NULL, read_fdinfo, NULL);
	stress_watch(&stress, show);
	pthread_join(spawner, NULL);
	pthread_join(reader, NULL);
	waitpid(pid, &status, 0);
	pthread_barrier_wait(&ended);
	stress_check(&stress, stress_nobody_boosted(), "nobody is boosted");
	pthread_barrier_wait(&ended);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(lenders[i].thread, NULL);
	show();
	stress_check(&stress, !atomic_load(&stress_errors), "every call succeeded, or found nobody");
	stress_check(&stress, !atomic_load(&wrong), "every thread has its own priority");
	stress_check(&stress, !status, "the other process has ended");
	stress_check(&stress, complete(), "enough has happened");
	return stress_end(&stress);
}
