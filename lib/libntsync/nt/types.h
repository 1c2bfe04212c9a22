/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What signal-and-wait needs of the types. */
#ifndef LIBNTSYNC_NT_TYPES_H
#define LIBNTSYNC_NT_TYPES_H

#include "thread.h"

/* mutant.c */
uint32_t nt_mutant_release(struct nt_thread *thread, struct nt_object *mutant, int32_t *previous);
/* The status of a release by a thread that does not own the mutant. */
uint32_t nt_mutant_not_owned_status(const struct nt_object *mutant);

/* semaphore.c */
uint32_t nt_semaphore_release(struct ntsync_nt *nt, struct nt_object *semaphore, uint32_t count,
			      uint32_t *previous);

#endif /* LIBNTSYNC_NT_TYPES_H */
