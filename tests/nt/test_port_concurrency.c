// SPDX-License-Identifier: GPL-2.0-only
/* I/O completion ports: which threads count, and that no more of them run than the port permits. */
#include "nt_test.h"
#include "port.h"

#include <stdatomic.h>

#define WORKER		500u
#define CANCELLED	NTSYNC_STATUS_CANCELLED
/* A sleep that must end sooner. */
#define SOON		in_ms(60000)

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
	assert_int_equal(port_state(f, w.port).depth, 2);
	assert_int_equal(port_state(f, w.port).running, 1);
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
	assert_int_equal(port_state(f, w.port).running, 1);
}

static uint32_t remove_then_wait(struct fixture *f, void *arg)
{
	uint32_t *handles = arg;
	struct ntsync_nt_io_packet packet;
	uint32_t status = ntsync_nt_remove_io_completion(f->nt, handles[0], &packet, FOREVER);

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
	assert_int_equal(port_state(f, w.port).running, 1);
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
		assert_int_equal(port_state(f, port).depth, 1);
		assert_ok(all_rests[i].sleep(f));
		/* It counts again, beside the other one as long as that runs. */
		assert_in_range(port_state(f, port).running, 1, 2);
		assert_ok(finish(helper));
		assert_int_equal(s.w.packets[0].key, i);
		assert_int_equal(port_state(f, port).running, 1);
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
	assert_int_equal(port_state(f, l.port).running, 0);
	queue(f, l.port, 1);
	assert_removes(f, l.port, 1);
	assert_ok(ntsync_nt_release_srw_lock(f->nt, &l.srw, false));
	assert_ok(finish(helper));
	assert_int_equal(port_state(f, l.port).running, 1);
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
			assert_true(!early.port || !port_state(f, early.port).running);
		}
		assert_ok(ntsync_nt_set_event(f->nt, late.handles[0], NULL));
		while (still_asleep(first) && still_asleep(second))
			sleep_ms(1);
		assert_true(still_asleep(second));
		assert_ok(finish(first));
		assert_int_equal(early.port ? port_state(f, early.port).running : 0, 0);
		assert_ok(ntsync_nt_set_event(f->nt, late.handles[0], NULL));
		assert_ok(finish(second));
	}
}

static uint32_t sleep_and_look(struct fixture *f, void *arg)
{
	struct sleeper *s = arg;
	uint32_t status = count_and_sleep(f, s);

	return status ? status : port_state(f, s->port).running;
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
	assert_int_equal(port_state(f, s.port).running, 1);
	assert_ok(ntsync_nt_set_event(f->nt, s.handles[0], NULL));
	assert_status(finish(helper), 2);
	assert_int_equal(port_state(f, s.port).running, 1);
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
	assert_int_equal(port_state(f, w.port).depth, 1);
	assert_empty(f, other);
	assert_int_equal(port_state(f, w.port).depth, 0);
	assert_ok(finish(helper));
	assert_int_equal(port_state(f, w.port).running, 0);
	/* As on NT, a thread that has only tried counts. */
	assert_int_equal(port_state(f, other).running, 1);
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
	assert_int_equal(port_state(f, w.port).running, 0);
	count_at(f, w.port);
	helper = start_asleep(f, remove_as_worker, &w);
	queue(f, w.port, 1);
	assert_int_equal(port_state(f, w.port).depth, 1);
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
	assert_int_equal(port_state(f, w.port).depth, 1);
	assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
	assert_status(finish(helper), NTSYNC_STATUS_ABANDONED_WAIT_0);
	ntsync_nt_resume(f->nt);
	assert_removes(f, w.port, 1);
}

/* The in-tree driver does not keep the place of a wait that was interrupted. */
static bool keeps_places(void)
{
	return driver_offers(NTSYNC_NT_FEATURE_ATOMIC_SIGNAL_AND_WAIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_packet_stays_while_enough_run),
		TEST(as_many_as_the_concurrency_run),
		TEST(another_one_runs_while_one_sleeps),
		ON_OLD_DRIVER(another_one_runs_while_one_sleeps),
		TEST(one_that_waits_for_a_lock_does_not_count),
		TEST(one_that_was_interrupted_counts_again),
		TEST(a_removal_elsewhere_ends_the_association),
		TEST(the_end_of_a_thread_ends_it),
		TEST(an_abandoned_thread_gets_nothing),
		/* Not on a driver that does not keep places. */
		TEST(a_signal_handler_does_not_cost_the_place),
	};

	return nt_run_group(__FILE__, tests, ARRAY_SIZE(tests) - !keeps_places());
}
