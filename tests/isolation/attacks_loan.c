// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks by loans: thousands of lenders to one task, that begin, end and exit; and one lender to
 * the first of a long chain.
 */
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

/* ---- a chain of loans and waits on addresses, whose first lender exits all the time ---- */

#define MOST_LINKS 1000

static atomic_int links[MOST_LINKS];
static uint32_t words[MOST_LINKS];

/* It has no priority of its own. */
static int lend_later(pid_t tid)
{
	struct ntsync_lend_args args = { .tid = tid, .flags = NTSYNC_LEND_LATER };

	return nt(dev, NTSYNC_IOC_LEND, &args);
}

/* Lends to the thread before it, or waits on a word of that thread. */
static void *be_a_link(void *arg)
{
	int number = (int)(intptr_t)arg;
	struct ntsync_addr_wait_args args = {
		.timeout = FOREVER,
		.addr = (uintptr_t)&words[number],
		.size = 4,
	};

	atomic_store(&links[number], gettid());
	while (number && !atomic_load(&links[number - 1]))
		sleep_ms(1);
	if (number % 2)
		args.owner = atomic_load(&links[number - 1]);
	else if (number && lend_later(atomic_load(&links[number - 1])))
		_exit(1);
	attack_announce_sleep();
	nt(dev, NTSYNC_IOC_ADDR_WAIT, &args);
	return NULL;
}

static int prepare_links(int size)
{
	dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	CHECK(dev >= 0);
	CHECK(size <= MOST_LINKS);
	CHECK(!attack_sleepers(size, be_a_link, NTSYNC_IOC_ADDR_WAIT));
	atomic_store(&borrower, atomic_load(&links[size - 1]));
	return 0;
}

static void *lend_and_exit(void *unused)
{
	if (attack_fifo(1) || lend())
		_exit(1);
	return unused;
}

/* Each loan raises the whole chain. Its end leaves most of that to the exit worker and a kworker. */
static void lend_to_the_chain(int size)
{
	(void)size;
	for (;;)
		pthread_join(attack_thread(lend_and_exit, NULL), NULL);
}

const struct attack chain_of_loans = { 1, MOST_LINKS, prepare_links, lend_to_the_chain };
