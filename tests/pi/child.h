/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child processes, for what a thread of the test cannot do: be killed, change its user, or run
 * another program. A child starts as a normal task, shares the descriptors of the test, and stops
 * at the places where the test waits for it.
 */
#ifndef NTSYNC_TESTS_PI_CHILD_H
#define NTSYNC_TESTS_PI_CHILD_H

#include "inversion.h"

/**
 * struct pi_child - a child process; in memory that both processes share
 * @tid:   the task under test, at first the child's main thread
 * @owner: its owner id
 * @mutex: for pi_child_lock() and pi_child_unlock()
 * @value: for the test's own use
 */
struct pi_child {
	struct pi_child *next;
	struct fixture *f;
	int (*body)(struct pi_child *p);
	pid_t pid;
	bool reaped;
	atomic_int tid;
	uint32_t owner;
	int mutex;
	int value;
	sem_t stopped, go;
	struct task_state unboosted;
};

/* The body may use CHECK(); what it returns is the process's exit status. */
struct pi_child *pi_child_start(struct fixture *f, int (*body)(struct pi_child *p), int mutex,
				int value);

/* For the test: waits until the child has stopped; lets it go on; wants it to exit with 0. */
void pi_child_await(struct pi_child *p);
void pi_child_go(struct pi_child *p);
void pi_child_assert_ok(struct pi_child *p);
void pi_child_kill(struct pi_child *p);
/* The child has stopped with its mutex locked; it goes on once @waiter has boosted it to HIGH. */
void pi_child_contend(struct pi_child *p, struct actor *waiter);
void pi_child_assert_asleep(struct pi_child *p);
#define pi_child_assert_boosted(p, prio)                                        \
	pi_assert_task_boosted((p)->tid, "child", SCHED_FIFO, prio, __FILE__, __LINE__)
#define pi_child_assert_unboosted(p)                                                 \
	assert_true(task_state_is((p)->tid, &(p)->unboosted, "child"))

/* For the child: stops until the test lets it go on. */
void pi_child_stop(struct pi_child *p);
/* 0 if the caller is a normal task of nice 0 without reset-on-fork. */
int check_not_boosted(void);
#define NOBODY 65534
/* Becomes a process of an ordinary user, with that RLIMIT_RTPRIO. */
int drop_privilege(unsigned int rtprio);
int pi_child_lock(struct pi_child *p, uint64_t timeout);
int pi_child_unlock(struct pi_child *p);

/* For the teardown: no child is left. */
void pi_children_end(void);

#endif
