// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exit worker frees the receivers of tasks that have exited: their senders return with
 * ECONNRESET, and their readiness notifications go to other receivers. With the last receiver of a
 * process that dies pending requests may end, too, with EPIPE. The probe of the tracepoint
 * that reports an exit must not sleep, so the work is left to a thread.
 *
 * Senders may sleep until the worker has run. It therefore runs at the highest priority that one of
 * the exited tasks in its queue had when it exited. That priority includes the one inherited from
 * the task's requests. An idle worker is at FIFO 1.
 *
 * Both the worker and an exiting task set the worker's priority after they have changed the
 * queue, and repeat that until the priority matches the queue:
 *
 *   exit worker			exiting task (FIFO 80)
 *
 *   removes the last queued task
 *   reads the queue: empty
 *					queues itself
 *					reads the queue: 80
 *					sets the worker to 80
 *					reads the queue: 80, done
 *   sets itself to 1
 *   reads the queue: 80
 *   sets itself to 80
 *   reads the queue: 80, done
 *
 * The last one to set the priority reads the queue after that, so no change is missed. Preemption
 * is off in between: a worker that was preempted right after it had lowered itself to 1 would not
 * get to read the queue again.
 */
#include <linux/fdtable.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <trace/events/sched.h>
#include <uapi/linux/sched/types.h>

#include "pi/hook.h"
#include "receiver.h"

/* Protects both containers: running tasks that are receivers, and exited ones by priority. */
static DEFINE_RAW_SPINLOCK(exit_lock);
static struct rb_root receiver_tasks = RB_ROOT;
static struct ntsync_waitq exited_tasks;

/* Held by whoever frees a receiver; the outermost lock. */
static DEFINE_MUTEX(receiver_free_lock);

static struct kthread_worker *worker;
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

struct ntsync_receiver_task *ntsync_receiver_task_alloc(void)
{
	struct ntsync_receiver_task *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (t) {
		t->task = current;
		INIT_LIST_HEAD(&t->receivers);
	}
	return t;
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
		r->exit = t;
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

/* ---- the worker's priority ---- */

static struct ntsync_receiver_task *first_exited(void)
{
	struct ntsync_waitq_node *n = ntsync_waitq_first(&exited_tasks);

	lockdep_assert_held(&exit_lock);
	return n ? container_of(n, struct ntsync_receiver_task, exited) : NULL;
}

/* As a FIFO priority: 99 for a deadline task, 1 for a normal one. */
static int highest_exited_prio(void)
{
	const struct ntsync_receiver_task *t;

	guard(raw_spinlock)(&exit_lock);
	t = first_exited();
	return t ? clamp(MAX_RT_PRIO - 1 - ntsync_waitq_prio(&t->exited), 1, MAX_RT_PRIO - 1) : 1;
}

/*
 * While a deadline task waits for receiver_free_lock, which the worker holds, the worker is a
 * deadline task by inheritance and sched_setattr() fails with -EBUSY. The worker sets its priority
 * again once it has unlocked receiver_free_lock.
 */
static void set_worker_prio(int prio)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_FIFO,
		.sched_priority = prio,
	};

	/*
	 * An administrator may have made the worker a deadline task. Changing such a task can
	 * sleep, which is not allowed here.
	 */
	if (worker->task->policy != SCHED_DEADLINE)
		sched_setattr_nocheck(worker->task, &attr);
}

/* After every change of exited_tasks. The race is drawn at the top of this file. */
static void update_worker_prio(void)
{
	int prio = highest_exited_prio(), set;

	guard(preempt)();
	do {
		set = prio;
		set_worker_prio(set);
		prio = highest_exited_prio();
	} while (prio != set);
}

/* ---- freeing the receivers of exited tasks ---- */

/* The next receiver to free, or NULL. *@t is its task, or NULL if no exited task is queued. */
static struct ntsync_receiver *next_exited_receiver(struct ntsync_receiver_task **t)
{
	guard(raw_spinlock)(&exit_lock);
	*t = first_exited();
	return *t ? list_first_entry_or_null(&(*t)->receivers, struct ntsync_receiver,
					     task_node) : NULL;
}

/*
 * Ends a batch of requests of one receiver of the first exited task. Frees the receiver when it has
 * none left, and the struct ntsync_receiver_task when that has no receiver left. Returns false if
 * no exited task is queued. A task leaves the queue only after receiver_free_lock was released:
 * otherwise another exiting task could see an empty queue, and lower the worker while that holds
 * receiver_free_lock.
 */
static bool end_next_batch(void)
{
	struct ntsync_receiver_task *t;
	struct ntsync_receiver *r;

	scoped_guard(ntsync_receiver_free) {
		r = next_exited_receiver(&t);
		if (r && ntsync_receiver_end_batch(r, t->dying_files)) {
			scoped_guard(raw_spinlock, &exit_lock)
				list_del(&r->task_node);
			ntsync_receiver_free(r);
		}
	}
	if (!t || r)
		return t;

	scoped_guard(raw_spinlock, &exit_lock) {
		ntsync_waitq_erase(&exited_tasks, &t->exited);
		if (t->exiting)
			t = NULL;
	}
	kfree(t);
	return true;
}

/*
 * A task that exits later may have a higher priority, so the worker looks at the queue again after
 * each batch. A task with thousands of requests delays others by one batch.
 */
static void free_exited_receivers(struct kthread_work *work)
{
	do {
		/* Every time, as set_worker_prio() may have failed in an exiting task. */
		update_worker_prio();
		cond_resched();
	} while (end_next_batch());
}
static DEFINE_KTHREAD_WORK(exit_work, free_exited_receivers);

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
	struct ntsync_receiver_task *t;

	guard(raw_spinlock)(&exit_lock);
	t = find_task(p);
	if (t)
		rb_erase(&t->by_task, &receiver_tasks);
	return t;
}

/* Returns NULL if the task is no receiver. Otherwise finish_exit() has to follow. */
static struct ntsync_receiver_task *queue_exited_task(struct task_struct *p)
{
	struct ntsync_receiver_task *t;

	if (likely(RB_EMPTY_ROOT(&receiver_tasks)))
		return NULL;
	t = remove_task(p);
	if (!t)
		return NULL;
	t->dying_files = find_dying_files(p);
	t->exiting = true;
	scoped_guard(raw_spinlock, &exit_lock)
		ntsync_waitq_insert(&exited_tasks, &t->exited, ntsync_task_queue_prio(p));
	update_worker_prio();
	kthread_queue_work(worker, &exit_work);
	return t;
}

/*
 * Returns true if the caller has to update the worker's priority after the unlock. That is so for a
 * task that is at @prio already, too: whoever has raised it may have been preempted since.
 */
static bool raise_exited_locked(struct ntsync_receiver_task *t, int prio)
{
	lockdep_assert_held(&exit_lock);
	if (prio > ntsync_waitq_prio(&t->exited))
		return false;
	if (prio < ntsync_waitq_prio(&t->exited))
		ntsync_waitq_requeue(&exited_tasks, &t->exited, prio);
	return true;
}

/* The task inherited @prio when its record was retired, even if that had not been set yet. */
static void finish_exit(struct ntsync_receiver_task *t, int prio)
{
	bool raised = false;

	scoped_guard(raw_spinlock, &exit_lock) {
		t->exiting = false;
		/* Otherwise the worker has freed all receivers. */
		if (ntsync_waitq_queued(&t->exited)) {
			raised = raise_exited_locked(t, prio);
			t = NULL;
		}
	}
	if (raised)
		update_worker_prio();
	kfree(t);
}

/**
 * ntsync_receiver_raise_exit() - a request waits for the end of a receiver
 * @r: the receiver; obj->lock is held, and the record of its task is retired
 * @prio: the priority of the request
 *
 * Return: true if the caller has to call ntsync_exit_worker_update_prio() after the unlock.
 */
bool ntsync_receiver_raise_exit(struct ntsync_receiver *r, int prio)
{
	guard(raw_spinlock)(&exit_lock);
	return raise_exited_locked(r->exit, prio);
}

void ntsync_exit_worker_update_prio(void)
{
	update_worker_prio();
}

/*
 * Runs in every exiting task and must not sleep. The receivers come first: after
 * ntsync_task_remove_current() the task inherits nothing, and may be preempted. A request that is
 * sent meanwhile still counts:
 *
 *   exiting task				sender (FIFO 80)
 *
 *   queues itself, at its priority
 *						contribution to the record
 *   retires its record: what does
 *   it inherit? 80
 *   finish_exit(): raises itself to 80
 *						contribution? The record is retired:
 *						ntsync_receiver_raise_exit()
 */
static void probe_exit(void *unused, NTSYNC_EXIT_PROBE_ARGS)
{
	struct ntsync_receiver_task *t = queue_exited_task(p);
	int prio = ntsync_task_remove_current();

	if (unlikely(t))
		finish_exit(t, prio);
}

int ntsync_exit_worker_init(void)
{
	int ret;

	ntsync_waitq_init(&exited_tasks);
	worker = kthread_create_worker(0, "ntsync_exit");
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	set_worker_prio(1);
	wake_up_process(worker->task); /* since 6.14 it does not start by itself */
	check_trace_callback_type_sched_process_exit(probe_exit);
	ret = ntsync_hook_init(&exit_hook, "sched_process_exit", probe_exit);
	if (ret)
		kthread_destroy_worker(worker);
	return ret;
}

void ntsync_exit_worker_exit(void)
{
	ntsync_hook_exit(&exit_hook);
	kthread_destroy_worker(worker);
}
