/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every allocation and every copy that an operation makes fails once: the first one,
 * then the second, and so on until it gets through. Each time it has to say ENOMEM or
 * EFAULT, and everything that can be looked at has to be as it was. Where it says success
 * without the memory, it has to have worked. What can't be
 * looked at from here, a leak, is found when the VM unloads the module.
 *
 * A type of objects has a program, test_TYPE.c, with a table of its operations.
 * fail_nth_run() is their runner.
 */
#ifndef NTSYNC_TESTS_FAULT_FAIL_NTH_H
#define NTSYNC_TESTS_FAULT_FAIL_NTH_H

#include "inject.h"
#include "scenario.h"

/**
 * struct op - one operation
 * @setup:   makes what it works on; may be NULL
 * @run:     the call and no other
 * @verify:  after it has worked; leaves everything as it was before; may be NULL
 * @settle:  after it has failed: looks at what that has rightly changed, and undoes it
 * @refused: after that, and the usual look: another one; leaves everything as it was
 * @teardown: instead of fixture_teardown(), which it ends with; may be NULL
 * @want:    what it returns if nothing fails; fds count as 0
 * @memory:  allocations that there must be at least; 0: none at all
 * @copies:  likewise
 * @spared:  likewise, of allocations that it does without: it succeeds all the same
 * @nr:      objects to wait for
 * @alert:   and an alert
 * @all:     waits for all
 * @fifo:    as a real-time task
 * @anew:    with new objects each time: a mutex keeps what it has got for real-time waiters
 * @sleeps:  until a deadline
 */
struct op {
	const char *name;
	void (*setup)(struct stage *s);
	int (*run)(struct stage *s);
	void (*verify)(struct stage *s);
	void (*settle)(struct stage *s, enum injected injected);
	void (*refused)(struct stage *s);
	int (*teardown)(void **state);
	int want;
	unsigned int memory, copies, spared;
	unsigned int nr;
	bool alert, all, fifo, anew, sleeps;
};

/* What main() returns. */
#define RUN_OPS(ops) fail_nth_run(__FILE__, ops, ARRAY_SIZE(ops))
int fail_nth_run(const char *file, const struct op *ops, size_t count);

#endif
