// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waitable timers. The tests wait for an expiration. That a timer does not expire shows when
 * another one, which was set later, does.
 */
#include "nt_test.h"

static uint32_t wait_for(struct fixture *f, uint32_t timer)
{
	return ntsync_nt_wait_single(f->nt, timer, false, FOREVER);
}

static void not_set(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, true);

	assert_true(timer_state(f, timer).remaining == NTSYNC_WAIT_FOREVER);
	assert_true(timer_state(f, timer).manual);
	assert_false(timer_state(f, timer).signaled);
	assert_ok(ntsync_nt_cancel_timer(f->nt, timer, NULL));
	assert_ok(ntsync_nt_set_timer(f->nt, timer, FOREVER, 0, NULL));
	assert_true(timer_state(f, timer).remaining == NTSYNC_WAIT_FOREVER);
}

static void relative(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false);
	int64_t due = -20 * 10000;
	uint64_t from = now_ns();

	assert_ok(ntsync_nt_set_timer(f->nt, timer, ntsync_nt_timeout(&due), 0, NULL));
	assert_status(wait_for(f, timer), NTSYNC_STATUS_WAIT_0);
	assert_true(now_ns() - from >= 20 * NS_PER_MS);
	assert_false(timer_state(f, timer).signaled);
	assert_true(timer_state(f, timer).remaining == NTSYNC_WAIT_FOREVER);
}

static void absolute(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false);
	uint64_t until = realtime_ns() + 20 * NS_PER_MS;
	int64_t due = (int64_t)(until / 100) + 116444736000000000ll;

	assert_ok(ntsync_nt_set_timer(f->nt, timer, ntsync_nt_timeout(&due), 0, NULL));
	assert_status(wait_for(f, timer), NTSYNC_STATUS_WAIT_0);
	assert_true(realtime_ns() >= until / 100 * 100);
}

/* Signaled when the call returns, not some time later. */
static void the_past(void **state)
{
	static const int64_t past[] = { 0, 1, 116444736000000000ll };
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false);

	for (size_t i = 0; i < ARRAY_SIZE(past); i++) {
		assert_ok(ntsync_nt_set_timer(f->nt, timer, ntsync_nt_timeout(&past[i]), 0,
					      NULL));
		assert_status(poll_handle(f, timer), NTSYNC_STATUS_WAIT_0);
	}
}

static void manual_stays_auto_does_not(void **state)
{
	struct fixture *f = *state;
	uint32_t manual = new_timer(f, true), automatic = new_timer(f, false);

	set_ms(f, manual, 0, 0);
	set_ms(f, automatic, 0, 0);
	assert_status(wait_for(f, manual), NTSYNC_STATUS_WAIT_0);
	assert_status(poll_handle(f, manual), NTSYNC_STATUS_WAIT_0);
	assert_status(wait_for(f, automatic), NTSYNC_STATUS_WAIT_0);
	assert_status(poll_handle(f, automatic), NTSYNC_STATUS_TIMEOUT);
}

static void setting_ends_the_signal(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, true);
	int32_t previous = UNTOUCHED;

	assert_ok(ntsync_nt_set_timer(f->nt, timer, POLL, 0, &previous));
	assert_int_equal(previous, 0);
	assert_ok(ntsync_nt_set_timer(f->nt, timer, in_ms(100000), 0, &previous));
	assert_int_equal(previous, 1);
	assert_false(timer_state(f, timer).signaled);
	assert_in_range(timer_state(f, timer).remaining, 1, 100000 * NS_PER_MS);
	assert_ok(ntsync_nt_cancel_timer(f->nt, timer, &previous));
	assert_int_equal(previous, 0);
}

static void periodic(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false);
	uint64_t from = now_ns();

	set_ms(f, timer, 5, 5);
	for (int i = 0; i < 10; i++)
		assert_status(wait_for(f, timer), NTSYNC_STATUS_WAIT_0);
	assert_true(now_ns() - from >= 50 * NS_PER_MS);
	assert_true(timer_state(f, timer).remaining <= 5 * NS_PER_MS);
	assert_ok(ntsync_nt_cancel_timer(f->nt, timer, NULL));
}

static void periodic_from_a_date(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false);
	const struct ntsync_nt_deadline due = { realtime_ns() + NS_PER_MS, NTSYNC_WAIT_REALTIME };

	assert_ok(ntsync_nt_set_timer(f->nt, timer, due, NS_PER_MS, NULL));
	for (int i = 0; i < 5; i++)
		assert_status(wait_for(f, timer), NTSYNC_STATUS_WAIT_0);
}

/* Periods that can't be kept, or never end, must not delay other timers. */
static void extreme_periods(void **state)
{
	struct fixture *f = *state;
	uint32_t fast = new_timer(f, false), slow = new_timer(f, false);
	uint32_t other = new_timer(f, false);

	assert_ok(ntsync_nt_set_timer(f->nt, fast, POLL, 1, NULL));
	assert_ok(ntsync_nt_set_timer(f->nt, slow, POLL, INT64_MAX, NULL));
	assert_status(ntsync_nt_set_timer(f->nt, slow, POLL, (uint64_t)INT64_MAX + 1, NULL),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	set_ms(f, other, 2, 0);
	assert_status(wait_for(f, other), NTSYNC_STATUS_WAIT_0);
	assert_status(wait_for(f, fast), NTSYNC_STATUS_WAIT_0);
	assert_status(wait_for(f, slow), NTSYNC_STATUS_WAIT_0);
	assert_true(timer_state(f, slow).remaining == NTSYNC_WAIT_FOREVER);
	assert_ok(ntsync_nt_cancel_timer(f->nt, fast, NULL));
}

static void cancelled(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, true), later = new_timer(f, true);

	/* Far enough in the future that it has not expired when it is cancelled. */
	set_ms(f, timer, 3000, 5);
	assert_ok(ntsync_nt_cancel_timer(f->nt, timer, NULL));
	assert_true(timer_state(f, timer).remaining == NTSYNC_WAIT_FOREVER);
	assert_false(timer_state(f, timer).signaled);
	set_ms(f, later, 3010, 0);
	assert_status(wait_for(f, later), NTSYNC_STATUS_WAIT_0);
	assert_false(timer_state(f, timer).signaled);
}

static void set_again_while_set(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, true), later = new_timer(f, true);
	const struct ntsync_nt_deadline day = { realtime_ns() + 86400 * 1000 * NS_PER_MS,
						NTSYNC_WAIT_REALTIME };

	/* Earlier, and on the other clock. */
	assert_ok(ntsync_nt_set_timer(f->nt, timer, day, 0, NULL));
	set_ms(f, timer, 1, 0);
	assert_status(wait_for(f, timer), NTSYNC_STATUS_WAIT_0);
	/* Later: its first deadline passes without effect. */
	set_ms(f, timer, 3000, 0);
	set_ms(f, timer, 100000, 0);
	set_ms(f, later, 3010, 0);
	assert_status(wait_for(f, later), NTSYNC_STATUS_WAIT_0);
	assert_false(timer_state(f, timer).signaled);
}

static void destroyed_while_set(void **state)
{
	struct fixture *f = *state;
	uint32_t later = new_timer(f, true), event;

	for (int i = 0; i < 50; i++) {
		uint32_t timer = new_timer(f, true);

		set_ms(f, timer, i % 7, 1);
		close_handle(f, timer);
	}
	/* The descriptor may be that of a closed timer. */
	event = new_event(f, true, false);
	set_ms(f, later, 10, 0);
	assert_status(wait_for(f, later), NTSYNC_STATUS_WAIT_0);
	assert_false(event_signaled(f, event));
}

static void in_the_order_of_their_deadlines(void **state)
{
	enum { TIMERS = 50 };
	struct fixture *f = *state;
	uint32_t timers[TIMERS];
	struct ntsync_nt_deadline due[TIMERS];
	uint64_t from = now_ns() + 200 * NS_PER_MS;
	bool cancelled[TIMERS] = { false };

	for (int i = 0; i < TIMERS; i++) {
		/* 17 and 50 are coprime: each of the 50 places is used once. */
		due[i] = (struct ntsync_nt_deadline){
			.ns = from + (uint64_t)(i * 17 % TIMERS + 1) * NS_PER_MS,
		};
		timers[i] = new_timer(f, true);
		assert_ok(ntsync_nt_set_timer(f->nt, timers[i], due[i], 0, NULL));
	}
	for (int i = 0; i < TIMERS; i += 3) {
		int32_t expired = UNTOUCHED;

		assert_ok(ntsync_nt_cancel_timer(f->nt, timers[i], &expired));
		assert_true(!expired || now_ns() >= due[i].ns);
		cancelled[i] = !expired;
	}
	for (int i = 0; i < TIMERS; i++) {
		if (cancelled[i])
			continue;
		assert_status(wait_for(f, timers[i]), NTSYNC_STATUS_WAIT_0);
		assert_true(now_ns() >= due[i].ns);
	}
	/* All that expired before the last one are signaled, and no cancelled one is. */
	for (int i = 0; i < TIMERS; i++)
		assert_int_equal(timer_state(f, timers[i]).signaled, !cancelled[i]);
}

static void wrong_arguments(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, true);

	set_ms(f, timer, 100000, 0);
	assert_status(ntsync_nt_set_timer(f->nt, timer,
					  (struct ntsync_nt_deadline){ 0, 2 }, 0, NULL),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_set_timer(f->nt, timer,
					  (struct ntsync_nt_deadline){ UINT64_MAX - 1, 0 }, 0,
					  NULL), NTSYNC_STATUS_INVALID_PARAMETER);
	assert_true(timer_state(f, timer).remaining != NTSYNC_WAIT_FOREVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(not_set),
		TEST(relative),
		TEST(absolute),
		TEST(the_past),
		TEST(manual_stays_auto_does_not),
		TEST(setting_ends_the_signal),
		TEST(periodic),
		TEST(periodic_from_a_date),
		TEST(extreme_periods),
		TEST(cancelled),
		TEST(set_again_while_set),
		TEST(destroyed_while_set),
		TEST(in_the_order_of_their_deadlines),
		TEST(wrong_arguments),
	};

	return RUN(tests);
}
