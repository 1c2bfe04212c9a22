// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nt.h"

/*
 * Arguments were checked before the driver got them, so EINVAL, EBADF and their like are
 * bugs: the guest is told so, and not something that it would take for its own mistake.
 */
uint32_t nt_status(int ret)
{
	switch (-ret) {
	case 0:
		return NTSYNC_STATUS_SUCCESS;
	case ENOMEM:
		return NTSYNC_STATUS_NO_MEMORY;
	case EMFILE:
	case ENFILE:
		return NTSYNC_STATUS_TOO_MANY_OPENED_FILES;
	default:
		nt_assert(!"an error that was excluded");
		return NTSYNC_STATUS_INTERNAL_ERROR;
	}
}
