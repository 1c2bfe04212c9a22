/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tasks behind owner ids.
 */
#ifndef NTSYNC_PI_OWNER_H
#define NTSYNC_PI_OWNER_H

#include "core/object.h"
#include "task.h"

void ntsync_owner_learn_slow(struct ntsync_device *dev, struct ntsync_task *t, u32 owner);
void ntsync_owner_learn_kill(struct ntsync_device *dev, struct ntsync_task *t, u32 owner);
void ntsync_owner_set_listener(void (*fn)(struct ntsync_device *dev, u32 owner));
struct ntsync_task *ntsync_owner_find_rcu(struct ntsync_device *dev, u32 owner);

/*
 * current, whose record is @t, uses @owner. Most calls of a task use the same id, so they stop at
 * the comparison.
 */
static inline void ntsync_owner_learn(struct ntsync_device *dev, struct ntsync_task *t, u32 owner)
{
	if (unlikely(READ_ONCE(t->owner) != owner || t->owner_dev != dev->id))
		ntsync_owner_learn_slow(dev, t, owner);
}

#endif
