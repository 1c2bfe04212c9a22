/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes random programs, and changes programs at random. */
#ifndef NTSYNC_FUZZ_MUTATE_H
#define NTSYNC_FUZZ_MUTATE_H

#include "program.h"

/* xorshift64*: the same numbers for the same seed, which is not 0. */
struct prng {
	uint64_t state;
};

uint64_t prng_next(struct prng *prng);
unsigned int prng_below(struct prng *prng, unsigned int bound);
/* True @percent of the time. */
bool prng_chance(struct prng *prng, unsigned int percent);

struct mutate_options {
	bool common;	/* only what the in-tree driver has */
	bool inject;	/* some calls with a fault */
};

extern struct mutate_options mutate_options;

void program_random(struct program *program, struct prng *prng);

/* Changes something; @other is a program to take calls from, or NULL. */
void program_mutate(struct program *program, const struct program *other, struct prng *prng);

#endif
