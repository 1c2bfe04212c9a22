// SPDX-License-Identifier: GPL-2.0-only
/* I/O completion ports: packets first in, first out; threads last in, first out; concurrency. */
#include "nt_test.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define WORKER		500u
#define CANCELLED	NTSYNC_STATUS_CANCELLED
#define TERMINATING	0xc000010au
/* A sleep that must end sooner. */
#define SOON		in_ms(60000)

static uint32_t new_port(struct fixture *f, uint32_t concurrency)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_io_completion(f->nt, &handle, NULL, concurrency));
	return handle;
}

static void queue(struct fixture *f, uint32_t port, uint64_t key)
{
	const struct ntsync_nt_io_packet packet = { .key = key };

	assert_ok(ntsync_nt_set_io_completion(f->nt, port, &packet));
}

static uint32_t remove_until(struct fixture *f, uint32_t port, uint64_t *key,
			     struct ntsync_nt_deadline deadline)
{
	struct ntsync_nt_io_packet packet = { .key = UNTOUCHED };
	uint32_t status = ntsync_nt_remove_io_completion(f->nt, port, &packet, deadline);

	*key = packet.key;
	return status;
}

static void assert_removes(struct fixture *f, uint32_t port, uint64_t key)
{
	uint64_t got;

	assert_ok(remove_until(f, port, &got, POLL));
	assert_int_equal(got, key);
}

static void assert_empty(struct fixture *f, uint32_t port)
{
	uint64_t got;

	assert_status(remove_until(f, port, &got, POLL), NTSYNC_STATUS_TIMEOUT);
	assert_int_equal(got, UNTOUCHED);
}

static struct ntsync_nt_io_completion_state state_of(struct fixture *f, uint32_t port)
{
	struct ntsync_nt_io_completion_state state;

	assert_ok(ntsync_nt_query_io_completion(f->nt, port, &state, NULL, 0));
	return state;
}

/**
 * struct worker - a thread that removes a packet
 * @port: where from
 * @tid: its id, or 0
 * @ex: by the call for several, with room for three
 * @alertable: whether that is alertable
 * @packets: what it has got
 * @removed: how many
 */
struct worker {
	uint32_t port;
	uint32_t tid;
	bool ex;
	bool alertable;
	struct ntsync_nt_io_packet packets[3];
	uint32_t removed;
};

static uint32_t remove_as_worker(struct fixture *f, void *arg)
{
	struct worker *w = arg;

	if (w->tid)
		ntsync_nt_thread_attach(f->nt, w->tid);
	w->removed = UNTOUCHED;
	if (w->ex)
		return ntsync_nt_remove_io_completion_ex(f->nt, w->port, w->packets, 3, &w->removed,
							 w->alertable, FOREVER);
	return ntsync_nt_remove_io_completion(f->nt, w->port, w->packets, FOREVER);
}

/* -- Packets ----------------------------------------------------------------------------- */

static void first_in_first_out(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 0), removed = 0;
	struct ntsync_nt_io_packet got[4];

	for (uint32_t i = 0; i < 6; i++) {
		const struct ntsync_nt_io_packet packet = {
			.key = i, .context = 1ull << 60 | i, .information = 2ull << 60 | i,
			.status = 0xc0000000 | i,
		};

		assert_ok(ntsync_nt_set_io_completion(f->nt, port, &packet));
		assert_int_equal(state_of(f, port).depth, i + 1);
	}
	assert_removes(f, port, 0);
	assert_ok(ntsync_nt_remove_io_completion_ex(f->nt, port, got, 4, &removed, false, FOREVER));
	assert_int_equal(removed, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(got[i].key, i + 1);
		assert_int_equal(got[i].context, 1ull << 60 | (i + 1));
		assert_int_equal(got[i].information, 2ull << 60 | (i + 1));
		assert_int_equal(got[i].status, 0xc0000000 | (i + 1));
	}
	/* It does not wait for more. */
	assert_ok(ntsync_nt_remove_io_completion_ex(f->nt, port, got, 4, &removed, true, FOREVER));
	assert_int_equal(removed, 1);
	assert_int_equal(got[0].key, 5);
	assert_empty(f, port);
	assert_int_equal(state_of(f, port).depth, 0);
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
	assert_int_equal(state_of(f, port).concurrency, 3);
	assert_int_equal(state_of(f, new_port(f, 0)).concurrency, sysconf(_SC_NPROCESSORS_ONLN));
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
	assert_int_equal(state_of(f, other).concurrency, 1);
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
	ntsync_nt_count(f->nt, NTSYNC_NT_IO_COMPLETION, &count);
	assert_int_equal(count.objects, 0);
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
	assert_int_equal(state_of(f, port).depth, 3);
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

/* -- Sleepers ---------------------------------------------------------------------------- */

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
		assert_int_equal(state_of(f, port).depth, 0);
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

/* -- Concurrency ------------------------------------------------------------------------- */

/* The calling thread counts at the port now. */
static void count_at(struct fixture *f, uint32_t port)
{
	queue(f, port, 1000);
	assert_removes(f, port, 1000);
}

static void a_packet_stays_while_enough_run(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_nt_deadline passed = { 1, 0 };
	struct worker w = { .port = new_port(f, 1), .ex = true };
	uint32_t ready = new_event(f, true, true);
	struct helper *helper;

	count_at(f, w.port);
	helper = start_asleep(f, remove_as_worker, &w);
	queue(f, w.port, 1);
	queue(f, w.port, 2);
	/* None of these sleeps. */
	assert_ok(ntsync_nt_wait_single(f->nt, ready, false, FOREVER));
	assert_status(poll_handle(f, new_event(f, false, false)), NTSYNC_STATUS_TIMEOUT);
	assert_status(ntsync_nt_wait_single(f->nt, new_event(f, false, false), false, passed),
		      NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_delay(f->nt, false, POLL));
	assert_ok(ntsync_nt_delay(f->nt, false, passed));
	assert_int_equal(state_of(f, w.port).depth, 2);
	assert_int_equal(state_of(f, w.port).running, 1);
	assert_true(still_asleep(helper));
	/* It comes back itself, later than the other one, and so is the first. */
	assert_removes(f, w.port, 1);
	queue(f, w.port, 3);
	assert_ok(ntsync_nt_delay(f->nt, false, in_ms(1)));
	assert_ok(finish(helper));
	/* One that has slept takes what there is. */
	assert_int_equal(w.removed, 2);
	assert_int_equal(w.packets[0].key, 2);
	assert_int_equal(w.packets[1].key, 3);
	assert_int_equal(state_of(f, w.port).running, 1);
}

static uint32_t remove_then_wait(struct fixture *f, void *arg)
{
	uint32_t *handles = arg;
	uint64_t key;
	uint32_t status = remove_until(f, handles[0], &key, FOREVER);

	return status ? status : wait_for_handle(f, &handles[1]);
}

/* Two may run: of three, the third gets its packet when one of them sleeps. */
static void as_many_as_the_concurrency_run(void **state)
{
	struct fixture *f = *state;
	struct worker w = { .port = new_port(f, 2) };
	uint32_t handles[] = { w.port, new_event(f, false, false) };
	struct helper *second, *third;

	count_at(f, w.port);
	third = start_asleep(f, remove_as_worker, &w);
	second = start_asleep(f, remove_then_wait, handles);
	queue(f, w.port, 1);
	queue(f, w.port, 2);
	assert_ok(finish(third));
	assert_int_equal(w.packets[0].key, 2);
	/* It sleeps for the event, and counts again when it goes on. */
	assert_int_equal(state_of(f, w.port).running, 1);
	assert_ok(ntsync_nt_set_event(f->nt, handles[1], NULL));
	assert_ok(finish(second));
}

/**
 * struct rest - a sleep of a thread that counts
 * @sleep: the sleep
 * @end: ends it
 */
struct rest {
	uint32_t (*sleep)(struct fixture *f);
	void (*end)(struct fixture *f);
};

/* What the sleeps are for; the id of the thread that sleeps. */
static struct {
	uint32_t event, semaphore, tid;
	atomic_uint value;
} rests;

static uint32_t rest_for_event(struct fixture *f)
{
	return ntsync_nt_wait_single(f->nt, rests.event, false, SOON);
}

static uint32_t rest_for_all(struct fixture *f)
{
	const uint32_t handles[] = { rests.event, new_event(f, true, true) };

	return ntsync_nt_wait_multiple(f->nt, handles, 2, NTSYNC_NT_WAIT_ALL, true, SOON);
}

static uint32_t rest_after_signal(struct fixture *f)
{
	return ntsync_nt_signal_and_wait(f->nt, rests.semaphore, rests.event, false, SOON);
}

static void set_event(struct fixture *f)
{
	assert_ok(ntsync_nt_set_event(f->nt, rests.event, NULL));
}

static uint32_t rest_at_keyed_event(struct fixture *f)
{
	return ntsync_nt_wait_for_keyed_event(f->nt, 0, 4, false, SOON);
}

static void release_keyed_event(struct fixture *f)
{
	assert_ok(ntsync_nt_release_keyed_event(f->nt, 0, 4, false, SOON));
}

static uint32_t rest_at_address(struct fixture *f)
{
	const uint32_t zero = 0;
	uint32_t status = NTSYNC_STATUS_SUCCESS;

	while (!status && !atomic_load(&rests.value))
		status = ntsync_nt_wait_on_address(f->nt, &rests.value, &zero, sizeof(zero), SOON);
	atomic_store(&rests.value, 0);
	return status;
}

static void wake_address(struct fixture *f)
{
	atomic_store(&rests.value, 1);
	ntsync_nt_wake_address_all(f->nt, &rests.value);
}

static uint32_t rest_for_alert(struct fixture *f)
{
	uint32_t status = ntsync_nt_wait_for_alert_by_id(f->nt, SOON);

	return status == NTSYNC_STATUS_ALERTED ? NTSYNC_STATUS_SUCCESS : status;
}

static void alert_by_id(struct fixture *f)
{
	assert_ok(ntsync_nt_alert_by_id(f->nt, rests.tid));
}

static uint32_t rest_in_delay(struct fixture *f)
{
	uint32_t status = ntsync_nt_delay(f->nt, true, SOON);

	return status == NTSYNC_STATUS_ALERTED ? NTSYNC_STATUS_SUCCESS : NTSYNC_STATUS_TIMEOUT;
}

static void alert(struct fixture *f)
{
	assert_ok(ntsync_nt_alert_thread(f->nt, rests.tid));
}

static uint32_t rest_in_park(struct fixture *f)
{
	assert_ok(ntsync_nt_suspend_thread(f->nt, NTSYNC_NT_CURRENT_THREAD, NULL));
	return ntsync_nt_thread_park(f->nt);
}

/* By another thread, whose pseudo-handle is another one's. */
static void resume(struct fixture *f)
{
	assert_ok(ntsync_nt_resume_thread(f->nt, rests.semaphore, NULL));
}

static const struct rest all_rests[] = {
	{ rest_for_event, set_event }, { rest_for_all, set_event },
	{ rest_after_signal, set_event }, { rest_at_keyed_event, release_keyed_event },
	{ rest_at_address, wake_address }, { rest_for_alert, alert_by_id },
	{ rest_in_delay, alert }, { rest_in_park, resume },
};

/**
 * struct successor - a thread that gets a packet while another one rests
 * @w: its removal
 * @rest: which sleep it ends
 */
struct successor {
	struct worker w;
	const struct rest *rest;
};

static uint32_t remove_and_end_rest(struct fixture *f, void *arg)
{
	struct successor *s = arg;
	uint32_t status = remove_as_worker(f, &s->w);

	if (!status)
		s->rest->end(f);
	return status;
}

/* The sleep ends by what the other thread does after it has got the packet. */
static void another_one_runs_while_one_sleeps(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 1);

	assert_int_equal(ntsync_nt_thread_attach(f->nt, WORKER), 0);
	rests.event = new_event(f, false, false);
	rests.tid = WORKER;
	for (size_t i = 0; i < ARRAY_SIZE(all_rests); i++) {
		struct successor s = { .w = { .port = port }, .rest = &all_rests[i] };
		struct helper *helper;

		if (all_rests[i].sleep == rest_in_park)
			assert_ok(ntsync_nt_thread_create_object(f->nt, &rests.semaphore, WORKER));
		else
			rests.semaphore = new_semaphore(f, 0, 10);
		count_at(f, port);
		helper = start_asleep(f, remove_and_end_rest, &s);
		queue(f, port, i);
		assert_int_equal(state_of(f, port).depth, 1);
		assert_ok(all_rests[i].sleep(f));
		/* It counts again, beside the other one as long as that runs. */
		assert_in_range(state_of(f, port).running, 1, 2);
		assert_ok(finish(helper));
		assert_int_equal(s.w.packets[0].key, i);
		assert_int_equal(state_of(f, port).running, 1);
	}
}

/**
 * struct locked - a lock that a thread waits for which counts at a port
 * @port: the port
 * @srw: the lock
 */
struct locked {
	uint32_t port;
	uint64_t srw;
};

static uint32_t count_and_lock(struct fixture *f, void *arg)
{
	struct locked *l = arg;
	uint32_t status;

	count_at(f, l->port);
	status = ntsync_nt_acquire_srw_lock(f->nt, &l->srw, false);
	return status ? status : ntsync_nt_release_srw_lock(f->nt, &l->srw, false);
}

static void one_that_waits_for_a_lock_does_not_count(void **state)
{
	struct fixture *f = *state;
	struct locked l = { .port = new_port(f, 1) };
	struct helper *helper;

	assert_ok(ntsync_nt_acquire_srw_lock(f->nt, &l.srw, false));
	helper = start_asleep(f, count_and_lock, &l);
	assert_int_equal(state_of(f, l.port).running, 0);
	queue(f, l.port, 1);
	assert_removes(f, l.port, 1);
	assert_ok(ntsync_nt_release_srw_lock(f->nt, &l.srw, false));
	assert_ok(finish(helper));
	assert_int_equal(state_of(f, l.port).running, 1);
}

/**
 * struct sleeper - a thread that sleeps for an event, as one of two
 * @sleep: how
 * @port: where it counts; 0: nowhere
 * @handles: the event, and one that is set
 */
struct sleeper {
	uint32_t (*sleep)(struct fixture *f, const uint32_t *handles);
	uint32_t port;
	uint32_t handles[2];
};

static uint32_t sleep_for_one(struct fixture *f, const uint32_t *handles)
{
	return ntsync_nt_wait_single(f->nt, handles[0], true, SOON);
}

static uint32_t sleep_for_both(struct fixture *f, const uint32_t *handles)
{
	return ntsync_nt_wait_multiple(f->nt, handles, 2, NTSYNC_NT_WAIT_ALL, false, SOON);
}

static uint32_t sleep_after_signal(struct fixture *f, const uint32_t *handles)
{
	return ntsync_nt_signal_and_wait(f->nt, handles[1], handles[0], false, SOON);
}

static uint32_t count_and_sleep(struct fixture *f, void *arg)
{
	struct sleeper *s = arg;

	if (s->port)
		count_at(f, s->port);
	return s->sleep(f, s->handles);
}

/*
 * The interrupted wait is made again with no other one in between: then the driver keeps its place,
 * and the event ends it before that of the thread that came later.
 */
static void a_signal_handler_does_not_cost_the_place(void **state)
{
	static uint32_t (*const sleeps[])(struct fixture *f, const uint32_t *handles) = {
		sleep_for_one, sleep_for_both, sleep_after_signal,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(sleeps); i++) {
		struct sleeper late = {
			.sleep = sleeps[i / 2],
			.handles = { new_event(f, false, false), new_event(f, true, true) },
		};
		struct sleeper early = late;
		struct helper *first, *second;

		early.port = i % 2 ? new_port(f, 1) : 0;
		first = start_asleep(f, count_and_sleep, &early);
		second = start_asleep(f, count_and_sleep, &late);
		for (int j = 0; j < 3; j++) {
			interrupt_sleep(first);
			assert_true(!early.port || !state_of(f, early.port).running);
		}
		assert_ok(ntsync_nt_set_event(f->nt, late.handles[0], NULL));
		while (still_asleep(first) && still_asleep(second))
			sleep_ms(1);
		assert_true(still_asleep(second));
		assert_ok(finish(first));
		assert_int_equal(early.port ? state_of(f, early.port).running : 0, 0);
		assert_ok(ntsync_nt_set_event(f->nt, late.handles[0], NULL));
		assert_ok(finish(second));
	}
}

static uint32_t sleep_and_look(struct fixture *f, void *arg)
{
	struct sleeper *s = arg;
	uint32_t status = count_and_sleep(f, s);

	return status ? status : state_of(f, s->port).running;
}

/* Its place at the port has gone to another thread by then, and both count. */
static void one_that_was_interrupted_counts_again(void **state)
{
	struct fixture *f = *state;
	struct sleeper s = { .sleep = sleep_for_one, .port = new_port(f, 1) };
	struct helper *helper;

	s.handles[0] = new_event(f, false, false);
	helper = start_asleep(f, sleep_and_look, &s);
	interrupt_sleep(helper);
	queue(f, s.port, 1);
	assert_removes(f, s.port, 1);
	interrupt_sleep(helper);
	assert_int_equal(state_of(f, s.port).running, 1);
	assert_ok(ntsync_nt_set_event(f->nt, s.handles[0], NULL));
	assert_status(finish(helper), 2);
	assert_int_equal(state_of(f, s.port).running, 1);
}

static void a_removal_elsewhere_ends_the_association(void **state)
{
	struct fixture *f = *state;
	struct worker w = { .port = new_port(f, 1) };
	uint32_t other = new_port(f, 1);
	struct helper *helper;

	count_at(f, w.port);
	helper = start_asleep(f, remove_as_worker, &w);
	queue(f, w.port, 1);
	assert_int_equal(state_of(f, w.port).depth, 1);
	assert_empty(f, other);
	assert_int_equal(state_of(f, w.port).depth, 0);
	assert_ok(finish(helper));
	assert_int_equal(state_of(f, w.port).running, 0);
	/* As on NT, a thread that has only tried counts. */
	assert_int_equal(state_of(f, other).running, 1);
}

static uint32_t count_and_end(struct fixture *f, void *arg)
{
	count_at(f, *(uint32_t *)arg);
	return NTSYNC_STATUS_SUCCESS;
}

static void the_end_of_a_thread_ends_it(void **state)
{
	struct fixture *f = *state;
	struct worker w = { .port = new_port(f, 1) };
	struct helper *helper;

	assert_ok(finish(start(f, count_and_end, &w.port)));
	assert_int_equal(state_of(f, w.port).running, 0);
	count_at(f, w.port);
	helper = start_asleep(f, remove_as_worker, &w);
	queue(f, w.port, 1);
	assert_int_equal(state_of(f, w.port).depth, 1);
	ntsync_nt_thread_detach(f->nt);
	assert_ok(finish(helper));
}

/* The thread goes on, for the test; in earnest it never would. */
static void an_abandoned_thread_gets_nothing(void **state)
{
	struct fixture *f = *state;
	struct worker w = { .port = new_port(f, 1), .tid = WORKER };
	struct helper *helper = start_asleep(f, remove_as_worker, &w);

	assert_ok(ntsync_nt_thread_abandon(f->nt, WORKER));
	queue(f, w.port, 1);
	assert_int_equal(state_of(f, w.port).depth, 1);
	assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
	assert_status(finish(helper), NTSYNC_STATUS_ABANDONED_WAIT_0);
	ntsync_nt_resume(f->nt);
	assert_removes(f, w.port, 1);
}

/* -- Suspended threads -------------------------------------------------------------------- */

/**
 * struct team - three threads that sleep for a packet
 * @w: their removals
 * @thread: handles of them
 * @helper: they
 */
struct team {
	struct worker w[3];
	uint32_t thread[3];
	struct helper *helper[3];
};

static void start_team(struct fixture *f, struct team *team, uint32_t port)
{
	for (uint32_t i = 0; i < 3; i++) {
		team->w[i] = (struct worker){ .port = port, .tid = WORKER + i };
		assert_ok(ntsync_nt_thread_create_object(f->nt, &team->thread[i], WORKER + i));
		team->helper[i] = start_asleep(f, remove_as_worker, &team->w[i]);
	}
}

static void suspend(struct fixture *f, uint32_t thread)
{
	assert_ok(ntsync_nt_suspend_thread(f->nt, thread, NULL));
}

static void resume_one(struct fixture *f, uint32_t thread)
{
	assert_ok(ntsync_nt_resume_thread(f->nt, thread, NULL));
}

static void assert_got(struct team *team, int i, uint64_t key)
{
	assert_ok(finish(team->helper[i]));
	assert_int_equal(team->w[i].packets[0].key, key);
}

/* The last one would be the first. Resumed, it is the last that came. */
static void a_suspended_one_gets_nothing(void **state)
{
	static const int order[] = { 0, 2, 1 };
	struct fixture *f = *state;
	uint32_t port = new_port(f, 10);
	struct team team;

	start_team(f, &team, port);
	suspend(f, team.thread[2]);
	suspend(f, team.thread[2]);
	queue(f, port, 1);
	assert_got(&team, 1, 1);
	resume_one(f, team.thread[2]);
	queue(f, port, 2);
	assert_got(&team, 0, 2);
	/* Nobody is left that can have it. */
	queue(f, port, 3);
	assert_int_equal(state_of(f, port).depth, 1);
	assert_true(still_asleep(team.helper[2]));
	resume_one(f, team.thread[2]);
	assert_got(&team, 2, 3);
	assert_int_equal(state_of(f, port).depth, 0);
	start_team(f, &team, port);
	suspend(f, team.thread[0]);
	resume_one(f, team.thread[0]);
	for (uint64_t i = 0; i < 3; i++) {
		queue(f, port, i);
		assert_got(&team, order[i], i);
	}
}

/* It is suspended before it sleeps, as the others when they would run. */
static void one_that_was_suspended_before(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 1), thread;
	struct worker w = { .port = port, .tid = WORKER };
	struct helper *helper;

	assert_ok(ntsync_nt_thread_create_object(f->nt, &thread, WORKER));
	suspend(f, thread);
	helper = start_asleep(f, remove_as_worker, &w);
	queue(f, port, 1);
	queue(f, port, 2);
	assert_int_equal(state_of(f, port).depth, 2);
	resume_one(f, thread);
	assert_ok(finish(helper));
	assert_int_equal(w.packets[0].key, 1);
	assert_removes(f, port, 2);
}

/* What ends the sleep of a thread ends that of a suspended one. */
static void ended_while_suspended(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		uint32_t port = new_port(f, 1);
		struct team team;

		start_team(f, &team, port);
		suspend(f, team.thread[1]);
		if (i == 1)
			assert_ok(ntsync_nt_thread_abandon(f->nt, WORKER + 1));
		if (i)
			assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
		else
			close_handle(f, port);
		for (int j = 0; j < 3; j++)
			assert_status(finish(team.helper[j]), !i || (i == 1 && j == 1) ?
				      NTSYNC_STATUS_ABANDONED_WAIT_0 : CANCELLED);
		ntsync_nt_resume(f->nt);
		for (int j = 0; j < 3; j++)
			close_handle(f, team.thread[j]);
	}
}

/* -- Ends from outside -------------------------------------------------------------------- */

static void a_stop_ends_it(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 4; i++) {
		struct worker w = {
			.port = new_port(f, 1), .tid = WORKER, .ex = i & 1, .alertable = i & 2,
		};
		struct helper *helper = start_asleep(f, remove_as_worker, &w);
		uint64_t key;

		assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
		assert_status(finish(helper), CANCELLED);
		queue(f, w.port, 1);
		assert_status(remove_until(f, w.port, &key, POLL), CANCELLED);
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
		suspend(f, threads[i / 2 % WORKERS]);
		queue(f, plant.port, (uint64_t)i);
		disturb_thread(f, i, WORKER + (uint32_t)i % WORKERS, TERMINATING);
		resume_one(f, threads[i / 2 % WORKERS]);
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
	assert_int_equal(state_of(f, plant.port).running, 0);
}

static uint32_t keep_opening_wrongly(struct fixture *f, void *arg)
{
	atomic_bool *over = arg;
	uint32_t handle;

	while (!atomic_load(over))
		ntsync_nt_open_event(f->nt, &handle, "Port");
	return NTSYNC_STATUS_SUCCESS;
}

/* An open that fails has a handle for a moment, and it may be the last one. */
static void a_close_ends_it_while_others_open(void **state)
{
	const struct ntsync_nt_attributes named = { .name = "Port" };
	struct fixture *f = *state;
	atomic_bool over = false;
	struct helper *opener = start(f, keep_opening_wrongly, &over);

	for (int i = 0; i < 50; i++) {
		struct worker w = { 0 };
		struct helper *helper;

		/* The opener may keep the name for a moment, too. */
		while (ntsync_nt_create_io_completion(f->nt, &w.port, &named, 1))
			sched_yield();
		helper = start_asleep(f, remove_as_worker, &w);
		close_handle(f, w.port);
		assert_status(finish(helper), NTSYNC_STATUS_ABANDONED_WAIT_0);
	}
	atomic_store(&over, true);
	assert_ok(finish(opener));
}

/* The in-tree driver does not keep the place of a wait that was interrupted. */
static bool keeps_places(void)
{
	return driver_offers(NTSYNC_NT_FEATURE_ATOMIC_SIGNAL_AND_WAIT);
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
		TEST(a_packet_stays_while_enough_run),
		TEST(as_many_as_the_concurrency_run),
		TEST(another_one_runs_while_one_sleeps),
		{ "another_one_runs_while_one_sleeps (old driver)",
		  another_one_runs_while_one_sleeps, setup_old_driver, teardown_old_driver, NULL },
		TEST(one_that_waits_for_a_lock_does_not_count),
		TEST(one_that_was_interrupted_counts_again),
		TEST(a_removal_elsewhere_ends_the_association),
		TEST(the_end_of_a_thread_ends_it),
		TEST(an_abandoned_thread_gets_nothing),
		TEST(a_suspended_one_gets_nothing),
		TEST(one_that_was_suspended_before),
		TEST(ended_while_suspended),
		TEST(a_stop_ends_it),
		TEST(an_alert_ends_an_alertable_one),
		TEST(an_alert_that_was_there),
		TEST(an_apc_of_a_timer),
		TEST(no_packet_is_lost),
		TEST(a_close_ends_it_while_others_open),
		/* Not on a driver that does not keep places. */
		TEST(a_signal_handler_does_not_cost_the_place),
	};

	return nt_run_group(__FILE__, tests, ARRAY_SIZE(tests) - !keeps_places());
}
