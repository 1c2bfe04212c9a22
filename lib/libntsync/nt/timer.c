// SPDX-License-Identifier: LGPL-2.1-or-later
#include "timer.h"

#include <stdlib.h>

static int make(const struct ntsync_nt *nt, const struct nt_recipe *recipe)
{
	return ntsync_event_create(nt->config.dev, recipe->manual, false);
}

static bool widen(struct nt_heap *heap, size_t room)
{
	struct nt_timer **items = realloc(heap->items, room * sizeof(*items));

	if (items)
		heap->items = items;
	return items;
}

static bool make_room_locked(struct nt_timers *timers)
{
	size_t room = timers->room ? 2 * timers->room : 16;

	if (timers->nr_timers < timers->room)
		return true;
	if (!widen(&timers->monotonic, room) || !widen(&timers->realtime, room))
		return false;
	timers->room = room;
	return true;
}

static struct nt_timer *timer_alloc(struct nt_timers *timers)
{
	struct nt_timer *timer = NULL;
	struct nt_saved saved;

	nt_lock(&timers->lock, &saved);
	if (make_room_locked(timers))
		timer = calloc(1, sizeof(*timer));
	if (timer) {
		timer->place = NT_NOT_SET;
		timers->nr_timers++;
	}
	nt_unlock(&timers->lock, &saved);
	return timer;
}

void nt_timer_destroy(struct ntsync_nt *nt, struct nt_timer *timer)
{
	struct nt_timers *timers = nt->timers;
	struct nt_saved saved;

	nt_lock(&timers->lock, &saved);
	if (timer->place != NT_NOT_SET)
		nt_heap_remove(timer);
	timers->nr_timers--;
	free(timer);
	nt_unlock(&timers->lock, &saved);
}

NTSYNC_API uint32_t ntsync_nt_create_timer(struct ntsync_nt *nt, uint32_t *out,
					   const struct ntsync_nt_attributes *attributes,
					   bool manual)
{
	struct nt_recipe recipe = { .type = NTSYNC_NT_TIMER, .manual = manual, .make = make };
	struct nt_timers *timers;
	uint32_t status = nt_timers_get(nt, &timers);

	if (out)
		*out = nt->config.failure_value;
	if (status)
		return status;
	recipe.timer = timer_alloc(timers);
	if (!recipe.timer)
		return NTSYNC_STATUS_NO_MEMORY;
	status = nt_create(nt, out, attributes, &recipe, NULL, NULL);
	if (status)
		nt_timer_destroy(nt, recipe.timer);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_open_timer(struct ntsync_nt *nt, uint32_t *out, const char *name)
{
	return nt_open(nt, out, name, NTSYNC_NT_TIMER);
}

/* NT ends the signal of what is set anew, and then its time counts. */
static uint32_t set_locked(struct nt_timers *timers, const struct nt_object *object,
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
	status = set_locked(nt->timers, pin.object, due, period, &signaled);
	nt_unlock(&nt->timers->lock, &saved);
	if (!status && previous)
		*previous = (int32_t)signaled;
	nt_put(nt, &pin);
	return status;
}

/* Both look at a timer under the lock, when all that is due is signaled; one also takes it off. */
static uint32_t look(struct ntsync_nt *nt, uint32_t handle, bool cancel,
		     struct ntsync_nt_timer_state *state)
{
	struct nt_timer *timer;
	struct nt_times now;
	struct nt_pin pin;
	uint32_t status, signaled;
	struct nt_saved saved;

	status = nt_get_type(nt, handle, NTSYNC_NT_TIMER, &pin);
	if (status)
		return status;
	timer = pin.object->timer;
	*state = (struct ntsync_nt_timer_state){
		.remaining = NTSYNC_WAIT_FOREVER, .manual = pin.object->manual,
	};
	nt_lock(&nt->timers->lock, &saved);
	now = nt_times_now();
	nt_timers_catch_up_locked(nt->timers, &now);
	/* What is still set is due later than now. */
	if (timer->place != NT_NOT_SET) {
		state->remaining = timer->deadline - (timer->heap->clock == CLOCK_REALTIME ?
						      now.realtime : now.monotonic);
		if (cancel)
			nt_heap_remove(timer);
	}
	status = nt_status(ntsync_event_read(pin.object->fd, NULL, &signaled));
	nt_unlock(&nt->timers->lock, &saved);
	state->signaled = signaled;
	nt_put(nt, &pin);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_cancel_timer(struct ntsync_nt *nt, uint32_t handle,
					   int32_t *previous)
{
	struct ntsync_nt_timer_state state;
	uint32_t status = look(nt, handle, true, &state);

	if (!status && previous)
		*previous = state.signaled;
	return status;
}

NTSYNC_API uint32_t ntsync_nt_query_timer(struct ntsync_nt *nt, uint32_t handle,
					  struct ntsync_nt_timer_state *state)
{
	struct ntsync_nt_timer_state found;
	uint32_t status = look(nt, handle, false, &found);

	if (!status && state)
		*state = found;
	return status;
}
