// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bursts of TRY_RECV2. Sixteen threads have sent, and all requests are pending; then four others
 * empty the channel at once. Each request goes to one of them, none of them finds the channel empty
 * before it is, and each receives in order: the highest first, and the oldest of equal ones. Then
 * all get replies, in any order, and the next round begins.
 */
#include "stress.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libntsync.h"

#define SENDERS 16
#define RECEIVERS 4

struct receiver {
	pthread_t thread;
	uint64_t random;
	struct ntsync_channel_request got[SENDERS + 1];
	unsigned int count;
};

static struct stress stress;
static int channel;
static struct receiver receivers[RECEIVERS];
static pthread_t senders[SENDERS];
static pthread_barrier_t barrier;
static atomic_bool last_round;
static atomic_uint out_of_order, wrong_counts, not_as_before;
static atomic_ullong sent, received, empty, rounds;

static void *send_again_and_again(void *arg)
{
	uint64_t random = stress.seed ^ (uintptr_t)arg;

	do {
		uint32_t prio = stress_below(&random, 8) * 10;

		stress_expect(ntsync_channel_send_pi(channel, SCHED_FIFO, prio, 0, 0), 0, "send");
		atomic_fetch_add(&sent, 1);
	} while (!atomic_load(&last_round));
	return NULL;
}

static bool is_in_order(const struct ntsync_channel_request *a,
			const struct ntsync_channel_request *b)
{
	return a->prio > b->prio || (a->prio == b->prio && a->id < b->id);
}

static void drain_channel(struct receiver *r)
{
	int ret;

	r->count = 0;
	while (r->count <= SENDERS) {
		ret = ntsync_channel_try_recv2(channel, &r->got[r->count]);
		if (ret)
			break;
		if (r->count && !is_in_order(&r->got[r->count - 1], &r->got[r->count]))
			atomic_fetch_add(&out_of_order, 1);
		r->count++;
	}
	stress_expect(ret, -EAGAIN, "try");
	atomic_fetch_add(&received, r->count);
	atomic_fetch_add(&empty, !r->count);
}

static void answer_all(struct receiver *r)
{
	while (r->count) {
		unsigned int i = stress_below(&r->random, r->count);

		stress_expect(ntsync_channel_reply(channel, r->got[i].id), 0, "reply");
		r->got[i] = r->got[--r->count];
	}
}

static void *drain_again_and_again(void *arg)
{
	struct receiver *r = arg;
	bool more = true;

	while (more) {
		pthread_barrier_wait(&barrier);
		drain_channel(r);
		/* No thread may send again before all receivers have found the channel empty. */
		pthread_barrier_wait(&barrier);
		more = !atomic_load(&last_round);
		answer_all(r);
	}
	if (!stress_is_scheduled(SCHED_OTHER, 0))
		atomic_fetch_add(&not_as_before, 1);
	return NULL;
}

static void show_progress(void)
{
	printf("# %llu bursts, %llu received, %llu came too late for any\n",
	       (unsigned long long)rounds, (unsigned long long)received, (unsigned long long)empty);
}

static void run_round(void)
{
	unsigned long long before = atomic_load(&received);

	while (stress_fdinfo(channel, "ntsync-depth") != SENDERS)
		stress_sleep(50 * NS_PER_US);
	if (stress_over(&stress))
		atomic_store(&last_round, true);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	if (atomic_load(&received) - before != SENDERS)
		atomic_fetch_add(&wrong_counts, 1);
	atomic_fetch_add(&rounds, 1);
}

static void run_rounds(void)
{
	uint64_t next = stress_now() + NS_PER_SEC;

	while (!atomic_load(&last_round)) {
		run_round();
		if (stress_now() < next)
			continue;
		show_progress();
		next = stress_now() + (stress.seconds > 60 ? 10 : 1) * NS_PER_SEC;
	}
}

int main(int argc, char **argv)
{
	int dev;

	stress_init(&stress, argc, argv);
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	channel = ntsync_channel_create(dev, SENDERS);
	if (channel < 0)
		return stress_bail_out("create", channel);
	pthread_barrier_init(&barrier, NULL, RECEIVERS + 1);
	for (uintptr_t i = 0; i < SENDERS; i++)
		pthread_create(&senders[i], NULL, send_again_and_again, (void *)(i + 1));
	for (int i = 0; i < RECEIVERS; i++) {
		receivers[i].random = (stress.seed ^ i << 8) | 1;
		pthread_create(&receivers[i].thread, NULL, drain_again_and_again, &receivers[i]);
	}
	run_rounds();
	for (int i = 0; i < RECEIVERS; i++)
		pthread_join(receivers[i].thread, NULL);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i], NULL);
	show_progress();
	stress_check(&stress, rounds && !wrong_counts && sent == received,
		     "each request is received once, by those who only try");
	stress_check(&stress, !out_of_order, "in the order of priority, then arrival");
	stress_check(&stress, !stress_errors, "no error");
	stress_check(&stress, !not_as_before, "everybody is scheduled as before");
	stress_check(&stress, stress_nobody_boosted(), "nobody is boosted");
	return stress_end(&stress);
}
