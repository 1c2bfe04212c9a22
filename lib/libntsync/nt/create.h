/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIBNTSYNC_NT_CREATE_H
#define LIBNTSYNC_NT_CREATE_H

#include "object.h"

struct nt_thread;

/*
 * A handle of a new object, or of the one that has the name. If a new object is a mutant with
 * @owner, that thread owns it.
 */
uint32_t nt_create(struct ntsync_nt *nt, uint32_t *out,
		   const struct ntsync_nt_attributes *attributes,
		   const struct nt_object_spec *spec, struct nt_thread *owner);
uint32_t nt_open(struct ntsync_nt *nt, uint32_t *out, const char *name, enum ntsync_nt_type type);
/* @kind: of the runtime's own types, or 0. */
uint32_t nt_open_kind(struct ntsync_nt *nt, uint32_t *out,
		      const struct ntsync_nt_attributes *attributes, enum ntsync_nt_type type,
		      uint32_t kind);

#endif /* LIBNTSYNC_NT_CREATE_H */
