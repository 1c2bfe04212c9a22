/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Priority inversion on one CPU, made on purpose and without a clock.
 *
 * The test runs at FIFO 90 and is pinned, like all its threads, to one CPU: nothing that it
 * prepares runs before the test itself sleeps, and then the scheduler alone decides which thread
 * runs. A hog at FIFO 50 counts rounds until it is stopped, or for one second. A thread of FIFO 80
 * that waits for one of FIFO 10 was held up if, and only if, the hog got the CPU, so that the count
 * is not 0 when the wait returns. With inheritance the count is 0, however slow the machine is.
 *
 * An actor is a thread that carries out one job at a time. A job must not use cmocka's assertions,
 * which only work in the thread of the test.
 */
#ifndef NTSYNC_TESTS_PI_INVERSION_H
#define NTSYNC_TESTS_PI_INVERSION_H

#include "task.h"

#include <semaphore.h>

enum { TEST_PRIO = 90, HIGH = 80, HOG = 50, LOW = 10 };

struct actor;
typedef int (*job_fn)(struct actor *a, void *arg);

/**
 * struct actor - a thread that works for the test
 * @owner: its owner id, which no other actor has
 * @unboosted: its state without a boost, which it must have at the end of the test; a test that
 *             changes the task on purpose changes this too
 * @wait:  the arguments of its wait
 * @channel, @send, @got: the channel and the arguments of its calls on it (channel.h)
 * @entry: the id of its request, as the receiver got it
 * @ret:   what its last job returned
 * @hog_rounds: how many rounds the hog had counted by then
 * @held:  the hog has its job but has not been released
 * @exits: the thread ends after this job
 */
struct actor {
	struct actor *next;
	struct fixture *f;
	const char *name;
	pthread_t thread;
	pid_t tid;
	uint32_t owner;
	struct task_attr attr;
	struct task_state unboosted;
	bool pinned;
	sem_t told, done;
	job_fn job;
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

int pi_setup(void **state);
int pi_teardown(void **state);

/* As TEST(), with actors. The teardown also checks that no boost is left. */
#define PI_TEST(fn)                                                            \
	{                                                                      \
		#fn, fn, pi_setup, pi_teardown,                          \
			(char *)(__FILE__ ":" #fn)                             \
	}

/* Every actor is as it was created, and the arbiter has no record. The teardown checks the same. */
void pi_assert_exact(struct fixture *f);

/* Returns once sleepers have verified, or boosts were rechecked, @times times; or without records. */
void until_looked_at(int times);
long long looks_in_background(void);

/* ---- actors ---- */

#define ATTR(...) ((struct task_attr){ __VA_ARGS__ })
#define FIFO(n) ATTR(.policy = SCHED_FIFO, .prio = (n))
#define NORMAL(n) ATTR(.policy = SCHED_OTHER, .nice = (n))
/* 20 of every 100 ms. */
#define DEADLINE ATTR(.policy = SCHED_DEADLINE, .runtime = 20 * NS_PER_MS,                 \
		      .deadline = 100 * NS_PER_MS, .period = 100 * NS_PER_MS)

struct actor *actor_new(struct fixture *f, const char *name, struct task_attr attr);
/* Not pinned: the kernel lets no task become SCHED_DEADLINE that may not run on all CPUs. */
struct actor *actor_roaming(struct fixture *f, const char *name, struct task_attr attr);

/* The usual ones: a waiter, a thread that it waits for, and a normal task. */
#define actor_high(f) actor_new(f, "high", FIFO(HIGH))
#define actor_low(f, name) actor_new(f, name, FIFO(LOW))
#define actor_normal(f) actor_new(f, "holder", NORMAL(0))

/* Starts a job; actor_finish() waits for its end and returns its result. */
void actor_tell(struct actor *a, job_fn job, void *arg);
int actor_finish(struct actor *a);
int actor_do(struct actor *a, job_fn job, void *arg);
bool actor_finished(struct actor *a);
/* Changes the parameters of an actor that is not boosted, or loses its boost by that. */
void actor_set_attr(struct actor *a, struct task_attr attr);
/* Ends the thread. */
void actor_exit(struct actor *a);

/* Starts a wait, with the actor's owner id unless @args has one. */
void actor_wait(struct actor *a, unsigned long request, struct ntsync_wait_args args);
#define actor_lock(a, mutex) actor_wait(a, ANY, ARGS(FDS(mutex), .timeout = FOREVER))
/* Returns once the actor sleeps in a wait, a send or a receive, or in this ioctl. */
void actor_assert_asleep(struct actor *a);
void actor_assert_asleep_in(struct actor *a, unsigned long request);
/* The same for a job that may have ended instead: false then. */
bool actor_falls_asleep(struct actor *a, unsigned long request);
/* As actor_wait() and actor_lock(), and the actor sleeps in the wait. */
void actor_block(struct actor *a, unsigned long request, struct ntsync_wait_args args);
void actor_block_on(struct actor *a, int obj);
/*
 * The actors share the test's CPU and have lower priorities, so the test has to sleep while it
 * polls: the longer, the more often it has polled already.
 */
void let_others_run(unsigned int polls);
/* A signal ends its call. */
void actor_interrupt(struct actor *a);

/* Whole calls: 0 or -errno. */
int actor_locks(struct actor *a, int mutex);
int actor_unlocks(struct actor *a, int mutex);
int actor_tries(struct actor *a, int obj);
/* Starts some work on the CPU, followed by an unlock. */
void actor_work_and_unlock(struct actor *a, int mutex);
/* One of its calls succeeds, so that the driver learns whose owner id it is. */
void actor_introduce(struct actor *a);
/* @holder gets the mutex, and @waiter, of FIFO HIGH, sleeps in a wait for it. */
void contend(struct actor *holder, struct actor *waiter, int mutex);
/* @holder unlocks the mutex and loses its boost by that, and @waiter's wait succeeds. */
void end_contention(struct actor *holder, struct actor *waiter, int mutex);
/* @from unlocks the mutex, and @to's wait succeeds. */
void actor_pass_mutex(struct actor *from, struct actor *to, int mutex);
/* The same calls, for jobs. */
int wait_any_here(struct actor *a, int obj, uint64_t timeout);
int unlock_here(struct actor *a, int mutex);
int lock_and_unlock_here(struct actor *a, int mutex);
void work_here(void);
/* A job: abandons the mutex that another actor has locked, as a server does for a thread that has ended. */
int kill_mutex_of(struct actor *a, void *holder);

/* EVENT_SET_PI. */
int set_event_pi(int event, uint32_t policy, uint32_t prio);

/* A mutex of another open of the device, and the job that locks it. */
struct other_device {
	int dev, mutex;
};

struct other_device open_other_device(struct fixture *f);
int lock_on_other_device(struct actor *a, void *other);

#define assert_unboosted(a) assert_true(task_state_is((a)->tid, &(a)->unboosted, (a)->name))
/* A boost comes with reset-on-fork: children must not inherit it. */
#define assert_boosted(a, prio) assert_boosted_as(a, SCHED_FIFO, prio)
#define assert_boosted_as(a, policy, prio)                                           \
	pi_assert_task_boosted((a)->tid, (a)->name, policy, prio, __FILE__, __LINE__)
void pi_assert_task_boosted(pid_t tid, const char *name, int policy, int prio, const char *file,
			    int line);

/* ---- the hog ---- */

/* Lets it run as soon as no thread above FIFO 50 can. A job may call it. */
void hog_release(void);
/* It counts from now on: the rounds before do not matter. */
void hog_begin_count(void);
/* It has been released, and its time is not over. */
bool hog_is_running(void);

/* Waits for @a, whose job must have ended with @ret before the hog got the CPU. Stops the hog. */
#define assert_not_held_up(a, ret) pi_assert_not_held_up(a, ret, __FILE__, __LINE__)
void pi_assert_not_held_up(struct actor *a, int ret, const char *file, int line);

/*
 * A waiter of FIFO HIGH waits for @mutex, @holder works and unlocks it, and the hog burns CPU time.
 * All become runnable at once, and the scheduler chooses. The waiter must not be held up.
 */
void check_inversion(struct fixture *f, struct actor *holder, int mutex);

#endif
