// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers that are due while the thread that signals them can't run: each call checks the clock
 * itself. The fake device holds that thread back.
 */
#include "../nt_test.h"

#include "../fake/fake_device.h"

static int setup_held(void **state)
{
	fake_hold_polls(true);
	return setup(state);
}

static int teardown_held(void **state)
{
	fake_hold_polls(false);
	return teardown(state);
}

#define HELD(fn) { #fn, fn, setup_held, teardown_held, NULL }

/* Sets the timer, and returns when it is due. */
static void let_pass(struct fixture *f, uint32_t timer)
{
	const struct ntsync_nt_deadline due = in_ms(2);

	assert_ok(ntsync_nt_set_timer(f->nt, timer, due, 0, NULL));
	while (now_ns() < due.ns)
		sleep_ms(1);
}

static void overdue_in_a_poll(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[] = { new_timer(f, false), new_event(f, true, true) };

	let_pass(f, handles[0]);
	assert_status(poll_handle(f, handles[0]), NTSYNC_STATUS_WAIT_0);
	let_pass(f, handles[0]);
	assert_status(ntsync_nt_wait_multiple(f->nt, handles, 2, NTSYNC_NT_WAIT_ANY, false, POLL),
		      NTSYNC_STATUS_WAIT_0);
	let_pass(f, handles[0]);
	assert_status(ntsync_nt_wait_multiple(f->nt, handles, 2, NTSYNC_NT_WAIT_ALL, false, POLL),
		      NTSYNC_STATUS_WAIT_0);
	let_pass(f, handles[0]);
	assert_status(ntsync_nt_signal_and_wait(f->nt, handles[1], handles[0], false, POLL),
		      NTSYNC_STATUS_WAIT_0);
	assert_status(poll_handle(f, handles[0]), NTSYNC_STATUS_TIMEOUT);
}

static void overdue_at_the_end_of_a_wait(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[] = { new_event(f, false, false), new_timer(f, true) };

	set_ms(f, handles[1], 5, 0);
	assert_status(ntsync_nt_wait_single(f->nt, handles[1], false, in_ms(10)),
		      NTSYNC_STATUS_WAIT_0);
	set_ms(f, handles[1], 5, 0);
	assert_status(ntsync_nt_wait_multiple(f->nt, handles, 2, NTSYNC_NT_WAIT_ANY, false,
					      in_ms(10)), NTSYNC_STATUS_WAIT_0 + 1);
	set_ms(f, handles[1], 5, 0);
	assert_status(ntsync_nt_signal_and_wait(f->nt, handles[0], handles[1], false, in_ms(10)),
		      NTSYNC_STATUS_WAIT_0);
	set_ms(f, handles[1], 100000, 0);
	assert_status(ntsync_nt_wait_single(f->nt, handles[1], false, in_ms(10)),
		      NTSYNC_STATUS_TIMEOUT);
}

static uint32_t wait_alertably(struct fixture *f, void *arg)
{
	uint32_t status;

	ntsync_nt_thread_attach(f->nt, 500);
	status = ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, true, FOREVER);
	return status == NTSYNC_STATUS_WAIT_0 ? ntsync_nt_test_alert(f->nt) : UNTOUCHED;
}

/* The timer was due before the alert came; the alert is kept for the next wait. */
static void overdue_before_an_alert(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false);
	struct helper *waiter;

	waiter = start_asleep(f, wait_alertably, &timer);
	let_pass(f, timer);
	assert_ok(ntsync_nt_alert_thread(f->nt, 500));
	assert_status(finish(waiter), NTSYNC_STATUS_ALERTED);
	assert_status(poll_handle(f, timer), NTSYNC_STATUS_TIMEOUT);
}

static void overdue_in_queries(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, true);
	int32_t previous;

	let_pass(f, timer);
	assert_true(timer_state(f, timer).signaled);
	assert_true(timer_state(f, timer).remaining == NTSYNC_WAIT_FOREVER);
	let_pass(f, timer);
	assert_ok(ntsync_nt_cancel_timer(f->nt, timer, &previous));
	assert_int_equal(previous, 1);
	let_pass(f, timer);
	assert_ok(ntsync_nt_set_timer(f->nt, timer, FOREVER, 0, &previous));
	assert_int_equal(previous, 1);
	assert_false(timer_state(f, timer).signaled);
}

/* On both clocks; and a timer that is due later is not signaled. */
static void overdue_dates_and_periods(void **state)
{
	struct fixture *f = *state;
	uint32_t date = new_timer(f, false), periodic = new_timer(f, false);
	uint32_t later = new_timer(f, false);
	const struct ntsync_nt_deadline soon = { realtime_ns() + 2 * NS_PER_MS,
						 NTSYNC_WAIT_REALTIME };

	set_ms(f, later, 100000, 0);
	assert_ok(ntsync_nt_set_timer(f->nt, date, soon, 0, NULL));
	set_ms(f, periodic, 2, 2);
	/* The date may be set back meanwhile. */
	do {
		sleep_ms(4);
	} while (realtime_ns() < soon.ns);
	assert_status(poll_handle(f, later), NTSYNC_STATUS_TIMEOUT);
	assert_status(poll_handle(f, date), NTSYNC_STATUS_WAIT_0);
	for (int i = 0; i < 3; i++) {
		assert_status(poll_handle(f, periodic), NTSYNC_STATUS_WAIT_0);
		sleep_ms(4);
	}
}

/* An APC of a timer: in polls, and before the end of a wait for something else. */
static void overdue_apcs(void **state)
{
	const struct ntsync_nt_apc apc = { .function = 1 };
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false), never = new_event(f, false, false);
	struct ntsync_nt_apc taken;

	assert_ok(ntsync_nt_set_timer_apc(f->nt, timer, in_ms(2), 0, &apc, NULL));
	assert_status(ntsync_nt_delay(f->nt, true, in_ms(10)), NTSYNC_STATUS_USER_APC);
	assert_ok(ntsync_nt_take_apc(f->nt, &taken));
	assert_ok(ntsync_nt_set_timer_apc(f->nt, timer, in_ms(2), 0, &apc, NULL));
	assert_status(ntsync_nt_wait_single(f->nt, never, true, in_ms(10)),
		      NTSYNC_STATUS_USER_APC);
	assert_ok(ntsync_nt_take_apc(f->nt, &taken));
	assert_ok(ntsync_nt_set_timer_apc(f->nt, timer, in_ms(2), 2 * NS_PER_MS, &apc, NULL));
	sleep_ms(4);
	assert_status(ntsync_nt_test_alert(f->nt), NTSYNC_STATUS_USER_APC);
	assert_ok(ntsync_nt_take_apc(f->nt, &taken));
	sleep_ms(4);
	assert_ok(ntsync_nt_take_apc(f->nt, &taken));
	sleep_ms(4);
	assert_status(ntsync_nt_wait_single(f->nt, never, true, POLL), NTSYNC_STATUS_USER_APC);
	/* Not alertable: the queue waits. */
	assert_ok(ntsync_nt_set_timer_apc(f->nt, timer, in_ms(2), 0, &apc, NULL));
	assert_status(ntsync_nt_wait_single(f->nt, never, false, in_ms(5)), NTSYNC_STATUS_TIMEOUT);
}

static uint32_t new_associated(struct fixture *f, uint32_t port, uint32_t timer)
{
	const struct ntsync_nt_io_packet io = { .key = 7 };
	uint32_t packet;
	bool signaled = true;

	assert_ok(ntsync_nt_create_wait_completion_packet(f->nt, &packet, NULL));
	assert_ok(ntsync_nt_associate_wait_completion_packet(f->nt, packet, port, timer, &io,
							     &signaled));
	assert_false(signaled);
	return packet;
}

/* Whatever looks at the port finds the packet. */
static void overdue_for_a_port(void **state)
{
	const struct ntsync_nt_io_packet io = { .key = 7 };
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false), port, packet;
	struct ntsync_nt_io_completion_state queue;
	struct ntsync_nt_io_packet got;
	bool signaled = false;

	assert_ok(ntsync_nt_create_io_completion(f->nt, &port, NULL, 1));
	packet = new_associated(f, port, timer);
	let_pass(f, timer);
	assert_ok(ntsync_nt_remove_io_completion(f->nt, port, &got, POLL));
	new_associated(f, port, timer);
	set_ms(f, timer, 5, 0);
	assert_ok(ntsync_nt_remove_io_completion(f->nt, port, &got, in_ms(10)));
	new_associated(f, port, timer);
	let_pass(f, timer);
	assert_ok(ntsync_nt_query_io_completion(f->nt, port, &queue, NULL, 0));
	assert_int_equal(queue.depth, 1);
	assert_ok(ntsync_nt_remove_io_completion(f->nt, port, &got, POLL));
	new_associated(f, port, timer);
	let_pass(f, timer);
	assert_status(poll_handle(f, port), NTSYNC_STATUS_WAIT_0);
	assert_ok(ntsync_nt_remove_io_completion(f->nt, port, &got, POLL));
	new_associated(f, port, timer);
	set_ms(f, timer, 5, 0);
	assert_status(ntsync_nt_wait_single(f->nt, port, false, in_ms(10)), NTSYNC_STATUS_WAIT_0);
	assert_ok(ntsync_nt_remove_io_completion(f->nt, port, &got, POLL));
	let_pass(f, timer);
	assert_ok(ntsync_nt_associate_wait_completion_packet(f->nt, packet, port, timer, &io,
							     &signaled));
	assert_true(signaled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HELD(overdue_in_a_poll),
		HELD(overdue_at_the_end_of_a_wait),
		HELD(overdue_before_an_alert),
		HELD(overdue_in_queries),
		HELD(overdue_dates_and_periods),
		HELD(overdue_apcs),
		HELD(overdue_for_a_port),
	};

	return RUN(tests);
}
