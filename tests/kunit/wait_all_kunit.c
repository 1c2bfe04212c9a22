// SPDX-License-Identifier: GPL-2.0-only
/*
 * WAIT_ALL: all or nothing, the order between wait-alls and any-waiters, the alert.
 */
#include <kunit/test.h>

#include "fixture.h"

static struct kt_waiter *start_all(struct kunit *test, u32 owner, int prio,
				   struct ntsync_obj *a, struct ntsync_obj *b)
{
	struct kt_waiter *w = kt_waiter(test, true, owner, prio);
	u32 queued = a->all.count;

	kt_waiter_add(w, a);
	if (b)
		kt_waiter_add(w, b);
	kt_waiter_start(test, w);
	kt_until_all(test, a, queued + 1);
	return w;
}

static void takes_nothing_until_it_can_take_all(struct kunit *test)
{
	struct ntsync_obj *sem = kt_sem(test, 1, 2), *m = kt_mutex(test, 9, 1);
	struct kt_waiter *w = start_all(test, 1, 50, sem, m);
	u32 prev;

	ntsync_sem_release(sem, 1, &prev);
	KUNIT_EXPECT_EQ(test, sem->sem.count, 2);
	KUNIT_EXPECT_FALSE(test, completion_done(&w->done));

	ntsync_mutex_unlock(m, 9, &prev);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), 0);
	KUNIT_EXPECT_EQ(test, w->req.index, 0);
	KUNIT_EXPECT_EQ(test, sem->sem.count, 1);
	KUNIT_EXPECT_EQ(test, m->mutex.owner, 1);
}

static void ready_at_once(struct kunit *test)
{
	struct ntsync_obj *objs[] = { kt_sem(test, 1, 1), kt_event(test, false, true) };
	struct ntsync_wait_req req = { .objs = objs, .count = 2, .owner = 1, .index = 7 };

	KUNIT_EXPECT_EQ(test, ntsync_wait_all(test->priv, &req), 0);
	KUNIT_EXPECT_EQ(test, req.index, 0);
	KUNIT_EXPECT_EQ(test, objs[0]->sem.count, 0);
	KUNIT_EXPECT_FALSE(test, objs[1]->event.signaled);

	KUNIT_EXPECT_EQ(test, ntsync_wait_all(test->priv, &req), -ETIMEDOUT);
	req.objs = NULL;
	req.count = 0;
	KUNIT_EXPECT_EQ(test, ntsync_wait_all(test->priv, &req), 0);
}

static void an_object_twice_is_refused(struct kunit *test)
{
	struct ntsync_obj *sem = kt_sem(test, 2, 2), *event = kt_event(test, true, true);
	struct ntsync_obj *objs[] = { sem, event, sem };
	struct ntsync_wait_req req = { .objs = objs, .count = 3, .owner = 1 };

	KUNIT_EXPECT_EQ(test, ntsync_wait_all(test->priv, &req), -EINVAL);
	req.count = 2;
	req.alert = true;
	KUNIT_EXPECT_EQ(test, ntsync_wait_all(test->priv, &req), -EINVAL);
	KUNIT_EXPECT_EQ(test, sem->sem.count, 2);
}

static void served_in_the_order_of_priority(struct kunit *test)
{
	static const int prios[] = { 20, KT_NORMAL, 70, 40, KT_NORMAL };
	static const int served[] = { 2, 3, 0, 1, 4 };
	struct ntsync_obj *sem = kt_sem(test, 0, 1), *event = kt_event(test, true, true);
	struct kt_waiter *w[ARRAY_SIZE(prios)];
	u32 prev;
	int i;

	for (i = 0; i < ARRAY_SIZE(prios); i++)
		w[i] = start_all(test, 1, prios[i], sem, event);
	for (i = 0; i < ARRAY_SIZE(served); i++) {
		ntsync_sem_release(sem, 1, &prev);
		KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w[served[i]]), 0);
	}
}

static void a_sunk_waiter_lets_its_betters_pass(struct kunit *test)
{
	struct ntsync_obj *sem = kt_sem(test, 0, 1);
	struct kt_waiter *sunk = start_all(test, 1, 90, sem, NULL);
	struct kt_waiter *other = start_all(test, 1, 50, sem, NULL);
	u32 prev;

	kt_set_prio(sunk->task, 10);
	ntsync_sem_release(sem, 1, &prev);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, other), 0);
	ntsync_sem_release(sem, 1, &prev);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, sunk), 0);
}

/* A waiter whose priority was lowered is served, wherever its new place is. */
static void sunk_waiters_are_not_passed_over(struct kunit *test)
{
	static const int to[] = { 60, 50, 40 };
	int i;

	for (i = 0; i < ARRAY_SIZE(to); i++) {
		struct ntsync_obj *event = kt_event(test, true, false);
		struct kt_waiter *sunk = start_all(test, 1, 90, event, NULL);
		struct kt_waiter *other = start_all(test, 1, 50, event, NULL);
		u32 prev;

		kt_set_prio(sunk->task, to[i]);
		ntsync_event_set(event, &prev);
		KUNIT_EXPECT_EQ(test, kt_waiter_join(test, sunk), 0);
		KUNIT_EXPECT_EQ(test, kt_waiter_join(test, other), 0);
	}
}

static void goes_before_wait_any_of_its_level(struct kunit *test)
{
	struct ntsync_obj *event = kt_event(test, false, false);
	struct kt_waiter *any = kt_start_any(test, 1, 40, event);
	struct kt_waiter *all = start_all(test, 1, 40, event, NULL);
	u32 prev;

	ntsync_event_set(event, &prev);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, all), 0);
	KUNIT_EXPECT_EQ(test, event->any.count, 1);
	ntsync_event_pulse(event, &prev);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, any), 0);
	KUNIT_EXPECT_FALSE(test, event->event.signaled);
}

static void a_pulse_satisfies_it(struct kunit *test)
{
	struct ntsync_obj *event = kt_event(test, false, false);
	struct ntsync_obj *sem = kt_sem(test, 0, 1);
	struct kt_waiter *w = start_all(test, 1, 50, event, sem);
	u32 prev;

	ntsync_event_pulse(event, &prev);
	KUNIT_EXPECT_FALSE(test, event->event.signaled);
	ntsync_sem_release(sem, 1, &prev);
	KUNIT_EXPECT_EQ(test, sem->sem.count, 1);
	ntsync_event_pulse(event, &prev);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), 0);
	KUNIT_EXPECT_EQ(test, sem->sem.count, 0);
	KUNIT_EXPECT_FALSE(test, event->event.signaled);
}

static void its_owner_has_all_of_its_waits_served(struct kunit *test)
{
	struct ntsync_obj *m = kt_mutex(test, 9, 1);
	struct kt_waiter *any = kt_start_any(test, 4, 50, m);
	struct kt_waiter *all = start_all(test, 4, 50, m, NULL);
	u32 prev;

	ntsync_mutex_unlock(m, 9, &prev);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, all), 0);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, any), 0);
	KUNIT_EXPECT_EQ(test, m->mutex.count, 2);
}

static void the_alert_ends_it_and_takes_nothing(struct kunit *test)
{
	struct ntsync_obj *sem = kt_sem(test, 1, 1), *never = kt_sem(test, 0, 1);
	struct ntsync_obj *alert = kt_event(test, false, false);
	struct kt_waiter *w = kt_waiter(test, true, 1, 50);
	u32 prev;

	kt_waiter_add(w, sem);
	kt_waiter_add(w, never);
	kt_waiter_alert(w, alert);
	kt_waiter_start(test, w);
	kt_until_all(test, never, 1);
	ntsync_event_set(alert, &prev);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), 0);
	KUNIT_EXPECT_EQ(test, w->req.index, 2);
	KUNIT_EXPECT_EQ(test, sem->sem.count, 1);
	KUNIT_EXPECT_FALSE(test, alert->event.signaled);
}

static void several_abandoned_ones_are_one_answer(struct kunit *test)
{
	struct ntsync_obj *a = kt_mutex(test, 8, 1), *b = kt_mutex(test, 9, 1);
	struct kt_waiter *w = start_all(test, 1, 50, a, b);

	ntsync_mutex_kill(a, 8);
	ntsync_mutex_kill(b, 9);
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), -EOWNERDEAD);
	KUNIT_EXPECT_EQ(test, w->req.index, 0);
	KUNIT_EXPECT_FALSE(test, a->mutex.abandoned || b->mutex.abandoned);
}

static void sixty_four_and_an_alert(struct kunit *test)
{
	struct kt_waiter *w = kt_waiter(test, true, 1, 50);
	struct ntsync_obj *objs[NTSYNC_MAX_WAIT_COUNT];
	u32 i, prev;

	for (i = 0; i < NTSYNC_MAX_WAIT_COUNT; i++) {
		objs[i] = kt_sem(test, 0, 1);
		kt_waiter_add(w, objs[i]);
	}
	kt_waiter_alert(w, kt_event(test, false, false));
	kt_waiter_start(test, w);
	kt_until_all(test, objs[NTSYNC_MAX_WAIT_COUNT - 1], 1);
	for (i = 0; i < NTSYNC_MAX_WAIT_COUNT; i++) {
		KUNIT_EXPECT_FALSE(test, completion_done(&w->done));
		ntsync_sem_release(objs[i], 1, &prev);
	}
	KUNIT_EXPECT_EQ(test, kt_waiter_join(test, w), 0);
	for (i = 0; i < NTSYNC_MAX_WAIT_COUNT; i++)
		KUNIT_EXPECT_EQ(test, objs[i]->sem.count, 0);
}

/* ---- together with WAIT_ANY on the same objects ---- */

struct mix {
	struct ntsync_device *dev;
	struct ntsync_obj *objs[3];
	atomic_t role;
};

static void release_taken(struct mix *m, const struct ntsync_wait_req *req, bool all)
{
	u32 i, prev;

	for (i = 0; i < req->count; i++) {
		if (all || i == req->index)
			ntsync_sem_release(req->objs[i], 1, &prev);
	}
}

static void take_and_release(void *arg)
{
	struct mix *m = arg;
	int i, role = atomic_inc_return(&m->role);
	bool all = role % 2;
	struct ntsync_wait_req req = {
		.objs = &m->objs[role % 3 ? 0 : 1],
		.count = role % 3 ? 3 : 2,
		.owner = role,
		.deadline.clock = CLOCK_MONOTONIC,
	};

	for (i = 0; i < 1500; i++) {
		req.deadline.expires = ktime_add_ns(ktime_get(), (i % 64) * 1000);
		if (!(all ? ntsync_wait_all(m->dev, &req) : ntsync_wait_any(&req)))
			release_taken(m, &req, all);
	}
}

static void no_count_is_lost_in_a_mix(struct kunit *test)
{
	struct mix m = {
		.dev = test->priv,
		.objs = { kt_sem(test, 1, 1), kt_sem(test, 2, 2), kt_sem(test, 1, 1) },
	};

	kt_run(test, 6, take_and_release, &m);
	KUNIT_EXPECT_EQ(test, m.objs[0]->sem.count, 1);
	KUNIT_EXPECT_EQ(test, m.objs[1]->sem.count, 2);
	KUNIT_EXPECT_EQ(test, m.objs[2]->sem.count, 1);
}

static struct kunit_case wait_all_cases[] = {
	KUNIT_CASE(takes_nothing_until_it_can_take_all),
	KUNIT_CASE(ready_at_once),
	KUNIT_CASE(an_object_twice_is_refused),
	KUNIT_CASE(served_in_the_order_of_priority),
	KUNIT_CASE(a_sunk_waiter_lets_its_betters_pass),
	KUNIT_CASE(sunk_waiters_are_not_passed_over),
	KUNIT_CASE(goes_before_wait_any_of_its_level),
	KUNIT_CASE(a_pulse_satisfies_it),
	KUNIT_CASE(its_owner_has_all_of_its_waits_served),
	KUNIT_CASE(the_alert_ends_it_and_takes_nothing),
	KUNIT_CASE(several_abandoned_ones_are_one_answer),
	KUNIT_CASE(sixty_four_and_an_alert),
	KUNIT_CASE_SLOW(no_count_is_lost_in_a_mix),
	{}
};

static struct kunit_suite wait_all_suite = {
	.name = "ntsync_wait_all",
	.init = ntsync_kunit_init,
	.test_cases = wait_all_cases,
};

kunit_test_suite(wait_all_suite);
