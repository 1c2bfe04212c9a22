/* SPDX-License-Identifier: GPL-2.0-only */
/* Pseudo-random numbers for the randomised tests: the same on every machine for the same seed. */
#ifndef NTSYNC_TESTS_PI_PRNG_H
#define NTSYNC_TESTS_PI_PRNG_H

#include <stdint.h>

/* NTSYNC_PI_SEED and NTSYNC_PI_STEPS; by default another seed each time, and @steps. */
uint64_t prng_seed(void);
unsigned int prng_steps(unsigned int steps);

/* 0 to @below - 1. */
unsigned int prng_below(uint64_t *state, unsigned int below);

#endif
