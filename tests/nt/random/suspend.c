// SPDX-License-Identifier: GPL-2.0-only
/* Threads by their handles: what a query says, and the suspend count. */
#include "reference_internal.h"

struct ntsync_nt_thread_state model_thread_state(const struct model *m,
						 const struct model_object *object)
{
	const struct model_thread *thread = &m->threads[object->owner - 1];

	return (struct ntsync_nt_thread_state){
		.tid = FIRST_TID + object->owner - 1,
		.exit_status = object->ended ? NTSYNC_STATUS_SUCCESS : NTSYNC_STATUS_PENDING,
		.suspend_count = object->ended ? 0 : thread->suspends,
		.attached = !object->ended && !thread->detached,
		.ended = object->ended,
	};
}

bool step_query_thread(struct step *s)
{
	const struct model_object *object = step_find_typed(s, NTSYNC_NT_THREAD);
	struct ntsync_nt_thread_state state;

	if (!object)
		return true;
	state = model_thread_state(&s->m, object);
	return step_finish_with(s, NTSYNC_STATUS_SUCCESS, thread_value(&state));
}

static bool is_parked(const struct step *s, unsigned int t)
{
	return s->m.threads[t].state == THREAD_SLEEPS && s->round->calls[t].kind == CALL_PARK;
}

static void resume(struct step *s, unsigned int t)
{
	struct model_thread *thread = &s->m.threads[t];

	if (thread->suspends && !--thread->suspends && is_parked(s, t))
		model_wake_to_take(&s->m, t);
}

bool step_suspend(struct step *s)
{
	const struct model_object *object = step_find_typed(s, NTSYNC_NT_THREAD);
	unsigned int t;
	int64_t previous;

	if (!object)
		return true;
	if (object->ended)
		return step_finish(s, NTSYNC_STATUS_THREAD_IS_TERMINATING);
	t = object->owner - 1;
	previous = s->m.threads[t].suspends;
	if (s->call->kind == CALL_RESUME)
		resume(s, t);
	else
		s->m.threads[t].suspends++;
	return step_finish_with(s, NTSYNC_STATUS_SUCCESS, previous);
}

/* At its begin, and when something has woken it. No alert ends it. */
bool step_park(struct step *s)
{
	uint32_t status = model_take_interruption(self(s));

	if (status)
		return step_finish(s, status);
	if (!self(s)->suspends)
		return step_finish(s, NTSYNC_STATUS_SUCCESS);
	step_fall_asleep(s);
	return true;
}
