// SPDX-License-Identifier: GPL-2.0-only
/* The order of requests, the depth of a channel, and ids. */
#include "channel.h"

#include <signal.h>

#define DEPTH NTSYNC_CHANNEL_MAX_DEPTH

static const unsigned long receives[] = { RECV, RECV2, TRY_RECV2 };

static void priority_then_arrival(void **state)
{
	static const uint32_t sent[] = { 0, 50, 1, 99, 50, 0, 98, 1, 99, 50, 2, 0 };
	static const int order[] = { 3, 8, 6, 1, 4, 9, 10, 2, 7, 0, 5, 11 };
	struct fixture *f = *state;
	int channel = new_channel(f, ARRAY_SIZE(sent));
	struct call *senders[ARRAY_SIZE(sent)];

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
			senders[i] = start_send(f, channel, sent[i], i);
		for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
			int next = order[i];
			uint64_t id = take_by(channel, receives[round], sent[next], next);

			assert_ret(reply(channel, id), 0);
			assert_call(senders[next], 0);
		}
	}
}

/* A higher request that comes later is received next, whatever the receiver works on. */
static void a_later_one_overtakes(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);

	start_send(f, channel, 10, 1);
	start_send(f, channel, 20, 2);
	serve(channel, 20, 2);
	start_send(f, channel, 30, 3);
	start_send(f, channel, 10, 4);
	serve(channel, 30, 3);
	serve(channel, 10, 1);
	serve(channel, 10, 4);
}

/* The policy is for the receiver to run with; in the queue only the priority counts. */
static void policies_are_equal(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);

	for (uint64_t i = 0; i < 4; i++) {
		struct ntsync_channel_send_args args = { i % 2 ? SCHED_FIFO : SCHED_RR, 40, i, ~i };

		assert_call_asleep(call_running(f, channel, SEND, &args, NULL));
	}
	for (uint64_t i = 0; i < 4; i++)
		serve(channel, 40, i);
}

static struct call *send_sched(struct fixture *f, int channel, uint32_t prio, uint64_t payload,
			       const struct waiter_sched *sched)
{
	struct call *c = call_running(f, channel, SEND, &MESSAGE(prio, payload), sched);

	assert_call_asleep(c);
	return c;
}

static void the_senders_own_priority_does_not_count(void **state)
{
	static const struct waiter_sched high = { .policy = SCHED_FIFO, .prio = 90 };
	static const struct waiter_sched low = { .policy = SCHED_FIFO, .prio = 1 };
	struct fixture *f = *state;
	int channel = new_channel(f, 5);

	need_realtime();
	send_sched(f, channel, 0, 1, NULL);
	send_sched(f, channel, 0, 2, &high);
	send_sched(f, channel, 5, 3, &high);
	send_sched(f, channel, 10, 4, &low);
	send_sched(f, channel, 10, 5, &high);
	serve(channel, 10, 4);
	serve(channel, 10, 5);
	serve(channel, 5, 3);
	serve(channel, 0, 1);
	serve(channel, 0, 2);
}

struct holder {
	struct fixture *f;
	int mutex, channel;
	atomic_int ret;
};

static void *lock_and_send(void *arg)
{
	struct holder *h = arg;
	struct ntsync_wait_args args = ARGS(FDS(h->mutex), .owner = 7, .timeout = FOREVER);

	if (!nt(h->f->dev, ANY, &args))
		atomic_store(&h->ret, try_send(h->channel, 10, 1));
	return NULL;
}

/* The sender asks for 10, and inherits 60 from a waiter: its request goes before one of 20. */
static void what_the_sender_inherits_counts(void **state)
{
	static const struct waiter_sched sixty = { .policy = SCHED_FIFO, .prio = 60 };
	struct fixture *f = *state;
	static struct holder h;
	struct waiter *waiter;
	pthread_t thread;

	h = (struct holder){ f, new_mutex(f, 0, 0), new_channel(f, 3), 1 };
	need_realtime();
	pthread_create(&thread, NULL, lock_and_send, &h);
	await_info(h.channel, "depth", 1);
	start_send(f, h.channel, 20, 2);
	waiter = start_sched(f, ANY, ARGS(FDS(h.mutex), .owner = 8, .timeout = FOREVER), &sixty);
	start_send(f, h.channel, 50, 3);
	/* The receiver is told the priority that was asked for. */
	serve(h.channel, 10, 1);
	pthread_join(thread, NULL);
	assert_ret(atomic_load(&h.ret), 0);
	serve(h.channel, 50, 3);
	serve(h.channel, 20, 2);
	unlock(h.mutex, 7, 1);
	assert_woken(waiter, 0, 0);
}

/*
 * A sender that no longer inherits is again among those of its own priority, in order of arrival.
 */
static void what_the_sender_inherits_ends(void **state)
{
	static const struct waiter_sched sixty = { .policy = SCHED_FIFO, .prio = 60 };
	struct fixture *f = *state;
	static struct holder h;
	struct waiter *waiter;
	pthread_t thread;

	h = (struct holder){ f, new_mutex(f, 0, 0), new_channel(f, 4), 1 };
	need_realtime();
	count_signals(SIGUSR1, 0);
	start_send(f, h.channel, 10, 0);
	pthread_create(&thread, NULL, lock_and_send, &h);
	await_info(h.channel, "depth", 2);
	start_send(f, h.channel, 20, 2);
	start_send(f, h.channel, 10, 3);
	waiter = start_sched(f, ANY, ARGS(FDS(h.mutex), .owner = 8, .timeout = FOREVER), &sixty);
	waiter_signal(waiter, SIGUSR1);
	assert_woken(waiter, -EINTR, 0);
	serve(h.channel, 20, 2);
	serve(h.channel, 10, 0);
	serve(h.channel, 10, 1);
	serve(h.channel, 10, 3);
	pthread_join(thread, NULL);
	unlock(h.mutex, 7, 1);
}

/* A permutation that is the same in every run. */
static uint32_t choose_prio(uint32_t i)
{
	return i * 37 % 100;
}

static void take_in_order(int channel, uint32_t count)
{
	uint32_t served = 0;

	for (int prio = 99; prio >= 0; prio--) {
		for (uint32_t i = 0; i < count; i++) {
			if ((int)choose_prio(i) != prio)
				continue;
			serve(channel, prio, i);
			still_alive();
			served++;
		}
	}
	assert_int_equal(served, count);
}

static void as_deep_as_can_be(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, DEPTH);
	struct call *senders[DEPTH];

	for (uint32_t i = 0; i < DEPTH; i++) {
		/*
		 * The first of each hundred: all of them have different priorities, so the order of
		 * arrival does not matter.
		 */
		if (i % 100 == 0)
			await_info(channel, "depth", i);
		senders[i] = call_running(f, channel, SEND, &MESSAGE(choose_prio(i), i), NULL);
		still_alive();
	}
	await_info(channel, "depth", DEPTH);
	assert_ret(try_send(channel, 0, 0), -EAGAIN);
	assert_ret(try_send(channel, 99, 0), -EAGAIN);
	take_in_order(channel, DEPTH);
	assert_empty(channel);
	for (uint32_t i = 0; i < DEPTH; i++) {
		assert_call(senders[i], 0);
		still_alive();
	}
}

/* Sent at the same time, by as many threads, and received by four. */
#define CROWD 1000

static atomic_int answered[CROWD];
static uint32_t crowd;

static void *serve_crowd(void *arg)
{
	int channel = *(int *)arg;
	request_t got = { 0 };

	while (!receive(channel, RECV2, &got) && got.payload_off < crowd) {
		atomic_fetch_add(&answered[got.payload_off], 1);
		if (reply(channel, got.entry_id))
			break;
	}
	if (got.payload_off >= crowd)
		reply(channel, got.entry_id);
	return NULL;
}

static void very_many_senders(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, DEPTH);
	struct call *senders[CROWD];
	pthread_t servers[4];

	crowd = choose_crowd(CROWD);
	memset(answered, 0, sizeof(answered));
	for (uint32_t i = 0; i < crowd; i++) {
		/* By then the queue is not empty. */
		for (int s = 0; s < 4 && i == crowd / 2; s++)
			pthread_create(&servers[s], NULL, serve_crowd, &channel);
		senders[i] = call_running(f, channel, SEND, &MESSAGE(choose_prio(i), i), NULL);
		still_alive();
	}
	for (uint32_t i = 0; i < crowd; i++) {
		assert_call(senders[i], 0);
		still_alive();
		assert_int_equal(atomic_load(&answered[i]), 1);
	}
	for (int i = 0; i < 4; i++)
		assert_ret(try_send(channel, 0, crowd), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(servers[i], NULL);
	assert_empty(channel);
}

static void the_depth_is_of_pending_ones(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	uint64_t ids[6];

	for (uint64_t i = 0; i < 6; i++) {
		start_send(f, channel, 0, i);
		ids[i] = take(channel, 0, i);
		assert_depth(channel, 0);
		assert_int_equal(channel_info(channel, "dispatched"), i + 1);
	}
	start_send(f, channel, 0, 6);
	start_send(f, channel, 0, 7);
	assert_ret(try_send(channel, 0, 8), -EAGAIN);
	for (int i = 0; i < 6; i++)
		assert_ret(reply(channel, ids[i]), 0);
	assert_ret(try_send(channel, 0, 8), -EAGAIN);
	serve(channel, 0, 6);
	start_send(f, channel, 0, 8);
	assert_ret(try_send(channel, 0, 9), -EAGAIN);
	serve(channel, 0, 7);
	serve(channel, 0, 8);
}

/* A request that goes directly to a parked receiver was never pending. */
static void a_parked_receiver_takes_no_depth(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct call *receiver = start_recv(f, channel, RECV2, NULL);
	uint64_t id;

	start_send(f, channel, 0, 1);
	id = assert_got(receiver, 0, 1);
	start_send(f, channel, 0, 2);
	assert_ret(try_send(channel, 0, 3), -EAGAIN);
	assert_ret(reply(channel, id), 0);
	serve(channel, 0, 2);
}

static void a_withdrawn_one_makes_room(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct call *sender = start_send(f, channel, 0, 1);

	count_signals(SIGUSR1, 0);
	assert_ret(try_send(channel, 0, 2), -EAGAIN);
	call_signal(sender, SIGUSR1);
	assert_call(sender, -EINTR);
	assert_depth(channel, 0);
	start_send(f, channel, 0, 3);
	serve(channel, 0, 3);
	assert_empty(channel);
}

static void ids_begin_at_1_per_channel(void **state)
{
	struct fixture *f = *state;
	int channels[3];

	for (int i = 0; i < 3; i++)
		channels[i] = new_channel(f, 4);
	for (int i = 0; i < 3; i++) {
		start_send(f, channels[i], 0, i);
		assert_int_equal(take(channels[i], 0, i), 1);
	}
	start_send(f, channels[0], 0, 7);
	assert_int_equal(take(channels[0], 0, 7), 2);
}

/* Neither after a reply, nor after a sender has left, pending or dispatched. */
static void ids_are_never_reused(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	uint64_t ids[120];

	count_signals(SIGUSR1, 0);
	for (uint64_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct call *left = start_send(f, channel, 1, 1000), *stays;

		if (i % 3 == 0) {
			call_signal(left, SIGUSR1);
			assert_call(left, -EINTR);
		}
		stays = start_send(f, channel, 2, i);
		ids[i] = take(channel, 2, i);
		if (i % 3 == 1)
			assert_ret(reply(channel, ids[i]), 0);
		call_signal(stays, SIGUSR1);
		assert_call(stays, i % 3 == 1 ? 0 : -EINTR);
		if (i % 3)
			serve(channel, 1, 1000);
		for (uint64_t j = 0; j < i; j++)
			assert_true(ids[j] != ids[i]);
		assert_ret(reply(channel, ids[i]), -ENOENT);
	}
}

static void several_receivers_take_the_best_ones(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	uint64_t ids[4];

	for (uint64_t i = 0; i < 4; i++)
		start_send(f, channel, 10 + i, i);
	for (uint64_t i = 0; i < 4; i++) {
		struct call *c = call_running(f, channel, i % 2 ? RECV : RECV2, NULL, NULL);

		ids[i] = assert_got(c, 13 - i, 3 - i);
	}
	for (int i = 0; i < 4; i++)
		assert_ret(reply(channel, ids[i]), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(priority_then_arrival),
		CHANNEL_TEST(a_later_one_overtakes),
		CHANNEL_TEST(policies_are_equal),
		CHANNEL_TEST(the_senders_own_priority_does_not_count),
		CHANNEL_TEST(what_the_sender_inherits_counts),
		CHANNEL_TEST(what_the_sender_inherits_ends),
		CHANNEL_TEST(as_deep_as_can_be),
		CHANNEL_TEST(very_many_senders),
		CHANNEL_TEST(the_depth_is_of_pending_ones),
		CHANNEL_TEST(a_parked_receiver_takes_no_depth),
		CHANNEL_TEST(a_withdrawn_one_makes_room),
		CHANNEL_TEST(ids_begin_at_1_per_channel),
		CHANNEL_TEST(ids_are_never_reused),
		CHANNEL_TEST(several_receivers_take_the_best_ones),
	};

	return RUN(tests);
}
