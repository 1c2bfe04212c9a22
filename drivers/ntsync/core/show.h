/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tids and priorities as fdinfo and debugfs print them. docs/observing.md describes the lines.
 */
#ifndef NTSYNC_CORE_SHOW_H
#define NTSYNC_CORE_SHOW_H

#include <linux/pid_namespace.h>
#include <linux/sched/rt.h>

#include "pi/task.h"

/* How many records are copied in one locked section, and printed after the unlock. */
#define NTSYNC_SHOW_MAX		16

/* The tid in the pid namespace of the reader; 0 if the task is not visible there. */
static inline pid_t ntsync_shown_tid(struct task_struct *p)
{
	return task_pid_vnr(p);
}

/* Returns 0 also for a task that has exited. */
static inline pid_t ntsync_shown_tid_of(struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	return t->dead ? 0 : ntsync_shown_tid(t->task);
}

/* 0 = normal task, 1 to 99 = real-time, 100 = deadline task. */
static inline int ntsync_shown_prio(int prio)
{
	return prio < MAX_RT_PRIO ? MAX_RT_PRIO - 1 - prio : 0;
}

#endif
