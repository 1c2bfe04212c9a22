/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits on addresses by the ntsync driver, for Wine's ntdll. docs/wine.md describes them.
 *
 * The Windows side of ntdll finds out whether to sleep, and the Unix side calls the driver.
 */
#ifndef NTSYNC_ADDR_H
#define NTSYNC_ADDR_H

/*
 * Sleep 1 ms at most, as what the caller waits for may come without a wake. The wait returns
 * STATUS_RETRY then.
 */
#define NTSYNC_ADDR_LOOK_AGAIN 0x1
/* As above for a thread with a real-time policy: the owner may be out of date. */
#define NTSYNC_ADDR_REALTIME_LOOKS_AGAIN 0x4
/* The caller gets what it waits for when it is woken, so it inherits from the others then. */
#define NTSYNC_ADDR_NEXT_OWNER 0x2

/* The layout is the same for 32 and 64 bits. */
struct ntsync_addr_wait_params {
	ULONG64 addr;
	ULONG64 expected;
	/* As that of NtWaitForSingleObject(). */
	LONG64 timeout;
	ULONG size;
	/* Windows thread id, or 0. */
	ULONG owner;
	ULONG flags;
	ULONG pad;
};

struct ntsync_addr_wake_params {
	ULONG64 addr;
	ULONG count;
	ULONG pad;
};

/* The Windows side. */
NTSTATUS ntsync_addr_wait(const void *addr, const void *cmp, SIZE_T size,
			  const LARGE_INTEGER *timeout);
BOOL ntsync_addr_wake(const void *addr, ULONG count);
NTSTATUS ntsync_section_wait(RTL_CRITICAL_SECTION *crit, int seconds);
BOOL ntsync_section_wake(RTL_CRITICAL_SECTION *crit);
NTSTATUS ntsync_lock_wait(const RTL_SRWLOCK *lock, const void *addr, const void *cmp, SIZE_T size);
void ntsync_lock_set_owner(RTL_SRWLOCK *lock, ULONG owner);

/* The Unix side. */
void ntsync_addr_init_thread(void);
NTSTATUS ntsync_addr_unix_wait(void *args);
NTSTATUS ntsync_addr_unix_wake(void *args);

#endif /* NTSYNC_ADDR_H */
