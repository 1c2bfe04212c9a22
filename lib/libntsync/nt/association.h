/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Associations of wait completion packets: which object each waits for, and what it queues to which
 * port when that is signaled. All of it is under &ntsync_nt.port_lock.
 *
 * No thread waits. Whoever signals an object, or finds it signaled, looks for its associations after
 * that, and consumes the object for them. So:
 *
 *	a signal				an association
 *
 *	  (a) the driver signals		  (c) sets &nt_object.awaited
 *	  (b) reads &nt_object.awaited		  (d) consumes the object, if it is signaled
 *
 * If (d) does not find the signal of (a), (b) comes after (c). Who consumes is decided by the driver;
 * who is served is decided under the lock, as is a cancel: an object that was consumed for an
 * association is a packet in the queue.
 */
#ifndef LIBNTSYNC_NT_ASSOCIATION_H
#define LIBNTSYNC_NT_ASSOCIATION_H

#include "object.h"

struct nt_packet;
struct nt_port;

/**
 * struct nt_association - the part of a wait completion packet that is not its object
 * @link: in &ntsync_nt.associations while it is pending, by the target.
 * @handles: &nt_object.handles
 * @packet: what it queues or has queued; NULL: it is not associated. It has a reference to the target.
 * @port: where to.
 * @number: which association it is: the oldest one of an object is served first.
 * @pending: it waits: the packet is in no queue.
 * @data: of ntsync_nt_set_data().
 */
struct nt_association {
	struct nt_hash_link link;
	const _Atomic uint32_t *handles;
	struct nt_packet *packet;
	struct nt_port *port;
	uint64_t number;
	bool pending;
	struct nt_data data;
};

/*
 * Associates it. SUCCESS, and in @signaled whether the packet was queued at once; INVALID_HANDLE: it
 * or the port was closed; INVALID_PARAMETER_1: it is associated; NO_MEMORY.
 */
uint32_t nt_association_begin(struct ntsync_nt *nt, struct nt_association *association,
			      struct nt_port *port, struct nt_packet *packet, bool *signaled);
/* The status of a cancel. If there is a packet in @packet then, it belongs to the caller. */
uint32_t nt_association_cancel(struct ntsync_nt *nt, struct nt_association *association,
			       bool remove, struct nt_packet **packet);
/* Its last handle was closed. Returns the packet, or NULL. */
struct nt_packet *nt_association_close(struct ntsync_nt *nt, struct nt_association *association);
/* The port's last handle was closed. Returns the packets of all that are pending there. */
struct nt_packet *nt_association_close_port(struct ntsync_nt *nt, struct nt_port *port);
/* No call uses it. */
void nt_association_destroy(struct ntsync_nt *nt, struct nt_association *association);
void nt_associations_exit(struct ntsync_nt *nt);

/* The number of broken invariants of the associations of an object. */
size_t nt_association_check(struct ntsync_nt *nt, const struct nt_object *target);

/* Serves the associations of an object for which this is possible. */
void nt_association_look(struct ntsync_nt *nt, struct nt_object *target);
/* As ntsync_event_reset() and ntsync_event_pulse(). */
int nt_association_reset_event(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev);
int nt_association_pulse_event(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev);

/* After the object was signaled, or was found to be. */
static inline void nt_signaled(struct ntsync_nt *nt, struct nt_object *object)
{
	if (atomic_load(&object->awaited))
		nt_association_look(nt, object);
}

#endif /* LIBNTSYNC_NT_ASSOCIATION_H */
