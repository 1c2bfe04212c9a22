// SPDX-License-Identifier: GPL-2.0-only
/* Priority inheritance by and through tasks that sleep in AGGREGATE_WAIT. */
#include "channel.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#define AGG NTSYNC_IOC_AGGREGATE_WAIT

/* ---- the actors' waits ---- */

/**
 * struct agg_wait - an aggregate wait of an actor
 * @fd: an eventfd, always the last source
 * @seen: the actor's own parameters right after its wait
 * @releases_hog: it then releases the hog and works a little
 */
struct agg_wait {
	struct ntsync_aggregate_source sources[4];
	struct ntsync_aggregate_wait_args args;
	int fd;
	struct task_attr seen;
	bool releases_hog;
};

static int new_eventfd(struct fixture *f)
{
	return own_fd(f, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

/* For up to two objects, 0 = none, and an eventfd. */
static struct agg_wait new_wait(struct fixture *f, uint64_t timeout, int a, int b)
{
	struct agg_wait w = { .fd = new_eventfd(f), .args = { .timeout = timeout } };
	const int objs[] = { a, b };
	uint32_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(objs); i++) {
		if (objs[i])
			w.sources[n++] = (struct ntsync_aggregate_source){
				.type = NTSYNC_AGG_OBJECT, .fd = objs[i],
			};
	}
	w.sources[n++] = (struct ntsync_aggregate_source){
		.type = NTSYNC_AGG_FD, .events = POLLIN, .fd = w.fd,
	};
	w.args.nb_sources = n;
	return w;
}

/* A job. */
static int wait_aggregate(struct actor *a, void *arg)
{
	struct agg_wait *w = arg;
	int ret, seen;

	w->args.owner = a->owner;
	w->args.sources = (uintptr_t)w->sources;
	ret = nt(a->f->dev, AGG, &w->args);
	seen = task_get_attr(0, &w->seen);
	if (w->releases_hog) {
		hog_release();
		work_here();
	}
	return ret ? ret : seen;
}

static void actor_aggregates(struct actor *a, struct agg_wait *w)
{
	actor_tell(a, wait_aggregate, w);
	actor_assert_asleep_in(a, AGG);
}

static void make_file_ready(struct agg_wait *w)
{
	assert_int_equal(eventfd_write(w->fd, 1), 0);
}

static void assert_seen(const struct agg_wait *w, int policy, int prio)
{
	assert_int_equal(w->seen.policy, policy);
	assert_int_equal(w->seen.prio, prio);
}

/* ---- events ---- */

/* The next wait is an aggregate one for a file alone, which is not ready. */
static void assert_boost_ends_at_next_wait(struct actor *a)
{
	struct agg_wait w = new_wait(a->f, 0, 0, 0);

	assert_ret(actor_do(a, wait_aggregate, &w), -ETIMEDOUT);
	assert_unboosted(a);
	assert_true(arbiter_idle());
}

static void event_wakes_a_waiter_behind_a_hog(void **state)
{
	struct fixture *f = *state;
	struct actor *waiters[] = { actor_low(f, "waiter"), actor_new(f, "normal", NORMAL(0)) };

	only_ours(f, "no aggregate wait");
	for (size_t i = 0; i < ARRAY_SIZE(waiters); i++) {
		int event = new_auto(f, false);
		struct agg_wait w = new_wait(f, FOREVER, event, new_sem(f, 0, 1));

		actor_aggregates(waiters[i], &w);
		hog_release();
		assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
		assert_not_held_up(waiters[i], 0);
		assert_seen(&w, SCHED_FIFO, HIGH);
		assert_boosted(waiters[i], HIGH);
		assert_true(arbiter_has(waiters[i]->tid, "event", SCHED_FIFO, HIGH));
		assert_boost_ends_at_next_wait(waiters[i]);
	}
}

static void event_staged_before(void **state)
{
	static const uint64_t timeouts[] = { 0, FOREVER };
	struct fixture *f = *state;
	struct actor *waiter = actor_low(f, "waiter");
	int event = new_auto(f, false);

	only_ours(f, "no aggregate wait");
	for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
		struct agg_wait w = new_wait(f, timeouts[i], event, 0);

		assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
		w.releases_hog = true;
		actor_tell(waiter, wait_aggregate, &w);
		assert_not_held_up(waiter, 0);
		assert_seen(&w, SCHED_FIFO, HIGH);
		assert_boost_ends_at_next_wait(waiter);
	}
}

/* The file was ready first: the signal and its priority stay on the event. */
static void ended_by_the_file(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_low(f, "waiter");
	int event = new_auto(f, false);
	struct agg_wait w = new_wait(f, FOREVER, event, 0);

	only_ours(f, "no aggregate wait");
	actor_aggregates(waiter, &w);
	make_file_ready(&w);
	assert_ret(actor_finish(waiter), 0);
	assert_int_equal(w.args.fired_index, 1);
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_unboosted(waiter);
	assert_event(event, 0, 1);
}

/* The boost ends when the waiter enters its next wait, whatever that waits for. */
static void boost_ends_before_the_next_sleep(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_low(f, "waiter");
	int event = new_auto(f, false);
	struct agg_wait w = new_wait(f, 0, event, 0), next = new_wait(f, FOREVER, 0, 0);

	only_ours(f, "no aggregate wait");
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_do(waiter, wait_aggregate, &w), 0);
	assert_boosted(waiter, HIGH);
	actor_aggregates(waiter, &next);
	assert_unboosted(waiter);
	make_file_ready(&next);
	assert_ret(actor_finish(waiter), 0);
}

/* ---- mutexes ---- */

static void owner_is_boosted_behind_a_hog(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_low(f, "owner"), *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);
	struct agg_wait w = new_wait(f, FOREVER, mutex, new_sem(f, 0, 1));

	only_ours(f, "no aggregate wait");
	assert_ret(actor_locks(owner, mutex), 0);
	actor_aggregates(waiter, &w);
	assert_boosted(owner, HIGH);
	assert_true(arbiter_has(owner->tid, "mutex", SCHED_FIFO, HIGH));
	hog_release();
	actor_work_and_unlock(owner, mutex);
	assert_not_held_up(waiter, 0);
	assert_ret(actor_finish(owner), 0);
	assert_unboosted(owner);
	assert_mutex(mutex, waiter->owner, 1);
	assert_ret(actor_unlocks(waiter, mutex), 0);
}

enum way { BY_FILE, BY_OBJECT, BY_DEADLINE, BY_SIGNAL, WAYS };

static int end_wait(struct actor *waiter, struct agg_wait *w, enum way how, int sem)
{
	switch (how) {
	case BY_FILE:
		make_file_ready(w);
		return 0;
	case BY_OBJECT:
		release(sem, 1, 0);
		return 0;
	case BY_DEADLINE:
		return -ETIMEDOUT;
	default:
		pthread_kill(waiter->thread, SIGUSR2);
		return -EINTR;
	}
}

/* Whatever else ends the wait, the owner's boost ends with it. */
static void every_other_end_unboosts(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_low(f, "owner"), *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 0, 1);

	only_ours(f, "no aggregate wait");
	assert_ret(actor_locks(owner, mutex), 0);
	for (enum way way = 0; way < WAYS; way++) {
		uint64_t soon = monotonic_ns() + 300 * NS_PER_MS;
		struct agg_wait w = new_wait(f, way == BY_DEADLINE ? soon : FOREVER, mutex, sem);
		int want;

		actor_tell(waiter, wait_aggregate, &w);
		if (way != BY_DEADLINE) {
			actor_assert_asleep_in(waiter, AGG);
			assert_boosted(owner, HIGH);
		}
		want = end_wait(waiter, &w, way, sem);
		assert_ret(actor_finish(waiter), want);
		assert_unboosted(owner);
		assert_mutex(mutex, owner->owner, 1);
	}
	assert_ret(actor_unlocks(owner, mutex), 0);
}

/* Through sleepers in aggregate waits, in either order of arrival. */
static void chain(void **state)
{
	struct fixture *f = *state;
	struct actor *last = actor_low(f, "last"), *middle = actor_low(f, "middle");
	struct actor *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int held = new_mutex(f, 0, 0), wanted = new_mutex(f, 0, 0);

	only_ours(f, "no aggregate wait");
	for (int boosted_first = 0; boosted_first < 2; boosted_first++) {
		struct agg_wait m = new_wait(f, FOREVER, held, 0);
		struct agg_wait w = new_wait(f, FOREVER, wanted, 0);

		assert_ret(actor_locks(last, held), 0);
		assert_ret(actor_locks(middle, wanted), 0);
		if (boosted_first) {
			actor_aggregates(waiter, &w);
			actor_aggregates(middle, &m);
		} else {
			actor_aggregates(middle, &m);
			actor_aggregates(waiter, &w);
		}
		assert_boosted(middle, HIGH);
		assert_boosted(last, HIGH);
		/* The file ends the wait of the middle one, and with it the boost of the last. */
		make_file_ready(&m);
		assert_ret(actor_finish(middle), 0);
		assert_unboosted(last);
		assert_boosted(middle, HIGH);
		actor_pass_mutex(middle, waiter, wanted);
		assert_ret(actor_unlocks(waiter, wanted), 0);
		assert_ret(actor_unlocks(last, held), 0);
	}
}

/* A boosted sleeper overtakes those before it in the queue. */
static void boosted_while_asleep(void **state)
{
	struct fixture *f = *state;
	struct actor *first = actor_new(f, "first", FIFO(30)), *boosted = actor_low(f, "boosted");
	struct actor *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int sem = new_sem(f, 0, 2), mutex = new_mutex(f, 0, 0);
	struct agg_wait a = new_wait(f, FOREVER, sem, 0), b = new_wait(f, FOREVER, sem, 0);
	struct agg_wait w = new_wait(f, FOREVER, mutex, 0);

	only_ours(f, "no aggregate wait");
	assert_ret(actor_locks(boosted, mutex), 0);
	actor_aggregates(first, &a);
	actor_aggregates(boosted, &b);
	actor_aggregates(waiter, &w);
	release(sem, 1, 0);
	assert_ret(actor_finish(boosted), 0);
	actor_assert_asleep_in(first, AGG);
	actor_pass_mutex(boosted, waiter, mutex);
	assert_ret(actor_unlocks(waiter, mutex), 0);
	release(sem, 1, 0);
	assert_ret(actor_finish(first), 0);
}

/* ---- channels ---- */

/**
 * struct turn - one turn of a server, from its sleep to its reply
 * @woken, @received, @replied: its parameters right after the wait, the receive and the reply
 */
struct turn {
	struct agg_wait wait;
	int channel;
	unsigned long receive;
	struct task_attr woken, received, replied;
};

static int serve_once(struct actor *a, void *arg)
{
	struct turn *t = arg;
	struct ntsync_channel_recv2_args got;
	int ret = wait_aggregate(a, &t->wait);

	if (ret)
		return ret;
	t->woken = t->wait.seen;
	ret = nt(t->channel, t->receive, &got);
	if (ret)
		return ret;
	work_here();
	task_get_attr(0, &t->received);
	ret = reply_here(t->channel, got.entry_id);
	task_get_attr(0, &t->replied);
	return ret;
}

static void check_turn(struct fixture *f, struct actor *server, unsigned long receive)
{
	struct actor *client = actor_new(f, "client", FIFO(HIGH + 1));
	struct turn t = { .channel = pi_channel(f), .receive = receive };

	t.wait = new_wait(f, FOREVER, t.channel, 0);
	actor_tell(server, serve_once, &t);
	actor_assert_asleep_in(server, AGG);
	hog_release();
	actor_send(client, t.channel, HIGH);
	assert_not_held_up(client, 0);
	assert_ret(actor_finish(server), 0);
	assert_int_equal(t.woken.prio, HIGH);
	assert_int_equal(t.received.prio, HIGH);
	assert_int_equal(t.replied.policy, server->unboosted.attr.policy);
	assert_int_equal(t.replied.prio, server->unboosted.attr.prio);
	assert_unboosted(server);
	actor_exit(client);
}

static void from_wake_up_to_reply(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no aggregate wait");
	check_turn(f, actor_low(f, "server"), TRY_RECV2);
	check_turn(f, actor_low(f, "server"), RECV2);
	check_turn(f, actor_new(f, "server", NORMAL(3)), TRY_RECV2);
}

/* A new client that has sent and sleeps. */
static struct actor *send_as_new_client(struct fixture *f, int channel, uint32_t prio)
{
	struct actor *client = actor_client(f, "client");

	actor_sends(client, channel, prio);
	return client;
}

static void reply_to(struct actor *client)
{
	assert_ret(reply_here(client->channel, client->entry), 0);
}

/* The highest pending request counts; of those received, the highest that has no reply yet. */
static void highest_of_several(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *a, *b;
	struct agg_wait w;
	int channel;

	only_ours(f, "no aggregate wait");
	channel = pi_channel(f);
	w = new_wait(f, FOREVER, channel, 0);
	a = send_as_new_client(f, channel, 30);
	b = send_as_new_client(f, channel, 60);
	assert_ret(actor_do(server, wait_aggregate, &w), 0);
	assert_seen(&w, SCHED_FIFO, 60);
	actor_drains(server, channel, b);
	assert_boosted(server, 60);
	actor_drains(server, channel, a);
	assert_boosted(server, 60);
	reply_to(b);
	assert_boosted(server, 30);
	reply_to(a);
	assert_unboosted(server);
	assert_ret(actor_finish(a), 0);
	assert_ret(actor_finish(b), 0);
}

/*
 * While it waits for a file the server still works on the requests that have no reply yet: they
 * count.
 */
static void work_in_progress_counts_in_a_sleep(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *client, *higher;
	struct agg_wait w;
	int channel;

	only_ours(f, "no aggregate wait");
	channel = pi_channel(f);
	w = new_wait(f, FOREVER, channel, 0);
	client = send_as_new_client(f, channel, 60);
	actor_drains(server, channel, client);
	actor_aggregates(server, &w);
	assert_boosted(server, 60);
	hog_release();
	make_file_ready(&w);
	assert_not_held_up(server, 0);
	assert_int_equal(w.args.fired_index, 1);
	assert_seen(&w, SCHED_FIFO, 60);
	/* Another request arrives while it sleeps: it wakes with the higher priority of the two. */
	assert_int_equal(eventfd_read(w.fd, &(eventfd_t){ 0 }), 0);
	actor_aggregates(server, &w);
	higher = send_as_new_client(f, channel, 70);
	assert_ret(actor_finish(server), 0);
	assert_int_equal(w.args.fired_index, 0);
	assert_seen(&w, SCHED_FIFO, 70);
	actor_drains(server, channel, higher);
	reply_to(higher);
	assert_boosted(server, 60);
	reply_to(client);
	assert_unboosted(server);
	assert_ret(actor_finish(client), 0);
	assert_ret(actor_finish(higher), 0);
}

/* A request that is withdrawn ends its boost. */
static void withdrawn_after_the_notification(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *client;
	struct agg_wait w;
	int channel;

	only_ours(f, "no aggregate wait");
	channel = pi_channel(f);
	w = new_wait(f, FOREVER, channel, 0);
	actor_aggregates(server, &w);
	client = send_as_new_client(f, channel, 60);
	assert_ret(actor_finish(server), 0);
	assert_boosted(server, 60);
	actor_interrupt(client);
	assert_unboosted(server);
	actor_finds_nothing(server, channel);
}

/* The server that was woken for the request exits: the other one is woken, and inherits. */
static void notification_passed_on(void **state)
{
	struct fixture *f = *state;
	struct actor *first = actor_new(f, "first", FIFO(LOW + 1));
	struct actor *second = actor_low(f, "second");
	struct actor *client;
	struct agg_wait a, b;
	int channel;

	only_ours(f, "no aggregate wait");
	channel = pi_channel(f);
	a = new_wait(f, FOREVER, channel, 0);
	b = new_wait(f, FOREVER, channel, 0);
	actor_aggregates(first, &a);
	actor_aggregates(second, &b);
	client = send_as_new_client(f, channel, 60);
	assert_ret(actor_finish(first), 0);
	actor_exit(first);
	assert_ret(actor_finish(second), 0);
	assert_seen(&b, SCHED_FIFO, 60);
	actor_drains(second, channel, client);
	reply_to(client);
	assert_ret(actor_finish(client), 0);
	assert_unboosted(second);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(event_wakes_a_waiter_behind_a_hog),
		PI_TEST(event_staged_before),
		PI_TEST(ended_by_the_file),
		PI_TEST(boost_ends_before_the_next_sleep),
		PI_TEST(owner_is_boosted_behind_a_hog),
		PI_TEST(every_other_end_unboosts),
		PI_TEST(chain),
		PI_TEST(boosted_while_asleep),
		PI_TEST(from_wake_up_to_reply),
		PI_TEST(highest_of_several),
		PI_TEST(work_in_progress_counts_in_a_sleep),
		PI_TEST(withdrawn_after_the_notification),
		PI_TEST(notification_passed_on),
	};

	return RUN(tests);
}
