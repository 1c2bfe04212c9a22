#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# contrib/wine/apply with a stand-in for Wine's source: it has the functions that the semantic patch
# changes, and only what the patch looks for in them.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib/tap.sh

apply=$PWD/contrib/wine/apply
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- the stand-in ----

write_windows_side() {
	cat >ntdll_misc.h <<-'END'
		#include <limits.h>
		#include <stddef.h>
		typedef int NTSTATUS, BOOL, LONG;
		typedef unsigned int ULONG, DWORD;
		typedef unsigned long long ULONG64;
		typedef long long LONG64, LARGE_INTEGER;
		typedef size_t SIZE_T;
		typedef void *HANDLE;
		typedef struct { HANDLE sem; } RTL_CRITICAL_SECTION;
		typedef struct { HANDLE ptr; } RTL_SRWLOCK;
		struct parts { short waiters, owners; };
		union word { struct parts s; LONG l; };
		#define STATUS_SUCCESS 0
		#define STATUS_TIMEOUT 1
		#define STATUS_INVALID_PARAMETER 2
		#define STATUS_NOT_SUPPORTED 3
		DWORD GetCurrentThreadId(void);
		NTSTATUS wait_semaphore(RTL_CRITICAL_SECTION *crit, int seconds);
		HANDLE get_semaphore(RTL_CRITICAL_SECTION *crit);
		NTSTATUS sleep_on(const void *addr);
		void wake(const void *addr, int count);
		NTSTATUS RtlWaitOnAddress(const void *addr, const void *cmp, SIZE_T size,
					  const LARGE_INTEGER *timeout);
	END
	cat >sync.c <<-'END'
		#include "ntdll_misc.h"

		NTSTATUS RtlpWaitForCriticalSection(RTL_CRITICAL_SECTION *crit)
		{
		    int seconds = 5;

		    for (;;)
		    {
		        NTSTATUS status = wait_semaphore(crit, seconds);

		        if (status != STATUS_TIMEOUT) return status;
		    }
		}

		NTSTATUS RtlpUnWaitCriticalSection(RTL_CRITICAL_SECTION *crit)
		{
		    HANDLE sem = get_semaphore(crit);

		    wake(sem, 1);
		    return STATUS_SUCCESS;
		}

		NTSTATUS RtlWaitOnAddress(const void *addr, const void *cmp, SIZE_T size,
		                          const LARGE_INTEGER *timeout)
		{
		    const void *place = addr;
		    NTSTATUS ret;

		    if (size > 8) return STATUS_INVALID_PARAMETER;
		    ret = sleep_on(place);
		    return ret;
		}

		void RtlWakeAddressAll(const void *addr)
		{
		    int count = INT_MAX;

		    if (!addr) return;
		    wake(addr, count);
		}

		void RtlWakeAddressSingle(const void *addr)
		{
		    int count = 1;

		    if (!addr) return;
		    wake(addr, count);
		}

		void RtlAcquireSRWLockExclusive(RTL_SRWLOCK *lock)
		{
		    union word word = { .l = 0 };

		    for (;;)
		    {
		        BOOL wait = word.s.owners != 0;

		        if (!wait) return;
		        RtlWaitOnAddress(&word.s.owners, &word.s.owners, sizeof(short), NULL);
		    }
		}

		void RtlAcquireSRWLockShared(RTL_SRWLOCK *lock)
		{
		    union word word = { .l = 0 };

		    while (word.s.owners < 0)
		        RtlWaitOnAddress(&word.l, &word.l, sizeof(LONG), NULL);
		}

		BOOL RtlTryAcquireSRWLockExclusive(RTL_SRWLOCK *lock)
		{
		    BOOL ret = lock->ptr == NULL;

		    lock->ptr = lock;
		    return ret;
		}

		void RtlReleaseSRWLockExclusive(RTL_SRWLOCK *lock)
		{
		    union word next;

		    do
		    {
		        next.l = 1;
		        next.s.owners = 0;
		    } while (next.l > 1);
		    lock->ptr = NULL;
		}
	END
	cat >unixlib.h <<-'END'
		enum ntdll_unix_funcs
		{
		    unix_first,
		    unix_last,
		};
	END
}

write_unix_side() {
	cat >unix/unix_private.h <<-'END'
		#include "../ntdll_misc.h"
		typedef NTSTATUS (*unixlib_entry_t)(void *args);
		NTSTATUS first(void *args);
		NTSTATUS last(void *args);
		NTSTATUS wow64_last(void *args);
		void server_init_process_done(void);
		void server_init_thread(void *entry, BOOL *suspend);
	END
	cat >unix/loader.c <<-'END'
		#include "unix_private.h"

		const unixlib_entry_t unix_call_funcs[] =
		{
		    first,
		    last,
		};

		const unixlib_entry_t unix_call_wow64_funcs[] =
		{
		    first,
		    wow64_last,
		};

		void start_main_thread(void)
		{
		    server_init_process_done();
		}
	END
	cat >unix/thread.c <<-'END'
		#include "unix_private.h"

		void start_thread(void *entry)
		{
		    BOOL suspend;

		    server_init_thread(entry, &suspend);
		}
	END
	echo >unix/sync.c
}

# make_source NAME: a new one.
make_source() {
	local ntdll=$work/$1/dlls/ntdll

	mkdir -p "$ntdll/unix"
	(cd "$ntdll" && write_windows_side && write_unix_side)
	printf '%s \\\n' 'SOURCES =' '	misc.c' '	sync.c' '	unix/loadorder.c' >"$ntdll/Makefile.in"
	echo '	unix/sync.c' >>"$ntdll/Makefile.in"
}

# ---- what apply does ----

ntdll=$work/wine/dlls/ntdll

is_applied() {
	make_source wine
	"$apply" "$work/wine"
}

# In one line, as spatch breaks lines and spaces parentheses as it likes.
print_text() {
	tr -s '[:space:]' ' ' <"$1" | sed -e 's/( /(/g' -e 's/ )/)/g'
}

# has FILE TEXT
has() {
	print_text "$1" | grep -q -F -- "$2" || { echo "$1 has no '$2'"; return 1; }
}

calls_are_where_they_belong() {
	has "$ntdll/sync.c" 'NTSTATUS status = ntsync_section_wait(crit, seconds); if (status =='
	has "$ntdll/sync.c" 'get_semaphore(crit); if (ntsync_section_wake(crit)) return STATUS_SUCCESS;'
	has "$ntdll/sync.c" 'INVALID_PARAMETER; ret = ntsync_addr_wait(addr, cmp, size, timeout); if'
	has "$ntdll/sync.c" 'int count = INT_MAX; if (!addr) return; if (ntsync_addr_wake(addr, INT_MAX))'
	has "$ntdll/sync.c" 'int count = 1; if (!addr) return; if (ntsync_addr_wake(addr, 1)) return;'
	has "$ntdll/sync.c" 'if (!wait) { ntsync_lock_set_owner(lock, GetCurrentThreadId()); return; }'
	has "$ntdll/sync.c" 'ntsync_lock_wait(lock, &word.s.owners, &word.s.owners, sizeof(short));'
	has "$ntdll/sync.c" 'ntsync_lock_wait(lock, &word.l, &word.l, sizeof(LONG));'
	has "$ntdll/sync.c" 'if (ret) ntsync_lock_set_owner(lock, GetCurrentThreadId()); return ret;'
	has "$ntdll/sync.c" 'ntsync_lock_set_owner(lock, 0); next.s.owners = 0;'
	has "$ntdll/unixlib.h" 'unix_last, unix_ntsync_addr_wait, unix_ntsync_addr_wake, }'
	has "$ntdll/unix/loader.c" ' last, ntsync_addr_unix_wait, ntsync_addr_unix_wake, }'
	has "$ntdll/unix/loader.c" 'wow64_last, ntsync_addr_unix_wait, ntsync_addr_unix_wake, }'
	has "$ntdll/unix/loader.c" 'ntsync_addr_init_thread(); server_init_process_done();'
	has "$ntdll/unix/thread.c" 'server_init_thread(entry, &suspend); ntsync_addr_init_thread();'
}

what_is_changed_compiles() {
	local source

	for source in sync.c unix/loader.c unix/thread.c; do
		cc -fsyntax-only -Wall -Werror=implicit-function-declaration -I"$ntdll" "$ntdll/$source"
	done
}

files_are_listed_and_there() {
	has "$ntdll/Makefile.in" "misc.c \\ ntsync_addr.c \\ sync.c"
	has "$ntdll/Makefile.in" "unix/loadorder.c \\ unix/ntsync_addr.c \\ unix/sync.c"
	cmp contrib/wine/ntsync_addr.c "$ntdll/ntsync_addr.c"
	cmp contrib/wine/ntsync_addr.h "$ntdll/ntsync_addr.h"
	cmp contrib/wine/unix/ntsync_addr.c "$ntdll/unix/ntsync_addr.c"
	cmp include/uapi/linux/ntsync.h "$ntdll/ntsync_uapi.h"
}

# refuses NAME TEXT: apply fails, says TEXT, and changes nothing.
refuses() {
	rm -rf "$work/before"
	cp -r "$work/$1" "$work/before"
	! "$apply" "$work/$1" >"$work/said" 2>&1 || { echo "is accepted"; return 1; }
	grep -F -- "$2" "$work/said" || { cat "$work/said"; return 1; }
	diff -r "$work/before" "$work/$1"
}

is_not_applied_twice() {
	refuses wine "has been changed already"
}

another_folder_is_refused() {
	mkdir "$work/other"
	refuses other "is not the source of Wine"
}

# refuses_without FILE PATTERN TEXT: a source in which a line of FILE is missing.
refuses_without() {
	rm -rf "$work/changed"
	make_source changed
	sed -i "/$2/d" "$work/changed/dlls/ntdll/$1"
	refuses changed "$3"
}

tap "a source as expected is changed" is_applied
tap "the calls are where they belong" calls_are_where_they_belong
tap "what is changed compiles" what_is_changed_compiles
tap "the files are there, and the Makefile lists them" files_are_listed_and_there
tap "a source that has been changed is refused" is_not_applied_twice
tap "another folder is refused" another_folder_is_refused
tap "a source without a wait for a section is refused" \
	refuses_without sync.c 'wait_semaphore(' "'ntsync_section_wait('"
tap "a source whose server calls differ is refused" \
	refuses_without unix/thread.c 'server_init_thread' "'ntsync_addr_init_thread('"
tap "a Makefile without a place for the files is refused" \
	refuses_without Makefile.in 'loadorder' "does not list unix/loadorder.c"
tap_end
