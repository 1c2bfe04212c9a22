// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the runtime keeps with an object, and references that keep the object. */
#include "association.h"
#include "handle.h"
#include "port.h"
#include "timer.h"

/* In an object without further parts it is where others have the pointer to theirs. */
static struct nt_data *data_of(struct nt_object *object)
{
	switch (object->type) {
	case NTSYNC_NT_TIMER:
		return &object->timer->data;
	case NTSYNC_NT_THREAD:
		return &object->thread->data;
	case NTSYNC_NT_OWN:
		return &object->own->data;
	case NTSYNC_NT_IO_COMPLETION:
		return &object->port->data;
	case NTSYNC_NT_WAIT_COMPLETION_PACKET:
		return &object->association->data;
	default:
		return &object->data;
	}
}

NTSYNC_API uint32_t ntsync_nt_set_data(struct ntsync_nt *nt, uint32_t handle, void *data)
{
	struct nt_pin pin;
	uint32_t status = nt_get(nt, handle, &pin);

	if (status)
		return status;
	atomic_store(&data_of(pin.object)->value, data);
	nt_put(nt, &pin);
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_get_data(struct ntsync_nt *nt, uint32_t handle, void **data)
{
	struct nt_pin pin;
	uint32_t status = nt_get(nt, handle, &pin);

	if (status)
		return status;
	if (data)
		*data = atomic_load(&data_of(pin.object)->value);
	nt_put(nt, &pin);
	return NTSYNC_STATUS_SUCCESS;
}

/* ntsync_nt_check() counts the references that the runtime holds. */
static struct ntsync_nt_object *hold_object(struct nt_object *object)
{
	nt_object_get(object);
	atomic_fetch_add_explicit(&object->held, 1, memory_order_relaxed);
	return (struct ntsync_nt_object *)object;
}

NTSYNC_API uint32_t ntsync_nt_reference(struct ntsync_nt *nt, uint32_t handle, uint32_t kind,
					struct ntsync_nt_object **out, void **data)
{
	struct nt_pin pin;
	uint32_t status;

	if (!out)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	*out = NULL;
	status = nt_get(nt, handle, &pin);
	if (status)
		return status;
	if (kind && !nt_object_is_of(pin.object, NTSYNC_NT_OWN, kind))
		status = NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	if (!status)
		*out = hold_object(pin.object);
	if (!status && data)
		*data = atomic_load(&data_of(pin.object)->value);
	nt_put(nt, &pin);
	return status;
}

NTSYNC_API void ntsync_nt_dereference(struct ntsync_nt *nt, struct ntsync_nt_object *reference)
{
	struct nt_object *object = (struct nt_object *)reference;

	if (!object)
		return;
	atomic_fetch_sub_explicit(&object->held, 1, memory_order_relaxed);
	nt_object_put(nt, object);
}
