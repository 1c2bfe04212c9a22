// SPDX-License-Identifier: LGPL-2.1-or-later
#include "object.h"

#include "association.h"
#include "fd.h"
#include "port.h"
#include "timer.h"

static void init_object(struct ntsync_nt *nt, struct nt_object *object,
			const struct nt_object_spec *spec, int fd)
{
	object->fd = fd;
	object->type = spec->type;
	object->manual = spec->manual;
	object->adopted = spec->adopted;
	atomic_store_explicit(&object->shared, spec->adopted, memory_order_relaxed);
	atomic_store_explicit(&object->owned_at, NT_NO_INDEX, memory_order_relaxed);
	atomic_store_explicit(&object->name, NULL, memory_order_relaxed);
	object->timer = spec->timer;
	if (spec->type == NTSYNC_NT_IO_COMPLETION) {
		spec->port->fd = fd;
		spec->port->handles = &object->handles;
	}
	if (spec->type == NTSYNC_NT_WAIT_COMPLETION_PACKET)
		spec->association->handles = &object->handles;
	atomic_store_explicit(&object->awaited, false, memory_order_relaxed);
	atomic_store_explicit(&object->held, 0, memory_order_relaxed);
	object->id = atomic_fetch_add_explicit(&nt->next_id, 1, memory_order_relaxed) + 1;
	atomic_store_explicit(&object->handles, 1, memory_order_relaxed);
	/* Last: nt_object_get_if_live() succeeds from here on, and its caller reads the id. */
	atomic_store_explicit(&object->refs, 1, memory_order_release);
	nt_gauge_inc(&nt->counts[object->type].objects);
}

static uint32_t open_fd(struct ntsync_nt *nt, const struct nt_object_spec *spec, int *fd)
{
	*fd = spec->fd;
	if (!spec->create_fd)
		return NTSYNC_STATUS_SUCCESS;
	*fd = nt_fd_nonzero(spec->create_fd(nt, spec));
	if (*fd >= 0 && !nt_fd_is_for_objects(nt, *fd)) {
		nt_close_fd(*fd);
		*fd = -EMFILE;
	}
	return *fd < 0 ? nt_status(*fd) : NTSYNC_STATUS_SUCCESS;
}

uint32_t nt_object_create(struct ntsync_nt *nt, const struct nt_object_spec *spec,
			  struct nt_object **out)
{
	uint32_t index = nt_pool_alloc(&nt->objects), status;
	int fd;

	if (index == NT_NO_INDEX)
		return NTSYNC_STATUS_INSUFFICIENT_RESOURCES;
	status = open_fd(nt, spec, &fd);
	if (status) {
		nt_pool_free(&nt->objects, index);
		return status;
	}
	*out = nt_pool_item(&nt->objects, index);
	(*out)->index = index;
	init_object(nt, *out, spec, fd);
	return NTSYNC_STATUS_SUCCESS;
}

void nt_object_get(struct nt_object *object)
{
	uint32_t refs = atomic_fetch_add_explicit(&object->refs, 1, memory_order_relaxed);

	nt_assert(refs > 0);
	(void)refs;
}

static bool inc_if_nonzero(_Atomic uint32_t *count, memory_order order)
{
	uint32_t value = atomic_load_explicit(count, memory_order_relaxed);

	do {
		if (!value)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(count, &value, value + 1, order,
							memory_order_relaxed));
	return true;
}

/* The acquire pairs with the release in init_object(). */
bool nt_object_get_if_live(struct nt_object *object)
{
	return inc_if_nonzero(&object->refs, memory_order_acquire);
}

bool nt_object_get_handle_if_any(struct nt_object *object)
{
	return inc_if_nonzero(&object->handles, memory_order_relaxed);
}

bool nt_object_is_of(const struct nt_object *object, enum ntsync_nt_type type, uint32_t kind)
{
	return object->type == type && (!kind || object->own->kind == kind);
}

/* The runtime's function may be a cancellation point, and this call completes its work. */
static void call_destroy(const struct nt_own_object *own)
{
	int state;

	if (!own->destroy)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	own->destroy(atomic_load(&own->data.value));
	pthread_setcancelstate(state, NULL);
}

/*
 * A forked child does not have the thread that may hold the lock of the timers or ports. Returns the
 * packets of a port.
 */
static struct nt_packet *free_parts(struct ntsync_nt *nt, struct nt_object *object)
{
	struct nt_packet *packets = NULL;

	if (object->type == NTSYNC_NT_TIMER && !nt_in_forked_child(nt))
		nt_timer_destroy(nt->timers, object->timer);
	if (object->type == NTSYNC_NT_IO_COMPLETION && !nt_in_forked_child(nt))
		packets = nt_port_destroy(nt, object->port);
	if (object->type == NTSYNC_NT_WAIT_COMPLETION_PACKET && !nt_in_forked_child(nt))
		nt_association_destroy(nt, object->association);
	if (object->type == NTSYNC_NT_THREAD)
		nt_realloc(object->thread, 0);
	if (object->type != NTSYNC_NT_OWN && object->fd != NT_NO_FD)
		nt_close_fd(object->fd);
	return packets;
}

/* All that have left the queue. */
void nt_packets_free(struct ntsync_nt *nt, struct nt_packet *packet)
{
	while (packet) {
		struct nt_packet *next = packet->next;

		if (packet->target)
			nt_object_put(nt, packet->target);
		nt_realloc(packet, 0);
		packet = next;
	}
}

static bool is_shared_mutant(const struct nt_object *object)
{
	return object->type == NTSYNC_NT_MUTANT &&
	       atomic_load_explicit(&object->shared, memory_order_relaxed);
}

/* The targets of packets are destroyed by a call of their own. */
void nt_object_destroy_last(struct ntsync_nt *nt, struct nt_object *object)
{
	struct nt_packet *packets = free_parts(nt, object);

	for (struct nt_packet *packet = packets; packet; packet = packet->next)
		packet->target = NULL;
	nt_packets_free(nt, packets);
	if (object->type != NTSYNC_NT_OWN)
		return;
	if (!nt_in_forked_child(nt))
		call_destroy(object->own);
	nt_realloc(object->own, 0);
}

/* Last: the runtime's function may use the table. */
static void finish_own(struct ntsync_nt *nt, struct nt_own_object *own)
{
	if (own->event)
		nt_object_put(nt, own->event);
	call_destroy(own);
	nt_realloc(own, 0);
}

static void destroy_object(struct ntsync_nt *nt, struct nt_object *object)
{
	struct nt_own_object *own = object->type == NTSYNC_NT_OWN ? object->own : NULL;
	struct nt_packet *packets;

	nt_assert(!atomic_load(&object->handles) && !atomic_load(&object->name));
	packets = free_parts(nt, object);
	nt_gauge_dec(&nt->counts[object->type].objects);
	nt_pool_free(&nt->objects, object->index);
	nt_packets_free(nt, packets);
	if (own)
		finish_own(nt, own);
}

/* Leaves the last reference to a thread of the table that owns the mutant, if there is one. */
static bool leave_to_owner(struct nt_object *object)
{
	uint32_t at, owner = 0;

	if (!is_shared_mutant(object))
		return false;
	at = atomic_load(&object->owned_at);
	/* If others have released it, nobody may own it. */
	if (at != NT_NO_INDEX)
		ntsync_mutex_read(object->fd, &owner, NULL);
	nt_race();
	return at != NT_NO_INDEX && owner &&
	       atomic_compare_exchange_strong(&object->owned_at, &at, at | NT_LEFT_TO_OWNER);
}

/*
 * @refs is read before &nt_object.shared: what it counts was dropped after it was set. If there are
 * more references than it says, they are of threads that look at their mutants, and can leave the
 * last one to the owner as well as this call.
 */
void nt_object_put(struct ntsync_nt *nt, struct nt_object *object)
{
	uint32_t refs = atomic_load_explicit(&object->refs, memory_order_acquire);

	do {
		nt_assert(refs > 0);
		if (refs == 1 && leave_to_owner(object))
			return;
		nt_race();
	} while (!atomic_compare_exchange_weak_explicit(&object->refs, &refs, refs - 1,
							memory_order_acq_rel,
							memory_order_acquire));
	if (refs == 1)
		destroy_object(nt, object);
}
