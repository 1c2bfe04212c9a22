/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What only the tests build in: NTSYNC_NT_DEBUG costs too much for a released library. */
#ifndef LIBNTSYNC_NT_DEBUG_H
#define LIBNTSYNC_NT_DEBUG_H

#include <assert.h>

#ifdef NTSYNC_NT_DEBUG
#define nt_assert(condition) assert(condition)
/* Marks a race window. The tests define it: there a thread loses its CPU now and then. */
void nt_race(void);
#else
#define nt_assert(condition) ((void)sizeof(condition))
static inline void nt_race(void)
{
}
#endif

#endif /* LIBNTSYNC_NT_DEBUG_H */
