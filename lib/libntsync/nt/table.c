// SPDX-License-Identifier: LGPL-2.1-or-later
#include "table.h"

#include "association.h"
#include "config.h"
#include "fd.h"
#include "handle.h"
#include "name.h"
#include "thread.h"
#include "timer.h"
#include "trace.h"

#include <stdlib.h>
#include <string.h>

/* How many objects without a slot calls may use while all slots are taken. */
#define MORE_OBJECTS	1024u
/* Small segments: a lookup follows a pointer to the object, so huge pages would gain little. */
#define OBJECT_SHIFT	12
#define CHANNEL_FEATURES (NTSYNC_FEATURE_CHANNEL | NTSYNC_FEATURE_CHANNEL_TRY_RECV2 | \
			  NTSYNC_FEATURE_AGGREGATE_WAIT)

static int init_slots(struct ntsync_nt *nt)
{
	const struct ntsync_nt_config *config = &nt->config;
	uint32_t low = config->flags & NTSYNC_NT_REJECT_LOW_BITS ? 0 : 3;
	int ret;

	nt->base = config->handle_base;
	nt->shift = (uint32_t)__builtin_ctz(config->handle_stride);
	nt->offset_mask = ~low;
	ret = nt_pool_init(&nt->slots, sizeof(struct nt_slot), NT_SLOT_SHIFT, nt_config_slots(config));
	if (!ret && config->reuse == NTSYNC_NT_REUSE_QUARANTINE) {
		ret = nt_pool_make_fifo(&nt->slots, config->quarantine);
		if (ret)
			nt_pool_exit(&nt->slots);
	}
	return ret;
}

static int init_memory(struct ntsync_nt *nt)
{
	int ret = init_slots(nt);

	if (ret)
		return ret;
	ret = nt_pool_init(&nt->objects, sizeof(struct nt_object), OBJECT_SHIFT,
			   nt_config_slots(&nt->config) + MORE_OBJECTS);
	if (ret)
		goto exit_slots;
	ret = nt_lock_init(&nt->lock);
	if (ret)
		goto exit_objects;
	ret = nt_lock_init(&nt->apc_lock);
	if (ret)
		goto exit_lock;
	ret = nt_lock_init(&nt->port_lock);
	if (ret)
		goto exit_apc_lock;
	ret = nt_fork_init(nt);
	if (ret)
		goto exit_port_lock;
	ret = nt_trace_init(nt);
	if (ret)
		goto exit_fork;
	ret = nt_threads_init(nt);
	if (ret)
		goto exit_trace;
	return 0;

exit_trace:
	nt_trace_exit(nt);
exit_fork:
	nt_fork_exit(nt);
exit_port_lock:
	nt_lock_exit(&nt->port_lock);
exit_apc_lock:
	nt_lock_exit(&nt->apc_lock);
exit_lock:
	nt_lock_exit(&nt->lock);
exit_objects:
	nt_pool_exit(&nt->objects);
exit_slots:
	nt_pool_exit(&nt->slots);
	return ret;
}

static void exit_memory(struct ntsync_nt *nt)
{
	nt_trace_exit(nt);
	nt_fork_exit(nt);
	nt_lock_exit(&nt->port_lock);
	nt_lock_exit(&nt->apc_lock);
	nt_lock_exit(&nt->lock);
	nt_pool_exit(&nt->objects);
	nt_pool_exit(&nt->slots);
}

static int open_dev(struct ntsync_nt *nt)
{
	struct ntsync_features found;
	int ret;

	nt->own_dev = nt->config.dev < 0;
	if (nt->own_dev)
		nt->config.dev = ntsync_open();
	if (nt->config.dev < 0)
		return nt->config.dev;
	ret = ntsync_features(nt->config.dev, &found);
	if (ret && nt->own_dev)
		nt_close_fd(nt->config.dev);
	nt->features = ret ? 0 : found.features;
	return ret;
}

static int init_table(struct ntsync_nt *nt)
{
	int ret = open_dev(nt);

	if (ret)
		return ret;
	ret = init_memory(nt);
	if (ret && nt->own_dev)
		nt_close_fd(nt->config.dev);
	return ret;
}

static int create_table(const struct ntsync_nt_config *config, struct ntsync_nt **out)
{
	struct ntsync_nt *nt = aligned_alloc(NT_CACHE_LINE, sizeof(*nt));
	int ret;

	if (!nt)
		return -ENOMEM;
	memset(nt, 0, sizeof(*nt));
	nt->config = *config;
	ret = init_table(nt);
	if (ret) {
		free(nt);
		return ret;
	}
	if (!(config->flags & NTSYNC_NT_KEEP_FD_LIMIT))
		nt_fd_limit_raise();
	*out = nt;
	return 0;
}

NTSYNC_API int ntsync_nt_create(const struct ntsync_nt_config *config, struct ntsync_nt **out)
{
	struct ntsync_nt_config full;
	struct nt_saved saved;
	int ret = nt_config_read(&full, config);

	if (ret)
		return ret;
	nt_block(&saved);
	ret = create_table(&full, out);
	nt_unblock(&saved);
	return ret;
}

/* Without the bookkeeping of nt_object_put(): no other call uses the table. */
static void close_objects(struct ntsync_nt *nt)
{
	for (uint32_t i = 0; i < nt_pool_used(&nt->objects); i++) {
		struct nt_object *object = nt_pool_item(&nt->objects, i);

		if (atomic_load(&object->refs))
			nt_object_destroy_last(nt, object);
	}
}

static void destroy_table(struct ntsync_nt *nt)
{
	nt_associations_exit(nt);
	if (!nt_in_forked_child(nt))
		nt_threads_abandon(nt);
	close_objects(nt);
	nt_timers_exit(nt);
	nt_threads_exit(nt);
	nt_names_exit(nt);
	exit_memory(nt);
	if (nt->own_dev)
		nt_close_fd(nt->config.dev);
	free(nt);
}

NTSYNC_API void ntsync_nt_destroy(struct ntsync_nt *nt)
{
	struct nt_saved saved;

	if (!nt)
		return;
	nt_block(&saved);
	destroy_table(nt);
	nt_unblock(&saved);
}

NTSYNC_API uint32_t ntsync_nt_features(const struct ntsync_nt *nt)
{
	uint32_t features = 0;

	if (nt_can_signal_and_wait(nt))
		features |= NTSYNC_NT_FEATURE_ATOMIC_SIGNAL_AND_WAIT;
	if (nt->features & NTSYNC_FEATURE_MUTEX_PI)
		features |= NTSYNC_NT_FEATURE_MUTANT_PI;
	if (nt->features & NTSYNC_FEATURE_EVENT_SET_PI)
		features |= NTSYNC_NT_FEATURE_EVENT_SET_PI;
	if ((nt->features & CHANNEL_FEATURES) == CHANNEL_FEATURES)
		features |= NTSYNC_NT_FEATURE_CHANNEL;
	return features;
}
