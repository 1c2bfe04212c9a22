// SPDX-License-Identifier: GPL-2.0-only
/* Wait completion packets under races: each signal counts once, and every object can be closed. */
#include "nt_test.h"
#include "port.h"
#include "packet.h"

#include <stdatomic.h>

#define IN_USE		NTSYNC_STATUS_INVALID_PARAMETER_1

#define PACKETS	3
#define ROUNDS	400

/**
 * struct yard - threads that signal, wait, associate and remove
 * @port: where to
 * @target: what is waited for
 * @semaphore: it is one, else an auto-reset event
 * @packets: wait completion packets
 * @signals: how often @target was signaled that was not
 * @removed: how many packets were removed
 * @acquired: how often a thread has acquired @target
 * @over: the threads are to leave
 */
struct yard {
	uint32_t port, target;
	bool semaphore;
	uint32_t packets[PACKETS];
	atomic_uint signals, removed, acquired;
	atomic_bool over;
};

static uint32_t keep_signaling(struct fixture *f, void *arg)
{
	struct yard *y = arg;

	for (int i = 0; i < ROUNDS; i++) {
		int32_t previous = 1;

		if (!y->semaphore)
			assert_ok(ntsync_nt_set_event(f->nt, y->target, &previous));
		else if (!ntsync_nt_release_semaphore(f->nt, y->target, 1, NULL))
			previous = 0;
		atomic_fetch_add(&y->signals, !previous);
	}
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t keep_removing(struct fixture *f, void *arg)
{
	struct yard *y = arg;

	while (!atomic_load(&y->over)) {
		struct ntsync_nt_io_packet got;

		if (ntsync_nt_remove_io_completion(f->nt, y->port, &got, in_ms(1)))
			continue;
		atomic_fetch_add(&y->removed, 1);
	}
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t keep_associating(struct fixture *f, void *arg)
{
	struct yard *y = arg;

	for (int i = 0; !atomic_load(&y->over); i++) {
		uint32_t packet = y->packets[i % PACKETS], status;

		status = try_to_associate(f, packet, y->port, y->target, 1, NULL);
		if (status && status != IN_USE)
			return status;
		if (i % 7 == 0)
			cancel(f, packet, false);
		if (i % 5 == 0 && ntsync_nt_wait_single(f->nt, y->target, false, POLL) == 0)
			atomic_fetch_add(&y->acquired, 1);
	}
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t rest_in(struct fixture *f, const struct yard *y)
{
	return y->semaphore ? (uint32_t)semaphore_count(f, y->target) : event_signaled(f, y->target);
}

/* Each signal was consumed by a thread, is a packet, or is still there. */
static void count_all(struct fixture *f, struct yard *y)
{
	helper_fn calls[] = { keep_signaling, keep_signaling, keep_associating, keep_associating,
			      keep_removing, keep_removing };
	struct helper *helpers[ARRAY_SIZE(calls)];

	for (size_t i = 0; i < PACKETS; i++)
		y->packets[i] = new_packet(f);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		helpers[i] = start(f, calls[i], y);
	for (size_t i = 0; i < 2; i++)
		assert_ok(finish(helpers[i]));
	atomic_store(&y->over, true);
	for (size_t i = 2; i < ARRAY_SIZE(calls); i++)
		assert_ok(finish(helpers[i]));
	check(f);
	assert_int_equal(atomic_load(&y->signals),
			 atomic_load(&y->removed) + port_state(f, y->port).depth +
			 atomic_load(&y->acquired) + rest_in(f, y));
}

static void no_signal_of_an_event_is_lost(void **state)
{
	struct fixture *f = *state;
	struct yard y = { .port = new_port(f, 100), .target = new_event(f, false, false) };

	count_all(f, &y);
}

static void no_count_of_a_semaphore_is_lost(void **state)
{
	struct fixture *f = *state;
	struct yard y = {
		.port = new_port(f, 100), .target = new_semaphore(f, 0, 1 << 20), .semaphore = true,
	};

	count_all(f, &y);
}

static uint32_t keep_resetting(struct fixture *f, void *arg)
{
	struct yard *y = arg;

	while (!atomic_load(&y->over))
		ntsync_nt_reset_event(f->nt, y->target, NULL);
	return NTSYNC_STATUS_SUCCESS;
}

/* A set of an event that is waited for ends the wait, whatever comes after it. */
static void no_reset_comes_between(void **state)
{
	struct fixture *f = *state;

	for (int manual = 0; manual < 2; manual++) {
		struct yard y = { .port = new_port(f, 100), .target = new_event(f, manual, false) };
		struct helper *helper = start(f, keep_resetting, &y);
		uint32_t packet = new_packet(f);

		for (uint64_t i = 0; i < ROUNDS; i++) {
			associate(f, packet, y.port, y.target, i);
			assert_ok(ntsync_nt_set_event(f->nt, y.target, NULL));
			assert_removes_until(f, y.port, i, in_ms(20000));
			assert_ok(ntsync_nt_reset_event(f->nt, y.target, NULL));
		}
		atomic_store(&y.over, true);
		assert_ok(finish(helper));
	}
}

/* What each thread has made is closed while the others use it. */
static uint32_t keep_closing(struct fixture *f, void *arg)
{
	struct yard *y = arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t port, packet, event, semaphore;

		ntsync_nt_create_io_completion(f->nt, &port, NULL, 1);
		ntsync_nt_create_event(f->nt, &event, NULL, i & 1, false);
		ntsync_nt_create_semaphore(f->nt, &semaphore, NULL, 0, 9);
		ntsync_nt_create_wait_completion_packet(f->nt, &packet, NULL);
		try_to_associate(f, packet, i & 2 ? port : y->port, i & 4 ? event : y->target, 1, NULL);
		try_to_associate(f, y->packets[i % PACKETS], port, i & 8 ? semaphore : y->target, 1, NULL);
		ntsync_nt_set_event(f->nt, event, NULL);
		ntsync_nt_set_event(f->nt, y->target, NULL);
		ntsync_nt_release_semaphore(f->nt, semaphore, 1, NULL);
		cancel(f, y->packets[(i + 1) % PACKETS], i & 16);
		ntsync_nt_close(f->nt, i & 32 ? port : packet);
		ntsync_nt_close(f->nt, event);
		ntsync_nt_close(f->nt, i & 32 ? packet : port);
		ntsync_nt_close(f->nt, semaphore);
		ntsync_nt_pulse_event(f->nt, y->target, NULL);
	}
	return NTSYNC_STATUS_SUCCESS;
}

static void everything_is_closed(void **state)
{
	struct fixture *f = *state;
	struct yard y = { .port = new_port(f, 100), .target = new_event(f, false, false) };
	struct helper *helpers[3], *remover = start(f, keep_removing, &y);

	for (size_t i = 0; i < PACKETS; i++)
		y.packets[i] = new_packet(f);
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		helpers[i] = start(f, keep_closing, &y);
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		assert_ok(finish(helpers[i]));
	atomic_store(&y.over, true);
	assert_ok(finish(remover));
	for (size_t i = 0; i < PACKETS; i++)
		close_handle(f, y.packets[i]);
	close_handle(f, y.port);
	close_handle(f, y.target);
	assert_int_equal(count_objects(f, NTSYNC_NT_WAIT_COMPLETION_PACKET), 0);
	assert_int_equal(count_objects(f, NTSYNC_NT_IO_COMPLETION), 0);
	assert_int_equal(count_objects(f, NTSYNC_NT_EVENT), 0);
	assert_int_equal(count_objects(f, NTSYNC_NT_SEMAPHORE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_signal_of_an_event_is_lost),
		ON_OLD_DRIVER(no_signal_of_an_event_is_lost),
		TEST(no_count_of_a_semaphore_is_lost),
		TEST(no_reset_comes_between),
		TEST(everything_is_closed),
	};

	return RUN(tests);
}
