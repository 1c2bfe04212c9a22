// SPDX-License-Identifier: GPL-2.0-only
/* Wait completion packets: what one can be associated with, and what ends the association. */
#include "nt_test.h"
#include "port.h"
#include "packet.h"

#include <unistd.h>

#define CANCELLED	NTSYNC_STATUS_CANCELLED
#define PENDING		NTSYNC_STATUS_PENDING
#define IN_USE		NTSYNC_STATUS_INVALID_PARAMETER_1

static void arguments(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_nt_attributes named = { .name = "Packet" };
	uint32_t port = new_port(f, 100), event = new_event(f, false, true);
	uint32_t packet, other, out = UNTOUCHED;
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

static void types_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), packet = new_packet(f), keyed, adopted;
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

static void one_that_is_signaled_already(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), packet = new_packet(f), event = new_event(f, false, true);
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

static void it_is_in_use_until_its_packet_is_removed(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false), packet = new_packet(f);
	uint32_t other = new_event(f, false, true);

	associate(f, packet, port, event, 1);
	assert_status(try_to_associate(f, packet, port, other, 2, NULL), IN_USE);
	assert_true(event_signaled(f, other));
	set_event(f, event);
	assert_status(try_to_associate(f, packet, port, other, 2, NULL), IN_USE);
	assert_true(event_signaled(f, other));
	assert_removes(f, port, 1);
	associate_signaled(f, packet, port, other, 2);
	assert_removes(f, port, 2);
}

static void cancels(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false), packet = new_packet(f);

	for (int remove = 0; remove < 2; remove++) {
		assert_status(cancel(f, packet, remove), CANCELLED);
		associate(f, packet, port, event, 1);
		assert_ok(cancel(f, packet, remove));
		assert_status(cancel(f, packet, remove), CANCELLED);
		set_event(f, event);
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
	uint32_t port = new_port(f, 100), event = new_event(f, true, false), packets[4];

	for (uint32_t removed = 0; removed < 4; removed++) {
		for (uint32_t i = 0; i < 4; i++)
			packets[i] = new_associated(f, port, event, i);
		set_event(f, event);
		assert_ok(cancel(f, packets[removed], true));
		assert_int_equal(port_state(f, port).depth, 3);
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
	set_event(f, event);
	assert_status(poll_handle(f, port), NTSYNC_STATUS_WAIT_0);
	assert_ok(cancel(f, packets[0], true));
	assert_status(poll_handle(f, port), NTSYNC_STATUS_TIMEOUT);
}

/* -- Ends ---------------------------------------------------------------------------------- */

static void its_last_handle(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false);
	uint32_t packet = new_associated(f, port, event, 1), dup = duplicate(f, packet);

	close_handle(f, packet);
	set_event(f, event);
	assert_removes(f, port, 1);
	associate(f, dup, port, event, 2);
	close_handle(f, dup);
	assert_int_equal(count_objects(f, NTSYNC_NT_WAIT_COMPLETION_PACKET), 0);
	set_event(f, event);
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
	uint32_t port = new_port(f, 100), event = new_event(f, false, false), packet = new_packet(f);
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
	uint32_t port = new_port(f, 100), other = new_port(f, 100), event = new_event(f, false, false);
	uint32_t packet = new_associated(f, port, event, 1), second = new_associated(f, other, event, 2);
	uint32_t third = new_associated(f, port, event, 3), dup = duplicate(f, port);

	close_handle(f, port);
	assert_status(try_to_associate(f, packet, dup, event, 1, NULL), IN_USE);
	close_handle(f, dup);
	check(f);
	set_event(f, event);
	assert_removes(f, other, 2);
	set_event(f, event);
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
	uint32_t port = new_port(f, 100), other = new_port(f, 100), event = new_event(f, false, false);
	uint32_t packet = new_associated(f, port, event, 1);
	struct ntsync_nt_object *reference;

	assert_ok(ntsync_nt_reference(f->nt, port, 0, &reference, NULL));
	set_event(f, event);
	close_handle(f, port);
	assert_status(cancel(f, packet, true), CANCELLED);
	associate(f, packet, other, event, 2);
	set_event(f, event);
	assert_removes(f, other, 2);
	ntsync_nt_dereference(f->nt, reference);
	check(f);
}

/* A removal that was begun may outlive the handle. */
static void a_port_that_is_only_waited_for(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, false, false);
	uint32_t packet = new_associated(f, port, event, 1);
	struct helper *helper = start_asleep(f, wait_for_handle, &port);

	close_handle(f, port);
	set_event(f, event);
	assert_true(event_signaled(f, event));
	assert_status(cancel(f, packet, true), CANCELLED);
	assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
	assert_status(finish(helper), CANCELLED);
	ntsync_nt_resume(f->nt);
}

/* The teardown destroys the table as it is. */
static void a_table_that_ends(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 100), event = new_event(f, true, false), packet;

	for (uint64_t i = 0; i < 3; i++)
		new_associated(f, port, event, i);
	packet = new_packet(f);
	close_handle(f, new_associated(f, port, event, 3));
	set_event(f, event);
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
		port = new_port(&f, 100);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arguments),
		TEST(types_that_cannot_be),
		TEST(one_that_is_signaled_already),
		TEST(it_is_in_use_until_its_packet_is_removed),
		TEST(cancels),
		TEST(a_cancel_removes_from_the_middle),
		TEST(its_last_handle),
		TEST(the_last_handle_of_the_target),
		TEST(the_last_handle_of_the_port),
		TEST(a_closed_port_that_has_packets),
		TEST(a_port_that_is_only_waited_for),
		TEST(a_table_that_ends),
		TEST(a_table_that_ends_while_timers_expire),
	};

	return RUN(tests);
}
