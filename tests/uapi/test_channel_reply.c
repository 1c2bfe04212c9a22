// SPDX-License-Identifier: GPL-2.0-only
/* Replies: which threads may reply, to which requests, and what happens when the sender is gone. */
#include "channel.h"

#include <signal.h>

static void assert_no_reply(int channel, uint64_t id)
{
	assert_ret(reply(channel, id), -ENOENT);
}

static void unknown_ids(void **state)
{
	static const uint64_t unknown[] = { 0, 3, 4, 1ull << 32 | 2, 1ull << 63, ~0ull };
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct call *sender;
	uint64_t id;

	assert_no_reply(channel, 1);
	start_send(f, channel, 0, 1);
	serve(channel, 0, 1);
	sender = start_send(f, channel, 0, 2);
	id = take(channel, 0, 2);
	assert_int_equal(id, 2);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_no_reply(channel, unknown[i]);
	assert_call_asleep(sender);
	assert_ret(reply(channel, id), 0);
	assert_call(sender, 0);
}

static void still_pending(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct call *sender = start_send(f, channel, 0, 1);

	assert_no_reply(channel, 1);
	assert_call_asleep(sender);
	assert_depth(channel, 1);
	assert_int_equal(take(channel, 0, 1), 1);
	assert_ret(reply(channel, 1), 0);
	assert_call(sender, 0);
}

static void already_replied(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	uint64_t id;

	start_send(f, channel, 0, 1);
	id = take(channel, 0, 1);
	assert_ret(reply(channel, id), 0);
	assert_no_reply(channel, id);
	/* The id does not stand for another sender's request either. */
	start_send(f, channel, 0, 2);
	take(channel, 0, 2);
	assert_no_reply(channel, id);
}

static void the_sender_has_left(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct call *sender = start_send(f, channel, 0, 1);
	uint64_t id = take(channel, 0, 1);

	count_signals(SIGUSR1, 0);
	call_signal(sender, SIGUSR1);
	assert_call(sender, -EINTR);
	assert_no_reply(channel, id);
}

/* An id belongs to one channel: each channel may have the same number. */
static void of_another_channel(void **state)
{
	struct fixture *f = *state;
	int one = new_channel(f, 4), other = new_channel(f, 4);
	struct call *sender = start_send(f, one, 0, 1), *others;

	assert_int_equal(take(one, 0, 1), 1);
	assert_no_reply(other, 1);
	others = start_send(f, other, 0, 2);
	assert_int_equal(take(other, 0, 2), 1);
	assert_ret(reply(other, 1), 0);
	assert_call(others, 0);
	assert_call_asleep(sender);
	assert_ret(reply(one, 1), 0);
	assert_call(sender, 0);
}

static void by_another_thread(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct call *sender = start_send(f, channel, 10, 1);
	struct call *receiver = call_running(f, channel, RECV, NULL, NULL);
	uint64_t id = assert_got(receiver, 10, 1);

	/* A thread that has never received. */
	assert_call(call_running(f, channel, REPLY, &id, NULL), 0);
	assert_call(sender, 0);
	assert_int_equal(channel_info(channel, "dispatched"), 0);
}

static int reply_as_told(struct peer *p, void *arg)
{
	peer_wait(p);
	CHECK(reply(*(int *)arg, 1) == 0);
	CHECK(reply(*(int *)arg, 1) == -ENOENT);
	return 0;
}

static void by_another_process(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct peer *p = peer_start(f, reply_as_told, &channel);
	struct call *sender = start_send(f, channel, 10, 1);

	assert_int_equal(take(channel, 10, 1), 1);
	peer_go(p);
	assert_call(sender, 0);
	assert_peer_ok(p);
}

static int receive_twice(struct peer *p, void *arg)
{
	request_t got;

	CHECK(!receive(*(int *)arg, RECV, &got));
	peer_say(p, got.entry_id);
	receive(*(int *)arg, RECV, &got);
	return 1;
}

/* To a request of a receiver that is parked for the next one. */
static void to_a_parked_receivers(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct call *first = start_send(f, channel, 10, 1);
	struct peer *p;
	uint64_t id;

	p = peer_start(f, receive_twice, &channel);
	id = peer_hear(p);
	peer_await_asleep(p, RECV);
	assert_call_asleep(first);
	assert_ret(reply(channel, id), 0);
	assert_call(first, 0);
	peer_await_asleep(p, RECV);
}

/* At the same time: exactly one succeeds. */
#define RACERS 4

static void one_of_several_at_a_time(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);

	for (uint64_t id = 1; id <= 100; id++) {
		struct call *sender = start_send(f, channel, 10, id), *racers[RACERS];
		int won = 0;

		assert_int_equal(take(channel, 10, id), id);
		for (int i = 0; i < RACERS; i++)
			racers[i] = call_running(f, channel, REPLY, &id, NULL);
		for (int i = 0; i < RACERS; i++) {
			int ret = call_ret(racers[i]);

			if (ret)
				assert_ret(ret, -ENOENT);
			won += !ret;
			call_end(racers[i]);
		}
		assert_int_equal(won, 1);
		assert_call(sender, 0);
		call_end(sender);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(unknown_ids),
		CHANNEL_TEST(still_pending),
		CHANNEL_TEST(already_replied),
		CHANNEL_TEST(the_sender_has_left),
		CHANNEL_TEST(of_another_channel),
		CHANNEL_TEST(by_another_thread),
		CHANNEL_TEST(by_another_process),
		CHANNEL_TEST(to_a_parked_receivers),
		CHANNEL_TEST(one_of_several_at_a_time),
	};

	return RUN(tests);
}
