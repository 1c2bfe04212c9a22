/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Semaphores, mutexes, events: the ioctls on them. Each function but *_create() returns -EINVAL for
 * an object of another type.
 */
#ifndef NTSYNC_TYPES_H
#define NTSYNC_TYPES_H

#include <linux/types.h>

struct ntsync_device;
struct ntsync_obj;

void ntsync_types_init(void);

struct ntsync_obj *ntsync_sem_create(struct ntsync_device *dev, u32 count, u32 max);
int ntsync_sem_release(struct ntsync_obj *obj, u32 count, u32 *prev);
int ntsync_sem_read(struct ntsync_obj *obj, u32 *count, u32 *max);

struct ntsync_obj *ntsync_mutex_create(struct ntsync_device *dev, u32 owner, u32 count);
int ntsync_mutex_unlock(struct ntsync_obj *obj, u32 owner, u32 *prev);
int ntsync_mutex_kill(struct ntsync_obj *obj, u32 owner);
int ntsync_mutex_read(struct ntsync_obj *obj, u32 *owner, u32 *count);

struct ntsync_obj *ntsync_event_create(struct ntsync_device *dev, bool manual, bool signaled);
int ntsync_event_set(struct ntsync_obj *obj, u32 *prev);
int ntsync_event_set_pi(struct ntsync_obj *obj, u32 policy, u32 prio);
int ntsync_event_reset(struct ntsync_obj *obj, u32 *prev);
int ntsync_event_pulse(struct ntsync_obj *obj, u32 *prev);
int ntsync_event_read(struct ntsync_obj *obj, u32 *manual, u32 *signaled);

#endif
