// SPDX-License-Identifier: GPL-2.0-only
/*
 * RLIMIT_RTTIME: how long a task may run as a real-time one without sleeping. Each boost is counted
 * on its own, as with the kernel's own inheritance. rtkit sets a limit of 200 ms for its clients.
 */
#include "inversion.h"

#include <signal.h>
#include <sys/resource.h>

/* All boosts together are longer than the limit, each one is well below it. */
#define LIMIT_MS 100
#define BOOSTS 10
#define BOOST_MS 20

static atomic_int exceeded;

static void on_sigxcpu(int sig)
{
	(void)sig;
	atomic_fetch_add(&exceeded, 1);
}

/**
 * struct turns - a holder that is boosted again and again, and never sleeps
 * @turn: the holder has the mutex
 * @boosts: how many times it is boosted
 * @ms: CPU time of the holder in each boost; 0: until the limit is exceeded. The kernel counts
 *      ticks, and a starved virtual machine gets fewer of them
 */
struct turns {
	int mutex;
	sem_t turn;
	int boosts;
	int ms;
};

static void burn(int ms)
{
	uint64_t end = now_ns(CLOCK_THREAD_CPUTIME_ID) + ms * NS_PER_MS;

	while (ms ? now_ns(CLOCK_THREAD_CPUTIME_ID) < end : !atomic_load(&exceeded))
		;
}

/* The waiter may first have to wait for a lock of the kernel's. */
static int await_boost(void)
{
	struct task_attr attr = { 0 };
	int ret = 0;

	while (!ret && attr.policy != SCHED_FIFO)
		ret = task_get_attr(0, &attr);
	return ret;
}

static int lock_each_turn(struct actor *a, void *arg)
{
	struct turns *t = arg;
	int ret = 0;

	for (int i = 0; !ret && i < t->boosts; i++) {
		ret = wait_any_here(a, t->mutex, FOREVER);
		sem_post(&t->turn);
		if (!ret)
			ret = await_boost();
		burn(t->ms);
		if (!ret)
			ret = unlock_here(a, t->mutex);
	}
	return ret;
}

static int contend_each_turn(struct actor *a, void *arg)
{
	struct turns *t = arg;
	int ret = 0;

	for (int i = 0; !ret && i < t->boosts; i++) {
		while (sem_wait(&t->turn))
			;
		ret = lock_and_unlock_here(a, t->mutex);
	}
	return ret;
}

/* How many times the limit was found exceeded. */
static int run_turns(struct fixture *f, int boosts, int ms)
{
	const struct rlimit limit = { LIMIT_MS * 1000, RLIM_INFINITY };
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct actor *holder = actor_new(f, "holder", NORMAL(0));
	struct actor *waiter = actor_new(f, "waiter", FIFO(HIGH));
	struct turns t = { .mutex = new_mutex(f, 0, 0), .boosts = boosts, .ms = ms };

	signal(SIGXCPU, on_sigxcpu);
	atomic_store(&exceeded, 0);
	sem_init(&t.turn, 0, 0);
	assert_int_equal(setrlimit(RLIMIT_RTTIME, &limit), 0);
	actor_tell(waiter, contend_each_turn, &t);
	assert_ret(actor_do(holder, lock_each_turn, &t), 0);
	assert_ret(actor_finish(waiter), 0);
	setrlimit(RLIMIT_RTTIME, &none);
	return atomic_load(&exceeded);
}

static void boosts_do_not_add_up(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	assert_int_equal(run_turns(f, BOOSTS, BOOST_MS), 0);
}

static void a_long_one_counts(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	assert_true(run_turns(f, 1, 0) > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(boosts_do_not_add_up),
		PI_TEST(a_long_one_counts),
	};

	return RUN(tests);
}
