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

static uint8_t find_thread_object(const struct model *m, unsigned int t)
{
	uint8_t i = 0;

	while (m->objects[i].type != NTSYNC_NT_THREAD || m->objects[i].ended ||
	       m->objects[i].owner != t + 1)
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

	forget_thread(thread);
	thread->objects[0] = find_thread_object(&s->m, s->t);
	thread->nr_kept = 1;
	s->m.objects[thread->objects[0]].ended = true;
	thread->step = 1;
	return true;
}

bool step_end(struct step *s)
{
	self(s)->state = THREAD_CALLS;
	if (!self(s)->step)
		return !abandon_one(s) && leave_table(s);
	s->m.objects[self(s)->objects[0]].count = 1;
	model_serve_waits(&s->m, s->round);
	return step_finish(s, NTSYNC_STATUS_SUCCESS);
}
