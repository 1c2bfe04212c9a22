// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every request is served once, whatever the threads do that were notified of it. Threads wait for
 * two channels, an eventfd and the end of the run by AGGREGATE_WAIT; senders send to the channels.
 * Of the notified threads some receive all pending requests, some one, some exit instead, and some
 * get EFAULT as their argument can't be written. Whole processes are notified and exit, close the
 * channel, or are killed.
 *
 * During the first third of the run, deadlines and the eventfd make notifications meet other ends
 * of a wait; these would also hide a lost notification. After that there are none, and a lost
 * notification leaves senders waiting for ever, which ends the program.
 */
#include "stress.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libntsync.h"

#define WAITERS 6
#define SENDERS 8
#define CHANNELS 2
#define PAGE 4096

/* What a notified thread does, and how often in 32. */
enum leaving { DRAINS = 18, TAKES_ONE = 24, ENDS = 28 };

struct waiter {
	pthread_t thread;
	uint64_t random;
	/* An argument that can be read but not written. */
	struct ntsync_aggregate_wait_args *stuck;
};

struct sender {
	pthread_t thread;
	uint64_t random;
	unsigned int number;
	uint64_t sent;
};

static struct stress stress;
static int dev, channels[CHANNELS], tick, end;
static struct waiter waiters[WAITERS];
static struct sender senders[SENDERS];
/* The number of the last request of each sender that was served. */
static atomic_ullong served[SENDERS];
static atomic_uint twice, lost;
static atomic_bool stop_others;
/* What notified threads and waits did, and the processes that were notified and exited. */
static atomic_ullong notified, empty, ended, faults, timeouts, processes;

/* ---- senders ---- */

static void *send_all(void *arg)
{
	struct sender *s = arg;

	while (!stress_over(&stress)) {
		int channel = channels[stress_below(&s->random, CHANNELS)];
		uint32_t prio = stress_below(&s->random, 6) ? 0 : 1 + stress_below(&s->random, 20);

		s->sent++;
		EXPECT_SUCCESS(ntsync_channel_send_pi(channel, SCHED_FIFO, prio, s->number, s->sent));
		/* The next one has not been sent yet, so it must be this one. */
		if (atomic_load(&served[s->number]) != s->sent)
			atomic_fetch_add(&lost, 1);
		if (!stress_below(&s->random, 4))
			stress_sleep(stress_below(&s->random, 300) * NS_PER_US);
	}
	return NULL;
}

/* ---- waiters ---- */

static void serve_request(int channel, const struct ntsync_channel_request *request)
{
	/* Before this the sender waits; after it the next request may be served. */
	if (atomic_exchange(&served[request->payload], request->reply) != request->reply - 1)
		atomic_fetch_add(&twice, 1);
	EXPECT_SUCCESS(ntsync_channel_reply(channel, request->id));
}

static unsigned int receive_requests(int channel, unsigned int most)
{
	struct ntsync_channel_request request;
	unsigned int n = 0;

	while (n < most && !ntsync_channel_try_recv2(channel, &request)) {
		serve_request(channel, &request);
		n++;
	}
	return n;
}

static void fill_sources(struct ntsync_aggregate_source *sources)
{
	const struct ntsync_aggregate_source all[] = {
		{ .type = NTSYNC_AGG_OBJECT, .fd = end },
		{ .type = NTSYNC_AGG_FD, .fd = tick, .events = POLLIN },
		{ .type = NTSYNC_AGG_OBJECT, .fd = channels[0] },
		{ .type = NTSYNC_AGG_OBJECT, .fd = channels[1] },
		{ .type = NTSYNC_AGG_OBJECT, .fd = channels[0] },
	};

	memcpy(sources, all, sizeof(all));
}

#define SOURCES 5
#define FIRST_CHANNEL 2

/* The first third of the run, or longer until a deadline has passed. */
static bool is_early(void)
{
	return !timeouts || stress_now() + stress.seconds * NS_PER_SEC * 2 / 3 < stress.end;
}

static uint64_t choose_deadline(uint64_t *random)
{
	if (!is_early() || stress_below(random, 2))
		return NTSYNC_WAIT_FOREVER;
	return stress_now() + stress_below(random, 2000) * NS_PER_US;
}

/* Notified, but its result can't be written: EFAULT. It waits for the channels only. */
static void wait_stuck(struct waiter *w)
{
	int ret = ioctl(dev, NTSYNC_IOC_AGGREGATE_WAIT, w->stuck) ? -errno : 0;

	if (ret == -EFAULT)
		faults++;
	else
		stress_expect_success(ret, __LINE__);
}

/* True if the thread exits without receiving; another one replaces it. */
static bool act_on_request(struct waiter *w, int channel)
{
	unsigned int choice = stress_below(&w->random, 32);

	notified++;
	if (choice >= ENDS) {
		ended++;
		return true;
	}
	/* No other thread must be kept from receiving. */
	if (choice >= TAKES_ONE)
		stress_sleep(stress_below(&w->random, 200) * NS_PER_US);
	empty += !receive_requests(channel, choice < DRAINS ? ~0u : 1);
	return false;
}

/* Until the end of the run, or until it exits as a notified thread. */
static void *wait_and_serve(void *arg)
{
	struct waiter *w = arg;
	struct ntsync_aggregate_source sources[SOURCES];
	eventfd_t value;

	prctl(PR_SET_TIMERSLACK, 1);
	fill_sources(sources);
	for (;;) {
		const struct ntsync_aggregate_opts opts = { choose_deadline(&w->random), 0, 0 };
		uint32_t index = 0;
		int ret;

		if (!stress_below(&w->random, 32) && !stress_over(&stress)) {
			wait_stuck(w);
			continue;
		}
		ret = ntsync_aggregate_wait(dev, sources, SOURCES, &opts, &index, NULL);
		timeouts += ret == -ETIMEDOUT;
		if (ret == -ETIMEDOUT)
			continue;
		stress_expect_success(ret, __LINE__);
		if (ret || index == 0)
			return NULL;
		if (index < FIRST_CHANNEL)
			(void)!eventfd_read(tick, &value);
		else if (act_on_request(w, sources[index].fd))
			return w;
	}
}

/* Replaces waiters that exit by new ones. */
static void *replace_waiters(void *arg)
{
	struct waiter *w = arg;
	pthread_t thread;
	void *again = w;

	while (again) {
		pthread_create(&thread, NULL, wait_and_serve, w);
		pthread_join(thread, &again);
	}
	return NULL;
}

/* ---- processes that are notified, and exit ---- */

static int wait_and_leave(uint64_t random)
{
	struct ntsync_aggregate_source sources[SOURCES];
	const struct ntsync_aggregate_opts opts = { choose_deadline(&random), 0, 0 };
	uint32_t index;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fill_sources(sources);
	/* Not woken by the eventfd, which is for the other waiters. */
	ntsync_aggregate_wait(dev, sources + FIRST_CHANNEL, CHANNELS, &opts, &index, NULL);
	if (stress_below(&random, 2)) {
		close(channels[0]);
		close(channels[1]);
		pause();
	}
	return 0;
}

/* Adds to the eventfd too, so that at times a file ends a wait. */
static void *run_disturber(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	while (!atomic_load(&stop_others)) {
		pid_t pid = fork();

		if (!pid)
			_exit(wait_and_leave(stress_random(&random)));
		stress_random(&random);
		processes++;
		if (is_early())
			eventfd_write(tick, 1);
		stress_sleep(stress_below(&random, 3000) * NS_PER_US);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return NULL;
}

/* ---- the run ---- */

static bool make_sources(void)
{
	dev = ntsync_open();
	channels[0] = ntsync_channel_create(dev, NTSYNC_CHANNEL_MAX_DEPTH);
	channels[1] = ntsync_channel_create(dev, NTSYNC_CHANNEL_MAX_DEPTH);
	end = ntsync_event_create(dev, true, false);
	tick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	/* This process receives before all others, so that the channel always has a receiver. */
	receive_requests(channels[0], 1);
	receive_requests(channels[1], 1);
	return channels[1] >= 0 && end >= 0;
}

static void make_stuck(struct waiter *w)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ntsync_aggregate_source *sources = (void *)(page + PAGE / 2);

	w->stuck = (void *)page;
	fill_sources(sources);
	/* With the end of the run among the sources, or the thread would not end. */
	sources[1] = sources[FIRST_CHANNEL + 1];
	*w->stuck = (struct ntsync_aggregate_wait_args){
		.timeout = NTSYNC_WAIT_FOREVER, .sources = (uintptr_t)sources, .nb_sources = 3,
	};
	mprotect(page, PAGE, PROT_READ);
}

static void run_threads(void)
{
	uint64_t random = stress.seed;
	pthread_t disturber;

	for (unsigned int i = 0; i < WAITERS; i++) {
		waiters[i].random = stress_random(&random) | 1;
		make_stuck(&waiters[i]);
		pthread_create(&waiters[i].thread, NULL, replace_waiters, &waiters[i]);
	}
	for (unsigned int i = 0; i < SENDERS; i++) {
		senders[i].random = stress_random(&random) | 1;
		senders[i].number = i;
		pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
	}
	pthread_create(&disturber, NULL, run_disturber, &random);
	for (unsigned int i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
	atomic_store(&stop_others, true);
	pthread_join(disturber, NULL);
	ntsync_event_set(end, NULL);
	for (unsigned int i = 0; i < WAITERS; i++)
		pthread_join(waiters[i].thread, NULL);
}

static bool has_happened(void)
{
	return notified && ended && faults && timeouts && processes;
}

static void check_results(void)
{
	uint64_t sent = 0;

	for (unsigned int i = 0; i < SENDERS; i++)
		sent += senders[i].sent;
	printf("# requests %llu: notified %llu (nothing left %llu), ended %llu, faults %llu, "
	       "timed out %llu, processes %llu\n", (unsigned long long)sent,
	       (unsigned long long)notified, (unsigned long long)empty,
	       (unsigned long long)ended, (unsigned long long)faults,
	       (unsigned long long)timeouts, (unsigned long long)processes);
	stress_check(&stress, !lost, "every request that was answered was served");
	stress_check(&stress, !twice, "and none twice");
	stress_check(&stress, !stress_errors, "no unexpected error");
	stress_check(&stress, sent && has_happened(), "every way to leave did happen");
}

int main(int argc, char **argv)
{
	struct ntsync_features found = { 0 };

	stress_init(&stress, argc, argv);
	if (!make_sources())
		return stress_bail_out("/dev/ntsync", dev < 0 ? dev : channels[1]);
	if (ntsync_features(dev, &found) || !(found.features & NTSYNC_FEATURE_AGGREGATE_WAIT))
		return stress_skip("the driver has no aggregate wait");
	stress.complete = has_happened;
	run_threads();
	check_results();
	return stress_end(&stress);
}
