// SPDX-License-Identifier: LGPL-2.1-or-later
#include "timer.h"

#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

#define NS_PER_SECOND	1000000000ull

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

struct nt_times nt_times_now(void)
{
	return (struct nt_times){ clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME) };
}

/*
 * Periods are time spans, also those of a timer whose first deadline was a date. One that
 * was missed altogether is skipped: the event can be signaled only once.
 */
static void set_again(struct nt_timers *timers, struct nt_timer *timer, clockid_t clock)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t next = clock == CLOCK_MONOTONIC ? timer->deadline : now;

	if (timer->period > INT64_MAX - now)
		return;
	next += timer->period;
	if (next <= now)
		next += ((now - next) / timer->period + 1) * timer->period;
	timer->deadline = next;
	nt_heap_insert(&timers->monotonic, timer);
}

static void expire(struct nt_timers *timers, struct nt_timer *timer)
{
	clockid_t clock = timer->heap->clock;

	nt_heap_remove(timer);
	ntsync_event_set(timer->fd, NULL);
	if (timer->period)
		set_again(timers, timer, clock);
}

/* @now does not move: a timer with a tiny period must not keep this going. */
static void expire_all(struct nt_timers *timers, struct nt_heap *heap, uint64_t now)
{
	while (heap->count && heap->items[0]->deadline <= now)
		expire(timers, heap->items[0]);
}

static void arm(struct nt_heap *heap)
{
	uint64_t first = heap->count ? heap->items[0]->deadline : NTSYNC_WAIT_FOREVER;
	struct itimerspec when = { 0 };

	/* What is due meanwhile is in the past, and wakes at once. All zero means never. */
	if (heap->count) {
		when.it_value.tv_sec = (time_t)(first / NS_PER_SECOND);
		when.it_value.tv_nsec = (long)(first % NS_PER_SECOND);
	}
	timerfd_settime(heap->fd, TFD_TIMER_ABSTIME, &when, NULL);
	/* Last: until then, whoever finds that one is due waits for the lock. */
	atomic_store(&heap->first, first);
}

/* Dates first: a periodic one goes on among the time spans. */
void nt_timers_run_locked(struct nt_timers *timers, const struct nt_times *now)
{
	expire_all(timers, &timers->realtime, now->realtime);
	expire_all(timers, &timers->monotonic, now->monotonic);
	arm(&timers->realtime);
	arm(&timers->monotonic);
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

/*
 * The thread may not have run since, as its priority is below that of the caller, or below
 * that of somebody else who is at work. A timer is signaled by its time, not by a schedule.
 */
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

/* All signals are blocked here: it was created with the table's lock held. */
static void *run(void *arg)
{
	struct nt_timers *timers = arg;
	struct nt_times now;
	struct pollfd fds[] = {
		{ .fd = timers->monotonic.fd, .events = POLLIN },
		{ .fd = timers->realtime.fd, .events = POLLIN },
		{ .fd = timers->stop_fd, .events = POLLIN },
	};
	struct nt_saved saved;

	/* Setting a timerfd again ends that it polls readable, so nothing has to be read. */
	while (poll(fds, 3, -1) < 0 || !fds[2].revents) {
		nt_lock(&timers->lock, &saved);
		now = nt_times_now();
		nt_timers_run_locked(timers, &now);
		nt_unlock(&timers->lock, &saved);
	}
	return NULL;
}

static int start_with(struct nt_timers *timers, int priority)
{
	const struct sched_param param = { .sched_priority = priority };
	pthread_attr_t attr;
	int ret = pthread_attr_init(&attr);

	if (ret)
		return ret;
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	ret = pthread_create(&timers->thread, &attr, run, timers);
	pthread_attr_destroy(&attr);
	return ret;
}

static int start(struct nt_timers *timers, int priority)
{
	int ret = priority ? start_with(timers, priority) : EPERM;

	/* Without the right to the priority, late is better than never. */
	return ret == EPERM ? pthread_create(&timers->thread, NULL, run, timers) : ret;
}

static int open_heap(struct nt_heap *heap, clockid_t clock)
{
	heap->clock = clock;
	atomic_init(&heap->first, NTSYNC_WAIT_FOREVER);
	heap->fd = timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK);
	return heap->fd < 0 ? -errno : 0;
}

static int init(struct nt_timers *timers, int priority)
{
	int ret = nt_lock_init(&timers->lock);

	if (ret)
		return ret;
	ret = open_heap(&timers->monotonic, CLOCK_MONOTONIC);
	if (ret)
		goto exit_lock;
	ret = open_heap(&timers->realtime, CLOCK_REALTIME);
	if (ret)
		goto close_monotonic;
	timers->stop_fd = eventfd(0, EFD_CLOEXEC);
	ret = timers->stop_fd < 0 ? -errno : 0;
	if (ret)
		goto close_realtime;
	ret = start(timers, priority);
	if (ret)
		goto close_stop;
	return 0;

close_stop:
	ret = ret == EAGAIN ? -ENOMEM : -ret;
	nt_close_fd(timers->stop_fd);
close_realtime:
	nt_close_fd(timers->realtime.fd);
close_monotonic:
	nt_close_fd(timers->monotonic.fd);
exit_lock:
	nt_lock_exit(&timers->lock);
	return ret;
}

static int make_locked(struct ntsync_nt *nt)
{
	struct nt_timers *timers = calloc(1, sizeof(*timers));
	int ret = timers ? init(timers, nt->config.timer_priority) : -ENOMEM;

	if (ret)
		free(timers);
	else
		nt->timers = timers;
	return ret;
}

uint32_t nt_timers_get(struct ntsync_nt *nt, struct nt_timers **timers)
{
	struct nt_saved saved;
	int ret = 0;

	nt_lock(&nt->lock, &saved);
	if (!nt->timers)
		ret = make_locked(nt);
	*timers = nt->timers;
	nt_unlock(&nt->lock, &saved);
	return nt_status(ret);
}

void nt_timers_exit(struct ntsync_nt *nt)
{
	struct nt_timers *timers = nt->timers;

	if (!timers)
		return;
	/* The thread is the parent's in a child, and so is what would end it. */
	if (!nt_is_parents(nt)) {
		eventfd_write(timers->stop_fd, 1);
		pthread_join(timers->thread, NULL);
	}
	nt_close_fd(timers->stop_fd);
	nt_close_fd(timers->realtime.fd);
	nt_close_fd(timers->monotonic.fd);
	nt_lock_exit(&timers->lock);
	free(timers->realtime.items);
	free(timers->monotonic.items);
	free(timers);
}
