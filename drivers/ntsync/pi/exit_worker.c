// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exit worker ends what a task has left behind: the requests that it has received and not
 * replied to (channel/receiver_exit.c), and its loan (loan.c). The probes of the tracepoints that
 * report an exit must not sleep, so they queue an item for this thread.
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
 *   removes the last queued item
 *   reads the queue: empty
 *					queues an item
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
#include <linux/kthread.h>
#include <linux/sched.h>
#include <uapi/linux/sched/types.h>

#include "exit_worker.h"
#include "pi_internal.h"

static DEFINE_RAW_SPINLOCK(queue_lock);
static struct ntsync_waitq queue;
static struct kthread_worker *worker;

static struct ntsync_exit_item *first_item(void)
{
	struct ntsync_waitq_node *n = ntsync_waitq_first(&queue);

	lockdep_assert_held(&queue_lock);
	return n ? container_of(n, struct ntsync_exit_item, node) : NULL;
}

/* ---- the worker's priority ---- */

/* As a FIFO priority: 99 for a deadline task, 1 for a normal one. */
static int highest_queued_prio(void)
{
	const struct ntsync_exit_item *item;

	guard(raw_spinlock)(&queue_lock);
	item = first_item();
	return item ? clamp(MAX_RT_PRIO - 1 - ntsync_waitq_prio(&item->node), 1, MAX_RT_PRIO - 1) :
		      1;
}

/*
 * Preemption is off. If the worker waits for receiver_free_lock, the kernel goes on to the holder
 * of that lock, and to what the holder waits for; it does not sleep for that.
 *
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

/**
 * ntsync_exit_worker_update_prio() - the queue has changed
 *
 * The race is drawn at the top of this file.
 *
 * Context: any task; does not sleep. No raw lock is held.
 */
void ntsync_exit_worker_update_prio(void)
{
	int prio, set;

	guard(preempt)();
	prio = highest_queued_prio();
	do {
		set = prio;
		set_worker_prio(set);
		prio = highest_queued_prio();
	} while (prio != set);
}

/* ---- the queue ---- */

static struct ntsync_exit_item *get_first_item(void)
{
	struct ntsync_exit_item *item;

	guard(raw_spinlock)(&queue_lock);
	item = first_item();
	if (item)
		item->again = false;
	return item;
}

/* Returns false if @item was queued again, so that one more step is needed. */
static bool remove_item(struct ntsync_exit_item *item)
{
	guard(raw_spinlock)(&queue_lock);
	if (item->again)
		return false;
	ntsync_waitq_erase(&queue, &item->node);
	return true;
}

/* Others with the same priority come next. */
static void move_behind_equals(struct ntsync_exit_item *item)
{
	guard(raw_spinlock)(&queue_lock);
	ntsync_waitq_erase(&queue, &item->node);
	ntsync_waitq_insert(&queue, &item->node, ntsync_waitq_prio(&item->node));
}

/*
 * One step of the first item. An item stays in the queue during its steps: otherwise an exiting
 * task could see an empty queue, and lower the worker while that holds a lock that others wait for.
 * Returns false if the queue is empty.
 */
static bool do_next_step(void)
{
	struct ntsync_exit_item *item = get_first_item();

	if (!item)
		return false;
	if (!item->step(item))
		move_behind_equals(item);
	else if (remove_item(item))
		item->release(item);
	return true;
}

/*
 * A task that exits later may have a higher priority, so the worker looks at the queue again after
 * each step. A task that leaves thousands of requests delays others by one step.
 */
static void do_queued_items(struct kthread_work *work)
{
	do {
		/* Every time, as set_worker_prio() may have failed in an exiting task. */
		ntsync_exit_worker_update_prio();
		cond_resched();
	} while (do_next_step());
}
static DEFINE_KTHREAD_WORK(items_work, do_queued_items);

/* @item is queued. */
static void raise_item_locked(struct ntsync_exit_item *item, int prio)
{
	lockdep_assert_held(&queue_lock);
	if (prio < ntsync_waitq_prio(&item->node))
		ntsync_waitq_requeue(&queue, &item->node, prio);
}

/**
 * ntsync_exit_queue_item() - have the exit worker end what a task has left behind
 * @item: the item; it may be queued already, and gets one more step then
 * @prio: the task's priority, as in task_struct::prio
 *
 * Context: any task; does not sleep. No raw lock is held.
 *
 * Return: false if the item was queued already.
 */
bool ntsync_exit_queue_item(struct ntsync_exit_item *item, int prio)
{
	bool queued;

	scoped_guard(raw_spinlock, &queue_lock) {
		queued = ntsync_waitq_queued(&item->node);
		item->again = queued;
		if (queued)
			raise_item_locked(item, prio);
		else
			ntsync_waitq_insert(&queue, &item->node, prio);
	}
	ntsync_exit_worker_update_prio();
	kthread_queue_work(worker, &items_work);
	return !queued;
}

/**
 * ntsync_exit_raise_item() - somebody waits for the end of an item
 * @item: the item, which was queued once; the caller keeps its memory
 * @prio: the waiter's priority, as in task_struct::prio
 *
 * Context: any task; does not sleep. Raw locks may be held.
 *
 * Return: true if the caller has to call ntsync_exit_worker_update_prio() after it has released all
 * raw locks, also if the item has the priority already: the task that raised it may have been
 * preempted before that call. False if the item has a higher priority, or has left the queue.
 */
bool ntsync_exit_raise_item(struct ntsync_exit_item *item, int prio)
{
	guard(raw_spinlock)(&queue_lock);
	if (!ntsync_waitq_queued(&item->node) || prio > ntsync_waitq_prio(&item->node))
		return false;
	raise_item_locked(item, prio);
	return true;
}

/* Returns when all items have been released that were queued before. */
void ntsync_exit_worker_flush(void)
{
	kthread_flush_worker(worker);
}

int ntsync_exit_worker_init(void)
{
	ntsync_waitq_init(&queue);
	worker = kthread_create_worker(0, "ntsync_exit");
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	set_worker_prio(1);
	wake_up_process(worker->task); /* since 6.14 it does not start by itself */
	return 0;
}

/*
 * Nothing is queued any more. A kworker's work may still call ntsync_exit_raise_item() for an item
 * that was queued before.
 */
void ntsync_exit_worker_exit(void)
{
	ntsync_exit_worker_flush();
	ntsync_pi_flush_work();
	kthread_destroy_worker(worker);
}
