// SPDX-License-Identifier: GPL-2.0-only
#include "handles.h"

#include <stdlib.h>
#include <unistd.h>

#include "../../lib/libntsync/nt/handle.h"

/* The handles are duplicates of one event, as there are not enough descriptors. */
struct table {
	struct ntsync_nt *nt;
	uint32_t handles;
	uint32_t event;
	int fd;
};

static void *make_with(uint32_t handles, enum ntsync_nt_reuse reuse)
{
	struct table *table = calloc(1, sizeof(*table));
	struct ntsync_nt_config config;
	uint32_t handle;

	if (!table)
		abort();
	ntsync_nt_config_init(&config);
	config.reuse = reuse;
	table->handles = handles;
	if (ntsync_nt_create(&config, &table->nt))
		abort();
	table->fd = ntsync_event_create(table->nt->config.dev, true, true);
	if (table->fd < 0 || ntsync_nt_create_event(table->nt, &table->event, NULL, true, true))
		abort();
	for (uint32_t i = 1; i < handles; i++) {
		if (ntsync_nt_duplicate(table->nt, table->event, &handle, 0))
			abort();
	}
	return table;
}

static void *make(uint32_t handles)
{
	return make_with(handles, NTSYNC_NT_REUSE_LIFO);
}

static void *make_quarantined(uint32_t handles)
{
	return make_with(handles, NTSYNC_NT_REUSE_QUARANTINE);
}

static void unmake(void *arg)
{
	struct table *table = arg;

	close(table->fd);
	ntsync_nt_destroy(table->nt);
	free(table);
}

static uint32_t choose_handle(const struct table *table, uint32_t random)
{
	return table->event + 4 * (random % table->handles);
}

/* What each call does before and after its own work. */
static uint32_t lookup(void *arg, uint32_t random)
{
	const struct table *table = arg;
	struct nt_pin pin;
	uint32_t zero;

	if (nt_get(table->nt, choose_handle(table, random), &pin) || !pin.object)
		abort();
	/* Objects are aligned. */
	zero = (uintptr_t)pin.object & 1;
	nt_put(table->nt, &pin);
	return zero;
}

/* A slot alone, like the search for one in others.c. */
static uint32_t allocate_and_free(void *arg, uint32_t random)
{
	const struct table *table = arg;
	uint32_t index = nt_slot_reserve(table->nt);

	(void)random;
	if (index == NT_NO_INDEX)
		abort();
	nt_slot_cancel(table->nt, index);
	return 0;
}

static uint32_t duplicate_and_close(void *arg, uint32_t random)
{
	const struct table *table = arg;
	uint32_t handle;

	if (ntsync_nt_duplicate(table->nt, choose_handle(table, random), &handle, 0) ||
	    ntsync_nt_close(table->nt, handle))
		abort();
	return 0;
}

static uint32_t create_and_close(void *arg, uint32_t random)
{
	const struct table *table = arg;
	uint32_t handle;

	(void)random;
	if (ntsync_nt_create_event(table->nt, &handle, NULL, false, false) ||
	    ntsync_nt_close(table->nt, handle))
		abort();
	return 0;
}

static uint32_t set_by_handle(void *arg, uint32_t random)
{
	const struct table *table = arg;

	if (ntsync_nt_set_event(table->nt, choose_handle(table, random), NULL))
		abort();
	return 0;
}

static uint32_t create_and_close_fd(void *arg, uint32_t random)
{
	const struct table *table = arg;

	(void)random;
	if (close(ntsync_event_create(table->nt->config.dev, false, false)))
		abort();
	return 0;
}

static uint32_t set_fd(void *arg, uint32_t random)
{
	const struct table *table = arg;

	(void)random;
	if (ntsync_event_set(table->fd, NULL))
		abort();
	return 0;
}

const struct contender table_lookup = { "lookup+release: ntsync_nt", make, unmake, lookup };

const struct contender tables[] = {
	{ "lookup+release: ntsync_nt", make, unmake, lookup },
	{ "allocate+free: ntsync_nt", make, unmake, allocate_and_free },
	{ "duplicate+close: ntsync_nt", make, unmake, duplicate_and_close },
	{ "duplicate+close: quarantined", make_quarantined, unmake, duplicate_and_close },
	{ "create+close of an event: fake fd", make, unmake, create_and_close_fd },
	{ "create+close of an event: ntsync_nt", make, unmake, create_and_close },
	{ "set event: fake fd", make, unmake, set_fd },
	{ "set event: ntsync_nt", make, unmake, set_by_handle },
	{ 0 },
};
