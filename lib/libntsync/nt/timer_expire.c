// SPDX-License-Identifier: LGPL-2.1-or-later
#include "association.h"
#include "timer.h"

#include <sys/timerfd.h>

#define NS_PER_SECOND	1000000000ull

/*
 * A period is a time span, even if the first deadline was a date. Periods that have passed
 * altogether are skipped: the event can be signaled only once.
 */
static void set_next_period(struct nt_timers *timers, struct nt_timer *timer, clockid_t clock)
{
	uint64_t now = nt_times_now().monotonic;
	uint64_t next = clock == CLOCK_MONOTONIC ? timer->deadline : now;

	if (timer->period > INT64_MAX - now)
		return;
	next += timer->period;
	if (next <= now)
		next += ((now - next) / timer->period + 1) * timer->period;
	timer->deadline = next;
	nt_heap_insert(&timers->monotonic, timer);
}

static void expire_timer(struct nt_timers *timers, struct nt_timer *timer)
{
	clockid_t clock = timer->heap->clock;

	nt_heap_remove(timer);
	ntsync_event_set(timer->object->fd, NULL);
	nt_look_if_awaited(timers->nt, timer->object);
	nt_timer_send_apc_locked(timer);
	if (timer->period)
		set_next_period(timers, timer, clock);
}

/* With a @now that moved, a timer with a tiny period would keep this loop going. */
static void expire_heap(struct nt_timers *timers, struct nt_heap *heap, uint64_t now)
{
	while (heap->count && heap->items[0]->deadline <= now)
		expire_timer(timers, heap->items[0]);
}

static void arm_timerfd(struct nt_heap *heap)
{
	uint64_t first = heap->count ? heap->items[0]->deadline : NTSYNC_WAIT_FOREVER;
	struct itimerspec when = { 0 };

	/* A deadline in the past wakes the thread at once. All zero disarms the timerfd. */
	if (heap->count) {
		when.it_value.tv_sec = (time_t)(first / NS_PER_SECOND);
		when.it_value.tv_nsec = (long)(first % NS_PER_SECOND);
	}
	timerfd_settime(heap->fd, TFD_TIMER_ABSTIME, &when, NULL);
	/*
	 * Last: as long as the old value is there, a caller of nt_timers_catch_up() waits for
	 * the lock, and so for the events that were set here.
	 */
	atomic_store(&heap->first, first);
}

/* Dates first: after a date, a periodic timer goes on in the other heap. */
void nt_timers_run_locked(struct nt_timers *timers, const struct nt_times *now)
{
	expire_heap(timers, &timers->realtime, now->realtime);
	expire_heap(timers, &timers->monotonic, now->monotonic);
	arm_timerfd(&timers->realtime);
	arm_timerfd(&timers->monotonic);
}

static bool is_due(const struct nt_timers *timers, const struct nt_times *now)
{
	return atomic_load(&timers->monotonic.first) <= now->monotonic ||
	       atomic_load(&timers->realtime.first) <= now->realtime;
}

void nt_timers_catch_up_locked(struct nt_timers *timers, const struct nt_times *now)
{
	if (is_due(timers, now))
		nt_timers_run_locked(timers, now);
}

void nt_timers_catch_up(struct ntsync_nt *nt)
{
	struct nt_timers *timers = nt->timers;
	struct nt_times now = nt_times_now();
	struct nt_saved saved;

	if (!is_due(timers, &now))
		return;
	nt_lock(&timers->lock, &saved);
	nt_timers_catch_up_locked(timers, &now);
	nt_unlock(&timers->lock, &saved);
}
