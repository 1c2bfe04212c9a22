/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIBNTSYNC_NT_TRACE_H
#define LIBNTSYNC_NT_TRACE_H

#include "table.h"

int nt_trace_init(struct ntsync_nt *nt);
void nt_trace_exit(struct ntsync_nt *nt);
/* Completes the record and calls the trace hook. Only for a table that has one. */
void nt_trace(struct ntsync_nt *nt, struct ntsync_nt_record *record);

#endif /* LIBNTSYNC_NT_TRACE_H */
