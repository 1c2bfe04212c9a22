// SPDX-License-Identifier: GPL-2.0-only
/*
 * Thousands of random steps against a model (model.h): waits, unlocks, requests, replies, loans, sleeps on
 * words, signals.
 * NTSYNC_PI_SEED and NTSYNC_PI_STEPS choose another run, NTSYNC_PI_TRACE=1 prints each step.
 */
#include "prng.h"
#include "model.h"

#include <signal.h>

#define STEPS 5000

static const struct task_attr start_as[TASKS] = {
	{ .policy = SCHED_OTHER },
	{ .policy = SCHED_OTHER, .nice = 5 },
	{ .policy = SCHED_OTHER },
	{ .policy = SCHED_FIFO, .prio = 10 },
	{ .policy = SCHED_RR, .prio = 30 },
	{ .policy = SCHED_FIFO, .prio = 50 },
	{ .policy = SCHED_FIFO, .prio = 70 },
};

static unsigned int pick(struct model *m, unsigned int below)
{
	return prng_below(&m->random, below);
}

static void trace_step(const struct model *m, int task, const char *format, ...)
{
	va_list args;

	if (!getenv("NTSYNC_PI_TRACE"))
		return;
	va_start(args, format);
	fprintf(stderr, "# step %u: t%d ", m->step, task);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
}

static bool is_idle(const struct model *m, int task)
{
	return m->doing[task] == IDLE;
}

/* ---- which task got which mutex ---- */

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
	trace_step(m, task, "is out of its wait: %d", ret);
	m->doing[task] = IDLE;
}

/* Has this wait been granted by the last step? */
static bool is_satisfied(const struct model *m, int task, const int *before)
{
	bool all = true, any = false;

	for (int i = 0; i < MUTEXES; i++) {
		bool got = m->holder[i] == task && before[i] != task;

		if (model_waits_for(m, task, i)) {
			all &= got;
			any |= got;
		}
	}
	return m->all[task] ? all && !(m->wants[task] & 1u << EVENT) : any;
}

/*
 * Of the tasks that waited for any of several objects, the one with the highest priority must get
 * it.
 */
static void check_next_holder(const struct model *m, int mutex, const struct prios *before)
{
	int t = m->holder[mutex];

	for (int w = 0; w < TASKS; w++) {
		if (w != t && model_waits_for(m, w, mutex) && !m->all[w] &&
		    before->eff[w] > before->eff[t])
			fail_msg("step %u: %s got mutex %d before %s", m->step, m->task[t]->name,
				 mutex, m->task[w]->name);
	}
}

/* Tasks that have become holders have left their waits, or are about to. */
static void update_holders(struct model *m, const struct prios *prios)
{
	int before[MUTEXES];

	memcpy(before, m->holder, sizeof(before));
	model_read_holders(m);
	for (int i = 0; i < MUTEXES; i++) {
		int t = m->holder[i];

		if (t != NOBODY && t != before[i] && !is_idle(m, t) && !m->all[t])
			check_next_holder(m, i, prios);
	}
	for (int t = 0; t < TASKS; t++) {
		if (m->doing[t] == WAITS && is_satisfied(m, t, before))
			leave_wait(m, t);
	}
}

/* ---- waits, mutexes and the event ---- */

static struct ntsync_wait_args wait_args(struct model *m, unsigned int wants, int *objs)
{
	struct ntsync_wait_args args = ARGS(.objs = (uintptr_t)objs);

	for (int i = 0; i <= EVENT; i++) {
		if (wants & 1u << i)
			objs[args.count++] = i == EVENT ? m->event : m->mutex[i];
	}
	return args;
}

/* Some of the mutexes that the task does not hold, and perhaps the event. */
static unsigned int pick_wants(struct model *m, int task)
{
	unsigned int wants = 0;

	for (int n = 1 + pick(m, 3); n; n--) {
		int i = pick(m, MUTEXES);

		if (m->holder[i] != task)
			wants |= 1u << i;
	}
	return wants && !pick(m, 6) ? wants | 1u << EVENT : wants;
}

static void step_wait(struct model *m, int task)
{
	unsigned int wants = pick_wants(m, task);
	bool all = !pick(m, 3), timed = !pick(m, 4);
	int objs[EVENT + 1], ret;
	struct ntsync_wait_args args = wait_args(m, wants, objs);

	if (!wants || model_is_cycle(m, task, model_holders(m, task, wants)))
		return;
	trace_step(m, task, "waits for %s of %#x%s", all ? "all" : "any", wants,
		   timed ? " for a moment" : "");
	args.timeout = timed ? monotonic_ns() + pick(m, 200) * 1000 : FOREVER;
	actor_wait(m->task[task], all ? ALL : ANY, args);
	if (!timed && actor_falls_asleep(m->task[task], m->task[task]->request)) {
		m->doing[task] = WAITS;
		m->wants[task] = wants;
		m->all[task] = all;
		return;
	}
	ret = actor_finish(m->task[task]);
	if (ret && ret != -EOWNERDEAD && !(timed && ret == -ETIMEDOUT))
		fail_msg("step %u: a wait returned %d", m->step, ret);
}

/* One of the mutexes that the task holds, or NOBODY. */
static int pick_held(struct model *m, int task)
{
	int mutex = pick(m, MUTEXES);

	for (int n = 0; n < MUTEXES; n++) {
		if (m->holder[(mutex + n) % MUTEXES] == task)
			return (mutex + n) % MUTEXES;
	}
	return NOBODY;
}

static void step_recurse(struct model *m, int task)
{
	int mutex = pick_held(m, task);

	if (mutex == NOBODY || m->depth[mutex] == 3)
		return;
	trace_step(m, task, "takes mutex %d again", mutex);
	assert_ret(actor_tries(m->task[task], m->mutex[mutex]), 0);
}

static void step_unlock(struct model *m, int task)
{
	int mutex = pick_held(m, task);

	if (mutex == NOBODY)
		return;
	trace_step(m, task, "unlocks mutex %d", mutex);
	assert_ret(actor_unlocks(m->task[task], m->mutex[mutex]), 0);
}

/*
 * Called by the test, as a runtime calls it for a thread that has exited; the owner may be blocked.
 */
static void step_kill(struct model *m, int mutex)
{
	if (m->holder[mutex] == NOBODY)
		return;
	trace_step(m, m->holder[mutex], "is taken mutex %d from", mutex);
	kill_owner(m->mutex[mutex], m->task[m->holder[mutex]]->owner);
}

/* The task does not sleep on its word any more. A word that nobody sleeps on has no owner. */
static void leave_word(struct model *m, int task)
{
	bool empty = true;

	m->doing[task] = IDLE;
	for (int t = 0; t < TASKS; t++)
		empty &= !model_sleeps_on(m, t, m->at[task]);
	if (empty)
		m->owner[m->at[task]] = NOBODY;
}

/* This withdraws a request, pending or received. */
static void step_interrupt(struct model *m, int task)
{
	if (is_idle(m, task))
		return;
	trace_step(m, task, "is interrupted");
	actor_interrupt(m->task[task]);
	if (m->doing[task] == SLEEPS)
		leave_word(m, task);
	m->doing[task] = IDLE;
}

/* The task that a set event has released is the one that has left its wait. */
static void step_event(struct model *m)
{
	uint32_t prev;
	bool found = false;

	assert_ret(nt(m->event, NTSYNC_IOC_EVENT_SET, &prev), 0);
	if (event_signaled(m)) {
		assert_ret(nt(m->event, NTSYNC_IOC_EVENT_RESET, &prev), 0);
		return;
	}
	for (unsigned int polls = 0; !found; polls++) {
		let_others_run(polls);
		for (int t = 0; t < TASKS && !found; t++) {
			found = m->doing[t] == WAITS && m->wants[t] & 1u << EVENT &&
				actor_finished(m->task[t]);
			if (found)
				leave_wait(m, t);
		}
	}
}

/* ---- requests ---- */

/* @server has left its receive with @sender's request. */
static void note_received(struct model *m, int server, int sender)
{
	actor_assert_got(m->task[server], m->task[sender]);
	trace_step(m, server, "gets the request of t%d", sender);
	m->request[sender].server = server;
	m->request[sender].set = m->set[server][m->at[sender]];
}

/* One of the parked servers must have got the request, and none of them may be above it. */
static void find_receiver(struct model *m, int sender, const struct prios *before)
{
	int channel = m->at[sender], found = NOBODY;

	for (unsigned int polls = 0; found == NOBODY; polls++) {
		let_others_run(polls);
		for (int t = 0; t < TASKS && found == NOBODY; t++) {
			if (m->doing[t] == PARKED && m->at[t] == channel &&
			    actor_finished(m->task[t]))
				found = t;
		}
	}
	for (int t = 0; t < TASKS; t++) {
		if (m->doing[t] == PARKED && m->at[t] == channel &&
		    before->eff[t] > before->eff[found])
			fail_msg("step %u: %s received before %s", m->step, m->task[found]->name,
				 m->task[t]->name);
	}
	m->doing[found] = IDLE;
	note_received(m, found, sender);
}

static bool has_parked_server(const struct model *m, int channel)
{
	for (int t = 0; t < TASKS; t++) {
		if (m->doing[t] == PARKED && m->at[t] == channel)
			return true;
	}
	return false;
}

static void step_send(struct model *m, int task, const struct prios *prios)
{
	int channel = pick(m, CHANNELS), intent = pick(m, 4) ? 1 + pick(m, 85) : 0;
	bool parked = has_parked_server(m, channel);

	if (!parked && model_is_cycle(m, task, model_servers(m, task, channel)))
		return;
	trace_step(m, task, "sends %d to %d", intent, channel);
	actor_sends(m->task[task], m->channel[channel], intent);
	m->doing[task] = SENDS;
	m->at[task] = channel;
	m->request[task] = (struct request){
		.intent = intent, .arrival = ++m->sends, .server = NOBODY,
	};
	if (parked)
		find_receiver(m, task, prios);
}

/*
 * A task serves the channel, and passes on what it inherits by that, before it takes a request. In a
 * cycle, as when it lends to a client's client, this raises requests of the same channel.
 */
static int begin_receive(struct model *m, int task, int channel)
{
	struct prios prios;

	m->serves[task][channel] = true;
	model_solve(m, &prios);
	return model_next_request(m, &prios, channel);
}

static void step_receive(struct model *m, int task, bool try)
{
	int channel = pick(m, CHANNELS), sender = begin_receive(m, task, channel);

	m->set[task][channel] += !try;
	trace_step(m, task, "%s from %d", try ? "tries to receive" : "receives", channel);
	if (sender != NOBODY) {
		actor_receive_by(m->task[task], m->channel[channel], try ? TRY_RECV2 : RECV2);
		note_received(m, task, sender);
	} else if (try) {
		actor_finds_nothing(m->task[task], m->channel[channel]);
	} else {
		actor_parks(m->task[task], m->channel[channel]);
		m->doing[task] = PARKED;
		m->at[task] = channel;
	}
}

/* The test's own thread replies if @task is not idle; the replier need not be the receiver. */
static void step_reply(struct model *m, int task)
{
	int sender = pick(m, TASKS);

	for (int n = 0; n < TASKS; n++) {
		if (m->doing[sender] == SENDS && m->request[sender].server != NOBODY &&
		    (pick(m, 2) || m->request[sender].server == task))
			break;
		sender = (sender + 1) % TASKS;
	}
	if (m->doing[sender] != SENDS || m->request[sender].server == NOBODY)
		return;
	trace_step(m, is_idle(m, task) ? task : NOBODY, "answers t%d", sender);
	if (is_idle(m, task))
		actor_answers(m->task[task], m->task[sender]);
	else
		answer(m->task[sender]);
	m->doing[sender] = IDLE;
}

/* ---- loans ---- */

static void step_unlend(struct model *m, int task)
{
	trace_step(m, task, "ends its loan");
	actor_unlends(m->task[task]);
	m->borrower[task] = NOBODY;
}

/* Without a priority there is no loan, except with the flag. */
static void step_lend(struct model *m, int task, const struct prios *prios)
{
	int to = pick(m, TASKS);
	uint32_t flags = pick(m, 2) ? LATER : 0;

	if (task == NOBODY)
		return;
	if (to == task || !pick(m, 3)) {
		step_unlend(m, task);
		return;
	}
	trace_step(m, task, "lends to t%d%s", to, flags ? ", later, too" : "");
	assert_ret(actor_lends_to(m->task[task], m->task[to]->tid, flags), 0);
	m->borrower[task] = flags || prios->eff[task] ? to : NOBODY;
	m->lends += m->borrower[task] != NOBODY;
}

/* ---- words ---- */

static int words[WORDS];

/* The task names an owner, or none. One that sleeps is not the owner any more. */
static void step_sleep(struct model *m, int task)
{
	int word = pick(m, WORDS), owner = pick(m, 4) ? (int)pick(m, TASKS) : NOBODY;
	uint32_t flags = pick(m, 2) ? TAKE_OVER : 0;

	if (owner == task || (owner != NOBODY && model_owner_makes_cycle(m, task, word, owner)))
		return;
	trace_step(m, task, "sleeps on word %d, names %d%s", word, owner,
		   flags ? ", takes over" : "");
	/* A new value makes it another call. Otherwise one that was interrupted would keep its turn. */
	words[word]++;
	actor_sleeps_on(m->task[task], &words[word], owner == NOBODY ? 0 : m->task[owner]->tid,
			flags);
	m->doing[task] = SLEEPS;
	m->at[task] = word;
	m->sleep[task] = (struct sleep){
		.names = owner != NOBODY, .takes_over = flags, .arrival = ++m->sleeps,
	};
	if (owner != NOBODY || m->owner[word] == task)
		m->owner[word] = owner;
}

/* One of the sleepers of the word has been woken, and must be @task. */
static void await_woken(struct model *m, int task, int word)
{
	for (unsigned int polls = 0; !actor_finished(m->task[task]); polls++) {
		let_others_run(polls);
		for (int t = 0; t < TASKS; t++) {
			if (model_sleeps_on(m, t, word) && actor_finished(m->task[t]))
				fail_msg("step %u: %s was woken before %s", m->step,
					 m->task[t]->name, m->task[task]->name);
		}
	}
	assert_ret(actor_finish(m->task[task]), 0);
}

/* The highest of the woken tasks that take over is the next owner, if others sleep there still. */
static void step_wake(struct model *m, const struct prios *prios)
{
	int word = pick(m, WORDS), owner = NOBODY;
	unsigned int count = 1 + pick(m, 3), woken[3], nr = 0;

	for (; nr < count; nr++) {
		int t = model_next_sleeper(m, prios, word);

		if (t == NOBODY)
			break;
		if (owner == NOBODY && m->sleep[t].takes_over)
			owner = t;
		woken[nr] = t;
		leave_word(m, t);
	}
	trace_step(m, NOBODY, "%u of at most %u on word %d are woken", nr, count, word);
	wake_some(m->f, &words[word], count, (int)nr);
	for (unsigned int i = 0; i < nr; i++)
		await_woken(m, woken[i], word);
	if (nr)
		m->owner[word] = model_next_sleeper(m, prios, word) == NOBODY ? NOBODY : owner;
}

/* ---- the choice of a step ---- */

/* Only of a task that inherits nothing: docs/pi.md says what the driver does not see otherwise. */
static void step_change_own_prio(struct model *m, int task, const struct prios *prios)
{
	struct actor *a = m->task[task];
	struct task_attr attr = NORMAL((int)pick(m, 10));

	if (prios->inherited[task] || m->borrower[task] != NOBODY)
		return;
	if (pick(m, 3))
		attr = pick(m, 2) ? FIFO(1 + pick(m, 79)) :
				    ATTR(.policy = SCHED_RR, .prio = 1 + pick(m, 79));
	trace_step(m, task, "is policy %u, priority %u from now on", attr.policy, attr.prio);
	assert_ret(task_set_attr(a->tid, attr), 0);
	assert_ret(task_get_state(a->tid, &a->unboosted), 0);
}

/* A step of an idle task, if there is one. */
static void step_idle_task(struct model *m, int task, const struct prios *prios)
{
	int kind = pick(m, 100);

	if (task == NOBODY)
		return;
	if (kind < 17)
		step_wait(m, task);
	else if (kind < 32)
		step_sleep(m, task);
	else if (kind < 34)
		step_recurse(m, task);
	else if (kind < 37)
		step_change_own_prio(m, task, prios);
	else if (kind < 54)
		step_unlock(m, task);
	else if (kind < 78)
		step_send(m, task, prios);
	else
		step_receive(m, task, kind >= 90);
}

static int pick_idle(struct model *m)
{
	int task = pick(m, TASKS);

	for (int n = 0; n < TASKS; n++) {
		if (is_idle(m, (task + n) % TASKS))
			return (task + n) % TASKS;
	}
	return NOBODY;
}

static void one_step(struct model *m)
{
	int task = pick(m, TASKS), kind = pick(m, 100);
	struct prios prios;

	model_solve(m, &prios);
	if (kind < 8)
		step_interrupt(m, task);
	else if (kind < 12)
		step_event(m);
	else if (kind < 15)
		step_kill(m, pick(m, MUTEXES));
	else if (kind < 36)
		step_reply(m, task);
	else if (kind < 44)
		step_lend(m, pick_idle(m), &prios);
	else if (kind < 52)
		step_wake(m, &prios);
	else
		step_idle_task(m, pick_idle(m), &prios);
	update_holders(m, &prios);
	model_compare(m);
}

static void set_up(struct model *m, struct fixture *f)
{
	static const char *const names[TASKS] = { "t0", "t1", "t2", "t3", "t4", "t5", "t6" };

	m->f = f;
	for (int t = 0; t < TASKS; t++) {
		m->task[t] = actor_new(f, names[t], start_as[t]);
		m->borrower[t] = NOBODY;
	}
	for (int i = 0; i < MUTEXES; i++) {
		m->mutex[i] = new_mutex(f, 0, 0);
		m->holder[i] = NOBODY;
	}
	for (int c = 0; c < CHANNELS; c++)
		m->channel[c] = pi_channel(f);
	for (int i = 0; i < WORDS; i++)
		m->owner[i] = NOBODY;
	m->event = new_auto(f, false);
}

static void release_all(struct model *m)
{
	for (int t = 0; t < TASKS; t++)
		step_interrupt(m, t);
	for (int i = 0; i < MUTEXES; i++)
		step_kill(m, i);
	for (int t = 0; t < TASKS; t++)
		step_unlend(m, t);
	pi_assert_exact(m->f);
}

static void random_steps(void **state)
{
	uint64_t seed = prng_seed();
	unsigned int steps = prng_steps(STEPS);
	struct model m = { .random = seed };

	only_ours((struct fixture *)*state, "no inheritance");
	print_message("# NTSYNC_PI_SEED=%llu, %u steps\n", (unsigned long long)seed, steps);
	set_up(&m, *state);
	for (m.step = 0; m.step < steps; m.step++) {
		one_step(&m);
		still_alive();
	}
	release_all(&m);
	print_message("# found %u tasks boosted, %u requests, %u loans, %u sleeps on words\n",
		      m.boosts, m.sends, m.lends, m.sleeps);
	/* A small part of what a run does on average (3.3, 1/16, 1/22 and 1/20 of its steps): a short run varies. */
	assert_true(m.boosts > steps / 4);
	assert_true(m.sends > steps / 100);
	assert_true(m.lends > steps / 200);
	assert_true(m.sleeps > steps / 200);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(random_steps),
	};

	return RUN(tests);
}
