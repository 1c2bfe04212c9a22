/* SPDX-License-Identifier: GPL-2.0-only */
/* The driver's exit worker, on the CPU of the test, where it competes with the hog. */
#ifndef NTSYNC_TESTS_PI_EXIT_WORKER_H
#define NTSYNC_TESTS_PI_EXIT_WORKER_H

#include "inversion.h"

/* Finds the worker, and pins it to the test's CPU. */
pid_t exit_worker_begin(void);
/* Returns once the worker is idle, and lets it run anywhere. */
void exit_worker_end(pid_t exit_worker);

#endif
