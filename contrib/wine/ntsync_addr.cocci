// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Calls of ntsync_addr.c in Wine's dlls/ntdll. `apply` uses this file; each rule has to match.

// ---- the Windows side: sync.c ----

@include_windows@
@@
 #include "ntdll_misc.h"
+#include "ntsync_addr.h"

@section_wait@
identifier crit, seconds, status;
@@
 RtlpWaitForCriticalSection(...)
 {
 <+...
- NTSTATUS status = wait_semaphore( crit, seconds );
+ NTSTATUS status = ntsync_section_wait( crit, seconds );
+
+ if (status == STATUS_NOT_SUPPORTED) status = wait_semaphore( crit, seconds );
 ...+>
 }

@section_wake@
identifier crit, sem;
@@
 RtlpUnWaitCriticalSection(...)
 {
 ...
 HANDLE sem = get_semaphore( crit );
+
+ if (ntsync_section_wake( crit )) return STATUS_SUCCESS;
 ...
 }

@address_wait@
type A, C, S, T;
identifier addr, cmp, size, timeout, ret;
expression bad_size;
@@
 RtlWaitOnAddress( A addr, C cmp, S size, T timeout )
 {
 ...
 NTSTATUS ret;
 ...
 if (bad_size) return STATUS_INVALID_PARAMETER;
+ ret = ntsync_addr_wait( addr, cmp, size, timeout );
+ if (ret != STATUS_NOT_SUPPORTED) return ret;
 ...
 }

@address_wake_all@
type A;
identifier addr;
@@
 RtlWakeAddressAll( A addr )
 {
 ...
 if (!addr) return;
+ if (ntsync_addr_wake( addr, INT_MAX )) return;
 ...
 }

@address_wake_single@
type A;
identifier addr;
@@
 RtlWakeAddressSingle( A addr )
 {
 ...
 if (!addr) return;
+ if (ntsync_addr_wake( addr, 1 )) return;
 ...
 }

@lock_acquire@
type T;
identifier lock, wait;
expression addr, cmp, size;
@@
 RtlAcquireSRWLockExclusive( T lock )
 {
 <+...
- if (!wait) return;
- RtlWaitOnAddress( addr, cmp, size, NULL );
+ if (!wait) {
+ ntsync_lock_set_owner( lock, GetCurrentThreadId() );
+ return;
+ }
+ ntsync_lock_wait( lock, addr, cmp, size );
 ...+>
 }

@lock_acquire_shared@
type T;
identifier lock;
expression addr, cmp, size;
@@
 RtlAcquireSRWLockShared( T lock )
 {
 <+...
- RtlWaitOnAddress( addr, cmp, size, NULL );
+ ntsync_lock_wait( lock, addr, cmp, size );
 ...+>
 }

@lock_try@
type T;
identifier lock, ret;
@@
 RtlTryAcquireSRWLockExclusive( T lock )
 {
 ...
+ if (ret) ntsync_lock_set_owner( lock, GetCurrentThreadId() );
 return ret;
 }

@lock_release@
type T;
identifier lock, next;
@@
 RtlReleaseSRWLockExclusive( T lock )
 {
 <+...
+ ntsync_lock_set_owner( lock, 0 );
 next.s.owners = 0;
 ...+>
 }

// ---- between the sides: unixlib.h, unix/loader.c ----

@numbers@
@@
 enum ntdll_unix_funcs {
 ...,
+ unix_ntsync_addr_wait,
+ unix_ntsync_addr_wake,
 };

@functions@
identifier table =~ "^unix_call(_wow64)?_funcs$";
@@
 const unixlib_entry_t table[] = {
 ...,
+ ntsync_addr_unix_wait,
+ ntsync_addr_unix_wake,
 };

// ---- the Unix side: unix/loader.c, unix/thread.c ----

@include_unix@
@@
 #include "unix_private.h"
+#include "ntsync_addr.h"

@first_thread@
@@
+ntsync_addr_init_thread();
 server_init_process_done();

@other_thread@
expression list args;
@@
 server_init_thread( args );
+ntsync_addr_init_thread();
