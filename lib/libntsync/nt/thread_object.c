// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Thread objects. The record of a thread has a reference to its object until the thread has ended.
 * The end itself is in thread.c: it comes after the mutants were abandoned.
 */
#include "handle.h"
#include "port.h"
#include "stop.h"
#include "wait.h"

#define MAX_SUSPENDS 127u

static int create_fd(const struct ntsync_nt *nt, const struct nt_object_spec *spec)
{
	(void)spec;
	return ntsync_event_create(nt->config.dev, true, false);
}

/* An object that the thread's record refers to, too. */
static uint32_t create_locked(struct ntsync_nt *nt, struct nt_thread *thread,
			      struct nt_object **out)
{
	struct nt_object_spec spec = { .type = NTSYNC_NT_THREAD, .manual = true,
				       .create_fd = create_fd };
	uint32_t status;

	if (atomic_load(&thread->object))
		return NTSYNC_STATUS_INVALID_PARAMETER;
	spec.thread = nt_realloc(NULL, sizeof(*spec.thread));
	if (!spec.thread)
		return NTSYNC_STATUS_NO_MEMORY;
	*spec.thread = (struct nt_thread_object){ .tid = thread->tid };
	status = nt_object_create(nt, &spec, out);
	if (status) {
		nt_realloc(spec.thread, 0);
		return status;
	}
	nt_object_get(*out);
	atomic_store(&thread->object, *out);
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t create_for_locked(struct ntsync_nt *nt, uint32_t tid, struct nt_object **out)
{
	struct nt_thread *thread;
	uint32_t status = nt_thread_address_locked(nt, tid, &thread);

	if (status)
		return status;
	if (thread->abandoned)
		return NTSYNC_STATUS_INVALID_CID;
	status = create_locked(nt, thread, out);
	if (status)
		nt_thread_forget_unused_locked(thread);
	return status;
}

static uint32_t open_for_locked(struct ntsync_nt *nt, uint32_t tid, struct nt_object **out)
{
	struct nt_thread *thread = tid ? nt_thread_find_locked(nt, tid) : NULL;

	*out = thread ? atomic_load(&thread->object) : NULL;
	if (!*out)
		return NTSYNC_STATUS_INVALID_CID;
	nt_object_get(*out);
	atomic_fetch_add_explicit(&(*out)->handles, 1, memory_order_relaxed);
	return NTSYNC_STATUS_SUCCESS;
}

typedef uint32_t (*get_fn)(struct ntsync_nt *nt, uint32_t tid, struct nt_object **out);

/* A handle of what @get returns. */
static uint32_t publish(struct ntsync_nt *nt, uint32_t *out, uint32_t tid, get_fn get)
{
	struct nt_object *object;
	struct nt_saved saved;
	uint32_t index, status;

	if (!out)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	*out = nt->config.failure_value;
	index = nt_slot_reserve(nt);
	if (index == NT_NO_INDEX)
		return NTSYNC_STATUS_INSUFFICIENT_RESOURCES;
	nt_lock(&nt->lock, &saved);
	status = get(nt, tid, &object);
	nt_unlock(&nt->lock, &saved);
	if (status)
		nt_slot_cancel(nt, index);
	else
		*out = nt_slot_publish(nt, index, object, 0);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_thread_create_object(struct ntsync_nt *nt, uint32_t *out,
						   uint32_t tid)
{
	if (!tid) {
		tid = ntsync_nt_thread_id(nt);
		if (!tid && out)
			*out = nt->config.failure_value;
		if (!tid)
			return NTSYNC_STATUS_NO_MEMORY;
	}
	return publish(nt, out, tid, create_for_locked);
}

NTSYNC_API uint32_t ntsync_nt_open_thread(struct ntsync_nt *nt, uint32_t *out, uint32_t tid)
{
	return publish(nt, out, tid, open_for_locked);
}

/* The record of the thread, or NULL if the thread has ended. */
static struct nt_thread *find_record_locked(struct ntsync_nt *nt, const struct nt_object *object)
{
	struct nt_thread *thread;

	if (object->thread->ended)
		return NULL;
	thread = nt_thread_find_locked(nt, object->thread->tid);
	nt_assert(thread && atomic_load(&thread->object) == object);
	return thread;
}

/**
 * struct call - a call with a thread's handle
 * @object: the thread's object.
 * @record: its record, or NULL if it has ended.
 * @value: an argument or a result.
 * @state: the result of ntsync_nt_query_thread().
 */
struct call {
	struct nt_object *object;
	struct nt_thread *record;
	uint32_t value;
	struct ntsync_nt_thread_state state;
};

/* Calls @act with the table's lock held. */
static uint32_t call_locked(struct ntsync_nt *nt, uint32_t handle, struct call *call,
			    uint32_t (*act)(struct call *call))
{
	struct nt_saved saved;
	struct nt_pin pin;
	uint32_t status = nt_get_type(nt, handle, NTSYNC_NT_THREAD, &pin);

	if (status)
		return status;
	nt_lock(&nt->lock, &saved);
	call->object = pin.object;
	call->record = find_record_locked(nt, pin.object);
	status = act(call);
	nt_unlock(&nt->lock, &saved);
	nt_put(nt, &pin);
	return status;
}

static uint32_t set_exit_status(struct call *call)
{
	if (!call->record)
		return NTSYNC_STATUS_THREAD_IS_TERMINATING;
	call->object->thread->exit_status = call->value;
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_thread_set_exit_status(struct ntsync_nt *nt, uint32_t handle,
						     uint32_t status)
{
	struct call call = { .value = status };

	return call_locked(nt, handle, &call, set_exit_status);
}

static uint32_t query(struct call *call)
{
	const struct nt_thread_object *thread = call->object->thread;

	call->state = (struct ntsync_nt_thread_state){
		.tid = thread->tid,
		.exit_status = thread->ended ? thread->exit_status : NTSYNC_STATUS_PENDING,
		.suspend_count = call->record ? call->record->suspends : 0,
		.attached = call->record && call->record->attached,
		.ended = thread->ended,
	};
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_query_thread(struct ntsync_nt *nt, uint32_t handle,
					   struct ntsync_nt_thread_state *state)
{
	struct call call;
	uint32_t status = call_locked(nt, handle, &call, query);

	if (!status && state)
		*state = call.state;
	return status;
}

static uint32_t suspend(struct call *call)
{
	if (!call->record)
		return NTSYNC_STATUS_THREAD_IS_TERMINATING;
	if (call->record->suspends >= MAX_SUSPENDS)
		return NTSYNC_STATUS_SUSPEND_COUNT_EXCEEDED;
	call->value = call->record->suspends++;
	if (!call->value)
		nt_port_set_suspended(call->record, true);
	return NTSYNC_STATUS_SUCCESS;
}

/* The event is set only for a thread that sleeps in ntsync_nt_thread_park(). */
static uint32_t resume(struct call *call)
{
	struct nt_thread *record = call->record;

	if (!record)
		return NTSYNC_STATUS_THREAD_IS_TERMINATING;
	call->value = record->suspends;
	if (!record->suspends || --record->suspends)
		return NTSYNC_STATUS_SUCCESS;
	nt_port_set_suspended(record, false);
	if (record->parked)
		nt_stop_wake_locked(record);
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t change_suspends(struct ntsync_nt *nt, uint32_t handle, uint32_t *previous,
				uint32_t (*act)(struct call *call))
{
	struct call call;
	uint32_t status = call_locked(nt, handle, &call, act);

	if (!status && previous)
		*previous = call.value;
	return status;
}

NTSYNC_API uint32_t ntsync_nt_suspend_thread(struct ntsync_nt *nt, uint32_t handle,
					     uint32_t *previous)
{
	return change_suspends(nt, handle, previous, suspend);
}

NTSYNC_API uint32_t ntsync_nt_resume_thread(struct ntsync_nt *nt, uint32_t handle,
					    uint32_t *previous)
{
	return change_suspends(nt, handle, previous, resume);
}

/* Whether the thread is to sleep. */
static bool set_parked(struct nt_thread *thread)
{
	struct nt_saved saved;
	bool parked;

	nt_lock(&thread->nt->lock, &saved);
	parked = thread->suspends;
	thread->parked = parked;
	nt_unlock(&thread->nt->lock, &saved);
	return parked;
}

static void clear_parked(struct nt_thread *thread)
{
	struct nt_saved saved;

	nt_lock(&thread->nt->lock, &saved);
	thread->parked = false;
	nt_unlock(&thread->nt->lock, &saved);
}

/* A wait without objects, which the thread's event ends. */
static uint32_t park(struct nt_wait *wait)
{
	uint32_t status = nt_wait_refuse(wait);

	while (!status && set_parked(wait->thread)) {
		bool paused = nt_port_pause(wait->thread);
		int ret = ntsync_wait_any(wait->nt->config.dev, NULL, 0, &wait->opts, NULL);

		if (paused)
			nt_port_go_on(wait->thread);
		status = nt_stop_take(wait->thread, wait->stops);
		if (!status && ret && ret != -EINTR)
			status = nt_status(ret);
	}
	if (status)
		clear_parked(wait->thread);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_thread_park(struct ntsync_nt *nt)
{
	const struct ntsync_nt_deadline forever = { NTSYNC_WAIT_FOREVER, 0 };
	struct nt_wait wait;
	uint32_t status = nt_wait_begin(&wait, nt, false, forever);

	return status ? status : park(&wait);
}
