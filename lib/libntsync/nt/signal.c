// SPDX-License-Identifier: LGPL-2.1-or-later
#include "association.h"
#include "port.h"
#include "stop.h"
#include "types.h"
#include "wait.h"

static uint32_t signal_object(struct nt_thread *thread, struct nt_object *object)
{
	switch (object->type) {
	case NTSYNC_NT_MUTANT:
		return nt_mutant_release(thread, object, NULL);
	case NTSYNC_NT_SEMAPHORE:
		return nt_semaphore_release(thread->nt, object, 1, NULL);
	default:
		return nt_status(nt_association_set_event(thread->nt, object, NULL));
	}
}

static bool can_be_signaled(const struct nt_object *object)
{
	return object->type == NTSYNC_NT_EVENT || object->type == NTSYNC_NT_MUTANT ||
	       object->type == NTSYNC_NT_SEMAPHORE;
}

/* Whether the driver has signaled the object, however the wait ended. With ENOMEM it has not. */
static bool has_signaled(int ret)
{
	return !ret || ret == -EOWNERDEAD || ret == -ETIMEDOUT || ret == -EINTR;
}

static uint32_t not_signaled_status(const struct nt_object *signal, int ret)
{
	if (ret == -EOVERFLOW && signal->type == NTSYNC_NT_SEMAPHORE)
		return NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED;
	if (ret == -EPERM && signal->type == NTSYNC_NT_MUTANT)
		return nt_mutant_not_owned_status(signal);
	return nt_status(ret);
}

/*
 * One call of the driver. A signaled mutant's index in the list of owned ones is looked up before
 * it, as for any release. The entry is freed before the wait's mutant, which may be the same one,
 * is recorded. If the wait has to start again, that is a wait alone.
 */
static uint32_t signal_and_wait_atomically(struct nt_wait *wait, struct nt_object *signal)
{
	uint32_t owned = nt_owned_begin_release(wait->thread, signal), index = 0;
	bool paused;
	int ret;

	/* The driver would release one that is held by another process's thread with the same id. */
	if (signal->type == NTSYNC_NT_MUTANT && owned == NT_NO_INDEX)
		return not_signaled_status(signal, -EPERM);
	/* Whether it sleeps is not known before: the step is one. */
	paused = wait->opts.deadline && nt_port_pause(wait->thread);
	nt_race();
	ret = ntsync_signal_and_wait(wait->nt->config.dev, signal->fd, wait->fds[0],
				     &wait->opts, &index);
	if (paused)
		nt_port_go_on(wait->thread);
	atomic_store(&wait->thread->signals, NULL);
	nt_look_if_awaited(wait->nt, signal);
	if (!has_signaled(ret)) {
		nt_owned_not_released(wait->thread, signal, owned);
		return not_signaled_status(signal, ret);
	}
	if (signal->type == NTSYNC_NT_MUTANT)
		nt_owned_released(wait->thread, owned);
	return nt_wait_resume(wait, ret, index);
}

/*
 * Wait completion packets for the object would be queued only when the wait has ended, so the signal
 * must be a step of its own. One that is associated meanwhile wakes the thread: wait_packet.c.
 */
static bool can_look_later(struct nt_thread *thread, struct nt_object *signal)
{
	if (signal->type == NTSYNC_NT_MUTANT)
		return true;
	atomic_store(&thread->signals, signal);
	nt_race();
	if (!atomic_load(&signal->awaited))
		return true;
	atomic_store(&thread->signals, NULL);
	return false;
}

static uint32_t signal_then_wait(struct nt_wait *wait, struct nt_object *signal)
{
	uint32_t status = signal_object(wait->thread, signal);

	nt_race();
	return status ? status : nt_wait_run(wait);
}

/* The wait ends at a mutant at its limit, unless that is the one released first. */
static bool is_refused_by_limit(const struct nt_wait *wait, const struct nt_object *signal)
{
	return wait->pins[0].object != signal && nt_wait_is_at_limit(wait);
}

/*
 * The wait is refused with @refused: if the signal is made, that is what the call returns. If not, an
 * interruption stays for the thread's next wait, as this one does not return it.
 */
static uint32_t signal_alone(struct nt_wait *wait, struct nt_object *signal, uint32_t refused)
{
	uint32_t status = signal_object(wait->thread, signal);

	return status ? status : nt_stop_obey(wait->thread, wait->stops, refused);
}

static uint32_t signal_and_wait(struct nt_wait *wait, struct nt_object *signal)
{
	uint32_t refused;

	if (!can_be_signaled(signal))
		return NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	refused = nt_stop_look(wait->thread, &wait->stops);
	if (refused)
		return signal_alone(wait, signal, refused);
	if (nt_can_signal_and_wait(wait->nt) && !is_refused_by_limit(wait, signal) &&
	    can_look_later(wait->thread, signal))
		return signal_and_wait_atomically(wait, signal);
	return signal_then_wait(wait, signal);
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
