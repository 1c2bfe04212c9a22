/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waitable timers. A timer is an event that the library sets when its time has come: the
 * driver has no timers. A thread of the table sleeps until the first timer expires; a call that
 * looks at a timer sets the overdue ones itself, as that thread may have a lower priority.
 */
#ifndef LIBNTSYNC_NT_TIMER_H
#define LIBNTSYNC_NT_TIMER_H

#include "apc.h"
#include "table.h"

#define NT_NOT_SET	SIZE_MAX

/**
 * struct nt_timer - the part of a timer that is not its object
 * @heap: the heap that the timer is in while it is set.
 * @place: its index there, or NT_NOT_SET.
 * @deadline: when it expires, on the heap's clock.
 * @period: nanoseconds from one expiry to the next, or 0.
 * @object: the timer's object. Valid once it was set.
 * @target: the thread that it sends an APC to, or NULL.
 * @apc: the APC.
 * @next: the next timer with the same target.
 * @data: of ntsync_nt_set_data().
 */
struct nt_timer {
	struct nt_heap *heap;
	size_t place;
	uint64_t deadline;
	uint64_t period;
	struct nt_object *object;
	struct nt_thread *target;
	struct nt_apc apc;
	struct nt_timer *next;
	struct nt_data data;
};

/**
 * struct nt_heap - the timers that are set on one clock
 * @first: no timer expires before this time. Read without the lock.
 * @items: binary heap by &nt_timer.deadline.
 * @count: how many timers are set.
 * @clock: the clock.
 * @fd: timerfd, set to the first deadline.
 */
struct nt_heap {
	_Atomic uint64_t first;
	struct nt_timer **items;
	size_t count;
	clockid_t clock;
	int fd;
};

/**
 * struct nt_times - the same moment on both clocks, in nanoseconds
 * @monotonic: CLOCK_MONOTONIC.
 * @realtime: CLOCK_REALTIME.
 */
struct nt_times {
	uint64_t monotonic;
	uint64_t realtime;
};

/**
 * struct nt_timers - all timers of a table
 * @nt: the table.
 * @lock: protects the members below. Nests inside the table's lock.
 * @monotonic: timers that are set to a time span.
 * @realtime: timers that are set to a date: they follow the wall clock when it is set.
 * @nr_timers: how many timers exist.
 * @room: how many timers fit into each heap: at least @nr_timers, so that setting one needs no
 *	memory.
 * @thread: the timer thread.
 * @stop_fd: eventfd that ends it.
 */
struct nt_timers {
	struct ntsync_nt *nt;
	struct nt_lock lock;
	struct nt_heap monotonic;
	struct nt_heap realtime;
	size_t nr_timers;
	size_t room;
	pthread_t thread;
	int stop_fd;
};

/* time.c */
struct nt_times nt_times_now(void);
/* NT's: in units of 100 ns since 1601. */
uint64_t nt_system_time(void);

/* heap.c: @timer must not be set. */
void nt_heap_insert(struct nt_heap *heap, struct nt_timer *timer);
/* @timer must be set. */
void nt_heap_remove(struct nt_timer *timer);

/* timer_expire.c */
/* Signals the timers that have expired by @now, and sets the timerfds to the next ones. */
void nt_timers_run_locked(struct nt_timers *timers, const struct nt_times *now);
/* The same, if a timer has expired. */
void nt_timers_catch_up_locked(struct nt_timers *timers, const struct nt_times *now);
/* The same by the present time. Only for a table with timers. */
void nt_timers_catch_up(struct ntsync_nt *nt);

/* timer_thread.c */
/* The table's timers; the first call starts their thread. The table's lock is not held. */
uint32_t nt_timers_get(struct ntsync_nt *nt, struct nt_timers **timers);
void nt_timers_exit(struct ntsync_nt *nt);
/* A timer that is not set; NULL without memory. */
struct nt_timer *nt_timer_create(struct nt_timers *timers);
void nt_timer_destroy(struct nt_timers *timers, struct nt_timer *timer);

#endif /* LIBNTSYNC_NT_TIMER_H */
