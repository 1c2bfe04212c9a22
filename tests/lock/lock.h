/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of ntsync_lock.h. Each runs twice: by futexes, and by the driver, if there is one with waits
 * on addresses. A worker is a thread with one job, which must not use cmocka's assertions.
 */
#ifndef NTSYNC_TESTS_LOCK_H
#define NTSYNC_TESTS_LOCK_H

#include "../uapi/fixture.h"

#include <ntsync_lock.h>

#define WAITERS NTSYNC_LOCK_WAITERS
#define EXCLUSIVE NTSYNC_LOCK_EXCLUSIVE
#define MAX_WORKERS 16
#define ROUNDS 20000

struct locks;
struct worker;
typedef int (*worker_fn)(struct worker *w, void *arg);

/**
 * struct worker - a thread of a test
 * @me: its locker
 * @started: it has made the locker, and begins with its job
 */
struct worker {
	struct locks *l;
	pthread_t thread;
	struct ntsync_locker me;
	atomic_bool started;
	worker_fn job;
	void *arg;
	int ret;
};

/**
 * struct locks - one test's surroundings
 * @for_driver: the test is for the driver
 * @dev: an instance, or -1 for futexes
 * @flags: of the lockers that are made
 * @me: the locker of the test's own thread
 */
struct locks {
	bool for_driver;
	int dev;
	uint32_t flags;
	struct ntsync_locker me;
	struct worker workers[MAX_WORKERS];
	unsigned int nr_workers;
};

int setup_futexes(void **state);
int setup_driver(void **state);
int teardown_locks(void **state);

/* Two tests. */
#define LOCK_TEST(fn)                                                          \
	{ "futexes: " #fn, fn, setup_futexes, teardown_locks, NULL },          \
	{ "driver: " #fn, fn, setup_driver, teardown_locks, NULL }

/* The program's main(). Where there is no device at all it has the tests by futexes only. */
#define RUN_LOCKS(tests) (leave_out_driver(), RUN(tests))
void leave_out_driver(void);

/* The surroundings. Skips the test if there is no such driver. */
struct locks *locks_of(void **state);

/* Starts a thread; waits for its end, and expects that the job returns @want. */
struct worker *start_worker(struct locks *l, worker_fn job, void *arg);
#define assert_worker(w, want) assert_ret(finish_worker(w), want)
int finish_worker(struct worker *w);
/* @n of them with the same job, which all return 0. */
void run_workers(struct locks *l, unsigned int n, worker_fn job, void *arg);

/* Returns when the worker sleeps on that word. */
void await_asleep(struct worker *w, const void *word);

/* Jobs: enter, lock. */
int enter_cs(struct worker *w, void *cs);
int lock_rw(struct worker *w, void *rw);
int lock_rw_shared(struct worker *w, void *rw);
/* The same and the opposite. */
int enter_and_leave_cs(struct worker *w, void *cs);
int lock_and_unlock_rw(struct worker *w, void *rw);
int share_and_unshare_rw(struct worker *w, void *rw);

/* In some rounds others run meanwhile, and have to sleep. */
void stay_inside(int round);

/* In a moment: a deadline that passes while a call sleeps. */
uint64_t in_a_moment(void);

#endif
