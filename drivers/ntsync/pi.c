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
#include <linux/sched/rt.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "pi.h"

bool ntsync_pi_enabled __read_mostly = true;

/* Mutexes whose owner has changed; filled under obj->lock, emptied under pi_lock. */
LLIST_HEAD(ntsync_pi_stale);

/* Boosts on their way to the tasks that have taken them; likewise. */
LLIST_HEAD(ntsync_pi_handed);

/* What was put into these two and is not completely done with. */
atomic_t ntsync_pi_pending = ATOMIC_INIT(0);

/* How many tasks have an event's boost in effect. */
atomic_t ntsync_boosts = ATOMIC_INIT(0);

static LIST_HEAD(active);
static LIST_HEAD(worse);	/* marked: the contribution gets worse, or ends */
static LIST_HEAD(better);	/* marked: all others */

static void sweep(struct work_struct *work);
static DECLARE_DELAYED_WORK(sweeper, sweep);

/* ---- memory ---- */

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

/* ---- records ---- */

static void follow(struct task_struct *p);

/* After a change of @r's contributions: [2] and [3], and the end of an empty record. */
static void update_task(struct ntsync_pi_task *r)
{
	if (!ntsync_task_is_dead(r->task) && ntsync_pi_task_apply(r))
		follow(r->task);
	ntsync_pi_task_put_idle(r);
}

/* The record of @p, and somebody who looks at it now and then. */
static struct ntsync_pi_task *watch(struct task_struct *p)
{
	schedule_delayed_work(&sweeper, HZ);
	return ntsync_pi_task_get(p);
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

	ntsync_pi_spare_add(m->spare);
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
	ntsync_pi_spare_drop();
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
		new = watch(owner);
	if (old)
		ntsync_contrib_detach(&m->contrib);
	if (new) {
		ntsync_contrib_attach(&m->contrib, new, level);
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
	update_wait(w, ntsync_pi_wait_level(w, p), &no_kits);
	ntsync_sleeper_unpin_locked(w);
}

/* ---- boosts of events ---- */

static void end_event_boost(struct ntsync_pi_task *r)
{
	ntsync_contrib_detach(&r->event);
	atomic_dec(&ntsync_boosts);
	update_task(r);
	ntsync_pi_spare_drop();
}

/* Until the task's next wait. Of two that one wait has taken, the better counts. */
static void start_event_boost(struct ntsync_boost *b)
{
	struct ntsync_pi_task *r;

	ntsync_pi_spare_add(b->spare);
	b->spare = NULL;
	r = watch(b->task);
	if (ntsync_waitq_queued(&r->event.node)) {
		if (r->event.node.level <= b->level) {
			ntsync_pi_spare_drop();
			return;
		}
		ntsync_contrib_detach(&r->event);
		atomic_dec(&ntsync_boosts);
		ntsync_pi_spare_drop();
	}
	r->event.policy = b->policy;
	r->event.event = true;
	r->event_dev = b->dev;
	ntsync_contrib_attach(&r->event, r, b->level);
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
		ntsync_pi_lock_again();
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
	update_wait(w, ntsync_pi_wait_level(w, current), &kits);
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
		ntsync_contrib_detach(container_of(ntsync_waitq_first(&r->contribs), struct ntsync_contrib, node));
	update_task(r);
	if (boosted) {
		atomic_dec(&ntsync_boosts);
		ntsync_pi_spare_drop();
	}
}

/* Of current, at the entry of its next wait. */
void ntsync_pi_end_boost(void)
{
	struct ntsync_pi_task *r;

	/* Only we ourselves have let a boost of ours begin, by the end of our last wait. */
	if (hlist_empty(&ntsync_pi_records[hash_min((unsigned long)current, HASH_BITS(ntsync_pi_records))]))
		return;
	ntsync_pi_lock();
	r = ntsync_pi_task_find(current);
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
	hash_for_each_safe(ntsync_pi_records, i, next, r, hash) {
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
	r = ntsync_pi_task_find(current);
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

	ntsync_pi_lock_again();
	hash_for_each_safe(ntsync_pi_records, i, next, r, hash) {
		if (ntsync_task_is_dead(r->task))
			bury(r);
		else
			update_task(r);
	}
	catch_up();
	if (!hash_empty(ntsync_pi_records))
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
	ntsync_pi_spare_add(r);
	return 0;
}

/* Without an open file there is no wait and no instance, and so no contribution. */
void ntsync_pi_exit(void)
{
	if (!ntsync_pi_enabled)
		return;
	cancel_delayed_work_sync(&sweeper);
	ntsync_fork_exit();
	ntsync_pi_spare_drop();
	WARN_ON(!hash_empty(ntsync_pi_records) || !list_empty(&active));
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
			   c->event ? "event" : "mutex", c->policy, ntsync_prio_of_level(n->level));
	}
}

void ntsync_pi_show(struct seq_file *m)
{
	struct ntsync_pi_task *r;
	int i;

	ntsync_pi_lock();
	hash_for_each(ntsync_pi_records, i, r, hash)
		show_record(m, r);
	ntsync_pi_unlock();
}
