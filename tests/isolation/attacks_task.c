// SPDX-License-Identifier: GPL-2.0-only
/* Attacks by the number of threads, and by boosts of events. */
#include "attack.h"

#include <signal.h>

static int dev, event, *events;

static void ignore_signal(int sig)
{
	(void)sig;
}

static int open_instance(void)
{
	dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	CHECK(dev >= 0);
	return 0;
}

static int create_event(void)
{
	struct ntsync_event_args args = { .manual = 0 };

	return nt(dev, NTSYNC_IOC_CREATE_EVENT, &args);
}

static int wait_for(int object, uint32_t owner, uint64_t timeout)
{
	struct ntsync_wait_args args = ARGS(FDS(object), .owner = owner, .timeout = timeout);

	return nt(dev, ANY, &args);
}

static int signal_prio_1(int object)
{
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = 1 };

	return nt(object, NTSYNC_IOC_EVENT_SET_PI, &args);
}

/* ---- none ---- */

static void *sleep_in_call(void *unused)
{
	attack_fifo(1);
	for (;;)
		pause();
	return unused;
}

static pthread_t napper;

static int prepare_bystander(int size)
{
	(void)size;
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = ignore_signal }, NULL);
	napper = attack_thread(sleep_in_call, NULL);
	return 0;
}

static void run_bystander(int size)
{
	(void)size;
	for (;;) {
		usleep(500);
		pthread_kill(napper, SIGUSR1);
	}
}

const struct attack bystander = { 1, 1, prepare_bystander, run_bystander };

/* ---- threads that sleep ---- */

static void *sleep_for_ever(void *number)
{
	attack_announce_sleep();
	wait_for(event, 1 + (intptr_t)number, FOREVER);
	return NULL;
}

static int prepare_sleepers(int size)
{
	CHECK(!open_instance());
	event = create_event();
	CHECK(event >= 0);
	return attack_sleepers(size, sleep_for_ever, ANY);
}

const struct attack sleepers = { 0, 11849, prepare_sleepers, NULL };
const struct attack sleeping_crowd = { 0, 4500, prepare_sleepers, NULL };

/* ---- boosts of events ---- */

static atomic_int boosted;

static void *keep_boost(void *number)
{
	attack_announce_sleep();
	wait_for(events[(intptr_t)number], 1 + (intptr_t)number, FOREVER);
	atomic_fetch_add(&boosted, 1);
	for (;;)
		pause();
	return NULL;
}

static int prepare_boosts(int size)
{
	CHECK(!open_instance());
	events = calloc(size, sizeof(*events));
	for (int i = 0; i < size; i++) {
		events[i] = create_event();
		CHECK(events[i] >= 0);
	}
	CHECK(!attack_sleepers(size, keep_boost, ANY));
	for (int i = 0; i < size; i++)
		CHECK(!signal_prio_1(events[i]));
	while (atomic_load(&boosted) < size)
		sleep_ms(1);
	return 0;
}

const struct attack standing_boosts = { 1, 1000, prepare_boosts, NULL };

/* Closing the last descriptor of an instance ends all its boosts. */
static void close_all(int size)
{
	attack_await_strike();
	for (int i = 0; i < size; i++)
		close(events[i]);
	close(dev);
}

const struct attack closing_boosts = { 1, 4000, prepare_boosts, close_all };

/* ---- boosts of events that come and go all the time ---- */

static void *consume_signals(void *number)
{
	int mine = events[(intptr_t)number];

	for (;;)
		wait_for(mine, 1 + (intptr_t)number, FOREVER);
	return NULL;
}

static int prepare_storm(int size)
{
	CHECK(!open_instance());
	events = calloc(size, sizeof(*events));
	for (int i = 0; i < size; i++) {
		events[i] = create_event();
		CHECK(events[i] >= 0);
		attack_thread(consume_signals, (void *)(intptr_t)i);
	}
	return 0;
}

static void signal_all_the_time(int size)
{
	for (int i = 0;; i = (i + 1) % size)
		signal_prio_1(events[i]);
}

const struct attack signal_storm = { 1, 500, prepare_storm, signal_all_the_time };
