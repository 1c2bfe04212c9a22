/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handle table: what all of its parts share. Which file does what, and which may call
 * which: docs/handles.md, "The code".
 */
#ifndef LIBNTSYNC_NT_TABLE_H
#define LIBNTSYNC_NT_TABLE_H

#include "../internal.h"
#include "../ntsync_nt.h"
#include "count.h"
#include "debug.h"
#include "hash.h"
#include "lock.h"
#include "pool.h"

struct nt_meeting;
struct nt_object;
struct nt_timers;

/**
 * struct nt_data - what the runtime keeps with an object
 * @value: ntsync_nt_set_data()
 */
struct nt_data {
	void *_Atomic value;
};

/**
 * struct ntsync_nt - a handle table
 * @slots: one slot per handle; the slot at index i is handle @base + (i << @shift).
 * @base: the lowest handle.
 * @shift: logarithm of the distance between two handles.
 * @offset_mask: which bits of (handle - @base) count.
 * @config: the configuration. &ntsync_nt_config.dev is open.
 * @own_dev: the table opened the device, and closes it.
 * @features: the driver's NTSYNC_FEATURE_* bits.
 * @thread_key: the calling thread's &struct nt_thread.
 * @hook_key: whether the calling thread is in the trace hook. Exists only with a hook.
 * @trace_fd: the file of %NTSYNC_NT_TRACE, or -1.
 * @trace_name: what the lines in that file call the table.
 * @is_traced: there is a trace hook or such a file.
 * @fork_marker: reads 1; 0 in a forked child: nt_in_forked_child().
 * @objects: memory of the objects.
 * @process: what %NTSYNC_NT_CURRENT_PROCESS stands for, or NULL.
 * @stops: whether the table is stopped, with which status, and how often it was: stop.c.
 * @live: how many handles are live, of all types.
 * @fd_end: objects use descriptors below this number.
 * @next_id: id of the object created last.
 * @sequence: number of the last trace record.
 * @counts: counts by type.
 * @small_waits: how many futexes of 1 or 2 bytes are waited for: address.c.
 * @lock: protects the members below it up to @timers, and what is documented to be under the
 *	table's lock.
 * @threads: &struct nt_thread by id.
 * @next_tid: the next id for a thread whose own one is taken.
 * @names: &struct nt_name by its text.
 * @meetings: threads at keyed events, in the order of arrival.
 * @timers: NULL before the first timer; does not change after that.
 * @port_lock: protects the completion ports and @associations. Nests inside the table's lock and that of
 *	the timers.
 * @associations: for each object that is waited for, the first &struct nt_association.
 * @apc_lock: protects the threads' queues of APCs. Nests inside all other locks.
 *
 * Members above @objects do not change after the creation.
 */
struct ntsync_nt {
	struct nt_pool slots;
	uint32_t base;
	uint32_t shift;
	uint32_t offset_mask;
	struct ntsync_nt_config config;
	bool own_dev;
	uint64_t features;
	pthread_key_t thread_key;
	pthread_key_t hook_key;
	int trace_fd;
	char trace_name[32];
	bool is_traced;
	const uint32_t *fork_marker;
	struct nt_pool objects;
	struct nt_object *_Atomic process;
	_Atomic uint64_t stops;
	alignas(NT_CACHE_LINE) _Atomic uint32_t live;
	_Atomic uint32_t fd_end;
	_Atomic uint64_t next_id;
	_Atomic uint64_t sequence;
	struct nt_counts counts[NTSYNC_NT_TYPES];
	_Atomic uint32_t small_waits;
	struct nt_lock lock;
	struct nt_hash threads;
	uint32_t next_tid;
	struct nt_hash names;
	struct nt_meeting *meetings;
	struct nt_timers *timers;
	struct nt_lock port_lock;
	struct nt_hash associations;
	struct nt_lock apc_lock;
};

/* Whether the driver signals and waits in one step. */
static inline bool nt_can_signal_and_wait(const struct ntsync_nt *nt)
{
	return nt->features & NTSYNC_FEATURE_SIGNAL_AND_WAIT;
}

/* The instance for waits on addresses; -1: they are futexes. */
static inline int nt_addr_dev(const struct ntsync_nt *nt)
{
	return nt->features & NTSYNC_FEATURE_ADDRESS ? nt->config.dev : -1;
}

/* status.c: the status for an errno that means the same for every call. */
uint32_t nt_status(int ret);

/* fork.c */
/*
 * Whether the process is a forked child of the one that created the table. It shares the
 * objects with its parent, so what the library does there by itself must not change them.
 */
bool nt_in_forked_child(const struct ntsync_nt *nt);
int nt_fork_init(struct ntsync_nt *nt);
void nt_fork_exit(struct ntsync_nt *nt);

#endif /* LIBNTSYNC_NT_TABLE_H */
