// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signal and wait. On the fake each test runs twice: with a driver that does both in one step, and
 * with one that needs two calls.
 */
#include "nt_test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* Only a thread that has missed its wake-up waits that long. */
#define LONG_MS 30000

static bool is_one_step(struct fixture *f)
{
	return ntsync_nt_features(f->nt) & NTSYNC_NT_FEATURE_ATOMIC_SIGNAL_AND_WAIT;
}

static uint32_t signal_and_wait(struct fixture *f, uint32_t signal, uint32_t handle)
{
	return ntsync_nt_signal_and_wait(f->nt, signal, handle, false, POLL);
}

static void the_table_says_which(void **state)
{
	struct fixture *f = *state;
	struct ntsync_features found;
	int dev = ntsync_open();

	assert_int_equal(ntsync_features(dev, &found), 0);
	close(dev);
	assert_int_equal(is_one_step(f), !!(found.features & NTSYNC_FEATURE_SIGNAL_AND_WAIT));
}

static void each_type_is_signaled(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, true, false), mutant = new_mutant(f, true);
	uint32_t semaphore = new_semaphore(f, 0, 1), target = new_event(f, true, true);

	assert_status(signal_and_wait(f, event, target), NTSYNC_STATUS_WAIT_0);
	assert_true(event_signaled(f, event));
	assert_status(signal_and_wait(f, mutant, target), NTSYNC_STATUS_WAIT_0);
	assert_status(ntsync_nt_release_mutant(f->nt, mutant, NULL),
		      NTSYNC_STATUS_MUTANT_NOT_OWNED);
	assert_status(signal_and_wait(f, semaphore, target), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(semaphore_count(f, semaphore), 1);
}

static void each_type_is_waited_for(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, true, false), timer = new_timer(f, false);
	uint32_t targets[] = { new_event(f, false, true), new_mutant(f, false),
			       new_semaphore(f, 1, 1), timer };

	assert_ok(ntsync_nt_set_timer(f->nt, timer, POLL, 0, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		assert_status(signal_and_wait(f, event, targets[i]), NTSYNC_STATUS_WAIT_0);
	/* The mutant is owned now, once more each time. */
	assert_status(signal_and_wait(f, event, targets[0]), NTSYNC_STATUS_TIMEOUT);
	assert_status(signal_and_wait(f, event, targets[1]), NTSYNC_STATUS_WAIT_0);
	assert_status(signal_and_wait(f, event, targets[2]), NTSYNC_STATUS_TIMEOUT);
	assert_status(signal_and_wait(f, event, targets[3]), NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_release_mutant(f->nt, targets[1], NULL));
	assert_ok(ntsync_nt_release_mutant(f->nt, targets[1], NULL));
}

static uint32_t acquire_and_end(struct fixture *f, void *arg)
{
	return poll_handle(f, *(uint32_t *)arg);
}

/* If the signal fails there is no wait, and nothing is acquired. */
static void without_the_signal_there_is_no_wait(void **state)
{
	struct fixture *f = *state;
	uint32_t free = new_mutant(f, false), abandoned = new_mutant(f, false);
	uint32_t full = new_semaphore(f, 1, 1), target = new_event(f, false, true);

	assert_ok(finish(start(f, acquire_and_end, &abandoned)));
	assert_status(signal_and_wait(f, free, target), NTSYNC_STATUS_MUTANT_NOT_OWNED);
	assert_status(signal_and_wait(f, abandoned, target), NTSYNC_STATUS_ABANDONED_WAIT_0);
	assert_status(signal_and_wait(f, full, target), NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED);
	assert_status(signal_and_wait(f, new_timer(f, true), target), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_true(event_signaled(f, target));
	assert_int_equal(semaphore_count(f, full), 1);
}

/* The driver has no memory for the thread's record. The mutant is still owned, so it is abandoned. */
static void without_memory_nothing_is_signaled(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true), target = new_event(f, true, true);

	assert_true(env_fail_waits(ENOMEM));
	assert_status(signal_and_wait(f, mutant, target), NTSYNC_STATUS_NO_MEMORY);
	env_fail_waits(0);
	ntsync_nt_thread_detach(f->nt);
	assert_status(finish(start(f, acquire_and_end, &mutant)), NTSYNC_STATUS_ABANDONED_WAIT_0);
}

static void nothing_is_signaled_if_the_wait_is_wrong(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false);
	const struct ntsync_nt_deadline wrong = { 0, 2 };

	assert_status(signal_and_wait(f, event, event + 400), NTSYNC_STATUS_INVALID_HANDLE);
	assert_status(signal_and_wait(f, event + 400, event), NTSYNC_STATUS_INVALID_HANDLE);
	assert_status(ntsync_nt_signal_and_wait(f->nt, event, event, false, wrong),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_false(event_signaled(f, event));
	check(f);
}

static void the_signal_stands_when_the_time_is_over(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true), semaphore = new_semaphore(f, 0, 9);
	uint32_t never = new_event(f, false, false);
	const struct ntsync_nt_deadline date = { 1, NTSYNC_WAIT_REALTIME };

	assert_status(signal_and_wait(f, semaphore, never), NTSYNC_STATUS_TIMEOUT);
	assert_status(ntsync_nt_signal_and_wait(f->nt, semaphore, never, false, in_ms(2)),
		      NTSYNC_STATUS_TIMEOUT);
	assert_status(ntsync_nt_signal_and_wait(f->nt, semaphore, never, true, date),
		      NTSYNC_STATUS_TIMEOUT);
	assert_int_equal(semaphore_count(f, semaphore), 3);
	assert_status(signal_and_wait(f, mutant, never), NTSYNC_STATUS_TIMEOUT);
	assert_ok(finish(start(f, acquire_and_end, &mutant)));
}

/* Also through two handles: the object is signaled first, and can then be acquired. */
static void the_same_object(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false), mutant = new_mutant(f, true);
	uint32_t semaphore = new_semaphore(f, 0, 1);

	assert_status(signal_and_wait(f, event, duplicate(f, event)), NTSYNC_STATUS_WAIT_0);
	assert_status(signal_and_wait(f, event, event), NTSYNC_STATUS_WAIT_0);
	assert_false(event_signaled(f, event));
	assert_status(signal_and_wait(f, duplicate(f, semaphore), semaphore), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(semaphore_count(f, semaphore), 0);
	assert_status(signal_and_wait(f, mutant, duplicate(f, mutant)), NTSYNC_STATUS_WAIT_0);
	assert_ok(ntsync_nt_release_mutant(f->nt, mutant, NULL));
	assert_status(ntsync_nt_release_mutant(f->nt, mutant, NULL),
		      NTSYNC_STATUS_MUTANT_NOT_OWNED);
}

static void the_recursion_limit(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	uint32_t event, mutant;

	ntsync_nt_config_init(&config);
	config.mutant_limit = 1;
	use_config(f, &config);
	event = new_event(f, false, false);
	mutant = new_mutant(f, true);
	assert_status(signal_and_wait(f, event, mutant), NTSYNC_STATUS_MUTANT_LIMIT_EXCEEDED);
	assert_true(event_signaled(f, event));
	/* It is released first, and so is not at its limit any more. */
	assert_status(signal_and_wait(f, mutant, mutant), NTSYNC_STATUS_WAIT_0);
	/* Nor when this call has released and acquired it, again and again. */
	for (int i = 0; i < 3; i++) {
		assert_status(signal_and_wait(f, mutant, event), i ? NTSYNC_STATUS_TIMEOUT :
							  NTSYNC_STATUS_WAIT_0);
		assert_status(poll_handle(f, mutant), NTSYNC_STATUS_WAIT_0);
	}
	assert_ok(ntsync_nt_release_mutant(f->nt, mutant, NULL));
}

/* When the thread exits, what it has released is not abandoned, and what it has acquired is. */
static uint32_t exchange_and_end(struct fixture *f, void *arg)
{
	uint32_t *mutants = arg, status = poll_handle(f, mutants[0]);

	return status ? status : signal_and_wait(f, mutants[0], mutants[1]);
}

static void what_a_thread_owns_is_kept_account_of(void **state)
{
	struct fixture *f = *state;
	uint32_t mutants[] = { new_mutant(f, false), new_mutant(f, false) };

	for (int i = 0; i < 100; i++) {
		assert_ok(finish(start(f, exchange_and_end, mutants)));
		assert_status(poll_handle(f, mutants[0]), NTSYNC_STATUS_WAIT_0);
		assert_status(poll_handle(f, mutants[1]), NTSYNC_STATUS_ABANDONED_WAIT_0);
		assert_ok(ntsync_nt_release_mutant(f->nt, mutants[0], NULL));
		assert_ok(ntsync_nt_release_mutant(f->nt, mutants[1], NULL));
	}
	/* In this thread no entry is lost either. */
	for (int i = 0; i < 100; i++) {
		assert_status(poll_handle(f, mutants[i % 2]), NTSYNC_STATUS_WAIT_0);
		assert_status(signal_and_wait(f, mutants[i % 2], mutants[1 - i % 2]), NTSYNC_STATUS_WAIT_0);
		assert_ok(ntsync_nt_release_mutant(f->nt, mutants[1 - i % 2], NULL));
	}
	ntsync_nt_thread_detach(f->nt);
	assert_status(poll_handle(f, mutants[0]), NTSYNC_STATUS_WAIT_0);
	assert_status(poll_handle(f, mutants[1]), NTSYNC_STATUS_WAIT_0);
}

static void an_alert_comes_after_the_object(void **state)
{
	struct fixture *f = *state;
	uint32_t semaphore = new_semaphore(f, 0, 9), ready = new_event(f, false, true);
	uint32_t tid = ntsync_nt_thread_id(f->nt);

	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	assert_ok(ntsync_nt_queue_apc(f->nt, tid));
	assert_status(ntsync_nt_signal_and_wait(f->nt, semaphore, ready, true, FOREVER),
		      NTSYNC_STATUS_WAIT_0);
	assert_status(ntsync_nt_signal_and_wait(f->nt, semaphore, ready, true, FOREVER),
		      NTSYNC_STATUS_ALERTED);
	assert_status(ntsync_nt_signal_and_wait(f->nt, semaphore, ready, true, FOREVER),
		      NTSYNC_STATUS_USER_APC);
	assert_int_equal(semaphore_count(f, semaphore), 3);
	/* A taken APC leaves its event set: the wait goes on, without a second signal. */
	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	assert_status(ntsync_nt_test_alert(f->nt), NTSYNC_STATUS_ALERTED);
	assert_status(ntsync_nt_signal_and_wait(f->nt, semaphore, ready, true, in_ms(2)),
		      NTSYNC_STATUS_TIMEOUT);
	assert_int_equal(semaphore_count(f, semaphore), 4);
}

/* -- Asleep ------------------------------------------------------------------------------- */

struct pair {
	uint32_t signal, wait;
};

static uint32_t sleep_in_it(struct fixture *f, void *arg)
{
	struct pair *pair = arg;

	return ntsync_nt_signal_and_wait(f->nt, pair->signal, pair->wait, false, FOREVER);
}

static void ignore_signal(int sig)
{
	(void)sig;
}

/* The wait goes on, and the signal is not made again. */
static void a_signals_handler_ends_nothing(void **state)
{
	const struct sigaction without_restart = { .sa_handler = ignore_signal };
	struct fixture *f = *state;
	struct pair pair = { new_semaphore(f, 0, 99), new_event(f, false, false) };
	struct helper *waiter;

	sigaction(SIGUSR1, &without_restart, NULL);
	waiter = start_asleep(f, sleep_in_it, &pair);
	for (int i = 0; i < 10; i++) {
		interrupt(waiter, SIGUSR1);
		while (!still_asleep(waiter))
			sleep_ms(1);
	}
	assert_ok(ntsync_nt_set_event(f->nt, pair.wait, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(semaphore_count(f, pair.signal), 1);
	/* Where this is possible each of the interruptions is certain to happen. */
	env_interrupt(3);
	assert_status(ntsync_nt_signal_and_wait(f->nt, pair.signal, pair.wait, false, in_ms(5)),
		      NTSYNC_STATUS_TIMEOUT);
	assert_int_equal(semaphore_count(f, pair.signal), 2);
}

/* The call keeps both objects, though neither has a handle any more. */
static void closed_while_waited(void **state)
{
	struct fixture *f = *state;
	struct pair pair = { new_event(f, true, false), new_event(f, false, false) };
	const struct pair closed = pair;
	uint32_t keep = duplicate(f, pair.wait);
	struct helper *waiter = start_asleep(f, sleep_in_it, &pair);

	close_handle(f, closed.signal);
	close_handle(f, closed.wait);
	for (int i = 0; i < 10; i++)
		assert_int_not_equal(new_event(f, true, true), closed.wait);
	assert_true(still_asleep(waiter));
	assert_ok(ntsync_nt_set_event(f->nt, keep, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
}

static void a_timer_wakes_it(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false), timer = new_timer(f, false);

	assert_ok(ntsync_nt_set_timer(f->nt, timer, in_ms(5), 0, NULL));
	assert_status(ntsync_nt_signal_and_wait(f->nt, event, timer, false, FOREVER),
		      NTSYNC_STATUS_WAIT_0);
	assert_true(event_signaled(f, event));
}

static uint32_t play_first(struct fixture *f, void *arg)
{
	struct pair *pair = arg;
	uint32_t status = 0;

	for (int i = 0; i < 200 && !status; i++)
		status = sleep_in_it(f, pair);
	return status;
}

/* The other side begins with a wait: two signals in a row would count as one. */
static uint32_t play_second(struct fixture *f, void *arg)
{
	struct pair *pair = arg;
	uint32_t status = ntsync_nt_wait_single(f->nt, pair->wait, false, FOREVER);

	for (int i = 0; i < 199 && !status; i++)
		status = sleep_in_it(f, pair);
	return status ? status : ntsync_nt_set_event(f->nt, pair->signal, NULL);
}

static void ping_pong(void **state)
{
	struct fixture *f = *state;
	struct pair a = { new_event(f, false, false), new_event(f, false, false) };
	struct pair b = { a.wait, a.signal };
	struct helper *other = start(f, play_second, &b);

	assert_ok(play_first(f, &a));
	assert_ok(finish(other));
}

/* -- Nothing comes in between --------------------------------------------------------------- */

#define ROUNDS 1000

/**
 * struct intruder - a thread that the signal wakes, and that then acts on the awaited object
 * @f: the test
 * @go: the signaled object, which wakes it
 * @target: the awaited object
 * @done: it has acted
 * @over: it is to exit
 * @act: what it does; returns true if it could do what it must not
 * @intrusions: how often that happened
 */
struct intruder {
	struct fixture *f;
	uint32_t go, target, done;
	atomic_bool over;
	bool (*act)(struct intruder *in);
	atomic_int intrusions;
};

/*
 * Both threads on one CPU, this one with the higher priority if permitted: then it acts as soon as
 * it is woken.
 */
static void set_real_time(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
}

static uint32_t run_intruder(struct fixture *f, void *arg)
{
	struct intruder *in = arg;

	set_real_time();
	for (;;) {
		uint32_t status = ntsync_nt_wait_single(f->nt, in->go, false, FOREVER);

		if (status || atomic_load(&in->over))
			return status;
		atomic_fetch_add(&in->intrusions, in->act(in));
		ntsync_nt_set_event(f->nt, in->done, NULL);
	}
}

/* A thread that does not wait at this moment misses the pulse. */
static bool pulse_object(struct intruder *in)
{
	ntsync_nt_pulse_event(in->f->nt, in->target, NULL);
	return false;
}

/* The object was available when the signal was made, and the waiter was queued by then. */
static bool take_object(struct intruder *in)
{
	return poll_handle(in->f, in->target) != NTSYNC_STATUS_TIMEOUT;
}

static void play_rounds(struct intruder *in, bool ready)
{
	struct fixture *f = in->f;

	for (int i = 0; i < ROUNDS; i++) {
		if (ready)
			assert_ok(ntsync_nt_set_event(f->nt, in->target, NULL));
		assert_status(ntsync_nt_signal_and_wait(f->nt, in->go, in->target, false,
							in_ms(LONG_MS)), NTSYNC_STATUS_WAIT_0);
		assert_ok(ntsync_nt_wait_single(f->nt, in->done, false, FOREVER));
		assert_int_equal(atomic_load(&in->intrusions), 0);
	}
}

static void check_alone(struct fixture *f, bool (*act)(struct intruder *in), bool ready)
{
	struct intruder in = { .f = f, .act = act };
	cpu_set_t all, one;
	struct helper *thread;

	if (!is_one_step(f)) {
		print_message("# skipped: the in-tree driver differs: it has no SIGNAL_AND_WAIT\n");
		skip();
	}
	in.go = new_event(f, false, false);
	in.target = duplicate(f, new_event(f, false, false));
	in.done = new_event(f, false, false);
	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	thread = start_asleep(f, run_intruder, &in);
	play_rounds(&in, ready);
	sched_setaffinity(0, sizeof(all), &all);
	atomic_store(&in.over, true);
	assert_ok(ntsync_nt_set_event(f->nt, in.go, NULL));
	assert_ok(finish(thread));
}

static void nobody_pulses_before_the_wait(void **state)
{
	check_alone(*state, pulse_object, false);
}

static void nobody_takes_it_before_the_wait(void **state)
{
	check_alone(*state, take_object, true);
}

#define IN_ONE_STEP(fn) TEST(fn)
#define IN_TWO_STEPS(fn) { #fn " (in two steps)", fn, setup_old_driver, teardown_old_driver, NULL }

#define EACH(how) \
	how(the_table_says_which), \
	how(each_type_is_signaled), \
	how(each_type_is_waited_for), \
	how(without_the_signal_there_is_no_wait), \
	how(nothing_is_signaled_if_the_wait_is_wrong), \
	how(the_signal_stands_when_the_time_is_over), \
	how(the_same_object), \
	how(the_recursion_limit), \
	how(what_a_thread_owns_is_kept_account_of), \
	how(an_alert_comes_after_the_object), \
	how(a_signals_handler_ends_nothing), \
	how(closed_while_waited), \
	how(a_timer_wakes_it), \
	how(ping_pong)

/* The device can't be made to fail, or to be an older one. */
#define ONLY_ON_THE_FAKE \
	TEST(without_memory_nothing_is_signaled), \
	EACH(IN_TWO_STEPS)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(IN_ONE_STEP),
		TEST(nobody_pulses_before_the_wait),
		TEST(nobody_takes_it_before_the_wait),
		ONLY_ON_THE_FAKE,
	};
	const struct CMUnitTest more[] = { ONLY_ON_THE_FAKE };
	bool is_fake = env_old_driver(false);

	return nt_run_group(__FILE__, tests,
			    ARRAY_SIZE(tests) - (is_fake ? 0 : ARRAY_SIZE(more)));
}
