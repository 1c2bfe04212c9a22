/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture of all tests of /dev/ntsync: a device for each test, objects that the teardown
 * closes, checks of all words of a wait, helper threads that are known to be asleep in their wait,
 * and memory that faults.
 *
 * The tests call the ioctls themselves and not libntsync, so that a mistake in one of the two can't
 * hide one in the other.
 */
#ifndef NTSYNC_TESTS_UAPI_FIXTURE_H
#define NTSYNC_TESTS_UAPI_FIXTURE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/ntsync.h>

#ifndef NTSYNC_IOC_QUERY_FEATURES
#error "this is the system's linux/ntsync.h, not ours: put include/uapi first"
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NS_PER_MS 1000000ull
#define NS_PER_SEC 1000000000ull

#define FOREVER UINT64_MAX
#define ANY NTSYNC_IOC_WAIT_ANY
#define ALL NTSYNC_IOC_WAIT_ALL

/* What output words hold before a call that must not write them. */
#define UNTOUCHED 0xdeadbeefu
/* An owner id for waits in which it does not matter. */
#define OWNER 123u

struct waiter;

/**
 * struct fixture - one test's surroundings; `*state` of every test
 * @name:       "file:function", also written to the kernel log
 * @dev:        an open /dev/ntsync
 * @ours:       the driver answers the feature query, so it isn't the in-tree one
 * @features:   feature bits; 0 on the in-tree driver
 * @fds_before: open fds before the device was opened; teardown wants them back
 * @fds:        what teardown closes
 * @pages:      three pages: writable, inaccessible, read-only when asked for
 * @lock:       protects @waiters and @finished
 * @waiters:    started and not joined
 * @finished:   out of their wait and not joined, first one first
 */
struct fixture {
	const char *name;
	int dev;
	bool ours;
	uint64_t features;
	int fds_before;
	int fds[512];
	size_t nr_fds;
	char *pages;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct waiter *waiters;
	struct waiter *finished;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A test with a fixture. Its name goes to the kernel log before it runs. */
#define TEST(fn)                                                               \
	{                                                                      \
		#fn, fn, fixture_setup, fixture_teardown,                      \
			(char *)(__FILE__ ":" #fn)                             \
	}

/* A test without a fixture: nothing has a device open. The same watchdog ends it. */
int fixture_watch(void **state);
#define TEST_ALONE(fn)                                                         \
	{                                                                      \
		#fn, fn, fixture_watch, NULL, (char *)(__FILE__ ":" #fn)       \
	}

/* The program's main(): runs one group of tests. */
int fixture_run(const char *group, const struct CMUnitTest *tests, size_t count);
#define RUN(tests) fixture_run(__FILE__, tests, ARRAY_SIZE(tests))

/* Skips the test, saying why. */
#define skip_because(...)                                                      \
	do {                                                                   \
		print_message("# skipped: " __VA_ARGS__);                      \
		print_message("\n");                                           \
		skip();                                                        \
	} while (0)

/* For a documented difference from the in-tree driver: @what it is about. */
#define only_ours(f, what)                                                     \
	do {                                                                   \
		if (!(f)->ours)                                                \
			skip_because("the in-tree driver differs: %s", what);  \
	} while (0)

/* Skips unless this process may use real-time priorities. */
void need_realtime(void);

/* ioctl() that returns -errno. */
int nt(int fd, unsigned long request, void *arg);

/* The call must return @want, 0 or -errno; errors are printed by name. */
#define assert_ret(call, want)                                                 \
	fixture_assert_ret((call), (want), #call, __FILE__, __LINE__)
void fixture_assert_ret(int got, int want, const char *call, const char *file,
			int line);

/* The teardown closes these descriptors, unless the test has closed them by close_fd(). */
int own_fd(struct fixture *f, int fd);
void close_fd(struct fixture *f, int fd);
int count_fds(void);

int open_device(struct fixture *f);
int new_sem(struct fixture *f, uint32_t count, uint32_t max);
int new_mutex(struct fixture *f, uint32_t owner, uint32_t count);
int new_event(struct fixture *f, bool manual, bool signaled);
#define new_auto(f, signaled) new_event(f, false, signaled)
#define new_manual(f, signaled) new_event(f, true, signaled)

/* Object operations; the previous state must be @prev. */
void release(int sem, uint32_t count, uint32_t prev);
void unlock(int mutex, uint32_t owner, uint32_t prev);
void kill_owner(int mutex, uint32_t owner);
void event_op(int event, unsigned long request, uint32_t prev);
#define set_event(event, prev) event_op(event, NTSYNC_IOC_EVENT_SET, prev)
#define reset_event(event, prev) event_op(event, NTSYNC_IOC_EVENT_RESET, prev)
#define pulse_event(event, prev) event_op(event, NTSYNC_IOC_EVENT_PULSE, prev)

/* State checks. */
#define assert_sem(fd, count, max)                                             \
	fixture_assert_pair(fd, NTSYNC_IOC_SEM_READ, 0, count, max, __FILE__,  \
			    __LINE__)
#define assert_mutex(fd, owner, count)                                         \
	fixture_assert_pair(fd, NTSYNC_IOC_MUTEX_READ, 0, owner, count,        \
			    __FILE__, __LINE__)
#define assert_abandoned(fd)                                                   \
	fixture_assert_pair(fd, NTSYNC_IOC_MUTEX_READ, -EOWNERDEAD, 0, 0,      \
			    __FILE__, __LINE__)
#define assert_event(fd, manual, signaled)                                     \
	fixture_assert_pair(fd, NTSYNC_IOC_EVENT_READ, 0, manual, signaled,    \
			    __FILE__, __LINE__)
void fixture_assert_pair(int fd, unsigned long request, int ret, uint32_t first,
			 uint32_t second, const char *file, int line);

/* Waits. ARGS(FDS(a, b), .owner = 1) polls, as the deadline is 0. */
#define FDS(...)                                                               \
	.objs = (uintptr_t)(const int[]){ __VA_ARGS__ },                       \
	.count = ARRAY_SIZE(((const int[]){ __VA_ARGS__ }))
#define ARGS(...) ((struct ntsync_wait_args){ .index = UNTOUCHED, __VA_ARGS__ })

/*
 * Waits, and expects @ret; @index if the call writes one (success and -EOWNERDEAD), else UNTOUCHED;
 * and every other word as before.
 */
#define assert_wait(f, request, args, ret, index)                              \
	fixture_assert_wait((f)->dev, request, args, ret, index, __FILE__,     \
			    __LINE__)
void fixture_assert_wait(int dev, unsigned long request,
			 struct ntsync_wait_args args, int ret, uint32_t index,
			 const char *file, int line);

/* Polls for @obj: 0 or -errno. */
int try_wait(struct fixture *f, int obj, uint32_t owner);
#define assert_not_ready(f, obj)                                               \
	assert_ret(try_wait(f, obj, OWNER), -ETIMEDOUT)

/*
 * Helper threads. A waiter is started, sleeps in its wait, and ends once. The teardown ends those
 * that a failed test leaves.
 */
struct waiter_sched {
	int policy;
	int prio;
	int nice;
	int cpu; /* pinned to cpu - 1; 0 = anywhere */
};

void set_thread_sched(pthread_attr_t *attr, const struct waiter_sched *sched);

struct waiter *start_sched(struct fixture *f, unsigned long request,
			   struct ntsync_wait_args args,
			   const struct waiter_sched *sched);
#define start(f, request, args) start_sched(f, request, args, NULL)
/* For one object, without a deadline. */
#define start_on(f, request, obj) start_as(f, request, obj, OWNER)
#define start_as(f, request, obj, owner_id) \
	start(f, request, ARGS(FDS(obj), .owner = (owner_id), .timeout = FOREVER))

/* It need not be asleep yet. */
struct waiter *start_running(struct fixture *f, unsigned long request,
			     struct ntsync_wait_args args,
			     const struct waiter_sched *sched);

/*
 * True once it sleeps in its wait, false once it has left it. A call that grants the wait makes the
 * sleeper runnable before it returns, so true means that no earlier call has ended the wait.
 */
bool waiter_asleep(struct waiter *w);
#define assert_asleep(w) assert_true(waiter_asleep(w))

/* Blocks until the wait has returned; then @ret and @index as in assert_wait(). */
#define assert_woken(w, ret, index)                                            \
	fixture_assert_woken(w, ret, index, __FILE__, __LINE__)
void fixture_assert_woken(struct waiter *w, int ret, uint32_t index,
			  const char *file, int line);

/* The next waiter that has left its wait; it is joined. */
struct waiter *next_woken(struct fixture *f);

/* The result of a waiter; joins it first. */
int waiter_ret(struct waiter *w);
uint32_t waiter_index(struct waiter *w);
pid_t waiter_tid(struct waiter *w);
void waiter_signal(struct waiter *w, int sig);

/* The number of the ioctl in which task @tid of process @pid sleeps, or 0. */
unsigned long sleeping_ioctl(pid_t pid, pid_t tid);
bool asleep_in(pid_t pid, pid_t tid, unsigned long request);

/*
 * Memory. Each returns room for @size bytes, filled from @init if there is one.
 */
void *at_page_end(struct fixture *f, const void *init, size_t size);
void *past_page_end(struct fixture *f, const void *init, size_t size);
void *read_only(struct fixture *f, const void *init, size_t size);
void *unmapped(struct fixture *f);

/*
 * Child processes. The body can't use cmocka's assertions: it returns non-zero after CHECK() has
 * printed what failed.
 */
typedef int (*child_fn)(struct fixture *f, void *arg);
pid_t child_start(struct fixture *f, child_fn body, void *arg);
int child_finish(pid_t pid);
#define assert_child_ok(pid) assert_int_equal(child_finish(pid), 0)
#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond)) {                                                 \
			fprintf(stderr, "# %s:%d: child: not so: %s (%m)\n",   \
				__FILE__, __LINE__, #cond);                    \
			return 1;                                              \
		}                                                              \
	} while (0)

/* Absolute nanoseconds. */
uint64_t now_ns(clockid_t clock);
#define monotonic_ns() now_ns(CLOCK_MONOTONIC)
/* The clock that a wait with these flags uses. */
clockid_t choose_clock(uint32_t flags);

/* A deadline that only a hang reaches. */
uint64_t long_from_now(void);

/*
 * A deadline on CLOCK_REALTIME that passes when the test steps the clock by more than an hour,
 * however slow the machine is. The teardown sets the clock back.
 *
 * Only for real-time tasks: a kernel without high-resolution timers, such as the instrumented one,
 * does not check the deadlines of other tasks again when the clock is set.
 */
void need_settable_clock(void);
void step_wall_clock(int64_t seconds);
#define in_an_hour() (now_ns(CLOCK_REALTIME) + 3600 * NS_PER_SEC)
#define AN_HOUR_LATER 3601

/*
 * Steps the clock by an hour, and waits for this CPU's timers to expire without sleeping, so that
 * no other thread can run.
 */
void pass_an_hour(void);

/* Restarts the watchdog, for a test of many steps that takes longer than its time. */
void still_alive(void);

void sleep_ms(unsigned int ms);

/* @most, or NTSYNC_CROWD: fewer for kernels on which each thread takes long. */
unsigned int choose_crowd(unsigned int most);

/* Signals, counted by a handler. */
void count_signals(int sig, int flags);
void await_signals(int count);
extern atomic_int signals_counted;

/* Skips on smaller machines. */
void need_cpus(int count);

/* Keeps the test on CPU 0, so that no thread of a lower priority that is pinned there can run. */
void occupy_cpu(int priority);
void free_cpu(void);

#define MANY NTSYNC_MAX_WAIT_COUNT

/* As many objects as a wait can have, auto-reset events and semaphores in turn, and an alert. */
struct many {
	int objs[MANY];
	int alert;
};

void new_many(struct fixture *f, struct many *m);
struct ntsync_wait_args many_args(struct many *m, unsigned int count, uint64_t timeout);
/* Object @i; MANY is the alert. */
void signal_one_of_many(struct many *m, int i);

#endif
