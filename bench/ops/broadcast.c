// SPDX-License-Identifier: GPL-2.0-only
/*
 * SET of a manual-reset event with many waiters: the call alone, or until all of them sleep again.
 */
#include "ops.h"

#include <libntsync.h>
#include <unistd.h>

#define WAITERS 50

static int event;

static void *run_waiter(void *number)
{
	while (!wait_any(&event, 1, NTSYNC_WAIT_FOREVER) && !atomic_load(&threads_stop))
		;
	return number;
}

static int begin(const struct operation *op)
{
	event = ntsync_event_create(dev, true, false);
	return event < 0 || await_asleep_begin() || start_threads(op->n, run_waiter, WAITERS) ||
	       await_asleep();
}

static int release_waiters(uint64_t *ns)
{
	uint64_t from = now();
	int ret = ntsync_event_set(event, NULL);

	*ns = now() - from;
	return ret || ntsync_event_reset(event, NULL) || await_asleep();
}

static int measure_call(const struct operation *op, uint64_t *ns)
{
	return release_waiters(ns) ? -1 : 1;
}

static int measure_per_waiter(const struct operation *op, uint64_t *ns)
{
	int ret = release_waiters(ns);

	*ns = 0;
	return ret ? -1 : (int)op->n;
}

static void end(const struct operation *op)
{
	atomic_store(&threads_stop, true);
	ntsync_event_set(event, NULL);
	join_threads();
	await_asleep_end();
	close(event);
}

const struct operation broadcast_ops[] = {
	{ "broadcast/1000/call", begin, measure_call, end, 1000, NULL },
	{ "broadcast/1000/waiter", begin, measure_per_waiter, end, 1000, NULL },
	{ 0 },
};
