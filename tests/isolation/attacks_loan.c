// SPDX-License-Identifier: GPL-2.0-only
/* Attacks by loans: thousands of lenders to one task, that begin, end and exit. */
#include "attack.h"

static int dev, event;
static atomic_int borrower;

static int lend(void)
{
	struct ntsync_lend_args args = { .tid = atomic_load(&borrower) };

	return nt(dev, NTSYNC_IOC_LEND, &args);
}

static void *be_lent_to(void *unused)
{
	atomic_store(&borrower, gettid());
	for (;;)
		pause();
	return unused;
}

/* Exits when the event is set. */
static void *lend_and_sleep(void *number)
{
	struct ntsync_wait_args args = ARGS(FDS(event), .owner = 1 + (intptr_t)number,
					    .timeout = FOREVER);

	if (attack_fifo(1) || lend())
		_exit(1);
	attack_announce_sleep();
	nt(dev, ANY, &args);
	return NULL;
}

static int prepare_loans(int size)
{
	struct ntsync_event_args args = { .manual = 1 };

	dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	CHECK(dev >= 0);
	event = nt(dev, NTSYNC_IOC_CREATE_EVENT, &args);
	CHECK(event >= 0);
	attack_thread(be_lent_to, NULL);
	while (!atomic_load(&borrower))
		sleep_ms(1);
	return attack_sleepers(size, lend_and_sleep, ANY);
}

static void lend_all_the_time(int size)
{
	(void)size;
	attack_fifo(1);
	for (int i = 1;; i++) {
		lend();
		nt(dev, NTSYNC_IOC_UNLEND, NULL);
		if (i % 20 == 0)
			usleep(100);
	}
}

const struct attack many_loans = { 1, 4000, prepare_loans, lend_all_the_time };

static void end_all(int size)
{
	uint32_t prev;

	(void)size;
	attack_await_strike();
	nt(event, NTSYNC_IOC_EVENT_SET, &prev);
}

const struct attack exiting_lenders = { 1, 4000, prepare_loans, end_all };
