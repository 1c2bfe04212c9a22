// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that wait for each other in a cycle that can be undone. A priority that enters the cycle
 * stays as long as its source does, and does not go round for ever once the source has left.
 */
#include "inversion.h"

/*
 *   one --waits for m2--> two --waits for m1--> one
 *    \--or for m3--> beside, which runs
 */
struct cycle {
	struct actor *one, *two, *beside, *source;
	int m1, m2, m3, out;
};

static void make_cycle(struct fixture *f, struct cycle *c)
{
	c->one = actor_new(f, "one", NORMAL(0));
	c->two = actor_new(f, "two", NORMAL(0));
	c->beside = actor_new(f, "beside", FIFO(LOW));
	c->source = actor_new(f, "source", FIFO(HIGH));
	c->m1 = new_mutex(f, 0, 0);
	c->m2 = new_mutex(f, 0, 0);
	c->m3 = new_mutex(f, 0, 0);
	c->out = new_auto(f, false);
	assert_ret(actor_locks(c->one, c->m1), 0);
	assert_ret(actor_locks(c->two, c->m2), 0);
	assert_ret(actor_locks(c->beside, c->m3), 0);
	actor_block(c->one, ANY, ARGS(FDS(c->m2, c->m3), .timeout = FOREVER));
	actor_block_on(c->two, c->m1);

	actor_block(c->source, ANY, ARGS(FDS(c->m1, c->out), .timeout = FOREVER));
	assert_boosted(c->one, HIGH);
	assert_boosted(c->two, HIGH);
	assert_boosted(c->beside, HIGH);
}

static void end_source(struct cycle *c)
{
	assert_ret(nt(c->out, NTSYNC_IOC_EVENT_SET, &(uint32_t){ 0 }), 0);
	assert_ret(actor_finish(c->source), 0);
}

/* Through m3, for which one waits too. */
static void undo_cycle(struct cycle *c)
{
	actor_pass_mutex(c->beside, c->one, c->m3);
	assert_ret(actor_unlocks(c->one, c->m3), 0);
	actor_pass_mutex(c->one, c->two, c->m1);
	assert_ret(actor_unlocks(c->two, c->m1), 0);
	assert_ret(actor_unlocks(c->two, c->m2), 0);
}

static void a_priority_without_a_source_goes(void **state)
{
	struct fixture *f = *state;
	struct cycle c;

	only_ours(f, "no inheritance");
	make_cycle(f, &c);
	end_source(&c);
	pi_assert_exact(f);
	undo_cycle(&c);
}

static void a_priority_with_a_source_stays(void **state)
{
	struct fixture *f = *state;
	struct cycle c;

	only_ours(f, "no inheritance");
	make_cycle(f, &c);
	until_looked_at(2);
	assert_boosted(c.one, HIGH);
	assert_boosted(c.two, HIGH);
	assert_boosted(c.beside, HIGH);
	end_source(&c);
	undo_cycle(&c);
}

/* When the highest source leaves, the priority of the next one remains. */
static void the_next_source_is_what_is_left(void **state)
{
	struct fixture *f = *state;
	struct actor *next;
	struct cycle c;
	int out;

	only_ours(f, "no inheritance");
	make_cycle(f, &c);
	next = actor_new(f, "next", FIFO(HOG));
	out = new_auto(f, false);
	actor_block(next, ANY, ARGS(FDS(c.m2, out), .timeout = FOREVER));
	end_source(&c);
	assert_boosted(c.one, HOG);
	assert_boosted(c.two, HOG);
	assert_boosted(c.beside, HOG);
	assert_ret(nt(out, NTSYNC_IOC_EVENT_SET, &(uint32_t){ 0 }), 0);
	assert_ret(actor_finish(next), 0);
	undo_cycle(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PI_TEST(a_priority_without_a_source_goes),
		PI_TEST(a_priority_with_a_source_stays),
		PI_TEST(the_next_source_is_what_is_left),
	};

	return RUN(tests);
}
