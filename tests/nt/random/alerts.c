// SPDX-License-Identifier: GPL-2.0-only
/* Alerts, APCs and interruptions. */
#include "reference_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct model_thread *target_of(struct step *s)
{
	return &s->m.threads[s->call->target];
}

/* Ends the target's wait, if that is one that this kind of alert ends. */
static void end_wait_of_target(struct step *s, bool (*ends)(const struct call *call))
{
	if (target_of(s)->state == THREAD_SLEEPS && ends(&s->round->calls[s->call->target]))
		model_wake_to_take(&s->m, s->call->target);
}

static bool is_alertable(const struct call *call)
{
	return call->alertable;
}

static bool is_by_id(const struct call *call)
{
	return call->kind == CALL_WAIT_BY_ID;
}

static bool is_any(const struct call *call)
{
	(void)call;
	return true;
}

bool step_alert(struct step *s)
{
	target_of(s)->alerted = true;
	end_wait_of_target(s, is_alertable);
	return step_finish(s, NTSYNC_STATUS_SUCCESS);
}

bool step_queue_apc(struct step *s)
{
	target_of(s)->apc_pending = true;
	end_wait_of_target(s, is_alertable);
	return step_finish(s, NTSYNC_STATUS_SUCCESS);
}

bool step_queue_user_apc(struct step *s)
{
	struct model_thread *target = target_of(s);

	if (target->nr_apcs == MAX_APCS) {
		fprintf(stderr, "# the test queues too many APCs\n");
		abort();
	}
	target->apcs[target->nr_apcs++] = s->call->number;
	end_wait_of_target(s, is_alertable);
	return step_finish(s, NTSYNC_STATUS_SUCCESS);
}

bool step_alert_by_id(struct step *s)
{
	target_of(s)->alerted_by_id = true;
	end_wait_of_target(s, is_by_id);
	return step_finish(s, NTSYNC_STATUS_SUCCESS);
}

bool step_interrupt(struct step *s)
{
	target_of(s)->interruption = INTERRUPTED;
	end_wait_of_target(s, is_any);
	return step_finish(s, NTSYNC_STATUS_SUCCESS);
}

/* The thread was woken by one of these. */
bool step_take_what_was_sent(struct step *s)
{
	uint32_t status;

	if (s->call->kind == CALL_PARK) {
		self(s)->step = 0;
		return step_park(s);
	}
	if (self(s)->step == STEP_TAKES && model_waits_for_timer(&s->m, s->t))
		return step_look_again(s);
	status = model_take_interruption(self(s));
	if (status)
		return step_finish(s, status);
	if (!is_by_id(s->call))
		return step_finish(s, model_take_alert(self(s)));
	self(s)->alerted_by_id = false;
	return step_finish(s, NTSYNC_STATUS_ALERTED);
}

bool step_take_apc(struct step *s)
{
	struct model_thread *thread = self(s);
	int32_t apc = thread->apcs[0];

	if (!thread->nr_apcs)
		return step_finish(s, NTSYNC_STATUS_NO_MORE_ENTRIES);
	memmove(thread->apcs, thread->apcs + 1, sizeof(thread->apcs) - sizeof(apc));
	thread->apcs[MAX_APCS - 1] = 0;
	thread->nr_apcs--;
	return step_finish_with(s, NTSYNC_STATUS_SUCCESS, apc);
}

bool step_test_alert(struct step *s)
{
	return step_finish(s, model_take_alert(self(s)));
}
