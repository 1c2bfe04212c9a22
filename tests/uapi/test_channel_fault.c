// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that can't be read or written: no request is lost, none is made up, and none loses its
 * place in the queue.
 */
#include "channel.h"

static const unsigned long receives[] = { RECV, RECV2, TRY_RECV2 };

#define NR_BAD 4

/* An address to which a result can't be written. */
static void *new_bad_output(struct fixture *f, int kind, size_t size)
{
	switch (kind) {
	case 0:
		return NULL;
	case 1:
		return unmapped(f);
	case 2:
		return past_page_end(f, NULL, size);
	default:
		return read_only(f, NULL, size);
	}
}

/* An address from which an argument can't be read, or only its beginning. */
static void *new_bad_input(struct fixture *f, int kind, const void *init, size_t size)
{
	return kind == 2 && size > 4 ? past_page_end(f, init, size) :
	       kind	 ? unmapped(f) : NULL;
}

/* Same id and same place: among requests of its priority, and after higher ones. */
static void a_receive_that_faults(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(receives); i++) {
		unsigned long request = receives[i];
		int channel = new_channel(f, 3);

		for (uint64_t n = 1; n <= 3; n++)
			start_send(f, channel, n < 3 ? 50 : 20, n);
		for (int kind = 0; kind < NR_BAD; kind++) {
			void *out = new_bad_output(f, kind, _IOC_SIZE(request));

			assert_ret(nt(channel, request, out), -EFAULT);
			assert_depth(channel, 3);
			assert_int_equal(channel_info(channel, "dispatched"), 0);
			/* No receiver has it, so it can't be replied to. */
			assert_ret(reply(channel, 1), -ENOENT);
		}
		assert_int_equal(take(channel, 50, 1), 1);
		assert_int_equal(take(channel, 50, 2), 2);
		assert_int_equal(take(channel, 20, 3), 3);
		assert_empty(channel);
		for (uint64_t id = 1; id <= 3; id++)
			assert_ret(reply(channel, id), 0);
	}
}

static void a_better_one_overtakes_what_went_back(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);

	start_send(f, channel, 50, 1);
	start_send(f, channel, 50, 2);
	assert_ret(nt(channel, RECV, NULL), -EFAULT);
	start_send(f, channel, 60, 3);
	start_send(f, channel, 50, 4);
	serve(channel, 60, 3);
	serve(channel, 50, 1);
	serve(channel, 50, 2);
	serve(channel, 50, 4);
}

/* Exactly the bytes of the structure are written. */
static void a_receive_at_the_end_of_a_page(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 3);

	for (size_t i = 0; i < ARRAY_SIZE(receives); i++) {
		request_t *out = at_page_end(f, NULL, _IOC_SIZE(receives[i]));

		start_send(f, channel, 10, i);
		assert_ret(nt(channel, receives[i], out), 0);
		assert_int_equal(out->payload_off, i);
		assert_int_equal(out->prio, 10);
		assert_ret(reply(channel, out->entry_id), 0);
	}
}

static struct call *park_at(struct fixture *f, int channel, unsigned long request, void *address,
			    const struct waiter_sched *sched)
{
	struct call *c = call_at(f, channel, request, address, sched);

	assert_call_asleep(c);
	return c;
}

static void a_parked_receiver_that_faults(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 3);

	for (int kind = 0; kind < NR_BAD; kind++) {
		unsigned long request = receives[kind % 2];
		void *out = new_bad_output(f, kind, _IOC_SIZE(request));
		struct call *receiver = park_at(f, channel, request, out, NULL);
		struct call *sender = start_send(f, channel, 10, kind);

		assert_call(receiver, -EFAULT);
		assert_call_asleep(sender);
		assert_depth(channel, 1);
		assert_int_equal(take(channel, 10, kind), kind + 1);
		assert_ret(reply(channel, kind + 1), 0);
		assert_call(sender, 0);
	}
}

/* The request is at the head of a queue on which other receivers are parked. */
static void another_parked_receiver_gets_it(void **state)
{
	static const struct waiter_sched best = { .policy = SCHED_FIFO, .prio = 50 };
	static const struct waiter_sched good = { .policy = SCHED_FIFO, .prio = 40 };
	struct fixture *f = *state;
	int channel = new_channel(f, 3);
	struct call *bad[2], *receiver, *sender;

	need_realtime();
	receiver = start_recv(f, channel, RECV2, NULL);
	bad[0] = park_at(f, channel, RECV, NULL, &good);
	bad[1] = park_at(f, channel, RECV2, unmapped(f), &best);
	sender = start_send(f, channel, 10, 1);
	assert_int_equal(assert_got(receiver, 10, 1), 1);
	assert_call(bad[0], -EFAULT);
	assert_call(bad[1], -EFAULT);
	assert_ret(reply(channel, 1), 0);
	assert_call(sender, 0);
}

static int fault_and_stay(struct peer *p, void *arg)
{
	peer_say(p, -nt(*(int *)arg, RECV, NULL));
	peer_wait(p);
	return 0;
}

/* A receiver that got EFAULT has not received the request, so none of its work was done. */
static void a_receiver_that_faults_has_nothing(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 3);
	struct call *sender = start_send(f, channel, 10, 1);
	struct peer *p = peer_start(f, fault_and_stay, &channel);

	assert_int_equal(peer_hear(p), EFAULT);
	assert_call_asleep(sender);
	peer_kill(p);
	assert_call(sender, -EPIPE);
}

static void a_send_that_faults(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct ntsync_channel_send_args args = MESSAGE(10, 1);

	for (int kind = 0; kind < 3; kind++) {
		void *in = new_bad_input(f, kind, &args, sizeof(args));

		assert_ret(nt(channel, SEND, in), -EFAULT);
		assert_depth(channel, 0);
	}
	assert_empty(channel);
	assert_call_asleep(call_at(f, channel, SEND, at_page_end(f, &args, sizeof(args)), NULL));
	assert_int_equal(take(channel, 10, 1), 1);
}

static void a_reply_that_faults(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct call *sender = start_send(f, channel, 10, 1);
	uint64_t id = take(channel, 10, 1);

	for (int kind = 0; kind < 3; kind++)
		assert_ret(nt(channel, REPLY, new_bad_input(f, kind, &id, sizeof(id))), -EFAULT);
	assert_call_asleep(sender);
	assert_int_equal(channel_info(channel, "dispatched"), 1);
	assert_ret(nt(channel, REPLY, read_only(f, &id, sizeof(id))), 0);
	assert_call(sender, 0);
}

static void tokens_that_fault(void **state)
{
	const unsigned long add = NTSYNC_IOC_CHANNEL_REGISTER_THREAD;
	const unsigned long remove = NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD;
	struct ntsync_channel_register_thread_args args = { .tid = 5, .__pad = ~0u, .token = 6 };
	struct fixture *f = *state;
	int channel = new_channel(f, 1);

	for (int kind = 0; kind < 3; kind++)
		assert_ret(nt(channel, add, new_bad_input(f, kind, &args, sizeof(args))), -EFAULT);
	assert_int_equal(channel_info(channel, "registrations"), 0);
	assert_ret(nt(channel, add, at_page_end(f, &args, sizeof(args))), 0);
	for (int kind = 0; kind < 3; kind++)
		assert_ret(nt(channel, remove, new_bad_input(f, kind, &args.tid, 4)), -EFAULT);
	assert_int_equal(channel_info(channel, "registrations"), 1);
	assert_ret(nt(channel, remove, read_only(f, &args.tid, sizeof(args.tid))), 0);
	assert_int_equal(channel_info(channel, "registrations"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(a_receive_that_faults),
		CHANNEL_TEST(a_better_one_overtakes_what_went_back),
		CHANNEL_TEST(a_receive_at_the_end_of_a_page),
		CHANNEL_TEST(a_parked_receiver_that_faults),
		CHANNEL_TEST(another_parked_receiver_gets_it),
		CHANNEL_TEST(a_receiver_that_faults_has_nothing),
		CHANNEL_TEST(a_send_that_faults),
		CHANNEL_TEST(a_reply_that_faults),
		CHANNEL_TEST(tokens_that_fault),
	};

	return RUN(tests);
}
