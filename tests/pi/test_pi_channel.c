// SPDX-License-Identifier: GPL-2.0-only
/*
 * A server of a channel runs with the priority of the highest request that it has, or that is
 * pending.
 */
#include "channel.h"
#include "tracefs.h"

#include <signal.h>

/* Requests above the server, but below the hog. */
enum { MINOR = 20, MINOR_TOO = 30 };

static void features(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no channels");
	assert_true(f->features & NTSYNC_FEATURE_CHANNEL);
	assert_true(f->features & NTSYNC_FEATURE_CHANNEL_TRY_RECV2);
}

/* ---- parked ---- */

static void parked_is_boosted_before_it_runs(void **state)
{
	static const unsigned long requests[] = { RECV, RECV2 };
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_high(f);
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		actor_receive_by(server, channel, requests[i]);
		actor_assert_asleep_in(server, requests[i]);
		assert_unboosted(server);
		actor_send(caller, channel, HIGH);
		hog_release();
		/* It leaves its receive boosted, and would then work. */
		assert_not_held_up(server, 0);
		assert_boosted(server, HIGH);
		assert_true(arbiter_has(server->tid, "channel", SCHED_FIFO, HIGH));
		assert_has_request_of(server, caller);
		actor_answers(server, caller);
		assert_unboosted(server);
	}
}

static void parked_and_serving(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_high(f);
	struct serve_job s = { .channel = pi_channel(f), .count = 1 };

	only_ours(f, "no channels");
	actor_tell(server, serve_requests, &s);
	actor_assert_asleep_in(server, RECV2);
	actor_send(caller, s.channel, HIGH);
	hog_release();
	assert_not_held_up(caller, 0);
	assert_ret(actor_finish(server), 0);
	assert_unboosted(server);
}

/* The request is there before the server receives. */
static void pending_before_the_server_comes(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	actor_sends(caller, channel, HIGH);
	assert_unboosted(server);
	actor_receives(server, channel, caller);
	assert_boosted(server, HIGH);
	actor_answers(server, caller);
	assert_unboosted(server);
}

static void the_highest_of_the_parked_is_chosen(void **state)
{
	struct fixture *f = *state;
	struct actor *first = actor_low(f, "first");
	struct actor *highest = actor_new(f, "highest", FIFO(LOW + 2));
	struct actor *last = actor_new(f, "last", FIFO(LOW + 1));
	struct actor *caller = actor_client(f, "caller");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	actor_parks(first, channel);
	actor_parks(highest, channel);
	actor_parks(last, channel);
	actor_sends(caller, channel, HIGH);
	actor_assert_got(highest, caller);
	assert_boosted(highest, HIGH);
	assert_unboosted(first);
	assert_unboosted(last);
	actor_answers(highest, caller);
	actor_interrupt(first);
	actor_interrupt(last);
}

/* ---- busy ---- */

/* @server has @minor's request when @caller's arrives; a hog competes with the server. */
static void check_busy(struct actor *server, struct actor *minor, struct actor *caller,
		       int channel)
{
	struct serve_job s = { .channel = channel, .count = 1, .before = minor };

	trace_begin();
	actor_sends(minor, channel, MINOR);
	actor_receives(server, channel, minor);
	assert_boosted(server, MINOR);
	actor_send(caller, channel, HIGH);
	actor_tell(server, serve_requests, &s);
	hog_release();
	assert_not_held_up(caller, 0);
	assert_ret(actor_finish(minor), 0);
	assert_ret(actor_finish(server), 0);
	assert_unboosted(server);
	/*
	 * One priority follows the other directly: none in between from the reply to the receive.
	 */
	assert_prios(server->tid, MINOR, HIGH, LOW);
}

static void busy_with_a_lower_request(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *minor = actor_client(f, "minor");
	struct actor *caller = actor_high(f);
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	for (int i = 0; i < 3; i++)
		check_busy(server, minor, caller, channel);
}

/* A thread that has received once is a server, whatever it does now. */
static void busy_with_something_else(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *minor = actor_client(f, "minor");
	struct actor *caller = actor_high(f);
	struct serve_job s = { .channel = pi_channel(f), .count = 1 };

	only_ours(f, "no channels");
	actor_finds_nothing(server, s.channel);
	actor_sends(minor, s.channel, MINOR);
	assert_boosted(server, MINOR);
	actor_interrupt(minor);
	assert_unboosted(server);
	actor_send(caller, s.channel, HIGH);
	actor_tell(server, serve_requests, &s);
	hog_release();
	assert_not_held_up(caller, 0);
	assert_ret(actor_finish(server), 0);
}

static void two_busy_servers(void **state)
{
	struct fixture *f = *state;
	struct actor *server[2] = { actor_low(f, "one"), actor_low(f, "two") };
	struct actor *minor[2] = { actor_client(f, "m1"), actor_client(f, "m2") };
	struct actor *caller = actor_high(f);
	struct actor *winner, *loser;
	int channel = pi_channel(f);
	struct serve_job s[2];

	only_ours(f, "no channels");
	for (int i = 0; i < 2; i++) {
		actor_sends(minor[i], channel, MINOR + i);
		actor_receives(server[i], channel, minor[i]);
	}
	actor_sends(caller, channel, HIGH);
	assert_boosted(server[0], HIGH);
	assert_boosted(server[1], HIGH);
	for (int i = 0; i < 2; i++) {
		s[i] = (struct serve_job){ .channel = channel, .count = 1, .before = minor[i] };
		actor_tell(server[i], serve_requests, &s[i]);
	}
	hog_release();
	assert_not_held_up(caller, 0);
	/* One of them got it; the other finds nothing more. */
	assert_ret(actor_finish(minor[0]), 0);
	assert_ret(actor_finish(minor[1]), 0);
	winner = server[0]->got.sender_tid == (uint32_t)caller->tid ? server[0] : server[1];
	loser = winner == server[0] ? server[1] : server[0];
	assert_ret(actor_finish(winner), 0);
	actor_assert_asleep_in(loser, RECV2);
	assert_unboosted(winner);
	assert_unboosted(loser);
	actor_interrupt(loser);
}

static void a_parked_one_takes_it_from_the_busy_one(void **state)
{
	struct fixture *f = *state;
	struct actor *busy = actor_low(f, "busy"), *parked = actor_low(f, "parked");
	struct actor *minor = actor_client(f, "minor"), *caller = actor_client(f, "caller");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	actor_sends(minor, channel, MINOR);
	actor_receives(busy, channel, minor);
	actor_parks(parked, channel);
	trace_begin();
	actor_sends(caller, channel, HIGH);
	actor_assert_got(parked, caller);
	assert_boosted(parked, HIGH);
	assert_boosted(busy, MINOR);
	assert_prios(parked->tid, HIGH);
	actor_answers(parked, caller);
	assert_unboosted(parked);
	actor_answers(busy, minor);
	assert_unboosted(busy);
}

/* ---- what is pending ---- */

static void pending_requests_come_and_go(void **state)
{
	static const int prio[] = { 40, 60, 80 };
	static const int order[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 }, { 2, 0, 1 } };
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *minor = actor_client(f, "minor");
	struct actor *caller[3];
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	for (int i = 0; i < 3; i++)
		caller[i] = actor_client(f, "caller");
	actor_sends(minor, channel, MINOR);
	actor_receives(server, channel, minor);
	for (size_t n = 0; n < ARRAY_SIZE(order); n++) {
		bool there[3] = { false };

		for (int i = 0; i < 3; i++) {
			there[order[n][i]] = true;
			actor_sends(caller[order[n][i]], channel, prio[order[n][i]]);
			assert_boosted(server, there[2] ? 80 : there[1] ? 60 : 40);
		}
		for (int i = 0; i < 3; i++) {
			there[order[n][i]] = false;
			actor_interrupt(caller[order[n][i]]);
			assert_boosted(server, there[2] ? 80 : there[1] ? 60 :
						       there[0] ? 40 : MINOR);
		}
	}
	actor_answers(server, minor);
	assert_unboosted(server);
}

/* No lower priority between REPLY and the next receive, nor between one request and the next. */
static void no_dip_in_between(void **state)
{
	static const int prio[] = { 80, 70, 70, 60 };
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller[4];
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	for (int i = 0; i < 4; i++)
		caller[i] = actor_client(f, "caller");
	for (int first_received = 0; first_received < 2; first_received++) {
		trace_begin();
		for (int i = 0; i < 4; i++)
			actor_sends(caller[i], channel, prio[i]);
		for (int i = 0; i < 4; i++) {
			actor_receives(server, channel, caller[i]);
			/*
			 * Otherwise the earlier requests are still there when the next one is
			 * received.
			 */
			if (!first_received)
				actor_answers(server, caller[i]);
		}
		for (int i = 3; first_received && i >= 0; i--)
			actor_answers(server, caller[i]);
		assert_unboosted(server);
		if (first_received)
			assert_prios(server->tid, 80, 70, 60, 70, 80, LOW);
		else
			assert_prios(server->tid, 80, 70, 60, LOW);
	}
}

static void no_dip_with_a_hog(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *first = actor_high(f);
	struct actor *last = actor_high(f);
	struct serve_job s = { .channel = pi_channel(f), .count = 2 };

	only_ours(f, "no channels");
	actor_tell(server, serve_requests, &s);
	actor_assert_asleep_in(server, RECV2);
	actor_send(first, s.channel, HIGH);
	actor_send(last, s.channel, HIGH);
	hog_release();
	assert_not_held_up(last, 0);
	assert_ret(actor_finish(first), 0);
	assert_ret(actor_finish(server), 0);
}

/* ---- which priority ---- */

static void prio_0_boosts_nobody(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *parked = actor_low(f, "parked");
	struct actor *caller[2] = { actor_high(f), actor_high(f) }, *third = actor_high(f);
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	actor_parks(parked, channel);
	actor_sends(caller[0], channel, 0);
	actor_assert_got(parked, caller[0]);
	actor_sends(caller[1], channel, 0);
	actor_receives(server, channel, caller[1]);
	/* Without a priority any policy is accepted. */
	actor_send_as(third, channel, 4711, 0);
	actor_assert_asleep_in(third, SEND);
	pi_assert_exact(f);
	actor_receives(server, channel, third);
	pi_assert_exact(f);
	actor_answers(parked, caller[0]);
	actor_answers(server, caller[1]);
	actor_answers(server, third);
}

static void round_robin(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_client(f, "caller");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	for (int pending = 0; pending < 2; pending++) {
		if (!pending)
			actor_parks(server, channel);
		actor_send_as(caller, channel, SCHED_RR, 33);
		actor_assert_asleep_in(caller, SEND);
		assert_boosted_as(server, SCHED_RR, 33);
		if (pending)
			actor_receive(server, channel);
		actor_assert_got(server, caller);
		assert_boosted_as(server, SCHED_RR, 33);
		actor_answers(server, caller);
		assert_unboosted(server);
	}
}

static void never_lowered(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_new(f, "server", ATTR(.policy = SCHED_RR, .prio = 60));
	struct actor *caller = actor_client(f, "caller"), *higher = actor_client(f, "higher");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	actor_parks(server, channel);
	actor_sends(caller, channel, 40);
	actor_assert_got(server, caller);
	assert_unboosted(server);
	actor_sends(higher, channel, 61);
	assert_boosted(server, 61);
	actor_interrupt(higher);
	assert_unboosted(server);
	actor_answers(server, caller);
	assert_unboosted(server);
}

static void a_deadline_server_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_roaming(f, "server",
					     DEADLINE);
	struct actor *caller = actor_client(f, "caller"), *pending = actor_client(f, "pending");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	actor_sends(caller, channel, HIGH);
	actor_receives(server, channel, caller);
	assert_unboosted(server);
	actor_sends(pending, channel, 99);
	assert_unboosted(server);
	actor_interrupt(pending);
	actor_answers(server, caller);
	assert_unboosted(server);
}

/* A server does not inherit from a pending request of its own. */
static void not_from_its_own_request(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *other = actor_low(f, "other");
	struct actor *caller = actor_client(f, "caller");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	actor_finds_nothing(server, channel);
	actor_finds_nothing(other, channel);
	actor_sends(server, channel, HIGH);
	assert_unboosted(server);
	assert_boosted(other, HIGH);
	actor_sends(caller, channel, 70);
	assert_boosted(server, 70);
	assert_boosted(other, HIGH);
	actor_receives(other, channel, server);
	assert_boosted(server, 70);
	actor_answers(other, server);
	assert_boosted(other, 70);
	actor_receives(server, channel, caller);
	assert_unboosted(other);
	actor_answers(server, caller);
}

/* ---- the thread that replies ---- */

static void a_reply_unboosts_the_receiver(void **state)
{
	struct fixture *f = *state;
	struct actor *server[2] = { actor_low(f, "one"), actor_low(f, "two") };
	struct actor *caller[2] = { actor_client(f, "c1"), actor_client(f, "c2") };
	struct actor *other = actor_low(f, "other");
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	for (int by = 0; by < 3; by++) {
		for (int i = 0; i < 2; i++) {
			actor_sends(caller[i], channel, HIGH - 20 * i);
			actor_receives(server[i], channel, caller[i]);
		}
		if (by == 0)
			actor_answers(server[1], caller[0]);
		else if (by == 1)
			actor_answers(other, caller[0]);
		else
			answer(caller[0]);
		assert_unboosted(server[0]);
		assert_unboosted(other);
		assert_boosted(server[1], HIGH - 20);
		actor_answers(server[0], caller[1]);
		assert_unboosted(server[1]);
		assert_unboosted(server[0]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(features),
		PI_TEST(parked_is_boosted_before_it_runs),
		PI_TEST(parked_and_serving),
		PI_TEST(pending_before_the_server_comes),
		PI_TEST(the_highest_of_the_parked_is_chosen),
		PI_TEST(busy_with_a_lower_request),
		PI_TEST(busy_with_something_else),
		PI_TEST(two_busy_servers),
		PI_TEST(a_parked_one_takes_it_from_the_busy_one),
		PI_TEST(pending_requests_come_and_go),
		PI_TEST(no_dip_in_between),
		PI_TEST(no_dip_with_a_hog),
		PI_TEST(prio_0_boosts_nobody),
		PI_TEST(round_robin),
		PI_TEST(never_lowered),
		PI_TEST(a_deadline_server_is_left_alone),
		PI_TEST(not_from_its_own_request),
		PI_TEST(a_reply_unboosts_the_receiver),
	};

	return RUN(tests);
}
