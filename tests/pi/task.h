/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the scheduler knows about a task, and what the arbiter does: everything
 * that a boost touches and that has to be as before when it has gone.
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

#define LIVE_DEADLINE 100

/**
 * struct task_state - all that must be as before after a boost
 * @attr:  as sched_getattr() tells it; its runtime is a normal task's slice
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

/* Says on stderr in what @tid differs from @want, naming it @who. */
bool task_state_is(pid_t tid, const struct task_state *want, const char *who);

/* The same of a state that has been read already. */
bool task_state_is_as(const struct task_state *is, const struct task_state *want, const char *who);

/* One line: what it is, and where it sleeps. */
void task_describe(FILE *out, pid_t tid, const char *who);

#define LIVE_DEADLINE 100

/**
 * struct task_stat - what sched_getattr() does not show
 * @live:   the priority that the scheduler uses, 1 to 99, LIVE_DEADLINE, or 0: it counts
 *          what the kernel's own rt_mutex lends
 * @prio:   its own real-time priority, whatever its policy
 * @policy: its policy
 */
struct task_stat {
	int live;
	int prio;
	int policy;
};

/* False if there is no such task. */
bool task_get_stat(pid_t tid, struct task_stat *stat);
int task_live_prio(pid_t tid);

/* The arbiter's records, as debugfs shows them; the caller frees the text. */
char *arbiter_text(const char *file);
bool arbiter_has_records(void);
bool arbiter_idle(void);
/* Is there a record of @tid with a contribution "<source> policy=P prio=N"? */
bool arbiter_has(pid_t tid, const char *source, int policy, int prio);
/* A counter of debugfs' stats, or -1. */
long long arbiter_stat(const char *name);

#endif
