// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arbiter: who inherits whose priority. It is the only place that changes a
 * task's scheduling parameters, and there is one for the whole module, as a task
 * can work with several devices. docs/pi.md has the model at length; in short:
 *
 *   entries of real-time tasks -------> mutex ----\
 *   requests of a channel ------------> receiver --+--> a task's record --> the task
 *					(sources)   (contrib)		    and on, from
 *									    its own wait
 *
 * Three equations hold whenever nothing is marked dirty:
 *
 * [1] a source contributes to one task: a mutex the best level among its waiters to
 *     its owner, if that is better than the owner's base (pi_mutex.c), a channel what its
 *     requests are worth to each receiver (pi_channel.c)
 * [2] a task has the best of its own level (the base) and all contributions to it
 * [3] the entries of a sleeping task have the level of the task; so has a request
 *     whose sender inherits something
 *
 * Whatever changes one side marks the source (which changes of a mutex do is said in
 * pi_heed.c), and ntsync_pi_catch_up_locked() repairs
 * one after the other: [1] for the source, [2] for its tasks, [3] for their waits,
 * which marks the sources that those wait for. It drops pi_lock now and then, so the
 * length of a chain is nobody's latency, and leaves when nothing is marked: the call
 * that has changed something does not return before its consequences have happened,
 * whoever has worked on them.
 *
 * It ends, in a cycle too: sources whose contribution gets worse go first. Such a step
 * makes levels only worse, of which there are finitely many, and marks nothing that
 * gets better; when none is left, a step makes levels only better, and nothing that
 * gets worse comes from it; a new owner counts as two changes from outside. In a cycle
 * a level may go on being inherited around it after its source has left, until the
 * sweeper finds it (pi_cycle.c).
 *
 * Records never fail to be there: every active mutex, every receiver, and every event
 * boost in effect, has brought one along, and each needs at most one task to be
 * boosted; one more is for the moment between two owners. All memory is allocated by
 * calls that may sleep and may say -ENOMEM before they have changed anything; further
 * down a chain, where nobody could be told, it is allocated so that it can't fail.
 *
 * Protected by pi_lock, an rt_mutex: who works here with a low priority inherits
 * that of whoever waits for the lock. Taken inside all_lock, outside obj->lock.
 */
#include <linux/sched/rt.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "pi.h"
#include "trace.h"

bool ntsync_pi_enabled __read_mostly = true;

/* What has changed; filled under obj->lock, emptied under pi_lock. */
LLIST_HEAD(ntsync_pi_all_news);

/* Boosts on their way to the tasks that have taken them; likewise. */
LLIST_HEAD(ntsync_pi_handed);

/* What was put into these two and is not completely done with. */
atomic_t ntsync_pi_pending = ATOMIC_INIT(0);

static LIST_HEAD(worse);	/* marked: the contribution gets worse, or ends */
static LIST_HEAD(better);	/* marked: all others */

/* ---- records ---- */

static void follow(struct task_struct *p, bool changed);

/* After a change of @r's contributions: [2] and [3], and the end of an empty record. */
void ntsync_pi_update_task(struct ntsync_pi_task *r)
{
	if (!ntsync_task_is_dead(r->task))
		follow(r->task, ntsync_pi_task_apply(r));
	ntsync_pi_task_put_idle(r);
}

/* ---- waits ---- */

/* Its place in the any-queue; true if it has moved. */
static bool move_entry(struct ntsync_wait_entry *e, int level)
{
	guard(raw_spinlock)(&e->obj->lock);
	if (!ntsync_waitq_queued(&e->node) || ntsync_waitq_level(&e->node) == level)
		return false;
	ntsync_waitq_move(&e->obj->any, &e->node, level);
	return true;
}

/* Of a wait-any, or an alert. */
static void update_any_entry(struct ntsync_wait_entry *e, int level, struct list_head *kits)
{
	struct ntsync_pi_mutex *m = NULL;

	if (e->obj->ops->owned)
		m = level < MAX_RT_PRIO ? ntsync_pi_activate(e->obj, kits) : e->obj->mutex.pi;
	if (move_entry(e, level) && m)
		ntsync_pi_mark(&m->source);
}

/* Equation [3]. In a mutex's queue of wait-alls they are sorted when they are looked at. */
static void update_wait(struct ntsync_wait *w, int level, struct list_head *kits)
{
	u32 i;

	w->level = level;
	for (i = 0; i < w->nr; i++) {
		struct ntsync_wait_entry *e = &w->entries[i];

		if (!ntsync_wait_is_all_entry(w, i))
			update_any_entry(e, level, kits);
		else if (e->obj->ops->owned)
			ntsync_pi_update_all_entry(e, kits);
	}
	if (w->send)
		ntsync_pi_update_send(w->send, level);
}

/* A request is worth what its sender inherits, even if his own level has not changed. */
static void follow(struct task_struct *p, bool changed)
{
	struct ntsync_wait *w = ntsync_sleeper_pin_locked(p);
	LIST_HEAD(no_kits);

	if (!w)
		return;
	if (changed || w->send)
		update_wait(w, ntsync_pi_wait_level(w, p), &no_kits);
	ntsync_sleeper_unpin_locked(w);
}

/* ---- boosts of events ---- */

static void end_event_boost(struct ntsync_pi_task *r)
{
	ntsync_contrib_detach(&r->event);
	atomic_dec(&ntsync_boosts);
	ntsync_pi_update_task(r);
	ntsync_pi_spare_drop();
}

/* Until the task's next wait. Of two that one wait has taken, the better counts. */
static void start_event_boost(struct ntsync_boost *b)
{
	struct ntsync_pi_task *r;

	ntsync_pi_spare_add(b->spare);
	b->spare = NULL;
	r = ntsync_pi_watch(b->task);
	if (ntsync_waitq_queued(&r->event.node)) {
		if (ntsync_waitq_level(&r->event.node) <= b->level) {
			ntsync_pi_spare_drop();
			return;
		}
		ntsync_contrib_detach(&r->event);
		atomic_dec(&ntsync_boosts);
		ntsync_pi_spare_drop();
	}
	r->event.policy = b->policy;
	r->event.name = "event";
	r->event_dev = b->dev;
	ntsync_contrib_attach(&r->event, r, b->level);
	atomic_inc(&ntsync_boosts);
	ntsync_pi_update_task(r);
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

void ntsync_pi_source_init(struct ntsync_pi_source *source, const struct ntsync_pi_source_ops *ops,
			   const struct ntsync_obj *obj)
{
	ntsync_waitq_node_init(&source->contrib.node, 0);
	source->contrib.task = NULL;
	source->contrib.policy = SCHED_FIFO;
	source->contrib.name = ops->name;
	source->contrib.object = obj->id;
	INIT_LIST_HEAD(&source->dirty);
	source->ops = ops;
}

static bool gets_worse(const struct ntsync_pi_source *source)
{
	const struct ntsync_pi_task *r = source->contrib.task;

	return r && source->ops->level(source, r->task) > ntsync_waitq_level(&source->contrib.node);
}

void ntsync_pi_mark(struct ntsync_pi_source *source)
{
	list_move_tail(&source->dirty, gets_worse(source) ? &worse : &better);
}

/* How many pieces there were; what they are about is marked now. */
int ntsync_pi_mark_news(void)
{
	struct ntsync_pi_news *n, *next;
	int nr = 0;

	llist_for_each_entry_safe(n, next, llist_del_all(&ntsync_pi_all_news), node) {
		clear_bit_unlock(0, &n->queued); /* it may be added again: we have its next */
		n->mark(n);
		nr++;
	}
	return nr;
}

static struct ntsync_pi_source *next_dirty(void)
{
	struct ntsync_pi_source *source;

	source = list_first_entry_or_null(&worse, struct ntsync_pi_source, dirty) ?:
		 list_first_entry_or_null(&better, struct ntsync_pi_source, dirty);
	if (source)
		list_del_init(&source->dirty);
	return source;
}

static noinline void retry(void);

/*
 * If a deadline task waits for a lock of current's, and it is this one, that is over in a
 * moment. If not, the next wait will try again, or the sweeper.
 */
void ntsync_pi_unlock(void)
{
	if (unlikely(!ntsync_pi_try_unlock()))
		retry();
}

/* How many steps are made without letting somebody else have the lock. */
#define STEPS	8

/* If current could not be given what it is to have, it is tried again. */
static void give_again(void)
{
	struct ntsync_pi_task *r = ntsync_pi_task_find(current);

	if (r && r->retry)
		ntsync_pi_update_task(r);
}

/* As it is when a deadline task waits for this very lock. */
void ntsync_pi_let_others_in(void)
{
	if (unlikely(!ntsync_pi_pause()))
		give_again();
}

/* @done: news that the caller has marked already. */
void ntsync_pi_catch_up_locked(int done)
{
	struct ntsync_pi_source *source;
	unsigned int steps = 0;

	for (;;) {
		done += apply_handed();
		done += ntsync_pi_mark_news();
		/* All are marked before the first one is looked at: the worse go first. */
		if (!ntsync_pi_mark_some_receivers()) {
			source = next_dirty();
			if (!source)
				break;
			source->ops->update(source);
		}
		if (++steps % STEPS)
			continue;
		/*
		 * Whoever waits for us may go on with what is left, or do something else.
		 * Not after every step: with many who wait, each would make one and queue
		 * up again.
		 */
		ntsync_pi_let_others_in();
	}
	atomic_sub(done, &ntsync_pi_pending);
}

/*
 * What is marked by the way is done by the way: however many mutexes there are, nobody who
 * gets pi_lock in between has more than a few of them to do.
 */
void ntsync_pi_visit_locked(struct ntsync_pi_visit *v)
{
	bool more;

	do {
		more = ntsync_pi_visit_some(v);
		ntsync_pi_catch_up_locked(v->done);
		v->done = 0;
		if (more)
			v->breathe();
	} while (more);
}

static noinline void retry(void)
{
	ntsync_pi_lock_again();
	give_again();
	ntsync_pi_pause();
	ntsync_pi_catch_up_locked(0);
	ntsync_pi_try_unlock();
}

/*
 * While current holds an all_lock, or waits for it, it is not lowered. The kernel does not look for whom else
 * a lock is held when it lowers a task that got the lock as the best of those who waited:
 *
 *   current, boosted		X			the arbiter, on another CPU
 *
 *   gets all_lock		waits for it, is not
 *				better: lends nothing
 *   is preempted by N					N is woken and ends the boost:
 *				waits for whatever	current is lowered
 *				preempts current
 *
 * A task that is not boosted when it gets the lock is lent what it should be. This is said
 * before it waits for all_lock, or whoever has pi_lock might be about to lower it; and once
 * more when it has it, for a boost that began meanwhile.
 */
void ntsync_pi_all_locked(void)
{
	struct ntsync_pi_task *r;

	if (likely(!ntsync_pi_task_may_be_known(current)))
		return;
	ntsync_pi_lock_again();
	r = ntsync_pi_task_find(current);
	if (r)
		r->has_all_lock = true;
	ntsync_pi_unlock();
}

void ntsync_pi_all_unlocked(void)
{
	struct ntsync_pi_task *r;

	if (likely(!ntsync_pi_task_may_be_known(current)))
		return;
	ntsync_pi_lock_again();
	r = ntsync_pi_task_find(current);
	if (r && r->has_all_lock) {
		r->has_all_lock = false;
		ntsync_pi_update_task(r);
		ntsync_pi_catch_up_locked(0);
	}
	ntsync_pi_unlock();
}

void ntsync_pi_run(void)
{
	ntsync_pi_lock();
	ntsync_pi_catch_up_locked(0);
	ntsync_pi_unlock();
}

/* ---- the sleeper's side ---- */

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
		ret = ntsync_pi_alloc_kits(w, &kits);
		if (ret)
			return ret;
	}
	w->lent = ntsync_task_lent_level(current);
	ntsync_pi_lock();
	update_wait(w, ntsync_pi_wait_level(w, current), &kits);
	ntsync_pi_catch_up_locked(0);
	ntsync_pi_unlock();
	ntsync_pi_free_kits(&kits);
	return 0;
}

/*
 * A request whose sender has nothing but its own, and had nothing when it was queued. In
 * between, before we could be found, what it had inherited may have ended.
 */
static bool send_is_settled(const struct ntsync_wait *w)
{
	/* The arbiter may be writing it: then it has found us, and does the rest. */
	return data_race(w->level) == MAX_RT_PRIO && !ntsync_pi_may_inherit();
}

static bool level_is_settled(const struct ntsync_wait *w)
{
	int level = ntsync_task_level(current);

	/* The arbiter may be writing it: then it has found us, and does the rest. */
	if (level != data_race(w->level))
		return false;
	if (level == MAX_RT_PRIO)
		return true;
	/*
	 * It may have seen already what we are worth, and have been preempted before it could
	 * do anything about it: then it needs our priority.
	 */
	return (!w->unheeded && !ntsync_pi_is_busy()) || !waits_for_owner(w);
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
	ntsync_trace(wait, w);
	if (!ntsync_pi_enabled)
		return 0;
	ntsync_sleeper_register(w);
	if (likely(w->send ? send_is_settled(w) : level_is_settled(w)))
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
	w->level = MAX_RT_PRIO;
	for (i = 0; w->pi && i < w->count; i++) {
		struct ntsync_wait_entry *e = &w->entries[i];

		if (e->obj->ops->owned)
			ntsync_pi_update_all_entry(e, NULL);
	}
	ntsync_pi_catch_up_locked(0);
	ntsync_pi_unlock();
}

/* ---- the end of boosts ---- */

/* Of current, at the entry of its next wait. */
void ntsync_pi_end_boost(void)
{
	struct ntsync_pi_task *r;

	/* Only we ourselves have let a boost of ours begin, by the end of our last wait. */
	if (!ntsync_pi_task_may_be_known(current))
		return;
	ntsync_pi_lock();
	r = ntsync_pi_task_find(current);
	if (r && ntsync_waitq_queued(&r->event.node))
		end_event_boost(r);
	else
		give_again();
	ntsync_pi_catch_up_locked(0);
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
	ntsync_pi_catch_up_locked(0);
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

static bool is_a_senders(struct ntsync_pi_visit *v, struct ntsync_pi_mutex *m)
{
	const struct task_struct *owner = READ_ONCE(m->counted);

	return owner && ntsync_pi_is_sending(owner);
}

/* What nobody inherits counts for a request. */
static void look_at_senders_mutexes(void)
{
	struct ntsync_pi_visit v = { .wanted = is_a_senders, .breathe = ntsync_pi_let_others_in };

	ntsync_pi_lock();
	ntsync_pi_visit_locked(&v);
	ntsync_pi_unlock();
}

/*
 * current is about to send, until ntsync_pi_end_send(). What it inherits, whatever it has of
 * its own.
 */
int ntsync_pi_begin_send(void)
{
	int level;

	if (unlikely(ntsync_pi_count_sender()))
		look_at_senders_mutexes();
	if (!ntsync_pi_enabled || likely(!ntsync_pi_may_inherit()))
		return MAX_RT_PRIO;
	level = ntsync_task_lent_level(current);
	ntsync_pi_lock();
	level = ntsync_pi_task_inherits(current, level);
	ntsync_pi_unlock();
	return level;
}

/* ---- init, exit ---- */

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
	ret = ntsync_pi_sweeper_init();
	if (ret)
		goto err_free;
	ret = ntsync_fork_init();
	if (ret)
		goto err_stop;
	ntsync_pi_spare_add(r);
	return 0;

err_stop:
	ntsync_pi_sweeper_exit();
err_free:
	ntsync_pi_task_free(r);
	return ret;
}

/* Without an open file there is no wait and no instance, and so no contribution. */
void ntsync_pi_exit(void)
{
	if (!ntsync_pi_enabled)
		return;
	ntsync_pi_sweeper_exit();
	ntsync_fork_exit();
	ntsync_pi_spare_drop();
	WARN_ON(!hash_empty(ntsync_pi_records) || !ntsync_pi_mutexes_idle());
}
