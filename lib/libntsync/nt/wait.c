// SPDX-License-Identifier: LGPL-2.1-or-later
#include "timer.h"
#include "wait.h"

#include <sched.h>

uint32_t nt_wait_begin(struct nt_wait *wait, struct ntsync_nt *nt, bool alertable,
		       struct ntsync_nt_deadline deadline)
{
	if (deadline.flags & ~NTSYNC_WAIT_REALTIME)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	wait->nt = nt;
	wait->count = 0;
	wait->all = false;
	wait->timers = false;
	wait->thread = nt_thread_self(nt);
	if (!wait->thread)
		return NTSYNC_STATUS_NO_MEMORY;
	wait->opts = (struct ntsync_wait_opts){
		.deadline = deadline.ns, .flags = deadline.flags, .owner = wait->thread->tid,
	};
	if (alertable)
		wait->opts.alert = wait->thread->alert_fd;
	return NTSYNC_STATUS_SUCCESS;
}

uint32_t nt_wait_add(struct nt_wait *wait, uint32_t handle)
{
	struct nt_pin *pin = &wait->pins[wait->count];
	uint32_t status = nt_get(wait->nt, handle, pin);

	if (status)
		return status;
	wait->fds[wait->count++] = pin->object->fd;
	wait->timers |= pin->object->type == NTSYNC_NT_TIMER;
	return NTSYNC_STATUS_SUCCESS;
}

void nt_wait_end(struct nt_wait *wait)
{
	while (wait->count)
		nt_put(wait->nt, &wait->pins[--wait->count]);
}

static int call(const struct nt_wait *wait, uint32_t count, const struct ntsync_wait_opts *opts,
		uint32_t *index)
{
	int (*function)(int dev, const int *objs, uint32_t count,
			const struct ntsync_wait_opts *opts, uint32_t *index) =
		wait->all ? ntsync_wait_all : ntsync_wait_any;

	return function(wait->nt->config.dev, wait->fds, count, opts, index);
}

static void account(const struct nt_wait *wait, uint32_t index)
{
	struct nt_object *object = wait->pins[index].object;

	if (object->type == NTSYNC_NT_MUTANT)
		nt_owned_acquired(wait->thread, object);
}

static uint32_t acquired(const struct nt_wait *wait, int ret, uint32_t index)
{
	if (wait->all) {
		for (uint32_t i = 0; i < wait->count; i++)
			account(wait, i);
	} else {
		account(wait, index);
	}
	return (ret ? NTSYNC_STATUS_ABANDONED_WAIT_0 : NTSYNC_STATUS_WAIT_0) + index;
}

/*
 * Whatever ended the wait: timers that were due meanwhile come before it, although nobody may
 * have signaled them yet.
 */
static int try_overdue(const struct nt_wait *wait, uint32_t count,
		       const struct ntsync_wait_opts *opts, uint32_t *index)
{
	struct ntsync_wait_opts once = *opts;

	nt_timers_catch_up(wait->nt);
	once.deadline = 0;
	once.alert = 0;
	return call(wait, count, &once, index);
}

/*
 * From an answer of the driver's on. A signal's handler that has run does not end the wait,
 * nor does an alert's event that is left over from an alert that was taken: the deadline
 * does not move, so it is just begun anew.
 */
static uint32_t go_on(const struct nt_wait *wait, uint32_t count,
		      const struct ntsync_wait_opts *opts, int ret, uint32_t index)
{
	uint32_t status;

	for (;;) {
		if (ret == -ETIMEDOUT && wait->timers)
			ret = try_overdue(wait, count, opts, &index);
		if (ret == -ETIMEDOUT)
			return NTSYNC_STATUS_TIMEOUT;
		if (ret && ret != -EOWNERDEAD && ret != -EINTR)
			return nt_status(ret);
		if (ret != -EINTR) {
			if (index < count)
				return acquired(wait, ret, index);
			if (wait->timers) {
				ret = try_overdue(wait, count, opts, &index);
				if (!ret || ret == -EOWNERDEAD) {
					nt_alert_put_back(wait->thread);
					return acquired(wait, ret, index);
				}
			}
			status = nt_alert_take(wait->thread);
			if (status)
				return status;
		}
		ret = call(wait, count, opts, &index);
	}
}

/* Waits for the first @count objects. */
static uint32_t wait_for(const struct nt_wait *wait, uint32_t count,
			 const struct ntsync_wait_opts *opts)
{
	uint32_t index = 0;
	int ret = call(wait, count, opts, &index);

	return go_on(wait, count, opts, ret, index);
}

/* The first mutant that can't be acquired once more by its owner; count if there is none. */
static uint32_t first_at_limit(const struct nt_wait *wait)
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
 * A mutant at its limit is ready, so the wait ends there with an error, unless an object
 * before it is ready too.
 */
static uint32_t wait_before_limit(const struct nt_wait *wait, uint32_t limit)
{
	struct ntsync_wait_opts opts = wait->opts;
	uint32_t status = NTSYNC_STATUS_TIMEOUT;

	opts.deadline = 0;
	opts.alert = 0;
	if (!wait->all && limit)
		status = wait_for(wait, limit, &opts);
	return status == NTSYNC_STATUS_TIMEOUT ? NTSYNC_STATUS_MUTANT_LIMIT_EXCEEDED : status;
}

uint32_t nt_wait_prepare(struct nt_wait *wait)
{
	if (wait->timers)
		nt_timers_catch_up(wait->nt);
	return nt_owned_reserve(wait->thread, wait->count) ? NTSYNC_STATUS_NO_MEMORY :
							      NTSYNC_STATUS_SUCCESS;
}

bool nt_wait_is_at_limit(const struct nt_wait *wait)
{
	return first_at_limit(wait) < wait->count;
}

uint32_t nt_wait_run(struct nt_wait *wait)
{
	uint32_t limit = first_at_limit(wait);

	if (limit < wait->count)
		return wait_before_limit(wait, limit);
	return wait_for(wait, wait->count, &wait->opts);
}

uint32_t nt_wait_go_on(const struct nt_wait *wait, int ret, uint32_t index)
{
	return go_on(wait, wait->count, &wait->opts, ret, index);
}

NTSYNC_API uint32_t ntsync_nt_wait_single(struct ntsync_nt *nt, uint32_t handle, bool alertable,
					  struct ntsync_nt_deadline deadline)
{
	struct nt_wait wait;
	uint32_t status = nt_wait_begin(&wait, nt, alertable, deadline);

	if (status)
		return status;
	status = nt_wait_add(&wait, handle);
	if (!status)
		status = nt_wait_prepare(&wait);
	if (!status)
		status = nt_wait_run(&wait);
	nt_wait_end(&wait);
	return status;
}

static uint32_t in_style(const struct ntsync_nt *nt, uint32_t status)
{
	return nt->config.style == NTSYNC_NT_STYLE_XBOX360 ? NTSYNC_STATUS_INVALID_PARAMETER :
							      status;
}

static bool same_twice(const struct nt_wait *wait)
{
	for (uint32_t i = 1; i < wait->count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (wait->pins[i].object == wait->pins[j].object)
				return true;
		}
	}
	return false;
}

/* On NT only a wait for one object takes a pseudo-handle. */
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
			return in_style(wait->nt, status);
	}
	if (wait->all && same_twice(wait))
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
		return in_style(nt, NTSYNC_STATUS_INVALID_PARAMETER_1);
	if (type != NTSYNC_NT_WAIT_ALL && type != NTSYNC_NT_WAIT_ANY)
		return in_style(nt, NTSYNC_STATUS_INVALID_PARAMETER_3);
	if (!handles)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_wait_begin(&wait, nt, alertable, deadline);
	if (status)
		return status;
	wait.all = type == NTSYNC_NT_WAIT_ALL;
	status = add_all(&wait, handles, count);
	if (!status)
		status = nt_wait_prepare(&wait);
	if (!status)
		status = nt_wait_run(&wait);
	nt_wait_end(&wait);
	return status;
}

static bool has_passed(struct ntsync_nt_deadline deadline)
{
	struct nt_times now;

	if (!deadline.ns || deadline.ns == NTSYNC_WAIT_FOREVER)
		return !deadline.ns;
	now = nt_times_now();
	return deadline.ns <= (deadline.flags ? now.realtime : now.monotonic);
}

/* A delay that does not sleep lets others of its priority run: guests wait for them that way. */
NTSYNC_API uint32_t ntsync_nt_delay(struct ntsync_nt *nt, bool alertable,
				    struct ntsync_nt_deadline deadline)
{
	bool yield = has_passed(deadline);
	struct nt_wait wait;
	uint32_t status = nt_wait_begin(&wait, nt, alertable, deadline);

	if (!status)
		status = nt_wait_run(&wait);
	if (status != NTSYNC_STATUS_TIMEOUT)
		return status;
	if (yield)
		sched_yield();
	return NTSYNC_STATUS_SUCCESS;
}
