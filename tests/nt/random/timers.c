// SPDX-License-Identifier: GPL-2.0-only
/* Timers that are due at once, or not before the test has ended. */
#include "reference_internal.h"

static bool set_timer(struct step *s, struct model_object *timer)
{
	int64_t previous = timer->count;

	timer->count = 0;
	timer->is_set = !s->call->flag;
	step_add_object(s, s->call->handles[0]);
	self(s)->result.value = previous;
	self(s)->step = 1;
	self(s)->state = THREAD_CALLS;
	return true;
}

/* The call has begun with the object, whatever its handle is now. */
static bool finish_set(struct step *s)
{
	struct model_object *timer = &s->m.objects[self(s)->objects[0]];
	int64_t previous = self(s)->result.value;

	if (s->call->flag) {
		timer->count = 1;
		model_serve_waits(&s->m, s->round);
	}
	return step_finish_with(s, NTSYNC_STATUS_SUCCESS, previous);
}

bool step_timer(struct step *s)
{
	struct model_object *timer;
	int64_t value;

	if (self(s)->step)
		return finish_set(s);
	timer = step_find_typed(s, NTSYNC_NT_TIMER);
	if (!timer)
		return true;
	if (s->call->kind == CALL_SET_TIMER)
		return set_timer(s, timer);
	value = timer->count;
	if (s->call->kind == CALL_CANCEL_TIMER) {
		timer->is_set = false;
	} else {
		const struct ntsync_nt_timer_state state = {
			.remaining = timer->is_set ? 0 : NTSYNC_WAIT_FOREVER,
			.manual = timer->manual,
			.signaled = timer->count,
		};

		value = timer_value(&state);
	}
	return step_finish_with(s, NTSYNC_STATUS_SUCCESS, value);
}
