// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between the library and the allocator (--wrap). A thread that a signal suspends inside the
 * allocator would keep its locks.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "fake_device.h"

static _Thread_local bool watched;
static _Thread_local int calls, calls_with_signals;

void fake_watch_allocations(void)
{
	watched = true;
	calls = 0;
	calls_with_signals = 0;
}

int fake_end_of_watch(int *with_signals)
{
	watched = false;
	*with_signals = calls_with_signals;
	return calls;
}

static void check_signals(void)
{
	sigset_t blocked;

	if (!watched)
		return;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	calls++;
	calls_with_signals += !sigismember(&blocked, SIGUSR1);
}

void *__wrap_malloc(size_t size)
{
	check_signals();
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	check_signals();
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	check_signals();
	return __real_realloc(memory, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	check_signals();
	return __real_aligned_alloc(alignment, size);
}

void __wrap_free(void *memory)
{
	check_signals();
	__real_free(memory);
}
