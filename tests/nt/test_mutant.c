// SPDX-License-Identifier: GPL-2.0-only
#include "nt_test.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static struct ntsync_nt_mutant_state query_mutant(struct fixture *f, uint32_t mutant)
{
	struct ntsync_nt_mutant_state state;

	assert_ok(ntsync_nt_query_mutant(f->nt, mutant, &state));
	return state;
}

static uint32_t acquire_mutant(struct fixture *f, void *arg)
{
	return ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, false, FOREVER);
}

static uint32_t release_mutant(struct fixture *f, void *arg)
{
	return ntsync_nt_release_mutant(f->nt, *(uint32_t *)arg, NULL);
}

static void recursion(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true);
	int32_t previous = UNTOUCHED;

	assert_int_equal(query_mutant(f, mutant).count, 0);
	assert_true(query_mutant(f, mutant).owned_by_caller);
	assert_int_equal(query_mutant(f, mutant).owner, ntsync_nt_thread_id(f->nt));
	assert_status(poll_handle(f, mutant), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(query_mutant(f, mutant).count, -1);
	assert_ok(ntsync_nt_release_mutant(f->nt, mutant, &previous));
	assert_int_equal(previous, -1);
	assert_ok(ntsync_nt_release_mutant(f->nt, mutant, &previous));
	assert_int_equal(previous, 0);
	assert_int_equal(query_mutant(f, mutant).count, 1);
	assert_int_equal(query_mutant(f, mutant).owner, 0);
	assert_false(query_mutant(f, mutant).owned_by_caller);
	previous = UNTOUCHED;
	assert_status(ntsync_nt_release_mutant(f->nt, mutant, &previous),
		      NTSYNC_STATUS_MUTANT_NOT_OWNED);
	assert_int_equal(previous, UNTOUCHED);
}

static void only_the_owner_releases(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true);
	struct helper *waiter = start_asleep(f, acquire_mutant, &mutant);

	assert_status(finish(start(f, release_mutant, &mutant)), NTSYNC_STATUS_MUTANT_NOT_OWNED);
	assert_true(still_asleep(waiter));
	assert_ok(ntsync_nt_release_mutant(f->nt, mutant, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
}

/* The helper exits as the owner. */
static void a_thread_that_ends_abandons(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, false), dup = duplicate(f, mutant);

	assert_status(finish(start(f, acquire_mutant, &mutant)), NTSYNC_STATUS_WAIT_0);
	assert_true(query_mutant(f, mutant).abandoned);
	assert_int_equal(query_mutant(f, mutant).count, 1);
	assert_status(ntsync_nt_release_mutant(f->nt, dup, NULL),
		      NTSYNC_STATUS_ABANDONED_WAIT_0);
	assert_status(poll_handle(f, dup), NTSYNC_STATUS_ABANDONED_WAIT_0);
	assert_false(query_mutant(f, mutant).abandoned);
	assert_true(query_mutant(f, mutant).owned_by_caller);
	assert_ok(ntsync_nt_release_mutant(f->nt, mutant, NULL));
	assert_status(poll_handle(f, mutant), NTSYNC_STATUS_WAIT_0);
}

static uint32_t own_many(struct fixture *f, void *arg)
{
	uint32_t *mutants = arg;

	for (int i = 0; i < 100; i++) {
		uint32_t status = ntsync_nt_wait_single(f->nt, mutants[i], false, POLL);

		if (status)
			return status;
	}
	/* One is released, and so not abandoned; one is owned twice, and abandoned all the same. */
	ntsync_nt_wait_single(f->nt, mutants[1], false, POLL);
	for (int i = 0; i < 100; i += 10)
		ntsync_nt_release_mutant(f->nt, mutants[i], NULL);
	return NTSYNC_STATUS_SUCCESS;
}

static void all_that_it_owns_is_abandoned(void **state)
{
	struct fixture *f = *state;
	uint32_t mutants[100];

	for (int i = 0; i < 100; i++)
		mutants[i] = new_mutant(f, false);
	assert_ok(finish(start(f, own_many, mutants)));
	for (int i = 0; i < 100; i++)
		assert_int_equal(query_mutant(f, mutants[i]).abandoned, i % 10 != 0);
}

static void abandonment_wakes(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true);
	struct helper *waiter = start_asleep(f, acquire_mutant, &mutant);

	ntsync_nt_thread_detach(f->nt);
	assert_status(finish(waiter), NTSYNC_STATUS_ABANDONED_WAIT_0);
}

static void abandoned_in_a_wait_for_several(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[] = { new_event(f, false, false), new_mutant(f, false),
			       new_mutant(f, false) };

	assert_status(finish(start(f, acquire_mutant, &handles[1])), 0);
	assert_status(ntsync_nt_wait_multiple(f->nt, handles, 3, NTSYNC_NT_WAIT_ANY, false, POLL),
		      NTSYNC_STATUS_ABANDONED_WAIT_0 + 1);
	assert_ok(ntsync_nt_release_mutant(f->nt, handles[1], NULL));
	assert_status(finish(start(f, acquire_mutant, &handles[2])), 0);
	assert_status(ntsync_nt_wait_multiple(f->nt, &handles[1], 2, NTSYNC_NT_WAIT_ALL, false,
					      POLL), NTSYNC_STATUS_ABANDONED_WAIT_0);
	assert_true(query_mutant(f, handles[1]).owned_by_caller);
	assert_true(query_mutant(f, handles[2]).owned_by_caller);
}

/*
 * Destroyed while owned: nothing is left to be abandoned, and the list of owned mutants must stay
 * intact.
 */
static void destroyed_while_owned(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 1000; i++)
		close_handle(f, new_mutant(f, true));
	check(f);
	ntsync_nt_thread_detach(f->nt);
	check(f);
}

/* Its memory is another thread's mutant by the time that the first owner exits. */
static void memory_of_a_destroyed_one_is_another(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true), other;

	close_handle(f, mutant);
	other = new_mutant(f, false);
	assert_int_equal(other, mutant);
	ntsync_nt_thread_detach(f->nt);
	assert_false(query_mutant(f, other).abandoned);
}

static void another_thread_has_ended(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true), tid = ntsync_nt_thread_id(f->nt);

	assert_status(ntsync_nt_thread_abandon(f->nt, tid), NTSYNC_STATUS_SUCCESS);
	assert_status(ntsync_nt_thread_abandon(f->nt, tid), NTSYNC_STATUS_INVALID_CID);
	assert_status(ntsync_nt_thread_abandon(f->nt, 0), NTSYNC_STATUS_INVALID_CID);
	assert_status(finish(start(f, acquire_mutant, &mutant)), NTSYNC_STATUS_ABANDONED_WAIT_0);
	ntsync_nt_thread_detach(f->nt);
}

struct ending {
	uint32_t event, mutant;
};

static uint32_t own_and_end(struct fixture *f, void *arg)
{
	struct ending *e = arg;
	uint32_t status = ntsync_nt_bind_thread(f->nt, e->event);

	ntsync_nt_close(f->nt, e->event);
	if (!status)
		status = ntsync_nt_wait_single(f->nt, e->mutant, false, POLL);
	if (!status)
		status = ntsync_nt_thread_end(f->nt);
	return status;
}

/* A thread that has waited for another one's end must find its mutants abandoned. */
static void mutants_before_the_end(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 300; i++) {
		uint32_t event = new_event(f, true, false);
		struct ending e = { duplicate(f, event), new_mutant(f, false) };
		struct helper *thread = start(f, own_and_end, &e);

		assert_status(ntsync_nt_wait_single(f->nt, event, false, FOREVER), 0);
		assert_true(query_mutant(f, e.mutant).abandoned);
		assert_status(poll_handle(f, e.mutant), NTSYNC_STATUS_ABANDONED_WAIT_0);
		assert_ok(finish(thread));
		close_handle(f, e.mutant);
		close_handle(f, event);
	}
}

static void an_end_without_an_event(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true);

	/* Bound to an object that can't be signaled: nothing happens. */
	assert_ok(ntsync_nt_bind_thread(f->nt, mutant));
	assert_status(ntsync_nt_thread_end(f->nt), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_true(query_mutant(f, mutant).owned_by_caller);
	assert_ok(ntsync_nt_bind_thread(f->nt, 0));
	assert_ok(ntsync_nt_thread_end(f->nt));
	assert_true(query_mutant(f, mutant).abandoned);
	ntsync_nt_thread_detach(f->nt);
	assert_ok(ntsync_nt_thread_end(f->nt));
}

/* A thread that has ended for the guest, while its host thread goes on. */
struct stopped {
	uint32_t mutant, tid;
	pthread_barrier_t stopped, end;
};

static uint32_t acquire_and_stop(struct fixture *f, void *arg)
{
	struct stopped *s = arg;
	uint32_t status = ntsync_nt_wait_single(f->nt, s->mutant, false, POLL);

	s->tid = ntsync_nt_thread_id(f->nt);
	pthread_barrier_wait(&s->stopped);
	pthread_barrier_wait(&s->end);
	return status;
}

static uint32_t abandon_thread(struct fixture *f, void *arg)
{
	struct stopped *s = arg;

	pthread_barrier_wait(&s->stopped);
	return ntsync_nt_thread_abandon(f->nt, s->tid);
}

/* Two threads report the end at the same time: one of them gets an error. */
static void abandoned_by_two_at_once(void **state)
{
	struct fixture *f = *state;
	struct stopped s = { .mutant = new_mutant(f, false) };

	pthread_barrier_init(&s.stopped, NULL, 3);
	pthread_barrier_init(&s.end, NULL, 2);
	for (int i = 0; i < 300; i++) {
		struct helper *stopped = start(f, acquire_and_stop, &s);
		struct helper *other = start(f, abandon_thread, &s);
		uint32_t status = abandon_thread(f, &s);

		assert_int_equal(status + finish(other), NTSYNC_STATUS_INVALID_CID);
		assert_status(poll_handle(f, s.mutant), NTSYNC_STATUS_ABANDONED_WAIT_0);
		assert_ok(ntsync_nt_release_mutant(f->nt, s.mutant, NULL));
		pthread_barrier_wait(&s.end);
		assert_ok(finish(stopped));
	}
	pthread_barrier_destroy(&s.stopped);
	pthread_barrier_destroy(&s.end);
}

static void use_limit(struct fixture *f, uint32_t limit)
{
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	config.mutant_limit = limit;
	use_config(f, &config);
}

static void recursion_limit(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant, handles[3];

	use_limit(f, 3);
	mutant = new_mutant(f, true);
	assert_status(poll_handle(f, mutant), NTSYNC_STATUS_WAIT_0);
	assert_status(poll_handle(f, mutant), NTSYNC_STATUS_WAIT_0);
	assert_status(poll_handle(f, mutant), NTSYNC_STATUS_MUTANT_LIMIT_EXCEEDED);
	assert_int_equal(query_mutant(f, mutant).count, -2);
	/* An object before it in the order ends the wait first. */
	handles[0] = new_event(f, false, true);
	handles[1] = mutant;
	handles[2] = new_event(f, false, true);
	assert_status(ntsync_nt_wait_multiple(f->nt, handles, 3, NTSYNC_NT_WAIT_ANY, false,
					      FOREVER), NTSYNC_STATUS_WAIT_0);
	assert_status(ntsync_nt_wait_multiple(f->nt, handles, 3, NTSYNC_NT_WAIT_ANY, false,
					      FOREVER), NTSYNC_STATUS_MUTANT_LIMIT_EXCEEDED);
	assert_status(ntsync_nt_wait_multiple(f->nt, &handles[1], 2, NTSYNC_NT_WAIT_ALL, false,
					      FOREVER), NTSYNC_STATUS_MUTANT_LIMIT_EXCEEDED);
	assert_true(event_signaled(f, handles[2]));
	assert_ok(ntsync_nt_release_mutant(f->nt, mutant, NULL));
	assert_status(poll_handle(f, mutant), NTSYNC_STATUS_WAIT_0);
}

static void ids_of_threads(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant;

	assert_int_equal(ntsync_nt_thread_attach(f->nt, 0), -EINVAL);
	assert_int_equal(ntsync_nt_thread_attach(f->nt, 0x1234), 0);
	assert_int_equal(ntsync_nt_thread_attach(f->nt, 0x1235), -EALREADY);
	mutant = new_mutant(f, true);
	assert_int_equal(query_mutant(f, mutant).owner, 0x1234);
	ntsync_nt_thread_detach(f->nt);
	assert_true(query_mutant(f, mutant).abandoned);
	ntsync_nt_thread_detach(f->nt);
	assert_int_not_equal(ntsync_nt_thread_id(f->nt), 0);
}

static uint32_t attach_as(struct fixture *f, void *arg)
{
	return (uint32_t)-ntsync_nt_thread_attach(f->nt, *(uint32_t *)arg);
}

static void ids_are_unique(void **state)
{
	struct fixture *f = *state;
	uint32_t tid = 500;

	assert_int_equal(ntsync_nt_thread_attach(f->nt, tid), 0);
	assert_int_equal(finish(start(f, attach_as, &tid)), EEXIST);
	tid++;
	assert_int_equal(finish(start(f, attach_as, &tid)), 0);
	/* The thread has ended, so its id is free. */
	assert_int_equal(finish(start(f, attach_as, &tid)), 0);
}

/* A host thread must not get an id that a guest thread can have, in particular not its own tid. */
static void ids_of_host_threads(void **state)
{
	struct fixture *f = *state;
	uint32_t host = ntsync_nt_thread_id(f->nt), kernels = (uint32_t)gettid();
	uint32_t refused[] = { host, NTSYNC_NT_OWN_TIDS, UINT32_MAX };
	uint32_t last = NTSYNC_NT_OWN_TIDS - 1;

	assert_true(host >= NTSYNC_NT_OWN_TIDS);
	assert_int_equal(host & 0xffffff, kernels);
	assert_int_equal(finish(start(f, attach_as, &kernels)), 0);
	assert_int_equal(finish(start(f, attach_as, &last)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(finish(start(f, attach_as, &refused[i])), EINVAL);
}

/* A thread that is not attached yet has the id that it will get. */
static void ids_of_threads_in_the_trace(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false);

	assert_int_equal(assert_record(f, NTSYNC_NT_CREATE, event)->thread,
			 ntsync_nt_thread_id(f->nt));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(recursion),
		TEST(only_the_owner_releases),
		TEST(a_thread_that_ends_abandons),
		TEST(all_that_it_owns_is_abandoned),
		TEST(abandonment_wakes),
		TEST(abandoned_in_a_wait_for_several),
		TEST(destroyed_while_owned),
		TEST(memory_of_a_destroyed_one_is_another),
		TEST(another_thread_has_ended),
		TEST(abandoned_by_two_at_once),
		TEST(mutants_before_the_end),
		TEST(an_end_without_an_event),
		TEST(recursion_limit),
		TEST(ids_of_threads),
		TEST(ids_are_unique),
		TEST(ids_of_host_threads),
		TEST(ids_of_threads_in_the_trace),
	};

	return RUN(tests);
}
