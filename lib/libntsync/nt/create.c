// SPDX-License-Identifier: LGPL-2.1-or-later
#include "create.h"

#include "handle.h"
#include "name.h"
#include "thread.h"

#define ALL_FLAGS (NTSYNC_NT_INHERIT | NTSYNC_NT_CASE_INSENSITIVE | NTSYNC_NT_OPEN_IF)

static bool has_name(const struct ntsync_nt_attributes *attributes)
{
	return attributes && attributes->name && *attributes->name;
}

static uint32_t create_object(struct ntsync_nt *nt, const struct ntsync_nt_attributes *attributes,
			      const struct nt_object_spec *spec, struct nt_object **object)
{
	if (attributes && attributes->flags & ~ALL_FLAGS)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	if (has_name(attributes))
		return nt_name_create(nt, attributes, spec, object);
	return nt_object_create(nt, spec, object);
}

/*
 * Reserves the slot before it creates the object: if that failed last, another thread could have
 * opened the object by its name already.
 */
uint32_t nt_create(struct ntsync_nt *nt, uint32_t *out,
		   const struct ntsync_nt_attributes *attributes,
		   const struct nt_object_spec *spec, struct nt_thread *owner)
{
	struct nt_object *object;
	uint32_t index, status;

	if (!out)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	*out = nt->config.failure_value;
	index = nt_slot_reserve(nt);
	if (index == NT_NO_INDEX)
		return NTSYNC_STATUS_INSUFFICIENT_RESOURCES;
	status = create_object(nt, attributes, spec, &object);
	if (status && status != NTSYNC_STATUS_OBJECT_NAME_EXISTS) {
		nt_slot_cancel(nt, index);
		return status;
	}
	if (!status && owner)
		nt_owned_acquired(owner, object);
	*out = nt_slot_publish(nt, index, object, 0);
	return status;
}

uint32_t nt_open_kind(struct ntsync_nt *nt, uint32_t *out,
		      const struct ntsync_nt_attributes *attributes, enum ntsync_nt_type type,
		      uint32_t kind)
{
	struct nt_object *object;
	uint32_t index, status;

	if (!out)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	*out = nt->config.failure_value;
	if (type <= NTSYNC_NT_NONE || type >= NTSYNC_NT_TYPES ||
	    (attributes && attributes->flags & ~ALL_FLAGS))
		return NTSYNC_STATUS_INVALID_PARAMETER;
	if (!has_name(attributes))
		return NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND;
	index = nt_slot_reserve(nt);
	if (index == NT_NO_INDEX)
		return NTSYNC_STATUS_INSUFFICIENT_RESOURCES;
	status = nt_name_open(nt, attributes, type, kind, &object);
	if (status)
		nt_slot_cancel(nt, index);
	else
		*out = nt_slot_publish(nt, index, object, 0);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_open(struct ntsync_nt *nt, uint32_t *out,
				   const struct ntsync_nt_attributes *attributes,
				   enum ntsync_nt_type type)
{
	return nt_open_kind(nt, out, attributes, type, 0);
}

uint32_t nt_open(struct ntsync_nt *nt, uint32_t *out, const char *name, enum ntsync_nt_type type)
{
	const struct ntsync_nt_attributes attributes = { .name = name };

	return nt_open_kind(nt, out, &attributes, type, 0);
}
