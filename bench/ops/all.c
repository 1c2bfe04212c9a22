// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of several objects at once: mutexes, with their unlocks, or events that stay signaled.
 * "woken": a thread sleeps until the last of them is signaled, and sends an event back.
 */
#include "ops.h"

#include <libntsync.h>
#include <unistd.h>

static int reply;
static uint32_t wanted;

static int begin_mutexes(const struct operation *op)
{
	for (uint32_t i = 0; i < op->n; i++) {
		objs[i] = ntsync_mutex_create(dev, 0, 0);
		if (objs[i] < 0)
			return -1;
	}
	return 0;
}

static int begin_events(const struct operation *op)
{
	for (uint32_t i = 0; i < op->n; i++) {
		objs[i] = ntsync_event_create(dev, true, true);
		if (objs[i] < 0)
			return -1;
	}
	return 0;
}

static int acquire(const struct operation *op, uint64_t *ns)
{
	return wait_all(objs, op->n) ? -1 : 1;
}

static int acquire_and_unlock(const struct operation *op, uint64_t *ns)
{
	int ret = acquire(op, ns);

	for (uint32_t i = op->n; i--;)
		if (ntsync_mutex_unlock(objs[i], OWNER, NULL))
			ret = -1;
	return ret;
}

static void end(const struct operation *op)
{
	close_objects(op->n);
}

static void *run_sleeper(void *number)
{
	while (!wait_all(objs, wanted) && !atomic_load(&threads_stop))
		if (ntsync_event_set(reply, NULL))
			break;
	return number;
}

static int begin_woken(const struct operation *op)
{
	wanted = op->n;
	reply = ntsync_event_create(dev, false, false);
	if (reply < 0 || begin_events(op))
		return -1;
	close(objs[wanted - 1]);
	objs[wanted - 1] = ntsync_event_create(dev, false, false);
	return objs[wanted - 1] < 0 || start_threads(1, run_sleeper, 0);
}

static int wake_sleeper(const struct operation *op, uint64_t *ns)
{
	return ntsync_event_set(objs[wanted - 1], NULL) ||
	       wait_any(&reply, 1, NTSYNC_WAIT_FOREVER) ? -1 : 1;
}

static void end_woken(const struct operation *op)
{
	atomic_store(&threads_stop, true);
	ntsync_event_set(objs[wanted - 1], NULL);
	join_threads();
	end(op);
	close(reply);
}

const struct operation all_ops[] = {
	{ "all/2/mutexes", begin_mutexes, acquire_and_unlock, end, 2, NULL },
	{ "all/8/mutexes", begin_mutexes, acquire_and_unlock, end, 8, NULL },
	{ "all/64/mutexes", begin_mutexes, acquire_and_unlock, end, 64, NULL },
	{ "all/2/events", begin_events, acquire, end, 2, NULL },
	{ "all/8/events", begin_events, acquire, end, 8, NULL },
	{ "all/64/events", begin_events, acquire, end, 64, NULL },
	{ "wake-all/64", begin_woken, wake_sleeper, end_woken, 64, NULL },
	{ 0 },
};
