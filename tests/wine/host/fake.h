/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the library asks the kernel for, answered by the test: functions of the program come before those
 * of libc. All other calls are the kernel's.
 */
#ifndef NTSYNC_TESTS_WINE_FAKE_H
#define NTSYNC_TESTS_WINE_FAKE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct fake - a driver, and the policy of all threads
 * @policy: what sched_getscheduler() says
 * @features: of the driver; 0: as the in-tree driver, which knows no such query
 * @exists: there is a device
 * @lend_error: LEND fails with it
 * @dev: the descriptor of the last LEND
 * @before: called by LEND (true) and UNLEND (false)
 */
struct fake {
	int policy;
	uint64_t features;
	bool exists;
	int lend_error;
	int dev;
	uint32_t tid;
	int opens, lends, unlends, looks;
	void (*before)(bool lends);
};

extern struct fake fake;

#endif
