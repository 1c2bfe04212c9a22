/* SPDX-License-Identifier: GPL-2.0-only */
/* The rounds of test_random_threads.c: their calls, what is seen of them, and how they are printed. */
#ifndef TESTS_NT_RANDOM_ROUND_H
#define TESTS_NT_RANDOM_ROUND_H

#include "orders.h"

/* Makes the call. */
struct result round_call(struct ntsync_nt *nt, const struct call *call);

/*
 * Chooses a call for thread @t, which is idle. @m: the state before the round. @busy: the threads that
 * sleep, or have a call in this round. At least one thread remains that does not sleep.
 */
void round_choose_call(struct round *r, const bool *busy, unsigned int t, const struct model *m,
		       uint64_t *random);

/* Reads all that can be read. No call may be running, except those that sleep. */
void round_observe(struct ntsync_nt *nt, struct observation *seen);

/* What a round's calls have done. */
void round_print_calls(unsigned int number, const struct round *r);
/* A round that no order explains: its calls, what they have done, and the best order. */
void round_print(unsigned int number, const struct round *r, const struct observation *seen,
		 const struct attempt *closest);

#endif /* TESTS_NT_RANDOM_ROUND_H */
