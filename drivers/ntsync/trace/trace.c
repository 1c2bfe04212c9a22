// SPDX-License-Identifier: GPL-2.0-only
#include "object.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
