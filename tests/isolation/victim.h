/* SPDX-License-Identifier: GPL-2.0-only */
/* Victims: FIFO 80, with an instance of their own; each measures one call. */
#ifndef NTSYNC_TESTS_ISOLATION_VICTIM_H
#define NTSYNC_TESTS_ISOLATION_VICTIM_H

#include "attack.h"

/**
 * struct victim - what is measured
 * @what:  the call, for people
 * @prio:  its FIFO priority, 0 = a normal task
 * @setup: creates its objects and helpers, once
 * @call:  makes one call; nanoseconds
 * @calls: how many calls
 */
struct victim {
	const char *what;
	int prio;
	void (*setup)(void);
	uint64_t (*call)(void);
	int calls;
};

extern const struct victim boosts_an_owner;
extern const struct victim boosts_by_a_signal;
extern const struct victim sends_a_request;
extern const struct victim sets_an_event;
extern const struct victim loses_its_server;
extern const struct victim sleeps_with_a_notification;
extern const struct victim normal_waits;
extern const struct victim lends_and_unlends;
extern const struct victim loses_its_lender;
extern const struct victim wakes_an_address;
extern const struct victim names_an_owner;

/**
 * struct figures - of all calls, in nanoseconds
 * @most: 98 % took no longer
 */
struct figures {
	uint64_t median, most, max;
};

void victim_setup(const struct victim *victim, struct fixture *f);
/* Other tasks run between the calls. */
struct figures victim_measure(const struct victim *victim);

/*
 * The longest time within a second that a FIFO 98 task that never opened the device does not run.
 */
uint64_t longest_interruption(void);

#endif
