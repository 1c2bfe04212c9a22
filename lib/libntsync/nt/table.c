// SPDX-License-Identifier: LGPL-2.1-or-later
#include "table.h"

#include "fd.h"
#include "handle.h"
#include "name.h"
#include "thread.h"
#include "timer.h"
#include "trace.h"
#include "types.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HANDLES	(1u << 27)
#define MAX_MUTANT	(1u << 31)
/* Handles are below this number, pseudo-handles above it. */
#define HANDLES_END	0xfffffffcu
/* More slots than handles, and more objects: calls pin slots that are closed. */
#define MORE_SLOTS	65536u
#define MORE_OBJECTS	1024u
/* Small segments: a lookup follows a pointer to the object, so huge pages would gain little. */
#define OBJECT_SHIFT	12
#define ALL_FLAGS	(NTSYNC_NT_REJECT_LOW_BITS | NTSYNC_NT_DUPLICATE_BLINDLY | \
			 NTSYNC_NT_KEEP_FD_LIMIT | NTSYNC_NT_FOLD_NAMES)

static const struct ntsync_nt_config default_config = {
	.size = sizeof(default_config),
	.dev = -1,
	.handle_base = 4,
	.handle_stride = 4,
	.max_handles = 1u << 24,
	.quarantine = 1024,
	.mutant_limit = MAX_MUTANT,
};

/* The program's struct may be larger or smaller than this library's. */
static void write_config(struct ntsync_nt_config *config, size_t size,
			 const struct ntsync_nt_config *full)
{
	size_t known = size < sizeof(*full) ? size : sizeof(*full);

	memcpy(config, full, known);
	memset((char *)config + known, 0, size - known);
	if (known >= sizeof(config->size))
		config->size = size;
}

NTSYNC_API void ntsync_nt_config_init_size(struct ntsync_nt_config *config, size_t size)
{
	write_config(config, size, &default_config);
}

NTSYNC_API void ntsync_nt_config_init_xbox360_size(struct ntsync_nt_config *config, size_t size)
{
	struct ntsync_nt_config full = default_config;

	full.handle_base = 0xf8000000u;
	full.failure_value = 0xffffffffu;
	full.style = NTSYNC_NT_STYLE_XBOX360;
	full.flags = NTSYNC_NT_FOLD_NAMES;
	write_config(config, size, &full);
}

/* Members that the program does not know have their defaults. */
static int read_config(struct ntsync_nt_config *full, const struct ntsync_nt_config *config)
{
	const char *bytes = (const char *)config;

	if (config->size < sizeof(config->size))
		return -EINVAL;
	*full = default_config;
	memcpy(full, config, config->size < sizeof(*full) ? config->size : sizeof(*full));
	full->size = sizeof(*full);
	for (size_t i = sizeof(*full); i < config->size; i++) {
		if (bytes[i])
			return -E2BIG;
	}
	return 0;
}

/* A quarantine needs more slots than there are handles: see pool.h. */
static uint32_t min_slots(const struct ntsync_nt_config *config)
{
	bool fifo = config->reuse == NTSYNC_NT_REUSE_QUARANTINE;

	return config->max_handles + (fifo ? config->quarantine + 1 : 0);
}

static uint64_t handles_end(const struct ntsync_nt_config *config, uint32_t slots)
{
	return config->handle_base + (uint64_t)slots * config->handle_stride;
}

/* Further slots for closed handles that calls still pin, as far as there are handle values. */
static uint32_t nr_slots(const struct ntsync_nt_config *config)
{
	uint32_t min = min_slots(config);
	uint64_t from = handles_end(config, min), end = HANDLES_END, more;

	if (config->failure_value >= from && config->failure_value < end)
		end = config->failure_value;
	more = (end - from) / config->handle_stride;
	return min + (more < MORE_SLOTS ? (uint32_t)more : MORE_SLOTS);
}

static bool are_numbers_valid(const struct ntsync_nt_config *config)
{
	uint32_t stride = config->handle_stride;

	return config->handle_base % 4 == 0 && stride >= 4 && !(stride & (stride - 1)) &&
	       config->max_handles && config->max_handles <= MAX_HANDLES &&
	       config->quarantine <= MAX_HANDLES / 2 &&
	       config->mutant_limit && config->mutant_limit <= MAX_MUTANT &&
	       !(config->flags & ~ALL_FLAGS);
}

static bool are_handles_valid(const struct ntsync_nt_config *config)
{
	uint64_t end = handles_end(config, min_slots(config));

	return end <= HANDLES_END && (config->failure_value < config->handle_base ||
				      config->failure_value >= end);
}

static bool are_choices_valid(const struct ntsync_nt_config *config)
{
	return (config->style == NTSYNC_NT_STYLE_NT || config->style == NTSYNC_NT_STYLE_XBOX360) &&
	       (config->reuse == NTSYNC_NT_REUSE_LIFO ||
		config->reuse == NTSYNC_NT_REUSE_QUARANTINE) &&
	       config->timer_priority >= 0 && config->timer_priority <= 99;
}

static int init_slots(struct ntsync_nt *nt)
{
	const struct ntsync_nt_config *config = &nt->config;
	uint32_t low = config->flags & NTSYNC_NT_REJECT_LOW_BITS ? 0 : 3;
	int ret;

	nt->base = config->handle_base;
	nt->shift = (uint32_t)__builtin_ctz(config->handle_stride);
	nt->offset_mask = ~low;
	ret = nt_pool_init(&nt->slots, sizeof(struct nt_slot), NT_SLOT_SHIFT, nr_slots(config));
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
			   nr_slots(&nt->config) + MORE_OBJECTS);
	if (ret)
		goto exit_slots;
	ret = nt_lock_init(&nt->lock);
	if (ret)
		goto exit_objects;
	ret = nt_fork_init(nt);
	if (ret)
		goto exit_lock;
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
	int ret = read_config(&full, config ? config : &default_config);

	if (ret)
		return ret;
	if (!are_numbers_valid(&full) || !are_handles_valid(&full) || !are_choices_valid(&full))
		return -EINVAL;
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

		if (!atomic_load(&object->refs))
			continue;
		/* A forked child does not have the thread that may hold the timers' lock. */
		if (object->timer && !nt_in_forked_child(nt))
			nt_timer_destroy(nt->timers, object->timer);
		nt_close_fd(object->fd);
	}
}

static void destroy_table(struct ntsync_nt *nt)
{
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
	return features;
}
