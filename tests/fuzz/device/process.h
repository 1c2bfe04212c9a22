/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes of an execution. */
#ifndef NTSYNC_FUZZ_PROCESS_H
#define NTSYNC_FUZZ_PROCESS_H

#include "call.h"

/* What the first process does; it makes the others. Does not return. */
_Noreturn void process_first(void);

#endif
