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
 * that has been interrupted once keeps the module until it exits. Its record says what it is to
 * go on with, which is used once at most.
 */
#include <linux/module.h>

#include "core_internal.h"

/**
 * ntsync_restart_later() - what an interrupted call answers that is to go on
 * @wait: what @fn will get from ntsync_restart_take()
 * @fn: called when current goes on
 *
 * Return: what the system call has to return.
 */
long ntsync_restart_later(const struct ntsync_restart *wait, long (*fn)(struct restart_block *))
{
	struct ntsync_task *t = ntsync_task_find();

	if (!t)
		return -EINTR;
	if (!t->keeps_module) {
		__module_get(THIS_MODULE);
		t->keeps_module = true;
	}
	t->restart = *wait;
	t->can_restart = true;
	return set_restart_fn(&current->restart_block, fn);
}

/* What current goes on with; false if it is not to go on, as by a restart_syscall() of its own. */
bool ntsync_restart_take(struct ntsync_restart *wait)
{
	struct ntsync_task *t = ntsync_task_find();

	if (!t || !t->can_restart)
		return false;
	*wait = t->restart;
	t->can_restart = false;
	return true;
}
