/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions that only the files of the core call.
 */
#ifndef NTSYNC_CORE_INTERNAL_H
#define NTSYNC_CORE_INTERNAL_H

#include "core.h"

/* object.c, pollers.c */
void ntsync_device_get(struct ntsync_device *dev);
void ntsync_obj_free_pollers(struct ntsync_obj *obj);

/* cache.c */
struct ntsync_obj *ntsync_cache_alloc_obj(void);
void ntsync_cache_free_obj(struct ntsync_obj *obj);
struct ntsync_wait_entry *ntsync_cache_alloc_entries(u32 nr);
void ntsync_cache_free_entries(struct ntsync_wait_entry *entries, u32 nr);

/* wait.c */
bool ntsync_wait_enqueue_any(struct ntsync_wait_entry *e, bool all_locked);
struct ntsync_wait_entry *ntsync_wait_get_entries(u32 nr, struct ntsync_wait_entry *small);
void ntsync_wait_put_entries(struct ntsync_wait_entry *entries, u32 nr);
int ntsync_wait_sleep_until(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
			    const int *triggered);
bool ntsync_deadline_passed(const struct ntsync_deadline *deadline);

/* poll.c */
bool ntsync_polls_ready(struct ntsync_polls *polls);
int ntsync_polls_sleep(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
		       struct ntsync_polls *polls);

/* wake.c */
void ntsync_obj_drain_batch(struct ntsync_obj *obj);

/* wait_all.c */
bool ntsync_wait_all_join(struct ntsync_obj *obj, u32 owner);
void ntsync_wait_all_leave(struct ntsync_obj *obj);

#endif
