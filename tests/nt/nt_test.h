/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture of the tests of the handle table: each test has a table of its own, whose trace is
 * recorded and whose invariants are checked at the end, and helper threads that are known to be
 * asleep in their wait.
 *
 * Each program is built twice: for /dev/ntsync, and for the fake of tests/nt/fake with
 * ThreadSanitizer and the library's own assertions. env.h is what differs.
 */
#ifndef TESTS_NT_TEST_H
#define TESTS_NT_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ntsync_nt.h>

#include "env.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* The value of a result that a call must not write. */
#define UNTOUCHED 0x5eadbeef
#define MAX_RECORDS 4096
#define NS_PER_MS 1000000ull

/**
 * struct fixture - one test's surroundings; `*state` of every test
 * @nt: its table
 * @source_first: for tests of duplicates: the source is closed before the duplicate
 * @fds_before: open descriptors before the test, to which the teardown compares
 * @records: its trace
 * @nr_records: the length of the trace
 */
struct fixture {
	struct ntsync_nt *nt;
	bool source_first;
	int fds_before;
	struct ntsync_nt_record records[MAX_RECORDS];
	size_t nr_records;
};

/* A test with a table as on NT. */
#define TEST(fn) { #fn, fn, setup, teardown, NULL }
/* A test without the driver's extensions, on the fake. */
#define ON_OLD_DRIVER(fn) { #fn " (old driver)", fn, setup_old_driver, teardown_old_driver, NULL }
/* A test that closes two handles, once in each order. */
#define IN_BOTH_ORDERS(fn) \
	{ #fn " (source closed first)", fn, setup_source_first, teardown, NULL }, \
	{ #fn " (duplicate closed first)", fn, setup, teardown, NULL }
#define RUN(tests) nt_run_group(__FILE__, tests, ARRAY_SIZE(tests))
/* Two groups: @with for a driver that has channels, @without for one that has none. */
#define RUN_BY_CHANNELS(with, without) \
	nt_run_by_channels(__FILE__, with, ARRAY_SIZE(with), without, ARRAY_SIZE(without))

int setup(void **state);
int setup_source_first(void **state);
int teardown(void **state);
/* With a driver without extensions, on the fake. */
int setup_old_driver(void **state);
int teardown_old_driver(void **state);
/* Whether the driver offers all of NTSYNC_NT_FEATURE_*: tests of what it lacks are left out. */
bool driver_offers(uint32_t features);
int nt_run_group(const char *group, const struct CMUnitTest *tests, size_t count);
/* On the fake, which can do without channels, both groups are run. */
int nt_run_by_channels(const char *group, const struct CMUnitTest *with, size_t nr_with,
		       const struct CMUnitTest *without, size_t nr_without);

/* Replaces the fixture's table, with the trace hook set and an empty trace. */
void use_config(struct fixture *f, struct ntsync_nt_config *config);
void use_xbox360(struct fixture *f);
/* The invariants of the table hold. */
void check(struct fixture *f);

/* A call's status must be @want. */
#define assert_status(call, want) assert_status_at((call), (want), #call, __FILE__, __LINE__)
void assert_status_at(uint32_t got, uint32_t want, const char *call, const char *file, int line);
#define assert_ok(call) assert_status(call, NTSYNC_STATUS_SUCCESS)
#define assert_invalid(f, handle) \
	assert_status(ntsync_nt_query((f)->nt, handle, NULL), NTSYNC_STATUS_INVALID_HANDLE)

/* The next record of the trace is this one. */
#define assert_record(f, op, handle) assert_record_at(f, op, handle, __FILE__, __LINE__)
const struct ntsync_nt_record *assert_record_at(struct fixture *f, enum ntsync_nt_operation op,
						uint32_t handle, const char *file, int line);
void forget_records(struct fixture *f);

uint32_t new_event(struct fixture *f, bool manual, bool signaled);
uint32_t new_mutant(struct fixture *f, bool owned);
uint32_t new_semaphore(struct fixture *f, int32_t count, int32_t limit);
uint32_t new_timer(struct fixture *f, bool manual);
uint32_t duplicate(struct fixture *f, uint32_t handle);
void close_handle(struct fixture *f, uint32_t handle);
uint32_t count_objects(struct fixture *f, enum ntsync_nt_type type);
struct ntsync_nt_info info_of(struct fixture *f, uint32_t handle);
bool event_signaled(struct fixture *f, uint32_t handle);
int32_t semaphore_count(struct fixture *f, uint32_t handle);
struct ntsync_nt_timer_state timer_state(struct fixture *f, uint32_t timer);
/* Expires in @ms from now, and then every @period_ms; 0: once. */
void set_ms(struct fixture *f, uint32_t timer, unsigned int ms, unsigned int period_ms);

/* A wait that only polls. */
#define POLL ((struct ntsync_nt_deadline){ 0, 0 })
#define FOREVER ((struct ntsync_nt_deadline){ NTSYNC_WAIT_FOREVER, 0 })
struct ntsync_nt_deadline in_ms(unsigned int ms);
uint32_t poll_handle(struct fixture *f, uint32_t handle);

/*
 * A thread that makes one call. start() returns at once, start_asleep() when the call sleeps in the
 * driver; finish() joins the thread and returns the call's status.
 */
struct helper;
typedef uint32_t (*helper_fn)(struct fixture *f, void *arg);
struct helper *start(struct fixture *f, helper_fn call, void *arg);
struct helper *start_asleep(struct fixture *f, helper_fn call, void *arg);
bool still_asleep(struct helper *helper);
void interrupt(struct helper *helper, int sig);
/*
 * A signal handler that does not restart system calls interrupts the helper, which is asleep.
 * Returns when it sleeps again.
 */
void interrupt_sleep(struct helper *helper);
uint32_t finish(struct helper *helper);
/* By turns of @i: an interruption of thread @tid, an alert, an APC, a stop, or nothing. */
void disturb_thread(struct fixture *f, int i, uint32_t tid, uint32_t status);
/* A call that waits for one handle without a deadline: *arg is a uint32_t. */
uint32_t wait_for_handle(struct fixture *f, void *arg);

/* The seed of a random test, which is printed; NTSYNC_TEST_SEED or the time. Never 0. */
uint64_t random_seed(void);

uint64_t now_ns(void);
uint64_t realtime_ns(void);
void sleep_ms(unsigned int ms);

#endif /* TESTS_NT_TEST_H */
