/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks for an order of the steps of a round that explains what was seen (linearizability). Often
 * there are several, and they lead to different states: two threads that fell asleep in the same
 * round may be queued either way. So all states that are possible are kept, until a later round tells.
 */
#ifndef TESTS_NT_RANDOM_ORDERS_H
#define TESTS_NT_RANDOM_ORDERS_H

#include "reference.h"

/* More than that many states are possible: the test can't go on. */
#define MAX_STATES	2048

/**
 * struct seen_handle - what the queries say about a handle value
 * @open: it is a handle.
 * @type: of its object.
 * @handles: how many handles the object has.
 * @id: the object's number.
 * @name: its name, or 0.
 * @value: its state, as a call that queries it returns it.
 */
struct seen_handle {
	bool open;
	enum ntsync_nt_type type;
	uint32_t handles;
	uint64_t id;
	unsigned int name;
	int64_t value;
};

/**
 * struct seen_thread - what was sent to a thread and is not taken yet
 * @pending: as the table says.
 * @apcs: the queue of APCs.
 */
struct seen_thread {
	struct ntsync_nt_pending pending;
	struct ntsync_nt_apc apcs[MAX_APCS];
};

/**
 * struct observation - all that can be queried when no thread is running
 * @handles: by handle value / 4.
 * @threads: the threads.
 * @objects: how many objects there are, by type.
 */
struct observation {
	struct seen_handle handles[NR_VALUES];
	struct seen_thread threads[NR_THREADS];
	uint32_t objects[NTSYNC_NT_TYPES];
};

/**
 * struct states - the states that are possible
 * @nr: how many.
 * @all: the states.
 * @spare: room for those after the next round.
 */
struct states {
	unsigned int nr;
	struct model *all;
	struct model *spare;
};

/**
 * struct attempt - the order that came closest
 * @nr_steps: how many steps it has.
 * @steps: the threads whose steps they are.
 * @from: the state that it begins with.
 * @last: the state that it ends with.
 * @reason: why it is wrong.
 */
struct attempt {
	unsigned int nr_steps;
	unsigned int steps[64];
	struct model from;
	struct model last;
	char reason[160];
};

/*
 * Replaces the states before the round by those that are possible after it. False: there are none;
 * @closest says how far the search has come, and @states are those before the round.
 */
bool orders_explain(struct states *states, const struct round *r, const struct observation *seen,
		    struct attempt *closest);
void states_init(struct states *states);
void states_free(struct states *states);

#endif /* TESTS_NT_RANDOM_ORDERS_H */
