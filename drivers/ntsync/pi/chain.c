// SPDX-License-Identifier: GPL-2.0-only
/*
 * Priority inheritance: contributions, and the walk along the chain of those who wait for
 * each other. docs/pi.md explains the model; in short:
 *
 *   entries of real-time tasks -------> mutex ----\
 *   requests of a channel ------------> receiver --+--> a task's record --> the task
 *				(each has a contribution)		   and on, from
 *									   its own wait
 *
 * [1] A contribution is what its mutex or receiver is waited for with: it is brought up to
 *     date in the same hold of obj->lock as each change (types/mutex_source.c, channel/source.c).
 * [2] A task has the higher of its base and the contributions to it (pi/apply.c).
 * [3] The entries of a task that sleeps stand in their queues with the task's priority.
 *
 * A call that changes contributions owes [2] and [3] for the records that it has changed,
 * and for all that follows from these: it walks. No lock is held for more than one step:
 *
 *	step							protected by
 *  (1) take a record off the list				the walk's own
 *  (2) [2] for its task					t->apply_lock
 *  (3) find the object of the next entry of its wait, count it	t->lock
 *  (4) if it is still in that wait: move the entry to the	obj->lock, t->lock
 *	task's priority
 *  (5) [1] for the mutex, or for some of the receivers		obj->lock, then the lock of the
 *								record it contributes to
 *  (6) put the records whose contributions have changed on	none
 *	the list; on with (3)
 *
 * A wait is on its task's stack. It is touched only while t->lock is held and t->wait
 * leads to it; t->seq tells it from a later one at the same place.
 *
 * Who is about to sleep walks too, from its own record, and verifies instead of trusting
 * others: a walk that has come as far as [1] may belong to a task that is not running. It
 * goes down the whole chain, sets what has not been set, and looks again at mutexes that may
 * have got another owner meanwhile. When it sleeps, each task further down runs with the
 * sleeper's priority at least, so whatever that one changes is not delayed by anybody else.
 * While the sleeper lends to somebody it looks again once a second, for a priority that was
 * changed from outside.
 *
 * Cycles end as contributions carry a number of hops; see ntsync_contrib_key().
 */
#include <linux/percpu.h>
#include <linux/sched/rt.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "core/lock.h"
#include "core/trace.h"
#include "pi_internal.h"

bool ntsync_pi_enabled __read_mostly = true;

DEFINE_PER_CPU(u64[NTSYNC_NR_COUNTS], ntsync_pi_counts);

/* ---- contributions ---- */

static bool is_more_urgent(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_contrib, rb)->key <
	       rb_entry(b, struct ntsync_contrib, rb)->key;
}

/* @to->lock is held. */
void ntsync_contrib_insert_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 key,
				  int policy)
{
	lockdep_assert_held(&to->lock);
	c->key = key;
	c->policy = policy;
	c->to = ntsync_task_get(to);
	rb_add_cached(&c->rb, &to->contribs, is_more_urgent);
}

/* c->to->lock is held; the caller puts that record afterwards. */
void ntsync_contrib_erase_locked(struct ntsync_contrib *c)
{
	lockdep_assert_held(&c->to->lock);
	rb_erase_cached(&c->rb, &c->to->contribs);
	c->to = NULL;
}

static void detach(struct ntsync_contrib *c, struct ntsync_todo *todo)
{
	struct ntsync_task *t = c->to;

	ntsync_todo_add(todo, t);
	scoped_guard(raw_spinlock, &t->lock)
		ntsync_contrib_erase_locked(c);
	ntsync_task_put(t);
}

/* False if the task has exited. */
static bool attach(struct ntsync_contrib *c, struct ntsync_task *to, u32 key, int policy)
{
	guard(raw_spinlock)(&to->lock);
	if (to->dead)
		return false;
	ntsync_contrib_insert_locked(c, to, key, policy);
	return true;
}

/**
 * ntsync_contrib_move_locked() - what a contribution is now, and whose
 * @c: the contribution; the lock of its object is held
 * @to: the record that it goes to, or NULL
 * @key: see ntsync_contrib_key(); NTSYNC_NO_CONTRIB: nothing
 * @policy: SCHED_FIFO or SCHED_RR
 * @todo: gets the records for which something has changed
 *
 * Return: true if something has changed.
 */
bool ntsync_contrib_move_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 key,
				int policy, struct ntsync_todo *todo)
{
	if (key == NTSYNC_NO_CONTRIB)
		to = NULL;
	/* key and policy are only changed with the lock of the object held. */
	if (c->to == to && (!to || (c->key == key && c->policy == policy)))
		return false;
	if (c->to)
		detach(c, todo);
	if (to && attach(c, to, key, policy))
		ntsync_todo_add(todo, to);
	return true;
}

/* ---- the list of a walk ---- */

#define CHUNK	14

struct chunk {
	struct chunk *next;
	struct ntsync_task *tasks[CHUNK];
};

/**
 * struct walk - one walk
 * @id: unique, for ntsync_task::walk
 * @verify: it is made by a task that is about to sleep; see the top of this file
 * @patience: how many records it still visits: it ends, whatever others do meanwhile
 * @self: current's own record, or NULL
 * @first: part of the list, so that most walks need no memory
 * @head: the part that the next record is in, at @get
 * @tail: the part that one goes to, at @put
 * @get: see @head
 * @put: see @tail
 *
 * A record may be in it twice if two walks meet.
 */
struct walk {
	u64 id;
	bool verify;
	unsigned int patience;
	struct ntsync_task *self;
	struct chunk first;
	struct chunk *head;
	struct chunk *tail;
	unsigned int get;
	unsigned int put;
};

/* More than any chain has, even if a level goes round a cycle until it has no hops left. */
#define PATIENCE	(64 * NTSYNC_MAX_HOPS)

static DEFINE_PER_CPU(u64, walks);

static u64 new_walk_id(void)
{
	guard(preempt)();
	return (__this_cpu_inc_return(walks) * nr_cpu_ids + smp_processor_id()) << 1;
}

static void walk_init(struct walk *k, bool verify)
{
	ntsync_pi_count(NTSYNC_COUNT_WALKS);
	k->id = new_walk_id();
	k->verify = verify;
	k->patience = PATIENCE;
	k->self = ntsync_task_find();
	if (k->self)
		ntsync_pi_enter(k->self);
	k->first.next = NULL;
	k->head = &k->first;
	k->tail = &k->first;
	k->get = 0;
	k->put = 0;
}

/*
 * The call has changed something and can't be undone, so the memory has to be there. It is
 * only needed where more than CHUNK records are to be visited. No lock is held but, maybe,
 * all_lock.
 */
static void add_chunk(struct walk *k)
{
	struct chunk *c = kmalloc(sizeof(*c), GFP_KERNEL | __GFP_NOFAIL);

	c->next = NULL;
	k->tail->next = c;
	k->tail = c;
	k->put = 0;
}

/*
 * What a record says about the last walk that has come to it: an id, and whether it is on
 * the list. Two walks overwrite each other's, so this only saves work.
 */
#define ON_LIST	1ULL

static bool is_on_list(const struct walk *k, const struct ntsync_task *t)
{
	return READ_ONCE(t->walk) == (k->id | ON_LIST);
}

static bool was_seen(const struct walk *k, const struct ntsync_task *t)
{
	return (READ_ONCE(t->walk) & ~ON_LIST) == k->id;
}

/* @t is to be visited; its reference is used up. */
static void push_counted(struct walk *k, struct ntsync_task *t)
{
	if (is_on_list(k, t)) {
		ntsync_task_put(t);
		return;
	}
	WRITE_ONCE(t->walk, k->id | ON_LIST);
	if (k->put == CHUNK)
		add_chunk(k);
	k->tail->tasks[k->put++] = t;
}

static void push_todo(struct walk *k, struct ntsync_todo *todo)
{
	while (todo->nr)
		push_counted(k, todo->tasks[--todo->nr]);
}

/* (1); NULL at the end. */
static struct ntsync_task *pop(struct walk *k)
{
	struct chunk *c = k->head;
	struct ntsync_task *t;

	if (c == k->tail && k->get == k->put)
		return NULL;
	if (k->get == CHUNK) {
		k->head = c->next;
		k->get = 0;
		if (c != &k->first)
			kfree(c);
		c = k->head;
	}
	t = c->tasks[k->get++];
	/* Empty: it begins anew, so only a list that is long at one time needs more memory. */
	if (c == k->tail && k->get == k->put) {
		k->get = 0;
		k->put = 0;
	}
	WRITE_ONCE(t->walk, k->id);
	return t;
}

static void walk_exit(struct walk *k)
{
	if (k->head != &k->first)
		kfree(k->head);
}

/* ---- (3) to (6) ---- */

/**
 * struct step - where a walk stands in one wait, and what one step has found
 * @t: whose wait
 * @begun: the first step has been made
 * @seq: which one; valid after that
 * @prio: what it is worth
 * @index: of the entry that is next; behind the last one: the request
 * @request: it was the request
 * @after: what the source has returned last
 * @changed: records whose contributions have changed
 * @same: others that depend on the entry
 * @unset: one of them has not been given what it should have
 */
struct step {
	struct ntsync_task *t;
	bool begun;
	u32 seq;
	int prio;
	u32 index;
	bool request;
	const void *after;
	struct ntsync_todo changed;
	struct ntsync_todo same;
	bool unset;
};

/* (3); the object is counted. NULL: the wait has no more entries, or is over. */
static struct ntsync_obj *get_next_obj(struct step *s)
{
	struct ntsync_task *t = s->t;
	struct ntsync_obj *obj;

	guard(raw_spinlock)(&t->lock);
	if (!t->wait || t->dead)
		return NULL;
	if (!s->begun)
		s->seq = t->seq;
	else if (s->seq != t->seq)
		return NULL;
	s->begun = true;
	if (s->index < t->wait->nr)
		obj = t->wait->entries[s->index].obj;
	else if (s->index == t->wait->nr && t->wait->send)
		obj = t->wait->send_to;
	else
		return NULL;
	return ntsync_obj_get(obj);
}

/* (4). False: the wait is over. */
static bool move_locked(struct step *s, struct ntsync_obj *obj)
{
	struct ntsync_task *t = s->t;
	struct ntsync_wait *w;

	guard(raw_spinlock)(&t->lock);
	w = t->wait;
	if (!w || s->seq != t->seq)
		return false;
	s->prio = ntsync_pi_wait_prio_locked(t, w);
	s->request = s->index == w->nr;
	if (!s->request)
		ntsync_wait_move_entry_locked(&w->entries[s->index], s->prio);
	if (s->request || obj->ops->owned)
		s->prio = obj->ops->source->move(w, s->index, s->prio);
	return true;
}

/* (4) and (5). False: no more. */
static bool handle_entry(struct step *s, struct ntsync_obj *obj)
{
	guard(raw_spinlock)(&obj->lock);
	if (!move_locked(s, obj))
		return false;
	if (s->request || obj->ops->owned)
		s->after = obj->ops->source->update(obj, s->after, &s->changed, &s->same);
	if (!s->request)
		s->index++;
	return !s->request || s->after;
}

static bool make_step(struct step *s)
{
	struct ntsync_obj *obj = get_next_obj(s);
	bool more;

	if (!obj)
		return false;
	more = handle_entry(s, obj);
	ntsync_obj_put_later(obj);
	return more;
}

static bool needs(struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	return ntsync_pi_needs_locked(t);
}

static bool lacks(struct ntsync_task *t, int prio)
{
	guard(raw_spinlock)(&t->lock);
	return ntsync_pi_lacks_locked(t, prio);
}

/* A record that depends on what the step looked at, and that it did not change. */
static void push_same(struct walk *k, struct step *s, struct ntsync_task *t)
{
	bool wanted = k->verify ? lacks(t, s->prio) : needs(t);

	if (wanted && k->verify) {
		s->unset = true;
		push_counted(k, t);
	} else if ((wanted || k->verify) && !was_seen(k, t)) {
		push_counted(k, t);
	} else {
		ntsync_task_put(t);
	}
}

/* (6) */
static void push_found(struct walk *k, struct step *s)
{
	unsigned int i;

	for (i = 0; i < s->changed.nr; i++)
		s->unset |= k->verify && lacks(s->changed.tasks[i], s->prio);
	push_todo(k, &s->changed);
	while (s->same.nr)
		push_same(k, s, s->same.tasks[--s->same.nr]);
}

/* ---- the walk ---- */

/* True if that is left for the end of the walk: everybody else has what it is to have first. */
static bool leave_to_end(const struct walk *k, struct ntsync_task *t)
{
	return t == k->self && !lacks(t, -1);
}

static void visit(struct walk *k, struct ntsync_task *t)
{
	struct step s = { .t = t };
	bool more;

	ntsync_pi_count(NTSYNC_COUNT_VISITS);
	if (!leave_to_end(k, t) && needs(t))
		ntsync_pi_apply(t);
	do {
		more = make_step(&s);
		push_found(k, &s);
	} while (more);
	/* Those have to be set first; then others may own what this task waits for. */
	if (s.unset)
		push_counted(k, ntsync_task_get(t));
}

static void visit_all(struct walk *k)
{
	struct ntsync_task *t;

	while ((t = pop(k))) {
		if (likely(k->patience)) {
			k->patience--;
			visit(k, t);
		} else {
			/* Nobody's call takes for ever; a worker goes on from there. */
			ntsync_pi_look_soon(t);
		}
		ntsync_task_put(t);
	}
}

/* current may be lowered only now. If it is about to sleep, its entries stand elsewhere then. */
static void finish_own(struct walk *k)
{
	if (!k->self || !ntsync_pi_leave(k->self))
		return;
	ntsync_pi_apply(k->self);
	if (!k->self->wait)
		return;
	push_counted(k, ntsync_task_get(k->self));
	visit_all(k);
}

static void run(struct walk *k)
{
	visit_all(k);
	finish_own(k);
	walk_exit(k);
}

/**
 * ntsync_pi_walk_changed() - what follows from changed contributions
 * @todo: the records that they go to, or went to; empty afterwards
 *
 * Context: process; sleeps; no raw lock is held; all_lock may be.
 */
void ntsync_pi_walk_changed(struct ntsync_todo *todo)
{
	struct walk k;

	walk_init(&k, false);
	push_todo(&k, todo);
	run(&k);
}

/* The same for one record. */
void ntsync_pi_update(struct ntsync_task *t)
{
	struct walk k;

	walk_init(&k, false);
	push_counted(&k, ntsync_task_get(t));
	run(&k);
}

/* The end of a call after which current may have lost what it had inherited. */
void ntsync_pi_update_own(struct ntsync_task *t)
{
	if (t && needs(t))
		ntsync_pi_update(t);
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

/* Does somebody depend on what the sleeper is worth? */
static bool is_worth_something(const struct ntsync_wait *w)
{
	if (w->send)
		return w->send_prio < MAX_RT_PRIO ||
		       ntsync_task_lent_prio(current) < MAX_RT_PRIO;
	return ntsync_task_level(current) < MAX_RT_PRIO && waits_for_owner(w);
}

static void verify(struct ntsync_wait *w)
{
	struct walk k;

	walk_init(&k, true);
	push_counted(&k, ntsync_task_get(w->taker.t));
	run(&k);
	w->lends = is_worth_something(w);
}

/**
 * ntsync_pi_begin_wait() - current is about to enter queues
 * @w: the wait; walks find it from now on
 *
 * A walk that changes current's priority moves those entries that are queued. An entry that is
 * not queued yet takes the priority of the moment in which it is:
 *
 *   sleeper				a walk that boosts it
 *
 *   lock(t) t->wait = w unlock(t)	sched_setattr_nocheck(sleeper)
 *   lock(obj)				lock(t) t->wait? get its obj unlock(t)
 *   queued with task->prio		lock(obj)
 *   unlock(obj)			queued? then it moves it
 *					unlock(obj)
 *
 * If the walk has obj->lock first, or finds no wait, the sleeper sees the new priority.
 */
void ntsync_pi_begin_wait(struct ntsync_wait *w)
{
	struct ntsync_task *t = w->taker.t;

	guard(raw_spinlock)(&t->lock);
	t->seq++;
	t->wait = w;
}

/**
 * ntsync_pi_end_wait() - the counterpart, after the wait has left all queues
 * @w: the wait
 *
 * Nobody touches it after this.
 */
void ntsync_pi_end_wait(struct ntsync_wait *w)
{
	struct ntsync_task *t = w->taker.t;

	guard(raw_spinlock)(&t->lock);
	t->seq++;
	t->wait = NULL;
}

/**
 * ntsync_pi_block() - current is about to sleep
 * @w: its wait, in all queues
 *
 * Nothing to do for a normal task; what a real-time task waits for is boosted when this
 * returns.
 */
void ntsync_pi_block(struct ntsync_wait *w)
{
	const struct ntsync_task *t = w->taker.t;

	ntsync_trace(wait, w);
	/* Somebody may be writing these: then it has found us, and does the rest. */
	if (likely(!READ_ONCE(t->contribs.rb_root.rb_node) && !READ_ONCE(t->saved) &&
		   !is_worth_something(w)))
		return;
	if (ntsync_pi_enabled)
		verify(w);
}

/* A sleeper that lends to others looks now and then whether they have it. */
void ntsync_pi_verify(struct ntsync_wait *w)
{
	ntsync_pi_count(NTSYNC_COUNT_VERIFIES);
	verify(w);
}

/* ---- requests ---- */

/*
 * What a wait is worth, and by how many hops it has come; t->lock. That is what the task is to
 * have, not what it has: of two walks one might see what the other has not lowered yet, and
 * hand it on as the task's own. What the kernel lends counts as the task's own, too. A request
 * inherits what its sender inherits, whatever that has of its own.
 */
int ntsync_pi_wait_prio_locked(const struct ntsync_task *t, struct ntsync_wait *w)
{
	u32 top = ntsync_task_top_key_locked(t);
	int inherited = top == NTSYNC_NO_CONTRIB ? MAX_RT_PRIO : ntsync_contrib_prio(top);
	int own = ntsync_task_lent_prio(t->task);

	if (!w->send)
		own = min(own, ntsync_pi_base_prio_locked(t));
	w->hops = inherited < own ? ntsync_contrib_hops(top) : 0;
	return min(own, inherited);
}

/* current is about to send: what its request inherits. */
int ntsync_pi_inherited(struct ntsync_wait *w)
{
	struct ntsync_task *t = w->taker.t;

	if (!ntsync_pi_enabled)
		return MAX_RT_PRIO;
	guard(raw_spinlock)(&t->lock);
	return ntsync_pi_wait_prio_locked(t, w);
}

/* ---- calls that are made for others ---- */

/**
 * ntsync_pi_join() - current is about to hand on something that somebody waits for
 * @t: current's record
 * @prio: what that somebody is worth
 *
 * What follows from the change is current's to do. If it could be preempted in the middle by a
 * task that is less urgent than @prio, that would be a priority inversion.
 */
void ntsync_pi_join(struct ntsync_task *t, int prio)
{
	bool again = t->work.to;

	scoped_guard(raw_spinlock, &t->lock) {
		if (again)
			ntsync_contrib_erase_locked(&t->work);
		t->work.kind = NTSYNC_CONTRIB_WORK;
		ntsync_contrib_insert_locked(&t->work, t, ntsync_contrib_key(prio, 0), SCHED_FIFO);
	}
	if (again)
		ntsync_task_put(t);
	ntsync_pi_update(t);
}

/* It is done. */
void ntsync_pi_leave_work(struct ntsync_task *t)
{
	scoped_guard(raw_spinlock, &t->lock)
		ntsync_contrib_erase_locked(&t->work);
	ntsync_pi_update(t);
	ntsync_task_put(t);
}

/* ---- exit, init ---- */

/* By the exit of its task, with preemption off. Contributions of mutexes stay where they are. */
void ntsync_pi_task_exit(struct ntsync_task *t)
{
	struct ntsync_sched_params base;
	bool boosted;

	scoped_guard(raw_spinlock, &t->lock) {
		t->dead = true;
		boosted = t->prio;
		base = t->base;
		ntsync_boost_drop_locked(t);
	}
	/* It has some way to go yet, on its own account. For a deadline task this could sleep. */
	if (boosted && current == t->task && current->policy != SCHED_DEADLINE)
		ntsync_sched_params_set(current, &base);
}

void ntsync_pi_task_init(struct ntsync_task *t)
{
	ntsync_pi_base_task_init(t);
}

/* What the arbiter has in an instance. */
void ntsync_pi_device_init(struct ntsync_device *dev)
{
	INIT_LIST_HEAD(&dev->boosted);
	ntsync_owners_init(dev);
}

/* The next wait that would have ended its boosts can't come any more. */
void ntsync_pi_device_exit(struct ntsync_device *dev)
{
	ntsync_boosts_end(dev);
	ntsync_owners_destroy(dev);
}

int ntsync_pi_init(void)
{
	int ret = ntsync_pi_base_init();

	if (ret)
		return ret;
	ntsync_task_init();
	ret = ntsync_pi_enabled ? ntsync_fork_init() : 0;
	if (ret)
		ntsync_pi_base_exit();
	return ret;
}

void ntsync_pi_exit(void)
{
	ntsync_task_exit();
	if (ntsync_pi_enabled)
		ntsync_fork_exit();
	ntsync_pi_base_exit();
}
