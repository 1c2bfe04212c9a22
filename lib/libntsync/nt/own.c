// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Objects of the runtime's own types: files, keys, sections. The table has their handles, names and
 * lifetime. One that can be waited for has the descriptor of an event, and a reference to that.
 */
#include "create.h"
#include "handle.h"

/* A reference to the event; NULL if @handle is 0. */
static uint32_t get_event(struct ntsync_nt *nt, uint32_t handle, struct nt_object **event)
{
	struct nt_pin pin;
	uint32_t status;

	*event = NULL;
	if (!handle)
		return NTSYNC_STATUS_SUCCESS;
	status = nt_get_type(nt, handle, NTSYNC_NT_EVENT, &pin);
	if (status)
		return status;
	nt_object_get(pin.object);
	*event = pin.object;
	nt_put(nt, &pin);
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t create_with_event(struct ntsync_nt *nt, uint32_t *out,
				  const struct ntsync_nt_attributes *attributes,
				  const struct ntsync_nt_own *own, struct nt_object *event)
{
	struct nt_object_spec spec = {
		.type = NTSYNC_NT_OWN, .fd = event ? event->fd : NT_NO_FD,
		.adopted = event && event->adopted,
	};
	uint32_t status;

	spec.own = nt_realloc(NULL, sizeof(*spec.own));
	if (!spec.own)
		return NTSYNC_STATUS_NO_MEMORY;
	*spec.own = (struct nt_own_object){
		.kind = own->kind, .data = { own->data }, .destroy = own->destroy, .event = event,
	};
	status = nt_create(nt, out, attributes, &spec, NULL);
	/* Also if another object has the name, and the handle is of that one. */
	if (status)
		nt_realloc(spec.own, 0);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_create_own(struct ntsync_nt *nt, uint32_t *out,
					 const struct ntsync_nt_attributes *attributes,
					 const struct ntsync_nt_own *own)
{
	struct nt_object *event;
	uint32_t status;

	if (out)
		*out = nt->config.failure_value;
	if (!own || !own->kind)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = get_event(nt, own->event, &event);
	if (status)
		return status;
	status = create_with_event(nt, out, attributes, own, event);
	if (status && event)
		nt_object_put(nt, event);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_open_own(struct ntsync_nt *nt, uint32_t *out, const char *name,
				       uint32_t kind)
{
	const struct ntsync_nt_attributes attributes = { .name = name };

	return nt_open_kind(nt, out, &attributes, NTSYNC_NT_OWN, kind);
}

NTSYNC_API uint32_t ntsync_nt_query_own(struct ntsync_nt *nt, uint32_t handle, uint32_t *kind,
					uint64_t *event)
{
	struct nt_pin pin;
	uint32_t status = nt_get_type(nt, handle, NTSYNC_NT_OWN, &pin);

	if (status)
		return status;
	if (kind)
		*kind = pin.object->own->kind;
	if (event)
		*event = pin.object->own->event ? pin.object->own->event->id : 0;
	nt_put(nt, &pin);
	return NTSYNC_STATUS_SUCCESS;
}
