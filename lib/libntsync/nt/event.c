// SPDX-License-Identifier: LGPL-2.1-or-later
#include "association.h"
#include "create.h"
#include "handle.h"

#include <sched.h>

static int create_fd(const struct ntsync_nt *nt, const struct nt_object_spec *spec)
{
	return ntsync_event_create(nt->config.dev, spec->manual, spec->value);
}

NTSYNC_API uint32_t ntsync_nt_create_event(struct ntsync_nt *nt, uint32_t *out,
					   const struct ntsync_nt_attributes *attributes,
					   bool manual, bool signaled)
{
	const struct nt_object_spec spec = {
		.type = NTSYNC_NT_EVENT, .manual = manual, .create_fd = create_fd, .value = signaled,
	};

	return nt_create(nt, out, attributes, &spec, NULL);
}

NTSYNC_API uint32_t ntsync_nt_open_event(struct ntsync_nt *nt, uint32_t *out, const char *name)
{
	return nt_open(nt, out, name, NTSYNC_NT_EVENT);
}

static uint32_t change_event(struct ntsync_nt *nt, uint32_t handle, int32_t *previous,
		       int (*operation)(struct ntsync_nt *nt, struct nt_object *event,
					  uint32_t *prev))
{
	uint32_t status, prev;
	struct nt_pin pin;

	status = nt_get_type(nt, handle, NTSYNC_NT_EVENT, &pin);
	if (status)
		return status;
	status = nt_status(operation(nt, pin.object, &prev));
	if (!status && previous)
		*previous = (int32_t)prev;
	nt_put(nt, &pin);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_set_event(struct ntsync_nt *nt, uint32_t handle, int32_t *previous)
{
	return change_event(nt, handle, previous, nt_association_set_event);
}

static int set_event_pi(struct ntsync_nt *nt, struct nt_object *event, uint32_t policy,
			uint32_t prio)
{
	struct nt_signaling signaling;
	int ret;

	nt_signaling_begin(nt, event, &signaling);
	ret = ntsync_event_set_pi(event->fd, policy, prio);
	nt_signaling_end(nt, event, &signaling);
	return ret;
}

NTSYNC_API uint32_t ntsync_nt_set_event_pi(struct ntsync_nt *nt, uint32_t handle, uint32_t policy,
					   uint32_t prio)
{
	struct nt_pin pin;
	uint32_t status = nt_get_type(nt, handle, NTSYNC_NT_EVENT, &pin);

	if (status)
		return status;
	if ((policy != SCHED_FIFO && policy != SCHED_RR) || !prio || prio > 99)
		status = NTSYNC_STATUS_INVALID_PARAMETER;
	else
		status = nt_status(set_event_pi(nt, pin.object, policy, prio));
	nt_put(nt, &pin);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_reset_event(struct ntsync_nt *nt, uint32_t handle,
					  int32_t *previous)
{
	return change_event(nt, handle, previous, nt_association_reset_event);
}

NTSYNC_API uint32_t ntsync_nt_pulse_event(struct ntsync_nt *nt, uint32_t handle,
					  int32_t *previous)
{
	return change_event(nt, handle, previous, nt_association_pulse_event);
}

NTSYNC_API uint32_t ntsync_nt_query_event(struct ntsync_nt *nt, uint32_t handle, bool *manual,
					  bool *signaled)
{
	uint32_t status, is_manual, is_signaled;
	struct nt_pin pin;

	status = nt_get_type(nt, handle, NTSYNC_NT_EVENT, &pin);
	if (status)
		return status;
	status = nt_status(ntsync_event_read(pin.object->fd, &is_manual, &is_signaled));
	if (!status && is_signaled)
		nt_look_if_awaited(nt, pin.object);
	if (!status && manual)
		*manual = is_manual;
	if (!status && signaled)
		*signaled = is_signaled;
	nt_put(nt, &pin);
	return status;
}
