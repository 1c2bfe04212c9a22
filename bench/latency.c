// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a FIFO 80 thread waits under load, in microseconds, one line per sample:
 *
 *	wakeup	for an event, from before the SET by a FIFO 90 thread, on another CPU if there is one
 *	mutex	for a mutex that a FIFO 10 thread holds half of the time
 *	channel	for the reply of a FIFO 10 server
 *
 * All of them share the last CPU with a FIFO 50 hog that runs for three of four milliseconds, and
 * each CPU with a thread of normal priority. `latency load` is the load alone, until it is killed.
 *
 * In a VM whose clock counts instructions the figures are exact, whatever else the host does:
 *
 *	scripts/vm/run --icount --add build/bench/latency -- /add/latency
 */
#define _GNU_SOURCE
#include <errno.h>
#include <libntsync.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES 1500
#define PERIOD 1300000 /* ns, on average */
#define BURST 3000000
#define PAUSE 1000000
#define WORK 200000
#define END 1 /* the payload that ends the server */

static int crowded; /* the CPU that all but the signaller share */
static int dev, object;
static atomic_bool stop;
static uint64_t signaled_at; /* written before the SET */
static atomic_bool heard; /* not written again before it was read */
static uint64_t samples[SAMPLES];

static int require(int ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "latency: %s: %s\n", what, strerror(-ret));
	_exit(1);
}

static uint64_t read_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void sleep_for(long ns)
{
	const struct timespec time = { .tv_nsec = ns };

	nanosleep(&time, NULL);
}

/*
 * Half a period to one and a half, the same in each run, so as not to be in step with the hog and
 * the other threads.
 */
static void sleep_a_period(void)
{
	static uint32_t random = 1;

	random = random * 1664525 + 1013904223;
	sleep_for(PERIOD / 2 + (random >> 8) % PERIOD);
}

static void run_load(uint64_t ns)
{
	for (uint64_t from = read_clock(); read_clock() - from < ns;)
		;
}

/* @priority: 0 = a normal task. */
static pthread_t start_thread(void *(*run)(void *arg), int priority, int cpu)
{
	const struct sched_param param = { .sched_priority = priority };
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, priority ? SCHED_FIFO : SCHED_OTHER);
	pthread_attr_setschedparam(&attr, &param);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	require(-pthread_create(&thread, &attr, run, NULL), "thread");
	return thread;
}

static void *run_hog(void *arg)
{
	while (!atomic_load(&stop)) {
		run_load(BURST);
		sleep_for(PAUSE);
	}
	return arg;
}

static void *spin_for(void *arg)
{
	while (!atomic_load(&stop))
		;
	return arg;
}

static void acquire(uint32_t owner)
{
	const struct ntsync_wait_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = owner };

	require(ntsync_wait_any(dev, &object, 1, &opts, NULL), "wait");
}

static void *run_signaller(void *arg)
{
	while (!atomic_load(&stop)) {
		sleep_a_period();
		if (!atomic_exchange(&heard, false))
			continue;
		signaled_at = read_clock();
		require(ntsync_event_set(object, NULL), "set");
	}
	return arg;
}

static void *run_woken(void *arg)
{
	for (int i = 0; i < SAMPLES; i++) {
		atomic_store(&heard, true);
		acquire(1);
		samples[i] = read_clock() - signaled_at;
	}
	return arg;
}

static void *run_holder(void *arg)
{
	while (!atomic_load(&stop)) {
		acquire(2);
		run_load(WORK);
		require(ntsync_mutex_unlock(object, 2, NULL), "unlock");
		sleep_for(WORK);
	}
	return arg;
}

static void *run_locker(void *arg)
{
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t from;

		sleep_a_period();
		from = read_clock();
		acquire(1);
		samples[i] = read_clock() - from;
		require(ntsync_mutex_unlock(object, 1, NULL), "unlock");
	}
	return arg;
}

static void *run_server(void *arg)
{
	struct ntsync_channel_request request = { .payload = 0 };

	while (request.payload != END) {
		require(ntsync_channel_recv2(object, &request), "receive");
		run_load(WORK);
		require(ntsync_channel_reply(object, request.id), "reply");
	}
	return arg;
}

static void *run_client(void *arg)
{
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t from;

		sleep_a_period();
		from = read_clock();
		require(ntsync_channel_send_pi(object, SCHED_FIFO, 80, 0, 0), "send");
		samples[i] = read_clock() - from;
	}
	require(ntsync_channel_send_pi(object, SCHED_FIFO, 80, END, 0), "send");
	return arg;
}

static void start_load(pthread_t *threads)
{
	threads[0] = start_thread(run_hog, 50, crowded);
	threads[1] = start_thread(spin_for, 0, 0);
	threads[2] = start_thread(spin_for, 0, crowded);
}

static void measure(const char *name, int obj, void *(*run_other_thread)(void *), int priority, int cpu,
		    void *(*sampler)(void *))
{
	pthread_t threads[4], sampled;

	if (obj == -ENOTSUP) {
		fprintf(stderr, "latency: %s: this driver does not offer it\n", name);
		return;
	}
	object = require(obj, name);
	memset(samples, 0, sizeof(samples));
	atomic_store(&stop, false);
	start_load(threads);
	threads[3] = start_thread(run_other_thread, priority, cpu);
	sampled = start_thread(sampler, 80, crowded);
	pthread_join(sampled, NULL);
	atomic_store(&stop, true);
	for (int i = 3; i >= 0; i--)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < SAMPLES; i++)
		printf("%s\t%.3f\n", name, (double)samples[i] / 1000);
	close(obj);
}

int main(int argc, char **argv)
{
	pthread_t threads[3];

	crowded = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	if (argc > 1 && !strcmp(argv[1], "load")) {
		start_load(threads);
		pause();
	}
	dev = require(ntsync_open(), "/dev/ntsync");
	measure("wakeup", ntsync_event_create(dev, false, false), run_signaller, 90, 0, run_woken);
	measure("mutex", ntsync_mutex_create(dev, 0, 0), run_holder, 10, crowded, run_locker);
	measure("channel", ntsync_channel_create(dev, 16), run_server, 10, crowded, run_client);
	return 0;
}
