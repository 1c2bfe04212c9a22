/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fails one allocation, or one copy from or to user memory, of the calling thread:
 * the n-th that it makes from now on, whichever of the two that is. It takes a
 * kernel with fault injection.
 *
 * Single words (get_user(), put_user()) can't be made to fail this way.
 */
#ifndef NTSYNC_TESTS_FAULT_INJECT_H
#define NTSYNC_TESTS_FAULT_INJECT_H

enum injected { NOTHING, MEMORY, COPY, SPARED };

/* For the calling thread, which is the only one to use the rest; 0, or -1 having said why. */
int inject_setup(void);

/* @n = 0: nothing is to fail. Whoever arms does nothing but the call, and disarms. */
void inject_arm(unsigned int n);

/* What has failed since then; never SPARED, which is for those who count. */
enum injected inject_disarm(void);

#endif
