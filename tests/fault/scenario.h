/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an operation under test works on, and a check that all of it is unchanged: the objects as
 * fdinfo shows them, descriptors, the arbiter's records, and all that a boost may have changed in
 * the tasks.
 */
#ifndef NTSYNC_TESTS_FAULT_SCENARIO_H
#define NTSYNC_TESTS_FAULT_SCENARIO_H

#include "../pi/task.h"

#define SELF 77u	/* the test's owner id */
#define HOLDER 500u	/* of the first holder; others count up */
#define MAX_HOLDERS 3
#define MAX_OBJS (NTSYNC_MAX_WAIT_COUNT + 1)
#define INFO_SIZE 512

struct op;

/* A normal task that owns mutexes and sleeps in a wait for another object. */
struct holder {
	pthread_t thread;
	atomic_int tid;
	atomic_bool out;
	uint32_t owner;
	int dev;
	const int *mutexes;
	unsigned int nr;
	int next;
	int ret;
	struct task_state before;
};

/**
 * struct scenario - what the test of one operation works on
 * @objs:   the objects of the wait, and then all others
 * @info:   their fdinfo files
 * @gate:   an event that is never set
 * @made:   the descriptor that the operation has returned
 * @waiter: a thread that sleeps, if the operation needs one
 * @arg:    the argument after the call
 * @sent:   the argument before the call
 * @sleep_ms: how long it sleeps
 */
struct scenario {
	const struct op *op;
	struct fixture *f;
	int objs[MAX_OBJS];
	int info[MAX_OBJS];
	char before[MAX_OBJS][INFO_SIZE];
	unsigned int nr_objs;
	int gate;
	int made;
	struct waiter *waiter;
	struct holder holders[MAX_HOLDERS];
	unsigned int nr_holders;
	_Alignas(8) char arg[64], sent[64];
	uint64_t deadline;
	unsigned int sleep_ms;
	int free_fd;
	char *records;
	struct task_state self;
};

/* Adds an object whose state is checked after each attempt. */
int add_object(struct scenario *s, int obj);

/* Acquires @nr mutexes and then sleeps in a wait for @next. */
void add_holder(struct scenario *s, const int *mutexes, unsigned int nr, int next);
void end_holders(struct scenario *s);

/* Ends the holders and closes the objects. */
void close_objects(struct scenario *s);

/* Starts a waiter for the first object. */
void wait_for_first(struct scenario *s, int policy, int prio);

/* FIFO, or a normal task again if @prio is 0. */
void set_fifo(int prio);

/* The record of an exited task stays until the arbiter scans for such. */
void await_no_records(void);

/*
 * Saves all state, and checks that it is unchanged. A caller that replaces an object saves again.
 */
void save_state(struct scenario *s);
void assert_state_unchanged(struct scenario *s);

/* ---- calls, for an operation's run() ---- */

/* An ioctl with a copy of @arg. */
int call(struct scenario *s, int fd, unsigned long request, const void *arg, size_t size);
/* The same on the first object, with one word. */
int call_word(struct scenario *s, unsigned long request, uint32_t word);
int call_pair(struct scenario *s, int fd, unsigned long request, uint32_t first, uint32_t second);
/* For a call that has returned @fd. */
int store_fd(struct scenario *s, int fd);

/* The @i-th word of the argument after the call. */
uint32_t read_result(const struct scenario *s, unsigned int i);

/* ---- setups that several types have ---- */

/* A mutex owned by a normal task, which is boosted by a real-time waiter. */
void setup_inherited(struct scenario *s);
/* A mutex that SELF has abandoned. */
void setup_abandoned(struct scenario *s);

#endif
