/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The threads of a table: their ids, the mutants they own, the alerts sent to them. */
#ifndef LIBNTSYNC_NT_THREAD_H
#define LIBNTSYNC_NT_THREAD_H

#include "../ntsync_lock.h"
#include "apc.h"
#include "object.h"

#include <unistd.h>

struct nt_removal;

/**
 * struct nt_owned - a mutant that a thread owns
 * @object: the mutant. Not a reference: the mutant may be destroyed while it is owned.
 * @id: the mutant's id, which differs from @object's if the mutant was destroyed. 0: this
 *	entry is free.
 * @count: how often the thread has acquired it. Of a free entry: the next free one.
 */
struct nt_owned {
	struct nt_object *object;
	uint64_t id;
	uint32_t count;
};

#define NT_ALERT	1u
#define NT_APC		2u
#define NT_QUEUED	4u

/**
 * struct nt_thread - a thread of a table
 * @link: in &ntsync_nt.threads.
 * @nt: the table.
 * @tid: the thread's id, and the owner id of its mutants. 0 after it was abandoned.
 * @owned: the mutants that it owns. Only the thread itself uses the list; under the table's lock
 *	before it is attached.
 * @nr_owned: how many entries of @owned have been in use.
 * @max_owned: how many entries there are.
 * @free_owned: the first free entry below @nr_owned, or NT_NO_INDEX.
 * @nr_free: how many entries below @nr_owned are free.
 * @attached: the thread is attached. Before, the record only stores the alerts sent to its id.
 *	Under the table's lock.
 * @abandoned: by ntsync_nt_thread_abandon(). Under the table's lock.
 * @alerts: NT_ALERT and NT_APC, set until the thread takes them; NT_QUEUED while @first_apc is not
 *	NULL.
 * @alert_fd: event that ends the thread's alertable waits, -1 before it is attached. Created
 *	when the thread attaches, as an alertable wait has no status for a lack of descriptors.
 * @stop_fd: event that ends the thread's other waits: stop.c. Exists while @alert_fd does.
 * @interruption: the status that the thread's present or next wait returns, or 0.
 * @nr_ends: how often both events were set to end a wait.
 * @nr_ends_seen: the thread's waits have reset the events since @nr_ends had this value.
 * @alerted_by_id: 1 from ntsync_nt_alert_by_id() until a wait has taken that.
 * @locker: for locks in the guest's memory. Only the thread itself uses it; tid 0: it has not yet.
 * @lock_ended: what has ended the thread's last wait for a lock.
 * @first_apc: its queue of APCs. Under &ntsync_nt.apc_lock.
 * @last_apc: the last one, if there is a first one.
 * @timers: the timers that send it APCs. Under the lock of the timers.
 * @has_timer_apcs: it has set such a timer. Only the thread itself uses it.
 * @port: the completion port that it is associated with, or NULL. Under &ntsync_nt.port_lock, as the
 *	next four; only the thread itself sets it.
 * @port_next: the next thread of that port.
 * @counts: it counts there: port.h.
 * @removal: its sleep for a packet, or NULL.
 * @suspended: @suspends is not 0.
 * @signals: what it signals in one step with a wait, or NULL.
 * @suspends: how often it was suspended and not resumed. Under the table's lock.
 * @parked: it sleeps in ntsync_nt_thread_park(). Under the table's lock.
 * @waits_for_resume: it sleeps in ntsync_nt_wait_for_resume(). Under the table's lock.
 * @self: what it was bound to, or NULL.
 * @object: its thread object, or NULL. Written under the table's lock, and read by the thread.
 */
struct nt_thread {
	struct nt_hash_link link;
	struct ntsync_nt *nt;
	uint32_t tid;
	struct nt_owned *owned;
	uint32_t nr_owned;
	uint32_t max_owned;
	uint32_t free_owned;
	uint32_t nr_free;
	bool attached;
	bool abandoned;
	_Atomic uint32_t alerts;
	int alert_fd;
	int stop_fd;
	_Atomic uint32_t interruption;
	_Atomic uint32_t nr_ends;
	uint32_t nr_ends_seen;
	_Atomic uint32_t alerted_by_id;
	struct ntsync_locker locker;
	uint32_t lock_ended;
	struct nt_apc *first_apc;
	struct nt_apc *last_apc;
	struct nt_timer *timers;
	bool has_timer_apcs;
	struct nt_port *_Atomic port;
	struct nt_thread *port_next;
	bool counts;
	struct nt_removal *removal;
	bool suspended;
	struct nt_object *_Atomic signals;
	uint32_t suspends;
	bool parked;
	bool waits_for_resume;
	struct nt_object *self;
	struct nt_object *_Atomic object;
};

/* thread.c */
int nt_threads_init(struct ntsync_nt *nt);
/* Abandons the mutants of all threads, which others may have. No other call uses the table. */
void nt_threads_abandon(struct ntsync_nt *nt);
/* Frees all threads. No other call on the table is in progress. */
void nt_threads_exit(struct ntsync_nt *nt);
/* The calling thread, attached if it was not; NULL without memory or a descriptor. */
struct nt_thread *nt_thread_self(struct ntsync_nt *nt);
/* The calling thread, or NULL if it is not attached. */
struct nt_thread *nt_thread_find_self(const struct ntsync_nt *nt);
/* What %NTSYNC_NT_CURRENT_THREAD stands for, or NULL. */
struct nt_object *nt_thread_pseudo_object(const struct nt_thread *thread);
/* The id that the table chooses for the calling thread. */
static inline uint32_t nt_thread_own_tid(void)
{
	return NTSYNC_NT_OWN_TIDS | (uint32_t)gettid();
}

struct nt_thread *nt_thread_find_locked(const struct ntsync_nt *nt, uint32_t tid);
/* The record of the thread with this id, created if there is none; NULL without memory. */
struct nt_thread *nt_thread_find_or_create_locked(struct ntsync_nt *nt, uint32_t tid);
/*
 * The record of a thread that something is sent to, SUCCESS, INVALID_CID or NO_MEMORY. A guest
 * thread may exist before it attaches, so its record is created. A host thread has no id before.
 */
uint32_t nt_thread_address_locked(struct ntsync_nt *nt, uint32_t tid, struct nt_thread **thread);
/* Removes a record that stores nothing, and that no thread is attached to. */
void nt_thread_forget_unused_locked(struct nt_thread *thread);

/* owned.c: the mutants that a thread owns */
/* Makes room for @count more: 0 or -ENOMEM. */
int nt_owned_reserve(struct nt_thread *thread, uint32_t count);
/* Records one acquisition. There is room for it. */
void nt_owned_acquired(struct nt_thread *thread, struct nt_object *mutant);
/* Records @count acquisitions of a mutant that is not in the list. There is room for it. */
void nt_owned_restore(struct nt_thread *thread, struct nt_object *mutant, uint32_t count);
/* How often @thread has acquired the mutant; 0 if it does not own it. */
uint32_t nt_owned_count(const struct nt_thread *thread, const struct nt_object *mutant);
/*
 * The mutant's index in the list, or NT_NO_INDEX. Called before the mutant is released, and followed
 * by one of the next two.
 */
uint32_t nt_owned_begin_release(const struct nt_thread *thread, struct nt_object *mutant);
/* Records one release of the mutant at @index. */
void nt_owned_released(struct nt_thread *thread, uint32_t index);
/* It was not released. */
void nt_owned_not_released(const struct nt_thread *thread, struct nt_object *mutant,
			   uint32_t index);
/* Abandons all mutants of the list and frees it. */
void nt_owned_abandon(struct nt_thread *thread);

#endif /* LIBNTSYNC_NT_THREAD_H */
