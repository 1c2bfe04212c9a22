// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

static int create_object(struct fixture *f, void *args)
{
	return nt(f->dev, NTSYNC_IOC_CREATE_SEM, args);
}

static void create_checks_count(void **state)
{
	struct fixture *f = *state;
	static const struct {
		uint32_t count, max;
		int ret;
	} cases[] = {
		{ 0, 0, 0 },	    { 0, 1, 0 },	{ 1, 1, 0 },
		{ 0, ~0u, 0 },	    { ~0u, ~0u, 0 },	{ 1, 0, -EINVAL },
		{ 3, 2, -EINVAL },  { ~0u, 0, -EINVAL },	{ ~0u, ~0u - 1, -EINVAL },
		{ 0x80000000, 0x7fffffff, -EINVAL }, /* the comparison must be unsigned */
		{ 0x7fffffff, 0x80000000, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ntsync_sem_args args = { cases[i].count, cases[i].max };
		int fd = create_object(f, &args);

		if (fd >= 0)
			own_fd(f, fd);
		assert_ret(fd < 0 ? fd : 0, cases[i].ret);
		assert_int_equal(args.count, cases[i].count);
		assert_int_equal(args.max, cases[i].max);
		if (fd >= 0)
			assert_sem(fd, cases[i].count, cases[i].max);
	}
}

static void create_faults(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_sem_args args = { 1, 2 };

	assert_ret(create_object(f, NULL), -EFAULT);
	assert_ret(create_object(f, unmapped(f)), -EFAULT);
	assert_ret(create_object(f, past_page_end(f, &args, sizeof(args))), -EFAULT);
	/* Input only: a read-only argument is enough. */
	assert_sem(own_fd(f, create_object(f, at_page_end(f, &args, sizeof(args)))), 1, 2);
	assert_sem(own_fd(f, create_object(f, read_only(f, &args, sizeof(args)))), 1, 2);
}

static void release_adds_and_tells_previous(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 5);

	release(sem, 2, 0);
	assert_sem(sem, 2, 5);
	release(sem, 0, 2);
	assert_sem(sem, 2, 5);
	release(sem, 3, 2);
	assert_sem(sem, 5, 5);
	release(sem, 0, 5);
	assert_sem(sem, 5, 5);
}

static void release_zero_of_zero(void **state)
{
	int sem = new_sem(*state, 0, 0);

	release(sem, 0, 0);
	assert_sem(sem, 0, 0);
}

static void release_over_max(void **state)
{
	static const struct {
		uint32_t count, max, add;
	} cases[] = {
		{ 0, 0, 1 },	      { 1, 1, 1 },	     { 2, 5, 4 },
		{ 2, 5, ~0u },	      { ~0u, ~0u, 1 },	     { 2, ~0u, ~0u - 1 },
		{ ~0u - 1, ~0u, 2 },  { ~0u, ~0u, ~0u },     { 0, ~0u - 1, ~0u },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int sem = new_sem(f, cases[i].count, cases[i].max);
		uint32_t word = cases[i].add;

		assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, &word), -EOVERFLOW);
		assert_int_equal(word, cases[i].add);
		assert_sem(sem, cases[i].count, cases[i].max);
	}
}

static void release_up_to_the_last(void **state)
{
	int sem = new_sem(*state, 0, ~0u);

	release(sem, ~0u, 0);
	assert_sem(sem, ~0u, ~0u);
}

static void release_faults_before_anything(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 2), mutex = new_mutex(f, 0, 0);

	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, NULL), -EFAULT);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, unmapped(f)), -EFAULT);
	assert_sem(sem, 1, 2);
	/* Also before the type is checked. */
	assert_ret(nt(mutex, NTSYNC_IOC_SEM_RELEASE, NULL), -EFAULT);
}

static void release_stands_when_the_output_faults(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 2);
	const uint32_t one = 1;

	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, read_only(f, &one, sizeof(one))),
		   -EFAULT);
	assert_sem(sem, 2, 2);
	/* A failed call writes nothing, so it gets no EFAULT. */
	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, read_only(f, &one, sizeof(one))),
		   -EOVERFLOW);
}

static void release_at_page_end(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 2);
	const uint32_t one = 1;
	uint32_t *word = at_page_end(f, &one, sizeof(one));

	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, word), 0);
	assert_int_equal(*word, 1);
	assert_sem(sem, 2, 2);
}

static void wrong_type_is_einval(void **state)
{
	struct fixture *f = *state;
	int others[] = { new_mutex(f, 0, 0), new_auto(f, false), new_manual(f, false) };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		uint32_t words[2] = { 1, UNTOUCHED };

		assert_ret(nt(others[i], NTSYNC_IOC_SEM_RELEASE, words), -EINVAL);
		assert_ret(nt(others[i], NTSYNC_IOC_SEM_READ, words), -EINVAL);
		assert_int_equal(words[0], 1);
		assert_int_equal(words[1], UNTOUCHED);
		assert_ret(nt(others[i], NTSYNC_IOC_SEM_READ, NULL), -EINVAL);
	}
	assert_mutex(others[0], 0, 0);
	assert_event(others[1], 0, 0);
	assert_event(others[2], 1, 0);
}

static void read_faults(void **state)
{
	struct fixture *f = *state;
	struct ntsync_sem_args args = { 0 };
	int sem = new_sem(f, 1, 2);

	assert_ret(nt(sem, NTSYNC_IOC_SEM_READ, NULL), -EFAULT);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_READ, unmapped(f)), -EFAULT);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_READ, read_only(f, &args, sizeof(args))), -EFAULT);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_READ, past_page_end(f, NULL, sizeof(args))),
		   -EFAULT);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_READ, at_page_end(f, NULL, sizeof(args))), 0);
	assert_sem(sem, 1, 2);
}

static void wait_takes_one(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 3);

	assert_ret(try_wait(f, sem, OWNER), 0);
	assert_sem(sem, 1, 3);
	assert_ret(try_wait(f, sem, OWNER), 0);
	assert_sem(sem, 0, 3);
	assert_not_ready(f, sem);
	assert_sem(sem, 0, 3);
	release(sem, 3, 0);
	assert_wait(f, ALL, ARGS(FDS(sem), .owner = OWNER), 0, 0);
	assert_sem(sem, 2, 3);
}

/* A count with the top bit set is an ordinary count. */
static void wait_takes_from_the_last(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, ~0u, ~0u);

	assert_ret(try_wait(f, sem, OWNER), 0);
	assert_sem(sem, ~0u - 1, ~0u);
}

static void release_wakes_as_many_as_it_gives(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 10);
	struct waiter *w[4];

	for (int i = 0; i < 4; i++)
		w[i] = start_on(f, i & 1 ? ALL : ANY, sem);
	release(sem, 0, 0);
	for (int i = 0; i < 4; i++)
		assert_asleep(w[i]);
	release(sem, 3, 0);
	for (int i = 0; i < 3; i++)
		assert_ret(waiter_ret(next_woken(f)), 0);
	assert_sem(sem, 0, 10);
	release(sem, 5, 0);
	assert_ret(waiter_ret(next_woken(f)), 0);
	assert_sem(sem, 4, 10);
}

/* The sum is checked before any waiter acquires. */
static void release_over_max_wakes_nobody(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);
	struct waiter *w = start_on(f, ANY, sem);
	uint32_t two = 2;

	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, &two), -EOVERFLOW);
	assert_asleep(w);
	assert_sem(sem, 0, 1);
	release(sem, 1, 0);
	assert_woken(w, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(create_checks_count),
		TEST(create_faults),
		TEST(release_adds_and_tells_previous),
		TEST(release_zero_of_zero),
		TEST(release_over_max),
		TEST(release_up_to_the_last),
		TEST(release_faults_before_anything),
		TEST(release_stands_when_the_output_faults),
		TEST(release_at_page_end),
		TEST(wrong_type_is_einval),
		TEST(read_faults),
		TEST(wait_takes_one),
		TEST(wait_takes_from_the_last),
		TEST(release_wakes_as_many_as_it_gives),
		TEST(release_over_max_wakes_nobody),
	};

	return RUN(tests);
}
