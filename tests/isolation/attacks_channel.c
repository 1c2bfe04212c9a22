// SPDX-License-Identifier: GPL-2.0-only
/* Attacks by channels with many receivers, and receivers of many channels. */
#include "attack.h"

#include <signal.h>

static int dev, channel;

static void ignore_signal(int sig)
{
	(void)sig;
}

static int create_channel(uint32_t max_depth)
{
	struct ntsync_channel_create_args args = { .max_depth = max_depth };

	return nt(dev, NTSYNC_IOC_CREATE_CHANNEL, &args);
}

static int try_to_receive(int from)
{
	struct ntsync_channel_recv2_args got = { 0 };

	return nt(from, NTSYNC_IOC_CHANNEL_TRY_RECV2, &got);
}

static int open_instance(void)
{
	dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	CHECK(dev >= 0);
	return 0;
}

/* A request that stays pending until a signal ends it. */
static void *send_for_ever(void *prio)
{
	struct ntsync_channel_send_args args = { .policy = SCHED_FIFO, .prio = (intptr_t)prio };

	for (;;)
		nt(channel, NTSYNC_IOC_CHANNEL_SEND_PI, &args);
	return NULL;
}

/* ---- all receivers of a channel are boosted by a request, and lose the boost again ---- */

static atomic_int receivers;

static void *receive_once(void *unused)
{
	try_to_receive(channel);
	atomic_fetch_add(&receivers, 1);
	for (;;)
		pause();
	return unused;
}

static int prepare_receivers(int size)
{
	CHECK(!open_instance());
	channel = create_channel(4);
	CHECK(channel >= 0);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = ignore_signal }, NULL);
	for (int i = 0; i < size; i++)
		attack_thread(receive_once, NULL);
	while (atomic_load(&receivers) < size)
		sleep_ms(1);
	return 0;
}

static void interrupt_a_sender(int size)
{
	pthread_t sender = attack_thread(send_for_ever, (void *)1);

	(void)size;
	for (;;) {
		usleep(500);
		pthread_kill(sender, SIGUSR1);
	}
}

const struct attack interrupted_sender = { 1, 1000, prepare_receivers, interrupt_a_sender };

/* ---- a receiver of very many channels, which passes on a notification again and again ---- */

static int never;

static int prepare_notified(int size)
{
	struct ntsync_event_args args = { .manual = 0 };

	CHECK(!open_instance());
	never = nt(dev, NTSYNC_IOC_CREATE_EVENT, &args);
	for (int i = 0; i < size; i++) {
		channel = create_channel(4);
		CHECK(channel >= 0);
		try_to_receive(channel);
	}
	attack_thread(send_for_ever, NULL);
	return 0;
}

static void pass_on_notification(int size)
{
	struct ntsync_aggregate_source source = { .type = NTSYNC_AGG_OBJECT, .fd = channel };

	(void)size;
	for (;;) {
		struct ntsync_aggregate_wait_args args = { .sources = (uintptr_t)&source,
							   .nb_sources = 1, .owner = 1 };
		struct ntsync_wait_args sleep = ARGS(FDS(never), .owner = 1);

		if (nt(dev, NTSYNC_IOC_AGGREGATE_WAIT, &args))
			continue;
		sleep.timeout = monotonic_ns() + 20000;
		nt(dev, ANY, &sleep);
	}
}

const struct attack notified_receiver = { 0, 40000, prepare_notified, pass_on_notification };

/* ---- a thread that works on very many requests exits ---- */

static void *send_once(void *unused)
{
	struct ntsync_channel_send_args args = { .policy = SCHED_FIFO };

	attack_announce_sleep();
	/* Until the receiver has made room in the queue. */
	while (nt(channel, NTSYNC_IOC_CHANNEL_SEND_PI, &args) == -EAGAIN)
		sleep_ms(1);
	for (;;)
		pause();
	return unused;
}

static atomic_bool dispatched;

static void *receive_all_and_exit(void *size)
{
	for (intptr_t i = 0; i < (intptr_t)size; i++)
		while (try_to_receive(channel))
			sleep_ms(1);
	atomic_store(&dispatched, true);
	attack_await_strike();
	return NULL;
}

static int prepare_requests(int size)
{
	CHECK(!open_instance());
	channel = create_channel(NTSYNC_CHANNEL_MAX_DEPTH);
	CHECK(channel >= 0);
	attack_thread(receive_all_and_exit, (void *)(intptr_t)size);
	CHECK(!attack_sleepers(size, send_once, NTSYNC_IOC_CHANNEL_SEND_PI));
	while (!atomic_load(&dispatched))
		sleep_ms(1);
	return 0;
}

const struct attack exiting_receiver = { 0, 10000, prepare_requests, NULL };
