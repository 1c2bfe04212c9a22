// SPDX-License-Identifier: GPL-2.0-only
/* Wait completion packets: a signal that is consumed queues one packet; nothing else does. */
#include "nt_test.h"
#include "port.h"
#include "packet.h"

#include <sched.h>
#include <unistd.h>

#include <libntsync.h>

#define WORKER		500u
#define CANCELLED	NTSYNC_STATUS_CANCELLED
#define PENDING		NTSYNC_STATUS_PENDING

static void a_signal_queues_one_packet(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false), packet = new_packet(f);

	for (uint64_t i = 1; i < 4; i++) {
		associate(f, packet, port, event, i);
		assert_empty(f, port);
		set_event(f, event);
		assert_false(event_signaled(f, event));
		assert_removes(f, port, i);
		/* Once: the next signal is nobody's. */
		set_event(f, event);
		assert_true(event_signaled(f, event));
		assert_empty(f, port);
		assert_ok(ntsync_nt_reset_event(f->nt, event, NULL));
		check(f);
	}
}

static void a_manual_event_serves_all(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, true, false);

	for (uint64_t i = 0; i < 100; i++)
		new_associated(f, port, event, i);
	set_event(f, event);
	assert_true(event_signaled(f, event));
	assert_int_equal(port_state(f, port).depth, 100);
	for (uint64_t i = 0; i < 100; i++)
		assert_removes(f, port, i);
}

static void a_semaphore_serves_as_many_as_it_counts(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), semaphore = new_semaphore(f, 0, 4);
	int32_t previous;

	for (uint64_t i = 0; i < 5; i++)
		new_associated(f, port, semaphore, i);
	assert_ok(ntsync_nt_release_semaphore(f->nt, semaphore, 2, &previous));
	assert_int_equal(previous, 0);
	assert_int_equal(semaphore_count(f, semaphore), 0);
	assert_removes(f, port, 0);
	assert_removes(f, port, 1);
	assert_empty(f, port);
	assert_status(ntsync_nt_release_semaphore(f->nt, semaphore, 5, NULL),
		      NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED);
	assert_empty(f, port);
	assert_ok(ntsync_nt_release_semaphore(f->nt, semaphore, 4, NULL));
	assert_int_equal(semaphore_count(f, semaphore), 1);
	for (uint64_t i = 2; i < 5; i++)
		assert_removes(f, port, i);
}

/* As if it waited at the moment of the pulse. */
static void a_pulse(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), manual = new_event(f, true, false);
	uint32_t event = new_event(f, false, false);
	int32_t previous = 1;

	for (uint64_t i = 0; i < 2; i++) {
		new_associated(f, port, manual, i);
		new_associated(f, port, event, 10 + i);
	}
	assert_ok(ntsync_nt_pulse_event(f->nt, manual, &previous));
	assert_int_equal(previous, 0);
	assert_false(event_signaled(f, manual));
	assert_removes(f, port, 0);
	assert_removes(f, port, 1);
	assert_empty(f, port);
	for (uint64_t i = 0; i < 2; i++) {
		assert_ok(ntsync_nt_pulse_event(f->nt, event, NULL));
		assert_false(event_signaled(f, event));
		assert_removes(f, port, 10 + i);
		assert_empty(f, port);
	}
	/* Nobody is there any more. */
	assert_ok(ntsync_nt_pulse_event(f->nt, event, NULL));
	assert_ok(ntsync_nt_pulse_event(f->nt, manual, NULL));
	assert_empty(f, port);
}

static void a_boosted_signal(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false);

	if (!driver_offers(NTSYNC_NT_FEATURE_EVENT_SET_PI))
		return;
	new_associated(f, port, event, 1);
	assert_ok(ntsync_nt_set_event_pi(f->nt, event, SCHED_FIFO, 1));
	assert_false(event_signaled(f, event));
	assert_removes(f, port, 1);
}

static void a_signal_before_a_wait(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false);
	uint32_t semaphore = new_semaphore(f, 0, 1), other = new_event(f, true, true);

	new_associated(f, port, event, 1);
	new_associated(f, port, semaphore, 2);
	assert_status(ntsync_nt_signal_and_wait(f->nt, event, other, false, FOREVER),
		      NTSYNC_STATUS_WAIT_0);
	assert_removes(f, port, 1);
	assert_status(ntsync_nt_signal_and_wait(f->nt, semaphore, other, false, FOREVER),
		      NTSYNC_STATUS_WAIT_0);
	assert_removes(f, port, 2);
}

struct signaler {
	uint32_t signal, other;
};

static uint32_t signal_and_wait(struct fixture *f, void *arg)
{
	struct signaler *s = arg;

	return ntsync_nt_signal_and_wait(f->nt, s->signal, s->other, false, FOREVER);
}

/* The signal must not wait for the end of the wait. */
static void a_signal_before_a_sleep(void **state)
{
	struct fixture *f = *state;
	struct signaler s = { new_event(f, false, false), new_event(f, false, false) };
	uint32_t port = new_port(f, 100);
	struct helper *helper;

	new_associated(f, port, s.signal, 1);
	helper = start_asleep(f, signal_and_wait, &s);
	assert_removes(f, port, 1);
	set_event(f, s.other);
	assert_status(finish(helper), NTSYNC_STATUS_WAIT_0);
}

/* The association comes while the other thread is about to signal and to sleep. */
static void a_signal_before_a_sleep_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct signaler s = { new_event(f, false, false), new_event(f, false, false) };
	uint32_t port = new_port(f, 100), packet = new_packet(f);

	for (uint64_t i = 0; i < 300; i++) {
		struct helper *helper = start(f, signal_and_wait, &s);

		assert_ok(try_to_associate(f, packet, port, s.signal, i, NULL));
		assert_removes_until(f, port, i, in_ms(20000));
		set_event(f, s.other);
		assert_status(finish(helper), NTSYNC_STATUS_WAIT_0);
	}
}

/* -- Other types --------------------------------------------------------------------------- */

static void timers(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), packet = new_packet(f), timer = new_timer(f, false);
	uint32_t manual = new_timer(f, true);

	associate(f, packet, port, timer, 1);
	set_ms(f, timer, 2, 0);
	assert_removes_until(f, port, 1, FOREVER);
	assert_false(timer_state(f, timer).signaled);
	set_ms(f, timer, 1, 1);
	for (uint64_t i = 2; i < 6; i++) {
		assert_ok(try_to_associate(f, packet, port, timer, i, NULL));
		assert_removes_until(f, port, i, FOREVER);
	}
	associate(f, packet, port, manual, 6);
	set_ms(f, manual, 0, 0);
	assert_removes(f, port, 6);
	assert_true(timer_state(f, manual).signaled);
	associate_signaled(f, packet, port, manual, 7);
	assert_removes(f, port, 7);
}

static uint32_t attach_and_end(struct fixture *f, void *arg)
{
	return ntsync_nt_thread_attach(f->nt, *(uint32_t *)arg);
}

static uint32_t bind_and_end(struct fixture *f, void *arg)
{
	assert_ok(ntsync_nt_bind_thread(f->nt, *(uint32_t *)arg));
	return ntsync_nt_thread_end(f->nt);
}

static void threads(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), tid = WORKER, thread, event = new_event(f, true, false);

	assert_ok(ntsync_nt_thread_create_object(f->nt, &thread, tid));
	new_associated(f, port, thread, 1);
	assert_ok(finish(start(f, attach_and_end, &tid)));
	assert_removes(f, port, 1);
	associate_signaled(f, new_packet(f), port, thread, 2);
	assert_removes(f, port, 2);
	new_associated(f, port, event, 3);
	assert_ok(finish(start(f, bind_and_end, &event)));
	assert_removes(f, port, 3);
	/* One that is stopped for ever. */
	assert_ok(ntsync_nt_thread_create_object(f->nt, &thread, tid));
	new_associated(f, port, thread, 4);
	assert_ok(ntsync_nt_thread_abandon(f->nt, tid));
	assert_removes(f, port, 4);
}

static void own_objects(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false), file, packet = new_packet(f);
	const struct ntsync_nt_own own = { .kind = 7, .event = event };
	const struct ntsync_nt_own none = { .kind = 7 };

	assert_ok(ntsync_nt_create_own(f->nt, &file, NULL, &own));
	associate(f, packet, port, file, 1);
	set_event(f, event);
	assert_removes(f, port, 1);
	assert_ok(ntsync_nt_create_own(f->nt, &file, NULL, &none));
	assert_status(try_to_associate(f, packet, port, file, 1, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
}

/* A wait by the handle of the runtime's own object finds that the event was signaled by others. */
static void a_wait_for_an_own_object_finds_it(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, true, false), file;
	const struct ntsync_nt_own own = { .kind = 7, .event = event };
	int fd;

	assert_ok(ntsync_nt_create_own(f->nt, &file, NULL, &own));
	associate(f, new_packet(f), port, file, 1);
	assert_ok(ntsync_nt_get_fd(f->nt, event, &fd));
	assert_int_equal(ntsync_event_set(fd, NULL), 0);
	close(fd);
	assert_empty(f, port);
	assert_ok(ntsync_nt_wait_single(f->nt, file, false, POLL));
	assert_removes(f, port, 1);
}

/* What others do with the descriptor is found by the next call that looks at the object. */
static void a_signal_by_others(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, true, false);
	int fd;

	new_associated(f, port, event, 1);
	assert_ok(ntsync_nt_get_fd(f->nt, event, &fd));
	assert_int_equal(ntsync_event_set(fd, NULL), 0);
	close(fd);
	assert_empty(f, port);
	assert_status(poll_handle(f, event), NTSYNC_STATUS_WAIT_0);
	assert_removes(f, port, 1);
}

/* The wait takes what it waits for, and the packet gets what is left. */
static void what_a_wait_leaves_of_a_signal_by_others(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), semaphore = new_semaphore(f, 0, 9);
	uint32_t event = new_event(f, false, false);
	int fd;

	new_associated(f, port, semaphore, 1);
	assert_ok(ntsync_nt_get_fd(f->nt, semaphore, &fd));
	assert_int_equal(ntsync_sem_release(fd, 3, NULL), 0);
	close(fd);
	assert_status(poll_handle(f, semaphore), NTSYNC_STATUS_WAIT_0);
	assert_removes(f, port, 1);
	assert_int_equal(semaphore_count(f, semaphore), 1);
	new_associated(f, port, event, 2);
	assert_ok(ntsync_nt_get_fd(f->nt, event, &fd));
	assert_int_equal(ntsync_event_set(fd, NULL), 0);
	close(fd);
	assert_status(poll_handle(f, event), NTSYNC_STATUS_WAIT_0);
	assert_empty(f, port);
	set_event(f, event);
	assert_removes(f, port, 2);
}

/* -- Threads ------------------------------------------------------------------------------- */

static void threads_come_first(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false);
	struct helper *helper;

	new_associated(f, port, event, 1);
	helper = start_asleep(f, wait_for_handle, &event);
	set_event(f, event);
	assert_status(finish(helper), NTSYNC_STATUS_WAIT_0);
	assert_empty(f, port);
	set_event(f, event);
	assert_removes(f, port, 1);
}

static uint32_t remove_one(struct fixture *f, void *arg)
{
	struct ntsync_nt_io_packet got;

	return ntsync_nt_remove_io_completion(f->nt, *(uint32_t *)arg, &got, FOREVER);
}

static void it_wakes_a_removal(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false), packet = new_packet(f);
	struct helper *helper;

	for (int i = 0; i < 2; i++) {
		helper = start_asleep(f, remove_one, &port);
		associate(f, packet, port, event, 1);
		set_event(f, event);
		/* The packet has left the queue when it was given to the thread. */
		assert_status(cancel(f, packet, true), CANCELLED);
		assert_ok(finish(helper));
	}
	/* Also if it was there at once, and for a timer. */
	helper = start_asleep(f, remove_one, &port);
	set_event(f, event);
	associate_signaled(f, packet, port, event, 1);
	assert_ok(finish(helper));
	helper = start_asleep(f, remove_one, &port);
	event = new_timer(f, true);
	associate(f, packet, port, event, 1);
	set_ms(f, event, 2, 0);
	assert_ok(finish(helper));
}

static void it_wakes_a_wait_for_the_port(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false);
	struct helper *helper = start_asleep(f, wait_for_handle, &port);

	new_associated(f, port, event, 1);
	set_event(f, event);
	assert_status(finish(helper), NTSYNC_STATUS_WAIT_0);
	assert_removes(f, port, 1);
}

static void a_stop(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false);
	uint32_t packet = new_associated(f, port, event, 1);
	struct helper *helper = start_asleep(f, remove_one, &port);

	assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
	assert_status(finish(helper), CANCELLED);
	set_event(f, event);
	assert_int_equal(port_state(f, port).depth, 1);
	associate(f, new_packet(f), port, event, 2);
	ntsync_nt_resume(f->nt);
	assert_status(cancel(f, packet, false), PENDING);
	assert_removes(f, port, 1);
	set_event(f, event);
	assert_removes(f, port, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_signal_queues_one_packet),
		TEST(a_manual_event_serves_all),
		TEST(a_semaphore_serves_as_many_as_it_counts),
		TEST(a_pulse),
		TEST(a_boosted_signal),
		TEST(a_signal_before_a_wait),
		ON_OLD_DRIVER(a_signal_before_a_wait),
		TEST(a_signal_before_a_sleep),
		ON_OLD_DRIVER(a_signal_before_a_sleep),
		TEST(a_signal_before_a_sleep_meanwhile),
		TEST(timers),
		TEST(threads),
		TEST(own_objects),
		TEST(a_wait_for_an_own_object_finds_it),
		TEST(a_signal_by_others),
		TEST(what_a_wait_leaves_of_a_signal_by_others),
		TEST(threads_come_first),
		TEST(it_wakes_a_removal),
		TEST(it_wakes_a_wait_for_the_port),
		TEST(a_stop),
	};

	return RUN(tests);
}
