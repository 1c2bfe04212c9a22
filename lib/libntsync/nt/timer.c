// SPDX-License-Identifier: LGPL-2.1-or-later
#include "timer.h"

#include "create.h"
#include "handle.h"

static int create_fd(const struct ntsync_nt *nt, const struct nt_object_spec *spec)
{
	return ntsync_event_create(nt->config.dev, spec->manual, false);
}

NTSYNC_API uint32_t ntsync_nt_create_timer(struct ntsync_nt *nt, uint32_t *out,
					   const struct ntsync_nt_attributes *attributes,
					   bool manual)
{
	struct nt_object_spec spec = {
		.type = NTSYNC_NT_TIMER, .manual = manual, .create_fd = create_fd,
	};
	struct nt_timers *timers;
	uint32_t status = nt_timers_get(nt, &timers);

	if (out)
		*out = nt->config.failure_value;
	if (status)
		return status;
	spec.timer = nt_timer_create(timers);
	if (!spec.timer)
		return NTSYNC_STATUS_NO_MEMORY;
	status = nt_create(nt, out, attributes, &spec, NULL);
	if (status)
		nt_timer_destroy(timers, spec.timer);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_open_timer(struct ntsync_nt *nt, uint32_t *out, const char *name)
{
	return nt_open(nt, out, name, NTSYNC_NT_TIMER);
}

/* As on NT: setting a timer ends its signal first, also if the new deadline has passed. */
static uint32_t set_timer_locked(struct nt_timers *timers, const struct nt_object *object,
			   struct ntsync_nt_deadline due, uint64_t period, uint32_t *previous)
{
	struct nt_timer *timer = object->timer;
	bool date = due.flags & NTSYNC_WAIT_REALTIME;
	struct nt_times now = nt_times_now();
	int ret;

	nt_timers_catch_up_locked(timers, &now);
	ret = ntsync_event_reset(object->fd, previous);
	if (ret)
		return nt_status(ret);
	if (timer->place != NT_NOT_SET)
		nt_heap_remove(timer);
	timer->fd = object->fd;
	timer->deadline = due.ns;
	timer->period = period;
	if (due.ns != NTSYNC_WAIT_FOREVER)
		nt_heap_insert(date ? &timers->realtime : &timers->monotonic, timer);
	nt_timers_run_locked(timers, &now);
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_set_timer(struct ntsync_nt *nt, uint32_t handle,
					struct ntsync_nt_deadline due, uint64_t period,
					int32_t *previous)
{
	struct nt_pin pin;
	uint32_t status, signaled;
	struct nt_saved saved;

	if (due.flags & ~NTSYNC_WAIT_REALTIME || period > INT64_MAX ||
	    (due.ns > INT64_MAX && due.ns != NTSYNC_WAIT_FOREVER))
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_get_type(nt, handle, NTSYNC_NT_TIMER, &pin);
	if (status)
		return status;
	nt_lock(&nt->timers->lock, &saved);
	status = set_timer_locked(nt->timers, pin.object, due, period, &signaled);
	nt_unlock(&nt->timers->lock, &saved);
	if (!status && previous)
		*previous = (int32_t)signaled;
	nt_put(nt, &pin);
	return status;
}

static uint32_t read_timer_locked(struct nt_timers *timers, const struct nt_object *object,
				  bool cancel, struct ntsync_nt_timer_state *state)
{
	struct nt_timer *timer = object->timer;
	struct nt_times now = nt_times_now();
	uint32_t signaled = 0, status;

	*state = (struct ntsync_nt_timer_state){
		.remaining = NTSYNC_WAIT_FOREVER, .manual = object->manual,
	};
	nt_timers_catch_up_locked(timers, &now);
	/* A timer that is still set expires later than now. */
	if (timer->place != NT_NOT_SET) {
		state->remaining = timer->deadline - (timer->heap->clock == CLOCK_REALTIME ?
						      now.realtime : now.monotonic);
		if (cancel)
			nt_heap_remove(timer);
	}
	status = nt_status(ntsync_event_read(object->fd, NULL, &signaled));
	state->signaled = signaled;
	return status;
}

/* Reads a timer after all overdue timers were signaled, and cancels it if asked to. */
static uint32_t read_timer(struct ntsync_nt *nt, uint32_t handle, bool cancel,
			   struct ntsync_nt_timer_state *state)
{
	struct nt_saved saved;
	struct nt_pin pin;
	uint32_t status = nt_get_type(nt, handle, NTSYNC_NT_TIMER, &pin);

	if (status)
		return status;
	nt_lock(&nt->timers->lock, &saved);
	status = read_timer_locked(nt->timers, pin.object, cancel, state);
	nt_unlock(&nt->timers->lock, &saved);
	nt_put(nt, &pin);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_cancel_timer(struct ntsync_nt *nt, uint32_t handle,
					   int32_t *previous)
{
	struct ntsync_nt_timer_state state;
	uint32_t status = read_timer(nt, handle, true, &state);

	if (!status && previous)
		*previous = state.signaled;
	return status;
}

NTSYNC_API uint32_t ntsync_nt_query_timer(struct ntsync_nt *nt, uint32_t handle,
					  struct ntsync_nt_timer_state *state)
{
	struct ntsync_nt_timer_state found;
	uint32_t status = read_timer(nt, handle, false, &found);

	if (!status && state)
		*state = found;
	return status;
}
