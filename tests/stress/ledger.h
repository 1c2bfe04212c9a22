/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has executed what, and what its sender was told: in memory that all processes share, so
 * that it outlives those who are killed. A request's payload names its line; lines are used
 * again after a while, and looked at once more before, as a receiver may be late.
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
 * struct ledger - one column a sender
 * @next: number of its next request
 * @wrong: how often the two did not fit
 */
struct ledger {
	struct ledger_line line[LEDGER_SENDERS][LEDGER_LINES];
	uint64_t next[LEDGER_SENDERS];
	atomic_uint wrong;
};

struct ledger *ledger_new(void);

/* The payload of @sender's next request. */
uint64_t ledger_open(struct ledger *l, unsigned int sender);
/* A receiver is executing it. */
void ledger_execute(struct ledger *l, uint64_t payload);
/*
 * The sender was told @ret: 0 if and only if it was executed, once; -EAGAIN and -EPIPE if it was
 * not and won't be; otherwise once at most.
 */
void ledger_close(struct ledger *l, uint64_t payload, int ret);

/* When nobody executes any more: everything was as its sender was told. */
bool ledger_is_right(struct ledger *l);

#endif
