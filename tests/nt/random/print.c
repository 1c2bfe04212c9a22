// SPDX-License-Identifier: GPL-2.0-only
#include "round.h"
#include "../nt_test.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const names[NR_CALL_KINDS] = {
	[CALL_CREATE_EVENT] = "create_event",
	[CALL_CREATE_SEMAPHORE] = "create_semaphore",
	[CALL_CREATE_MUTANT] = "create_mutant",
	[CALL_CREATE_KEYED_EVENT] = "create_keyed_event",
	[CALL_CREATE_TIMER] = "create_timer",
	[CALL_OPEN] = "open",
	[CALL_CREATE_THREAD] = "thread_create_object",
	[CALL_OPEN_THREAD] = "open_thread",
	[CALL_DUPLICATE] = "duplicate",
	[CALL_CLOSE] = "close",
	[CALL_QUERY] = "query",
	[CALL_SET_EVENT] = "set_event",
	[CALL_RESET_EVENT] = "reset_event",
	[CALL_PULSE_EVENT] = "pulse_event",
	[CALL_QUERY_EVENT] = "query_event",
	[CALL_RELEASE_SEMAPHORE] = "release_semaphore",
	[CALL_QUERY_SEMAPHORE] = "query_semaphore",
	[CALL_RELEASE_MUTANT] = "release_mutant",
	[CALL_QUERY_MUTANT] = "query_mutant",
	[CALL_SET_TIMER] = "set_timer",
	[CALL_CANCEL_TIMER] = "cancel_timer",
	[CALL_QUERY_TIMER] = "query_timer",
	[CALL_QUERY_THREAD] = "query_thread",
	[CALL_SUSPEND] = "suspend_thread",
	[CALL_RESUME] = "resume_thread",
	[CALL_WAIT] = "wait for any",
	[CALL_WAIT_ALL] = "wait for all",
	[CALL_SIGNAL_AND_WAIT] = "signal_and_wait",
	[CALL_DELAY] = "delay",
	[CALL_WAIT_KEYED] = "wait_for_keyed_event",
	[CALL_RELEASE_KEYED] = "release_keyed_event",
	[CALL_WAIT_BY_ID] = "wait_for_alert_by_id",
	[CALL_PARK] = "thread_park",
	[CALL_ALERT_BY_ID] = "alert_by_id",
	[CALL_ALERT] = "alert_thread",
	[CALL_QUEUE_APC] = "queue_apc",
	[CALL_QUEUE_USER_APC] = "queue_user_apc",
	[CALL_TAKE_APC] = "take_apc",
	[CALL_TEST_ALERT] = "test_alert",
	[CALL_INTERRUPT] = "interrupt_thread",
	[CALL_REATTACH] = "detach and attach",
	[CALL_END] = "the thread ends",
};

static const char *const types[NTSYNC_NT_TYPES] = {
	[NTSYNC_NT_EVENT] = "event",
	[NTSYNC_NT_MUTANT] = "mutant",
	[NTSYNC_NT_SEMAPHORE] = "semaphore",
	[NTSYNC_NT_THREAD] = "thread",
	[NTSYNC_NT_KEYED_EVENT] = "keyed event",
	[NTSYNC_NT_TIMER] = "timer",
};

static bool is_wait(const struct call *call)
{
	return call->kind >= CALL_WAIT && call->kind <= CALL_WAIT_BY_ID;
}

static void print_call(const struct call *call)
{
	static const char *const patience[] = { "polls", "brief", "for ever" };

	print_error("%s", names[call->kind]);
	for (unsigned int i = 0; i < call->count; i++)
		print_error(" %#x", call->handles[i]);
	if (is_wait(call))
		print_error(", key %" PRIu64 ", %s%s", call->key, patience[call->patience],
			    call->alertable ? ", alertable" : "");
	if (call->name)
		print_error(", name %u%s%s", call->name, call->open_if ? ", or open" : "",
			    call->kind == CALL_OPEN ? types[call->type] : "");
	print_error(", flag %d, number %d, limit %d, to thread %u", call->flag, call->number,
		    call->limit, call->target);
}

static void print_result(const struct result *result)
{
	print_error("\n#     has returned %#x (%s)", result->status,
		    ntsync_nt_status_name(result->status));
	if (result->value != NO_VALUE)
		print_error(", %" PRId64, result->value);
}

static void print_thread(const struct round *r, const struct observation *seen, unsigned int t)
{
	const struct ntsync_nt_pending *pending = &seen->threads[t].pending;

	print_error("#   thread %u (%s): ", t, r->began[t] ? "calls" : "slept or is idle");
	print_call(&r->calls[t]);
	if (r->returned[t])
		print_result(&r->results[t]);
	print_error("\n#     pending: alert %d, APC %d, by id %d, interruption %#x, %zu APCs\n",
		    pending->alerted, pending->apc_pending, pending->alerted_by_id,
		    pending->interruption, pending->apcs);
}

static void print_seen(const struct observation *seen)
{
	for (unsigned int i = 0; i < NR_VALUES; i++) {
		const struct seen_handle *handle = &seen->handles[i];

		if (handle->open)
			print_error("#   %#x: object %" PRIu64 ", %s, handles %u, name %u, state %"
				    PRId64 "\n", i * 4, handle->id, types[handle->type],
				    handle->handles, handle->name, handle->value);
	}
}

static void print_object(const struct model *m, unsigned int number)
{
	const struct model_object *object = &m->objects[number];

	print_error("#   object %" PRIu64 ": %s%s%s%s, count %d, limit %d", object->id,
		    object->manual ? "manual " : "", types[object->type],
		    object->abandoned ? ", abandoned" : "", object->ended ? ", ended" : object->is_set ? ", set" : "",
		    object->count, object->limit);
	if (object->name)
		print_error(", name %d", object->name);
	if (object->owner)
		print_error(", of thread %d", object->owner - 1);
	print_error(", handles");
	for (unsigned int i = 0; i < NR_VALUES; i++) {
		if (m->handles[i] == number + 1)
			print_error(" %#x", i * 4);
	}
	print_error("\n");
}

static void print_model_thread(const struct model *m, unsigned int t)
{
	static const char *const states[] = { "is idle", "calls", "sleeps", "has returned" };
	const struct model_thread *thread = &m->threads[t];

	print_error("#   thread %u %s", t, states[thread->state]);
	for (unsigned int i = 0; i < thread->nr_kept; i++)
		print_error("%s %" PRIu64, i ? "," : ", uses objects",
			    m->objects[thread->objects[i]].id);
	print_error("; pending: alert %d, APC %d, by id %d, interruption %#x, %u APCs; suspend count %u\n",
		    thread->alerted, thread->apc_pending, thread->alerted_by_id,
		    thread->interruption, thread->nr_apcs, thread->suspends);
}

/*
 * Handle values that can be issued again, and the rounds in one of which they were closed. From round 0: a value that
 * was never issued, and that a call may have given back.
 */
static void print_closings(const struct model *m)
{
	print_error("#   closed:");
	for (unsigned int i = 0; i < NR_VALUES; i++) {
		if (m->closings[i].last)
			print_error(" %#x in %u-%u", i * 4, m->closings[i].first,
				    m->closings[i].last);
	}
	print_error("; given back: %u\n", m->given_back);
}

static void print_model(const struct model *m)
{
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		if (m->objects[i].type)
			print_object(m, i);
	}
	for (unsigned int t = 0; t < NR_THREADS; t++)
		print_model_thread(m, t);
	print_error("#   asleep, in the order in which they came:");
	for (unsigned int i = 0; i < m->nr_asleep; i++)
		print_error(" %u", m->queue[i]);
	print_error("\n");
	print_closings(m);
}

void round_print_calls(unsigned int number, const struct round *r)
{
	print_error("# Round %u:\n", number);
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (!r->began[t] && !r->returned[t])
			continue;
		print_error("#   thread %u (%s): ", t, r->began[t] ? "calls" : "slept");
		print_call(&r->calls[t]);
		if (r->returned[t])
			print_result(&r->results[t]);
		print_error("\n");
	}
}

void round_print(unsigned int number, const struct round *r, const struct observation *seen,
		 const struct attempt *closest)
{
	print_error("# Round %u: no order of these calls explains what was seen.\n", number);
	for (unsigned int t = 0; t < NR_THREADS; t++)
		print_thread(r, seen, t);
	print_error("# The handles after it:\n");
	print_seen(seen);
	print_error("# The reference before it:\n");
	print_model(&closest->from);
	print_error("# The order that came closest, steps of threads:");
	for (unsigned int i = 0; i < closest->nr_steps; i++)
		print_error(" %u", closest->steps[i]);
	print_error("\n# After it, %s:\n", closest->reason);
	print_model(&closest->last);
}
