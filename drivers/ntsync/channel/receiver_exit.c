// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receivers of tasks that have exited are freed by the exit worker (pi/exit_worker.c): their
 * senders return with ECONNRESET, and their readiness notifications go to other receivers. With the
 * last receiver of a process that dies pending requests may end, too, with EPIPE. The probe of the
 * tracepoint that reports an exit must not sleep.
 */
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

/* Held by whoever frees a receiver; the outermost lock. */
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
		struct ntsync_receiver_task *t =
			rb_entry(n, struct ntsync_receiver_task, by_task);

		if (t->task == p)
			return t;
		n = p < t->task ? n->rb_left : n->rb_right;
	}
	return NULL;
}

static bool task_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_receiver_task, by_task)->task <
	       rb_entry(b, struct ntsync_receiver_task, by_task)->task;
}

void ntsync_receiver_task_free(struct ntsync_receiver_task *t)
{
	kfree(t);
}

/* From now on the exit worker frees @r, which is current's, when current exits. Consumes @new. */
void ntsync_receiver_watch_exit(struct ntsync_receiver *r, struct ntsync_receiver_task *new)
{
	struct ntsync_receiver_task *t;

	scoped_guard(raw_spinlock, &exit_lock) {
		t = find_task(current);
		if (!t) {
			t = new;
			new = NULL;
			rb_add(&t->by_task, &receiver_tasks, task_before);
		}
		list_add(&r->task_node, &t->receivers);
	}
	kfree(new);
}

/*
 * From now on the exit worker does not free @r. Returns the task's entry if @r was its last
 * receiver, for the caller to free after @r; NULL otherwise, or if the task has exited.
 */
struct ntsync_receiver_task *ntsync_receiver_unwatch_exit(struct ntsync_receiver *r)
{
	struct ntsync_receiver_task *t;

	guard(raw_spinlock)(&exit_lock);
	list_del(&r->task_node);
	t = find_task(r->t->task);
	if (!t || !list_empty(&t->receivers))
		return NULL;
	rb_erase(&t->by_task, &receiver_tasks);
	return t;
}

/* ---- freeing the receivers of exited tasks ---- */

static struct ntsync_receiver *first_receiver(struct ntsync_receiver_task *t)
{
	guard(raw_spinlock)(&exit_lock);
	return list_first_entry_or_null(&t->receivers, struct ntsync_receiver, task_node);
}

/*
 * Ends a batch of requests of one receiver, and frees the receiver when it has none left. Returns
 * true if the task has no receiver left.
 */
static bool end_next_batch(struct ntsync_exit_item *item)
{
	struct ntsync_receiver_task *t = container_of(item, struct ntsync_receiver_task, exit);
	struct ntsync_receiver *r;

	guard(ntsync_receiver_free)();
	r = first_receiver(t);
	if (r && ntsync_receiver_end_batch(r, t->process_dies)) {
		scoped_guard(raw_spinlock, &exit_lock)
			list_del(&r->task_node);
		ntsync_receiver_free(r, t->process_dies);
	}
	return !r;
}

static void free_exited_task(struct ntsync_exit_item *item)
{
	kfree(container_of(item, struct ntsync_receiver_task, exit));
}

struct ntsync_receiver_task *ntsync_receiver_task_alloc(void)
{
	struct ntsync_receiver_task *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (t) {
		t->task = current;
		INIT_LIST_HEAD(&t->receivers);
		ntsync_exit_item_init(&t->exit, end_next_batch, free_exited_task);
	}
	return t;
}

static void queue_exited_task(struct task_struct *p)
{
	struct ntsync_receiver_task *t;

	if (likely(RB_EMPTY_ROOT(&receiver_tasks)))
		return;
	scoped_guard(raw_spinlock, &exit_lock) {
		t = find_task(p);
		if (t) {
			t->process_dies = READ_ONCE(p->signal->flags) & SIGNAL_GROUP_EXIT;
			rb_erase(&t->by_task, &receiver_tasks);
		}
	}
	if (t)
		ntsync_exit_queue_item(&t->exit, ntsync_task_queue_prio(p));
}

/*
 * Runs in every exiting task and must not sleep. The receivers come first: after
 * ntsync_task_remove_current() the task inherits nothing, and the worker would start at too low a
 * priority.
 */
static void probe_exit(void *unused, NTSYNC_EXIT_PROBE_ARGS)
{
	queue_exited_task(p);
	ntsync_task_remove_current();
}

int ntsync_receiver_exit_init(void)
{
	check_trace_callback_type_sched_process_exit(probe_exit);
	return ntsync_hook_init(&exit_hook, "sched_process_exit", probe_exit);
}

void ntsync_receiver_exit_exit(void)
{
	ntsync_hook_exit(&exit_hook);
	ntsync_exit_worker_flush();
}
