// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that resume after an interruption instead of being made again: SIGNAL_AND_WAIT must not
 * signal twice.
 *
 * The kernel has restart blocks for that. An interrupted call stores a function in its task. If no
 * signal handler runs, as after task work, a stop or a debugger, the task enters the kernel again
 * and calls the function. If a handler runs, the call fails with EINTR and the function is dropped.
 *
 * The function is part of this module. The task may close all its files, which keep the module
 * loaded, before it calls the function, and the kernel does not tell us when it drops the function.
 * So a task that was interrupted once holds a reference to the module until it exits. The arguments
 * of the call are in the task's record, and are used once at most.
 */
#include <linux/module.h>

#include "core_internal.h"

/**
 * ntsync_restart_later() - have an interrupted call resume
 * @restart: the wait to resume; @fn gets it from ntsync_restart_take()
 * @fn: called when current resumes
 *
 * Return: the result for the system call.
 */
long ntsync_restart_later(const struct ntsync_restart *restart, long (*fn)(struct restart_block *))
{
	struct ntsync_task *t = ntsync_task_current();

	if (!t)
		return -EINTR;
	if (!t->keeps_module) {
		__module_get(THIS_MODULE);
		t->keeps_module = true;
	}
	t->restart = *restart;
	t->can_restart = true;
	return set_restart_fn(&current->restart_block, fn);
}

/* The wait to resume; false if there is none: a program may call restart_syscall() at any time. */
bool ntsync_restart_take(struct ntsync_restart *restart)
{
	struct ntsync_task *t = ntsync_task_current();

	if (!t || !t->can_restart)
		return false;
	*restart = t->restart;
	t->can_restart = false;
	return true;
}
