// SPDX-License-Identifier: GPL-2.0-only
/*
 * Priority inheritance: contributions and the chain walk. docs/pi.md explains the model:
 *
 *   entries of real-time tasks -------> mutex -----\
 *   waiters of real-time tasks -------> address ----+
 *   requests of a channel ------------> receiver ---+--> a task's record --> the task
 *   lender ---------------------------> loan -------+			   and on, from
 *   EVENT_SET_PI ---------------------> boost -----/			   its own wait
 *				(each has a contribution)
 *
 * Rule 1: A contribution has the highest priority of the waiters that it stands for. That of a
 *	   mutex is updated in the critical section of obj->lock that changes the waiters
 *	   (types/mutex_source.c). So is that of a receiver to which a waker hands a request;
 *	   those of the channel's other receivers are updated after it (channel/source.c). That
 *	   of an address is updated under bucket->lock (addr/key.c), that of a loan under
 *	   loan->lock (loan.c), that of an event's boost under t->lock (boost.c).
 * Rule 2: A task has the higher of its normal prio and its highest contribution (pi/apply.c).
 * Rule 3: The queued entries of a sleeping task have the priority that the task passes on, see
 *	   ntsync_pi_target_prio_locked().
 *
 * A call that changes contributions must restore rules 2 and 3 for the records that it has
 * changed, and for everything that follows from these. That is the chain walk. [4] and [5] are one
 * critical section of obj->lock; no other lock but all_lock is held for more than one step:
 *
 *  Step	Description					Protected by
 *  [1]	take a record off the walk's list		walk-private
 *  [2]	set the parameters of its task (rule 2)		t->apply_lock
 *  [3]	get a reference to the object of the next	t->lock
 *	entry of the task's wait; if there is none,
 *	goto [7]. A wait on an address is the last
 *	entry: its key has the place of an object
 *	(addr/key.c)
 *  [4]	if the task is still in that wait: requeue	obj->lock + t->lock
 *	the entry at the priority of rule 3
 *  [5]	update the contribution of the mutex, or of	obj->lock + lock of the record
 *	some of the channel's receivers (rule 1)	that it goes to
 *  [6]	put the records whose contributions have	walk-private
 *	changed on the list; goto [3]
 *  [7]	if the task lends: update its		loan->lock + lock of each
 *	contribution, and put the borrower's record	of the two records in turn
 *	on the list; goto [1] (pi/loan.c)
 *
 * A wait is on its task's stack. A walk may access it only while t->lock is held and t->wait points
 * to it. t->seq tells the wait from a later one whose struct ntsync_wait is at the same place on
 * the stack.
 *
 * A task that is about to sleep, the sleeper, does not rely on other walks: the task that makes one
 * may be preempted after rule 1, before it has restored rule 2. It walks from its own record and
 * verifies: it follows the whole chain even where no contribution changes, sets what has not been
 * set, and iterates again over a wait if the mutexes in it may have got another owner meanwhile. So
 * when the sleeper sleeps, each task further down the chain runs at the sleeper's priority or
 * higher, and makes its later changes at that priority. The sleeper needs no walk if each owner
 * that it waits for already has that priority and depends on nobody: the chain ends there
 * (sleeper.c). While the sleeper's priority may boost others it verifies again once a second,
 * because the kernel does not report a priority that is changed from outside.
 *
 * The number of hops in a contribution ends cycles; see ntsync_contrib_rank().
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
	return rb_entry(a, struct ntsync_contrib, rb)->rank <
	       rb_entry(b, struct ntsync_contrib, rb)->rank;
}

/* The caller holds the lock of @to. */
void ntsync_contrib_insert_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 rank,
				  int policy)
{
	lockdep_assert_held(&to->lock);
	c->rank = rank;
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

/*
 * Does the task wait for somebody, or lend? One whose wait is claimed is about to run, and
 * waits for nobody. t->lock is held.
 */
static bool depends_on_others_locked(const struct ntsync_task *t)
{
	lockdep_assert_held(&t->lock);
	return (t->wait && !ntsync_wait_claimed(t->wait)) || READ_ONCE(t->loan.borrower);
}

/* Is there anything for a walk from @t to do, now that its contributions have changed? */
static bool leaves_work_to_walk_locked(const struct ntsync_task *t)
{
	return ntsync_pi_needs_apply_locked(t) || depends_on_others_locked(t);
}

static void add_if_work_is_left_locked(struct ntsync_todo *todo, struct ntsync_task *t)
{
	if (leaves_work_to_walk_locked(t))
		ntsync_todo_add(todo, t);
}

static void detach_contrib(struct ntsync_contrib *c, struct ntsync_todo *todo)
{
	struct ntsync_task *t = c->to;

	scoped_guard(raw_spinlock, &t->lock) {
		ntsync_contrib_erase_locked(c);
		add_if_work_is_left_locked(todo, t);
	}
	ntsync_task_put(t);
}

static void attach_contrib(struct ntsync_contrib *c, struct ntsync_task *to, u32 rank, int policy,
			   struct ntsync_todo *todo)
{
	guard(raw_spinlock)(&to->lock);
	if (to->dead)
		return;
	ntsync_contrib_insert_locked(c, to, rank, policy);
	add_if_work_is_left_locked(todo, to);
}

/*
 * In one critical section of the record's lock, so that the record is not added to @todo for the
 * state in between.
 * Returns false if the task has exited: the contribution has to be removed.
 */
static bool change_contrib(struct ntsync_contrib *c, u32 rank, int policy, struct ntsync_todo *todo)
{
	struct ntsync_task *t = c->to;

	guard(raw_spinlock)(&t->lock);
	if (t->dead)
		return false;
	rb_erase_cached(&c->rb, &t->contribs);
	c->rank = rank;
	c->policy = policy;
	rb_add_cached(&c->rb, &t->contribs, contrib_is_higher);
	add_if_work_is_left_locked(todo, t);
	return true;
}

/**
 * ntsync_contrib_set_locked() - set the value of a contribution and the record it goes to
 * @c: the contribution; the lock of its object is held
 * @to: the record, or NULL
 * @rank: see ntsync_contrib_rank(); NTSYNC_NO_CONTRIB: it contributes nothing
 * @policy: SCHED_FIFO or SCHED_RR
 * @todo: gets the records that a walk has to start from. Most often there is none: a task that
 *	acquires a mutex, or releases one, has the priority that it should have, and depends on
 *	nobody
 *
 * Return: true if anything has changed.
 */
bool ntsync_contrib_set_locked(struct ntsync_contrib *c, struct ntsync_task *to, u32 rank,
			       int policy, struct ntsync_todo *todo)
{
	if (rank == NTSYNC_NO_CONTRIB)
		to = NULL;
	/*
	 * @c changes only under the object's lock as well, so c->to->lock is not needed to read it.
	 * Without this check a hand-off between two FIFO waiters takes 152 instructions more.
	 */
	if (c->to == to && (!to || (c->rank == rank && c->policy == policy)))
		return false;
	if (c->to && c->to == to && change_contrib(c, rank, policy, todo))
		return true;
	if (c->to)
		detach_contrib(c, todo);
	if (to)
		attach_contrib(c, to, rank, policy, todo);
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
 * only if WALK_CHUNK records have been added since the list was last empty, or since the last chunk
 * was added. No lock is held, except maybe all_lock.
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
	/* The list is empty: reuse the chunk, so that most walks need no other. */
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
 * @index: of the entry to update next; the request counts as the entry after the last one
 * @end: the number of entries; one more if there is a request
 * @request: the entry that was updated last is the request
 * @addr_ops: of a wait on an address, else NULL; it is updated after the last entry
 * @after: what update_contribs() of @obj has returned last
 * @obj: the entry's object, counted, while @after is not NULL
 * @changed: records whose contributions have changed, and that a walk has something to do for
 * @others: other records that inherit from the entry's object
 * @found_below: in a verifying walk: a task of these records did not have the
 *	priority that it should have
 */
struct wait_iter {
	struct ntsync_task *t;
	bool begun;
	u32 seq;
	int prio;
	u32 index;
	u32 end;
	bool request;
	const struct ntsync_addr_wait_ops *addr_ops;
	const void *after;
	struct ntsync_obj *obj;
	struct ntsync_todo changed;
	struct ntsync_todo others;
	bool found_below;
};

/*
 * Does not zero the lists of records. Zeroing would take 50 of the 190 instructions of
 * process_record().
 */
static void init_iter(struct wait_iter *it, struct ntsync_task *t)
{
	it->t = t;
	it->begun = false;
	it->index = 0;
	it->end = 0;
	it->request = false;
	it->addr_ops = NULL;
	it->after = NULL;
	it->changed.nr = 0;
	it->others.nr = 0;
	it->found_below = false;
}

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
	it->addr_ops = t->wait->addr_ops;
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
	it->prio = ntsync_pi_update_wait_prio_locked(t, w);
	it->end = w->nr + !!w->send;
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
 *
 * Then @it->request and @it->index stay as they were, and the rest of the receivers is updated for
 * the request that has gone.
 */
static bool update_entry(struct wait_iter *it, struct ntsync_obj *obj)
{
	guard(raw_spinlock)(&obj->lock);
	if (!update_entry_prio_locked(it, obj) && !it->after)
		return false;
	if (it->request || obj->ops->owned)
		it->after = obj->ops->source->update_contribs(obj, it->after, &it->changed,
							      &it->others);
	if (!it->after)
		it->index++;
	return it->index < it->end;
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

/**
 * ntsync_pi_needs_verify() - must a verifying walk process a record?
 * @t: the record
 * @prio: the priority of what contributes to it
 * @below: out: its task has neither @prio nor the priority that it inherits
 */
bool ntsync_pi_needs_verify(struct ntsync_task *t, int prio, bool *below)
{
	guard(raw_spinlock)(&t->lock);
	*below = ntsync_pi_is_below_locked(t, prio);
	/* A task whose parameters could not be set is not below, and is tried again. */
	return *below || leaves_work_to_walk_locked(t);
}

/*
 * Step [6] for a record whose contribution has not changed, or not so that a walk has something to
 * do for it. Consumes the reference.
 */
static void push_other_record(struct chain_walk *k, struct wait_iter *it, struct ntsync_task *t)
{
	bool below = false;
	bool wanted = k->verify ? ntsync_pi_needs_verify(t, it->prio, &below) : needs_apply(t);

	it->found_below |= below;
	if (wanted && (below || !was_on_walk_list(k, t)))
		push_record(k, t);
	else
		ntsync_task_put(t);
}

/* Step [6] */
static void push_found_records(struct chain_walk *k, struct wait_iter *it)
{
	unsigned int i;

	for (i = 0; i < it->changed.nr; i++)
		it->found_below |= k->verify && is_below(it->changed.tasks[i], it->prio);
	push_todo_records(k, &it->changed);
	while (it->others.nr)
		push_other_record(k, it, it->others.tasks[--it->others.nr]);
}

/* ---- the walk ---- */

/* Does this walk set parameters now? process_self() lowers current, after all other records. */
static bool needs_apply_now(const struct chain_walk *k, struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	if (t == k->self && !ntsync_pi_is_below_locked(t, -1))
		return false;
	return ntsync_pi_needs_apply_locked(t);
}

static void process_record(struct chain_walk *k, struct ntsync_task *t)
{
	struct wait_iter it __uninitialized;
	bool more;

	init_iter(&it, t);
	ntsync_pi_count(NTSYNC_COUNT_RECORDS);
	if (needs_apply_now(k, t))
		ntsync_pi_apply(t);
	do {
		more = update_next_entry(&it);
		push_found_records(k, &it);
	} while (more);
	if (unlikely(it.addr_ops)) {
		it.prio = it.addr_ops->update(t, it.seq, &it.changed, &it.others);
		push_found_records(k, &it);
	}
	/* update_next_entry() has taken t->lock; see the race at the top of loan.c. */
	if (unlikely(READ_ONCE(t->loan.borrower))) {
		it.prio = ntsync_loan_update(t, &it.changed, &it.others);
		push_found_records(k, &it);
	}
	/* Again, after the records that were just pushed: by then mutexes may have other owners. */
	if (it.found_below)
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
 * Others may lower current again. If its own parameters change and it is about to sleep or lends,
 * what it contributes changes, too. From then on the walk treats current as any other task: it may
 * find that current inherits still less, and nothing comes after this.
 */
static void process_self(struct chain_walk *k)
{
	struct ntsync_task *self = k->self;

	if (!self || !ntsync_pi_lower_enable(self))
		return;
	ntsync_pi_apply(self);
	if (!self->wait && !READ_ONCE(self->loan.borrower))
		return;
	k->self = NULL;
	push_record(k, ntsync_task_get(self));
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
 * @todo: the records to start from; empty afterwards
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

/**
 * ntsync_pi_walk_later() - as ntsync_pi_walk_todo(), for records of another user
 * @todo: the records to start from; empty afterwards
 *
 * Sets what their tasks should have, and leaves the chains behind them to workers: these may have
 * thousands of tasks. As in a walk, current is lowered last: its borrower is lowered before it.
 */
void ntsync_pi_walk_later(struct ntsync_todo *todo)
{
	struct ntsync_task *self = ntsync_task_current();
	unsigned int i;

	if (self)
		ntsync_pi_lower_disable(self);
	for (i = 0; i < todo->nr; i++) {
		/* First, as current may be preempted in between. */
		ntsync_pi_recheck_soon(todo->tasks[i]);
		if (todo->tasks[i] != self)
			ntsync_pi_apply(todo->tasks[i]);
	}
	ntsync_todo_put_all(todo);
	if (self && ntsync_pi_lower_enable(self))
		ntsync_pi_walk_from(self);
}

/*
 * For the end of a call in which current may have lost a contribution. A task that does not wait
 * passes on what it inherits only by a loan. In a cycle current may inherit from its own borrower.
 * So the borrower may have to be lowered even if current's priority is the same as before.
 */
void ntsync_pi_walk_own(struct ntsync_task *t)
{
	if (t && (needs_apply(t) || READ_ONCE(t->loan.borrower)))
		ntsync_pi_walk_from(t);
}

/* ---- current boosts itself ---- */

/**
 * ntsync_pi_prio_to_take_on() - does current need a waiter's priority for what it is about to do?
 * @rank: what the highest waiter contributes
 * @self_record: current's record after ntsync_pi_boost_self(), else NULL: that boost counts, even
 *	if setting it has failed
 *
 * Return: the waiter's priority if it is above current's: current could be preempted after it has
 * made another task the owner, and before it has raised that one. Otherwise MAX_RT_PRIO.
 */
int ntsync_pi_prio_to_take_on(u32 rank, const struct ntsync_task *self_record)
{
	int own = ntsync_prio_without_kernel_boost(current), prio = ntsync_contrib_prio(rank);

	if (self_record)
		own = min(own, ntsync_contrib_prio(self_record->self_boost.rank));
	return prio < own ? prio : MAX_RT_PRIO;
}

/**
 * ntsync_pi_boost_self() - current is about to hand off an object that others wait for, or to name
 *	another owner of an address
 * @t: current's record
 * @prio: the priority of the highest of these waiters
 *
 * current walks the chain afterwards. If a task below @prio could preempt it before that, the
 * waiters would suffer a priority inversion.
 */
void ntsync_pi_boost_self(struct ntsync_task *t, int prio)
{
	bool again = t->self_boost.to;

	scoped_guard(raw_spinlock, &t->lock) {
		if (again)
			ntsync_contrib_erase_locked(&t->self_boost);
		t->self_boost.kind = NTSYNC_CONTRIB_SELF;
		ntsync_contrib_insert_locked(&t->self_boost, t, ntsync_contrib_rank(prio, 0),
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
		ntsync_contrib_erase_locked(&t->self_boost);
	ntsync_pi_walk_from(t);
	ntsync_task_put(t);
}

/* ---- exit, init ---- */

/*
 * Marks a record as dead and ends the boost of its task. The caller is the exiting task, a task
 * that has made the record of an exiting task, or the unload of the module. It must not sleep.
 * Contributions of objects to the record stay; the objects remove them. Returns the highest of them
 * as a prio, MAX_RT_PRIO if there is none.
 */
int ntsync_pi_mark_dead(struct ntsync_task *t)
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

/*
 * The self-test has failed on this kernel. From now on the module works as with pi=off. The caller
 * ensures that no task is boosted.
 */
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
	ntsync_records_init();
	ret = ntsync_exit_worker_init();
	if (ret)
		goto err_normal;
	ret = ntsync_pi_enabled ? init_probes() : 0;
	if (NTSYNC_UNTESTED && ret == -ENODEV) {
		ntsync_pi_enabled = false;
		pr_warn("ntsync: pi=off, no priority inheritance on this kernel: forks or execve() are not noticed\n");
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
	ntsync_records_destroy();
	if (ntsync_pi_enabled)
		ntsync_fork_exit();
	ntsync_pi_normal_exit();
}
