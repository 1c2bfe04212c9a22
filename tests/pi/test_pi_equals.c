// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiters who are no better than the owner. They give it nothing, so nothing is set; until
 * something makes them count.
 */
#include "channel.h"

#define ROUNDS 50
#define WORSE 40
#define SOME 60

static void locks_and_is_waited_for(struct actor *owner, struct actor *waiter, int mutex)
{
	assert_ret(actor_locks(owner, mutex), 0);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_base(owner);
}

static void passes_on(struct actor *from, struct actor *to, int mutex)
{
	assert_ret(actor_unlocks(from, mutex), 0);
	assert_ret(actor_finish(to), 0);
}

/* And gives it back: that was all. */
static void worse_gets_it(struct actor *owner, struct actor *worse, int mutex)
{
	passes_on(owner, worse, mutex);
	assert_ret(actor_unlocks(worse, mutex), 0);
}

static void becomes(struct actor *a, struct task_attr attr)
{
	assert_ret(task_set_attr(a->tid, attr), 0);
	assert_ret(task_get_state(a->tid, &a->base), 0);
}

static struct actor *actor_worse(struct fixture *f)
{
	return actor_new(f, "worse", FIFO(WORSE));
}

/* The mutex goes round among two, and the third keeps it from being forgotten. */
static void nothing_is_set_for_equals(void **state)
{
	struct fixture *f = *state;
	struct actor *a = actor_new(f, "a", FIFO(SOME)), *b = actor_new(f, "b", FIFO(SOME));
	struct actor *worse = actor_worse(f), *owner = a, *next = b;
	int mutex = new_mutex(f, 0, 0);
	long long before;

	only_ours(f, "no counters");
	locks_and_is_waited_for(a, worse, mutex);
	before = arbiter_stat("pi_sets");
	for (int i = 0; i < ROUNDS; i++) {
		struct actor *last = owner;

		actor_lock(next, mutex);
		actor_assert_asleep(next);
		passes_on(owner, next, mutex);
		owner = next;
		next = last;
	}
	assert_int_equal(arbiter_stat("pi_sets"), before);
	worse_gets_it(owner, worse, mutex);
}

/* A task that uses two ids in turn. That is of interest for mutexes with one of these ids only. */
static void learning_ids_is_nobody_elses_business(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SOME)), *worse = actor_worse(f);
	struct actor *normal = actor_normal(f);
	int mutex = new_mutex(f, 0, 0), other = new_mutex(f, 0, 0);
	static const uint32_t ids[2] = { 5000, 5001 };
	long long before;

	only_ours(f, "no counters");
	locks_and_is_waited_for(owner, worse, mutex);
	before = arbiter_stat("pi_walks");
	for (int i = 0; i < ROUNDS; i++) {
		normal->owner = ids[i % 2];
		assert_ret(actor_locks(normal, other), 0);
		assert_ret(actor_unlocks(normal, other), 0);
	}
	assert_int_equal(arbiter_stat("pi_walks"), before);
	worse_gets_it(owner, worse, mutex);
}

static void a_better_one_comes(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SOME)), *high = actor_high(f);
	struct actor *worse = actor_worse(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	locks_and_is_waited_for(owner, worse, mutex);
	actor_lock(high, mutex);
	actor_assert_asleep(high);
	assert_boosted(owner, HIGH);
	actor_interrupt(high);
	assert_base(owner);
	worse_gets_it(owner, worse, mutex);
}

/* Nobody tells that the owner is worse than those who wait; the next one to come sees it. */
static void the_owner_lowers_itself_and_a_newcomer_counts(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SOME)), *worse = actor_worse(f);
	struct actor *newcomer = actor_new(f, "newcomer", FIFO(WORSE + 5));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	locks_and_is_waited_for(owner, worse, mutex);
	becomes(owner, FIFO(LOW));
	actor_lock(newcomer, mutex);
	actor_assert_asleep(newcomer);
	assert_boosted(owner, WORSE + 5);
	passes_on(owner, newcomer, mutex);
	passes_on(newcomer, worse, mutex);
	assert_ret(actor_unlocks(worse, mutex), 0);
}

/* Nor does anybody come. */
static void the_owner_lowers_itself_and_that_is_found(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SOME)), *worse = actor_worse(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	locks_and_is_waited_for(owner, worse, mutex);
	becomes(owner, FIFO(LOW));
	until_looked_at(2);
	assert_boosted(owner, WORSE);
	worse_gets_it(owner, worse, mutex);
}

static void lowers_itself_while_boosted(struct actor *owner, struct actor *high, int other)
{
	assert_ret(actor_locks(owner, other), 0);
	actor_lock(high, other);
	actor_assert_asleep(high);
	assert_boosted(owner, HIGH);
	becomes(owner, FIFO(LOW));
}

/* The same while it was boosted for something else, which ends. */
static void the_owner_lowers_itself_while_boosted(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SOME)), *worse = actor_worse(f);
	struct actor *high = actor_high(f);
	int mutex = new_mutex(f, 0, 0), other = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	locks_and_is_waited_for(owner, worse, mutex);
	lowers_itself_while_boosted(owner, high, other);
	actor_interrupt(high);
	until_looked_at(2);
	assert_boosted(owner, WORSE);
	assert_ret(actor_unlocks(owner, other), 0);
	worse_gets_it(owner, worse, mutex);
}

/* It has lost a boost by that; whoever comes makes the arbiter look. */
static void a_newcomer_shows_what_was_changed(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SOME)), *worse = actor_worse(f);
	struct actor *high = actor_high(f);
	int mutex = new_mutex(f, 0, 0), other = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(owner, mutex), 0);
	lowers_itself_while_boosted(owner, high, other);
	actor_lock(worse, mutex);
	actor_assert_asleep(worse);
	assert_boosted(owner, HIGH);
	passes_on(owner, high, other);
	assert_boosted(owner, WORSE);
	assert_ret(actor_unlocks(high, other), 0);
	worse_gets_it(owner, worse, mutex);
}

/* Before them is one with the owner's id, who waits only because it can't be taken more often. */
static void the_first_does_not_count(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_low(f, "owner"), *worse = actor_worse(f);
	struct actor *same = actor_high(f);
	int mutex = new_mutex(f, owner->owner, UINT32_MAX - 1);

	only_ours(f, "no inheritance");
	same->owner = owner->owner;
	assert_ret(actor_locks(owner, mutex), 0);
	actor_lock(same, mutex);
	actor_assert_asleep(same);
	assert_base(owner);
	actor_lock(worse, mutex);
	actor_assert_asleep(worse);
	assert_boosted(owner, WORSE);
	actor_interrupt(worse);
	assert_base(owner);
	actor_interrupt(same);
}

/* Two share an owner id. Who of them comes last has it, whatever it is. */
static void the_new_owner_is_worse(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_high(f), *first = actor_new(f, "first", FIFO(SOME));
	struct actor *worse = actor_worse(f), *low = actor_low(f, "low");
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	low->owner = first->owner;
	locks_and_is_waited_for(owner, worse, mutex);
	actor_lock(first, mutex);
	actor_assert_asleep(first);
	actor_lock(low, mutex);
	actor_assert_asleep(low);
	passes_on(owner, first, mutex);
	assert_ret(actor_finish(low), 0);
	assert_boosted(low, WORSE);
	assert_ret(actor_unlocks(low, mutex), 0);
	passes_on(first, worse, mutex);
	assert_ret(actor_unlocks(worse, mutex), 0);
}

/* Whoever waits for the sender waits for the reply, however little that is beside the sender. */
static void they_count_for_the_owners_request(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *owner = actor_high(f);
	struct actor *worse = actor_worse(f);
	int channel = stage_channel(f), mutex = new_mutex(f, 0, 0);

	only_ours(f, "no channels");
	locks_and_is_waited_for(owner, worse, mutex);
	actor_sends(owner, channel, LOW + 1);
	actor_receives(server, channel, owner);
	assert_boosted(server, WORSE);
	actor_interrupt(worse);
	assert_boosted(server, LOW + 1);
	actor_answers(server, owner);
	assert_ret(actor_unlocks(owner, mutex), 0);
}

/* The same, of a mutex that the arbiter knows, but for which nobody waited when it was sent. */
static void who_comes_while_the_owner_waits_for_a_reply(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_low(f, "server"), *owner = actor_high(f);
	struct actor *worse = actor_worse(f);
	int channel = stage_channel(f), mutex = new_mutex(f, 0, 0);

	only_ours(f, "no channels");
	locks_and_is_waited_for(owner, worse, mutex);
	actor_interrupt(worse);
	actor_sends(owner, channel, LOW + 1);
	actor_receives(server, channel, owner);
	assert_boosted(server, LOW + 1);
	for (int i = 0; i < 2; i++) {
		actor_lock(worse, mutex);
		actor_assert_asleep(worse);
		assert_boosted(server, WORSE);
		actor_interrupt(worse);
		assert_boosted(server, LOW + 1);
	}
	actor_answers(server, owner);
	assert_ret(actor_unlocks(owner, mutex), 0);
}

/* A mutex that was contended does not outlive its last descriptor. */
static void a_contended_mutex_is_closed(void **state)
{
	struct fixture *f = *state;
	struct actor *owner = actor_new(f, "owner", FIFO(SOME)), *worse = actor_worse(f);

	only_ours(f, "no inheritance");
	for (int i = 0; i < ROUNDS; i++) {
		int mutex = new_mutex(f, 0, 0);

		locks_and_is_waited_for(owner, worse, mutex);
		actor_interrupt(worse);
		close_fd(f, mutex);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(nothing_is_set_for_equals),
		PI_TEST(learning_ids_is_nobody_elses_business),
		PI_TEST(a_better_one_comes),
		PI_TEST(the_owner_lowers_itself_and_a_newcomer_counts),
		PI_TEST(the_owner_lowers_itself_and_that_is_found),
		PI_TEST(the_owner_lowers_itself_while_boosted),
		PI_TEST(a_newcomer_shows_what_was_changed),
		PI_TEST(the_first_does_not_count),
		PI_TEST(the_new_owner_is_worse),
		PI_TEST(they_count_for_the_owners_request),
		PI_TEST(who_comes_while_the_owner_waits_for_a_reply),
		PI_TEST(a_contended_mutex_is_closed),
	};

	return RUN(tests);
}
