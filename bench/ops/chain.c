// SPDX-License-Identifier: GPL-2.0-only
/*
 * A chain of owners: each waits for the mutex of the one before, the first for an event; then a
 * thread of higher priority waits for the last mutex. From the SET of the event until that thread
 * has the mutex: all of them inherit, and lose the boost again one by one.
 */
#include "ops.h"

#include <libntsync.h>
#include <semaphore.h>
#include <unistd.h>

#define MOST_OWNERS 8
#define OWNERS 10 /* their priority */

static int event;
static sem_t start[MOST_OWNERS];

static int lock(uint32_t which)
{
	return wait_any(&objs[which], 1, NTSYNC_WAIT_FOREVER);
}

static int unlock(uint32_t which)
{
	return ntsync_mutex_unlock(objs[which], own_id, NULL);
}

static int hold_and_wait(uint32_t i)
{
	if (lock(i))
		return -1;
	if (!i)
		return wait_any(&event, 1, NTSYNC_WAIT_FOREVER);
	return lock(i - 1) || unlock(i - 1);
}

static void *own_mutex(void *number)
{
	const uint32_t i = (uint32_t)(uintptr_t)number;

	while (!sem_wait(&start[i]) && !atomic_load(&threads_stop))
		if (hold_and_wait(i) || unlock(i))
			break;
	return NULL;
}

static int begin(const struct operation *op)
{
	event = ntsync_event_create(dev, false, false);
	for (uint32_t i = 0; i < op->n; i++) {
		sem_init(&start[i], 0, 0);
		objs[i] = ntsync_mutex_create(dev, 0, 0);
		if (objs[i] < 0)
			return -1;
	}
	return event < 0 || await_asleep_begin() || start_threads(op->n, own_mutex, OWNERS);
}

/* They run in the order in which they are woken, when this thread sleeps. */
static int run(const struct operation *op, uint64_t *ns)
{
	const uint32_t last = op->n - 1;
	uint64_t from;

	for (uint32_t i = 0; i < op->n; i++)
		sem_post(&start[i]);
	if (await_asleep())
		return -1;
	from = now();
	if (ntsync_event_set(event, NULL) || lock(last))
		return -1;
	*ns = now() - from;
	return unlock(last) || await_asleep() ? -1 : 1;
}

static void end(const struct operation *op)
{
	atomic_store(&threads_stop, true);
	for (uint32_t i = 0; i < op->n; i++)
		sem_post(&start[i]);
	join_threads();
	await_asleep_end();
	close_objects(op->n);
	close(event);
}

const struct operation chain_ops[] = {
	{ "chain/8", begin, run, end, MOST_OWNERS, NULL },
	{ 0 },
};
