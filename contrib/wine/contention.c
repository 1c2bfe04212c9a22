// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A Windows program: threads contend for each kind of lock and wait on words of each size. It says if
 * a lock let two threads in. If a wake-up gets lost, it does not end.
 *
 *	x86_64-w64-mingw32-gcc -O2 -o contention.exe contention.c -lsynchronization
 *	wine contention.exe
 */
#define _WIN32_WINNT 0x0602
#include <windows.h>
#include <stdio.h>
#include <string.h>

#define THREADS 8
#define ROUNDS 4000

static CRITICAL_SECTION section;
static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE turned = CONDITION_VARIABLE_INIT;
static LONG turn, entries;
static volatile LONG inside;
static LONG faults;

/* Leaves the CPU now and then, so that others find the lock taken. */
static void be_alone(void)
{
	if (InterlockedIncrement(&inside) != 1)
		InterlockedIncrement(&faults);
	if (++entries % 64 == 0)
		SwitchToThread();
	InterlockedDecrement(&inside);
}

static DWORD WINAPI use_section(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 8 || !TryEnterCriticalSection(&section))
			EnterCriticalSection(&section);
		EnterCriticalSection(&section);
		be_alone();
		LeaveCriticalSection(&section);
		LeaveCriticalSection(&section);
	}
	return 0;
}

static DWORD WINAPI use_lock(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 4) {
			AcquireSRWLockShared(&lock);
			if (inside)
				InterlockedIncrement(&faults);
			ReleaseSRWLockShared(&lock);
			continue;
		}
		AcquireSRWLockExclusive(&lock);
		be_alone();
		ReleaseSRWLockExclusive(&lock);
	}
	return 0;
}

static DWORD WINAPI take_turns(void *arg)
{
	LONG me = (LONG)(LONG_PTR)arg;

	for (int i = 0; i < ROUNDS / THREADS; i++) {
		EnterCriticalSection(&section);
		while (turn != me)
			SleepConditionVariableCS(&turned, &section, INFINITE);
		be_alone();
		turn = (me + 1) % THREADS;
		WakeAllConditionVariable(&turned);
		LeaveCriticalSection(&section);
	}
	return 0;
}

struct word {
	SIZE_T size, offset;
	_Alignas(8) unsigned char bytes[16];
};

static unsigned char read_last(const struct word *w)
{
	return *(volatile const unsigned char *)&w->bytes[w->offset + w->size - 1];
}

/* Two threads change the last byte of a word in turn: to odd values, and to even ones. */
static void play(struct word *w, unsigned char odd)
{
	unsigned char seen[8];

	for (int i = 0; i < ROUNDS / 16; i++) {
		while (read_last(w) % 2 != odd) {
			memcpy(seen, w->bytes + w->offset, w->size);
			if (seen[w->size - 1] % 2 != odd)
				WaitOnAddress(w->bytes + w->offset, seen, w->size, INFINITE);
		}
		w->bytes[w->offset + w->size - 1]++;
		WakeByAddressSingle(w->bytes + w->offset);
	}
}

static DWORD WINAPI play_odd(void *arg)
{
	play(arg, 1);
	return 0;
}

static DWORD WINAPI play_even(void *arg)
{
	play(arg, 0);
	return 0;
}

static void finish(HANDLE *threads, DWORD count)
{
	WaitForMultipleObjects(count, threads, TRUE, INFINITE);
	for (DWORD i = 0; i < count; i++)
		CloseHandle(threads[i]);
}

static void run(const char *name, LPTHREAD_START_ROUTINE work)
{
	HANDLE threads[THREADS];

	for (LONG_PTR i = 0; i < THREADS; i++)
		threads[i] = CreateThread(NULL, 0, work, (void *)i, 0, NULL);
	finish(threads, THREADS);
	printf("%s: %ld faults\n", name, faults);
}

static void run_word(SIZE_T size, SIZE_T offset)
{
	struct word w = { .size = size, .offset = offset };
	HANDLE threads[2] = {
		CreateThread(NULL, 0, play_odd, &w, 0, NULL),
		CreateThread(NULL, 0, play_even, &w, 0, NULL),
	};

	finish(threads, 2);
	printf("word of %d at %d: value %d\n", (int)size, (int)offset, read_last(&w));
}

static void time_out(void)
{
	ULONG64 word = 1, same = 1;
	ULONGLONG begin = GetTickCount64();
	BOOL woken = WaitOnAddress(&word, &same, sizeof(word), 200);

	printf("timeout: %s after %d ms\n", woken ? "woken" : "timed out",
	       (int)(GetTickCount64() - begin));
}

int main(void)
{
	InitializeCriticalSection(&section);
	run("critical section", use_section);
	run("SRW lock", use_lock);
	run("condition variable", take_turns);
	for (SIZE_T size = 1; size <= 8; size *= 2)
		run_word(size, 0);
	run_word(4, 2);
	run_word(8, 4);
	time_out();
	return faults != 0;
}
