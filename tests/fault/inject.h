/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fails one allocation, or one copy from or to user memory, of the calling thread: the n-th of both
 * kinds together from now on. Needs a kernel with fault injection.
 *
 * Single words (get_user(), put_user()) can't be made to fail this way.
 */
#ifndef NTSYNC_TESTS_FAULT_INJECT_H
#define NTSYNC_TESTS_FAULT_INJECT_H

enum injected { NOTHING, MEMORY, COPY, SPARED };

/* For the calling thread; only that thread may use the rest. 0, or -1 after a message. */
int inject_setup(void);

/* @n = 0: nothing fails. Between this and inject_disarm() there must be only the call. */
void inject_arm(unsigned int n);

/* What has failed since then; never SPARED, which only the counts use. */
enum injected inject_disarm(void);

#endif
