/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mutex of the C library with priority inheritance, which is the kernel's: the driver has no part
 * in it.
 */
#ifndef NTSYNC_TESTS_PI_FUTEX_H
#define NTSYNC_TESTS_PI_FUTEX_H

#include "inversion.h"

extern pthread_mutex_t pi_futex;

/* Before each test that uses it. */
void init_pi_futex(void);
/* A signal does not end this wait, so it has a deadline: a failed test would hang. 0 or -errno. */
int lock_pi_futex_here(void);
/* Jobs. */
int lock_pi_futex(struct actor *a, void *arg);
int unlock_pi_futex(struct actor *a, void *arg);

#endif
