// SPDX-License-Identifier: LGPL-2.1-or-later
#include "wait.h"

static uint32_t signal_object(struct nt_thread *thread, struct nt_object *object)
{
	switch (object->type) {
	case NTSYNC_NT_MUTANT:
		return nt_mutant_release(thread, object, NULL);
	case NTSYNC_NT_SEMAPHORE:
		return nt_semaphore_release(object, 1, NULL);
	default:
		return nt_status(ntsync_event_set(object->fd, NULL));
	}
}

bool nt_can_signal_and_wait(const struct ntsync_nt *nt)
{
	return nt->features & NTSYNC_FEATURE_SIGNAL_AND_WAIT;
}

/* Whether the driver did signal, whatever became of the wait. */
static bool was_signaled(int ret)
{
	return !ret || ret == -EOWNERDEAD || ret == -ETIMEDOUT || ret == -EINTR || ret == -ENOMEM;
}

static uint32_t why_not_signaled(const struct nt_object *signal, int ret)
{
	if (ret == -EOVERFLOW && signal->type == NTSYNC_NT_SEMAPHORE)
		return NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED;
	if (ret == -EPERM && signal->type == NTSYNC_NT_MUTANT)
		return nt_mutant_why_not_owned(signal);
	return nt_status(ret);
}

/*
 * The driver does both in one step. The place of a mutant in the list is looked up before
 * that, as for any release, and given up before the wait's mutant, which may be the same,
 * gets one. A repetition, should the wait not be over yet, is of the wait alone.
 */
static uint32_t in_one_step(struct nt_wait *wait, struct nt_object *signal)
{
	uint32_t place = nt_owned_find(wait->thread, signal), index = 0;
	int ret = ntsync_signal_and_wait(wait->nt->config.dev, signal->fd, wait->fds[0],
					 &wait->opts, &index);

	if (!was_signaled(ret))
		return why_not_signaled(signal, ret);
	if (signal->type == NTSYNC_NT_MUTANT)
		nt_owned_released(wait->thread, place);
	return nt_wait_go_on(wait, ret, index);
}

static uint32_t in_two_steps(struct nt_wait *wait, struct nt_object *signal)
{
	uint32_t status = signal_object(wait->thread, signal);

	nt_race();
	return status ? status : nt_wait_run(wait);
}

/* A mutant at its limit is not waited for, unless it is what is released first. */
static bool is_wait_for(const struct nt_wait *wait, const struct nt_object *signal)
{
	return wait->pins[0].object == signal || !nt_wait_is_at_limit(wait);
}

static uint32_t signal_and_wait(struct nt_wait *wait, struct nt_object *signal)
{
	if (signal->type == NTSYNC_NT_TIMER)
		return NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	if (nt_can_signal_and_wait(wait->nt) && is_wait_for(wait, signal))
		return in_one_step(wait, signal);
	return in_two_steps(wait, signal);
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
