// SPDX-License-Identifier: LGPL-2.1-or-later
#include "association.h"

#include "port.h"

static uint32_t hash_target(const struct nt_object *target)
{
	return target->index * 2654435761u;
}

static bool is_closed(const struct nt_association *association)
{
	return !atomic_load(association->handles);
}

/* The one that came first of those that wait for the object, or NULL. */
static struct nt_association *find_first_locked(const struct ntsync_nt *nt,
						const struct nt_object *target)
{
	struct nt_hash_link *link = nt_hash_chain(&nt->associations, hash_target(target));

	while (link && ((struct nt_association *)link)->packet->target != target)
		link = link->next;
	return (struct nt_association *)link;
}

/* Of those whose handles and whose port's are not closed: a close may be about to withdraw one. */
static struct nt_association *find_served_locked(const struct ntsync_nt *nt,
						 const struct nt_object *target)
{
	struct nt_association *first = find_first_locked(nt, target), *a = first;

	while (a && (is_closed(a) || nt_port_is_closed(a->port->port)))
		a = a->next == first ? NULL : a->next;
	return a;
}

static void make_first_locked(struct ntsync_nt *nt, struct nt_association *association)
{
	association->link.hash = hash_target(association->packet->target);
	nt_hash_insert(&nt->associations, &association->link);
}

static void start_pending_locked(struct ntsync_nt *nt, struct nt_association *association)
{
	struct nt_object *target = association->packet->target;
	struct nt_association *first = find_first_locked(nt, target);

	association->pending = true;
	association->next = first ? first : association;
	association->prev = first ? first->prev : association;
	association->prev->next = association;
	association->next->prev = association;
	if (!first)
		make_first_locked(nt, association);
	atomic_store(&target->awaited, true);
}

static void end_pending_locked(struct ntsync_nt *nt, struct nt_association *association)
{
	struct nt_object *target = association->packet->target;
	bool is_last = association->next == association;

	association->pending = false;
	if (find_first_locked(nt, target) == association) {
		nt_hash_remove(&nt->associations, &association->link);
		if (!is_last)
			make_first_locked(nt, association->next);
	}
	association->next->prev = association->prev;
	association->prev->next = association->next;
	if (is_last)
		atomic_store(&target->awaited, false);
}

/* Ends the association without a packet in the queue. Returns what it would have queued. */
static struct nt_packet *withdraw_locked(struct ntsync_nt *nt, struct nt_association *association)
{
	struct nt_packet *packet = association->packet;

	end_pending_locked(nt, association);
	nt_packet_disown_locked(packet);
	return packet;
}

/* -- Serving ----------------------------------------------------------------------------- */

static void serve_locked(struct ntsync_nt *nt, struct nt_association *association)
{
	end_pending_locked(nt, association);
	nt_port_queue_locked(association->port->port, association->packet);
}

static void serve_all_locked(struct ntsync_nt *nt, const struct nt_object *target)
{
	struct nt_association *association;

	while ((association = find_served_locked(nt, target)))
		serve_locked(nt, association);
}

/* The driver takes the owner of a wait for the caller's id. */
static uint32_t caller_tid(const struct ntsync_nt *nt)
{
	const struct nt_thread *thread = pthread_getspecific(nt->thread_key);

	return thread ? thread->tid : nt_thread_own_tid();
}

/* If the driver has no memory for the wait, the count stays in the semaphore. */
static bool consume_semaphore(const struct ntsync_nt *nt, const struct nt_object *semaphore)
{
	const struct ntsync_wait_opts opts = { .owner = caller_tid(nt) };
	int ret;

	do
		ret = ntsync_wait_any(nt->config.dev, &semaphore->fd, 1, &opts, NULL);
	while (ret == -EINTR);
	return !ret;
}

/* As a wait that does not sleep. Of an event without a wait: that would end a boost of the caller. */
static bool consume(const struct ntsync_nt *nt, const struct nt_object *target)
{
	uint32_t signaled = 0;

	if (target->type == NTSYNC_NT_SEMAPHORE)
		return consume_semaphore(nt, target);
	if (target->manual)
		ntsync_event_read(target->fd, NULL, &signaled);
	else
		ntsync_event_reset(target->fd, &signaled);
	return signaled;
}

static void look_locked(struct ntsync_nt *nt, struct nt_object *target)
{
	struct nt_association *association;

	while ((association = find_served_locked(nt, target)) && consume(nt, target))
		serve_locked(nt, association);
}

void nt_association_look_and_unlock(struct ntsync_nt *nt, struct nt_object *target,
				    const struct nt_saved *saved)
{
	look_locked(nt, target);
	nt_unlock(&nt->port_lock, saved);
}

void nt_association_look(struct ntsync_nt *nt, struct nt_object *target)
{
	struct nt_saved saved;

	nt_race();
	nt_lock(&nt->port_lock, &saved);
	nt_association_look_and_unlock(nt, target, &saved);
}

int nt_association_set_event(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev)
{
	struct nt_signaling signaling;
	int ret;

	nt_signaling_begin(nt, event, &signaling);
	ret = ntsync_event_set(event->fd, prev);
	nt_signaling_end(nt, event, &signaling);
	return ret;
}

/*
 * A signal that was found while there are associations is one that they have not been served from
 * yet. Returns whether that took it away.
 */
static bool serve_from_locked(struct ntsync_nt *nt, const struct nt_object *event)
{
	struct nt_association *association = find_served_locked(nt, event);

	if (association && event->manual)
		serve_all_locked(nt, event);
	else if (association)
		serve_locked(nt, association);
	return association && !event->manual;
}

/*
 * @prev is the state before a reset or a pulse without the lock. The signal that it has ended may be
 * one after which nobody has looked yet:
 *
 *	a set			a reset			an association
 *
 *				  awaited? no
 *							begins: not signaled
 *	  signals
 *				  resets: it was signaled
 *	  looks: not signaled
 *
 * If the association begins after the reset, and before this, it gets a packet for a signal that was
 * over. This is as if it had begun before the reset.
 */
static void serve_after_reset(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev)
{
	struct nt_saved saved;

	nt_race();
	if (!*prev || !nt_is_awaited(event))
		return;
	nt_lock(&nt->port_lock, &saved);
	if (serve_from_locked(nt, event))
		*prev = 0;
	nt_unlock(&nt->port_lock, &saved);
}

static int reset_locked(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev)
{
	int ret = ntsync_event_reset(event->fd, prev);

	if (!ret && *prev && serve_from_locked(nt, event))
		*prev = 0;
	return ret;
}

static int pulse_locked(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev)
{
	struct nt_association *association = find_served_locked(nt, event);
	int ret;

	if (event->manual || !association) {
		ret = ntsync_event_pulse(event->fd, prev);
		if (!ret)
			serve_all_locked(nt, event);
		return ret;
	}
	/* The one wait that it ends is the association's. */
	ret = ntsync_event_reset(event->fd, prev);
	if (ret)
		return ret;
	serve_locked(nt, association);
	if (*prev && serve_from_locked(nt, event))
		*prev = 0;
	return 0;
}

/* @unlocked: the driver's call, for an event that no association waits for; @locked: otherwise. */
static int end_signal(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev,
		      int (*unlocked)(int event, uint32_t *prev),
		      int (*locked)(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev))
{
	bool awaited = atomic_load(&event->awaited);
	struct nt_saved saved;
	int ret;

	nt_race();
	if (!awaited) {
		ret = unlocked(event->fd, prev);
		if (!ret)
			serve_after_reset(nt, event, prev);
		return ret;
	}
	nt_lock(&nt->port_lock, &saved);
	ret = locked(nt, event, prev);
	nt_unlock(&nt->port_lock, &saved);
	return ret;
}

int nt_association_reset_event(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev)
{
	return end_signal(nt, event, prev, ntsync_event_reset, reset_locked);
}

int nt_association_pulse_event(struct ntsync_nt *nt, struct nt_object *event, uint32_t *prev)
{
	return end_signal(nt, event, prev, ntsync_event_pulse, pulse_locked);
}

/* -- Beginning and end ------------------------------------------------------------------- */

static uint32_t begin_locked(struct ntsync_nt *nt, struct nt_association *association,
			     const struct nt_object *port, struct nt_packet *packet)
{
	if (is_closed(association) || nt_port_is_closed(port->port))
		return NTSYNC_STATUS_INVALID_HANDLE;
	if (association->packet)
		return NTSYNC_STATUS_INVALID_PARAMETER_1;
	if (!nt_hash_reserve(&nt->associations))
		return NTSYNC_STATUS_NO_MEMORY;
	if (packet->target->type == NTSYNC_NT_TIMER)
		atomic_store(&port->port->awaits_timers, true);
	packet->owner = &association->packet;
	association->packet = packet;
	association->port = port;
	start_pending_locked(nt, association);
	return NTSYNC_STATUS_SUCCESS;
}

/* Serves the oldest first: a signal after which nobody has looked yet is not for this one. */
uint32_t nt_association_begin(struct ntsync_nt *nt, struct nt_association *association,
			      const struct nt_object *port, struct nt_packet *packet,
			      bool *signaled)
{
	struct nt_saved saved;
	uint32_t status;

	nt_lock(&nt->port_lock, &saved);
	status = begin_locked(nt, association, port, packet);
	if (!status) {
		nt_barrier();
		look_locked(nt, packet->target);
		*signaled = !association->pending;
	}
	nt_unlock(&nt->port_lock, &saved);
	return status;
}

static uint32_t cancel_locked(struct ntsync_nt *nt, struct nt_association *association,
			      bool remove, struct nt_packet **packet)
{
	if (!association->packet)
		return NTSYNC_STATUS_CANCELLED;
	if (association->pending) {
		*packet = withdraw_locked(nt, association);
		return NTSYNC_STATUS_SUCCESS;
	}
	if (!remove)
		return NTSYNC_STATUS_PENDING;
	*packet = association->packet;
	nt_port_take_back_locked(association->port->port, *packet);
	return NTSYNC_STATUS_SUCCESS;
}

uint32_t nt_association_cancel(struct ntsync_nt *nt, struct nt_association *association,
			       bool remove, struct nt_packet **packet)
{
	struct nt_saved saved;
	uint32_t status;

	*packet = NULL;
	nt_lock(&nt->port_lock, &saved);
	status = cancel_locked(nt, association, remove, packet);
	nt_unlock(&nt->port_lock, &saved);
	return status;
}

/* A duplicate that a call makes of the last handle may have come after the close. */
struct nt_packet *nt_association_close(struct ntsync_nt *nt, struct nt_association *association)
{
	struct nt_packet *packet = NULL;
	struct nt_saved saved;

	nt_lock(&nt->port_lock, &saved);
	if (is_closed(association) && association->pending)
		packet = withdraw_locked(nt, association);
	nt_unlock(&nt->port_lock, &saved);
	return packet;
}

/* Of those that wait for the same object as @first. Adds the packets to @packets. */
static void withdraw_from_port_locked(struct ntsync_nt *nt, const struct nt_object *port,
				      struct nt_association *first, struct nt_packet **packets)
{
	struct nt_association *a = first, *last = first->prev, *next;
	bool is_last;

	do {
		is_last = a == last;
		next = a->next;
		if (a->port == port) {
			struct nt_packet *packet = withdraw_locked(nt, a);

			packet->next = *packets;
			*packets = packet;
		}
		a = next;
	} while (!is_last);
}

static struct nt_packet *close_port_locked(struct ntsync_nt *nt, const struct nt_object *port)
{
	struct nt_hash_link *link = nt_hash_next(&nt->associations, NULL), *next;
	struct nt_packet *packets = NULL;

	for (; link; link = next) {
		next = nt_hash_next(&nt->associations, link);
		withdraw_from_port_locked(nt, port, (struct nt_association *)link, &packets);
	}
	/* Nobody removes them any more. The port keeps them until it is destroyed. */
	for (struct nt_packet *packet = port->port->first; packet; packet = packet->next)
		nt_packet_disown_locked(packet);
	return packets;
}

struct nt_packet *nt_association_close_port(struct ntsync_nt *nt, const struct nt_object *port)
{
	struct nt_packet *packets = NULL;
	struct nt_saved saved;

	nt_lock(&nt->port_lock, &saved);
	if (nt_port_is_closed(port->port))
		packets = close_port_locked(nt, port);
	nt_unlock(&nt->port_lock, &saved);
	return packets;
}

void nt_association_query(struct ntsync_nt *nt, const struct nt_association *association,
			  struct ntsync_nt_wait_completion_packet_state *state)
{
	const struct nt_packet *packet;
	struct nt_saved saved;

	*state = (struct ntsync_nt_wait_completion_packet_state){ 0 };
	nt_lock(&nt->port_lock, &saved);
	packet = association->packet;
	if (packet) {
		state->port = association->port->id;
		state->target = packet->target->id;
		state->io = packet->io;
		state->associated = true;
		state->queued = !association->pending;
	}
	nt_unlock(&nt->port_lock, &saved);
}

/* It is pending only if the table is destroyed, and then the target is, too. */
void nt_association_destroy(struct ntsync_nt *nt, struct nt_association *association)
{
	struct nt_packet *packet;
	struct nt_saved saved;

	nt_lock(&nt->port_lock, &saved);
	packet = association->packet;
	if (packet)
		nt_packet_disown_locked(packet);
	nt_unlock(&nt->port_lock, &saved);
	if (association->pending)
		nt_realloc(packet, 0);
	nt_realloc(association, 0);
}

/* The timer thread may still look. It is not in a forked child, but may hold the lock there. */
void nt_associations_exit(struct ntsync_nt *nt)
{
	struct nt_saved saved;

	if (nt_in_forked_child(nt))
		return;
	nt_lock(&nt->port_lock, &saved);
	while (nt_hash_drain(&nt->associations))
		;
	nt_unlock(&nt->port_lock, &saved);
}

/* -- Check ------------------------------------------------------------------------------- */

size_t nt_association_check(struct ntsync_nt *nt, const struct nt_object *target)
{
	const struct nt_association *first;
	struct nt_saved saved;
	size_t broken;

	nt_lock(&nt->port_lock, &saved);
	first = find_first_locked(nt, target);
	broken = !first || !first->pending || first->packet->owner != &first->packet ||
		 nt_port_is_closed(first->port->port) || is_closed(first);
	nt_unlock(&nt->port_lock, &saved);
	return broken;
}
