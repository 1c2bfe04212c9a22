// SPDX-License-Identifier: GPL-2.0-only
#include "nt_test.h"

#define SLEEPER 500u

/* Each of them uses the id SLEEPER, so that the test knows which thread to alert. */
static uint32_t sleep_alertably(struct fixture *f, void *arg)
{
	(void)arg;
	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_delay(f->nt, true, FOREVER);
}

static uint32_t wait_alertably(struct fixture *f, void *arg)
{
	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, true, FOREVER);
}

static uint32_t wait_deaf(struct fixture *f, void *arg)
{
	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, false, FOREVER);
}

static void alert_ends_a_sleep(void **state)
{
	struct fixture *f = *state;
	struct helper *sleeper = start_asleep(f, sleep_alertably, NULL);

	assert_ok(ntsync_nt_alert_thread(f->nt, SLEEPER));
	assert_status(finish(sleeper), NTSYNC_STATUS_ALERTED);
}

static void apc_ends_a_wait(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false);
	struct helper *waiter = start_asleep(f, wait_alertably, &event);

	assert_ok(ntsync_nt_queue_apc(f->nt, SLEEPER));
	assert_status(finish(waiter), NTSYNC_STATUS_USER_APC);
}

static void a_wait_that_is_not_alertable_goes_on(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false);
	struct helper *waiter = start_asleep(f, wait_deaf, &event);

	assert_ok(ntsync_nt_alert_thread(f->nt, SLEEPER));
	assert_true(still_asleep(waiter));
	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
}

static void nobody_there(void **state)
{
	struct fixture *f = *state;

	assert_status(ntsync_nt_queue_apc(f->nt, 0), NTSYNC_STATUS_INVALID_CID);
	assert_status(ntsync_nt_alert_thread(f->nt, 0), NTSYNC_STATUS_INVALID_CID);
	/* A host thread can be alerted once it has its id, not before. */
	assert_status(ntsync_nt_alert_thread(f->nt, NTSYNC_NT_OWN_TIDS),
		      NTSYNC_STATUS_INVALID_CID);
	assert_status(ntsync_nt_queue_apc(f->nt, UINT32_MAX), NTSYNC_STATUS_INVALID_CID);
	assert_ok(ntsync_nt_test_alert(f->nt));
}

static uint32_t attach_and_poll(struct fixture *f, void *arg)
{
	(void)arg;
	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_delay(f->nt, true, POLL);
}

/* The guest has a thread's handle before the thread has started. */
static void sent_to_a_thread_before_it_attaches(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false);

	assert_ok(ntsync_nt_queue_apc(f->nt, SLEEPER));
	assert_status(finish(start(f, sleep_alertably, NULL)), NTSYNC_STATUS_USER_APC);
	/* The thread has ended: this alert is for the next one with its id. */
	assert_ok(ntsync_nt_alert_thread(f->nt, SLEEPER));
	assert_status(finish(start(f, wait_alertably, &event)), NTSYNC_STATUS_ALERTED);
	assert_ok(finish(start(f, attach_and_poll, NULL)));
}

static void what_was_sent_can_be_dropped(void **state)
{
	struct fixture *f = *state;

	assert_ok(ntsync_nt_queue_apc(f->nt, SLEEPER));
	assert_ok(ntsync_nt_alert_thread(f->nt, SLEEPER));
	assert_ok(ntsync_nt_thread_abandon(f->nt, SLEEPER));
	assert_status(ntsync_nt_thread_abandon(f->nt, SLEEPER), NTSYNC_STATUS_INVALID_CID);
	assert_ok(finish(start(f, attach_and_poll, NULL)));
}

/* Far more than the initial size of the table of ids; each thread gets its own alert. */
static void sent_to_many(void **state)
{
	enum { MANY = 5000 };
	struct fixture *f = *state;

	for (uint32_t tid = 4; tid <= 4 * MANY; tid += 4)
		assert_ok(tid % 8 ? ntsync_nt_queue_apc(f->nt, tid) :
				    ntsync_nt_alert_thread(f->nt, tid));
	for (uint32_t tid = 4; tid <= 4 * MANY; tid += 4) {
		assert_int_equal(ntsync_nt_thread_attach(f->nt, tid), 0);
		assert_status(ntsync_nt_test_alert(f->nt), tid % 8 ? NTSYNC_STATUS_USER_APC :
								     NTSYNC_STATUS_ALERTED);
		assert_ok(ntsync_nt_test_alert(f->nt));
		ntsync_nt_thread_detach(f->nt);
	}
}

/* An APC that waits alertably while another one is queued. */
static void the_next_apc_ends_the_wait_of_an_apc(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	assert_ok(ntsync_nt_queue_apc(f->nt, tid));
	assert_ok(ntsync_nt_queue_apc(f->nt, tid));
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_USER_APC);
	/* The first APC is taken and called; it waits. */
	assert_ok(ntsync_nt_set_apc_pending(f->nt, true));
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_USER_APC);
	assert_ok(ntsync_nt_set_apc_pending(f->nt, false));
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
	/* An APC may be reported as pending before the last one was, and taken without a wait. */
	assert_ok(ntsync_nt_queue_apc(f->nt, tid));
	assert_ok(ntsync_nt_set_apc_pending(f->nt, true));
	assert_ok(ntsync_nt_set_apc_pending(f->nt, false));
	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	assert_status(ntsync_nt_delay(f->nt, true, POLL), NTSYNC_STATUS_ALERTED);
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
}

/* Before its first alertable wait a thread has no event: the alert must be kept for that wait. */
static void an_alert_that_came_before(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_ALERTED);
	assert_ok(ntsync_nt_delay(f->nt, true, POLL));
	assert_ok(ntsync_nt_queue_apc(f->nt, tid));
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_USER_APC);
	assert_ok(ntsync_nt_delay(f->nt, true, POLL));
}

static void object_then_alert_then_timeout(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, true), tid = ntsync_nt_thread_id(f->nt);

	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	assert_status(ntsync_nt_wait_single(f->nt, event, true, POLL), NTSYNC_STATUS_WAIT_0);
	assert_status(ntsync_nt_wait_single(f->nt, event, true, POLL), NTSYNC_STATUS_ALERTED);
	assert_status(ntsync_nt_wait_single(f->nt, event, true, POLL), NTSYNC_STATUS_TIMEOUT);
}

static void in_a_wait_for_several(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[] = { new_event(f, false, false), new_event(f, false, true) };
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	assert_ok(ntsync_nt_queue_apc(f->nt, tid));
	assert_status(ntsync_nt_wait_multiple(f->nt, handles, 2, NTSYNC_NT_WAIT_ALL, true,
					      FOREVER), NTSYNC_STATUS_USER_APC);
	assert_true(event_signaled(f, handles[1]));
	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	assert_status(ntsync_nt_signal_and_wait(f->nt, handles[1], handles[0], true, FOREVER),
		      NTSYNC_STATUS_ALERTED);
}

/* First the alert, then the APC, and each of them only once. */
static void both(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	for (int round = 0; round < 3; round++) {
		assert_ok(ntsync_nt_queue_apc(f->nt, tid));
		assert_ok(ntsync_nt_queue_apc(f->nt, tid));
		assert_ok(ntsync_nt_alert_thread(f->nt, tid));
		assert_status(ntsync_nt_delay(f->nt, true, POLL), NTSYNC_STATUS_ALERTED);
		assert_status(ntsync_nt_delay(f->nt, true, POLL), NTSYNC_STATUS_USER_APC);
		assert_ok(ntsync_nt_delay(f->nt, true, POLL));
	}
}

/* The event is still set when the bit has been cleared; the next wait must not end by it. */
static void test_alert_takes_it(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	assert_ok(ntsync_nt_delay(f->nt, true, POLL));
	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	assert_status(ntsync_nt_test_alert(f->nt), NTSYNC_STATUS_ALERTED);
	assert_ok(ntsync_nt_test_alert(f->nt));
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
	assert_ok(ntsync_nt_queue_apc(f->nt, tid));
	assert_status(ntsync_nt_test_alert(f->nt), NTSYNC_STATUS_USER_APC);
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
}

/* Descriptor 0 is valid for an object, but as an alert it would mean none. */
static void the_alert_is_not_descriptor_0(void **state)
{
	struct fixture *f = *state;
	uint32_t status;

	env_free_fd_0();
	status = ntsync_nt_delay(f->nt, true, POLL);
	env_restore_fd_0();
	assert_ok(status);
	assert_ok(ntsync_nt_alert_thread(f->nt, ntsync_nt_thread_id(f->nt)));
	assert_status(ntsync_nt_delay(f->nt, true, POLL), NTSYNC_STATUS_ALERTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(alert_ends_a_sleep),
		TEST(apc_ends_a_wait),
		TEST(a_wait_that_is_not_alertable_goes_on),
		TEST(nobody_there),
		TEST(sent_to_a_thread_before_it_attaches),
		TEST(what_was_sent_can_be_dropped),
		TEST(sent_to_many),
		TEST(the_next_apc_ends_the_wait_of_an_apc),
		TEST(an_alert_that_came_before),
		TEST(object_then_alert_then_timeout),
		TEST(in_a_wait_for_several),
		TEST(both),
		TEST(test_alert_takes_it),
		TEST(the_alert_is_not_descriptor_0),
	};

	return RUN(tests);
}
