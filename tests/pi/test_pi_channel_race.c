// SPDX-License-Identifier: GPL-2.0-only
/* What a sender inherits ends while it begins to send, or while it leaves. */
#include "channel.h"
#include "prng.h"

#define ROUNDS 1000
#define SPREAD_US 1500

/*
 * After the driver has read the priority for the request, but before the arbiter can find the
 * request. The waiter's deadline expires at a random point of the send, on another CPU: on the same
 * one the waiter could not preempt the sender, which has inherited its priority.
 */
static void the_source_leaves_during_the_send(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_roaming(f, "waiter", FIFO(HIGH));
	struct actor *sender = actor_new(f, "sender", NORMAL(0));
	struct actor *server = actor_new(f, "server", NORMAL(0));
	int mutex = new_mutex(f, 0, 0), channel = pi_channel(f);
	uint64_t random = prng_seed();
	unsigned int rounds = prng_steps(ROUNDS);

	only_ours(f, "no channels");
	print_message("# NTSYNC_PI_SEED=%llu\n", (unsigned long long)random);
	assert_ret(actor_locks(sender, mutex), 0);
	for (unsigned int i = 0; i < rounds; i++) {
		actor_parks(server, channel);
		actor_wait(waiter, ANY, ARGS(FDS(mutex), .timeout = monotonic_ns() +
					     prng_below(&random, SPREAD_US) * 1000));
		actor_send(sender, channel, 0);
		assert_ret(actor_finish(waiter), -ETIMEDOUT);
		actor_assert_asleep_in(sender, SEND);
		actor_assert_got(server, sender);
		assert_unboosted(server);
		assert_unboosted(sender);
		actor_answers(server, sender);
	}
}

#define RECEIVERS 48
#define WAIT_US 3000
#define LOWERING_US 1000

/*
 * The call that lowers the request, and with it the receivers, a few at a time, must go on with
 * those when the sender is interrupted in between and takes the request away.
 */
static void the_sender_leaves_during_the_lowering(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_roaming(f, "waiter", FIFO(HIGH));
	struct actor *sender = actor_new(f, "sender", NORMAL(0)), *receiver[RECEIVERS];
	int mutex = new_mutex(f, 0, 0), channel = pi_channel(f);
	uint64_t random = prng_seed(), until;
	unsigned int rounds = prng_steps(ROUNDS) / 4;

	only_ours(f, "no channels");
	print_message("# NTSYNC_PI_SEED=%llu\n", (unsigned long long)random);
	assert_ret(actor_locks(sender, mutex), 0);
	for (int i = 0; i < RECEIVERS; i++) {
		receiver[i] = actor_new(f, "receiver", NORMAL(0));
		actor_finds_nothing(receiver[i], channel);
	}
	for (unsigned int round = 0; round < rounds; round++) {
		actor_sends(sender, channel, 0);
		until = monotonic_ns() + WAIT_US * 1000;
		actor_wait(waiter, ANY, ARGS(FDS(mutex), .timeout = until));
		until += prng_below(&random, LOWERING_US) * 1000;
		while (monotonic_ns() < until)
			;
		actor_interrupt(sender);
		assert_ret(actor_finish(waiter), -ETIMEDOUT);
		for (int i = 0; i < RECEIVERS; i++)
			assert_unboosted(receiver[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(the_source_leaves_during_the_send),
		PI_TEST(the_sender_leaves_during_the_lowering),
	};

	return RUN(tests);
}
