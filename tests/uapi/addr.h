/* SPDX-License-Identifier: GPL-2.0-only */
/* Waits on addresses. */
#ifndef NTSYNC_TESTS_UAPI_ADDR_H
#define NTSYNC_TESTS_UAPI_ADDR_H

#include "channel.h"

#define ADDR_WAIT NTSYNC_IOC_ADDR_WAIT
#define ADDR_WAKE NTSYNC_IOC_ADDR_WAKE

/* Skips without waits on addresses. */
#define need_addr(f)                                                           \
	do {                                                                   \
		only_ours(f, "no waits on addresses");                         \
		if (!((f)->features & NTSYNC_FEATURE_ADDRESS))                 \
			skip_because("no waits on addresses");                 \
	} while (0)

/*
 * The argument of ADDR_WAIT: a word whose value is 0, if nothing else is said. ADDR_ARGS() polls, as
 * the deadline is 0; ADDR_SLEEP() has no deadline.
 */
#define ADDR_ARGS(word, ...)                                                   \
	((struct ntsync_addr_wait_args){ .addr = (uintptr_t)(word),            \
		.size = sizeof(*(word)), .index = UNTOUCHED, __VA_ARGS__ })
#define ADDR_SLEEP(word, ...) ADDR_ARGS(word, .timeout = FOREVER, __VA_ARGS__)

/* Calls of the test's own thread: the result or -errno. */
int addr_wake(struct fixture *f, const volatile void *word, uint32_t count, uint32_t flags);

/* Waits; @index is what the call writes. */
#define assert_addr_wait(f, args, ret, index)                                  \
	addr_assert_wait((f)->dev, args, ret, index, __FILE__, __LINE__)
void addr_assert_wait(int dev, struct ntsync_addr_wait_args args, int ret, uint32_t index,
		      const char *file, int line);

/**
 * struct addr_call - a wait of a helper thread, see channel.h
 * @args: the arguments
 * @call: the call
 */
struct addr_call {
	struct ntsync_addr_wait_args args;
	struct call *call;
};

/* Returns once the thread sleeps in its wait. */
struct addr_call *start_addr(struct fixture *f, struct ntsync_addr_wait_args args,
			     const struct waiter_sched *sched);
/* It need not be asleep yet. */
struct addr_call *start_addr_running(struct fixture *f, struct ntsync_addr_wait_args args,
				     const struct waiter_sched *sched);
#define assert_addr_asleep(c) assert_call_asleep((c)->call)
#define assert_addr_woken(c, ret) assert_call((c)->call, ret)

/* As TEST(); the teardown also ends the waits. */
#define ADDR_TEST(fn) { #fn, fn, channel_setup, addr_teardown, (char *)(__FILE__ ":" #fn) }
int addr_teardown(void **state);

#endif
