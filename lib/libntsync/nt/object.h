/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects. An object is destroyed when its last reference is dropped. References are held by:
 *
 *	a slot that is not free		one each (handle.h)
 *	a call				one for each object that it uses without a slot
 *	a binding			one each: %NTSYNC_NT_CURRENT_PROCESS and _THREAD (bind.c)
 *	a thread that has not ended	one to its thread object (thread_object.c)
 *	an object of the runtime's own	one to its event (own.c)
 *	a wait completion packet	one to what it waits for, until its packet is removed (port.h)
 *	ntsync_nt_reference()		one each
 *	a thread that owns a mutant	the last one, if others have the mutant's descriptor: %NT_LEFT_TO_OWNER
 *
 * The memory of a destroyed object is used again for objects only, so nt_object_get_if_live() may
 * be called on an object that may have been destroyed.
 */
#ifndef LIBNTSYNC_NT_OBJECT_H
#define LIBNTSYNC_NT_OBJECT_H

#include "table.h"

struct nt_association;
struct nt_name;
struct nt_packet;
struct nt_port;
struct nt_timer;

/**
 * struct nt_own_object - the part of an object of the runtime's own types that is not its object
 * @kind: the runtime's number of the type.
 * @data: &ntsync_nt_own.data
 * @destroy: &ntsync_nt_own.destroy
 * @event: the event that it is waited for by, with a reference, or NULL.
 */
struct nt_own_object {
	uint32_t kind;
	struct nt_data data;
	ntsync_nt_destroy_fn destroy;
	struct nt_object *event;
};

/**
 * struct nt_thread_object - the part of a thread object that is not its object
 * @tid: the thread's id.
 * @exit_status: what it will be, or is. Under the table's lock.
 * @ended: the thread has ended, and its id may be another thread's. Under the table's lock.
 * @data: of ntsync_nt_set_data().
 */
struct nt_thread_object {
	uint32_t tid;
	uint32_t exit_status;
	bool ended;
	struct nt_data data;
};

#define NT_NO_FD (-1)

/*
 * Bit of &nt_object.owned_at: the last reference was dropped and is the owner's now. Others can wait
 * for the mutant, so it is abandoned when the owner ends. Races with that:
 *
 *	nt_object_put()				nt_owned_abandon()
 *
 *	  (a) owned_at: index -> index | LEFT
 *						  (b) owned_at -> NT_NO_INDEX, kills
 *						  drops the reference of (a), too
 *	or
 *						  (b) owned_at -> NT_NO_INDEX, kills
 *	  (a) fails: drops the reference
 *
 * No thread of the table acquires the mutant meanwhile: it has no handle.
 */
#define NT_LEFT_TO_OWNER (1u << 31)

/**
 * struct nt_object - one ntsync object
 * @link: the pool's word.
 * @index: the object's index in the pool.
 * @refs: how many references there are.
 * @handles: how many handles it has, those included that a call is about to publish. The name
 *	is removed with the last one.
 * @fd: its descriptor; never 0, so that an event can be an alert. Of the runtime's own types: that
 *	of the event, or NT_NO_FD. Wait completion packet: NT_NO_FD.
 * @type: its type.
 * @manual: event or timer: releases all waiters.
 * @adopted: others may have the same ntsync object: ntsync_nt_adopt_fd().
 * @awaited: wait completion packets wait for it. Changes under &ntsync_nt.port_lock.
 * @shared: @adopted, or ntsync_nt_get_fd() has given its descriptor to others.
 * @id: its number, which no other object of the table gets; 0 before the first use.
 * @owned_at: mutant: its index in the owner's &nt_thread.owned, perhaps with %NT_LEFT_TO_OWNER; NT_NO_INDEX:
 *	no thread of the table owns it. May be out of date while a call uses the mutant, except for
 *	the owner.
 * @held: how many of the references are those of ntsync_nt_reference().
 * @name: its name or NULL. Changes under the table's lock.
 * @timer: timer: when it expires.
 * @thread: thread: which one.
 * @own: one of the runtime's own types: the rest of it.
 * @port: completion port: the rest of it.
 * @association: wait completion packet: the rest of it.
 * @data: event, mutant, semaphore, channel: of ntsync_nt_set_data().
 */
struct nt_object {
	_Atomic uint64_t link;
	uint32_t index;
	_Atomic uint32_t refs;
	_Atomic uint32_t handles;
	int fd;
	enum ntsync_nt_type type;
	bool manual;
	bool adopted;
	_Atomic bool awaited;
	_Atomic bool shared;
	uint64_t id;
	_Atomic uint32_t owned_at;
	_Atomic uint32_t held;
	struct nt_name *_Atomic name;
	union {
		struct nt_timer *timer;
		struct nt_thread_object *thread;
		struct nt_own_object *own;
		struct nt_port *port;
		struct nt_association *association;
		struct nt_data data;
	};
};

_Static_assert(sizeof(struct nt_object) <= NT_CACHE_LINE, "one object a cache line");

/**
 * struct nt_object_spec - an object to be created
 * @type: its type.
 * @manual: &nt_object.manual
 * @adopted: &nt_object.adopted
 * @create_fd: creates the ntsync object: a descriptor or a negative errno. NULL: the object has
 *	@fd.
 * @fd: see @create_fd. Of @adopted: what @create_fd duplicates.
 * @value: semaphore: its count; mutant: its owner; event: whether it is signaled.
 * @limit: semaphore: its limit; mutant: how often it is acquired; channel: its depth.
 * @timer: &nt_object.timer. Belongs to the object if one was created, else to the caller.
 * @thread: &nt_object.thread, as @timer.
 * @own: &nt_object.own, as @timer.
 * @port: &nt_object.port, as @timer.
 * @association: &nt_object.association, as @timer.
 */
struct nt_object_spec {
	enum ntsync_nt_type type;
	bool manual;
	bool adopted;
	int (*create_fd)(const struct ntsync_nt *nt, const struct nt_object_spec *spec);
	int fd;
	uint32_t value;
	uint32_t limit;
	union {
		struct nt_timer *timer;
		struct nt_thread_object *thread;
		struct nt_own_object *own;
		struct nt_port *port;
		struct nt_association *association;
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
/* Frees packets that are linked, and drops their references. */
void nt_packets_free(struct ntsync_nt *nt, struct nt_packet *packet);
/* Destroys an object although it has references: no other call uses the table. */
void nt_object_destroy_last(struct ntsync_nt *nt, struct nt_object *object);
/* Whether it is of this type, and of this kind if that is not 0. */
bool nt_object_is_of(const struct nt_object *object, enum ntsync_nt_type type, uint32_t kind);
/* Takes a further handle, if the object has one. Without handles its name is no longer valid. */
bool nt_object_get_handle_if_any(struct nt_object *object);

#endif /* LIBNTSYNC_NT_OBJECT_H */
