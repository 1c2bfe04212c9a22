/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIBNTSYNC_NT_TRACE_H
#define LIBNTSYNC_NT_TRACE_H

#include "table.h"

int nt_trace_init(struct ntsync_nt *nt);
void nt_trace_exit(struct ntsync_nt *nt);
/* Completes the record, writes it to the file and calls the hook. Only if the table is traced. */
void nt_trace(struct ntsync_nt *nt, struct ntsync_nt_record *record);

/* trace_file.c: lines in the file that the environment names. Nothing happens if it names none. */
void nt_trace_file_open(struct ntsync_nt *nt);
void nt_trace_file_close(struct ntsync_nt *nt);
void nt_trace_file_write(struct ntsync_nt *nt, const struct ntsync_nt_record *record);

#endif /* LIBNTSYNC_NT_TRACE_H */
