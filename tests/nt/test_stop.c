// SPDX-License-Identifier: GPL-2.0-only
/* Ending one thread's wait, or all waits of a table. */
#include "nt_test.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#define SLEEPER		500u
#define CANCELLED	NTSYNC_STATUS_CANCELLED
/* What a runtime may choose: STATUS_PROCESS_IS_TERMINATING. */
#define TERMINATING	0xc000010au

/* -- Calls that sleep --------------------------------------------------------------------- */

/**
 * struct sleep - a call that sleeps
 * @handles: a signaled event and one that is never signaled
 * @alertable: whether the call is alertable
 * @semaphore: what signal-and-wait signals
 */
struct sleep {
	uint32_t handles[2];
	bool alertable;
	uint32_t semaphore;
};

static uint32_t sleep_for_one(struct fixture *f, void *arg)
{
	const struct sleep *s = arg;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_wait_single(f->nt, s->handles[1], s->alertable, FOREVER);
}

static uint32_t sleep_for_all(struct fixture *f, void *arg)
{
	const struct sleep *s = arg;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_wait_multiple(f->nt, s->handles, 2, NTSYNC_NT_WAIT_ALL, s->alertable,
				       FOREVER);
}

static uint32_t sleep_with_a_deadline(struct fixture *f, void *arg)
{
	const struct sleep *s = arg;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_wait_multiple(f->nt, &s->handles[1], 1, NTSYNC_NT_WAIT_ANY, s->alertable,
				       in_ms(1000000));
}

static uint32_t sleep_after_a_signal(struct fixture *f, void *arg)
{
	const struct sleep *s = arg;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_signal_and_wait(f->nt, s->semaphore, s->handles[1], s->alertable,
					 FOREVER);
}

static uint32_t sleep_alone(struct fixture *f, void *arg)
{
	const struct sleep *s = arg;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_delay(f->nt, s->alertable, FOREVER);
}

static const helper_fn sleeps[] = {
	sleep_for_one, sleep_for_all, sleep_with_a_deadline, sleep_after_a_signal, sleep_alone,
};

static struct sleep make_sleep(struct fixture *f, bool alertable)
{
	return (struct sleep){
		.handles = { new_event(f, true, true), new_event(f, false, false) },
		.alertable = alertable,
		.semaphore = new_semaphore(f, 0, 100),
	};
}

static uint32_t stop(struct fixture *f)
{
	return ntsync_nt_stop(f->nt, CANCELLED);
}

/* -- Stop -------------------------------------------------------------------------------- */

static void each_wait_ends(struct fixture *f, bool alertable)
{
	struct sleep s = make_sleep(f, alertable);

	for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++) {
		struct helper *helper = start_asleep(f, sleeps[i], &s);

		assert_ok(stop(f));
		assert_status(finish(helper), CANCELLED);
		ntsync_nt_resume(f->nt);
	}
	assert_int_equal(semaphore_count(f, s.semaphore), 1);
	assert_true(event_signaled(f, s.handles[0]));
}

static void stop_ends_each_wait(void **state)
{
	each_wait_ends(*state, false);
}

static void stop_ends_each_alertable_wait(void **state)
{
	each_wait_ends(*state, true);
}

static uint32_t wait_forever(struct fixture *f, void *arg)
{
	return ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, false, FOREVER);
}

/* Also of threads without an id of the guest; and after that the table can be destroyed. */
static void stop_ends_all_waits(void **state)
{
	enum { MANY = 20 };
	struct fixture *f = *state;
	struct helper *helpers[MANY];
	uint32_t mutant = new_mutant(f, true);

	for (int i = 0; i < MANY; i++)
		helpers[i] = start_asleep(f, wait_forever, &mutant);
	assert_ok(ntsync_nt_stop(f->nt, TERMINATING));
	for (int i = 0; i < MANY; i++)
		assert_status(finish(helpers[i]), TERMINATING);
	check(f);
	assert_ok(ntsync_nt_release_mutant(f->nt, mutant, NULL));
}

static void a_stopped_table_refuses_waits(void **state)
{
	struct fixture *f = *state;
	uint32_t ready = new_event(f, false, true), semaphore = new_semaphore(f, 0, 9);
	uint32_t mutant = new_mutant(f, true);

	assert_ok(stop(f));
	assert_status(poll_handle(f, ready), CANCELLED);
	assert_status(ntsync_nt_wait_single(f->nt, ready, true, FOREVER), CANCELLED);
	assert_status(ntsync_nt_wait_multiple(f->nt, &ready, 1, NTSYNC_NT_WAIT_ALL, false, POLL),
		      CANCELLED);
	assert_status(ntsync_nt_delay(f->nt, false, POLL), CANCELLED);
	assert_true(event_signaled(f, ready));
	/* The signal is made, so that the runtime knows whether it was. */
	assert_status(ntsync_nt_signal_and_wait(f->nt, semaphore, ready, false, FOREVER),
		      CANCELLED);
	assert_int_equal(semaphore_count(f, semaphore), 1);
	assert_status(ntsync_nt_signal_and_wait(f->nt, mutant, ready, false, FOREVER), CANCELLED);
	assert_status(ntsync_nt_signal_and_wait(f->nt, mutant, ready, false, FOREVER),
		      NTSYNC_STATUS_MUTANT_NOT_OWNED);
	assert_status(ntsync_nt_wait_single(f->nt, ready + 400, false, POLL),
		      NTSYNC_STATUS_INVALID_HANDLE);
	assert_true(event_signaled(f, ready));
	/* Another stop, another status. */
	assert_ok(ntsync_nt_stop(f->nt, TERMINATING));
	assert_status(poll_handle(f, ready), TERMINATING);
	check(f);
	ntsync_nt_resume(f->nt);
	assert_status(poll_handle(f, ready), NTSYNC_STATUS_WAIT_0);
	assert_ok(ntsync_nt_delay(f->nt, false, in_ms(1)));
}

/* The threads run only after the table goes on. */
static void a_short_stop_ends_the_waits_all_the_same(void **state)
{
	struct fixture *f = *state;
	struct sleep s = make_sleep(f, false);

	for (int i = 0; i < 50; i++) {
		struct helper *helper = start_asleep(f, sleeps[i % ARRAY_SIZE(sleeps)], &s);

		assert_ok(stop(f));
		ntsync_nt_resume(f->nt);
		assert_status(finish(helper), CANCELLED);
	}
}

static void resume_without_a_stop(void **state)
{
	struct fixture *f = *state;

	ntsync_nt_resume(f->nt);
	assert_ok(ntsync_nt_delay(f->nt, false, in_ms(1)));
	assert_ok(stop(f));
	ntsync_nt_resume(f->nt);
	ntsync_nt_resume(f->nt);
	assert_ok(ntsync_nt_delay(f->nt, false, in_ms(1)));
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
}

static void alerts_survive_a_stop(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);
	struct sleep s = make_sleep(f, true);
	struct helper *helper;

	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	assert_ok(stop(f));
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), CANCELLED);
	ntsync_nt_resume(f->nt);
	assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_ALERTED);
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
	/* A wait that is not alertable leaves both where they are. */
	s.alertable = false;
	helper = start_asleep(f, sleep_for_one, &s);
	assert_ok(ntsync_nt_queue_apc(f->nt, SLEEPER));
	assert_true(still_asleep(helper));
	assert_ok(stop(f));
	assert_status(finish(helper), CANCELLED);
}

static void a_thread_that_attaches_later(void **state)
{
	struct fixture *f = *state;
	struct sleep s = make_sleep(f, false);

	assert_ok(stop(f));
	assert_status(finish(start(f, sleep_for_one, &s)), CANCELLED);
	ntsync_nt_resume(f->nt);
	assert_ok(ntsync_nt_set_event(f->nt, s.handles[1], NULL));
	assert_status(finish(start(f, sleep_for_one, &s)), NTSYNC_STATUS_WAIT_0);
}

static void ignore_signal(int sig)
{
	(void)sig;
}

/* A handler runs in the middle of the wait, and the wait starts again when the stop is over. */
static void a_signal_handler_does_not_hide_a_stop(void **state)
{
	const struct sigaction without_restart = { .sa_handler = ignore_signal };
	struct fixture *f = *state;
	struct sleep s = make_sleep(f, false);

	sigaction(SIGUSR1, &without_restart, NULL);
	for (int i = 0; i < 20; i++) {
		struct helper *helper = start_asleep(f, sleep_for_one, &s);

		interrupt(helper, SIGUSR1);
		assert_ok(stop(f));
		ntsync_nt_resume(f->nt);
		assert_status(finish(helper), CANCELLED);
	}
}

/* -- One thread -------------------------------------------------------------------------- */

static void interruption_ends_each_wait(void **state)
{
	struct fixture *f = *state;

	for (int alertable = 0; alertable < 2; alertable++) {
		struct sleep s = make_sleep(f, alertable);

		for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++) {
			struct helper *helper = start_asleep(f, sleeps[i], &s);

			assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, TERMINATING));
			assert_status(finish(helper), TERMINATING);
		}
		assert_int_equal(semaphore_count(f, s.semaphore), 1);
	}
}

static void only_that_thread(void **state)
{
	struct fixture *f = *state;
	struct sleep s = make_sleep(f, false);
	struct helper *other = start_asleep(f, wait_forever, &s.handles[1]);
	struct helper *helper = start_asleep(f, sleep_for_one, &s);

	assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, CANCELLED));
	assert_status(finish(helper), CANCELLED);
	assert_true(still_asleep(other));
	assert_ok(ntsync_nt_set_event(f->nt, s.handles[1], NULL));
	assert_status(finish(other), NTSYNC_STATUS_WAIT_0);
}

static void the_next_wait_and_only_once(void **state)
{
	struct fixture *f = *state;
	uint32_t ready = new_event(f, true, true), tid = ntsync_nt_thread_id(f->nt);

	assert_ok(ntsync_nt_interrupt_thread(f->nt, tid, TERMINATING));
	assert_ok(ntsync_nt_interrupt_thread(f->nt, tid, CANCELLED));
	assert_ok(ntsync_nt_set_event(f->nt, ready, NULL));
	assert_status(poll_handle(f, ready), CANCELLED);
	assert_status(poll_handle(f, ready), NTSYNC_STATUS_WAIT_0);
	assert_ok(ntsync_nt_delay(f->nt, false, in_ms(1)));
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
	/* Withdrawn. */
	assert_ok(ntsync_nt_interrupt_thread(f->nt, tid, CANCELLED));
	assert_ok(ntsync_nt_interrupt_thread(f->nt, tid, 0));
	assert_status(poll_handle(f, ready), NTSYNC_STATUS_WAIT_0);
	assert_ok(ntsync_nt_delay(f->nt, false, in_ms(1)));
}

/* A signal-and-wait that fails has changed nothing: the next wait returns the status. */
static void not_by_a_call_whose_signal_fails(void **state)
{
	struct fixture *f = *state;
	uint32_t ready = new_event(f, true, true), full = new_semaphore(f, 1, 1);
	uint32_t mutant = new_mutant(f, false), tid = ntsync_nt_thread_id(f->nt);

	assert_ok(ntsync_nt_interrupt_thread(f->nt, tid, CANCELLED));
	assert_status(ntsync_nt_signal_and_wait(f->nt, mutant, ready, false, FOREVER),
		      NTSYNC_STATUS_MUTANT_NOT_OWNED);
	assert_status(ntsync_nt_signal_and_wait(f->nt, full, ready, true, FOREVER),
		      NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED);
	assert_status(poll_handle(f, ready), CANCELLED);
	assert_status(poll_handle(f, ready), NTSYNC_STATUS_WAIT_0);
}

static void before_an_alert_which_stays(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	for (int i = 0; i < 3; i++) {
		assert_ok(ntsync_nt_queue_apc(f->nt, tid));
		assert_ok(ntsync_nt_alert_thread(f->nt, tid));
		assert_ok(ntsync_nt_interrupt_thread(f->nt, tid, CANCELLED));
		assert_status(ntsync_nt_delay(f->nt, true, FOREVER), CANCELLED);
		assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_ALERTED);
		assert_status(ntsync_nt_delay(f->nt, true, FOREVER), NTSYNC_STATUS_USER_APC);
		assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
	}
}

static void before_the_thread_attaches(void **state)
{
	struct fixture *f = *state;
	struct sleep s = make_sleep(f, false);

	assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, CANCELLED));
	assert_status(finish(start(f, sleep_for_one, &s)), CANCELLED);
	/* Discarded, and the id is unknown again. */
	assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, CANCELLED));
	assert_ok(ntsync_nt_thread_abandon(f->nt, SLEEPER));
	assert_status(ntsync_nt_thread_abandon(f->nt, SLEEPER), NTSYNC_STATUS_INVALID_CID);
	assert_ok(ntsync_nt_set_event(f->nt, s.handles[1], NULL));
	assert_status(finish(start(f, sleep_for_one, &s)), NTSYNC_STATUS_WAIT_0);
}

static void wrong_arguments(void **state)
{
	static const uint32_t no_errors[] = { 0, NTSYNC_STATUS_TIMEOUT, NTSYNC_STATUS_USER_APC,
					      0x40000000, 0x80000005, 0xbfffffff };
	struct fixture *f = *state;
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	for (size_t i = 0; i < ARRAY_SIZE(no_errors); i++) {
		assert_status(ntsync_nt_stop(f->nt, no_errors[i]), NTSYNC_STATUS_INVALID_PARAMETER);
		if (i)
			assert_status(ntsync_nt_interrupt_thread(f->nt, tid, no_errors[i]),
				      NTSYNC_STATUS_INVALID_PARAMETER);
	}
	assert_status(ntsync_nt_interrupt_thread(f->nt, 0, CANCELLED), NTSYNC_STATUS_INVALID_CID);
	assert_status(ntsync_nt_interrupt_thread(f->nt, UINT32_MAX, CANCELLED),
		      NTSYNC_STATUS_INVALID_CID);
	assert_ok(ntsync_nt_delay(f->nt, false, in_ms(1)));
}

/* -- Races ------------------------------------------------------------------------------- */

#define ROUNDS 300

/**
 * struct race - threads that pass tokens while others stop the table
 * @tokens: a semaphore
 * @mutant: protects nothing; it must not be lost
 * @over: the threads are to exit
 */
struct race {
	uint32_t tokens, mutant;
	atomic_bool over;
};

/* Whatever ends a wait: what was acquired is released, and nothing else. */
static uint32_t pass_tokens(struct fixture *f, void *arg)
{
	struct race *race = arg;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	while (!atomic_load(&race->over)) {
		uint32_t status = ntsync_nt_wait_single(f->nt, race->tokens, true, FOREVER);

		if (!status)
			status = ntsync_nt_signal_and_wait(f->nt, race->tokens, race->mutant,
							   false, FOREVER);
		if (!status)
			ntsync_nt_release_mutant(f->nt, race->mutant, NULL);
		else if (status != CANCELLED && status != TERMINATING &&
			 status != NTSYNC_STATUS_ALERTED)
			return status;
	}
	return NTSYNC_STATUS_SUCCESS;
}

static void disturb(struct fixture *f, int round)
{
	if (round % 3 == 0) {
		assert_ok(stop(f));
		ntsync_nt_resume(f->nt);
	}
	if (round % 3 == 1)
		assert_ok(ntsync_nt_alert_thread(f->nt, SLEEPER));
	if (round % 3 == 2)
		assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, TERMINATING));
}

static void nothing_acquired_is_lost(void **state)
{
	struct fixture *f = *state;
	struct race race = { .tokens = new_semaphore(f, 1, 2), .mutant = new_mutant(f, false) };
	struct helper *helpers[3];

	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		helpers[i] = start(f, pass_tokens, &race);
	for (int i = 0; i < ROUNDS; i++)
		disturb(f, i);
	atomic_store(&race.over, true);
	assert_ok(stop(f));
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		assert_ok(finish(helpers[i]));
	ntsync_nt_resume(f->nt);
	assert_int_equal(semaphore_count(f, race.tokens), 1);
	assert_status(poll_handle(f, race.mutant), NTSYNC_STATUS_WAIT_0);
}

static uint32_t wait_and_end(struct fixture *f, void *arg)
{
	const struct sleep *s = arg;
	uint32_t status = ntsync_nt_wait_single(f->nt, s->handles[1], s->alertable, in_ms(1));

	ntsync_nt_thread_detach(f->nt);
	return status == NTSYNC_STATUS_TIMEOUT ? CANCELLED : status;
}

/* The thread attaches, waits and ends while the table is stopped again and again. */
static void a_thread_that_ends_during_a_stop(void **state)
{
	struct fixture *f = *state;
	struct sleep s = make_sleep(f, false);

	for (int i = 0; i < ROUNDS / 3; i++) {
		struct helper *a = start(f, wait_and_end, &s), *b = start(f, wait_and_end, &s);

		for (int j = 0; j < 5; j++) {
			assert_ok(stop(f));
			ntsync_nt_resume(f->nt);
		}
		assert_status(finish(a), CANCELLED);
		assert_status(finish(b), CANCELLED);
	}
	check(f);
}

/* -- Threads that go on after a stop ------------------------------------------------------ */

static uint32_t wait_for_resume(struct fixture *f, void *arg)
{
	uint32_t stopped = *(uint32_t *)arg;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	return ntsync_nt_wait_for_resume(f->nt, stopped);
}

static uint32_t thread_that_counts(struct fixture *f, void *arg)
{
	struct ntsync_nt_io_packet packet;
	uint32_t status = ntsync_nt_remove_io_completion(f->nt, *(uint32_t *)arg, &packet, FOREVER);

	if (!status)
		status = wait_forever(f, &(uint32_t){ new_event(f, false, false) });
	return status == CANCELLED ? ntsync_nt_wait_for_resume(f->nt, CANCELLED) : UNTOUCHED;
}

static void it_sleeps_until_the_resume(void **state)
{
	const struct ntsync_nt_io_packet packet = { .key = 1 };
	struct ntsync_nt_io_completion_state port;
	struct fixture *f = *state;
	uint32_t handle, stopped = CANCELLED;
	struct helper *helper, *other;

	assert_ok(ntsync_nt_create_io_completion(f->nt, &handle, NULL, 1));
	assert_ok(ntsync_nt_set_io_completion(f->nt, handle, &packet));
	helper = start_asleep(f, thread_that_counts, &handle);
	assert_ok(stop(f));
	other = start_asleep(f, wait_for_resume, &stopped);
	/* The same stop once more. */
	assert_ok(stop(f));
	while (!still_asleep(helper) || !still_asleep(other))
		sleep_ms(1);
	assert_ok(ntsync_nt_query_io_completion(f->nt, handle, &port, NULL, 0));
	assert_int_equal(port.running, 0);
	check(f);
	ntsync_nt_resume(f->nt);
	assert_ok(finish(helper));
	assert_ok(finish(other));
	assert_ok(ntsync_nt_query_io_completion(f->nt, handle, &port, NULL, 0));
	assert_int_equal(port.running, 0);
}

static void it_does_not_sleep(void **state)
{
	struct fixture *f = *state;

	assert_ok(ntsync_nt_wait_for_resume(f->nt, CANCELLED));
	assert_status(ntsync_nt_wait_for_resume(f->nt, NTSYNC_STATUS_TIMEOUT),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_wait_for_resume(f->nt, 0), NTSYNC_STATUS_INVALID_PARAMETER);
	assert_ok(stop(f));
	assert_ok(ntsync_nt_stop(f->nt, TERMINATING));
	assert_status(ntsync_nt_wait_for_resume(f->nt, CANCELLED), TERMINATING);
	ntsync_nt_resume(f->nt);
	assert_ok(ntsync_nt_wait_for_resume(f->nt, TERMINATING));
	assert_ok(ntsync_nt_interrupt_thread(f->nt, ntsync_nt_thread_id(f->nt), TERMINATING));
	assert_status(ntsync_nt_wait_for_resume(f->nt, CANCELLED), TERMINATING);
	/* What has set the events is over. */
	assert_ok(ntsync_nt_delay(f->nt, false, in_ms(1)));
	assert_ok(ntsync_nt_delay(f->nt, true, in_ms(1)));
}

/* By another stop, which ends the guest; by an interruption. An alert ends other waits. */
static void it_is_ended_otherwise(void **state)
{
	struct fixture *f = *state;
	uint32_t stopped = CANCELLED;

	for (int i = 0; i < 21; i++) {
		struct helper *helper;

		assert_ok(stop(f));
		helper = start_asleep(f, wait_for_resume, &stopped);
		assert_ok(ntsync_nt_alert_thread(f->nt, SLEEPER));
		interrupt_sleep(helper);
		assert_true(still_asleep(helper));
		if (i % 3)
			assert_ok(ntsync_nt_stop(f->nt, TERMINATING));
		else
			assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, TERMINATING));
		/* Before the thread has run. */
		if (i % 3 == 2)
			ntsync_nt_resume(f->nt);
		assert_status(finish(helper), TERMINATING);
	}
	ntsync_nt_resume(f->nt);
}

/**
 * struct guest - threads that pass a token on whenever the table is not stopped
 * @tokens: a semaphore with one token
 * @passed: how often each of them did
 * @next: the number of the next thread
 */
struct guest {
	uint32_t tokens;
	atomic_uint passed[3];
	atomic_uint next;
};

static uint32_t pass_until_the_end(struct fixture *f, void *arg)
{
	struct guest *g = arg;
	uint32_t status, number = atomic_fetch_add(&g->next, 1);

	ntsync_nt_thread_attach(f->nt, SLEEPER + number);
	for (int i = 0;; i++) {
		status = ntsync_nt_wait_single(f->nt, g->tokens, i & 1, FOREVER);
		if (!status) {
			atomic_fetch_add(&g->passed[number], 1);
			status = ntsync_nt_release_semaphore(f->nt, g->tokens, 1, NULL);
		}
		if (status == CANCELLED)
			status = ntsync_nt_wait_for_resume(f->nt, CANCELLED);
		if (status)
			return status;
	}
}

static void wait_until_each_passes(struct guest *g)
{
	for (size_t i = 0; i < ARRAY_SIZE(g->passed); i++) {
		uint32_t before = atomic_load(&g->passed[i]);

		while (atomic_load(&g->passed[i]) == before)
			sched_yield();
	}
}

/* Each goes on after each stop, and none goes on after the last one. */
static void they_go_on_after_each_stop(void **state)
{
	struct fixture *f = *state;
	struct guest g = { .tokens = new_semaphore(f, 1, 1) };
	struct helper *helpers[3];

	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		helpers[i] = start(f, pass_until_the_end, &g);
	for (int i = 0; i < ROUNDS; i++) {
		assert_ok(stop(f));
		if (i % 8 == 1)
			sleep_ms(1);
		if (i % 3)
			ntsync_nt_resume(f->nt);
		if (i % 3 == 2)
			assert_ok(stop(f));
		ntsync_nt_resume(f->nt);
		if (i % 4 < 2)
			wait_until_each_passes(&g);
	}
	assert_ok(stop(f));
	assert_ok(ntsync_nt_stop(f->nt, TERMINATING));
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		assert_status(finish(helpers[i]), TERMINATING);
	ntsync_nt_resume(f->nt);
	assert_int_equal(semaphore_count(f, g.tokens), 1);
	check(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stop_ends_each_wait),
		TEST(stop_ends_each_alertable_wait),
		TEST(stop_ends_all_waits),
		TEST(a_stopped_table_refuses_waits),
		TEST(a_short_stop_ends_the_waits_all_the_same),
		TEST(resume_without_a_stop),
		TEST(alerts_survive_a_stop),
		TEST(a_thread_that_attaches_later),
		TEST(a_signal_handler_does_not_hide_a_stop),
		TEST(interruption_ends_each_wait),
		TEST(only_that_thread),
		TEST(the_next_wait_and_only_once),
		TEST(not_by_a_call_whose_signal_fails),
		TEST(before_an_alert_which_stays),
		TEST(before_the_thread_attaches),
		TEST(wrong_arguments),
		TEST(nothing_acquired_is_lost),
		TEST(a_thread_that_ends_during_a_stop),
		TEST(it_sleeps_until_the_resume),
		TEST(it_does_not_sleep),
		TEST(it_is_ended_otherwise),
		TEST(they_go_on_after_each_stop),
	};

	return RUN(tests);
}
