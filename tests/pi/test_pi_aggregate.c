// SPDX-License-Identifier: GPL-2.0-only
/* Priority inheritance of those who sleep in AGGREGATE_WAIT, and through them. */
#include "inversion.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#define AGG NTSYNC_IOC_AGGREGATE_WAIT
#define SEND NTSYNC_IOC_CHANNEL_SEND_PI
#define RECV2 NTSYNC_IOC_CHANNEL_RECV2
#define TRY_RECV2 NTSYNC_IOC_CHANNEL_TRY_RECV2

/* ---- the actors' waits ---- */

/**
 * struct agg - an aggregate wait of an actor
 * @fd: an eventfd, always the last source
 * @seen: what the actor itself sees right after its wait
 * @releases_hog: and before it works a little
 */
struct agg {
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

/* For up to three objects, 0 = none, and an eventfd. */
static struct agg wait_for(struct fixture *f, uint64_t timeout, int a, int b)
{
	struct agg w = { .fd = new_eventfd(f), .args = { .timeout = timeout } };
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

/* An order. */
static int aggregate(struct actor *a, void *arg)
{
	struct agg *w = arg;
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

static void actor_aggregates(struct actor *a, struct agg *w)
{
	actor_tell(a, aggregate, w);
	actor_assert_asleep_in(a, AGG);
}

static void fire(struct agg *w)
{
	assert_int_equal(eventfd_write(w->fd, 1), 0);
}

static void assert_seen(const struct agg *w, int policy, int prio)
{
	assert_int_equal(w->seen.policy, policy);
	assert_int_equal(w->seen.prio, prio);
}

/* ---- events ---- */

static int set_pi(int event, uint32_t prio)
{
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = prio };

	return nt(event, NTSYNC_IOC_EVENT_SET_PI, &args);
}

/* An aggregate wait for a file alone, which is not ready. */
static void ends_with_the_next(struct actor *a)
{
	struct agg w = wait_for(a->f, 0, 0, 0);

	assert_ret(actor_do(a, aggregate, &w), -ETIMEDOUT);
	assert_base(a);
	assert_true(arbiter_idle());
}

static void event_wakes_a_waiter_behind_a_hog(void **state)
{
	struct fixture *f = *state;
	struct actor *waiters[] = { actor_low(f, "waiter"), actor_new(f, "normal", NORMAL(0)) };

	only_ours(f, "no aggregate wait");
	for (size_t i = 0; i < ARRAY_SIZE(waiters); i++) {
		int event = new_auto(f, false);
		struct agg w = wait_for(f, FOREVER, event, new_sem(f, 0, 1));

		actor_aggregates(waiters[i], &w);
		hog_release();
		assert_ret(set_pi(event, HIGH), 0);
		assert_not_held_up(waiters[i], 0);
		assert_seen(&w, SCHED_FIFO, HIGH);
		assert_boosted(waiters[i], HIGH);
		assert_true(arbiter_has(waiters[i]->tid, "event", SCHED_FIFO, HIGH));
		ends_with_the_next(waiters[i]);
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
		struct agg w = wait_for(f, timeouts[i], event, 0);

		assert_ret(set_pi(event, HIGH), 0);
		w.releases_hog = true;
		actor_tell(waiter, aggregate, &w);
		assert_not_held_up(waiter, 0);
		assert_seen(&w, SCHED_FIFO, HIGH);
		ends_with_the_next(waiter);
	}
}

/* The file was first: the signal and what came with it stay on the event. */
static void ended_by_the_file(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_low(f, "waiter");
	int event = new_auto(f, false);
	struct agg w = wait_for(f, FOREVER, event, 0);

	only_ours(f, "no aggregate wait");
	actor_aggregates(waiter, &w);
	fire(&w);
	assert_ret(actor_finish(waiter), 0);
	assert_int_equal(w.args.fired_index, 1);
	assert_ret(set_pi(event, HIGH), 0);
	assert_base(waiter);
	assert_event(event, 0, 1);
}

/* Over when it enters its next wait, whatever that waits for. */
static void boost_ends_before_the_next_sleep(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_low(f, "waiter");
	int event = new_auto(f, false);
	struct agg w = wait_for(f, 0, event, 0), next = wait_for(f, FOREVER, 0, 0);

	only_ours(f, "no aggregate wait");
	assert_ret(set_pi(event, HIGH), 0);
	assert_ret(actor_do(waiter, aggregate, &w), 0);
	assert_boosted(waiter, HIGH);
	actor_aggregates(waiter, &next);
	assert_base(waiter);
	fire(&next);
	assert_ret(actor_finish(waiter), 0);
}

/* ---- mutexes ---- */

static void owner_is_boosted_behind_a_hog(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_low(f, "owner"), *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);
	struct agg w = wait_for(f, FOREVER, mutex, new_sem(f, 0, 1));

	only_ours(f, "no aggregate wait");
	assert_ret(actor_locks(owner, mutex), 0);
	actor_aggregates(waiter, &w);
	assert_boosted(owner, HIGH);
	assert_true(arbiter_has(owner->tid, "mutex", SCHED_FIFO, HIGH));
	hog_release();
	actor_work_and_unlock(owner, mutex);
	assert_not_held_up(waiter, 0);
	assert_ret(actor_finish(owner), 0);
	assert_base(owner);
	assert_mutex(mutex, waiter->owner, 1);
	assert_ret(actor_unlocks(waiter, mutex), 0);
}

enum way { BY_FILE, BY_OBJECT, BY_DEADLINE, BY_SIGNAL, WAYS };

static int end_wait(struct actor *waiter, struct agg *w, enum way how, int sem)
{
	switch (how) {
	case BY_FILE:
		fire(w);
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

/* Whatever ends the wait, the owner has nothing of it afterwards. */
static void every_other_end_unboosts(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_low(f, "owner"), *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 0, 1);

	only_ours(f, "no aggregate wait");
	assert_ret(actor_locks(owner, mutex), 0);
	for (enum way way = 0; way < WAYS; way++) {
		uint64_t soon = monotonic_ns() + 300 * NS_PER_MS;
		struct agg w = wait_for(f, way == BY_DEADLINE ? soon : FOREVER, mutex, sem);
		int want;

		actor_tell(waiter, aggregate, &w);
		if (way != BY_DEADLINE) {
			actor_assert_asleep_in(waiter, AGG);
			assert_boosted(owner, HIGH);
		}
		want = end_wait(waiter, &w, way, sem);
		assert_ret(actor_finish(waiter), want);
		assert_base(owner);
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
		struct agg m = wait_for(f, FOREVER, held, 0), w = wait_for(f, FOREVER, wanted, 0);

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
		/* The middle one goes away by its file: the last has nothing any more. */
		fire(&m);
		assert_ret(actor_finish(middle), 0);
		assert_base(last);
		assert_boosted(middle, HIGH);
		assert_ret(actor_unlocks(middle, wanted), 0);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, wanted), 0);
		assert_ret(actor_unlocks(last, held), 0);
	}
}

/* A sleeper that is boosted is served before those whom it has overtaken. */
static void boosted_while_asleep(void **state)
{
	struct fixture *f = *state;
	struct actor *first = actor_new(f, "first", FIFO(30)), *boosted = actor_low(f, "boosted");
	struct actor *waiter = actor_new(f, "waiter", FIFO(HIGH));
	int sem = new_sem(f, 0, 2), mutex = new_mutex(f, 0, 0);
	struct agg a = wait_for(f, FOREVER, sem, 0), b = wait_for(f, FOREVER, sem, 0);
	struct agg w = wait_for(f, FOREVER, mutex, 0);

	only_ours(f, "no aggregate wait");
	assert_ret(actor_locks(boosted, mutex), 0);
	actor_aggregates(first, &a);
	actor_aggregates(boosted, &b);
	actor_aggregates(waiter, &w);
	release(sem, 1, 0);
	assert_ret(actor_finish(boosted), 0);
	actor_assert_asleep_in(first, AGG);
	assert_ret(actor_unlocks(boosted, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
	assert_ret(actor_unlocks(waiter, mutex), 0);
	release(sem, 1, 0);
	assert_ret(actor_finish(first), 0);
}

/* ---- channels ---- */

static int new_channel(struct fixture *f)
{
	struct ntsync_channel_create_args args = { .max_depth = 8 };

	return own_fd(f, nt(f->dev, NTSYNC_IOC_CREATE_CHANNEL, &args));
}

struct request {
	int channel;
	uint32_t prio;
};

static int do_send(struct actor *a, void *arg)
{
	const struct request *r = arg;
	struct ntsync_channel_send_args args = { .policy = SCHED_FIFO, .prio = r->prio };

	(void)a;
	return nt(r->channel, SEND, &args);
}

/**
 * struct turn - one turn of a server, from its sleep to its reply
 * @woken: what it is right after the wait; likewise the others
 */
struct turn {
	struct agg wait;
	int channel;
	unsigned long receive;
	struct task_attr woken, received, replied;
};

static int serve(struct actor *a, void *arg)
{
	struct turn *t = arg;
	struct ntsync_channel_recv2_args got;
	int ret = aggregate(a, &t->wait);

	if (ret)
		return ret;
	t->woken = t->wait.seen;
	ret = nt(t->channel, t->receive, &got);
	if (ret)
		return ret;
	work_here();
	task_get_attr(0, &t->received);
	ret = nt(t->channel, NTSYNC_IOC_CHANNEL_REPLY, &got.entry_id);
	task_get_attr(0, &t->replied);
	return ret;
}

static void check_turn(struct fixture *f, struct actor *server, unsigned long receive)
{
	struct actor *client = actor_new(f, "client", FIFO(HIGH + 1));
	struct turn t = { .channel = new_channel(f), .receive = receive };
	struct request request = { t.channel, HIGH };

	t.wait = wait_for(f, FOREVER, t.channel, 0);
	actor_tell(server, serve, &t);
	actor_assert_asleep_in(server, AGG);
	hog_release();
	actor_tell(client, do_send, &request);
	assert_not_held_up(client, 0);
	assert_ret(actor_finish(server), 0);
	assert_int_equal(t.woken.prio, HIGH);
	assert_int_equal(t.received.prio, HIGH);
	assert_int_equal(t.replied.policy, server->base.attr.policy);
	assert_int_equal(t.replied.prio, server->base.attr.prio);
	assert_base(server);
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

/* One step at a time for the others: a client that has sent and sleeps. */
static struct actor *client_sends(struct fixture *f, struct request *request)
{
	struct actor *client = actor_new(f, "client", NORMAL(0));

	actor_tell(client, do_send, request);
	actor_assert_asleep_in(client, SEND);
	return client;
}

static struct ntsync_channel_recv2_args got;

static int do_drain(struct actor *a, void *arg)
{
	(void)a;
	return nt(*(int *)arg, TRY_RECV2, &got);
}

static uint64_t drains(struct actor *server, int channel, uint32_t prio)
{
	assert_ret(actor_do(server, do_drain, &channel), 0);
	assert_int_equal(got.prio, prio);
	return got.entry_id;
}

static void answer(int channel, uint64_t id)
{
	assert_ret(nt(channel, NTSYNC_IOC_CHANNEL_REPLY, &id), 0);
}

/* Of what is pending the best counts, of what was drained the best that is not answered. */
static void best_of_several(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *a, *b;
	struct request of_a, of_b;
	struct agg w;
	uint64_t high, middle;
	int channel;

	only_ours(f, "no aggregate wait");
	channel = new_channel(f);
	of_a = (struct request){ channel, 30 };
	of_b = (struct request){ channel, 60 };
	w = wait_for(f, FOREVER, channel, 0);
	a = client_sends(f, &of_a);
	b = client_sends(f, &of_b);
	assert_ret(actor_do(server, aggregate, &w), 0);
	assert_seen(&w, SCHED_FIFO, 60);
	high = drains(server, channel, 60);
	assert_boosted(server, 60);
	middle = drains(server, channel, 30);
	assert_boosted(server, 60);
	answer(channel, high);
	assert_boosted(server, 30);
	answer(channel, middle);
	assert_base(server);
	assert_ret(actor_finish(a), 0);
	assert_ret(actor_finish(b), 0);
}

/* What it has not answered counts while it waits for a file: it works on it. */
static void work_in_progress_counts_in_a_sleep(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *client, *better;
	struct request request, another;
	struct agg w;
	uint64_t id, more;
	int channel;

	only_ours(f, "no aggregate wait");
	channel = new_channel(f);
	request = (struct request){ channel, 60 };
	another = (struct request){ channel, 70 };
	w = wait_for(f, FOREVER, channel, 0);
	client = client_sends(f, &request);
	id = drains(server, channel, 60);
	actor_aggregates(server, &w);
	assert_boosted(server, 60);
	hog_release();
	fire(&w);
	assert_not_held_up(server, 0);
	assert_int_equal(w.args.fired_index, 1);
	assert_seen(&w, SCHED_FIFO, 60);
	/* Another request while it sleeps: it wakes with what is the best of both. */
	assert_int_equal(eventfd_read(w.fd, &(eventfd_t){ 0 }), 0);
	actor_aggregates(server, &w);
	better = client_sends(f, &another);
	assert_ret(actor_finish(server), 0);
	assert_int_equal(w.args.fired_index, 0);
	assert_seen(&w, SCHED_FIFO, 70);
	more = drains(server, channel, 70);
	answer(channel, more);
	assert_boosted(server, 60);
	answer(channel, id);
	assert_base(server);
	assert_ret(actor_finish(client), 0);
	assert_ret(actor_finish(better), 0);
}

/* A request that goes away takes with it what it gave. */
static void withdrawn_after_the_notice(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *client;
	struct request request;
	struct agg w;
	int channel;

	only_ours(f, "no aggregate wait");
	channel = new_channel(f);
	request = (struct request){ channel, 60 };
	w = wait_for(f, FOREVER, channel, 0);
	actor_aggregates(server, &w);
	client = client_sends(f, &request);
	assert_ret(actor_finish(server), 0);
	assert_boosted(server, 60);
	pthread_kill(client->thread, SIGUSR2);
	assert_ret(actor_finish(client), -EINTR);
	assert_base(server);
	assert_ret(actor_do(server, do_drain, &channel), -EAGAIN);
}

/* The one who was told ends: the other one is told, and inherits. */
static void notice_handed_on(void **state)
{
	struct fixture *f = *state;
	struct actor *first = actor_new(f, "first", FIFO(LOW + 1)), *second = actor_low(f, "second");
	struct actor *client;
	struct request request;
	struct agg a, b;
	int channel;

	only_ours(f, "no aggregate wait");
	channel = new_channel(f);
	request = (struct request){ channel, 60 };
	a = wait_for(f, FOREVER, channel, 0);
	b = wait_for(f, FOREVER, channel, 0);
	actor_aggregates(first, &a);
	actor_aggregates(second, &b);
	client = client_sends(f, &request);
	assert_ret(actor_finish(first), 0);
	actor_exit(first);
	assert_ret(actor_finish(second), 0);
	assert_seen(&b, SCHED_FIFO, 60);
	answer(channel, drains(second, channel, 60));
	assert_ret(actor_finish(client), 0);
	assert_base(second);
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
		PI_TEST(best_of_several),
		PI_TEST(work_in_progress_counts_in_a_sleep),
		PI_TEST(withdrawn_after_the_notice),
		PI_TEST(notice_handed_on),
	};

	return RUN(tests);
}
