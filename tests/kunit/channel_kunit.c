// SPDX-License-Identifier: GPL-2.0-only
/*
 * A channel's containers of requests and of tokens, without senders and receivers.
 */
#include <kunit/test.h>
#include <linux/overflow.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>

#include "channel/receiver.h"
#include "fixture.h"

#define REQUESTS	4

struct fixture {
	struct ntsync_channel *c;
	struct ntsync_receiver r;
	struct ntsync_wait wait[REQUESTS]; /* of senders that do not exist; never claimed */
	struct ntsync_request req[REQUESTS];
};

static struct fixture *setup_fixture(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct ntsync_obj *obj = kt_channel(test);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->c = obj->channel;
	f->r.channel = f->c;
	f->r.requests = RB_ROOT_CACHED;
	for (i = 0; i < REQUESTS; i++) {
		f->req[i].channel = f->c;
		f->req[i].wait = &f->wait[i];
		atomic_set(&f->wait[i].claim, NTSYNC_UNCLAIMED);
	}
	return f;
}

static void queue_request(struct fixture *f, int i, u32 prio)
{
	guard(raw_spinlock)(&f->c->obj->lock);
	f->req[i].prio = prio;
	ntsync_request_queue_locked(&f->req[i], MAX_RT_PRIO);
}

static void dispatch_request(struct fixture *f, int i)
{
	guard(raw_spinlock)(&f->c->obj->lock);
	ntsync_request_dispatch_locked(&f->req[i], &f->r);
}

static void put_back_request(struct fixture *f, int i)
{
	guard(raw_spinlock)(&f->c->obj->lock);
	ntsync_request_put_back_locked(&f->req[i]);
}

static void set_request_prio(struct fixture *f, int i, int prio)
{
	guard(raw_spinlock)(&f->c->obj->lock);
	ntsync_request_set_prio_locked(&f->req[i], prio);
}

static void expect_first_and_remove(struct kunit *test, struct fixture *f, int i)
{
	guard(raw_spinlock)(&f->c->obj->lock);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_channel_first_pending(f->c), &f->req[i]);
	ntsync_request_remove_locked(&f->req[i]);
}

static void remove_request(struct fixture *f, int i)
{
	guard(raw_spinlock)(&f->c->obj->lock);
	ntsync_request_remove_locked(&f->req[i]);
}

static void pending_are_ordered_by_prio_then_arrival(struct kunit *test)
{
	struct fixture *f = setup_fixture(test);

	queue_request(f, 0, 10);
	queue_request(f, 1, 0);
	queue_request(f, 2, 80);
	queue_request(f, 3, 10);
	KUNIT_EXPECT_EQ(test, f->req[0].id, 1);
	KUNIT_EXPECT_EQ(test, f->req[3].id, 4);
	expect_first_and_remove(test, f, 2);
	expect_first_and_remove(test, f, 0);
	expect_first_and_remove(test, f, 3);
	expect_first_and_remove(test, f, 1);
	KUNIT_EXPECT_NULL(test, ntsync_channel_first_pending(f->c));
}

static void a_request_that_is_put_back_keeps_its_turn(struct kunit *test)
{
	struct fixture *f = setup_fixture(test);

	queue_request(f, 0, 10);
	queue_request(f, 1, 10);
	dispatch_request(f, 0);
	KUNIT_EXPECT_EQ(test, f->c->nr_dispatched, 1);
	queue_request(f, 2, 10);
	put_back_request(f, 0);
	KUNIT_EXPECT_EQ(test, f->c->nr_dispatched, 0);
	KUNIT_EXPECT_EQ(test, f->c->pending.count, 3);
	expect_first_and_remove(test, f, 0);
	expect_first_and_remove(test, f, 1);
	expect_first_and_remove(test, f, 2);
}

static void a_changed_prio_moves_the_request(struct kunit *test)
{
	struct fixture *f = setup_fixture(test);

	queue_request(f, 0, 10);
	queue_request(f, 1, 20);
	set_request_prio(f, 0, 5);
	expect_first_and_remove(test, f, 0);
	dispatch_request(f, 1);
	queue_request(f, 2, 30);
	dispatch_request(f, 2);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_receiver_first_request(&f->r), &f->req[2]);
	set_request_prio(f, 1, 1);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_receiver_first_request(&f->r), &f->req[1]);
	remove_request(f, 1);
	remove_request(f, 2);
}

static void the_newest_set_comes_first(struct kunit *test)
{
	struct fixture *f = setup_fixture(test);

	queue_request(f, 0, 80);
	queue_request(f, 1, 10);
	queue_request(f, 2, 20);
	dispatch_request(f, 0);
	f->r.set++;
	dispatch_request(f, 1);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_receiver_first_request(&f->r), &f->req[1]);
	dispatch_request(f, 2);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_receiver_first_request(&f->r), &f->req[2]);
	remove_request(f, 2);
	remove_request(f, 1);
	KUNIT_EXPECT_PTR_EQ(test, ntsync_receiver_first_request(&f->r), &f->req[0]);
	remove_request(f, 0);
	KUNIT_EXPECT_NULL(test, ntsync_receiver_first_request(&f->r));
}

static void only_dispatched_requests_are_found_by_id(struct kunit *test)
{
	struct fixture *f = setup_fixture(test);

	queue_request(f, 0, 10);
	queue_request(f, 1, 10);
	dispatch_request(f, 0);
	scoped_guard(raw_spinlock, &f->c->obj->lock) {
		KUNIT_EXPECT_PTR_EQ(test, ntsync_request_find_locked(f->c, 1), &f->req[0]);
		KUNIT_EXPECT_NULL(test, ntsync_request_find_locked(f->c, 2));
		KUNIT_EXPECT_NULL(test, ntsync_request_find_locked(f->c, 0));
	}
	remove_request(f, 0);
	remove_request(f, 1);
}

/* The token of a thread that is in the initial pid namespace. */
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
	KUNIT_CASE(a_request_that_is_put_back_keeps_its_turn),
	KUNIT_CASE(a_changed_prio_moves_the_request),
	KUNIT_CASE(the_newest_set_comes_first),
	KUNIT_CASE(only_dispatched_requests_are_found_by_id),
	KUNIT_CASE(tokens_are_replaced_removed_and_bounded),
	{}
};

static struct kunit_suite suite = {
	.name = "ntsync_channel",
	.init = ntsync_kunit_init,
	.test_cases = cases,
};
kunit_test_suite(suite);
