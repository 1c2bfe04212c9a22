// SPDX-License-Identifier: GPL-2.0-only
/* The actors, and the objects that they contend for. */
#define _GNU_SOURCE
#include <errno.h>
#include <libntsync.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "inversion.h"

#define CHANNEL 12
#define EVENT 14
#define PACE_US 20000
#define NS_PER_MS 1000000ull

static int dev, obj[EVENT + 1];
static int file;
static struct ntsync_channel_request request;
static pthread_mutex_t futex;
static sem_t start;
static uint64_t from, to;

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000 * NS_PER_MS + ts.tv_nsec;
}

/* Time that others have on the CPU does not count. */
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

/* As wait_for(), and for a file that is never ready. Without that on a driver that can't. */
static const char *wait_with_file(uint32_t owner, const char *at)
{
	struct ntsync_aggregate_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = owner };
	struct ntsync_aggregate_source sources[16];
	const char *end = at;
	uint32_t n = 0;

	for (; *end != ' '; end++)
		sources[n++] = (struct ntsync_aggregate_source){
			.type = NTSYNC_AGG_OBJECT, .fd = obj[digit(*end)],
		};
	sources[n++] = (struct ntsync_aggregate_source){
		.type = NTSYNC_AGG_FD, .events = POLLIN, .fd = file,
	};
	if (ntsync_aggregate_wait(dev, sources, n, &opts, NULL, NULL) == -ENOTSUP)
		return wait_for(owner, at, false);
	return end;
}

static void create_owned(uint32_t owner, int i)
{
	close(obj[i]);
	obj[i] = ntsync_mutex_create(dev, owner, 1);
}

/* A driver without inheritance lacks it; then the signal comes alone. */
static void signal_event(void)
{
	if (ntsync_event_set_pi(obj[EVENT], SCHED_FIFO, 80))
		ntsync_event_set(obj[EVENT], NULL);
}

static void begin(void)
{
	for (int i = 0; i < ROLES; i++)
		sem_post(&start);
}

/* Those with objects behind them; returns the last character used. */
static const char *act_on(uint32_t owner, const char *at)
{
	char one[] = { at[1], ' ' };

	switch (*at) {
	case 'L':
		wait_for(owner, one, false);
		return at + 1;
	case 'Y':
		return wait_for(owner, at + 1, false);
	case 'A':
		return wait_for(owner, at + 1, true);
	case 'S':
		return wait_with_file(owner, at + 1);
	case 'C':
		create_owned(owner, digit(at[1]));
		return at + 1;
	case 'U':
		ntsync_mutex_unlock(obj[digit(at[1])], owner, NULL);
		return at + 1;
	}
	return at;
}

static void act(char what)
{
	switch (what) {
	case 'P':
		return signal_event();
	case 's':
		ntsync_channel_send_pi(obj[CHANNEL], SCHED_FIFO, 80, 0, 0);
		return;
	case 'r':
		ntsync_channel_try_recv2(obj[CHANNEL], &request);
		return;
	case 'R':
		ntsync_channel_reply(obj[CHANNEL], request.id);
		return;
	case 'p':
		pthread_mutex_lock(&futex);
		return;
	case 'q':
		pthread_mutex_unlock(&futex);
		return;
	case '.':
		sem_wait(&start);
		return;
	case 'g':
		return begin();
	case 'w':
		return spend(NS_PER_MS);
	case 'b':
		return spend(1000 * NS_PER_MS);
	case ':':
		usleep(PACE_US);
		return;
	case '<':
		from = now(CLOCK_MONOTONIC);
		return;
	case '>':
		to = now(CLOCK_MONOTONIC);
		return;
	}
}

static void *play_role(void *arg)
{
	const char *at = ((struct role *)arg)->program;
	uint32_t owner = gettid();

	for (; *at; at++) {
		if (strchr("LYASCU", *at))
			at = act_on(owner, at);
		else
			act(*at);
	}
	return NULL;
}

void set_prio(int prio)
{
	struct sched_param param = { .sched_priority = prio };

	sched_setscheduler(0, SCHED_FIFO, &param);
}

/* Each gets as far as it can before the next one comes: nobody else is busy yet. */
static pthread_t start_role(struct role *r)
{
	pthread_t thread;

	set_prio(r->prio);
	if (pthread_create(&thread, NULL, play_role, r))
		exit(1);
	set_prio(90);
	usleep(PACE_US);
	return thread;
}

static void create_objects(void)
{
	pthread_mutexattr_t attr;

	dev = ntsync_open();
	for (int i = 0; i < CHAIN; i++)
		obj[i] = ntsync_mutex_create(dev, 0, 0);
	obj[EVENT] = ntsync_event_create(dev, false, false);
	obj[CHANNEL] = ntsync_channel_create(dev, 1);
	file = eventfd(0, EFD_CLOEXEC);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&futex, &attr);
	sem_init(&start, 0, 0);
}

static void close_objects(void)
{
	for (int i = 0; i < CHAIN; i++)
		close(obj[i]);
	close(obj[EVENT]);
	close(obj[CHANNEL]);
	close(file);
	close(dev);
}

double play(struct scene *s)
{
	struct role hog = { 50, ".b" };
	pthread_t thread[ROLES + 1];
	int n;

	create_objects();
	thread[0] = start_role(&hog);
	for (n = 0; s->role[n].prio; n++)
		thread[n + 1] = start_role(&s->role[n]);
	begin();
	for (; n >= 0; n--)
		pthread_join(thread[n], NULL);
	close_objects();
	return (to - from) / 1e6;
}
