/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture of the in-kernel suites: an instance and objects that are freed after the test, waits
 * that are queued without a sleeper, and threads that make wait calls.
 */
#ifndef NTSYNC_KUNIT_FIXTURE_H
#define NTSYNC_KUNIT_FIXTURE_H

#include <kunit/test.h>
#include <linux/completion.h>

#include "channel/channel.h"
#include "core/core_internal.h"
#include "types/types.h"

/* A suite's .init: sets test->priv to an instance that is freed after the test. */
int ntsync_kunit_init(struct kunit *test);

/* Objects of that instance, freed after the test. A test fails if one of them is in use then. */
struct ntsync_obj *kt_sem(struct kunit *test, u32 count, u32 max);
struct ntsync_obj *kt_mutex(struct kunit *test, u32 owner, u32 count);
struct ntsync_obj *kt_event(struct kunit *test, bool manual, bool signaled);
struct ntsync_obj *kt_channel(struct kunit *test);

/*
 * A blocked WAIT_ANY without a sleeper. The test's own thread can have many of them in queues, and
 * can look at their claims at any time.
 */
struct kt_record {
	struct ntsync_wait wait;
	struct ntsync_wait_entry entries[2];
	u32 nr;
};

bool kt_record_queue(struct kt_record *r, u32 owner, struct ntsync_obj *a, struct ntsync_obj *b);
/* Leaves the queues; returns the claimed index, or NTSYNC_UNCLAIMED. */
int kt_record_leave(struct kt_record *r);

/* A thread that makes one wait call. */
struct kt_waiter {
	struct task_struct *task;
	struct completion done;
	struct ntsync_device *dev;
	struct ntsync_obj *objs[NTSYNC_MAX_ENTRIES];
	struct ntsync_wait_req req;
	bool all;
	bool boosted_self;
	int ret;
};

#define KT_NORMAL	0	/* SCHED_NORMAL instead of a FIFO priority */

struct kt_waiter *kt_waiter(struct kunit *test, bool all, u32 owner, int prio);
void kt_waiter_add(struct kt_waiter *w, struct ntsync_obj *obj);
void kt_waiter_alert(struct kt_waiter *w, struct ntsync_obj *obj);
void kt_waiter_start(struct kunit *test, struct kt_waiter *w);
int kt_waiter_join(struct kunit *test, struct kt_waiter *w);
/* Creates and starts a thread that makes a WAIT_ANY on @obj, and returns when it is queued. */
struct kt_waiter *kt_start_any(struct kunit *test, u32 owner, int prio, struct ntsync_obj *obj);
void kt_set_prio(struct task_struct *p, int prio);

/* Wait until @count entries are queued; the test fails after a minute. */
void kt_until_any(struct kunit *test, struct ntsync_obj *obj, u32 count);
void kt_until_all(struct kunit *test, struct ntsync_obj *obj, u32 count);

/* Runs @fn in @nr threads at once, and returns when all of them are done. */
void kt_run(struct kunit *test, unsigned int nr, void (*fn)(void *arg), void *arg);

#endif
