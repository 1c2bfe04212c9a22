/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_HANDLES_H
#define BENCH_HANDLES_H

#include <stdint.h>

/**
 * struct contender - one way to do one operation
 * @name: NULL ends a list
 * @make: creates a table with that many live handles
 * @unmake: frees it
 * @operate: one operation on a handle chosen by @random. Returns 0; a lookup computes it from what
 *           it found, so that the next operation can be made to depend on it
 */
struct contender {
	const char *name;
	void *(*make)(uint32_t handles);
	void (*unmake)(void *table);
	uint32_t (*operate)(void *table, uint32_t random);
};

/* others.c: alternatives to the handle table; table.c: the handle table. */
extern const struct contender others[], tables[];
/* The two whose ratio is reported. */
extern const struct contender counted_slot, table_lookup;

#endif /* BENCH_HANDLES_H */
