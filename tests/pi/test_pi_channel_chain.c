// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chains through channels: from a client to its server and on to whatever the server waits for, and
 * from a task that waits for a client to the client's server.
 */
#include "channel.h"
#include "futex.h"

#include <pthread.h>
#include <signal.h>

enum { MINOR = 20 };

/* ---- the handler waits ---- */

static void handler_waits_for_a_mutex(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *holder = actor_low(f, "holder");
	struct actor *caller = actor_high(f);
	struct serve_job s = { .channel = pi_channel(f), .count = 1 };

	only_ours(f, "no channels");
	s.mutex = new_mutex(f, 0, 0);
	assert_ret(actor_locks(holder, s.mutex), 0);
	actor_tell(server, serve_requests, &s);
	actor_assert_asleep_in(server, RECV2);
	actor_send(caller, s.channel, HIGH);
	actor_work_and_unlock(holder, s.mutex);
	hog_release();
	assert_not_held_up(caller, 0);
	assert_ret(actor_finish(server), 0);
	assert_ret(actor_finish(holder), 0);
}

static void wait_all_of_a_handler(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	struct actor *holder[2] = { actor_low(f, "h1"), actor_low(f, "h2") };
	int channel = pi_channel(f), mutex[2] = { new_mutex(f, 0, 0), new_mutex(f, 0, 0) };

	only_ours(f, "no channels");
	for (int i = 0; i < 2; i++)
		assert_ret(actor_locks(holder[i], mutex[i]), 0);
	actor_sends(caller, channel, HIGH);
	actor_receives(server, channel, caller);
	actor_block(server, ALL, ARGS(FDS(mutex[0], mutex[1]), .timeout = FOREVER));
	assert_boosted(holder[0], HIGH);
	assert_boosted(holder[1], HIGH);
	for (int i = 0; i < 2; i++) {
		assert_ret(actor_unlocks(holder[i], mutex[i]), 0);
		assert_unboosted(holder[i]);
	}
	assert_ret(actor_finish(server), 0);
	assert_boosted(server, HIGH);
	actor_answers(server, caller);
	assert_unboosted(server);
}

/* The boost lasts as long as the request: before, during and after the handler's own waits. */
static void a_wait_for_an_event_keeps_it(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	int channel = pi_channel(f), event = new_auto(f, false);

	only_ours(f, "no channels");
	actor_sends(caller, channel, HIGH);
	actor_receives(server, channel, caller);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		actor_block(server, requests[i], ARGS(FDS(event), .timeout = FOREVER));
		assert_boosted(server, HIGH);
		set_event(event, 0);
		assert_ret(actor_finish(server), 0);
		assert_boosted(server, HIGH);
		actor_wait(server, requests[i], ARGS(FDS(event)));
		assert_ret(actor_finish(server), -ETIMEDOUT);
		assert_boosted(server, HIGH);
	}
	actor_answers(server, caller);
	assert_unboosted(server);
}

static void an_event_behind_a_hog(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_high(f);
	struct serve_job s = { .channel = pi_channel(f), .count = 1, .event = new_auto(f, false) };

	only_ours(f, "no channels");
	actor_tell(server, serve_requests, &s);
	actor_assert_asleep_in(server, RECV2);
	actor_sends(caller, s.channel, HIGH);
	actor_assert_asleep_in(server, ANY);
	set_event(s.event, 0);
	hog_release();
	assert_not_held_up(caller, 0);
	assert_ret(actor_finish(server), 0);
}

/* A blocked handler can't receive, so a later request boosts the task that it waits for. */
static void a_later_request_reaches_the_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *holder = actor_low(f, "holder");
	struct actor *minor = actor_client(f, "minor"), *later = actor_client(f, "later");
	int channel = pi_channel(f), mutex = new_mutex(f, 0, 0);

	only_ours(f, "no channels");
	assert_ret(actor_locks(holder, mutex), 0);
	actor_sends(minor, channel, MINOR);
	actor_receives(server, channel, minor);
	actor_block_on(server, mutex);
	assert_boosted(holder, MINOR);
	for (int i = 0; i < 2; i++) {
		actor_sends(later, channel, HIGH);
		assert_boosted(server, HIGH);
		assert_boosted(holder, HIGH);
		if (i)
			break;
		actor_interrupt(later);
		assert_boosted(server, MINOR);
		assert_boosted(holder, MINOR);
	}
	end_contention(holder, server, mutex);
	actor_answers(server, minor);
	assert_boosted(server, HIGH);
	actor_receives(server, channel, later);
	actor_answers(server, later);
}

static int lock_and_serve(struct actor *server, void *arg)
{
	struct serve_job *s = arg;
	int ret = lock_and_unlock_here(server, s->mutex);

	s->mutex = 0;
	return ret ? ret : serve_requests(server, s);
}

static void a_later_request_behind_a_hog(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *holder = actor_low(f, "holder");
	struct actor *minor = actor_client(f, "minor"), *later = actor_high(f);
	int channel = pi_channel(f), mutex = new_mutex(f, 0, 0);
	struct serve_job s = { .channel = channel, .count = 1, .before = minor, .mutex = mutex };

	only_ours(f, "no channels");
	assert_ret(actor_locks(holder, mutex), 0);
	actor_sends(minor, channel, MINOR);
	actor_receives(server, channel, minor);
	actor_tell(server, lock_and_serve, &s);
	actor_assert_asleep_in(server, ANY);
	actor_send(later, channel, HIGH);
	actor_work_and_unlock(holder, mutex);
	hog_release();
	assert_not_held_up(later, 0);
	assert_ret(actor_finish(minor), 0);
	assert_ret(actor_finish(server), 0);
	assert_ret(actor_finish(holder), 0);
}

/* ---- the client is boosted ---- */

/* The client holds a mutex and has sent a request; then a higher task waits for the mutex. */
static void check_boosted_client(struct fixture *f, uint32_t intent, bool dispatched)
{
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	struct actor *waiter = actor_high(f);
	int channel = pi_channel(f), mutex = new_mutex(f, 0, 0);

	actor_finds_nothing(server, channel);
	assert_ret(actor_locks(caller, mutex), 0);
	actor_sends(caller, channel, intent);
	if (dispatched)
		actor_receives(server, channel, caller);
	for (int i = 0; i < 2; i++) {
		if (intent)
			assert_boosted(server, intent);
		else
			assert_unboosted(server);
		actor_block_on(waiter, mutex);
		assert_boosted(caller, HIGH);
		assert_boosted(server, HIGH);
		if (i)
			break;
		actor_interrupt(waiter);
	}
	if (!dispatched)
		actor_receives(server, channel, caller);
	assert_boosted(server, HIGH);
	actor_answers(server, caller);
	assert_unboosted(server);
	assert_boosted(caller, HIGH);
	actor_pass_mutex(caller, waiter, mutex);
	pi_assert_exact(f);
}

static void boosted_while_pending(void **state)
{
	only_ours((struct fixture *)*state, "no channels");
	check_boosted_client(*state, 30, false);
	check_boosted_client(*state, 0, false);
}

static void boosted_while_dispatched(void **state)
{
	only_ours((struct fixture *)*state, "no channels");
	check_boosted_client(*state, 30, true);
	check_boosted_client(*state, 0, true);
}

static void boosted_before_it_sends(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	struct actor *waiter = actor_high(f);
	int channel = pi_channel(f), mutex = new_mutex(f, 0, 0);

	only_ours(f, "no channels");
	for (int parked = 0; parked < 2; parked++) {
		assert_ret(actor_locks(caller, mutex), 0);
		actor_block_on(waiter, mutex);
		if (parked)
			actor_parks(server, channel);
		actor_sends(caller, channel, 0);
		if (parked)
			actor_assert_got(server, caller);
		else
			actor_receives(server, channel, caller);
		assert_boosted(server, HIGH);
		actor_interrupt(waiter);
		assert_unboosted(server);
		assert_unboosted(caller);
		actor_answers(server, caller);
		assert_ret(actor_unlocks(caller, mutex), 0);
	}
}

static void boosted_client_behind_a_hog(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_low(f, "caller");
	struct actor *waiter = actor_high(f);
	struct actor *minor = actor_client(f, "minor");
	int channel = pi_channel(f), mutex = new_mutex(f, 0, 0);
	struct serve_job s = { .channel = channel, .count = 1, .before = minor };

	only_ours(f, "no channels");
	assert_ret(actor_locks(caller, mutex), 0);
	actor_sends(minor, channel, MINOR);
	actor_receives(server, channel, minor);
	actor_sends(caller, channel, 0);
	/* The client still has to unlock the mutex when it has the reply. */
	actor_block_on(waiter, mutex);
	actor_tell(server, serve_requests, &s);
	hog_release();
	assert_not_held_up(caller, 0);
	assert_ret(actor_finish(minor), 0);
	assert_ret(actor_finish(server), 0);
	actor_pass_mutex(caller, waiter, mutex);
}

/*
 * What a client inherits moves its request in the queue; the receiver is told what the client asked
 * for.
 */
static void a_boost_moves_a_pending_request(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *waiter = actor_high(f);
	struct actor *caller[3] = { actor_client(f, "c60"), actor_client(f, "c30"),
				    actor_client(f, "c30 too") };
	int channel = pi_channel(f), mutex = new_mutex(f, 0, 0);

	only_ours(f, "no channels");
	for (int leaves = 0; leaves < 2; leaves++) {
		assert_ret(actor_locks(caller[2], mutex), 0);
		for (int i = 0; i < 3; i++)
			actor_sends(caller[i], channel, i ? 30 : 60);
		actor_block_on(waiter, mutex);
		if (leaves)
			actor_interrupt(waiter);
		for (int i = 0; i < 3; i++) {
			struct actor *next = caller[leaves ? i : (i + 2) % 3];

			actor_receives(server, channel, next);
			actor_answers(server, next);
		}
		assert_ret(actor_unlocks(caller[2], mutex), 0);
		if (!leaves)
			assert_ret(actor_finish(waiter), 0);
		if (!leaves)
			assert_ret(actor_unlocks(waiter, mutex), 0);
		pi_assert_exact(f);
	}
}

/* A client's own priority does not count, not even when it passes on that of others. */
static void a_clients_own_priority_does_not_count(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_high(f);
	struct actor *waiter = actor_new(f, "waiter", FIFO(40));
	int channel = pi_channel(f), mutex = new_mutex(f, 0, 0);

	only_ours(f, "no channels");
	assert_ret(actor_locks(caller, mutex), 0);
	actor_sends(caller, channel, MINOR);
	actor_receives(server, channel, caller);
	assert_boosted(server, MINOR);
	actor_block_on(waiter, mutex);
	assert_unboosted(caller);
	assert_boosted(server, 40);
	actor_interrupt(waiter);
	assert_boosted(server, MINOR);
	actor_answers(server, caller);
	assert_ret(actor_unlocks(caller, mutex), 0);
}

/* ---- boosts of events ---- */

static void set_fifo(int event, uint32_t prio)
{
	assert_ret(set_event_pi(event, SCHED_FIFO, prio), 0);
}

static void an_events_boost_lasts_over_a_send(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	int channel = pi_channel(f), event = new_auto(f, false);

	only_ours(f, "no channels");
	for (int parked = 0; parked < 2; parked++) {
		set_fifo(event, HIGH);
		assert_ret(actor_tries(caller, event), 0);
		assert_boosted(caller, HIGH);
		if (parked)
			actor_parks(server, channel);
		actor_sends(caller, channel, 0);
		assert_boosted(caller, HIGH);
		if (parked)
			actor_assert_got(server, caller);
		else
			actor_receives(server, channel, caller);
		assert_boosted(server, HIGH);
		actor_answers(server, caller);
		assert_unboosted(server);
		assert_boosted(caller, HIGH);
		assert_ret(actor_tries(caller, event), -ETIMEDOUT);
		assert_unboosted(caller);
	}
}

static void an_events_boost_ends_at_a_receive(void **state)
{
	static const unsigned long requests[] = { RECV, RECV2, TRY_RECV2 };
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	int channel = pi_channel(f), event = new_auto(f, false);

	only_ours(f, "no channels");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		set_fifo(event, HIGH);
		assert_ret(actor_tries(server, event), 0);
		actor_sends(caller, channel, MINOR);
		assert_boosted(server, HIGH);
		actor_receive_by(server, channel, requests[i]);
		actor_assert_got(server, caller);
		assert_boosted(server, MINOR);
		actor_answers(server, caller);
		assert_unboosted(server);

		set_fifo(event, HIGH);
		assert_ret(actor_tries(server, event), 0);
		actor_receive_by(server, channel, requests[i]);
		if (requests[i] == TRY_RECV2) {
			assert_ret(actor_finish(server), -EAGAIN);
			assert_unboosted(server);
			continue;
		}
		actor_assert_asleep_in(server, requests[i]);
		assert_unboosted(server);
		actor_interrupt(server);
	}
}

static void an_events_boost_of_a_handler(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	int channel = pi_channel(f), event = new_auto(f, false);

	only_ours(f, "no channels");
	actor_sends(caller, channel, 40);
	actor_receives(server, channel, caller);
	set_fifo(event, 60);
	assert_ret(actor_tries(server, event), 0);
	assert_boosted(server, 60);
	actor_answers(server, caller);
	assert_boosted(server, 60);
	assert_ret(actor_tries(server, event), -ETIMEDOUT);
	assert_unboosted(server);
}

/* ---- longer chains ---- */

/* NTSYNC_MAX_HOPS of the driver. */
#define MAX_HOPS 1024
#define LINKS 3

struct links {
	struct actor *server[LINKS], *holder;
	int channel[LINKS], mutex;
};

/* Each server is a client of the next one's channel, and the last one waits for a mutex. */
static struct links make_links(struct fixture *f, bool dispatched)
{
	struct links l = { .holder = actor_low(f, "holder"), .mutex = new_mutex(f, 0, 0) };

	assert_ret(actor_locks(l.holder, l.mutex), 0);
	for (int i = 0; i < LINKS; i++) {
		l.server[i] = actor_low(f, "server");
		l.channel[i] = pi_channel(f);
		actor_finds_nothing(l.server[i], l.channel[i]);
	}
	for (int i = 1; i < LINKS; i++) {
		actor_sends(l.server[i - 1], l.channel[i], 0);
		if (dispatched)
			actor_receives(l.server[i], l.channel[i], l.server[i - 1]);
	}
	actor_block_on(l.server[LINKS - 1], l.mutex);
	return l;
}

static void unwind_links(struct links *l, bool dispatched)
{
	end_contention(l->holder, l->server[LINKS - 1], l->mutex);
	for (int i = LINKS - 1; i > 0; i--) {
		if (!dispatched)
			actor_receives(l->server[i], l->channel[i], l->server[i - 1]);
		assert_boosted(l->server[i], HIGH);
		actor_answers(l->server[i], l->server[i - 1]);
		assert_unboosted(l->server[i]);
	}
	assert_boosted(l->server[0], HIGH);
}

static void check_links(struct fixture *f, bool dispatched)
{
	struct actor *caller = actor_client(f, "caller");
	struct links l = make_links(f, dispatched);

	actor_sends(caller, l.channel[0], HIGH);
	for (int i = 0; i < LINKS; i++)
		assert_boosted(l.server[i], HIGH);
	assert_boosted(l.holder, HIGH);
	actor_interrupt(caller);
	for (int i = 0; i < LINKS; i++)
		assert_unboosted(l.server[i]);
	assert_unboosted(l.holder);
	actor_sends(caller, l.channel[0], HIGH);
	assert_boosted(l.holder, HIGH);
	unwind_links(&l, dispatched);
	actor_receives(l.server[0], l.channel[0], caller);
	actor_answers(l.server[0], caller);
	pi_assert_exact(f);
}

static void through_several_channels(void **state)
{
	only_ours((struct fixture *)*state, "no channels");
	check_links(*state, true);
	check_links(*state, false);
}

/*
 * Two servers that wait for each other are a deadlock, but the driver must not loop, and signals
 * undo it. The request that closes the cycle arrives before the one that the priority comes from:
 * if it hid that, the walk would not end.
 */
static void check_cycle(struct fixture *f, bool dispatched)
{
	struct actor *caller = actor_client(f, "caller"), *server[2];
	long long records;
	int channel[2];

	for (int i = 0; i < 2; i++) {
		server[i] = actor_low(f, "in a cycle");
		channel[i] = pi_channel(f);
		actor_finds_nothing(server[i], channel[i]);
	}
	actor_sends(server[1], channel[0], 0);
	if (dispatched)
		actor_receives(server[0], channel[0], server[1]);
	records = arbiter_stat("pi_records");
	actor_sends(caller, channel[0], HIGH);
	if (dispatched)
		actor_drains(server[0], channel[0], caller);
	actor_sends(server[0], channel[1], 0);
	assert_boosted(server[0], HIGH);
	assert_boosted(server[1], HIGH);
	assert_in_range(arbiter_stat("pi_records") - records, 1, 100);
	actor_interrupt(caller);
	for (int i = 0; i < 2; i++)
		actor_interrupt(server[i]);
	/* The priority goes round until it has no hops left, once. */
	assert_in_range(arbiter_stat("pi_records") - records, 1, 4 * MAX_HOPS);
	pi_assert_exact(f);
}

static void a_cycle_ends(void **state)
{
	only_ours((struct fixture *)*state, "no channels");
	check_cycle(*state, false);
	check_cycle(*state, true);
}

/* Each of a task's two boosts ends with its own reason. */
static void two_channels_boost_one_task(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *one = actor_client(f, "one");
	struct actor *two = actor_client(f, "two");
	int here = pi_channel(f), there = pi_channel_of(f, open_device(f));

	only_ours(f, "no channels");
	for (int order = 0; order < 2; order++) {
		actor_sends(one, here, 60);
		actor_receives(server, here, one);
		actor_sends(two, there, HIGH);
		actor_receives(server, there, two);
		assert_boosted(server, HIGH);
		assert_true(arbiter_has(server->tid, "channel", SCHED_FIFO, 60));
		assert_true(arbiter_has(server->tid, "channel", SCHED_FIFO, HIGH));
		actor_answers(server, order ? one : two);
		assert_boosted(server, order ? HIGH : 60);
		actor_answers(server, order ? two : one);
		assert_unboosted(server);
		pi_assert_exact(f);
	}
}

static void a_channel_and_a_mutex_boost_one_task(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	struct actor *waiter = actor_new(f, "waiter", FIFO(60));
	int channel = pi_channel(f), mutex = new_mutex(f, 0, 0);

	only_ours(f, "no channels");
	for (int n = 0; n < 4; n++) {
		int prio = n & 1 ? 40 : HIGH;

		assert_ret(actor_locks(server, mutex), 0);
		actor_sends(caller, channel, prio);
		actor_receives(server, channel, caller);
		actor_block_on(waiter, mutex);
		assert_boosted(server, prio > 60 ? prio : 60);
		assert_true(arbiter_has(server->tid, "channel", SCHED_FIFO, prio));
		assert_true(arbiter_has(server->tid, "mutex", SCHED_FIFO, 60));
		if (n & 2) {
			actor_answers(server, caller);
			assert_boosted(server, 60);
		}
		actor_pass_mutex(server, waiter, mutex);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		if (!(n & 2)) {
			assert_boosted(server, prio);
			actor_answers(server, caller);
		}
		assert_unboosted(server);
	}
}

/* ---- boosts by the kernel ---- */

/*
 * The kernel does not tell modules about boosts by a PI futex. The driver sees the one that the
 * client has when it sends.
 */
static void a_client_that_holds_a_pi_futex(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_low(f, "caller");
	struct actor *waiter = actor_high(f);
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	init_pi_futex();
	assert_ret(actor_do(caller, lock_pi_futex, NULL), 0);
	actor_tell(waiter, lock_pi_futex, NULL);
	while (task_live_prio(caller->tid) != HIGH)
		sleep_ms(1);
	actor_sends(caller, channel, 0);
	actor_receives(server, channel, caller);
	assert_boosted(server, HIGH);
	actor_answers(server, caller);
	assert_unboosted(server);
	assert_ret(actor_do(caller, unlock_pi_futex, NULL), 0);
	assert_ret(actor_finish(waiter), 0);
	assert_ret(actor_do(waiter, unlock_pi_futex, NULL), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(handler_waits_for_a_mutex),
		PI_TEST(wait_all_of_a_handler),
		PI_TEST(a_wait_for_an_event_keeps_it),
		PI_TEST(an_event_behind_a_hog),
		PI_TEST(a_later_request_reaches_the_owner),
		PI_TEST(a_later_request_behind_a_hog),
		PI_TEST(boosted_while_pending),
		PI_TEST(boosted_while_dispatched),
		PI_TEST(boosted_before_it_sends),
		PI_TEST(boosted_client_behind_a_hog),
		PI_TEST(a_boost_moves_a_pending_request),
		PI_TEST(a_clients_own_priority_does_not_count),
		PI_TEST(an_events_boost_lasts_over_a_send),
		PI_TEST(an_events_boost_ends_at_a_receive),
		PI_TEST(an_events_boost_of_a_handler),
		PI_TEST(through_several_channels),
		PI_TEST(a_cycle_ends),
		PI_TEST(two_channels_boost_one_task),
		PI_TEST(a_channel_and_a_mutex_boost_one_task),
		PI_TEST(a_client_that_holds_a_pi_futex),
	};

	return RUN(tests);
}
