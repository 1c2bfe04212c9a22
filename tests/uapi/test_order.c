// SPDX-License-Identifier: GPL-2.0-only
/* Which of several waiters is served, and that none gets in between. */
#include "fixture.h"

#define WAITERS 5

/* One unit of an object, for each type of object, for waits for any and for all. */
struct kind {
	const char *name;
	unsigned long request;
	int (*make)(struct fixture *f);
	void (*give)(int obj, uint32_t holder);
};

static int make_sem(struct fixture *f)
{
	return new_sem(f, 0, 1);
}

static int make_mutex(struct fixture *f)
{
	return new_mutex(f, OWNER, 1);
}

static int make_event(struct fixture *f)
{
	return new_auto(f, false);
}

static void give_sem(int obj, uint32_t holder)
{
	(void)holder;
	release(obj, 1, 0);
}

static void give_mutex(int obj, uint32_t holder)
{
	unlock(obj, holder, 1);
}

static void abandon_mutex(int obj, uint32_t holder)
{
	kill_owner(obj, holder);
}

static void give_event(int obj, uint32_t holder)
{
	(void)holder;
	set_event(obj, 0);
}

static void pulse_and_check(int obj, uint32_t holder)
{
	(void)holder;
	pulse_event(obj, 0);
}

static const struct kind kinds[] = {
	{ "semaphore, any", ANY, make_sem, give_sem },
	{ "semaphore, all", ALL, make_sem, give_sem },
	{ "mutex, any", ANY, make_mutex, give_mutex },
	{ "mutex, all", ALL, make_mutex, give_mutex },
	{ "killed mutex, any", ANY, make_mutex, abandon_mutex },
	{ "killed mutex, all", ALL, make_mutex, abandon_mutex },
	{ "event, any", ANY, make_event, give_event },
	{ "event, all", ALL, make_event, give_event },
	{ "pulse, any", ANY, make_event, pulse_and_check },
	{ "pulse, all", ALL, make_event, pulse_and_check },
};

static void need_priority_queues(struct fixture *f)
{
	only_ours(f, "it serves wait-alls first, then any-waiters, each in order of arrival");
	assert_true(f->features & NTSYNC_FEATURE_PRIORITY_QUEUES);
	need_realtime();
}

/* The owner ids are 1, 2, … in order of arrival, so that no waiter acquires for another. */
static void start_in_order(struct fixture *f, const struct kind *kind, int obj,
			   const struct waiter_sched *scheds, struct waiter **w)
{
	int spare = new_manual(f, true);

	for (int i = 0; i < WAITERS; i++)
		w[i] = kind->request == ANY ?
			       start_sched(f, ANY, ARGS(FDS(obj), .owner = i + 1,
							.timeout = FOREVER), &scheds[i]) :
			       start_sched(f, ALL, ARGS(FDS(spare, obj), .owner = i + 1,
							.timeout = FOREVER), &scheds[i]);
}

/* Releases one unit after the other; the next one once the last waiter has returned. */
static void assert_served(struct fixture *f, const struct kind *kind, int obj,
			  struct waiter **w, const int *order)
{
	uint32_t holder = OWNER;

	for (int i = 0; i < WAITERS; i++) {
		struct waiter *next;

		kind->give(obj, holder);
		next = next_woken(f);
		holder = order[i] + 1;
		if (next != w[order[i]])
			fail_msg("%s: the wrong one was number %d", kind->name, i);
	}
}

static void check_order(struct fixture *f, const struct waiter_sched *scheds, const int *order)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct waiter *w[WAITERS];
		int obj = kinds[k].make(f);

		start_in_order(f, &kinds[k], obj, scheds, w);
		assert_served(f, &kinds[k], obj, w, order);
	}
}

static void by_priority(void **state)
{
	static const struct waiter_sched scheds[WAITERS] = {
		{ .policy = SCHED_FIFO, .prio = 30 }, { .policy = SCHED_FIFO, .prio = 50 },
		{ .policy = SCHED_RR, .prio = 10 },   { .policy = SCHED_FIFO, .prio = 40 },
		{ .policy = SCHED_RR, .prio = 20 },
	};
	static const int order[WAITERS] = { 1, 3, 0, 4, 2 };

	need_priority_queues(*state);
	check_order(*state, scheds, order);
}

static void lowest_first_in_the_queue(void **state)
{
	static const struct waiter_sched scheds[WAITERS] = {
		{ .policy = SCHED_FIFO, .prio = 1 },  { .policy = SCHED_FIFO, .prio = 2 },
		{ .policy = SCHED_FIFO, .prio = 50 }, { .policy = SCHED_FIFO, .prio = 98 },
		{ .policy = SCHED_FIFO, .prio = 99 },
	};
	static const int order[WAITERS] = { 4, 3, 2, 1, 0 };

	need_priority_queues(*state);
	check_order(*state, scheds, order);
}

/* FIFO and RR of one priority count the same. */
static void equals_by_arrival(void **state)
{
	static const struct waiter_sched scheds[WAITERS] = {
		{ .policy = SCHED_FIFO, .prio = 20 }, { .policy = SCHED_RR, .prio = 20 },
		{ .policy = SCHED_FIFO, .prio = 20 }, { .policy = SCHED_RR, .prio = 20 },
		{ .policy = SCHED_FIFO, .prio = 20 },
	};
	static const int order[WAITERS] = { 0, 1, 2, 3, 4 };

	need_realtime();
	check_order(*state, scheds, order);
}

/* If nice counted, a busy thread could starve a background thread for ever. */
static void normal_ones_by_arrival(void **state)
{
	static const struct waiter_sched scheds[WAITERS] = {
		{ .policy = SCHED_OTHER, .nice = 19 }, { .policy = SCHED_OTHER, .nice = -20 },
		{ .policy = SCHED_IDLE },	       { .policy = SCHED_OTHER, .nice = -5 },
		{ .policy = SCHED_BATCH },
	};
	static const int order[WAITERS] = { 0, 1, 2, 3, 4 };

	check_order(*state, scheds, order);
}

static void realtime_before_normal(void **state)
{
	static const struct waiter_sched scheds[WAITERS] = {
		{ .policy = SCHED_OTHER, .nice = -20 }, { .policy = SCHED_FIFO, .prio = 1 },
		{ .policy = SCHED_OTHER },		{ .policy = SCHED_RR, .prio = 2 },
		{ .policy = SCHED_OTHER },
	};
	static const int order[WAITERS] = { 3, 1, 0, 2, 4 };

	need_priority_queues(*state);
	check_order(*state, scheds, order);
}

static void change_priority(struct waiter *w, int policy, int prio)
{
	struct sched_param param = { .sched_priority = prio };

	assert_int_equal(sched_setscheduler(waiter_tid(w), policy, &param), 0);
}

/* The first in the queue is lowered: the driver sees it when the waiter's turn comes. */
static void lowered_while_queued(void **state)
{
	static const struct waiter_sched scheds[WAITERS] = {
		{ .policy = SCHED_FIFO, .prio = 50 }, { .policy = SCHED_FIFO, .prio = 40 },
		{ .policy = SCHED_FIFO, .prio = 30 }, { .policy = SCHED_FIFO, .prio = 20 },
		{ .policy = SCHED_OTHER },
	};
	/* The first becomes FIFO 25, the second a normal task that came early. */
	static const int order[WAITERS] = { 2, 0, 3, 1, 4 };
	struct fixture *f = *state;

	need_priority_queues(f);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct waiter *w[WAITERS];
		int obj = kinds[k].make(f);

		start_in_order(f, &kinds[k], obj, scheds, w);
		change_priority(w[0], SCHED_FIFO, 25);
		change_priority(w[1], SCHED_OTHER, 0);
		assert_served(f, &kinds[k], obj, w, order);
	}
}

/*
 * The driver is not told when a waiter is raised from outside; it sees that at the latest when the
 * waiter is first. So the first, which stays the first, must not be passed over, ...
 */
static void raised_at_the_front_stays_there(void **state)
{
	static const struct waiter_sched scheds[WAITERS] = {
		{ .policy = SCHED_FIFO, .prio = 50 }, { .policy = SCHED_FIFO, .prio = 40 },
		{ .policy = SCHED_FIFO, .prio = 30 }, { .policy = SCHED_FIFO, .prio = 20 },
		{ .policy = SCHED_FIFO, .prio = 10 },
	};
	static const int order[WAITERS] = { 0, 1, 2, 3, 4 };
	struct fixture *f = *state;

	need_priority_queues(f);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct waiter *w[WAITERS];
		int obj = kinds[k].make(f);

		start_in_order(f, &kinds[k], obj, scheds, w);
		change_priority(w[0], SCHED_FIFO, 60);
		assert_served(f, &kinds[k], obj, w, order);
	}
}

/* ... and a change to the same priority must not cost a waiter its place. */
static void a_change_within_the_level_keeps_the_place(void **state)
{
	static const struct waiter_sched scheds[WAITERS] = {
		{ .policy = SCHED_FIFO, .prio = 20 }, { .policy = SCHED_FIFO, .prio = 20 },
		{ .policy = SCHED_OTHER },	      { .policy = SCHED_OTHER },
		{ .policy = SCHED_OTHER },
	};
	static const int order[WAITERS] = { 0, 1, 2, 3, 4 };
	struct fixture *f = *state;

	need_priority_queues(f);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct waiter *w[WAITERS];
		int obj = kinds[k].make(f);

		start_in_order(f, &kinds[k], obj, scheds, w);
		change_priority(w[0], SCHED_RR, 20);
		change_priority(w[2], SCHED_BATCH, 0);
		assert_served(f, &kinds[k], obj, w, order);
	}
}

/* A wait for any and then a wait for all: which one is served first? */
static void check_kinds(struct fixture *f, const struct waiter_sched *any_sched,
			const struct waiter_sched *all_sched, bool all_first)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		int obj = kinds[k].make(f), spare = new_manual(f, true);
		struct waiter *any, *all, *first, *second;

		any = start_sched(f, ANY, ARGS(FDS(obj), .owner = 1, .timeout = FOREVER),
				  any_sched);
		all = start_sched(f, ALL, ARGS(FDS(obj, spare), .owner = 2, .timeout = FOREVER),
				  all_sched);
		first = all_first ? all : any;
		second = all_first ? any : all;
		kinds[k].give(obj, OWNER);
		assert_ptr_equal(next_woken(f), first);
		assert_asleep(second);
		kinds[k].give(obj, all_first ? 2 : 1);
		assert_ptr_equal(next_woken(f), second);
	}
}

static void all_waits_before_any_waits_of_one_priority(void **state)
{
	static const struct waiter_sched normal = { .policy = SCHED_OTHER };
	static const struct waiter_sched fifo = { .policy = SCHED_FIFO, .prio = 30 };

	need_realtime();
	check_kinds(*state, &normal, &normal, true);
	check_kinds(*state, &fifo, &fifo, true);
}

static void priority_before_the_kind_of_wait(void **state)
{
	static const struct waiter_sched scheds[] = {
		{ .policy = SCHED_OTHER },	      { .policy = SCHED_FIFO, .prio = 29 },
		{ .policy = SCHED_FIFO, .prio = 30 },
	};

	need_priority_queues(*state);
	for (size_t any = 0; any < ARRAY_SIZE(scheds); any++) {
		for (size_t all = 0; all < ARRAY_SIZE(scheds); all++)
			check_kinds(*state, &scheds[any], &scheds[all], all >= any);
	}
}

/* The same if several waits for all are completed at once, in several batches. */
static void kinds_alternate_by_priority(void **state)
{
	enum { PAIRS = 20 };
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 2 * PAIRS), there = new_manual(f, true);
	struct waiter *w[2 * PAIRS];

	need_priority_queues(f);
	for (int i = 0; i < 2 * PAIRS; i++) {
		const struct waiter_sched sched = { .policy = SCHED_FIFO, .prio = i + 1 };

		w[i] = i % 2 ? start_sched(f, ANY, ARGS(FDS(sem), .owner = i + 1,
							.timeout = FOREVER), &sched) :
			       start_sched(f, ALL, ARGS(FDS(sem, there), .owner = i + 1,
							.timeout = FOREVER), &sched);
	}
	release(sem, 2 * PAIRS - 3, 0);
	for (int i = 0; i < 3; i++)
		assert_asleep(w[i]);
	for (int i = 3; i < 2 * PAIRS; i++)
		assert_woken(w[i], 0, 0);
	release(sem, 1, 0);
	assert_woken(w[2], 0, 0);
	release(sem, 1, 0);
	assert_woken(w[1], 0, 0);
	release(sem, 1, 0);
	assert_woken(w[0], 0, 0);
}

/* The highest complete wait for all is served; an incomplete one delays none. */
static void an_incomplete_wait_of_high_priority_is_passed(void **state)
{
	static const struct waiter_sched high = { .policy = SCHED_FIFO, .prio = 90 };
	static const struct waiter_sched low = { .policy = SCHED_FIFO, .prio = 10 };
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 2), missing = new_auto(f, false), there = new_manual(f, true);
	struct waiter *incomplete, *complete;

	need_realtime();
	incomplete = start_sched(f, ALL, ARGS(FDS(sem, missing), .owner = 1, .timeout = FOREVER),
				 &high);
	complete = start_sched(f, ALL, ARGS(FDS(sem, there), .owner = 2, .timeout = FOREVER),
			       &low);
	release(sem, 1, 0);
	assert_woken(complete, 0, 0);
	assert_asleep(incomplete);
	set_event(missing, 0);
	assert_asleep(incomplete);
	release(sem, 1, 0);
	assert_woken(incomplete, 0, 0);
	assert_event(missing, 0, 0);
}

/*
 * The waiter can't run, as its CPU is occupied. A thread that releases the object and asks for it
 * again at once would get it if it had not been handed to the waiter.
 */
static void handed_over_before_the_waiter_runs(void **state)
{
	static const struct waiter_sched below = { .policy = SCHED_FIFO, .prio = 10, .cpu = 1 };
	struct fixture *f = *state;

	need_realtime();
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct ntsync_wait_args args = ARGS(.owner = 7, .timeout = FOREVER);
		int obj = kinds[k].make(f), ret;
		struct waiter *w;

		args.objs = (uintptr_t)&obj;
		args.count = 1;
		w = start_sched(f, kinds[k].request, args, &below);
		occupy_cpu(50);
		kinds[k].give(obj, OWNER);
		ret = try_wait(f, obj, OWNER);
		free_cpu();
		assert_ret(ret, -ETIMEDOUT);
		assert_ptr_equal(next_woken(f), w);
	}
}

/* Many waiters, so that several batches of wake-ups are needed; all are released. */
static void released_in_batches(void **state)
{
	static const struct waiter_sched scheds[] = {
		{ .policy = SCHED_OTHER },	      { .policy = SCHED_FIFO, .prio = 10 },
		{ .policy = SCHED_FIFO, .prio = 20 },
	};
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1000);

	need_realtime();
	for (int i = 0; i < 100; i++)
		start_sched(f, i % 2 ? ALL : ANY, ARGS(FDS(sem), .owner = OWNER,
						       .timeout = FOREVER), &scheds[i % 3]);
	release(sem, 60, 0);
	for (int i = 0; i < 60; i++)
		assert_ret(waiter_ret(next_woken(f)), 0);
	assert_sem(sem, 0, 1000);
	release(sem, 60, 0);
	for (int i = 0; i < 40; i++)
		assert_ret(waiter_ret(next_woken(f)), 0);
	assert_sem(sem, 20, 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(by_priority),
		TEST(lowest_first_in_the_queue),
		TEST(equals_by_arrival),
		TEST(normal_ones_by_arrival),
		TEST(realtime_before_normal),
		TEST(lowered_while_queued),
		TEST(raised_at_the_front_stays_there),
		TEST(a_change_within_the_level_keeps_the_place),
		TEST(all_waits_before_any_waits_of_one_priority),
		TEST(priority_before_the_kind_of_wait),
		TEST(kinds_alternate_by_priority),
		TEST(an_incomplete_wait_of_high_priority_is_passed),
		TEST(handed_over_before_the_waiter_runs),
		TEST(released_in_batches),
	};

	return RUN(tests);
}
