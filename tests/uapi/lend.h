/* SPDX-License-Identifier: GPL-2.0-only */
/* Loans, and threads to lend to. */
#ifndef NTSYNC_TESTS_UAPI_LEND_H
#define NTSYNC_TESTS_UAPI_LEND_H

#include "fixture.h"

/* Skips without loans. */
#define need_lend(f)                                                           \
	do {                                                                   \
		only_ours(f, "no loans");                                      \
		if (!((f)->features & NTSYNC_FEATURE_LEND))                    \
			skip_because("no loans");                              \
	} while (0)

/* Calls of the test's own thread: 0 or -errno. */
int lend(int dev, uint32_t tid, uint32_t flags);
int unlend(int dev);

/* The caller becomes FIFO @prio, or a normal task. */
void become(int prio);

/**
 * struct idler - a normal thread that sleeps until it is ended
 * @tid: its thread id
 */
struct idler {
	pid_t tid;
	pthread_t thread;
	int wake[2];
};

void idler_start(struct idler *t);
void idler_end(struct idler *t);

/* The FIFO priority of a task, or 0. */
int prio_of(pid_t tid);
#define assert_prio(tid, prio) assert_int_equal(prio_of(tid), prio)
/* For what the driver does on its own: waits until it is so; the watchdog ends a test that hangs. */
void await_prio_of(pid_t tid, int prio);

#endif
