// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The Windows side of waits on addresses. Without the driver STATUS_NOT_SUPPORTED or FALSE is
 * returned, and Wine does what it does otherwise.
 */
#include <stdarg.h>
#include <string.h>

#include "ntstatus.h"
#define WIN32_NO_STATUS
#include "windef.h"
#include "winternl.h"
#include "ntdll_misc.h"
#include "unixlib.h"
#include "ntsync_addr.h"

/* A section's OwningThread: the section is free, and one of its waiters has to take it. */
#define SECTION_FREE 1
#define NO_TIMEOUT 0x7fffffffffffffff
#define TICKS_PER_SEC 10000000

/* Threads that may sleep, by address, so a wake of others makes no system call. */
static LONG sleepers[256];

static LONG *find_sleepers(const void *addr)
{
	return &sleepers[(ULONG_PTR)addr / 2 % ARRAY_SIZE(sleepers)];
}

static NTSTATUS unix_wake(const void *addr, ULONG count)
{
	struct ntsync_addr_wake_params params = { (ULONG_PTR)addr, count };

	return WINE_UNIX_CALL(unix_ntsync_addr_wake, &params);
}

/* Of a section that was given a semaphore by others. */
static BOOL has_semaphore(const RTL_CRITICAL_SECTION *crit)
{
	return (ULONG_PTR)crit->LockSemaphore > 1;
}

/* All threads of a process have to wait in the same way. The answer is the same each time. */
static BOOL has_driver(void)
{
	static LONG answer;

	if (!answer)
		answer = unix_wake(&answer, 0) ? -1 : 1;
	return answer > 0;
}

/* Sleeps again with what is left of the timeout. */
static void make_timeout_absolute(struct ntsync_addr_wait_params *params)
{
	LARGE_INTEGER now;

	if (params->timeout >= 0)
		return;
	NtQuerySystemTime(&now);
	params->timeout = now.QuadPart - params->timeout;
}

/* The driver compares aligned words only. Of others it compares the first byte. */
static NTSTATUS wait_unaligned(struct ntsync_addr_wait_params *params, const void *addr,
			       const void *cmp, SIZE_T size)
{
	NTSTATUS status;

	params->size = 1;
	params->flags = NTSYNC_ADDR_LOOK_AGAIN;
	make_timeout_absolute(params);
	do {
		if (memcmp(addr, cmp, size))
			return STATUS_SUCCESS;
		status = WINE_UNIX_CALL(unix_ntsync_addr_wait, params);
	} while (status == STATUS_RETRY);
	return status;
}

static NTSTATUS wait_on_word(struct ntsync_addr_wait_params *params, const void *addr,
			     const void *cmp, SIZE_T size)
{
	NTSTATUS status;

	if (!has_driver())
		return STATUS_NOT_SUPPORTED;
	/* The driver compares again. Here a word that can't be read raises an exception. */
	if (memcmp(addr, cmp, size))
		return STATUS_SUCCESS;
	params->addr = (ULONG_PTR)addr;
	params->size = size;
	memcpy(&params->expected, cmp, size);
	/* Orders the count before the driver's look at the word, see ntsync_addr_wake(). */
	InterlockedIncrement(find_sleepers(addr));
	if (params->addr % size)
		status = wait_unaligned(params, addr, cmp, size);
	else
		status = WINE_UNIX_CALL(unix_ntsync_addr_wait, params);
	InterlockedDecrement(find_sleepers(addr));
	return status == STATUS_RETRY ? STATUS_SUCCESS : status;
}

NTSTATUS ntsync_addr_wait(const void *addr, const void *cmp, SIZE_T size,
			  const LARGE_INTEGER *timeout)
{
	struct ntsync_addr_wait_params params = {
		.timeout = timeout ? timeout->QuadPart : NO_TIMEOUT,
	};

	return wait_on_word(&params, addr, cmp, size);
}

BOOL ntsync_addr_wake(const void *addr, ULONG count)
{
	if (!has_driver())
		return FALSE;
	/* Orders the caller's change of the word before the look at the count. */
	if (InterlockedOr(find_sleepers(addr), 0))
		unix_wake(addr, count);
	return TRUE;
}

static NTSTATUS sleep_until_left(LONG *word, LONG owner, int seconds)
{
	struct ntsync_addr_wait_params params = {
		.addr = (ULONG_PTR)word,
		.expected = (ULONG)owner,
		.timeout = (LONG64)seconds * -TICKS_PER_SEC,
		.size = sizeof(*word),
		.owner = owner,
		/* An owner comes without a wake, if the section was free. */
		.flags = NTSYNC_ADDR_NEXT_OWNER | (owner ? 0 : NTSYNC_ADDR_LOOK_AGAIN),
	};

	return WINE_UNIX_CALL(unix_ntsync_addr_wait, &params);
}

/*
 * OwningThread is the word that is waited on, so the driver's comparison covers the owner. It
 * becomes that of the next owner in one step.
 */
NTSTATUS ntsync_section_wait(RTL_CRITICAL_SECTION *crit, int seconds)
{
	LONG *word = (LONG *)&crit->OwningThread;

	if (has_semaphore(crit) || !has_driver())
		return STATUS_NOT_SUPPORTED;
	for (;;) {
		LONG owner = InterlockedCompareExchange(word, GetCurrentThreadId(), SECTION_FREE);
		NTSTATUS status;

		if (owner == SECTION_FREE)
			return STATUS_WAIT_0;
		status = sleep_until_left(word, owner, seconds);
		if (status && status != STATUS_RETRY)
			return status;
	}
}

/* The caller has left the section, and others wait for it. So nobody else changes the word. */
BOOL ntsync_section_wake(RTL_CRITICAL_SECTION *crit)
{
	LONG *word = (LONG *)&crit->OwningThread;

	if (has_semaphore(crit) || !has_driver())
		return FALSE;
	InterlockedExchange(word, SECTION_FREE);
	unix_wake(word, 1);
	return TRUE;
}

/* Wine uses 32 bits of a lock. On 64-bit machines it has others, which are 0. */
static volatile LONG *find_lock_owner(const RTL_SRWLOCK *lock)
{
	return sizeof(*lock) > sizeof(LONG) ? (volatile LONG *)lock + 1 : NULL;
}

/* The caller has the lock. A reader that has it is not known. */
void ntsync_lock_set_owner(RTL_SRWLOCK *lock, ULONG owner)
{
	volatile LONG *word = find_lock_owner(lock);

	if (word && has_driver())
		*word = owner;
}

/* Waits on a part of the lock. The owner stands elsewhere, and may be out of date. */
NTSTATUS ntsync_lock_wait(const RTL_SRWLOCK *lock, const void *addr, const void *cmp, SIZE_T size)
{
	const volatile LONG *word = find_lock_owner(lock);
	struct ntsync_addr_wait_params params = { .timeout = NO_TIMEOUT };
	NTSTATUS status;

	if (word) {
		params.owner = *word;
		params.flags = NTSYNC_ADDR_NEXT_OWNER | NTSYNC_ADDR_REALTIME_LOOKS_AGAIN;
	}
	status = wait_on_word(&params, addr, cmp, size);
	return status == STATUS_NOT_SUPPORTED ? RtlWaitOnAddress(addr, cmp, size, NULL) : status;
}
