// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that go on after an interruption without being made again.
 *
 * The kernel knows "restart blocks" for that: a call that is interrupted leaves a function
 * behind. When the task is about to return to user space, after work that the kernel had for it,
 * a stop or a debugger, it enters the kernel again and that function is called. If a signal's
 * handler runs instead, the call has failed with EINTR and the function is forgotten.
 *
 * The function is ours, and whoever remembers it may have closed all that keeps this module
 * loaded. Nor is there a moment at which it is forgotten that we hear of. So a task
 * that has been interrupted once keeps the module until it exits, by a record that also says
 * what it is to go on with:
 *
 *   interrupted	record made, module counted
 *   goes on, or not	what is in the record is used once at most
 *   exits		record freed, module given back
 */
#include <linux/module.h>
#include <linux/rbtree.h>
#include <linux/slab.h>

#include "ntsync_internal.h"

/**
 * struct record - a task that has been interrupted
 * @rb: in records
 * @task: until it exits; for comparing only
 * @armed: @wait is what it goes on with
 * @wait: the task's own
 * @rcu: for freeing it where nothing may sleep
 */
struct record {
	struct rb_node rb;
	const struct task_struct *task;
	bool armed;
	struct ntsync_restart wait;
	struct rcu_head rcu;
};

/* Protects records. */
static DEFINE_RAW_SPINLOCK(records_lock);
static struct rb_root records = RB_ROOT;
static struct ntsync_hook exit_hook;

static int compare(const struct task_struct *task, const struct rb_node *node)
{
	const struct record *r = rb_entry(node, struct record, rb);

	return task < r->task ? -1 : task > r->task;
}

static int compare_key(const void *task, const struct rb_node *node)
{
	return compare(task, node);
}

static bool comes_before(struct rb_node *a, const struct rb_node *b)
{
	return compare(rb_entry(a, struct record, rb)->task, b) < 0;
}

static struct record *find_locked(const struct task_struct *task)
{
	lockdep_assert_held(&records_lock);
	return rb_entry_safe(rb_find(task, &records, compare_key), struct record, rb);
}

/* current's; only current itself makes one, and it stays until it exits. NULL: none. */
static struct record *find_own(void)
{
	guard(raw_spinlock)(&records_lock);
	return find_locked(current);
}

static struct record *make_own(void)
{
	struct record *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return NULL;
	r->task = current;
	__module_get(THIS_MODULE);
	guard(raw_spinlock)(&records_lock);
	rb_add(&r->rb, &records, comes_before);
	return r;
}

/**
 * ntsync_restart_later() - what an interrupted call answers that is to go on
 * @wait: what @fn will get from ntsync_restart_take()
 * @fn: called when current goes on
 *
 * Return: what the system call has to return; -EINTR if there is no memory.
 */
long ntsync_restart_later(const struct ntsync_restart *wait, long (*fn)(struct restart_block *))
{
	struct record *r = find_own() ?: make_own();

	if (!r)
		return -EINTR;
	r->wait = *wait;
	r->armed = true;
	return set_restart_fn(&current->restart_block, fn);
}

/* What current goes on with; false if it is not to go on, as by a restart_syscall() of its own. */
bool ntsync_restart_take(struct ntsync_restart *wait)
{
	struct record *r = find_own();

	if (!r || !r->armed)
		return false;
	*wait = r->wait;
	r->armed = false;
	return true;
}

/* Nothing may sleep here. */
static void on_exit(void *data, NTSYNC_EXIT_PROBE_ARGS)
{
	struct record *r;

	if (RB_EMPTY_ROOT(&records)) /* p's own would be seen: it has made it itself */
		return;
	scoped_guard(raw_spinlock, &records_lock) {
		r = find_locked(p);
		if (r)
			rb_erase(&r->rb, &records);
	}
	if (!r)
		return;
	kfree_rcu(r, rcu);
	module_put(THIS_MODULE);
}

int ntsync_restart_init(void)
{
	return ntsync_hook_init(&exit_hook, "sched_process_exit", on_exit);
}

void ntsync_restart_exit(void)
{
	ntsync_hook_exit(&exit_hook);
}
