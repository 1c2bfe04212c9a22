/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the arbiter call of each other. */
#ifndef NTSYNC_PI_INTERNAL_H
#define NTSYNC_PI_INTERNAL_H

#include "core/wait.h"
#include "owner.h"
#include "pi.h"
#include "source.h"
#include "task.h"

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

/* chain.c */
void ntsync_pi_task_init(struct ntsync_task *t);
void ntsync_pi_task_exit(struct ntsync_task *t);
void ntsync_contrib_insert_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 key,
				  int policy);
void ntsync_contrib_erase_locked(struct ntsync_contrib *c);

/* apply.c */
bool ntsync_pi_inherits_locked(const struct ntsync_task *t);
const char *ntsync_contrib_name(const struct ntsync_contrib *c);
int ntsync_pi_base_prio_locked(const struct ntsync_task *t);
bool ntsync_pi_needs_locked(const struct ntsync_task *t);
bool ntsync_pi_lacks_locked(const struct ntsync_task *t, int prio);
struct task_struct *ntsync_task_get_living(struct ntsync_task *t);
void ntsync_pi_apply(struct ntsync_task *t);
void ntsync_pi_enter(struct ntsync_task *t);
bool ntsync_pi_leave(struct ntsync_task *t);

/* normal.c */
void ntsync_pi_wait_for_bases(void);
bool ntsync_pi_may_have(const struct ntsync_task *t, const struct ntsync_sched_params *params);
bool ntsync_pi_is_what_was_set(const struct ntsync_task *t, const struct ntsync_sched_params *now);
bool ntsync_pi_update_base(struct ntsync_task *t);
void ntsync_pi_save_base(struct ntsync_task *t);
void ntsync_pi_forget_base(struct ntsync_task *t, unsigned int refs);
void ntsync_pi_base_task_init(struct ntsync_task *t);
int ntsync_pi_base_init(void);
void ntsync_pi_base_exit(void);

/* params.c */
int ntsync_prio_of(int policy, int rt_priority);
int ntsync_task_lent_prio(struct task_struct *p);
bool ntsync_task_is_dead(const struct task_struct *p);
void ntsync_sched_params_read(struct task_struct *p, struct ntsync_sched_params *params);
int ntsync_sched_params_set(struct task_struct *p, const struct ntsync_sched_params *params);

/* task.c */
void ntsync_task_init(void);
void ntsync_task_exit(void);
struct ntsync_task *ntsync_task_next(unsigned int bucket, const struct ntsync_task *after);

/* owner.c */
void ntsync_owners_init(struct ntsync_device *dev);
void ntsync_owners_destroy(struct ntsync_device *dev);

/* boost.c */
void ntsync_boosts_end(struct ntsync_device *dev);
void ntsync_boost_drop_locked(struct ntsync_task *t);

/* fork.c: boosts are not for children */
int ntsync_fork_init(void);
void ntsync_fork_exit(void);
void ntsync_fork_put_right(struct task_struct *child);

#endif
