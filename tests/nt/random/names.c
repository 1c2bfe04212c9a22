// SPDX-License-Identifier: GPL-2.0-only
/* Objects with names. All types share the names. */
#include "reference_internal.h"

/* The object that has the name of the call; NR_OBJECTS: none has, or the call has no name. */
static uint8_t find_named(const struct step *s)
{
	uint8_t number = 0;

	if (!s->call->name)
		return NR_OBJECTS;
	while (number < NR_OBJECTS && s->m.objects[number].name != s->call->name)
		number++;
	return number;
}

/* Another handle of an object, which stays as it is. */
static bool open_object(struct step *s, uint8_t number, uint8_t type, uint32_t status)
{
	if (s->m.objects[number].type != type)
		return step_return_no_handle(s, NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	return step_return_handle(s, number, status);
}

bool step_find_name(struct step *s, uint8_t type, bool *possible)
{
	uint8_t number = find_named(s);

	if (number == NR_OBJECTS)
		return false;
	if (s->call->open_if)
		*possible = open_object(s, number, type, NTSYNC_STATUS_OBJECT_NAME_EXISTS);
	else
		*possible = step_return_no_handle(s, NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	return true;
}

bool step_open(struct step *s)
{
	uint8_t number = find_named(s);

	if (number == NR_OBJECTS)
		return step_return_no_handle(s, NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
	return open_object(s, number, s->call->type, NTSYNC_STATUS_SUCCESS);
}
