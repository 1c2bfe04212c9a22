/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an operation under test works on, and whether all of it is as it was: the
 * objects, by what fdinfo says, descriptors, the arbiter's records, and all that a boost
 * may have changed in the tasks.
 */
#ifndef NTSYNC_TESTS_FAULT_STAGE_H
#define NTSYNC_TESTS_FAULT_STAGE_H

#include "../pi/task.h"

#define SELF 77u	/* our owner id */
#define HOLDER 500u	/* of the first holder; the next ones count up */
#define MAX_HOLDERS 3
#define MAX_OBJS (NTSYNC_MAX_WAIT_COUNT + 1)
#define INFO_SIZE 512

struct op;

/* A normal task that owns mutexes and sleeps in a wait for something else. */
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
 * struct stage - what the test of one operation works on
 * @objs:   what it waits for, and after that whatever else there is
 * @info:   their fdinfo files
 * @gate:   an event that nobody sets
 * @made:   the fd that the operation has returned
 * @waiter: somebody who sleeps, if the operation is about that
 * @arg:    what the call was given
 * @sent:   what that was before it
 * @sleep_ms: how long it sleeps
 */
struct stage {
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

/* An object that everything has to be right with after each attempt. */
int watch(struct stage *s, int obj);

/* Takes @nr mutexes and then sleeps in a wait for @next. */
void add_holder(struct stage *s, const int *mutexes, unsigned int nr, int next);
void end_holders(struct stage *s);

/* The holders, and the objects. */
void clear_away(struct stage *s);

/* Somebody who waits for the first object. */
void wait_for_first(struct stage *s, int policy, int prio);

/* FIFO, or a normal task again if @prio is 0. */
void go_fifo(int prio);

/* A record of a task that has died stays until the arbiter looks for such. */
void await_no_records(void);

/*
 * What is to be as it was, and whether it is. Whoever puts something else into the place
 * of what was there looks again.
 */
void look_at_all(struct stage *s);
void assert_as_it_was(struct stage *s);

/* ---- calls, for an operation's run() ---- */

/* An ioctl that gets a copy of @arg. */
int call(struct stage *s, int fd, unsigned long request, const void *arg, size_t size);
/* Of the first object, with one number. */
int call_word(struct stage *s, unsigned long request, uint32_t word);
int call_pair(struct stage *s, int fd, unsigned long request, uint32_t first, uint32_t second);
/* A call that has returned @fd. */
int make(struct stage *s, int fd);

/* The @i-th number of what the call has made of its argument. */
uint32_t answer(const struct stage *s, unsigned int i);

/* ---- setups that several types have ---- */

/* A mutex, owned by a normal task, wanted by a real-time one, from which it inherits. */
void setup_inherited(struct stage *s);
/* A mutex that SELF had. */
void setup_abandoned(struct stage *s);

#endif
