// SPDX-License-Identifier: LGPL-2.1-or-later
#include "timer.h"

#include "create.h"
#include "handle.h"
#include "thread.h"

static int create_fd(const struct ntsync_nt *nt, const struct nt_object_spec *spec)
{
	return ntsync_event_create(nt->config.dev, spec->manual, false);
}

NTSYNC_API uint32_t ntsync_nt_create_timer(struct ntsync_nt *nt, uint32_t *out,
					   const struct ntsync_nt_attributes *attributes,
					   bool manual)
{
	struct nt_object_spec spec = {
		.type = NTSYNC_NT_TIMER, .manual = manual, .create_fd = create_fd,
	};
	struct nt_timers *timers;
	uint32_t status = nt_timers_get(nt, &timers);

	if (out)
		*out = nt->config.failure_value;
	if (status)
		return status;
	spec.timer = nt_timer_create(timers);
	if (!spec.timer)
		return NTSYNC_STATUS_NO_MEMORY;
	status = nt_create(nt, out, attributes, &spec, NULL);
	if (status)
		nt_timer_destroy(timers, spec.timer);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_open_timer(struct ntsync_nt *nt, uint32_t *out, const char *name)
{
	return nt_open(nt, out, name, NTSYNC_NT_TIMER);
}

/**
 * struct setting - how a timer is set
 * @due: when it expires.
 * @period: nanoseconds from one expiry to the next, or 0.
 * @thread: who gets an APC, or NULL.
 * @call: the APC.
 */
struct setting {
	struct ntsync_nt_deadline due;
	uint64_t period;
	struct nt_thread *thread;
	const struct ntsync_nt_apc *call;
};

/* As on NT: setting a timer ends its signal first, also if the new deadline has passed. */
static uint32_t set_timer_locked(struct nt_timers *timers, struct nt_object *object,
				 const struct setting *setting, uint32_t *previous)
{
	struct nt_timer *timer = object->timer;
	bool date = setting->due.flags & NTSYNC_WAIT_REALTIME;
	struct nt_times now = nt_times_now();
	int ret;

	nt_timers_catch_up_locked(timers, &now);
	ret = ntsync_event_reset(object->fd, previous);
	if (ret)
		return nt_status(ret);
	if (timer->place != NT_NOT_SET)
		nt_heap_remove(timer);
	timer->object = object;
	timer->deadline = setting->due.ns;
	timer->period = setting->period;
	nt_timer_aim_locked(timer, setting->thread, setting->call);
	if (setting->due.ns != NTSYNC_WAIT_FOREVER)
		nt_heap_insert(date ? &timers->realtime : &timers->monotonic, timer);
	nt_timers_run_locked(timers, &now);
	return NTSYNC_STATUS_SUCCESS;
}

static bool is_valid(const struct setting *setting)
{
	return !(setting->due.flags & ~NTSYNC_WAIT_REALTIME) && setting->period <= INT64_MAX &&
	       (setting->due.ns <= INT64_MAX || setting->due.ns == NTSYNC_WAIT_FOREVER);
}

static uint32_t set_timer(struct ntsync_nt *nt, uint32_t handle, const struct setting *setting,
			  int32_t *previous)
{
	struct nt_pin pin;
	uint32_t status, signaled;
	struct nt_saved saved;

	if (!is_valid(setting))
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_get_type(nt, handle, NTSYNC_NT_TIMER, &pin);
	if (status)
		return status;
	nt_lock(&nt->timers->lock, &saved);
	status = set_timer_locked(nt->timers, pin.object, setting, &signaled);
	nt_unlock(&nt->timers->lock, &saved);
	if (!status && previous)
		*previous = (int32_t)signaled;
	nt_put(nt, &pin);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_set_timer(struct ntsync_nt *nt, uint32_t handle,
					struct ntsync_nt_deadline due, uint64_t period,
					int32_t *previous)
{
	const struct setting setting = { .due = due, .period = period };

	return set_timer(nt, handle, &setting, previous);
}

NTSYNC_API uint32_t ntsync_nt_set_timer_apc(struct ntsync_nt *nt, uint32_t handle,
					    struct ntsync_nt_deadline due, uint64_t period,
					    const struct ntsync_nt_apc *call, int32_t *previous)
{
	struct setting setting = { .due = due, .period = period, .call = call };
	uint32_t status;

	if (!call)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	setting.thread = nt_thread_self(nt);
	if (!setting.thread)
		return NTSYNC_STATUS_NO_MEMORY;
	status = set_timer(nt, handle, &setting, previous);
	if (!status)
		setting.thread->has_timer_apcs = true;
	return status;
}

static uint32_t read_timer_locked(struct nt_timers *timers, const struct nt_object *object,
				  bool cancel, struct ntsync_nt_timer_state *state)
{
	struct nt_timer *timer = object->timer;
	struct nt_times now = nt_times_now();
	uint32_t signaled = 0, status;

	*state = (struct ntsync_nt_timer_state){
		.remaining = NTSYNC_WAIT_FOREVER, .manual = object->manual,
	};
	nt_timers_catch_up_locked(timers, &now);
	/* A timer that is still set expires later than now. */
	if (timer->place != NT_NOT_SET) {
		state->remaining = timer->deadline - (timer->heap->clock == CLOCK_REALTIME ?
						      now.realtime : now.monotonic);
		if (cancel)
			nt_heap_remove(timer);
	}
	if (cancel)
		nt_timer_aim_locked(timer, NULL, NULL);
	status = nt_status(ntsync_event_read(object->fd, NULL, &signaled));
	state->signaled = signaled;
	return status;
}

/* Reads a timer after all overdue timers were signaled, and cancels it if asked to. */
static uint32_t read_timer(struct ntsync_nt *nt, uint32_t handle, bool cancel,
			   struct ntsync_nt_timer_state *state)
{
	struct nt_saved saved;
	struct nt_pin pin;
	uint32_t status = nt_get_type(nt, handle, NTSYNC_NT_TIMER, &pin);

	if (status)
		return status;
	nt_lock(&nt->timers->lock, &saved);
	status = read_timer_locked(nt->timers, pin.object, cancel, state);
	nt_unlock(&nt->timers->lock, &saved);
	nt_put(nt, &pin);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_cancel_timer(struct ntsync_nt *nt, uint32_t handle,
					   int32_t *previous)
{
	struct ntsync_nt_timer_state state;
	uint32_t status = read_timer(nt, handle, true, &state);

	if (!status && previous)
		*previous = state.signaled;
	return status;
}

NTSYNC_API uint32_t ntsync_nt_query_timer(struct ntsync_nt *nt, uint32_t handle,
					  struct ntsync_nt_timer_state *state)
{
	struct ntsync_nt_timer_state found;
	uint32_t status = read_timer(nt, handle, false, &found);

	if (!status && state)
		*state = found;
	return status;
}

static void read_setting_locked(struct nt_timers *timers, const struct nt_timer *timer,
				struct ntsync_nt_timer_setting *setting)
{
	struct nt_times now = nt_times_now();

	nt_timers_catch_up_locked(timers, &now);
	*setting = (struct ntsync_nt_timer_setting){ .due.ns = NTSYNC_WAIT_FOREVER };
	if (timer->place != NT_NOT_SET) {
		setting->due.ns = timer->deadline;
		if (timer->heap->clock == CLOCK_REALTIME)
			setting->due.flags = NTSYNC_WAIT_REALTIME;
		setting->period = timer->period;
	}
	if (timer->target) {
		setting->tid = timer->target->tid;
		setting->apc.function = timer->apc.call.function;
		setting->apc.arguments[0] = timer->apc.call.arguments[0];
	}
}

NTSYNC_API uint32_t ntsync_nt_query_timer_setting(struct ntsync_nt *nt, uint32_t handle,
						  struct ntsync_nt_timer_setting *setting)
{
	struct ntsync_nt_timer_setting found;
	struct nt_saved saved;
	struct nt_pin pin;
	uint32_t status = nt_get_type(nt, handle, NTSYNC_NT_TIMER, &pin);

	if (status)
		return status;
	nt_lock(&nt->timers->lock, &saved);
	read_setting_locked(nt->timers, pin.object->timer, &found);
	nt_unlock(&nt->timers->lock, &saved);
	nt_put(nt, &pin);
	if (setting)
		*setting = found;
	return NTSYNC_STATUS_SUCCESS;
}
