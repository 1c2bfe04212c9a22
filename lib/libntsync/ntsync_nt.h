/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NT handles for ntsync objects: for the runtime of a guest program, such as an emulator
 * or Wine. Functions take a guest's handle and return an NTSTATUS.
 *
 * A handle names an object. A duplicate is a further handle of the same object, not a
 * copy of it. An object exists as long as it has a handle, or a call uses it.
 *
 * Unless its description says otherwise, every function
 *
 * - may be called from any thread at any time, but not from a signal handler.
 * - may be suspended at any point, by a signal whose handler waits, without stopping
 *   other threads. It looks up, creates, duplicates and closes handles without a lock.
 *   For names, timers, alerts and the attachment of a thread it takes a lock with
 *   priority inheritance, with all signals blocked.
 * - is not a cancellation point, and completes its work if the thread is cancelled.
 *   PTHREAD_CANCEL_ASYNCHRONOUS must not be set.
 * - keeps the objects of its handles until it returns. A handle may be closed while a
 *   thread waits on it: the wait continues, and the handle value is not issued again
 *   before the wait has ended.
 * - returns an NTSTATUS, one of NTSYNC_STATUS_*. With a handle argument, this may be
 *   INVALID_HANDLE: the handle was never issued, or was closed. In a function for one
 *   type, it may be OBJECT_TYPE_MISMATCH: the handle is of another type.
 *   INTERNAL_ERROR is a bug in the library or the driver.
 * - changes nothing if it returns an error.
 * - accepts NULL for a result, and writes it on success only. The place of a new handle
 *   must not be NULL; on an error, it gets the table's failure value.
 * - uses the host's byte order.
 *
 * The child of fork(2) must not use its parent's tables, with three exceptions, which leave
 * the parent's objects unchanged: a thread may end, and ntsync_nt_thread_detach() and
 * ntsync_nt_destroy() may be called.
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
#define NTSYNC_STATUS_PENDING			0x00000103u
#define NTSYNC_STATUS_OBJECT_NAME_EXISTS	0x40000000u
#define NTSYNC_STATUS_NO_MORE_ENTRIES		0x8000001au
#define NTSYNC_STATUS_ACCESS_VIOLATION		0xc0000005u
#define NTSYNC_STATUS_INVALID_HANDLE		0xc0000008u
#define NTSYNC_STATUS_INVALID_CID		0xc000000bu
#define NTSYNC_STATUS_INVALID_PARAMETER		0xc000000du
#define NTSYNC_STATUS_NO_MEMORY			0xc0000017u
#define NTSYNC_STATUS_BUFFER_TOO_SMALL		0xc0000023u
#define NTSYNC_STATUS_OBJECT_TYPE_MISMATCH	0xc0000024u
#define NTSYNC_STATUS_INVALID_PARAMETER_MIX	0xc0000030u
#define NTSYNC_STATUS_OBJECT_NAME_INVALID	0xc0000033u
#define NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND	0xc0000034u
#define NTSYNC_STATUS_OBJECT_NAME_COLLISION	0xc0000035u
#define NTSYNC_STATUS_PORT_DISCONNECTED		0xc0000037u
#define NTSYNC_STATUS_MUTANT_NOT_OWNED		0xc0000046u
#define NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED	0xc0000047u
#define NTSYNC_STATUS_SUSPEND_COUNT_EXCEEDED	0xc000004au
#define NTSYNC_STATUS_THREAD_IS_TERMINATING	0xc000004bu
#define NTSYNC_STATUS_INSUFFICIENT_RESOURCES	0xc000009au
#define NTSYNC_STATUS_NOT_SUPPORTED		0xc00000bbu
#define NTSYNC_STATUS_INTERNAL_ERROR		0xc00000e5u
#define NTSYNC_STATUS_INVALID_PARAMETER_1	0xc00000efu
#define NTSYNC_STATUS_INVALID_PARAMETER_3	0xc00000f1u
#define NTSYNC_STATUS_TOO_MANY_OPENED_FILES	0xc000011fu
#define NTSYNC_STATUS_CANCELLED			0xc0000120u
#define NTSYNC_STATUS_MUTANT_LIMIT_EXCEEDED	0xc0000191u
#define NTSYNC_STATUS_POSSIBLE_DEADLOCK		0xc0000194u
#define NTSYNC_STATUS_NOT_SAME_OBJECT		0xc00001acu
#define NTSYNC_STATUS_REPLY_MESSAGE_MISMATCH	0xc000021fu
#define NTSYNC_STATUS_HANDLE_NOT_CLOSABLE	0xc0000235u
#define NTSYNC_STATUS_REQUEST_ABORTED		0xc0000240u
#define NTSYNC_STATUS_LPC_REPLY_LOST		0xc0000253u
#define NTSYNC_STATUS_RESOURCE_NOT_OWNED	0xc0000264u

/**
 * ntsync_nt_status_name() - the name of a status, for messages
 * @status: the status.
 *
 * Knows the statuses of this header, WAIT_1 to WAIT_63 and ABANDONED_WAIT_1 to ABANDONED_WAIT_63,
 * and some that guests often meet besides. 0 is STATUS_SUCCESS, which is also WAIT_0. A signal
 * handler may call it.
 *
 * Return: NT's name, such as "STATUS_TIMEOUT", or NULL if the status is not known.
 */
const char *ntsync_nt_status_name(uint32_t status);

/* ----------------------------------------------------------------- Table */

/**
 * struct ntsync_nt - the handle table of one guest process
 */
struct ntsync_nt;

/**
 * enum ntsync_nt_type - types of objects
 * @NTSYNC_NT_NONE: no object, in the trace record of an invalid handle.
 * @NTSYNC_NT_EVENT: event.
 * @NTSYNC_NT_MUTANT: mutant, NT's mutex.
 * @NTSYNC_NT_SEMAPHORE: semaphore.
 * @NTSYNC_NT_TIMER: waitable timer.
 * @NTSYNC_NT_THREAD: thread object.
 * @NTSYNC_NT_OWN: object of one of the runtime's own types.
 * @NTSYNC_NT_KEYED_EVENT: keyed event.
 * @NTSYNC_NT_IO_COMPLETION: I/O completion port.
 * @NTSYNC_NT_CHANNEL: channel of libntsync.h.
 * @NTSYNC_NT_WAIT_COMPLETION_PACKET: wait completion packet.
 * @NTSYNC_NT_TYPES: one more than the highest type. Grows when types are added.
 */
enum ntsync_nt_type {
	NTSYNC_NT_NONE = 0,
	NTSYNC_NT_EVENT = 1,
	NTSYNC_NT_MUTANT = 2,
	NTSYNC_NT_SEMAPHORE = 3,
	NTSYNC_NT_TIMER = 4,
	NTSYNC_NT_THREAD = 5,
	NTSYNC_NT_OWN = 6,
	NTSYNC_NT_KEYED_EVENT = 7,
	NTSYNC_NT_IO_COMPLETION = 8,
	NTSYNC_NT_CHANNEL = 9,
	NTSYNC_NT_WAIT_COMPLETION_PACKET = 10,
	NTSYNC_NT_TYPES = 11
};

/**
 * enum ntsync_nt_style - which statuses ntsync_nt_wait_multiple() returns for bad arguments
 * @NTSYNC_NT_STYLE_NT: INVALID_PARAMETER_1 for the number of handles,
 *	INVALID_PARAMETER_3 for the type of wait, INVALID_HANDLE for a handle.
 * @NTSYNC_NT_STYLE_XBOX360: INVALID_PARAMETER for all of them.
 */
enum ntsync_nt_style {
	NTSYNC_NT_STYLE_NT = 0,
	NTSYNC_NT_STYLE_XBOX360 = 1
};

/**
 * enum ntsync_nt_reuse - which closed handle is issued next
 * @NTSYNC_NT_REUSE_LIFO: the one closed last, as on consoles.
 * @NTSYNC_NT_REUSE_QUARANTINE: the one closed first, and only after
 *	&ntsync_nt_config.quarantine others were closed after it. Until then, a stale
 *	handle gets INVALID_HANDLE instead of another object.
 */
enum ntsync_nt_reuse {
	NTSYNC_NT_REUSE_LIFO = 0,
	NTSYNC_NT_REUSE_QUARANTINE = 1
};

/* &ntsync_nt_config.flags */

/* A handle is invalid if one of its two low bits is set. Without this flag they are ignored. */
#define NTSYNC_NT_REJECT_LOW_BITS	0x1
/* ntsync_nt_duplicate() creates a duplicate even if the place for it is NULL. */
#define NTSYNC_NT_DUPLICATE_BLINDLY	0x2
/*
 * The table does not change RLIMIT_NOFILE. Without this flag, it raises the soft limit to the hard
 * one; a child of fork() then gets the old limit back, one of posix_spawn() or vfork() does not.
 */
#define NTSYNC_NT_KEEP_FD_LIMIT		0x4
/* Every call acts as with NTSYNC_NT_CASE_INSENSITIVE, as on consoles. */
#define NTSYNC_NT_FOLD_NAMES		0x8

/**
 * enum ntsync_nt_operation - what a trace record reports
 * @NTSYNC_NT_CREATE: a handle was created, opened or duplicated.
 * @NTSYNC_NT_DESTROY: a handle was closed, and was not retained any more.
 * @NTSYNC_NT_INVALID: a call was given an invalid handle.
 */
enum ntsync_nt_operation {
	NTSYNC_NT_CREATE = 0,
	NTSYNC_NT_DESTROY = 1,
	NTSYNC_NT_INVALID = 2
};

/**
 * struct ntsync_nt_record - a trace record
 * @sequence: number of the record, from 1. Records of different threads may reach the
 *	hook in another order. A missing number is a record lost for lack of memory.
 * @id: the object's id, which no other object of the table ever gets; 0: no object.
 * @operation: what happened.
 * @handle: the handle that it happened to.
 * @generation: how often the handle value has been issued, modulo 2^20.
 * @thread: id of the calling thread, as of ntsync_nt_thread_id().
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
 * @record: the record; valid during the call.
 *
 * Called by the thread that made the call, without a lock. A new handle is traced before it is
 * valid; a closed one, after it became invalid and before its value is issued again. The
 * thread cannot be cancelled in the hook.
 *
 * The hook may call ntsync_nt_query(), ntsync_nt_compare(), the queries of the types,
 * ntsync_nt_thread_id() and ntsync_nt_count(), and nothing else on this table. These calls are
 * not traced, so they may be given the record's handle, which is invalid.
 */
typedef void (*ntsync_nt_trace_fn)(void *context, const struct ntsync_nt_record *record);

/**
 * struct ntsync_nt_config - configuration of a table
 * @size: sizeof(struct ntsync_nt_config); ntsync_nt_config_init() sets it. Members may be
 *	added at the end: a library accepts a smaller struct, and uses NT's value for the
 *	missing members. The other structs of this header never change.
 * @dev: an instance of /dev/ntsync, which must stay open as long as the table, or -1: the
 *	table opens its own.
 * @handle_base: the lowest handle; a multiple of 4.
 * @handle_stride: distance from one handle to the next; a power of two, at least 4.
 * @max_handles: how many handles may be open at a time, up to 2^27.
 * @failure_value: what a function writes instead of a handle if it fails. Not a value that
 *	can be a handle.
 * @style: NT's statuses or the console's.
 * @reuse: which closed handle is issued next.
 * @quarantine: see %NTSYNC_NT_REUSE_QUARANTINE.
 * @mutant_limit: how often its owner may acquire a mutant, up to 2^31.
 * @flags: NTSYNC_NT_* bits.
 * @timer_priority: SCHED_FIFO priority of the timer thread, if the process may have it. 0: the
 *	priority of the thread that creates the first timer.
 * @trace: trace hook, or NULL.
 * @trace_context: passed to @trace.
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
 * ntsync_nt_config_init_size() - fill in a configuration for NT
 * @config: the struct to fill in.
 * @size: its size. The macro ntsync_nt_config_init() passes it.
 *
 * Handles 4, 8, 12, ..., at most 2^24, the one closed last is issued first; failure value 0;
 * NT's statuses; a mutant may be acquired 2^31 times; no trace.
 */
void ntsync_nt_config_init_size(struct ntsync_nt_config *config, size_t size);

#define ntsync_nt_config_init(config) ntsync_nt_config_init_size(config, sizeof(*(config)))

/**
 * ntsync_nt_config_init_xbox360_size() - fill in a configuration for the Xbox 360
 * @config: the struct to fill in.
 * @size: its size. The macro ntsync_nt_config_init_xbox360() passes it.
 *
 * As ntsync_nt_config_init(), but with handles from 0xF8000000, failure value 0xFFFFFFFF, the
 * console's statuses, and names that ignore the case.
 */
void ntsync_nt_config_init_xbox360_size(struct ntsync_nt_config *config, size_t size);

#define ntsync_nt_config_init_xbox360(config) \
	ntsync_nt_config_init_xbox360_size(config, sizeof(*(config)))

/**
 * ntsync_nt_create() - create a table
 * @config: the configuration, or NULL for that of ntsync_nt_config_init().
 * @out: where to write the table.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: a member of @config is out of range, or has unknown flags; the handles would reach
 * 0xFFFFFFFC or include the failure value.
 * -E2BIG: @config is larger than this library's, and its further members are not 0.
 * -ENOTTY: &ntsync_nt_config.dev is not an instance.
 * -EAGAIN: the process has no thread-specific data key left.
 * -ENOMEM, and what ntsync_open() returns.
 */
int ntsync_nt_create(const struct ntsync_nt_config *config, struct ntsync_nt **out);

/**
 * ntsync_nt_destroy() - destroy a table
 * @nt: the table, or NULL. No call on it may be in progress, and none may follow. No attached
 *	thread may end during the call.
 *
 * Closes all handles, without trace records, and destroys all objects; references of
 * ntsync_nt_reference() are invalid after that. Attached threads may continue to run. Mutants that
 * they own and that others have, too, are abandoned: see ntsync_nt_get_fd().
 */
void ntsync_nt_destroy(struct ntsync_nt *nt);

/* ntsync_nt_signal_and_wait() is one step. */
#define NTSYNC_NT_FEATURE_ATOMIC_SIGNAL_AND_WAIT	0x1
/* The owner of a mutant inherits the priority of its waiters. */
#define NTSYNC_NT_FEATURE_MUTANT_PI			0x2
/* ntsync_nt_set_event_pi() */
#define NTSYNC_NT_FEATURE_EVENT_SET_PI			0x4
/* Channels, and ntsync_nt_wait_aggregate(). */
#define NTSYNC_NT_FEATURE_CHANNEL			0x8

/**
 * ntsync_nt_features() - what the driver offers the table
 * @nt: the table.
 *
 * Return: NTSYNC_NT_FEATURE_* bits.
 */
uint32_t ntsync_nt_features(const struct ntsync_nt *nt);

/* --------------------------------------------------------------- Handles */

/*
 * Pseudo-handles of the calling process and thread. They stand for the objects set by
 * ntsync_nt_bind_process() and ntsync_nt_bind_thread(). A thread that is not bound has its thread
 * object. Without that, they are invalid. A wait for several objects does not accept them. Closing
 * one succeeds and has no effect.
 */
#define NTSYNC_NT_CURRENT_PROCESS	0xffffffffu
#define NTSYNC_NT_CURRENT_THREAD	0xfffffffeu

/* Options of ntsync_nt_duplicate(). */
#define NTSYNC_NT_DUPLICATE_CLOSE_SOURCE	0x1
#define NTSYNC_NT_DUPLICATE_SAME_ACCESS		0x2
#define NTSYNC_NT_DUPLICATE_SAME_ATTRIBUTES	0x4

/**
 * ntsync_nt_duplicate() - create a further handle of an object (NtDuplicateObject)
 * @nt: the table.
 * @handle: a handle of the object, or a pseudo-handle.
 * @out: where to write the new handle. With NULL, no handle is created, unless the table has
 *	NTSYNC_NT_DUPLICATE_BLINDLY.
 * @options: NTSYNC_NT_DUPLICATE_* bits. SAME_ATTRIBUTES: the new handle is protected from
 *	close if @handle is. CLOSE_SOURCE: @handle is closed after that as by
 *	ntsync_nt_close(), even if no duplicate could be created; a protected handle stays
 *	open. SAME_ACCESS has no effect, as the table has no access rights.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: unknown options.
 * HANDLE_NOT_CLOSABLE: CLOSE_SOURCE with a protected handle, and @out is NULL.
 * INSUFFICIENT_RESOURCES: the table has as many open handles as it may have.
 * NO_MEMORY.
 */
uint32_t ntsync_nt_duplicate(struct ntsync_nt *nt, uint32_t handle, uint32_t *out,
			     uint32_t options);

/**
 * ntsync_nt_duplicate_at() - create a further handle of an object with a given value
 * @nt: the table.
 * @handle: a handle of the object, or a pseudo-handle.
 * @value: the value of the new handle.
 * @options: as in ntsync_nt_duplicate(), but if the call fails, @handle stays open.
 *
 * NT issues handle values by itself. This is for a runtime that restores a state, or whose guest
 * expects certain values: create an object, and move its handle with CLOSE_SOURCE. A value in
 * quarantine can be used.
 *
 * Takes a lock, and time that grows with the number of closed handles. If @value was never issued,
 * all values below it become closed handles, and their slots use memory, 16 bytes each. A function
 * that creates a handle at the same time in another thread may return INSUFFICIENT_RESOURCES if
 * nearly all values are in use.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: unknown options; @value cannot be a handle of this table.
 * OBJECT_NAME_COLLISION: @value is an open handle, or a closed one that a call uses; or there is no
 * memory for the slots.
 * INSUFFICIENT_RESOURCES: the table has as many open handles as it may have.
 */
uint32_t ntsync_nt_duplicate_at(struct ntsync_nt *nt, uint32_t handle, uint32_t value,
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
 * ntsync_nt_retain() - keep a handle valid after one more close
 * @nt: the table.
 * @handle: the handle.
 *
 * For a runtime that uses a handle itself and cannot keep the guest from closing it.
 *
 * Return: SUCCESS, or
 * INSUFFICIENT_RESOURCES: the handle was retained 4094 times already.
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
 * ntsync_nt_compare() - whether two handles name the same object (NtCompareObjects)
 * @nt: the table.
 * @first: one handle.
 * @second: the other handle.
 *
 * Return: SUCCESS, or
 * NOT_SAME_OBJECT.
 */
uint32_t ntsync_nt_compare(struct ntsync_nt *nt, uint32_t first, uint32_t second);

/**
 * struct ntsync_nt_info - a handle and its object
 * @id: the object's id, as in &struct ntsync_nt_record.
 * @type: the object's type.
 * @generation: the handle's generation, as in &struct ntsync_nt_record.
 * @references: how many closes make the handle invalid: 1, and 1 more for each retain.
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
 * ntsync_nt_query() - read a handle (NtQueryObject)
 * @nt: the table.
 * @handle: the handle. For a pseudo-handle, @generation, @references and @is_protected are 0.
 * @info: where to write what it is.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_query(struct ntsync_nt *nt, uint32_t handle, struct ntsync_nt_info *info);

/* ----------------------------------------------------------------- Names */

/* The longest name, in bytes. */
#define NTSYNC_NT_MAX_NAME	32767

/* &ntsync_nt_attributes.flags, by NT's numbers */

/* OBJ_INHERIT: no effect, as a table is for one process. */
#define NTSYNC_NT_INHERIT		0x2
/* OBJ_CASE_INSENSITIVE: names that differ only in the case of ASCII letters are the same. */
#define NTSYNC_NT_CASE_INSENSITIVE	0x40
/* OBJ_OPENIF: if an object has the name already, open it. */
#define NTSYNC_NT_OPEN_IF		0x80

/**
 * struct ntsync_nt_attributes - name and flags of an object to create or open
 * @name: the name in UTF-8; NULL or "" for none. The case matters, unless @flags have
 *	NTSYNC_NT_CASE_INSENSITIVE or the table has %NTSYNC_NT_FOLD_NAMES. Then the case of
 *	ASCII letters is ignored; a runtime folds other letters itself. If several names
 *	match, one with the same case is preferred.
 * @flags: NTSYNC_NT_INHERIT, NTSYNC_NT_CASE_INSENSITIVE and NTSYNC_NT_OPEN_IF.
 *
 * All types share one namespace. A name is removed with the last handle of its object, even
 * if a thread still waits for the object.
 *
 * A function that creates an object returns
 * SUCCESS.
 * INVALID_PARAMETER: the place for the handle is NULL, or unknown flags.
 * INSUFFICIENT_RESOURCES: the table has as many open handles as it may have, or calls in
 * progress use the other handle values.
 * TOO_MANY_OPENED_FILES: an object is a file descriptor, and there is none left for it. 64
 * descriptors, or an eighth of the limit, are left to the rest of the process.
 * NO_MEMORY.
 *
 * and, with a name,
 * OBJECT_NAME_EXISTS: success with NTSYNC_NT_OPEN_IF: an object had the name already. The
 * handle is of that object, which is not changed.
 * OBJECT_NAME_COLLISION: an object has the name already.
 * OBJECT_TYPE_MISMATCH: with NTSYNC_NT_OPEN_IF: an object of another type has the name.
 * OBJECT_NAME_INVALID: the name is too long.
 *
 * A function that opens an object returns
 * SUCCESS.
 * OBJECT_NAME_NOT_FOUND: no object has the name, or there is no name.
 * OBJECT_TYPE_MISMATCH: an object of another type has the name.
 * INVALID_PARAMETER, INSUFFICIENT_RESOURCES, OBJECT_NAME_INVALID, NO_MEMORY: see above.
 */
struct ntsync_nt_attributes {
	const char *name;
	uint32_t flags;
};

/**
 * ntsync_nt_open() - open an object of any type by its name
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: the name. Of the flags, only NTSYNC_NT_CASE_INSENSITIVE has an effect.
 * @type: the type that the object must have.
 *
 * The functions that open an object of one type have no flags.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_open(struct ntsync_nt *nt, uint32_t *out,
			const struct ntsync_nt_attributes *attributes, enum ntsync_nt_type type);

/* ------------------------------------------------ Objects of the runtime */

/*
 * On NT, files, keys, sections and others are handles of the same table as events, and NtClose,
 * NtDuplicateObject and waits take any of them. An object lives as long as it has a handle or the
 * kernel refers to it; then its type's delete procedure is called. So a runtime puts its own
 * objects into the table, too.
 */

/**
 * typedef ntsync_nt_destroy_fn - called when an object is destroyed
 * @data: the object's data.
 *
 * Called once, by the thread whose call dropped the last handle or reference, without a lock: for
 * example at the end of a wait for the object whose handles were closed. It may use the table,
 * except when ntsync_nt_destroy() calls it. The thread cannot be cancelled in it.
 */
typedef void (*ntsync_nt_destroy_fn)(void *data);

/**
 * struct ntsync_nt_own - an object of one of the runtime's own types
 * @kind: the runtime's number of the type; not 0.
 * @event: an event, by which the object is waited for: a wait for the object waits for the event,
 *	and so acquires it. The event exists at least as long as the object. 0: a wait for the
 *	object returns OBJECT_TYPE_MISMATCH.
 * @data: what the runtime keeps with the object.
 * @destroy: called with @data when the object is destroyed, or NULL.
 */
struct ntsync_nt_own {
	uint32_t kind;
	uint32_t event;
	void *data;
	ntsync_nt_destroy_fn destroy;
};

/**
 * ntsync_nt_create_own() - create an object of one of the runtime's own types
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 * @own: what it is. Copied.
 *
 * If this returns anything but SUCCESS, the data is not used: with OBJECT_NAME_EXISTS, the handle
 * is of the object that has the name.
 *
 * Return: see &struct ntsync_nt_attributes; a type is a type of the table, and a kind. In addition,
 * INVALID_PARAMETER: @own is NULL, or its kind is 0.
 * INVALID_HANDLE, OBJECT_TYPE_MISMATCH: the event is not one.
 */
uint32_t ntsync_nt_create_own(struct ntsync_nt *nt, uint32_t *out,
			      const struct ntsync_nt_attributes *attributes,
			      const struct ntsync_nt_own *own);

/**
 * ntsync_nt_open_own() - open such an object by its name
 * @nt: the table.
 * @out: where to write the handle.
 * @name: the name.
 * @kind: the kind that the object must have; 0: any.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_open_own(struct ntsync_nt *nt, uint32_t *out, const char *name, uint32_t kind);

/**
 * ntsync_nt_query_own() - read the kind of such an object, and its event
 * @nt: the table.
 * @handle: the object.
 * @kind: where to write its kind.
 * @event: where to write the id of its event, as in &struct ntsync_nt_info; 0: it has none.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_query_own(struct ntsync_nt *nt, uint32_t handle, uint32_t *kind,
			     uint64_t *event);

/**
 * ntsync_nt_set_data() - set what the runtime keeps with an object of any type
 * @nt: the table.
 * @handle: the object, or a pseudo-handle: %NTSYNC_NT_CURRENT_THREAD for data of a thread.
 * @data: the data. NULL at first, or &ntsync_nt_own.data.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_set_data(struct ntsync_nt *nt, uint32_t handle, void *data);

/**
 * ntsync_nt_get_data() - read what the runtime keeps with an object
 * @nt: the table.
 * @handle: the object, or a pseudo-handle.
 * @data: where to write it.
 *
 * Another thread may close the handle right after that. Where the data must not be destroyed while
 * it is used, call ntsync_nt_reference().
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_get_data(struct ntsync_nt *nt, uint32_t handle, void **data);

/**
 * struct ntsync_nt_object - an object that the runtime has a reference to
 */
struct ntsync_nt_object;

/**
 * ntsync_nt_reference() - take a reference to an object (ObReferenceObjectByHandle)
 * @nt: the table.
 * @handle: the object, or a pseudo-handle.
 * @kind: the kind that it must have, of the runtime's own types; 0: an object of any type.
 * @object: where to write the reference; NULL is written on an error.
 * @data: where to write the object's data, or NULL.
 *
 * The object is not destroyed before ntsync_nt_dereference(), even if its handles are closed.
 *
 * Return: SUCCESS, or
 * OBJECT_TYPE_MISMATCH: the object is of another kind, or not of the runtime's own types.
 * INVALID_PARAMETER: @object is NULL.
 */
uint32_t ntsync_nt_reference(struct ntsync_nt *nt, uint32_t handle, uint32_t kind,
			     struct ntsync_nt_object **object, void **data);

/**
 * ntsync_nt_dereference() - drop a reference
 * @nt: the table.
 * @object: the reference, or NULL.
 */
void ntsync_nt_dereference(struct ntsync_nt *nt, struct ntsync_nt_object *object);

/* ---------------------------------------------------------------- Events */

/**
 * ntsync_nt_create_event() - create an event (NtCreateEvent)
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 * @manual: true: a NotificationEvent; false: a SynchronizationEvent.
 * @signaled: whether it is signaled initially.
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
 * ntsync_nt_set_event_pi() - signal an event and boost the thread that consumes it
 * @nt: the table.
 * @handle: the event.
 * @policy: SCHED_FIFO or SCHED_RR.
 * @prio: 1 to 99.
 *
 * Does what ntsync_nt_set_event() does. The thread that consumes the signal runs with @policy and
 * @prio until its next wait, unless its own priority is higher: see ntsync_event_set_pi(). (NT:
 * KeSetEvent with an increment; NtSetEventBoostPriority.) Nobody is boosted by a signal that a wait
 * completion packet consumes.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: @policy or @prio is out of range.
 * NOT_SUPPORTED: the driver lacks this, see %NTSYNC_NT_FEATURE_EVENT_SET_PI. The event was not
 * signaled; ntsync_nt_set_event() signals it without a boost.
 */
uint32_t ntsync_nt_set_event_pi(struct ntsync_nt *nt, uint32_t handle, uint32_t policy,
				uint32_t prio);

/**
 * ntsync_nt_reset_event() - reset an event (NtResetEvent; NtClearEvent without @previous)
 * @nt: the table.
 * @handle: the event.
 * @previous: where to write whether it was signaled before (0 or 1).
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_reset_event(struct ntsync_nt *nt, uint32_t handle, int32_t *previous);

/**
 * ntsync_nt_pulse_event() - release the present waiters (NtPulseEvent)
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
 * @owned: whether the caller owns it initially.
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
 * @previous: where to write its previous count, as NT counts: 0 if it was acquired once,
 *	-1 if twice.
 *
 * Return: SUCCESS, or
 * MUTANT_NOT_OWNED: the caller does not own it.
 * ABANDONED_WAIT_0: it is abandoned.
 * NO_MEMORY: the caller could not be attached.
 */
uint32_t ntsync_nt_release_mutant(struct ntsync_nt *nt, uint32_t handle, int32_t *previous);

/**
 * struct ntsync_nt_mutant_state - state of a mutant
 * @count: 1 = free, 0 = acquired once, -1 = twice.
 * @owner: the id of the thread that owns it, 0 if none does.
 * @owned_by_caller: whether the caller owns it.
 * @abandoned: whether its owner has ended without a release, and no thread has acquired it
 *	since.
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
 * NO_MEMORY: the caller could not be attached.
 */
uint32_t ntsync_nt_query_mutant(struct ntsync_nt *nt, uint32_t handle,
				struct ntsync_nt_mutant_state *state);

/* ------------------------------------------------------------ Semaphores */

/**
 * ntsync_nt_create_semaphore() - create a semaphore (NtCreateSemaphore)
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 * @count: the initial count.
 * @limit: the maximum count.
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
 * @count: how much to add.
 * @previous: where to write the previous count.
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
 * struct ntsync_nt_deadline - when a wait times out
 * @ns: an absolute time in nanoseconds of CLOCK_MONOTONIC, or NTSYNC_WAIT_FOREVER. With 0 or
 *	a time in the past, the call tries once and does not wait.
 * @flags: 0, or NTSYNC_WAIT_REALTIME: @ns is a time of CLOCK_REALTIME.
 *
 * ntsync_nt_timeout() makes one. A runtime that scales the guest's clock computes its own.
 */
struct ntsync_nt_deadline {
	uint64_t ns;
	uint32_t flags;
};

/**
 * ntsync_nt_timeout() - convert NT's timeout to a deadline
 * @timeout: NULL: wait for ever. Otherwise in units of 100 ns. 0: try once; negative: a time
 *	span from now; positive: a date, since 1601.
 *
 * A time span too long for a 64-bit number of nanoseconds becomes "for ever", and a date before
 * 1970 becomes 0.
 *
 * Return: the deadline.
 */
struct ntsync_nt_deadline ntsync_nt_timeout(const int64_t *timeout);

/**
 * ntsync_nt_wait_single() - wait for an object (NtWaitForSingleObject)
 * @nt: the table.
 * @handle: the object.
 * @alertable: whether an alert ends the wait.
 * @deadline: when the wait times out, for example ntsync_nt_timeout(&timeout).
 *
 * If there are several reasons to return, the object comes first, then an alert, then the
 * deadline. A signal handler does not end a wait and does not prolong it. ntsync_nt_stop() and
 * ntsync_nt_interrupt_thread() end any wait.
 *
 * Return: WAIT_0, or
 * the status given to ntsync_nt_stop() or ntsync_nt_interrupt_thread(): nothing was acquired.
 * ABANDONED_WAIT_0: the mutant was acquired, and had been abandoned.
 * USER_APC: the thread has APCs, which its runtime is to call now.
 * ALERTED: the thread was alerted.
 * TIMEOUT: the deadline has passed.
 * INVALID_PARAMETER: unknown flags of @deadline.
 * OBJECT_TYPE_MISMATCH: the object is of one of the runtime's own types, without an event.
 * MUTANT_LIMIT_EXCEEDED: the caller has acquired the mutant as often as it may.
 * NO_MEMORY: also if the caller could not be attached, even for lack of a descriptor.
 */
uint32_t ntsync_nt_wait_single(struct ntsync_nt *nt, uint32_t handle, bool alertable,
			       struct ntsync_nt_deadline deadline);

/* Types of ntsync_nt_wait_multiple(), by NT's numbers. */
#define NTSYNC_NT_WAIT_ALL	0
#define NTSYNC_NT_WAIT_ANY	1

/**
 * ntsync_nt_wait_multiple() - wait for several objects (NtWaitForMultipleObjects)
 * @nt: the table.
 * @handles: the handles of the objects.
 * @count: how many handles, 1 to 64.
 * @type: NTSYNC_NT_WAIT_ALL or NTSYNC_NT_WAIT_ANY.
 * @alertable: whether an alert ends the wait.
 * @deadline: when the wait times out.
 *
 * Return: as ntsync_nt_wait_single(), with these differences:
 * WAIT_0 + i, ABANDONED_WAIT_0 + i: the object at index i of @handles was acquired, the
 * lowest if several are ready. With WAIT_ALL, i is 0.
 * INVALID_PARAMETER_1: @count is out of range (console: INVALID_PARAMETER).
 * INVALID_PARAMETER_3: unknown @type (console: INVALID_PARAMETER).
 * INVALID_HANDLE: also for a pseudo-handle (console: INVALID_PARAMETER).
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
 * @handle: the object to wait for; may be the same.
 * @alertable: whether an alert ends the wait.
 * @deadline: when the wait times out.
 *
 * With NTSYNC_NT_FEATURE_ATOMIC_SIGNAL_AND_WAIT, the wait has begun when @signal is signaled: a
 * thread that this wakes finds the caller waiting, or @handle acquired. Without it, and if a wait
 * completion packet waits for @signal, another thread may act between the signal and the wait.
 *
 * Return: as ntsync_nt_wait_single(). @signal was signaled also with TIMEOUT, USER_APC, ALERTED,
 * MUTANT_LIMIT_EXCEEDED and the status of a stop or an interruption, even if the table was
 * stopped before the call: to continue later, wait for @handle alone. With NO_MEMORY it may have
 * been signaled or not. In addition, and with nothing changed:
 * MUTANT_NOT_OWNED: the caller does not own the mutant @signal.
 * ABANDONED_WAIT_0: the mutant @signal is abandoned.
 * SEMAPHORE_LIMIT_EXCEEDED: the semaphore @signal is at its limit.
 * OBJECT_TYPE_MISMATCH: @signal is a timer, a thread or of one of the runtime's own types.
 */
uint32_t ntsync_nt_signal_and_wait(struct ntsync_nt *nt, uint32_t signal, uint32_t handle,
				   bool alertable, struct ntsync_nt_deadline deadline);

/**
 * ntsync_nt_delay() - sleep (NtDelayExecution)
 * @nt: the table.
 * @alertable: whether an alert ends the sleep.
 * @deadline: when it ends. With 0 or a time in the past, the caller yields to other threads of
 *	its priority.
 *
 * Return: SUCCESS: the deadline has passed, or
 * USER_APC, ALERTED, INVALID_PARAMETER, NO_MEMORY, the status of a stop or an interruption: as
 * ntsync_nt_wait_single().
 */
uint32_t ntsync_nt_delay(struct ntsync_nt *nt, bool alertable, struct ntsync_nt_deadline deadline);

/**
 * struct ntsync_nt_source - what an aggregate wait is for
 * @type: NTSYNC_AGG_OBJECT or NTSYNC_AGG_FD.
 * @events: of a descriptor: POLLIN and the like, see poll(2); of an object: 0.
 * @handle: of NTSYNC_AGG_OBJECT: the object, or a channel.
 * @fd: of NTSYNC_AGG_FD: a descriptor of the program that can be polled.
 */
struct ntsync_nt_source {
	uint32_t type;
	uint32_t events;
	uint32_t handle;
	int fd;
};

/* How many sources an aggregate wait takes. */
#define NTSYNC_NT_MAX_SOURCES	63

/**
 * ntsync_nt_wait_aggregate() - wait for one of several objects, channels and descriptors
 * @nt: the table.
 * @sources: what to wait for. A source may be listed twice.
 * @count: how many sources, 1 to NTSYNC_NT_MAX_SOURCES.
 * @alertable: whether an alert ends the wait.
 * @deadline: when the wait times out.
 * @events: where to write the events of the descriptor that ended the wait, 0 for an object. They
 *	may include POLLERR and POLLHUP. Written if a source ended the wait.
 *
 * For a thread of the runtime that serves guests and files, sockets or a display at once. NT has no
 * such wait. If several are ready, objects come first, in the order of @sources, then an alert, then
 * descriptors, then the deadline. Acquires an object as ntsync_nt_wait_multiple() does. Takes nothing
 * from a channel, see ntsync_nt_channel_receive(), and reads nothing from a descriptor. Do not close
 * a descriptor before the call returns.
 *
 * Return: as ntsync_nt_wait_single(), with these differences:
 * WAIT_0 + i, ABANDONED_WAIT_0 + i: source i ended the wait.
 * INVALID_PARAMETER: @count is out of range; @sources is NULL; a source of another type, an object
 * with events; a descriptor is not open, or cannot be polled, as a regular file cannot.
 * INVALID_HANDLE: also for a pseudo-handle.
 * NOT_SUPPORTED: the driver lacks this, see %NTSYNC_NT_FEATURE_CHANNEL.
 */
uint32_t ntsync_nt_wait_aggregate(struct ntsync_nt *nt, const struct ntsync_nt_source *sources,
				  uint32_t count, bool alertable,
				  struct ntsync_nt_deadline deadline, uint32_t *events);

/* -------------------------------------------------------------- Stopping */

/*
 * NT ends a wait of any kind only when it terminates the thread, and no guest sees the status of
 * that. These functions are for the runtime, which ends its guest, or saves its state, while guest
 * threads wait. They do not depend on the threads: one that is suspended returns from its wait when
 * it is resumed, and delays nothing before.
 *
 * A wait that is ended so has acquired nothing, and its place among the waiters is free. A wait
 * that acquires its objects at the same moment returns that instead.
 */

/**
 * ntsync_nt_stop() - end all waits of a table, and refuse new ones
 * @nt: the table.
 * @status: what they return: an error, 0xC0000000 or higher, for example
 *	%NTSYNC_STATUS_CANCELLED. It should be one that the table's waits do not return otherwise.
 *
 * The waits in progress return @status, alertable or not, and so do all that begin before
 * ntsync_nt_resume(): also if their objects are ready, and also those that only try. The same holds
 * for all other calls that sleep: ntsync_nt_delay(), the waits without an object, both calls of keyed
 * events, the removal of packets, ntsync_nt_wait_aggregate(), ntsync_nt_channel_receive(),
 * ntsync_nt_thread_park(), and ntsync_nt_signal_and_wait(), which signals its object all the same. A
 * critical section or SRW lock that is free is acquired, and @status is returned where the thread
 * would wait. A send to a channel that has begun goes on until its reply, see
 * ntsync_nt_channel_send(). All other functions do what they always do.
 *
 * Does not wait for the threads. ntsync_nt_destroy() needs that no call is in progress: join the
 * threads, or know otherwise that they have returned. A signaled thread object does not tell that. A
 * stopped table can be checked and saved before that, if no thread is in another call.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: @status is not an error.
 */
uint32_t ntsync_nt_stop(struct ntsync_nt *nt, uint32_t status);

/**
 * ntsync_nt_resume() - accept waits again
 * @nt: the table.
 *
 * The waits that the stop has ended return its status also if their threads did not run yet.
 */
void ntsync_nt_resume(struct ntsync_nt *nt);

/**
 * ntsync_nt_wait_for_resume() - sleep while the table is stopped
 * @nt: the table.
 * @stopped: the status of the stop: what the thread's wait has returned.
 *
 * For a thread whose wait was ended by a stop and that is to go on after it. Then it begins its wait
 * again. If it finds the table stopped with another status than @stopped, or the table's last stop
 * during the call had one, the call returns that status: so a runtime that has stopped its guest to save it can also end it.
 *
 * Return: SUCCESS: the table is not stopped, or
 * the status of another stop, or of an interruption: see ntsync_nt_interrupt_thread().
 * INVALID_PARAMETER: @stopped is not an error.
 * NO_MEMORY: of the table, or of the driver.
 */
uint32_t ntsync_nt_wait_for_resume(struct ntsync_nt *nt, uint32_t stopped);

/**
 * ntsync_nt_interrupt_thread() - end one thread's wait, alertable or not
 * @nt: the table.
 * @tid: the thread's id.
 * @status: what the wait returns: an error, as for ntsync_nt_stop(); 0: withdraws the last call,
 *	if no wait has returned its status yet.
 *
 * The thread's present wait returns @status, or else its next one, even if its objects are ready. A
 * second call before that replaces the status. It comes before an alert, which stays. A thread that
 * is not attached is interrupted when it is, as by ntsync_nt_alert_thread().
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: @status is neither an error nor 0.
 * INVALID_CID, NO_MEMORY: as ntsync_nt_alert_thread().
 */
uint32_t ntsync_nt_interrupt_thread(struct ntsync_nt *nt, uint32_t tid, uint32_t status);

/* --------------------------------------------------------------- Threads */

/*
 * The table gives ids from here on to threads that do not attach with an id, so that these never
 * take an id of a guest thread. The low 24 bits are the kernel's thread id, unless that is taken.
 */
#define NTSYNC_NT_OWN_TIDS		0xff000000u

/**
 * ntsync_nt_thread_attach() - attach the calling thread with an id
 * @nt: the table.
 * @tid: the thread's id in the guest, from 1 to NTSYNC_NT_OWN_TIDS - 1. It is the owner of the
 *	thread's mutants, and alerts are sent to it.
 *
 * A thread that does not call this is attached by its first call that needs an id. The table
 * chooses the id then: NTSYNC_NT_OWN_TIDS or higher.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @tid is out of range.
 * -EEXIST: another thread has this id.
 * -EALREADY: the caller is attached already.
 * -EMFILE, -ENFILE: an attached thread needs two descriptors, and there are none left for it. 32, or
 * a sixteenth of the limit, are left to the rest of the process.
 * -ENOMEM.
 */
int ntsync_nt_thread_attach(struct ntsync_nt *nt, uint32_t tid);

/**
 * ntsync_nt_thread_id() - the caller's id
 * @nt: the table.
 *
 * Attaches the caller if it is not attached.
 *
 * Return: the id, or 0 without memory or a descriptor.
 */
uint32_t ntsync_nt_thread_id(struct ntsync_nt *nt);

/**
 * ntsync_nt_thread_detach() - detach the calling thread, whose guest thread has ended
 * @nt: the table.
 *
 * Abandons the mutants that the thread owns: the next wait for each returns ABANDONED_WAIT_0. After
 * that, signals its thread object, if it has one. A pthread that ends is detached automatically, so
 * this is for runtimes whose guest threads end before their host threads. The thread's next call
 * attaches it again.
 */
void ntsync_nt_thread_detach(struct ntsync_nt *nt);

/**
 * ntsync_nt_thread_end() - detach the calling thread and set its event
 * @nt: the table.
 *
 * Calls ntsync_nt_thread_detach(), and then sets the event of ntsync_nt_bind_thread() if there is
 * one. This is the order of NT: a thread that has waited for the event finds the mutants abandoned.
 * A runtime that sets the event before it detaches the thread breaks that. A thread object needs no
 * such call: it is signaled however the thread ends.
 *
 * Return: SUCCESS, or
 * OBJECT_TYPE_MISMATCH: the thread is bound to an object that is neither an event nor its thread
 * object.
 */
uint32_t ntsync_nt_thread_end(struct ntsync_nt *nt);

/**
 * ntsync_nt_thread_abandon() - detach another thread, whose guest thread has ended
 * @nt: the table.
 * @tid: its id.
 *
 * For a thread that cannot call ntsync_nt_thread_detach(), because it was stopped for ever
 * outside the library. The thread's object is signaled. If an event of yours stands for the thread,
 * set it after this call, not before.
 *
 * The thread must not make a call on the table later, and must not be inside one, except in
 * ntsync_nt_remove_io_completion() or ntsync_nt_remove_io_completion_ex(). If it sleeps there, it is
 * given no packet any more. If it was given one and has not run since, that is the first one in the
 * queue again. The port exists as long as the table then. If the thread goes on after all, the call
 * returns ABANDONED_WAIT_0.
 *
 * Inside any other call the thread may have acquired a mutant that the table does not know of yet, and
 * that is then never abandoned; or another thread meets it at a keyed event, and takes it for
 * one that goes on. End such a call with ntsync_nt_interrupt_thread() before you stop the thread.
 *
 * If no thread is attached with this id, discards the alerts, APCs and the interruption that were
 * sent to it, and signals its thread object: the thread will not run.
 *
 * Return: SUCCESS, or
 * INVALID_CID: no thread is attached with this id, nothing was sent to it, and it has no object.
 */
uint32_t ntsync_nt_thread_abandon(struct ntsync_nt *nt, uint32_t tid);

/**
 * ntsync_nt_bind_thread() - set the object of the calling thread's pseudo-handle
 * @nt: the table.
 * @handle: what %NTSYNC_NT_CURRENT_THREAD stands for in this thread, for example an event that
 *	ntsync_nt_thread_end() sets; 0: nothing.
 *
 * The object exists at least until the thread is detached or bound again.
 *
 * Return: a status common to all functions, or
 * NO_MEMORY: the caller could not be attached.
 */
uint32_t ntsync_nt_bind_thread(struct ntsync_nt *nt, uint32_t handle);

/**
 * ntsync_nt_bind_process() - set the object of the process's pseudo-handle
 * @nt: the table.
 * @handle: what %NTSYNC_NT_CURRENT_PROCESS stands for.
 *
 * May be called once per table. The object exists as long as the table.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: the process is bound already, or @handle is 0.
 */
uint32_t ntsync_nt_bind_process(struct ntsync_nt *nt, uint32_t handle);

/**
 * ntsync_nt_thread_create_object() - create a thread object (the object of NtCreateThread)
 * @nt: the table.
 * @out: where to write the handle.
 * @tid: the thread's id, from 1 to NTSYNC_NT_OWN_TIDS - 1; 0: the caller; or the id of a thread
 *	that is attached.
 *
 * The object is not signaled while the thread exists, and stays signaled when it has ended: when it
 * has called ntsync_nt_thread_end() or _detach(), its pthread has ended, or it was abandoned. Its
 * mutants are abandoned before that, and its id is free. Nothing else signals or resets the object;
 * other functions than those of waits, handles and threads return OBJECT_TYPE_MISMATCH.
 *
 * The thread need not run yet. Create the object, send it alerts and APCs, suspend it, and then
 * start a host thread that attaches with @tid. %NTSYNC_NT_CURRENT_THREAD stands for the object in
 * that thread, unless it is bound to another.
 *
 * The thread keeps the object until it ends, also if all handles are closed.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: the thread has an object already, see ntsync_nt_open_thread(); @out is NULL.
 * INVALID_CID: @tid is NTSYNC_NT_OWN_TIDS or higher and no thread has it.
 * INSUFFICIENT_RESOURCES, TOO_MANY_OPENED_FILES, NO_MEMORY: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_thread_create_object(struct ntsync_nt *nt, uint32_t *out, uint32_t tid);

/**
 * ntsync_nt_open_thread() - create a further handle of a thread object (NtOpenThread)
 * @nt: the table.
 * @out: where to write the handle.
 * @tid: the thread's id.
 *
 * Return: SUCCESS, or
 * INVALID_CID: no thread with this id has an object; it may have ended.
 * INVALID_PARAMETER: @out is NULL.
 * INSUFFICIENT_RESOURCES: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_open_thread(struct ntsync_nt *nt, uint32_t *out, uint32_t tid);

/**
 * ntsync_nt_thread_set_exit_status() - set what a thread's exit status will be
 * @nt: the table.
 * @handle: the thread, for example %NTSYNC_NT_CURRENT_THREAD.
 * @status: the status. Without this call, it is SUCCESS.
 *
 * For NtTerminateThread, before the thread ends or is abandoned.
 *
 * Return: SUCCESS, or
 * THREAD_IS_TERMINATING: it has ended.
 */
uint32_t ntsync_nt_thread_set_exit_status(struct ntsync_nt *nt, uint32_t handle, uint32_t status);

/**
 * struct ntsync_nt_thread_state - state of a thread
 * @tid: its id. When it has ended, another thread may have this id.
 * @exit_status: its exit status; PENDING (as NT's STILL_ACTIVE) until it has ended.
 * @suspend_count: how often it was suspended and not resumed.
 * @attached: whether a host thread is attached with its id.
 * @ended: whether it has ended.
 */
struct ntsync_nt_thread_state {
	uint32_t tid;
	uint32_t exit_status;
	uint32_t suspend_count;
	bool attached;
	bool ended;
};

/**
 * ntsync_nt_query_thread() - read a thread (NtQueryInformationThread)
 * @nt: the table.
 * @handle: the thread.
 * @state: where to write its state.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_query_thread(struct ntsync_nt *nt, uint32_t handle,
				struct ntsync_nt_thread_state *state);

/**
 * ntsync_nt_suspend_thread() - add 1 to a thread's suspend count (NtSuspendThread)
 * @nt: the table.
 * @handle: the thread.
 * @previous: where to write the previous count.
 *
 * The library counts. The thread sleeps in ntsync_nt_thread_park(), which its runtime calls; a
 * runtime that suspends threads by a signal lets the handler wait while the count is not 0.
 *
 * Return: SUCCESS, or
 * SUSPEND_COUNT_EXCEEDED: the count is 127, the highest.
 * THREAD_IS_TERMINATING: the thread has ended.
 */
uint32_t ntsync_nt_suspend_thread(struct ntsync_nt *nt, uint32_t handle, uint32_t *previous);

/**
 * ntsync_nt_resume_thread() - subtract 1 from a thread's suspend count (NtResumeThread)
 * @nt: the table.
 * @handle: the thread.
 * @previous: where to write the previous count. If it is 0, nothing changes.
 *
 * Return: SUCCESS, or
 * THREAD_IS_TERMINATING: the thread has ended.
 */
uint32_t ntsync_nt_resume_thread(struct ntsync_nt *nt, uint32_t handle, uint32_t *previous);

/**
 * ntsync_nt_thread_park() - sleep while the caller's suspend count is not 0
 * @nt: the table.
 *
 * A runtime calls it in a new thread after the attachment, because a thread can be created
 * suspended, and wherever the guest's code may be suspended.
 *
 * Return: SUCCESS, or
 * NO_MEMORY, the status of a stop or an interruption: as ntsync_nt_wait_single().
 */
uint32_t ntsync_nt_thread_park(struct ntsync_nt *nt);

/**
 * ntsync_nt_alert_thread() - end a thread's alertable wait (NtAlertThread)
 * @nt: the table.
 * @tid: the thread's id.
 *
 * The thread's present alertable wait returns ALERTED, or else its next one. If no thread is
 * attached with @tid, the alert is stored for the thread that attaches with it, unless the id
 * is one of the table's choice. So a runtime must not give an id to a new thread while alerts
 * may still be sent to the old one; ntsync_nt_thread_abandon() discards the stored ones.
 *
 * Return: SUCCESS, or
 * INVALID_CID: @tid is 0, or is NTSYNC_NT_OWN_TIDS or higher and no thread has it.
 * NO_MEMORY: for an id that no thread is attached with.
 */
uint32_t ntsync_nt_alert_thread(struct ntsync_nt *nt, uint32_t tid);

/*
 * APCs. On NT, NtQueueApcThread queues a routine with three arguments to a thread. An alertable
 * wait returns USER_APC if the queue is not empty, after the thread has called all routines in
 * their order, also those that were queued meanwhile. A routine may make an alertable wait, which
 * calls the next ones. The queue may be the library's or the runtime's.
 *
 * The library's: ntsync_nt_queue_user_apc() and ntsync_nt_set_timer_apc() fill it. While it is not
 * empty, each alertable wait returns USER_APC if its objects are not ready. The runtime then calls
 * what ntsync_nt_take_apc() returns, until there is none.
 *
 * The runtime's: ntsync_nt_queue_apc() and ntsync_nt_set_apc_pending().
 */

/**
 * struct ntsync_nt_apc - an APC
 * @function: the guest's address of the routine, or what else the runtime knows it by.
 * @arguments: its arguments.
 */
struct ntsync_nt_apc {
	uint64_t function;
	uint64_t arguments[3];
};

/**
 * ntsync_nt_queue_user_apc() - queue an APC in the library's queue (NtQueueApcThread)
 * @nt: the table.
 * @tid: the thread's id.
 * @apc: the APC, which is copied.
 *
 * The APC is at the end of the queue, and ends the thread's present alertable wait or its next one.
 * For a thread that is not attached, see ntsync_nt_alert_thread(). What a thread has not taken when
 * it ends is discarded.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: @apc is NULL.
 * INVALID_CID: as ntsync_nt_alert_thread().
 * NO_MEMORY.
 */
uint32_t ntsync_nt_queue_user_apc(struct ntsync_nt *nt, uint32_t tid,
				  const struct ntsync_nt_apc *apc);

/**
 * ntsync_nt_take_apc() - take the first APC out of the caller's queue
 * @nt: the table.
 * @apc: where to write it.
 *
 * Return: SUCCESS, or
 * NO_MORE_ENTRIES: the queue is empty.
 * INVALID_PARAMETER: @apc is NULL.
 * NO_MEMORY: the caller could not be attached.
 */
uint32_t ntsync_nt_take_apc(struct ntsync_nt *nt, struct ntsync_nt_apc *apc);

/**
 * ntsync_nt_queue_apc() - end a thread's alertable wait for an APC (NtQueueApcThread)
 * @nt: the table.
 * @tid: the thread's id.
 *
 * The queue of APCs is the runtime's. The thread's alertable wait returns USER_APC, once for all
 * preceding calls of this function; see ntsync_nt_set_apc_pending(). For a thread that is not
 * attached, see ntsync_nt_alert_thread().
 *
 * Return: as ntsync_nt_alert_thread().
 */
uint32_t ntsync_nt_queue_apc(struct ntsync_nt *nt, uint32_t tid);

/**
 * ntsync_nt_set_apc_pending() - say whether the caller's APC queue has APCs
 * @nt: the table.
 * @pending: whether it has any.
 *
 * The table has one flag per thread: APCs are pending. ntsync_nt_queue_apc() sets it, and a wait
 * that returns USER_APC clears it. A runtime that takes one APC out of its queue and leaves
 * others there sets the flag again with this function before it calls the APC: the APC may
 * make an alertable wait, which must not sleep while others are queued. Call both functions
 * with the lock of the queue held, so that the flag agrees with the queue.
 *
 * Return: SUCCESS, or
 * NO_MEMORY: the caller could not be attached.
 */
uint32_t ntsync_nt_set_apc_pending(struct ntsync_nt *nt, bool pending);

/**
 * ntsync_nt_test_alert() - take an alert without waiting (NtTestAlert)
 * @nt: the table.
 *
 * On NT, the thread calls its APCs before the call returns. Here the runtime does that: after
 * USER_APC it takes them out of the queue.
 *
 * Return: SUCCESS: there is none; ALERTED; USER_APC, or
 * NO_MEMORY: the caller could not be attached.
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
 * The first timer of a table starts a thread that wakes the waiters of timers. A timer that is
 * due appears signaled to every call, whether or not that thread has run.
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
 * @due: when it becomes signaled, for example ntsync_nt_timeout(&due). If that has passed, it
 *	is signaled before the call returns.
 * @period: nanoseconds from one signal to the next; 0: signal once. (NT's period is in
 *	milliseconds.)
 * @previous: where to write whether it was signaled before (0 or 1).
 *
 * Resets the timer first. A date (NTSYNC_WAIT_REALTIME) follows the wall clock when that is set.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: unknown flags of @due; @due or @period above INT64_MAX.
 */
uint32_t ntsync_nt_set_timer(struct ntsync_nt *nt, uint32_t handle, struct ntsync_nt_deadline due,
			     uint64_t period, int32_t *previous);

/**
 * ntsync_nt_set_timer_apc() - set a timer that also queues an APC (NtSetTimer with a routine)
 * @nt: the table.
 * @handle: the timer.
 * @due: as in ntsync_nt_set_timer().
 * @period: as in ntsync_nt_set_timer().
 * @apc: the APC: the routine and its first argument, NT's TimerContext. The other two arguments are
 *	the time of the expiry, in units of 100 ns since 1601: its low and its high 32 bits.
 * @previous: as in ntsync_nt_set_timer().
 *
 * At each expiry, the APC is queued to the calling thread, see &struct ntsync_nt_apc. As on NT, it
 * is in the queue at most once: while the thread has not taken it, a further expiry queues nothing.
 * If the timer is cancelled, set again or destroyed, the APC is removed from the queue. If the
 * thread ends, the timer is cancelled.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: as ntsync_nt_set_timer(), and @apc is NULL.
 * NO_MEMORY: the caller could not be attached.
 */
uint32_t ntsync_nt_set_timer_apc(struct ntsync_nt *nt, uint32_t handle,
				 struct ntsync_nt_deadline due, uint64_t period,
				 const struct ntsync_nt_apc *apc, int32_t *previous);

/**
 * ntsync_nt_cancel_timer() - cancel a timer (NtCancelTimer)
 * @nt: the table.
 * @handle: the timer.
 * @previous: where to write whether it is signaled (0 or 1). The call does not change that.
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

/* ---------------------------------------------------------- Keyed events */

/**
 * ntsync_nt_create_keyed_event() - create a keyed event (NtCreateKeyedEvent)
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 *
 * A wait for it by ntsync_nt_wait_single() or _multiple() returns at once, as on NT.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_create_keyed_event(struct ntsync_nt *nt, uint32_t *out,
				      const struct ntsync_nt_attributes *attributes);

/**
 * ntsync_nt_open_keyed_event() - open a keyed event by its name (NtOpenKeyedEvent)
 * @nt: the table.
 * @out: where to write the handle.
 * @name: the name.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_open_keyed_event(struct ntsync_nt *nt, uint32_t *out, const char *name);

/**
 * ntsync_nt_wait_for_keyed_event() - meet a thread that releases (NtWaitForKeyedEvent)
 * @nt: the table.
 * @handle: the keyed event; 0: one that the table always has.
 * @key: what both threads give; the lowest bit is 0.
 * @alertable: whether an alert ends the wait.
 * @deadline: when the wait times out.
 *
 * Sleeps until another thread calls ntsync_nt_release_keyed_event() with the same key, unless one
 * sleeps there already. One release is for one wait, in the order of arrival.
 *
 * Return: SUCCESS: the threads have met, or
 * INVALID_PARAMETER_1: the lowest bit of @key is 1. This comes before a bad handle.
 * USER_APC, ALERTED, TIMEOUT, INVALID_PARAMETER, NO_MEMORY, the status of a stop or an
 * interruption: as ntsync_nt_wait_single().
 */
uint32_t ntsync_nt_wait_for_keyed_event(struct ntsync_nt *nt, uint32_t handle, uint64_t key,
					bool alertable, struct ntsync_nt_deadline deadline);

/**
 * ntsync_nt_release_keyed_event() - meet a thread that waits (NtReleaseKeyedEvent)
 * @nt: the table.
 * @handle: as in ntsync_nt_wait_for_keyed_event().
 * @key: as there.
 * @alertable: as there.
 * @deadline: when to give up.
 *
 * Sleeps until another thread calls ntsync_nt_wait_for_keyed_event(), unless one sleeps there.
 *
 * Return: as ntsync_nt_wait_for_keyed_event().
 */
uint32_t ntsync_nt_release_keyed_event(struct ntsync_nt *nt, uint32_t handle, uint64_t key,
				       bool alertable, struct ntsync_nt_deadline deadline);

/* ------------------------------------------------ I/O completion ports */

/*
 * A port has a queue of packets, first in, first out. A thread that removes one from an empty queue
 * sleeps; a packet goes to the thread that came last, whatever the priorities are. One whose suspend
 * count is not 0 is given none; when it is 0 again, the thread is the one that came last. A port's
 * concurrency says how many threads are to run at a time: see ntsync_nt_remove_io_completion_ex().
 */

/**
 * struct ntsync_nt_io_packet - a packet of a port
 * @key: which file it is about (KeyContext).
 * @context: which operation (ApcContext).
 * @information: of the IO_STATUS_BLOCK, such as a number of bytes.
 * @status: of the IO_STATUS_BLOCK.
 */
struct ntsync_nt_io_packet {
	uint64_t key;
	uint64_t context;
	uint64_t information;
	uint32_t status;
};

/**
 * ntsync_nt_create_io_completion() - create a port (NtCreateIoCompletion)
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 * @concurrency: how many threads are to run at a time; 0: as many as there are processors.
 *
 * A wait for the port by ntsync_nt_wait_single() or _multiple() ends while packets are in its queue,
 * and takes none.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_create_io_completion(struct ntsync_nt *nt, uint32_t *out,
					const struct ntsync_nt_attributes *attributes,
					uint32_t concurrency);

/**
 * ntsync_nt_open_io_completion() - open a port by its name (NtOpenIoCompletion)
 * @nt: the table.
 * @out: where to write the handle.
 * @name: the name.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_open_io_completion(struct ntsync_nt *nt, uint32_t *out, const char *name);

/**
 * ntsync_nt_set_io_completion() - queue a packet (NtSetIoCompletion)
 * @nt: the table.
 * @handle: the port.
 * @packet: the packet, which is copied.
 *
 * Allocates memory, takes a lock, and does not sleep otherwise.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: @packet is NULL.
 * NO_MEMORY.
 */
uint32_t ntsync_nt_set_io_completion(struct ntsync_nt *nt, uint32_t handle,
				     const struct ntsync_nt_io_packet *packet);

/**
 * ntsync_nt_remove_io_completion_ex() - remove packets (NtRemoveIoCompletionEx)
 * @nt: the table.
 * @handle: the port.
 * @packets: where to write the packets, the first of the queue first.
 * @count: how many fit.
 * @removed: where to write how many were removed, at least 1; or NULL.
 * @alertable: whether an alert ends the wait.
 * @deadline: when to give up.
 *
 * Sleeps until there is a packet. As on NT, the calling thread is associated with the port from now
 * on, and no longer with another one. It counts there while it runs, and does not count while it
 * sleeps in a call of the table. A packet is only given out while fewer threads count than the port's
 * concurrency says. More may count for a short time, when threads go on after other waits. The
 * association ends when the thread ends or the last handle of the port is closed.
 *
 * Return: SUCCESS, or
 * ABANDONED_WAIT_0: the last handle of the port was closed. Its packets are lost.
 * INVALID_PARAMETER: @packets is NULL, or @count 0; unknown flags of @deadline.
 * USER_APC, ALERTED, TIMEOUT, NO_MEMORY, the status of a stop or an interruption: as
 * ntsync_nt_wait_single(). No packet was removed.
 */
uint32_t ntsync_nt_remove_io_completion_ex(struct ntsync_nt *nt, uint32_t handle,
					   struct ntsync_nt_io_packet *packets, uint32_t count,
					   uint32_t *removed, bool alertable,
					   struct ntsync_nt_deadline deadline);

/**
 * ntsync_nt_remove_io_completion() - remove one packet (NtRemoveIoCompletion)
 * @nt: the table.
 * @handle: the port.
 * @packet: where to write the packet.
 * @deadline: when to give up.
 *
 * Not alertable.
 *
 * Return: as ntsync_nt_remove_io_completion_ex().
 */
uint32_t ntsync_nt_remove_io_completion(struct ntsync_nt *nt, uint32_t handle,
					struct ntsync_nt_io_packet *packet,
					struct ntsync_nt_deadline deadline);

/**
 * struct ntsync_nt_io_completion_state - state of a port
 * @depth: how many packets are in the queue.
 * @concurrency: how many threads are to run at a time.
 * @running: how many threads count, see ntsync_nt_remove_io_completion_ex().
 */
struct ntsync_nt_io_completion_state {
	uint32_t depth;
	uint32_t concurrency;
	uint32_t running;
};

/**
 * ntsync_nt_query_io_completion() - read a port (NtQueryIoCompletion)
 * @nt: the table.
 * @handle: the port.
 * @state: where to write its state; or NULL. NT's depth is &ntsync_nt_io_completion_state.depth.
 * @packets: where to write the packets of the queue, which stay there; not used if @size is 0.
 * @size: how many fit.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_query_io_completion(struct ntsync_nt *nt, uint32_t handle,
				       struct ntsync_nt_io_completion_state *state,
				       struct ntsync_nt_io_packet *packets, size_t size);

/* ------------------------------------------------ Wait completion packets */

/*
 * A wait completion packet waits for an object in place of a thread. When the object is signaled, it
 * queues a packet to a port. No thread waits: the call of the table that signals the object does it.
 */

/**
 * ntsync_nt_create_wait_completion_packet() - create one (NtCreateWaitCompletionPacket)
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 *
 * It can't be waited for, and takes no descriptor. When its last handle is closed, it waits no more;
 * what it has queued stays in the queue.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t
ntsync_nt_create_wait_completion_packet(struct ntsync_nt *nt, uint32_t *out,
					const struct ntsync_nt_attributes *attributes);

/**
 * ntsync_nt_associate_wait_completion_packet() - wait for an object
 * (NtAssociateWaitCompletionPacket)
 * @nt: the table.
 * @handle: the wait completion packet.
 * @port: the port.
 * @target: the object: event, semaphore, timer, thread, or one of the runtime's own with an event.
 * @io: the packet to be queued, which is copied.
 * @already_signaled: where to write whether it was queued at once; or NULL.
 *
 * When @target is signaled, this wait is satisfied as that of a thread: an auto-reset event is reset,
 * 1 is subtracted from a semaphore. Then @io is queued to @port, once. Threads that wait for @target
 * come first; wait completion packets that wait for it are served in the order of their association. A
 * pulse of an auto-reset event goes to the oldest of them, and to no thread.
 *
 * It is associated until the packet has left the queue, ntsync_nt_cancel_wait_completion_packet()
 * ends it, or the last handle of @port is closed. It keeps @target until then, also if all handles of
 * that are closed.
 *
 * If others signal @target, by a descriptor of ntsync_nt_get_fd(), the packet is queued when a call of
 * the table next signals @target or finds it signaled. ntsync_nt_signal_and_wait() is not one step if it
 * signals an object that a wait completion packet waits for.
 *
 * Allocates memory, takes locks, and does not sleep otherwise.
 *
 * Return: SUCCESS, or
 * INVALID_PARAMETER: @io is NULL.
 * INVALID_PARAMETER_1: it is associated.
 * OBJECT_TYPE_MISMATCH: also: @target is of another type, such as a mutant, which needs an owner.
 * NOT_SUPPORTED: @target was adopted: ntsync_nt_adopt_fd().
 * NO_MEMORY.
 */
uint32_t
ntsync_nt_associate_wait_completion_packet(struct ntsync_nt *nt, uint32_t handle, uint32_t port,
					   uint32_t target, const struct ntsync_nt_io_packet *io,
					   bool *already_signaled);

/**
 * ntsync_nt_cancel_wait_completion_packet() - wait no more (NtCancelWaitCompletionPacket)
 * @nt: the table.
 * @handle: the wait completion packet.
 * @remove_signaled: also if the packet is queued: remove it from the queue.
 *
 * Return: SUCCESS: nothing is queued or will be, and it can be associated again; or
 * PENDING: the packet is in the queue, and stays there.
 * CANCELLED: it is not associated. Its packet may have been removed from the queue.
 */
uint32_t ntsync_nt_cancel_wait_completion_packet(struct ntsync_nt *nt, uint32_t handle,
						 bool remove_signaled);

/**
 * struct ntsync_nt_wait_completion_packet_state - state of a wait completion packet
 * @port: the id of the port's object; 0: it is not associated.
 * @target: the id of the object that it waits or has waited for. Of one of the runtime's own: that of
 *	its event.
 * @io: what it queues.
 * @associated: it is associated.
 * @queued: its packet is in the queue.
 */
struct ntsync_nt_wait_completion_packet_state {
	uint64_t port;
	uint64_t target;
	struct ntsync_nt_io_packet io;
	bool associated;
	bool queued;
};

/**
 * ntsync_nt_query_wait_completion_packet() - read a wait completion packet
 * @nt: the table.
 * @handle: the wait completion packet.
 * @state: where to write its state.
 *
 * For save states: NT has no such call. &ntsync_nt_info.id is the id of a handle's object.
 *
 * Return: a status common to all functions.
 */
uint32_t
ntsync_nt_query_wait_completion_packet(struct ntsync_nt *nt, uint32_t handle,
				       struct ntsync_nt_wait_completion_packet_state *state);

/* ------------------------------------------------ Waits without an object */

/*
 * They use the driver's waits on addresses, and futexes if the driver has none
 * (NTSYNC_FEATURE_ADDRESS in libntsync.h). A stop or an interruption ends them, as any other wait.
 */

/**
 * ntsync_nt_wait_on_address() - sleep while a value is unchanged (RtlWaitOnAddress)
 * @nt: the table.
 * @addr: the value, in memory of the host; a multiple of @size.
 * @compare: what it is compared with; need not be aligned.
 * @size: 1, 2, 4, or in a 64-bit process 8.
 * @deadline: when the wait times out.
 *
 * Returns at once if the value differs. Else sleeps until a wake of @addr; as on NT, it may also
 * return without one, for example after a signal handler.
 *
 * Return: SUCCESS: look at the value again, or
 * TIMEOUT: the deadline has passed.
 * the status given to ntsync_nt_stop() or ntsync_nt_interrupt_thread().
 * INVALID_PARAMETER: another @size; @addr is not a multiple of it; unknown flags of @deadline.
 * ACCESS_VIOLATION: @addr cannot be read. With futexes, sizes 1 and 2 cause SIGSEGV instead.
 * NO_MEMORY: also if the caller could not be attached.
 */
uint32_t ntsync_nt_wait_on_address(struct ntsync_nt *nt, const volatile void *addr,
				   const void *compare, size_t size,
				   struct ntsync_nt_deadline deadline);

/**
 * ntsync_nt_wake_address_single() - wake one thread on an address (RtlWakeAddressSingle)
 * @nt: the table.
 * @addr: the address, which is not touched. Change the value before.
 *
 * Wakes the one with the highest priority; within a priority, the one that came first.
 */
void ntsync_nt_wake_address_single(struct ntsync_nt *nt, const volatile void *addr);

/**
 * ntsync_nt_wake_address_all() - wake all threads that sleep on an address (RtlWakeAddressAll)
 * @nt: the table.
 * @addr: as in ntsync_nt_wake_address_single().
 */
void ntsync_nt_wake_address_all(struct ntsync_nt *nt, const volatile void *addr);

/**
 * ntsync_nt_wait_for_alert_by_id() - sleep until ntsync_nt_alert_by_id() (NtWaitForAlertByThreadId)
 * @nt: the table.
 * @deadline: when the wait times out.
 *
 * Not alertable. If the alert came before, returns at once. These alerts have nothing to do with
 * those of ntsync_nt_alert_thread().
 *
 * Return: ALERTED, or
 * TIMEOUT, INVALID_PARAMETER, NO_MEMORY, the status of a stop or an interruption: as
 * ntsync_nt_wait_on_address().
 */
uint32_t ntsync_nt_wait_for_alert_by_id(struct ntsync_nt *nt, struct ntsync_nt_deadline deadline);

/**
 * ntsync_nt_alert_by_id() - end a thread's wait (NtAlertThreadByThreadId)
 * @nt: the table.
 * @tid: the thread's id.
 *
 * The thread's present ntsync_nt_wait_for_alert_by_id() returns, or else its next one. Several
 * calls before that count as one. For a thread that is not attached, see ntsync_nt_alert_thread().
 *
 * Return: as ntsync_nt_alert_thread().
 */
uint32_t ntsync_nt_alert_by_id(struct ntsync_nt *nt, uint32_t tid);

/* -------------------------------------------- Locks in the guest's memory */

/*
 * The guest's own structs as the host has them mapped, in the host's byte order. The guest uses them
 * by these functions only. Without contention they make no system call. An exclusive owner inherits
 * the priority of those that wait, as with ntsync_lock.h. If a thread ends that holds one, it stays
 * held.
 */

/**
 * ntsync_nt_enter_critical_section() - enter a critical section (RtlEnterCriticalSection)
 * @nt: the table.
 * @section: an RTL_CRITICAL_SECTION; a multiple of 4. LockCount is -1 and the rest of it 0 at
 *	first, except for DebugInfo and SpinCount, which are not used.
 * @pointer_size: the size of the guest's pointers, 4 or 8.
 *
 * Its owner may enter again. LockSemaphore belongs to the library, which also writes LockCount (-1
 * or -2), RecursionCount, and the owner's id in the table in OwningThread.
 *
 * Return: SUCCESS, or
 * the status given to ntsync_nt_stop() or ntsync_nt_interrupt_thread(): it would have waited.
 * INVALID_PARAMETER: another @pointer_size; @section is not a multiple of 4.
 * INSUFFICIENT_RESOURCES: the caller has entered it 2^31 - 1 times.
 * NO_MEMORY: the caller could not be attached.
 */
uint32_t ntsync_nt_enter_critical_section(struct ntsync_nt *nt, void *section,
					  size_t pointer_size);

/**
 * ntsync_nt_try_enter_critical_section() - enter it without a wait (RtlTryEnterCriticalSection)
 * @nt: the table.
 * @section: as in ntsync_nt_enter_critical_section().
 * @pointer_size: as there.
 *
 * Return: whether it was entered.
 */
bool ntsync_nt_try_enter_critical_section(struct ntsync_nt *nt, void *section,
					  size_t pointer_size);

/**
 * ntsync_nt_leave_critical_section() - leave a critical section (RtlLeaveCriticalSection)
 * @nt: the table.
 * @section: as in ntsync_nt_enter_critical_section().
 * @pointer_size: as there.
 *
 * Return: SUCCESS, or
 * RESOURCE_NOT_OWNED: the caller is not in it.
 * INVALID_PARAMETER, NO_MEMORY: as ntsync_nt_enter_critical_section().
 */
uint32_t ntsync_nt_leave_critical_section(struct ntsync_nt *nt, void *section,
					  size_t pointer_size);

/**
 * ntsync_nt_acquire_srw_lock() - lock (RtlAcquireSRWLockExclusive, RtlAcquireSRWLockShared)
 * @nt: the table.
 * @lock: an SRWLOCK, 0 if it is free; a multiple of 4. Its first 32 bits are a &struct ntsync_rw.
 * @shared: for reading.
 *
 * Return: SUCCESS, or
 * the status given to ntsync_nt_stop() or ntsync_nt_interrupt_thread(): it would have waited.
 * POSSIBLE_DEADLOCK: the caller has it exclusively.
 * INVALID_PARAMETER: @lock is not a multiple of 4.
 * INSUFFICIENT_RESOURCES: there are 2^30 - 1 readers.
 * NO_MEMORY: the caller could not be attached.
 */
uint32_t ntsync_nt_acquire_srw_lock(struct ntsync_nt *nt, void *lock, bool shared);

/**
 * ntsync_nt_try_acquire_srw_lock() - lock without a wait (RtlTryAcquireSRWLockExclusive, -Shared)
 * @nt: the table.
 * @lock: as in ntsync_nt_acquire_srw_lock().
 * @shared: for reading.
 *
 * Return: whether it was acquired.
 */
bool ntsync_nt_try_acquire_srw_lock(struct ntsync_nt *nt, void *lock, bool shared);

/**
 * ntsync_nt_release_srw_lock() - end a lock (RtlReleaseSRWLockExclusive, -Shared)
 * @nt: the table.
 * @lock: as in ntsync_nt_acquire_srw_lock().
 * @shared: how the caller has it.
 *
 * Return: SUCCESS, or
 * RESOURCE_NOT_OWNED: the caller does not have it exclusively; @shared: there is no reader. That
 * the caller is one can't be checked.
 * INVALID_PARAMETER, NO_MEMORY: as ntsync_nt_acquire_srw_lock().
 */
uint32_t ntsync_nt_release_srw_lock(struct ntsync_nt *nt, void *lock, bool shared);

/* -------------------------------------------------------------- Channels */

/*
 * Channels of libntsync.h by handles: a client sends a request with a priority and waits for the
 * reply; the server inherits the priority. They have names, duplicates and a lifetime as other
 * objects. ntsync_nt_wait_single() and _multiple() do not accept them, ntsync_nt_wait_aggregate()
 * does. On a driver without channels each of these functions returns NOT_SUPPORTED.
 *
 * A request carries two numbers. NT's LPC ports carry messages: a runtime puts those into memory,
 * and the address into the request.
 */

/**
 * ntsync_nt_create_channel() - create a channel
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 * @max_depth: how many requests may be pending, 1 to NTSYNC_CHANNEL_MAX_DEPTH.
 *
 * Return: see &struct ntsync_nt_attributes, and
 * INVALID_PARAMETER: @max_depth is out of range.
 * NOT_SUPPORTED: the driver lacks channels.
 */
uint32_t ntsync_nt_create_channel(struct ntsync_nt *nt, uint32_t *out,
				  const struct ntsync_nt_attributes *attributes,
				  uint32_t max_depth);

/**
 * ntsync_nt_open_channel() - open a channel by its name
 * @nt: the table.
 * @out: where to write the handle.
 * @name: the name.
 *
 * Return: see &struct ntsync_nt_attributes.
 */
uint32_t ntsync_nt_open_channel(struct ntsync_nt *nt, uint32_t *out, const char *name);

/**
 * ntsync_nt_channel_send() - send a request and wait for the reply (NtRequestWaitReplyPort)
 * @nt: the table.
 * @handle: the channel.
 * @policy: SCHED_FIFO or SCHED_RR; not checked if @prio is 0.
 * @prio: priority of the request, 1 to 99; 0: none.
 * @payload: for the receiver.
 * @reply: for the receiver.
 *
 * Waits without a deadline, and neither an alert nor ntsync_nt_stop() ends the wait: the driver
 * offers no such thing. A stop and an interruption refuse a send before it has begun. To end one in
 * progress, let the servers reply or close the channel, or send the thread a signal with a handler
 * that was installed without SA_RESTART: REQUEST_ABORTED, or the status of the stop or interruption.
 * So do not rely on a stop for threads that send to a server outside the table.
 *
 * Return: SUCCESS after the reply, or
 * INVALID_PARAMETER: @policy or @prio is out of range.
 * INSUFFICIENT_RESOURCES: as many requests are pending as may be.
 * PORT_DISCONNECTED: the processes that received from the channel are gone. Nobody has executed the
 * request.
 * LPC_REPLY_LOST: the receiver of the request is gone. It may have executed it.
 * REQUEST_ABORTED: a signal was handled. The request is withdrawn, but a receiver may have executed
 * it, or may still do so.
 * the status given to ntsync_nt_stop() or ntsync_nt_interrupt_thread(): before the call, or in place
 * of REQUEST_ABORTED.
 * NOT_SUPPORTED, NO_MEMORY.
 */
uint32_t ntsync_nt_channel_send(struct ntsync_nt *nt, uint32_t handle, uint32_t policy,
				uint32_t prio, uint64_t payload, uint64_t reply);

/**
 * ntsync_nt_channel_receive() - take the request with the highest priority (NtReplyWaitReceivePort)
 * @nt: the table.
 * @handle: the channel.
 * @alertable: whether an alert ends the wait.
 * @deadline: when the wait times out; { 0, 0 } to try only, as after ntsync_nt_wait_aggregate().
 * @request: where to write it. Not NULL.
 *
 * The caller inherits as described in libntsync.h, "Channels". Each request goes to one receiver.
 *
 * Return: SUCCESS, or
 * TIMEOUT, USER_APC, ALERTED, the status of a stop or an interruption: nothing was received.
 * INVALID_PARAMETER: unknown flags of @deadline; @request is NULL.
 * NOT_SUPPORTED, NO_MEMORY.
 */
uint32_t ntsync_nt_channel_receive(struct ntsync_nt *nt, uint32_t handle, bool alertable,
				   struct ntsync_nt_deadline deadline,
				   struct ntsync_channel_request *request);

/**
 * ntsync_nt_channel_reply() - end a request, so that its sender returns (NtReplyPort)
 * @nt: the table.
 * @handle: the channel.
 * @id: &ntsync_channel_request.id.
 *
 * Return: SUCCESS, or
 * REPLY_MESSAGE_MISMATCH: no sender waits for this: the id is unknown, its request has a reply
 * already or was not received, or the sender has left.
 * NOT_SUPPORTED.
 */
uint32_t ntsync_nt_channel_reply(struct ntsync_nt *nt, uint32_t handle, uint64_t id);

/* ----------------------------------------------------------- Descriptors */

/*
 * A table is for one process. Its objects are descriptors, though, and those go to other processes,
 * by fork() or SCM_RIGHTS, and into calls of libntsync.h. An object that two tables have belongs to
 * both: a signal through one wakes a waiter of the other.
 */

/**
 * ntsync_nt_get_fd() - get a descriptor of a handle's object
 * @nt: the table.
 * @handle: an event, mutant, semaphore, channel, or an object of the runtime's own types that has an
 *	event, and then of that.
 * @fd: where to write the descriptor. Not NULL. It is a new one (O_CLOEXEC), which the caller
 *	closes; that closes no handle. The object exists as long as either does.
 *
 * For the instance, which another process needs to wait, set &ntsync_nt_config.dev.
 *
 * What is done with the descriptor of a mutant is not known to the table. Use owner ids that no
 * thread of the table has, and release it by the way it was acquired. If its last handle is closed
 * while a thread of the table owns it, it stays owned until that thread ends, and is abandoned then.
 * Until then it takes a descriptor.
 *
 * Return: SUCCESS, or
 * OBJECT_TYPE_MISMATCH: the object has no descriptor (keyed events, objects without an event), or
 * only the library may signal it (timers, threads, completion ports).
 * TOO_MANY_OPENED_FILES: the process has none left.
 * INVALID_PARAMETER: @fd is NULL.
 */
uint32_t ntsync_nt_get_fd(struct ntsync_nt *nt, uint32_t handle, int *fd);

/**
 * ntsync_nt_adopt_fd() - make a descriptor's object an object of the table
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 * @fd: an event, mutex, semaphore or channel of the table's instance. Duplicated: the caller keeps
 *	it, and may close it.
 *
 * The handle is of the type that the object has. Adopt an object once, and use ntsync_nt_duplicate()
 * for further handles: if it is adopted twice, the table has two objects that share a state. Then
 * ntsync_nt_compare() says NOT_SAME_OBJECT, and a thread must release a mutant by the object that it
 * has acquired it by.
 *
 * Owners of a mutant are ids. Processes that share one need ids that differ, as by
 * ntsync_nt_thread_attach(). The table abandons what its own threads have acquired, not what others
 * have; also if the last handle was closed before the thread ends, see ntsync_nt_get_fd().
 *
 * Return: see &struct ntsync_nt_attributes, and
 * INVALID_HANDLE: @fd is not open.
 * OBJECT_TYPE_MISMATCH: it is not an object of the driver. With OPEN_IF: an object of another type
 * has the name.
 * INVALID_PARAMETER: it is an object of another instance.
 */
uint32_t ntsync_nt_adopt_fd(struct ntsync_nt *nt, uint32_t *out,
			    const struct ntsync_nt_attributes *attributes, int fd);

/* ----------------------------------------------------------- Save states */

/*
 * A runtime saves a stopped table, see ntsync_nt_stop(): each handle of a snapshot with the
 * object's id, its queries, its name; and each thread. It restores the table in another one:
 * creates each object with its state, gives it its handles with ntsync_nt_duplicate_at(), sends the
 * threads what was pending, and begins the waits again that the stop has ended. docs/handles.md has
 * the list.
 */

/**
 * ntsync_nt_query_name() - read an object's name (NtQueryObject)
 * @nt: the table.
 * @handle: the object.
 * @name: where to write the name as it was given, with a 0 at the end; not read if @size is 0.
 * @size: how many bytes fit; NTSYNC_NT_MAX_NAME + 1 are enough.
 * @length: where to write the length of the name without the 0; 0: it has none. Also written with
 *	BUFFER_TOO_SMALL.
 *
 * Return: SUCCESS, or
 * BUFFER_TOO_SMALL: only the beginning was written.
 */
uint32_t ntsync_nt_query_name(struct ntsync_nt *nt, uint32_t handle, char *name, size_t size,
			      size_t *length);

/**
 * struct ntsync_nt_timer_setting - how a timer is set
 * @due: when it expires next. For ever: it is not set.
 * @period: nanoseconds from one expiry to the next, or 0.
 * @tid: the id of the thread that it sends an APC to, or 0.
 * @apc: the APC: the routine and its first argument.
 */
struct ntsync_nt_timer_setting {
	struct ntsync_nt_deadline due;
	uint64_t period;
	uint32_t tid;
	struct ntsync_nt_apc apc;
};

/**
 * ntsync_nt_query_timer_setting() - read how a timer is set
 * @nt: the table.
 * @handle: the timer.
 * @setting: where to write that.
 *
 * A time of CLOCK_MONOTONIC has a meaning until the machine is started again. To restore a timer
 * later, save the time that remains.
 *
 * Return: a status common to all functions.
 */
uint32_t ntsync_nt_query_timer_setting(struct ntsync_nt *nt, uint32_t handle,
				       struct ntsync_nt_timer_setting *setting);

/**
 * ntsync_nt_restore_mutant() - create a mutant that another thread owns
 * @nt: the table.
 * @out: where to write the handle.
 * @attributes: its name, or NULL.
 * @owner: the id of the thread that owns it, which is not attached yet, from 1 to
 *	NTSYNC_NT_OWN_TIDS - 1. Do not let it attach before the call returns.
 * @count: how often the owner has acquired it.
 *
 * To restore an abandoned mutant, give it to an id, and call ntsync_nt_thread_abandon() for that.
 *
 * Return: see &struct ntsync_nt_attributes, and
 * INVALID_PARAMETER: @owner is out of range or attached; @count is 0 or above the table's limit.
 */
uint32_t ntsync_nt_restore_mutant(struct ntsync_nt *nt, uint32_t *out,
				  const struct ntsync_nt_attributes *attributes, uint32_t owner,
				  uint32_t count);

/**
 * ntsync_nt_thread_ids() - list the ids of the table's threads
 * @nt: the table.
 * @tids: where to write them, in no particular order; not used if @size is 0.
 * @size: how many fit.
 *
 * Threads that are attached, and ids that something was sent to or created for.
 *
 * Return: how many there are.
 */
size_t ntsync_nt_thread_ids(struct ntsync_nt *nt, uint32_t *tids, size_t size);

/**
 * struct ntsync_nt_pending - what a thread has not taken yet
 * @apcs: how many APCs are in its queue.
 * @interruption: the status of ntsync_nt_interrupt_thread(), or 0.
 * @alerted: ntsync_nt_alert_thread() was called.
 * @apc_pending: ntsync_nt_queue_apc() was called.
 * @attached: the thread is attached.
 * @alerted_by_id: ntsync_nt_alert_by_id() was called.
 */
struct ntsync_nt_pending {
	size_t apcs;
	uint32_t interruption;
	bool alerted;
	bool apc_pending;
	bool attached;
	bool alerted_by_id;
};

/**
 * ntsync_nt_query_pending() - read what a thread has not taken yet
 * @nt: the table.
 * @tid: the thread's id.
 * @pending: where to write that.
 * @apcs: where to write the APCs of its queue in their order; not used if @size is 0.
 * @size: how many fit.
 *
 * An APC that a timer has sent is one of them. Restored by ntsync_nt_queue_user_apc(), it is no
 * longer the timer's.
 *
 * Return: SUCCESS, or
 * INVALID_CID: the table has no thread with this id.
 */
uint32_t ntsync_nt_query_pending(struct ntsync_nt *nt, uint32_t tid,
				 struct ntsync_nt_pending *pending, struct ntsync_nt_apc *apcs,
				 size_t size);

/* ----------------------------------------------------------- Diagnostics */

/**
 * struct ntsync_nt_count - handles and objects of one type
 * @handles: open handles.
 * @most_handles: the highest value that @handles has had.
 * @objects: existing objects.
 * @most_objects: the highest value that @objects has had.
 * @creates: handles created so far. @creates - @handles of them were closed.
 */
struct ntsync_nt_count {
	uint32_t handles;
	uint32_t most_handles;
	uint32_t objects;
	uint32_t most_objects;
	uint64_t creates;
};

/**
 * ntsync_nt_count() - count the handles and objects of one type
 * @nt: the table.
 * @type: the type.
 * @out: where to write the numbers. Not NULL.
 */
void ntsync_nt_count(struct ntsync_nt *nt, enum ntsync_nt_type type, struct ntsync_nt_count *out);

/**
 * struct ntsync_nt_entry - a handle in a snapshot
 * @id: the object's id, as in &struct ntsync_nt_record.
 * @handle: the handle.
 * @generation: the handle's generation, as in &struct ntsync_nt_record.
 * @type: the object's type.
 */
struct ntsync_nt_entry {
	uint64_t id;
	uint32_t handle;
	uint32_t generation;
	enum ntsync_nt_type type;
};

/**
 * struct ntsync_nt_snapshot - the handles that were open at some time
 */
struct ntsync_nt_snapshot;

/**
 * ntsync_nt_snapshot_take() - record which handles are open
 * @nt: the table.
 * @out: where to write the snapshot.
 *
 * A handle that is open throughout the call is in the snapshot. One that is opened or closed
 * meanwhile may be.
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
 * typedef ntsync_nt_entry_fn - callback of ntsync_nt_snapshot_diff()
 * @context: as given to ntsync_nt_snapshot_diff().
 * @entry: a handle; valid during the call.
 */
typedef void (*ntsync_nt_entry_fn)(void *context, const struct ntsync_nt_entry *entry);

/**
 * ntsync_nt_snapshot_diff() - find the handles that one snapshot has and an earlier one has not
 * @before: the earlier snapshot, or NULL for one without handles.
 * @after: the later snapshot.
 * @report: called for each handle that is in @after and not in @before, in ascending order; or
 *	NULL. A handle value that was closed and issued again is a different handle.
 * @context: passed to @report.
 *
 * Return: how many such handles there are.
 */
size_t ntsync_nt_snapshot_diff(const struct ntsync_nt_snapshot *before,
			       const struct ntsync_nt_snapshot *after, ntsync_nt_entry_fn report,
			       void *context);

/**
 * ntsync_nt_check() - check that the table is consistent
 * @nt: the table. No other call on it may be in progress, except for waits while it is stopped.
 *
 * For tests, and for a runtime that suspects memory corruption.
 *
 * Return: 0, or the number of broken invariants, or -ENOMEM.
 */
int ntsync_nt_check(struct ntsync_nt *nt);

#ifdef __cplusplus
}
#endif

#endif /* NTSYNC_NT_H */
