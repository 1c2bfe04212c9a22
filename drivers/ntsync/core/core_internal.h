/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions that only the files of the core call.
 */
#ifndef NTSYNC_CORE_INTERNAL_H
#define NTSYNC_CORE_INTERNAL_H

#include "core.h"

/* object.c, obj_poll.c */
u64 ntsync_new_id(void);
void ntsync_device_get(struct ntsync_device *dev);
void ntsync_obj_free_pollers(struct ntsync_obj *obj);

/* cache.c */
struct ntsync_obj *ntsync_cache_alloc_obj(void);
void ntsync_cache_free_obj(struct ntsync_obj *obj);
struct ntsync_wait_entry *ntsync_cache_alloc_entries(u32 nr);
void ntsync_cache_free_entries(struct ntsync_wait_entry *entries, u32 nr);

/* wait.c */
struct ntsync_wait_entry *ntsync_wait_get_entries(u32 nr, struct ntsync_wait_entry *small);
void ntsync_wait_put_entries(struct ntsync_wait_entry *entries, u32 nr);
int ntsync_wait_sleep_until(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
			    const int *triggered);

/* wait_files.c */
bool ntsync_wait_files_ready(struct ntsync_wait_files *polls);
int ntsync_wait_files_sleep(struct ntsync_wait *w, const struct ntsync_deadline *deadline,
			    struct ntsync_wait_files *polls);

/* wake.c */
void ntsync_obj_drain_batch(struct ntsync_obj *obj);

/* wait_all.c */
bool ntsync_obj_add_all_lock_user(struct ntsync_obj *obj, u32 owner);
void ntsync_obj_remove_all_lock_user(struct ntsync_obj *obj);

#endif
