/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the randomised test knows. Between two steps nothing moves: every task is idle or asleep
 * in a call, so who holds, serves and waits for what is known, and with it every priority, as
 * the least solution of
 *
 *	eff(t) = max(base(t), inherited(t))
 *	inherited(t) = the best of
 *		eff(w) for all w that wait for a mutex of t
 *		level(r) for the requests r that t works on: the newest set that has any, in
 *			every channel in which it is not parked
 *		level(r) for the pending requests r of others, in the same channels
 *	level(r) = max(what was asked for, inherited(its sender))
 *
 * Nobody waits for himself, not over any number of others: who would is not let (docs/pi.md
 * says what cycles do).
 */
#ifndef NTSYNC_TESTS_PI_MODEL_H
#define NTSYNC_TESTS_PI_MODEL_H

#include "channel.h"

#define TASKS 7
#define MUTEXES 4
#define CHANNELS 2

/* A place in a set of objects behind the mutexes. */
#define EVENT MUTEXES
#define NOBODY (-1)

enum doing { IDLE, WAITS, SENDS, PARKED };

/**
 * struct request - what a task that SENDS has sent
 * @intent: what was asked for
 * @arrival: number of the send
 * @server: who has it, NOBODY: it is pending
 * @set: which of the server's sets it belongs to
 */
struct request {
	int intent;
	unsigned int arrival;
	int server;
	unsigned int set;
};

/**
 * struct prios - a solution
 * @eff: of each task
 * @inherited: likewise, without its own
 */
struct prios {
	int eff[TASKS], inherited[TASKS];
};

/**
 * struct model - what the test knows
 * @boosts: how many times a task was found boosted: without, nothing was tested
 * @wants: the objects that a task WAITS for, as bits
 * @all:   it waits for all of them
 * @at: the channel of a task that SENDS or is PARKED
 * @request: of a task that SENDS
 * @serves: it has received from that channel
 * @set: number of its newest set there
 * @holder, @depth: per mutex
 */
struct model {
	struct fixture *f;
	uint64_t random;
	unsigned int step, boosts, sends;
	struct actor *task[TASKS];
	enum doing doing[TASKS];
	unsigned int wants[TASKS];
	bool all[TASKS];
	int at[TASKS];
	struct request request[TASKS];
	bool serves[TASKS][CHANNELS];
	unsigned int set[TASKS][CHANNELS];
	int mutex[MUTEXES], holder[MUTEXES];
	uint32_t depth[MUTEXES];
	int channel[CHANNELS];
	int event;
};

int model_base(const struct model *m, int task);
void model_solve(const struct model *m, struct prios *p);
int model_level(const struct model *m, const struct prios *p, int sender);

bool model_waits_for(const struct model *m, int task, int mutex);
/* Is it in the queue of that channel? */
bool model_pending(const struct model *m, int task, int channel);
/* The sender whose request is next there, or NOBODY. */
int model_next_request(const struct model *m, const struct prios *p, int channel);

/* Whom a wait for these mutexes, or a request there, would make it wait for: as bits. */
unsigned int model_holders(const struct model *m, int task, unsigned int wants);
unsigned int model_servers(const struct model *m, int task, int channel);
/* Does one of those wait for @task, directly or not? */
bool model_is_cycle(const struct model *m, int task, unsigned int others);

/* The mutexes' holders, as the driver tells. */
void model_read_holders(struct model *m);
/* Compares all with the driver. */
void model_compare(struct model *m);

#endif
