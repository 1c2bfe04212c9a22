// SPDX-License-Identifier: LGPL-2.1-or-later
/* The functions that programs inline, for those that don't. */
#include "internal.h"

#define NTSYNC_LOCK_INLINE NTSYNC_API
#include "ntsync_lock.h"
