// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arbiter's records: a task's own scheduling parameters, what it has been given
 * instead, and why. pi.c says who contributes what to whom; this says what a task is
 * to have from that, and gives it to it. All under pi_lock, which is here too, since
 * nobody may be lowered while he holds it.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "pi.h"
#include "trace.h"

DEFINE_HASHTABLE(ntsync_pi_records, NTSYNC_PI_RECORD_BITS);

/* Of the search for cycles; a record that comes during a round is for the next one. */
u32 ntsync_pi_round;

/* How many tasks have an event's boost in effect, or could not be given what they should have. */
atomic_t ntsync_boosts = ATOMIC_INIT(0);

static DEFINE_RT_MUTEX(pi_lock);

/*
 * How often pi_lock was taken, and how many hold it or have paused in the middle of work. While
 * there is none, a task without a record has its base, and nobody has seen something without
 * having done what follows from it. Written under pi_lock, read without.
 */
static unsigned int holds;
static unsigned int workers;
static LIST_HEAD(spares);

static struct {
	u64 locks;
	u64 allocs;
	u64 records;
	u64 sweeps;
} stats;

/* ---- memory ---- */

struct ntsync_pi_task *ntsync_pi_task_alloc(void)
{
	return kzalloc(sizeof(struct ntsync_pi_task), GFP_KERNEL_ACCOUNT);
}

void ntsync_pi_task_free(struct ntsync_pi_task *r)
{
	kfree(r);
}

void ntsync_pi_spare_add(struct ntsync_pi_task *r)
{
	list_add(&r->spare, &spares);
	stats.allocs++;
}

void ntsync_pi_spare_drop(void)
{
	struct ntsync_pi_task *r = list_first_entry_or_null(&spares, struct ntsync_pi_task, spare);

	if (WARN_ON_ONCE(!r))
		return;
	list_del(&r->spare);
	kfree(r);
}

/* ---- pi_lock ---- */

/*
 * Parameters that current gets when it lets go of pi_lock. It must not lower itself
 * before: a task that has taken a lock for which others wait with the same priority
 * is not boosted by them (there was no need to), nor will it be when it lowers
 * itself; it would keep them waiting for whatever preempts it.
 */
static struct {
	bool set;
	struct ntsync_sched_params params;
} own;

void ntsync_pi_lock(void)
{
	ntsync_pi_lock_again();
	stats.locks++;
}

/* On nobody's account: to go on after a break, or in the background. */
void ntsync_pi_lock_again(void)
{
	rt_mutex_lock(&pi_lock);
	WRITE_ONCE(workers, workers + 1);
	/* Pairs with the first one in ntsync_pi_peek_base_level(). */
	smp_store_release(&holds, holds + 1);
	/* Pairs with the second one there. */
	smp_wmb();
}

static void unlock(void)
{
	/* Pairs with the one in ntsync_pi_is_busy(). */
	smp_store_release(&workers, workers - 1);
	rt_mutex_unlock(&pi_lock);
}

/* Without pi_lock: is anybody at work? */
bool ntsync_pi_is_busy(void)
{
	/* Who sees none sees what they have done. */
	return smp_load_acquire(&workers);
}

static void keep_own(void);

static bool lower_and_unlock(void)
{
	guard(preempt)();
	/* For a deadline task it could sleep; somebody has made it one meanwhile. */
	if (current->policy != SCHED_DEADLINE && ntsync_sched_params_set(current, &own.params))
		return false;
	own.set = false;
	unlock();
	return true;
}

/* True if current has what it is to have, as far as that had to wait for the unlock. */
bool ntsync_pi_try_unlock(void)
{
	if (likely(!own.set)) {
		unlock();
		return true;
	}
	if (lower_and_unlock())
		return true;
	keep_own();
	unlock();
	return false;
}

/* Lets somebody else have pi_lock, in the middle of work. The same answer. */
bool ntsync_pi_pause(void)
{
	bool given;

	WRITE_ONCE(workers, workers + 1);
	given = ntsync_pi_try_unlock();
	ntsync_pi_lock_again();
	WRITE_ONCE(workers, workers - 1);
	return given;
}

/* Without what is inherited in the kernel: with pi_lock held, that may come from it. */
static int normal_level(const struct task_struct *p)
{
	return min_t(int, READ_ONCE(p->normal_prio), MAX_RT_PRIO);
}

/*
 * Without pi_lock: the level that @p has without us, or NTSYNC_UNKNOWN_LEVEL. A boost that
 * begins, is there, or ends while we look makes it unknown.
 */
int ntsync_pi_peek_base_level(const struct task_struct *p)
{
	unsigned int before = READ_ONCE(holds);
	int level;

	/* A hold that has begun by now is over, with all that it did, or counted below. */
	smp_rmb();
	if (ntsync_pi_is_busy() || ntsync_pi_task_may_be_known(p))
		return NTSYNC_UNKNOWN_LEVEL;
	level = normal_level(p);
	/* One that has begun since may have changed what we have seen. */
	smp_rmb();
	return READ_ONCE(holds) == before ? level : NTSYNC_UNKNOWN_LEVEL;
}

static int set_params_in_time(const struct ntsync_pi_task *r,
			      const struct ntsync_sched_params *params)
{
	struct task_struct *p = r->task;
	bool lower = ntsync_level_of(params->policy, params->prio) > normal_level(p);

	if (r->has_all_lock && lower)
		return -EBUSY;
	if (p == current) {
		own.set = lower;
		own.params = *params;
		if (own.set)
			return 0;
	}
	return ntsync_sched_params_set(p, params);
}

static bool lowers_itself(const struct task_struct *p)
{
	return p == current && own.set;
}

static const struct ntsync_contrib *best(const struct ntsync_pi_task *r)
{
	struct ntsync_waitq_node *n = ntsync_waitq_first(&r->contribs);

	return n ? container_of(n, struct ntsync_contrib, node) : NULL;
}

/*
 * What @p inherits, from us and, if that is @lent, from the kernel. It may well be less
 * than @p has of its own.
 */
int ntsync_pi_task_inherits(const struct task_struct *p, int lent)
{
	const struct ntsync_pi_task *r = ntsync_pi_task_find(p);
	const struct ntsync_contrib *top = r ? best(r) : NULL;

	return top ? min(ntsync_waitq_level(&top->node), lent) : lent;
}

/*
 * The level that wait @w of task @p is to have when we are done. A request has the
 * priority that was asked for, not its sender's; but who waits for the sender waits
 * for the request.
 */
int ntsync_pi_wait_level(const struct ntsync_wait *w, struct task_struct *p)
{
	if (w->send)
		return ntsync_pi_task_inherits(p, p == current ? w->lent : ntsync_task_lent_level(p));
	if (p != current)
		return ntsync_task_level(p);
	if (own.set)
		return min(ntsync_level_of(own.params.policy, own.params.prio), w->lent);
	return min(normal_level(p), w->lent);
}

/* ---- what a task is to have ---- */

static bool has_cap_sys_nice(struct task_struct *p)
{
	const struct cred *cred;

	guard(rcu)();
	cred = __task_cred(p);
	return cred->user_ns == &init_user_ns && cap_raised(cred->cap_effective, CAP_SYS_NICE);
}

/* Could @r's task have given itself these, had it not been boosted? As sched(7) says. */
static bool may_have(const struct ntsync_pi_task *r, const struct ntsync_sched_params *params)
{
	unsigned long limit = task_rlimit(r->task, RLIMIT_RTPRIO);

	/* Nothing that we give helps to become a deadline task. */
	if (params->policy == SCHED_DEADLINE)
		return true;
	/*
	 * Before it was boosted, too: what it has done without may come to our notice only
	 * when it is in the middle of a set-user-ID program.
	 */
	if (r->had_cap && has_cap_sys_nice(r->task))
		return true;
	if (params->policy == SCHED_FIFO || params->policy == SCHED_RR)
		return (params->policy == r->base.policy || limit) &&
		       (params->prio <= r->base.prio || params->prio <= limit);
	return r->base.policy != SCHED_IDLE || params->policy == SCHED_IDLE ||
	       nice_to_rlimit(task_nice(r->task)) <= task_rlimit(r->task, RLIMIT_NICE);
}

/*
 * Has somebody changed the parameters of a boosted task? They are the new base,
 * unless only the boost has made that possible; then the old base comes back. True
 * if so: the task has to be given what it is to have, whatever that is.
 */
static bool adopt_changes(struct ntsync_pi_task *r)
{
	struct ntsync_sched_params now;

	if (lowers_itself(r->task))
		return false; /* it has not got yet what we have decided */
	ntsync_sched_params_read(r->task, &now);
	if (!r->prio && !r->retry) {
		r->base = now;
		return false;
	}
	/* While it is boosted it has the flag, unless somebody has set all of them anew. */
	if (now.policy == r->policy && now.prio == r->prio &&
	    (now.reset_on_fork || !r->prio))
		return r->retry;

	r->prio = 0;
	if (may_have(r, &now)) {
		/* Ours, unless it was there before: sched_setparam() keeps it. */
		now.reset_on_fork &= r->base.reset_on_fork;
		now.slack = ntsync_level_of(now.policy, now.prio) < MAX_RT_PRIO ? 0 : r->base.slack;
		r->base = now;
	}
	return true;
}

/* What it could not be given has to be tried again; it has what it has. */
static void set_retry(struct ntsync_pi_task *r, bool retry)
{
	struct ntsync_sched_params now;

	if (retry) {
		ntsync_sched_params_read(r->task, &now);
		r->policy = now.policy;
		r->prio = now.prio;
	}
	if (r->retry == retry)
		return;
	r->retry = retry;
	/* The next wait looks whether it has a boost to end. */
	atomic_add(retry ? 1 : -1, &ntsync_boosts);
}

static bool give(struct ntsync_pi_task *r, const struct ntsync_sched_params *want)
{
	if (set_params_in_time(r, want)) {
		set_retry(r, true);
		return false;
	}
	set_retry(r, false);
	return true;
}

static bool apply_boost(struct ntsync_pi_task *r, const struct ntsync_contrib *top, bool foreign)
{
	const struct ntsync_sched_params want = {
		.policy = top->policy,
		.prio = ntsync_prio_of_level(ntsync_waitq_level(&top->node)),
		.reset_on_fork = true,
	};
	int old = r->prio ?: r->base.prio;

	if (!foreign && r->policy == want.policy && r->prio == want.prio)
		return false;
	if (!give(r, &want))
		return false;
	r->policy = want.policy;
	r->prio = want.prio;
	if (want.prio >= old)
		trace_ntsync_boost(r->task, top->name, old, want.prio);
	else
		trace_ntsync_unboost(r->task, top->name, old, want.prio);
	return true;
}

static bool apply_base(struct ntsync_pi_task *r, bool foreign)
{
	int old = r->prio ?: r->base.prio;

	if (!r->prio && !foreign)
		return false;
	if (!give(r, &r->base))
		return false;
	r->prio = 0;
	trace_ntsync_unboost(r->task, "none", old, r->base.prio);
	return true;
}

/* Equation [2]. True if the task's level has changed. */
bool ntsync_pi_task_apply(struct ntsync_pi_task *r)
{
	const struct ntsync_contrib *top = best(r);
	bool foreign = adopt_changes(r);

	if (top && ntsync_waitq_level(&top->node) < ntsync_level_of(r->base.policy, r->base.prio))
		return apply_boost(r, top, foreign);
	return apply_base(r, foreign);
}

/* ---- records ---- */

/*
 * Without pi_lock: false if there is no record of @p, as of the moment of the call.
 */
bool ntsync_pi_task_may_be_known(const struct task_struct *p)
{
	return !hlist_empty(&ntsync_pi_records[hash_min((unsigned long)p,
							HASH_BITS(ntsync_pi_records))]);
}

/* Without pi_lock, by current when it blocks: false if it has nothing but its own. */
bool ntsync_pi_may_inherit(void)
{
	return current->prio < current->normal_prio || ntsync_pi_task_may_be_known(current);
}

struct ntsync_pi_task *ntsync_pi_task_find(const struct task_struct *p)
{
	struct ntsync_pi_task *r;

	hash_for_each_possible(ntsync_pi_records, r, hash, (unsigned long)p) {
		if (r->task == p)
			return r;
	}
	return NULL;
}

struct ntsync_pi_task *ntsync_pi_task_get(struct task_struct *p)
{
	struct ntsync_pi_task *r = ntsync_pi_task_find(p);

	if (r)
		return r;
	r = list_first_entry(&spares, struct ntsync_pi_task, spare);
	list_del(&r->spare);
	memset(r, 0, sizeof(*r));
	r->task = get_task_struct(p);
	ntsync_waitq_init(&r->contribs);
	ntsync_waitq_node_init(&r->event.node, 0);
	r->walk.round = ntsync_pi_round;
	r->had_cap = has_cap_sys_nice(p);
	if (lowers_itself(p))
		r->base = own.params;
	else
		ntsync_sched_params_read(p, &r->base);
	hash_add(ntsync_pi_records, &r->hash, (unsigned long)p);
	stats.records++;
	return r;
}

/*
 * Is @level more than @p has of its own? If somebody has changed its parameters that is
 * for ntsync_pi_task_apply() to say.
 */
bool ntsync_pi_task_needs(const struct task_struct *p, int level)
{
	const struct ntsync_pi_task *r;

	if (level == MAX_RT_PRIO)
		return false;
	r = ntsync_pi_task_find(p);
	if (r)
		return level < ntsync_level_of(r->base.policy, r->base.prio) ||
		       (!lowers_itself(p) &&
			READ_ONCE(p->rt_priority) != (r->prio ?: r->base.prio));
	if (lowers_itself(p))
		return level < ntsync_level_of(own.params.policy, own.params.prio);
	return level < normal_level(p);
}

void ntsync_contrib_attach(struct ntsync_contrib *c, struct ntsync_pi_task *r, int level)
{
	c->task = r;
	ntsync_waitq_insert(&r->contribs, &c->node, level);
}

void ntsync_contrib_detach(struct ntsync_contrib *c)
{
	ntsync_waitq_erase(&c->task->contribs, &c->node);
	c->task = NULL;
}

static void add_spare(void)
{
	ntsync_pi_spare_add(kzalloc(sizeof(struct ntsync_pi_task), GFP_KERNEL | __GFP_NOFAIL));
}

/*
 * A record that stays although nothing contributes any more leaves another one to the
 * spares; without this there would be one too few.
 */
static void keep(struct ntsync_pi_task *r)
{
	if (r->kept)
		return;
	add_spare();
	r->kept = true;
}

/* current could not be given what it was to have; that may have been the record's end. */
static void keep_own(void)
{
	struct ntsync_pi_task *r = ntsync_pi_task_find(current);

	if (!r) {
		add_spare();
		r = ntsync_pi_task_get(current);
		r->kept = true;
	}
	own.set = false;
	set_retry(r, true);
}

/* The end of a record that has nothing left to say. */
void ntsync_pi_task_put_idle(struct ntsync_pi_task *r)
{
	if (ntsync_task_is_dead(r->task)) {
		set_retry(r, false);
		r->has_all_lock = false;
	}
	if (r->contribs.count)
		return;
	if (r->retry || r->has_all_lock) {
		keep(r);
		return;
	}
	hash_del(&r->hash);
	put_task_struct(r->task);
	if (r->kept)
		kfree(r);
	else
		list_add(&r->spare, &spares);
}

/* ---- for people ---- */

void ntsync_pi_count_sweep(void)
{
	stats.sweeps++;
}

void ntsync_pi_show_stats(struct seq_file *m)
{
	ntsync_pi_lock_again();
	seq_printf(m, "pi_lock: %llu\n", stats.locks);
	seq_printf(m, "pi_alloc: %llu\n", stats.allocs);
	seq_printf(m, "pi_records_total: %llu\n", stats.records);
	seq_printf(m, "pi_sweeps: %llu\n", stats.sweeps);
	ntsync_pi_try_unlock();
}
