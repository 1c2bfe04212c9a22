// SPDX-License-Identifier: GPL-2.0-only
#include "core.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

#define CREATE_TRACE_POINTS
#include "trace_addr.h"
