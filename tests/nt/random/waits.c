// SPDX-License-Identifier: GPL-2.0-only
/* Waits: who sleeps, and who is woken. */
#include "reference_internal.h"

#include <string.h>

void model_return(struct model *m, unsigned int t, uint32_t status, int64_t value)
{
	struct model_thread *thread = &m->threads[t];

	thread->state = THREAD_RETURNS;
	thread->step = 0;
	thread->result.status = status;
	thread->result.value = value;
	thread->nr_objects = 0;
	thread->nr_kept = 0;
	memset(thread->objects, 0, sizeof(thread->objects));
	memset(thread->pinned, 0, sizeof(thread->pinned));
}

bool step_finish_with(struct step *s, uint32_t status, int64_t value)
{
	model_return(&s->m, s->t, status, value);
	return true;
}

bool step_finish(struct step *s, uint32_t status)
{
	return step_finish_with(s, status, NO_VALUE);
}

void step_fall_asleep(struct step *s)
{
	self(s)->state = THREAD_SLEEPS;
	s->m.queue[s->m.nr_asleep++] = s->t;
}

static void leave_queue(struct model *m, unsigned int t)
{
	unsigned int at = 0;

	while (m->queue[at] != t)
		at++;
	memmove(&m->queue[at], &m->queue[at + 1], NR_THREADS - 1 - at);
	m->queue[--m->nr_asleep] = 0;
}

void model_wake(struct model *m, unsigned int t, uint32_t status)
{
	leave_queue(m, t);
	model_return(m, t, status, NO_VALUE);
}

static void go_on_with(struct model *m, unsigned int t, uint8_t step)
{
	m->threads[t].state = THREAD_CALLS;
	m->threads[t].step = step;
}

void model_wake_to_take(struct model *m, unsigned int t)
{
	leave_queue(m, t);
	go_on_with(m, t, STEP_TAKES);
}

static bool try_all(struct model *m, unsigned int t, uint32_t *status)
{
	const struct model_thread *thread = &m->threads[t];
	bool abandoned = false;

	for (unsigned int i = 0; i < thread->nr_objects; i++) {
		if (!model_is_ready(&m->objects[thread->objects[i]], t))
			return false;
	}
	for (unsigned int i = 0; i < thread->nr_objects; i++)
		abandoned |= model_acquire(&m->objects[thread->objects[i]], t);
	*status = abandoned ? NTSYNC_STATUS_ABANDONED_WAIT_0 : NTSYNC_STATUS_WAIT_0;
	return true;
}

static bool try_any(struct model *m, unsigned int t, uint32_t *status)
{
	const struct model_thread *thread = &m->threads[t];

	for (unsigned int i = 0; i < thread->nr_objects; i++) {
		struct model_object *object = &m->objects[thread->objects[i]];

		if (model_is_ready(object, t)) {
			*status = i + (model_acquire(object, t) ? NTSYNC_STATUS_ABANDONED_WAIT_0 :
								  NTSYNC_STATUS_WAIT_0);
			return true;
		}
	}
	return false;
}

bool model_waits_for_timer(const struct model *m, unsigned int t)
{
	const struct model_thread *thread = &m->threads[t];

	for (unsigned int i = 0; i < thread->nr_objects; i++) {
		if (m->objects[thread->objects[i]].type == NTSYNC_NT_TIMER)
			return true;
	}
	return false;
}

static bool waits_for_all(const struct round *r, unsigned int t)
{
	return r->calls[t].kind == CALL_WAIT_ALL;
}

static bool waits_for_objects(const struct round *r, unsigned int t)
{
	return r->calls[t].kind == CALL_WAIT || r->calls[t].kind == CALL_SIGNAL_AND_WAIT;
}

void model_serve_waits(struct model *m, const struct round *r)
{
	uint8_t queue[NR_THREADS], nr_asleep = m->nr_asleep;
	uint32_t status;

	memcpy(queue, m->queue, sizeof(queue));
	for (unsigned int i = 0; i < nr_asleep; i++) {
		if (waits_for_all(r, queue[i]) && try_all(m, queue[i], &status))
			model_wake(m, queue[i], status);
	}
	for (unsigned int i = 0; i < nr_asleep; i++) {
		if (waits_for_objects(r, queue[i]) && try_any(m, queue[i], &status))
			model_wake(m, queue[i], status);
	}
}

static bool has_alert(const struct model_thread *thread)
{
	return thread->alerted || thread->apc_pending || thread->nr_apcs;
}

uint32_t model_take_alert(struct model_thread *thread)
{
	if (thread->alerted) {
		thread->alerted = false;
		return NTSYNC_STATUS_ALERTED;
	}
	if (!thread->apc_pending && !thread->nr_apcs)
		return 0;
	thread->apc_pending = false;
	return NTSYNC_STATUS_USER_APC;
}

uint32_t model_take_interruption(struct model_thread *thread)
{
	uint32_t status = thread->interruption;

	thread->interruption = 0;
	return status;
}

static uint32_t deadline_status(const struct call *call)
{
	return call->kind == CALL_DELAY ? NTSYNC_STATUS_SUCCESS : NTSYNC_STATUS_TIMEOUT;
}

bool model_can_give_up(const struct model *m, unsigned int t, const struct round *r)
{
	return r->calls[t].patience != WAITS_FOR_EVER ||
	       (r->calls[t].alertable && has_alert(&m->threads[t]));
}

void step_give_up(struct step *s)
{
	uint32_t status;

	if (model_waits_for_timer(&s->m, s->t)) {
		leave_queue(&s->m, s->t);
		go_on_with(&s->m, s->t, STEP_GIVES_UP);
		return;
	}
	status = s->call->alertable ? model_take_alert(self(s)) : 0;
	model_wake(&s->m, s->t, status ? status : deadline_status(s->call));
}

bool step_sleep_unless_alerted(struct step *s, bool joins)
{
	uint32_t status = s->call->alertable ? model_take_alert(self(s)) : 0;

	if (status)
		return step_finish(s, status);
	if (s->call->patience == POLLS && !joins)
		return step_finish(s, deadline_status(s->call));
	step_fall_asleep(s);
	return true;
}

static bool try_objects(struct step *s, uint32_t *status)
{
	return waits_for_all(s->round, s->t) ? try_all(&s->m, s->t, status) :
					       try_any(&s->m, s->t, status);
}

bool step_look_again(struct step *s)
{
	uint32_t status;

	if (try_objects(s, &status))
		return step_finish(s, status);
	if (self(s)->step == STEP_GIVES_UP)
		return step_finish(s, NTSYNC_STATUS_TIMEOUT);
	self(s)->step = STEP_TAKES_AFTER_LOOK;
	return true;
}

/* False: it may sleep, or it ends without another look. */
static bool goes_on_to_look_again(struct step *s)
{
	bool alerted = s->call->alertable && has_alert(self(s));

	if (!model_waits_for_timer(&s->m, s->t))
		return false;
	if (!alerted && (s->call->patience != POLLS || s->round->two_steps))
		return false;
	go_on_with(&s->m, s->t, alerted ? STEP_TAKES : STEP_GIVES_UP);
	return true;
}

bool step_wait_for_objects(struct step *s)
{
	uint32_t status;

	if (try_objects(s, &status))
		return step_finish(s, status);
	if (goes_on_to_look_again(s))
		return true;
	return step_sleep_unless_alerted(s, s->round->two_steps);
}

void step_add_object(struct step *s, uint32_t handle)
{
	struct model_thread *thread = self(s);
	uint32_t index = index_of(handle);

	thread->pinned[thread->nr_kept] = index;
	thread->objects[thread->nr_kept++] = s->m.handles[index] - 1;
	thread->nr_objects = thread->nr_kept;
}

static bool has_duplicates(const struct model_thread *thread)
{
	for (unsigned int i = 1; i < thread->nr_objects; i++) {
		if (memchr(thread->objects, thread->objects[i], i))
			return true;
	}
	return false;
}

bool step_wait(struct step *s)
{
	uint32_t status;

	for (unsigned int i = 0; i < s->call->count; i++) {
		if (!model_find(&s->m, s->call->handles[i]))
			return step_finish(s, NTSYNC_STATUS_INVALID_HANDLE);
		step_add_object(s, s->call->handles[i]);
	}
	if (waits_for_all(s->round, s->t) && has_duplicates(self(s)))
		return step_finish(s, NTSYNC_STATUS_INVALID_PARAMETER_MIX);
	status = model_take_interruption(self(s));
	return status ? step_finish(s, status) : step_wait_for_objects(s);
}

bool step_delay(struct step *s)
{
	uint32_t status = model_take_interruption(self(s));

	return status ? step_finish(s, status) : step_sleep_unless_alerted(s, false);
}

bool step_wait_by_id(struct step *s)
{
	uint32_t status = model_take_interruption(self(s));

	if (status)
		return step_finish(s, status);
	if (!self(s)->alerted_by_id)
		return step_sleep_unless_alerted(s, false);
	self(s)->alerted_by_id = false;
	return step_finish(s, NTSYNC_STATUS_ALERTED);
}
