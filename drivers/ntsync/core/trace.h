/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, events/ntsync/ in tracefs. Their fields are an interface: new ones may be added,
 * none changed.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ntsync

#if !defined(NTSYNC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NTSYNC_TRACE_H

#include <linux/sched.h>
#include <linux/tracepoint.h>

#include "wait.h"

struct ntsync_aggregate;

/*
 * A call is about to sleep; tasks are boosted for it after this. objects: ids of the nr objects, as
 * fdinfo's ntsync-id, the alert's last; object: the first of them. all: the call is a WAIT_ALL.
 * prio: 0 = not a real-time task. A sender has ntsync_channel_send instead. An ADDR_WAIT has
 * ntsync_addr_wait, and this one as well only if it has an alert.
 */
TRACE_EVENT_CONDITION(ntsync_wait,
	TP_PROTO(const struct ntsync_wait *w),
	TP_ARGS(w),
	TP_CONDITION(w->nr),
	TP_STRUCT__entry(
		__field(pid_t, tid)
		__field(int, prio)
		__field(u32, owner)
		__field(u32, all)
		__field(u32, nr)
		__field(u64, object)
		__dynamic_array(u64, objects, w->nr)
	),
	TP_fast_assign(
		u64 *objects = __get_dynamic_array(objects);
		u32 i;

		__entry->tid = w->acquirer.task->pid;
		__entry->prio = w->acquirer.task->rt_priority;
		__entry->owner = w->acquirer.owner;
		__entry->all = w->all;
		__entry->nr = w->nr;
		__entry->object = w->entries[0].obj->id;
		for (i = 0; i < w->nr; i++)
			objects[i] = w->entries[i].obj->id;
	),
	TP_printk("tid=%d prio=%d owner=%u all=%u nr=%u object=%llu objects=%s",
		  __entry->tid, __entry->prio, __entry->owner, __entry->all, __entry->nr,
		  __entry->object,
		  /* 8: trace-cmd does not know sizeof(u64). */
		  __print_array(__get_dynamic_array(objects), __entry->nr, 8))
);

/*
 * current wakes a task that has got the object, a sender whose request has ended, or a receiver
 * whose process has closed the channel. tid: current's.
 */
TRACE_EVENT(ntsync_wake,
	TP_PROTO(const struct ntsync_obj *obj, const struct task_struct *p),
	TP_ARGS(obj, p),
	TP_STRUCT__entry(
		__field(u64, object)
		__field(pid_t, tid)
		__field(pid_t, woken_tid)
		__array(char, woken_comm, TASK_COMM_LEN)
		__field(int, woken_prio)
	),
	TP_fast_assign(
		__entry->object = obj->id;
		__entry->tid = current->pid;
		__entry->woken_tid = p->pid;
		memcpy(__entry->woken_comm, p->comm, TASK_COMM_LEN);
		__entry->woken_prio = p->rt_priority;
	),
	TP_printk("object=%llu tid=%d woken_tid=%d woken_comm=%s woken_prio=%d",
		  __entry->object, __entry->tid, __entry->woken_tid, __entry->woken_comm,
		  __entry->woken_prio)
);

/*
 * An object is acquired or released. tid: the task that acquires or releases it; if a waker hands
 * the object off, the waiter's. owner: the owner id of the call; of the holder if a mutex is
 * released. value: the state after it: a semaphore's count, the depth of a mutex's recursion, 1 for
 * a signaled event.
 */
DECLARE_EVENT_CLASS(ntsync_transfer,
	TP_PROTO(const struct ntsync_obj *obj, const struct task_struct *p, u32 owner, u32 value),
	TP_ARGS(obj, p, owner, value),
	TP_STRUCT__entry(
		__field(u64, object)
		__string(type, obj->ops->name)
		__field(pid_t, tid)
		__field(u32, owner)
		__field(u32, value)
	),
	TP_fast_assign(
		__entry->object = obj->id;
		ntsync_assign_str(type, obj->ops->name);
		__entry->tid = p->pid;
		__entry->owner = owner;
		__entry->value = value;
	),
	TP_printk("object=%llu type=%s tid=%d owner=%u value=%u",
		  __entry->object, __get_str(type), __entry->tid, __entry->owner, __entry->value)
);

DEFINE_EVENT(ntsync_transfer, ntsync_acquire,
	TP_PROTO(const struct ntsync_obj *obj, const struct task_struct *p, u32 owner, u32 value),
	TP_ARGS(obj, p, owner, value));

DEFINE_EVENT(ntsync_transfer, ntsync_release,
	TP_PROTO(const struct ntsync_obj *obj, const struct task_struct *p, u32 owner, u32 value),
	TP_ARGS(obj, p, owner, value));

/*
 * An aggregate wait ends. ret: the result of the call; fired and events: its fired_index and
 * fired_events if ret is 0 or -EOWNERDEAD, else 0.
 */
TRACE_EVENT(ntsync_aggregate,
	TP_PROTO(const struct ntsync_aggregate *a, int ret),
	TP_ARGS(a, ret),
	TP_STRUCT__entry(
		__field(pid_t, tid)
		__field(u32, objects)
		__field(u32, files)
		__field(int, ret)
		__field(u32, fired)
		__field(u32, events)
	),
	TP_fast_assign(
		bool told = !ret || ret == -EOWNERDEAD;

		__entry->tid = current->pid;
		__entry->objects = a->wait.count;
		__entry->files = a->polls.nr;
		__entry->ret = ret;
		__entry->fired = told ? a->fired : 0;
		__entry->events = told ? (__force u32)a->events : 0;
	),
	TP_printk("tid=%d objects=%u files=%u ret=%d fired=%u events=0x%x",
		  __entry->tid, __entry->objects, __entry->files, __entry->ret, __entry->fired,
		  __entry->events)
);

/*
 * The arbiter has changed the priority of a task: ntsync_boost if it inherits and is not lower than
 * before, else ntsync_unboost. Priorities are as in sched_attr; 0 = not a real-time task. source:
 * now it inherits from a "mutex", "event", "channel", "loan", "address", "handoff", or "none".
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
		ntsync_assign_str(source, source);
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

/* A loan begins, and ends. prio: what the lender lends now, as in sched_attr; 0 = nothing. */
DECLARE_EVENT_CLASS(ntsync_loan,
	TP_PROTO(u32 tid, u32 borrower_tid, u32 prio),
	TP_ARGS(tid, borrower_tid, prio),
	TP_STRUCT__entry(
		__field(u32, tid)
		__field(u32, borrower_tid)
		__field(u32, prio)
	),
	TP_fast_assign(
		__entry->tid = tid;
		__entry->borrower_tid = borrower_tid;
		__entry->prio = prio;
	),
	TP_printk("tid=%u borrower_tid=%u prio=%u",
		  __entry->tid, __entry->borrower_tid, __entry->prio)
);

DEFINE_EVENT(ntsync_loan, ntsync_lend,
	TP_PROTO(u32 tid, u32 borrower_tid, u32 prio),
	TP_ARGS(tid, borrower_tid, prio));

DEFINE_EVENT(ntsync_loan, ntsync_unlend,
	TP_PROTO(u32 tid, u32 borrower_tid, u32 prio),
	TP_ARGS(tid, borrower_tid, prio));

/*
 * A request is sent, received, replied to, or withdrawn. channel: a number that is never reused.
 * entry_id: as CHANNEL_RECV reports it. tid: the task that does this.
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

/* sender_tid: as CHANNEL_RECV reports it, in the sender's pid namespace. */
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

/* The sender stops waiting before the reply. */
DEFINE_EVENT(ntsync_channel_end, ntsync_channel_withdraw,
	TP_PROTO(u64 channel, u64 entry_id, u32 tid),
	TP_ARGS(channel, entry_id, tid));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH core
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
