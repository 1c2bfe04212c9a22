/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIBNTSYNC_NT_FD_H
#define LIBNTSYNC_NT_FD_H

#include <stdbool.h>

struct ntsync_nt;

/* close() that is not a cancellation point. Every close of the handle table is this one. */
void nt_close_fd(int fd);
/* Moves descriptor 0 to a higher number: 0 stands for "no alert" in the driver's interface. */
int nt_fd_nonzero(int fd);
/* Raises the soft limit of descriptors to the hard one, but not for forked children. */
void nt_fd_limit_raise(void);
/* Whether an object may use @fd: enough descriptors are left for the rest of the process. */
bool nt_fd_is_for_objects(struct ntsync_nt *nt, int fd);

/* Whether an event of a thread may use @fd. */
bool nt_fd_is_for_threads(struct ntsync_nt *nt, int fd);

#endif /* LIBNTSYNC_NT_FD_H */
