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
 * "mutex", "event", "channel", or "none" when it is back at its own.
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

/*
 * What happens to a request. channel: a number, unique for ever. entry_id: as
 * CHANNEL_RECV reports it. tid: who does this, as in all tracepoints.
 */
TRACE_EVENT(ntsync_channel_send,
	TP_PROTO(u64 channel, u64 entry_id, u32 tid, u32 prio),
	TP_ARGS(channel, entry_id, tid, prio),
	TP_STRUCT__entry(
		__field(u64, channel)
		__field(u64, entry_id)
		__field(u32, tid)
		__field(u32, prio)
	),
	TP_fast_assign(
		__entry->channel = channel;
		__entry->entry_id = entry_id;
		__entry->tid = tid;
		__entry->prio = prio;
	),
	TP_printk("channel=%llu entry_id=%llu tid=%u prio=%u",
		  __entry->channel, __entry->entry_id, __entry->tid, __entry->prio)
);

/* sender_tid: as CHANNEL_RECV reports it, so of the sender's pid namespace. */
TRACE_EVENT(ntsync_channel_receive,
	TP_PROTO(u64 channel, u64 entry_id, u32 tid, u32 sender_tid, u32 prio),
	TP_ARGS(channel, entry_id, tid, sender_tid, prio),
	TP_STRUCT__entry(
		__field(u64, channel)
		__field(u64, entry_id)
		__field(u32, tid)
		__field(u32, sender_tid)
		__field(u32, prio)
	),
	TP_fast_assign(
		__entry->channel = channel;
		__entry->entry_id = entry_id;
		__entry->tid = tid;
		__entry->sender_tid = sender_tid;
		__entry->prio = prio;
	),
	TP_printk("channel=%llu entry_id=%llu tid=%u sender_tid=%u prio=%u",
		  __entry->channel, __entry->entry_id, __entry->tid, __entry->sender_tid,
		  __entry->prio)
);

DECLARE_EVENT_CLASS(ntsync_channel_end,
	TP_PROTO(u64 channel, u64 entry_id, u32 tid),
	TP_ARGS(channel, entry_id, tid),
	TP_STRUCT__entry(
		__field(u64, channel)
		__field(u64, entry_id)
		__field(u32, tid)
	),
	TP_fast_assign(
		__entry->channel = channel;
		__entry->entry_id = entry_id;
		__entry->tid = tid;
	),
	TP_printk("channel=%llu entry_id=%llu tid=%u",
		  __entry->channel, __entry->entry_id, __entry->tid)
);

DEFINE_EVENT(ntsync_channel_end, ntsync_channel_reply,
	TP_PROTO(u64 channel, u64 entry_id, u32 tid),
	TP_ARGS(channel, entry_id, tid));

/* The sender has left before the reply. */
DEFINE_EVENT(ntsync_channel_end, ntsync_channel_withdraw,
	TP_PROTO(u64 channel, u64 entry_id, u32 tid),
	TP_ARGS(channel, entry_id, tid));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
