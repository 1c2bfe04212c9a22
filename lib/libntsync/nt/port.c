// SPDX-License-Identifier: LGPL-2.1-or-later
#include "port.h"

#include "create.h"
#include "sleep.h"
#include "timer.h"

static int create_fd(const struct ntsync_nt *nt, const struct nt_object_spec *spec)
{
	(void)spec;
	return ntsync_event_create(nt->config.dev, true, false);
}

NTSYNC_API uint32_t ntsync_nt_create_io_completion(struct ntsync_nt *nt, uint32_t *out,
						   const struct ntsync_nt_attributes *attributes,
						   uint32_t concurrency)
{
	struct nt_object_spec spec = {
		.type = NTSYNC_NT_IO_COMPLETION, .manual = true, .create_fd = create_fd,
	};
	uint32_t status;

	if (out)
		*out = nt->config.failure_value;
	spec.port = nt_port_create(concurrency);
	if (!spec.port)
		return NTSYNC_STATUS_NO_MEMORY;
	status = nt_create(nt, out, attributes, &spec, NULL);
	/* Also if another object has the name, and the handle is of that one. */
	if (status)
		nt_port_destroy(nt, spec.port);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_open_io_completion(struct ntsync_nt *nt, uint32_t *out,
						 const char *name)
{
	return nt_open(nt, out, name, NTSYNC_NT_IO_COMPLETION);
}

static struct nt_packet *new_packet(const struct ntsync_nt_io_packet *io)
{
	struct nt_packet *packet = nt_realloc(NULL, sizeof(*packet));

	if (packet)
		*packet = (struct nt_packet){ .io = *io };
	return packet;
}

NTSYNC_API uint32_t ntsync_nt_set_io_completion(struct ntsync_nt *nt, uint32_t handle,
						const struct ntsync_nt_io_packet *io)
{
	struct nt_packet *packet;
	struct nt_pin pin;
	uint32_t status;

	if (!io)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_get_type(nt, handle, NTSYNC_NT_IO_COMPLETION, &pin);
	if (status)
		return status;
	packet = new_packet(io);
	if (packet)
		nt_port_queue(nt, pin.object->port, packet);
	nt_put(nt, &pin);
	return packet ? NTSYNC_STATUS_SUCCESS : NTSYNC_STATUS_NO_MEMORY;
}

/**
 * struct removing - a call that removes packets
 * @wait: its wait, without objects.
 * @port: the port.
 * @count: how many packets it takes.
 * @packets: those that it has taken.
 * @removal: its sleep.
 */
struct removing {
	struct nt_wait wait;
	struct nt_port *port;
	uint32_t count;
	struct nt_packet *packets;
	struct nt_removal removal;
};

/* Whether the call ends after the driver has answered @ret, and how. */
static bool has_ended(struct removing *r, int ret, uint32_t *status)
{
	struct ntsync_nt *nt = r->wait.nt;
	struct nt_saved saved;
	bool ended;

	nt_lock(&nt->port_lock, &saved);
	ended = nt_port_has_ended_locked(r->port, &r->removal, r->count, &r->packets, status);
	if (!ended) {
		*status = nt_sleep_reason(&r->wait, ret);
		ended = *status;
		if (ended)
			nt_port_leave_locked(r->port, &r->removal);
	}
	nt_unlock(&nt->port_lock, &saved);
	return ended;
}

/* A wait completion packet may wait for a timer that is due, and that the timer thread has not set. */
static void catch_up(struct ntsync_nt *nt, const struct nt_port *port)
{
	if (atomic_load(&port->awaits_timers))
		nt_timers_catch_up(nt);
}

static uint32_t sleep_for_packet(struct removing *r)
{
	uint32_t status;
	int ret;

	do {
		ret = nt_sleep(&r->wait);
		catch_up(r->wait.nt, r->port);
	} while (!has_ended(r, ret, &status));
	if (!status || status == NTSYNC_STATUS_ABANDONED_WAIT_0)
		nt_sleep_reset_event(&r->wait);
	return status;
}

/* An alert that is there ends an alertable call that would only try. */
static uint32_t remove_packets(struct removing *r)
{
	struct nt_wait *wait = &r->wait;
	bool sleeps = wait->opts.deadline || wait->alertable;
	uint32_t status = nt_wait_refuse(wait);

	if (status)
		return status;
	nt_race();
	catch_up(wait->nt, r->port);
	r->removal = (struct nt_removal){
		.thread = wait->thread, .event = nt_sleep_event(wait),
	};
	status = nt_port_begin_removal(r->port, &r->removal, sleeps, r->count, &r->packets);
	return status == NTSYNC_STATUS_PENDING ? sleep_for_packet(r) : status;
}

/* Copies the packets and frees them. */
static uint32_t hand_out(struct ntsync_nt *nt, struct nt_packet *packet,
			 struct ntsync_nt_io_packet *packets)
{
	uint32_t count = 0;

	for (struct nt_packet *p = packet; p; p = p->next)
		packets[count++] = p->io;
	nt_packets_free(nt, packet);
	return count;
}

/* The pin keeps the port. */
static uint32_t remove_from(struct removing *r, uint32_t handle)
{
	struct nt_pin pin;
	uint32_t status = nt_get_type(r->wait.nt, handle, NTSYNC_NT_IO_COMPLETION, &pin);

	if (status)
		return status;
	r->port = pin.object->port;
	status = remove_packets(r);
	nt_put(r->wait.nt, &pin);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_remove_io_completion_ex(struct ntsync_nt *nt, uint32_t handle,
						      struct ntsync_nt_io_packet *packets,
						      uint32_t count, uint32_t *removed,
						      bool alertable,
						      struct ntsync_nt_deadline deadline)
{
	struct removing r;
	uint32_t status, nr;

	if (!packets || !count)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_wait_begin(&r.wait, nt, alertable, deadline);
	if (status)
		return status;
	r.count = count;
	r.packets = NULL;
	status = remove_from(&r, handle);
	if (status)
		return status;
	nr = hand_out(nt, r.packets, packets);
	if (removed)
		*removed = nr;
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_remove_io_completion(struct ntsync_nt *nt, uint32_t handle,
						   struct ntsync_nt_io_packet *packet,
						   struct ntsync_nt_deadline deadline)
{
	return ntsync_nt_remove_io_completion_ex(nt, handle, packet, 1, NULL, false, deadline);
}

static void read_packets_locked(const struct nt_port *port, struct ntsync_nt_io_packet *packets,
				size_t size)
{
	const struct nt_packet *packet = port->first;

	for (size_t i = 0; packet && i < size; i++, packet = packet->next)
		packets[i] = packet->io;
}

NTSYNC_API uint32_t ntsync_nt_query_io_completion(struct ntsync_nt *nt, uint32_t handle,
						  struct ntsync_nt_io_completion_state *state,
						  struct ntsync_nt_io_packet *packets, size_t size)
{
	struct ntsync_nt_io_completion_state found;
	struct nt_saved saved;
	struct nt_pin pin;
	uint32_t status = nt_get_type(nt, handle, NTSYNC_NT_IO_COMPLETION, &pin);
	const struct nt_port *port;

	if (status)
		return status;
	port = pin.object->port;
	catch_up(nt, port);
	nt_lock(&nt->port_lock, &saved);
	found = (struct ntsync_nt_io_completion_state){
		.depth = port->depth, .concurrency = port->limit, .running = port->running,
	};
	read_packets_locked(port, packets, size);
	nt_unlock(&nt->port_lock, &saved);
	nt_put(nt, &pin);
	if (state)
		*state = found;
	return NTSYNC_STATUS_SUCCESS;
}
