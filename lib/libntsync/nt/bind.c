// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the pseudo-handles stand for. */
#include "handle.h"
#include "thread.h"

/* A reference to the object of @handle, or NULL if @handle is 0. */
static uint32_t get_object(struct ntsync_nt *nt, uint32_t handle, struct nt_object **object)
{
	struct nt_pin pin;
	uint32_t status;

	*object = NULL;
	if (!handle)
		return NTSYNC_STATUS_SUCCESS;
	status = nt_get(nt, handle, &pin);
	if (status)
		return status;
	nt_object_get(pin.object);
	*object = pin.object;
	nt_put(nt, &pin);
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_bind_thread(struct ntsync_nt *nt, uint32_t handle)
{
	struct nt_thread *thread = nt_thread_self(nt);
	struct nt_object *object, *before;
	uint32_t status;

	if (!thread)
		return NTSYNC_STATUS_NO_MEMORY;
	status = get_object(nt, handle, &object);
	if (status)
		return status;
	before = thread->self;
	thread->self = object;
	if (before)
		nt_object_put(nt, before);
	return NTSYNC_STATUS_SUCCESS;
}

/* Only once: other threads use the object without a lock, relying on the table's reference. */
NTSYNC_API uint32_t ntsync_nt_bind_process(struct ntsync_nt *nt, uint32_t handle)
{
	struct nt_object *object, *none = NULL;
	uint32_t status = get_object(nt, handle, &object);

	if (status)
		return status;
	if (object && atomic_compare_exchange_strong(&nt->process, &none, object))
		return NTSYNC_STATUS_SUCCESS;
	if (object)
		nt_object_put(nt, object);
	return NTSYNC_STATUS_INVALID_PARAMETER;
}
