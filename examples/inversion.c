// SPDX-License-Identifier: GPL-2.0-only
/*
 * Priority inversion, without and with inheritance: how long a FIFO 80 thread waits
 * for what a FIFO 10 thread has to do, on one CPU, while a FIFO 50 thread burns one
 * second. The FIFO 10 thread's own work takes about a millisecond.
 *
 *	inversion			one column, with the driver as it is loaded
 *	inversion ntsync.ko		loads it twice, with pi=off and with pi=on
 *
 * Each case is a handful of threads, and each thread a little program:
 *	L0	wait for object 0 (0 to b are mutexes, e is an event)
 *	Y012	wait for any of them	A01e	wait for all of them
 *	C0	create mutex 0, owned	U0	unlock it
 *	P	EVENT_SET_PI, FIFO 80	p q	lock and unlock a PI futex
 *	.	wait for the start	g	give it
 *	w	work 1 ms		b	burn 1 s
 *	:	sleep for a while	< >	the time between them is measured
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libntsync.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHAIN 12
#define EVENT 14
#define PACE_US 20000

struct role {
	int prio;
	char program[16];
};

static struct scene {
	const char *title;
	struct role role[CHAIN + 3];
} scenes[] = {
	{ "mutex, taken by a wait", { { 10, "L0.wU0" }, { 80, ".<L0>" } } },
	{ "mutex, created owned", { { 10, "C0.wU0" }, { 80, ".<L0>" } } },
	{ "mutex, handed over", { { 10, "L0:::U0" }, { 10, "L0.wU0" }, { 20, "::" },
				  { 80, ".<L0>" } } },
	{ "any of three mutexes", { { 10, "L0.wU0" }, { 10, "L1.wU1" }, { 10, "L2.wU2" },
				    { 80, ".<Y012 >" } } },
	{ "all of three mutexes", { { 10, "L0.wU0" }, { 10, "L1.wU1" }, { 10, "L2.wU2" },
				    { 80, ".<A012 >" } } },
	{ "chain of 12, blocked first", { { 0 } } },
	{ "chain of 12, boosted first", { { 0 } } },
	{ "a PI futex in between", { { 9, "p.wq" }, { 10, "L0pqU0" }, { 80, ".<L0>" } } },
	{ "event, consumer queued", { { 10, "Lew>" }, { 80, ".<P" } } },
	{ "event, staged before", { { 80, "P" }, { 10, "<Legw>" } } },
	{ "wait-all, consumer queued", { { 10, "A0e w>" }, { 80, ".<P" } } },
	{ "wait-all, staged before", { { 80, "P" }, { 10, "<A0e gw>" } } },
};

#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

static int dev, obj[16];
static pthread_mutex_t futex;
static sem_t start;
static uint64_t from, to;

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void spend(uint64_t ns)
{
	uint64_t end = now(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static int digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Waits for the objects at @at, up to a blank; returns the last character used. */
static const char *wait_for(uint32_t owner, const char *at, bool all)
{
	struct ntsync_wait_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = owner };
	int objs[16];
	uint32_t n = 0;

	for (; *at != ' '; at++)
		objs[n++] = obj[digit(*at)];
	(all ? ntsync_wait_all : ntsync_wait_any)(dev, objs, n, &opts, NULL);
	return at;
}

static void begin_all(void)
{
	for (int i = 0; i < CHAIN + 3; i++)
		sem_post(&start);
}

static void *play(void *arg)
{
	struct role *r = arg;
	uint32_t owner = gettid();

	for (const char *at = r->program; *at; at++) {
		switch (*at) {
		case 'L': wait_for(owner, (char[]){ *++at, ' ' }, false); break;
		case 'Y': at = wait_for(owner, at + 1, false); break;
		case 'A': at = wait_for(owner, at + 1, true); break;
		case 'C':
			close(obj[digit(*++at)]);
			obj[digit(*at)] = ntsync_mutex_create(dev, owner, 1);
			break;
		case 'U': ntsync_mutex_unlock(obj[digit(*++at)], owner, NULL); break;
		case 'P':
			if (ntsync_event_set_pi(obj[EVENT], SCHED_FIFO, 80))
				ntsync_event_set(obj[EVENT], NULL);
			break;
		case 'p': pthread_mutex_lock(&futex); break;
		case 'q': pthread_mutex_unlock(&futex); break;
		case '.': sem_wait(&start); break;
		case 'g': begin_all(); break;
		case 'w': spend(1000000); break;
		case 'b': spend(1000000000); break;
		case ':': usleep(PACE_US); break;
		case '<': from = now(CLOCK_MONOTONIC); break;
		case '>': to = now(CLOCK_MONOTONIC); break;
		}
	}
	return NULL;
}

static void set_prio(int prio)
{
	struct sched_param param = { .sched_priority = prio };

	sched_setscheduler(0, SCHED_FIFO, &param);
}

/* Each runs as far as it can before the next one comes: nobody else is busy yet. */
static pthread_t start_role(struct role *r)
{
	pthread_t thread;

	set_prio(r->prio);
	if (pthread_create(&thread, NULL, play, r))
		exit(1);
	set_prio(90);
	usleep(PACE_US);
	return thread;
}

/* The last task has the work, and each other one waits for the next. */
static void write_chain(struct scene *s, bool blocked_first)
{
	for (int n = 0; n < CHAIN; n++) {
		int i = CHAIN - 1 - n;
		struct role *r = &s->role[n];

		r->prio = 10;
		if (n)
			sprintf(r->program, "L%x%sL%xU%xU%x", i, blocked_first ? "" : ".", i + 1,
				i + 1, i);
		else
			sprintf(r->program, "L%x.wU%x", i, i);
	}
	s->role[CHAIN] = (struct role){ 80, ".<L0>" };
}

static double run(struct scene *s)
{
	struct role hog = { 50, ".b" };
	pthread_t thread[CHAIN + 3];
	int n;

	dev = ntsync_open();
	for (int i = 0; i < CHAIN; i++)
		obj[i] = ntsync_mutex_create(dev, 0, 0);
	obj[EVENT] = ntsync_event_create(dev, false, false);
	sem_init(&start, 0, 0);
	thread[0] = start_role(&hog);
	for (n = 0; s->role[n].prio; n++)
		thread[n + 1] = start_role(&s->role[n]);
	begin_all();
	while (n >= 0)
		pthread_join(thread[n--], NULL);
	for (int i = 0; i < CHAIN; i++)
		close(obj[i]);
	close(obj[EVENT]);
	close(dev);
	return (to - from) / 1e6;
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
	pthread_mutexattr_t attr;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	set_prio(90);
	if (limit) {
		fputs("-1", limit);
		fclose(limit);
	}
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&futex, &attr);
}

int main(int argc, char **argv)
{
	static const char *const columns[] = { "pi=off", "pi=on" };
	double ms[2][SCENES];
	int runs = argc > 1 ? 2 : 1;

	take_the_cpu();
	write_chain(&scenes[5], true);
	write_chain(&scenes[6], false);
	for (int r = 0; r < runs; r++) {
		if (argc > 1)
			load(argv[1], columns[r]);
		for (size_t i = 0; i < SCENES; i++)
			ms[r][i] = run(&scenes[i]);
	}
	printf("One CPU. A FIFO 80 thread waits for what a FIFO 10 thread does in 1 ms,\n"
	       "while a FIFO 50 thread burns one second. It waits for (ms):\n\n%28s", "");
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
