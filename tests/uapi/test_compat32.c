// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 32-bit program on a 64-bit kernel: every ioctl once, through compat_ioctl.
 *
 * Built with -m32 -static (built otherwise it runs, but proves less). It uses neither cmocka nor
 * the fixture, as a 64-bit machine has no 32-bit libraries for them. Prints TAP.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ntsync.h>

_Static_assert(sizeof(struct ntsync_wait_args) == 40, "one layout for both");
_Static_assert(offsetof(struct ntsync_wait_args, count) == 16, "one layout for both");
_Static_assert(NTSYNC_IOC_WAIT_ANY == 0xc0284e82, "one number for both");
_Static_assert(sizeof(struct ntsync_channel_send_args) == 24, "one layout for both");
_Static_assert(sizeof(struct ntsync_channel_recv2_args) == 40, "one layout for both");
_Static_assert(NTSYNC_IOC_CHANNEL_RECV2 == 0xc0284e96, "one number for both");
_Static_assert(sizeof(struct ntsync_aggregate_wait_args) == 40, "one layout for both");
_Static_assert(sizeof(struct ntsync_aggregate_wait_timespec_args) == 48, "one layout for both");

#define OWNER 7u
#define UNTOUCHED 0xdeadbeefu

static int dev;
static unsigned int tests, failures;

static void tap_ok(bool ok, const char *what)
{
	printf("%sok %u - %s\n", ok ? "" : "not ", ++tests, what);
	failures += !ok;
}

static int nt(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static int new_object(unsigned long request, uint32_t first, uint32_t second)
{
	uint32_t words[2] = { first, second };

	return nt(dev, request, words);
}

static bool check_read(int fd, unsigned long request, uint32_t first, uint32_t second)
{
	uint32_t words[2] = { UNTOUCHED, UNTOUCHED };

	return nt(fd, request, words) == 0 && words[0] == first && words[1] == second;
}

static int wait_for_object(unsigned long request, const int *objs, uint32_t count, uint64_t timeout,
			   uint32_t *index)
{
	struct ntsync_wait_args args = {
		.timeout = timeout,
		.objs = (uintptr_t)objs,
		.count = count,
		.index = UNTOUCHED,
		.owner = OWNER,
	};
	int ret = nt(dev, request, &args);

	*index = args.index;
	return ret;
}

static void test_sem(void)
{
	int sem = new_object(NTSYNC_IOC_CREATE_SEM, 1, 3);
	uint32_t word = 2;

	tap_ok(sem >= 0 && check_read(sem, NTSYNC_IOC_SEM_READ, 1, 3), "semaphore: create, read");
	tap_ok(nt(sem, NTSYNC_IOC_SEM_RELEASE, &word) == 0 && word == 1 &&
		       check_read(sem, NTSYNC_IOC_SEM_READ, 3, 3), "semaphore: release");
	word = 1;
	tap_ok(nt(sem, NTSYNC_IOC_SEM_RELEASE, &word) == -EOVERFLOW && word == 1,
		      "semaphore: release over max");
	close(sem);
}

static void test_mutex(void)
{
	int mutex = new_object(NTSYNC_IOC_CREATE_MUTEX, OWNER, 2);
	struct ntsync_mutex_args args = { .owner = OWNER };
	uint32_t owner = OWNER, words[2] = { UNTOUCHED, UNTOUCHED };

	tap_ok(mutex >= 0 && check_read(mutex, NTSYNC_IOC_MUTEX_READ, OWNER, 2), "mutex: create, read");
	tap_ok(nt(mutex, NTSYNC_IOC_MUTEX_UNLOCK, &args) == 0 && args.count == 2,
		      "mutex: unlock");
	tap_ok(nt(mutex, NTSYNC_IOC_MUTEX_KILL, &owner) == 0, "mutex: kill");
	tap_ok(nt(mutex, NTSYNC_IOC_MUTEX_READ, words) == -EOWNERDEAD && !words[0] && !words[1],
		      "mutex: read an abandoned one");
	close(mutex);
}

static void test_event(void)
{
	int event = new_object(NTSYNC_IOC_CREATE_EVENT, 1, 0);
	uint32_t word = UNTOUCHED;

	tap_ok(event >= 0 && check_read(event, NTSYNC_IOC_EVENT_READ, 1, 0), "event: create, read");
	tap_ok(nt(event, NTSYNC_IOC_EVENT_SET, &word) == 0 && word == 0, "event: set");
	tap_ok(nt(event, NTSYNC_IOC_EVENT_RESET, &word) == 0 && word == 1, "event: reset");
	tap_ok(nt(event, NTSYNC_IOC_EVENT_PULSE, &word) == 0 && word == 0, "event: pulse");
	close(event);
}

static void test_waits(void)
{
	int objs[2] = { new_object(NTSYNC_IOC_CREATE_SEM, 0, 1), new_object(NTSYNC_IOC_CREATE_EVENT, 1, 1) };
	uint32_t index, one = 1;

	tap_ok(wait_for_object(NTSYNC_IOC_WAIT_ANY, objs, 2, 0, &index) == 0 && index == 1,
		      "wait-any: index");
	tap_ok(wait_for_object(NTSYNC_IOC_WAIT_ALL, objs, 2, 0, &index) == -ETIMEDOUT &&
		       index == UNTOUCHED, "wait-all: timeout");
	nt(objs[0], NTSYNC_IOC_SEM_RELEASE, &one);
	tap_ok(wait_for_object(NTSYNC_IOC_WAIT_ALL, objs, 2, UINT64_MAX, &index) == 0 && index == 0,
		      "wait-all: success");
	close(objs[0]);
	close(objs[1]);
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* The deadline needs more than 32 bits. */
static void test_deadline(void)
{
	uint64_t deadline = monotonic_ns() + 50000000;
	int sem = new_object(NTSYNC_IOC_CREATE_SEM, 0, 1);
	uint32_t index;

	tap_ok(wait_for_object(NTSYNC_IOC_WAIT_ANY, &sem, 1, deadline, &index) == -ETIMEDOUT &&
		       monotonic_ns() >= deadline, "wait-any: deadline");
	close(sem);
}

/*
 * By a child process, not a thread: threads of the 32-bit C library need system calls that a kernel
 * without 32-bit time lacks.
 */
static void test_wake(void)
{
	int event = new_object(NTSYNC_IOC_CREATE_EVENT, 0, 0), ret;
	uint32_t index, prev;
	pid_t pid = fork();

	if (pid == 0)
		_exit(nt(event, NTSYNC_IOC_EVENT_SET, &prev) != 0);
	ret = wait_for_object(NTSYNC_IOC_WAIT_ANY, &event, 1, UINT64_MAX, &index);
	waitpid(pid, NULL, 0);
	tap_ok(ret == 0 && index == 0, "wait-any: woken");
	close(event);
}

/* An address with bits above the lower 32 is invalid. */
static void test_faults(void)
{
	int sem = new_object(NTSYNC_IOC_CREATE_SEM, 1, 1);
	struct ntsync_wait_args args = { .count = 1, .owner = OWNER };

	args.objs = (uint64_t)1 << 63 | (uintptr_t)&sem;
	tap_ok(nt(dev, NTSYNC_IOC_WAIT_ANY, &args) == -EFAULT, "wait-any: bad address");
	tap_ok(nt(dev, NTSYNC_IOC_WAIT_ANY, NULL) == -EFAULT, "wait-any: no argument");
	tap_ok(nt(sem, NTSYNC_IOC_SEM_RELEASE, NULL) == -EFAULT, "semaphore: no argument");
	tap_ok(check_read(sem, NTSYNC_IOC_SEM_READ, 1, 1), "semaphore: unchanged");
	close(sem);
}

static void test_unknown(void)
{
	uint64_t words[8] = { 0 };
	int sem = new_object(NTSYNC_IOC_CREATE_SEM, 1, 1);

	tap_ok(nt(dev, NTSYNC_IOC_SEM_READ, words) == -ENOTTY, "an object's ioctl on the device");
	tap_ok(nt(sem, NTSYNC_IOC_CREATE_SEM, words) == -ENOTTY, "the device's ioctl on an object");
	tap_ok(nt(dev, _IOWR('N', 0x7f, uint64_t), words) == -ENOTTY, "unknown number");
	tap_ok(nt(dev, _IOW('N', 0x80, uint32_t), words) == -ENOTTY, "wrong size");
	close(sem);
}

static int send_request(int channel)
{
	struct ntsync_channel_send_args args = {
		.policy = 1, .prio = 10, .payload_off = 1ull << 40 | 2, .reply_off = 1ull << 41 | 3,
	};

	return nt(channel, NTSYNC_IOC_CHANNEL_SEND_PI, &args);
}

static bool check_received(const struct ntsync_channel_recv2_args *got, pid_t sender, uint64_t id)
{
	return got->entry_id == id && got->payload_off == (1ull << 40 | 2) &&
	       got->reply_off == (1ull << 41 | 3) && got->sender_tid == (uint32_t)sender &&
	       got->prio == 10;
}

/* Waits for a request even by TRY_RECV2. */
static int receive_one(int channel, unsigned long request, struct ntsync_channel_recv2_args *got)
{
	int ret;

	do {
		ret = nt(channel, request, got);
	} while (ret == -EAGAIN && !sched_yield());
	return ret;
}

/* One process sends, another does the rest. */
static void test_request(int channel, unsigned long request, uint64_t id, const char *what)
{
	struct ntsync_channel_register_thread_args reg = { .token = 1ull << 42 | 4 };
	struct ntsync_channel_recv2_args got = { .thread_token = UNTOUCHED };
	bool with_token = request != NTSYNC_IOC_CHANNEL_RECV;
	pid_t pid = fork();
	int ret, status = -1;

	if (pid == 0)
		_exit(send_request(channel) != 0);
	reg.tid = pid;
	ret = nt(channel, NTSYNC_IOC_CHANNEL_REGISTER_THREAD, &reg);
	ret = ret ? ret : receive_one(channel, request, &got);
	ret = ret ? ret : nt(channel, NTSYNC_IOC_CHANNEL_REPLY, &got.entry_id);
	ret = ret ? ret : nt(channel, NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD, &reg.tid);
	waitpid(pid, &status, 0);
	tap_ok(!ret && !status && check_received(&got, pid, id) &&
		       got.thread_token == (with_token ? reg.token : UNTOUCHED), what);
}

static void test_channel(void)
{
	int channel = new_object(NTSYNC_IOC_CREATE_CHANNEL, 1, 0);
	uint64_t id = 1;

	if (channel == -ENOTTY) {
		printf("ok %u - channels # SKIP the in-tree driver\n", ++tests);
		return;
	}
	tap_ok(channel >= 0, "channel: create");
	test_request(channel, NTSYNC_IOC_CHANNEL_RECV, 1, "channel: send, receive, reply");
	test_request(channel, NTSYNC_IOC_CHANNEL_RECV2, 2, "channel: receive with a token");
	test_request(channel, NTSYNC_IOC_CHANNEL_TRY_RECV2, 3, "channel: try to receive");
	tap_ok(nt(channel, NTSYNC_IOC_CHANNEL_REPLY, &id) == -ENOENT, "channel: no such request");
	tap_ok(nt(channel, NTSYNC_IOC_CHANNEL_SEND_PI, NULL) == -EFAULT &&
		       nt(channel, NTSYNC_IOC_CHANNEL_REPLY, NULL) == -EFAULT,
		      "channel: no argument");
	close(channel);
}

static void test_features(void)
{
	struct ntsync_features_args args = { 0 };
	int ret = nt(dev, NTSYNC_IOC_QUERY_FEATURES, &args);

	if (ret == -ENOTTY)
		printf("ok %u - features # SKIP the in-tree driver\n", ++tests);
	else
		tap_ok(ret == 0 && args.version >= 1 && !args.reserved, "features");
}

/* The same call in its other layout. */
static int aggregate_timespec(struct ntsync_aggregate_wait_args *args)
{
	struct ntsync_aggregate_wait_timespec_args ts = {
		.nb_sources = args->nb_sources,
		.sources = args->sources,
		.deadline = { args->timeout / 1000000000, args->timeout % 1000000000 },
		.fired_index = args->fired_index,
		.fired_events = args->fired_events,
	};
	int ret = nt(dev, NTSYNC_IOC_AGGREGATE_WAIT_TIMESPEC, &ts);

	args->fired_index = ts.fired_index;
	args->fired_events = ts.fired_events;
	return ret;
}

/*
 * Up to a deadline that needs more than 32 bits. Returns which of the two fired, or
 * NTSYNC_AGG_TIMEOUT.
 */
static uint32_t wait_aggregate(bool timespec, int obj, int fd, uint32_t *events)
{
	const struct ntsync_aggregate_source sources[] = {
		{ .type = NTSYNC_AGG_OBJECT, .fd = obj },
		{ .type = NTSYNC_AGG_FD, .events = POLLIN, .fd = fd },
	};
	struct ntsync_aggregate_wait_args args = {
		.timeout = monotonic_ns() + 20000000,
		.sources = (uintptr_t)sources,
		.nb_sources = 2,
		.fired_index = UNTOUCHED,
	};
	int ret = timespec ? aggregate_timespec(&args) : nt(dev, NTSYNC_IOC_AGGREGATE_WAIT, &args);

	*events = args.fired_events;
	return ret == (args.fired_index == NTSYNC_AGG_TIMEOUT ? -ETIMEDOUT : 0) ?
		       args.fired_index : UNTOUCHED;
}

static void test_aggregate(bool timespec)
{
	int event = new_object(NTSYNC_IOC_CREATE_EVENT, 0, 1), ends[2];
	uint32_t events = UNTOUCHED;

	tap_ok(!pipe(ends) && wait_aggregate(timespec, event, ends[0], &events) == 0 && !events,
		      "aggregate wait: an object");
	tap_ok(wait_aggregate(timespec, event, ends[0], &events) == NTSYNC_AGG_TIMEOUT,
		      "aggregate wait: deadline");
	tap_ok(write(ends[1], "x", 1) == 1 && wait_aggregate(timespec, event, ends[0], &events) == 1 &&
		       events == POLLIN, "aggregate wait: a file");
	close(event);
	close(ends[0]);
	close(ends[1]);
}

static void test_uring_fd(void)
{
	int ends[2];
	struct ntsync_wait_args args = { .owner = OWNER, .timeout = UINT64_MAX };

	tap_ok(!pipe(ends) && write(ends[1], "x", 1) == 1, "a pipe");
	args.uring_fd = ends[0];
	tap_ok(nt(dev, NTSYNC_IOC_WAIT_ANY, &args) == 0 && args.index == NTSYNC_INDEX_URING_READY,
		      "wait-any: uring_fd");
	close(ends[0]);
	close(ends[1]);
}

static bool has_feature(uint64_t feature)
{
	struct ntsync_features_args args = { 0 };

	return !nt(dev, NTSYNC_IOC_QUERY_FEATURES, &args) && args.features & feature;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(120);
	dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	if (dev < 0) {
		printf("Bail out! /dev/ntsync: %s\n", strerror(errno));
		return 1;
	}
	printf("# %zu-bit program\n", sizeof(long) * 8);
	test_sem();
	test_mutex();
	test_event();
	test_waits();
	test_deadline();
	test_wake();
	test_channel();
	test_faults();
	test_unknown();
	test_features();
	if (has_feature(NTSYNC_FEATURE_AGGREGATE_WAIT)) {
		test_aggregate(false);
		test_aggregate(true);
	}
	if (has_feature(NTSYNC_FEATURE_URING_FD))
		test_uring_fd();
	close(dev);
	printf("1..%u\n", tests);
	return failures != 0;
}
