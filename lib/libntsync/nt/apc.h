/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Queues of APCs. Each thread has one; a timer has one APC, which is in the queue of the thread
 * that set the timer from its expiry until the thread takes it. NT_QUEUED in &nt_thread.alerts says
 * that the queue is not empty.
 */
#ifndef LIBNTSYNC_NT_APC_H
#define LIBNTSYNC_NT_APC_H

#include <stdbool.h>

#include "../ntsync_nt.h"

struct ntsync_nt;
struct nt_thread;
struct nt_timer;

/**
 * struct nt_apc - an APC
 * @next: the next one of the queue.
 * @call: what the runtime is to call.
 * @of_timer: belongs to a &struct nt_timer; else it was allocated for the queue.
 * @queued: it is in a queue.
 */
struct nt_apc {
	struct nt_apc *next;
	struct ntsync_nt_apc call;
	bool of_timer;
	bool queued;
};

/* apc_queue.c: take &ntsync_nt.apc_lock, which nests inside all other locks. */
/* The APC is in no queue, and the thread's record is not freed meanwhile. */
void nt_apc_queue(struct nt_thread *thread, struct nt_apc *apc);
/* Whether it is in the thread's queue. */
bool nt_apc_is_queued(struct nt_thread *thread, const struct nt_apc *apc);
/* Removes it from the thread's queue if it is there. */
void nt_apc_remove(struct nt_thread *thread, struct nt_apc *apc);
/* Takes the first one out of the caller's queue. False if there is none. */
bool nt_apc_take(struct nt_thread *thread, struct ntsync_nt_apc *call);
/* Copies the first @size ones; how many there are. */
size_t nt_apc_copy(struct nt_thread *thread, struct ntsync_nt_apc *calls, size_t size);
/* Frees what is in the queue. Nothing is queued any more. */
void nt_apc_free_all(struct nt_thread *thread);

/* timer_apc.c: the caller holds the lock of the timers, except for the last one. */
/* At its expiries, the timer sends @call to @thread; NULL: to none. What it has sent is removed. */
void nt_timer_aim_locked(struct nt_timer *timer, struct nt_thread *thread,
			 const struct ntsync_nt_apc *call);
/* The timer has expired. */
void nt_timer_send_apc_locked(struct nt_timer *timer);
/* The thread has ended: cancels the timers that send it APCs. */
void nt_timers_forget_thread(struct nt_thread *thread);

#endif /* LIBNTSYNC_NT_APC_H */
