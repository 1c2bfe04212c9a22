// SPDX-License-Identifier: LGPL-2.1-or-later
/* Timers that send APCs, as NtSetTimer with a routine: to the thread that set the timer. */
#include "thread.h"
#include "timer.h"

static void unlink_timer(struct nt_timer *timer)
{
	struct nt_timer **at = &timer->target->timers;

	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
}

void nt_timer_aim_locked(struct nt_timer *timer, struct nt_thread *thread,
			 const struct ntsync_nt_apc *call)
{
	if (timer->target) {
		nt_apc_remove(timer->target, &timer->apc);
		unlink_timer(timer);
	}
	timer->target = thread;
	if (!thread)
		return;
	timer->apc = (struct nt_apc){ .call = *call, .of_timer = true };
	timer->next = thread->timers;
	thread->timers = timer;
}

/* As on NT: the context, and the time in units of 100 ns since 1601, low half first. */
static void set_arguments(struct nt_timer *timer)
{
	uint64_t now = nt_system_time();

	timer->apc.call.arguments[1] = (uint32_t)now;
	timer->apc.call.arguments[2] = now >> 32;
}

/*
 * An APC that is still queued from the last period is left alone. Only this function queues it, so
 * its arguments may change while it is not queued.
 */
void nt_timer_send_apc_locked(struct nt_timer *timer)
{
	if (!timer->target || nt_apc_is_queued(timer->target, &timer->apc))
		return;
	set_arguments(timer);
	nt_apc_queue(timer->target, &timer->apc);
}

void nt_timers_forget_thread(struct nt_thread *thread)
{
	struct nt_timers *timers = thread->nt->timers;
	struct nt_saved saved;

	if (!thread->has_timer_apcs)
		return;
	nt_lock(&timers->lock, &saved);
	while (thread->timers) {
		struct nt_timer *timer = thread->timers;

		if (timer->place != NT_NOT_SET)
			nt_heap_remove(timer);
		nt_timer_aim_locked(timer, NULL, NULL);
	}
	nt_unlock(&timers->lock, &saved);
	thread->has_timer_apcs = false;
}
