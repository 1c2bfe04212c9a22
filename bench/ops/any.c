// SPDX-License-Identifier: GPL-2.0-only
/* Any of several objects: manual-reset events, whose signal stays. */
#include "ops.h"

#include <errno.h>
#include <libntsync.h>

enum { FIRST, LAST, NONE };
static const int first = FIRST, last = LAST, none = NONE;

static int begin(const struct operation *op)
{
	const int which = *(const int *)op->with;

	for (uint32_t i = 0; i < op->n; i++) {
		bool ready = (which == FIRST && i == 0) || (which == LAST && i == op->n - 1);

		objs[i] = ntsync_event_create(dev, true, ready);
		if (objs[i] < 0)
			return -1;
	}
	return 0;
}

static int run(const struct operation *op, uint64_t *ns)
{
	int expected = *(const int *)op->with == NONE ? -ETIMEDOUT : 0;

	return wait_any(objs, op->n, 0) == expected ? 1 : -1;
}

static void end(const struct operation *op)
{
	close_objects(op->n);
}

const struct operation any_ops[] = {
	{ "any/8/first", begin, run, end, 8, &first },
	{ "any/8/last", begin, run, end, 8, &last },
	{ "any/8/none", begin, run, end, 8, &none },
	{ "any/64/first", begin, run, end, 64, &first },
	{ "any/64/last", begin, run, end, 64, &last },
	{ "any/64/none", begin, run, end, 64, &none },
	{ 0 },
};
