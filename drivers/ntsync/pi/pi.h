/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The arbiter of priority inheritance. A wait reports to it by ntsync_pi_begin_wait(),
 * ntsync_pi_before_sleep() and ntsync_pi_end_wait(). A call that changes contributions (source.h)
 * under raw locks calls ntsync_pi_walk() after it has released them. Who inherits is decided where
 * the contribution is made; the head of chain.c has the map.
 */
#ifndef NTSYNC_PI_H
#define NTSYNC_PI_H

#include <linux/seq_file.h>
#include <linux/types.h>

#include "task.h"

struct ntsync_device;
struct ntsync_obj;
struct ntsync_acquirer;
struct ntsync_wait;

extern bool ntsync_pi_enabled;

/* Init and exit of the module and of an instance. Records outlive ntsync_pi_exit(). */
int ntsync_task_cache_init(void);
void ntsync_task_cache_exit(void);
int ntsync_pi_init(void);
void ntsync_pi_exit(void);
void ntsync_pi_check_kernel(void);
void ntsync_pi_device_init(struct ntsync_device *dev);
void ntsync_pi_device_exit(struct ntsync_device *dev);

/*
 * A wait of current: before it enters queues, before it sleeps, periodically while it sleeps and
 * boosts others, and after it has left all queues. ntsync_pi_inherited_prio() is for a send.
 */
void ntsync_pi_begin_wait(struct ntsync_wait *w);
void ntsync_pi_before_sleep(struct ntsync_wait *w);
void ntsync_pi_verify(struct ntsync_wait *w);
void ntsync_pi_end_wait(struct ntsync_wait *w);

/* Has current been woken because it is time to verify? Then it calls ntsync_pi_verify(). */
static inline bool ntsync_pi_verify_due(const struct ntsync_task *t)
{
	return READ_ONCE(t->verify) == NTSYNC_VERIFY_DUE;
}

int ntsync_pi_inherited_prio(struct ntsync_wait *w);

/* Before current waits for all_lock, after it has acquired it, and after it has released it. */
void ntsync_pi_all_lock_contended(void);
void ntsync_pi_all_lock_acquired(void);
void ntsync_pi_all_lock_released(void);

/*
 * current raises itself while it hands off an object, or names another owner of an address, if a
 * task of a higher priority waits there.
 */
int ntsync_pi_prio_to_take_on(u32 rank, const struct ntsync_task *self_record);
void ntsync_pi_boost_self(struct ntsync_task *t, int prio);
void ntsync_pi_unboost_self(struct ntsync_task *t);

/* After a change of contributions, without a raw lock. */
void ntsync_pi_walk_todo(struct ntsync_todo *todo);
void ntsync_pi_walk_later(struct ntsync_todo *todo);
void ntsync_pi_walk_from(struct ntsync_task *t);
void ntsync_pi_walk_own(struct ntsync_task *t);

/* Chain walk from the records in @todo; no raw lock is held. */
static inline void ntsync_pi_walk(struct ntsync_todo *todo)
{
	if (unlikely(todo->nr))
		ntsync_pi_walk_todo(todo);
}

/* boost.c: boosts that come with the signal of an event */
u32 ntsync_boost_clamp(u32 prio);
void ntsync_event_boost_assign_locked(struct ntsync_obj *obj, struct ntsync_acquirer *acquirer,
				int policy, u32 prio);
void ntsync_event_boost_end_current(struct ntsync_task *t);

/* show.c */
extern const struct seq_operations ntsync_pi_sops;
void ntsync_pi_show_stats(struct seq_file *m);

#endif
