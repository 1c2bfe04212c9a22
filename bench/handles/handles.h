/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_HANDLES_H
#define BENCH_HANDLES_H

#include <stdint.h>

/**
 * struct contender - one way to do one operation
 * @name: NULL ends a list.
 * @make: a table with so many live handles.
 * @unmake: frees it.
 * @operate: once, for a handle chosen by @random. Returns 0, which a lookup has from what
 *	it found, so that the next can be made to wait for it.
 */
struct contender {
	const char *name;
	void *(*make)(uint32_t handles);
	void (*unmake)(void *table);
	uint32_t (*operate)(void *table, uint32_t random);
};

/* others.c: what the handle table is compared with; table.c: the handle table. */
extern const struct contender others[], tables[];
/* Of these, the two between which the ratio counts. */
extern const struct contender counted_slot, table_lookup;

#endif /* BENCH_HANDLES_H */
