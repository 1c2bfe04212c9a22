// SPDX-License-Identifier: GPL-2.0-only
/* Who serves a channel runs with the priority of the best request that it has, or that waits for it. */
#include "channel.h"
#include "tracefs.h"

#include <signal.h>

/* Of requests that are better than nothing, but not than the hog. */
enum { MINOR = 20, MINOR_TOO = 30 };

/* It counts by its request alone, whatever the client itself is. */
static struct actor *client(struct fixture *f, const char *name)
{
	return actor_new(f, name, NORMAL(0));
}

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
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		actor_receive_by(server, channel, requests[i]);
		actor_assert_asleep_in(server, requests[i]);
		assert_base(server);
		actor_send(caller, channel, HIGH);
		hog_release();
		/* It is out of its receive; then it works. */
		assert_not_held_up(server, 0);
		assert_boosted(server, HIGH);
		assert_true(arbiter_has(server->tid, "channel", SCHED_FIFO, HIGH));
		assert_has_request_of(server, caller);
		actor_answers(server, caller);
		assert_base(server);
	}
}

static void parked_and_serving(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = actor_high(f);
	struct serving s = { .channel = stage_channel(f), .count = 1 };

	only_ours(f, "no channels");
	actor_tell(server, serve, &s);
	actor_assert_asleep_in(server, RECV2);
	actor_send(caller, s.channel, HIGH);
	hog_release();
	assert_not_held_up(caller, 0);
	assert_ret(actor_finish(server), 0);
	assert_base(server);
}

/* The request is there, and the server is on its way to it. */
static void pending_before_the_server_comes(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = client(f, "caller");
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	actor_sends(caller, channel, HIGH);
	assert_base(server);
	actor_receives(server, channel, caller);
	assert_boosted(server, HIGH);
	actor_answers(server, caller);
	assert_base(server);
}

static void the_best_of_the_parked_is_chosen(void **state)
{
	struct fixture *f = *state;
	struct actor *first = actor_low(f, "first"), *best = actor_new(f, "best", FIFO(LOW + 2));
	struct actor *last = actor_new(f, "last", FIFO(LOW + 1)), *caller = client(f, "caller");
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	actor_parks(first, channel);
	actor_parks(best, channel);
	actor_parks(last, channel);
	actor_sends(caller, channel, HIGH);
	actor_assert_got(best, caller);
	assert_boosted(best, HIGH);
	assert_base(first);
	assert_base(last);
	actor_answers(best, caller);
	actor_interrupt(first);
	actor_interrupt(last);
}

/* ---- busy ---- */

/* @server has @minor's request, and @caller's comes with a hog behind it. */
static void check_busy(struct actor *server, struct actor *minor, struct actor *caller,
		       int channel)
{
	struct serving s = { .channel = channel, .count = 1, .before = minor };

	trace_begin();
	actor_sends(minor, channel, MINOR);
	actor_receives(server, channel, minor);
	assert_boosted(server, MINOR);
	actor_send(caller, channel, HIGH);
	actor_tell(server, serve, &s);
	hog_release();
	assert_not_held_up(caller, 0);
	assert_ret(actor_finish(minor), 0);
	assert_ret(actor_finish(server), 0);
	assert_base(server);
	/* In one step from one to the other, with no dip between reply and receive. */
	assert_prios(server->tid, MINOR, HIGH, LOW);
}

static void busy_with_a_lower_request(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *minor = client(f, "minor"), *caller = actor_high(f);
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	for (int i = 0; i < 3; i++)
		check_busy(server, minor, caller, channel);
}

/* It has received once: that makes it a server, whatever it does now. */
static void busy_with_something_else(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *minor = client(f, "minor"), *caller = actor_high(f);
	struct serving s = { .channel = stage_channel(f), .count = 1 };

	only_ours(f, "no channels");
	actor_finds_nothing(server, s.channel);
	actor_sends(minor, s.channel, MINOR);
	assert_boosted(server, MINOR);
	actor_interrupt(minor);
	assert_base(server);
	actor_send(caller, s.channel, HIGH);
	actor_tell(server, serve, &s);
	hog_release();
	assert_not_held_up(caller, 0);
	assert_ret(actor_finish(server), 0);
}

static void two_busy_servers(void **state)
{
	struct fixture *f = *state;
	struct actor *server[2] = { actor_low(f, "one"), actor_low(f, "two") };
	struct actor *minor[2] = { client(f, "m1"), client(f, "m2") }, *caller = actor_high(f);
	struct actor *winner, *loser;
	int channel = stage_channel(f);
	struct serving s[2];

	only_ours(f, "no channels");
	for (int i = 0; i < 2; i++) {
		actor_sends(minor[i], channel, MINOR + i);
		actor_receives(server[i], channel, minor[i]);
	}
	actor_sends(caller, channel, HIGH);
	assert_boosted(server[0], HIGH);
	assert_boosted(server[1], HIGH);
	for (int i = 0; i < 2; i++) {
		s[i] = (struct serving){ .channel = channel, .count = 1, .before = minor[i] };
		actor_tell(server[i], serve, &s[i]);
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
	assert_base(winner);
	assert_base(loser);
	actor_interrupt(loser);
}

static void a_parked_one_takes_it_from_the_busy_one(void **state)
{
	struct fixture *f = *state;
	struct actor *busy = actor_low(f, "busy"), *parked = actor_low(f, "parked");
	struct actor *minor = client(f, "minor"), *caller = client(f, "caller");
	int channel = stage_channel(f);

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
	assert_base(parked);
	actor_answers(busy, minor);
	assert_base(busy);
}

/* ---- what is pending ---- */

static void pending_requests_come_and_go(void **state)
{
	static const int prio[] = { 40, 60, 80 };
	static const int order[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 }, { 2, 0, 1 } };
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *minor = client(f, "minor"), *caller[3];
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	for (int i = 0; i < 3; i++)
		caller[i] = client(f, "caller");
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
	assert_base(server);
}

/* Between REPLY and the next receive, and from the old entry to the new one. */
static void no_dip_in_between(void **state)
{
	static const int prio[] = { 80, 70, 70, 60 };
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller[4];
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	for (int i = 0; i < 4; i++)
		caller[i] = client(f, "caller");
	for (int first_received = 0; first_received < 2; first_received++) {
		trace_begin();
		for (int i = 0; i < 4; i++)
			actor_sends(caller[i], channel, prio[i]);
		for (int i = 0; i < 4; i++) {
			actor_receives(server, channel, caller[i]);
			/* With the next request, the one before is still there. */
			if (!first_received)
				actor_answers(server, caller[i]);
		}
		for (int i = 3; first_received && i >= 0; i--)
			actor_answers(server, caller[i]);
		assert_base(server);
		if (first_received)
			assert_prios(server->tid, 80, 70, 60, 70, 80, LOW);
		else
			assert_prios(server->tid, 80, 70, 60, LOW);
	}
}

static void no_dip_with_a_hog(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *first = actor_high(f), *last = actor_high(f);
	struct serving s = { .channel = stage_channel(f), .count = 2 };

	only_ours(f, "no channels");
	actor_tell(server, serve, &s);
	actor_assert_asleep_in(server, RECV2);
	actor_send(first, s.channel, HIGH);
	actor_send(last, s.channel, HIGH);
	hog_release();
	assert_not_held_up(last, 0);
	assert_ret(actor_finish(first), 0);
	assert_ret(actor_finish(server), 0);
}

/* ---- which priority ---- */

static void none_is_lent_with_prio_0(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *parked = actor_low(f, "parked");
	struct actor *caller[2] = { actor_high(f), actor_high(f) }, *third = actor_high(f);
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	actor_parks(parked, channel);
	actor_sends(caller[0], channel, 0);
	actor_assert_got(parked, caller[0]);
	actor_sends(caller[1], channel, 0);
	actor_receives(server, channel, caller[1]);
	/* And the policy does not matter then. */
	actor_send_as(third, channel, 4711, 0);
	actor_assert_asleep_in(third, SEND);
	stage_assert_exact(f);
	actor_receives(server, channel, third);
	stage_assert_exact(f);
	actor_answers(parked, caller[0]);
	actor_answers(server, caller[1]);
	actor_answers(server, third);
}

static void round_robin(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *caller = client(f, "caller");
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	for (int pending = 0; pending < 2; pending++) {
		if (!pending)
			actor_parks(server, channel);
		actor_send_as(caller, channel, SCHED_RR, 33);
		actor_assert_asleep_in(caller, SEND);
		assert_lent(server, SCHED_RR, 33);
		if (pending)
			actor_receive(server, channel);
		actor_assert_got(server, caller);
		assert_lent(server, SCHED_RR, 33);
		actor_answers(server, caller);
		assert_base(server);
	}
}

static void never_lowered(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_new(f, "server", ATTR(.policy = SCHED_RR, .prio = 60));
	struct actor *caller = client(f, "caller"), *better = client(f, "better");
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	actor_parks(server, channel);
	actor_sends(caller, channel, 40);
	actor_assert_got(server, caller);
	assert_base(server);
	actor_sends(better, channel, 61);
	assert_boosted(server, 61);
	actor_interrupt(better);
	assert_base(server);
	actor_answers(server, caller);
	assert_base(server);
}

static void a_deadline_server_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_roaming(f, "server",
					     ATTR(.policy = SCHED_DEADLINE, .runtime = 20 * NS_PER_MS,
						  .deadline = 100 * NS_PER_MS,
						  .period = 100 * NS_PER_MS));
	struct actor *caller = client(f, "caller"), *pending = client(f, "pending");
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	actor_sends(caller, channel, HIGH);
	actor_receives(server, channel, caller);
	assert_base(server);
	actor_sends(pending, channel, 99);
	assert_base(server);
	actor_interrupt(pending);
	actor_answers(server, caller);
	assert_base(server);
}

/* Of what is pending it is the request of its own that a server does not inherit. */
static void not_from_its_own_request(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *other = actor_low(f, "other");
	struct actor *caller = client(f, "caller");
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	actor_finds_nothing(server, channel);
	actor_finds_nothing(other, channel);
	actor_sends(server, channel, HIGH);
	assert_base(server);
	assert_boosted(other, HIGH);
	actor_sends(caller, channel, 70);
	assert_boosted(server, 70);
	assert_boosted(other, HIGH);
	actor_receives(other, channel, server);
	assert_boosted(server, 70);
	actor_answers(other, server);
	assert_boosted(other, 70);
	actor_receives(server, channel, caller);
	assert_base(other);
	actor_answers(server, caller);
}

/* ---- who replies ---- */

static void a_reply_unboosts_who_received(void **state)
{
	struct fixture *f = *state;
	struct actor *server[2] = { actor_low(f, "one"), actor_low(f, "two") };
	struct actor *caller[2] = { client(f, "c1"), client(f, "c2") };
	struct actor *stranger = actor_low(f, "stranger");
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	for (int by = 0; by < 3; by++) {
		for (int i = 0; i < 2; i++) {
			actor_sends(caller[i], channel, HIGH - 20 * i);
			actor_receives(server[i], channel, caller[i]);
		}
		if (by == 0)
			actor_answers(server[1], caller[0]);
		else if (by == 1)
			actor_answers(stranger, caller[0]);
		else
			answer(caller[0]);
		assert_base(server[0]);
		assert_base(stranger);
		assert_boosted(server[1], HIGH - 20);
		actor_answers(server[0], caller[1]);
		assert_base(server[1]);
		assert_base(server[0]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(features),
		PI_TEST(parked_is_boosted_before_it_runs),
		PI_TEST(parked_and_serving),
		PI_TEST(pending_before_the_server_comes),
		PI_TEST(the_best_of_the_parked_is_chosen),
		PI_TEST(busy_with_a_lower_request),
		PI_TEST(busy_with_something_else),
		PI_TEST(two_busy_servers),
		PI_TEST(a_parked_one_takes_it_from_the_busy_one),
		PI_TEST(pending_requests_come_and_go),
		PI_TEST(no_dip_in_between),
		PI_TEST(no_dip_with_a_hog),
		PI_TEST(none_is_lent_with_prio_0),
		PI_TEST(round_robin),
		PI_TEST(never_lowered),
		PI_TEST(a_deadline_server_is_left_alone),
		PI_TEST(not_from_its_own_request),
		PI_TEST(a_reply_unboosts_who_received),
	};

	return RUN(tests);
}
