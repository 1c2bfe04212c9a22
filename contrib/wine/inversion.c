// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A Windows program: how long does a FIFO 80 thread wait for a critical section, and for an SRW lock? A
 * normal thread has it and works, while a FIFO 50 thread uses the CPU for one second.
 *
 *	x86_64-w64-mingw32-gcc -O2 -o inversion.exe inversion.c -lsynchronization
 *	taskset -c 0 wine inversion.exe
 *
 * Windows has no real-time policies, so the threads ask Linux for theirs, by its system call.
 * The exit status is 1 if the FIFO 80 thread has waited for the FIFO 50 thread.
 */
#define _WIN32_WINNT 0x0602
#include <windows.h>
#include <stdio.h>

#define ROUNDS 5
/*
 * Linux lets normal tasks run for 50 ms a second before those with FIFO. Until these are used up after a
 * round, the normal thread would not be preempted.
 */
#define PAUSE_MS 2000
#define SYS_SCHED_SETSCHEDULER 144
#define SCHED_FIFO 1

static CRITICAL_SECTION section;
static SRWLOCK lock = SRWLOCK_INIT;

static void enter_section(void) { EnterCriticalSection(&section); }
static void leave_section(void) { LeaveCriticalSection(&section); }
static void acquire_lock(void) { AcquireSRWLockExclusive(&lock); }
static void release_lock(void) { ReleaseSRWLockExclusive(&lock); }

static const struct kind {
	const char *name;
	void (*take)(void);
	void (*give)(void);
} kinds[] = {
	{ "critical section", enter_section, leave_section },
	{ "SRW lock", acquire_lock, release_lock },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define ALL_ROUNDS ((LONG)KINDS * ROUNDS)

static const struct kind *find_kind(LONG round)
{
	return &kinds[(round - 1) / ROUNDS];
}

/* The round that each thread may begin. */
static volatile LONG holder_may, waiter_may, hog_may;
static volatile LONG waiter_had, hog_had;

static double now_ms(void)
{
	LARGE_INTEGER ticks, per_second;

	QueryPerformanceCounter(&ticks);
	QueryPerformanceFrequency(&per_second);
	return 1e3 * ticks.QuadPart / per_second.QuadPart;
}

static void set_fifo(int prio)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret)
			 : "a"(SYS_SCHED_SETSCHEDULER), "D"(0), "S"(SCHED_FIFO), "d"(&prio)
			 : "rcx", "r11", "memory");
	if (ret) {
		printf("no real-time priority: error %ld\n", -ret);
		ExitProcess(2);
	}
}

/* The server of Wine is not asked, as it is a normal task. */
static void wait_for(volatile LONG *word, LONG round)
{
	LONG seen;

	while ((seen = *word) < round)
		WaitOnAddress(word, &seen, sizeof(seen), INFINITE);
}

static void let(volatile LONG *word, LONG round)
{
	InterlockedExchange(word, round);
	WakeByAddressAll((void *)word);
}

static void burn(double ms)
{
	double end = now_ms() + ms;

	while (now_ms() < end)
		;
}

static void work(void)
{
	static volatile int step;

	for (step = 0; step < 2000000; step++)
		;
}

static DWORD WINAPI hold(void *arg)
{
	(void)arg;
	for (LONG i = 1; i <= ALL_ROUNDS; i++) {
		wait_for(&holder_may, i);
		find_kind(i)->take();
		let(&waiter_may, i);
		work();
		find_kind(i)->give();
	}
	return 0;
}

static DWORD WINAPI hog(void *arg)
{
	(void)arg;
	set_fifo(50);
	for (LONG i = 1; i <= ALL_ROUNDS; i++) {
		wait_for(&hog_may, i);
		burn(1000);
		let(&hog_had, i);
	}
	return 0;
}

static DWORD WINAPI await(void *arg)
{
	double *waited = arg;

	set_fifo(80);
	for (LONG i = 1; i <= ALL_ROUNDS; i++) {
		double begin;

		wait_for(&waiter_may, i);
		let(&hog_may, i);
		begin = now_ms();
		find_kind(i)->take();
		waited[i - 1] = now_ms() - begin;
		find_kind(i)->give();
		let(&waiter_had, i);
	}
	return 0;
}

int main(void)
{
	double waited[ALL_ROUNDS], longest = 0, begin;

	InitializeCriticalSection(&section);
	begin = now_ms();
	work();
	printf("the work takes %.1f ms\n", now_ms() - begin);
	CreateThread(NULL, 0, hold, NULL, 0, NULL);
	CreateThread(NULL, 0, hog, NULL, 0, NULL);
	CreateThread(NULL, 0, await, waited, 0, NULL);
	for (LONG i = 1; i <= ALL_ROUNDS; i++) {
		let(&holder_may, i);
		wait_for(&waiter_had, i);
		wait_for(&hog_had, i);
		printf("%s: waited %.1f ms\n", find_kind(i)->name, waited[i - 1]);
		Sleep(PAUSE_MS);
		if (longest < waited[i - 1])
			longest = waited[i - 1];
	}
	return longest > 500;
}
