// SPDX-License-Identifier: GPL-2.0-only
/* I/O completion ports: what is queued, which thread gets it, and what ends a removal. */
#include "nt_test.h"
#include "port.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define WORKER		500u
#define CANCELLED	NTSYNC_STATUS_CANCELLED
#define TERMINATING	0xc000010au

/* -- Packets ------------------------------------------------------------------------------- */

static void first_in_first_out(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 0), removed = 0;
	struct ntsync_nt_io_packet got[4];

	for (uint32_t i = 0; i < 6; i++) {
		queue(f, port, i);
		assert_int_equal(port_state(f, port).depth, i + 1);
	}
	assert_removes(f, port, 0);
	assert_ok(ntsync_nt_remove_io_completion_ex(f->nt, port, got, 4, &removed, false, FOREVER));
	assert_int_equal(removed, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_packet(&got[i], i + 1);
	/* It does not wait for more. */
	assert_ok(ntsync_nt_remove_io_completion_ex(f->nt, port, got, 4, &removed, true, FOREVER));
	assert_int_equal(removed, 1);
	assert_packet(&got[0], 5);
	assert_empty(f, port);
	assert_int_equal(port_state(f, port).depth, 0);
}

static void arguments(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_nt_deadline unknown = { 0, 0x80 };
	uint32_t port = new_port(f, 3), event = new_event(f, false, true), removed = UNTOUCHED;
	struct ntsync_nt_io_packet packet = { .key = 1 };

	assert_status(ntsync_nt_create_io_completion(f->nt, NULL, NULL, 0),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_set_io_completion(f->nt, port, NULL),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_set_io_completion(f->nt, event, &packet),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_set_io_completion(f->nt, port + 400, &packet),
		      NTSYNC_STATUS_INVALID_HANDLE);
	assert_status(ntsync_nt_remove_io_completion(f->nt, event, &packet, POLL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_remove_io_completion(f->nt, port, NULL, POLL),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_remove_io_completion(f->nt, port, &packet, unknown),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_remove_io_completion_ex(f->nt, port, &packet, 0, &removed, false, POLL),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_remove_io_completion_ex(f->nt, port, &packet, 1, &removed, false,
							in_ms(1)), NTSYNC_STATUS_TIMEOUT);
	assert_int_equal(removed, UNTOUCHED);
	assert_status(ntsync_nt_query_io_completion(f->nt, event, NULL, NULL, 0),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_ok(ntsync_nt_query_io_completion(f->nt, port, NULL, NULL, 0));
	assert_status(ntsync_nt_set_event(f->nt, port, NULL), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_signal_and_wait(f->nt, port, event, false, POLL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(port_state(f, port).concurrency, 3);
	assert_int_equal(port_state(f, new_port(f, 0)).concurrency, sysconf(_SC_NPROCESSORS_ONLN));
}

static void names_and_data(void **state)
{
	const struct ntsync_nt_attributes named = { .name = "Port" };
	const struct ntsync_nt_attributes open_if = { .name = "Port", .flags = NTSYNC_NT_OPEN_IF };
	struct fixture *f = *state;
	uint32_t port, other;
	void *data;

	assert_ok(ntsync_nt_create_io_completion(f->nt, &port, &named, 1));
	assert_status(ntsync_nt_create_io_completion(f->nt, &other, &named, 1),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_status(ntsync_nt_create_io_completion(f->nt, &other, &open_if, 2),
		      NTSYNC_STATUS_OBJECT_NAME_EXISTS);
	assert_int_equal(port_state(f, other).concurrency, 1);
	close_handle(f, other);
	assert_status(ntsync_nt_open_event(f->nt, &other, "Port"), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_ok(ntsync_nt_open_io_completion(f->nt, &other, "Port"));
	assert_ok(ntsync_nt_compare(f->nt, port, other));
	assert_int_equal(info_of(f, port).type, NTSYNC_NT_IO_COMPLETION);
	queue(f, port, 7);
	assert_removes(f, other, 7);
	assert_ok(ntsync_nt_set_data(f->nt, port, f));
	assert_ok(ntsync_nt_get_data(f->nt, other, &data));
	assert_ptr_equal(data, f);
}

static void counted(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_count count;
	uint32_t port = new_port(f, 1), dup = duplicate(f, port);

	ntsync_nt_count(f->nt, NTSYNC_NT_IO_COMPLETION, &count);
	assert_int_equal(count.handles, 2);
	assert_int_equal(count.objects, 1);
	queue(f, port, 1);
	assert_removes(f, port, 1);
	close_handle(f, port);
	close_handle(f, dup);
	/* The thread is associated no longer, and keeps nothing. */
	assert_int_equal(count_objects(f, NTSYNC_NT_IO_COMPLETION), 0);
}

static void read_without_removal(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_io_packet packets[3] = { 0 };
	uint32_t port = new_port(f, 1);

	for (uint32_t i = 1; i < 4; i++)
		queue(f, port, i);
	packets[2].key = UNTOUCHED;
	assert_ok(ntsync_nt_query_io_completion(f->nt, port, NULL, packets, 2));
	assert_int_equal(packets[0].key, 1);
	assert_int_equal(packets[1].key, 2);
	assert_int_equal(packets[2].key, UNTOUCHED);
	assert_int_equal(port_state(f, port).depth, 3);
	assert_removes(f, port, 1);
}

static void a_wait_for_the_port_takes_nothing(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 1), handles[] = { new_event(f, false, false), port };
	struct helper *helper = start_asleep(f, wait_for_handle, &port);

	assert_status(poll_handle(f, port), NTSYNC_STATUS_TIMEOUT);
	queue(f, port, 1);
	assert_ok(finish(helper));
	assert_status(ntsync_nt_wait_multiple(f->nt, handles, 2, NTSYNC_NT_WAIT_ANY, false, POLL), 1);
	assert_ok(poll_handle(f, port));
	queue(f, port, 2);
	assert_removes(f, port, 1);
	assert_ok(poll_handle(f, port));
	assert_removes(f, port, 2);
	assert_status(poll_handle(f, port), NTSYNC_STATUS_TIMEOUT);
}

/* -- Sleepers ------------------------------------------------------------------------------ */

static void the_last_one_wakes_first(void **state)
{
	enum { MANY = 5 };
	struct fixture *f = *state;
	struct worker workers[MANY] = { 0 };
	uint32_t port = new_port(f, MANY);
	struct helper *helpers[MANY];

	for (int i = 0; i < MANY; i++) {
		workers[i].port = port;
		workers[i].ex = i & 1;
		helpers[i] = start_asleep(f, remove_as_worker, &workers[i]);
	}
	for (uint32_t i = MANY; i--;) {
		queue(f, port, i);
		/* It was given to a thread, and was never in the queue. */
		assert_int_equal(port_state(f, port).depth, 0);
		assert_ok(finish(helpers[i]));
		assert_int_equal(workers[i].packets[0].key, i);
		assert_int_equal(workers[i].removed, workers[i].ex ? 1 : UNTOUCHED);
		assert_true(!i || still_asleep(helpers[i - 1]));
	}
}

static void the_last_handle_ends_it(void **state)
{
	struct fixture *f = *state;
	struct worker w = { .port = new_port(f, 1) };
	uint32_t dup = duplicate(f, w.port);
	struct helper *helper = start_asleep(f, remove_as_worker, &w);

	close_handle(f, w.port);
	assert_true(still_asleep(helper));
	queue(f, dup, 3);
	assert_ok(finish(helper));
	assert_int_equal(w.packets[0].key, 3);
	for (int i = 0; i < 4; i++) {
		w = (struct worker){ .port = new_port(f, 1), .ex = i & 1, .alertable = i & 2 };
		helper = start_asleep(f, remove_as_worker, &w);
		close_handle(f, w.port);
		assert_status(finish(helper), NTSYNC_STATUS_ABANDONED_WAIT_0);
	}
	w.port = new_port(f, 1);
	queue(f, w.port, 1);
	close_handle(f, w.port);
	assert_invalid(f, w.port);
}

/* -- Ends from outside --------------------------------------------------------------------- */

static void a_stop_ends_it(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 4; i++) {
		struct worker w = {
			.port = new_port(f, 1), .tid = WORKER, .ex = i & 1, .alertable = i & 2,
		};
		struct helper *helper = start_asleep(f, remove_as_worker, &w);
		struct ntsync_nt_io_packet packet;

		assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
		assert_status(finish(helper), CANCELLED);
		queue(f, w.port, 1);
		assert_status(ntsync_nt_remove_io_completion(f->nt, w.port, &packet, POLL),
			      CANCELLED);
		check(f);
		ntsync_nt_resume(f->nt);
		assert_removes(f, w.port, 1);
		helper = start_asleep(f, remove_as_worker, &w);
		assert_ok(ntsync_nt_interrupt_thread(f->nt, WORKER, TERMINATING));
		assert_status(finish(helper), TERMINATING);
		queue(f, w.port, 2);
		assert_removes(f, w.port, 2);
	}
}

static void an_alert_ends_an_alertable_one(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 4; i++) {
		struct worker w = {
			.port = new_port(f, 1), .tid = WORKER, .ex = true, .alertable = i & 2,
		};
		struct helper *helper = start_asleep(f, remove_as_worker, &w);

		assert_ok(i & 1 ? ntsync_nt_alert_thread(f->nt, WORKER) :
				  ntsync_nt_queue_apc(f->nt, WORKER));
		if (w.alertable) {
			assert_status(finish(helper), i & 1 ? NTSYNC_STATUS_ALERTED :
							      NTSYNC_STATUS_USER_APC);
			assert_int_equal(w.removed, UNTOUCHED);
		} else {
			assert_true(still_asleep(helper));
			queue(f, w.port, 1);
			assert_ok(finish(helper));
		}
		assert_empty(f, w.port);
	}
}

static void an_alert_that_was_there(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 1), removed;
	struct ntsync_nt_io_packet packet;

	assert_ok(ntsync_nt_alert_thread(f->nt, ntsync_nt_thread_id(f->nt)));
	/* A packet comes first. */
	queue(f, port, 1);
	assert_ok(ntsync_nt_remove_io_completion_ex(f->nt, port, &packet, 1, &removed, true, POLL));
	assert_status(ntsync_nt_remove_io_completion_ex(f->nt, port, &packet, 1, &removed, true, POLL),
		      NTSYNC_STATUS_ALERTED);
	assert_status(ntsync_nt_remove_io_completion_ex(f->nt, port, &packet, 1, &removed, true, POLL),
		      NTSYNC_STATUS_TIMEOUT);
}

static void an_apc_of_a_timer(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_nt_apc apc = { .function = 7 };
	struct ntsync_nt_io_packet packet;
	struct ntsync_nt_apc taken;
	uint32_t timer = new_timer(f, false), port = new_port(f, 1);

	assert_ok(ntsync_nt_set_timer_apc(f->nt, timer, in_ms(2), 0, &apc, NULL));
	assert_status(ntsync_nt_remove_io_completion_ex(f->nt, port, &packet, 1, NULL, true, FOREVER),
		      NTSYNC_STATUS_USER_APC);
	assert_ok(ntsync_nt_take_apc(f->nt, &taken));
	assert_int_equal(taken.function, 7);
}

/* -- Races ------------------------------------------------------------------------------- */

#define ROUNDS	1000
#define WORKERS	4

/**
 * struct plant - threads that remove packets while others disturb them
 * @port: where from
 * @event: for other sleeps; nobody sets it
 * @next: the id of the next worker
 * @seen: how often each packet was removed
 * @removed: how many packets were
 * @over: they are to leave
 */
struct plant {
	uint32_t port, event;
	atomic_uint next;
	atomic_uint seen[ROUNDS];
	atomic_uint removed;
	atomic_bool over;
};

static void note(struct plant *plant, const struct ntsync_nt_io_packet *packets, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		atomic_fetch_add(&plant->seen[packets[i].key], 1);
	atomic_fetch_add(&plant->removed, count);
}

static bool is_expected(uint32_t status)
{
	return !status || status == NTSYNC_STATUS_TIMEOUT || status == NTSYNC_STATUS_ALERTED ||
	       status == NTSYNC_STATUS_USER_APC || status == TERMINATING || status == CANCELLED;
}

static uint32_t keep_removing(struct fixture *f, void *arg)
{
	struct ntsync_nt_io_packet packets[2];
	struct plant *plant = arg;

	ntsync_nt_thread_attach(f->nt, WORKER + atomic_fetch_add(&plant->next, 1));
	for (int i = 0; !atomic_load(&plant->over); i++) {
		uint32_t removed = 0, status;

		status = ntsync_nt_remove_io_completion_ex(f->nt, plant->port, packets, 1 + (i & 1),
							   &removed, i & 2,
							   i & 4 ? FOREVER : in_ms(i & 8 ? 1 : 0));
		if (!is_expected(status) || !status != !!removed)
			return status ? status : NTSYNC_STATUS_INTERNAL_ERROR;
		note(plant, packets, removed);
		if (i % 16 == 5)
			ntsync_nt_wait_single(f->nt, plant->event, false, in_ms(1));
	}
	return NTSYNC_STATUS_SUCCESS;
}

/* Each packet is removed once, whatever ends the other calls. */
static void no_packet_is_lost(void **state)
{
	static struct plant plant;
	struct fixture *f = *state;
	struct helper *helpers[WORKERS];
	uint32_t threads[WORKERS];

	plant = (struct plant){ .port = new_port(f, 2), .event = new_event(f, false, false) };
	for (uint32_t i = 0; i < WORKERS; i++) {
		assert_ok(ntsync_nt_thread_create_object(f->nt, &threads[i], WORKER + i));
		helpers[i] = start(f, keep_removing, &plant);
	}
	while (atomic_load(&plant.next) < WORKERS)
		sched_yield();
	for (int i = 0; i < ROUNDS; i++) {
		assert_ok(ntsync_nt_suspend_thread(f->nt, threads[i / 2 % WORKERS], NULL));
		queue(f, plant.port, (uint64_t)i);
		disturb_thread(f, i, WORKER + (uint32_t)i % WORKERS, TERMINATING);
		assert_ok(ntsync_nt_resume_thread(f->nt, threads[i / 2 % WORKERS], NULL));
	}
	/* No worker sleeps for a packet while there are some and less than two of them run. */
	while (atomic_load(&plant.removed) < ROUNDS)
		sleep_ms(1);
	atomic_store(&plant.over, true);
	assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
	for (size_t i = 0; i < WORKERS; i++)
		assert_ok(finish(helpers[i]));
	ntsync_nt_resume(f->nt);
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(atomic_load(&plant.seen[i]), 1);
	assert_int_equal(port_state(f, plant.port).running, 0);
}

static uint32_t keep_opening_wrongly(struct fixture *f, void *arg)
{
	atomic_bool *over = arg;
	uint32_t handle;

	while (!atomic_load(over))
		ntsync_nt_open_event(f->nt, &handle, "Port");
	return NTSYNC_STATUS_SUCCESS;
}

/* An open that fails has no handle meanwhile. A query would count it, and a close would not be that of the last one. */
static void a_close_ends_it_while_others_open(void **state)
{
	const struct ntsync_nt_attributes named = { .name = "Port" };
	struct fixture *f = *state;
	atomic_bool over = false;
	struct helper *opener = start(f, keep_opening_wrongly, &over);

	for (int i = 0; i < 50; i++) {
		struct worker w = { 0 };
		struct helper *helper;

		assert_ok(ntsync_nt_create_io_completion(f->nt, &w.port, &named, 1));
		helper = start_asleep(f, remove_as_worker, &w);
		for (int j = 0; j < 100; j++)
			assert_int_equal(info_of(f, w.port).handles, 1);
		close_handle(f, w.port);
		assert_status(finish(helper), NTSYNC_STATUS_ABANDONED_WAIT_0);
	}
	atomic_store(&over, true);
	assert_ok(finish(opener));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_in_first_out),
		TEST(arguments),
		TEST(names_and_data),
		TEST(counted),
		TEST(read_without_removal),
		TEST(a_wait_for_the_port_takes_nothing),
		TEST(the_last_one_wakes_first),
		TEST(the_last_handle_ends_it),
		TEST(a_stop_ends_it),
		TEST(an_alert_ends_an_alertable_one),
		TEST(an_alert_that_was_there),
		TEST(an_apc_of_a_timer),
		TEST(no_packet_is_lost),
		TEST(a_close_ends_it_while_others_open),
	};

	return RUN(tests);
}
