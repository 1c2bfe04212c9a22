// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#include <signal.h>

static const unsigned long requests[] = { ANY, ALL };

#define for_each_request(request)                                              \
	for (const unsigned long *request = requests;                          \
	     request < requests + ARRAY_SIZE(requests); request++)

static void signal_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), mutex = new_mutex(f, 9, 1), alert = new_auto(f, false);

	count_signals(SIGUSR1, 0);
	for_each_request(r) {
		struct waiter *w = start(f, *r, ARGS(FDS(sem, mutex), .owner = OWNER,
						     .alert = alert, .timeout = FOREVER));

		waiter_signal(w, SIGUSR1);
		assert_woken(w, -EINTR, 0);
		/* The wait has left every queue: it gets none of this. */
		release(sem, 1, 0);
		set_event(alert, 0);
		assert_sem(sem, 1, 1);
		assert_event(alert, 0, 1);
		assert_ret(try_wait(f, sem, OWNER), 0);
		reset_event(alert, 1);
	}
	unlock(mutex, 9, 1);
	assert_mutex(mutex, 0, 0);
	assert_int_equal(signals_counted, 2);
}

static void a_wait_with_a_deadline_ends_too(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);

	count_signals(SIGUSR1, 0);
	for_each_request(r) {
		struct waiter *w = start(f, *r, ARGS(FDS(sem), .owner = OWNER,
						     .timeout = long_from_now()));

		waiter_signal(w, SIGUSR1);
		assert_woken(w, -EINTR, 0);
	}
}

static void restart_goes_on_waiting(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);

	for_each_request(r) {
		struct waiter *w;

		count_signals(SIGUSR1, SA_RESTART);
		w = start_on(f, *r, event);
		for (int i = 1; i <= 3; i++) {
			waiter_signal(w, SIGUSR1);
			await_signals(i);
			assert_asleep(w);
		}
		set_event(event, 0);
		assert_woken(w, 0, 0);
	}
}

/* Signals go on until the wait has ended. False: its deadline came before the first. */
static bool times_out_among_signals(struct fixture *f, unsigned long request, int sem,
				    uint64_t patience)
{
	uint64_t deadline = monotonic_ns() + patience;
	struct waiter *w;

	count_signals(SIGUSR1, SA_RESTART);
	w = start_running(f, request, ARGS(FDS(sem), .owner = OWNER, .timeout = deadline), NULL);
	while (waiter_asleep(w)) {
		waiter_signal(w, SIGUSR1);
		sleep_ms(50);
	}
	assert_woken(w, -ETIMEDOUT, 0);
	assert_true(monotonic_ns() >= deadline);
	return atomic_load(&signals_counted) > 0;
}

/* A deadline that started again with each signal would never come. */
static void restart_does_not_lengthen_the_deadline(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);

	for_each_request(r) {
		uint64_t patience = NS_PER_SEC;

		while (!times_out_among_signals(f, *r, sem, patience))
			patience *= 2;
	}
}

/* A restarted call reads its arguments again: a closed descriptor is invalid now. */
static void restart_is_a_new_call(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);
	struct waiter *w = start_on(f, ANY, sem);

	count_signals(SIGUSR1, SA_RESTART);
	close_fd(f, sem);
	assert_asleep(w);
	waiter_signal(w, SIGUSR1);
	assert_woken(w, -EINVAL, 0);
}

static void an_ignored_signal_is_no_signal(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);
	struct waiter *w = start_on(f, ANY, event);

	signal(SIGUSR1, SIG_IGN);
	waiter_signal(w, SIGUSR1);
	assert_asleep(w);
	set_event(event, 0);
	assert_woken(w, 0, 0);
}

static void signal_and_grant(struct fixture *f, unsigned long request, bool signal_first)
{
	static const struct waiter_sched below = { .policy = SCHED_FIFO, .prio = 10, .cpu = 1 };
	int event = new_auto(f, false);
	struct waiter *w;

	count_signals(SIGUSR1, 0);
	w = start_sched(f, request, ARGS(FDS(event), .owner = OWNER, .timeout = FOREVER), &below);
	occupy_cpu(50);
	/* The waiter can't run in between, so it finds both. */
	if (signal_first)
		waiter_signal(w, SIGUSR1);
	set_event(event, 0);
	if (!signal_first)
		waiter_signal(w, SIGUSR1);
	free_cpu();
	assert_woken(w, 0, 0);
	assert_event(event, 0, 0);
	assert_int_equal(signals_counted, 1);
}

static void success_beats_a_later_signal(void **state)
{
	need_realtime();
	for_each_request(r)
		signal_and_grant(*state, *r, false);
}

/* The wait was still queued when the event was set, so it got the event. */
static void success_beats_an_earlier_signal(void **state)
{
	need_realtime();
	for_each_request(r)
		signal_and_grant(*state, *r, true);
}

/*
 * The deadline passes while the waiter can't run; then the event is set. The wait may get the event
 * or time out, but the event's state must agree.
 */
static void a_grant_at_the_deadline_is_not_lost(void **state)
{
	static const struct waiter_sched below = { .policy = SCHED_FIFO, .prio = 10, .cpu = 1 };
	struct fixture *f = *state;

	need_realtime();
	for (int i = 0; i < 20; i++) {
		int event = new_auto(f, false), ret;
		uint64_t deadline = monotonic_ns() + 100 * NS_PER_MS;
		struct waiter *w = start_running(f, requests[i % 2],
						 ARGS(FDS(event), .owner = OWNER,
						      .timeout = deadline), &below);

		waiter_asleep(w);
		occupy_cpu(50);
		while (monotonic_ns() < deadline + NS_PER_MS)
			;
		event_op(event, NTSYNC_IOC_EVENT_SET, 0);
		free_cpu();
		ret = waiter_ret(w);
		if (ret)
			assert_ret(ret, -ETIMEDOUT);
		assert_event(event, 0, ret != 0);
		close_fd(f, event);
	}
}

struct killed {
	int objs[2];
	unsigned long request;
};

static int wait_for_death(struct fixture *f, void *arg)
{
	struct killed *k = arg;
	struct ntsync_wait_args args = ARGS(.objs = (uintptr_t)k->objs, .count = 2,
					    .owner = OWNER, .timeout = FOREVER);

	nt(f->dev, k->request, &args);
	return 1;
}

static void killed_in_a_wait(void **state)
{
	struct fixture *f = *state;
	struct killed k = { .objs = { new_sem(f, 0, 1), new_mutex(f, 9, 1) } };

	for_each_request(r) {
		pid_t pid;

		k.request = *r;
		pid = child_start(f, wait_for_death, &k);
		while (!asleep_in(pid, pid, *r))
			sleep_ms(1);
		kill(pid, SIGKILL);
		assert_int_equal(child_finish(pid), 128 + SIGKILL);
		release(k.objs[0], 1, 0);
		assert_sem(k.objs[0], 1, 1);
		assert_ret(try_wait(f, k.objs[0], OWNER), 0);
	}
	unlock(k.objs[1], 9, 1);
	assert_mutex(k.objs[1], 0, 0);
}

static void stopped_and_continued(void **state)
{
	struct fixture *f = *state;
	struct killed k = { .objs = { new_sem(f, 0, 1), new_mutex(f, 9, 1) }, .request = ANY };
	pid_t pid = child_start(f, wait_for_death, &k);

	while (!asleep_in(pid, pid, ANY))
		sleep_ms(1);
	for (int i = 0; i < 3; i++) {
		kill(pid, SIGSTOP);
		kill(pid, SIGCONT);
		while (!asleep_in(pid, pid, ANY))
			sleep_ms(1);
	}
	release(k.objs[0], 1, 0);
	assert_int_equal(child_finish(pid), 1);
	assert_sem(k.objs[0], 0, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(signal_ends_the_wait),
		TEST(a_wait_with_a_deadline_ends_too),
		TEST(restart_goes_on_waiting),
		TEST(restart_does_not_lengthen_the_deadline),
		TEST(restart_is_a_new_call),
		TEST(an_ignored_signal_is_no_signal),
		TEST(success_beats_a_later_signal),
		TEST(success_beats_an_earlier_signal),
		TEST(a_grant_at_the_deadline_is_not_lost),
		TEST(killed_in_a_wait),
		TEST(stopped_and_continued),
	};

	return RUN(tests);
}
