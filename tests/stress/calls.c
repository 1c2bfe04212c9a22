// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the calls of the driver that a stress program makes, and prints their number when it ends. The linker
 * sends all calls of ioctl() here (--wrap=ioctl).
 *
 * Each thread has a counter of its own, changed by a relaxed load and a relaxed store: an atomic addition would
 * order the calls of the threads, and hide races. The counters are in shared memory, so the threads of a child
 * process are counted, too. If there are more than COUNTERS threads, some share a counter and may lose calls: the
 * program has made at least as many as it prints.
 */
#include "calls.h"
#include "stress.h"

#include <linux/ioctl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/ntsync.h>

#define COUNTERS 8192

struct counter {
	_Alignas(64) _Atomic uint64_t calls;
};

struct counters {
	atomic_uint used;
	struct counter counter[COUNTERS];
};

static struct counters *counters;
static _Thread_local struct counter *mine;
static pid_t program;

/* A child's thread takes a counter of its own. */
static void forget_mine(void)
{
	mine = NULL;
}

__attribute__((constructor)) static void create_counters(void)
{
	void *memory = mmap(NULL, sizeof(*counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);

	if (memory == MAP_FAILED)
		return;
	program = getpid();
	pthread_atfork(NULL, NULL, forget_mine);
	counters = memory;
}

static void count_call(void)
{
	if (!counters)
		return;
	if (!mine)
		mine = &counters->counter[atomic_fetch_add(&counters->used, 1) % COUNTERS];
	atomic_store_explicit(&mine->calls,
			      atomic_load_explicit(&mine->calls, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *arg;

	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	if (_IOC_TYPE(request) == _IOC_TYPE(NTSYNC_IOC_EVENT_SET))
		count_call();
	return __real_ioctl(fd, request, arg);
}

__attribute__((destructor)) static void print_calls(void)
{
	uint64_t calls = 0;

	if (!counters || getpid() != program)
		return;
	for (size_t i = 0; i < COUNTERS; i++)
		calls += counters->counter[i].calls;
	printf("# %llu calls of the driver\n", (unsigned long long)calls);
}
