// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The Unix side of waits on addresses: asks the driver, and knows the Unix thread ids of the
 * process's threads.
 */
#if 0
#pragma makedep unix
#endif

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "ntstatus.h"
#define WIN32_NO_STATUS
#include "windef.h"
#include "winternl.h"
#include "unix_private.h"
#include "ntsync_addr.h"
#include "ntsync_uapi.h"

#define NS_PER_SEC 1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_TICK 100
/* Windows counts from 1601. */
#define TICKS_UNTIL_1970 116444736000000000ll
#define NO_DEADLINE UINT64_MAX

/* Opened by the first thread before there are others. */
static int device = -1;

/*
 * Windows thread ids are multiples of 4. Two whose places are the same are rare; then only the
 * younger one is known.
 */
#define PLACES 65536
static uint64_t threads[PLACES];

static uint64_t *find_place(uint32_t tid)
{
	return &threads[tid / 4 % PLACES];
}

static void open_device(void)
{
	struct ntsync_features_args features = { 0 };
	int fd = open("/dev/ntsync", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (ioctl(fd, NTSYNC_IOC_QUERY_FEATURES, &features) ||
	    !(features.features & NTSYNC_FEATURE_ADDRESS)) {
		close(fd);
		return;
	}
	device = fd;
}

void ntsync_addr_init_thread(void)
{
	static BOOL tried;
	uint32_t tid = GetCurrentThreadId();

	if (!tried) {
		tried = TRUE;
		open_device();
	}
	__atomic_store_n(find_place(tid), (uint64_t)tid << 32 | (uint32_t)syscall(SYS_gettid),
			 __ATOMIC_RELAXED);
}

/* 0: not known. */
static uint32_t find_unix_tid(uint32_t tid)
{
	uint64_t place = __atomic_load_n(find_place(tid), __ATOMIC_RELAXED);

	return place >> 32 == tid ? (uint32_t)place : 0;
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

/* In 100 ns, from now. */
static int64_t get_time_left(int64_t timeout)
{
	if (timeout < 0)
		return timeout == INT64_MIN ? INT64_MAX : -timeout;
	return timeout - TICKS_UNTIL_1970 - (int64_t)(read_clock(CLOCK_REALTIME) / NS_PER_TICK);
}

static uint64_t get_deadline(int64_t timeout)
{
	uint64_t now = read_clock(CLOCK_MONOTONIC);
	int64_t left;

	if (timeout == INT64_MAX)
		return NO_DEADLINE;
	left = get_time_left(timeout);
	if (left <= 0)
		return 0;
	/* Centuries: the driver takes what is above INT64_MAX for a moment that has passed. */
	if (left > (INT64_MAX - (int64_t)now) / NS_PER_TICK)
		return NO_DEADLINE;
	return now + left * NS_PER_TICK;
}

static int sleep_on_word(struct ntsync_addr_wait_args *args)
{
	for (;;) {
		int err = ioctl(device, NTSYNC_IOC_ADDR_WAIT, args) < 0 ? errno : 0;

		if (err == EINTR)
			continue;
		if (!args->owner || (err != ESRCH && err != EPERM && err != EINVAL))
			return err;
		/* It has ended, and has not left the section. */
		args->owner = 0;
	}
}

static NTSTATUS wait_until(struct ntsync_addr_wait_args *args, uint64_t deadline)
{
	const struct timespec ms = { .tv_nsec = NS_PER_MS };

	switch (sleep_on_word(args)) {
	case ETIMEDOUT:
		return args->timeout == deadline ? STATUS_TIMEOUT : STATUS_RETRY;
	case ENOMEM:
		nanosleep(&ms, NULL);
		return STATUS_RETRY;
	}
	return STATUS_SUCCESS;
}

static BOOL has_to_look_again(uint32_t flags)
{
	int policy;

	if (flags & NTSYNC_ADDR_LOOK_AGAIN)
		return TRUE;
	if (!(flags & NTSYNC_ADDR_REALTIME_LOOKS_AGAIN))
		return FALSE;
	policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
	return policy == SCHED_FIFO || policy == SCHED_RR || policy == SCHED_DEADLINE;
}

NTSTATUS ntsync_addr_unix_wait(void *args)
{
	const struct ntsync_addr_wait_params *params = args;
	uint64_t deadline = get_deadline(params->timeout);
	struct ntsync_addr_wait_args wait = {
		.timeout = deadline,
		.addr = params->addr,
		.expected = params->expected,
		.size = params->size,
		.owner = params->owner ? find_unix_tid(params->owner) : 0,
	};

	if (params->flags & NTSYNC_ADDR_NEXT_OWNER)
		wait.flags = NTSYNC_ADDR_TAKE_OVER;
	if (has_to_look_again(params->flags)) {
		uint64_t soon = read_clock(CLOCK_MONOTONIC) + NS_PER_MS;

		if (soon < deadline)
			wait.timeout = soon;
	}
	return wait_until(&wait, deadline);
}

NTSTATUS ntsync_addr_unix_wake(void *args)
{
	const struct ntsync_addr_wake_params *params = args;
	struct ntsync_addr_wake_args wake = { .addr = params->addr, .count = params->count };

	if (device < 0)
		return STATUS_NOT_SUPPORTED;
	ioctl(device, NTSYNC_IOC_ADDR_WAKE, &wake);
	return STATUS_SUCCESS;
}
