// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arbiter: who inherits whose priority. It is the only place that changes a
 * task's scheduling parameters, and there is one for the whole module, as a task
 * can work with several devices. docs/pi.md has the model at length; in short:
 *
 *   wait entries of real-time tasks --> mutex --> its owner's record --> the owner
 *   (entry->pi, by level)		  (contrib)		        and on, from the
 *								wait that it sleeps in
 *
 * Three equations hold whenever nothing is marked dirty:
 *
 * [1] a mutex contributes the best level among its waiters to its owner
 * [2] a task has the best of its own level (the base) and all contributions to it
 * [3] the entries of a sleeping task have the level of the task
 *
 * Whatever changes one side marks the mutex, and catch_up() repairs one mutex after
 * the other: [1] for the mutex, [2] for its owners, [3] for the owners' waits, which
 * marks the mutexes that those wait for. It drops pi_lock in between, so the length
 * of a chain is nobody's latency, and leaves when nothing is marked: the call that
 * has changed something does not return before its consequences have happened,
 * whoever has worked on them.
 *
 * It ends, in a cycle too: mutexes whose contribution gets worse go first. Such a
 * step makes levels only worse, of which there are finitely many, and marks nothing
 * that gets better; when none is left, a step makes levels only better, and nothing
 * that gets worse comes from it; a new owner counts as two changes from outside. (In a cycle, which is a deadlock as long as it
 * lasts, a level may go on being inherited around it after its source has left. It
 * goes as soon as anyone leaves the cycle.)
 *
 * Records never fail to be there: every active mutex, and every event boost in
 * effect, has brought one along, and each needs at most one task to be boosted; one
 * more is for the moment between two owners. All
 * memory is allocated by calls that may sleep and may say -ENOMEM before they have
 * changed anything; further down a chain, where nobody could be told, it is
 * allocated so that it can't fail.
 *
 * Protected by pi_lock, an rt_mutex: who works here with a low priority inherits
 * that of whoever waits for the lock. Taken inside all_lock, outside obj->lock.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/sched/deadline.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>
#include <uapi/linux/sched/types.h>

#include "lock.h"
#include "ntsync_internal.h"
#include "trace.h"

/**
 * struct params - a task's scheduling parameters, as far as a boost changes them
 * @policy: as in sched_attr
 * @prio: as in sched_attr, 0 for normal tasks
 * @reset_on_fork: children start as normal tasks
 * @slice: a slice that the task has asked for, or 0
 * @slack: timer slack, which the kernel resets for real-time tasks
 *
 * Nice is not among them: setpriority() works on a boosted task as ever, and it is
 * read when it is needed.
 */
struct params {
	int policy;
	int prio;
	bool reset_on_fork;
	u64 slice;
	u64 slack;
};

/**
 * struct ntsync_pi_task - the record of a task that has contributions
 * @hash: in records, by @task
 * @spare: in spares, while it stands for no task
 * @task: counted
 * @contribs: struct ntsync_contrib, the best one first
 * @event: the one of an event's boost
 * @event_dev: number of the instance that this came from
 * @base: what the task is without us
 * @policy: what we have given to it
 * @prio: likewise; 0 while it has its base
 */
struct ntsync_pi_task {
	union {
		struct hlist_node hash;
		struct list_head spare;
	};
	struct task_struct *task;
	struct ntsync_waitq contribs;
	struct ntsync_contrib event;
	u64 event_dev;
	struct params base;
	int policy;
	int prio;
};

bool ntsync_pi_enabled __read_mostly = true;

/* Mutexes whose owner has changed; filled under obj->lock, emptied under pi_lock. */
LLIST_HEAD(ntsync_pi_stale);

/* Boosts on their way to the tasks that have taken them; likewise. */
LLIST_HEAD(ntsync_pi_handed);

/* What was put into these two and is not completely done with. */
atomic_t ntsync_pi_pending = ATOMIC_INIT(0);

/* How many tasks have an event's boost in effect. */
atomic_t ntsync_boosts = ATOMIC_INIT(0);

static DEFINE_RT_MUTEX(pi_lock);
static DEFINE_HASHTABLE(records, 7);
static LIST_HEAD(spares);
static LIST_HEAD(active);
static LIST_HEAD(worse);	/* marked: the contribution gets worse, or ends */
static LIST_HEAD(better);	/* marked: all others */

static void sweep(struct work_struct *work);
static DECLARE_DELAYED_WORK(sweeper, sweep);

static struct {
	u64 locks;
	u64 allocs;
	u64 records;
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

/* With the record that it brings along. */
static struct ntsync_pi_mutex *mutex_alloc(gfp_t gfp)
{
	struct ntsync_pi_mutex *m = kzalloc(sizeof(*m), gfp);

	if (!m)
		return NULL;
	m->spare = kzalloc(sizeof(*m->spare), gfp);
	if (!m->spare) {
		kfree(m);
		return NULL;
	}
	return m;
}

static void mutex_free(struct ntsync_pi_mutex *m)
{
	kfree(m->spare);
	kfree(m);
}

static void add_spare(struct ntsync_pi_task *r)
{
	list_add(&r->spare, &spares);
	stats.allocs++;
}

static void drop_spare(void)
{
	struct ntsync_pi_task *r = list_first_entry_or_null(&spares, struct ntsync_pi_task, spare);

	if (WARN_ON_ONCE(!r))
		return;
	list_del(&r->spare);
	kfree(r);
}

/* ---- a task's parameters ---- */

static int level_of(int policy, int prio)
{
	if (policy == SCHED_DEADLINE)
		return MAX_DL_PRIO - 1;
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return MAX_RT_PRIO - 1 - prio;
	return MAX_RT_PRIO;
}

static int prio_of(int level)
{
	return min(MAX_RT_PRIO - 1 - level, MAX_RT_PRIO - 1);
}

/* The kernel changes them one after the other under this lock. */
static void read_params(struct task_struct *p, struct params *params)
{
	guard(raw_spinlock_irqsave)(&p->pi_lock);
	params->policy = p->policy;
	params->prio = p->rt_priority;
	params->reset_on_fork = p->sched_reset_on_fork;
	params->slice = p->se.custom_slice ? p->se.slice : 0;
	params->slack = p->timer_slack_ns;
}

static bool is_dead(const struct task_struct *p)
{
	return READ_ONCE(p->exit_state);
}

static void set_params(struct task_struct *p, const struct params *params)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = params->policy,
		.sched_priority = params->prio,
		.sched_nice = task_nice(p),
		.sched_flags = params->reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0,
		.sched_runtime = params->slice,
	};

	/* Somebody has made it one meanwhile; that is above all that we could give. */
	if (params->policy == SCHED_DEADLINE)
		return;
	WARN_ON_ONCE(sched_setattr_nocheck(p, &attr) && !is_dead(p));
	if (params->slack)
		WRITE_ONCE(p->timer_slack_ns, params->slack);
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
	struct params params;
} own;

void ntsync_pi_lock(void)
{
	rt_mutex_lock(&pi_lock);
	stats.locks++;
}

void ntsync_pi_unlock(void)
{
	struct params params = own.params;

	if (likely(!own.set)) {
		rt_mutex_unlock(&pi_lock);
		return;
	}
	own.set = false;
	guard(preempt)();
	/* For a deadline task it could sleep; somebody has made it one meanwhile. */
	if (current->policy != SCHED_DEADLINE)
		set_params(current, &params);
	rt_mutex_unlock(&pi_lock);
}

/* Without what is inherited in the kernel: with pi_lock held, that may come from it. */
static int normal_level(const struct task_struct *p)
{
	return min_t(int, READ_ONCE(p->normal_prio), MAX_RT_PRIO);
}

static void set_params_in_time(struct task_struct *p, const struct params *params)
{
	if (p == current) {
		own.set = level_of(params->policy, params->prio) > normal_level(p);
		own.params = *params;
		if (own.set)
			return;
	}
	set_params(p, params);
}

static bool lowers_itself(const struct task_struct *p)
{
	return p == current && own.set;
}

/* The level that wait @w of task @p is to have when we are done. */
static int wait_level(const struct ntsync_wait *w, const struct task_struct *p)
{
	if (p != current)
		return ntsync_task_level(p);
	if (own.set)
		return min(level_of(own.params.policy, own.params.prio), w->lent);
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
static bool may_have(const struct ntsync_pi_task *r, const struct params *params)
{
	unsigned long limit = task_rlimit(r->task, RLIMIT_RTPRIO);

	/* Nothing that we give helps to become a deadline task. */
	if (params->policy == SCHED_DEADLINE || has_cap_sys_nice(r->task))
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
	struct params now;

	if (lowers_itself(r->task))
		return false; /* it has not got yet what we have decided */
	read_params(r->task, &now);
	if (!r->prio) {
		r->base = now;
		return false;
	}
	if (now.policy == r->policy && now.prio == r->prio)
		return false;

	r->prio = 0;
	if (may_have(r, &now)) {
		/* Ours, unless it was there before: sched_setparam() keeps it. */
		now.reset_on_fork &= r->base.reset_on_fork;
		now.slack = level_of(now.policy, now.prio) < MAX_RT_PRIO ? 0 : r->base.slack;
		r->base = now;
	}
	return true;
}

static const struct ntsync_contrib *best(const struct ntsync_pi_task *r)
{
	struct ntsync_waitq_node *n = ntsync_waitq_first(&r->contribs);

	return n ? container_of(n, struct ntsync_contrib, node) : NULL;
}

/* Equation [2]. True if the task's level has changed. */
static bool apply(struct ntsync_pi_task *r)
{
	const struct ntsync_contrib *top = best(r);
	int old = r->prio ?: r->base.prio;
	bool foreign = adopt_changes(r);
	struct params want = r->base;

	if (top && top->node.level < level_of(r->base.policy, r->base.prio)) {
		want.policy = top->policy;
		want.prio = prio_of(top->node.level);
		want.reset_on_fork = true;
		want.slice = 0;
		want.slack = 0;
		if (!foreign && r->policy == want.policy && r->prio == want.prio)
			return false;
		r->policy = want.policy;
		r->prio = want.prio;
		set_params_in_time(r->task, &want);
		if (want.prio >= old)
			trace_ntsync_boost(r->task, top->event ? "event" : "mutex", old, want.prio);
		else
			trace_ntsync_unboost(r->task, top->event ? "event" : "mutex", old,
					     want.prio);
		return true;
	}

	if (!r->prio && !foreign)
		return false;
	r->prio = 0;
	set_params_in_time(r->task, &want);
	trace_ntsync_unboost(r->task, "none", old, want.prio);
	return true;
}

/* ---- records ---- */

static struct ntsync_pi_task *find_record(const struct task_struct *p)
{
	struct ntsync_pi_task *r;

	hash_for_each_possible(records, r, hash, (unsigned long)p) {
		if (r->task == p)
			return r;
	}
	return NULL;
}

static struct ntsync_pi_task *get_record(struct task_struct *p)
{
	struct ntsync_pi_task *r = find_record(p);

	if (r)
		return r;
	r = list_first_entry(&spares, struct ntsync_pi_task, spare);
	list_del(&r->spare);
	memset(r, 0, sizeof(*r));
	r->task = get_task_struct(p);
	ntsync_waitq_init(&r->contribs);
	RB_CLEAR_NODE(&r->event.node.rb);
	if (lowers_itself(p))
		r->base = own.params;
	else
		read_params(p, &r->base);
	hash_add(records, &r->hash, (unsigned long)p);
	stats.records++;
	schedule_delayed_work(&sweeper, HZ);
	return r;
}

static void follow(struct task_struct *p);

/* After a change of @r's contributions: [2] and [3], and the end of an empty record. */
static void update_task(struct ntsync_pi_task *r)
{
	if (!is_dead(r->task) && apply(r))
		follow(r->task);
	if (r->contribs.count)
		return;
	hash_del(&r->hash);
	put_task_struct(r->task);
	list_add(&r->spare, &spares);
}

static void attach(struct ntsync_contrib *c, struct ntsync_pi_task *r, int level)
{
	c->task = r;
	ntsync_waitq_insert(&r->contribs, &c->node, level);
}

static void detach(struct ntsync_contrib *c)
{
	ntsync_waitq_erase(&c->task->contribs, &c->node);
	c->task = NULL;
}

/* ---- mutexes ---- */

/*
 * The best level among those whom the mutex keeps waiting: nobody inherits from
 * himself, nor from a task that has the same owner id and gets it all the same.
 */
static int level_of_waiters(const struct ntsync_pi_mutex *m, const struct task_struct *owner)
{
	u32 id = READ_ONCE(m->obj->mutex.owner);
	struct ntsync_waitq_node *n;

	for (n = ntsync_waitq_first(&m->waiters); n; n = ntsync_waitq_next(n)) {
		const struct ntsync_wait_entry *e = container_of(n, struct ntsync_wait_entry, pi);

		if (e->wait->taker.task != owner && e->wait->taker.owner != id)
			return n->level;
	}
	return MAX_RT_PRIO;
}

static bool gets_worse(const struct ntsync_pi_mutex *m)
{
	const struct ntsync_pi_task *r = m->contrib.task;

	return r && level_of_waiters(m, r->task) > m->contrib.node.level;
}

static void mark(struct ntsync_pi_mutex *m)
{
	list_move_tail(&m->dirty, gets_worse(m) ? &worse : &better);
}

/* How many there were. */
static int mark_stale(void)
{
	struct ntsync_pi_mutex *m, *next;
	int nr = 0;

	llist_for_each_entry_safe(m, next, llist_del_all(&ntsync_pi_stale), stale) {
		clear_bit_unlock(0, &m->queued); /* it may be added again: we have its next */
		mark(m);
		nr++;
	}
	return nr;
}

static struct ntsync_pi_mutex *activate(struct ntsync_obj *obj, struct list_head *kits)
{
	struct ntsync_pi_mutex *m = obj->mutex.pi;

	if (m)
		return m;
	m = list_first_entry_or_null(kits, struct ntsync_pi_mutex, active);
	if (m)
		list_del(&m->active);
	else
		m = mutex_alloc(GFP_KERNEL | __GFP_NOFAIL);

	add_spare(m->spare);
	m->spare = NULL;
	m->obj = obj;
	ntsync_waitq_init(&m->waiters);
	RB_CLEAR_NODE(&m->contrib.node.rb);
	m->contrib.policy = SCHED_FIFO;
	INIT_LIST_HEAD(&m->dirty);
	list_add(&m->active, &active);

	guard(raw_spinlock)(&obj->lock);
	obj->mutex.pi = m;
	return m;
}

/* How many others it has marked, see mark_stale(). */
static int deactivate(struct ntsync_pi_mutex *m)
{
	int nr;

	scoped_guard(raw_spinlock, &m->obj->lock)
		m->obj->mutex.pi = NULL;
	/* It may be among the stale ones, and nobody can add it again after this. */
	nr = mark_stale();
	list_del(&m->dirty);
	list_del(&m->active);
	kfree(m);
	drop_spare();
	return nr;
}

/*
 * Equation [1] for one mutex, [2] and [3] for its owner and, if that has changed, for
 * the old one too, after the new one. How many others it has marked.
 */
static int update_mutex(struct ntsync_pi_mutex *m)
{
	struct ntsync_pi_task *old = m->contrib.task, *new = NULL;
	struct task_struct *owner = NULL;
	int level = MAX_RT_PRIO;

	if (m->waiters.count)
		owner = ntsync_owner_get_task(m->obj);
	if (owner)
		level = level_of_waiters(m, owner);
	if (level < MAX_RT_PRIO)
		new = get_record(owner);
	if (old)
		detach(&m->contrib);
	if (new) {
		attach(&m->contrib, new, level);
		update_task(new);
	}
	if (old && old != new)
		update_task(old);
	if (owner)
		put_task_struct(owner);
	return m->waiters.count ? 0 : deactivate(m);
}

/* ---- waits ---- */

/* Entry @e of a sleeper stands for @level now, with the mutex that it waits for. */
static void update_entry(struct ntsync_wait_entry *e, int level, struct list_head *kits)
{
	struct ntsync_pi_mutex *m;

	if (level < MAX_RT_PRIO) {
		if (ntsync_waitq_queued(&e->pi) && e->pi.level == level)
			return;
		m = activate(e->obj, kits);
		if (ntsync_waitq_queued(&e->pi))
			ntsync_waitq_move(&m->waiters, &e->pi, level);
		else
			ntsync_waitq_insert(&m->waiters, &e->pi, level);
		e->wait->pi = true;
		mark(m);
	} else if (ntsync_waitq_queued(&e->pi)) {
		m = e->obj->mutex.pi;
		ntsync_waitq_erase(&m->waiters, &e->pi);
		mark(m);
	}
}

/* Its place in the any-queue. Wait-alls are sorted when they are looked at. */
static void move_entry(struct ntsync_wait_entry *e, int level)
{
	guard(raw_spinlock)(&e->obj->lock);
	if (ntsync_waitq_queued(&e->node) && e->node.level != level)
		ntsync_waitq_move(&e->obj->any, &e->node, level);
}

/* Equation [3]. */
static void update_wait(struct ntsync_wait *w, int level, struct list_head *kits)
{
	u32 i;

	for (i = 0; i < w->nr; i++) {
		struct ntsync_wait_entry *e = &w->entries[i];

		if (!w->all || i == w->count)
			move_entry(e, level);
		if (e->obj->ops->owned)
			update_entry(e, level, kits);
	}
	w->level = level;
}

static void follow(struct task_struct *p)
{
	struct ntsync_wait *w = ntsync_sleeper_pin_locked(p);
	LIST_HEAD(no_kits);

	if (!w)
		return;
	update_wait(w, wait_level(w, p), &no_kits);
	ntsync_sleeper_unpin_locked(w);
}

/* ---- boosts of events ---- */

static void end_event_boost(struct ntsync_pi_task *r)
{
	detach(&r->event);
	atomic_dec(&ntsync_boosts);
	update_task(r);
	drop_spare();
}

/* Until the task's next wait. Of two that one wait has taken, the better counts. */
static void start_event_boost(struct ntsync_boost *b)
{
	struct ntsync_pi_task *r;

	add_spare(b->spare);
	b->spare = NULL;
	r = get_record(b->task);
	if (ntsync_waitq_queued(&r->event.node)) {
		if (r->event.node.level <= b->level) {
			drop_spare();
			return;
		}
		detach(&r->event);
		atomic_dec(&ntsync_boosts);
		drop_spare();
	}
	r->event.policy = b->policy;
	r->event.event = true;
	r->event_dev = b->dev;
	attach(&r->event, r, b->level);
	atomic_inc(&ntsync_boosts);
	update_task(r);
}

/* The takers can't leave: they need pi_lock for that. How many there were. */
static int apply_handed(void)
{
	struct ntsync_boost *b, *next;
	int nr = 0;

	llist_for_each_entry_safe(b, next, llist_del_all(&ntsync_pi_handed), handed) {
		start_event_boost(b);
		nr++;
	}
	return nr;
}

/* ---- until the equations hold ---- */

static struct ntsync_pi_mutex *next_dirty(void)
{
	struct ntsync_pi_mutex *m;

	m = list_first_entry_or_null(&worse, struct ntsync_pi_mutex, dirty) ?:
	    list_first_entry_or_null(&better, struct ntsync_pi_mutex, dirty);
	if (m)
		list_del_init(&m->dirty);
	return m;
}

static void catch_up(void)
{
	struct ntsync_pi_mutex *m;
	int done = 0;

	for (;;) {
		done += apply_handed();
		done += mark_stale();
		m = next_dirty();
		if (!m)
			break;
		done += update_mutex(m);
		/* Whoever waits for us may go on with what is left, or do something else. */
		ntsync_pi_unlock();
		rt_mutex_lock(&pi_lock);
	}
	atomic_sub(done, &ntsync_pi_pending);
}

void ntsync_pi_run(void)
{
	ntsync_pi_lock();
	catch_up();
	ntsync_pi_unlock();
}

/* current has used an owner id that was not known as its own: guesses may be wrong. */
void ntsync_pi_learnt(const struct ntsync_device *dev, u32 owner)
{
	struct ntsync_pi_mutex *m;

	smp_mb(); /* one that is activated just now finds what we have learnt */
	if (list_empty_careful(&active))
		return;
	ntsync_pi_lock();
	list_for_each_entry(m, &active, active) {
		const struct ntsync_obj *obj = m->obj;

		if (obj->dev == dev && READ_ONCE(obj->mutex.guessed) &&
		    READ_ONCE(obj->mutex.owner) == owner)
			mark(m);
	}
	catch_up();
	ntsync_pi_unlock();
}

/* ---- the sleeper's side ---- */

static void free_kits(struct list_head *kits)
{
	struct ntsync_pi_mutex *m, *next;

	list_for_each_entry_safe(m, next, kits, active)
		mutex_free(m);
}

/* One for each mutex that might have to be activated. */
static int alloc_kits(const struct ntsync_wait *w, struct list_head *kits)
{
	u32 i;

	for (i = 0; i < w->nr; i++) {
		struct ntsync_obj *obj = w->entries[i].obj;
		struct ntsync_pi_mutex *m;

		if (!obj->ops->owned || READ_ONCE(obj->mutex.pi))
			continue;
		m = mutex_alloc(GFP_KERNEL_ACCOUNT);
		if (!m) {
			free_kits(kits);
			return -ENOMEM;
		}
		list_add(&m->active, kits);
	}
	return 0;
}

static bool waits_for_owner(const struct ntsync_wait *w)
{
	u32 i;

	for (i = 0; i < w->nr; i++) {
		if (w->entries[i].obj->ops->owned)
			return true;
	}
	return false;
}

static int block(struct ntsync_wait *w)
{
	LIST_HEAD(kits);
	int ret;

	if (waits_for_owner(w)) {
		ret = alloc_kits(w, &kits);
		if (ret)
			return ret;
	}
	if (current->prio < current->normal_prio)
		w->lent = ntsync_task_level(current);
	ntsync_pi_lock();
	update_wait(w, wait_level(w, current), &kits);
	catch_up();
	ntsync_pi_unlock();
	free_kits(&kits);
	return 0;
}

/**
 * ntsync_pi_block() - current is about to sleep
 * @w: its wait, in all queues
 *
 * From here on the arbiter can find it. A normal task is done with that; what a
 * real-time task waits for is boosted when this returns.
 *
 * Return: 0, or -ENOMEM if the owners could not be boosted: don't sleep.
 */
int ntsync_pi_block(struct ntsync_wait *w)
{
	int level;

	if (!ntsync_pi_enabled)
		return 0;
	ntsync_sleeper_register(w);
	level = ntsync_task_level(current);
	/* If the arbiter changes it just now it has found us, and does the rest. */
	if (likely(level == data_race(w->level) && (level == MAX_RT_PRIO || !waits_for_owner(w))))
		return 0;
	return block(w);
}

/* The counterpart, after the wait has left all queues; nobody inherits from it then. */
void ntsync_pi_unblock(struct ntsync_wait *w)
{
	bool unregistered;
	u32 i;

	if (!w->slot && !w->overflow)
		return;
	unregistered = ntsync_sleeper_try_unregister(w);
	if (likely(unregistered && !w->pi))
		return;

	ntsync_pi_lock();
	if (!unregistered)
		ntsync_sleeper_unregister_locked(w);
	for (i = 0; w->pi && i < w->nr; i++) {
		struct ntsync_wait_entry *e = &w->entries[i];

		if (e->obj->ops->owned)
			update_entry(e, MAX_RT_PRIO, NULL);
	}
	catch_up();
	ntsync_pi_unlock();
}

/* ---- the end of boosts ---- */

/* The contributions of a dead task: mutexes contribute to nobody, a boost has ended. */
static void bury(struct ntsync_pi_task *r)
{
	bool boosted = ntsync_waitq_queued(&r->event.node);

	while (r->contribs.count)
		detach(container_of(ntsync_waitq_first(&r->contribs), struct ntsync_contrib, node));
	update_task(r);
	if (boosted) {
		atomic_dec(&ntsync_boosts);
		drop_spare();
	}
}

/* Of current, at the entry of its next wait. */
void ntsync_pi_end_boost(void)
{
	struct ntsync_pi_task *r;

	/* Only we ourselves have let a boost of ours begin, by the end of our last wait. */
	if (hlist_empty(&records[hash_min((unsigned long)current, HASH_BITS(records))]))
		return;
	ntsync_pi_lock();
	r = find_record(current);
	if (r && ntsync_waitq_queued(&r->event.node)) {
		end_event_boost(r);
		catch_up();
	}
	ntsync_pi_unlock();
}

/* All of instance @dev, which is gone. */
void ntsync_pi_end_boosts(u64 dev)
{
	struct ntsync_pi_task *r;
	struct hlist_node *next;
	int i;

	ntsync_pi_lock();
	hash_for_each_safe(records, i, next, r, hash) {
		if (ntsync_waitq_queued(&r->event.node) && r->event_dev == dev)
			end_event_boost(r);
	}
	catch_up();
	ntsync_pi_unlock();
}

/* The priority that current has without us, 0 if it is a normal task. */
int ntsync_pi_base_prio(void)
{
	const struct ntsync_pi_task *r;
	int prio;

	if (!current->rt_priority)
		return 0;
	/* Only with the lock does the priority belong to the record that we find. */
	ntsync_pi_lock();
	prio = current->rt_priority;
	r = find_record(current);
	if (r && r->prio)
		prio = r->base.prio;
	ntsync_pi_unlock();
	return prio;
}

/* ---- now and then ---- */

/*
 * Nobody tells us when a boosted task dies, or changes its own parameters. While
 * there are records they are looked at once a second.
 */
static void sweep(struct work_struct *work)
{
	struct ntsync_pi_task *r;
	struct hlist_node *next;
	int i;

	rt_mutex_lock(&pi_lock); /* not on anybody's account */
	hash_for_each_safe(records, i, next, r, hash) {
		if (is_dead(r->task))
			bury(r);
		else
			update_task(r);
	}
	catch_up();
	if (!hash_empty(records))
		schedule_delayed_work(&sweeper, HZ);
	ntsync_pi_unlock();
}

/* One record more, for update_mutex(), which has the old and the new owner in hand. */
int ntsync_pi_init(void)
{
	struct ntsync_pi_task *r;
	int ret;

	if (!ntsync_pi_enabled)
		return 0;
	r = ntsync_pi_task_alloc();
	if (!r)
		return -ENOMEM;
	ret = ntsync_fork_init();
	if (ret) {
		ntsync_pi_task_free(r);
		return ret;
	}
	list_add(&r->spare, &spares);
	return 0;
}

/* Without an open file there is no wait and no instance, and so no contribution. */
void ntsync_pi_exit(void)
{
	if (!ntsync_pi_enabled)
		return;
	cancel_delayed_work_sync(&sweeper);
	ntsync_fork_exit();
	drop_spare();
	WARN_ON(!hash_empty(records) || !list_empty(&spares) || !list_empty(&active));
}

/* ---- for people ---- */

static void show_record(struct seq_file *m, const struct ntsync_pi_task *r)
{
	struct ntsync_waitq_node *n;

	seq_printf(m, "task %d %s\n", r->task->pid, r->task->comm);
	seq_printf(m, "base policy=%d prio=%d nice=%d reset_on_fork=%d\n", r->base.policy,
		   r->base.prio, task_nice(r->task), r->base.reset_on_fork);
	for (n = ntsync_waitq_first(&r->contribs); n; n = ntsync_waitq_next(n)) {
		const struct ntsync_contrib *c = container_of(n, struct ntsync_contrib, node);

		seq_printf(m, "  contribution %s policy=%d prio=%d\n",
			   c->event ? "event" : "mutex", c->policy, prio_of(n->level));
	}
}

void ntsync_pi_show(struct seq_file *m)
{
	struct ntsync_pi_task *r;
	int i;

	ntsync_pi_lock();
	hash_for_each(records, i, r, hash)
		show_record(m, r);
	ntsync_pi_unlock();
}

void ntsync_pi_show_stats(struct seq_file *m)
{
	rt_mutex_lock(&pi_lock); /* looking does not count */
	seq_printf(m, "pi_lock: %llu\n", stats.locks);
	seq_printf(m, "pi_alloc: %llu\n", stats.allocs);
	seq_printf(m, "pi_records_total: %llu\n", stats.records);
	rt_mutex_unlock(&pi_lock);
}
