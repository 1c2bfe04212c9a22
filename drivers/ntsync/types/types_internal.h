/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions that only the files of types/ call.
 */
#ifndef NTSYNC_TYPES_INTERNAL_H
#define NTSYNC_TYPES_INTERNAL_H

#include "core/lock.h"
#include "core/wait.h"
#include "pi/source.h"
#include "types.h"

/* mutex_source.c: the contribution of a mutex to its owner */
extern const struct ntsync_source_ops ntsync_mutex_source;
void ntsync_mutex_update_contrib_locked(struct ntsync_obj *obj, struct ntsync_todo *todo);
void ntsync_mutex_add_waiter_locked(struct ntsync_wait_entry *e);
void ntsync_mutex_remove_waiter_locked(struct ntsync_wait_entry *e);
void ntsync_mutex_update_on_wait_locked(struct ntsync_wait_entry *e, struct ntsync_todo *todo);
void ntsync_mutex_update_on_acquire_locked(struct ntsync_obj *obj,
					   struct ntsync_acquirer *acquirer);
int ntsync_mutex_prio_to_take_on_locked(const struct ntsync_obj *obj,
					const struct ntsync_task *self_record);
struct task_struct *ntsync_mutex_get_owner_task(struct ntsync_obj *obj);

#endif
