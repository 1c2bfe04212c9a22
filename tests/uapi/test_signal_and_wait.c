// SPDX-License-Identifier: GPL-2.0-only
/* SIGNAL_AND_WAIT: what it signals and what it waits for, and that nothing comes in between. */
#include "fixture.h"

#include <signal.h>

#define SIGNAL_AND_WAIT NTSYNC_IOC_SIGNAL_AND_WAIT

#define CALL(...) ((struct ntsync_signal_and_wait_args){ .index = UNTOUCHED, __VA_ARGS__ })

static void need_signal_and_wait(struct fixture *f)
{
	if (!(f->features & NTSYNC_FEATURE_SIGNAL_AND_WAIT))
		skip_because("the in-tree driver differs: it has no SIGNAL_AND_WAIT");
}

#define assert_call(f, call, ret, index) \
	check_call(f, call, ret, index, __FILE__, __LINE__)

static void check_call(struct fixture *f, struct ntsync_signal_and_wait_args args, int ret,
		       uint32_t index, const char *file, int line)
{
	fixture_assert_ret(nt(f->dev, SIGNAL_AND_WAIT, &args), ret, "SIGNAL_AND_WAIT", file, line);
	_assert_int_equal(args.index, !ret || ret == -EOWNERDEAD ? index : UNTOUCHED, file, line);
}

static void signals_and_takes(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false), sem = new_sem(f, 0, 2), mutex = new_mutex(f, OWNER, 2);
	int ready = new_sem(f, 3, 3);

	need_signal_and_wait(f);
	assert_call(f, CALL(.signal = event, .wait = ready, .owner = OWNER), 0, 0);
	assert_event(event, 0, 1);
	assert_call(f, CALL(.signal = sem, .wait = ready, .owner = OWNER), 0, 0);
	assert_sem(sem, 1, 2);
	assert_call(f, CALL(.signal = mutex, .wait = ready, .owner = OWNER), 0, 0);
	assert_mutex(mutex, OWNER, 1);
	assert_sem(ready, 0, 3);
}

static void the_signal_stands_when_the_wait_fails(void **state)
{
	struct fixture *f = *state;
	int event = new_manual(f, false), never = new_auto(f, false);

	need_signal_and_wait(f);
	assert_call(f, CALL(.signal = event, .wait = never, .owner = OWNER), -ETIMEDOUT, 0);
	assert_event(event, 1, 1);
	assert_call(f, CALL(.signal = event, .wait = never, .owner = OWNER,
			    .timeout = monotonic_ns() + NS_PER_MS), -ETIMEDOUT, 0);
	assert_event(never, 0, 0);
}

static void deadlines_of_each_clock(void **state)
{
	static const uint32_t flags[] = { 0, NTSYNC_WAIT_REALTIME, NTSYNC_WAIT_BOOTTIME };
	struct fixture *f = *state;
	int event = new_manual(f, false), never = new_auto(f, false);

	need_signal_and_wait(f);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		uint64_t deadline = now_ns(choose_clock(flags[i])) + 20 * NS_PER_MS;

		assert_call(f, CALL(.signal = event, .wait = never, .owner = OWNER, .timeout = 1,
				    .flags = flags[i]), -ETIMEDOUT, 0);
		assert_call(f, CALL(.signal = event, .wait = never, .owner = OWNER,
				    .timeout = deadline, .flags = flags[i]), -ETIMEDOUT, 0);
		assert_true(now_ns(choose_clock(flags[i])) >= deadline);
		assert_event(event, 1, 1);
	}
}

static void without_the_signal_there_is_no_wait(void **state)
{
	struct fixture *f = *state;
	int full = new_sem(f, 1, 1), foreign = new_mutex(f, OWNER + 1, 1);
	int ready = new_auto(f, true);

	need_signal_and_wait(f);
	assert_call(f, CALL(.signal = full, .wait = ready, .owner = OWNER), -EOVERFLOW, 0);
	assert_call(f, CALL(.signal = foreign, .wait = ready, .owner = OWNER), -EPERM, 0);
	assert_event(ready, 0, 1);
	assert_sem(full, 1, 1);
	assert_mutex(foreign, OWNER + 1, 1);
}

static void the_same_object_is_signaled_first(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false), mutex = new_mutex(f, OWNER, 1);

	need_signal_and_wait(f);
	assert_call(f, CALL(.signal = event, .wait = event, .owner = OWNER), 0, 0);
	assert_event(event, 0, 0);
	assert_call(f, CALL(.signal = mutex, .wait = mutex, .owner = OWNER), 0, 0);
	assert_mutex(mutex, OWNER, 1);
}

static void an_abandoned_mutex_is_taken(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false), mutex = new_mutex(f, 7, 1);

	need_signal_and_wait(f);
	kill_owner(mutex, 7);
	assert_call(f, CALL(.signal = event, .wait = mutex, .owner = OWNER), -EOWNERDEAD, 0);
	assert_mutex(mutex, OWNER, 1);
	assert_event(event, 0, 1);
}

static void the_alert_ends_it(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false), never = new_auto(f, false), alert = new_auto(f, true);

	need_signal_and_wait(f);
	assert_call(f, CALL(.signal = event, .wait = never, .alert = alert, .owner = OWNER), 0, 1);
	assert_event(alert, 0, 0);
	/* The object has precedence. */
	set_event(alert, 0);
	assert_call(f, CALL(.signal = never, .wait = event, .alert = alert, .owner = OWNER), 0, 0);
	assert_event(alert, 0, 1);
	/* The signaled object may be the alert. */
	reset_event(alert, 1);
	reset_event(never, 1);
	assert_call(f, CALL(.signal = alert, .wait = never, .alert = alert, .owner = OWNER), 0, 1);
}

static void refuses_what_it_can_not_do(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false), other = new_auto(f, true), dev = open_device(f);
	struct ntsync_event_args args = { .signaled = 1 };
	int foreign = own_fd(f, nt(dev, NTSYNC_IOC_CREATE_EVENT, &args));
	int closed = new_auto(f, false);

	need_signal_and_wait(f);
	close_fd(f, closed);
	assert_ret(nt(f->dev, SIGNAL_AND_WAIT, unmapped(f)), -EFAULT);
	assert_call(f, CALL(.signal = event, .wait = other, .owner = 0), -EINVAL, 0);
	assert_call(f, CALL(.signal = event, .wait = other, .owner = 1, .flags = 2), -EINVAL, 0);
	assert_call(f, CALL(.signal = event, .wait = other, .owner = 1,
			    .flags = NTSYNC_WAIT_REALTIME | NTSYNC_WAIT_BOOTTIME), -EINVAL, 0);
	assert_call(f, CALL(.signal = closed, .wait = other, .owner = 1), -EINVAL, 0);
	assert_call(f, CALL(.signal = event, .wait = closed, .owner = 1), -EINVAL, 0);
	assert_call(f, CALL(.signal = event, .wait = foreign, .owner = 1), -EINVAL, 0);
	assert_call(f, CALL(.signal = foreign, .wait = other, .owner = 1), -EINVAL, 0);
	assert_call(f, CALL(.signal = event, .wait = f->dev, .owner = 1), -EINVAL, 0);
	assert_call(f, CALL(.signal = event, .wait = other, .owner = 1, .alert = closed), -EINVAL,
		    0);
	assert_event(event, 0, 0);
	assert_event(other, 0, 1);
}

static void an_answer_that_faults_undoes_nothing(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false), ready = new_auto(f, true);
	struct ntsync_signal_and_wait_args args = CALL(.signal = event, .wait = ready,
						       .owner = OWNER);

	need_signal_and_wait(f);
	assert_ret(nt(f->dev, SIGNAL_AND_WAIT, read_only(f, &args, sizeof(args))), -EFAULT);
	assert_event(event, 0, 1);
	assert_event(ready, 0, 0);
}

/* ---- nothing comes in between ---- */

#define ROUNDS 2000

struct duel {
	struct fixture *f;
	int go, answer;
	uint32_t prev;
	atomic_bool over;
};

/*
 * Pulses each time that it is woken: a thread that does not wait at that moment would miss the
 * pulse.
 */
static void *pulser(void *arg)
{
	struct duel *d = arg;

	for (;;) {
		assert_wait(d->f, ANY, ARGS(FDS(d->go), .owner = 3, .timeout = FOREVER), 0, 0);
		if (atomic_load(&d->over))
			return NULL;
		nt(d->answer, NTSYNC_IOC_EVENT_PULSE, &d->prev);
	}
}

static void nobody_gets_in_between(void **state)
{
	struct fixture *f = *state;
	struct duel d = { .f = f, .go = new_auto(f, false), .answer = new_auto(f, false) };
	pthread_t thread;

	need_signal_and_wait(f);
	assert_int_equal(pthread_create(&thread, NULL, pulser, &d), 0);
	for (int i = 0; i < ROUNDS; i++)
		assert_call(f, CALL(.signal = d.go, .wait = d.answer, .owner = OWNER,
				    .timeout = long_from_now()), 0, 0);
	atomic_store(&d.over, true);
	nt(d.go, NTSYNC_IOC_EVENT_SET, &d.prev);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* ---- sleeping ---- */

struct sleeper {
	struct fixture *f;
	struct ntsync_signal_and_wait_args args;
	atomic_int tid;
	int ret;
};

static void *sleep_in_it(void *arg)
{
	struct sleeper *s = arg;

	atomic_store(&s->tid, gettid());
	s->ret = nt(s->f->dev, SIGNAL_AND_WAIT, &s->args);
	return NULL;
}

static pthread_t start_sleeper(struct sleeper *s)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, sleep_in_it, s), 0);
	while (!atomic_load(&s->tid) || !asleep_in(getpid(), atomic_load(&s->tid), SIGNAL_AND_WAIT))
		sched_yield();
	return thread;
}

static void wakes_when_the_object_is_signaled(void **state)
{
	struct fixture *f = *state;
	struct sleeper s = { .f = f };
	pthread_t thread;

	need_signal_and_wait(f);
	s.args = CALL(.signal = new_auto(f, false), .wait = new_sem(f, 0, 1), .owner = OWNER,
		      .timeout = FOREVER);
	thread = start_sleeper(&s);
	assert_event(s.args.signal, 0, 1);
	release(s.args.wait, 1, 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_ret(s.ret, 0);
	assert_int_equal(s.args.index, 0);
	assert_sem(s.args.wait, 0, 1);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A restart would signal again. */
static void is_never_restarted(void **state)
{
	struct fixture *f = *state;
	struct sigaction restart = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sleeper s = { .f = f };
	pthread_t thread;

	need_signal_and_wait(f);
	s.args = CALL(.signal = new_sem(f, 0, 9), .wait = new_auto(f, false), .owner = OWNER,
		      .timeout = FOREVER);
	assert_int_equal(sigaction(SIGUSR1, &restart, NULL), 0);
	thread = start_sleeper(&s);
	assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_ret(s.ret, -EINTR);
	assert_sem(s.args.signal, 1, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(signals_and_takes),
		TEST(the_signal_stands_when_the_wait_fails),
		TEST(deadlines_of_each_clock),
		TEST(without_the_signal_there_is_no_wait),
		TEST(the_same_object_is_signaled_first),
		TEST(an_abandoned_mutex_is_taken),
		TEST(the_alert_ends_it),
		TEST(refuses_what_it_can_not_do),
		TEST(an_answer_that_faults_undoes_nothing),
		TEST(nobody_gets_in_between),
		TEST(wakes_when_the_object_is_signaled),
		TEST(is_never_restarted),
	};

	return RUN(tests);
}
