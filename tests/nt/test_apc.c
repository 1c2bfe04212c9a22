// SPDX-License-Identifier: GPL-2.0-only
/* The library's queue of APCs, and timers that fill it. */
#include "nt_test.h"

#include <errno.h>

#define GUEST 500u

static struct ntsync_nt_apc make_apc(uint64_t function)
{
	return (struct ntsync_nt_apc){ function, { function + 1, function + 2, UINT64_MAX } };
}

static void queue_apc(struct fixture *f, uint32_t tid, uint64_t function)
{
	const struct ntsync_nt_apc apc = make_apc(function);

	assert_ok(ntsync_nt_queue_user_apc(f->nt, tid, &apc));
}

static void take_apc(struct fixture *f, uint64_t function)
{
	struct ntsync_nt_apc apc;

	assert_ok(ntsync_nt_take_apc(f->nt, &apc));
	assert_true(apc.function == function);
	assert_true(apc.arguments[0] == function + 1);
	assert_true(apc.arguments[1] == function + 2);
	assert_true(apc.arguments[2] == UINT64_MAX);
}

static void assert_no_apc(struct fixture *f)
{
	struct ntsync_nt_apc apc = { .function = UNTOUCHED };

	assert_status(ntsync_nt_take_apc(f->nt, &apc), NTSYNC_STATUS_NO_MORE_ENTRIES);
	assert_true(apc.function == UNTOUCHED);
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
}

/* -- The queue --------------------------------------------------------------------------- */

static void in_order(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	assert_no_apc(f);
	for (uint64_t i = 1; i <= 100; i++)
		queue_apc(f, tid, i);
	/* A wait that is not alertable leaves them there. */
	assert_ok(ntsync_nt_delay(f->nt, false, in_ms(1)));
	for (uint64_t i = 1; i <= 100; i++) {
		if (i % 3 == 0)
			assert_status(ntsync_nt_delay(f->nt, true, FOREVER),
				      NTSYNC_STATUS_USER_APC);
		if (i % 3 == 1)
			assert_status(ntsync_nt_test_alert(f->nt), NTSYNC_STATUS_USER_APC);
		take_apc(f, i);
		if (i <= 10)
			queue_apc(f, tid, 100 + i);
	}
	for (uint64_t i = 101; i <= 110; i++)
		take_apc(f, i);
	assert_no_apc(f);
	assert_ok(ntsync_nt_test_alert(f->nt));
}

/* An APC that waits alertably calls the next one, as often as there is one. */
static void a_wait_in_an_apc(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt), never = new_event(f, false, false);

	queue_apc(f, tid, 1);
	queue_apc(f, tid, 2);
	queue_apc(f, tid, 3);
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_USER_APC);
	take_apc(f, 1);
	assert_status(ntsync_nt_wait_single(f->nt, never, true, FOREVER), NTSYNC_STATUS_USER_APC);
	take_apc(f, 2);
	assert_status(ntsync_nt_signal_and_wait(f->nt, new_event(f, false, false), never, true,
						FOREVER), NTSYNC_STATUS_USER_APC);
	/* Still there if the runtime does not take it. */
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_USER_APC);
	take_apc(f, 3);
	assert_status(ntsync_nt_wait_single(f->nt, never, true, in_ms(1)), NTSYNC_STATUS_TIMEOUT);
}

static uint32_t sleep_and_take(struct fixture *f, void *arg)
{
	struct ntsync_nt_apc *apc = arg;
	uint32_t status;

	if (ntsync_nt_thread_attach(f->nt, GUEST))
		return UNTOUCHED;
	status = ntsync_nt_delay(f->nt, true, FOREVER);
	if (status != NTSYNC_STATUS_USER_APC)
		return status;
	return ntsync_nt_take_apc(f->nt, apc);
}

static void ends_a_sleep(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_apc apc = { 0 };
	struct helper *helper = start_asleep(f, sleep_and_take, &apc);

	queue_apc(f, GUEST, 7);
	assert_ok(finish(helper));
	assert_true(apc.function == 7);
}

static void before_it_attaches(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_apc apc = { 0 };

	queue_apc(f, GUEST, 8);
	queue_apc(f, GUEST, 9);
	assert_ok(finish(start(f, sleep_and_take, &apc)));
	assert_true(apc.function == 8);
	/* What a thread has not taken is gone with it, also if it never ran. */
	queue_apc(f, GUEST, 10);
	assert_ok(ntsync_nt_thread_abandon(f->nt, GUEST));
	assert_status(ntsync_nt_thread_abandon(f->nt, GUEST), NTSYNC_STATUS_INVALID_CID);
	assert_int_equal(ntsync_nt_thread_attach(f->nt, GUEST), 0);
	assert_no_apc(f);
}

/* An attach that fails keeps them for the next try. */
static void a_failed_attach(void **state)
{
	struct fixture *f = *state;

	queue_apc(f, GUEST, 3);
	if (!env_fail_creates(EMFILE))
		skip();
	assert_int_equal(ntsync_nt_thread_attach(f->nt, GUEST), -EMFILE);
	env_fail_creates(0);
	assert_int_equal(ntsync_nt_thread_attach(f->nt, GUEST), 0);
	take_apc(f, 3);
}

/* The order of NT: the object, an alert, an APC, the deadline. */
static void among_other_reasons(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt), event = new_event(f, false, true);

	queue_apc(f, tid, 1);
	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	assert_status(ntsync_nt_wait_single(f->nt, event, true, POLL), NTSYNC_STATUS_WAIT_0);
	assert_status(ntsync_nt_wait_single(f->nt, event, true, POLL), NTSYNC_STATUS_ALERTED);
	assert_status(ntsync_nt_wait_single(f->nt, event, true, POLL), NTSYNC_STATUS_USER_APC);
	take_apc(f, 1);
	assert_status(ntsync_nt_wait_single(f->nt, event, true, POLL), NTSYNC_STATUS_TIMEOUT);
}

/* A runtime may have a queue of its own besides. */
static void beside_the_runtimes_queue(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	queue_apc(f, tid, 1);
	assert_ok(ntsync_nt_queue_apc(f->nt, tid));
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_USER_APC);
	take_apc(f, 1);
	assert_no_apc(f);
	queue_apc(f, tid, 2);
	assert_ok(ntsync_nt_set_apc_pending(f->nt, false));
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_USER_APC);
	take_apc(f, 2);
	assert_no_apc(f);
}

static void wrong_arguments(void **state)
{
	const struct ntsync_nt_apc apc = make_apc(1);
	struct fixture *f = *state;

	assert_status(ntsync_nt_queue_user_apc(f->nt, 0, &apc), NTSYNC_STATUS_INVALID_CID);
	assert_status(ntsync_nt_queue_user_apc(f->nt, UINT32_MAX, &apc),
		      NTSYNC_STATUS_INVALID_CID);
	assert_status(ntsync_nt_queue_user_apc(f->nt, GUEST, NULL),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_take_apc(f->nt, NULL), NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_set_timer_apc(f->nt, new_timer(f, true), POLL, 0, NULL, NULL),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_set_timer_apc(f->nt, new_event(f, true, true), POLL, 0, &apc, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_thread_abandon(f->nt, GUEST), NTSYNC_STATUS_INVALID_CID);
	assert_no_apc(f);
}

/* -- Timers ------------------------------------------------------------------------------ */

#define EPOCH 116444736000000000ull

static void set_apc(struct fixture *f, uint32_t timer, struct ntsync_nt_deadline due,
		    uint64_t period, uint64_t function)
{
	const struct ntsync_nt_apc apc = make_apc(function);

	assert_ok(ntsync_nt_set_timer_apc(f->nt, timer, due, period, &apc, NULL));
}

static void take_timers_apc(struct fixture *f, uint64_t function)
{
	uint64_t now = realtime_ns() / 100 + EPOCH, time;
	struct ntsync_nt_apc apc;

	assert_ok(ntsync_nt_take_apc(f->nt, &apc));
	assert_true(apc.function == function);
	assert_true(apc.arguments[0] == function + 1);
	assert_true(apc.arguments[1] <= UINT32_MAX && apc.arguments[2] <= UINT32_MAX);
	time = apc.arguments[2] << 32 | apc.arguments[1];
	assert_true(time <= now && now - time < 600ull * 10000000);
}

static void a_timers_apc(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false), never = new_event(f, false, false);

	set_apc(f, timer, in_ms(5), 0, 4);
	assert_status(ntsync_nt_wait_single(f->nt, never, true, FOREVER), NTSYNC_STATUS_USER_APC);
	take_timers_apc(f, 4);
	/* Its event was set, too. */
	assert_status(poll_handle(f, timer), NTSYNC_STATUS_WAIT_0);
	assert_no_apc(f);
	/* In the past: at once. */
	set_apc(f, timer, POLL, 0, 5);
	assert_status(ntsync_nt_test_alert(f->nt), NTSYNC_STATUS_USER_APC);
	take_timers_apc(f, 5);
	assert_no_apc(f);
}

static void each_period(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, true);

	set_apc(f, timer, in_ms(2), 2 * NS_PER_MS, 6);
	for (int i = 0; i < 5; i++) {
		assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_USER_APC);
		take_timers_apc(f, 6);
	}
	assert_ok(ntsync_nt_cancel_timer(f->nt, timer, NULL));
	assert_no_apc(f);
}

/* As on NT: while it is in the queue, a further expiry adds nothing. */
static void at_most_once_in_the_queue(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false), tid = ntsync_nt_thread_id(f->nt);

	set_apc(f, timer, POLL, NS_PER_MS, 6);
	queue_apc(f, tid, 10);
	for (int i = 0; i < 5; i++)
		assert_status(ntsync_nt_wait_single(f->nt, timer, false, FOREVER),
			      NTSYNC_STATUS_WAIT_0);
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_USER_APC);
	take_timers_apc(f, 6);
	take_apc(f, 10);
	assert_ok(ntsync_nt_cancel_timer(f->nt, timer, NULL));
	assert_no_apc(f);
}

/* Cancelled, set again without one, set again with another one, closed. */
static void removed_with_its_timer(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false), tid = ntsync_nt_thread_id(f->nt);

	for (int i = 0; i < 4; i++) {
		queue_apc(f, tid, 1);
		set_apc(f, timer, POLL, 0, 7);
		queue_apc(f, tid, 2);
		if (i == 0)
			assert_ok(ntsync_nt_cancel_timer(f->nt, timer, NULL));
		if (i == 1)
			set_ms(f, timer, 0, 0);
		if (i == 2)
			set_apc(f, timer, in_ms(1000000), 0, 8);
		if (i == 3)
			close_handle(f, timer);
		take_apc(f, 1);
		take_apc(f, 2);
		assert_no_apc(f);
	}
	/* The last one of the queue. */
	for (int i = 0; i < 2; i++) {
		timer = new_timer(f, false);
		if (i)
			queue_apc(f, tid, 1);
		set_apc(f, timer, POLL, 0, 7);
		close_handle(f, timer);
		queue_apc(f, tid, 3);
		if (i)
			take_apc(f, 1);
		take_apc(f, 3);
		assert_no_apc(f);
	}
}

static uint32_t set_for_itself(struct fixture *f, void *arg)
{
	const struct ntsync_nt_apc apc = make_apc(9);
	uint32_t *timers = arg;

	for (int i = 0; i < 4; i++)
		ntsync_nt_set_timer_apc(f->nt, timers[i], i % 2 ? POLL : in_ms(1000000), 0, &apc,
					NULL);
	return ntsync_nt_test_alert(f->nt);
}

/* The thread that would get the APC has ended. */
static void cancelled_with_its_thread(void **state)
{
	struct fixture *f = *state;
	uint32_t timers[4];

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 4; i++)
			timers[i] = new_timer(f, true);
		assert_status(finish(start(f, set_for_itself, timers)), NTSYNC_STATUS_USER_APC);
		for (int i = 0; i < 4; i++) {
			assert_true(timer_state(f, timers[i]).remaining == NTSYNC_WAIT_FOREVER);
			assert_int_equal(timer_state(f, timers[i]).signaled, i % 2);
			close_handle(f, timers[i]);
		}
	}
	assert_no_apc(f);
}

/* Only the thread that has set it gets it; and setting it again moves it. */
static void to_the_thread_that_set_it(void **state)
{
	struct fixture *f = *state;
	uint32_t timers[4];

	for (int i = 0; i < 4; i++) {
		timers[i] = new_timer(f, false);
		set_apc(f, timers[i], in_ms(1000000), 0, 1);
	}
	assert_status(finish(start(f, set_for_itself, timers)), NTSYNC_STATUS_USER_APC);
	assert_no_apc(f);
	set_apc(f, timers[0], POLL, 0, 2);
	take_timers_apc(f, 2);
	assert_no_apc(f);
}

/* -- Races ------------------------------------------------------------------------------- */

#define MANY 2000

static uint32_t take_many(struct fixture *f, void *arg)
{
	uint64_t *sum = arg;

	if (ntsync_nt_thread_attach(f->nt, GUEST))
		return UNTOUCHED;
	for (int taken = 0; taken < 2 * MANY;) {
		struct ntsync_nt_apc apc;
		uint32_t status = ntsync_nt_delay(f->nt, true, FOREVER);

		if (status != NTSYNC_STATUS_USER_APC)
			return status;
		while (!ntsync_nt_take_apc(f->nt, &apc)) {
			*sum += apc.function;
			taken++;
		}
	}
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t queue_many(struct fixture *f, void *arg)
{
	uint32_t status = NTSYNC_STATUS_SUCCESS;

	(void)arg;
	for (uint64_t i = 1; i <= MANY && !status; i++) {
		const struct ntsync_nt_apc apc = make_apc(i);

		status = ntsync_nt_queue_user_apc(f->nt, GUEST, &apc);
	}
	return status;
}

static void none_is_lost(void **state)
{
	struct fixture *f = *state;
	uint64_t sum = 0;
	struct helper *taker = start_asleep(f, take_many, &sum);
	struct helper *other = start(f, queue_many, NULL);

	assert_ok(queue_many(f, NULL));
	assert_ok(finish(other));
	assert_ok(finish(taker));
	assert_true(sum == (uint64_t)MANY * (MANY + 1));
}

static uint32_t set_and_end(struct fixture *f, void *arg)
{
	const struct ntsync_nt_apc apc = make_apc(9);
	uint32_t timer = *(uint32_t *)arg;

	for (int i = 0; i < 200; i++) {
		ntsync_nt_set_timer_apc(f->nt, timer, POLL, 1000, &apc, NULL);
		ntsync_nt_take_apc(f->nt, &(struct ntsync_nt_apc){ 0 });
		ntsync_nt_thread_detach(f->nt);
	}
	return NTSYNC_STATUS_SUCCESS;
}

/* The timer expires while its thread ends, and another thread sets it. */
static void a_thread_that_ends_as_it_expires(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false);
	struct helper *a = start(f, set_and_end, &timer), *b = start(f, set_and_end, &timer);

	for (int i = 0; i < 200; i++)
		ntsync_nt_cancel_timer(f->nt, timer, NULL);
	assert_ok(finish(a));
	assert_ok(finish(b));
	check(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_order),
		TEST(a_wait_in_an_apc),
		TEST(ends_a_sleep),
		TEST(before_it_attaches),
		TEST(a_failed_attach),
		TEST(among_other_reasons),
		TEST(beside_the_runtimes_queue),
		TEST(wrong_arguments),
		TEST(a_timers_apc),
		TEST(each_period),
		TEST(at_most_once_in_the_queue),
		TEST(removed_with_its_timer),
		TEST(cancelled_with_its_thread),
		TEST(to_the_thread_that_set_it),
		TEST(none_is_lost),
		TEST(a_thread_that_ends_as_it_expires),
	};

	return RUN(tests);
}
