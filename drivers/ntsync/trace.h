/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, events/ntsync/ in tracefs. Their fields are an interface: they may
 * be added to, not changed.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ntsync

#if !defined(NTSYNC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NTSYNC_TRACE_H

#include <linux/sched.h>
#include <linux/tracepoint.h>

/*
 * A task's priority has been changed by the arbiter. Priorities are as in
 * sched_attr, 1 to 99; 0 = not a real-time one. source: what it inherits now:
 * "mutex", "event", or "none" when it is back at its own.
 */
DECLARE_EVENT_CLASS(ntsync_prio_change,
	TP_PROTO(const struct task_struct *p, const char *source, int old, int new),
	TP_ARGS(p, source, old, new),
	TP_STRUCT__entry(
		__field(pid_t, tid)
		__array(char, comm, TASK_COMM_LEN)
		__string(source, source)
		__field(int, old_prio)
		__field(int, new_prio)
	),
	TP_fast_assign(
		__entry->tid = p->pid;
		memcpy(__entry->comm, p->comm, TASK_COMM_LEN);
		__assign_str(source);
		__entry->old_prio = old;
		__entry->new_prio = new;
	),
	TP_printk("tid=%d comm=%s source=%s old_prio=%d new_prio=%d",
		  __entry->tid, __entry->comm, __get_str(source),
		  __entry->old_prio, __entry->new_prio)
);

DEFINE_EVENT(ntsync_prio_change, ntsync_boost,
	TP_PROTO(const struct task_struct *p, const char *source, int old, int new),
	TP_ARGS(p, source, old, new));

DEFINE_EVENT(ntsync_prio_change, ntsync_unboost,
	TP_PROTO(const struct task_struct *p, const char *source, int old, int new),
	TP_ARGS(p, source, old, new));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
