// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiters whose priority is not above the owner's have no PI effect, and nothing is set for them,
 * until something changes that makes them count.
 */
#include "channel.h"

#define ROUNDS 50
#define LOWER 40
#define SAME 60

static void lock_and_contend(struct actor *owner, struct actor *waiter, int mutex)
{
	assert_ret(actor_locks(owner, mutex), 0);
	actor_block_on(waiter, mutex);
	assert_unboosted(owner);
}

/* The last waiter: it gets the mutex and unlocks it. */
static void pass_to_lower(struct actor *owner, struct actor *lower, int mutex)
{
	actor_pass_mutex(owner, lower, mutex);
	assert_ret(actor_unlocks(lower, mutex), 0);
}

static struct actor *actor_lower(struct fixture *f)
{
	return actor_new(f, "lower", FIFO(LOWER));
}

/* Two tasks pass the mutex to each other; a third, lower waiter keeps it known to the arbiter. */
static void nothing_is_set_for_equals(void **state)
{
	struct fixture *f = *state;
	struct actor *a = actor_new(f, "a", FIFO(SAME)), *b = actor_new(f, "b", FIFO(SAME));
	struct actor *lower = actor_lower(f), *owner = a, *next = b;
	int mutex = new_mutex(f, 0, 0);
	long long before;

	only_ours(f, "no counters");
	lock_and_contend(a, lower, mutex);
	before = arbiter_stat("pi_sets");
	for (int i = 0; i < ROUNDS; i++) {
		struct actor *last = owner;

		actor_block_on(next, mutex);
		actor_pass_mutex(owner, next, mutex);
		owner = next;
		next = last;
	}
	assert_int_equal(arbiter_stat("pi_sets"), before);
	pass_to_lower(owner, lower, mutex);
}

/* A task that uses two owner ids in turn matters only to mutexes that one of these ids owns. */
static void learning_ids_walks_no_other_chain(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SAME)), *lower = actor_lower(f);
	struct actor *normal = actor_normal(f);
	int mutex = new_mutex(f, 0, 0), other = new_mutex(f, 0, 0);
	static const uint32_t ids[2] = { 5000, 5001 };
	long long before;

	only_ours(f, "no counters");
	lock_and_contend(owner, lower, mutex);
	before = arbiter_stat("pi_walks");
	for (int i = 0; i < ROUNDS; i++) {
		normal->owner = ids[i % 2];
		assert_ret(actor_locks(normal, other), 0);
		assert_ret(actor_unlocks(normal, other), 0);
	}
	assert_int_equal(arbiter_stat("pi_walks"), before);
	pass_to_lower(owner, lower, mutex);
}

static void a_higher_waiter_comes(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SAME)), *high = actor_high(f);
	struct actor *lower = actor_lower(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	lock_and_contend(owner, lower, mutex);
	actor_block_on(high, mutex);
	assert_boosted(owner, HIGH);
	actor_interrupt(high);
	assert_unboosted(owner);
	pass_to_lower(owner, lower, mutex);
}

/* The driver is not told that the owner is now below its waiters; the next waiter makes it look. */
static void the_owner_lowers_itself_and_a_newcomer_counts(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SAME)), *lower = actor_lower(f);
	struct actor *newcomer = actor_new(f, "newcomer", FIFO(LOWER + 5));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	lock_and_contend(owner, lower, mutex);
	actor_set_attr(owner, FIFO(LOW));
	actor_block_on(newcomer, mutex);
	assert_boosted(owner, LOWER + 5);
	actor_pass_mutex(owner, newcomer, mutex);
	actor_pass_mutex(newcomer, lower, mutex);
	assert_ret(actor_unlocks(lower, mutex), 0);
}

/* Without a next waiter the one that sleeps already finds it: it verifies once a second. */
static void the_owner_lowers_itself_and_that_is_found(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SAME)), *lower = actor_lower(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	lock_and_contend(owner, lower, mutex);
	actor_set_attr(owner, FIFO(LOW));
	until_looked_at(2);
	assert_boosted(owner, LOWER);
	pass_to_lower(owner, lower, mutex);
}

/* The same with a deadline on the wall clock, which somebody sets back meanwhile. */
static void it_is_found_when_the_wall_clock_is_set_back(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SAME)), *lower = actor_lower(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	need_settable_clock();
	assert_ret(actor_locks(owner, mutex), 0);
	actor_block(lower, ANY, ARGS(FDS(mutex), .flags = NTSYNC_WAIT_REALTIME,
				     .timeout = in_an_hour()));
	step_wall_clock(-AN_HOUR_LATER);
	actor_set_attr(owner, FIFO(LOW));
	until_looked_at(2);
	assert_boosted(owner, LOWER);
	pass_to_lower(owner, lower, mutex);
}

static void boost_and_lower(struct actor *owner, struct actor *high, int other)
{
	contend(owner, high, other);
	actor_set_attr(owner, FIFO(LOW));
}

/* The same while the owner is boosted for another mutex; that boost then ends. */
static void the_owner_is_lowered_while_boosted(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SAME)), *lower = actor_lower(f);
	struct actor *high = actor_high(f);
	int mutex = new_mutex(f, 0, 0), other = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	lock_and_contend(owner, lower, mutex);
	boost_and_lower(owner, high, other);
	actor_interrupt(high);
	until_looked_at(2);
	assert_boosted(owner, LOWER);
	assert_ret(actor_unlocks(owner, other), 0);
	pass_to_lower(owner, lower, mutex);
}

/* Setting its parameters has removed a boost; the next waiter makes the arbiter look. */
static void a_newcomer_shows_what_was_changed(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SAME)), *lower = actor_lower(f);
	struct actor *high = actor_high(f);
	int mutex = new_mutex(f, 0, 0), other = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(owner, mutex), 0);
	boost_and_lower(owner, high, other);
	actor_block_on(lower, mutex);
	assert_boosted(owner, HIGH);
	actor_pass_mutex(owner, high, other);
	assert_boosted(owner, LOWER);
	assert_ret(actor_unlocks(high, other), 0);
	pass_to_lower(owner, lower, mutex);
}

/*
 * The first in the queue has the owner's id, and waits only because the mutex can't be locked more
 * often. It must not count.
 */
static void the_first_does_not_count(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_low(f, "owner"), *lower = actor_lower(f);
	struct actor *same = actor_high(f);
	int mutex = new_mutex(f, owner->owner, UINT32_MAX - 1);

	only_ours(f, "no inheritance");
	same->owner = owner->owner;
	assert_ret(actor_locks(owner, mutex), 0);
	actor_block_on(same, mutex);
	assert_unboosted(owner);
	actor_block_on(lower, mutex);
	assert_boosted(owner, LOWER);
	actor_interrupt(lower);
	assert_unboosted(owner);
	actor_interrupt(same);
}

/* Two tasks share an owner id: it stands for the one that used it last. */
static void the_new_owner_is_lower(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_high(f), *first = actor_new(f, "first", FIFO(SAME));
	struct actor *lower = actor_lower(f), *low = actor_low(f, "low");
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	low->owner = first->owner;
	lock_and_contend(owner, lower, mutex);
	actor_block_on(first, mutex);
	actor_block_on(low, mutex);
	actor_pass_mutex(owner, first, mutex);
	assert_ret(actor_finish(low), 0);
	assert_boosted(low, LOWER);
	assert_ret(actor_unlocks(low, mutex), 0);
	actor_pass_mutex(first, lower, mutex);
	assert_ret(actor_unlocks(lower, mutex), 0);
}

/*
 * A waiter of a mutex whose owner awaits a reply waits for that reply too, and boosts the server,
 * though it is below the owner.
 */
static void they_boost_the_server_of_the_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *owner = actor_high(f);
	struct actor *lower = actor_lower(f);
	int channel = pi_channel(f), mutex = new_mutex(f, 0, 0);

	only_ours(f, "no channels");
	lock_and_contend(owner, lower, mutex);
	actor_sends(owner, channel, LOW + 1);
	actor_receives(server, channel, owner);
	assert_boosted(server, LOWER);
	actor_interrupt(lower);
	assert_boosted(server, LOW + 1);
	actor_answers(server, owner);
	assert_ret(actor_unlocks(owner, mutex), 0);
}

/* The same if the arbiter knows the mutex, but it had no waiter when the request was sent. */
static void a_waiter_comes_while_the_owner_awaits_a_reply(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *owner = actor_high(f);
	struct actor *lower = actor_lower(f);
	int channel = pi_channel(f), mutex = new_mutex(f, 0, 0);

	only_ours(f, "no channels");
	lock_and_contend(owner, lower, mutex);
	actor_interrupt(lower);
	actor_sends(owner, channel, LOW + 1);
	actor_receives(server, channel, owner);
	assert_boosted(server, LOW + 1);
	for (int i = 0; i < 2; i++) {
		actor_block_on(lower, mutex);
		assert_boosted(server, LOWER);
		actor_interrupt(lower);
		assert_boosted(server, LOW + 1);
	}
	actor_answers(server, owner);
	assert_ret(actor_unlocks(owner, mutex), 0);
}

/* A mutex that was contended is freed with its last descriptor. */
static void a_contended_mutex_is_closed(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SAME)), *lower = actor_lower(f);

	only_ours(f, "no inheritance");
	for (int i = 0; i < ROUNDS; i++) {
		int mutex = new_mutex(f, 0, 0);

		lock_and_contend(owner, lower, mutex);
		actor_interrupt(lower);
		close_fd(f, mutex);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(nothing_is_set_for_equals),
		PI_TEST(learning_ids_walks_no_other_chain),
		PI_TEST(a_higher_waiter_comes),
		PI_TEST(the_owner_lowers_itself_and_a_newcomer_counts),
		PI_TEST(the_owner_lowers_itself_and_that_is_found),
		PI_TEST(it_is_found_when_the_wall_clock_is_set_back),
		PI_TEST(the_owner_is_lowered_while_boosted),
		PI_TEST(a_newcomer_shows_what_was_changed),
		PI_TEST(the_first_does_not_count),
		PI_TEST(the_new_owner_is_lower),
		PI_TEST(they_boost_the_server_of_the_owner),
		PI_TEST(a_waiter_comes_while_the_owner_awaits_a_reply),
		PI_TEST(a_contended_mutex_is_closed),
	};

	return RUN(tests);
}
