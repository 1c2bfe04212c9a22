/* SPDX-License-Identifier: GPL-2.0-only */
/* What the stress programs share: arguments, random numbers, clock, TAP. */
#ifndef NTSYNC_TESTS_STRESS_H
#define NTSYNC_TESTS_STRESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_SEC 1000000000ull

/**
 * struct stress - one run
 * @seconds: how long; the first argument, or NTSYNC_STRESS_SECONDS, or 3
 * @seed: the second argument, or the time; printed, so that a run can be redone
 * @end: when it is over, CLOCK_MONOTONIC
 * @complete: what has to happen in a run that proves anything has happened; may be NULL. A slow
 *	machine gets up to a minute more for it
 * @tests: "ok" lines so far
 * @failures: "not ok" lines so far
 */
struct stress {
	unsigned int seconds;
	uint64_t seed;
	uint64_t end;
	bool (*complete)(void);
	unsigned int tests;
	unsigned int failures;
};

void stress_init(struct stress *s, int argc, char **argv);
bool stress_over(const struct stress *s);

/* One invariant: prints "ok" or "not ok". */
void stress_check(struct stress *s, bool ok, const char *invariant);

/* Calls @show every second, or every ten in a long run, until the run is over. */
void stress_watch(const struct stress *s, void (*show)(void));
void stress_watch_until(const struct stress *s, uint64_t end, void (*show)(void));

/* A call of the library must return this; otherwise it is printed and counted in stress_errors. */
void stress_expect(int ret, int want, const char *what);
void stress_expect_success(int ret, int line);
#define EXPECT_SUCCESS(call) stress_expect_success(call, __LINE__)
extern atomic_uint stress_errors;

/* SIGUSR1 only interrupts; @flags: SA_RESTART or 0. */
void stress_handle_signal(int flags);

/* Prints the plan. Returns the program's exit status. */
int stress_end(const struct stress *s);

/* For a missing precondition of all checks. */
int stress_skip(const char *why);
int stress_bail_out(const char *what, int ret);

/* xorshift64*: the same numbers for the same seed. */
uint64_t stress_random(uint64_t *state);
unsigned int stress_below(uint64_t *state, unsigned int bound);

/* 0 to @count - 1, in a random order. */
void stress_shuffle(uint64_t *random, unsigned int *numbers, unsigned int count);

uint64_t stress_now(void);
/* A deadline that has passed, or one within 1 us to 5 ms. */
uint64_t stress_deadline(uint64_t *random);
void stress_sleep(uint64_t ns);

/* Open fds of this process, and references to the module (-1: unknown). */
int stress_count_fds(void);
int stress_module_references(void);

/* A number from an object's fdinfo, or -1 where the driver doesn't tell it. */
long long stress_fdinfo(int fd, const char *key);

/*
 * No task is boosted: the arbiter has no record. It learns of a task's death within a second, so
 * this may take a while. True where debugfs can't be read.
 */
bool stress_nobody_boosted(void);
/* Is the caller scheduled with this policy and priority, without a boost? */
bool stress_is_scheduled(int policy, int prio);

#endif
