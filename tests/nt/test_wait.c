// SPDX-License-Identifier: GPL-2.0-only
#include "nt_test.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#define ALL NTSYNC_NT_WAIT_ALL
#define ANY NTSYNC_NT_WAIT_ANY

static uint32_t poll_several(struct fixture *f, const uint32_t *handles, uint32_t count,
			     uint32_t type)
{
	return ntsync_nt_wait_multiple(f->nt, handles, count, type, false, POLL);
}

static void the_lowest_of_several(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[] = { new_event(f, false, false), new_event(f, false, true),
			       new_semaphore(f, 1, 1), new_mutant(f, false) };

	assert_status(poll_several(f, handles, 4, ANY), NTSYNC_STATUS_WAIT_0 + 1);
	assert_status(poll_several(f, handles, 4, ANY), NTSYNC_STATUS_WAIT_0 + 2);
	assert_status(poll_several(f, handles, 4, ANY), NTSYNC_STATUS_WAIT_0 + 3);
	assert_status(poll_several(f, handles, 3, ANY), NTSYNC_STATUS_TIMEOUT);
}

static void all_or_nothing(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[] = { new_event(f, false, false), new_semaphore(f, 1, 1),
			       new_mutant(f, false) };
	struct ntsync_nt_mutant_state mutant;

	assert_status(poll_several(f, handles, 3, ALL), NTSYNC_STATUS_TIMEOUT);
	assert_int_equal(semaphore_count(f, handles[1]), 1);
	assert_ok(ntsync_nt_set_event(f->nt, handles[0], NULL));
	assert_status(poll_several(f, handles, 3, ALL), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(semaphore_count(f, handles[1]), 0);
	assert_ok(ntsync_nt_query_mutant(f->nt, handles[2], &mutant));
	assert_true(mutant.owned_by_caller);
	assert_ok(ntsync_nt_release_mutant(f->nt, handles[2], NULL));
}

static void sixty_four(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[65];

	for (int i = 0; i < 65; i++)
		handles[i] = new_event(f, false, true);
	assert_status(poll_several(f, handles, 64, ALL), NTSYNC_STATUS_WAIT_0);
	assert_status(poll_several(f, handles, 64, ANY), NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_set_event(f->nt, handles[63], NULL));
	assert_status(poll_several(f, handles, 64, ANY), NTSYNC_STATUS_WAIT_0 + 63);
	assert_status(poll_several(f, handles, 65, ANY), NTSYNC_STATUS_INVALID_PARAMETER_1);
}

static void bad_arguments(struct fixture *f, uint32_t count, uint32_t type, uint32_t handle)
{
	uint32_t event = new_event(f, false, true), handles[2] = { event, event + 400 };

	assert_status(poll_several(f, handles, 0, ANY), count);
	assert_status(poll_several(f, handles, 65, ALL), count);
	assert_status(poll_several(f, handles, UINT32_MAX, ALL), count);
	assert_status(poll_several(f, handles, 1, 2), type);
	assert_status(poll_several(f, handles, 2, ANY), handle);
	assert_status(poll_several(f, handles, 2, ALL), handle);
	assert_status(poll_several(f, NULL, 1, ANY), NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(poll_handle(f, handles[1]), NTSYNC_STATUS_INVALID_HANDLE);
	assert_true(event_signaled(f, event));
	check(f);
}

static void bad_arguments_as_on_nt(void **state)
{
	bad_arguments(*state, 0xc00000ef, 0xc00000f1, 0xc0000008);
}

static void bad_arguments_as_on_the_console(void **state)
{
	use_xbox360(*state);
	bad_arguments(*state, 0xc000000d, 0xc000000d, 0xc000000d);
}

static void unknown_flags_of_a_deadline(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, true);
	const struct ntsync_nt_deadline wrong = { 0, 2 };

	assert_status(ntsync_nt_wait_single(f->nt, event, false, wrong),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_delay(f->nt, false, wrong), NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_signal_and_wait(f->nt, event, event, false, wrong),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_true(event_signaled(f, event));
}

static void the_same_object_twice(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, true), dup = duplicate(f, event);
	uint32_t handles[] = { event, new_event(f, false, true), dup };

	assert_status(poll_several(f, handles, 3, ALL), NTSYNC_STATUS_INVALID_PARAMETER_MIX);
	handles[2] = event;
	assert_status(poll_several(f, handles, 3, ALL), NTSYNC_STATUS_INVALID_PARAMETER_MIX);
	assert_true(event_signaled(f, event));
	assert_status(poll_several(f, handles, 3, ANY), NTSYNC_STATUS_WAIT_0);
}

/* -- Closing what is waited on ------------------------------------------------------------ */

struct wait {
	uint32_t handles[64];
	uint32_t count;
	uint32_t type;
};

static uint32_t wait_for_several(struct fixture *f, void *arg)
{
	struct wait *wait = arg;

	return ntsync_nt_wait_multiple(f->nt, wait->handles, wait->count, wait->type, false,
				       FOREVER);
}

/* The handle is closed; the wait goes on, and a new object must not end it. */
static void closed_while_waited_then_created(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false), keep = duplicate(f, event), new;
	struct helper *waiter = start_asleep(f, wait_for_handle, &event);

	close_handle(f, event);
	assert_invalid(f, event);
	new = new_event(f, true, true);
	/* Even with LIFO it does not get this value: the wait uses its slot. */
	assert_int_not_equal(new, event);
	assert_true(still_asleep(waiter));
	assert_ok(ntsync_nt_set_event(f->nt, new, NULL));
	assert_true(still_asleep(waiter));
	assert_ok(ntsync_nt_set_event(f->nt, keep, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	/* Now the slot is free. */
	assert_int_equal(new_event(f, false, false), event);
}

/* No thread can signal the object any more, and no other object may be affected. */
static void last_handle_closed_while_waited(void **state)
{
	struct fixture *f = *state;
	struct wait wait = { .count = 2, .type = ANY };
	struct ntsync_nt_count count;
	struct helper *waiter;
	uint32_t other;

	wait.handles[0] = new_event(f, false, false);
	wait.handles[1] = new_event(f, false, false);
	waiter = start_asleep(f, wait_for_several, &wait);
	close_handle(f, wait.handles[0]);
	for (int i = 0; i < 100; i++)
		close_handle(f, new_event(f, true, true));
	assert_true(still_asleep(waiter));
	ntsync_nt_count(f->nt, NTSYNC_NT_EVENT, &count);
	assert_int_equal(count.handles, 1);
	assert_int_equal(count.objects, 2);
	/*
	 * The descriptor is still in use: else this object would get it, and lose it when the wait
	 * ends.
	 */
	other = new_event(f, false, true);
	assert_ok(ntsync_nt_set_event(f->nt, wait.handles[1], NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0 + 1);
	assert_status(poll_handle(f, other), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(count_objects(f, NTSYNC_NT_EVENT), 2);
}

static void all_handles_closed_during_wait_all(void **state)
{
	struct fixture *f = *state;
	struct wait wait = { .count = 64, .type = ALL };
	uint32_t kept[64];
	struct helper *waiter;

	for (int i = 0; i < 64; i++) {
		wait.handles[i] = new_event(f, false, false);
		kept[i] = duplicate(f, wait.handles[i]);
	}
	waiter = start_asleep(f, wait_for_several, &wait);
	for (int i = 0; i < 64; i++)
		close_handle(f, wait.handles[i]);
	for (int i = 0; i < 64; i++) {
		assert_true(still_asleep(waiter));
		assert_ok(ntsync_nt_set_event(f->nt, kept[i], NULL));
	}
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
}

/* -- Deadlines ---------------------------------------------------------------------------- */

static void timeouts(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false);
	int64_t timeout = -20 * 10000;
	uint64_t from = now_ns();

	assert_status(ntsync_nt_wait_single(f->nt, event, false, ntsync_nt_timeout(&timeout)),
		      NTSYNC_STATUS_TIMEOUT);
	assert_true(now_ns() - from >= 20 * NS_PER_MS);
	assert_status(ntsync_nt_wait_single(f->nt, event, false, in_ms(1)),
		      NTSYNC_STATUS_TIMEOUT);
	timeout = 0;
	assert_status(ntsync_nt_wait_single(f->nt, event, false, ntsync_nt_timeout(&timeout)),
		      NTSYNC_STATUS_TIMEOUT);
	timeout = 1;
	assert_status(ntsync_nt_wait_single(f->nt, event, false, ntsync_nt_timeout(&timeout)),
		      NTSYNC_STATUS_TIMEOUT);
}

static uint32_t wait_very_long(struct fixture *f, void *arg)
{
	int64_t timeout = INT64_MIN;

	return ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, false, ntsync_nt_timeout(&timeout));
}

static uint32_t wait_until_the_end_of_time(struct fixture *f, void *arg)
{
	int64_t timeout = INT64_MAX;

	return ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, false, ntsync_nt_timeout(&timeout));
}

static void extreme_timeouts_wait(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, true, false);
	struct helper *a = start_asleep(f, wait_very_long, &event);
	struct helper *b = start_asleep(f, wait_until_the_end_of_time, &event);

	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	assert_status(finish(a), NTSYNC_STATUS_WAIT_0);
	assert_status(finish(b), NTSYNC_STATUS_WAIT_0);
}

static uint32_t wait_20_ms(struct fixture *f, void *arg)
{
	return ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, false, in_ms(20));
}

static void ignore_signal(int sig)
{
	(void)sig;
}

static void signals_do_not_end_a_wait(void **state)
{
	const struct sigaction without_restart = { .sa_handler = ignore_signal };
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false);
	struct helper *waiter;

	sigaction(SIGUSR1, &without_restart, NULL);
	waiter = start_asleep(f, wait_for_handle, &event);
	for (int i = 0; i < 10; i++) {
		interrupt(waiter, SIGUSR1);
		while (!still_asleep(waiter))
			sleep_ms(1);
	}
	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	/* Where this is possible each of the interruptions is certain to happen. */
	env_interrupt(3);
	assert_status(wait_20_ms(f, &event), NTSYNC_STATUS_TIMEOUT);
}

static void delay(void **state)
{
	struct fixture *f = *state;
	uint64_t from = now_ns();

	assert_ok(ntsync_nt_delay(f->nt, false, in_ms(10)));
	assert_true(now_ns() - from >= 10 * NS_PER_MS);
	assert_ok(ntsync_nt_delay(f->nt, false, POLL));
}

/* -- Delays that yield -------------------------------------------------------------------- */

#define ROUNDS 1000
#define PRIORITY 10

/**
 * struct spin - two threads of one priority on one CPU
 * @f: the test
 * @go: an object for each, on which they sleep until both are to run
 * @until: the call that the spinning thread makes
 * @flag: the other thread has run
 * @rounds: how many calls the spinning thread has made
 */
struct spin_until_flag {
	struct fixture *f;
	sem_t go[2];
	struct ntsync_nt_deadline until;
	atomic_bool flag;
	int rounds;
};

static void *spin_until_flag(void *arg)
{
	struct spin_until_flag *s = arg;

	while (sem_wait(&s->go[0]))
		;
	while (!atomic_load(&s->flag) && s->rounds++ < ROUNDS)
		ntsync_nt_delay(s->f->nt, false, s->until);
	return NULL;
}

static void *set_flag(void *arg)
{
	struct spin_until_flag *s = arg;

	while (sem_wait(&s->go[1]))
		;
	atomic_store(&s->flag, true);
	return NULL;
}

static int start_fifo(pthread_t *thread, void *(*run)(void *), void *arg)
{
	const struct sched_param param = { .sched_priority = PRIORITY };
	pthread_attr_t attr;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	ret = pthread_create(thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return ret;
}

/* The spinning thread is first in the queue of its priority, and the other one behind it. */
static void run_both(struct spin_until_flag *s)
{
	pthread_t first, second;

	assert_int_equal(start_fifo(&first, spin_until_flag, s), 0);
	assert_int_equal(start_fifo(&second, set_flag, s), 0);
	sleep_ms(5);
	sem_post(&s->go[0]);
	sem_post(&s->go[1]);
	pthread_join(first, NULL);
	pthread_join(second, NULL);
}

static bool one_processor(cpu_set_t *before)
{
	const struct sched_param param = { .sched_priority = PRIORITY + 1 };
	cpu_set_t one;
	int cpu = 0;

	sched_getaffinity(0, sizeof(*before), before);
	while (!CPU_ISSET(cpu, before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return !sched_setscheduler(0, SCHED_FIFO, &param) &&
	       !sched_setaffinity(0, sizeof(one), &one);
}

static void delay_of_nothing_yields(struct fixture *f, struct ntsync_nt_deadline until)
{
	const struct sched_param normal = { 0 };
	struct spin_until_flag s = { .f = f, .until = until };
	cpu_set_t before;

	if (!one_processor(&before)) {
		print_message("# real-time priorities can't be had here\n");
		skip();
	}
	sem_init(&s.go[0], 0, 0);
	sem_init(&s.go[1], 0, 0);
	run_both(&s);
	sched_setaffinity(0, sizeof(before), &before);
	sched_setscheduler(0, SCHED_OTHER, &normal);
	assert_in_range(s.rounds, 0, ROUNDS - 1);
}

static void delay_of_0_yields(void **state)
{
	delay_of_nothing_yields(*state, POLL);
}

static void delay_to_the_past_yields(void **state)
{
	delay_of_nothing_yields(*state, in_ms(0));
	delay_of_nothing_yields(*state,
				(struct ntsync_nt_deadline){ 1, NTSYNC_WAIT_REALTIME });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_lowest_of_several),
		TEST(all_or_nothing),
		TEST(sixty_four),
		TEST(bad_arguments_as_on_nt),
		TEST(bad_arguments_as_on_the_console),
		TEST(unknown_flags_of_a_deadline),
		TEST(the_same_object_twice),
		TEST(closed_while_waited_then_created),
		TEST(last_handle_closed_while_waited),
		TEST(all_handles_closed_during_wait_all),
		TEST(timeouts),
		TEST(extreme_timeouts_wait),
		TEST(signals_do_not_end_a_wait),
		TEST(delay),
		TEST(delay_of_0_yields),
		TEST(delay_to_the_past_yields),
	};

	return RUN(tests);
}
