/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of priority inheritance share: pi.c, pi_mutex.c, pi_channel.c, pi_apply.c,
 * pi_base.c, pi_params.c, boost.c. What the rest of the driver calls is in object.h.
 */
#ifndef NTSYNC_PI_H
#define NTSYNC_PI_H

#include "object.h"

enum ntsync_pi_count {
	NTSYNC_COUNT_WALKS,	/* chain walks */
	NTSYNC_COUNT_VISITS,	/* records that they came to */
	NTSYNC_COUNT_SETS,	/* parameters that were set */
	NTSYNC_COUNT_SAVED,	/* bases that were saved: boosts that began */
	NTSYNC_COUNT_VERIFIES,	/* looks of sleepers at what they lend */
	NTSYNC_COUNT_LOOKS,	/* looks at bases that could not be forgotten at once */
	NTSYNC_COUNT_REVOKED,	/* parameters that a task had no right to, taken back */
	NTSYNC_NR_COUNTS,
};

DECLARE_PER_CPU(u64[NTSYNC_NR_COUNTS], ntsync_pi_counts);

static inline void ntsync_pi_count(enum ntsync_pi_count count)
{
	this_cpu_inc(ntsync_pi_counts[count]);
}

/* pi.c */
bool ntsync_contrib_move_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 key,
				int policy, struct ntsync_todo *todo);
void ntsync_contrib_insert_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 key,
				  int policy);
void ntsync_contrib_erase_locked(struct ntsync_contrib *c);
int ntsync_pi_wait_prio_locked(const struct ntsync_task *t, struct ntsync_wait *w);

/* Does it inherit something that it does not have itself? t->lock. */
bool ntsync_pi_inherits_locked(const struct ntsync_task *t);

/* pi_apply.c */
const char *ntsync_contrib_name(const struct ntsync_contrib *c);
int ntsync_pi_base_prio_locked(const struct ntsync_task *t);
bool ntsync_pi_needs_locked(const struct ntsync_task *t);
bool ntsync_pi_lacks_locked(const struct ntsync_task *t, int prio);
struct task_struct *ntsync_task_get_living(struct ntsync_task *t);
void ntsync_pi_apply(struct ntsync_task *t);
void ntsync_pi_enter(struct ntsync_task *t);
bool ntsync_pi_leave(struct ntsync_task *t);

/* pi_base.c */
bool ntsync_pi_may_have(const struct ntsync_task *t, const struct ntsync_sched_params *params);
bool ntsync_pi_is_what_was_set(const struct ntsync_task *t, const struct ntsync_sched_params *now);
bool ntsync_pi_update_base(struct ntsync_task *t);
void ntsync_pi_save_base(struct ntsync_task *t);
void ntsync_pi_forget_base(struct ntsync_task *t, unsigned int refs);
void ntsync_pi_look_soon(struct ntsync_task *t);
void ntsync_pi_base_task_init(struct ntsync_task *t);
int ntsync_pi_base_init(void);
void ntsync_pi_base_exit(void);

/* pi_params.c */
int ntsync_prio_of(int policy, int rt_priority);
int ntsync_normal_prio(const struct task_struct *p);
int ntsync_task_lent_prio(struct task_struct *p);
bool ntsync_task_is_dead(const struct task_struct *p);
void ntsync_sched_params_read(struct task_struct *p, struct ntsync_sched_params *params);
int ntsync_sched_params_set(struct task_struct *p, const struct ntsync_sched_params *params);

#endif
