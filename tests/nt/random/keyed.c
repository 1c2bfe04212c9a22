// SPDX-License-Identifier: GPL-2.0-only
/* Keyed events. */
#include "reference_internal.h"

static bool fits(const struct step *s, unsigned int t)
{
	const struct call *call = &s->round->calls[t];
	enum call_kind opposite = s->call->kind == CALL_WAIT_KEYED ? CALL_RELEASE_KEYED :
								       CALL_WAIT_KEYED;
	const struct model_thread *thread = &s->m.threads[t], *me = &s->m.threads[s->t];

	return call->kind == opposite && call->key == s->call->key &&
	       thread->nr_objects == me->nr_objects && thread->objects[0] == me->objects[0];
}

static bool meet(struct step *s)
{
	for (unsigned int i = 0; i < s->m.nr_asleep; i++) {
		if (fits(s, s->m.queue[i])) {
			model_wake(&s->m, s->m.queue[i], NTSYNC_STATUS_SUCCESS);
			return step_finish(s, NTSYNC_STATUS_SUCCESS);
		}
	}
	step_fall_asleep(s);
	return true;
}

/* Handle 0 is the keyed event that a table always has. */
bool step_keyed(struct step *s)
{
	uint32_t handle = s->call->handles[0], status;
	const struct model_object *object;

	if (handle) {
		object = model_find(&s->m, handle);
		if (!object)
			return step_finish(s, NTSYNC_STATUS_INVALID_HANDLE);
		if (object->type != NTSYNC_NT_KEYED_EVENT)
			return step_finish(s, NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
		step_add_object(s, handle);
	}
	status = model_take_interruption(self(s));
	return status ? step_finish(s, status) : meet(s);
}
