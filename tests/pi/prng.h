/* SPDX-License-Identifier: GPL-2.0-only */
/* What the randomised tests choose from: repeats from the seed on every machine. */
#ifndef NTSYNC_TESTS_PI_DICE_H
#define NTSYNC_TESTS_PI_DICE_H

#include <stdint.h>

/* NTSYNC_PI_SEED and NTSYNC_PI_STEPS, or another seed each time and @steps. */
uint64_t dice_seed(void);
unsigned int dice_steps(unsigned int steps);

/* 0 to @below - 1. */
unsigned int dice_below(uint64_t *dice, unsigned int below);

#endif
