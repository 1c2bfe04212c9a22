/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs programs: a process group of its own for each. */
#ifndef NTSYNC_FUZZ_EXEC_H
#define NTSYNC_FUZZ_EXEC_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "program.h"

/**
 * struct shared - what the processes of one execution share with the fuzzer
 * @program: what they do
 * @fuzzer: its pid: a process that lives on
 * @over: not 0: no more calls; futex
 * @ready: number of threads that wait for their calls; futex
 * @allowed: by thread: how many of its calls may begin; futex
 * @done: by thread: how many have ended; futex
 * @pid: by process, in the fuzzer's pid namespace
 * @tid: by thread, in the fuzzer's pid namespace
 * @inner_tid: by thread, in its own
 * @fds: by process: descriptor of each slot, or -1
 * @last_id: of the request that was received last
 * @current: by thread: 1 + index of the call that it makes, or 0
 * @crowd: how many threads of crowds have not made their call yet
 * @coming: how many of them have not begun it
 * @killed: a process was killed by a call
 * @dead: by process: it was that
 * @ended: how many calls have ended
 * @driver_calls: how many of them were calls of the driver
 * @good_calls: how many of those have succeeded
 * @wrong: 1 + index of a call that did what it must not do, or 0
 * @wrong_error: its error, or 0 if it did not end at its deadline
 */
struct shared {
	struct program program;
	pid_t fuzzer;
	atomic_uint over;
	atomic_uint ready;
	atomic_uint allowed[NR_THREADS];
	atomic_uint done[NR_THREADS];
	atomic_int pid[NR_PROCESSES];
	atomic_int tid[NR_THREADS];
	atomic_int inner_tid[NR_THREADS];
	atomic_int fds[NR_PROCESSES][NR_SLOTS];
	atomic_ullong last_id;
	atomic_uint current[NR_THREADS];
	atomic_uint crowd;
	atomic_uint coming;
	atomic_bool killed;
	atomic_bool dead[NR_PROCESSES];
	atomic_ullong ended;
	atomic_ullong driver_calls;
	atomic_ullong good_calls;
	atomic_uint wrong;
	atomic_int wrong_error;
};

/* How an execution ended. */
enum exec_end {
	EXEC_DONE,
	EXEC_LATE,	/* killed, as it did not end by itself; legal: a thread may have waited for ever */
	EXEC_STUCK,	/* could not even be killed */
	EXEC_WRONG,	/* a call had an error that it must not have, or slept past its deadline */
	EXEC_FAILED,	/* could not be started */
};

struct exec_result {
	enum exec_end end;
	unsigned int calls;
	unsigned int driver_calls;
	unsigned int good_calls;
	unsigned int wrong_call;
	int wrong_error;
};

struct exec_options {
	bool common;		/* leave out what the in-tree driver does not have */
	bool check_errors;
	bool print;		/* the result of each call */
	bool inject;		/* the kernel can inject faults */
	unsigned int settle_us;	/* how long a call has, before its thread may count as asleep */
	unsigned int highest_prio; /* no real-time priority is above this one */
};

extern struct exec_options exec_options;
extern struct shared *shared;
extern void *shared_area, *file_area, *private_area;

/* Once, before anything else of this header. 0 or -errno. */
int exec_init(void);

void exec_run(const struct program *program, struct exec_result *result);

/* What the stuck processes do, for the log. */
void exec_print_stuck(FILE *out);

uint64_t now_ns(clockid_t clock);
void sleep_us(unsigned int us);

#endif
