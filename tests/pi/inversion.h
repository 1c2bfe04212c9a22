/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Priority inversion on one CPU, made on purpose and without a clock.
 *
 * The test itself runs at FIFO 90 on the one CPU that everybody is pinned to, so
 * nothing of what it prepares begins before it sleeps itself; then the scheduler
 * alone decides who runs. A hog at FIFO 50 counts its rounds until it is told to
 * stop, or for a second. Who waits with FIFO 80 for somebody at FIFO 10 was held up
 * if, and only if, the hog got the CPU: it has counted something when the wait
 * returns. With inheritance it has not, however slow the machine is.
 *
 * Actors are threads that carry out one order at a time. What an order calls must
 * not use cmocka's assertions, which belong to the test's own thread.
 */
#ifndef NTSYNC_TESTS_PI_INVERSION_H
#define NTSYNC_TESTS_PI_INVERSION_H

#include "task.h"

#include <semaphore.h>

enum { DIRECTOR = 90, HIGH = 80, HOG = 50, LOW = 10 };

struct actor;
typedef int (*order_fn)(struct actor *a, void *arg);

/**
 * struct actor - a thread on the stage
 * @owner: its owner id, which no other actor has
 * @base:  what it must be like at the end of the test; change it with what the
 *         test changes on purpose
 * @wait:  the arguments of its wait
 * @channel, @send, @got: of its calls on a channel, likewise (channel.h)
 * @entry: the id of its request, as whoever received it was told
 * @ret:   what its last order returned
 * @hog_rounds: how far the hog had got by then
 * @held: a hog that has its order and was not let loose yet
 * @exits: ends, as a thread, after the order
 */
struct actor {
	struct actor *next;
	struct fixture *f;
	const char *name;
	pthread_t thread;
	pid_t tid;
	uint32_t owner;
	struct task_attr attr;
	struct task_state base;
	bool pinned;
	sem_t told, done;
	order_fn order;
	void *arg;
	unsigned long request;
	struct ntsync_wait_args wait;
	int channel;
	struct ntsync_channel_send_args send;
	struct ntsync_channel_recv2_args got;
	uint64_t entry;
	int objs[NTSYNC_MAX_WAIT_COUNT + 1];
	bool busy, joined;
	atomic_bool idle, held, exits;
	int ret;
	uint64_t hog_rounds;
};

int stage_setup(void **state);
int stage_teardown(void **state);

/* As TEST(), on the stage: the teardown also checks that no boost is left. */
#define PI_TEST(fn)                                                            \
	{                                                                      \
		#fn, fn, stage_setup, stage_teardown,                          \
			(char *)(__FILE__ ":" #fn)                             \
	}

/* All actors as at first, and no record: what teardown checks, in between. */
void stage_assert_exact(struct fixture *f);

/* Until the arbiter has looked at all records so many times, or there are none. */
void until_looked_at(int times);
long long looks_in_background(void);

/* ---- actors ---- */

#define ATTR(...) ((struct task_attr){ __VA_ARGS__ })
#define FIFO(n) ATTR(.policy = SCHED_FIFO, .prio = (n))
#define NORMAL(n) ATTR(.policy = SCHED_OTHER, .nice = (n))

struct actor *actor_new(struct fixture *f, const char *name, struct task_attr attr);
/* Not pinned: SCHED_DEADLINE wants all CPUs. */
struct actor *actor_roaming(struct fixture *f, const char *name, struct task_attr attr);

/* The usual ones: who waits, who is waited for, and a normal task. */
#define actor_high(f) actor_new(f, "high", FIFO(HIGH))
#define actor_low(f, name) actor_new(f, name, FIFO(LOW))
#define actor_normal(f) actor_new(f, "holder", NORMAL(0))

/* Begins an order; actor_finish() waits for its end and returns its result. */
void actor_tell(struct actor *a, order_fn order, void *arg);
int actor_finish(struct actor *a);
int actor_do(struct actor *a, order_fn order, void *arg);
bool actor_finished(struct actor *a);
/* Ends the thread. */
void actor_exit(struct actor *a);

/* Begins a wait, with the actor's owner id unless @args has one. */
void actor_wait(struct actor *a, unsigned long request, struct ntsync_wait_args args);
#define actor_lock(a, mutex) actor_wait(a, ANY, ARGS(FDS(mutex), .timeout = FOREVER))
/* Blocks until the actor sleeps in a wait, a send or a receive; in this call. */
void actor_assert_asleep(struct actor *a);
void actor_assert_asleep_in(struct actor *a, unsigned long request);
/* The same of an order that may also have come to its end: false then. */
bool actor_falls_asleep(struct actor *a, unsigned long request);
/* Actors are on our CPU, and below us. The longer, the more often we @looks have been in vain. */
void let_others_run(unsigned int looks);
/* A signal ends its call. */
void actor_interrupt(struct actor *a);

/* To the end: 0 or -errno. */
int actor_locks(struct actor *a, int mutex);
int actor_unlocks(struct actor *a, int mutex);
int actor_tries(struct actor *a, int obj);
/* Begins its own work, which takes a while, and an unlock behind it. */
void actor_work_and_unlock(struct actor *a, int mutex);
/* One of its calls succeeds, so that the driver knows whose owner id it is. */
void actor_introduce(struct actor *a);
/* @holder gets the mutex, and @waiter, of FIFO HIGH, sleeps in a wait for it. */
void contend(struct actor *holder, struct actor *waiter, int mutex);
/* For orders: the same from within the actor. */
int wait_any_here(struct actor *a, int obj, uint64_t timeout);
int unlock_here(struct actor *a, int mutex);
void work_here(void);

#define assert_base(a) assert_true(task_state_is((a)->tid, &(a)->base, (a)->name))
/* FIFO at @prio, lent: children don't get it. */
#define assert_boosted(a, prio) assert_lent(a, SCHED_FIFO, prio)
#define assert_lent(a, policy, prio)                                           \
	stage_assert_task_boosted((a)->tid, (a)->name, policy, prio, __FILE__, __LINE__)
void stage_assert_task_boosted(pid_t tid, const char *name, int policy, int prio, const char *file,
			       int line);

/* ---- the hog ---- */

/* Lets it run, as soon as nobody above FIFO 50 can. May be called by an order. */
void hog_release(void);

/* Waits for @a, which must end with @ret before the hog got the CPU. Stops the hog. */
#define assert_not_held_up(a, ret) stage_assert_not_held_up(a, ret, __FILE__, __LINE__)
void stage_assert_not_held_up(struct actor *a, int ret, const char *file, int line);

/*
 * A waiter of FIFO HIGH waits for @mutex, @holder works and unlocks it, and the hog burns: all
 * may begin at once, and the scheduler chooses. The waiter must not be held up.
 */
void check_inversion(struct fixture *f, struct actor *holder, int mutex);

#endif
