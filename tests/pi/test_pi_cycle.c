// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that wait for each other in a circle, with a way out: a priority that has come
 * into it does not go round for ever after its source has left, and stays as long as the
 * source does.
 */
#include "inversion.h"

/*
 *   one --waits for m2--> two --waits for m1--> one
 *    \--or for m3--> beside, who runs
 */
struct circle {
	struct actor *one, *two, *beside, *source;
	int m1, m2, m3, out;
};

static void circle_close(struct fixture *f, struct circle *c)
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
	actor_wait(c->one, ANY, ARGS(FDS(c->m2, c->m3), .timeout = FOREVER));
	actor_assert_asleep(c->one);
	actor_lock(c->two, c->m1);
	actor_assert_asleep(c->two);

	actor_wait(c->source, ANY, ARGS(FDS(c->m1, c->out), .timeout = FOREVER));
	actor_assert_asleep(c->source);
	assert_boosted(c->one, HIGH);
	assert_boosted(c->two, HIGH);
	assert_boosted(c->beside, HIGH);
}

static void source_leaves(struct circle *c)
{
	assert_ret(nt(c->out, NTSYNC_IOC_EVENT_SET, &(uint32_t){ 0 }), 0);
	assert_ret(actor_finish(c->source), 0);
}

/* By the way out. */
static void circle_open(struct circle *c)
{
	assert_ret(actor_unlocks(c->beside, c->m3), 0);
	assert_ret(actor_finish(c->one), 0);
	assert_ret(actor_unlocks(c->one, c->m3), 0);
	assert_ret(actor_unlocks(c->one, c->m1), 0);
	assert_ret(actor_finish(c->two), 0);
	assert_ret(actor_unlocks(c->two, c->m1), 0);
	assert_ret(actor_unlocks(c->two, c->m2), 0);
}

static void a_level_without_a_source_goes(void **state)
{
	struct fixture *f = *state;
	struct circle c;

	only_ours(f, "no inheritance");
	circle_close(f, &c);
	source_leaves(&c);
	stage_assert_exact(f);
	circle_open(&c);
}

static void a_level_with_a_source_stays(void **state)
{
	struct fixture *f = *state;
	struct circle c;

	only_ours(f, "no inheritance");
	circle_close(f, &c);
	until_looked_at(2);
	assert_boosted(c.one, HIGH);
	assert_boosted(c.two, HIGH);
	assert_boosted(c.beside, HIGH);
	source_leaves(&c);
	circle_open(&c);
}

/* What is left when the best source goes is what the next one gives. */
static void the_next_source_is_what_is_left(void **state)
{
	struct fixture *f = *state;
	struct actor *next;
	struct circle c;
	int out;

	only_ours(f, "no inheritance");
	circle_close(f, &c);
	next = actor_new(f, "next", FIFO(HOG));
	out = new_auto(f, false);
	actor_wait(next, ANY, ARGS(FDS(c.m2, out), .timeout = FOREVER));
	actor_assert_asleep(next);
	source_leaves(&c);
	assert_boosted(c.one, HOG);
	assert_boosted(c.two, HOG);
	assert_boosted(c.beside, HOG);
	assert_ret(nt(out, NTSYNC_IOC_EVENT_SET, &(uint32_t){ 0 }), 0);
	assert_ret(actor_finish(next), 0);
	circle_open(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PI_TEST(a_level_without_a_source_goes),
		PI_TEST(a_level_with_a_source_stays),
		PI_TEST(the_next_source_is_what_is_left),
	};

	return RUN(tests);
}
