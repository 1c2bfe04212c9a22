// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Ending waits. Every wait that may sleep has one of its thread's two events as its alert: the one
 * for alerts if it is alertable, else the one that only this file sets. A stop and an interruption
 * set both:
 *
 *	ntsync_nt_stop()			a wait
 *
 *	  (a) &ntsync_nt.stops			  (d) reads &ntsync_nt.stops
 *	  (b) sets both events			  (e) sleeps
 *	  (c) &nt_thread.nr_ends + 1, and wakes
 *
 * If (d) does not see (a), (e) is before (b) or finds the event set. The event stays set if the
 * thread does not wait, or waits with the other one: (c) tells the thread's next wait to reset it.
 * That is before (d), so no stop is lost by the reset.
 *
 * A wait on an address that is a futex can't have an event, so it waits for (c): address.c. It has
 * read &nt_thread.nr_ends before (d), and sleeps only while that is unchanged.
 *
 * The count of stops in &ntsync_nt.stops ends a wait also if the table goes on before the thread
 * has run, which may be suspended.
 *
 * What a thread in ntsync_nt_wait_for_resume() waits for changes under the table's lock, and the
 * events are set after that under the same lock: a thread that has looked before finds them set.
 */
#include "stop.h"

#include "alert.h"
#include "port.h"

/* &ntsync_nt.stops from the lowest bit: 32 status, 1 stopped, 31 count of stops. */
#define STOPPED		(1ull << 32)
#define COUNT_SHIFT	33

static bool is_error(uint32_t status)
{
	return status >> 30 == 3;
}

bool nt_is_stopped(const struct ntsync_nt *nt)
{
	return atomic_load(&nt->stops) & STOPPED;
}

static uint32_t take_interruption(struct nt_thread *thread)
{
	if (!atomic_load_explicit(&thread->interruption, memory_order_relaxed))
		return NTSYNC_STATUS_SUCCESS;
	return atomic_exchange(&thread->interruption, NTSYNC_STATUS_SUCCESS);
}

uint32_t nt_stop_look(struct nt_thread *thread, uint64_t *stops)
{
	for (;;) {
		uint32_t ends = atomic_load(&thread->nr_ends), status;

		nt_race();
		*stops = atomic_load(&thread->nt->stops);
		status = *stops & STOPPED ? (uint32_t)*stops : atomic_load(&thread->interruption);
		if (status || ends == thread->nr_ends_seen)
			return status;
		thread->nr_ends_seen = ends;
		ntsync_event_reset(thread->stop_fd, NULL);
		nt_alert_reset(thread);
	}
}

uint32_t nt_stop_obey(struct nt_thread *thread, uint64_t stops, uint32_t status)
{
	uint32_t taken = stops & STOPPED ? status : take_interruption(thread);

	return taken ? taken : status;
}

uint32_t nt_stop_refuse(struct nt_thread *thread, uint64_t *stops)
{
	uint32_t status = nt_stop_look(thread, stops);

	return status ? nt_stop_obey(thread, *stops, status) : status;
}

uint32_t nt_stop_take(struct nt_thread *thread, uint64_t stops)
{
	uint64_t now = atomic_load(&thread->nt->stops);

	if (now >> COUNT_SHIFT != stops >> COUNT_SHIFT)
		return (uint32_t)now;
	return take_interruption(thread);
}

/* Before it is attached, a thread has no events. */
void nt_stop_wake_locked(struct nt_thread *thread)
{
	if (!thread->attached)
		return;
	nt_race();
	ntsync_event_set(thread->stop_fd, NULL);
	ntsync_event_set(thread->alert_fd, NULL);
	nt_race();
	atomic_fetch_add(&thread->nr_ends, 1);
	if (nt_addr_dev(thread->nt) < 0)
		ntsync_addr_wake(-1, &thread->nr_ends, 1, 0);
}

NTSYNC_API uint32_t ntsync_nt_interrupt_thread(struct ntsync_nt *nt, uint32_t tid, uint32_t status)
{
	struct nt_thread *thread;
	struct nt_saved saved;
	uint32_t found;

	if (status && !is_error(status))
		return NTSYNC_STATUS_INVALID_PARAMETER;
	nt_lock(&nt->lock, &saved);
	found = nt_thread_address_locked(nt, tid, &thread);
	if (!found) {
		atomic_store(&thread->interruption, status);
		if (status)
			nt_stop_wake_locked(thread);
	}
	nt_unlock(&nt->lock, &saved);
	return found;
}

NTSYNC_API uint32_t ntsync_nt_stop(struct ntsync_nt *nt, uint32_t status)
{
	struct nt_hash_link *link = NULL;
	struct nt_saved saved;
	uint64_t count;

	if (!is_error(status))
		return NTSYNC_STATUS_INVALID_PARAMETER;
	nt_lock(&nt->lock, &saved);
	count = (atomic_load(&nt->stops) >> COUNT_SHIFT) + 1;
	atomic_store(&nt->stops, count << COUNT_SHIFT | STOPPED | status);
	while ((link = nt_hash_next(&nt->threads, link)))
		nt_stop_wake_locked((struct nt_thread *)link);
	nt_unlock(&nt->lock, &saved);
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API void ntsync_nt_resume(struct ntsync_nt *nt)
{
	struct nt_hash_link *link = NULL;
	struct nt_saved saved;

	nt_lock(&nt->lock, &saved);
	atomic_fetch_and(&nt->stops, ~STOPPED);
	while ((link = nt_hash_next(&nt->threads, link))) {
		struct nt_thread *thread = (struct nt_thread *)link;

		if (thread->waits_for_resume)
			nt_stop_wake_locked(thread);
	}
	nt_unlock(&nt->lock, &saved);
}

/*
 * The status that ends ntsync_nt_wait_for_resume(), or PENDING: the thread is to sleep. @stops is
 * what &ntsync_nt.stops was when the call began: a later stop ends it also if it is over.
 */
static uint32_t look_for_resume_locked(struct nt_thread *thread, uint32_t stopped, uint64_t stops)
{
	uint64_t now = atomic_load(&thread->nt->stops);
	uint32_t status = take_interruption(thread);
	bool is_new = now >> COUNT_SHIFT != stops >> COUNT_SHIFT;

	if (!status && (now & STOPPED || is_new) && (uint32_t)now != stopped)
		status = (uint32_t)now;
	if (!status && now & STOPPED)
		status = NTSYNC_STATUS_PENDING;
	return status;
}

static uint32_t look_for_resume(struct nt_thread *thread, uint32_t stopped, uint64_t stops)
{
	struct nt_saved saved;
	uint32_t status;

	nt_lock(&thread->nt->lock, &saved);
	status = look_for_resume_locked(thread, stopped, stops);
	thread->waits_for_resume = status == NTSYNC_STATUS_PENDING;
	nt_unlock(&thread->nt->lock, &saved);
	return status;
}

/* Sleeps until the event is set that ends the thread's waits, perhaps for a reason that is gone. */
static int sleep_for_event(struct nt_thread *thread)
{
	const struct ntsync_wait_opts opts = {
		.deadline = NTSYNC_WAIT_FOREVER, .owner = thread->tid, .alert = thread->stop_fd,
	};
	bool paused = nt_port_pause(thread);
	int ret = ntsync_wait_any(thread->nt->config.dev, NULL, 0, &opts, NULL);

	if (paused)
		nt_port_go_on(thread);
	return ret == -EINTR ? 0 : ret;
}

/* After an error of the driver. */
static uint32_t leave_resume(struct nt_thread *thread, int ret)
{
	struct nt_saved saved;

	nt_lock(&thread->nt->lock, &saved);
	thread->waits_for_resume = false;
	nt_unlock(&thread->nt->lock, &saved);
	return nt_status(ret);
}

NTSYNC_API uint32_t ntsync_nt_wait_for_resume(struct ntsync_nt *nt, uint32_t stopped)
{
	struct nt_thread *thread = nt_thread_self(nt);
	uint64_t stops = atomic_load(&nt->stops);
	uint32_t status;

	if (!is_error(stopped))
		return NTSYNC_STATUS_INVALID_PARAMETER;
	if (!thread)
		return NTSYNC_STATUS_NO_MEMORY;
	for (;;) {
		int ret;

		status = look_for_resume(thread, stopped, stops);
		if (status != NTSYNC_STATUS_PENDING)
			return status;
		nt_race();
		ret = sleep_for_event(thread);
		if (ret)
			return leave_resume(thread, ret);
	}
}
