/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects. An object is destroyed when its last reference is dropped. References are held by:
 *
 *	a slot that is not free		one each (handle.h)
 *	a call				one for each object that it uses without a slot
 *	a binding			one each: %NTSYNC_NT_CURRENT_PROCESS and _THREAD (bind.c)
 *	a thread that has not ended	one to its thread object (thread_object.c)
 *
 * The memory of a destroyed object is used again for objects only, so nt_object_get_if_live() may
 * be called on an object that may have been destroyed.
 */
#ifndef LIBNTSYNC_NT_OBJECT_H
#define LIBNTSYNC_NT_OBJECT_H

#include "table.h"

struct nt_name;
struct nt_timer;

/**
 * struct nt_thread_object - the part of a thread object that is not its object
 * @tid: the thread's id.
 * @exit_status: what it will be, or is. Under the table's lock.
 * @ended: the thread has ended, and its id may be another thread's. Under the table's lock.
 */
struct nt_thread_object {
	uint32_t tid;
	uint32_t exit_status;
	bool ended;
};

/**
 * struct nt_object - one ntsync object
 * @link: the pool's word.
 * @index: the object's index in the pool.
 * @refs: how many references there are.
 * @handles: how many handles it has, those included that a call is about to publish. The name
 *	is removed with the last one.
 * @fd: its descriptor; never 0, so that an event can be an alert.
 * @type: its type.
 * @manual: event or timer: releases all waiters.
 * @id: its number, which no other object of the table gets; 0 before the first use.
 * @owned_at: mutant: its index in the owner's &nt_thread.owned. Only the owner relies on it.
 * @name: its name or NULL. Changes under the table's lock.
 * @timer: timer: when it expires.
 * @thread: thread: which one.
 */
struct nt_object {
	_Atomic uint64_t link;
	uint32_t index;
	_Atomic uint32_t refs;
	_Atomic uint32_t handles;
	int fd;
	enum ntsync_nt_type type;
	bool manual;
	uint64_t id;
	_Atomic uint32_t owned_at;
	struct nt_name *_Atomic name;
	union {
		struct nt_timer *timer;
		struct nt_thread_object *thread;
	};
};

_Static_assert(sizeof(struct nt_object) <= NT_CACHE_LINE, "one object a cache line");

/**
 * struct nt_object_spec - an object to be created
 * @type: its type.
 * @manual: &nt_object.manual
 * @create_fd: creates the ntsync object: a descriptor or a negative errno.
 * @value: semaphore: its count; mutant: its owner; event: whether it is signaled.
 * @limit: semaphore: its limit.
 * @timer: &nt_object.timer. Belongs to the object if one was created, else to the caller.
 * @thread: &nt_object.thread, as @timer.
 */
struct nt_object_spec {
	enum ntsync_nt_type type;
	bool manual;
	int (*create_fd)(const struct ntsync_nt *nt, const struct nt_object_spec *spec);
	uint32_t value;
	uint32_t limit;
	union {
		struct nt_timer *timer;
		struct nt_thread_object *thread;
	};
};

/* An object with one reference and one handle, which the caller is to publish. */
uint32_t nt_object_create(struct ntsync_nt *nt, const struct nt_object_spec *spec,
			  struct nt_object **out);
/* Takes a further reference. The caller has or pins one already. */
void nt_object_get(struct nt_object *object);
/*
 * Takes a reference to an object that may have been destroyed, and its memory used again: the
 * caller compares the id after that.
 */
bool nt_object_get_if_live(struct nt_object *object);
void nt_object_put(struct ntsync_nt *nt, struct nt_object *object);
/* Frees what belongs to an object, but not its memory. */
void nt_object_free_parts(struct ntsync_nt *nt, struct nt_object *object);
/* Takes a further handle, if the object has one. Without handles its name is no longer valid. */
bool nt_object_get_handle_if_any(struct nt_object *object);

#endif /* LIBNTSYNC_NT_OBJECT_H */
