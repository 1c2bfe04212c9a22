// SPDX-License-Identifier: GPL-2.0-only
/*
 * Set, reset and pulse release exactly the right waiters, thousands of times.
 *
 * The waiters count each release, and go straight back into the queue. When all of them are queued
 * again, as the event's fdinfo says, the sum is known exactly: one missing is a lost wake-up (the
 * run then hangs, and fails), one too many is a waiter that was released twice, or that was queued
 * late and released all the same. Meanwhile other threads wait with deadlines of microseconds in
 * the queue that is not counted, and poll whether a pulsed event ever shows as signaled.
 */
#include "stress.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "libntsync.h"

/* More than one batch of wake-ups. */
#define WAITERS 40
/* How many of them wait for all, in the phase with both kinds of waits. */
#define ALL_WAITERS 4
#define OWNER 1

/* The objects of the waits, and the call. */
struct target {
	const char *name;
	int event;
	bool all;
	bool manual;
	/* Ends the waits: an alert. */
	int quit;
	/* Always signaled: the other object of a wait for all. */
	int spare;
	/* Never signaled: the object that the waits in vain lack. */
	int missing;
	atomic_ullong released;
	atomic_uint errors;
	atomic_uint seen_signaled;
	atomic_bool stop;
};

static struct stress stress;
static int dev;

static int wait_for_target(struct target *t, uint64_t deadline, int other, bool all)
{
	const int objs[] = { t->event, other };
	struct ntsync_wait_opts opts = { .owner = OWNER, .deadline = deadline, .alert = t->quit };
	uint32_t index = ~0u;
	int ret = all ? ntsync_wait_all(dev, objs, 2, &opts, &index) :
			ntsync_wait_any(dev, objs, 1, &opts, &index);

	if (ret)
		return ret;
	/* The alert's index is the number of objects. */
	return index == (all ? 2 : 1);
}

static void *wait_again_and_again(void *arg)
{
	struct target *t = arg;
	int ret;

	while ((ret = wait_for_target(t, NTSYNC_WAIT_FOREVER, t->spare, t->all)) == 0)
		atomic_fetch_add(&t->released, 1);
	if (ret < 0)
		atomic_fetch_add(&t->errors, 1);
	return NULL;
}

/* Enters and leaves the other queue, and never gets the object. */
static void *wait_in_vain(void *arg)
{
	struct target *t = arg;
	uint64_t random = stress.seed ^ 0x5555;

	while (!atomic_load(&t->stop)) {
		uint64_t deadline = stress_now() + stress_below(&random, 100000);
		int ret = t->all ? -ETIMEDOUT : wait_for_target(t, deadline, t->missing, true);

		if (ret != -ETIMEDOUT && ret != 1)
			atomic_fetch_add(&t->errors, 1);
		stress_sleep(20 * NS_PER_US);
	}
	return NULL;
}

/* A pulse is only for queued waiters: a poll must never succeed. */
static void *try_again_and_again(void *arg)
{
	struct target *t = arg;

	while (!atomic_load(&t->stop)) {
		const struct ntsync_wait_opts once = { .owner = OWNER };
		uint32_t index, signaled = 0;

		if (ntsync_wait_any(dev, &t->event, 1, &once, &index) != -ETIMEDOUT)
			atomic_fetch_add(&t->seen_signaled, 1);
		ntsync_event_read(t->event, NULL, &signaled);
		if (signaled)
			atomic_fetch_add(&t->seen_signaled, 1);
		stress_sleep(20 * NS_PER_US);
	}
	return NULL;
}

/* -1 where the driver doesn't tell. */
static int count_queued(const struct target *t)
{
	return stress_fdinfo(t->event, t->all ? "ntsync-waiters-all" : "ntsync-waiters-any");
}

static void wait_until_all_are_queued(const struct target *t)
{
	while (count_queued(t) != WAITERS)
		stress_sleep(100 * NS_PER_US);
}

/* One round; returns the number of releases that it must have caused. */
static unsigned int pulse_manual(struct target *t)
{
	uint32_t prev = 1;

	if (ntsync_event_pulse(t->event, &prev) || prev)
		atomic_fetch_add(&t->errors, 1);
	return WAITERS;
}

/* Each set releases one waiter, perhaps one for the second time. */
static unsigned int set_auto(struct target *t)
{
	for (unsigned int i = 0; i < WAITERS; i++) {
		uint32_t prev = 1;

		if (ntsync_event_set(t->event, &prev) || prev)
			atomic_fetch_add(&t->errors, 1);
	}
	return WAITERS;
}

static unsigned int pulse_auto(struct target *t)
{
	uint32_t prev = 1;

	if (ntsync_event_pulse(t->event, &prev) || prev)
		atomic_fetch_add(&t->errors, 1);
	return 1;
}

typedef unsigned int (*round_fn)(struct target *t);

/* In set_auto() WAITERS releases may be in progress while some threads wait a second time. */
static bool run_rounds(struct target *t, round_fn round, uint64_t until)
{
	unsigned long long expected = 0, rounds = 0;

	/* At least once, however slow the machine is. */
	do {
		wait_until_all_are_queued(t);
		if (atomic_load(&t->released) != expected)
			break;
		expected += round(t);
		rounds++;
	} while (stress_now() < until);
	wait_until_all_are_queued(t);
	printf("# %s: %llu rounds, %llu released, %llu expected\n", t->name, rounds,
	       (unsigned long long)atomic_load(&t->released), expected);
	return atomic_load(&t->released) == expected;
}

static void make_target(struct target *t)
{
	t->event = ntsync_event_create(dev, t->manual, false);
	t->quit = ntsync_event_create(dev, true, false);
	t->spare = ntsync_event_create(dev, true, true);
	t->missing = ntsync_sem_create(dev, 0, 1);
	if (t->event < 0 || t->quit < 0 || t->spare < 0 || t->missing < 0)
		exit(stress_bail_out("create", -EMFILE));
}

static void close_target(struct target *t)
{
	close(t->event);
	close(t->quit);
	close(t->spare);
	close(t->missing);
}

/* The time starts when all waiters are queued. */
static void run_phase(const char *name, bool manual, bool all, round_fn round, uint64_t duration)
{
	struct target t = { .name = name, .manual = manual, .all = all };
	pthread_t waiters[WAITERS], vain, tries;
	char text[128];
	bool ok;

	make_target(&t);
	for (int i = 0; i < WAITERS; i++)
		pthread_create(&waiters[i], NULL, wait_again_and_again, &t);
	pthread_create(&vain, NULL, wait_in_vain, &t);
	pthread_create(&tries, NULL, try_again_and_again, &t);
	wait_until_all_are_queued(&t);
	ok = run_rounds(&t, round, stress_now() + duration);
	atomic_store(&t.stop, true);
	ntsync_event_set(t.quit, NULL);
	for (int i = 0; i < WAITERS; i++)
		pthread_join(waiters[i], NULL);
	pthread_join(vain, NULL);
	pthread_join(tries, NULL);
	close_target(&t);
	snprintf(text, sizeof(text), "%s: each releases exactly whom it should", name);
	stress_check(&stress, ok && !t.errors, text);
	snprintf(text, sizeof(text), "%s: never signaled for one who comes by", name);
	stress_check(&stress, !t.seen_signaled, text);
}

/*
 * Set, while others reset: every queued waiter is released, however late it runs and however early
 * the reset comes. A waiter that comes back in between may find the event still set, which is
 * right. So the rounds alternate between two events, and wait on each once.
 */
struct turn {
	int events[2];
	bool all;
	int spare;
	atomic_uint rounds;
	atomic_uint errors;
	atomic_uint arrived;
	atomic_bool stop;
};

static struct turn turn;
static pthread_barrier_t barrier;

static void *take_turns(void *arg)
{
	bool all = *(bool *)arg;

	for (;;) {
		int objs[2] = { turn.events[turn.rounds % 2], turn.spare };
		struct ntsync_wait_opts opts = { .owner = OWNER, .deadline = NTSYNC_WAIT_FOREVER };
		uint32_t index;
		int ret;

		ret = all ? ntsync_wait_all(dev, objs, 2, &opts, &index) :
			    ntsync_wait_any(dev, objs, 1, &opts, &index);
		if (ret)
			atomic_fetch_add(&turn.errors, 1);
		atomic_fetch_add(&turn.arrived, 1);
		/* All have been released; the main thread then names the next round. */
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		if (turn.rounds == ~0u)
			return NULL;
	}
}

/* A waiter that takes longer has been lost. */
#define PASSED_OVER (60 * NS_PER_SEC)

static void *reset_again_and_again(void *arg)
{
	(void)arg;
	while (!atomic_load(&turn.stop)) {
		if (ntsync_event_reset(turn.events[0], NULL) ||
		    ntsync_event_reset(turn.events[1], NULL))
			atomic_fetch_add(&turn.errors, 1);
		sched_yield();
	}
	return NULL;
}

/* All of them were queued before the set, so all must return. */
static void wait_until_all_have_come(unsigned int expected)
{
	uint64_t late = stress_now() + PASSED_OVER;

	while (atomic_load(&turn.arrived) != expected) {
		stress_sleep(100 * NS_PER_US);
		if (stress_now() < late)
			continue;
		printf("# %u of %u have come\n", atomic_load(&turn.arrived), expected);
		atomic_fetch_add(&turn.errors, 1);
		/* Releases the other threads, so that the run ends. */
		atomic_store(&turn.stop, true);
		ntsync_event_set(turn.events[turn.rounds % 2], NULL);
	}
}

static void set_and_reset(unsigned int any, unsigned int all)
{
	struct target t = { .event = turn.events[turn.rounds % 2] };
	uint32_t prev = 1;

	while (count_queued(&t) != (int)any)
		stress_sleep(100 * NS_PER_US);
	t.all = true;
	while (count_queued(&t) != (int)all)
		stress_sleep(100 * NS_PER_US);
	if (ntsync_event_set(t.event, &prev) || prev)
		atomic_fetch_add(&turn.errors, 1);
	if (ntsync_event_reset(t.event, NULL))
		atomic_fetch_add(&turn.errors, 1);
}

static void set_and_reset_phase(uint64_t duration)
{
	static bool all[] = { false, true };
	uint64_t until = stress_now() + duration;
	pthread_t waiters[WAITERS], resetter;
	unsigned int rounds = 0;

	turn.events[0] = ntsync_event_create(dev, true, false);
	turn.events[1] = ntsync_event_create(dev, true, false);
	turn.spare = ntsync_event_create(dev, true, true);
	pthread_barrier_init(&barrier, NULL, WAITERS + 1);
	for (int i = 0; i < WAITERS; i++)
		pthread_create(&waiters[i], NULL, take_turns, &all[i < ALL_WAITERS]);
	pthread_create(&resetter, NULL, reset_again_and_again, NULL);
	while (turn.rounds != ~0u) {
		set_and_reset(WAITERS - ALL_WAITERS, ALL_WAITERS);
		wait_until_all_have_come(++rounds * WAITERS);
		pthread_barrier_wait(&barrier);
		turn.rounds = stress_now() < until && !turn.errors ? turn.rounds + 1 : ~0u;
		pthread_barrier_wait(&barrier);
	}
	atomic_store(&turn.stop, true);
	pthread_join(resetter, NULL);
	for (int i = 0; i < WAITERS; i++)
		pthread_join(waiters[i], NULL);
	pthread_barrier_destroy(&barrier);
	close(turn.events[0]);
	close(turn.events[1]);
	close(turn.spare);
	printf("# set and reset: %u rounds\n", rounds);
	stress_check(&stress, rounds && !turn.errors && turn.arrived == rounds * WAITERS,
		     "set and reset: everybody who was queued is released");
}

static bool driver_tells_waiters(void)
{
	struct target t = { .event = ntsync_event_create(dev, false, false) };
	bool tells = count_queued(&t) == 0;

	close(t.event);
	return tells;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool manual, all;
		round_fn round;
	} phases[] = {
		{ "pulse of a manual event, any-waits", true, false, pulse_manual },
		{ "pulse of a manual event, all-waits", true, true, pulse_manual },
		{ "set of an auto event, any-waits", false, false, set_auto },
		{ "set of an auto event, all-waits", false, true, set_auto },
		{ "pulse of an auto event, any-waits", false, false, pulse_auto },
		{ "pulse of an auto event, all-waits", false, true, pulse_auto },
	};
	uint64_t share;

	stress_init(&stress, argc, argv);
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	if (!driver_tells_waiters())
		return stress_skip("the driver doesn't tell how many wait");
	share = stress.seconds * NS_PER_SEC / (ARRAY_SIZE(phases) + 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(phases); i++)
		run_phase(phases[i].name, phases[i].manual, phases[i].all, phases[i].round, share);
	set_and_reset_phase(share);
	return stress_end(&stress);
}
