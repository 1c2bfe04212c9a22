// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.h"

#include <string.h>

#define MAX_HANDLES	(1u << 27)
#define MAX_MUTANT	(1u << 31)
/* Handles are below this number, pseudo-handles above it. */
#define HANDLES_END	0xfffffffcu
/* How many closed handles calls may still pin while all others are open. */
#define MORE_SLOTS	65536u
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
static int copy_config(struct ntsync_nt_config *full, const struct ntsync_nt_config *config)
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

uint32_t nt_config_slots(const struct ntsync_nt_config *config)
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

int nt_config_read(struct ntsync_nt_config *full, const struct ntsync_nt_config *config)
{
	int ret = copy_config(full, config ? config : &default_config);

	if (ret)
		return ret;
	return are_numbers_valid(full) && are_handles_valid(full) && are_choices_valid(full) ?
	       0 : -EINVAL;
}
