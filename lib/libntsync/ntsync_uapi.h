/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver's interface, for libntsync.h, under a name that no system has.
 * Where the library is installed, this is a link to the header itself.
 */
#include "../../include/uapi/linux/ntsync.h"
