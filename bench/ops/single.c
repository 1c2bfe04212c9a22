// SPDX-License-Identifier: GPL-2.0-only
/* One object without contention. */
#include "ops.h"

#include <errno.h>
#include <libntsync.h>
#include <unistd.h>

static int begin_mutex(const struct operation *op)
{
	objs[0] = ntsync_mutex_create(dev, 0, 0);
	return objs[0] < 0;
}

/* A count that no run uses up. */
static int begin_sem(const struct operation *op)
{
	objs[0] = ntsync_sem_create(dev, UINT32_MAX - 1, UINT32_MAX);
	return objs[0] < 0;
}

static int begin_event(const struct operation *op)
{
	objs[0] = ntsync_event_create(dev, op->n, op->n);
	return objs[0] < 0;
}

static void end(const struct operation *op)
{
	close(objs[0]);
}

static int mutex_pair(const struct operation *op, uint64_t *ns)
{
	return wait_any(objs, 1, NTSYNC_WAIT_FOREVER) ||
	       ntsync_mutex_unlock(objs[0], OWNER, NULL) ? -1 : 1;
}

static int sem_pair(const struct operation *op, uint64_t *ns)
{
	return wait_any(objs, 1, NTSYNC_WAIT_FOREVER) ||
	       ntsync_sem_release(objs[0], 1, NULL) ? -1 : 1;
}

static int event_pair(const struct operation *op, uint64_t *ns)
{
	return ntsync_event_set(objs[0], NULL) ||
	       wait_any(objs, 1, NTSYNC_WAIT_FOREVER) ? -1 : 1;
}

static int acquire_ready(const struct operation *op, uint64_t *ns)
{
	return wait_any(objs, 1, NTSYNC_WAIT_FOREVER) ? -1 : 1;
}

static int poll_once(const struct operation *op, uint64_t *ns)
{
	return wait_any(objs, 1, 0) == -ETIMEDOUT ? 1 : -1;
}

const struct operation single_ops[] = {
	{ "mutex", begin_mutex, mutex_pair, end, 0, NULL },
	{ "sem", begin_sem, sem_pair, end, 0, NULL },
	{ "event", begin_event, event_pair, end, 0, NULL },
	{ "sem/ready", begin_sem, acquire_ready, end, 0, NULL },
	{ "event/ready", begin_event, acquire_ready, end, 1, NULL },
	{ "event/look", begin_event, poll_once, end, 0, NULL },
	{ 0 },
};
