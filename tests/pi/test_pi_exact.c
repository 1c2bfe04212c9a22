// SPDX-License-Identifier: GPL-2.0-only
/*
 * A boost ends exactly: when its reason has gone, however that went, and what the
 * task was before comes back, or what it has become meanwhile by its own right.
 */
#include "child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- several at once, in any order ---- */

#define MUTEXES 3

static int highest(const bool *waits, const int *prio)
{
	int best = 0;

	for (int i = 0; i < MUTEXES; i++)
		best = waits[i] && prio[i] > best ? prio[i] : best;
	return best;
}

static void check_order(struct actor *holder, struct actor *const *waiter, const int *mutex,
			const int *order, bool by_unlock)
{
	static const int prio[MUTEXES] = { 60, 70, 80 };
	bool waits[MUTEXES] = { true, true, true };

	for (int i = 0; i < MUTEXES; i++) {
		assert_ret(actor_locks(holder, mutex[i]), 0);
		actor_lock(waiter[i], mutex[i]);
		actor_assert_asleep(waiter[i]);
		assert_boosted(holder, prio[i]);
	}
	for (int i = 0; i < MUTEXES; i++) {
		int m = order[i];

		if (by_unlock) {
			assert_ret(actor_unlocks(holder, mutex[m]), 0);
			assert_ret(actor_finish(waiter[m]), 0);
			assert_ret(actor_unlocks(waiter[m], mutex[m]), 0);
		} else {
			actor_interrupt(waiter[m]);
			assert_ret(actor_unlocks(holder, mutex[m]), 0);
		}
		waits[m] = false;
		if (highest(waits, prio))
			assert_boosted(holder, highest(waits, prio));
	}
	stage_assert_exact(holder->f);
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

/* All for the same mutex: with each that leaves, the next one counts. */
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
			actor_lock(waiter[w], mutex);
			actor_assert_asleep(waiter[w]);
			assert_boosted(holder, highest(waits, prio));
		}
		for (int i = 0; i < MUTEXES; i++) {
			int w = permutations[k][(i + 1) % MUTEXES];

			waits[w] = false;
			actor_interrupt(waiter[w]);
			if (highest(waits, prio))
				assert_boosted(holder, highest(waits, prio));
		}
		stage_assert_exact(f);
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
		actor_wait(waiter, requests[i], ARGS(FDS(mutex, event), .timeout = in_an_hour(),
						     .flags = NTSYNC_WAIT_REALTIME));
		actor_assert_asleep(waiter);
		assert_boosted(holder, HIGH);
		step_wall_clock(AN_HOUR_LATER);
		assert_ret(actor_finish(waiter), -ETIMEDOUT);
		stage_assert_exact(f);
	}
}

/* Nobody waits, so nobody lends anything, not even for a moment. */
static void a_try_lends_nothing(void **state)
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
		actor_wait(waiter, requests[i], ARGS(FDS(mutex, event), .timeout = FOREVER));
		actor_assert_asleep(waiter);
		assert_boosted(holder, HIGH);
		actor_interrupt(waiter);
		stage_assert_exact(f);
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
		stage_assert_exact(f);
	}
}

static int wait_high(struct partner *p)
{
	CHECK(!task_set_attr(0, FIFO(HIGH)));
	if (!p->value)
		return partner_lock(p, FOREVER) != 0;
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
		struct partner *waiter = partner_start(f, wait_high, mutex, all ? event : 0);

		partner_assert_asleep(waiter);
		assert_boosted(holder, HIGH);
		partner_kill(waiter);
		stage_assert_exact(f);
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
	actor_lock(second, mutex);
	actor_assert_asleep(second);
	kill_owner(mutex, holder->owner);
	assert_base(holder);
	assert_ret(actor_finish(waiter), -EOWNERDEAD);
	assert_ret(actor_unlocks(waiter, mutex), 0);
	assert_ret(actor_finish(second), 0);
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
	/* Nobody is there to be boosted, and nothing must go wrong trying. */
	actor_lock(second, mutex);
	actor_assert_asleep(second);
	actor_interrupt(second);
	kill_owner(mutex, holder->owner);
	assert_ret(actor_finish(waiter), -EOWNERDEAD);
}

static int hold(struct partner *p)
{
	CHECK(!partner_lock(p, FOREVER));
	partner_stop(p);
	return 0;
}

static void owner_is_killed(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0);
	struct actor *waiter = actor_high(f), *other = actor_new(f, "other", NORMAL(0));
	struct partner *holder;

	only_ours(f, "no inheritance");
	holder = partner_start(f, hold, mutex, 0);
	partner_await(holder);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	partner_assert_boosted(holder, HIGH);
	partner_kill(holder);
	actor_interrupt(waiter);
	assert_true(arbiter_idle());
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	kill_owner(mutex, holder->owner);
	assert_ret(actor_finish(waiter), -EOWNERDEAD);
	assert_base(other);
}

/* Another task may take over the id of one that has gone. */
static void owner_id_is_reused(void **state)
{
	struct fixture *f = *state;
	struct actor *gone = actor_normal(f), *next = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	next->owner = gone->owner;
	assert_ret(actor_locks(gone, mutex), 0);
	actor_exit(gone);
	assert_ret(actor_locks(next, mutex), 0);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_boosted(next, HIGH);
	assert_ret(actor_unlocks(next, mutex), 0);
	assert_boosted(next, HIGH);
	assert_ret(actor_unlocks(next, mutex), 0);
	assert_base(next);
	assert_ret(actor_finish(waiter), 0);
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
	stage_assert_exact(f);
	/* Held, and nobody waits. */
	mutex = new_mutex(f, 0, 0);
	assert_ret(actor_locks(holder, mutex), 0);
	close_fd(f, mutex);
	stage_assert_exact(f);
}

struct other {
	int dev, mutex;
};

static int lock_other(struct actor *a, void *arg)
{
	struct other *o = arg;

	return nt(o->dev, ANY, &ARGS(FDS(o->mutex), .owner = a->owner, .timeout = FOREVER));
}

static void device_is_closed(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	struct ntsync_mutex_args args = { 0 };
	struct other o = { .dev = open_device(f) };

	only_ours(f, "no inheritance");
	o.mutex = own_fd(f, nt(o.dev, NTSYNC_IOC_CREATE_MUTEX, &args));
	assert_ret(actor_do(holder, lock_other, &o), 0);
	actor_tell(waiter, lock_other, &o);
	actor_assert_asleep(waiter);
	assert_boosted(holder, HIGH);
	close_fd(f, o.dev);
	close_fd(f, o.mutex);
	assert_boosted(holder, HIGH);
	actor_interrupt(waiter);
	stage_assert_exact(f);
}

/* ---- what a task was before ---- */

static int set_slack(struct actor *a, void *arg)
{
	(void)a;
	return prctl(PR_SET_TIMERSLACK, *(unsigned long *)arg) ? -errno : 0;
}

static const struct task_attr bases[] = {
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

static void every_base_comes_back(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		struct actor *holder = actor_new(f, "holder", bases[i]);

		contend(holder, waiter, mutex);
		assert_ret(actor_unlocks(holder, mutex), 0);
		assert_base(holder);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

/* A real-time task has none, and the kernel gives the default one back. */
static void timer_slack_comes_back(void **state)
{
	static unsigned long slacks[] = { 1, 123456, 7 * NS_PER_MS };
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(slacks); i++) {
		assert_ret(actor_do(holder, set_slack, &slacks[i]), 0);
		holder->base.slack = slacks[i];
		assert_base(holder);
		contend(holder, waiter, mutex);
		assert_ret(actor_unlocks(holder, mutex), 0);
		assert_base(holder);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

static void slack_comes_back_after_an_event(void **state)
{
	static unsigned long slack = 123456;
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = HIGH };
	struct fixture *f = *state;
	struct actor *consumer = actor_normal(f);
	int event = new_auto(f, false);

	only_ours(f, "no inheritance");
	assert_ret(actor_do(consumer, set_slack, &slack), 0);
	consumer->base.slack = slack;
	assert_ret(nt(event, NTSYNC_IOC_EVENT_SET_PI, &args), 0);
	assert_ret(actor_tries(consumer, event), 0);
	assert_boosted(consumer, HIGH);
	assert_ret(actor_tries(consumer, event), -ETIMEDOUT);
	assert_base(consumer);
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
	holder->base.attr.nice = 12;
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_base(holder);
	assert_ret(actor_finish(waiter), 0);
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
	CPU_SET(1, &holder->base.cpus);
	assert_int_equal(sched_setaffinity(holder->tid, sizeof(cpu_set_t), &holder->base.cpus), 0);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_base(holder);
	assert_ret(actor_finish(waiter), 0);
}

static int change_myself(struct actor *a, void *arg)
{
	(void)a;
	return task_set_attr(0, *(struct task_attr *)arg);
}

static struct task_attr becomes[] = {
	{ .policy = SCHED_OTHER, .nice = 5 },
	{ .policy = SCHED_BATCH, .nice = -5 },
	{ .policy = SCHED_IDLE },
	{ .policy = SCHED_FIFO, .prio = 30 },
	{ .policy = SCHED_RR, .prio = 20 },
	{ .policy = SCHED_FIFO, .prio = 95 },
};

/* With CAP_SYS_NICE it could have had that without the boost: it is its new base. */
static void check_new_base(struct fixture *f, struct task_attr *attr, bool by_itself)
{
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	contend(holder, waiter, mutex);
	if (by_itself)
		assert_ret(actor_do(holder, change_myself, attr), 0);
	else
		assert_ret(task_set_attr(holder->tid, *attr), 0);
	holder->base.attr.policy = attr->policy;
	holder->base.attr.nice = attr->nice;
	holder->base.attr.prio = attr->prio;
	if (attr->policy == SCHED_FIFO || attr->policy == SCHED_RR) {
		holder->base.attr.runtime = 0;
		holder->base.slack = 0;
	}
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_base(holder);
	assert_ret(actor_finish(waiter), 0);
}

static void changes_its_own_policy(void **state)
{
	only_ours((struct fixture *)*state, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(becomes); i++)
		check_new_base(*state, &becomes[i], true);
}

static void policy_is_changed_by_another(void **state)
{
	only_ours((struct fixture *)*state, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(becomes); i++)
		check_new_base(*state, &becomes[i], false);
}

/* The next change of the boost finds the new base, and lends on top of it. */
static void boosted_again_after_a_change(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f), *waiter = actor_high(f);
	struct actor *second = actor_new(f, "second", FIFO(HIGH + 5));
	struct task_attr attr = FIFO(30);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(holder, waiter, mutex);
	assert_ret(actor_do(holder, change_myself, &attr), 0);
	holder->base.attr.policy = SCHED_FIFO;
	holder->base.attr.prio = 30;
	holder->base.attr.runtime = 0;
	holder->base.slack = 0;
	actor_lock(second, mutex);
	actor_assert_asleep(second);
	assert_boosted(holder, HIGH + 5);
	actor_interrupt(second);
	assert_boosted(holder, HIGH);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_base(holder);
	assert_ret(actor_finish(waiter), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(released_in_any_order),
		PI_TEST(left_in_any_order),
		PI_TEST(waiters_of_one_mutex_leave_in_any_order),
		PI_TEST(waiter_times_out),
		PI_TEST(a_try_lends_nothing),
		PI_TEST(waiter_is_interrupted),
		PI_TEST(waiter_gets_something_else),
		PI_TEST(waiter_is_killed),
		PI_TEST(mutex_kill),
		PI_TEST(owner_exits),
		PI_TEST(owner_is_killed),
		PI_TEST(owner_id_is_reused),
		PI_TEST(object_is_closed),
		PI_TEST(device_is_closed),
		PI_TEST(every_base_comes_back),
		PI_TEST(timer_slack_comes_back),
		PI_TEST(slack_comes_back_after_an_event),
		PI_TEST(nice_is_changed),
		PI_TEST(affinity_is_changed),
		PI_TEST(changes_its_own_policy),
		PI_TEST(policy_is_changed_by_another),
		PI_TEST(boosted_again_after_a_change),
	};

	return RUN(tests);
}
