/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many handles and objects of each type a table has: ntsync_nt_count(). */
#ifndef LIBNTSYNC_NT_COUNT_H
#define LIBNTSYNC_NT_COUNT_H

#include "pool.h"

/**
 * struct nt_gauge - a number and its highest value
 * @now: the number.
 * @most: the highest value that @now has had.
 */
struct nt_gauge {
	_Atomic uint32_t now;
	_Atomic uint32_t most;
};

void nt_gauge_inc(struct nt_gauge *gauge);
void nt_gauge_dec(struct nt_gauge *gauge);

/**
 * struct nt_counts - the counts of one type
 * @handles: live handles.
 * @objects: live objects.
 * @creates: handles created so far.
 */
struct nt_counts {
	alignas(NT_CACHE_LINE) struct nt_gauge handles;
	struct nt_gauge objects;
	_Atomic uint64_t creates;
};

#endif /* LIBNTSYNC_NT_COUNT_H */
