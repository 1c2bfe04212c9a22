/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints of waits on addresses. As in trace.h, fields may be added, and none is changed. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ntsync
/* trace.c includes two trace headers of one system. Each needs a variable name of its own. */
#undef TRACE_SYSTEM_VAR
#define TRACE_SYSTEM_VAR ntsync_addr

#if !defined(NTSYNC_TRACE_ADDR_H) || defined(TRACE_HEADER_MULTI_READ)
#define NTSYNC_TRACE_ADDR_H

#include <linux/sched.h>
#include <linux/tracepoint.h>

#include "wait.h"

/*
 * A task is about to sleep on an address. address: in its process, or in the file; owner: the tid
 * that it has named, in its pid namespace, or 0; prio: 0 = not a real-time task.
 */
TRACE_EVENT(ntsync_addr_wait,
	TP_PROTO(const struct ntsync_wait *w, u64 address, u32 owner),
	TP_ARGS(w, address, owner),
	TP_STRUCT__entry(
		__field(pid_t, tid)
		__field(int, prio)
		__field(u64, address)
		__field(u32, owner)
	),
	TP_fast_assign(
		__entry->tid = w->acquirer.task->pid;
		__entry->prio = w->acquirer.task->rt_priority;
		__entry->address = address;
		__entry->owner = owner;
	),
	TP_printk("tid=%d prio=%d address=0x%llx owner=%u",
		  __entry->tid, __entry->prio, __entry->address, __entry->owner)
);

/* The end of an ADDR_WAKE by current. woken: what it returns. */
TRACE_EVENT(ntsync_addr_wake,
	TP_PROTO(u64 address, u32 woken),
	TP_ARGS(address, woken),
	TP_STRUCT__entry(
		__field(pid_t, tid)
		__field(u64, address)
		__field(u32, woken)
	),
	TP_fast_assign(
		__entry->tid = current->pid;
		__entry->address = address;
		__entry->woken = woken;
	),
	TP_printk("tid=%d address=0x%llx woken=%u",
		  __entry->tid, __entry->address, __entry->woken)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH core
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_addr
#include <trace/define_trace.h>
