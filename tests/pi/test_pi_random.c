// SPDX-License-Identifier: GPL-2.0-only
/*
 * Thousands of random steps against a model. Between two steps nothing moves:
 * every task is idle or asleep in a wait, so who holds what is known, and with it
 * every task's priority,
 *
 *	eff(t) = max(base(t), eff(w) for all w that wait for a mutex of t),
 *
 * as the least solution. Mutexes are taken in ascending order only, so nobody
 * waits for himself. NTSYNC_PI_SEED and NTSYNC_PI_STEPS choose another run.
 */
#include "inversion.h"

#include <signal.h>

#define TASKS 6
#define MUTEXES 5
#define STEPS 3000

/* A place in a set of objects behind the mutexes. */
#define EVENT MUTEXES
#define NOBODY (-1)

static const struct task_attr start_as[TASKS] = {
	{ .policy = SCHED_OTHER },
	{ .policy = SCHED_OTHER, .nice = 5 },
	{ .policy = SCHED_FIFO, .prio = 10 },
	{ .policy = SCHED_RR, .prio = 30 },
	{ .policy = SCHED_FIFO, .prio = 50 },
	{ .policy = SCHED_FIFO, .prio = 70 },
};

/**
 * struct model - what the test knows
 * @boosts: how many times a task was found boosted: without, nothing was tested
 * @wants: the objects that a blocked task waits for, as bits; 0 = it is idle
 * @all:   it waits for all of them
 * @holder, @depth: per mutex
 */
struct model {
	struct fixture *f;
	uint64_t random;
	unsigned int step;
	unsigned int boosts;
	struct actor *task[TASKS];
	unsigned int wants[TASKS];
	bool all[TASKS];
	int mutex[MUTEXES];
	int holder[MUTEXES];
	uint32_t depth[MUTEXES];
	int event;
};

static uint64_t environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* xorshift64: repeats from the seed on every machine. */
static unsigned int pick(struct model *m, unsigned int below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return m->random % below;
}

/* ---- the model ---- */

static int base_prio(const struct model *m, int task)
{
	return m->task[task]->base.attr.prio;
}

static bool waits_for(const struct model *m, int task, int mutex)
{
	return m->wants[task] & 1u << mutex;
}

/* The least solution: from the bases upwards until nothing changes. */
static void compute_eff(const struct model *m, int *eff)
{
	bool changed = true;

	for (int t = 0; t < TASKS; t++)
		eff[t] = base_prio(m, t);
	while (changed) {
		changed = false;
		for (int i = 0; i < MUTEXES; i++) {
			for (int w = 0; w < TASKS && m->holder[i] != NOBODY; w++) {
				int *holder = &eff[m->holder[i]];

				if (waits_for(m, w, i) && eff[w] > *holder) {
					*holder = eff[w];
					changed = true;
				}
			}
		}
	}
}

static int highest_held(const struct model *m, int task)
{
	int highest = -1;

	for (int i = 0; i < MUTEXES; i++)
		highest = m->holder[i] == task ? i : highest;
	return highest;
}

static bool idle(const struct model *m, int task)
{
	return !m->wants[task];
}

/* ---- compared with the driver ---- */

static void print_model(const struct model *m, const int *eff)
{
	char *records = arbiter_text("pi");

	for (int t = 0; t < TASKS; t++)
		print_error("# %s: tid %d base %d, should be %d, waits for %s of %#x\n",
			    m->task[t]->name, m->task[t]->tid, base_prio(m, t), eff[t],
			    m->all[t] ? "all" : "any", m->wants[t]);
	for (int i = 0; i < MUTEXES; i++)
		print_error("# mutex %d: held by task %d, %u times\n", i, m->holder[i],
			    m->depth[i]);
	print_error("# records:\n%s\n", records ? records : "none");
	free(records);
}

static bool task_is(const struct model *m, int task, int eff)
{
	const struct actor *a = m->task[task];
	struct task_attr is;

	if (eff == base_prio(m, task))
		return task_state_is(a->tid, &a->base, a->name);
	if (task_get_attr(a->tid, &is))
		return false;
	if (is.policy == SCHED_FIFO && is.prio == (uint32_t)eff && is.flags & TASK_RESET_ON_FORK)
		return true;
	print_error("# %s: policy %u priority %u flags %llu\n", a->name, is.policy, is.prio,
		    (unsigned long long)is.flags);
	return false;
}

static void compare(struct model *m)
{
	int eff[TASKS];
	bool ok = true;

	compute_eff(m, eff);
	for (int t = 0; t < TASKS; t++) {
		ok &= task_is(m, t, eff[t]);
		m->boosts += eff[t] > base_prio(m, t);
	}
	if (!ok) {
		print_model(m, eff);
		fail_msg("step %u", m->step);
	}
}

/* ---- who got what ---- */

static int task_of(const struct model *m, uint32_t owner)
{
	for (int t = 0; t < TASKS; t++) {
		if (m->task[t]->owner == owner)
			return t;
	}
	return NOBODY;
}

static void read_holders(struct model *m)
{
	for (int i = 0; i < MUTEXES; i++) {
		struct ntsync_mutex_args args = { 0 };
		int ret = nt(m->mutex[i], NTSYNC_IOC_MUTEX_READ, &args);

		assert_true(!ret || ret == -EOWNERDEAD);
		m->holder[i] = args.owner ? task_of(m, args.owner) : NOBODY;
		m->depth[i] = args.count;
	}
}

static bool event_signaled(const struct model *m)
{
	struct ntsync_event_args args = { 0 };

	assert_ret(nt(m->event, NTSYNC_IOC_EVENT_READ, &args), 0);
	return args.signaled;
}

static void leave_wait(struct model *m, int task)
{
	int ret = actor_finish(m->task[task]);

	if (ret && ret != -EOWNERDEAD)
		fail_msg("step %u: %s was woken with %d", m->step, m->task[task]->name, ret);
	m->wants[task] = 0;
}

/* Could this wait succeed now? Then whoever made it possible has granted it. */
static bool satisfied(const struct model *m, int task, const int *before)
{
	bool all = true, any = false;

	for (int i = 0; i < MUTEXES; i++) {
		bool got = m->holder[i] == task && before[i] != task;

		if (waits_for(m, task, i)) {
			all &= got;
			any |= got;
		}
	}
	return m->all[task] ? all && !(m->wants[task] & 1u << EVENT) : any;
}

/*
 * Who has become a holder is out of its wait, or on its way. Among those who wanted
 * one of several, nobody of a lower priority may be preferred.
 */
static void settle(struct model *m, const int *eff)
{
	int before[MUTEXES];

	memcpy(before, m->holder, sizeof(before));
	read_holders(m);
	for (int i = 0; i < MUTEXES; i++) {
		int t = m->holder[i];

		if (t == NOBODY || t == before[i] || idle(m, t) || m->all[t])
			continue;
		for (int w = 0; w < TASKS; w++) {
			if (w != t && waits_for(m, w, i) && !m->all[w] && eff[w] > eff[t])
				fail_msg("step %u: %s got mutex %d before %s", m->step,
					 m->task[t]->name, i, m->task[w]->name);
		}
	}
	for (int t = 0; t < TASKS; t++) {
		if (!idle(m, t) && satisfied(m, t, before))
			leave_wait(m, t);
	}
}

/* ---- steps ---- */

static struct ntsync_wait_args wait_args(struct model *m, unsigned int wants, int *objs)
{
	struct ntsync_wait_args args = ARGS(.objs = (uintptr_t)objs);

	for (int i = 0; i <= EVENT; i++) {
		if (wants & 1u << i)
			objs[args.count++] = i == EVENT ? m->event : m->mutex[i];
	}
	return args;
}

/* Some of the mutexes above those it has, and perhaps the event; 0 = there is none. */
static unsigned int pick_wants(struct model *m, int task)
{
	int first = highest_held(m, task) + 1, mutexes = 1 + pick(m, 3);
	unsigned int wants = 0;

	if (first >= MUTEXES)
		return 0;
	for (int n = 0; n < mutexes; n++)
		wants |= 1u << (first + pick(m, MUTEXES - first));
	return pick(m, 6) ? wants : wants | 1u << EVENT;
}

/* They are on our CPU, and below us. */
static void let_others_run(void)
{
	const struct timespec moment = { .tv_nsec = 20000 };

	nanosleep(&moment, NULL);
}

/* Blocks until the task is asleep in its wait, or out of it. */
static bool falls_asleep(struct actor *a)
{
	for (;;) {
		bool asleep = asleep_in(getpid(), a->tid, a->request);

		if (actor_finished(a))
			return false;
		if (asleep)
			return true;
		let_others_run();
	}
}

static void step_wait(struct model *m, int task)
{
	unsigned int wants = pick_wants(m, task);
	bool all = !pick(m, 3), timed = !pick(m, 4);
	int objs[EVENT + 1], ret;
	struct ntsync_wait_args args = wait_args(m, wants, objs);

	if (!wants)
		return;
	args.timeout = timed ? monotonic_ns() + pick(m, 200) * 1000 : FOREVER;
	actor_wait(m->task[task], all ? ALL : ANY, args);
	if (!timed && falls_asleep(m->task[task])) {
		m->wants[task] = wants;
		m->all[task] = all;
		return;
	}
	ret = actor_finish(m->task[task]);
	if (ret && ret != -EOWNERDEAD && !(timed && ret == -ETIMEDOUT))
		fail_msg("step %u: a wait returned %d", m->step, ret);
}

/* It gets one that it has already. */
static void step_recurse(struct model *m, int task)
{
	int mutex = highest_held(m, task);

	if (mutex >= 0 && m->depth[mutex] < 3)
		assert_ret(actor_tries(m->task[task], m->mutex[mutex]), 0);
}

/* Any of those that it has, not only the last. */
static void step_unlock(struct model *m, int task)
{
	int mutex = pick(m, MUTEXES);

	for (int n = 0; n < MUTEXES && m->holder[mutex] != task; n++)
		mutex = (mutex + 1) % MUTEXES;
	if (m->holder[mutex] == task)
		assert_ret(actor_unlocks(m->task[task], m->mutex[mutex]), 0);
}

/* From outside, as a runtime does for a thread that has ended; it may be blocked. */
static void step_kill(struct model *m, int mutex)
{
	if (m->holder[mutex] != NOBODY)
		kill_owner(m->mutex[mutex], m->task[m->holder[mutex]]->owner);
}

static void step_interrupt(struct model *m, int task)
{
	if (idle(m, task))
		return;
	pthread_kill(m->task[task]->thread, SIGUSR2);
	assert_ret(actor_finish(m->task[task]), -EINTR);
	m->wants[task] = 0;
}

/* Set: whoever it released is found by its being out of the wait. */
static void step_event(struct model *m)
{
	uint32_t prev;
	bool found = false;

	assert_ret(nt(m->event, NTSYNC_IOC_EVENT_SET, &prev), 0);
	if (event_signaled(m)) {
		assert_ret(nt(m->event, NTSYNC_IOC_EVENT_RESET, &prev), 0);
		return;
	}
	while (!found) {
		let_others_run();
		for (int t = 0; t < TASKS && !found; t++) {
			found = m->wants[t] & 1u << EVENT && actor_finished(m->task[t]);
			if (found)
				leave_wait(m, t);
		}
	}
}

/* Another base: only where no waiter's priority is at stake, see docs/pi.md. */
static void step_change_base(struct model *m, int task)
{
	struct actor *a = m->task[task];
	struct task_attr attr = NORMAL((int)pick(m, 10));

	for (int i = 0; i < MUTEXES; i++) {
		for (int w = 0; w < TASKS; w++) {
			if (m->holder[i] == task && waits_for(m, w, i))
				return;
		}
	}
	if (pick(m, 3))
		attr = pick(m, 2) ? FIFO(1 + pick(m, 79)) :
				    ATTR(.policy = SCHED_RR, .prio = 1 + pick(m, 79));
	assert_ret(task_set_attr(a->tid, attr), 0);
	assert_ret(task_get_state(a->tid, &a->base), 0);
}

static void one_step(struct model *m)
{
	int task = pick(m, TASKS), kind = pick(m, 100), eff[TASKS];

	if (getenv("NTSYNC_PI_TRACE"))
		fprintf(stderr, "# step %u: task %d, kind %d\n", m->step, task, kind);
	compute_eff(m, eff);
	if (kind < 8)
		step_interrupt(m, task);
	else if (kind < 12)
		step_event(m);
	else if (kind < 16)
		step_kill(m, pick(m, MUTEXES));
	else if (!idle(m, task))
		return;
	else if (kind < 55)
		step_wait(m, task);
	else if (kind < 60)
		step_recurse(m, task);
	else if (kind < 66)
		step_change_base(m, task);
	else
		step_unlock(m, task);
	settle(m, eff);
	compare(m);
}

static void set_up(struct model *m, struct fixture *f)
{
	static const char *const names[TASKS] = { "t0", "t1", "t2", "t3", "t4", "t5" };

	m->f = f;
	for (int t = 0; t < TASKS; t++)
		m->task[t] = actor_new(f, names[t], start_as[t]);
	for (int i = 0; i < MUTEXES; i++) {
		m->mutex[i] = new_mutex(f, 0, 0);
		m->holder[i] = NOBODY;
	}
	m->event = new_auto(f, false);
}

static void everybody_lets_go(struct model *m)
{
	for (int t = 0; t < TASKS; t++)
		step_interrupt(m, t);
	for (int i = 0; i < MUTEXES; i++)
		step_kill(m, i);
	stage_assert_exact(m->f);
}

static void random_steps(void **state)
{
	uint64_t seed = environment("NTSYNC_PI_SEED", monotonic_ns() | 1);
	unsigned int steps = environment("NTSYNC_PI_STEPS", STEPS);
	struct model m = { .random = seed };

	only_ours((struct fixture *)*state, "no inheritance");
	print_message("# NTSYNC_PI_SEED=%llu, %u steps\n", (unsigned long long)seed, steps);
	set_up(&m, *state);
	for (m.step = 0; m.step < steps; m.step++)
		one_step(&m);
	everybody_lets_go(&m);
	print_message("# found %u tasks boosted\n", m.boosts);
	assert_true(m.boosts > steps / 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(random_steps),
	};

	return RUN(tests);
}
