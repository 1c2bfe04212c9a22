// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a sender has inherited ends while it sends: between the look at what its request is
 * worth and the moment from which the arbiter can find it. The deadline goes off anywhere in it,
 * on another CPU: the sender, with what it inherits, is not preempted by the one it has it from.
 */
#include "channel.h"
#include "prng.h"

#define ROUNDS 1000
#define SPREAD_US 1500

static void the_source_leaves_during_the_send(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_roaming(f, "waiter", FIFO(HIGH));
	struct actor *sender = actor_new(f, "sender", NORMAL(0));
	struct actor *server = actor_new(f, "server", NORMAL(0));
	int mutex = new_mutex(f, 0, 0), channel = stage_channel(f);
	uint64_t dice = dice_seed();
	unsigned int rounds = dice_steps(ROUNDS);

	only_ours(f, "no channels");
	print_message("# NTSYNC_PI_SEED=%llu\n", (unsigned long long)dice);
	assert_ret(actor_locks(sender, mutex), 0);
	for (unsigned int i = 0; i < rounds; i++) {
		actor_parks(server, channel);
		actor_wait(waiter, ANY, ARGS(FDS(mutex), .timeout = monotonic_ns() +
					     dice_below(&dice, SPREAD_US) * 1000));
		actor_send(sender, channel, 0);
		assert_ret(actor_finish(waiter), -ETIMEDOUT);
		actor_assert_asleep_in(sender, SEND);
		actor_assert_got(server, sender);
		assert_base(server);
		assert_base(sender);
		actor_answers(server, sender);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(the_source_leaves_during_the_send),
	};

	return RUN(tests);
}
