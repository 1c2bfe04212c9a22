// SPDX-License-Identifier: GPL-2.0-only
/* Events, semaphores and mutants, and the signal-and-wait. */
#include "reference_internal.h"

static uint32_t release_mutant(struct step *s, struct model_object *mutant, int64_t *previous)
{
	if (mutant->owner != s->t + 1)
		return mutant->abandoned ? NTSYNC_STATUS_ABANDONED_WAIT_0 :
					   NTSYNC_STATUS_MUTANT_NOT_OWNED;
	*previous = 1 - mutant->count;
	if (!--mutant->count)
		mutant->owner = 0;
	model_serve_waits(&s->m, s->round);
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t release_semaphore(struct step *s, struct model_object *semaphore, int32_t count,
				  int64_t *previous)
{
	if (semaphore->count + count > semaphore->limit)
		return NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED;
	*previous = semaphore->count;
	semaphore->count += count;
	model_serve_waits(&s->m, s->round);
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t set_event(struct step *s, struct model_object *event, int64_t *previous)
{
	*previous = event->count;
	event->count = 1;
	model_serve_waits(&s->m, s->round);
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t change_event(struct step *s, struct model_object *event, int64_t *previous)
{
	if (s->call->kind == CALL_RESET_EVENT)
		*previous = event->count;
	else
		set_event(s, event, previous);
	if (s->call->kind != CALL_SET_EVENT)
		event->count = 0;
	return NTSYNC_STATUS_SUCCESS;
}

bool step_event(struct step *s)
{
	struct model_object *event = step_find_typed(s, NTSYNC_NT_EVENT);
	int64_t value = NO_VALUE;

	if (!event)
		return true;
	if (s->call->kind == CALL_QUERY_EVENT)
		value = event->count;
	else
		change_event(s, event, &value);
	return step_finish_with(s, NTSYNC_STATUS_SUCCESS, value);
}

bool step_semaphore(struct step *s)
{
	struct model_object *semaphore = step_find_typed(s, NTSYNC_NT_SEMAPHORE);
	uint32_t status = NTSYNC_STATUS_SUCCESS;
	int64_t value = NO_VALUE;

	if (!semaphore)
		return true;
	if (s->call->kind == CALL_QUERY_SEMAPHORE)
		value = semaphore->count;
	else
		status = release_semaphore(s, semaphore, s->call->number, &value);
	return step_finish_with(s, status, value);
}

bool step_mutant(struct step *s)
{
	struct model_object *mutant = step_find_typed(s, NTSYNC_NT_MUTANT);
	uint32_t status = NTSYNC_STATUS_SUCCESS;
	int64_t value = NO_VALUE;

	if (!mutant)
		return true;
	if (s->call->kind == CALL_RELEASE_MUTANT) {
		status = release_mutant(s, mutant, &value);
	} else {
		const struct ntsync_nt_mutant_state state = {
			.count = 1 - mutant->count,
			.owner = mutant->owner ? FIRST_TID + mutant->owner - 1 : 0,
			.owned_by_caller = mutant->owner == s->t + 1,
			.abandoned = mutant->abandoned,
		};

		value = mutant_value(&state);
	}
	return step_finish_with(s, status, value);
}

static bool can_be_signaled(const struct model_object *object)
{
	return object->type == NTSYNC_NT_EVENT || object->type == NTSYNC_NT_MUTANT ||
	       object->type == NTSYNC_NT_SEMAPHORE;
}

static uint32_t signal_object(struct step *s, struct model_object *object)
{
	int64_t previous;

	switch (object->type) {
	case NTSYNC_NT_MUTANT:
		return release_mutant(s, object, &previous);
	case NTSYNC_NT_SEMAPHORE:
		return release_semaphore(s, object, 1, &previous);
	default:
		return set_event(s, object, &previous);
	}
}

/* If both handles are wrong, either may be what the call complains about. */
static bool refuse_signal_and_wait(struct step *s, const struct model_object *signal,
				   const struct model_object *wait)
{
	if (!signal || !wait) {
		struct step other = *s;

		if (signal && !can_be_signaled(signal)) {
			step_finish(&other, NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
			s->emit(s->context, &other.m);
		}
		return step_finish(s, NTSYNC_STATUS_INVALID_HANDLE);
	}
	return step_finish(s, NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
}

/* The wait has an interruption's status also if the object is signaled. */
static bool wait_after_signal(struct step *s)
{
	uint32_t status = model_take_interruption(self(s));

	/* The call keeps the object that it has signaled, but does not wait for it. */
	self(s)->nr_objects = 1;
	self(s)->step = 0;
	return status ? step_finish(s, status) : step_wait_for_objects(s);
}

/* The thread is not queued yet when the signal serves waits: it comes behind all others. */
bool step_signal_and_wait(struct step *s)
{
	const struct model_object *signal = model_find(&s->m, s->call->handles[0]);
	const struct model_object *wait = model_find(&s->m, s->call->handles[1]);
	uint32_t status;

	if (self(s)->step)
		return wait_after_signal(s);
	if (!signal || !wait || !can_be_signaled(signal))
		return refuse_signal_and_wait(s, signal, wait);
	step_add_object(s, s->call->handles[1]);
	step_add_object(s, s->call->handles[0]);
	status = signal_object(s, (struct model_object *)signal);
	if (status)
		return step_finish(s, status);
	if (!s->round->two_steps)
		return wait_after_signal(s);
	self(s)->step = 1;
	self(s)->state = THREAD_CALLS;
	return true;
}
