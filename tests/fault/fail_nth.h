/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every allocation and every copy that an operation makes fails once: the first one, then the
 * second, and so on until the operation succeeds. Each time it must return ENOMEM or EFAULT, and
 * all state that can be read must be unchanged. Where it succeeds without the memory it must have
 * worked. A leak can't be seen from here; the VM finds it when it unloads the module.
 *
 * Each type of object has a program, test_TYPE.c, with a table of its operations, which
 * fail_nth_run() runs.
 */
#ifndef NTSYNC_TESTS_FAULT_FAIL_NTH_H
#define NTSYNC_TESTS_FAULT_FAIL_NTH_H

#include "inject.h"
#include "scenario.h"

/**
 * struct op - one operation
 * @setup:   creates what it works on; may be NULL
 * @run:     the call and nothing else
 * @verify:  after success; restores the state before; may be NULL
 * @fix_up:  after a failure: checks what that has rightly changed, and undoes it
 * @refused: after a failure and the usual checks: a further check, which leaves the state unchanged
 * @teardown: instead of fixture_teardown(), which it calls last; may be NULL
 * @want:    what it returns if nothing fails; descriptors count as 0
 * @memory:  the minimum number of allocations; 0: there must be none
 * @copies:  the minimum number of copies
 * @succeeds_without: the minimum number of allocations without which it succeeds all the same
 * @nr:      objects to wait for
 * @alert:   it has an alert
 * @all:     it waits for all
 * @fifo:    as a real-time task
 * @renews:  new objects each time: a mutex keeps the memory that it has got for real-time waiters
 * @sleeps:  until a deadline
 */
struct op {
	const char *name;
	void (*setup)(struct scenario *s);
	int (*run)(struct scenario *s);
	void (*verify)(struct scenario *s);
	void (*fix_up)(struct scenario *s, enum injected injected);
	void (*refused)(struct scenario *s);
	int (*teardown)(void **state);
	int want;
	unsigned int memory, copies, succeeds_without;
	unsigned int nr;
	bool alert, all, fifo, renews, sleeps;
};

/* For main(). */
#define RUN_OPS(ops) fail_nth_run(__FILE__, ops, ARRAY_SIZE(ops))
int fail_nth_run(const char *file, const struct op *ops, size_t count);

#endif
