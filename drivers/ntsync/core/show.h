/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What fdinfo shows of an object, besides its state: the tasks around it. For people
 * and ntsyncctl; docs/observing.md describes the lines.
 */
#ifndef NTSYNC_CORE_SHOW_H
#define NTSYNC_CORE_SHOW_H

#include <linux/pid_namespace.h>
#include <linux/sched/rt.h>

#include "pi/task.h"

/* How many of a kind are copied under one hold of a lock, and printed afterwards. */
#define NTSYNC_SHOW_MAX		16

/* A tid as whoever reads the file knows it; 0 if it can't see that task. */
static inline pid_t ntsync_shown_tid(struct task_struct *p)
{
	return task_pid_vnr(p);
}

/* 0 if it has exited, too. */
static inline pid_t ntsync_shown_tid_of(struct ntsync_task *t)
{
	guard(raw_spinlock)(&t->lock);
	return t->dead ? 0 : ntsync_shown_tid(t->task);
}

/* 0 = normal, 1 to 99, 100 = a deadline task. */
static inline int ntsync_shown_prio(int level)
{
	return level < MAX_RT_PRIO ? MAX_RT_PRIO - 1 - level : 0;
}

#endif
