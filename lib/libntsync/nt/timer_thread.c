// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fd.h"
#include "timer.h"

#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

/* Runs with all signals blocked: it was created under the table's lock. */
static void *run_thread(void *arg)
{
	struct nt_timers *timers = arg;
	struct nt_times now;
	struct pollfd fds[] = {
		{ .fd = timers->monotonic.fd, .events = POLLIN },
		{ .fd = timers->realtime.fd, .events = POLLIN },
		{ .fd = timers->stop_fd, .events = POLLIN },
	};
	struct nt_saved saved;

	/* A timerfd that is set again is not readable any more, so there is no read(). */
	while (poll(fds, 3, -1) < 0 || !fds[2].revents) {
		nt_lock(&timers->lock, &saved);
		now = nt_times_now();
		nt_timers_run_locked(timers, &now);
		nt_unlock(&timers->lock, &saved);
	}
	return NULL;
}

static int start_with_priority(struct nt_timers *timers, int priority)
{
	const struct sched_param param = { .sched_priority = priority };
	pthread_attr_t attr;
	int ret = pthread_attr_init(&attr);

	if (ret)
		return ret;
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	ret = pthread_create(&timers->thread, &attr, run_thread, timers);
	pthread_attr_destroy(&attr);
	return ret;
}

static int start_thread(struct nt_timers *timers, int priority)
{
	int ret = priority ? start_with_priority(timers, priority) : EPERM;

	/* Without the right to the priority, timers are late rather than missing. */
	return ret == EPERM ? pthread_create(&timers->thread, NULL, run_thread, timers) : ret;
}

static int open_heap(struct nt_heap *heap, clockid_t clock)
{
	heap->clock = clock;
	atomic_init(&heap->first, NTSYNC_WAIT_FOREVER);
	heap->fd = timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK);
	return heap->fd < 0 ? -errno : 0;
}

static int init_timers(struct nt_timers *timers, int priority)
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
	ret = start_thread(timers, priority);
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

static int create_timers_locked(struct ntsync_nt *nt)
{
	struct nt_timers *timers = calloc(1, sizeof(*timers));
	int ret = -ENOMEM;

	if (timers) {
		timers->nt = nt;
		ret = init_timers(timers, nt->config.timer_priority);
	}
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
		ret = create_timers_locked(nt);
	*timers = nt->timers;
	nt_unlock(&nt->lock, &saved);
	return nt_status(ret);
}

static bool resize_heap(struct nt_heap *heap, size_t room)
{
	struct nt_timer **items = realloc(heap->items, room * sizeof(*items));

	if (items)
		heap->items = items;
	return items;
}

static bool make_room_locked(struct nt_timers *timers)
{
	size_t room = timers->room ? 2 * timers->room : 16;

	if (timers->nr_timers < timers->room)
		return true;
	if (!resize_heap(&timers->monotonic, room) || !resize_heap(&timers->realtime, room))
		return false;
	timers->room = room;
	return true;
}

struct nt_timer *nt_timer_create(struct nt_timers *timers)
{
	struct nt_timer *timer = NULL;
	struct nt_saved saved;

	nt_lock(&timers->lock, &saved);
	if (make_room_locked(timers))
		timer = calloc(1, sizeof(*timer));
	if (timer) {
		timer->place = NT_NOT_SET;
		timers->nr_timers++;
	}
	nt_unlock(&timers->lock, &saved);
	return timer;
}

void nt_timer_destroy(struct nt_timers *timers, struct nt_timer *timer)
{
	struct nt_saved saved;

	nt_lock(&timers->lock, &saved);
	if (timer->place != NT_NOT_SET)
		nt_heap_remove(timer);
	nt_timer_aim_locked(timer, NULL, NULL);
	timers->nr_timers--;
	free(timer);
	nt_unlock(&timers->lock, &saved);
}

void nt_timers_exit(struct ntsync_nt *nt)
{
	struct nt_timers *timers = nt->timers;

	if (!timers)
		return;
	/* A forked child does not have the thread, and shares the eventfd that would end it. */
	if (!nt_in_forked_child(nt)) {
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
