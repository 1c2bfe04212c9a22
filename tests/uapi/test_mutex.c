// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

static int new_abandoned(struct fixture *f)
{
	int mutex = new_mutex(f, OWNER, 3);

	kill_owner(mutex, OWNER);
	return mutex;
}

static void create_wants_both_or_neither(void **state)
{
	static const struct {
		uint32_t owner, count;
		int ret;
	} cases[] = {
		{ 0, 0, 0 },	     { 1, 1, 0 },	 { ~0u, ~0u, 0 },
		{ 0, 1, -EINVAL },   { 1, 0, -EINVAL },	 { 0, ~0u, -EINVAL },
		{ ~0u, 0, -EINVAL }, { ~0u, 1, 0 },	 { 1, ~0u, 0 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ntsync_mutex_args args = { cases[i].owner, cases[i].count };
		int fd = nt(f->dev, NTSYNC_IOC_CREATE_MUTEX, &args);

		if (fd >= 0)
			own_fd(f, fd);
		assert_ret(fd < 0 ? fd : 0, cases[i].ret);
		assert_int_equal(args.owner, cases[i].owner);
		assert_int_equal(args.count, cases[i].count);
		if (fd >= 0)
			assert_mutex(fd, cases[i].owner, cases[i].count);
	}
}

static void create_faults(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_mutex_args args = { 4, 5 };
	const unsigned long create = NTSYNC_IOC_CREATE_MUTEX;

	assert_ret(nt(f->dev, create, NULL), -EFAULT);
	assert_ret(nt(f->dev, create, unmapped(f)), -EFAULT);
	assert_ret(nt(f->dev, create, past_page_end(f, &args, sizeof(args))), -EFAULT);
	assert_mutex(own_fd(f, nt(f->dev, create, at_page_end(f, &args, sizeof(args)))), 4, 5);
	assert_mutex(own_fd(f, nt(f->dev, create, read_only(f, &args, sizeof(args)))), 4, 5);
}

static void unlock_undoes_one(void **state)
{
	int mutex = new_mutex(*state, OWNER, 3);

	unlock(mutex, OWNER, 3);
	assert_mutex(mutex, OWNER, 2);
	unlock(mutex, OWNER, 2);
	unlock(mutex, OWNER, 1);
	assert_mutex(mutex, 0, 0);
}

static void assert_unlock_fails(int mutex, uint32_t owner, int ret)
{
	struct ntsync_mutex_args args = { .owner = owner, .count = UNTOUCHED };

	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_UNLOCK, &args), ret);
	assert_int_equal(args.owner, owner);
	assert_int_equal(args.count, UNTOUCHED);
}

static void assert_kill_fails(int mutex, uint32_t owner, int ret)
{
	uint32_t word = owner;

	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_KILL, &word), ret);
	assert_int_equal(word, owner);
}

static void only_the_holder_unlocks_or_kills(void **state)
{
	struct fixture *f = *state;
	int held = new_mutex(f, OWNER, 2), unheld = new_mutex(f, 0, 0);
	int abandoned = new_abandoned(f);

	assert_unlock_fails(held, OWNER + 1, -EPERM);
	assert_unlock_fails(held, ~0u, -EPERM);
	assert_unlock_fails(unheld, OWNER, -EPERM);
	assert_unlock_fails(abandoned, OWNER, -EPERM);
	assert_kill_fails(held, OWNER + 1, -EPERM);
	assert_kill_fails(unheld, OWNER, -EPERM);
	assert_kill_fails(abandoned, OWNER, -EPERM);
	assert_mutex(held, OWNER, 2);
	assert_mutex(unheld, 0, 0);
	assert_abandoned(abandoned);
}

/* Owner id 0 is invalid, even for a mutex without an owner. */
static void owner_zero_is_einval(void **state)
{
	struct fixture *f = *state;
	int held = new_mutex(f, OWNER, 1), unheld = new_mutex(f, 0, 0);

	assert_unlock_fails(held, 0, -EINVAL);
	assert_unlock_fails(unheld, 0, -EINVAL);
	assert_unlock_fails(new_abandoned(f), 0, -EINVAL);
	assert_unlock_fails(new_sem(f, 0, 1), 0, -EINVAL);
	assert_kill_fails(held, 0, -EINVAL);
	assert_kill_fails(unheld, 0, -EINVAL);
	assert_kill_fails(new_abandoned(f), 0, -EINVAL);
	assert_mutex(held, OWNER, 1);
	assert_mutex(unheld, 0, 0);
}

static void wrong_type_is_einval(void **state)
{
	struct fixture *f = *state;
	int others[] = { new_sem(f, 1, 1), new_auto(f, true) };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		uint32_t words[2] = { UNTOUCHED, UNTOUCHED };

		assert_unlock_fails(others[i], OWNER, -EINVAL);
		assert_kill_fails(others[i], OWNER, -EINVAL);
		assert_ret(nt(others[i], NTSYNC_IOC_MUTEX_READ, words), -EINVAL);
		assert_int_equal(words[0], UNTOUCHED);
		assert_int_equal(words[1], UNTOUCHED);
		/* Inputs are read before the type is checked, outputs are not. */
		assert_ret(nt(others[i], NTSYNC_IOC_MUTEX_UNLOCK, NULL), -EFAULT);
		assert_ret(nt(others[i], NTSYNC_IOC_MUTEX_KILL, NULL), -EFAULT);
		assert_ret(nt(others[i], NTSYNC_IOC_MUTEX_READ, NULL), -EINVAL);
	}
	assert_sem(others[0], 1, 1);
	assert_event(others[1], 0, 1);
}

static void unlock_faults_before_anything(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_mutex_args args = { .owner = OWNER };
	int mutex = new_mutex(f, OWNER, 2);

	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_UNLOCK, NULL), -EFAULT);
	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_UNLOCK, unmapped(f)), -EFAULT);
	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_UNLOCK, past_page_end(f, &args, sizeof(args))),
		   -EFAULT);
	assert_mutex(mutex, OWNER, 2);
	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_UNLOCK, at_page_end(f, &args, sizeof(args))), 0);
	assert_mutex(mutex, OWNER, 1);
}

static void unlock_stands_when_the_output_faults(void **state)
{
	struct fixture *f = *state;
	struct ntsync_mutex_args args = { .owner = OWNER };
	int mutex = new_mutex(f, OWNER, 2);
	struct waiter *w = start_as(f, ANY, mutex, 7);

	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_UNLOCK, read_only(f, &args, sizeof(args))),
		   -EFAULT);
	assert_mutex(mutex, OWNER, 1);
	assert_asleep(w);
	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_UNLOCK, read_only(f, &args, sizeof(args))),
		   -EFAULT);
	assert_woken(w, 0, 0);
	assert_mutex(mutex, 7, 1);
	/* A failed call writes nothing, so it gets no EFAULT. */
	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_UNLOCK, read_only(f, &args, sizeof(args))),
		   -EPERM);
}

static void kill_faults(void **state)
{
	struct fixture *f = *state;
	const uint32_t owner = OWNER;
	int mutex = new_mutex(f, OWNER, 2);

	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_KILL, NULL), -EFAULT);
	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_KILL, unmapped(f)), -EFAULT);
	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_KILL, at_page_end(f, NULL, 2)), -EFAULT);
	assert_mutex(mutex, OWNER, 2);
	/* Input only: a read-only word is enough. */
	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_KILL, read_only(f, &owner, sizeof(owner))), 0);
	assert_abandoned(mutex);
}

static void read_faults(void **state)
{
	struct fixture *f = *state;
	struct ntsync_mutex_args args = { 0 };
	int mutexes[] = { new_mutex(f, OWNER, 1), new_abandoned(f) };

	for (size_t i = 0; i < ARRAY_SIZE(mutexes); i++) {
		int fd = mutexes[i], ok = i ? -EOWNERDEAD : 0;
		const unsigned long rd = NTSYNC_IOC_MUTEX_READ;

		assert_ret(nt(fd, rd, NULL), -EFAULT);
		assert_ret(nt(fd, rd, unmapped(f)), -EFAULT);
		assert_ret(nt(fd, rd, read_only(f, &args, sizeof(args))), -EFAULT);
		assert_ret(nt(fd, rd, past_page_end(f, NULL, sizeof(args))), -EFAULT);
		assert_ret(nt(fd, rd, at_page_end(f, NULL, sizeof(args))), ok);
	}
}

static void wait_acquires_and_recurses(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0);

	assert_wait(f, ANY, ARGS(FDS(mutex), .owner = 7), 0, 0);
	assert_mutex(mutex, 7, 1);
	assert_wait(f, ALL, ARGS(FDS(mutex), .owner = 7), 0, 0);
	assert_mutex(mutex, 7, 2);
	assert_wait(f, ANY, ARGS(FDS(mutex), .owner = 8), -ETIMEDOUT, 0);
	assert_wait(f, ALL, ARGS(FDS(mutex), .owner = 8), -ETIMEDOUT, 0);
	assert_mutex(mutex, 7, 2);
	unlock(mutex, 7, 2);
	assert_not_ready(f, mutex);
	unlock(mutex, 7, 1);
	assert_ret(try_wait(f, mutex, 8), 0);
	assert_mutex(mutex, 8, 1);
}

/* One more would make the count 0, and so free the mutex while it is held. */
static void recursion_stops_at_the_last(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, OWNER, ~0u - 1);

	assert_wait(f, ANY, ARGS(FDS(mutex), .owner = OWNER), 0, 0);
	assert_mutex(mutex, OWNER, ~0u);
	assert_wait(f, ANY, ARGS(FDS(mutex), .owner = OWNER), -ETIMEDOUT, 0);
	assert_wait(f, ALL, ARGS(FDS(mutex), .owner = OWNER), -ETIMEDOUT, 0);
	assert_mutex(mutex, OWNER, ~0u);
	unlock(mutex, OWNER, ~0u);
	assert_wait(f, ALL, ARGS(FDS(mutex), .owner = OWNER), 0, 0);
	assert_mutex(mutex, OWNER, ~0u);
}

/* A mutex that its holder may lock again is ready for it, like a free one. */
static void unlock_of_the_last_wakes_its_holder(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		int mutex = new_mutex(f, OWNER, ~0u);
		struct waiter *w = start_as(f, requests[i], mutex, OWNER);

		unlock(mutex, OWNER, ~0u);
		assert_woken(w, 0, 0);
		assert_mutex(mutex, OWNER, ~0u);
	}
}

static void unlock_wakes_only_when_free(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, OWNER, 2);
	struct waiter *w = start_as(f, ANY, mutex, 7);

	unlock(mutex, OWNER, 2);
	assert_asleep(w);
	unlock(mutex, OWNER, 1);
	/* The mutex is handed over: it is not free in between. */
	assert_mutex(mutex, 7, 1);
	assert_woken(w, 0, 0);
}

static void kill_abandons_all_of_it(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, OWNER, 3);

	kill_owner(mutex, OWNER);
	for (int i = 0; i < 3; i++)
		assert_abandoned(mutex);
	assert_kill_fails(mutex, OWNER, -EPERM);
	assert_abandoned(mutex);
}

static void abandoned_is_told_once(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		int mutex = new_abandoned(f);

		assert_wait(f, requests[i], ARGS(FDS(mutex), .owner = 7), -EOWNERDEAD, 0);
		assert_mutex(mutex, 7, 1);
		assert_wait(f, requests[i], ARGS(FDS(mutex), .owner = 7), 0, 0);
		assert_mutex(mutex, 7, 2);
		unlock(mutex, 7, 2);
		unlock(mutex, 7, 1);
		assert_wait(f, requests[i], ARGS(FDS(mutex), .owner = 8), 0, 0);
		assert_mutex(mutex, 8, 1);
	}
}

/* The killed owner id may acquire like any other. */
static void the_killed_owner_may_acquire(void **state)
{
	struct fixture *f = *state;
	int mutex = new_abandoned(f);

	assert_wait(f, ANY, ARGS(FDS(mutex), .owner = OWNER), -EOWNERDEAD, 0);
	assert_mutex(mutex, OWNER, 1);
	kill_owner(mutex, OWNER);
	assert_abandoned(mutex);
}

static void kill_wakes_with_ownerdead(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		int mutex = new_mutex(f, OWNER, 3);
		struct waiter *w = start_as(f, requests[i], mutex, 7);

		kill_owner(mutex, OWNER);
		assert_mutex(mutex, 7, 1);
		assert_woken(w, -EOWNERDEAD, 0);
	}
}

/* Only the first of several waiters gets EOWNERDEAD. */
static void kill_tells_one_waiter(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, OWNER, 1);
	struct waiter *first = start_as(f, ANY, mutex, 7);
	struct waiter *second = start_as(f, ANY, mutex, 8);

	kill_owner(mutex, OWNER);
	assert_woken(first, -EOWNERDEAD, 0);
	assert_asleep(second);
	unlock(mutex, 7, 1);
	assert_woken(second, 0, 0);
	assert_mutex(mutex, 8, 1);
}

static void waiters_of_one_owner_all_get_it(void **state)
{
	struct fixture *f = *state;

	for (unsigned int kinds = 0; kinds < 8; kinds++) {
		int mutex = new_mutex(f, OWNER, 1);
		struct waiter *w[3];

		for (int i = 0; i < 3; i++)
			w[i] = start_as(f, kinds & 1 << i ? ALL : ANY, mutex, 7);
		unlock(mutex, OWNER, 1);
		assert_mutex(mutex, 7, 3);
		for (int i = 0; i < 3; i++)
			assert_woken(w[i], 0, 0);
		close_fd(f, mutex);
	}
}

static void waiters_of_one_owner_all_get_an_abandoned_one(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, OWNER, 2), dead = 0;
	struct waiter *w[3];

	for (int i = 0; i < 3; i++)
		w[i] = start_as(f, i == 1 ? ALL : ANY, mutex, 7);
	kill_owner(mutex, OWNER);
	assert_mutex(mutex, 7, 3);
	for (int i = 0; i < 3; i++) {
		int ret = waiter_ret(w[i]);

		if (ret)
			assert_ret(ret, -EOWNERDEAD);
		dead += ret == -EOWNERDEAD;
		assert_int_equal(waiter_index(w[i]), 0);
	}
	assert_int_equal(dead, 1);
}

/* The waiter in between, of another owner, must not stop either from getting it. */
static void waiters_of_one_owner_pass_another(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, OWNER, 1);
	struct waiter *first = start_as(f, ANY, mutex, 7);
	struct waiter *other = start_as(f, ANY, mutex, 8);
	struct waiter *last = start_as(f, ANY, mutex, 7);

	unlock(mutex, OWNER, 1);
	assert_mutex(mutex, 7, 2);
	assert_woken(first, 0, 0);
	assert_woken(last, 0, 0);
	assert_asleep(other);
	unlock(mutex, 7, 2);
	assert_asleep(other);
	unlock(mutex, 7, 1);
	assert_woken(other, 0, 0);
	assert_mutex(mutex, 8, 1);
}

/* A mutex that a wait for all has just acquired is ready for other waits of its owner. */
static void a_wait_all_makes_it_ready_for_its_owner(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, OWNER, 1), sem = new_sem(f, 1, 1);
	struct waiter *all = start(f, ALL, ARGS(FDS(mutex, sem), .owner = 7,
						.timeout = FOREVER));
	struct waiter *any = start_as(f, ANY, mutex, 7);

	unlock(mutex, OWNER, 1);
	assert_woken(all, 0, 0);
	assert_woken(any, 0, 0);
	assert_mutex(mutex, 7, 2);
	assert_sem(sem, 0, 1);
}

/*
 * The mutex was free, but the wait for all lacked another object. When that is released, the mutex
 * goes to owner 7 without an unlock or a kill.
 */
static void a_release_elsewhere_acquires_it(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 0, 2);
	struct waiter *first = start(f, ALL, ARGS(FDS(mutex, sem), .owner = 7,
						  .timeout = FOREVER));
	struct waiter *second = start(f, ALL, ARGS(FDS(mutex, sem), .owner = 7,
						   .timeout = FOREVER));

	release(sem, 1, 0);
	assert_woken(first, 0, 0);
	assert_asleep(second);
	assert_mutex(mutex, 7, 1);
	release(sem, 1, 0);
	assert_woken(second, 0, 0);
	assert_mutex(mutex, 7, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(create_wants_both_or_neither),
		TEST(create_faults),
		TEST(unlock_undoes_one),
		TEST(only_the_holder_unlocks_or_kills),
		TEST(owner_zero_is_einval),
		TEST(wrong_type_is_einval),
		TEST(unlock_faults_before_anything),
		TEST(unlock_stands_when_the_output_faults),
		TEST(kill_faults),
		TEST(read_faults),
		TEST(wait_acquires_and_recurses),
		TEST(recursion_stops_at_the_last),
		TEST(unlock_of_the_last_wakes_its_holder),
		TEST(unlock_wakes_only_when_free),
		TEST(kill_abandons_all_of_it),
		TEST(abandoned_is_told_once),
		TEST(the_killed_owner_may_acquire),
		TEST(kill_wakes_with_ownerdead),
		TEST(kill_tells_one_waiter),
		TEST(waiters_of_one_owner_all_get_it),
		TEST(waiters_of_one_owner_all_get_an_abandoned_one),
		TEST(waiters_of_one_owner_pass_another),
		TEST(a_wait_all_makes_it_ready_for_its_owner),
		TEST(a_release_elsewhere_acquires_it),
	};

	return RUN(tests);
}
