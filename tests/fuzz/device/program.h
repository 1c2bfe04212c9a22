/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program of the device fuzzer: calls for several threads, and its text form.
 *
 * The text has one call a line, in the order in which they begin:
 *
 *	t0 open -> f1
 *	t0 create_mutex f1 owner=1 count=1 -> f2
 *	t1 wait_any f1 f2 owner=2 timeout=+5000 alert=f3
 *
 * "t1" is the thread. "f2" is a place for a descriptor; each process has NR_SLOTS of them. The
 * first word after the call is the descriptor that it acts on, the second, if the call takes any,
 * the list of its objects. Arguments that are not named have their default. "fail=3" at the end
 * makes the third allocation or copy of the call fail, on kernels that can do that. What follows "#"
 * is a comment. "crowd=20" makes 20 more threads that make the same call at the same time. A line without a thread is a setting of the whole program (see struct program).
 */
#ifndef NTSYNC_FUZZ_PROGRAM_H
#define NTSYNC_FUZZ_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define NR_THREADS	8
#define NR_SLOTS	16
#define SLOT_NONE	NR_SLOTS	/* descriptor 0, which is "none" for most arguments */
#define SLOT_BAD	(NR_SLOTS + 1)	/* a descriptor that is not open */
#define MAX_CALLS	48
#define MAX_ARGS	10
#define MAX_LIST	70		/* more than the driver takes */

/* Threads 0 to 3 are of the first process, 4 and 5 of the second, 6 and 7 of another user's. */
#define THREAD_PROCESS(thread)	((thread) < 4 ? 0 : (thread) < 6 ? 1 : 2)
#define NR_PROCESSES	3

/* How the text of an argument is read. */
enum arg_kind {
	ARG_NUMBER,
	ARG_SLOT,	/* f3, none, bad */
	ARG_TIMEOUT,	/* 0, never, over, or +N: N microseconds from the call */
	ARG_POINTER,	/* where the argument of the ioctl is: ok, null, bad, readonly, edge */
	ARG_THREAD,	/* t3; none, fuzzer, kthread, bad */
	ARG_ADDRESS,	/* p8, s8, m8: offset in private, shared and a file's memory; bad */
};

#define TIMEOUT_NEVER	UINT64_MAX
#define TIMEOUT_OVER	(UINT64_MAX - 1)
enum { POINTER_OK, POINTER_NULL, POINTER_BAD, POINTER_READONLY, POINTER_EDGE, NR_POINTERS };
enum { TARGET_NONE = NR_THREADS, TARGET_FUZZER, TARGET_KTHREAD, TARGET_BAD, NR_TARGETS };
enum { AREA_PRIVATE, AREA_SHARED, AREA_FILE, AREA_BAD };
#define ADDRESS(area, offset)	((uint64_t)(area) << 32 | (offset))
#define ADDRESS_AREA(address)	((address) >> 32)
#define ADDRESS_OFFSET(address)	((uint32_t)(address))
#define AREA_SIZE	4096u

/* An object of a wait. For an aggregate wait also the type and the events of the source. */
struct item {
	uint8_t slot;
	uint8_t type;
	uint16_t events;
};

struct call {
	uint8_t op;		/* index into ops[] */
	uint8_t thread;
	uint8_t fd;		/* slot */
	uint8_t result;		/* slot for the descriptor that it returns, or SLOT_NONE */
	uint8_t fail;		/* which allocation or copy fails, 0: none */
	uint8_t crowd;		/* so many more threads make it, too */
	uint8_t nr_list;
	uint64_t args[MAX_ARGS];
	struct item list[MAX_LIST];
};

enum { END_EXIT, END_CLOSE, END_KILL, NR_ENDS };

/**
 * struct program - what one execution does
 * @rounds: 0: each call begins when the one before it has ended or sleeps. Else each thread goes
 *	through its calls at its own pace, that many times.
 * @end: what happens when the calls are over or late: the processes exit, close their
 *	descriptors first, or are killed.
 * @nr: number of calls
 * @calls: in the order in which they begin
 */
struct program {
	uint8_t rounds;
	uint8_t end;
	uint8_t nr;
	struct call calls[MAX_CALLS];
};

/* What a slot has after a call, and what a call wants in a slot. */
enum fd_kind {
	FD_NONE, FD_DEVICE, FD_SEM, FD_MUTEX, FD_EVENT, FD_CHANNEL, FD_FILE,
	FD_OBJECT,	/* wanted: semaphore, mutex or event */
	FD_ANY,		/* wanted: whatever can be polled */
};

struct arg_def {
	const char *name;
	enum arg_kind kind;
	uint64_t otherwise;		/* the default */
	enum fd_kind wants;		/* of a slot */
	const char *values;		/* worth trying, of a number; NULL: any */
};

struct call_context;

/**
 * struct op - a kind of call
 * @name: in the text
 * @on: the descriptor that it acts on; FD_NONE: no descriptor
 * @makes: the descriptor that it returns; FD_NONE: none
 * @list: takes a list of objects
 * @sources: the list is one of an aggregate wait
 * @common: every driver has it, the in-tree driver too
 * @weight: how often a random program has it
 * @errors: what it may fail with beside what every ioctl may; NULL: anything
 * @args: up to the first without a name
 * @run: what it does; returns what the system call does, or -errno
 */
struct op {
	const char *name;
	enum fd_kind on;
	enum fd_kind makes;
	bool list;
	bool sources;
	bool common;
	unsigned int weight;
	const char *errors;
	struct arg_def args[MAX_ARGS];
	long (*run)(struct call_context *c);
};

extern const struct op ops[];
extern const unsigned int nr_ops;

/* An op's number, or -1. */
int op_find(const char *name);
unsigned int op_nr_args(const struct op *op);

/* A call of this op with its defaults. */
void call_init(struct call *call, unsigned int op);

/**
 * program_parse() - read a program
 * @text: the whole text
 * @program: what it says
 * @error: a sentence, if it can't be read
 * @size: of @error
 *
 * Return: success.
 */
bool program_parse(const char *text, struct program *program, char *error, size_t size);
bool program_read(const char *path, struct program *program, char *error, size_t size);

void program_print(FILE *out, const struct program *program);
void call_print(FILE *out, const struct call *call);

/* The same number for the same text. */
uint64_t program_hash(const struct program *program);

#endif
