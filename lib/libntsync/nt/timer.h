/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waitable timers: an event that a thread of the table's sets when the time has come. The
 * driver knows nothing of them; should it have timers one day, they replace this file, and
 * those that include it.
 */
#ifndef LIBNTSYNC_NT_TIMER_H
#define LIBNTSYNC_NT_TIMER_H

#include "nt.h"

#define NT_NOT_SET	SIZE_MAX

/**
 * struct nt_timer - what a timer has besides its object
 * @heap: where it is while it is set.
 * @place: where in it, or NT_NOT_SET.
 * @deadline: when it expires, by the heap's clock.
 * @period: nanoseconds to the next time, or 0.
 * @fd: the event.
 */
struct nt_timer {
	struct nt_heap *heap;
	size_t place;
	uint64_t deadline;
	uint64_t period;
	int fd;
};

/**
 * struct nt_heap - the timers of one clock, the next one first
 * @items: binary heap by &nt_timer.deadline.
 * @count: how many are set.
 * @clock: which clock.
 * @fd: timerfd that is set to the first one's deadline.
 * @first: that deadline, or an earlier one; for who looks without the lock.
 */
struct nt_heap {
	_Atomic uint64_t first;
	struct nt_timer **items;
	size_t count;
	clockid_t clock;
	int fd;
};

/**
 * struct nt_times - one time by both clocks
 * @monotonic: nanoseconds of CLOCK_MONOTONIC.
 * @realtime: nanoseconds of CLOCK_REALTIME.
 */
struct nt_times {
	uint64_t monotonic;
	uint64_t realtime;
};

/**
 * struct nt_timers - all timers of a table
 * @lock: protects all that follows. May be taken with the table's lock held, not before it.
 * @monotonic: timers set to a time span.
 * @realtime: timers set to a date: they follow the wall clock when it is set.
 * @nr_timers: how many timers exist.
 * @room: how many fit into each heap, so that setting one can't fail.
 * @thread: sets the events.
 * @stop_fd: eventfd that ends it.
 */
struct nt_timers {
	struct nt_lock lock;
	struct nt_heap monotonic;
	struct nt_heap realtime;
	size_t nr_timers;
	size_t room;
	pthread_t thread;
	int stop_fd;
};

/* nt_heap.c: @timer must not be in a heap, and must be in one, respectively. */
void nt_heap_insert(struct nt_heap *heap, struct nt_timer *timer);
void nt_heap_remove(struct nt_timer *timer);

/* nt_timer_thread.c: the table's timers, with their thread. The table's lock is not held. */
uint32_t nt_timers_get(struct ntsync_nt *nt, struct nt_timers **timers);
struct nt_times nt_times_now(void);
/* Signals what has expired by @now, and has the thread woken for the next. */
void nt_timers_run_locked(struct nt_timers *timers, const struct nt_times *now);
/* The same, if anything has expired. */
void nt_timers_catch_up_locked(struct nt_timers *timers, const struct nt_times *now);

#endif /* LIBNTSYNC_NT_TIMER_H */
