// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests per second of many real-time threads that call one normal server by pipes, while other
 * real-time threads fill the CPUs, with and without loans:
 *
 *	scripts/vm/run --icount --add build/bench/lenders -- /add/lenders [SECONDS]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libntsync.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 35
#define MAX_CPUS 64
#define MAIN_PRIO 60
#define CLIENT_PRIO 20
#define HOG_PRIO 10
#define WORK_NS 20000

/**
 * struct client - a thread that calls the server
 * @reply: the pipe that it reads the reply from
 * @calls: how many calls have returned
 * @longest: the longest of them, in ns
 */
struct client {
	pthread_t thread;
	int number, reply[2];
	uint64_t calls, longest;
};

static struct client clients[CLIENTS];
static int dev, cpus, request[2];
static bool lends;
static atomic_int server_tid;
static atomic_bool over;

static int require(int ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "lenders: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void work(void)
{
	uint64_t end = read_clock(CLOCK_THREAD_CPUTIME_ID) + WORK_NS;

	while (read_clock(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static void set_fifo(int prio)
{
	const struct sched_param param = { .sched_priority = prio };

	require(sched_setscheduler(0, SCHED_FIFO, &param) ? -errno : 0, "real-time priorities");
}

static void make_pipe(int fds[2])
{
	require(pipe2(fds, O_CLOEXEC) ? -errno : 0, "pipe");
}

static void read_all(int fd, void *buf, size_t size)
{
	require(read(fd, buf, size) == (ssize_t)size ? 0 : -EIO, "read");
}

static void write_all(int fd, const void *buf, size_t size)
{
	require(write(fd, buf, size) == (ssize_t)size ? 0 : -EIO, "write");
}

/* Ends with the request -1. */
static void *serve(void *arg)
{
	const struct sched_param normal = { 0 };
	int number;

	(void)arg;
	require(sched_setscheduler(0, SCHED_OTHER, &normal) ? -errno : 0, "SCHED_OTHER");
	atomic_store(&server_tid, gettid());
	for (;;) {
		read_all(request[0], &number, sizeof(number));
		if (number < 0)
			return NULL;
		work();
		write_all(clients[number].reply[1], "", 1);
	}
}

static void call_server(struct client *c)
{
	uint64_t begin = read_clock(CLOCK_MONOTONIC), ns;
	char reply;

	if (lends)
		require(ntsync_lend(dev, (uint32_t)server_tid, 0), "lend");
	write_all(request[1], &c->number, sizeof(c->number));
	read_all(c->reply[0], &reply, 1);
	if (lends)
		require(ntsync_unlend(dev), "unlend");
	ns = read_clock(CLOCK_MONOTONIC) - begin;
	c->longest = ns > c->longest ? ns : c->longest;
	c->calls++;
}

static void *run_client(void *arg)
{
	set_fifo(CLIENT_PRIO);
	while (!atomic_load(&over)) {
		work();
		call_server(arg);
	}
	return NULL;
}

static void *run_hog(void *arg)
{
	(void)arg;
	set_fifo(HOG_PRIO);
	while (!atomic_load(&over))
		;
	return NULL;
}

static void run_clients(unsigned int seconds)
{
	const struct timespec duration = { .tv_sec = seconds };
	pthread_t hogs[MAX_CPUS];

	atomic_store(&over, false);
	for (int i = 0; i < cpus; i++)
		require(-pthread_create(&hogs[i], NULL, run_hog, NULL), "thread");
	for (int i = 0; i < CLIENTS; i++) {
		clients[i].calls = 0;
		clients[i].longest = 0;
		require(-pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), "thread");
	}
	nanosleep(&duration, NULL);
	atomic_store(&over, true);
	for (int i = 0; i < cpus; i++)
		pthread_join(hogs[i], NULL);
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(clients[i].thread, NULL);
}

static void measure(bool with_loans, unsigned int seconds)
{
	uint64_t calls = 0, longest = 0, begin = read_clock(CLOCK_MONOTONIC);

	lends = with_loans;
	run_clients(seconds);
	for (int i = 0; i < CLIENTS; i++) {
		calls += clients[i].calls;
		longest = clients[i].longest > longest ? clients[i].longest : longest;
	}
	printf("%-14s %8.0f requests per second, the longest %6.1f ms\n",
	       with_loans ? "with loans:" : "without loans:",
	       calls * 1e9 / (read_clock(CLOCK_MONOTONIC) - begin), longest / 1e6);
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? strtoul(argv[1], NULL, 10) : 5;
	const int last = -1;
	pthread_t server;

	dev = require(ntsync_open(), "/dev/ntsync");
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	require(cpus <= MAX_CPUS ? 0 : -E2BIG, "CPUs");
	make_pipe(request);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i].number = i;
		make_pipe(clients[i].reply);
	}
	require(-pthread_create(&server, NULL, serve, NULL), "thread");
	while (!atomic_load(&server_tid))
		sched_yield();
	set_fifo(MAIN_PRIO);
	printf("%d threads of FIFO %d call one normal server, threads of FIFO %d fill %d CPU(s):\n",
	       CLIENTS, CLIENT_PRIO, HOG_PRIO, cpus);
	measure(false, seconds);
	measure(true, seconds);
	write_all(request[1], &last, sizeof(last));
	pthread_join(server, NULL);
	return 0;
}
