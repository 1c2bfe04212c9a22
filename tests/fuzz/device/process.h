/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes of an execution. */
#ifndef NTSYNC_FUZZ_PROCESS_H
#define NTSYNC_FUZZ_PROCESS_H

#include "call.h"

/*
 * A descriptor of the first process, for the third: that belongs to another user, who may not take
 * it. -errno without one.
 */
int process_ask_for_fd(unsigned int slot);

/* What the first process does; it makes the others. Does not return. */
_Noreturn void process_first(void);

#endif
