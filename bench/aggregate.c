// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions per aggregate wait, by the number and kind of its sources, counted as in bench/ops:
 *
 *	scripts/vm/run --icount --add build/bench/aggregate -- /add/aggregate
 *
 * "looks": no source is ready, and the deadline has passed. "sleeps": a round trip with another
 * thread, which sets the event that is the first source, and is woken by another event.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <libntsync.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#define ROUNDS 1000
#define MOST 64

enum kind { OBJECTS, FILES, POLL, EPOLL };

static int dev, event, other_event;
static int objs[MOST], files[MOST];
static atomic_bool stop;

static int require(int ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "aggregate: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static uint64_t read_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static struct ntsync_aggregate_source source(uint32_t type, int fd)
{
	return (struct ntsync_aggregate_source){
		.type = type, .events = type == NTSYNC_AGG_FD ? POLLIN : 0, .fd = fd,
	};
}

static uint32_t fill(struct ntsync_aggregate_source *sources, enum kind kind, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		sources[i] = kind == OBJECTS ? source(NTSYNC_AGG_OBJECT, objs[i]) :
					       source(NTSYNC_AGG_FD, files[i]);
	return count;
}

static int new_epoll(uint32_t count)
{
	int set = epoll_create1(EPOLL_CLOEXEC);

	require(set < 0 ? -errno : 0, "epoll");
	for (uint32_t i = 0; i < count; i++) {
		struct epoll_event want = { .events = EPOLLIN };

		require(epoll_ctl(set, EPOLL_CTL_ADD, files[i], &want) ? -errno : 0, "epoll");
	}
	return set;
}

/* No source may be ready. */
static void measure_look(enum kind kind, const struct ntsync_aggregate_source *sources, uint32_t count)
{
	const struct ntsync_aggregate_opts opts = { .deadline = 0 };
	struct pollfd fds[MOST];

	if (kind != POLL) {
		int ret = ntsync_aggregate_wait(dev, sources, count, &opts, NULL, NULL);

		require(ret == -ETIMEDOUT ? 0 : ret ? ret : -EBADMSG, "aggregate wait");
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){ .fd = files[i], .events = POLLIN };
	require(poll(fds, count, 0) ? -EBADMSG : 0, "poll");
}

/* The first rounds fill the caches of the kernel's allocators. */
static void measure_looks(enum kind kind, uint32_t count, const char *name)
{
	struct ntsync_aggregate_source sources[MOST];
	uint32_t n = fill(sources, kind, count);
	uint64_t from = 0;

	if (kind == EPOLL) {
		sources[0] = source(NTSYNC_AGG_FD, new_epoll(count));
		n = 1;
	}
	for (int i = 0; i < 2 * ROUNDS; i++) {
		if (i == ROUNDS)
			from = read_clock();
		measure_look(kind, sources, n);
	}
	printf("looks:  %-28s %3u %8.0f\n", name, count, (double)(read_clock() - from) / ROUNDS);
}

static void *run_other_thread(void *arg)
{
	const struct ntsync_wait_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = 1 };

	(void)arg;
	for (;;) {
		require(ntsync_wait_any(dev, &other_event, 1, &opts, NULL), "wait");
		if (stop)
			return NULL;
		require(ntsync_event_set(event, NULL), "set");
	}
}

static void measure_sleeps(enum kind kind, uint32_t count, const char *name)
{
	const struct ntsync_aggregate_opts opts = { .deadline = NTSYNC_WAIT_FOREVER };
	struct ntsync_aggregate_source sources[MOST + 1] = { source(NTSYNC_AGG_OBJECT, event) };
	uint32_t n = 1 + fill(sources + 1, kind, count);
	uint64_t from = 0;
	pthread_t thread;

	if (kind == EPOLL) {
		sources[1] = source(NTSYNC_AGG_FD, new_epoll(count));
		n = 2;
	}
	stop = false;
	require(-pthread_create(&thread, NULL, run_other_thread, NULL), "thread");
	for (int i = 0; i < 2 * ROUNDS; i++) {
		if (i == ROUNDS)
			from = read_clock();
		/*
		 * The other thread runs when this one sleeps: there is one CPU, and one priority.
		 */
		require(ntsync_event_set(other_event, NULL), "set");
		require(ntsync_aggregate_wait(dev, sources, n, &opts, NULL, NULL), "aggregate wait");
	}
	printf("sleeps: %-28s %3u %8.0f\n", name, count, (double)(read_clock() - from) / ROUNDS);
	stop = true;
	require(ntsync_event_set(other_event, NULL), "set");
	require(-pthread_join(thread, NULL), "thread");
}

int main(void)
{
	static const uint32_t counts[] = { 1, 4, 8, 16, 32, 63 };
	const struct sched_param param = { .sched_priority = 50 };

	dev = require(ntsync_open(), "/dev/ntsync");
	require(sched_setscheduler(0, SCHED_FIFO, &param) ? -errno : 0, "real-time priorities");
	event = require(ntsync_event_create(dev, false, false), "event");
	other_event = require(ntsync_event_create(dev, false, false), "event");
	for (int i = 0; i < MOST; i++) {
		objs[i] = require(ntsync_event_create(dev, false, false), "event");
		files[i] = eventfd(0, EFD_CLOEXEC);
		require(files[i] < 0 ? -errno : 0, "eventfd");
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		measure_looks(OBJECTS, counts[i], "objects");
		measure_looks(FILES, counts[i], "files");
		measure_looks(EPOLL, counts[i], "files in one epoll");
		measure_looks(POLL, counts[i], "files, by poll(2)");
	}
	measure_sleeps(FILES, 0, "the event alone");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		measure_sleeps(OBJECTS, counts[i], "and objects");
		measure_sleeps(FILES, counts[i], "and files");
		measure_sleeps(EPOLL, counts[i], "and files in one epoll");
	}
	return 0;
}
