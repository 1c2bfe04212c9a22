// SPDX-License-Identifier: LGPL-2.1-or-later
#include "table.h"

void nt_gauge_inc(struct nt_gauge *gauge)
{
	uint32_t now = atomic_fetch_add_explicit(&gauge->now, 1, memory_order_relaxed) + 1;
	uint32_t most = atomic_load_explicit(&gauge->most, memory_order_relaxed);

	while (most < now &&
	       !atomic_compare_exchange_weak_explicit(&gauge->most, &most, now,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

void nt_gauge_dec(struct nt_gauge *gauge)
{
	uint32_t before = atomic_fetch_sub_explicit(&gauge->now, 1, memory_order_relaxed);

	nt_assert(before > 0);
	(void)before;
}

NTSYNC_API void ntsync_nt_count(struct ntsync_nt *nt, enum ntsync_nt_type type,
				struct ntsync_nt_count *out)
{
	const struct nt_counts *counts = &nt->counts[type];

	*out = (struct ntsync_nt_count){
		.handles = atomic_load(&counts->handles.now),
		.most_handles = atomic_load(&counts->handles.most),
		.objects = atomic_load(&counts->objects.now),
		.most_objects = atomic_load(&counts->objects.most),
		.creates = atomic_load(&counts->creates),
	};
}
