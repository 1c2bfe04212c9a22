// SPDX-License-Identifier: GPL-2.0-only
/*
 * Progress of normal tasks while real-time tasks fill all CPUs.
 *
 *	load [SECONDS [REAL-TIME-THREADS [NORMAL-THREADS [OBJECTS [WAIT-ALLS]]]]]
 *
 * Processes share one instance, as those of a wine prefix do. Their FIFO 15 to 30 threads lock
 * hundreds of mutexes, any or all of several, wait for events, are alerted, signal with and without
 * a boost, and exit while they own mutexes; new threads replace them. Normal threads do the same
 * beside them. A normal server creates objects for others, sets and resets events, and kills the
 * mutexes of exited threads.
 *
 * Every ten seconds a line says how much each of them got done, and the longest time that the
 * server needed for a round; the last line has the sums, for scripts/check/progress. The figures
 * only mean something beside those of the same run with the module's pi=off. With more wait-alls
 * real-time tasks keep the lock that orders these from the server, which then needs tens of seconds
 * for a round with pi=off too.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ntsync.h>

#define NS_PER_MS 1000000ull
#define NS_PER_SEC 1000000000ull

#define PROCESSES 4
#define MOST_OBJECTS 1000
#define MOST_THREADS 200
#define DEAD 256
/* One of that many rounds is a thread's last one. */
#define LIFE 400
#define PATIENCE (20 * NS_PER_MS)

/**
 * struct dead - an exited thread, for the server
 * @owner:   its id, 0 = this entry is free
 * @mutexes: the mutexes that it owned, by number
 */
struct dead {
	atomic_uint owner;
	int mutexes[4], count;
};

/* In memory that all processes share. */
static struct shared {
	atomic_bool stop;
	atomic_ulong server, normal, realtime, ended, killed;
	/*
	 * When the server's last round ended, and the longest gap between two rounds since the last
	 * report.
	 */
	_Atomic uint64_t seen, gap;
	atomic_uint next_owner;
	struct dead dead[DEAD];
} *shared;

/* How many of a hundred waits for mutexes are for all of them. */
static int wait_alls;

static int dev, nr_objects, mutexes[MOST_OBJECTS], events[MOST_OBJECTS];
/* The last one is the server. */
static pid_t processes[PROCESSES + 1];

/* ---- calls ---- */

static uint64_t read_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

static void burn_cpu(unsigned int us)
{
	uint64_t end = read_clock() + us * 1000ull;

	while (read_clock() < end)
		;
}

static int do_ioctl(int fd, unsigned long request, void *args)
{
	return ioctl(fd, request, args) < 0 ? -errno : 0;
}

static int create(unsigned long request, uint32_t first, uint32_t second)
{
	uint32_t args[2] = { first, second };

	return ioctl(dev, request, args);
}

static int wait_for(unsigned long request, const int *objects, int count, uint32_t owner, int alert,
		    uint32_t *index)
{
	struct ntsync_wait_args args = { .timeout = read_clock() + PATIENCE, .objs = (uintptr_t)objects,
					 .count = count, .owner = owner, .alert = alert };
	int ret = do_ioctl(dev, request, &args);

	*index = args.index;
	return ret == -EOWNERDEAD ? 0 : ret;
}

static void unlock(int mutex, uint32_t owner)
{
	struct ntsync_mutex_args args = { .owner = owner };

	do_ioctl(mutex, NTSYNC_IOC_MUTEX_UNLOCK, &args);
}

static void set(int event, unsigned int prio)
{
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = prio };
	uint32_t prev;

	if (prio)
		do_ioctl(event, NTSYNC_IOC_EVENT_SET_PI, &args);
	else
		do_ioctl(event, NTSYNC_IOC_EVENT_SET, &prev);
}

/* ---- threads ---- */

/**
 * struct worker - a thread of a process
 * @prio:  FIFO, 0 = normal
 * @owner: its id; each new thread gets another one
 */
struct worker {
	pthread_t thread;
	unsigned int prio, seed;
	uint32_t owner;
	atomic_bool ended;
};

static sem_t someone_ended;

static unsigned int prng(struct worker *w, unsigned int sides)
{
	return rand_r(&w->seed) % sides;
}

/* The server kills the mutexes that it owned; without a free entry for that it unlocks them. */
static bool leave_to_server(struct worker *w, const int *numbers, int count)
{
	for (int i = 0; i < DEAD; i++) {
		struct dead *d = &shared->dead[i];
		unsigned int nobody = 0;

		/* ~0: the entry is being written. */
		if (!atomic_compare_exchange_strong(&d->owner, &nobody, ~0u))
			continue;
		memcpy(d->mutexes, numbers, count * sizeof(*numbers));
		d->count = count;
		atomic_store(&d->owner, w->owner);
		return true;
	}
	return false;
}

static void unlock_all(struct worker *w, const int *numbers, int count)
{
	for (int i = 0; i < count; i++)
		unlock(mutexes[numbers[i]], w->owner);
}

/* Any or all of up to four mutexes; true if this was the last round of the thread. */
static bool lock_some(struct worker *w)
{
	int objects[4], numbers[4], count = 1 + prng(w, 4), first = prng(w, nr_objects);
	int alert = prng(w, 4) ? 0 : events[prng(w, nr_objects)];
	bool all = prng(w, 100) < (unsigned int)wait_alls;
	uint32_t index;

	for (int i = 0; i < count; i++) {
		numbers[i] = (first + i * 7) % nr_objects;
		objects[i] = mutexes[numbers[i]];
	}
	if (wait_for(all ? NTSYNC_IOC_WAIT_ALL : NTSYNC_IOC_WAIT_ANY, objects, count, w->owner,
		     alert, &index) || index == (uint32_t)count)
		return false;
	burn_cpu(prng(w, 300));
	if (!all) {
		numbers[0] = numbers[index];
		count = 1;
	}
	if (!prng(w, LIFE) && leave_to_server(w, numbers, count))
		return true;
	unlock_all(w, numbers, count);
	return false;
}

static void signal_or_wait(struct worker *w)
{
	int event = events[prng(w, nr_objects)];
	uint32_t index;

	if (prng(w, 3))
		set(event, prng(w, 3) ? 0 : 15 + prng(w, 16));
	else
		wait_for(NTSYNC_IOC_WAIT_ANY, &event, 1, w->owner, 0, &index);
	burn_cpu(prng(w, 100));
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	const struct sched_param param = { .sched_priority = w->prio };
	bool last = false;

	if (w->prio && sched_setscheduler(0, SCHED_FIFO, &param))
		perror("FIFO");
	while (!last && !atomic_load(&shared->stop)) {
		if (prng(w, 4))
			last = lock_some(w);
		else
			signal_or_wait(w);
		atomic_fetch_add(w->prio ? &shared->realtime : &shared->normal, 1);
	}
	atomic_fetch_add(&shared->ended, last);
	atomic_store(&w->ended, true);
	sem_post(&someone_ended);
	return NULL;
}

static void start_worker(struct worker *w)
{
	pthread_attr_t attr;
	const struct sched_param param = { .sched_priority = 0 };

	w->owner = atomic_fetch_add(&shared->next_owner, 1);
	w->seed = w->owner;
	atomic_store(&w->ended, false);
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_OTHER);
	pthread_attr_setschedparam(&attr, &param);
	if (pthread_create(&w->thread, &attr, run_worker, w)) {
		perror("thread");
		_exit(1);
	}
	pthread_attr_destroy(&attr);
}

/* One of the processes: it replaces those of its threads that exit. */
static void process_main(int realtime, int normal)
{
	static struct worker workers[MOST_THREADS];
	const struct sched_param param = { .sched_priority = 40 };
	int count = realtime + normal;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sem_init(&someone_ended, 0, 0);
	for (int i = 0; i < count; i++)
		workers[i].prio = i < realtime ? 15 + (i * 7 + getpid()) % 16 : 0;
	sched_setscheduler(0, SCHED_FIFO, &param);
	for (int i = 0; i < count; i++)
		start_worker(&workers[i]);
	for (;;) {
		while (sem_wait(&someone_ended))
			;
		for (int i = 0; i < count; i++) {
			if (!atomic_load(&workers[i].ended))
				continue;
			pthread_join(workers[i].thread, NULL);
			start_worker(&workers[i]);
		}
	}
}

/* ---- the server ---- */

static void clean_up_after(struct dead *d)
{
	uint32_t owner = atomic_load(&d->owner);

	if (!owner || owner == ~0u)
		return;
	for (int i = 0; i < d->count; i++)
		do_ioctl(mutexes[d->mutexes[i]], NTSYNC_IOC_MUTEX_KILL, &owner);
	atomic_fetch_add(&shared->killed, d->count);
	atomic_store(&d->owner, 0);
}

static void note_round(void)
{
	uint64_t at = read_clock(), gap = at - atomic_load(&shared->seen);

	if (gap > atomic_load(&shared->gap))
		atomic_store(&shared->gap, gap);
	atomic_store(&shared->seen, at);
	atomic_fetch_add(&shared->server, 1);
}

/* For one client after the other: an event, and a mutex that is created owned. */
static void serve(unsigned int turn)
{
	int event = create(NTSYNC_IOC_CREATE_EVENT, 1, 0);
	int mutex = create(NTSYNC_IOC_CREATE_MUTEX, 1 + turn % 100, 1);
	uint32_t prev;

	do_ioctl(event, NTSYNC_IOC_EVENT_SET, &prev);
	do_ioctl(event, NTSYNC_IOC_EVENT_RESET, &prev);
	set(events[turn % nr_objects], 0);
	do_ioctl(events[(turn + 1) % nr_objects], NTSYNC_IOC_EVENT_RESET, &prev);
	for (int i = 0; i < DEAD; i++)
		clean_up_after(&shared->dead[i]);
	close(mutex);
	close(event);
}

static void server_main(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	atomic_store(&shared->seen, read_clock());
	for (unsigned int turn = 0;; turn++) {
		serve(turn);
		note_round();
		/*
		 * Not a sleep: the thread that runs timers of normal tasks has a lower priority
		 * than the real-time tasks.
		 */
		sched_yield();
	}
}

/* ---- the report ---- */

/* A gap that still lasts counts too. */
static uint64_t read_gap(void)
{
	uint64_t gap = atomic_exchange(&shared->gap, 0), open = read_clock() - atomic_load(&shared->seen);

	return open > gap ? open : gap;
}

/* Prints where the server is, if it has not completed a round for long. */
static void look_at_server(void)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stack", processes[PROCESSES]);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		printf("#   server: %s", line);
	if (file)
		fclose(file);
}

static uint64_t report(int second)
{
	static unsigned long server, normal, realtime, ended;
	unsigned long s = shared->server, n = shared->normal, r = shared->realtime, e = shared->ended;
	uint64_t gap = read_gap();

	printf("# %3d s: server %lu rounds, longest gap %llu ms; normal %lu, real-time %lu, threads ended %lu\n",
	       second, s - server, (unsigned long long)(gap / NS_PER_MS), n - normal, r - realtime,
	       e - ended);
	if (read_clock() - atomic_load(&shared->seen) > NS_PER_SEC)
		look_at_server();
	fflush(stdout);
	server = s;
	normal = n;
	realtime = r;
	ended = e;
	return gap;
}

static void create_objects(void)
{
	for (int i = 0; i < nr_objects; i++) {
		mutexes[i] = create(NTSYNC_IOC_CREATE_MUTEX, 0, 0);
		events[i] = create(NTSYNC_IOC_CREATE_EVENT, i % 5 == 0, 0);
		if (mutexes[i] < 0 || events[i] < 0) {
			perror("objects");
			exit(1);
		}
	}
}

/* The device is in use until all processes have exited. */
static int end_all(void)
{
	for (int i = 0; i <= PROCESSES; i++)
		kill(processes[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}

static int parse_argument(int argc, char **argv, int i, int otherwise)
{
	return argc > i ? atoi(argv[i]) : otherwise;
}

int main(int argc, char **argv)
{
	int seconds = parse_argument(argc, argv, 1, 60), realtime = parse_argument(argc, argv, 2, 16);
	int normal = parse_argument(argc, argv, 3, 4);
	const struct sched_param top = { .sched_priority = 95 };
	uint64_t longest = 0;

	nr_objects = parse_argument(argc, argv, 4, 300);
	wait_alls = parse_argument(argc, argv, 5, 3);
	if (nr_objects > MOST_OBJECTS || realtime + normal > MOST_THREADS * PROCESSES)
		return 2;
	dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (dev < 0 || shared == MAP_FAILED) {
		perror("/dev/ntsync");
		return 1;
	}
	shared->next_owner = 1;
	create_objects();
	processes[PROCESSES] = fork();
	if (!processes[PROCESSES])
		server_main();
	usleep(100000);
	for (int i = 0; i < PROCESSES; i++) {
		processes[i] = fork();
		if (!processes[i])
			process_main(realtime / PROCESSES, normal / PROCESSES);
	}
	if (sched_setscheduler(0, SCHED_FIFO, &top))
		perror("FIFO 95");
	for (int second = 0; second < seconds;) {
		int step = seconds - second < 10 ? seconds - second : 10;
		uint64_t gap;

		sleep(step);
		second += step;
		gap = report(second);
		longest = gap > longest ? gap : longest;
	}
	printf("sum: server %lu gap %llu normal %lu realtime %lu killed %lu\n", shared->server,
	       (unsigned long long)(longest / NS_PER_MS), shared->normal, shared->realtime,
	       shared->killed);
	fflush(stdout);
	return end_all();
}
