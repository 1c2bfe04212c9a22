// SPDX-License-Identifier: LGPL-2.1-or-later
#include "table.h"

/*
 * Arguments are checked before the driver gets them, so EINVAL, EBADF and the like are bugs of
 * the library or the driver. They get a status that no guest takes for its own mistake.
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
	case ENOTSUP:
		return NTSYNC_STATUS_NOT_SUPPORTED;
	default:
		nt_assert(!"an error that was excluded");
		return NTSYNC_STATUS_INTERNAL_ERROR;
	}
}
