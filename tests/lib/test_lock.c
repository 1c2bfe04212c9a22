// SPDX-License-Identifier: GPL-2.0-only
/* What the locks of ntsync_lock.h ask the driver for. tests/lock has the locks at work. */
#include <string.h>
#include <time.h>

#include "fake_kernel.h"
#include <ntsync_lock.h>

#define WAITERS NTSYNC_LOCK_WAITERS
#define EXCLUSIVE NTSYNC_LOCK_EXCLUSIVE
#define NS_PER_MS 1000000ull
#define MINE 7
#define SOMEBODY 77
#define SOMEBODY_ELSE 78
#define DEADLINE INT64_MAX

static struct ntsync_locker me;
static struct ntsync_cs cs;
static struct ntsync_rw rw;
static struct ntsync_cond cond;

static int setup(void **state)
{
	me = (struct ntsync_locker){ .dev = 3, .tid = MINE };
	memset(&cs, 0, sizeof(cs));
	memset(&cond, 0, sizeof(cond));
	rw.word = 0;
	return fake_setup(state);
}

#define lock_test(fn) cmocka_unit_test_setup_teardown(fn, setup, fake_teardown)

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 * NS_PER_MS + (uint64_t)ts.tv_nsec;
}

static const struct ntsync_addr_wait_args *wait_args(unsigned int n)
{
	assert_int_equal(fake_call(n)->request, NTSYNC_IOC_ADDR_WAIT);
	assert_int_equal(fake_call(n)->fd, 3);
	return (const void *)fake_call(n)->arg;
}

/* The @n-th call waits on @word for @value, and names @owner. */
static void assert_waits(unsigned int n, const uint32_t *word, uint32_t value, uint32_t owner)
{
	const struct ntsync_addr_wait_args *args = wait_args(n);

	assert_ptr_equal(args->addr, word);
	assert_int_equal(args->size, 4);
	assert_int_equal(args->expected, value);
	assert_int_equal(args->owner, owner);
	assert_int_equal(args->alert, 0);
	assert_int_equal(args->flags, me.flags | NTSYNC_ADDR_TAKE_OVER);
}

static void assert_wakes(unsigned int n, const uint32_t *word, uint32_t count)
{
	const struct ntsync_addr_wake_args *args = (const void *)fake_call(n)->arg;

	assert_int_equal(fake_call(n)->request, NTSYNC_IOC_ADDR_WAKE);
	assert_ptr_equal(args->addr, word);
	assert_int_equal(args->count, count);
	assert_int_equal(args->flags, me.flags);
}

/* ---- a waiter of a critical section ---- */

static void release_cs(unsigned int n)
{
	(void)n;
	cs.word = 0;
}

static void the_holder_is_named(void **state)
{
	(void)state;
	for (int shared = 0; shared <= 1; shared++) {
		setup(NULL);
		me.flags = shared ? NTSYNC_LOCKER_SHARED : 0;
		cs.word = SOMEBODY;
		fake_in_ioctl = release_cs;
		fake_returns(0);
		assert_int_equal(ntsync_cs_enter_until(&me, &cs, DEADLINE), 0);
		assert_int_equal(fake_nr_calls(), 1);
		assert_waits(0, &cs.word, SOMEBODY | WAITERS, SOMEBODY);
		assert_int_equal(wait_args(0)->timeout, DEADLINE);
		/* Others may sleep still. */
		assert_int_equal(cs.word, MINE | WAITERS);
		assert_int_equal(cs.recursion, 1);
		assert_int_equal(me.held, 1);
	}
}

static void change_holder_then_release(unsigned int n)
{
	cs.word = n ? 0 : SOMEBODY_ELSE;
}

/* It has not slept, so it knows of nobody who does. */
static void another_holder_is_named_next(void **state)
{
	(void)state;
	cs.word = SOMEBODY;
	fake_in_ioctl = change_holder_then_release;
	fake_fails(EAGAIN);
	fake_fails(EINTR);
	assert_int_equal(ntsync_cs_enter(&me, &cs), 0);
	assert_waits(0, &cs.word, SOMEBODY | WAITERS, SOMEBODY);
	assert_waits(1, &cs.word, SOMEBODY_ELSE | WAITERS, SOMEBODY_ELSE);
	assert_true(wait_args(1)->timeout == NTSYNC_WAIT_FOREVER);
	assert_int_equal(cs.word, MINE);
}

static void change_holder_late(unsigned int n)
{
	if (n == 2)
		cs.word = SOMEBODY_ELSE;
	else if (n == 3)
		cs.word = 0;
}

/* It sleeps without an owner, and looks again, until another one has the lock. */
static void who_can_not_be_named(void **state)
{
	static const int errors[] = { ESRCH, EPERM };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		uint64_t before = now();

		setup(NULL);
		cs.word = SOMEBODY;
		fake_in_ioctl = change_holder_late;
		fake_fails(errors[i]);
		fake_fails(ETIMEDOUT);
		fake_fails(ETIMEDOUT);
		fake_returns(0);
		assert_int_equal(ntsync_cs_enter(&me, &cs), 0);
		assert_waits(0, &cs.word, SOMEBODY | WAITERS, SOMEBODY);
		for (unsigned int n = 1; n <= 2; n++) {
			assert_waits(n, &cs.word, SOMEBODY | WAITERS, 0);
			assert_in_range(wait_args(n)->timeout, before + NS_PER_MS,
					now() + NS_PER_MS);
		}
		assert_waits(3, &cs.word, SOMEBODY_ELSE | WAITERS, SOMEBODY_ELSE);
		assert_true(wait_args(3)->timeout == NTSYNC_WAIT_FOREVER);
	}
}

/* Again if it has passed before the second sleep. */
static void a_deadline_before_that_counts(void **state)
{
	uint64_t deadline;

	(void)state;
	do {
		setup(NULL);
		cs.word = SOMEBODY;
		fake_fails(ESRCH);
		fake_fails(ETIMEDOUT);
		deadline = now() + NS_PER_MS / 2;
		assert_int_equal(ntsync_cs_enter_until(&me, &cs, deadline), -ETIMEDOUT);
	} while (fake_nr_calls() < 2);
	assert_int_equal(wait_args(1)->timeout, deadline);
	assert_int_equal(wait_args(1)->owner, 0);
}

static void pass_a_millisecond(unsigned int n)
{
	uint64_t end = now() + NS_PER_MS;

	(void)n;
	while (now() < end)
		;
}

static uint64_t end_of_call;

static void pass_the_deadline(unsigned int n)
{
	(void)n;
	while (now() <= end_of_call)
		;
}

static int enter_until(uint64_t deadline)
{
	return ntsync_cs_enter_until(&me, &cs, deadline);
}

static int lock_until(uint64_t deadline)
{
	return ntsync_rw_lock_until(&me, &rw, deadline);
}

static int lock_shared_until(uint64_t deadline)
{
	return ntsync_rw_lock_shared_until(&me, &rw, deadline);
}

/* The deadline passes in a sleep that fails with @error. Again if it has passed before the sleep. */
static void check_late_failure(int (*take)(uint64_t deadline), int error)
{
	do {
		setup(NULL);
		cs.word = SOMEBODY;
		rw.word = SOMEBODY | EXCLUSIVE;
		fake_in_ioctl = pass_the_deadline;
		fake_fails(error);
		end_of_call = now() + NS_PER_MS;
		assert_int_equal(take(end_of_call), -ETIMEDOUT);
	} while (!fake_nr_calls());
}

/* The kernel never says that it has passed. */
static void a_deadline_counts_while_the_word_changes(void **state)
{
	(void)state;
	check_late_failure(enter_until, EAGAIN);
	check_late_failure(lock_until, EAGAIN);
	check_late_failure(lock_shared_until, EAGAIN);
}

/* Readers that come later would have to give way to nobody. */
static void after_the_deadline_the_word_stays(void **state)
{
	static const uint64_t passed[] = { 0, 5, 1ull << 63, UINT64_MAX - 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
		rw.word = 1;
		assert_int_equal(ntsync_rw_lock_until(&me, &rw, passed[i]), -ETIMEDOUT);
		assert_int_equal(rw.word, 1);
		cs.word = SOMEBODY;
		assert_int_equal(ntsync_cs_enter_until(&me, &cs, passed[i]), -ETIMEDOUT);
		assert_int_equal(cs.word, SOMEBODY);
	}
	assert_int_equal(fake_nr_calls(), 0);
}

static void a_value_that_changes_back(void **state)
{
	const uint32_t value = 1;

	(void)state;
	fake_fails(EAGAIN);
	assert_int_equal(ntsync_wait_on_address(&me, &value, &value, 4, 0), -ETIMEDOUT);
	assert_int_equal(fake_nr_calls(), 1);
	for (int i = 0; i < 3; i++)
		fake_fails(EAGAIN);
	fake_fails(ETIMEDOUT);
	assert_int_equal(ntsync_wait_on_address(&me, &value, &value, 4, DEADLINE), -ETIMEDOUT);
	assert_int_equal(fake_nr_calls(), 5);
}

static void errors_pass(void **state)
{
	static const int errors[] = { EBADF, EFAULT, EACCES, EINVAL, ETIMEDOUT };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		setup(NULL);
		cs.word = SOMEBODY;
		fake_fails(errors[i]);
		assert_int_equal(ntsync_cs_enter_until(&me, &cs, DEADLINE), -errors[i]);
		assert_int_equal(fake_nr_calls(), 1);
		assert_int_equal(cs.word, SOMEBODY | WAITERS);
		assert_int_equal(cs.recursion, 0);
		assert_int_equal(me.held, 0);
	}
}

/* A wake-up that it does not use is another one's. */
static void the_woken_one_wakes_another_if_it_gives_up(void **state)
{
	(void)state;
	cs.word = SOMEBODY;
	fake_returns(0);
	fake_fails(ETIMEDOUT);
	fake_returns(1);
	assert_int_equal(ntsync_cs_enter_until(&me, &cs, DEADLINE), -ETIMEDOUT);
	assert_int_equal(fake_nr_calls(), 3);
	assert_wakes(2, &cs.word, 1);
	assert_int_equal(me.held, 0);
}

static void without_memory_it_tries_again(void **state)
{
	(void)state;
	cs.word = SOMEBODY;
	fake_fails(ENOMEM);
	fake_fails(ENOMEM);
	fake_fails(ETIMEDOUT);
	fake_returns(0);
	assert_int_equal(ntsync_cs_enter_until(&me, &cs, DEADLINE), -ETIMEDOUT);
	check_late_failure(enter_until, ENOMEM);
}

/* ---- a holder ---- */

static uint32_t seen_in_call;

static void look_at_word(unsigned int n)
{
	(void)n;
	seen_in_call = cs.word;
}

static void it_releases_and_then_wakes(void **state)
{
	(void)state;
	for (int error = 0; error <= EBADF; error += EBADF) {
		setup(NULL);
		seen_in_call = UNTOUCHED;
		fake_in_ioctl = look_at_word;
		cs = (struct ntsync_cs){ .word = MINE | WAITERS, .recursion = 2 };
		me.held = 1;
		assert_int_equal(ntsync_cs_leave(&me, &cs), 0);
		assert_int_equal(fake_nr_calls(), 0);
		if (error)
			fake_fails(error);
		else
			fake_returns(1);
		assert_int_equal(ntsync_cs_leave(&me, &cs), -error);
		assert_wakes(0, &cs.word, 1);
		assert_int_equal(seen_in_call, 0);
		assert_int_equal(cs.word, 0);
		assert_int_equal(cs.recursion, 0);
		assert_int_equal(me.held, 0);
	}
}

/* ---- reader/writer locks ---- */

static void release_rw(unsigned int n)
{
	(void)n;
	rw.word = 0;
}

static void leave_a_reader(unsigned int n)
{
	if (!n)
		rw.word = 1;
}

static void leave_a_reader_and_a_waiter(unsigned int n)
{
	if (!n)
		rw.word = 1 | WAITERS;
}

static void a_writer_is_named(void **state)
{
	(void)state;
	for (int shared = 0; shared <= 1; shared++) {
		setup(NULL);
		rw.word = SOMEBODY | EXCLUSIVE;
		fake_in_ioctl = release_rw;
		fake_returns(0);
		if (shared) {
			fake_returns(0);
			assert_int_equal(ntsync_rw_lock_shared(&me, &rw), 0);
			assert_wakes(1, &rw.word, 1);
		} else {
			assert_int_equal(ntsync_rw_lock(&me, &rw), 0);
			assert_int_equal(rw.word, MINE | EXCLUSIVE | WAITERS);
		}
		assert_waits(0, &rw.word, SOMEBODY | EXCLUSIVE | WAITERS, SOMEBODY);
		assert_true(wait_args(0)->timeout == NTSYNC_WAIT_FOREVER);
	}
}

static void let_a_writer_in(unsigned int n)
{
	rw.word = n ? 0 : SOMEBODY | EXCLUSIVE | WAITERS;
}

/* So a writer looks again: another one may have the lock after them. */
static void readers_are_not(void **state)
{
	uint64_t before = now();

	(void)state;
	rw.word = 2;
	fake_in_ioctl = let_a_writer_in;
	fake_fails(ETIMEDOUT);
	fake_returns(0);
	assert_int_equal(ntsync_rw_lock(&me, &rw), 0);
	assert_waits(0, &rw.word, 2 | WAITERS, 0);
	assert_in_range(wait_args(0)->timeout, before + NS_PER_MS, now() + NS_PER_MS);
	assert_waits(1, &rw.word, SOMEBODY | EXCLUSIVE | WAITERS, SOMEBODY);
	assert_true(wait_args(1)->timeout == NTSYNC_WAIT_FOREVER);
}

/* Who was woken takes the lock without WAITERS: the one that it wakes next may be the last. */
static void a_woken_reader_wakes_the_next(void **state)
{
	(void)state;
	rw.word = SOMEBODY | EXCLUSIVE;
	fake_in_ioctl = leave_a_reader;
	fake_returns(0);
	fake_returns(0);
	assert_int_equal(ntsync_rw_lock_shared(&me, &rw), 0);
	assert_wakes(1, &rw.word, 1);
	assert_int_equal(rw.word, 2);
	assert_int_equal(fake_nr_calls(), 2);
	/* WAITERS of somebody else stays. */
	setup(NULL);
	rw.word = SOMEBODY | EXCLUSIVE;
	fake_in_ioctl = leave_a_reader_and_a_waiter;
	fake_returns(0);
	fake_returns(0);
	assert_int_equal(ntsync_rw_lock_shared(&me, &rw), 0);
	assert_int_equal(rw.word, 2 | WAITERS);
}

static void fill_with_readers(unsigned int n)
{
	if (!n)
		rw.word = NTSYNC_LOCK_READERS;
}

/* The next one may be a writer, which can wait. */
static void a_woken_reader_that_is_one_too_many(void **state)
{
	(void)state;
	rw.word = SOMEBODY | EXCLUSIVE;
	fake_in_ioctl = fill_with_readers;
	fake_returns(0);
	fake_returns(1);
	assert_int_equal(ntsync_rw_lock_shared(&me, &rw), -EOVERFLOW);
	assert_int_equal(fake_nr_calls(), 2);
	assert_wakes(1, &rw.word, 1);
}

/* A signal does not prolong it. It was not woken, so it wakes nobody. */
static void a_reader_that_holds_a_lock_gives_way_for_a_millisecond(void **state)
{
	static const int errors[] = { ETIMEDOUT, EINTR };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		uint64_t before = now();

		setup(NULL);
		me.held = 1;
		rw.word = 2 | WAITERS;
		assert_false(ntsync_rw_try_lock_shared(&me, &rw));
		fake_in_ioctl = pass_a_millisecond;
		fake_fails(errors[i]);
		assert_int_equal(ntsync_rw_lock_shared(&me, &rw), 0);
		assert_int_equal(fake_nr_calls(), 1);
		assert_waits(0, &rw.word, 2 | WAITERS, 0);
		assert_in_range(wait_args(0)->timeout, before + NS_PER_MS, now());
		assert_int_equal(rw.word, 3 | WAITERS);
	}
}

static void pass_a_millisecond_then_free(unsigned int n)
{
	pass_a_millisecond(n);
	if (n == 2)
		rw.word = 0;
}

/* It looks again each millisecond, as a writer does. */
static void a_normal_reader_gives_way_until_the_lock_is_free(void **state)
{
	(void)state;
	rw.word = 2 | WAITERS;
	fake_in_ioctl = pass_a_millisecond_then_free;
	for (int i = 0; i < 3; i++)
		fake_fails(ETIMEDOUT);
	assert_int_equal(ntsync_rw_lock_shared(&me, &rw), 0);
	assert_int_equal(fake_nr_calls(), 3);
	for (unsigned int n = 0; n < 3; n++)
		assert_waits(n, &rw.word, 2 | WAITERS, 0);
	for (unsigned int n = 1; n < 3; n++)
		assert_true(wait_args(n)->timeout >= wait_args(n - 1)->timeout + NS_PER_MS);
	assert_int_equal(rw.word, 1);
}

static void a_reader_that_is_woken_gives_way_no_more(void **state)
{
	(void)state;
	rw.word = 2 | WAITERS;
	fake_returns(0);
	fake_returns(0);
	assert_int_equal(ntsync_rw_lock_shared(&me, &rw), 0);
	assert_wakes(1, &rw.word, 1);
	assert_int_equal(rw.word, 3 | WAITERS);
}

/* ---- condition variables ---- */

static void look_at_cond(unsigned int n)
{
	if (n)
		return;
	assert_int_equal(cond.waiters, 1);
	assert_int_equal(cs.word, 0);
	assert_int_equal(me.held, 0);
}

static void a_wait_names_nobody(void **state)
{
	(void)state;
	cond.seq = 9;
	assert_true(ntsync_cs_try_enter(&me, &cs));
	fake_in_ioctl = look_at_cond;
	fake_fails(EINTR);
	fake_fails(EAGAIN);
	assert_int_equal(ntsync_cond_wait_cs(&me, &cond, &cs, DEADLINE), 0);
	for (unsigned int n = 0; n < 2; n++) {
		assert_ptr_equal(wait_args(n)->addr, &cond.seq);
		assert_int_equal(wait_args(n)->expected, 9);
		assert_int_equal(wait_args(n)->owner, 0);
		assert_int_equal(wait_args(n)->flags, 0);
		assert_int_equal(wait_args(n)->timeout, DEADLINE);
	}
	assert_int_equal(cond.waiters, 0);
	assert_int_equal(cs.word, MINE);
	fake_fails(EFAULT);
	assert_int_equal(ntsync_cond_wait_cs(&me, &cond, &cs, DEADLINE), -EFAULT);
	assert_int_equal(cs.word, MINE);
}

static void wake_as_another_thread(unsigned int n)
{
	if (n)
		return;
	assert_int_equal(cond.waiters, 1);
	cond.seq++;
}

static void take_cs_as_another_thread(unsigned int n)
{
	if (!n)
		cs.word = SOMEBODY;
}

static void take_rw_as_another_thread(unsigned int n)
{
	if (!n)
		rw.word = SOMEBODY | EXCLUSIVE;
}

/* Neither the sleep nor the lock is possible, and the code says that the lock is lost. */
static void a_lost_lock_has_its_own_code(void **state)
{
	(void)state;
	cs = (struct ntsync_cs){ .word = MINE | WAITERS, .recursion = 1 };
	me.held = 1;
	fake_in_ioctl = take_cs_as_another_thread;
	for (int i = 0; i < 2; i++)
		fake_fails(EBADF);
	assert_int_equal(ntsync_cond_wait_cs(&me, &cond, &cs, DEADLINE), -ENOTRECOVERABLE);
	assert_int_equal(cond.waiters, 0);
	assert_int_equal(me.held, 0);

	setup(NULL);
	rw.word = 1 | WAITERS;
	fake_in_ioctl = take_rw_as_another_thread;
	for (int i = 0; i < 2; i++)
		fake_fails(EBADF);
	assert_int_equal(ntsync_cond_wait_rw(&me, &cond, &rw, true, DEADLINE), -ENOTRECOVERABLE);
	assert_int_equal(cond.waiters, 0);
}

/* From when the lock is free until it sleeps. */
static void no_wake_is_lost(void **state)
{
	(void)state;
	cond.seq = 9;
	cs = (struct ntsync_cs){ .word = MINE | WAITERS, .recursion = 1 };
	me.held = 1;
	fake_in_ioctl = wake_as_another_thread;
	fake_returns(1);
	fake_fails(EAGAIN);
	assert_int_equal(ntsync_cond_wait_cs(&me, &cond, &cs, DEADLINE), 0);
	assert_wakes(0, &cs.word, 1);
	assert_ptr_equal(wait_args(1)->addr, &cond.seq);
	assert_int_equal(wait_args(1)->expected, 9);

	setup(NULL);
	cond.seq = 9;
	rw.word = 1 | WAITERS;
	fake_in_ioctl = wake_as_another_thread;
	fake_returns(1);
	fake_fails(EAGAIN);
	assert_int_equal(ntsync_cond_wait_rw(&me, &cond, &rw, true, DEADLINE), 0);
	assert_wakes(0, &rw.word, 1);
	assert_int_equal(wait_args(1)->expected, 9);
}

static void wakes(void **state)
{
	(void)state;
	assert_int_equal(ntsync_cond_wake(&me, &cond), 0);
	assert_int_equal(ntsync_cond_wake_all(&me, &cond), 0);
	assert_int_equal(fake_nr_calls(), 0);
	assert_int_equal(cond.seq, 2);
	cond.waiters = 2;
	fake_returns(1);
	fake_returns(2);
	fake_fails(EBADF);
	assert_int_equal(ntsync_cond_wake(&me, &cond), 0);
	assert_int_equal(ntsync_cond_wake_all(&me, &cond), 0);
	assert_int_equal(ntsync_cond_wake(&me, &cond), -EBADF);
	assert_wakes(0, &cond.seq, 1);
	assert_wakes(1, &cond.seq, UINT32_MAX);
	assert_int_equal(cond.seq, 5);
}

/* ---- lockers ---- */

static void a_locker_has_the_driver(void **state)
{
	const struct ntsync_features_args with = { .features = NTSYNC_FEATURE_ADDRESS };
	const struct ntsync_features_args without = { .features = NTSYNC_FEATURE_LEND };

	(void)state;
	fake_writes(&with, sizeof(with));
	assert_int_equal(ntsync_locker_init(&me, 3, 0), 0);
	assert_int_equal(me.dev, 3);
	fake_writes(&without, sizeof(without));
	assert_int_equal(ntsync_locker_init(&me, 3, 0), 0);
	assert_int_equal(me.dev, -1);
	/* The in-tree driver. */
	fake_fails(ENOTTY);
	fake_fails(EINVAL);
	assert_int_equal(ntsync_locker_init(&me, 3, 0), 0);
	assert_int_equal(me.dev, -1);
	fake_fails(EBADF);
	assert_int_equal(ntsync_locker_init(&me, 3, 0), -EBADF);
}

/* The thread of this test has no real-time policy, and a locker that has just been made knows. */
static void loans(void **state)
{
	const struct ntsync_features_args with = { .features = NTSYNC_FEATURE_ADDRESS };
	const struct ntsync_lend_args later = { .tid = 9, .flags = NTSYNC_LEND_LATER };
	const struct ntsync_lend_args lend = { .tid = 9 };

	(void)state;
	fake_writes(&with, sizeof(with));
	assert_int_equal(ntsync_locker_init(&me, 3, 0), 0);
	assert_int_equal(ntsync_locker_lend(&me, 9), 0);
	assert_int_equal(ntsync_locker_unlend(&me), 0);
	assert_int_equal(fake_nr_calls(), 1);
	assert_true(ntsync_cs_try_enter(&me, &cs));
	fake_returns(0);
	assert_int_equal(ntsync_locker_lend(&me, 9), 0);
	assert_int_equal(fake_call(1)->request, NTSYNC_IOC_LEND);
	assert_memory_equal(fake_call(1)->arg, &later, sizeof(later));
	/* The next loan replaces it, so that is a call, too. */
	assert_int_equal(ntsync_cs_leave(&me, &cs), 0);
	fake_returns(0);
	assert_int_equal(ntsync_locker_lend(&me, 9), 0);
	assert_memory_equal(fake_call(2)->arg, &lend, sizeof(lend));
	fake_returns(0);
	assert_int_equal(ntsync_locker_unlend(&me), 0);
	assert_int_equal(fake_call(3)->request, NTSYNC_IOC_UNLEND);
	assert_int_equal(ntsync_locker_unlend(&me), 0);
	assert_int_equal(fake_nr_calls(), 4);
}

static void errors_of_loans(void **state)
{
	(void)state;
	me.held = 1;
	fake_fails(ESRCH);
	assert_int_equal(ntsync_locker_lend(&me, 9), -ESRCH);
	assert_int_equal(ntsync_locker_unlend(&me), 0);
	assert_int_equal(ntsync_locker_lend(&me, MINE), -EINVAL);
	me.dev = -1;
	assert_int_equal(ntsync_locker_lend(&me, 9), -ENOTSUP);
	assert_int_equal(ntsync_locker_unlend(&me), 0);
	assert_int_equal(fake_nr_calls(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lock_test(the_holder_is_named),
		lock_test(another_holder_is_named_next),
		lock_test(who_can_not_be_named),
		lock_test(a_deadline_before_that_counts),
		lock_test(a_deadline_counts_while_the_word_changes),
		lock_test(after_the_deadline_the_word_stays),
		lock_test(a_value_that_changes_back),
		lock_test(errors_pass),
		lock_test(the_woken_one_wakes_another_if_it_gives_up),
		lock_test(without_memory_it_tries_again),
		lock_test(it_releases_and_then_wakes),
		lock_test(a_writer_is_named),
		lock_test(readers_are_not),
		lock_test(a_woken_reader_wakes_the_next),
		lock_test(a_woken_reader_that_is_one_too_many),
		lock_test(a_reader_that_holds_a_lock_gives_way_for_a_millisecond),
		lock_test(a_normal_reader_gives_way_until_the_lock_is_free),
		lock_test(a_reader_that_is_woken_gives_way_no_more),
		lock_test(a_wait_names_nobody),
		lock_test(a_lost_lock_has_its_own_code),
		lock_test(no_wake_is_lost),
		lock_test(wakes),
		lock_test(a_locker_has_the_driver),
		lock_test(loans),
		lock_test(errors_of_loans),
	};

	return cmocka_run_group_tests_name("libntsync: lock", tests, NULL, NULL);
}
