// SPDX-License-Identifier: GPL-2.0-only
/*
 * A server with several requests. Each blocking receive begins a new set; TRY_RECV2 adds to the
 * newest one. The newest set that is not empty counts, and in it the highest request. While the
 * server is parked no set counts.
 */
#include "channel.h"

#include <signal.h>

#define CLIENTS 4

/* The server is a normal task, so that any boost shows. */
struct sets {
	struct fixture *f;
	struct actor *server;
	struct actor *client[CLIENTS];
	int channel;
};

static struct sets set_up(struct fixture *f)
{
	static const char *const names[CLIENTS] = { "a", "b", "c", "d" };
	struct sets s = { .f = f, .server = actor_new(f, "server", NORMAL(3)) };

	for (int i = 0; i < CLIENTS; i++)
		s.client[i] = actor_new(f, names[i], NORMAL(0));
	s.channel = pi_channel(f);
	return s;
}

/* @becomes: the server's priority after that. */
static void receive_request(struct sets *s, int i, int prio, int becomes)
{
	actor_sends(s->client[i], s->channel, prio);
	actor_receives(s->server, s->channel, s->client[i]);
	assert_boosted(s->server, becomes);
}

static void drain_request(struct sets *s, int i, int prio, int becomes)
{
	actor_sends(s->client[i], s->channel, prio);
	actor_drains(s->server, s->channel, s->client[i]);
	assert_boosted(s->server, becomes);
}

/* @becomes: 0 = not boosted. */
static void answer_request(struct sets *s, int i, int becomes)
{
	actor_answers(s->server, s->client[i]);
	if (becomes)
		assert_boosted(s->server, becomes);
	else
		assert_unboosted(s->server);
}

static void the_last_received_counts(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	receive_request(&s, 0, 80, 80);
	receive_request(&s, 1, 10, 10);
	answer_request(&s, 1, 80);
	answer_request(&s, 0, 0);

	receive_request(&s, 0, 10, 10);
	receive_request(&s, 1, 80, 80);
	receive_request(&s, 2, 40, 40);
	answer_request(&s, 2, 80);
	answer_request(&s, 1, 10);
	answer_request(&s, 0, 0);
}

static void replied_in_another_order(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	receive_request(&s, 0, 80, 80);
	receive_request(&s, 1, 10, 10);
	answer_request(&s, 0, 10);
	answer_request(&s, 1, 0);

	receive_request(&s, 0, 30, 30);
	receive_request(&s, 1, 80, 80);
	receive_request(&s, 2, 60, 60);
	answer_request(&s, 1, 60);
	answer_request(&s, 2, 30);
	answer_request(&s, 0, 0);
}

static void the_highest_of_a_drain_counts(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	drain_request(&s, 0, 80, 80);
	drain_request(&s, 1, 10, 80);
	answer_request(&s, 0, 10);
	answer_request(&s, 1, 0);

	drain_request(&s, 0, 30, 30);
	drain_request(&s, 1, 80, 80);
	drain_request(&s, 2, 50, 80);
	answer_request(&s, 1, 50);
	answer_request(&s, 0, 50);
	answer_request(&s, 2, 0);
}

/* TRY_RECV2 after a receive adds to the set of that receive. */
static void a_drain_behind_a_receive(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	receive_request(&s, 0, 60, 60);
	receive_request(&s, 1, 30, 30);
	drain_request(&s, 2, 10, 30);
	drain_request(&s, 3, 40, 40);
	answer_request(&s, 3, 30);
	answer_request(&s, 1, 10);
	answer_request(&s, 2, 60);
	answer_request(&s, 0, 0);
}

/* The newest set stays the newest one when it is empty. */
static void a_drain_into_an_empty_set(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	receive_request(&s, 0, 80, 80);
	receive_request(&s, 1, 30, 30);
	answer_request(&s, 1, 80);
	drain_request(&s, 2, 20, 20);
	answer_request(&s, 2, 80);
	answer_request(&s, 0, 0);
}

static void a_receive_behind_a_drain(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	drain_request(&s, 0, 80, 80);
	drain_request(&s, 1, 70, 80);
	receive_request(&s, 2, 10, 10);
	drain_request(&s, 3, 20, 20);
	answer_request(&s, 3, 10);
	answer_request(&s, 2, 80);
	answer_request(&s, 0, 70);
	answer_request(&s, 1, 0);
}

static void finding_nothing_changes_nothing(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	actor_finds_nothing(s.server, s.channel);
	assert_unboosted(s.server);
	receive_request(&s, 0, 80, 80);
	actor_finds_nothing(s.server, s.channel);
	assert_boosted(s.server, 80);
	receive_request(&s, 1, 10, 10);
	actor_finds_nothing(s.server, s.channel);
	assert_boosted(s.server, 10);
	answer_request(&s, 1, 80);
	actor_finds_nothing(s.server, s.channel);
	assert_boosted(s.server, 80);
	answer_request(&s, 0, 0);
}

/* A request without a priority hides the older sets until it ends. */
static void a_request_without_priority_on_top(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	for (int leaves = 0; leaves < 2; leaves++) {
		receive_request(&s, 0, 80, 80);
		actor_sends(s.client[1], s.channel, 0);
		actor_receives(s.server, s.channel, s.client[1]);
		assert_unboosted(s.server);
		if (leaves)
			actor_interrupt(s.client[1]);
		else
			answer(s.client[1]);
		assert_boosted(s.server, 80);
		actor_sends(s.client[2], s.channel, 0);
		actor_drains(s.server, s.channel, s.client[2]);
		assert_unboosted(s.server);
		answer(s.client[2]);
		assert_boosted(s.server, 80);
		answer_request(&s, 0, 0);
	}
}

/* ---- parked with requests in hand ---- */

static void parked_without_boost(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	receive_request(&s, 0, 80, 80);
	actor_parks(s.server, s.channel);
	assert_unboosted(s.server);
	actor_sends(s.client[1], s.channel, 10);
	actor_assert_got(s.server, s.client[1]);
	assert_boosted(s.server, 10);
	answer_request(&s, 1, 80);
	answer_request(&s, 0, 0);
}

static void interrupted_while_parked(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	receive_request(&s, 0, 80, 80);
	actor_parks(s.server, s.channel);
	assert_unboosted(s.server);
	actor_interrupt(s.server);
	assert_boosted(s.server, 80);
	answer_request(&s, 0, 0);
	actor_parks(s.server, s.channel);
	actor_interrupt(s.server);
	assert_unboosted(s.server);
}

/* Another thread replies to requests of the parked server. */
static void replied_while_parked(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	receive_request(&s, 0, 80, 80);
	receive_request(&s, 1, 60, 60);
	actor_parks(s.server, s.channel);
	answer(s.client[1]);
	assert_unboosted(s.server);
	actor_interrupt(s.server);
	assert_boosted(s.server, 80);
	actor_parks(s.server, s.channel);
	answer(s.client[0]);
	assert_unboosted(s.server);
	actor_interrupt(s.server);
	assert_unboosted(s.server);
}

/* A server that is parked on one channel still works on requests of another. */
static void parked_on_another_channel(void **state)
{
	struct sets s = set_up(*state);
	int other = pi_channel(s.f);

	only_ours(s.f, "no channels");
	receive_request(&s, 0, 80, 80);
	actor_parks(s.server, other);
	assert_boosted(s.server, 80);
	actor_sends(s.client[1], s.channel, 90);
	assert_boosted(s.server, 90);
	actor_sends(s.client[2], other, 10);
	actor_assert_got(s.server, s.client[2]);
	assert_boosted(s.server, 90);
	actor_interrupt(s.client[1]);
	assert_boosted(s.server, 80);
	answer_request(&s, 0, 10);
	answer_request(&s, 2, 0);
}

/* ---- together with what is pending ---- */

static void pending_counts_besides(void **state)
{
	struct sets s = set_up(*state);

	only_ours(s.f, "no channels");
	receive_request(&s, 0, 80, 80);
	receive_request(&s, 1, 10, 10);
	actor_sends(s.client[2], s.channel, 50);
	assert_boosted(s.server, 50);
	answer_request(&s, 1, 80);
	actor_receives(s.server, s.channel, s.client[2]);
	assert_boosted(s.server, 50);
	answer_request(&s, 0, 50);
	answer_request(&s, 2, 0);
}

/* ---- a receive that delivers nothing ---- */

static int receive_into_nothing(struct actor *a, void *arg)
{
	return nt(a->channel, a->request, arg);
}

static void receive_at(struct actor *server, int channel, unsigned long request, void *memory)
{
	server->channel = channel;
	server->request = request;
	actor_tell(server, receive_into_nothing, memory);
}

/* The request returns to the queue, and boosts as a pending one does. */
static void a_faulting_receive_gives_it_back(void **state)
{
	static const unsigned long requests[] = { RECV, RECV2, TRY_RECV2 };
	struct sets s = set_up(*state);
	struct actor *other = actor_new(s.f, "other", FIFO(10));

	only_ours(s.f, "no channels");
	actor_finds_nothing(other, s.channel);
	receive_request(&s, 0, 60, 60);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		actor_sends(s.client[1], s.channel, 40);
		receive_at(s.server, s.channel, requests[i], unmapped(s.f));
		assert_ret(actor_finish(s.server), -EFAULT);
		assert_boosted(s.server, 60);
		assert_boosted(other, 40);
		actor_receives(other, s.channel, s.client[1]);
		actor_answers(other, s.client[1]);
		assert_unboosted(other);
		assert_boosted(s.server, 60);
	}
	answer_request(&s, 0, 0);
}

static void a_parked_receive_faults(void **state)
{
	struct sets s = set_up(*state);
	struct actor *other = actor_new(s.f, "other", FIFO(10));

	only_ours(s.f, "no channels");
	actor_finds_nothing(other, s.channel);
	receive_request(&s, 0, 60, 60);
	receive_at(s.server, s.channel, RECV2, unmapped(s.f));
	actor_assert_asleep_in(s.server, RECV2);
	actor_sends(s.client[1], s.channel, 80);
	assert_ret(actor_finish(s.server), -EFAULT);
	assert_boosted(s.server, 80);
	assert_boosted(other, 80);
	actor_interrupt(s.client[1]);
	assert_boosted(s.server, 60);
	assert_unboosted(other);
	answer_request(&s, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(the_last_received_counts),
		PI_TEST(replied_in_another_order),
		PI_TEST(the_highest_of_a_drain_counts),
		PI_TEST(a_drain_behind_a_receive),
		PI_TEST(a_drain_into_an_empty_set),
		PI_TEST(a_receive_behind_a_drain),
		PI_TEST(finding_nothing_changes_nothing),
		PI_TEST(a_request_without_priority_on_top),
		PI_TEST(parked_without_boost),
		PI_TEST(interrupted_while_parked),
		PI_TEST(replied_while_parked),
		PI_TEST(parked_on_another_channel),
		PI_TEST(pending_counts_besides),
		PI_TEST(a_faulting_receive_gives_it_back),
		PI_TEST(a_parked_receive_faults),
	};

	return RUN(tests);
}
