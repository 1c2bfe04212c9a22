// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Channels. A receive is an aggregate wait for the channel, because a stop and an alert have to end
 * it, and then takes what is pending. Another receiver may have taken that: the wait goes on.
 */
#include "create.h"
#include "port.h"
#include "stop.h"
#include "wait.h"

#include <sched.h>

static int create_fd(const struct ntsync_nt *nt, const struct nt_object_spec *spec)
{
	return ntsync_channel_create(nt->config.dev, spec->limit);
}

NTSYNC_API uint32_t ntsync_nt_create_channel(struct ntsync_nt *nt, uint32_t *out,
					     const struct ntsync_nt_attributes *attributes,
					     uint32_t max_depth)
{
	const struct nt_object_spec spec = {
		.type = NTSYNC_NT_CHANNEL, .create_fd = create_fd, .limit = max_depth,
	};

	if (out)
		*out = nt->config.failure_value;
	if (!max_depth || max_depth > NTSYNC_CHANNEL_MAX_DEPTH)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	return nt_create(nt, out, attributes, &spec, NULL);
}

NTSYNC_API uint32_t ntsync_nt_open_channel(struct ntsync_nt *nt, uint32_t *out, const char *name)
{
	return nt_open(nt, out, name, NTSYNC_NT_CHANNEL);
}

/* -- Send --------------------------------------------------------------------------------- */

static uint32_t send_status(struct nt_thread *thread, int ret, uint64_t stops)
{
	uint32_t stopped;

	switch (-ret) {
	case EAGAIN:
		return NTSYNC_STATUS_INSUFFICIENT_RESOURCES;
	case EPIPE:
		return NTSYNC_STATUS_PORT_DISCONNECTED;
	case ECONNRESET:
		return NTSYNC_STATUS_LPC_REPLY_LOST;
	case EINTR:
		stopped = nt_stop_take(thread, stops);
		return stopped ? stopped : NTSYNC_STATUS_REQUEST_ABORTED;
	default:
		return nt_status(ret);
	}
}

/* A send sleeps until the reply: its thread does not count at its completion port meanwhile. */
static int send(struct nt_thread *thread, int fd, uint32_t policy, uint32_t prio, uint64_t payload,
		uint64_t reply)
{
	bool paused = nt_port_pause(thread);
	int ret = ntsync_channel_send_pi(fd, policy, prio, payload, reply);

	if (paused)
		nt_port_go_on(thread);
	return ret;
}

static bool is_priority_valid(uint32_t policy, uint32_t prio)
{
	return !prio || ((policy == SCHED_FIFO || policy == SCHED_RR) && prio <= 99);
}

NTSYNC_API uint32_t ntsync_nt_channel_send(struct ntsync_nt *nt, uint32_t handle, uint32_t policy,
					   uint32_t prio, uint64_t payload, uint64_t reply)
{
	struct nt_thread *thread = nt_thread_self(nt);
	struct nt_pin pin;
	uint64_t stops;
	uint32_t status;

	if (!thread)
		return NTSYNC_STATUS_NO_MEMORY;
	status = nt_get_type(nt, handle, NTSYNC_NT_CHANNEL, &pin);
	if (status)
		return status;
	if (!is_priority_valid(policy, prio))
		status = NTSYNC_STATUS_INVALID_PARAMETER;
	if (!status)
		status = nt_stop_refuse(thread, &stops);
	if (!status)
		status = send_status(thread, send(thread, pin.object->fd, policy, prio, payload,
						  reply), stops);
	nt_put(nt, &pin);
	return status;
}

/* -- Receive ------------------------------------------------------------------------------ */

/* EAGAIN: nothing is pending. */
static int try_receive(const struct nt_wait *wait, struct ntsync_channel_request *request)
{
	int ret;

	do
		ret = ntsync_channel_try_recv2(wait->fds[0], request);
	while (ret == -EINTR);
	return ret;
}

static uint32_t receive(const struct nt_wait *wait, struct ntsync_channel_request *request)
{
	uint32_t status;
	int ret;

	while ((ret = try_receive(wait, request)) == -EAGAIN) {
		nt_race();
		status = nt_wait_run(wait);
		if (status)
			return status;
	}
	return nt_status(ret);
}

/* The type is checked first: the wait would take any object. */
static uint32_t add_channel(struct nt_wait *wait, uint32_t handle)
{
	struct nt_pin pin;
	uint32_t status = nt_get_type(wait->nt, handle, NTSYNC_NT_CHANNEL, &pin);

	if (status)
		return status;
	wait->pins[0] = pin;
	wait->fds[0] = pin.object->fd;
	wait->count = 1;
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_channel_receive(struct ntsync_nt *nt, uint32_t handle,
					      bool alertable, struct ntsync_nt_deadline deadline,
					      struct ntsync_channel_request *request)
{
	struct nt_polls none = { .count = 0 };
	struct nt_wait wait;
	uint32_t status;

	if (!request)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_wait_begin(&wait, nt, alertable, deadline);
	if (status)
		return status;
	wait.polls = &none;
	status = add_channel(&wait, handle);
	if (!status)
		status = nt_wait_refuse(&wait);
	if (!status)
		status = receive(&wait, request);
	nt_wait_end(&wait);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_channel_reply(struct ntsync_nt *nt, uint32_t handle, uint64_t id)
{
	struct nt_pin pin;
	uint32_t status = nt_get_type(nt, handle, NTSYNC_NT_CHANNEL, &pin);
	int ret;

	if (status)
		return status;
	ret = ntsync_channel_reply(pin.object->fd, id);
	status = ret == -ENOENT ? NTSYNC_STATUS_REPLY_MESSAGE_MISMATCH : nt_status(ret);
	nt_put(nt, &pin);
	return status;
}
