/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which requests have been executed, and what their senders' calls returned. It is in memory that
 * all processes share, so that it outlives killed ones. A request's payload names its line. Lines
 * are used again after a while, and checked once more before that, as a receiver may be late.
 */
#ifndef NTSYNC_TESTS_STRESS_LEDGER_H
#define NTSYNC_TESTS_STRESS_LEDGER_H

#include "stress.h"

#define LEDGER_SENDERS 16
#define LEDGER_LINES 8192

struct ledger_line {
	atomic_int executed;
	int result;
};

/**
 * struct ledger - one column per sender
 * @next: number of its next request
 * @wrong: how often execution and result did not agree
 */
struct ledger {
	struct ledger_line line[LEDGER_SENDERS][LEDGER_LINES];
	uint64_t next[LEDGER_SENDERS];
	atomic_uint wrong;
};

struct ledger *ledger_new(void);

/* The payload of @sender's next request. */
uint64_t ledger_open(struct ledger *l, unsigned int sender);
/* A receiver executes the request. */
void ledger_execute(struct ledger *l, uint64_t payload);
/*
 * The send has returned @ret: 0 if and only if the request was executed, once; -EAGAIN and -EPIPE
 * if it was not and won't be; otherwise it was executed at most once.
 */
void ledger_close(struct ledger *l, uint64_t payload, int ret);

/* After the last execution: each request was executed as its sender's result says. */
bool ledger_is_right(struct ledger *l);

#endif
