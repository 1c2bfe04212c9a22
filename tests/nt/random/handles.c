// SPDX-License-Identifier: GPL-2.0-only
/* Creating, duplicating and closing. */
#include "reference_internal.h"

#include <string.h>

static bool gives_value_back(const struct round *r, unsigned int t)
{
	return r->began[t] && r->calls[t].kind <= CALL_DUPLICATE && r->returned[t] && !r->results[t].value;
}

static unsigned int count_held(const struct step *s)
{
	unsigned int count = 0;

	for (unsigned int t = 0; t < NR_THREADS; t++)
		count += t != s->t && gives_value_back(s->round, t);
	return count;
}

static unsigned int count_others(const struct step *s)
{
	unsigned int count = 0;

	for (unsigned int t = 0; t < NR_THREADS; t++)
		count += t != s->t && s->round->began[t];
	return count;
}

/* The handle is the one that the call has got, if it may be issued (reuse.c). */
bool step_return_handle(struct step *s, uint8_t number, uint32_t status)
{
	int64_t value = s->round->results[s->t].value;

	return s->round->returned[s->t] &&
	       model_open_handle(&s->m, value, number, count_held(s)) &&
	       step_finish_with(s, status, value);
}

bool step_return_no_handle(struct step *s, uint32_t status)
{
	model_note_failure(&s->m, count_others(s));
	return step_finish_with(s, status, 0);
}

bool step_create(struct step *s)
{
	static const uint8_t types[] = {
		[CALL_CREATE_EVENT] = NTSYNC_NT_EVENT,
		[CALL_CREATE_SEMAPHORE] = NTSYNC_NT_SEMAPHORE,
		[CALL_CREATE_MUTANT] = NTSYNC_NT_MUTANT,
		[CALL_CREATE_KEYED_EVENT] = NTSYNC_NT_KEYED_EVENT,
		[CALL_CREATE_TIMER] = NTSYNC_NT_TIMER,
	};
	bool owned = s->call->kind == CALL_CREATE_MUTANT && s->call->flag;
	uint8_t number = model_free_object(&s->m);
	struct model_object *object = &s->m.objects[number];
	bool possible;

	if (step_find_name(s, types[s->call->kind], &possible))
		return possible;
	object->name = s->call->name;
	object->type = types[s->call->kind];
	object->manual = (object->type == NTSYNC_NT_EVENT || object->type == NTSYNC_NT_TIMER) &&
			 s->call->flag;
	object->owner = owned ? s->t + 1 : 0;
	object->count = owned ? 1 : s->call->number;
	object->limit = s->call->limit;
	return step_return_handle(s, number, NTSYNC_STATUS_SUCCESS);
}

/* The source may have been closed by now; its value is not issued again meanwhile. */
static bool close_source(struct step *s)
{
	uint32_t index = index_of(s->call->handles[0]);
	int64_t value = s->round->results[s->t].value;

	if (s->m.handles[index])
		model_close_handle(&s->m, index);
	return step_finish_with(s, NTSYNC_STATUS_SUCCESS, value);
}

bool step_duplicate(struct step *s)
{
	uint32_t index = index_of(s->call->handles[0]);

	if (self(s)->step)
		return close_source(s);
	if (!s->m.handles[index])
		return step_return_no_handle(s, NTSYNC_STATUS_INVALID_HANDLE);
	if (!step_return_handle(s, s->m.handles[index] - 1, NTSYNC_STATUS_SUCCESS))
		return false;
	if (!s->call->flag)
		return true;
	memset(&self(s)->result, 0, sizeof(self(s)->result));
	self(s)->pinned[0] = index;
	self(s)->step = 1;
	self(s)->state = THREAD_CALLS;
	return true;
}

bool step_close(struct step *s)
{
	uint32_t index = index_of(s->call->handles[0]);

	if (!s->m.handles[index])
		return step_finish(s, NTSYNC_STATUS_INVALID_HANDLE);
	model_close_handle(&s->m, index);
	return step_finish(s, NTSYNC_STATUS_SUCCESS);
}

struct model_object *step_find_typed(struct step *s, enum ntsync_nt_type type)
{
	struct model_object *object =
		(struct model_object *)model_find(&s->m, s->call->handles[0]);

	if (object && object->type == type)
		return object;
	step_finish(s, object ? NTSYNC_STATUS_OBJECT_TYPE_MISMATCH : NTSYNC_STATUS_INVALID_HANDLE);
	return NULL;
}

bool step_query(struct step *s)
{
	const struct model_object *object = model_find(&s->m, s->call->handles[0]);

	if (!object)
		return step_finish(s, NTSYNC_STATUS_INVALID_HANDLE);
	return step_finish_with(s, NTSYNC_STATUS_SUCCESS, handle_value(object->type, object->handles));
}
