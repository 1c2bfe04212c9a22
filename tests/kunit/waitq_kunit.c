// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue: its order, and that it stays a balanced tree.
 */
#include <kunit/test.h>
#include <linux/log2.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "fixture.h"

static void orders_by_level_then_arrival(struct kunit *test)
{
	static const int prios[] = { 100, 40, 100, -1, 40, 0, 98 };
	static const int served[] = { 3, 5, 1, 4, 6, 0, 2 };
	struct ntsync_waitq_node n[ARRAY_SIZE(prios)];
	struct ntsync_waitq q;
	int i;

	ntsync_waitq_init(&q);
	for (i = 0; i < ARRAY_SIZE(prios); i++)
		ntsync_waitq_insert(&q, &n[i], prios[i]);
	for (i = 0; i < ARRAY_SIZE(served); i++) {
		KUNIT_EXPECT_PTR_EQ(test, ntsync_waitq_first(&q), &n[served[i]]);
		ntsync_waitq_erase(&q, ntsync_waitq_first(&q));
		KUNIT_EXPECT_FALSE(test, ntsync_waitq_queued(&n[served[i]]));
	}
	KUNIT_EXPECT_NULL(test, ntsync_waitq_first(&q));
	KUNIT_EXPECT_EQ(test, q.count, 0);
}

static void a_moved_node_keeps_its_arrival(struct kunit *test)
{
	struct ntsync_waitq_node n[3];
	struct ntsync_waitq q;

	ntsync_waitq_init(&q);
	ntsync_waitq_insert(&q, &n[0], 50);
	ntsync_waitq_insert(&q, &n[1], 100);
	ntsync_waitq_insert(&q, &n[2], 100);

	ntsync_waitq_requeue(&q, &n[0], 100);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_waitq_first(&q), &n[0]);
	ntsync_waitq_requeue(&q, &n[2], 10);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_waitq_first(&q), &n[2]);
	KUNIT_EXPECT_EQ(test, q.count, 3);
}

/* For each priority, and after many arrivals. */
static void a_node_knows_its_level_and_tag(struct kunit *test)
{
	struct ntsync_waitq_node n;
	struct ntsync_waitq q;
	int prio;

	ntsync_waitq_init(&q);
	q.arrivals = 1ULL << 47;
	for (prio = -1; prio <= MAX_RT_PRIO; prio++) {
		u8 tag = 200 + prio / 2;

		ntsync_waitq_node_init(&n, tag);
		KUNIT_EXPECT_FALSE(test, ntsync_waitq_queued(&n));
		ntsync_waitq_insert(&q, &n, 50);
		ntsync_waitq_requeue(&q, &n, prio);
		KUNIT_EXPECT_EQ(test, ntsync_waitq_prio(&n), prio);
		KUNIT_EXPECT_EQ(test, ntsync_waitq_tag(&n), tag);
		ntsync_waitq_erase(&q, &n);
	}
}

static int node_depth(const struct ntsync_waitq_node *n)
{
	const struct rb_node *rb;
	int d = 0;

	for (rb = &n->rb; rb; rb = rb_parent(rb))
		d++;
	return d;
}

#define MANY	10000

static void ten_thousand_waiters_are_a_few_steps_away(struct kunit *test)
{
	/* A red-black tree of n nodes is at most 2 log2(n + 1) high. */
	const int limit = 2 * (ilog2(MANY + 1) + 1);
	struct ntsync_waitq_node *n = kvmalloc_array(MANY, sizeof(*n), GFP_KERNEL);
	struct ntsync_waitq q;
	int i, deepest = 0;

	KUNIT_ASSERT_NOT_NULL(test, n);
	ntsync_waitq_init(&q);
	for (i = 0; i < MANY; i++)
		ntsync_waitq_insert(&q, &n[i], i % 3 ? 100 : i % 99);
	for (i = 0; i < MANY; i++)
		deepest = max(deepest, node_depth(&n[i]));
	KUNIT_EXPECT_LE(test, deepest, limit);

	for (i = 0; i < MANY; i++)
		ntsync_waitq_erase(&q, ntsync_waitq_first(&q));
	KUNIT_EXPECT_NULL(test, ntsync_waitq_first(&q));
	kvfree(n);
}

#define MODEL	64
#define STEPS	20000

/* The model: the first node is the one with the lowest (priority, arrival). */
static struct ntsync_waitq_node *find_first(struct ntsync_waitq_node *n)
{
	struct ntsync_waitq_node *first = NULL;
	int i;

	for (i = 0; i < MODEL; i++) {
		struct ntsync_waitq_node *c = &n[i];

		if (!ntsync_waitq_queued(c))
			continue;
		if (!first || ntsync_waitq_prio(c) < ntsync_waitq_prio(first) ||
		    (ntsync_waitq_prio(c) == ntsync_waitq_prio(first) &&
		     ntsync_waitq_order(c) < ntsync_waitq_order(first)))
			first = c;
	}
	return first;
}

static void random_operations_agree_with_a_model(struct kunit *test)
{
	struct ntsync_waitq_node *n = kunit_kcalloc(test, MODEL, sizeof(*n), GFP_KERNEL);
	u32 seed = get_random_u32();
	struct rnd_state rnd;
	struct ntsync_waitq q;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, n);
	kunit_info(test, "seed %u", seed);
	prandom_seed_state(&rnd, seed);
	ntsync_waitq_init(&q);
	for (i = 0; i < MODEL; i++)
		RB_CLEAR_NODE(&n[i].rb);

	for (i = 0; i < STEPS; i++) {
		struct ntsync_waitq_node *c = &n[prandom_u32_state(&rnd) % MODEL];
		u32 what = prandom_u32_state(&rnd) % 16;
		int prio = prandom_u32_state(&rnd) % 5;

		if (!ntsync_waitq_queued(c))
			ntsync_waitq_insert(&q, c, prio);
		else if (what < 8)
			ntsync_waitq_requeue(&q, c, prio);
		else
			ntsync_waitq_erase(&q, c);
		KUNIT_ASSERT_PTR_EQ(test, ntsync_waitq_first(&q), find_first(n));
	}
}

static struct kunit_case waitq_cases[] = {
	KUNIT_CASE(orders_by_level_then_arrival),
	KUNIT_CASE(a_moved_node_keeps_its_arrival),
	KUNIT_CASE(a_node_knows_its_level_and_tag),
	KUNIT_CASE(ten_thousand_waiters_are_a_few_steps_away),
	KUNIT_CASE(random_operations_agree_with_a_model),
	{}
};

static struct kunit_suite waitq_suite = {
	.name = "ntsync_waitq",
	.test_cases = waitq_cases,
};

kunit_test_suite(waitq_suite);
