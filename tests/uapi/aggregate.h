/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture of the tests of AGGREGATE_WAIT. Each test runs twice, once in each layout of the
 * argument; it describes its calls in the 40-byte one.
 */
#ifndef NTSYNC_TESTS_UAPI_AGGREGATE_H
#define NTSYNC_TESTS_UAPI_AGGREGATE_H

#include "channel.h"

#include <poll.h>

#define AGG NTSYNC_IOC_AGGREGATE_WAIT
#define AGG_TIMESPEC NTSYNC_IOC_AGGREGATE_WAIT_TIMESPEC

typedef struct ntsync_aggregate_wait_args agg_t;
typedef struct ntsync_aggregate_wait_timespec_args agg_timespec_t;
typedef struct ntsync_aggregate_source source_t;

/* The test in both layouts. The fixture of channel.h is there too. */
#define AGG_TEST(fn) AGG_TEST_NUMBER(fn), AGG_TEST_TIMESPEC(fn)

/* For tests of what only one layout has. */
#define AGG_TEST_NUMBER(fn)                                                    \
	{ #fn, fn, agg_setup, agg_teardown, (char *)(__FILE__ ":" #fn) }
#define AGG_TEST_TIMESPEC(fn)                                                  \
	{                                                                      \
		#fn "_timespec", fn, agg_setup_timespec, agg_teardown,         \
			(char *)(__FILE__ ":" #fn "_timespec")                 \
	}
int agg_setup(void **state);
int agg_setup_timespec(void **state);
int agg_teardown(void **state);

#define need_aggregate(f) only_ours(f, "no aggregate wait")

/* The ioctl number of this run. */
unsigned long agg_request(void);
#define agg_is_timespec() (agg_request() == AGG_TIMESPEC)

/* Sources. */
#define OBJ(descriptor) ((source_t){ .type = NTSYNC_AGG_OBJECT, .fd = (descriptor) })
#define FILE_FOR(descriptor, ev)                                               \
	((source_t){ .type = NTSYNC_AGG_FD, .events = (ev), .fd = (descriptor) })
#define FILE_IN(descriptor) FILE_FOR(descriptor, POLLIN)

#define SOURCES(...)                                                           \
	.sources = (uintptr_t)(const source_t[]){ __VA_ARGS__ },               \
	.nb_sources = ARRAY_SIZE(((const source_t[]){ __VA_ARGS__ }))

/* AGG_ARGS(SOURCES(OBJ(a), FILE_IN(b))) polls, as the deadline is 0. */
#define AGG_ARGS(...)                                                          \
	((agg_t){ .fired_index = UNTOUCHED, .fired_events = UNTOUCHED, __VA_ARGS__ })

/* Until step_wall_clock(), or for ever. */
#define AGG_EXPIRES(expires)                                                   \
	.timeout = (expires) ? in_an_hour() : FOREVER,                         \
	.flags = (expires) ? NTSYNC_AGG_FLAG_REALTIME : 0

/*
 * In the layout of this run. There {0, 0} means "never", so a timeout of 0 becomes the first
 * nanosecond, which has passed too.
 */
agg_timespec_t agg_as_timespec(const agg_t *args);

/* The call; the results go to @args. */
int agg_call(int dev, agg_t *args);

/*
 * Waits, and expects @ret; @index and @events if the call writes them; NTSYNC_AGG_TIMEOUT with
 * ETIMEDOUT; and every other word as before.
 */
#define assert_agg(f, args, ret, index, events)                                \
	agg_assert((f)->dev, args, ret, index, events, __FILE__, __LINE__)
void agg_assert(int dev, agg_t args, int ret, uint32_t index, uint32_t events,
		const char *file, int line);

/* Nothing is ready. */
#define assert_agg_nothing(f, ...)                                             \
	assert_agg(f, AGG_ARGS(SOURCES(__VA_ARGS__)), -ETIMEDOUT, 0, 0)
#define assert_agg_ready(f, index, events, ...)                                \
	assert_agg(f, AGG_ARGS(SOURCES(__VA_ARGS__)), 0, index, events)

/* Errors that are found before the wait: nothing is written. */
#define assert_agg_refused(f, ret, ...)                                        \
	assert_agg(f, AGG_ARGS(__VA_ARGS__), ret, 0, 0)

/*
 * Waits of helper threads, without a deadline unless @args has one. agg_start() returns once the
 * thread sleeps.
 */
struct agg_wait;
struct agg_wait *agg_running(struct fixture *f, agg_t args, const struct waiter_sched *sched);
struct agg_wait *agg_start(struct fixture *f, agg_t args);
#define AGG_FOREVER(...) AGG_ARGS(.timeout = FOREVER, SOURCES(__VA_ARGS__))
#define agg_start_on(f, ...) agg_start(f, AGG_FOREVER(__VA_ARGS__))
/* The helper thread, for the functions of channel.h. */
struct call *agg_of(struct agg_wait *w);
#define assert_agg_asleep(w) assert_call_asleep(agg_of(w))

/* Blocks until the wait has returned; then as assert_agg(). */
#define assert_agg_woken(w, ret, index, events)                                \
	agg_assert_woken(w, ret, index, events, __FILE__, __LINE__)
void agg_assert_woken(struct agg_wait *w, int ret, uint32_t index, uint32_t events,
		      const char *file, int line);

/* ---- files to wait for; all nonblocking ---- */

int new_eventfd(struct fixture *f, unsigned int value);
void new_pipe(struct fixture *f, int ends[2]);
void new_socketpair(struct fixture *f, int type, int ends[2]);
void add_one(int event_fd);
void put_byte(int fd);
/* Reads until nothing is left; writes until the file is full. */
void drain_fd(int fd);
void fill_fd(int fd);

#endif
