// SPDX-License-Identifier: GPL-2.0-only
/* Thread objects: a handle of a thread, which is signaled when the thread has ended. */
#include "nt_test.h"

#include <errno.h>
#include <stdatomic.h>

#define GUEST 500u

static uint32_t new_thread(struct fixture *f, uint32_t tid)
{
	uint32_t handle;

	assert_ok(ntsync_nt_thread_create_object(f->nt, &handle, tid));
	return handle;
}

static struct ntsync_nt_thread_state thread_state(struct fixture *f, uint32_t handle)
{
	struct ntsync_nt_thread_state state;

	assert_ok(ntsync_nt_query_thread(f->nt, handle, &state));
	return state;
}

/* -- How a guest thread ends ------------------------------------------------------------- */

static uint32_t attach(struct fixture *f)
{
	return (uint32_t)-ntsync_nt_thread_attach(f->nt, GUEST);
}

static uint32_t end_by_return(struct fixture *f, void *arg)
{
	uint32_t status = attach(f);

	return status ? status : ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, false, FOREVER);
}

static uint32_t end_by_detach(struct fixture *f, void *arg)
{
	uint32_t status = end_by_return(f, arg);

	ntsync_nt_thread_detach(f->nt);
	return status;
}

static uint32_t end_by_end(struct fixture *f, void *arg)
{
	uint32_t status = end_by_return(f, arg), ended = ntsync_nt_thread_end(f->nt);

	return status ? status : ended;
}

/* Bound to its own object, which is no event that the call could set. */
static uint32_t end_bound_to_itself(struct fixture *f, void *arg)
{
	uint32_t status = attach(f), handle;

	if (!status)
		status = ntsync_nt_open_thread(f->nt, &handle, GUEST);
	if (!status)
		status = ntsync_nt_bind_thread(f->nt, handle);
	if (!status)
		status = ntsync_nt_close(f->nt, handle);
	if (!status)
		status = ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, false, FOREVER);
	return status ? status : ntsync_nt_thread_end(f->nt);
}

static uint32_t end_by_abandonment(struct fixture *f, void *arg)
{
	uint32_t status = end_by_return(f, arg);

	return status ? status : ntsync_nt_thread_abandon(f->nt, GUEST);
}

static const helper_fn ends[] = {
	end_by_return, end_by_detach, end_by_end, end_bound_to_itself, end_by_abandonment,
};

/* The thread owns the mutant when it ends. Who waits for the thread finds it abandoned. */
static void signaled_after_the_mutants_were_abandoned(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, false);

	for (size_t i = 0; i < 50 * ARRAY_SIZE(ends); i++) {
		uint32_t thread = new_thread(f, GUEST);
		struct helper *helper = start(f, ends[i % ARRAY_SIZE(ends)], &mutant);

		assert_status(ntsync_nt_wait_single(f->nt, thread, false, FOREVER),
			      NTSYNC_STATUS_WAIT_0);
		assert_status(poll_handle(f, mutant), NTSYNC_STATUS_ABANDONED_WAIT_0);
		assert_ok(ntsync_nt_release_mutant(f->nt, mutant, NULL));
		/* For ever, and the id is free. */
		assert_status(poll_handle(f, thread), NTSYNC_STATUS_WAIT_0);
		assert_status(ntsync_nt_open_thread(f->nt, &(uint32_t){ 0 }, GUEST),
			      NTSYNC_STATUS_INVALID_CID);
		assert_ok(finish(helper));
		close_handle(f, thread);
	}
	check(f);
}

static void not_signaled_before(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false), thread = new_thread(f, GUEST);
	uint32_t both[] = { thread, new_event(f, true, true) };
	struct helper *helper = start_asleep(f, end_by_return, &event);

	assert_status(poll_handle(f, thread), NTSYNC_STATUS_TIMEOUT);
	assert_status(ntsync_nt_wait_multiple(f->nt, both, 2, NTSYNC_NT_WAIT_ALL, false, POLL),
		      NTSYNC_STATUS_TIMEOUT);
	assert_true(thread_state(f, thread).attached);
	assert_false(thread_state(f, thread).ended);
	assert_int_equal(thread_state(f, thread).tid, GUEST);
	assert_int_equal(thread_state(f, thread).exit_status, NTSYNC_STATUS_PENDING);
	assert_int_equal(info_of(f, thread).type, NTSYNC_NT_THREAD);
	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	assert_ok(finish(helper));
	assert_status(ntsync_nt_wait_multiple(f->nt, both, 2, NTSYNC_NT_WAIT_ALL, false, POLL),
		      NTSYNC_STATUS_WAIT_0);
	assert_true(thread_state(f, thread).ended);
	assert_false(thread_state(f, thread).attached);
	assert_int_equal(thread_state(f, thread).exit_status, NTSYNC_STATUS_SUCCESS);
}

static void nothing_else_signals_it(void **state)
{
	struct fixture *f = *state;
	uint32_t thread = new_thread(f, GUEST), event = new_event(f, false, false);

	assert_status(ntsync_nt_set_event(f->nt, thread, NULL), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_reset_event(f->nt, thread, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_pulse_event(f->nt, thread, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_query_event(f->nt, thread, NULL, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_signal_and_wait(f->nt, thread, event, false, POLL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_query_thread(f->nt, event, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_suspend_thread(f->nt, event, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(poll_handle(f, thread), NTSYNC_STATUS_TIMEOUT);
}

/* -- Its exit status --------------------------------------------------------------------- */

static uint32_t end_with_status(struct fixture *f, void *arg)
{
	uint32_t status = attach(f);

	if (!status)
		status = ntsync_nt_thread_set_exit_status(f->nt, NTSYNC_NT_CURRENT_THREAD,
							  *(uint32_t *)arg);
	return status;
}

static void exit_status(void **state)
{
	/* 259 is PENDING: a guest may exit with it. */
	static const uint32_t statuses[] = { 0, 1, NTSYNC_STATUS_PENDING, 0xc0000005 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		uint32_t thread = new_thread(f, GUEST), status = statuses[i];

		assert_ok(finish(start(f, end_with_status, &status)));
		assert_status(poll_handle(f, thread), NTSYNC_STATUS_WAIT_0);
		assert_int_equal(thread_state(f, thread).exit_status, status);
		assert_true(thread_state(f, thread).ended);
		assert_status(ntsync_nt_thread_set_exit_status(f->nt, thread, 7),
			      NTSYNC_STATUS_THREAD_IS_TERMINATING);
		assert_int_equal(thread_state(f, thread).exit_status, status);
	}
}

/* NtTerminateThread of a thread that the runtime has stopped, and of one that never ran. */
static void terminated(void **state)
{
	struct fixture *f = *state;
	uint32_t thread = new_thread(f, GUEST);

	assert_ok(ntsync_nt_thread_set_exit_status(f->nt, thread, 0xc000013a));
	assert_status(poll_handle(f, thread), NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_thread_abandon(f->nt, GUEST));
	assert_status(poll_handle(f, thread), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(thread_state(f, thread).exit_status, 0xc000013a);
	assert_status(ntsync_nt_thread_abandon(f->nt, GUEST), NTSYNC_STATUS_INVALID_CID);
}

/* -- Handles and pseudo-handles ---------------------------------------------------------- */

static uint32_t check_pseudo_handle(struct fixture *f, void *arg)
{
	uint32_t status = attach(f), event = new_event(f, false, true);

	if (status)
		return status;
	if (ntsync_nt_compare(f->nt, NTSYNC_NT_CURRENT_THREAD, *(uint32_t *)arg))
		return UNTOUCHED;
	status = poll_handle(f, NTSYNC_NT_CURRENT_THREAD);
	if (status != NTSYNC_STATUS_TIMEOUT)
		return UNTOUCHED;
	/* What the thread is bound to comes before its object. */
	assert_ok(ntsync_nt_bind_thread(f->nt, event));
	assert_status(poll_handle(f, NTSYNC_NT_CURRENT_THREAD), NTSYNC_STATUS_WAIT_0);
	assert_ok(ntsync_nt_bind_thread(f->nt, 0));
	return ntsync_nt_duplicate(f->nt, NTSYNC_NT_CURRENT_THREAD, (uint32_t *)arg, 0);
}

static void by_its_pseudo_handle(void **state)
{
	struct fixture *f = *state;
	uint32_t thread = new_thread(f, GUEST), arg = thread;

	assert_ok(finish(start(f, check_pseudo_handle, &arg)));
	assert_int_not_equal(arg, thread);
	assert_ok(ntsync_nt_compare(f->nt, arg, thread));
	assert_status(poll_handle(f, arg), NTSYNC_STATUS_WAIT_0);
}

static void the_callers_own(void **state)
{
	struct fixture *f = *state;
	uint32_t thread, again, tid = ntsync_nt_thread_id(f->nt), out = UNTOUCHED;

	assert_status(ntsync_nt_query_thread(f->nt, NTSYNC_NT_CURRENT_THREAD, NULL),
		      NTSYNC_STATUS_INVALID_HANDLE);
	assert_status(ntsync_nt_open_thread(f->nt, &out, tid), NTSYNC_STATUS_INVALID_CID);
	assert_int_equal(out, 0);
	thread = new_thread(f, 0);
	assert_int_equal(thread_state(f, NTSYNC_NT_CURRENT_THREAD).tid, tid);
	assert_status(ntsync_nt_thread_create_object(f->nt, &out, tid),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_thread_create_object(f->nt, NULL, GUEST),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_ok(ntsync_nt_open_thread(f->nt, &again, tid));
	assert_ok(ntsync_nt_compare(f->nt, again, thread));
	assert_int_equal(info_of(f, thread).handles, 2);
	/* The thread keeps it without a handle. */
	close_handle(f, thread);
	close_handle(f, again);
	check(f);
	assert_ok(ntsync_nt_open_thread(f->nt, &again, tid));
	ntsync_nt_thread_detach(f->nt);
	assert_status(poll_handle(f, again), NTSYNC_STATUS_WAIT_0);
	check(f);
}

static void nobody_there(void **state)
{
	struct fixture *f = *state;
	uint32_t out = UNTOUCHED;

	assert_status(ntsync_nt_thread_create_object(f->nt, &out, NTSYNC_NT_OWN_TIDS),
		      NTSYNC_STATUS_INVALID_CID);
	assert_int_equal(out, 0);
	assert_status(ntsync_nt_open_thread(f->nt, &out, 0), NTSYNC_STATUS_INVALID_CID);
	assert_status(ntsync_nt_open_thread(f->nt, &out, GUEST), NTSYNC_STATUS_INVALID_CID);
	if (env_fail_creates(EMFILE)) {
		assert_status(ntsync_nt_thread_create_object(f->nt, &out, GUEST),
			      NTSYNC_STATUS_TOO_MANY_OPENED_FILES);
		env_fail_creates(0);
		/* The failed call has left no thread. */
		assert_status(ntsync_nt_thread_abandon(f->nt, GUEST), NTSYNC_STATUS_INVALID_CID);
	}
}

/* Three handles are closed, and the id is used again, while the first thread's object is used. */
static void an_id_that_is_used_again(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, true, true), first = new_thread(f, GUEST), second;

	assert_ok(finish(start(f, end_by_return, &event)));
	second = new_thread(f, GUEST);
	assert_status(ntsync_nt_compare(f->nt, first, second), NTSYNC_STATUS_NOT_SAME_OBJECT);
	assert_ok(ntsync_nt_suspend_thread(f->nt, second, NULL));
	assert_status(ntsync_nt_suspend_thread(f->nt, first, NULL),
		      NTSYNC_STATUS_THREAD_IS_TERMINATING);
	assert_status(ntsync_nt_resume_thread(f->nt, first, NULL),
		      NTSYNC_STATUS_THREAD_IS_TERMINATING);
	assert_int_equal(thread_state(f, first).suspend_count, 0);
	assert_int_equal(thread_state(f, second).suspend_count, 1);
	assert_false(thread_state(f, second).ended);
}

/* -- Prepared before it runs ------------------------------------------------------------- */

static uint32_t run_prepared(struct fixture *f, void *arg)
{
	uint32_t status = attach(f);

	if (!status)
		status = ntsync_nt_thread_park(f->nt);
	if (!status)
		status = ntsync_nt_delay(f->nt, true, FOREVER);
	if (status != NTSYNC_STATUS_ALERTED)
		return status;
	*(uint32_t *)arg = ntsync_nt_delay(f->nt, true, FOREVER);
	return NTSYNC_STATUS_SUCCESS;
}

/* As by NtCreateThread with CREATE_SUSPENDED; it runs when it is resumed as often. */
static void prepared(void **state)
{
	struct fixture *f = *state;
	uint32_t thread = new_thread(f, GUEST), previous = UNTOUCHED, second = UNTOUCHED;
	struct helper *helper;

	assert_ok(ntsync_nt_suspend_thread(f->nt, thread, &previous));
	assert_int_equal(previous, 0);
	assert_ok(ntsync_nt_suspend_thread(f->nt, thread, &previous));
	assert_int_equal(previous, 1);
	assert_ok(ntsync_nt_queue_apc(f->nt, GUEST));
	assert_ok(ntsync_nt_alert_thread(f->nt, GUEST));
	assert_false(thread_state(f, thread).attached);
	helper = start_asleep(f, run_prepared, &second);
	assert_true(thread_state(f, thread).attached);
	assert_ok(ntsync_nt_resume_thread(f->nt, thread, &previous));
	assert_int_equal(previous, 2);
	assert_true(still_asleep(helper));
	assert_int_equal(thread_state(f, thread).suspend_count, 1);
	assert_ok(ntsync_nt_resume_thread(f->nt, thread, NULL));
	assert_ok(finish(helper));
	assert_int_equal(second, NTSYNC_STATUS_USER_APC);
}

static uint32_t park(struct fixture *f, void *arg)
{
	uint32_t status = attach(f);

	(void)arg;
	return status ? status : ntsync_nt_thread_park(f->nt);
}

static void stopped_while_parked(void **state)
{
	struct fixture *f = *state;
	uint32_t thread;
	struct helper *helper;

	for (int i = 0; i < 20; i++) {
		thread = new_thread(f, GUEST);
		assert_ok(ntsync_nt_suspend_thread(f->nt, thread, NULL));
		helper = start_asleep(f, park, NULL);
		if (i % 2) {
			assert_ok(ntsync_nt_stop(f->nt, NTSYNC_STATUS_CANCELLED));
			ntsync_nt_resume(f->nt);
		} else {
			assert_ok(ntsync_nt_interrupt_thread(f->nt, GUEST,
							     NTSYNC_STATUS_CANCELLED));
		}
		assert_status(finish(helper), NTSYNC_STATUS_CANCELLED);
		close_handle(f, thread);
	}
}

static void the_suspend_count(void **state)
{
	struct fixture *f = *state;
	uint32_t thread = new_thread(f, GUEST), previous = UNTOUCHED;

	assert_ok(ntsync_nt_resume_thread(f->nt, thread, &previous));
	assert_int_equal(previous, 0);
	for (uint32_t i = 0; i < 127; i++) {
		assert_ok(ntsync_nt_suspend_thread(f->nt, thread, &previous));
		assert_int_equal(previous, i);
	}
	previous = UNTOUCHED;
	assert_status(ntsync_nt_suspend_thread(f->nt, thread, &previous),
		      NTSYNC_STATUS_SUSPEND_COUNT_EXCEEDED);
	assert_int_equal(previous, UNTOUCHED);
	assert_int_equal(thread_state(f, thread).suspend_count, 127);
}

/* A wait in progress is not disturbed by suspend and resume: a pulse still reaches it. */
static void counting_does_not_end_a_wait(void **state)
{
	struct fixture *f = *state;
	uint32_t thread = new_thread(f, GUEST), event = new_event(f, false, false);
	struct helper *helper = start_asleep(f, end_by_return, &event);

	assert_ok(ntsync_nt_suspend_thread(f->nt, thread, NULL));
	assert_ok(ntsync_nt_resume_thread(f->nt, thread, NULL));
	assert_ok(ntsync_nt_pulse_event(f->nt, event, NULL));
	assert_ok(finish(helper));
}

/* -- Races ------------------------------------------------------------------------------- */

/**
 * struct race - a thread that attaches and ends again and again
 * @over: it is to exit
 */
struct race {
	atomic_bool over;
};

static uint32_t come_and_go(struct fixture *f, void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->over)) {
		int ret = ntsync_nt_thread_attach(f->nt, GUEST);

		if (ret)
			return (uint32_t)-ret;
		ntsync_nt_thread_detach(f->nt);
	}
	return NTSYNC_STATUS_SUCCESS;
}

/* The object is created for the thread before, during or after its life. */
static void created_while_it_ends(void **state)
{
	struct fixture *f = *state;
	struct race race = { .over = false };
	struct helper *helper = start(f, come_and_go, &race);

	for (int i = 0; i < 1000; i++) {
		uint32_t thread = new_thread(f, GUEST), again = 0;

		if (!ntsync_nt_open_thread(f->nt, &again, GUEST))
			close_handle(f, again);
		ntsync_nt_suspend_thread(f->nt, thread, NULL);
		assert_ok(ntsync_nt_wait_single(f->nt, thread, false, FOREVER));
		assert_true(thread_state(f, thread).ended);
		close_handle(f, thread);
	}
	atomic_store(&race.over, true);
	assert_ok(finish(helper));
	check(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(signaled_after_the_mutants_were_abandoned),
		TEST(not_signaled_before),
		TEST(nothing_else_signals_it),
		TEST(exit_status),
		TEST(terminated),
		TEST(by_its_pseudo_handle),
		TEST(the_callers_own),
		TEST(nobody_there),
		TEST(an_id_that_is_used_again),
		TEST(prepared),
		TEST(stopped_while_parked),
		TEST(the_suspend_count),
		TEST(counting_does_not_end_a_wait),
		TEST(created_while_it_ends),
	};

	return RUN(tests);
}
