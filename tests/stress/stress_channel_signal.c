// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replies against signals. Senders are interrupted all the time, at times by a handler that asks
 * for a restart. A request whose send returned EINTR must not have got a reply; one that got a
 * reply must have been executed, once. The numbers of replies on both sides must be equal.
 */
#include "ledger.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libntsync.h"

#define SENDERS 6
#define RECEIVERS 3
#define QUIT UINT64_MAX

struct thread {
	pthread_t thread;
	unsigned int number;
	uint64_t random;
	uint64_t answered, interrupted, left;
};

static struct stress stress;
static struct ledger *ledger;
static int channel;
static struct thread senders[SENDERS], receivers[RECEIVERS];
static atomic_bool stop_signals;
static atomic_uint senders_left, not_as_before;

static void *send_calls(void *arg)
{
	struct thread *t = arg;

	while (!stress_over(&stress)) {
		uint64_t payload = ledger_open(ledger, t->number);
		uint32_t prio = stress_below(&t->random, 2) ? stress_below(&t->random, 90) : 0;
		int ret = ntsync_channel_send_pi(channel, SCHED_FIFO, prio, payload, 0);

		ledger_close(ledger, payload, ret);
		t->answered += !ret;
		t->interrupted += ret == -EINTR;
		if (ret != -EINTR)
			stress_expect(ret, 0, "send");
	}
	atomic_fetch_sub(&senders_left, 1);
	return NULL;
}

/* Sometimes it takes its time, so that signals find requests in all states. */
static bool serve_one(struct thread *t)
{
	struct ntsync_channel_request r;
	int ret = stress_below(&t->random, 3) ? ntsync_channel_recv2(channel, &r) :
						ntsync_channel_try_recv2(channel, &r);

	if (ret == -EAGAIN)
		return true;
	stress_expect(ret, 0, "receive");
	if (r.payload != QUIT)
		ledger_execute(ledger, r.payload);
	if (stress_below(&t->random, 4) == 0)
		stress_sleep(stress_below(&t->random, 300) * NS_PER_US);
	ret = ntsync_channel_reply(channel, r.id);
	if (r.payload == QUIT)
		return false;
	t->answered += !ret;
	t->left += ret == -ENOENT;
	if (ret != -ENOENT)
		stress_expect(ret, 0, "reply");
	return true;
}

static void *serve_calls(void *arg)
{
	while (serve_one(arg))
		;
	if (!stress_is_scheduled(SCHED_OTHER, 0))
		atomic_fetch_add(&not_as_before, 1);
	return NULL;
}

static void *send_signals(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	for (unsigned int n = 0; !atomic_load(&stop_signals); n++) {
		if (n % 256 == 0)
			stress_handle_signal(n % 512 ? SA_RESTART : 0);
		pthread_kill(senders[stress_below(&random, SENDERS)].thread, SIGUSR1);
		stress_sleep(stress_below(&random, 200) * NS_PER_US);
	}
	return NULL;
}

static uint64_t add_up(const struct thread *t, size_t count, size_t member)
{
	uint64_t total = 0;

	while (count--)
		total += *(const uint64_t *)((const char *)&t[count] + member);
	return total;
}

#define SUM(threads, member) add_up(threads, ARRAY_SIZE(threads), offsetof(struct thread, member))

static void show_progress(void)
{
	printf("# %llu answered, %llu interrupted, %llu of them received\n",
	       (unsigned long long)SUM(senders, answered),
	       (unsigned long long)SUM(senders, interrupted),
	       (unsigned long long)SUM(receivers, left));
}

static void start_threads(pthread_t *signal_thread)
{
	stress_handle_signal(0);
	atomic_store(&senders_left, SENDERS);
	for (int i = 0; i < RECEIVERS; i++) {
		receivers[i].random = stress_random(&stress.seed) | 1;
		pthread_create(&receivers[i].thread, NULL, serve_calls, &receivers[i]);
	}
	for (int i = 0; i < SENDERS; i++) {
		senders[i].number = i;
		senders[i].random = stress_random(&stress.seed) | 1;
		pthread_create(&senders[i].thread, NULL, send_calls, &senders[i]);
	}
	pthread_create(signal_thread, NULL, send_signals, &stress.seed);
}

static void end_threads(pthread_t signal_thread)
{
	while (atomic_load(&senders_left))
		stress_sleep(NS_PER_MS);
	/* A signal can't reach an exited thread, and must not be sent to a joined one. */
	atomic_store(&stop_signals, true);
	pthread_join(signal_thread, NULL);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
	for (int i = 0; i < RECEIVERS; i++)
		stress_expect(ntsync_channel_send_pi(channel, 0, 0, QUIT, 0), 0, "quit");
	for (int i = 0; i < RECEIVERS; i++)
		pthread_join(receivers[i].thread, NULL);
}

/* A run in which these did not happen proves nothing. */
static bool has_happened(void)
{
	return SUM(senders, answered) && SUM(senders, interrupted);
}

int main(int argc, char **argv)
{
	pthread_t signal_thread;
	int dev;

	stress_init(&stress, argc, argv);
	stress.complete = has_happened;
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	channel = ntsync_channel_create(dev, NTSYNC_CHANNEL_MAX_DEPTH);
	ledger = ledger_new();
	if (channel < 0 || !ledger)
		return stress_bail_out("create", channel < 0 ? channel : -ENOMEM);
	start_threads(&signal_thread);
	stress_watch(&stress, show_progress);
	end_threads(signal_thread);
	show_progress();
	stress_check(&stress, ledger_is_right(ledger), "each is executed as its sender was told");
	stress_check(&stress, SUM(senders, answered) == SUM(receivers, answered),
		     "answered are those who were replied to, and no others");
	stress_check(&stress, !stress_errors, "no error");
	stress_check(&stress, !not_as_before, "everybody is scheduled as before");
	stress_check(&stress, stress_nobody_boosted(), "nobody is boosted");
	stress_check(&stress, has_happened(), "replies and interruptions did happen");
	return stress_end(&stress);
}
