// SPDX-License-Identifier: GPL-2.0-only
/*
 * Priority inheritance: contributions and the chain walk. docs/pi.md explains the model:
 *
 *   entries of real-time tasks -------> mutex ----\
 *   requests of a channel ------------> receiver --+--> a task's record --> the task
 *				(each has a contribution)		   and on, from
 *									   its own wait
 *
 * Rule 1: A contribution has the highest priority of the waiters that it stands for. That of a
 *	   mutex is updated in the same hold of obj->lock that changes the waiters
 *	   (types/mutex_source.c). So is that of a receiver to which a waker hands a request;
 *	   those of the channel's other receivers are updated after it (channel/source.c).
 * Rule 2: A task has the higher of its normal prio and its highest contribution (pi/apply.c).
 * Rule 3: The queued entries of a sleeping task have the priority that the task should have.
 *
 * A call that changes contributions must restore rules 2 and 3 for the records that it has
 * changed, and for everything that follows from these. That is the chain walk. [4] and [5] are one
 * hold of obj->lock; no other lock but all_lock is held for more than one step:
 *
 *  Step	Description					Protected by
 *  [1]	take a record off the walk's list		walk-private
 *  [2]	set the parameters of its task (rule 2)		t->apply_lock
 *  [3]	get a reference to the object of the next	t->lock
 *	entry of the task's wait; if there is none,
 *	goto [7]
 *  [4]	if the task is still in that wait: requeue	obj->lock + t->lock
 *	the entry at the task's priority (rule 3)
 *  [5]	update the contribution of the mutex, or of	obj->lock + lock of the record
 *	some of the channel's receivers (rule 1)	that it goes to
 *  [6]	put the records whose contributions have	walk-private
 *	changed on the list; goto [3]
 *  [7]	if the task has a loan: update its		loan->lock + lock of each
 *	contribution, and put the borrower's record	of the two records in turn
 *	on the list; goto [1] (pi/loan.c)
 *
 * A wait is on its task's stack. A walk may access it only while t->lock is held and t->wait
 * points to it; t->seq tells it from a later wait at the same address.
 *
 * A task that is about to sleep does not rely on other walks, because the task that makes one may
 * be preempted after rule 1, before it has restored rule 2. It walks from its own record and
 * verifies: it follows the whole chain even where no contribution changes, sets what has not been
 * set, and iterates again over a wait if the mutexes in it may have got another owner meanwhile.
 * So when it sleeps, each task further down the chain runs at its priority or higher. Whatever such
 * a task changes after that, it changes at this priority. While the sleeper's priority may boost
 * others it verifies again once a second, because the kernel does not report a priority that is
 * changed from outside.
 *
 * The number of hops in a contribution ends cycles; see ntsync_contrib_key().
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

static bool contrib_is_higher(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_contrib, rb)->key <
	       rb_entry(b, struct ntsync_contrib, rb)->key;
}

/* The caller holds the lock of @to. */
void ntsync_contrib_insert_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 key,
				  int policy)
{
	lockdep_assert_held(&to->lock);
	c->key = key;
	c->policy = policy;
	c->to = ntsync_task_get(to);
	rb_add_cached(&c->rb, &to->contribs, contrib_is_higher);
}

/* The caller holds the lock of the record, and puts the record afterwards. */
void ntsync_contrib_erase_locked(struct ntsync_contrib *c)
{
	lockdep_assert_held(&c->to->lock);
	rb_erase_cached(&c->rb, &c->to->contribs);
	c->to = NULL;
}

static void detach_contrib(struct ntsync_contrib *c, struct ntsync_todo *todo)
{
	struct ntsync_task *t = c->to;

	ntsync_todo_add(todo, t);
	scoped_guard(raw_spinlock, &t->lock)
		ntsync_contrib_erase_locked(c);
	ntsync_task_put(t);
}

/* Returns false if the task has exited. */
static bool attach_contrib(struct ntsync_contrib *c, struct ntsync_task *to, u32 key, int policy)
{
	guard(raw_spinlock)(&to->lock);
	if (to->dead)
		return false;
	ntsync_contrib_insert_locked(c, to, key, policy);
	return true;
}

/**
 * ntsync_contrib_set_locked() - set the value of a contribution and the record it goes to
 * @c: the contribution; the lock of its object is held
 * @to: the record, or NULL
 * @key: see ntsync_contrib_key(); NTSYNC_NO_CONTRIB: it contributes nothing
 * @policy: SCHED_FIFO or SCHED_RR
 * @todo: gets the records whose contributions change
 *
 * Return: true if anything has changed.
 */
bool ntsync_contrib_set_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 key,
			       int policy, struct ntsync_todo *todo)
{
	if (key == NTSYNC_NO_CONTRIB)
		to = NULL;
	/*
	 * @c changes only under the object's lock as well, so c->to->lock is not needed to read it.
	 * Without this check a hand-over between two FIFO waiters took 710 instructions more.
	 */
	if (c->to == to && (!to || (c->key == key && c->policy == policy)))
		return false;
	if (c->to)
		detach_contrib(c, todo);
	if (to && attach_contrib(c, to, key, policy))
		ntsync_todo_add(todo, to);
	return true;
}

/* ---- the list of a walk ---- */

#define WALK_CHUNK	14

struct walk_chunk {
	struct walk_chunk *next;
	struct ntsync_task *tasks[WALK_CHUNK];
};

/**
 * struct chain_walk - one chain walk
 * @id: unique, for ntsync_task::walk_hint
 * @verify: by a task that is about to sleep; see the top of this file
 * @budget: how many more records it processes, so that it ends whatever others do meanwhile
 * @self: current's own record, or NULL
 * @first: first chunk of the list; most walks need no other
 * @head: chunk of the next record to take off, at @get
 * @tail: chunk of the next record to add, at @put
 * @get: see @head
 * @put: see @tail
 *
 * A record can be on the list twice if two walks meet.
 */
struct chain_walk {
	u64 id;
	bool verify;
	unsigned int budget;
	struct ntsync_task *self;
	struct walk_chunk first;
	struct walk_chunk *head;
	struct walk_chunk *tail;
	unsigned int get;
	unsigned int put;
};

/* More than any chain needs, even if a priority circulates until it has no hops left. */
#define MAX_WALK_RECORDS	(64 * NTSYNC_MAX_HOPS)

static DEFINE_PER_CPU(u64, walk_ids);

static u64 alloc_walk_id(void)
{
	guard(preempt)();
	return (__this_cpu_inc_return(walk_ids) * nr_cpu_ids + smp_processor_id()) << 1;
}

static void walk_init(struct chain_walk *k, bool verify)
{
	ntsync_pi_count(NTSYNC_COUNT_WALKS);
	k->id = alloc_walk_id();
	k->verify = verify;
	k->budget = MAX_WALK_RECORDS;
	k->self = ntsync_task_current();
	if (k->self)
		ntsync_pi_lower_disable(k->self);
	k->first.next = NULL;
	k->head = &k->first;
	k->tail = &k->first;
	k->get = 0;
	k->put = 0;
}

/*
 * The change that caused the walk can't be undone, so this allocation must not fail. It is made
 * only if more than WALK_CHUNK records are on the list. No lock is held, except maybe all_lock.
 */
static void add_walk_chunk(struct chain_walk *k)
{
	struct walk_chunk *c = kmalloc(sizeof(*c), GFP_KERNEL | __GFP_NOFAIL);

	c->next = NULL;
	k->tail->next = c;
	k->tail = c;
	k->put = 0;
}

/*
 * t->walk_hint is the id of the walk that has listed or processed the record last, with ON_LIST
 * while the record is on that walk's list. Two walks overwrite each other's hint, so a hint may
 * only save work.
 */
#define ON_LIST	1ULL

static bool is_on_walk_list(const struct chain_walk *k, const struct ntsync_task *t)
{
	return READ_ONCE(t->walk_hint) == (k->id | ON_LIST);
}

static bool was_on_walk_list(const struct chain_walk *k, const struct ntsync_task *t)
{
	return (READ_ONCE(t->walk_hint) & ~ON_LIST) == k->id;
}

/* Consumes the caller's reference to @t. */
static void push_record(struct chain_walk *k, struct ntsync_task *t)
{
	if (is_on_walk_list(k, t)) {
		ntsync_task_put(t);
		return;
	}
	WRITE_ONCE(t->walk_hint, k->id | ON_LIST);
	if (k->put == WALK_CHUNK)
		add_walk_chunk(k);
	k->tail->tasks[k->put++] = t;
}

static void push_todo_records(struct chain_walk *k, struct ntsync_todo *todo)
{
	while (todo->nr)
		push_record(k, todo->tasks[--todo->nr]);
}

/* Step [1]; returns NULL if the list is empty. */
static struct ntsync_task *pop_record(struct chain_walk *k)
{
	struct walk_chunk *c = k->head;
	struct ntsync_task *t;

	if (c == k->tail && k->get == k->put)
		return NULL;
	if (k->get == WALK_CHUNK) {
		k->head = c->next;
		k->get = 0;
		if (c != &k->first)
			kfree(c);
		c = k->head;
	}
	t = c->tasks[k->get++];
	/* Reuse an empty chunk, so that only a list that is long at one time allocates. */
	if (c == k->tail && k->get == k->put) {
		k->get = 0;
		k->put = 0;
	}
	WRITE_ONCE(t->walk_hint, k->id);
	return t;
}

static void walk_exit(struct chain_walk *k)
{
	if (k->head != &k->first)
		kfree(k->head);
}

/* ---- the entries of a wait: steps [3] to [6] ---- */

/**
 * struct wait_iter - iterates over the entries of one wait
 * @t: the record of the waiting task
 * @begun: @seq is valid
 * @seq: value of t->seq that identifies the wait
 * @prio: what the entry contributes
 * @index: of the next entry; after the last one comes the request, if there is one
 * @request: the last one was the request
 * @after: what update_contribs() of the source has returned last
 * @obj: the entry's object, counted, while @after is not NULL
 * @changed: records whose contributions have changed
 * @same: other records that inherit from the entry's object
 * @unset: in a verifying walk: one of these records did not have the priority it should have
 */
struct wait_iter {
	struct ntsync_task *t;
	bool begun;
	u32 seq;
	int prio;
	u32 index;
	bool request;
	const void *after;
	struct ntsync_obj *obj;
	struct ntsync_todo changed;
	struct ntsync_todo same;
	bool unset;
};

/* Step [3]; returns NULL if the wait is over or has no more entries. */
static struct ntsync_obj *get_next_obj(struct wait_iter *it)
{
	struct ntsync_task *t = it->t;
	struct ntsync_obj *obj;

	guard(raw_spinlock)(&t->lock);
	if (!t->wait || t->dead)
		return NULL;
	if (!it->begun)
		it->seq = t->seq;
	else if (it->seq != t->seq)
		return NULL;
	it->begun = true;
	if (it->index < t->wait->nr)
		obj = t->wait->entries[it->index].obj;
	else if (it->index == t->wait->nr && t->wait->send)
		obj = t->wait->send_to;
	else
		return NULL;
	return ntsync_obj_get(obj);
}

/* Step [4]; returns false if the wait is over. */
static bool update_entry_prio_locked(struct wait_iter *it, struct ntsync_obj *obj)
{
	struct ntsync_task *t = it->t;
	struct ntsync_wait *w;

	guard(raw_spinlock)(&t->lock);
	w = t->wait;
	if (!w || it->seq != t->seq)
		return false;
	it->prio = ntsync_pi_wait_prio_locked(t, w);
	it->request = it->index == w->nr;
	if (!it->request)
		ntsync_wait_requeue_entry_locked(&w->entries[it->index], it->prio);
	if (it->request || obj->ops->owned)
		it->prio = obj->ops->source->update_waiter(w, it->index, it->prio);
	return true;
}

/*
 * Steps [4] and [5]; returns false if there are no more entries. If the wait ends while only some
 * of the receivers have been updated, the others still have to be:
 *
 *   walk, lowers a request			sender
 *
 *   request: no contribution any more
 *   updates 8 receivers, unlock(obj)
 *						is interrupted: removes the request, which
 *						contributes nothing, so nothing is updated
 *   the wait is over
 */
static bool update_entry(struct wait_iter *it, struct ntsync_obj *obj)
{
	guard(raw_spinlock)(&obj->lock);
	if (!update_entry_prio_locked(it, obj) && !it->after)
		return false;
	if (it->request || obj->ops->owned)
		it->after = obj->ops->source->update_contribs(obj, it->after, &it->changed,
							      &it->same);
	if (!it->request)
		it->index++;
	return !it->request || it->after;
}

static bool update_next_entry(struct wait_iter *it)
{
	struct ntsync_obj *obj = it->after ? it->obj : get_next_obj(it);
	bool more;

	if (!obj)
		return false;
	more = update_entry(it, obj);
	if (it->request)
		obj->ops->source->updated(obj);
	it->obj = obj;
	if (!it->after)
		ntsync_obj_put_later(obj);
	return more;
}

static bool needs_apply(struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	return ntsync_pi_needs_apply_locked(t);
}

static bool is_below(struct ntsync_task *t, int prio)
{
	guard(raw_spinlock)(&t->lock);
	return ntsync_pi_is_below_locked(t, prio);
}

/* Step [6] for a record whose contribution has not changed. Consumes the reference. */
static void push_unchanged_record(struct chain_walk *k, struct wait_iter *it, struct ntsync_task *t)
{
	bool wanted = k->verify ? is_below(t, it->prio) : needs_apply(t);

	if (wanted && k->verify) {
		it->unset = true;
		push_record(k, t);
	} else if ((wanted || k->verify) && !was_on_walk_list(k, t)) {
		push_record(k, t);
	} else {
		ntsync_task_put(t);
	}
}

/* Step [6] */
static void push_found_records(struct chain_walk *k, struct wait_iter *it)
{
	unsigned int i;

	for (i = 0; i < it->changed.nr; i++)
		it->unset |= k->verify && is_below(it->changed.tasks[i], it->prio);
	push_todo_records(k, &it->changed);
	while (it->same.nr)
		push_unchanged_record(k, it, it->same.tasks[--it->same.nr]);
}

/* ---- the walk ---- */

/* Would applying @t only lower current? process_self() does that, after all other records. */
static bool is_deferred_to_end(const struct chain_walk *k, struct ntsync_task *t)
{
	return t == k->self && !is_below(t, -1);
}

static void process_record(struct chain_walk *k, struct ntsync_task *t)
{
	struct wait_iter it = { .t = t };
	bool more;

	ntsync_pi_count(NTSYNC_COUNT_RECORDS);
	if (!is_deferred_to_end(k, t) && needs_apply(t))
		ntsync_pi_apply(t);
	do {
		more = update_next_entry(&it);
		push_found_records(k, &it);
	} while (more);
	/* update_next_entry() has taken t->lock; see the race at the top of loan.c. */
	if (unlikely(READ_ONCE(t->loan.borrower))) {
		it.prio = ntsync_loan_update(t, &it.changed, &it.same);
		push_found_records(k, &it);
	}
	/* Again, after the records that were just pushed: by then mutexes may have other owners. */
	if (it.unset)
		push_record(k, ntsync_task_get(t));
}

static void process_records(struct chain_walk *k)
{
	struct ntsync_task *t;

	while ((t = pop_record(k))) {
		if (likely(k->budget)) {
			k->budget--;
			process_record(k, t);
		} else {
			/* Bound the time of the call. A worker continues from this record. */
			ntsync_pi_recheck_soon(t);
		}
		ntsync_task_put(t);
	}
}

/*
 * Others may lower current again. If its own parameters change and it is about to sleep or has a
 * loan, what it contributes changes, too.
 */
static void process_self(struct chain_walk *k)
{
	if (!k->self || !ntsync_pi_lower_enable(k->self))
		return;
	ntsync_pi_apply(k->self);
	if (!k->self->wait && !READ_ONCE(k->self->loan.borrower))
		return;
	push_record(k, ntsync_task_get(k->self));
	process_records(k);
}

static void run_walk(struct chain_walk *k)
{
	process_records(k);
	process_self(k);
	walk_exit(k);
}

/**
 * ntsync_pi_walk_todo() - chain walk after a change of contributions
 * @todo: the records that contributions were added to, or removed from; empty afterwards
 *
 * Context: process; sleeps; no raw lock is held; all_lock may be held.
 */
void ntsync_pi_walk_todo(struct ntsync_todo *todo)
{
	struct chain_walk k;

	walk_init(&k, false);
	push_todo_records(&k, todo);
	run_walk(&k);
}

static void walk_from(struct ntsync_task *t, bool verify)
{
	struct chain_walk k;

	walk_init(&k, verify);
	push_record(&k, ntsync_task_get(t));
	run_walk(&k);
}

/* The chain walk from one record. */
void ntsync_pi_walk_from(struct ntsync_task *t)
{
	walk_from(t, false);
}

/*
 * Verifies, as a task does that is about to sleep: when it returns, each task that @t depends on
 * has the priority that @t passes on, or a higher one.
 */
void ntsync_pi_walk_verify(struct ntsync_task *t)
{
	walk_from(t, true);
}

/*
 * For the end of a call in which current may have lost a contribution. Only a loan passes on what a
 * task that does not wait inherits. Its borrower may have to be lowered even if current has the
 * same priority as before: in a cycle of tasks that may be its own, come round.
 */
void ntsync_pi_walk_own(struct ntsync_task *t)
{
	if (t && (needs_apply(t) || READ_ONCE(t->loan.borrower)))
		ntsync_pi_walk_from(t);
}

/* ---- the sleeper's side ---- */

static bool waits_for_mutex(const struct ntsync_wait *w)
{
	u32 i;

	for (i = 0; i < w->nr; i++) {
		if (w->entries[i].obj->ops->owned)
			return true;
	}
	return false;
}

/* Could a task inherit from the sleeper? Whether one does is not checked. */
static bool can_boost_others(const struct ntsync_wait *w)
{
	if (w->send)
		return w->send_prio < MAX_RT_PRIO ||
		       ntsync_task_kernel_boost_prio(current) < MAX_RT_PRIO;
	return ntsync_task_queue_prio(current) < MAX_RT_PRIO && waits_for_mutex(w);
}

static void verify_chain(struct ntsync_wait *w)
{
	ntsync_pi_walk_verify(w->acquirer.t);
	w->may_boost_others = can_boost_others(w);
}

/**
 * ntsync_pi_begin_wait() - current is about to enter queues
 * @w: the wait; chain walks find it from now on
 *
 * A chain walk that changes current's priority requeues the entries that are in a queue. An
 * entry that is queued later takes the priority that current has at that moment:
 *
 *   sleeper				a chain walk that boosts it
 *
 *   lock(t) t->wait = w unlock(t)	sched_setattr_nocheck(sleeper)
 *   lock(obj)				lock(t) t->wait? get its obj unlock(t)
 *   queue the entry with task->prio	lock(obj)
 *   unlock(obj)			requeue the entry if it is queued
 *					unlock(obj)
 *
 * If the walk takes obj->lock first, or finds no wait, the sleeper sees the new priority.
 */
void ntsync_pi_begin_wait(struct ntsync_wait *w)
{
	struct ntsync_task *t = w->acquirer.t;

	guard(raw_spinlock)(&t->lock);
	t->seq++;
	t->wait = w;
}

/**
 * ntsync_pi_end_wait() - current has left all queues
 * @w: the wait; no other task accesses it after this
 */
void ntsync_pi_end_wait(struct ntsync_wait *w)
{
	struct ntsync_task *t = w->acquirer.t;

	guard(raw_spinlock)(&t->lock);
	t->seq++;
	t->wait = NULL;
}

/**
 * ntsync_pi_before_sleep() - current is about to sleep
 * @w: its wait; all entries are queued
 *
 * When this returns, each task that the sleeper waits for runs at the priority that the wait passes
 * on (for a send, the request's) or higher. Exceptions are a mutex whose owner is unknown, and a
 * task whose parameters can't be set. A task without real-time priority that inherits nothing
 * returns at once.
 */
void ntsync_pi_before_sleep(struct ntsync_wait *w)
{
	const struct ntsync_task *t = w->acquirer.t;

	ntsync_trace(wait, w);
	/* The walk for a contribution that is added from now on finds t->wait and does the rest. */
	if (likely(!READ_ONCE(t->contribs.rb_root.rb_node) && !READ_ONCE(t->normal_saved) &&
		   !can_boost_others(w)))
		return;
	if (ntsync_pi_enabled)
		verify_chain(w);
}

/* Called once a second while current sleeps and its priority may boost others. */
void ntsync_pi_verify(struct ntsync_wait *w)
{
	ntsync_pi_count(NTSYNC_COUNT_VERIFIES);
	verify_chain(w);
}

/* ---- the priority of a wait ---- */

/*
 * The priority that a wait contributes; t->lock is held. A request passes on what its sender
 * inherits, but not the sender's normal prio.
 */
int ntsync_pi_wait_prio_locked(const struct ntsync_task *t, struct ntsync_wait *w)
{
	return ntsync_pi_should_have_locked(t, !w->send, &w->hops);
}

/* The priority inherited by the request that current is about to send. */
int ntsync_pi_inherited_prio(struct ntsync_wait *w)
{
	struct ntsync_task *t = w->acquirer.t;

	if (!ntsync_pi_enabled)
		return MAX_RT_PRIO;
	guard(raw_spinlock)(&t->lock);
	return ntsync_pi_wait_prio_locked(t, w);
}

/* ---- boosting current while it hands an object off ---- */

/**
 * ntsync_pi_boost_self() - current is about to hand off an object that others wait for
 * @t: current's record
 * @prio: the priority of the highest of these waiters
 *
 * Current walks the chain after the hand-off. If a task below @prio could preempt it before that,
 * the waiters would suffer a priority inversion.
 */
void ntsync_pi_boost_self(struct ntsync_task *t, int prio)
{
	bool again = t->handoff_boost.to;

	scoped_guard(raw_spinlock, &t->lock) {
		if (again)
			ntsync_contrib_erase_locked(&t->handoff_boost);
		t->handoff_boost.kind = NTSYNC_CONTRIB_HANDOFF;
		ntsync_contrib_insert_locked(&t->handoff_boost, t, ntsync_contrib_key(prio, 0),
					     SCHED_FIFO);
	}
	if (again)
		ntsync_task_put(t);
	ntsync_pi_walk_from(t);
}

/* The counterpart of ntsync_pi_boost_self(). */
void ntsync_pi_unboost_self(struct ntsync_task *t)
{
	scoped_guard(raw_spinlock, &t->lock)
		ntsync_contrib_erase_locked(&t->handoff_boost);
	ntsync_pi_walk_from(t);
	ntsync_task_put(t);
}

/* ---- exit, init ---- */

/*
 * Called by the exiting task, where it must not sleep, and for all records when the module is
 * unloaded. Contributions of objects to the record are left for these to remove. Returns the
 * highest of them as a prio, MAX_RT_PRIO if there is none.
 */
int ntsync_pi_task_exit(struct ntsync_task *t)
{
	struct ntsync_sched_params normal;
	bool boosted;
	u32 top;

	scoped_guard(raw_spinlock, &t->lock) {
		t->dead = true;
		top = ntsync_task_top_key_locked(t);
		boosted = t->boost_prio;
		normal = t->normal;
		ntsync_event_boost_end_exiting_locked(t);
	}
	/*
	 * The rest of the exit runs with normal parameters. For a deadline task setting them could
	 * sleep.
	 */
	if (boosted && current == t->task && current->policy != SCHED_DEADLINE)
		ntsync_sched_params_set(current, &normal);
	return top == NTSYNC_NO_CONTRIB ? MAX_RT_PRIO : ntsync_contrib_prio(top);
}

/* The arbiter's part of an instance. */
void ntsync_pi_device_init(struct ntsync_device *dev)
{
	INIT_LIST_HEAD(&dev->event_boosted);
	INIT_LIST_HEAD(&dev->loans);
	ntsync_owners_init(dev);
}

/* @dev is being freed. */
void ntsync_pi_device_exit(struct ntsync_device *dev)
{
	ntsync_device_end_event_boosts(dev);
	ntsync_device_end_loans(dev);
	ntsync_owners_destroy(dev);
}

/* What inheritance needs of the kernel: probes of forks and of execve(). */
static int init_probes(void)
{
	int ret = ntsync_fork_init();

	if (ret)
		return ret;
	ret = ntsync_loan_init();
	if (ret)
		ntsync_fork_exit();
	return ret;
}

/* The kernel turns out not to inherit: from now on as with pi=off. No task is boosted. */
void ntsync_pi_disable(void)
{
	ntsync_loan_exit();
	ntsync_fork_exit();
	ntsync_pi_enabled = false;
}

int ntsync_pi_init(void)
{
	int ret = ntsync_pi_normal_init();

	if (ret)
		return ret;
	ntsync_task_init();
	ret = ntsync_exit_worker_init();
	if (ret)
		goto err_normal;
	ret = ntsync_pi_enabled ? init_probes() : 0;
	if (NTSYNC_UNTESTED && ret == -ENODEV) {
		ntsync_pi_enabled = false;
		pr_warn("ntsync: pi=off, no priority inheritance on this kernel: forks are not noticed\n");
		ret = 0;
	}
	if (ret)
		goto err_worker;
	return 0;

err_worker:
	ntsync_exit_worker_exit();
err_normal:
	ntsync_pi_normal_exit();
	return ret;
}

void ntsync_pi_exit(void)
{
	if (ntsync_pi_enabled)
		ntsync_loan_exit();
	ntsync_exit_worker_exit();
	ntsync_task_exit();
	if (ntsync_pi_enabled)
		ntsync_fork_exit();
	ntsync_pi_normal_exit();
}
