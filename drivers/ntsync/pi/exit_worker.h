/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exit worker, a thread that does for tasks that have exited what can't be done where an exit
 * is reported.
 */
#ifndef NTSYNC_PI_EXIT_WORKER_H
#define NTSYNC_PI_EXIT_WORKER_H

#include "core/waitq.h"

/**
 * struct ntsync_exit_item - what is left to do for a task that has exited
 * @node: in the queue, by the priority that the task had
 * @step: does a part of it that is short, whatever the task has left behind. Returns true if
 *	nothing is left. Context: process; sleeps
 * @release: called when the item has left the queue
 * @again: it was queued again during a step
 *
 * Protected by the lock of the queue. @step and @release are immutable.
 */
struct ntsync_exit_item {
	struct ntsync_waitq_node node;
	bool (*step)(struct ntsync_exit_item *item);
	void (*release)(struct ntsync_exit_item *item);
	bool again;
};

static inline void ntsync_exit_item_init(struct ntsync_exit_item *item,
					 bool (*step)(struct ntsync_exit_item *item),
					 void (*release)(struct ntsync_exit_item *item))
{
	ntsync_waitq_node_init(&item->node, 0);
	item->step = step;
	item->release = release;
	item->again = false;
}

bool ntsync_exit_queue_item(struct ntsync_exit_item *item, int prio);
bool ntsync_exit_raise_item(struct ntsync_exit_item *item, int prio);
void ntsync_exit_worker_update_prio(void);
void ntsync_exit_worker_flush(void);
int ntsync_exit_worker_init(void);
void ntsync_exit_worker_exit(void);

#endif
