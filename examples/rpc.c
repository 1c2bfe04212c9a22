// SPDX-License-Identifier: 0BSD
/*
 * Calls through a channel: how long does an important one take?
 *
 * The server is two ordinary threads. A client sends a request and sleeps until the reply; the
 * question and the answer are in shared memory, here a number to be squared. One client calls every
 * 5 ms, and a call is half a millisecond of work. Then there is a load:
 *
 *   busy server	six ordinary clients call all the time
 *   busy CPUs		real-time threads (FIFO 50), one a CPU, burn 10 of every 20 ms, in which no
 *			ordinary thread runs, and so neither does the server
 *
 * A call with a priority is served before pending calls without, and boosts the server: both threads
 * while they serve other calls, then the one that serves it. So it takes its own time and the rest of
 * the call before it. The second half of the table is without a priority.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <libntsync.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SERVERS = 2, CLIENTS = 6, CALLS = 60, NOBODY_ELSE = 0, BUSY_SERVER, BUSY_CPUS, LOADS };

static int channel;
static bool realtime;
static atomic_int load;
static atomic_uint calls, under_way, wrong;

static void must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "rpc: %s: %s\n", what, strerror(-ret));
	exit(EXIT_FAILURE);
}

static uint64_t now_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000ull + ts.tv_nsec / 1000;
}

/* Uses @us of CPU time, not counting other threads. */
static void work(unsigned int us)
{
	uint64_t end = now_us(CLOCK_THREAD_CPUTIME_ID) + us;

	while (now_us(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

/* From a receive to the reply, the thread has the priority of the highest request. */
static void *server(void *unused)
{
	struct ntsync_channel_request request;

	for (;;) {
		uint32_t *number;

		must(ntsync_channel_recv(channel, &request), "receiving");
		number = (uint32_t *)(uintptr_t)request.payload;
		work(500);
		*number *= *number;
		must(ntsync_channel_reply(channel, request.id), "replying");
	}
	return unused;
}

static void ask(uint32_t prio)
{
	uint32_t asked = ++calls, number = asked;

	under_way++;
	if (ntsync_channel_send_pi(channel, SCHED_FIFO, prio, (uintptr_t)&number, 0) ||
	    number != asked * asked)
		wrong++;
	under_way--;
}

static void *client(void *unused)
{
	for (;;) {
		if (load >= BUSY_SERVER)
			ask(0);
		else
			usleep(1000);
	}
	return unused;
}

/* Sets SCHED_FIFO, or SCHED_OTHER for 0. Returns an errno. */
static int set_prio(int prio)
{
	const struct sched_param param = { .sched_priority = prio };

	return pthread_setschedparam(pthread_self(), prio ? SCHED_FIFO : SCHED_OTHER, &param);
}

static void *burner(void *unused)
{
	if (realtime)
		must(-set_prio(50), "priority 50");
	for (;; usleep(10000))
		work(load >= BUSY_CPUS ? 10000 : 0);
	return unused;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void print_latency(uint32_t prio)
{
	int us[CALLS];

	/* Without the right to a priority, this would be the same as the other half. */
	if (prio && !realtime) {
		printf("%11s %8s", "-", "-");
		return;
	}
	for (int i = 0; i < CALLS; i++, usleep(5000)) {
		uint64_t begin = now_us(CLOCK_MONOTONIC);

		ask(prio);
		us[i] = now_us(CLOCK_MONOTONIC) - begin;
	}
	qsort(us, CALLS, sizeof(*us), compare);
	printf("%11.1f %8.1f", us[CALLS / 2] / 1e3, us[CALLS - 1] / 1e3);
}

static void start(const char *name, void *(*thread)(void *), int count)
{
	char numbered[16];
	pthread_t id;

	for (int i = 1; i <= count; i++) {
		must(-pthread_create(&id, NULL, thread, NULL), "starting a thread");
		snprintf(numbered, sizeof(numbered), "%s %u", name, i % 10000u);
		pthread_setname_np(id, numbered);
	}
}

int main(void)
{
	static const char *const names[] = { "nobody else", "busy server", "busy CPUs as well" };
	int dev = ntsync_open();

	must(dev, "/dev/ntsync");
	channel = ntsync_channel_create(dev, CLIENTS + 1);
	if (channel == -ENOTSUP) {
		printf("this driver has no channels\n");
		return 0;
	}
	must(channel, "channel");
	/* Back to 0, as the threads inherit the priority. */
	realtime = !set_prio(80) && !set_prio(0);
	start("server", server, SERVERS);
	start("client", client, CLIENTS);
	start("burner", burner, sysconf(_SC_NPROCESSORS_ONLN));
	if (realtime)
		must(-set_prio(80), "priority 80");
	else
		printf("note: no right to real-time priorities, so there are none to lend\n");
	printf("Milliseconds that a call takes, which is half a millisecond's work:\n\n%37s%20s\n"
	       "%28s %8s%11s %8s", "with priority 80", "without", "median", "max", "median", "max");
	/* Burners that are not real-time do not keep the server from the CPUs. */
	for (int i = 0; i < (realtime ? LOADS : BUSY_CPUS); i++) {
		load = i;
		printf("\n%-17s", names[i]);
		print_latency(80);
		print_latency(0);
	}
	/* Wait for the replies to the requests that are still under way. */
	for (load = NOBODY_ELSE; under_way;)
		usleep(1000);
	printf("\n\n%u calls, %u not answered, or wrongly\n", calls, wrong);
	return wrong != 0;
}
