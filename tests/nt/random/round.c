// SPDX-License-Identifier: GPL-2.0-only
#include "round.h"
#include "../nt_test.h"

#include <stdio.h>
#include <string.h>

#define NOT_WRITTEN	0x5eadbee5

/* -- Calls -------------------------------------------------------------------------------- */

static struct ntsync_nt_deadline deadline_of(const struct call *call)
{
	struct ntsync_nt_deadline deadline = { 0, 0 };

	if (call->patience == WAITS_BRIEFLY)
		deadline.ns = now_ns() + call->brief_us * 1000ull;
	else if (call->patience == WAITS_FOR_EVER)
		deadline.ns = NTSYNC_WAIT_FOREVER;
	return deadline;
}

static struct result make_result(uint32_t status, int32_t value)
{
	return (struct result){ status, value == NOT_WRITTEN ? NO_VALUE : value };
}

/* Its first letter is the name's number. */
static void write_name(char name[8], unsigned int number)
{
	snprintf(name, 8, number ? "%u name" : "", number);
}

static unsigned int read_name(struct ntsync_nt *nt, uint32_t handle)
{
	char name[8];

	assert_ok(ntsync_nt_query_name(nt, handle, name, sizeof(name), NULL));
	return name[0] ? (unsigned int)(name[0] - '0') : 0;
}

static uint32_t create_object(struct ntsync_nt *nt, const struct call *call, uint32_t *out)
{
	char name[8];
	const struct ntsync_nt_attributes attributes = {
		.name = name, .flags = call->open_if ? NTSYNC_NT_OPEN_IF : 0,
	};

	write_name(name, call->name);
	switch (call->kind) {
	case CALL_CREATE_EVENT:
		return ntsync_nt_create_event(nt, out, &attributes, call->flag, call->number);
	case CALL_CREATE_SEMAPHORE:
		return ntsync_nt_create_semaphore(nt, out, &attributes, call->number, call->limit);
	case CALL_CREATE_MUTANT:
		return ntsync_nt_create_mutant(nt, out, &attributes, call->flag);
	case CALL_OPEN:
		return ntsync_nt_open(nt, out, &attributes, call->type);
	case CALL_CREATE_TIMER:
		return ntsync_nt_create_timer(nt, out, &attributes, call->flag);
	default:
		return ntsync_nt_create_keyed_event(nt, out, &attributes);
	}
}

static struct result call_create(struct ntsync_nt *nt, const struct call *call)
{
	uint32_t handle = NOT_WRITTEN, status = create_object(nt, call, &handle);

	return make_result(status, (int32_t)handle);
}

static struct result call_thread_object(struct ntsync_nt *nt, const struct call *call)
{
	uint32_t handle = NOT_WRITTEN, status;

	if (call->kind == CALL_CREATE_THREAD)
		status = ntsync_nt_thread_create_object(nt, &handle, FIRST_TID + call->target);
	else
		status = ntsync_nt_open_thread(nt, &handle, FIRST_TID + call->target);
	return make_result(status, (int32_t)handle);
}

static struct result call_duplicate(struct ntsync_nt *nt, const struct call *call)
{
	uint32_t handle = NOT_WRITTEN;
	uint32_t status = ntsync_nt_duplicate(nt, call->handles[0], &handle,
					      call->flag ? NTSYNC_NT_DUPLICATE_CLOSE_SOURCE : 0);

	return make_result(status, (int32_t)handle);
}

static struct result call_close(struct ntsync_nt *nt, const struct call *call)
{
	return make_result(ntsync_nt_close(nt, call->handles[0]), NOT_WRITTEN);
}

static struct result call_query(struct ntsync_nt *nt, const struct call *call)
{
	struct ntsync_nt_info info;
	uint32_t status = ntsync_nt_query(nt, call->handles[0], &info);

	if (status)
		return make_result(status, NOT_WRITTEN);
	return (struct result){ status, handle_value(info.type, info.handles) };
}

static struct result call_event(struct ntsync_nt *nt, const struct call *call)
{
	int32_t value = NOT_WRITTEN;
	bool signaled = false;
	uint32_t status;

	switch (call->kind) {
	case CALL_SET_EVENT:
		status = ntsync_nt_set_event(nt, call->handles[0], &value);
		break;
	case CALL_RESET_EVENT:
		status = ntsync_nt_reset_event(nt, call->handles[0], &value);
		break;
	case CALL_PULSE_EVENT:
		status = ntsync_nt_pulse_event(nt, call->handles[0], &value);
		break;
	default:
		status = ntsync_nt_query_event(nt, call->handles[0], NULL, &signaled);
		value = status ? NOT_WRITTEN : signaled;
	}
	return make_result(status, value);
}

static struct result call_semaphore(struct ntsync_nt *nt, const struct call *call)
{
	int32_t value = NOT_WRITTEN;
	uint32_t status;

	if (call->kind == CALL_RELEASE_SEMAPHORE)
		status = ntsync_nt_release_semaphore(nt, call->handles[0], call->number, &value);
	else
		status = ntsync_nt_query_semaphore(nt, call->handles[0], &value, NULL);
	return make_result(status, value);
}

static struct result call_release_mutant(struct ntsync_nt *nt, const struct call *call)
{
	int32_t value = NOT_WRITTEN;
	uint32_t status = ntsync_nt_release_mutant(nt, call->handles[0], &value);

	return make_result(status, value);
}

static struct result call_query_mutant(struct ntsync_nt *nt, const struct call *call)
{
	struct ntsync_nt_mutant_state state;
	uint32_t status = ntsync_nt_query_mutant(nt, call->handles[0], &state);

	return (struct result){ status, status ? NO_VALUE : mutant_value(&state) };
}

static struct result call_timer(struct ntsync_nt *nt, const struct call *call)
{
	const struct ntsync_nt_deadline due = { call->flag ? now_ns() - 1 : INT64_MAX, 0 };
	int32_t previous = NOT_WRITTEN;
	uint32_t status;

	if (call->kind == CALL_SET_TIMER)
		status = ntsync_nt_set_timer(nt, call->handles[0], due, 0, &previous);
	else
		status = ntsync_nt_cancel_timer(nt, call->handles[0], &previous);
	return make_result(status, previous);
}

static struct result call_query_timer(struct ntsync_nt *nt, const struct call *call)
{
	struct ntsync_nt_timer_state state;
	uint32_t status = ntsync_nt_query_timer(nt, call->handles[0], &state);

	return (struct result){ status, status ? NO_VALUE : timer_value(&state) };
}

static struct result call_query_thread(struct ntsync_nt *nt, const struct call *call)
{
	struct ntsync_nt_thread_state state;
	uint32_t status = ntsync_nt_query_thread(nt, call->handles[0], &state);

	return (struct result){ status, status ? NO_VALUE : thread_value(&state) };
}

static struct result call_suspend(struct ntsync_nt *nt, const struct call *call)
{
	uint32_t previous = NOT_WRITTEN, status;

	if (call->kind == CALL_SUSPEND)
		status = ntsync_nt_suspend_thread(nt, call->handles[0], &previous);
	else
		status = ntsync_nt_resume_thread(nt, call->handles[0], &previous);
	return make_result(status, (int32_t)previous);
}

static struct result call_park(struct ntsync_nt *nt, const struct call *call)
{
	(void)call;
	return make_result(ntsync_nt_thread_park(nt), NOT_WRITTEN);
}

static struct result call_wait(struct ntsync_nt *nt, const struct call *call)
{
	uint32_t type = call->kind == CALL_WAIT_ALL ? NTSYNC_NT_WAIT_ALL : NTSYNC_NT_WAIT_ANY;
	uint32_t status;

	if (call->count == 1 && call->flag)
		status = ntsync_nt_wait_single(nt, call->handles[0], call->alertable,
					       deadline_of(call));
	else
		status = ntsync_nt_wait_multiple(nt, call->handles, call->count, type,
						 call->alertable, deadline_of(call));
	return make_result(status, NOT_WRITTEN);
}

static struct result call_signal_and_wait(struct ntsync_nt *nt, const struct call *call)
{
	uint32_t status = ntsync_nt_signal_and_wait(nt, call->handles[0], call->handles[1],
						    call->alertable, deadline_of(call));

	return make_result(status, NOT_WRITTEN);
}

static struct result call_delay(struct ntsync_nt *nt, const struct call *call)
{
	return make_result(ntsync_nt_delay(nt, call->alertable, deadline_of(call)), NOT_WRITTEN);
}

static struct result call_keyed(struct ntsync_nt *nt, const struct call *call)
{
	uint32_t status;

	if (call->kind == CALL_WAIT_KEYED)
		status = ntsync_nt_wait_for_keyed_event(nt, call->handles[0], call->key,
							call->alertable, deadline_of(call));
	else
		status = ntsync_nt_release_keyed_event(nt, call->handles[0], call->key,
						       call->alertable, deadline_of(call));
	return make_result(status, NOT_WRITTEN);
}

static struct result call_wait_by_id(struct ntsync_nt *nt, const struct call *call)
{
	return make_result(ntsync_nt_wait_for_alert_by_id(nt, deadline_of(call)), NOT_WRITTEN);
}

static struct result call_send(struct ntsync_nt *nt, const struct call *call)
{
	const struct ntsync_nt_apc apc = { .function = (uint64_t)call->number };
	uint32_t tid = FIRST_TID + call->target, status;

	switch (call->kind) {
	case CALL_ALERT_BY_ID:
		status = ntsync_nt_alert_by_id(nt, tid);
		break;
	case CALL_ALERT:
		status = ntsync_nt_alert_thread(nt, tid);
		break;
	case CALL_QUEUE_APC:
		status = ntsync_nt_queue_apc(nt, tid);
		break;
	case CALL_QUEUE_USER_APC:
		status = ntsync_nt_queue_user_apc(nt, tid, &apc);
		break;
	default:
		status = ntsync_nt_interrupt_thread(nt, tid, INTERRUPTED);
	}
	return make_result(status, NOT_WRITTEN);
}

static struct result call_take_apc(struct ntsync_nt *nt, const struct call *call)
{
	struct ntsync_nt_apc apc;
	uint32_t status = ntsync_nt_take_apc(nt, &apc);

	(void)call;
	return (struct result){ status, status ? NO_VALUE : (int64_t)apc.function };
}

static struct result call_test_alert(struct ntsync_nt *nt, const struct call *call)
{
	(void)call;
	return make_result(ntsync_nt_test_alert(nt), NOT_WRITTEN);
}

/* If not by this, the thread ends by the end of its pthread, which follows. */
static struct result call_end(struct ntsync_nt *nt, const struct call *call)
{
	return make_result(call->flag ? ntsync_nt_thread_end(nt) : NTSYNC_STATUS_SUCCESS,
			   NOT_WRITTEN);
}

static struct result call_reattach(struct ntsync_nt *nt, const struct call *call)
{
	ntsync_nt_thread_detach(nt);
	return make_result(ntsync_nt_thread_attach(nt, FIRST_TID + call->target) ?
				   NTSYNC_STATUS_INTERNAL_ERROR : NTSYNC_STATUS_SUCCESS,
			   NOT_WRITTEN);
}

struct result round_call(struct ntsync_nt *nt, const struct call *call)
{
	static struct result (*const calls[NR_CALL_KINDS])(struct ntsync_nt *nt,
							   const struct call *call) = {
		[CALL_CREATE_EVENT] = call_create,
		[CALL_CREATE_SEMAPHORE] = call_create,
		[CALL_CREATE_MUTANT] = call_create,
		[CALL_CREATE_KEYED_EVENT] = call_create,
		[CALL_CREATE_TIMER] = call_create,
		[CALL_OPEN] = call_create,
		[CALL_CREATE_THREAD] = call_thread_object,
		[CALL_OPEN_THREAD] = call_thread_object,
		[CALL_DUPLICATE] = call_duplicate,
		[CALL_CLOSE] = call_close,
		[CALL_QUERY] = call_query,
		[CALL_SET_EVENT] = call_event,
		[CALL_RESET_EVENT] = call_event,
		[CALL_PULSE_EVENT] = call_event,
		[CALL_QUERY_EVENT] = call_event,
		[CALL_RELEASE_SEMAPHORE] = call_semaphore,
		[CALL_QUERY_SEMAPHORE] = call_semaphore,
		[CALL_RELEASE_MUTANT] = call_release_mutant,
		[CALL_QUERY_MUTANT] = call_query_mutant,
		[CALL_SET_TIMER] = call_timer,
		[CALL_CANCEL_TIMER] = call_timer,
		[CALL_QUERY_TIMER] = call_query_timer,
		[CALL_QUERY_THREAD] = call_query_thread,
		[CALL_SUSPEND] = call_suspend,
		[CALL_RESUME] = call_suspend,
		[CALL_WAIT] = call_wait,
		[CALL_WAIT_ALL] = call_wait,
		[CALL_SIGNAL_AND_WAIT] = call_signal_and_wait,
		[CALL_DELAY] = call_delay,
		[CALL_WAIT_KEYED] = call_keyed,
		[CALL_RELEASE_KEYED] = call_keyed,
		[CALL_WAIT_BY_ID] = call_wait_by_id,
		[CALL_PARK] = call_park,
		[CALL_ALERT_BY_ID] = call_send,
		[CALL_ALERT] = call_send,
		[CALL_QUEUE_APC] = call_send,
		[CALL_QUEUE_USER_APC] = call_send,
		[CALL_TAKE_APC] = call_take_apc,
		[CALL_TEST_ALERT] = call_test_alert,
		[CALL_INTERRUPT] = call_send,
		[CALL_REATTACH] = call_reattach,
		[CALL_END] = call_end,
	};

	return calls[call->kind](nt, call);
}

/* -- What is seen ------------------------------------------------------------------------- */

static int64_t read_state(struct ntsync_nt *nt, uint32_t handle, enum ntsync_nt_type type)
{
	static const enum call_kind queries[NTSYNC_NT_TYPES] = {
		[NTSYNC_NT_EVENT] = CALL_QUERY_EVENT,
		[NTSYNC_NT_MUTANT] = CALL_QUERY_MUTANT,
		[NTSYNC_NT_SEMAPHORE] = CALL_QUERY_SEMAPHORE,
		[NTSYNC_NT_THREAD] = CALL_QUERY_THREAD,
		[NTSYNC_NT_TIMER] = CALL_QUERY_TIMER,
	};
	const struct call call = { .kind = queries[type], .handles = { handle } };
	struct result result;

	if (type == NTSYNC_NT_KEYED_EVENT)
		return NO_VALUE;
	result = round_call(nt, &call);
	assert_ok(result.status);
	return result.value;
}

static void observe_handle(struct ntsync_nt *nt, uint32_t handle, struct seen_handle *seen)
{
	struct ntsync_nt_info info;

	memset(seen, 0, sizeof(*seen));
	seen->open = !ntsync_nt_query(nt, handle, &info);
	if (!seen->open)
		return;
	seen->type = info.type;
	seen->handles = info.handles;
	seen->id = info.id;
	seen->name = read_name(nt, handle);
	seen->value = read_state(nt, handle, info.type);
}

/* No record: the thread has ended, and nothing was sent to it after that. */
static void observe_thread(struct ntsync_nt *nt, uint32_t tid, struct seen_thread *seen)
{
	memset(seen, 0, sizeof(*seen));
	if (ntsync_nt_query_pending(nt, tid, &seen->pending, seen->apcs, MAX_APCS))
		memset(seen, 0, sizeof(*seen));
}

void round_observe(struct ntsync_nt *nt, struct observation *seen)
{
	struct ntsync_nt_count count;

	for (uint32_t i = 1; i < NR_VALUES; i++)
		observe_handle(nt, i * 4, &seen->handles[i]);
	for (unsigned int t = 0; t < NR_THREADS; t++)
		observe_thread(nt, FIRST_TID + t, &seen->threads[t]);
	for (unsigned int type = 0; type < NTSYNC_NT_TYPES; type++) {
		ntsync_nt_count(nt, type, &count);
		seen->objects[type] = count.objects;
	}
}
