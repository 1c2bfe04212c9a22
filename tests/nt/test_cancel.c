// SPDX-License-Identifier: GPL-2.0-only
/*
 * pthread_cancel(): no function of the table is a cancellation point. Each thread here makes its
 * call with a cancel pending: the call must complete, with nothing locked or left behind, and the
 * cancel must still be pending after it.
 */
#include "nt_test.h"

#include <pthread.h>
#include <signal.h>

#define CALLER 500u

/**
 * struct caller - a thread with a cancel pending
 * @f: the test
 * @call: the call that it makes
 * @handle: for the call
 * @cancelled: the cancel is pending
 * @returned: the call has returned
 * @blocked: signals that were blocked after it
 */
struct caller {
	struct fixture *f;
	void (*call)(struct caller *caller);
	uint32_t handle;
	pthread_barrier_t cancelled;
	bool returned;
	sigset_t blocked;
};

static void *run_caller(void *arg)
{
	struct caller *caller = arg;
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	/* With the event of an alertable wait, so that the exit of the thread has one to close. */
	ntsync_nt_thread_attach(caller->f->nt, CALLER);
	ntsync_nt_delay(caller->f->nt, true, in_ms(1));
	pthread_barrier_wait(&caller->cancelled);
	pthread_setcancelstate(state, NULL);
	if (!caller->call)
		return NULL;
	caller->call(caller);
	caller->returned = true;
	pthread_sigmask(SIG_BLOCK, NULL, &caller->blocked);
	pthread_testcancel();
	return NULL;
}

static void *run_with_cancel_pending(struct caller *caller)
{
	pthread_t thread;
	void *ret;

	pthread_barrier_init(&caller->cancelled, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, run_caller, caller), 0);
	assert_int_equal(pthread_cancel(thread), 0);
	pthread_barrier_wait(&caller->cancelled);
	pthread_join(thread, &ret);
	pthread_barrier_destroy(&caller->cancelled);
	return ret;
}

static void check_completes(struct fixture *f, void (*call)(struct caller *), uint32_t handle)
{
	struct caller caller = { .f = f, .call = call, .handle = handle };

	assert_ptr_equal(run_with_cancel_pending(&caller), PTHREAD_CANCELED);
	assert_true(caller.returned);
	assert_false(sigismember(&caller.blocked, SIGUSR1));
	/* The table's lock must be free. */
	assert_status(ntsync_nt_thread_abandon(f->nt, CALLER), NTSYNC_STATUS_INVALID_CID);
	check(f);
}

static void detach(struct caller *caller)
{
	ntsync_nt_thread_detach(caller->f->nt);
}

static void thread_detach(void **state)
{
	check_completes(*state, detach, 0);
}

/* The end of a thread detaches it, and a cancel may be pending even then. */
static void the_end_of_a_thread(void **state)
{
	struct fixture *f = *state;
	struct caller caller = { .f = f };

	assert_null(run_with_cancel_pending(&caller));
	assert_status(ntsync_nt_thread_abandon(f->nt, CALLER), NTSYNC_STATUS_INVALID_CID);
	check(f);
}

static void close_own_handle(struct caller *caller)
{
	ntsync_nt_close(caller->f->nt, caller->handle);
}

static void close_leaks_no_object(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_count count;

	check_completes(f, close_own_handle, new_event(f, false, false));
	ntsync_nt_count(f->nt, NTSYNC_NT_EVENT, &count);
	assert_int_equal(count.handles, 0);
	assert_int_equal(count.objects, 0);
	check_completes(f, close_own_handle, new_timer(f, false));
	assert_int_equal(count_objects(f, NTSYNC_NT_TIMER), 0);
}

static void use_name(struct caller *caller)
{
	const struct ntsync_nt_attributes named = { .name = "name" };
	uint32_t handle;

	ntsync_nt_create_mutant(caller->f->nt, &handle, &named, true);
	ntsync_nt_close(caller->f->nt, handle);
}

static void names(void **state)
{
	struct fixture *f = *state;
	uint32_t handle;

	check_completes(f, use_name, 0);
	assert_status(ntsync_nt_open_mutant(f->nt, &handle, "name"),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
}

static void create_and_destroy_table(struct caller *caller)
{
	struct ntsync_nt *nt;
	uint32_t handle;

	(void)caller;
	if (ntsync_nt_create(NULL, &nt))
		return;
	ntsync_nt_create_event(nt, &handle, NULL, false, false);
	ntsync_nt_create_timer(nt, &handle, NULL, false);
	ntsync_nt_delay(nt, true, POLL);
	ntsync_nt_destroy(nt);
}

static void tables(void **state)
{
	check_completes(*state, create_and_destroy_table, 0);
}

/* A hook that prints contains cancellation points. */
static void print_record(void *context, const struct ntsync_nt_record *record)
{
	(void)context;
	(void)record;
	pthread_testcancel();
}

static void create_and_close(struct caller *caller)
{
	uint32_t handle;

	ntsync_nt_create_event(caller->f->nt, &handle, NULL, false, false);
	ntsync_nt_close(caller->f->nt, handle);
	ntsync_nt_close(caller->f->nt, handle);
}

static void trace_hooks(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;

	ntsync_nt_destroy(f->nt);
	ntsync_nt_config_init(&config);
	config.trace = print_record;
	assert_int_equal(ntsync_nt_create(&config, &f->nt), 0);
	check_completes(f, create_and_close, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(thread_detach),
		TEST(the_end_of_a_thread),
		TEST(close_leaks_no_object),
		TEST(names),
		TEST(tables),
		TEST(trace_hooks),
	};

	return RUN(tests);
}
