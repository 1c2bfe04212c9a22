/* SPDX-License-Identifier: GPL-2.0-only */
/* For the files of the arbiter only. */
#ifndef NTSYNC_PI_INTERNAL_H
#define NTSYNC_PI_INTERNAL_H

#include "core/wait.h"
#include "loan.h"
#include "owner.h"
#include "pi.h"
#include "source.h"
#include "task.h"

enum ntsync_pi_count {
	NTSYNC_COUNT_WALKS,	/* chain walks */
	NTSYNC_COUNT_RECORDS,	/* records that they have processed */
	NTSYNC_COUNT_SETS,	/* parameters that were set */
	NTSYNC_COUNT_BOOSTS,	/* boosts that have begun */
	NTSYNC_COUNT_VERIFIES,	/* verifications by sleepers whose priority boosts others */
	NTSYNC_COUNT_RECHECKS,	/* rechecks after a boost, see normal.c */
	NTSYNC_COUNT_REVOKED,	/* parameters that a task was not permitted, taken back */
	NTSYNC_NR_COUNTS,
};

DECLARE_PER_CPU(u64[NTSYNC_NR_COUNTS], ntsync_pi_counts);

static inline void ntsync_pi_count(enum ntsync_pi_count count)
{
	this_cpu_inc(ntsync_pi_counts[count]);
}

/* chain.c */
int ntsync_pi_mark_dead(struct ntsync_task *t);
void ntsync_contrib_insert_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 rank,
				  int policy);
void ntsync_contrib_erase_locked(struct ntsync_contrib *c);

void ntsync_pi_walk_verify(struct ntsync_task *t);
bool ntsync_pi_needs_verify(struct ntsync_task *t, int prio, bool *below);
void ntsync_pi_disable(void);

/* sleeper.c */
void ntsync_verify_timer_init(struct ntsync_task *t);
void ntsync_verify_timer_exit(struct ntsync_task *t);

/* apply.c */
bool ntsync_pi_is_boosted_locked(const struct ntsync_task *t);
const char *ntsync_contrib_name(const struct ntsync_contrib *c);
int ntsync_pi_normal_prio_locked(const struct ntsync_task *t);
bool ntsync_pi_needs_apply_locked(const struct ntsync_task *t);
bool ntsync_pi_is_below_locked(const struct ntsync_task *t, int prio);
void ntsync_pi_apply(struct ntsync_task *t);
void ntsync_pi_lower_disable(struct ntsync_task *t);
bool ntsync_pi_lower_enable(struct ntsync_task *t);

/* normal.c */
void ntsync_pi_wait_for_setters(void);
bool ntsync_pi_params_permitted(const struct ntsync_task *t,
				const struct ntsync_sched_params *params);
bool ntsync_pi_params_are_ours(const struct ntsync_task *t, const struct ntsync_sched_params *now);
bool ntsync_pi_update_normal(struct ntsync_task *t);
void ntsync_pi_save_normal_locked(struct ntsync_task *t);
void ntsync_pi_forget_normal(struct ntsync_task *t, unsigned int refs);
void ntsync_pi_normal_task_init(struct ntsync_task *t);
void ntsync_pi_flush_work(void);
int ntsync_pi_normal_init(void);
void ntsync_pi_normal_exit(void);

/* params.c */
int ntsync_attr_to_prio(int policy, int rt_priority);
int ntsync_prio_to_attr(int prio);
int ntsync_task_kernel_boost_prio(struct task_struct *p);
bool ntsync_task_is_dead(const struct task_struct *p);
void ntsync_sched_params_read(struct task_struct *p, struct ntsync_sched_params *params);
int ntsync_sched_params_set(struct task_struct *p, const struct ntsync_sched_params *params);

/* task.c */
void ntsync_records_init(void);
void ntsync_records_destroy(void);
struct ntsync_task *ntsync_task_next(unsigned int slot, const struct ntsync_task *after);

/*
 * The priority that a task passes on: the highest of its normal prio, its highest contribution, and
 * a boost by the kernel's own locks. Also the number of hops that it has come by; the first and the
 * third have none. t->lock is held, and the task has not exited. A walk does not pass on the
 * priority that the task has at the moment: that could be a boost that another walk is about to
 * end. Without @normal the task's normal prio is left out.
 */
static __always_inline int ntsync_pi_target_prio_locked(const struct ntsync_task *t, bool normal,
							unsigned int *hops)
{
	u32 top = ntsync_task_top_key_locked(t);
	int inherited = top == NTSYNC_NO_CONTRIB ? MAX_RT_PRIO : ntsync_contrib_prio(top);
	int own = ntsync_task_kernel_boost_prio(t->task);

	if (normal)
		own = min(own, ntsync_pi_normal_prio_locked(t));
	*hops = inherited < own ? ntsync_contrib_hops(top) : 0;
	return min(own, inherited);
}

/* owner.c */
void ntsync_owners_init(struct ntsync_device *dev);
void ntsync_owners_destroy(struct ntsync_device *dev);

/* boost.c */
void ntsync_device_end_event_boosts(struct ntsync_device *dev);
void ntsync_event_boost_end_exiting_locked(struct ntsync_task *t);

/* loan.c */
int ntsync_loan_update(struct ntsync_task *t, struct ntsync_todo *changed,
		       struct ntsync_todo *others);
void ntsync_loan_end_later(struct ntsync_task *t);
void ntsync_device_end_loans(struct ntsync_device *dev);
void ntsync_loan_task_init(struct ntsync_task *t);
int ntsync_loan_init(void);
void ntsync_loan_exit(void);

/* fork.c */
int ntsync_fork_init(void);
void ntsync_fork_exit(void);
void ntsync_fork_fix_child(struct task_struct *child);

/* selftest.c */
const char *ntsync_pi_selftest(void);

#endif
