/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Associations of wait completion packets: which object each waits for, and what it queues to which
 * port when that is signaled. All of it is under &ntsync_nt.port_lock.
 *
 * There is no thread that waits. After a thread has signaled an object, it reads whether there are
 * associations, and consumes the object for them:
 *
 *	a signal				an association
 *
 *	  (a) the driver signals		  (c) sets &nt_object.awaited
 *	  (b) reads &nt_object.awaited		  (d) consumes the object, if it is signaled
 *
 * If (d) does not find the signal of (a), (b) comes after (c). An object is consumed for an association,
 * its packet queued, and the association cancelled, under the lock: what was consumed is in the queue.
 *
 * A signal that finds (c) before (a) has the lock from (a) on: no signal handler suspends the thread in
 * between, and if it is preempted, those that need the lock lend it their priority. So does a thread
 * that has found the object signaled by a wait or a query: it looks, too. What remains is a thread that
 * found nothing before (c), and is suspended after (a): it looks when it goes on.
 */
#ifndef LIBNTSYNC_NT_ASSOCIATION_H
#define LIBNTSYNC_NT_ASSOCIATION_H

#include "object.h"

struct nt_packet;

/**
 * struct nt_association - what &nt_object.association of a wait completion packet points to
 * @link: in &ntsync_nt.associations, by the target, while it is the first of those that wait for it.
 * @next: the one that came after it, in a ring of those that wait for the same target.
 * @prev: the one that came before it.
 * @handles: &nt_object.handles
 * @packet: what it queues or has queued; NULL: it is not associated. It has a reference to the target.
 * @port: the port's object.
 * @pending: it waits: the packet is in no queue.
 * @data: of ntsync_nt_set_data().
 */
struct nt_association {
	struct nt_hash_link link;
	struct nt_association *next;
	struct nt_association *prev;
	const _Atomic uint32_t *handles;
	struct nt_packet *packet;
	const struct nt_object *port;
	bool pending;
	struct nt_data data;
};

/*
 * Associates it. SUCCESS, and in @signaled whether the packet was queued at once; INVALID_HANDLE: it
 * or the port was closed; INVALID_PARAMETER_1: it is associated; NO_MEMORY.
 */
uint32_t nt_association_begin(struct ntsync_nt *nt, struct nt_association *association,
			      const struct nt_object *port, struct nt_packet *packet,
			      bool *signaled);
/* The status of a cancel. If there is a packet in @packet then, it belongs to the caller. */
uint32_t nt_association_cancel(struct ntsync_nt *nt, struct nt_association *association,
			       bool remove, struct nt_packet **packet);
/* Its last handle was closed. Returns the packet, or NULL. */
struct nt_packet *nt_association_close(struct ntsync_nt *nt, struct nt_association *association);
/* The port's last handle was closed. Returns the packets of all that are pending there. */
struct nt_packet *nt_association_close_port(struct ntsync_nt *nt, const struct nt_object *port);
void nt_association_query(struct ntsync_nt *nt, const struct nt_association *association,
			  struct ntsync_nt_wait_completion_packet_state *state);
/* No call uses it. */
void nt_association_destroy(struct ntsync_nt *nt, struct nt_association *association);
/* Before the objects are destroyed. */
void nt_associations_exit(struct ntsync_nt *nt);

/* The number of broken invariants of the associations of an object. */
size_t nt_association_check(struct ntsync_nt *nt, const struct nt_object *target);

/* Serves the associations of an object for which this is possible. */
void nt_association_look(struct ntsync_nt *nt, struct nt_object *target);
void nt_association_look_and_unlock(struct ntsync_nt *nt, struct nt_object *target,
				    const struct nt_saved *saved);
/* As ntsync_event_set(), and so on. */
int nt_association_set_event(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev);
int nt_association_reset_event(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev);
int nt_association_pulse_event(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev);

/*
 * (b). The barrier keeps the driver's store of (a) before it, or the driver's load that has found that store. It
 * pairs with that between (c) and (d). After a load it must be a full one, too, as (a) is another thread's.
 */
static inline bool nt_is_awaited(const struct nt_object *object)
{
	nt_barrier();
	return atomic_load(&object->awaited);
}

/* After the object was signaled, or was found to be. */
static inline void nt_look_if_awaited(struct ntsync_nt *nt, struct nt_object *object)
{
	if (nt_is_awaited(object))
		nt_association_look(nt, object);
}

/**
 * struct nt_signaling - a signal
 * @locked: there were associations before it.
 * @saved: for the lock.
 */
struct nt_signaling {
	bool locked;
	struct nt_saved saved;
};

/* Before the driver signals the object. */
static inline void nt_signaling_begin(struct ntsync_nt *nt, const struct nt_object *object,
				      struct nt_signaling *signaling)
{
	signaling->locked = atomic_load(&object->awaited);
	if (signaling->locked)
		nt_lock(&nt->port_lock, &signaling->saved);
}

/* After that. */
static inline void nt_signaling_end(struct ntsync_nt *nt, struct nt_object *object,
				    const struct nt_signaling *signaling)
{
	nt_race();
	if (signaling->locked)
		nt_association_look_and_unlock(nt, object, &signaling->saved);
	else
		nt_look_if_awaited(nt, object);
}

#endif /* LIBNTSYNC_NT_ASSOCIATION_H */
