// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waits on addresses. In the driver, the event that ends the thread's other waits is their alert.
 * Futexes know no events: they also wait for the word that stop.c changes after it has set the
 * event.
 */
#include "address.h"

#include "port.h"
#include "stop.h"

#include <string.h>

static int wait_in_driver(struct nt_thread *thread, const struct nt_word *word,
			  const struct ntsync_addr_opts *opts, bool *alerted)
{
	struct ntsync_addr_opts call = *opts;
	uint32_t index;
	int ret;

	/* A poll does not sleep. */
	call.alert = opts->deadline ? thread->stop_fd : 0;
	ret = ntsync_addr_wait(thread->nt->config.dev, word->addr, word->size, word->expected, &call,
			       &index);
	*alerted = !ret && index;
	return ret;
}

/* Before a wait of 1 or 2 bytes compares, a wake must know that it has to wake all of the word. */
static int wait_in_futex(struct nt_thread *thread, const struct nt_word *word,
			 const struct ntsync_addr_opts *opts, bool *alerted)
{
	bool small = word->size < sizeof(uint32_t);
	int ret;

	if (small)
		atomic_fetch_add(&thread->nt->small_waits, 1);
	nt_race();
	ret = nt_futex_wait(word, opts, &thread->nr_ends, thread->nr_ends_seen);
	if (small)
		atomic_fetch_sub(&thread->nt->small_waits, 1);
	/* One that was woken is not: the wake was for it alone. */
	*alerted = ret && atomic_load(&thread->nr_ends) != thread->nr_ends_seen;
	return ret;
}

/* A thread of a completion port does not count there meanwhile. A poll does not sleep. */
static int wait_paused(struct nt_thread *thread, const struct nt_word *word,
		       const struct ntsync_addr_opts *opts, bool *alerted)
{
	bool paused = opts->deadline && nt_port_pause(thread);
	int ret;

	if (nt_addr_dev(thread->nt) < 0)
		ret = wait_in_futex(thread, word, opts, alerted);
	else
		ret = wait_in_driver(thread, word, opts, alerted);
	if (paused)
		nt_port_go_on(thread);
	return ret;
}

int nt_address_wait(struct nt_thread *thread, const struct nt_word *word,
		    const struct ntsync_addr_opts *opts, uint32_t *ended)
{
	uint64_t stops;
	bool alerted;
	int ret;

	*ended = nt_stop_refuse(thread, &stops);
	if (*ended)
		return -ECANCELED;
	nt_race();
	ret = wait_paused(thread, word, opts, &alerted);
	if (!alerted)
		return ret;
	*ended = nt_stop_take(thread, stops);
	return *ended ? -ECANCELED : -EINTR;
}

/* What the caller compares with need not be aligned. */
static uint64_t read_value(const void *compare, size_t size)
{
	union {
		uint8_t one;
		uint16_t two;
		uint32_t four;
		uint64_t eight;
	} value;

	memcpy(&value, compare, size);
	switch (size) {
	case 1:
		return value.one;
	case 2:
		return value.two;
	case 4:
		return value.four;
	default:
		return value.eight;
	}
}

static bool is_possible(const volatile void *addr, size_t size)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && size <= sizeof(void *) &&
	       !((uintptr_t)addr & (size - 1));
}

/* NT may return from such a wait at any time: after a signal handler, too. */
static uint32_t address_status(int ret, uint32_t ended)
{
	switch (ret) {
	case -EAGAIN:
	case -EINTR:
		return NTSYNC_STATUS_SUCCESS;
	case -ETIMEDOUT:
		return NTSYNC_STATUS_TIMEOUT;
	case -ECANCELED:
		return ended;
	case -EFAULT:
		return NTSYNC_STATUS_ACCESS_VIOLATION;
	default:
		return nt_status(ret);
	}
}

NTSYNC_API uint32_t ntsync_nt_wait_on_address(struct ntsync_nt *nt, const volatile void *addr,
					      const void *compare, size_t size,
					      struct ntsync_nt_deadline deadline)
{
	const struct ntsync_addr_opts opts = { .deadline = deadline.ns, .flags = deadline.flags };
	struct nt_thread *thread;
	struct nt_word word;
	uint32_t ended;
	int ret;

	if (!is_possible(addr, size) || deadline.flags & ~NTSYNC_WAIT_REALTIME)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	thread = nt_thread_self(nt);
	if (!thread)
		return NTSYNC_STATUS_NO_MEMORY;
	word = (struct nt_word){ addr, (uint32_t)size, read_value(compare, size) };
	ret = nt_address_wait(thread, &word, &opts, &ended);
	return address_status(ret, ended);
}

/*
 * The caller has changed the value. If it does not find the count of a waiter of 1 or 2 bytes, that
 * waiter compares after it and finds the change.
 */
NTSYNC_API void ntsync_nt_wake_address_single(struct ntsync_nt *nt, const volatile void *addr)
{
	atomic_thread_fence(memory_order_seq_cst);
	ntsync_addr_wake(nt_addr_dev(nt), addr, atomic_load(&nt->small_waits) ? UINT32_MAX : 1, 0);
}

NTSYNC_API void ntsync_nt_wake_address_all(struct ntsync_nt *nt, const volatile void *addr)
{
	ntsync_addr_wake(nt_addr_dev(nt), addr, UINT32_MAX, 0);
}

/* -- Alerts by id ------------------------------------------------------------------------ */

static bool take_alert_by_id(struct nt_thread *thread)
{
	return atomic_exchange(&thread->alerted_by_id, 0);
}

/* Without a system call: guests wake each other in advance. SUCCESS: there is nothing to take. */
static uint32_t take_kept_alert(struct nt_thread *thread)
{
	uint64_t stops;
	uint32_t status = nt_stop_refuse(thread, &stops);

	if (status)
		return status;
	return take_alert_by_id(thread) ? NTSYNC_STATUS_ALERTED : NTSYNC_STATUS_SUCCESS;
}

/* An alert that came before the deadline comes first. */
static uint32_t wait_for_alert(struct nt_thread *thread, const struct ntsync_addr_opts *opts)
{
	const struct nt_word word = { &thread->alerted_by_id, sizeof(thread->alerted_by_id), 0 };
	uint32_t status = take_kept_alert(thread);

	while (!status) {
		uint32_t ended;
		int ret = nt_address_wait(thread, &word, opts, &ended);

		if (ret != -ECANCELED && take_alert_by_id(thread))
			return NTSYNC_STATUS_ALERTED;
		status = address_status(ret, ended);
	}
	return status;
}

NTSYNC_API uint32_t ntsync_nt_wait_for_alert_by_id(struct ntsync_nt *nt,
						   struct ntsync_nt_deadline deadline)
{
	const struct ntsync_addr_opts opts = { .deadline = deadline.ns, .flags = deadline.flags };
	struct nt_thread *thread;

	if (deadline.flags & ~NTSYNC_WAIT_REALTIME)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	thread = nt_thread_self(nt);
	return thread ? wait_for_alert(thread, &opts) : NTSYNC_STATUS_NO_MEMORY;
}

/* Under the table's lock, so that the thread is not freed meanwhile. */
NTSYNC_API uint32_t ntsync_nt_alert_by_id(struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_thread *thread;
	struct nt_saved saved;
	uint32_t status;

	nt_lock(&nt->lock, &saved);
	status = nt_thread_address_locked(nt, tid, &thread);
	if (!status && !atomic_exchange(&thread->alerted_by_id, 1))
		ntsync_addr_wake(nt_addr_dev(nt), &thread->alerted_by_id, 1, 0);
	nt_unlock(&nt->lock, &saved);
	return status;
}
