// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probe of the tracepoint that reports an exit must not sleep. So the exit worker
 * (pi/exit_worker.c) frees the receivers of tasks that have exited. Their senders return with
 * ECONNRESET, and their readiness notifications go to other receivers. If the last receiver of a
 * dying process is freed, pending requests may end with EPIPE. The table at the head of receiver.c
 * has all cases of a server that goes away.
 */
#include <linux/fdtable.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <trace/events/sched.h>

#include "pi/exit_worker.h"
#include "pi/hook.h"
#include "receiver.h"

/* Protects the tree of running tasks that are receivers, and the receivers of each task. */
static DEFINE_RAW_SPINLOCK(exit_lock);
static struct rb_root receiver_tasks = RB_ROOT;

/* Held while a receiver is freed. The outermost lock. */
static DEFINE_MUTEX(receiver_free_lock);

static struct ntsync_hook exit_hook;

void ntsync_receiver_free_lock(void)
{
	mutex_lock(&receiver_free_lock);
}

void ntsync_receiver_free_unlock(void)
{
	mutex_unlock(&receiver_free_lock);
}

void ntsync_receiver_free_assert_held(void)
{
	lockdep_assert_held(&receiver_free_lock);
}

/* ---- tasks that are receivers ---- */

static struct ntsync_receiver_task *find_task(const struct task_struct *p)
{
	struct rb_node *n = receiver_tasks.rb_node;

	lockdep_assert_held(&exit_lock);
	while (n) {
		struct ntsync_receiver_task *rt =
			rb_entry(n, struct ntsync_receiver_task, by_task);

		if (rt->task == p)
			return rt;
		n = p < rt->task ? n->rb_left : n->rb_right;
	}
	return NULL;
}

static bool task_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_receiver_task, by_task)->task <
	       rb_entry(b, struct ntsync_receiver_task, by_task)->task;
}

void ntsync_receiver_task_free(struct ntsync_receiver_task *rt)
{
	kfree(rt);
}

/* From now on the exit worker frees @r, which is current's, when current exits. Consumes @new. */
void ntsync_receiver_watch_exit(struct ntsync_receiver *r, struct ntsync_receiver_task *new)
{
	struct ntsync_receiver_task *rt;

	scoped_guard(raw_spinlock, &exit_lock) {
		rt = find_task(current);
		if (!rt) {
			rt = new;
			new = NULL;
			rb_add(&rt->by_task, &receiver_tasks, task_before);
		}
		list_add(&r->task_node, &rt->receivers);
		r->receiver_task = rt;
	}
	kfree(new);
}

/*
 * From now on the exit worker does not free @r. Returns the receiver task if @r was its last
 * receiver, for the caller to free after @r; NULL otherwise, or if the task has exited.
 */
struct ntsync_receiver_task *ntsync_receiver_unwatch_exit(struct ntsync_receiver *r)
{
	struct ntsync_receiver_task *rt;

	guard(raw_spinlock)(&exit_lock);
	list_del(&r->task_node);
	/*
	 * If the task has exited, the tree may have another task with the same address. A task in
	 * the tree has a receiver, so the result is NULL then, too.
	 */
	rt = find_task(r->t->task);
	if (!rt || !list_empty(&rt->receivers))
		return NULL;
	rb_erase(&rt->by_task, &receiver_tasks);
	return rt;
}

/* ---- freeing the receivers of exited tasks ---- */

static struct ntsync_receiver *first_receiver(struct ntsync_receiver_task *rt)
{
	guard(raw_spinlock)(&exit_lock);
	return list_first_entry_or_null(&rt->receivers, struct ntsync_receiver, task_node);
}

/*
 * ntsync_exit_item::step. Ends a batch of requests of one receiver, and frees the receiver when it
 * has none left. Returns true if the task has no receiver left.
 */
static bool end_next_batch(struct ntsync_exit_item *item)
{
	struct ntsync_receiver_task *rt = container_of(item, struct ntsync_receiver_task, exit);
	struct ntsync_receiver *r;

	guard(ntsync_receiver_free)();
	r = first_receiver(rt);
	if (r && ntsync_receiver_end_batch(r, rt->dying_files)) {
		scoped_guard(raw_spinlock, &exit_lock)
			list_del(&r->task_node);
		ntsync_receiver_free(r);
	}
	return !r;
}

/*
 * By RCU: the probe may drop the last reference, with preemption off, where PREEMPT_RT does not
 * permit kfree().
 */
static void put_exited_task(struct ntsync_receiver_task *rt)
{
	if (refcount_dec_and_test(&rt->refs))
		kfree_rcu(rt, rcu);
}

/* ntsync_exit_item::release */
static void release_exited_task(struct ntsync_exit_item *item)
{
	put_exited_task(container_of(item, struct ntsync_receiver_task, exit));
}

struct ntsync_receiver_task *ntsync_receiver_task_alloc(void)
{
	struct ntsync_receiver_task *rt = kzalloc(sizeof(*rt), GFP_KERNEL_ACCOUNT);

	if (rt) {
		rt->task = current;
		INIT_LIST_HEAD(&rt->receivers);
		ntsync_exit_item_init(&rt->exit, end_next_batch, release_exited_task);
		refcount_set(&rt->refs, 1);
	}
	return rt;
}

/* The threads of larger processes are not counted: the tracepoint's probe must be short. */
#define MAX_COUNTED_THREADS	64

/* Could a task of another process use the descriptor table of @p's process? */
static bool table_may_be_shared(struct task_struct *p)
{
	unsigned int nr = 0, users = 0;
	int count = atomic_read(&p->files->count);
	struct task_struct *thread;

	guard(rcu)();
	for_each_thread(p, thread) {
		if (++nr > MAX_COUNTED_THREADS)
			return true;
		users += READ_ONCE(thread->files) == p->files;
	}
	return count > users;
}

/*
 * The descriptor table of @p, which is exiting, if its process dies: all threads are being killed,
 * and no other process, made by clone() with CLONE_FILES, uses the table. Otherwise NULL.
 */
static const void *find_dying_files(struct task_struct *p)
{
	bool dies = READ_ONCE(p->signal->flags) & SIGNAL_GROUP_EXIT && p->files &&
		    !table_may_be_shared(p);

	return dies ? p->files : NULL;
}

static struct ntsync_receiver_task *remove_task(const struct task_struct *p)
{
	struct ntsync_receiver_task *rt;

	guard(raw_spinlock)(&exit_lock);
	rt = find_task(p);
	if (rt)
		rb_erase(&rt->by_task, &receiver_tasks);
	return rt;
}

/* Returns NULL if the task is no receiver, otherwise a reference for the caller. */
static struct ntsync_receiver_task *queue_exited_task(struct task_struct *p)
{
	struct ntsync_receiver_task *rt;

	if (likely(RB_EMPTY_ROOT(&receiver_tasks)))
		return NULL;
	rt = remove_task(p);
	if (!rt)
		return NULL;
	rt->dying_files = find_dying_files(p);
	refcount_inc(&rt->refs);
	ntsync_exit_queue_item(&rt->exit, ntsync_task_queue_prio(p));
	return rt;
}

/*
 * Runs in every exiting task and must not sleep. The receivers come first: after
 * ntsync_task_remove_current() the task inherits nothing. A request that is sent meanwhile still
 * counts. Preemption is off: the task has lost its boost when the record is retired, and could be
 * preempted before it raises the item. Before 7.0 the tracepoint has preemption off in any case.
 *
 *   exiting task				sender (FIFO 80)
 *
 *   queues its exit item, at its priority
 *						contribution to the record
 *   retires its record: what does
 *   it inherit? 80
 *   raises its exit item to 80
 *						contribution? The record is retired:
 *						raise_exit_locked() in source.c
 */
static void probe_exit(void *unused, NTSYNC_EXIT_PROBE_ARGS)
{
	struct ntsync_receiver_task *rt;
	int prio;

	guard(preempt)();
	rt = queue_exited_task(p);
	prio = ntsync_task_remove_current();
	if (likely(!rt))
		return;
	if (ntsync_exit_raise_item(&rt->exit, prio))
		ntsync_exit_worker_update_prio();
	put_exited_task(rt);
}

int ntsync_receiver_exit_init(void)
{
	check_trace_callback_type_sched_process_exit(probe_exit);
	return ntsync_hook_init(&exit_hook, "sched_process_exit", probe_exit);
}

void ntsync_receiver_exit_destroy(void)
{
	ntsync_hook_exit(&exit_hook);
	ntsync_exit_worker_flush();
}
