/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIBNTSYNC_NT_NAME_H
#define LIBNTSYNC_NT_NAME_H

#include "object.h"

/*
 * An object with a reference and a handle, which the caller is to publish: a new one, or
 * (OBJECT_NAME_EXISTS) the one that has the name.
 */
uint32_t nt_name_create(struct ntsync_nt *nt, const struct ntsync_nt_attributes *attributes,
			const struct nt_object_spec *spec, struct nt_object **out);
uint32_t nt_name_open(struct ntsync_nt *nt, const struct ntsync_nt_attributes *attributes,
		      enum ntsync_nt_type type, uint32_t kind, struct nt_object **out);
/* Drops one of the object's handles, and with the last one its name. The caller has a reference. */
void nt_name_put_handle(struct ntsync_nt *nt, struct nt_object *object);
/*
 * Writes as much of the object's name as fits, with a 0 at the end. Returns the length of the whole
 * name without that.
 */
size_t nt_name_read(struct ntsync_nt *nt, const struct nt_object *object, char *text, size_t size);
/* Frees all names. No other call on the table is in progress. */
void nt_names_exit(struct ntsync_nt *nt);

#endif /* LIBNTSYNC_NT_NAME_H */
