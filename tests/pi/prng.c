// SPDX-License-Identifier: GPL-2.0-only
#include "prng.h"
#include "../uapi/fixture.h"

static uint64_t read_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

uint64_t prng_seed(void)
{
	return read_environment("NTSYNC_PI_SEED", monotonic_ns() | 1);
}

unsigned int prng_steps(unsigned int steps)
{
	return read_environment("NTSYNC_PI_STEPS", steps);
}

/* xorshift64 */
unsigned int prng_below(uint64_t *state, unsigned int below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % below;
}
