// SPDX-License-Identifier: GPL-2.0-only
/* Steps of calls, and rounds. */
#include "reference_internal.h"

#include <string.h>

int64_t handle_value(enum ntsync_nt_type type, uint32_t handles)
{
	return type * 1000 + handles;
}

int64_t mutant_value(const struct ntsync_nt_mutant_state *state)
{
	return ((int64_t)state->owner * 100 + state->count) * 4 + state->abandoned * 2 +
	       state->owned_by_caller;
}

/* The time that remains of one that is set is no number of the test. */
int64_t timer_value(const struct ntsync_nt_timer_state *state)
{
	return (state->remaining != NTSYNC_WAIT_FOREVER) * 4 + state->manual * 2 + state->signaled;
}

int64_t thread_value(const struct ntsync_nt_thread_state *state)
{
	return (((int64_t)state->tid * 1000 + state->exit_status) * 1000 + state->suspend_count) * 4 +
	       state->attached * 2 + state->ended;
}

static bool (*const steps[NR_CALL_KINDS])(struct step *s) = {
	[CALL_CREATE_EVENT] = step_create,
	[CALL_CREATE_SEMAPHORE] = step_create,
	[CALL_CREATE_MUTANT] = step_create,
	[CALL_CREATE_KEYED_EVENT] = step_create,
	[CALL_CREATE_TIMER] = step_create,
	[CALL_OPEN] = step_open,
	[CALL_CREATE_THREAD] = step_thread_object,
	[CALL_OPEN_THREAD] = step_thread_object,
	[CALL_DUPLICATE] = step_duplicate,
	[CALL_CLOSE] = step_close,
	[CALL_QUERY] = step_query,
	[CALL_SET_EVENT] = step_event,
	[CALL_RESET_EVENT] = step_event,
	[CALL_PULSE_EVENT] = step_event,
	[CALL_QUERY_EVENT] = step_event,
	[CALL_RELEASE_SEMAPHORE] = step_semaphore,
	[CALL_QUERY_SEMAPHORE] = step_semaphore,
	[CALL_RELEASE_MUTANT] = step_mutant,
	[CALL_QUERY_MUTANT] = step_mutant,
	[CALL_SET_TIMER] = step_timer,
	[CALL_CANCEL_TIMER] = step_timer,
	[CALL_QUERY_TIMER] = step_timer,
	[CALL_QUERY_THREAD] = step_query_thread,
	[CALL_SUSPEND] = step_suspend,
	[CALL_RESUME] = step_suspend,
	[CALL_WAIT] = step_wait,
	[CALL_WAIT_ALL] = step_wait,
	[CALL_SIGNAL_AND_WAIT] = step_signal_and_wait,
	[CALL_DELAY] = step_delay,
	[CALL_WAIT_KEYED] = step_keyed,
	[CALL_RELEASE_KEYED] = step_keyed,
	[CALL_WAIT_BY_ID] = step_wait_by_id,
	[CALL_PARK] = step_park,
	[CALL_ALERT_BY_ID] = step_alert_by_id,
	[CALL_ALERT] = step_alert,
	[CALL_QUEUE_APC] = step_queue_apc,
	[CALL_QUEUE_USER_APC] = step_queue_user_apc,
	[CALL_TAKE_APC] = step_take_apc,
	[CALL_TEST_ALERT] = step_test_alert,
	[CALL_INTERRUPT] = step_interrupt,
	[CALL_REATTACH] = step_end,
	[CALL_END] = step_end,
};

void model_init(struct model *m, enum ntsync_nt_reuse reuse, uint32_t quarantine)
{
	memset(m, 0, sizeof(*m));
	m->reuse = reuse;
	m->quarantine = quarantine;
	m->round = 1;
}

void model_begin_round(struct model *m, const struct round *r)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (r->began[t])
			m->threads[t].state = THREAD_CALLS;
	}
}

bool model_can_step(const struct model *m, unsigned int t, const struct round *r)
{
	return m->threads[t].state == THREAD_CALLS ||
	       (m->threads[t].state == THREAD_SLEEPS && model_can_give_up(m, t, r));
}

void model_step(const struct model *m, unsigned int t, const struct round *r, model_fn emit,
		void *context)
{
	struct step s = {
		.m = *m, .t = t, .round = r, .call = &r->calls[t], .emit = emit, .context = context,
	};
	bool possible = true;

	if (m->threads[t].state == THREAD_SLEEPS)
		step_give_up(&s);
	else if (m->threads[t].step == STEP_GIVES_UP)
		possible = step_look_again(&s);
	else if (m->threads[t].step >= STEP_TAKES)
		possible = step_take_what_was_sent(&s);
	else
		possible = steps[s.call->kind](&s);
	if (!possible)
		return;
	model_destroy_unused(&s.m);
	emit(context, &s.m);
}

void model_end_round(struct model *m)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		struct model_thread *thread = &m->threads[t];

		if (thread->state != THREAD_RETURNS)
			continue;
		thread->state = THREAD_IDLE;
		memset(&thread->result, 0, sizeof(thread->result));
	}
	model_sort_objects(m);
	model_delay_pinned(m);
	m->round++;
}
