// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a channel's entries stand, and its tokens: the containers alone, without senders
 * and receivers.
 */
#include <kunit/test.h>
#include <linux/overflow.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>

#include "channel/receiver.h"
#include "fixture.h"

#define ENTRIES	4

struct scene {
	struct ntsync_channel *c;
	struct ntsync_receiver r;
	struct ntsync_wait wait[ENTRIES]; /* what senders would have; nobody claims them */
	struct ntsync_channel_entry e[ENTRIES];
};

static struct scene *scene(struct kunit *test)
{
	struct scene *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct ntsync_obj *obj = kt_channel(test);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->c = obj->channel;
	s->r.channel = s->c;
	s->r.entries = RB_ROOT_CACHED;
	for (i = 0; i < ENTRIES; i++) {
		s->e[i].channel = s->c;
		s->e[i].wait = &s->wait[i];
		atomic_set(&s->wait[i].claim, NTSYNC_UNCLAIMED);
	}
	return s;
}

static void queue(struct scene *s, int i, u32 prio)
{
	guard(raw_spinlock)(&s->c->obj->lock);
	s->e[i].prio = prio;
	ntsync_entry_queue_locked(&s->e[i], MAX_RT_PRIO);
}

static void dispatch(struct scene *s, int i)
{
	guard(raw_spinlock)(&s->c->obj->lock);
	ntsync_entry_dispatch_locked(&s->e[i], &s->r);
}

static void put_back(struct scene *s, int i)
{
	guard(raw_spinlock)(&s->c->obj->lock);
	ntsync_entry_put_back_locked(&s->e[i]);
}

static void set_level(struct scene *s, int i, int level)
{
	guard(raw_spinlock)(&s->c->obj->lock);
	ntsync_entry_set_level_locked(&s->e[i], level);
}

static void expect_taken_out(struct kunit *test, struct scene *s, int i)
{
	guard(raw_spinlock)(&s->c->obj->lock);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_channel_first_pending(s->c), &s->e[i]);
	ntsync_entry_remove_locked(&s->e[i]);
}

static void reply(struct scene *s, int i)
{
	guard(raw_spinlock)(&s->c->obj->lock);
	ntsync_entry_remove_locked(&s->e[i]);
}

static void pending_are_ordered_by_prio_then_arrival(struct kunit *test)
{
	struct scene *s = scene(test);

	queue(s, 0, 10);
	queue(s, 1, 0);
	queue(s, 2, 80);
	queue(s, 3, 10);
	KUNIT_EXPECT_EQ(test, s->e[0].id, 1);
	KUNIT_EXPECT_EQ(test, s->e[3].id, 4);
	expect_taken_out(test, s, 2);
	expect_taken_out(test, s, 0);
	expect_taken_out(test, s, 3);
	expect_taken_out(test, s, 1);
	KUNIT_EXPECT_NULL(test, ntsync_channel_first_pending(s->c));
}

static void an_entry_that_is_put_back_keeps_its_turn(struct kunit *test)
{
	struct scene *s = scene(test);

	queue(s, 0, 10);
	queue(s, 1, 10);
	dispatch(s, 0);
	KUNIT_EXPECT_EQ(test, s->c->nr_dispatched, 1);
	queue(s, 2, 10);
	put_back(s, 0);
	KUNIT_EXPECT_EQ(test, s->c->nr_dispatched, 0);
	KUNIT_EXPECT_EQ(test, s->c->pending.count, 3);
	expect_taken_out(test, s, 0);
	expect_taken_out(test, s, 1);
	expect_taken_out(test, s, 2);
}

static void a_level_that_changes_moves_the_entry(struct kunit *test)
{
	struct scene *s = scene(test);

	queue(s, 0, 10);
	queue(s, 1, 20);
	set_level(s, 0, 5);
	expect_taken_out(test, s, 0);
	dispatch(s, 1);
	queue(s, 2, 30);
	dispatch(s, 2);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_receiver_first_entry(&s->r), &s->e[2]);
	set_level(s, 1, 1);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_receiver_first_entry(&s->r), &s->e[1]);
	reply(s, 1);
	reply(s, 2);
}

static void the_newest_set_comes_first(struct kunit *test)
{
	struct scene *s = scene(test);

	queue(s, 0, 80);
	queue(s, 1, 10);
	queue(s, 2, 20);
	dispatch(s, 0);
	s->r.set++;
	dispatch(s, 1);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_receiver_first_entry(&s->r), &s->e[1]);
	dispatch(s, 2);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_receiver_first_entry(&s->r), &s->e[2]);
	reply(s, 2);
	reply(s, 1);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_receiver_first_entry(&s->r), &s->e[0]);
	reply(s, 0);
	KUNIT_EXPECT_NULL(test, ntsync_receiver_first_entry(&s->r));
}

static void only_dispatched_entries_are_found_by_id(struct kunit *test)
{
	struct scene *s = scene(test);

	queue(s, 0, 10);
	queue(s, 1, 10);
	dispatch(s, 0);
	scoped_guard(raw_spinlock, &s->c->obj->lock) {
		KUNIT_EXPECT_PTR_EQ(test, ntsync_entry_find_locked(s->c, 1), &s->e[0]);
		KUNIT_EXPECT_NULL(test, ntsync_entry_find_locked(s->c, 2));
		KUNIT_EXPECT_NULL(test, ntsync_entry_find_locked(s->c, 0));
	}
	reply(s, 0);
	reply(s, 1);
}

/* Of a thread that has this tid in the initial namespace only. */
static u64 token_of(const struct ntsync_tokens *tokens, struct pid *pid, int tid)
{
	pid->numbers[0].nr = tid;
	return ntsync_token_get_locked(tokens, pid);
}

static void tokens_are_replaced_removed_and_bounded(struct kunit *test)
{
	struct pid *pid = kunit_kzalloc(test, struct_size(pid, numbers, 1), GFP_KERNEL);
	struct ntsync_obj *obj = kt_channel(test);
	struct ntsync_tokens *tokens = &obj->channel->tokens;
	u32 tid;

	KUNIT_ASSERT_NOT_NULL(test, pid);
	pid->numbers[0].ns = &init_pid_ns;
	KUNIT_EXPECT_EQ(test, ntsync_channel_register(obj, 0, 1), -EINVAL);
	for (tid = 1; tid <= NTSYNC_MAX_TOKENS; tid++)
		KUNIT_ASSERT_EQ(test, ntsync_channel_register(obj, tid, 2 * tid), 0);
	KUNIT_EXPECT_EQ(test, ntsync_channel_register(obj, tid, 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, tokens->count, NTSYNC_MAX_TOKENS);

	KUNIT_EXPECT_EQ(test, ntsync_channel_register(obj, 7, 70), 0);
	KUNIT_EXPECT_EQ(test, ntsync_channel_deregister(obj, 8), 0);
	KUNIT_EXPECT_EQ(test, ntsync_channel_deregister(obj, 8), 0);
	KUNIT_EXPECT_EQ(test, tokens->count, NTSYNC_MAX_TOKENS - 1);
	guard(raw_spinlock)(&obj->lock);
	KUNIT_EXPECT_EQ(test, token_of(tokens, pid, 6), 12);
	KUNIT_EXPECT_EQ(test, token_of(tokens, pid, 7), 70);
	KUNIT_EXPECT_EQ(test, token_of(tokens, pid, 8), 0);
	KUNIT_EXPECT_EQ(test, token_of(tokens, pid, 9), 18);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(pending_are_ordered_by_prio_then_arrival),
	KUNIT_CASE(an_entry_that_is_put_back_keeps_its_turn),
	KUNIT_CASE(a_level_that_changes_moves_the_entry),
	KUNIT_CASE(the_newest_set_comes_first),
	KUNIT_CASE(only_dispatched_entries_are_found_by_id),
	KUNIT_CASE(tokens_are_replaced_removed_and_bounded),
	{}
};

static struct kunit_suite suite = {
	.name = "ntsync_channel",
	.init = ntsync_kunit_init,
	.test_cases = cases,
};
kunit_test_suite(suite);
