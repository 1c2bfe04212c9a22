/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NT handles on ntsync objects, for the runtime of a guest program: an emulator,
 * or something like Wine. Guest handle in, NTSTATUS out.
 *
 * A handle names an object, and so does each of its duplicates: a duplicate is one
 * more name, never a copy. An object lives as long as one of its handles, or a call
 * that is using it.
 *
 * What holds for every function unless its description says otherwise:
 *
 * - It may be called from any thread at any time, but not from a signal handler.
 * - A thread may be suspended at any point inside a call, by a signal whose handler
 *   waits, and the others go on: looking up, creating, duplicating and closing
 *   handles takes no lock, and what takes one (names, timers, alerts, a thread's
 *   first call) does so with all signals blocked, and with priority inheritance.
 * - It is no cancellation point, and does not leave a step half done when the caller is
 *   cancelled. Only asynchronous cancelability is not allowed in it.
 * - A call holds the objects of its handles until it returns. Closing a handle that
 *   is being waited on is legal; the wait goes on, and the handle's value is not
 *   issued again before it has ended.
 * - It returns an NTSTATUS, one of NTSYNC_STATUS_*. Any function with a handle
 *   argument can return NTSYNC_STATUS_INVALID_HANDLE: the value was never issued, or
 *   was closed. One for a type can return NTSYNC_STATUS_OBJECT_TYPE_MISMATCH: the
 *   handle is of another type. NTSYNC_STATUS_INTERNAL_ERROR is a bug, here or in the
 *   driver.
 * - With an error nothing has changed, unless it says so.
 * - A pointer to a result may be NULL, and is written on success only. A pointer to a
 *   new handle is not NULL, and is written in any case: with an error, the table's
 *   failure value.
 * - Numbers are in the host's byte order.
 *
 * A process that forks must not use its tables in the child. A thread may end there, and
 * ntsync_nt_thread_detach() and ntsync_nt_destroy() be called, on a process's way out, say: the
 * parent's objects stay as they are.
 */
#ifndef NTSYNC_NT_H
#define NTSYNC_NT_H

#include <stddef.h>

#include "libntsync.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------------------------------------------------------------- Statuses */

#define NTSYNC_STATUS_SUCCESS			0x00000000u
#define NTSYNC_STATUS_WAIT_0			0x00000000u
#define NTSYNC_STATUS_ABANDONED_WAIT_0		0x00000080u
#define NTSYNC_STATUS_USER_APC			0x000000c0u
#define NTSYNC_STATUS_ALERTED			0x00000101u
#define NTSYNC_STATUS_TIMEOUT			0x00000102u
#define NTSYNC_STATUS_OBJECT_NAME_EXISTS	0x40000000u
#define NTSYNC_STATUS_INVALID_HANDLE		0xc0000008u
#define NTSYNC_STATUS_INVALID_CID		0xc000000bu
#define NTSYNC_STATUS_INVALID_PARAMETER		0xc000000du
#define NTSYNC_STATUS_NO_MEMORY			0xc0000017u
#define NTSYNC_STATUS_OBJECT_TYPE_MISMATCH	0xc0000024u
#define NTSYNC_STATUS_INVALID_PARAMETER_MIX	0xc0000030u
#define NTSYNC_STATUS_OBJECT_NAME_INVALID	0xc0000033u
#define NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND	0xc0000034u
#define NTSYNC_STATUS_OBJECT_NAME_COLLISION	0xc0000035u
#define NTSYNC_STATUS_MUTANT_NOT_OWNED		0xc0000046u
#define NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED	0xc0000047u
#define NTSYNC_STATUS_INSUFFICIENT_RESOURCES	0xc000009au
#define NTSYNC_STATUS_INTERNAL_ERROR		0xc00000e5u
#define NTSYNC_STATUS_INVALID_PARAMETER_1	0xc00000efu
#define NTSYNC_STATUS_INVALID_PARAMETER_3	0xc00000f1u
#define NTSYNC_STATUS_TOO_MANY_OPENED_FILES	0xc000011fu
#define NTSYNC_STATUS_MUTANT_LIMIT_EXCEEDED	0xc0000191u
#define NTSYNC_STATUS_NOT_SAME_OBJECT		0xc00001acu
#define NTSYNC_STATUS_HANDLE_NOT_CLOSABLE	0xc0000235u

/* ----------------------------------------------------------------- Table */

/**
 * struct ntsync_nt - the handle table of one guest process
 */
struct ntsync_nt;

/**
 * enum ntsync_nt_type - types of objects
 * @NTSYNC_NT_NONE: no object: what a trace record of an invalid handle has.
 * @NTSYNC_NT_EVENT: event.
 * @NTSYNC_NT_MUTANT: mutant, the mutex of NT.
 * @NTSYNC_NT_SEMAPHORE: semaphore.
 * @NTSYNC_NT_TIMER: waitable timer.
 * @NTSYNC_NT_TYPES: how many numbers there are.
 */
enum ntsync_nt_type {
	NTSYNC_NT_NONE = 0,
	NTSYNC_NT_EVENT = 1,
	NTSYNC_NT_MUTANT = 2,
	NTSYNC_NT_SEMAPHORE = 3,
	NTSYNC_NT_TIMER = 4,
	NTSYNC_NT_TYPES = 5
};

/**
 * enum ntsync_nt_style - whose statuses ntsync_nt_wait_multiple() returns for bad arguments
 * @NTSYNC_NT_STYLE_NT: INVALID_PARAMETER_1 for the number of handles,
 *	INVALID_PARAMETER_3 for the type of wait, INVALID_HANDLE for a handle.
 * @NTSYNC_NT_STYLE_XBOX360: INVALID_PARAMETER for all of them.
 */
enum ntsync_nt_style {
	NTSYNC_NT_STYLE_NT = 0,
	NTSYNC_NT_STYLE_XBOX360 = 1
};

/**
 * enum ntsync_nt_reuse - which closed handle's value is issued next
 * @NTSYNC_NT_REUSE_LIFO: the one closed last, as on consoles.
 * @NTSYNC_NT_REUSE_QUARANTINE: the one closed first, and not before
 *	&ntsync_nt_config.quarantine others have been closed after it. So much longer
 *	does a stale handle give INVALID_HANDLE rather than reach another object.
 */
enum ntsync_nt_reuse {
	NTSYNC_NT_REUSE_LIFO = 0,
	NTSYNC_NT_REUSE_QUARANTINE = 1
};

/* &ntsync_nt_config.flags */

/* A handle with one of its two low bits set is invalid. Otherwise they are ignored. */
#define NTSYNC_NT_REJECT_LOW_BITS	0x1
/* ntsync_nt_duplicate() without a place for the result makes a duplicate all the same. */
#define NTSYNC_NT_DUPLICATE_BLINDLY	0x2
/*
 * Leave RLIMIT_NOFILE as it is. Otherwise the soft limit is raised to the hard one; children that
 * are made by fork() have the old one again, those of posix_spawn() and vfork() the new one.
 */
#define NTSYNC_NT_KEEP_FD_LIMIT		0x4
/* Every call is one with NTSYNC_NT_CASE_INSENSITIVE, as on consoles. */
#define NTSYNC_NT_FOLD_NAMES		0x8

/**
 * enum ntsync_nt_operation - what a trace record tells
 * @NTSYNC_NT_CREATE: a handle was created, by a create, an open or a duplicate.
 * @NTSYNC_NT_DESTROY: a handle was closed for the last time.
 * @NTSYNC_NT_INVALID: a call got a handle that is none.
 */
enum ntsync_nt_operation {
	NTSYNC_NT_CREATE = 0,
	NTSYNC_NT_DESTROY = 1,
	NTSYNC_NT_INVALID = 2
};

/**
 * struct ntsync_nt_record - one step in the life of a handle
 * @sequence: counts the table's records, from 1. Two threads' records can reach
 *	the hook in another order. One that is missing was lost without memory.
 * @id: the object's number in its table, never used again; 0 if there is none.
 * @operation: what happened.
 * @handle: to which handle.
 * @generation: how often the value has been issued, modulo 2^20.
 * @thread: who called, as ntsync_nt_thread_id() says.
 * @type: type of the object.
 */
struct ntsync_nt_record {
	uint64_t sequence;
	uint64_t id;
	enum ntsync_nt_operation operation;
	uint32_t handle;
	uint32_t generation;
	uint32_t thread;
	enum ntsync_nt_type type;
};

/**
 * typedef ntsync_nt_trace_fn - trace hook
 * @context: &ntsync_nt_config.trace_context.
 * @record: what happened; valid during the call.
 *
 * Called in the thread that did it, with no lock held: before a new handle can be
 * looked up, and after a closed one can't be any more and before its value is
 * issued again. The caller can't be cancelled in it.
 *
 * The hook may ask: ntsync_nt_query(), ntsync_nt_compare(), the queries of the types,
 * ntsync_nt_thread_id() and ntsync_nt_count(). What it asks is not traced, so it may ask about
 * the handle of the record, too, which is invalid. It must call nothing else of the table.
 */
typedef void (*ntsync_nt_trace_fn)(void *context, const struct ntsync_nt_record *record);

/**
 * struct ntsync_nt_config - how a table is to be
 * @size: sizeof(struct ntsync_nt_config); ntsync_nt_config_init() sets it. Members may be
 *	added at the end: a program and a library that know different ones go together, and
 *	what a program doesn't know has NT's value. The other structs of this header never
 *	grow; what they lack comes with functions of its own.
 * @dev: an instance of /dev/ntsync that the caller keeps open, or -1: the table
 *	opens one of its own.
 * @handle_base: the lowest handle; a multiple of 4.
 * @handle_stride: from one handle to the next; a power of two from 4.
 * @max_handles: how many may be open at a time, up to 2^27.
 * @failure_value: what a result is set to where no handle was made. None of the
 *	values that can be handles.
 * @style: NT's statuses or the console's.
 * @reuse: which handle is issued next.
 * @quarantine: see %NTSYNC_NT_REUSE_QUARANTINE.
 * @mutant_limit: how often a mutant can be acquired by its owner, up to 2^31.
 * @flags: NTSYNC_NT_* bits.
 * @timer_priority: SCHED_FIFO priority of the thread that runs the timers, if the
 *	process may have it; 0 = that of the thread that creates the first timer.
 * @trace: trace hook, or NULL.
 * @trace_context: passed to it.
 */
struct ntsync_nt_config {
	size_t size;
	int dev;
	uint32_t handle_base;
	uint32_t handle_stride;
	uint32_t max_handles;
	uint32_t failure_value;
	enum ntsync_nt_style style;
	enum ntsync_nt_reuse reuse;
	uint32_t quarantine;
	uint32_t mutant_limit;
	uint32_t flags;
	int timer_priority;
	ntsync_nt_trace_fn trace;
	void *trace_context;
};

/**
 * ntsync_nt_config_init_size() - a configuration as on NT
 * @config: what to fill.
 * @size: its size. ntsync_nt_config_init() is a macro that knows it.
 *
 * Handles 4, 8, 12, ..., up to 2^24 of them, last in first out; failure value 0; NT's
 * statuses; a recursion limit of 2^31; no trace.
 */
void ntsync_nt_config_init_size(struct ntsync_nt_config *config, size_t size);

#define ntsync_nt_config_init(config) ntsync_nt_config_init_size(config, sizeof(*(config)))

/**
 * ntsync_nt_config_init_xbox360_size() - a configuration as on an Xbox 360
 * @config: what to fill.
 * @size: its size. ntsync_nt_config_init_xbox360() is a macro that knows it.
 *
 * As ntsync_nt_config_init(), but handles from 0xF8000000, failure value 0xFFFFFFFF, the
 * console's statuses, and names whose case does not matter.
 */
void ntsync_nt_config_init_xbox360_size(struct ntsync_nt_config *config, size_t size);

#define ntsync_nt_config_init_xbox360(config) \
	ntsync_nt_config_init_xbox360_size(config, sizeof(*(config)))

/**
 * ntsync_nt_create() - create a table
 * @config: how it is to be, or NULL for ntsync_nt_config_init()'s.
 * @out: where to write the table.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @config contradicts itself: a base, a stride or a limit that is none, handles
 * that would reach 0xFFFFFFFC or include the failure value, unknown flags, a size that is none.
 * -E2BIG: @config says something in members that this library does not have.
 * -ENOTTY: &ntsync_nt_config.dev is no instance.
 * -EAGAIN: the process has no thread-specific key left.
 * -ENOMEM, and what ntsync_open() returns.
 */
int ntsync_nt_create(const struct ntsync_nt_config *config, struct ntsync_nt **out);

/**
 * ntsync_nt_destroy() - destroy a table and all that is in it
 * @nt: the table, or NULL. No call on it is in progress, and none comes after; nor is an
 *	attached thread just ending.
 *
 * Handles that are still open are closed, without trace records. A thread that was
 * attached may go on living.
 */
void ntsync_nt_destroy(struct ntsync_nt *nt);

/* ntsync_nt_signal_and_wait() lets nobody in between. */
#define NTSYNC_NT_FEATURE_ATOMIC_SIGNAL_AND_WAIT	0x1
/* The holder of a mutant inherits the priority of those who wait for it. */
#define NTSYNC_NT_FEATURE_MUTANT_PI			0x2

/**
 * ntsync_nt_features() - what this table can do on this driver
 * @nt: the table.
 *
 * Return: NTSYNC_NT_FEATURE_* bits.
 */
uint32_t ntsync_nt_features(const struct ntsync_nt *nt);

/* --------------------------------------------------------------- Handles */

/*
 * The process and the thread that call. ntsync_nt_bind_process() and
 * ntsync_nt_bind_thread() say which objects these are; without, they are as invalid as
 * any other number. Closing one is a success that does nothing. A wait for several objects
 * does not take them.
 */
#define NTSYNC_NT_CURRENT_PROCESS	0xffffffffu
#define NTSYNC_NT_CURRENT_THREAD	0xfffffffeu

/* Options of ntsync_nt_duplicate(). */
#define NTSYNC_NT_DUPLICATE_CLOSE_SOURCE	0x1
#define NTSYNC_NT_DUPLICATE_SAME_ACCESS		0x2
#define NTSYNC_NT_DUPLICATE_SAME_ATTRIBUTES	0x4

/**
 * ntsync_nt_duplicate() - make one more handle of an object (NtDuplicateObject)
 * @nt: the table.
 * @handle: a handle of the object, or a pseudo-handle.
 * @out: where to write the new handle, or NULL: nothing is made then (but see
 *	NTSYNC_NT_DUPLICATE_BLINDLY).
 * @options: NTSYNC_NT_DUPLICATE_* bits. There are no access rights here, so
 *	SAME_ACCESS has no effect. SAME_ATTRIBUTES: the new handle is protected from
 *	close if @handle is. CLOSE_SOURCE: @handle is closed after that as by
 *	ntsync_nt_close(), also if no duplicate could be made; one that is protected stays.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: unknown options.
 * HANDLE_NOT_CLOSABLE: CLOSE_SOURCE without @out, of a protected handle.
 * INSUFFICIENT_RESOURCES: as many handles are open as the table may have.
 * NO_MEMORY.
 */
uint32_t ntsync_nt_duplicate(struct ntsync_nt *nt, uint32_t handle, uint32_t *out,
			     uint32_t options);

/**
 * ntsync_nt_close() - close a handle (NtClose)
 * @nt: the table.
 * @handle: the handle.
 *
 * Return: SUCCESS, or
 * HANDLE_NOT_CLOSABLE: it is protected.
 */
uint32_t ntsync_nt_close(struct ntsync_nt *nt, uint32_t handle);

/**
 * ntsync_nt_retain() - let a handle outlive one more close
 * @nt: the table.
 * @handle: the handle.
 *
 * For a runtime that itself uses a handle which the guest may close.
 *
 * Return: SUCCESS, or
 * INSUFFICIENT_RESOURCES: it is retained 4094 times.
 */
uint32_t ntsync_nt_retain(struct ntsync_nt *nt, uint32_t handle);

/**
 * ntsync_nt_protect() - protect a handle from being closed (NtSetInformationObject)
 * @nt: the table.
 * @handle: the handle.
 * @protect: whether it is to be protected.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_protect(struct ntsync_nt *nt, uint32_t handle, bool protect);

/**
 * ntsync_nt_compare() - are these handles of the same object? (NtCompareObjects)
 * @nt: the table.
 * @first: a handle.
 * @second: another.
 *
 * Return: SUCCESS, or
 * NOT_SAME_OBJECT.
 */
uint32_t ntsync_nt_compare(struct ntsync_nt *nt, uint32_t first, uint32_t second);

/**
 * struct ntsync_nt_info - a handle and its object
 * @id: the object's number, as in &struct ntsync_nt_record.
 * @type: the object's type.
 * @generation: the handle's generation, as there.
 * @references: how many closes the handle survives, plus one.
 * @handles: how many handles the object has.
 * @is_protected: whether the handle is protected from being closed.
 */
struct ntsync_nt_info {
	uint64_t id;
	enum ntsync_nt_type type;
	uint32_t generation;
	uint32_t references;
	uint32_t handles;
	bool is_protected;
};

/**
 * ntsync_nt_query() - what a handle is (NtQueryObject)
 * @nt: the table.
 * @handle: the handle. Of a pseudo-handle, what belongs to the handle is 0.
 * @info: where to write it.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_query(struct ntsync_nt *nt, uint32_t handle, struct ntsync_nt_info *info);

/* ----------------------------------------------------------------- Names */

/* The longest name, in bytes. */
#define NTSYNC_NT_MAX_NAME	32767

/* &ntsync_nt_attributes.flags, by NT's numbers */

/* The guest's children inherit the handle (OBJ_INHERIT). A table has one process: no effect. */
#define NTSYNC_NT_INHERIT		0x2
/* A name that differs in the case of ASCII letters only is the same (OBJ_CASE_INSENSITIVE). */
#define NTSYNC_NT_CASE_INSENSITIVE	0x40
/* If the name is taken, open what has it (OBJ_OPENIF). */
#define NTSYNC_NT_OPEN_IF		0x80

/**
 * struct ntsync_nt_attributes - what else to say when creating an object
 * @name: its name, or NULL or "" for none. UTF-8. The case of letters matters, unless @flags or
 *	the table (%NTSYNC_NT_FOLD_NAMES) say otherwise, and then that of ASCII letters does
 *	not; a runtime that wants more of the alphabet folded does that itself. Of several names
 *	that differ in case, such a call means the one that doesn't, or else any.
 * @flags: NTSYNC_NT_INHERIT, NTSYNC_NT_CASE_INSENSITIVE and NTSYNC_NT_OPEN_IF.
 *
 * All types share one namespace. A name goes with the last handle of its object, also if
 * somebody still waits for it.
 *
 * What a function that creates an object returns in addition if there is a name:
 * OBJECT_NAME_EXISTS: a success. With NTSYNC_NT_OPEN_IF, and the handle is of the object
 * that had the name already; it is not changed.
 * OBJECT_NAME_COLLISION: the name is taken.
 * OBJECT_TYPE_MISMATCH: with NTSYNC_NT_OPEN_IF, and what has the name is of another type.
 * OBJECT_NAME_INVALID: the name is too long.
 * INVALID_PARAMETER: unknown flags.
 * NO_MEMORY.
 *
 * What a function that opens one returns:
 * OBJECT_NAME_NOT_FOUND: nothing has this name. Nor has anything no name.
 * OBJECT_TYPE_MISMATCH: what has it is of another type.
 * OBJECT_NAME_INVALID, INVALID_PARAMETER, INSUFFICIENT_RESOURCES, NO_MEMORY: as above and
 * below.
 *
 * What every function that creates an object returns:
 * SUCCESS.
 * INVALID_PARAMETER: the place for the result is NULL.
 * INSUFFICIENT_RESOURCES: as many handles are open as the table may have, or calls in
 * progress hold the values that are left.
 * TOO_MANY_OPENED_FILES: each object is a file descriptor, and but for those that are left
 * to the rest of the process (64, or an eighth of the limit) there are none.
 * NO_MEMORY.
 */
struct ntsync_nt_attributes {
	const char *name;
	uint32_t flags;
};

/**
 * ntsync_nt_open() - open an object of any type by its name
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: the name, and NTSYNC_NT_CASE_INSENSITIVE if its case does not matter; the other
 *	flags have no effect.
 * @type: of which type it must be.
 *
 * The functions that open one type take a name, and the table's rule about case.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_open(struct ntsync_nt *nt, uint32_t *out,
			const struct ntsync_nt_attributes *attributes, enum ntsync_nt_type type);

/* ---------------------------------------------------------------- Events */

/**
 * ntsync_nt_create_event() - create an event (NtCreateEvent)
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 * @manual: true: a NotificationEvent; false: a SynchronizationEvent.
 * @signaled: whether it is signaled at first.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_create_event(struct ntsync_nt *nt, uint32_t *out,
				const struct ntsync_nt_attributes *attributes, bool manual,
				bool signaled);

/**
 * ntsync_nt_open_event() - open an event by its name (NtOpenEvent)
 * @nt: the table.
 * @out: where to write the handle.
 * @name: the name.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_open_event(struct ntsync_nt *nt, uint32_t *out, const char *name);

/**
 * ntsync_nt_set_event() - signal an event (NtSetEvent)
 * @nt: the table.
 * @handle: the event.
 * @previous: where to write whether it was signaled before (0 or 1).
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_set_event(struct ntsync_nt *nt, uint32_t handle, int32_t *previous);

/**
 * ntsync_nt_reset_event() - end an event's signal (NtResetEvent; NtClearEvent without
 *	@previous)
 * @nt: the table.
 * @handle: the event.
 * @previous: where to write whether it was signaled before (0 or 1).
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_reset_event(struct ntsync_nt *nt, uint32_t handle, int32_t *previous);

/**
 * ntsync_nt_pulse_event() - release those who wait now (NtPulseEvent)
 * @nt: the table.
 * @handle: the event.
 * @previous: where to write whether it was signaled before (0 or 1).
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_pulse_event(struct ntsync_nt *nt, uint32_t handle, int32_t *previous);

/**
 * ntsync_nt_query_event() - read an event (NtQueryEvent)
 * @nt: the table.
 * @handle: the event.
 * @manual: where to write whether it is a NotificationEvent.
 * @signaled: where to write whether it is signaled.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_query_event(struct ntsync_nt *nt, uint32_t handle, bool *manual,
			       bool *signaled);

/* --------------------------------------------------------------- Mutants */

/**
 * ntsync_nt_create_mutant() - create a mutant (NtCreateMutant)
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 * @owned: whether the caller owns it at first.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_create_mutant(struct ntsync_nt *nt, uint32_t *out,
				 const struct ntsync_nt_attributes *attributes, bool owned);

/**
 * ntsync_nt_open_mutant() - open a mutant by its name (NtOpenMutant)
 * @nt: the table.
 * @out: where to write the handle.
 * @name: the name.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_open_mutant(struct ntsync_nt *nt, uint32_t *out, const char *name);

/**
 * ntsync_nt_release_mutant() - undo one acquisition (NtReleaseMutant)
 * @nt: the table.
 * @handle: the mutant.
 * @previous: where to write its count before, as NT counts: 0 if it was acquired
 *	once, -1 if twice.
 *
 * Return: SUCCESS, or
 * MUTANT_NOT_OWNED: the caller does not own it.
 * ABANDONED_WAIT_0: nor does anybody else: its owner has ended.
 * NO_MEMORY: the thread's first call.
 */
uint32_t ntsync_nt_release_mutant(struct ntsync_nt *nt, uint32_t handle, int32_t *previous);

/**
 * struct ntsync_nt_mutant_state - state of a mutant
 * @count: 1 = free, 0 = acquired once, -1 = twice.
 * @owner: the id of the thread that owns it, 0 if none does.
 * @owned_by_caller: whether that is the caller.
 * @abandoned: whether its owner has ended without a release, and nobody has acquired
 *	it since.
 */
struct ntsync_nt_mutant_state {
	int32_t count;
	uint32_t owner;
	bool owned_by_caller;
	bool abandoned;
};

/**
 * ntsync_nt_query_mutant() - read a mutant (NtQueryMutant)
 * @nt: the table.
 * @handle: the mutant.
 * @state: where to write its state.
 *
 * Return: a status common to all functions, or
 * NO_MEMORY: the thread's first call.
 */
uint32_t ntsync_nt_query_mutant(struct ntsync_nt *nt, uint32_t handle,
				struct ntsync_nt_mutant_state *state);

/* ------------------------------------------------------------ Semaphores */

/**
 * ntsync_nt_create_semaphore() - create a semaphore (NtCreateSemaphore)
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 * @count: how many acquisitions are available at first.
 * @limit: how many may be at most.
 *
 * Return: see &struct ntsync_nt_attributes, and
 * INVALID_PARAMETER: @limit is not positive, @count is negative or above @limit.
 */
uint32_t ntsync_nt_create_semaphore(struct ntsync_nt *nt, uint32_t *out,
				    const struct ntsync_nt_attributes *attributes, int32_t count,
				    int32_t limit);

/**
 * ntsync_nt_open_semaphore() - open a semaphore by its name (NtOpenSemaphore)
 * @nt: the table.
 * @out: where to write the handle.
 * @name: the name.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_open_semaphore(struct ntsync_nt *nt, uint32_t *out, const char *name);

/**
 * ntsync_nt_release_semaphore() - add to a semaphore's count (NtReleaseSemaphore)
 * @nt: the table.
 * @handle: the semaphore.
 * @count: how much.
 * @previous: where to write the count before.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: @count is not positive.
 * SEMAPHORE_LIMIT_EXCEEDED: the count would exceed the semaphore's limit.
 */
uint32_t ntsync_nt_release_semaphore(struct ntsync_nt *nt, uint32_t handle, int32_t count,
				     int32_t *previous);

/**
 * ntsync_nt_query_semaphore() - read a semaphore (NtQuerySemaphore)
 * @nt: the table.
 * @handle: the semaphore.
 * @count: where to write its count.
 * @limit: where to write its limit.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_query_semaphore(struct ntsync_nt *nt, uint32_t handle, int32_t *count,
				   int32_t *limit);

/* ----------------------------------------------------------------- Waits */

/**
 * struct ntsync_nt_deadline - when a wait gives up
 * @ns: an absolute time in nanoseconds of CLOCK_MONOTONIC, or NTSYNC_WAIT_FOREVER. 0
 *	and the past: try once, don't wait.
 * @flags: 0, or NTSYNC_WAIT_REALTIME: of CLOCK_REALTIME.
 *
 * A runtime that scales the guest's clock computes its own; others have one made by
 * ntsync_nt_timeout().
 */
struct ntsync_nt_deadline {
	uint64_t ns;
	uint32_t flags;
};

/**
 * ntsync_nt_timeout() - NT's timeout as a deadline
 * @timeout: NULL: for ever. In units of 100 ns, 0: try once; negative: so long from
 *	now; positive: a date, since 1601.
 *
 * A span that a 64-bit number of nanoseconds can't hold is for ever; a date before
 * 1970 has passed.
 *
 * Return: the deadline.
 */
struct ntsync_nt_deadline ntsync_nt_timeout(const int64_t *timeout);

/**
 * ntsync_nt_wait_single() - wait for an object (NtWaitForSingleObject)
 * @nt: the table.
 * @handle: the object.
 * @alertable: whether an alert ends the wait.
 * @deadline: when to give up, for example ntsync_nt_timeout(&timeout).
 *
 * Of several reasons to return, the object comes before the alert, and that before the
 * deadline. Signals that the process handles don't end a wait, nor lengthen it.
 *
 * Return: WAIT_0, or
 * ABANDONED_WAIT_0: acquired, and the owner of the mutant had ended.
 * USER_APC: the thread has APCs; its runtime is to call them now.
 * ALERTED: the thread was alerted.
 * TIMEOUT: the deadline has passed.
 * INVALID_PARAMETER: unknown flags of @deadline.
 * MUTANT_LIMIT_EXCEEDED: the caller owns the mutant as often as possible.
 * NO_MEMORY: also the thread's first call, and there is no descriptor left.
 */
uint32_t ntsync_nt_wait_single(struct ntsync_nt *nt, uint32_t handle, bool alertable,
			       struct ntsync_nt_deadline deadline);

/* What ntsync_nt_wait_multiple() waits for, by NT's numbers. */
#define NTSYNC_NT_WAIT_ALL	0
#define NTSYNC_NT_WAIT_ANY	1

/**
 * ntsync_nt_wait_multiple() - wait for several objects (NtWaitForMultipleObjects)
 * @nt: the table.
 * @handles: the objects.
 * @count: how many, 1 to 64.
 * @type: NTSYNC_NT_WAIT_ALL or NTSYNC_NT_WAIT_ANY.
 * @alertable: whether an alert ends the wait.
 * @deadline: when to give up.
 *
 * Return: as ntsync_nt_wait_single(), with these differences:
 * WAIT_0 + i, ABANDONED_WAIT_0 + i: the object at position i of @handles was
 * acquired, the lowest of several. With WAIT_ALL, i is 0.
 * INVALID_PARAMETER_1: @count is out of range (console: INVALID_PARAMETER).
 * INVALID_PARAMETER_3: unknown @type (console: INVALID_PARAMETER).
 * INVALID_HANDLE: one of the handles, or it is a pseudo-handle (console: INVALID_PARAMETER).
 * INVALID_PARAMETER_MIX: WAIT_ALL, and two handles are of the same object.
 * INVALID_PARAMETER: @handles is NULL.
 */
uint32_t ntsync_nt_wait_multiple(struct ntsync_nt *nt, const uint32_t *handles, uint32_t count,
				 uint32_t type, bool alertable,
				 struct ntsync_nt_deadline deadline);

/**
 * ntsync_nt_signal_and_wait() - signal an object and wait for another
 *	(NtSignalAndWaitForSingleObject)
 * @nt: the table.
 * @signal: an event to set, a mutant to release, or a semaphore to add 1 to.
 * @handle: what to wait for; it may be the same.
 * @alertable: whether an alert ends the wait.
 * @deadline: when to give up.
 *
 * With NTSYNC_NT_FEATURE_ATOMIC_SIGNAL_AND_WAIT the wait has begun when the signal takes
 * effect: whoever is woken by it finds the caller waiting, or @handle acquired. Without,
 * these are two steps, and another thread can act in between.
 *
 * Return: as ntsync_nt_wait_single(), and TIMEOUT, USER_APC, ALERTED and
 * MUTANT_LIMIT_EXCEEDED say that @signal was signaled nevertheless. In addition, and before
 * anything has happened, what setting or releasing @signal can return: MUTANT_NOT_OWNED,
 * ABANDONED_WAIT_0 (of a mutant that the caller does not own), SEMAPHORE_LIMIT_EXCEEDED;
 * OBJECT_TYPE_MISMATCH: it is a timer. With NO_MEMORY it may have been signaled or not.
 */
uint32_t ntsync_nt_signal_and_wait(struct ntsync_nt *nt, uint32_t signal, uint32_t handle,
				   bool alertable, struct ntsync_nt_deadline deadline);

/**
 * ntsync_nt_delay() - wait for time to pass (NtDelayExecution)
 * @nt: the table.
 * @alertable: whether an alert ends the wait.
 * @deadline: until when. 0 and the past: the caller yields to others of its priority.
 *
 * Return: SUCCESS: the deadline has passed, or
 * USER_APC, ALERTED, INVALID_PARAMETER, NO_MEMORY: as
 * ntsync_nt_wait_single().
 */
uint32_t ntsync_nt_delay(struct ntsync_nt *nt, bool alertable, struct ntsync_nt_deadline deadline);

/* --------------------------------------------------------------- Threads */

/*
 * Ids from here on are the table's, for threads that have not said theirs: no guest thread can
 * find its id taken by a host thread. The low 24 bits are the kernel's id, as far as possible.
 */
#define NTSYNC_NT_OWN_TIDS		0xff000000u

/**
 * ntsync_nt_thread_attach() - tell the table the caller's id
 * @nt: the table.
 * @tid: the thread's id in the guest, from 1 to NTSYNC_NT_OWN_TIDS - 1: who owns mutants, whom
 *	to alert.
 *
 * A thread that does not call this is attached at its first call that needs it, with
 * an id of the table's choice, NTSYNC_NT_OWN_TIDS or above.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @tid is 0, or one of the table's.
 * -EEXIST: another thread has this id.
 * -EALREADY: the caller is attached.
 * -EMFILE, -ENFILE: an attached thread has a descriptor, and there is none left.
 * -ENOMEM.
 */
int ntsync_nt_thread_attach(struct ntsync_nt *nt, uint32_t tid);

/**
 * ntsync_nt_thread_id() - the caller's id
 * @nt: the table.
 *
 * Attaches the caller if it is not.
 *
 * Return: the id, or 0 without memory.
 */
uint32_t ntsync_nt_thread_id(struct ntsync_nt *nt);

/**
 * ntsync_nt_thread_detach() - the caller's guest thread has ended
 * @nt: the table.
 *
 * Abandons the mutants that it owns: who waits for one gets ABANDONED_WAIT_0. A pthread
 * that ends does this by itself, so the call is for runtimes whose guest threads end
 * before their host threads do. The next call attaches anew.
 */
void ntsync_nt_thread_detach(struct ntsync_nt *nt);

/**
 * ntsync_nt_thread_end() - the caller's guest thread has ended, and its object says so
 * @nt: the table.
 *
 * ntsync_nt_thread_detach(), and after that the event of ntsync_nt_bind_thread() is set, if
 * there is one. In this order, as on NT: who has waited for the end of the thread finds its
 * mutants abandoned. An event that is set first, and a thread that is detached after it, leave
 * a moment in which they are owned still.
 *
 * Return: SUCCESS, or
 * OBJECT_TYPE_MISMATCH: what the thread is bound to is no event.
 */
uint32_t ntsync_nt_thread_end(struct ntsync_nt *nt);

/**
 * ntsync_nt_thread_abandon() - another guest thread has ended
 * @nt: the table.
 * @tid: its id.
 *
 * As ntsync_nt_thread_detach() for a thread that cannot call it: one that was stopped
 * for good outside of the library. If it is inside a call, or goes on to call, the
 * table breaks. Set the event that stands for the thread after this call, not before.
 *
 * Of an id that no thread has attached with, it drops the alerts and APCs that were sent to it.
 *
 * Return: SUCCESS, or
 * INVALID_CID: no thread with this id is attached, and nothing was sent to it.
 */
uint32_t ntsync_nt_thread_abandon(struct ntsync_nt *nt, uint32_t tid);

/**
 * ntsync_nt_bind_thread() - which object is the calling thread
 * @nt: the table.
 * @handle: what %NTSYNC_NT_CURRENT_THREAD stands for in this thread, for example an
 *	event that ntsync_nt_thread_end() sets; 0 = nothing.
 *
 * The object lives until the thread is detached or bound anew.
 *
 * Return: a status common to all functions, or
 * NO_MEMORY: the thread's first call.
 */
uint32_t ntsync_nt_bind_thread(struct ntsync_nt *nt, uint32_t handle);

/**
 * ntsync_nt_bind_process() - which object is the process
 * @nt: the table.
 * @handle: what %NTSYNC_NT_CURRENT_PROCESS stands for.
 *
 * Once in the life of a table, which keeps the object.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: it was called before.
 */
uint32_t ntsync_nt_bind_process(struct ntsync_nt *nt, uint32_t handle);

/**
 * ntsync_nt_alert_thread() - end a thread's alertable wait (NtAlertThread)
 * @nt: the table.
 * @tid: the thread's id.
 *
 * Its alertable wait returns ALERTED: the present one or else the next. A guest's thread need
 * not be attached yet: what is sent to an id that no thread has is kept for the one that
 * attaches with it. So an id is not used for another thread while somebody may still send to
 * the last one; ntsync_nt_thread_abandon() drops what is kept.
 *
 * Return: SUCCESS, or
 * INVALID_CID: @tid is 0, or one of the table's own ids that no thread has.
 * NO_MEMORY: for a thread that is not attached.
 */
uint32_t ntsync_nt_alert_thread(struct ntsync_nt *nt, uint32_t tid);

/**
 * ntsync_nt_queue_apc() - tell a thread that it has APCs (NtQueueApcThread)
 * @nt: the table.
 * @tid: the thread's id.
 *
 * The queue itself is the runtime's. The thread's alertable wait returns USER_APC,
 * once for all calls before; see ntsync_nt_set_apc_pending(). A thread that is not attached
 * gets it as it gets an alert.
 *
 * Return: as ntsync_nt_alert_thread().
 */
uint32_t ntsync_nt_queue_apc(struct ntsync_nt *nt, uint32_t tid);

/**
 * ntsync_nt_set_apc_pending() - whether the caller's queue has APCs
 * @nt: the table.
 * @pending: whether there are any.
 *
 * That a thread has APCs is a level, which ntsync_nt_queue_apc() raises, and which a wait that
 * returns USER_APC lowers. A runtime that takes one APC out of its queue, and leaves others
 * there, raises it again before it calls the one: an APC may wait alertably itself, and must
 * not sleep beside the next one. Call it with the queue's own lock held, as well as
 * ntsync_nt_queue_apc(), so that the level and the queue go together.
 *
 * Return: SUCCESS, or
 * NO_MEMORY: the thread's first call.
 */
uint32_t ntsync_nt_set_apc_pending(struct ntsync_nt *nt, bool pending);

/**
 * ntsync_nt_test_alert() - take an alert without waiting (NtTestAlert)
 * @nt: the table.
 *
 * Return: SUCCESS: there is none; ALERTED; USER_APC, or
 * NO_MEMORY: the thread's first call.
 */
uint32_t ntsync_nt_test_alert(struct ntsync_nt *nt);

/* ---------------------------------------------------------------- Timers */

/**
 * ntsync_nt_create_timer() - create a waitable timer (NtCreateTimer)
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 * @manual: true: a NotificationTimer, which stays signaled until it is set again; false: a
 *	SynchronizationTimer, which releases one wait.
 *
 * The first timer of a table starts a thread, which wakes those who wait for timers. Who looks
 * at a timer that is due finds it signaled, whether or not that thread has run.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_create_timer(struct ntsync_nt *nt, uint32_t *out,
				const struct ntsync_nt_attributes *attributes, bool manual);

/**
 * ntsync_nt_open_timer() - open a timer by its name (NtOpenTimer)
 * @nt: the table.
 * @out: where to write the handle.
 * @name: the name.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_open_timer(struct ntsync_nt *nt, uint32_t *out, const char *name);

/**
 * ntsync_nt_set_timer() - set a timer (NtSetTimer)
 * @nt: the table.
 * @handle: the timer.
 * @due: when it becomes signaled, for example ntsync_nt_timeout(&due). What has passed
 *	signals it before the call returns.
 * @period: nanoseconds from there to the next time, and so on; 0 = once. (NT's period is
 *	in milliseconds.)
 * @previous: where to write whether it was signaled before (0 or 1).
 *
 * Ends the signal of a timer that was signaled. A date (NTSYNC_WAIT_REALTIME) follows the
 * wall clock when that is set.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: unknown flags of @due; @due or @period above INT64_MAX.
 */
uint32_t ntsync_nt_set_timer(struct ntsync_nt *nt, uint32_t handle, struct ntsync_nt_deadline due,
			     uint64_t period, int32_t *previous);

/**
 * ntsync_nt_cancel_timer() - let a timer not expire any more (NtCancelTimer)
 * @nt: the table.
 * @handle: the timer.
 * @previous: where to write whether it is signaled (0 or 1), which does not change.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_cancel_timer(struct ntsync_nt *nt, uint32_t handle, int32_t *previous);

/**
 * struct ntsync_nt_timer_state - state of a timer
 * @remaining: nanoseconds until it expires, NTSYNC_WAIT_FOREVER if it is not set.
 * @manual: whether it is a NotificationTimer.
 * @signaled: whether it is signaled.
 */
struct ntsync_nt_timer_state {
	uint64_t remaining;
	bool manual;
	bool signaled;
};

/**
 * ntsync_nt_query_timer() - read a timer (NtQueryTimer)
 * @nt: the table.
 * @handle: the timer.
 * @state: where to write its state.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_query_timer(struct ntsync_nt *nt, uint32_t handle,
			       struct ntsync_nt_timer_state *state);

/* ----------------------------------------------------------- Diagnostics */

/**
 * struct ntsync_nt_count - how many there are of one type
 * @handles: handles that are open.
 * @most_handles: the most at any time.
 * @objects: objects that live.
 * @most_objects: the most at any time.
 * @creates: handles created so far; less @handles, those that were closed.
 */
struct ntsync_nt_count {
	uint32_t handles;
	uint32_t most_handles;
	uint32_t objects;
	uint32_t most_objects;
	uint64_t creates;
};

/**
 * ntsync_nt_count() - how many handles and objects are there?
 * @nt: the table.
 * @type: of which type.
 * @out: where to write it. Not NULL.
 */
void ntsync_nt_count(struct ntsync_nt *nt, enum ntsync_nt_type type, struct ntsync_nt_count *out);

/**
 * struct ntsync_nt_entry - a handle in a snapshot
 * @id: as in &struct ntsync_nt_record.
 * @handle: the handle.
 * @generation: as there.
 * @type: the object's type.
 */
struct ntsync_nt_entry {
	uint64_t id;
	uint32_t handle;
	uint32_t generation;
	enum ntsync_nt_type type;
};

/**
 * struct ntsync_nt_snapshot - the handles that were open at a time
 */
struct ntsync_nt_snapshot;

/**
 * ntsync_nt_snapshot_take() - note which handles are open
 * @nt: the table.
 * @out: where to write the snapshot.
 *
 * A handle that is open during all of the call is in it. The others are if they happen to
 * be met.
 *
 * Return: 0, or -ENOMEM.
 */
int ntsync_nt_snapshot_take(struct ntsync_nt *nt, struct ntsync_nt_snapshot **out);

/**
 * ntsync_nt_snapshot_free() - free a snapshot
 * @snapshot: the snapshot, or NULL.
 */
void ntsync_nt_snapshot_free(struct ntsync_nt_snapshot *snapshot);

/**
 * typedef ntsync_nt_entry_fn - what ntsync_nt_snapshot_diff() calls
 * @context: as given there.
 * @entry: a handle; valid during the call.
 */
typedef void (*ntsync_nt_entry_fn)(void *context, const struct ntsync_nt_entry *entry);

/**
 * ntsync_nt_snapshot_diff() - what was created since, and is open still?
 * @before: a snapshot, or NULL: one of an empty table.
 * @after: a later one.
 * @report: called for each handle that is in @after and not in @before, in ascending
 *	order; or NULL. A value that was closed and issued again is another handle.
 * @context: passed to @report.
 *
 * Return: how many there are.
 */
size_t ntsync_nt_snapshot_diff(const struct ntsync_nt_snapshot *before,
			       const struct ntsync_nt_snapshot *after, ntsync_nt_entry_fn report,
			       void *context);

/**
 * ntsync_nt_check() - do the table's numbers agree with each other?
 * @nt: the table. No other call on it is in progress.
 *
 * For tests, and for a runtime that suspects its own memory.
 *
 * Return: 0, or how many invariants are broken, or -ENOMEM.
 */
int ntsync_nt_check(struct ntsync_nt *nt);

#ifdef __cplusplus
}
#endif

#endif /* NTSYNC_NT_H */
