// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records of tasks. A record lives from the first call of its task until the exit of the task.
 * A loan to the task, or an ADDR_WAIT that names it as the owner, makes the record earlier. The
 * task itself, a lender and such a waiter look the record up. Others have a counted pointer from a
 * mutex, an owner id, a contribution, a loan, the key of an address or a receiver, or iterate over
 * all records (ntsync_task_next(), ntsync_task_next_namer()).
 *
 * A lender may make the record of a task that exits at that moment. One of the two has to retire
 * it. Here 'lender' stands for the waiter, too:
 *
 *   lender				the borrower's exit
 *
 *   lock(slot)			PF_EXITING is set
 *   no record yet: inserts one		...
 *   unlock(slot)			the tracepoint's probe:
 *   smp_mb(); (S), pairs with (T)	smp_mb(); (T), pairs with (S)
 *   PF_EXITING? then retires it	is there a record? then retires it
 *
 * At least one of them sees the other. If both do, the one that removes the record from its slot,
 * under the slot's lock, retires it. A lender retires only a record that it has inserted itself:
 * the probe may have run before that. A record that was there already is retired by the probe, or
 * by the lender that has inserted it.
 */
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "core/core.h"
#include "core/space.h"
#include "pi_internal.h"

static struct kmem_cache *cache;

int ntsync_task_cache_init(void)
{
	cache = ntsync_cache_create("ntsync_task", sizeof(struct ntsync_task));
	return cache ? 0 : -ENOMEM;
}

/* The caller has put all records and waited for an RCU barrier. */
void ntsync_task_cache_exit(void)
{
	kmem_cache_destroy(cache);
}

struct hlist_head ntsync_tasks[1 << NTSYNC_TASK_BITS];

/*
 * Protect the slots of @ntsync_tasks, several slots each, and are held for a few instructions.
 * With one lock for all, tasks of different instances would wait for each other.
 */
static raw_spinlock_t slot_locks[64];

static raw_spinlock_t *slot_lock(unsigned int slot)
{
	return &slot_locks[slot % ARRAY_SIZE(slot_locks)];
}

static struct ntsync_task *alloc_record(struct task_struct *p)
{
	struct ntsync_task *t = kmem_cache_zalloc(cache, GFP_KERNEL_ACCOUNT);

	if (!t)
		return NULL;
	t->task = get_task_struct(p);
	refcount_set(&t->refs, 1);
	raw_spin_lock_init(&t->lock);
	rt_mutex_init(&t->apply_lock);
	t->contribs = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&t->notifications);
	ntsync_pi_normal_task_init(t);
	ntsync_loan_task_init(t);
	ntsync_verify_timer_init(t);
	return t;
}

/* Under the slot's lock, or RCU's. */
static struct ntsync_task *find_record(const struct task_struct *p)
{
	struct ntsync_task *t;

	hlist_for_each_entry_rcu(t, &ntsync_tasks[hash_ptr(p, NTSYNC_TASK_BITS)], hash, true) {
		if (t->task == p)
			return t;
	}
	return NULL;
}

/*
 * Inserts @new, unless another task has been faster. Returns the task's record, with a reference
 * for the caller.
 */
static struct ntsync_task *insert_record(struct ntsync_task *new)
{
	unsigned int slot = hash_ptr(new->task, NTSYNC_TASK_BITS);
	struct ntsync_task *t;

	scoped_guard(raw_spinlock, slot_lock(slot)) {
		t = find_record(new->task) ?: new;
		if (t == new)
			hlist_add_head_rcu(&t->hash, &ntsync_tasks[slot]);
		ntsync_task_get(t);
	}
	if (t != new) {
		put_task_struct(new->task);
		kmem_cache_free(cache, new);
	}
	return t;
}

/* Makes the record of current. Returns NULL without memory. */
struct ntsync_task *ntsync_task_create(void)
{
	struct ntsync_task *t = alloc_record(current);

	if (!t)
		return NULL;
	t = insert_record(t);
	/* current's own reference is enough. */
	ntsync_task_put(t);
	return t;
}

static void free_record_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(cache, container_of(rcu, struct ntsync_task, rcu));
}

/* Readers of the record's slot may still access it. */
void ntsync_task_free(struct ntsync_task *t)
{
	call_rcu(&t->rcu, free_record_rcu);
}

/* A reference to the task, or NULL if it has exited. */
struct task_struct *ntsync_task_get_task(struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	return t->dead ? NULL : get_task_struct(t->task);
}

/* Returns true for the one that has to retire the record. */
static bool remove_record(struct ntsync_task *t)
{
	guard(raw_spinlock)(slot_lock(hash_ptr(t->task, NTSYNC_TASK_BITS)));
	if (hlist_unhashed(&t->hash))
		return false;
	hlist_del_init_rcu(&t->hash);
	return true;
}

/*
 * Removes the record from the table: its task exits, or the module is unloaded. Contributions to it
 * have no effect any more; returns the highest of them, as ntsync_pi_mark_dead(). Constant work that does not sleep.
 * The caller keeps the record by RCU or a reference.
 */
static int retire_record(struct ntsync_task *t)
{
	bool keeps_module;
	int inherited;

	if (!remove_record(t))
		return MAX_RT_PRIO;
	keeps_module = t->keeps_module;
	/* At the priority that the task still has. */
	ntsync_loan_end_later(t);
	inherited = ntsync_pi_mark_dead(t);
	ntsync_verify_timer_exit(t);
	/* The task is in no call any more. */
	ntsync_space_put(t->spaces[0]);
	ntsync_space_put(t->spaces[1]);
	put_task_struct(t->task);
	ntsync_task_put(t);
	if (keeps_module)
		module_put(THIS_MODULE);
	return inherited;
}

/*
 * Called by each exiting task. It must not sleep, and its work must be constant. Returns the prio
 * that current inherited, MAX_RT_PRIO if it inherited nothing.
 */
int ntsync_task_remove_current(void)
{
	struct ntsync_task *t;

	smp_mb(); /* (T), pairs with (S) in ntsync_task_get_record_of() */
	guard(preempt)();
	t = ntsync_task_current();
	return unlikely(t) ? retire_record(t) : MAX_RT_PRIO;
}

/* A reference to the record of @p, or NULL if there is none. */
static struct ntsync_task *get_record(const struct task_struct *p)
{
	struct ntsync_task *t;

	guard(rcu)();
	t = find_record(p);
	return t && refcount_inc_not_zero(&t->refs) ? t : NULL;
}

/*
 * A child is in the table of pids before the probe in fork.c has put its parameters right. What it
 * has copied of its parent's boost must not be saved as its normal parameters, so it counts as not
 * there. It leaves TASK_NEW under its pi_lock after the probe, and its parameters are read under
 * that lock.
 */
static bool is_new_or_exits(const struct task_struct *p)
{
	return READ_ONCE(p->__state) & TASK_NEW || READ_ONCE(p->flags) & PF_EXITING;
}

/**
 * ntsync_task_get_record_of() - the record of another task, made if there is none
 * @p: the task; the caller has a reference
 *
 * The race with the task's exit is drawn at the top of this file.
 *
 * Context: process; may sleep.
 *
 * Return: the record, with a reference for the caller; -ESRCH if the task exits or has not begun to
 * run; -ENOMEM.
 */
struct ntsync_task *ntsync_task_get_record_of(struct task_struct *p)
{
	struct ntsync_task *t, *new;

	if (is_new_or_exits(p))
		return ERR_PTR(-ESRCH);
	t = get_record(p);
	if (likely(t))
		return t;
	new = alloc_record(p);
	if (!new)
		return ERR_PTR(-ENOMEM);
	t = insert_record(new);
	smp_mb(); /* (S), pairs with (T) in ntsync_task_remove_current() */
	if (t != new || likely(!(READ_ONCE(p->flags) & PF_EXITING)))
		return t;
	/* The task may have used it in between, so that there is more to do than to free it. */
	retire_record(t);
	ntsync_task_put(t);
	return ERR_PTR(-ESRCH);
}

/*
 * Iterates over the records of @slot: returns a reference to the one after @after, which the
 * caller puts, or NULL.
 */
struct ntsync_task *ntsync_task_next(unsigned int slot, const struct ntsync_task *after)
{
	struct ntsync_task *t, *found = NULL;

	/* The order of a slot changes, that of the addresses does not. */
	scoped_guard(raw_spinlock, slot_lock(slot)) {
		hlist_for_each_entry(t, &ntsync_tasks[slot], hash) {
			if (t > after && (!found || t < found))
				found = t;
		}
		if (found)
			ntsync_task_get(found);
	}
	return found;
}

/*
 * The same for the records of tasks that have named an owner through an instance. It takes no lock,
 * as every user may call it.
 */
struct ntsync_task *ntsync_task_next_namer(unsigned int slot, u64 dev_id,
					   const struct ntsync_task *after)
{
	struct ntsync_task *t, *found;

	guard(rcu)();
	do {
		found = NULL;
		hlist_for_each_entry_rcu(t, &ntsync_tasks[slot], hash) {
			if (READ_ONCE(t->named_through) == dev_id && t > after &&
			    (!found || t < found))
				found = t;
		}
		/* Without a reference it has been retired, and the next search does not find it. */
	} while (found && !refcount_inc_not_zero(&found->refs));
	return found;
}

void ntsync_records_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(slot_locks); i++)
		raw_spin_lock_init(&slot_locks[i]);
}

/* No instance is open, and the probe of exits is gone. Tasks that have records may still run. */
void ntsync_records_destroy(void)
{
	struct hlist_node *next;
	struct ntsync_task *t;
	unsigned int i;

	ntsync_pi_wait_for_setters();
	for (i = 0; i < ARRAY_SIZE(ntsync_tasks); i++) {
		hlist_for_each_entry_safe(t, next, &ntsync_tasks[i], hash)
			retire_record(t);
	}
	rcu_barrier();
}
