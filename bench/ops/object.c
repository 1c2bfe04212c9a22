// SPDX-License-Identifier: GPL-2.0-only
/* Creating and closing an object. */
#include "ops.h"

#include <libntsync.h>
#include <unistd.h>

static int create(uint32_t type)
{
	switch (type) {
	case 's':
		return ntsync_sem_create(dev, 0, 1);
	case 'm':
		return ntsync_mutex_create(dev, 0, 0);
	case 'e':
		return ntsync_event_create(dev, false, false);
	default:
		return ntsync_channel_create(dev, 16);
	}
}

/* -ENOTSUP if the driver does not have this type. */
static int begin(const struct operation *op)
{
	int fd = create(op->n);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int create_close(const struct operation *op, uint64_t *ns)
{
	int fd = create(op->n);

	return fd < 0 || close(fd) ? -1 : 1;
}

static void end(const struct operation *op)
{
}

const struct operation object_ops[] = {
	{ "create/sem", begin, create_close, end, 's', NULL },
	{ "create/mutex", begin, create_close, end, 'm', NULL },
	{ "create/event", begin, create_close, end, 'e', NULL },
	{ "create/channel", begin, create_close, end, 'c', NULL },
	{ 0 },
};
