/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the randomised test knows about its tasks. Between two steps every task is idle or asleep in
 * a call, so it is known which task holds, serves and waits for what. The priorities are the least
 * solution of
 *
 *	eff(t) = max(normal prio(t), inherited(t))
 *	inherited(t) = the maximum of
 *		eff(w) for all w that wait for a mutex of t
 *		prio(r) for the requests r that t works on: the newest set that has any, in
 *			every channel in which t is not parked
 *		prio(r) for the pending requests r of other tasks, in the same channels
 *		eff(l) for all l with a loan to t
 *		eff(w) for all other w that sleep on a word whose owner is t, and have named one
 *	prio(r) = max(what was asked for, inherited(its sender))
 *
 * The steps make no cycles of waits: no task waits for itself, directly or through others (docs/pi.md
 * says what cycles do). Loans make cycles, as a lender is not blocked by its loan.
 */
#ifndef NTSYNC_TESTS_PI_MODEL_H
#define NTSYNC_TESTS_PI_MODEL_H

#include "addr.h"
#include "channel.h"
#include "lend.h"

#define TASKS 7
#define MUTEXES 4
#define CHANNELS 2
#define WORDS 2

/* In a set of objects, the bit behind those of the mutexes. */
#define EVENT MUTEXES
#define NOBODY (-1)

enum doing { IDLE, WAITS, SENDS, PARKED, SLEEPS };

/**
 * struct request - what a task that SENDS has sent
 * @intent: what was asked for
 * @arrival: number of the send
 * @server: the task that has received it, NOBODY: it is pending
 * @set: number of the server's set that it belongs to
 */
struct request {
	int intent;
	unsigned int arrival;
	int server;
	unsigned int set;
};

/**
 * struct sleep - of a task that SLEEPS on a word
 * @names: it has named an owner
 * @takes_over: it becomes the owner when it is woken
 * @arrival: number of the sleep
 */
struct sleep {
	bool names, takes_over;
	unsigned int arrival;
};

/**
 * struct prios - the priorities of all tasks
 * @eff: what the task runs with
 * @inherited: what it inherits, 0 = nothing
 */
struct prios {
	int eff[TASKS], inherited[TASKS];
};

/**
 * struct model - the state of all tasks and objects
 * @boosts, @lends, @sleeps: how many times a task was found boosted, and how many loans and sleeps
 *	on words there were; the test checks that there were enough
 * @wants: the objects that a task WAITS for, as bits
 * @all:   it waits for all of them
 * @at: the channel of a task that SENDS or is PARKED, the word of one that SLEEPS
 * @request: of a task that SENDS
 * @sleep: of a task that SLEEPS
 * @serves: the task has received from that channel
 * @set: number of its newest set there
 * @holder, @depth: of each mutex
 * @borrower: the borrower of a task's loan, or NOBODY
 * @owner: of each word, or NOBODY
 */
struct model {
	struct fixture *f;
	uint64_t random;
	unsigned int step, boosts, sends, lends, sleeps;
	struct actor *task[TASKS];
	enum doing doing[TASKS];
	unsigned int wants[TASKS];
	bool all[TASKS];
	int at[TASKS];
	struct request request[TASKS];
	struct sleep sleep[TASKS];
	bool serves[TASKS][CHANNELS];
	unsigned int set[TASKS][CHANNELS];
	int mutex[MUTEXES], holder[MUTEXES];
	uint32_t depth[MUTEXES];
	int borrower[TASKS];
	int owner[WORDS];
	int channel[CHANNELS];
	int event;
};

int model_normal_prio(const struct model *m, int task);
void model_solve(const struct model *m, struct prios *p);
int model_request_prio(const struct model *m, const struct prios *p, int sender);

bool model_waits_for(const struct model *m, int task, int mutex);
/* Is the task's request in the queue of that channel? */
bool model_pending(const struct model *m, int task, int channel);
/* The sender whose request would be received next, or NOBODY. */
int model_next_request(const struct model *m, const struct prios *p, int channel);

bool model_sleeps_on(const struct model *m, int task, int word);
/* The sleeper that would be woken next, or NOBODY. */
int model_next_sleeper(const struct model *m, const struct prios *p, int word);
/* Would one of the sleepers there wait for itself, if @owner were the owner of the word? */
bool model_owner_makes_cycle(const struct model *m, int task, int word, int owner);

/*
 * The tasks that @task would wait for, as bits: in a wait for these mutexes, with a request there.
 */
unsigned int model_holders(const struct model *m, int task, unsigned int wants);
unsigned int model_servers(const struct model *m, int task, int channel);
/* Does one of those wait for @task, directly or not? */
bool model_is_cycle(const struct model *m, int task, unsigned int others);

/* Reads the mutexes' holders from the driver. */
void model_read_holders(struct model *m);
/* Compares every task with what the kernel says. */
void model_compare(struct model *m);

#endif
