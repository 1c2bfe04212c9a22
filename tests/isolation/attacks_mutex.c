// SPDX-License-Identifier: GPL-2.0-only
/* Attacks by mutexes with many waiters, in long chains and in cycles. */
#include "attack.h"

/* As many objects as one wait can have. */
#define PER NTSYNC_MAX_WAIT_COUNT
#define MINE 32
#define NOBODYS 1000000

static int dev, nr_threads, *mutexes;
static atomic_int owning;

static int create_mutex(uint32_t owner)
{
	struct ntsync_mutex_args args = { .owner = owner, .count = !!owner };

	return nt(dev, NTSYNC_IOC_CREATE_MUTEX, &args);
}

static int wait_many(unsigned long request, const int *objects, int count, uint32_t owner,
		     uint64_t timeout)
{
	struct ntsync_wait_args args = ARGS(.objs = (uintptr_t)objects, .count = count,
					    .owner = owner, .timeout = timeout);

	return nt(dev, request, &args);
}

static int open_instance(void)
{
	dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	CHECK(dev >= 0);
	return 0;
}

/* Acquires the mutexes, and waits until all threads have theirs. */
static void own_mutexes(int number, int first, int count)
{
	wait_many(ALL, mutexes + first, count, 100 + number, 0);
	atomic_fetch_add(&owning, 1);
	while (atomic_load(&owning) < nr_threads)
		sleep_ms(20);
}

/* ---- mutexes that real-time tasks wait for, each: half of them owned by tasks that live ---- */

static void *wait_for_next(void *arg)
{
	int number = (intptr_t)arg, next = (number + 1) % nr_threads;

	own_mutexes(number, number * PER, MINE);
	attack_announce_sleep();
	wait_many(ANY, mutexes + next * PER, PER, 100 + number, FOREVER);
	return NULL;
}

static void *wait_as_fifo(void *arg)
{
	attack_fifo(1);
	return wait_for_next(arg);
}

static int prepare_contended(int size)
{
	CHECK(!open_instance());
	nr_threads = size;
	mutexes = calloc(size * PER, sizeof(*mutexes));
	for (int i = 0; i < size * PER; i++) {
		mutexes[i] = create_mutex(i % PER < MINE ? 0 : NOBODYS + i);
		CHECK(mutexes[i] >= 0);
	}
	return attack_sleepers(size, wait_as_fifo, ANY);
}

/* 300 times 63: 18,900. */
const struct attack contended_mutexes = { 1, 300, prepare_contended, NULL };

/* ---- a ring: each waits for any of the mutexes of the next ---- */

static void *run_ring_link(void *arg)
{
	int number = (intptr_t)arg, next = (number + 1) % nr_threads;

	own_mutexes(number, number * PER, PER - 1);
	attack_announce_sleep();
	wait_many(ANY, mutexes + next * PER, PER - 1, 100 + number, FOREVER);
	return NULL;
}

static void *wait_for_first(void *unused)
{
	attack_fifo(1);
	attack_announce_sleep();
	wait_many(ANY, mutexes, 1, 99, FOREVER);
	return unused;
}

static int prepare_ring(int size)
{
	CHECK(!open_instance());
	nr_threads = size;
	mutexes = calloc(size * PER, sizeof(*mutexes));
	for (int i = 0; i < size * PER; i++) {
		mutexes[i] = create_mutex(0);
		CHECK(mutexes[i] >= 0);
	}
	CHECK(!attack_sleepers(size, run_ring_link, ANY));
	return attack_sleepers(1, wait_for_first, ANY);
}

const struct attack ring = { 1, 300, prepare_ring, NULL };

/* ---- a chain, whose end is boosted and unboosted all the time ---- */

static void *run_chain_link(void *arg)
{
	int number = (intptr_t)arg;

	own_mutexes(number, number, 1);
	attack_announce_sleep();
	/* The last link waits for an event instead of a mutex. */
	wait_many(ANY, mutexes + number + 1, 1, 100 + number, FOREVER);
	return NULL;
}

static int prepare_chain(int size)
{
	struct ntsync_event_args never = { .manual = 0 };

	CHECK(!open_instance());
	nr_threads = size;
	mutexes = calloc(size + 1, sizeof(*mutexes));
	for (int i = 0; i < size; i++) {
		mutexes[i] = create_mutex(0);
		CHECK(mutexes[i] >= 0);
	}
	mutexes[size] = nt(dev, NTSYNC_IOC_CREATE_EVENT, &never);
	CHECK(mutexes[size] >= 0);
	return attack_sleepers(size, run_chain_link, ANY);
}

static void pull_chain(int size)
{
	(void)size;
	attack_fifo(1);
	for (;;)
		wait_many(ANY, mutexes, 1, 99, monotonic_ns() + 50000);
}

const struct attack long_chain = { 1, 300, prepare_chain, pull_chain };

/* ---- many instances, each with a wait for all of its mutexes, which others lock and leave ---- */

/* With one owner id nobody is boosted, and every thread acquires them again and again. */
#define ALL_OF_THEM 1

static struct instance {
	int dev, objects[PER + 1];
} *instances;

static void *wait_for_all(void *arg)
{
	struct instance *in = &instances[(intptr_t)arg];
	struct ntsync_wait_args args = ARGS(.objs = (uintptr_t)in->objects, .count = PER,
					    .owner = ALL_OF_THEM, .timeout = FOREVER);

	attack_fifo(1);
	attack_announce_sleep();
	nt(in->dev, ALL, &args);
	return NULL;
}

static void *acquire_all_again(void *arg)
{
	struct instance *in = arg;

	for (;;) {
		struct ntsync_wait_args args = ARGS(.objs = (uintptr_t)in->objects,
						    .count = PER - 1, .owner = ALL_OF_THEM);

		nt(in->dev, ALL, &args);
	}
	return NULL;
}

static int fill_instance(struct instance *in)
{
	struct ntsync_event_args never = { .manual = 0 };

	CHECK(!open_instance());
	in->dev = dev;
	for (int i = 0; i < PER - 1; i++) {
		in->objects[i] = create_mutex(0);
		CHECK(in->objects[i] >= 0);
	}
	in->objects[PER - 1] = nt(dev, NTSYNC_IOC_CREATE_EVENT, &never);
	return 0;
}

static int prepare_wait_alls(int size)
{
	instances = calloc(size, sizeof(*instances));
	for (int i = 0; i < size; i++)
		CHECK(!fill_instance(&instances[i]));
	return attack_sleepers(size, wait_for_all, ALL);
}

static void acquire_everywhere(int size)
{
	for (int i = 0; i < 2 * size; i++)
		attack_thread(acquire_all_again, &instances[i % size]);
}

const struct attack wait_alls = { 1, 100, prepare_wait_alls, acquire_everywhere };
