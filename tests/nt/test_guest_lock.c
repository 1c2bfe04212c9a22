// SPDX-License-Identifier: GPL-2.0-only
/* Critical sections and SRW locks in the layout of guests of both sizes. */
#include "nt_test.h"

#include <ntsync_lock.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#define SLEEPER		500u
#define CANCELLED	NTSYNC_STATUS_CANCELLED
#define TERMINATING	0xc000010au

/* -- The guest's structs ------------------------------------------------------------------ */

struct section32 {
	uint32_t debug_info;
	int32_t lock_count;
	int32_t recursion_count;
	uint32_t owning_thread;
	uint32_t lock_semaphore;
	uint32_t spin_count;
};

struct section64 {
	uint64_t debug_info;
	int32_t lock_count;
	int32_t recursion_count;
	uint64_t owning_thread;
	uint64_t lock_semaphore;
	uint64_t spin_count;
};

/**
 * struct section - a critical section of a guest
 * @size: of the guest's pointers
 * @small: with 4 bytes
 * @large: with 8 bytes
 */
struct section {
	size_t size;
	union {
		struct section32 small;
		struct section64 large;
	};
};

static struct section make_section(size_t size)
{
	struct section s = { .size = size };

	if (size == 4)
		s.small = (struct section32){ .debug_info = 0x1234, .lock_count = -1,
					      .spin_count = 4000 };
	else
		s.large = (struct section64){ .debug_info = 0x123456789abcull, .lock_count = -1,
					      .spin_count = 4000 };
	return s;
}

static uint32_t enter(struct fixture *f, struct section *s)
{
	return ntsync_nt_enter_critical_section(f->nt, &s->large, s->size);
}

static bool try_enter(struct fixture *f, struct section *s)
{
	return ntsync_nt_try_enter_critical_section(f->nt, &s->large, s->size);
}

static uint32_t leave(struct fixture *f, struct section *s)
{
	return ntsync_nt_leave_critical_section(f->nt, &s->large, s->size);
}

/* What a guest sees. */
static void assert_fields(const struct section *s, int32_t count, int32_t recursion, uint32_t owner)
{
	bool small = s->size == 4;

	assert_int_equal(small ? s->small.lock_count : s->large.lock_count, count);
	assert_int_equal(small ? s->small.recursion_count : s->large.recursion_count, recursion);
	assert_int_equal(small ? s->small.owning_thread : s->large.owning_thread, owner);
	assert_int_equal(small ? s->small.spin_count : s->large.spin_count, 4000);
	assert_int_equal(small ? s->small.debug_info : s->large.debug_info,
			 small ? 0x1234 : 0x123456789abcull);
}

#define EACH_SIZE(size) for (size_t size = 4; size <= 8; size += 4)

/* -- Critical sections --------------------------------------------------------------------- */

static uint32_t enter_and_leave(struct fixture *f, void *arg)
{
	uint32_t status;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	status = enter(f, arg);
	return status ? status : leave(f, arg);
}

static uint32_t try_for(struct fixture *f, void *arg)
{
	return try_enter(f, arg);
}

static uint32_t leave_for_another(struct fixture *f, void *arg)
{
	return leave(f, arg);
}

static void the_owner_enters_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ntsync_nt_thread_attach(f->nt, 77), 0);
	EACH_SIZE(size) {
		struct section s = make_section(size);

		assert_ok(enter(f, &s));
		assert_fields(&s, -2, 1, 77);
		assert_true(try_enter(f, &s));
		assert_ok(enter(f, &s));
		assert_fields(&s, -2, 3, 77);
		assert_false(finish(start(f, try_for, &s)));
		assert_ok(leave(f, &s));
		assert_ok(leave(f, &s));
		assert_fields(&s, -2, 1, 77);
		assert_ok(leave(f, &s));
		assert_fields(&s, -1, 0, 0);
		assert_true(finish(start(f, try_for, &s)));
	}
}

static void others_wait(void **state)
{
	struct fixture *f = *state;

	EACH_SIZE(size) {
		struct section s = make_section(size);
		struct helper *helpers[4];

		assert_ok(enter(f, &s));
		for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
			helpers[i] = start_asleep(f, enter_and_leave, &s);
		assert_ok(leave(f, &s));
		for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
			assert_ok(finish(helpers[i]));
		assert_fields(&s, -1, 0, 0);
	}
}

static void wrong_use_of_a_section(void **state)
{
	struct fixture *f = *state;

	EACH_SIZE(size) {
		struct section s = make_section(size);
		void *odd = (char *)&s.large + 2;

		assert_status(leave(f, &s), NTSYNC_STATUS_RESOURCE_NOT_OWNED);
		assert_ok(enter(f, &s));
		assert_status(finish(start(f, leave_for_another, &s)),
			      NTSYNC_STATUS_RESOURCE_NOT_OWNED);
		assert_ok(leave(f, &s));
		assert_status(leave(f, &s), NTSYNC_STATUS_RESOURCE_NOT_OWNED);
		assert_fields(&s, -1, 0, 0);
		assert_status(ntsync_nt_enter_critical_section(f->nt, odd, size),
			      NTSYNC_STATUS_INVALID_PARAMETER);
		assert_false(ntsync_nt_try_enter_critical_section(f->nt, odd, size));
		s.size = 5;
		assert_status(enter(f, &s), NTSYNC_STATUS_INVALID_PARAMETER);
		assert_status(leave(f, &s), NTSYNC_STATUS_INVALID_PARAMETER);
		assert_false(try_enter(f, &s));
	}
}

static void the_number_of_entries_is_limited(void **state)
{
	struct fixture *f = *state;
	struct section s = make_section(8);

	assert_ok(enter(f, &s));
	s.large.recursion_count = INT32_MAX;
	assert_status(enter(f, &s), NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	assert_false(try_enter(f, &s));
	s.large.recursion_count = 1;
	assert_ok(leave(f, &s));
}

static void a_stop_ends_an_enter(void **state)
{
	struct fixture *f = *state;

	EACH_SIZE(size) {
		struct section s = make_section(size);
		struct helper *helper;

		assert_ok(enter(f, &s));
		helper = start_asleep(f, enter_and_leave, &s);
		assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
		assert_status(finish(helper), CANCELLED);
		/* What needs no wait goes on. */
		assert_ok(enter(f, &s));
		assert_ok(leave(f, &s));
		assert_status(finish(start(f, enter_and_leave, &s)), CANCELLED);
		assert_ok(leave(f, &s));
		assert_ok(finish(start(f, enter_and_leave, &s)));
		ntsync_nt_resume(f->nt);
		assert_ok(enter(f, &s));
		helper = start_asleep(f, enter_and_leave, &s);
		assert_ok(ntsync_nt_alert_thread(f->nt, SLEEPER));
		assert_ok(ntsync_nt_alert_by_id(f->nt, SLEEPER));
		assert_true(still_asleep(helper));
		assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, TERMINATING));
		assert_status(finish(helper), TERMINATING);
		assert_ok(leave(f, &s));
		assert_fields(&s, -1, 0, 0);
	}
}

/* -- SRW locks ---------------------------------------------------------------------------- */

/* An SRWLOCK of 64 bits, whose second half is not used. */
struct srw {
	uint64_t word;
	bool shared;
};

static uint32_t lock_and_unlock(struct fixture *f, void *arg)
{
	struct srw *srw = arg;
	uint32_t status;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	status = ntsync_nt_acquire_srw_lock(f->nt, &srw->word, srw->shared);
	return status ? status : ntsync_nt_release_srw_lock(f->nt, &srw->word, srw->shared);
}

static uint32_t try_exclusive(struct fixture *f, void *arg)
{
	struct srw *srw = arg;

	return ntsync_nt_try_acquire_srw_lock(f->nt, &srw->word, false);
}

/* Releases what it gets. */
static uint32_t try_shared(struct fixture *f, void *arg)
{
	struct srw *srw = arg;

	return ntsync_nt_try_acquire_srw_lock(f->nt, &srw->word, true) &&
	       !ntsync_nt_release_srw_lock(f->nt, &srw->word, true);
}

static void one_writer_or_readers(void **state)
{
	struct fixture *f = *state;
	struct srw srw = { 0 };

	assert_ok(ntsync_nt_acquire_srw_lock(f->nt, &srw.word, false));
	assert_false(finish(start(f, try_shared, &srw)));
	assert_false(finish(start(f, try_exclusive, &srw)));
	assert_status(ntsync_nt_acquire_srw_lock(f->nt, &srw.word, false),
		      NTSYNC_STATUS_POSSIBLE_DEADLOCK);
	assert_status(ntsync_nt_release_srw_lock(f->nt, &srw.word, true),
		      NTSYNC_STATUS_RESOURCE_NOT_OWNED);
	assert_ok(ntsync_nt_release_srw_lock(f->nt, &srw.word, false));
	assert_ok(ntsync_nt_acquire_srw_lock(f->nt, &srw.word, true));
	assert_true(finish(start(f, try_shared, &srw)));
	assert_false(finish(start(f, try_exclusive, &srw)));
	assert_status(ntsync_nt_release_srw_lock(f->nt, &srw.word, false),
		      NTSYNC_STATUS_RESOURCE_NOT_OWNED);
	assert_ok(ntsync_nt_release_srw_lock(f->nt, &srw.word, true));
	assert_status(ntsync_nt_release_srw_lock(f->nt, &srw.word, true),
		      NTSYNC_STATUS_RESOURCE_NOT_OWNED);
	assert_int_equal(srw.word, 0);
	assert_status(ntsync_nt_acquire_srw_lock(f->nt, (char *)&srw.word + 1, true),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_false(ntsync_nt_try_acquire_srw_lock(f->nt, (char *)&srw.word + 1, true));
}

static void writers_and_readers_wait(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		struct srw srw = { .shared = i & 1 };
		struct helper *helpers[3];

		/* A reader does not wait for a reader. */
		assert_ok(ntsync_nt_acquire_srw_lock(f->nt, &srw.word, i & 2));
		for (size_t j = 0; j < ARRAY_SIZE(helpers); j++)
			helpers[j] = start_asleep(f, lock_and_unlock, &srw);
		assert_ok(ntsync_nt_release_srw_lock(f->nt, &srw.word, i & 2));
		for (size_t j = 0; j < ARRAY_SIZE(helpers); j++)
			assert_ok(finish(helpers[j]));
		assert_int_equal(srw.word, 0);
	}
}

static void a_stop_ends_an_acquire(void **state)
{
	struct fixture *f = *state;

	for (int shared = 0; shared < 2; shared++) {
		struct srw srw = { .shared = shared };
		struct helper *helper;

		assert_ok(ntsync_nt_acquire_srw_lock(f->nt, &srw.word, false));
		helper = start_asleep(f, lock_and_unlock, &srw);
		assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
		ntsync_nt_resume(f->nt);
		assert_status(finish(helper), CANCELLED);
		helper = start_asleep(f, lock_and_unlock, &srw);
		assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, TERMINATING));
		assert_status(finish(helper), TERMINATING);
		assert_ok(ntsync_nt_release_srw_lock(f->nt, &srw.word, false));
		assert_ok(finish(start(f, lock_and_unlock, &srw)));
	}
}

/* -- Races ------------------------------------------------------------------------------- */

#define ROUNDS 500

/**
 * struct crowd - threads that use a lock while their waits are ended
 * @section: a critical section, or
 * @srw: an SRW lock
 * @protected: what the lock protects
 * @over: they are to leave
 * @use: uses it once
 */
struct crowd {
	struct section section;
	struct srw srw;
	uint64_t protected[2];
	atomic_bool over;
	uint32_t (*use)(struct fixture *f, struct crowd *crowd, int i);
};

static uint32_t change(struct crowd *crowd)
{
	crowd->protected[0]++;
	sched_yield();
	crowd->protected[1]++;
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t use_section(struct fixture *f, struct crowd *crowd, int i)
{
	uint32_t status = enter(f, &crowd->section);

	(void)i;
	if (status)
		return status;
	change(crowd);
	return leave(f, &crowd->section);
}

static uint32_t use_srw(struct fixture *f, struct crowd *crowd, int i)
{
	bool shared = i & 1;
	uint32_t status = ntsync_nt_acquire_srw_lock(f->nt, &crowd->srw.word, shared);

	if (status)
		return status;
	if (!shared)
		change(crowd);
	else if (crowd->protected[0] != crowd->protected[1])
		return NTSYNC_STATUS_INTERNAL_ERROR;
	return ntsync_nt_release_srw_lock(f->nt, &crowd->srw.word, shared);
}

static uint32_t crowd_in(struct fixture *f, void *arg)
{
	struct crowd *crowd = arg;

	ntsync_nt_thread_attach(f->nt, SLEEPER);
	for (int i = 0; !atomic_load(&crowd->over); i++) {
		uint32_t status = crowd->use(f, crowd, i);

		if (status && status != TERMINATING && status != CANCELLED)
			return status;
	}
	return NTSYNC_STATUS_SUCCESS;
}

/* Neither the lock nor a wake-up is lost: in the end nobody is left asleep. */
static void nothing_is_lost(struct fixture *f, struct crowd *crowd)
{
	struct helper *helpers[4];

	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		helpers[i] = start(f, crowd_in, crowd);
	for (int i = 0; i < ROUNDS; i++) {
		assert_ok(ntsync_nt_interrupt_thread(f->nt, SLEEPER, TERMINATING));
		if (i % 7 == 0) {
			assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
			ntsync_nt_resume(f->nt);
		}
		sched_yield();
	}
	atomic_store(&crowd->over, true);
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		assert_ok(finish(helpers[i]));
	assert_int_equal(crowd->protected[0], crowd->protected[1]);
}

static void no_section_is_lost(void **state)
{
	EACH_SIZE(size) {
		struct crowd crowd = { .section = make_section(size), .use = use_section };

		nothing_is_lost(*state, &crowd);
		assert_fields(&crowd.section, -1, 0, 0);
	}
}

static void no_srw_lock_is_lost(void **state)
{
	struct crowd crowd = { .use = use_srw };

	nothing_is_lost(*state, &crowd);
	assert_int_equal(crowd.srw.word, 0);
}

static void handle_signal(int sig)
{
	(void)sig;
}

static void a_signal_handler_does_not_end_it(void **state)
{
	const struct sigaction action = { .sa_handler = handle_signal };
	struct fixture *f = *state;

	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 10; i++) {
		struct section s = make_section(8);
		struct helper *helper;

		assert_ok(enter(f, &s));
		helper = start_asleep(f, enter_and_leave, &s);
		interrupt(helper, SIGUSR1);
		assert_ok(leave(f, &s));
		assert_ok(finish(helper));
	}
}

/* The thread is cancelled, and completes the call. */
static uint32_t enter_when_cancelled(struct fixture *f, void *arg)
{
	uint32_t status;

	pthread_cancel(pthread_self());
	status = enter_and_leave(f, arg);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return status ? status : NTSYNC_STATUS_ALERTED;
}

/* A driver without memory makes a lock wait, and does not fail it. */
static void without_memory(void **state)
{
	struct fixture *f = *state;
	struct section s = make_section(8);
	struct helper *helper;

	assert_ok(enter(f, &s));
	if (!env_fail_waits(ENOMEM)) {
		assert_ok(leave(f, &s));
		return;
	}
	helper = start(f, enter_when_cancelled, &s);
	while (!(__atomic_load_n((uint32_t *)&s.large.lock_semaphore, __ATOMIC_RELAXED) &
		 NTSYNC_LOCK_WAITERS))
		sched_yield();
	env_fail_waits(0);
	sleep_ms(3);
	assert_ok(leave(f, &s));
	assert_status(finish(helper), NTSYNC_STATUS_ALERTED);
	assert_fields(&s, -1, 0, 0);
}

#define OLD(fn) { #fn " (with futexes)", fn, setup_old_driver, teardown_old_driver, NULL }

#define EACH(how) \
	how(the_owner_enters_again), \
	how(others_wait), \
	how(wrong_use_of_a_section), \
	how(the_number_of_entries_is_limited), \
	how(a_stop_ends_an_enter), \
	how(one_writer_or_readers), \
	how(writers_and_readers_wait), \
	how(a_stop_ends_an_acquire), \
	how(no_section_is_lost), \
	how(no_srw_lock_is_lost), \
	how(a_signal_handler_does_not_end_it), \
	how(without_memory)

int main(void)
{
	const struct CMUnitTest tests[] = { EACH(TEST), EACH(OLD) };
	const struct CMUnitTest more[] = { EACH(OLD) };
	bool can_be_old = env_old_driver(false);

	return nt_run_group(__FILE__, tests,
			    ARRAY_SIZE(tests) - (can_be_old ? 0 : ARRAY_SIZE(more)));
}
