/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the scheduler and the arbiter know about a task: everything that a boost changes and that
 * must be as before when the boost has ended.
 */
#ifndef NTSYNC_TESTS_PI_TASK_H
#define NTSYNC_TESTS_PI_TASK_H

#include "../uapi/fixture.h"

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif
#define TASK_RESET_ON_FORK 0x1

/* struct sched_attr, under a name of our own: newer C libraries define that one. */
struct task_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t prio;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
	uint32_t util_min;
	uint32_t util_max;
};

/**
 * struct task_state - all that must be as before when a boost has ended
 * @attr:  what sched_getattr() says; the runtime of a normal task is its slice
 * @slack: timer slack in nanoseconds
 * @cpus:  affinity
 */
struct task_state {
	struct task_attr attr;
	uint64_t slack;
	cpu_set_t cpus;
};

/* 0 or -errno; tid 0 is the caller. */
int task_get_attr(pid_t tid, struct task_attr *attr);
int task_set_attr(pid_t tid, struct task_attr attr);

int task_get_state(pid_t tid, struct task_state *state);

/* If not, says on stderr how task @tid, named @who, differs from @want. */
bool task_state_is(pid_t tid, const struct task_state *want, const char *who);

/* The same for a state that has been read already. */
bool task_state_is_as(const struct task_state *is, const struct task_state *want, const char *who);

/* Its policy and priorities, and where in the kernel it sleeps. */
void task_describe(FILE *out, pid_t tid, const char *who);

#define LIVE_DEADLINE 100

/**
 * struct task_stat - what /proc/PID/stat says
 * @live:   the priority that the scheduler uses, with boosts by the kernel's own rt_mutexes: 1 to
 *          99, LIVE_DEADLINE, or 0 for a normal task
 * @prio:   its own real-time priority, whatever its policy
 * @asleep: it sleeps and can be interrupted; a task that waits for a lock of the kernel cannot
 */
struct task_stat {
	int live;
	int prio;
	int policy;
	bool asleep;
};

/* False if there is no such task. */
bool task_get_stat(pid_t tid, struct task_stat *stat);
int task_live_prio(pid_t tid);

/*
 * A file of the driver's in debugfs, such as "pi", the arbiter's records; the caller frees the
 * text.
 */
char *arbiter_text(const char *file);
bool arbiter_has_records(void);
bool arbiter_idle(void);
/*
 * The driver learns of a death within a second, and later on a busy machine: waits for up to ten.
 */
bool arbiter_idle_soon(void);
/* Is there a record of @tid with a contribution "<source> policy=P prio=N"? */
bool arbiter_has(pid_t tid, const char *source, int policy, int prio);
/* A counter of the file "stats", or -1. */
long long arbiter_stat(const char *name);

#endif
