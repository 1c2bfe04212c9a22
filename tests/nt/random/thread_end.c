// SPDX-License-Identifier: GPL-2.0-only
/* The end of a thread. */
#include "reference_internal.h"

#include <string.h>

static void abandon(struct step *s, struct model_object *mutant)
{
	mutant->owner = 0;
	mutant->count = 0;
	mutant->abandoned = true;
	model_serve_waits(&s->m, s->round);
}

/* One of its mutants, in whatever order. False: it has none. */
static bool abandon_one(struct step *s)
{
	bool any = false;

	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		struct step other = *s;
		struct model_object *object = &other.m.objects[i];

		if (object->type != NTSYNC_NT_MUTANT || object->owner != s->t + 1)
			continue;
		abandon(&other, object);
		model_destroy_unused(&other.m);
		s->emit(s->context, &other.m);
		any = true;
	}
	return any;
}

static bool is_object_of(const struct model_object *object, unsigned int t)
{
	return object->type == NTSYNC_NT_THREAD && !object->ended && object->owner == t + 1;
}

uint8_t model_find_thread_object(const struct model *m, unsigned int t)
{
	uint8_t i = 0;

	while (i < NR_OBJECTS && !is_object_of(&m->objects[i], t))
		i++;
	return i;
}

/* What was sent to the thread is discarded with its id. */
static void forget_thread(struct model_thread *thread)
{
	thread->alerted = false;
	thread->apc_pending = false;
	thread->alerted_by_id = false;
	thread->interruption = 0;
	thread->suspends = 0;
	thread->nr_apcs = 0;
	memset(thread->apcs, 0, sizeof(thread->apcs));
}

static bool leave_table(struct step *s)
{
	struct model_thread *thread = self(s);
	uint8_t number = model_find_thread_object(&s->m, s->t);

	forget_thread(thread);
	thread->detached = true;
	thread->step = 1;
	if (number == NR_OBJECTS)
		return true;
	thread->objects[0] = number;
	thread->nr_kept = 1;
	s->m.objects[number].ended = true;
	return true;
}

static void signal_object(struct step *s)
{
	if (!self(s)->nr_kept)
		return;
	s->m.objects[self(s)->objects[0]].count = 1;
	model_serve_waits(&s->m, s->round);
	self(s)->objects[0] = 0;
	self(s)->nr_kept = 0;
}

bool step_end(struct step *s)
{
	self(s)->state = THREAD_CALLS;
	if (!self(s)->step)
		return !abandon_one(s) && leave_table(s);
	if (self(s)->step == 1) {
		signal_object(s);
		self(s)->step = 2;
		if (s->call->kind == CALL_REATTACH)
			return true;
	}
	if (s->call->kind == CALL_REATTACH)
		self(s)->detached = false;
	return step_finish(s, NTSYNC_STATUS_SUCCESS);
}

/* Creates one, or opens the one that the thread has. */
bool step_thread_object(struct step *s)
{
	uint8_t number = model_find_thread_object(&s->m, s->call->target);

	if (s->call->kind == CALL_OPEN_THREAD)
		return number < NR_OBJECTS ?
			       step_return_handle(s, number, NTSYNC_STATUS_SUCCESS) :
			       step_return_no_handle(s, NTSYNC_STATUS_INVALID_CID);
	if (number < NR_OBJECTS)
		return step_return_no_handle(s, NTSYNC_STATUS_INVALID_PARAMETER);
	number = model_free_object(&s->m);
	s->m.objects[number].type = NTSYNC_NT_THREAD;
	s->m.objects[number].owner = s->call->target + 1;
	return step_return_handle(s, number, NTSYNC_STATUS_SUCCESS);
}
