// SPDX-License-Identifier: LGPL-2.1-or-later
#include "association.h"
#include "create.h"
#include "handle.h"
#include "port.h"
#include "stop.h"
#include "timer.h"

NTSYNC_API uint32_t
ntsync_nt_create_wait_completion_packet(struct ntsync_nt *nt, uint32_t *out,
					const struct ntsync_nt_attributes *attributes)
{
	struct nt_object_spec spec = {
		.type = NTSYNC_NT_WAIT_COMPLETION_PACKET, .fd = NT_NO_FD,
	};
	uint32_t status;

	if (out)
		*out = nt->config.failure_value;
	spec.association = nt_realloc(NULL, sizeof(*spec.association));
	if (!spec.association)
		return NTSYNC_STATUS_NO_MEMORY;
	*spec.association = (struct nt_association){ 0 };
	status = nt_create(nt, out, attributes, &spec, NULL);
	/* Also if another object has the name, and the handle is of that one. */
	if (status)
		nt_association_destroy(nt, spec.association);
	return status;
}

/* -- Association ------------------------------------------------------------------------- */

/**
 * struct associating - a call that associates
 * @nt: the table.
 * @association: of the wait completion packet.
 * @port: the port.
 * @target: what it is to wait for.
 * @io: what it is to queue.
 * @signaled: whether it has.
 */
struct associating {
	struct ntsync_nt *nt;
	struct nt_association *association;
	const struct nt_object *port;
	struct nt_object *target;
	const struct ntsync_nt_io_packet *io;
	bool signaled;
};

/* What a wait for the object waits for, or NULL: others would have to own or receive something. */
static struct nt_object *waited_object(struct nt_object *object)
{
	switch (object->type) {
	case NTSYNC_NT_EVENT:
	case NTSYNC_NT_SEMAPHORE:
	case NTSYNC_NT_TIMER:
	case NTSYNC_NT_THREAD:
		return object;
	case NTSYNC_NT_OWN:
		return object->own->event;
	default:
		return NULL;
	}
}

/*
 * A thread that signals the target and waits in one step may have found no association, and sleep by
 * now. It looks again when it wakes. See can_look_later() in signal.c.
 */
static void wake_signaling_threads_locked(const struct associating *call)
{
	struct ntsync_nt *nt = call->nt;
	struct nt_hash_link *link = NULL;

	nt_race();
	while ((link = nt_hash_next(&nt->threads, link))) {
		struct nt_thread *thread = (struct nt_thread *)link;

		if (atomic_load(&thread->signals) == call->target)
			nt_stop_wake_locked(thread);
	}
}

/* With the table's lock in both steps no signal handler suspends the caller between them. */
static uint32_t begin_association(struct associating *call, struct nt_packet *packet)
{
	struct ntsync_nt *nt = call->nt;
	struct nt_saved saved;
	uint32_t status;

	nt_lock(&nt->lock, &saved);
	status = nt_association_begin(nt, call->association, call->port, packet, &call->signaled);
	if (!status && nt_can_signal_and_wait(nt))
		wake_signaling_threads_locked(call);
	nt_unlock(&nt->lock, &saved);
	return status;
}

static struct nt_packet *new_packet(const struct associating *call)
{
	struct nt_packet *packet = nt_realloc(NULL, sizeof(*packet));

	if (!packet)
		return NULL;
	nt_object_get(call->target);
	*packet = (struct nt_packet){ .io = *call->io, .target = call->target };
	return packet;
}

static uint32_t associate(struct associating *call)
{
	struct ntsync_nt *nt = call->nt;
	struct nt_packet *packet = new_packet(call);
	uint32_t status;

	if (!packet)
		return NTSYNC_STATUS_NO_MEMORY;
	if (call->target->type == NTSYNC_NT_TIMER)
		nt_timers_catch_up(nt);
	status = begin_association(call, packet);
	if (status)
		nt_packets_free(nt, packet);
	return status;
}

static uint32_t associate_target(struct associating *call, uint32_t handle)
{
	struct nt_pin pin;
	uint32_t status = nt_get(call->nt, handle, &pin);

	if (status)
		return status;
	call->target = waited_object(pin.object);
	if (!call->target)
		status = NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	else if (call->target->adopted)
		status = NTSYNC_STATUS_NOT_SUPPORTED;
	else
		status = associate(call);
	nt_put(call->nt, &pin);
	return status;
}

static uint32_t associate_with_port(struct associating *call, uint32_t port, uint32_t target)
{
	struct nt_pin pin;
	uint32_t status = nt_get_type(call->nt, port, NTSYNC_NT_IO_COMPLETION, &pin);

	if (status)
		return status;
	call->port = pin.object;
	status = associate_target(call, target);
	nt_put(call->nt, &pin);
	return status;
}

NTSYNC_API uint32_t
ntsync_nt_associate_wait_completion_packet(struct ntsync_nt *nt, uint32_t handle, uint32_t port,
					   uint32_t target, const struct ntsync_nt_io_packet *io,
					   bool *already_signaled)
{
	struct associating call = { .nt = nt, .io = io };
	struct nt_pin pin;
	uint32_t status;

	if (!io)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_get_type(nt, handle, NTSYNC_NT_WAIT_COMPLETION_PACKET, &pin);
	if (status)
		return status;
	call.association = pin.object->association;
	status = associate_with_port(&call, port, target);
	nt_put(nt, &pin);
	if (!status && already_signaled)
		*already_signaled = call.signaled;
	return status;
}

/* -- Cancel ------------------------------------------------------------------------------ */

NTSYNC_API uint32_t ntsync_nt_cancel_wait_completion_packet(struct ntsync_nt *nt, uint32_t handle,
							    bool remove_signaled)
{
	struct nt_packet *packet;
	struct nt_pin pin;
	uint32_t status = nt_get_type(nt, handle, NTSYNC_NT_WAIT_COMPLETION_PACKET, &pin);

	if (status)
		return status;
	status = nt_association_cancel(nt, pin.object->association, remove_signaled, &packet);
	nt_put(nt, &pin);
	nt_packets_free(nt, packet);
	return status;
}

/* -- Query ------------------------------------------------------------------------------- */

NTSYNC_API uint32_t
ntsync_nt_query_wait_completion_packet(struct ntsync_nt *nt, uint32_t handle,
				       struct ntsync_nt_wait_completion_packet_state *state)
{
	struct nt_pin pin;
	uint32_t status = nt_get_type(nt, handle, NTSYNC_NT_WAIT_COMPLETION_PACKET, &pin);

	if (status)
		return status;
	if (state)
		nt_association_query(nt, pin.object->association, state);
	nt_put(nt, &pin);
	return NTSYNC_STATUS_SUCCESS;
}
