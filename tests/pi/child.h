/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Partners: processes of their own, for what threads of the test cannot do. One
 * that is killed, or changes its user, or its program. A partner begins as a normal
 * task, shares the descriptors of the test, and stops where the test expects it.
 */
#ifndef NTSYNC_TESTS_PI_PARTNER_H
#define NTSYNC_TESTS_PI_PARTNER_H

#include "inversion.h"

/**
 * struct partner - in memory that both processes see
 * @tid:   the task that the test is about, the partner's main thread at first
 * @owner: its owner id
 * @mutex: what it holds or wants, if the test says so
 * @value: whatever the test needs
 */
struct partner {
	struct partner *next;
	struct fixture *f;
	int (*body)(struct partner *p);
	pid_t pid;
	bool reaped;
	atomic_int tid;
	uint32_t owner;
	int mutex;
	int value;
	sem_t stopped, go;
	struct task_state base;
};

/* The body may use CHECK(); what it returns is the process's exit status. */
struct partner *partner_start(struct fixture *f, int (*body)(struct partner *p), int mutex,
			      int value);

/* The test's side: waits until it has stopped; lets it go on; wants it to end well. */
void partner_await(struct partner *p);
void partner_go(struct partner *p);
void partner_assert_ok(struct partner *p);
void partner_kill(struct partner *p);
/* It has stopped with its mutex, and goes on when @waiter has boosted it to HIGH. */
void partner_contend(struct partner *p, struct actor *waiter);
void partner_assert_asleep(struct partner *p);
#define partner_assert_boosted(p, prio)                                        \
	stage_assert_task_boosted((p)->tid, "partner", SCHED_FIFO, prio, __FILE__, __LINE__)
#define partner_assert_base(p)                                                 \
	assert_true(task_state_is((p)->tid, &(p)->base, "partner"))

/* The partner's side: stops until it may go on. */
void partner_stop(struct partner *p);
/* A normal task and nothing else. */
int no_boost_here(void);
#define NOBODY 65534
/* From here on it is an ordinary user's process, with that RLIMIT_RTPRIO. */
int drop_privilege(unsigned int rtprio);
int partner_lock(struct partner *p, uint64_t timeout);
int partner_unlock(struct partner *p);

/* For the stage's teardown: no process is left. */
void partners_end(void);

#endif
