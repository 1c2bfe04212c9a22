// SPDX-License-Identifier: GPL-2.0-only
/* Wait completion packets: what is consumed is queued, once; nothing else is. */
#include "nt_test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include <libntsync.h>

#define WORKER		500u
#define CANCELLED	NTSYNC_STATUS_CANCELLED
#define PENDING		NTSYNC_STATUS_PENDING
#define IN_USE		NTSYNC_STATUS_INVALID_PARAMETER_1

static uint32_t new_port(struct fixture *f)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_io_completion(f->nt, &handle, NULL, 100));
	return handle;
}

static uint32_t new_packet(struct fixture *f)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_wait_completion_packet(f->nt, &handle, NULL));
	return handle;
}

static uint32_t try_to_associate(struct fixture *f, uint32_t packet, uint32_t port, uint32_t target,
				 uint64_t key, bool *signaled)
{
	const struct ntsync_nt_io_packet io = {
		.key = key, .context = 1ull << 60 | key, .information = 2ull << 60 | key,
		.status = 0xc0000000 | (uint32_t)key,
	};

	return ntsync_nt_associate_wait_completion_packet(f->nt, packet, port, target, &io, signaled);
}

/* The target is not signaled. */
static void associate(struct fixture *f, uint32_t packet, uint32_t port, uint32_t target, uint64_t key)
{
	bool signaled = true;

	assert_ok(try_to_associate(f, packet, port, target, key, &signaled));
	assert_false(signaled);
}

static void associate_signaled(struct fixture *f, uint32_t packet, uint32_t port, uint32_t target,
			       uint64_t key)
{
	bool signaled = false;

	assert_ok(try_to_associate(f, packet, port, target, key, &signaled));
	assert_true(signaled);
}

static uint32_t new_associated(struct fixture *f, uint32_t port, uint32_t target, uint64_t key)
{
	uint32_t packet = new_packet(f);

	associate(f, packet, port, target, key);
	return packet;
}

static uint32_t cancel(struct fixture *f, uint32_t packet, bool remove)
{
	return ntsync_nt_cancel_wait_completion_packet(f->nt, packet, remove);
}

static void assert_removes_until(struct fixture *f, uint32_t port, uint64_t key,
				 struct ntsync_nt_deadline deadline)
{
	struct ntsync_nt_io_packet got = { .key = UNTOUCHED };

	assert_ok(ntsync_nt_remove_io_completion(f->nt, port, &got, deadline));
	assert_int_equal(got.key, key);
	assert_int_equal(got.context, 1ull << 60 | key);
	assert_int_equal(got.information, 2ull << 60 | key);
	assert_int_equal(got.status, 0xc0000000 | (uint32_t)key);
}

static void assert_removes(struct fixture *f, uint32_t port, uint64_t key)
{
	assert_removes_until(f, port, key, POLL);
}

static void assert_empty(struct fixture *f, uint32_t port)
{
	struct ntsync_nt_io_packet got;

	assert_status(ntsync_nt_remove_io_completion(f->nt, port, &got, POLL), NTSYNC_STATUS_TIMEOUT);
}

static uint32_t depth_of(struct fixture *f, uint32_t port)
{
	struct ntsync_nt_io_completion_state state;

	assert_ok(ntsync_nt_query_io_completion(f->nt, port, &state, NULL, 0));
	return state.depth;
}

static void set(struct fixture *f, uint32_t event)
{
	int32_t previous = 1;

	assert_ok(ntsync_nt_set_event(f->nt, event, &previous));
	assert_int_equal(previous, 0);
}

static uint32_t count_objects(struct fixture *f, enum ntsync_nt_type type)
{
	struct ntsync_nt_count count;

	ntsync_nt_count(f->nt, type, &count);
	return count.objects;
}

static uint32_t remove_one(struct fixture *f, void *arg)
{
	struct ntsync_nt_io_packet got;

	return ntsync_nt_remove_io_completion(f->nt, *(uint32_t *)arg, &got, FOREVER);
}

/* -- What a signal does -------------------------------------------------------------------- */

static void a_signal_queues_one_packet(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, false, false), packet = new_packet(f);

	for (uint64_t i = 1; i < 4; i++) {
		associate(f, packet, port, event, i);
		assert_empty(f, port);
		set(f, event);
		assert_false(event_signaled(f, event));
		assert_removes(f, port, i);
		/* Once: the next signal is nobody's. */
		set(f, event);
		assert_true(event_signaled(f, event));
		assert_empty(f, port);
		assert_ok(ntsync_nt_reset_event(f->nt, event, NULL));
		check(f);
	}
}

static void one_that_is_signaled_already(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), packet = new_packet(f), event = new_event(f, false, true);
	uint32_t manual = new_event(f, true, true), semaphore = new_semaphore(f, 2, 2);

	associate_signaled(f, packet, port, event, 1);
	assert_false(event_signaled(f, event));
	assert_removes(f, port, 1);
	associate_signaled(f, packet, port, manual, 2);
	assert_true(event_signaled(f, manual));
	assert_removes(f, port, 2);
	associate_signaled(f, packet, port, semaphore, 3);
	assert_int_equal(semaphore_count(f, semaphore), 1);
	assert_removes(f, port, 3);
	/* Nobody asks. */
	assert_ok(try_to_associate(f, packet, port, semaphore, 4, NULL));
	assert_removes(f, port, 4);
	associate(f, packet, port, semaphore, 5);
}

static void a_manual_event_serves_all(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, true, false);

	for (uint64_t i = 0; i < 100; i++)
		new_associated(f, port, event, i);
	set(f, event);
	assert_true(event_signaled(f, event));
	assert_int_equal(depth_of(f, port), 100);
	for (uint64_t i = 0; i < 100; i++)
		assert_removes(f, port, i);
}

static void a_semaphore_serves_as_many_as_it_counts(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), semaphore = new_semaphore(f, 0, 4);
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
	uint32_t port = new_port(f), manual = new_event(f, true, false);
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
	uint32_t port = new_port(f), event = new_event(f, false, false);

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
	uint32_t port = new_port(f), event = new_event(f, false, false);
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
	uint32_t port = new_port(f);
	struct helper *helper;

	new_associated(f, port, s.signal, 1);
	helper = start_asleep(f, signal_and_wait, &s);
	assert_removes(f, port, 1);
	set(f, s.other);
	assert_status(finish(helper), NTSYNC_STATUS_WAIT_0);
}

/* The association comes while the other thread is about to signal and to sleep. */
static void a_signal_before_a_sleep_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct signaler s = { new_event(f, false, false), new_event(f, false, false) };
	uint32_t port = new_port(f), packet = new_packet(f);

	for (uint64_t i = 0; i < 300; i++) {
		struct helper *helper = start(f, signal_and_wait, &s);

		assert_ok(try_to_associate(f, packet, port, s.signal, i, NULL));
		assert_removes_until(f, port, i, in_ms(20000));
		set(f, s.other);
		assert_status(finish(helper), NTSYNC_STATUS_WAIT_0);
	}
}

static void threads_come_first(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, false, false);
	struct helper *helper;

	new_associated(f, port, event, 1);
	helper = start_asleep(f, wait_for_handle, &event);
	set(f, event);
	assert_status(finish(helper), NTSYNC_STATUS_WAIT_0);
	assert_empty(f, port);
	set(f, event);
	assert_removes(f, port, 1);
}

/* -- Other types --------------------------------------------------------------------------- */

static void timers(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), packet = new_packet(f), timer = new_timer(f, false);
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
	uint32_t port = new_port(f), tid = WORKER, thread, event = new_event(f, true, false);

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
	uint32_t port = new_port(f), event = new_event(f, false, false), file, packet = new_packet(f);
	const struct ntsync_nt_own own = { .kind = 7, .event = event };
	const struct ntsync_nt_own none = { .kind = 7 };

	assert_ok(ntsync_nt_create_own(f->nt, &file, NULL, &own));
	associate(f, packet, port, file, 1);
	set(f, event);
	assert_removes(f, port, 1);
	assert_ok(ntsync_nt_create_own(f->nt, &file, NULL, &none));
	assert_status(try_to_associate(f, packet, port, file, 1, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
}

/* A wait by the handle of the runtime's own object finds that the event was signaled by others. */
static void a_wait_for_an_own_object_finds_it(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, true, false), file;
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

static void types_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), packet = new_packet(f), keyed, adopted;
	uint32_t event = new_event(f, false, true);
	int fd;

	assert_status(try_to_associate(f, packet, port, new_mutant(f, false), 1, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(try_to_associate(f, packet, port, port, 1, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(try_to_associate(f, packet, port, packet, 1, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_ok(ntsync_nt_create_keyed_event(f->nt, &keyed, NULL));
	assert_status(try_to_associate(f, packet, port, keyed, 1, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_ok(ntsync_nt_get_fd(f->nt, event, &fd));
	assert_ok(ntsync_nt_adopt_fd(f->nt, &adopted, NULL, fd));
	assert_status(try_to_associate(f, packet, port, adopted, 1, NULL), NTSYNC_STATUS_NOT_SUPPORTED);
	close(fd);
	/* Nothing has happened. */
	assert_true(event_signaled(f, event));
	assert_empty(f, port);
	associate_signaled(f, packet, port, event, 1);
}

/* What others do with the descriptor is found by the next call that looks at the object. */
static void a_signal_by_others(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, true, false);
	int fd;

	new_associated(f, port, event, 1);
	assert_ok(ntsync_nt_get_fd(f->nt, event, &fd));
	assert_int_equal(ntsync_event_set(fd, NULL), 0);
	close(fd);
	assert_empty(f, port);
	assert_status(poll_handle(f, event), NTSYNC_STATUS_WAIT_0);
	assert_removes(f, port, 1);
}

/* -- States -------------------------------------------------------------------------------- */

static void arguments(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_nt_attributes named = { .name = "Packet" };
	uint32_t port = new_port(f), event = new_event(f, false, true), packet, other, out = UNTOUCHED;
	struct ntsync_nt_io_packet io = { .key = 1 };
	bool signaled = true;
	void *data;
	int fd;

	assert_status(ntsync_nt_create_wait_completion_packet(f->nt, NULL, NULL),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_ok(ntsync_nt_create_wait_completion_packet(f->nt, &packet, &named));
	assert_status(ntsync_nt_create_wait_completion_packet(f->nt, &out, &named),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_int_equal(out, 0);
	assert_ok(ntsync_nt_open(f->nt, &other, &named, NTSYNC_NT_WAIT_COMPLETION_PACKET));
	assert_ok(ntsync_nt_compare(f->nt, packet, other));
	assert_int_equal(info_of(f, packet).type, NTSYNC_NT_WAIT_COMPLETION_PACKET);
	assert_ok(ntsync_nt_set_data(f->nt, packet, f));
	assert_ok(ntsync_nt_get_data(f->nt, other, &data));
	assert_ptr_equal(data, f);
	assert_status(poll_handle(f, packet), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_set_event(f->nt, packet, NULL), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_get_fd(f->nt, packet, &fd), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);

	assert_status(ntsync_nt_associate_wait_completion_packet(f->nt, packet, port, event, NULL,
								 &signaled),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_associate_wait_completion_packet(f->nt, event, port, event, &io, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_associate_wait_completion_packet(f->nt, packet, event, event, &io,
								 NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_associate_wait_completion_packet(f->nt, packet, port, event + 4000, &io,
								 NULL), NTSYNC_STATUS_INVALID_HANDLE);
	assert_status(cancel(f, port, true), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(cancel(f, event + 4000, true), NTSYNC_STATUS_INVALID_HANDLE);
	assert_true(signaled);
	assert_true(event_signaled(f, event));
	assert_empty(f, port);
}

static void it_is_in_use_until_its_packet_is_removed(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, false, false), packet = new_packet(f);
	uint32_t other = new_event(f, false, true);

	associate(f, packet, port, event, 1);
	assert_status(try_to_associate(f, packet, port, other, 2, NULL), IN_USE);
	assert_true(event_signaled(f, other));
	set(f, event);
	assert_status(try_to_associate(f, packet, port, other, 2, NULL), IN_USE);
	assert_true(event_signaled(f, other));
	assert_removes(f, port, 1);
	associate_signaled(f, packet, port, other, 2);
	assert_removes(f, port, 2);
}

static void cancels(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, false, false), packet = new_packet(f);

	for (int remove = 0; remove < 2; remove++) {
		assert_status(cancel(f, packet, remove), CANCELLED);
		associate(f, packet, port, event, 1);
		assert_ok(cancel(f, packet, remove));
		assert_status(cancel(f, packet, remove), CANCELLED);
		set(f, event);
		assert_true(event_signaled(f, event));
		assert_empty(f, port);
		associate_signaled(f, packet, port, event, 2);
		assert_status(cancel(f, packet, false), PENDING);
		assert_removes(f, port, 2);
		assert_status(cancel(f, packet, remove), CANCELLED);
	}
	assert_int_equal(info_of(f, event).handles, 1);
}

static void a_cancel_removes_from_the_middle(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, true, false), packets[4];

	for (uint32_t removed = 0; removed < 4; removed++) {
		for (uint32_t i = 0; i < 4; i++)
			packets[i] = new_associated(f, port, event, i);
		set(f, event);
		assert_ok(cancel(f, packets[removed], true));
		assert_int_equal(depth_of(f, port), 3);
		check(f);
		/* The end of the queue is where it was. */
		associate_signaled(f, packets[removed], port, event, 9);
		for (uint32_t i = 0; i < 4; i++) {
			if (i != removed)
				assert_removes(f, port, i);
		}
		assert_removes(f, port, 9);
		assert_empty(f, port);
		assert_ok(ntsync_nt_reset_event(f->nt, event, NULL));
	}
	/* The last one: a wait for the port does not end any more. */
	associate(f, packets[0], port, event, 1);
	set(f, event);
	assert_status(poll_handle(f, port), NTSYNC_STATUS_WAIT_0);
	assert_ok(cancel(f, packets[0], true));
	assert_status(poll_handle(f, port), NTSYNC_STATUS_TIMEOUT);
}

static void its_last_handle(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, false, false);
	uint32_t packet = new_associated(f, port, event, 1), dup = duplicate(f, packet);

	close_handle(f, packet);
	set(f, event);
	assert_removes(f, port, 1);
	associate(f, dup, port, event, 2);
	close_handle(f, dup);
	assert_int_equal(count_objects(f, NTSYNC_NT_WAIT_COMPLETION_PACKET), 0);
	set(f, event);
	assert_true(event_signaled(f, event));
	assert_empty(f, port);
	/* What it has queued stays. */
	packet = new_packet(f);
	associate_signaled(f, packet, port, event, 3);
	close_handle(f, packet);
	assert_int_equal(count_objects(f, NTSYNC_NT_WAIT_COMPLETION_PACKET), 0);
	check(f);
	assert_removes(f, port, 3);
}

static void the_last_handle_of_the_target(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, false, false), packet = new_packet(f);
	uint32_t timer = new_timer(f, false);

	associate(f, packet, port, timer, 1);
	set_ms(f, timer, 5, 0);
	close_handle(f, timer);
	assert_removes_until(f, port, 1, FOREVER);
	assert_int_equal(count_objects(f, NTSYNC_NT_TIMER), 0);
	associate(f, packet, port, event, 2);
	close_handle(f, event);
	assert_int_equal(count_objects(f, NTSYNC_NT_EVENT), 1);
	assert_ok(cancel(f, packet, false));
	assert_int_equal(count_objects(f, NTSYNC_NT_EVENT), 0);
	/* By the end of the wait completion packet, and of the port. */
	event = new_event(f, false, false);
	associate(f, packet, port, event, 3);
	close_handle(f, event);
	close_handle(f, packet);
	assert_int_equal(count_objects(f, NTSYNC_NT_EVENT), 0);
	event = new_event(f, false, true);
	packet = new_packet(f);
	associate_signaled(f, packet, port, event, 4);
	close_handle(f, event);
	assert_ok(cancel(f, packet, true));
	assert_int_equal(count_objects(f, NTSYNC_NT_EVENT), 0);
	event = new_event(f, false, true);
	associate_signaled(f, packet, port, event, 5);
	close_handle(f, event);
	close_handle(f, port);
	assert_int_equal(count_objects(f, NTSYNC_NT_EVENT), 0);
	assert_status(cancel(f, packet, true), CANCELLED);
}

static void the_last_handle_of_the_port(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), other = new_port(f), event = new_event(f, false, false);
	uint32_t packet = new_associated(f, port, event, 1), second = new_associated(f, other, event, 2);
	uint32_t third = new_associated(f, port, event, 3), dup = duplicate(f, port);

	close_handle(f, port);
	assert_status(try_to_associate(f, packet, dup, event, 1, NULL), IN_USE);
	close_handle(f, dup);
	check(f);
	set(f, event);
	assert_removes(f, other, 2);
	set(f, event);
	assert_true(event_signaled(f, event));
	assert_status(cancel(f, packet, true), CANCELLED);
	associate_signaled(f, packet, other, event, 4);
	associate(f, third, other, event, 5);
	associate(f, second, other, event, 6);
	assert_removes(f, other, 4);
}

/* What is queued at a closed port can't be removed, even if the port is still referenced. */
static void a_closed_port_that_has_packets(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), other = new_port(f), event = new_event(f, false, false);
	uint32_t packet = new_associated(f, port, event, 1);
	struct ntsync_nt_object *reference;

	assert_ok(ntsync_nt_reference(f->nt, port, 0, &reference, NULL));
	set(f, event);
	close_handle(f, port);
	assert_status(cancel(f, packet, true), CANCELLED);
	associate(f, packet, other, event, 2);
	set(f, event);
	assert_removes(f, other, 2);
	ntsync_nt_dereference(f->nt, reference);
	check(f);
}

/* A removal that was begun may outlive the handle. */
static void a_port_that_is_only_waited_for(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, false, false);
	uint32_t packet = new_associated(f, port, event, 1);
	struct helper *helper = start_asleep(f, wait_for_handle, &port);

	close_handle(f, port);
	set(f, event);
	assert_true(event_signaled(f, event));
	assert_status(cancel(f, packet, true), CANCELLED);
	assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
	assert_status(finish(helper), CANCELLED);
	ntsync_nt_resume(f->nt);
}

/* -- Threads ------------------------------------------------------------------------------- */

static void it_wakes_a_removal(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, false, false), packet = new_packet(f);
	struct helper *helper;

	for (int i = 0; i < 2; i++) {
		helper = start_asleep(f, remove_one, &port);
		associate(f, packet, port, event, 1);
		set(f, event);
		/* The packet has left the queue when it was given to the thread. */
		assert_status(cancel(f, packet, true), CANCELLED);
		assert_ok(finish(helper));
	}
	/* Also if it was there at once, and for a timer. */
	helper = start_asleep(f, remove_one, &port);
	set(f, event);
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
	uint32_t port = new_port(f), event = new_event(f, false, false);
	struct helper *helper = start_asleep(f, wait_for_handle, &port);

	new_associated(f, port, event, 1);
	set(f, event);
	assert_status(finish(helper), NTSYNC_STATUS_WAIT_0);
	assert_removes(f, port, 1);
}

static void a_stop(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, false, false);
	uint32_t packet = new_associated(f, port, event, 1);
	struct helper *helper = start_asleep(f, remove_one, &port);

	assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
	assert_status(finish(helper), CANCELLED);
	set(f, event);
	assert_int_equal(depth_of(f, port), 1);
	associate(f, new_packet(f), port, event, 2);
	ntsync_nt_resume(f->nt);
	assert_status(cancel(f, packet, false), PENDING);
	assert_removes(f, port, 1);
	set(f, event);
	assert_removes(f, port, 2);
}

/* -- Races --------------------------------------------------------------------------------- */

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
	assert_int_equal(atomic_load(&y->signals), atomic_load(&y->removed) + depth_of(f, y->port) +
			 atomic_load(&y->acquired) + rest_in(f, y));
}

static void no_signal_of_an_event_is_lost(void **state)
{
	struct fixture *f = *state;
	struct yard y = { .port = new_port(f), .target = new_event(f, false, false) };

	count_all(f, &y);
}

static void no_count_of_a_semaphore_is_lost(void **state)
{
	struct fixture *f = *state;
	struct yard y = {
		.port = new_port(f), .target = new_semaphore(f, 0, 1 << 20), .semaphore = true,
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
		struct yard y = { .port = new_port(f), .target = new_event(f, manual, false) };
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
	struct yard y = { .port = new_port(f), .target = new_event(f, false, false) };
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

/* The teardown destroys the table as it is. */
static void a_table_that_ends(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f), event = new_event(f, true, false), packet;

	for (uint64_t i = 0; i < 3; i++)
		new_associated(f, port, event, i);
	packet = new_packet(f);
	close_handle(f, new_associated(f, port, event, 3));
	set(f, event);
	assert_ok(ntsync_nt_reset_event(f->nt, event, NULL));
	associate(f, packet, port, event, 4);
	close_handle(f, event);
}

/* The timer thread serves them until it ends. */
static void a_table_that_ends_while_timers_expire(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		struct fixture f = { 0 };
		uint32_t timer, port, packets[30];

		assert_int_equal(ntsync_nt_create(NULL, &f.nt), 0);
		port = new_port(&f);
		for (uint64_t j = 0; j < ARRAY_SIZE(packets); j++)
			packets[j] = new_packet(&f);
		/* The timer is destroyed last. */
		timer = new_timer(&f, false);
		for (uint64_t j = 0; j < ARRAY_SIZE(packets); j++)
			associate(&f, packets[j], port, timer, j);
		/* Serves one at a time. */
		assert_ok(ntsync_nt_set_timer(f.nt, timer, POLL, 10000, NULL));
		ntsync_nt_destroy(f.nt);
	}
}

#define OLD_DRIVER(fn) { #fn " (old driver)", fn, setup_old_driver, teardown_old_driver, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_signal_queues_one_packet),
		TEST(one_that_is_signaled_already),
		TEST(a_manual_event_serves_all),
		TEST(a_semaphore_serves_as_many_as_it_counts),
		TEST(a_pulse),
		TEST(a_boosted_signal),
		TEST(a_signal_before_a_wait),
		OLD_DRIVER(a_signal_before_a_wait),
		TEST(a_signal_before_a_sleep),
		OLD_DRIVER(a_signal_before_a_sleep),
		TEST(a_signal_before_a_sleep_meanwhile),
		TEST(threads_come_first),
		TEST(timers),
		TEST(threads),
		TEST(own_objects),
		TEST(a_wait_for_an_own_object_finds_it),
		TEST(types_that_cannot_be),
		TEST(a_signal_by_others),
		TEST(arguments),
		TEST(it_is_in_use_until_its_packet_is_removed),
		TEST(cancels),
		TEST(a_cancel_removes_from_the_middle),
		TEST(its_last_handle),
		TEST(the_last_handle_of_the_target),
		TEST(the_last_handle_of_the_port),
		TEST(a_closed_port_that_has_packets),
		TEST(a_port_that_is_only_waited_for),
		TEST(it_wakes_a_removal),
		TEST(it_wakes_a_wait_for_the_port),
		TEST(a_stop),
		TEST(no_signal_of_an_event_is_lost),
		OLD_DRIVER(no_signal_of_an_event_is_lost),
		TEST(no_count_of_a_semaphore_is_lost),
		TEST(no_reset_comes_between),
		TEST(everything_is_closed),
		TEST(a_table_that_ends),
		TEST(a_table_that_ends_while_timers_expire),
	};

	return RUN(tests);
}
