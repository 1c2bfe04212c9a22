// SPDX-License-Identifier: GPL-2.0-only
#include "prng.h"
#include "../uapi/fixture.h"

static uint64_t environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

uint64_t dice_seed(void)
{
	return environment("NTSYNC_PI_SEED", monotonic_ns() | 1);
}

unsigned int dice_steps(unsigned int steps)
{
	return environment("NTSYNC_PI_STEPS", steps);
}

/* xorshift64 */
unsigned int dice_below(uint64_t *dice, unsigned int below)
{
	*dice ^= *dice << 13;
	*dice ^= *dice >> 7;
	*dice ^= *dice << 17;
	return *dice % below;
}
