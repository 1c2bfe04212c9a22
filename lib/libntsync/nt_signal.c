// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nt_wait.h"

static uint32_t signal_object(struct nt_thread *thread, struct nt_object *object)
{
	switch (object->type) {
	case NTSYNC_NT_EVENT:
		return nt_status(ntsync_event_set(object->fd, NULL));
	case NTSYNC_NT_MUTANT:
		return nt_mutant_release(thread, object, NULL);
	case NTSYNC_NT_SEMAPHORE:
		return nt_semaphore_release(object, 1, NULL);
	default:
		return NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	}
}

/*
 * The place for the driver's ioctl that does both at once (NTSYNC_FEATURE_SIGNAL_AND_WAIT in
 * nt->features). nt_can_signal_and_wait() says whether it is used.
 */
static uint32_t signal_and_wait(struct nt_wait *wait, struct nt_object *signal)
{
	uint32_t status = signal_object(wait->thread, signal);

	return status ? status : nt_wait_run(wait);
}

bool nt_can_signal_and_wait(const struct ntsync_nt *nt)
{
	(void)nt;
	return false;
}

static uint32_t signal_pinned(struct nt_wait *wait, struct nt_object *signal, uint32_t handle)
{
	uint32_t status = nt_wait_add(wait, handle);

	if (!status)
		status = nt_wait_prepare(wait);
	if (!status)
		status = signal_and_wait(wait, signal);
	nt_wait_end(wait);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_signal_and_wait(struct ntsync_nt *nt, uint32_t signal,
					      uint32_t handle, bool alertable,
					      struct ntsync_nt_deadline deadline)
{
	struct nt_wait wait;
	struct nt_pin pin;
	uint32_t status = nt_wait_begin(&wait, nt, alertable, deadline);

	if (status)
		return status;
	status = nt_get(nt, signal, &pin);
	if (status)
		return status;
	status = signal_pinned(&wait, pin.object, handle);
	nt_put(nt, &pin);
	return status;
}
