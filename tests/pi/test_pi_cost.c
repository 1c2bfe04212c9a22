// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inheritance costs nothing where there is nothing to inherit: there is no chain walk, and
 * nothing is set, however much normal tasks contend.
 */
#include "channel.h"

#include <signal.h>

#define ROUNDS 2000
#define CONTENDED 100

static const char *const counters[] = { "pi_walks", "pi_sets", "pi_boosts" };

struct cost {
	long long before[ARRAY_SIZE(counters)];
};

static struct cost cost_begin(void)
{
	struct cost cost;

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		cost.before[i] = arbiter_stat(counters[i]);
		assert_true(cost.before[i] >= 0);
	}
	return cost;
}

static void assert_no_cost(const struct cost *cost)
{
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		long long more = arbiter_stat(counters[i]) - cost->before[i];

		if (more)
			print_error("%s: %lld more\n", counters[i], more);
		ok &= !more;
	}
	assert_true(ok);
	assert_true(arbiter_idle());
}

struct objects {
	int mutex[2], sem, event;
};

static struct objects new_objects(struct fixture *f)
{
	return (struct objects){ { new_mutex(f, 0, 0), new_mutex(f, 0, 0) },
				 new_sem(f, 1, 1), new_auto(f, true) };
}

static int pair(struct actor *a, int mutex, unsigned long request)
{
	struct ntsync_wait_args args = ARGS(FDS(mutex), .owner = a->owner, .timeout = FOREVER);
	int ret = nt(a->f->dev, request, &args);

	return ret ? ret : unlock_here(a, mutex);
}

static int both(struct actor *a, const struct objects *o)
{
	struct ntsync_wait_args args = ARGS(FDS(o->mutex[0], o->mutex[1]), .owner = a->owner,
					    .timeout = FOREVER);
	int ret = nt(a->f->dev, ALL, &args);

	if (!ret)
		ret = unlock_here(a, o->mutex[0]);
	return ret ? ret : unlock_here(a, o->mutex[1]);
}

static int others(struct actor *a, const struct objects *o)
{
	uint32_t word = 1;
	int ret = wait_any_here(a, o->sem, FOREVER);

	if (!ret)
		ret = nt(o->sem, NTSYNC_IOC_SEM_RELEASE, &word);
	if (!ret)
		ret = wait_any_here(a, o->event, FOREVER);
	return ret ? ret : nt(o->event, NTSYNC_IOC_EVENT_SET, &word);
}

static int hammer(struct actor *a, void *arg)
{
	const struct objects *o = arg;
	int ret = 0;

	for (int i = 0; !ret && i < ROUNDS; i++) {
		ret = pair(a, o->mutex[i % 2], i % 3 ? ANY : ALL);
		if (!ret)
			ret = both(a, o);
		if (!ret)
			ret = others(a, o);
	}
	return ret;
}

static void check_alone(struct fixture *f, struct task_attr attr)
{
	struct actor *a = actor_new(f, "alone", attr);
	struct objects o = new_objects(f);
	struct cost cost = cost_begin();

	assert_ret(actor_do(a, hammer, &o), 0);
	assert_no_cost(&cost);
}

static void uncontended(void **state)
{
	only_ours((struct fixture *)*state, "no counters");
	check_alone(*state, NORMAL(0));
}

/* Nobody waits for it, so its priority is of no interest to anybody. */
static void uncontended_real_time(void **state)
{
	only_ours((struct fixture *)*state, "no counters");
	check_alone(*state, FIFO(HIGH));
}

static void contended_by_normal_tasks(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_new(f, "holder", NORMAL(0));
	struct actor *waiter = actor_new(f, "waiter", NORMAL(-10));
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);
	struct cost cost;

	only_ours(f, "no counters");
	cost = cost_begin();
	for (int i = 0; i < CONTENDED; i++) {
		assert_ret(actor_locks(holder, mutex), 0);
		if (i % 2)
			actor_wait(waiter, ANY, ARGS(FDS(mutex, event), .timeout = FOREVER));
		else
			actor_wait(waiter, ALL, ARGS(FDS(mutex), .timeout = FOREVER));
		actor_assert_asleep(waiter);
		assert_ret(actor_unlocks(holder, mutex), 0);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
	assert_no_cost(&cost);
}

/* A real-time holder, and only normal tasks that wait for it. */
static void normal_waiters_of_a_real_time_holder(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_new(f, "holder", FIFO(HIGH));
	struct actor *waiter = actor_new(f, "waiter", NORMAL(0));
	int mutex = new_mutex(f, 0, 0);
	struct cost cost;

	only_ours(f, "no counters");
	cost = cost_begin();
	for (int i = 0; i < CONTENDED; i++) {
		assert_ret(actor_locks(holder, mutex), 0);
		actor_lock(waiter, mutex);
		actor_assert_asleep(waiter);
		if (i % 2) {
			pthread_kill(waiter->thread, SIGUSR2);
			assert_ret(actor_finish(waiter), -EINTR);
			assert_ret(actor_unlocks(holder, mutex), 0);
			continue;
		}
		assert_ret(actor_unlocks(holder, mutex), 0);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
	assert_no_cost(&cost);
}

/* On all CPUs, and on purpose in each other's way. */
static void hammered_by_normal_tasks(void **state)
{
	struct fixture *f = *state;
	struct actor *tasks[4];
	struct objects o = new_objects(f);
	struct cost cost;

	only_ours(f, "no counters");
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		tasks[i] = actor_roaming(f, "normal", NORMAL(i));
	cost = cost_begin();
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		actor_tell(tasks[i], hammer, &o);
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		assert_ret(actor_finish(tasks[i]), 0);
	assert_no_cost(&cost);
}

/* ---- channels ---- */

#define STOP UINT64_MAX

/* Until it is told to stop. */
static int answer_all(struct actor *a, void *arg)
{
	int channel = *(int *)arg, ret;

	do {
		ret = receive_here(channel, &a->got);
		if (!ret)
			ret = reply_here(channel, a->got.entry_id);
	} while (!ret && a->got.payload_off != STOP);
	return ret;
}

static int ask(struct actor *a, void *arg)
{
	int ret = 0;

	(void)a;
	for (int i = 0; !ret && i < ROUNDS; i++)
		ret = send_here(*(int *)arg, 0);
	return ret;
}

/* Each takes one of these, whichever that is. */
static void stop_servers(struct actor **server, int servers, int channel)
{
	struct ntsync_channel_send_args args = { .payload_off = STOP };

	for (int i = 0; i < servers; i++)
		assert_ret(nt(channel, SEND, &args), 0);
	for (int i = 0; i < servers; i++)
		assert_ret(actor_finish(server[i]), 0);
}

#define SERVERS 2
#define CLIENTS 3

static void check_channel(struct fixture *f, int servers, int clients, struct task_attr attr)
{
	struct actor *server[SERVERS], *asker[CLIENTS];
	int channel = stage_channel(f);
	struct cost cost;

	for (int i = 0; i < clients; i++)
		asker[i] = actor_roaming(f, "client", attr);
	/* Each has received once: that is where a server gets what it needs, once. */
	for (int i = 0; i < servers; i++) {
		server[i] = actor_roaming(f, "server", NORMAL(0));
		actor_finds_nothing(server[i], channel);
	}
	cost = cost_begin();
	for (int i = 0; i < servers; i++)
		actor_tell(server[i], answer_all, &channel);
	for (int i = 0; i < clients; i++)
		actor_tell(asker[i], ask, &channel);
	for (int i = 0; i < clients; i++)
		assert_ret(actor_finish(asker[i]), 0);
	assert_no_cost(&cost);
	stop_servers(server, servers, channel);
}

static void requests_without_priority(void **state)
{
	only_ours((struct fixture *)*state, "no counters");
	check_channel(*state, 1, 1, NORMAL(0));
	/* What the clients are is of no interest. */
	check_channel(*state, 1, 1, FIFO(LOW));
}

/* Parked and busy servers, and requests that have to wait. */
static void many_requests_without_priority(void **state)
{
	only_ours((struct fixture *)*state, "no counters");
	check_channel(*state, SERVERS, CLIENTS, NORMAL(0));
}

static void requests_with_priority_count(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_new(f, "server", NORMAL(0));
	struct actor *asker = actor_new(f, "client", NORMAL(0));
	int channel = stage_channel(f);
	struct cost cost;

	only_ours(f, "no counters");
	actor_finds_nothing(server, channel);
	cost = cost_begin();
	actor_sends(asker, channel, HIGH);
	actor_receives(server, channel, asker);
	actor_answers(server, asker);
	assert_true(arbiter_stat("pi_walks") > cost.before[0]);
	assert_true(arbiter_stat("pi_boosts") > cost.before[2]);
}

/* And the counters count: the same with a real-time waiter moves them all. */
static void counters_move(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_new(f, "holder", NORMAL(0));
	struct actor *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);
	struct cost cost;

	only_ours(f, "no counters");
	cost = cost_begin();
	assert_ret(actor_locks(holder, mutex), 0);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		assert_true(arbiter_stat(counters[i]) > cost.before[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(uncontended),
		PI_TEST(uncontended_real_time),
		PI_TEST(contended_by_normal_tasks),
		PI_TEST(normal_waiters_of_a_real_time_holder),
		PI_TEST(hammered_by_normal_tasks),
		PI_TEST(counters_move),
		PI_TEST(requests_without_priority),
		PI_TEST(many_requests_without_priority),
		PI_TEST(requests_with_priority_count),
	};

	return RUN(tests);
}
