// SPDX-License-Identifier: LGPL-2.1-or-later
#include "wait.h"

#include "alert.h"
#include "association.h"
#include "port.h"
#include "stop.h"
#include "timer.h"

#include <sched.h>

/* What may end the wait besides the objects and the deadline. A poll does not sleep. */
static int choose_event(const struct nt_thread *thread, bool alertable,
			struct ntsync_nt_deadline deadline)
{
	if (alertable)
		return thread->alert_fd;
	return deadline.ns ? thread->stop_fd : 0;
}

uint32_t nt_wait_begin(struct nt_wait *wait, struct ntsync_nt *nt, bool alertable,
		       struct ntsync_nt_deadline deadline)
{
	if (deadline.flags & ~NTSYNC_WAIT_REALTIME)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	wait->nt = nt;
	wait->count = 0;
	wait->all = false;
	wait->alertable = alertable;
	wait->timers = false;
	wait->adopted = false;
	wait->polls = NULL;
	wait->thread = nt_thread_self(nt);
	if (!wait->thread)
		return NTSYNC_STATUS_NO_MEMORY;
	wait->opts = (struct ntsync_wait_opts){
		.deadline = deadline.ns, .flags = deadline.flags, .owner = wait->thread->tid,
		.alert = choose_event(wait->thread, alertable, deadline),
	};
	return NTSYNC_STATUS_SUCCESS;
}

static bool can_be_awaited(const struct nt_wait *wait, const struct nt_object *object)
{
	return object->fd != NT_NO_FD && (object->type != NTSYNC_NT_CHANNEL || wait->polls);
}

/* A timer may have to be signaled first, and the packet of a port queued that waits for a timer. */
static bool depends_on_timers(const struct nt_object *object)
{
	return object->type == NTSYNC_NT_TIMER ||
	       (object->type == NTSYNC_NT_IO_COMPLETION &&
		atomic_load(&object->port->awaits_timers));
}

uint32_t nt_wait_add(struct nt_wait *wait, uint32_t handle)
{
	struct nt_pin *pin = &wait->pins[wait->count];
	uint32_t status = nt_get(wait->nt, handle, pin);

	if (status)
		return status;
	if (!can_be_awaited(wait, pin->object)) {
		nt_put(wait->nt, pin);
		return NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	}
	wait->adopted |= pin->object->adopted;
	wait->fds[wait->count++] = pin->object->fd;
	wait->timers |= depends_on_timers(pin->object);
	return NTSYNC_STATUS_SUCCESS;
}

void nt_wait_end(struct nt_wait *wait)
{
	while (wait->count)
		nt_put(wait->nt, &wait->pins[--wait->count]);
}

/**
 * struct attempt - a wait for the first objects of a &struct nt_wait
 * @wait: the wait.
 * @count: how many of its objects.
 * @opts: the driver's options.
 * @polls: its descriptors, or NULL.
 * @ret: the driver's last answer.
 * @index: what ended the wait, if @ret is 0 or -EOWNERDEAD; @count: the thread's event; above
 *	that, a descriptor.
 */
struct attempt {
	const struct nt_wait *wait;
	uint32_t count;
	const struct ntsync_wait_opts *opts;
	struct nt_polls *polls;
	int ret;
	uint32_t index;
};

static bool has_succeeded(const struct attempt *attempt)
{
	return !attempt->ret || attempt->ret == -EOWNERDEAD;
}

static struct ntsync_aggregate_source object_source(int fd)
{
	return (struct ntsync_aggregate_source){ .type = NTSYNC_AGG_OBJECT, .fd = (uint32_t)fd };
}

/* The objects, the alert if there is one, and the descriptors. */
static uint32_t gather_sources(const struct attempt *attempt, int alert,
			       struct ntsync_aggregate_source *sources)
{
	uint32_t count = 0;

	while (count < attempt->count) {
		sources[count] = object_source(attempt->wait->fds[count]);
		count++;
	}
	if (alert)
		sources[count++] = object_source(alert);
	for (uint32_t i = 0; attempt->polls && i < attempt->polls->count; i++)
		sources[count++] = attempt->polls->sources[i];
	return count;
}

/* Without an alert, the descriptors begin where it would be: their indexes are moved up by one. */
static void call_aggregate(struct attempt *attempt, const struct ntsync_wait_opts *opts)
{
	struct ntsync_aggregate_source sources[NTSYNC_AGG_MAX];
	const struct ntsync_aggregate_opts aggregate = {
		.deadline = opts->deadline, .owner = opts->owner,
		.flags = opts->flags & NTSYNC_WAIT_REALTIME ? NTSYNC_AGG_FLAG_REALTIME : 0,
	};
	uint32_t count = gather_sources(attempt, opts->alert, sources);

	attempt->ret = ntsync_aggregate_wait(attempt->wait->nt->config.dev, sources, count,
					     &aggregate, &attempt->index,
					     attempt->polls ? &attempt->polls->events : NULL);
	if (has_succeeded(attempt) && !opts->alert && attempt->index >= attempt->count)
		attempt->index++;
}

static void call_driver(struct attempt *attempt, const struct ntsync_wait_opts *opts)
{
	const struct nt_wait *wait = attempt->wait;

	if (wait->polls)
		call_aggregate(attempt, opts);
	else if (wait->all)
		attempt->ret = ntsync_wait_all(wait->nt->config.dev, wait->fds, attempt->count, opts,
					       &attempt->index);
	else
		attempt->ret = ntsync_wait_any(wait->nt->config.dev, wait->fds, attempt->count, opts,
					       &attempt->index);
}

static bool has_passed(struct ntsync_nt_deadline deadline)
{
	struct nt_times now;

	if (!deadline.ns || deadline.ns == NTSYNC_WAIT_FOREVER)
		return !deadline.ns;
	now = nt_times_now();
	return deadline.ns <= (deadline.flags ? now.realtime : now.monotonic);
}

/* Whether a call without sleep ends the wait. */
static bool ends_at_once(struct attempt *attempt)
{
	const struct ntsync_wait_opts *opts = attempt->opts;
	struct ntsync_wait_opts once = *opts;

	once.deadline = 0;
	call_driver(attempt, &once);
	return attempt->ret != -ETIMEDOUT ||
	       has_passed((struct ntsync_nt_deadline){ opts->deadline, opts->flags });
}

/*
 * A thread of a completion port does not count there while it sleeps. It tries first: a wait that
 * does not sleep lets no other thread run. Not after an interruption: a call that is repeated
 * unchanged keeps its turn, and another one in between would lose it.
 */
static void call_paused(struct attempt *attempt)
{
	struct nt_thread *thread = attempt->wait->thread;
	bool paused;

	if (attempt->ret != -EINTR && ends_at_once(attempt))
		return;
	paused = nt_port_pause(thread);
	call_driver(attempt, attempt->opts);
	if (paused)
		nt_port_go_on(thread);
}

static void run_attempt(struct attempt *attempt)
{
	if (nt_port_has_thread(attempt->wait->thread))
		call_paused(attempt);
	else
		call_driver(attempt, attempt->opts);
}

static bool has_acquired(const struct attempt *attempt)
{
	return has_succeeded(attempt) && attempt->index < attempt->count;
}

static bool has_polled(const struct attempt *attempt)
{
	return has_succeeded(attempt) && attempt->index > attempt->count;
}

/*
 * The wait has signaled nothing, but it has found a signal after which nobody may have looked yet: that of
 * others, or of a thread that is suspended. A mutant has no wait completion packets.
 */
static void record_acquisition(const struct nt_wait *wait, uint32_t index)
{
	struct nt_object *object = wait->pins[index].object;

	if (object->type == NTSYNC_NT_MUTANT) {
		nt_owned_acquired(wait->thread, object);
		return;
	}
	/* What was signaled of one of the runtime's own is its event. */
	nt_look_if_awaited(wait->nt, object->type == NTSYNC_NT_OWN ? object->own->event : object);
}

static uint32_t end_acquired(const struct attempt *attempt)
{
	const struct nt_wait *wait = attempt->wait;

	for (uint32_t i = 0; wait->all && i < wait->count; i++)
		record_acquisition(wait, i);
	if (!wait->all)
		record_acquisition(wait, attempt->index);
	return attempt->index + (attempt->ret ? NTSYNC_STATUS_ABANDONED_WAIT_0 :
						NTSYNC_STATUS_WAIT_0);
}

/* The thread's event ended the wait, perhaps for several reasons, and was reset by that. */
static uint32_t end_alerted(const struct nt_wait *wait)
{
	uint32_t status = nt_stop_take(wait->thread, wait->stops);

	if (!wait->alertable)
		return status;
	if (!status)
		return nt_alert_take(wait->thread);
	nt_alert_signal_again(wait->thread);
	return status;
}

/*
 * The wait has timed out, was alerted or a descriptor is ready. A timer that was due before that ends
 * it instead, though its event may not be set yet: sets it and tries once more.
 */
static void retry_overdue_timers(struct attempt *attempt)
{
	struct ntsync_wait_opts once = *attempt->opts;
	struct nt_polls *polls = attempt->polls;

	nt_timers_catch_up(attempt->wait->nt);
	once.deadline = 0;
	once.alert = 0;
	attempt->polls = NULL;
	call_driver(attempt, &once);
	attempt->polls = polls;
}

/* An APC of a timer that was due before comes first, also if the timer thread has not run. */
static uint32_t end_timed_out(const struct attempt *attempt)
{
	struct nt_thread *thread = attempt->wait->thread;
	uint32_t status = NTSYNC_STATUS_SUCCESS;

	if (attempt->wait->alertable && attempt->opts->alert && thread->has_timer_apcs) {
		nt_timers_catch_up(attempt->wait->nt);
		status = nt_alert_take(thread);
	}
	return status ? status : NTSYNC_STATUS_TIMEOUT;
}

/*
 * Of the caller's arguments, the driver alone can check two: whether descriptors can be polled, and
 * whether adopted objects are the same.
 */
static uint32_t error_status(const struct attempt *attempt)
{
	const struct nt_wait *wait = attempt->wait;

	if (wait->polls && (attempt->ret == -EBADF || attempt->ret == -EPERM))
		return NTSYNC_STATUS_INVALID_PARAMETER;
	if (wait->all && wait->adopted && attempt->ret == -EINVAL)
		return NTSYNC_STATUS_INVALID_PARAMETER_MIX;
	return nt_status(attempt->ret);
}

/*
 * Turns the driver's answer into a status. The wait starts again after a signal handler, and
 * after an event whose alert or interruption was taken before; the deadline is absolute, so it does
 * not move.
 */
static uint32_t finish_attempt(struct attempt *attempt)
{
	struct nt_thread *thread = attempt->wait->thread;

	for (;;) {
		uint32_t polled = has_polled(attempt) ? attempt->index : 0, status;
		bool alerted = has_succeeded(attempt) && attempt->index == attempt->count;

		if (attempt->wait->timers && (alerted || polled || attempt->ret == -ETIMEDOUT))
			retry_overdue_timers(attempt);
		if (has_acquired(attempt)) {
			if (alerted)
				nt_alert_signal_again(thread);
			return end_acquired(attempt);
		}
		if (polled)
			return NTSYNC_STATUS_WAIT_0 + polled - 1;
		if (alerted) {
			status = end_alerted(attempt->wait);
			if (status)
				return status;
		} else if (attempt->ret == -ETIMEDOUT) {
			return end_timed_out(attempt);
		} else if (attempt->ret != -EINTR) {
			return error_status(attempt);
		}
		run_attempt(attempt);
	}
}

/* Waits for the first @count objects, and for all descriptors if that is all objects. */
static uint32_t wait_for_first(const struct nt_wait *wait, uint32_t count,
			       const struct ntsync_wait_opts *opts)
{
	struct attempt attempt = {
		.wait = wait, .count = count, .opts = opts,
		.polls = count == wait->count ? wait->polls : NULL,
	};

	run_attempt(&attempt);
	return finish_attempt(&attempt);
}

/* Index of the first mutant that the caller owns as often as it may; @count if there is none. */
static uint32_t find_at_limit(const struct nt_wait *wait)
{
	uint32_t i;

	for (i = 0; i < wait->count; i++) {
		const struct nt_object *object = wait->pins[i].object;

		if (object->type == NTSYNC_NT_MUTANT &&
		    nt_owned_count(wait->thread, object) >= wait->nt->config.mutant_limit)
			break;
	}
	return i;
}

/*
 * A mutant at its limit ends the wait with an error, as the caller could acquire it at once. In a
 * wait for any, an object before it that is ready comes first.
 */
static uint32_t wait_before_limit(const struct nt_wait *wait, uint32_t limit)
{
	struct ntsync_wait_opts opts = wait->opts;
	uint32_t status = NTSYNC_STATUS_TIMEOUT;

	opts.deadline = 0;
	opts.alert = 0;
	if (!wait->all && limit)
		status = wait_for_first(wait, limit, &opts);
	return status == NTSYNC_STATUS_TIMEOUT ? NTSYNC_STATUS_MUTANT_LIMIT_EXCEEDED : status;
}

uint32_t nt_wait_prepare(struct nt_wait *wait)
{
	if (wait->timers)
		nt_timers_catch_up(wait->nt);
	return nt_owned_reserve(wait->thread, wait->count) ? NTSYNC_STATUS_NO_MEMORY :
							      NTSYNC_STATUS_SUCCESS;
}

uint32_t nt_wait_refuse(struct nt_wait *wait)
{
	return nt_stop_refuse(wait->thread, &wait->stops);
}

bool nt_wait_is_at_limit(const struct nt_wait *wait)
{
	return find_at_limit(wait) < wait->count;
}

uint32_t nt_wait_run(const struct nt_wait *wait)
{
	uint32_t limit = find_at_limit(wait);

	if (limit < wait->count)
		return wait_before_limit(wait, limit);
	return wait_for_first(wait, wait->count, &wait->opts);
}

uint32_t nt_wait_resume(const struct nt_wait *wait, int ret, uint32_t index)
{
	struct attempt attempt = {
		.wait = wait, .count = wait->count, .opts = &wait->opts,
		.ret = ret, .index = index,
	};

	return finish_attempt(&attempt);
}

/* The end of a wait: runs it if @status is SUCCESS. */
static uint32_t run_and_end(struct nt_wait *wait, uint32_t status)
{
	if (!status)
		status = nt_wait_prepare(wait);
	if (!status)
		status = nt_wait_refuse(wait);
	if (!status)
		status = nt_wait_run(wait);
	nt_wait_end(wait);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_wait_single(struct ntsync_nt *nt, uint32_t handle, bool alertable,
					  struct ntsync_nt_deadline deadline)
{
	struct nt_wait wait;
	uint32_t status = nt_wait_begin(&wait, nt, alertable, deadline);

	if (status)
		return status;
	return run_and_end(&wait, nt_wait_add(&wait, handle));
}

/* The status of bad arguments in the style that the table is configured for. */
static uint32_t style_status(const struct ntsync_nt *nt, uint32_t status)
{
	return nt->config.style == NTSYNC_NT_STYLE_XBOX360 ? NTSYNC_STATUS_INVALID_PARAMETER :
							      status;
}

/* By descriptor: an object of the runtime's own types has that of its event. */
static bool has_duplicates(const struct nt_wait *wait)
{
	for (uint32_t i = 1; i < wait->count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (wait->fds[i] == wait->fds[j])
				return true;
		}
	}
	return false;
}

/* As on NT, only a wait for one object accepts a pseudo-handle. */
static uint32_t add_one_of_several(struct nt_wait *wait, uint32_t handle)
{
	if (!nt_is_pseudo(handle))
		return nt_wait_add(wait, handle);
	nt_handle_invalid(wait->nt, handle);
	return NTSYNC_STATUS_INVALID_HANDLE;
}

static uint32_t add_all(struct nt_wait *wait, const uint32_t *handles, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t status = add_one_of_several(wait, handles[i]);

		if (status)
			return style_status(wait->nt, status);
	}
	if (wait->all && has_duplicates(wait))
		return NTSYNC_STATUS_INVALID_PARAMETER_MIX;
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_wait_multiple(struct ntsync_nt *nt, const uint32_t *handles,
					    uint32_t count, uint32_t type, bool alertable,
					    struct ntsync_nt_deadline deadline)
{
	struct nt_wait wait;
	uint32_t status;

	if (!count || count > NTSYNC_MAX_WAIT_COUNT)
		return style_status(nt, NTSYNC_STATUS_INVALID_PARAMETER_1);
	if (type != NTSYNC_NT_WAIT_ALL && type != NTSYNC_NT_WAIT_ANY)
		return style_status(nt, NTSYNC_STATUS_INVALID_PARAMETER_3);
	if (!handles)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_wait_begin(&wait, nt, alertable, deadline);
	if (status)
		return status;
	wait.all = type == NTSYNC_NT_WAIT_ALL;
	return run_and_end(&wait, add_all(&wait, handles, count));
}

/* Yields if it does not sleep: guests wait so for other threads of the same priority. */
NTSYNC_API uint32_t ntsync_nt_delay(struct ntsync_nt *nt, bool alertable,
				    struct ntsync_nt_deadline deadline)
{
	bool passed = has_passed(deadline);
	struct nt_wait wait;
	uint32_t status = nt_wait_begin(&wait, nt, alertable, deadline);

	if (!status)
		status = nt_wait_refuse(&wait);
	if (!status)
		status = nt_wait_run(&wait);
	if (status != NTSYNC_STATUS_TIMEOUT)
		return status;
	if (passed)
		sched_yield();
	return NTSYNC_STATUS_SUCCESS;
}
