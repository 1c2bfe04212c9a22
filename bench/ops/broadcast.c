// SPDX-License-Identifier: GPL-2.0-only
/*
 * SET of a manual-reset event that many wait for: the call alone, or until all of them sleep
 * again.
 */
#include "ops.h"

#include <libntsync.h>
#include <unistd.h>

#define WAITERS 50

static int event;

static void *work(void *number)
{
	while (!wait_any(&event, 1, NTSYNC_WAIT_FOREVER) && !atomic_load(&crew_stop))
		;
	return number;
}

static int begin(const struct operation *op)
{
	event = ntsync_event_create(dev, true, false);
	return event < 0 || settle_begin() || crew_start(op->n, work, WAITERS) || settle();
}

static int release(uint64_t *ns)
{
	uint64_t from = now();
	int ret = ntsync_event_set(event, NULL);

	*ns = now() - from;
	return ret || ntsync_event_reset(event, NULL) || settle();
}

static int the_call(const struct operation *op, uint64_t *ns)
{
	return release(ns) ? -1 : 1;
}

static int per_waiter(const struct operation *op, uint64_t *ns)
{
	int ret = release(ns);

	*ns = 0;
	return ret ? -1 : (int)op->n;
}

static void end(const struct operation *op)
{
	atomic_store(&crew_stop, true);
	ntsync_event_set(event, NULL);
	crew_join();
	settle_end();
	close(event);
}

const struct operation broadcast_ops[] = {
	{ "broadcast/1000/call", begin, the_call, end, 1000, NULL },
	{ "broadcast/1000/waiter", begin, per_waiter, end, 1000, NULL },
	{ 0 },
};
