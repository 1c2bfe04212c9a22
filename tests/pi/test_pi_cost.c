// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inheritance costs nothing where there is nothing to inherit: however much normal tasks contend,
 * the arbiter walks no chain and sets nothing.
 */
#include "channel.h"
#include "prng.h"

#include <signal.h>

#define ROUNDS 2000
#define CONTENDED 100

static const char *const counters[] = { "pi_walks", "pi_sets", "pi_boosts" };

struct cost {
	long long before[ARRAY_SIZE(counters)];
};

static struct cost read_counters(void)
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

static int lock_pair(struct actor *a, int mutex, unsigned long request)
{
	struct ntsync_wait_args args = ARGS(FDS(mutex), .owner = a->owner, .timeout = FOREVER);
	int ret = nt(a->f->dev, request, &args);

	return ret ? ret : unlock_here(a, mutex);
}

static int lock_both(struct actor *a, const struct objects *o)
{
	struct ntsync_wait_args args = ARGS(FDS(o->mutex[0], o->mutex[1]), .owner = a->owner,
					    .timeout = FOREVER);
	int ret = nt(a->f->dev, ALL, &args);

	if (!ret)
		ret = unlock_here(a, o->mutex[0]);
	return ret ? ret : unlock_here(a, o->mutex[1]);
}

static int use_others(struct actor *a, const struct objects *o)
{
	uint32_t word = 1;
	int ret = wait_any_here(a, o->sem, FOREVER);

	if (!ret)
		ret = nt(o->sem, NTSYNC_IOC_SEM_RELEASE, &word);
	if (!ret)
		ret = wait_any_here(a, o->event, FOREVER);
	return ret ? ret : nt(o->event, NTSYNC_IOC_EVENT_SET, &word);
}

static int hammer_objects(struct actor *a, void *arg)
{
	const struct objects *o = arg;
	unsigned int rounds = prng_steps(ROUNDS);
	int ret = 0;

	for (unsigned int i = 0; !ret && i < rounds; i++) {
		ret = lock_pair(a, o->mutex[i % 2], i % 3 ? ANY : ALL);
		if (!ret)
			ret = lock_both(a, o);
		if (!ret)
			ret = use_others(a, o);
	}
	return ret;
}

static void check_alone(struct fixture *f, struct task_attr attr)
{
	struct actor *a = actor_new(f, "alone", attr);
	struct objects o = new_objects(f);
	struct cost cost = read_counters();

	assert_ret(actor_do(a, hammer_objects, &o), 0);
	assert_no_cost(&cost);
}

static void uncontended(void **state)
{
	only_ours((struct fixture *)*state, "no counters");
	check_alone(*state, NORMAL(0));
}

/* Without a waiter the priority of the owner does not matter. */
static void uncontended_real_time(void **state)
{
	only_ours((struct fixture *)*state, "no counters");
	check_alone(*state, FIFO(HIGH));
}

static void contended_by_normal_tasks(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f);
	struct actor *waiter = actor_new(f, "waiter", NORMAL(-10));
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);
	struct cost cost;

	only_ours(f, "no counters");
	cost = read_counters();
	for (int i = 0; i < CONTENDED; i++) {
		assert_ret(actor_locks(holder, mutex), 0);
		if (i % 2)
			actor_wait(waiter, ANY, ARGS(FDS(mutex, event), .timeout = FOREVER));
		else
			actor_wait(waiter, ALL, ARGS(FDS(mutex), .timeout = FOREVER));
		actor_assert_asleep(waiter);
		actor_pass_mutex(holder, waiter, mutex);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
	assert_no_cost(&cost);
}

static void normal_waiters_of_a_real_time_holder(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_new(f, "holder", FIFO(HIGH));
	struct actor *waiter = actor_new(f, "waiter", NORMAL(0));
	int mutex = new_mutex(f, 0, 0);
	struct cost cost;

	only_ours(f, "no counters");
	cost = read_counters();
	for (int i = 0; i < CONTENDED; i++) {
		assert_ret(actor_locks(holder, mutex), 0);
		actor_block_on(waiter, mutex);
		if (i % 2) {
			actor_interrupt(waiter);
			assert_ret(actor_unlocks(holder, mutex), 0);
			continue;
		}
		actor_pass_mutex(holder, waiter, mutex);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
	assert_no_cost(&cost);
}

/* On all CPUs, contending for the same objects. */
static void hammered_by_normal_tasks(void **state)
{
	struct fixture *f = *state;
	struct actor *tasks[4];
	struct objects o = new_objects(f);
	struct cost cost;

	only_ours(f, "no counters");
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		tasks[i] = actor_roaming(f, "normal", NORMAL(i));
	cost = read_counters();
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		actor_tell(tasks[i], hammer_objects, &o);
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		assert_ret(actor_finish(tasks[i]), 0);
	assert_no_cost(&cost);
}

/* ---- channels ---- */

#define STOP UINT64_MAX

/* Until a request says to stop. */
static int answer_requests(struct actor *a, void *arg)
{
	int channel = *(int *)arg, ret;

	do {
		ret = receive_here(channel, &a->got);
		if (!ret)
			ret = reply_here(channel, a->got.entry_id);
	} while (!ret && a->got.payload_off != STOP);
	return ret;
}

static int send_requests(struct actor *a, void *arg)
{
	unsigned int rounds = prng_steps(ROUNDS);
	int ret = 0;

	(void)a;
	for (unsigned int i = 0; !ret && i < rounds; i++)
		ret = send_here(*(int *)arg, 0);
	return ret;
}

/* As many as there are servers: each of them stops at the first one that it receives. */
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
	struct actor *server[SERVERS], *client[CLIENTS];
	int channel = pi_channel(f);
	struct cost cost;

	for (int i = 0; i < clients; i++)
		client[i] = actor_roaming(f, "client", attr);
	/* Each server receives once before: its first receive allocates its record. */
	for (int i = 0; i < servers; i++) {
		server[i] = actor_roaming(f, "server", NORMAL(0));
		actor_finds_nothing(server[i], channel);
	}
	cost = read_counters();
	for (int i = 0; i < servers; i++)
		actor_tell(server[i], answer_requests, &channel);
	for (int i = 0; i < clients; i++)
		actor_tell(client[i], send_requests, &channel);
	for (int i = 0; i < clients; i++)
		assert_ret(actor_finish(client[i]), 0);
	assert_no_cost(&cost);
	stop_servers(server, servers, channel);
}

static void requests_without_priority(void **state)
{
	only_ours((struct fixture *)*state, "no counters");
	check_channel(*state, 1, 1, NORMAL(0));
	/* The clients' own priority does not matter. */
	check_channel(*state, 1, 1, FIFO(LOW));
}

/* Servers are parked or busy, and requests are pending at times. */
static void many_requests_without_priority(void **state)
{
	only_ours((struct fixture *)*state, "no counters");
	check_channel(*state, SERVERS, CLIENTS, NORMAL(0));
}

static void requests_with_priority_count(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_new(f, "server", NORMAL(0));
	struct actor *client = actor_client(f, "client");
	int channel = pi_channel(f);
	struct cost cost;

	only_ours(f, "no counters");
	actor_finds_nothing(server, channel);
	cost = read_counters();
	actor_sends(client, channel, HIGH);
	actor_receives(server, channel, client);
	actor_answers(server, client);
	assert_true(arbiter_stat("pi_walks") > cost.before[0]);
	assert_true(arbiter_stat("pi_boosts") > cost.before[2]);
}

/* The counters work: a real-time waiter raises them all. */
static void counters_move(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_normal(f);
	struct actor *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);
	struct cost cost;

	only_ours(f, "no counters");
	cost = read_counters();
	assert_ret(actor_locks(holder, mutex), 0);
	actor_block_on(waiter, mutex);
	actor_pass_mutex(holder, waiter, mutex);
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
