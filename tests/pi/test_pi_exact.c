// SPDX-License-Identifier: GPL-2.0-only
/*
 * A boost ends exactly: when its reason has gone, in whatever way, and the task then has the
 * parameters it had before, or those that it was given meanwhile by its own right.
 */
#include "child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- several at once, in any order ---- */

#define MUTEXES 3

static int highest_waiting(const bool *waits, const int *prio)
{
	int highest = 0;

	for (int i = 0; i < MUTEXES; i++)
		highest = waits[i] && prio[i] > highest ? prio[i] : highest;
	return highest;
}

static void check_order(struct actor *holder, struct actor *const *waiter, const int *mutex,
			const int *order, bool by_unlock)
{
	static const int prio[MUTEXES] = { 60, 70, 80 };
	bool waits[MUTEXES] = { true, true, true };

	for (int i = 0; i < MUTEXES; i++) {
		assert_ret(actor_locks(holder, mutex[i]), 0);
		actor_block_on(waiter[i], mutex[i]);
		assert_boosted(holder, prio[i]);
	}
	for (int i = 0; i < MUTEXES; i++) {
		int m = order[i];

		if (by_unlock) {
			actor_pass_mutex(holder, waiter[m], mutex[m]);
			assert_ret(actor_unlocks(waiter[m], mutex[m]), 0);
		} else {
			actor_interrupt(waiter[m]);
			assert_ret(actor_unlocks(holder, mutex[m]), 0);
		}
		waits[m] = false;
		if (highest_waiting(waits, prio))
			assert_boosted(holder, highest_waiting(waits, prio));
	}
	pi_assert_exact(holder->f);
}

static const int permutations[][MUTEXES] = {
	{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
};

static void check_permutations(struct fixture *f, bool by_unlock)
{
	struct actor *holder = actor_normal(f);
	struct actor *waiter[] = { actor_new(f, "w60", FIFO(60)), actor_new(f, "w70", FIFO(70)),
				   actor_new(f, "w80", FIFO(80)) };
	int mutex[] = { new_mutex(f, 0, 0), new_mutex(f, 0, 0), new_mutex(f, 0, 0) };

	for (size_t i = 0; i < ARRAY_SIZE(permutations); i++)
		check_order(holder, waiter, mutex, permutations[i], by_unlock);
}

static void released_in_any_order(void **state)
{
	only_ours((struct fixture *)*state, "no inheritance");
	check_permutations(*state, true);
}

static void left_in_any_order(void **state)
{
	only_ours((struct fixture *)*state, "no inheritance");
	check_permutations(*state, false);
}

/* All wait for the same mutex: when the highest one leaves, the next one counts. */
static void waiters_of_one_mutex_leave_in_any_order(void **state)
{
	static const int prio[MUTEXES] = { 60, 70, 80 };
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter[MUTEXES];
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (int i = 0; i < MUTEXES; i++)
		waiter[i] = actor_new(f, "waiter", FIFO(prio[i]));
	assert_ret(actor_locks(holder, mutex), 0);
	for (size_t k = 0; k < ARRAY_SIZE(permutations); k++) {
		bool waits[MUTEXES] = { false };

		for (int i = 0; i < MUTEXES; i++) {
			int w = permutations[k][i];

			waits[w] = true;
			actor_block_on(waiter[w], mutex);
			assert_boosted(holder, highest_waiting(waits, prio));
		}
		for (int i = 0; i < MUTEXES; i++) {
			int w = permutations[k][(i + 1) % MUTEXES];

			waits[w] = false;
			actor_interrupt(waiter[w]);
			if (highest_waiting(waits, prio))
				assert_boosted(holder, highest_waiting(waits, prio));
		}
		pi_assert_exact(f);
	}
}

/* ---- how a waiter leaves ---- */

static void waiter_times_out(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);

	only_ours(f, "no inheritance");
	need_settable_clock();
	assert_ret(actor_locks(holder, mutex), 0);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		actor_block(waiter, requests[i], ARGS(FDS(mutex, event), .timeout = in_an_hour(),
						     .flags = NTSYNC_WAIT_REALTIME));
		assert_boosted(holder, HIGH);
		step_wall_clock(AN_HOUR_LATER);
		assert_ret(actor_finish(waiter), -ETIMEDOUT);
		pi_assert_exact(f);
	}
}

/* A wait that only polls must not boost anybody, not even for a moment. */
static void a_poll_boosts_nobody(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);
	long long records;

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	records = arbiter_stat("pi_boosts");
	assert_ret(actor_tries(waiter, mutex), -ETIMEDOUT);
	actor_wait(waiter, ALL, ARGS(FDS(mutex)));
	assert_ret(actor_finish(waiter), -ETIMEDOUT);
	assert_true(records >= 0);
	assert_int_equal(arbiter_stat("pi_boosts"), records);
}

static void waiter_is_interrupted(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		actor_block(waiter, requests[i], ARGS(FDS(mutex, event), .timeout = FOREVER));
		assert_boosted(holder, HIGH);
		actor_interrupt(waiter);
		pi_assert_exact(f);
	}
}

static void waiter_gets_something_else(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	for (int alert = 0; alert < 2; alert++) {
		if (alert)
			actor_wait(waiter, ALL,
				   ARGS(FDS(mutex), .alert = event, .timeout = FOREVER));
		else
			actor_wait(waiter, ANY, ARGS(FDS(mutex, event), .timeout = FOREVER));
		actor_assert_asleep(waiter);
		assert_boosted(holder, HIGH);
		set_event(event, 0);
		assert_ret(actor_finish(waiter), 0);
		pi_assert_exact(f);
	}
}

static int lock_as_high(struct pi_child *p)
{
	CHECK(!task_set_attr(0, FIFO(HIGH)));
	if (!p->value)
		return pi_child_lock(p, FOREVER) != 0;
	return nt(p->f->dev, ALL, &ARGS(FDS(p->mutex, p->value), .owner = p->owner,
					.timeout = FOREVER)) != 0;
}

static void waiter_is_killed(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f);
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	for (int all = 0; all < 2; all++) {
		struct pi_child *waiter = pi_child_start(f, lock_as_high, mutex, all ? event : 0);

		pi_child_assert_asleep(waiter);
		assert_boosted(holder, HIGH);
		pi_child_kill(waiter);
		pi_assert_exact(f);
	}
}

/* ---- how the holder lets go ---- */

static void mutex_kill(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	struct actor *second = actor_new(f, "second", FIFO(40));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	actor_block_on(second, mutex);
	kill_owner(mutex, holder->owner);
	assert_unboosted(holder);
	assert_ret(actor_finish(waiter), -EOWNERDEAD);
	actor_pass_mutex(waiter, second, mutex);
}

static void owner_exits(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	struct actor *second = actor_new(f, "second", FIFO(HIGH + 1));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	actor_exit(holder);
	/* The owner no longer exists: no task can be boosted. */
	actor_block_on(second, mutex);
	actor_interrupt(second);
	kill_owner(mutex, holder->owner);
	assert_ret(actor_finish(waiter), -EOWNERDEAD);
}

static int lock_and_stop(struct pi_child *p)
{
	CHECK(!pi_child_lock(p, FOREVER));
	pi_child_stop(p);
	return 0;
}

static void owner_is_killed(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0);
	struct actor *waiter = actor_high(f), *other = actor_new(f, "other", NORMAL(0));
	struct pi_child *holder;

	only_ours(f, "no inheritance");
	holder = pi_child_start(f, lock_and_stop, mutex, 0);
	pi_child_await(holder);
	actor_block_on(waiter, mutex);
	pi_child_assert_boosted(holder, HIGH);
	pi_child_kill(holder);
	actor_interrupt(waiter);
	assert_true(arbiter_idle());
	actor_block_on(waiter, mutex);
	kill_owner(mutex, holder->owner);
	assert_ret(actor_finish(waiter), -EOWNERDEAD);
	assert_unboosted(other);
}

/* Another task may use the owner id of one that has exited. */
static void owner_id_is_reused(void **state)
{
	struct fixture *f = *state;
	struct actor *gone = actor_normal(f), *next = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	next->owner = gone->owner;
	assert_ret(actor_locks(gone, mutex), 0);
	actor_exit(gone);
	contend(next, waiter, mutex);
	assert_ret(actor_unlocks(next, mutex), 0);
	assert_boosted(next, HIGH);
	end_contention(next, waiter, mutex);
}

static void object_is_closed(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	close_fd(f, mutex);
	assert_boosted(holder, HIGH);
	actor_interrupt(waiter);
	pi_assert_exact(f);
	/* The same with no waiter. */
	mutex = new_mutex(f, 0, 0);
	assert_ret(actor_locks(holder, mutex), 0);
	close_fd(f, mutex);
	pi_assert_exact(f);
}

static void device_is_closed(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	struct other_device o = open_other_device(f);

	only_ours(f, "no inheritance");
	assert_ret(actor_do(holder, lock_on_other_device, &o), 0);
	actor_tell(waiter, lock_on_other_device, &o);
	actor_assert_asleep(waiter);
	assert_boosted(holder, HIGH);
	close_fd(f, o.dev);
	close_fd(f, o.mutex);
	assert_boosted(holder, HIGH);
	actor_interrupt(waiter);
	pi_assert_exact(f);
}

/* ---- what a task was before ---- */

static int set_slack(struct actor *a, void *arg)
{
	(void)a;
	return prctl(PR_SET_TIMERSLACK, *(unsigned long *)arg) ? -errno : 0;
}

static const struct task_attr attrs[] = {
	{ .policy = SCHED_OTHER },
	{ .policy = SCHED_OTHER, .nice = 7 },
	{ .policy = SCHED_OTHER, .nice = -11 },
	{ .policy = SCHED_OTHER, .flags = TASK_RESET_ON_FORK },
	{ .policy = SCHED_OTHER, .runtime = 5 * NS_PER_MS },
	{ .policy = SCHED_BATCH, .nice = 3 },
	{ .policy = SCHED_BATCH, .nice = -3, .flags = TASK_RESET_ON_FORK },
	{ .policy = SCHED_IDLE },
	{ .policy = SCHED_RR, .prio = 5 },
	{ .policy = SCHED_FIFO, .prio = 1 },
	{ .policy = SCHED_FIFO, .prio = 79 },
	{ .policy = SCHED_FIFO, .prio = 10, .flags = TASK_RESET_ON_FORK },
};

static void every_policy_comes_back(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		struct actor *holder = actor_new(f, "holder", attrs[i]);

		contend(holder, waiter, mutex);
		end_contention(holder, waiter, mutex);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

/* A real-time task has no timer slack, and on its own the kernel would restore the default one. */
static void timer_slack_comes_back(void **state)
{
	static unsigned long slacks[] = { 1, 123456, 7 * NS_PER_MS };
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(slacks); i++) {
		assert_ret(actor_do(holder, set_slack, &slacks[i]), 0);
		holder->unboosted.slack = slacks[i];
		assert_unboosted(holder);
		contend(holder, waiter, mutex);
		end_contention(holder, waiter, mutex);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

static void slack_comes_back_after_an_event(void **state)
{
	static unsigned long slack = 123456;
	struct fixture *f = *state;
	struct actor *consumer = actor_normal(f);
	int event = new_auto(f, false);

	only_ours(f, "no inheritance");
	assert_ret(actor_do(consumer, set_slack, &slack), 0);
	consumer->unboosted.slack = slack;
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_tries(consumer, event), 0);
	assert_boosted(consumer, HIGH);
	assert_ret(actor_tries(consumer, event), -ETIMEDOUT);
	assert_unboosted(consumer);
}

/* ---- changed meanwhile ---- */

static void nice_is_changed(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_new(f, "holder", NORMAL(-3)), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	assert_int_equal(setpriority(PRIO_PROCESS, holder->tid, 12), 0);
	assert_boosted(holder, HIGH);
	holder->unboosted.attr.nice = 12;
	end_contention(holder, waiter, mutex);
}

static void affinity_is_changed(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip_because("one CPU only");
	contend(holder, waiter, mutex);
	CPU_SET(1, &holder->unboosted.cpus);
	assert_int_equal(sched_setaffinity(holder->tid, sizeof(cpu_set_t), &holder->unboosted.cpus),
			0);
	end_contention(holder, waiter, mutex);
}

static int set_own_attr(struct actor *a, void *arg)
{
	(void)a;
	return task_set_attr(0, *(struct task_attr *)arg);
}

static struct task_attr new_attrs[] = {
	{ .policy = SCHED_OTHER, .nice = 5 },
	{ .policy = SCHED_BATCH, .nice = -5 },
	{ .policy = SCHED_IDLE },
	{ .policy = SCHED_FIFO, .prio = 30 },
	{ .policy = SCHED_RR, .prio = 20 },
	{ .policy = SCHED_FIFO, .prio = 95 },
};

/* With CAP_SYS_NICE the task may set this without a boost too, so it keeps it. */
static void check_new_attr(struct fixture *f, struct task_attr *attr, bool by_itself)
{
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	contend(holder, waiter, mutex);
	if (by_itself)
		assert_ret(actor_do(holder, set_own_attr, attr), 0);
	else
		assert_ret(task_set_attr(holder->tid, *attr), 0);
	holder->unboosted.attr.policy = attr->policy;
	holder->unboosted.attr.nice = attr->nice;
	holder->unboosted.attr.prio = attr->prio;
	if (attr->policy == SCHED_FIFO || attr->policy == SCHED_RR) {
		holder->unboosted.attr.runtime = 0;
		holder->unboosted.slack = 0;
	}
	end_contention(holder, waiter, mutex);
}

static void changes_its_own_policy(void **state)
{
	only_ours((struct fixture *)*state, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(new_attrs); i++)
		check_new_attr(*state, &new_attrs[i], true);
}

static void policy_is_changed_by_another(void **state)
{
	only_ours((struct fixture *)*state, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(new_attrs); i++)
		check_new_attr(*state, &new_attrs[i], false);
}

/* The next change of the boost must find the new parameters and boost from there. */
static void boosted_again_after_a_change(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	struct actor *second = actor_new(f, "second", FIFO(HIGH + 5));
	struct task_attr attr = FIFO(30);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	assert_ret(actor_do(holder, set_own_attr, &attr), 0);
	holder->unboosted.attr.policy = SCHED_FIFO;
	holder->unboosted.attr.prio = 30;
	holder->unboosted.attr.runtime = 0;
	holder->unboosted.slack = 0;
	actor_block_on(second, mutex);
	assert_boosted(holder, HIGH + 5);
	actor_interrupt(second);
	assert_boosted(holder, HIGH);
	end_contention(holder, waiter, mutex);
}

/*
 * A task that has lost its boost by setting its own parameters looks at its record before it sleeps:
 * it is boosted again, has its place in the queue by that, and passes the priority on.
 */
static void boosted_again_by_its_own_wait(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *waiter = actor_high(f);
	struct actor *first = actor_new(f, "first", FIFO(HOG)), *last = actor_low(f, "last");
	int mutex = new_mutex(f, 0, 0), wanted = new_mutex(f, 0, 0);
	struct task_attr attr = FIFO(LOW + 5);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(last, wanted), 0);
	actor_block_on(first, wanted);
	contend(holder, waiter, mutex);
	assert_ret(actor_do(holder, set_own_attr, &attr), 0);
	holder->unboosted.attr.prio = attr.prio;
	assert_unboosted(holder);
	actor_block_on(holder, wanted);
	assert_boosted(holder, HIGH);
	assert_boosted(last, HIGH);
	actor_pass_mutex(last, holder, wanted);
	assert_boosted(holder, HIGH);
	actor_pass_mutex(holder, first, wanted);
	assert_ret(actor_unlocks(first, wanted), 0);
	end_contention(holder, waiter, mutex);
}

/* The same in the queue of an object that nobody owns. */
static void it_is_first_in_a_queue_again(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *waiter = actor_high(f);
	struct actor *first = actor_new(f, "first", FIFO(HOG));
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 0, 9);
	struct task_attr attr = FIFO(LOW + 5);

	only_ours(f, "no inheritance");
	actor_block_on(first, sem);
	contend(holder, waiter, mutex);
	assert_ret(actor_do(holder, set_own_attr, &attr), 0);
	holder->unboosted.attr.prio = attr.prio;
	actor_block_on(holder, sem);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, &(uint32_t){ 1 }), 0);
	assert_ret(actor_finish(holder), 0);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, &(uint32_t){ 1 }), 0);
	assert_ret(actor_finish(first), 0);
	end_contention(holder, waiter, mutex);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(released_in_any_order),
		PI_TEST(left_in_any_order),
		PI_TEST(waiters_of_one_mutex_leave_in_any_order),
		PI_TEST(waiter_times_out),
		PI_TEST(a_poll_boosts_nobody),
		PI_TEST(waiter_is_interrupted),
		PI_TEST(waiter_gets_something_else),
		PI_TEST(waiter_is_killed),
		PI_TEST(mutex_kill),
		PI_TEST(owner_exits),
		PI_TEST(owner_is_killed),
		PI_TEST(owner_id_is_reused),
		PI_TEST(object_is_closed),
		PI_TEST(device_is_closed),
		PI_TEST(every_policy_comes_back),
		PI_TEST(timer_slack_comes_back),
		PI_TEST(slack_comes_back_after_an_event),
		PI_TEST(nice_is_changed),
		PI_TEST(affinity_is_changed),
		PI_TEST(changes_its_own_policy),
		PI_TEST(policy_is_changed_by_another),
		PI_TEST(boosted_again_after_a_change),
		PI_TEST(boosted_again_by_its_own_wait),
		PI_TEST(it_is_first_in_a_queue_again),
	};

	return RUN(tests);
}
