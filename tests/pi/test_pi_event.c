// SPDX-License-Identifier: GPL-2.0-only
/* EVENT_SET_PI: the task that consumes the signal runs with the priority that came with it. */
#include "inversion.h"

#include <signal.h>

static int set_pi(int event, uint32_t policy, uint32_t prio)
{
	struct ntsync_event_set_pi_args args = { .policy = policy, .prio = prio };

	return nt(event, NTSYNC_IOC_EVENT_SET_PI, &args);
}

static struct actor *low(struct fixture *f)
{
	return actor_new(f, "consumer", FIFO(LOW));
}

/* What the consumer itself sees right after its wait. */
struct consumption {
	unsigned long request;
	struct ntsync_wait_args args;
	bool releases_hog;
	struct task_attr seen;
	int seen_ret;
};

static int consume(struct actor *a, void *arg)
{
	struct consumption *c = arg;
	int ret;

	c->args.owner = a->owner;
	ret = nt(a->f->dev, c->request, &c->args);
	c->seen_ret = task_get_attr(0, &c->seen);
	if (c->releases_hog) {
		hog_release();
		work_here();
	}
	return ret ? ret : c->seen_ret;
}

#define CONSUMPTION(req, ...) \
	((struct consumption){ .request = (req), .args = ARGS(__VA_ARGS__) })

static void assert_seen(const struct consumption *c, int policy, int prio)
{
	assert_int_equal(c->seen.policy, policy);
	assert_int_equal(c->seen.prio, prio);
}

/* The boost lasts until the next wait, and not beyond. */
static void assert_ends_with_the_next_wait(struct actor *a)
{
	int event = new_auto(a->f, false);

	assert_ret(actor_tries(a, event), -ETIMEDOUT);
	assert_base(a);
	assert_true(arbiter_idle());
}

/* A wait that succeeds, of a task that is as it was before and after. */
static void assert_consumes_without_boost(struct actor *a, int event)
{
	assert_base(a);
	assert_ret(actor_tries(a, event), 0);
	assert_base(a);
	assert_true(arbiter_idle());
}

/* ---- arguments ---- */

static int try_args(int event, uint32_t flags, uint32_t policy, uint32_t prio)
{
	struct ntsync_event_set_pi_args args = {
		.flags = flags, .policy = policy, .prio = prio, .__pad = UNTOUCHED,
	};

	return nt(event, NTSYNC_IOC_EVENT_SET_PI, &args);
}

static void arguments(void **state)
{
	static const uint32_t policies[] = { SCHED_OTHER, SCHED_BATCH, 4, SCHED_IDLE,
					     SCHED_DEADLINE, 7, SCHED_FIFO | SCHED_RESET_ON_FORK,
					     ~0u };
	static const uint32_t prios[] = { 0, 100, ~0u };
	struct fixture *f = *state;
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		assert_ret(try_args(event, 0, policies[i], 1), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(prios); i++) {
		assert_ret(try_args(event, 0, SCHED_FIFO, prios[i]), -EINVAL);
		assert_ret(try_args(event, 0, SCHED_RR, prios[i]), -EINVAL);
	}
	assert_ret(try_args(event, 1, SCHED_FIFO, 1), -EINVAL);
	assert_ret(try_args(event, ~0u, SCHED_FIFO, 1), -EINVAL);
	assert_event(event, 0, 0);
}

static void pad_is_ignored(void **state)
{
	static const uint32_t policies[] = { SCHED_FIFO, SCHED_RR };
	static const uint32_t prios[] = { 1, 99 };
	struct fixture *f = *state;
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(prios); k++) {
			assert_ret(try_args(event, 0, policies[i], prios[k]), 0);
			assert_event(event, 0, 1);
			reset_event(event, 1);
		}
	}
}

static void faults_before_anything(void **state)
{
	const struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = 1 };
	struct fixture *f = *state;
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(nt(event, NTSYNC_IOC_EVENT_SET_PI, unmapped(f)), -EFAULT);
	assert_ret(nt(event, NTSYNC_IOC_EVENT_SET_PI, past_page_end(f, &args, sizeof(args))),
		   -EFAULT);
	assert_event(event, 0, 0);
	/* It is only read. */
	assert_ret(nt(event, NTSYNC_IOC_EVENT_SET_PI, read_only(f, &args, sizeof(args))), 0);
	assert_event(event, 0, 1);
}

static void wrong_type(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), mutex = new_mutex(f, 0, 0);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_pi(sem, SCHED_FIFO, 1), -EINVAL);
	assert_ret(set_pi(mutex, SCHED_FIFO, 1), -EINVAL);
	assert_sem(sem, 0, 1);
	assert_mutex(mutex, 0, 0);
	/* The argument is read before the type is looked at. */
	assert_ret(nt(sem, NTSYNC_IOC_EVENT_SET_PI, unmapped(f)), -EFAULT);
	/* A device is another kind of descriptor. */
	assert_ret(set_pi(f->dev, SCHED_FIFO, 1), -ENOTTY);
}

/* ---- a queued consumer ---- */

static void queued_behind_a_hog(void **state)
{
	struct fixture *f = *state;
	struct actor *consumers[] = { low(f), actor_new(f, "normal", NORMAL(0)) };

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(consumers); i++) {
		int event = new_auto(f, false);
		struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

		actor_tell(consumers[i], consume, &c);
		actor_assert_asleep(consumers[i]);
		hog_release();
		assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
		assert_not_held_up(consumers[i], 0);
		assert_seen(&c, SCHED_FIFO, HIGH);
		assert_event(event, 0, 0);
		assert_boosted(consumers[i], HIGH);
		assert_true(arbiter_has(consumers[i]->tid, "event", SCHED_FIFO, HIGH));
		assert_ends_with_the_next_wait(consumers[i]);
	}
}

static void queued_in_a_wait_all(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false), sem = new_sem(f, 1, 1);
	struct consumption c = CONSUMPTION(ALL, FDS(sem, event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	actor_tell(consumer, consume, &c);
	actor_assert_asleep(consumer);
	hog_release();
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_not_held_up(consumer, 0);
	assert_seen(&c, SCHED_FIFO, HIGH);
	assert_sem(sem, 0, 1);
	assert_ends_with_the_next_wait(consumer);
}

/* The signal lies there until another object completes the wait. */
static void wait_all_completed_by_another_object(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false), sem = new_sem(f, 0, 1);
	struct consumption c = CONSUMPTION(ALL, FDS(sem, event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	actor_tell(consumer, consume, &c);
	actor_assert_asleep(consumer);
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_base(consumer);
	hog_release();
	release(sem, 1, 0);
	assert_not_held_up(consumer, 0);
	assert_seen(&c, SCHED_FIFO, HIGH);
	assert_event(event, 0, 0);
	assert_ends_with_the_next_wait(consumer);
}

static void queued_on_an_alert(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false), sem = new_sem(f, 0, 1);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct consumption c = CONSUMPTION(requests[i], FDS(sem), .alert = event,
						   .timeout = FOREVER);

		actor_tell(consumer, consume, &c);
		actor_assert_asleep(consumer);
		hog_release();
		assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
		assert_not_held_up(consumer, 0);
		assert_int_equal(c.args.index, 1);
		assert_seen(&c, SCHED_FIFO, HIGH);
		assert_ends_with_the_next_wait(consumer);
	}
}

/* The other objects of the wait don't matter: what counts is which one ended it. */
static void ended_by_another_object(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false), sem = new_sem(f, 0, 1);
	struct consumption c = CONSUMPTION(ANY, FDS(sem, event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	actor_tell(consumer, consume, &c);
	actor_assert_asleep(consumer);
	release(sem, 1, 0);
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_finish(consumer), 0);
	assert_int_equal(c.args.index, 0);
	assert_seen(&c, SCHED_FIFO, LOW);
	assert_event(event, 0, 1);
}

static void highest_of_several_gets_it(void **state)
{
	struct fixture *f = *state;
	struct actor *first = low(f), *second = actor_new(f, "second", FIFO(LOW + 1));

	only_ours(f, "no EVENT_SET_PI");
	for (int manual = 0; manual < 2; manual++) {
		int event = new_event(f, manual, false);
		struct consumption a = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);
		struct consumption b = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

		actor_tell(first, consume, &a);
		actor_assert_asleep(first);
		actor_tell(second, consume, &b);
		actor_assert_asleep(second);
		assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
		assert_ret(actor_finish(second), 0);
		assert_seen(&b, SCHED_FIFO, HIGH);
		if (!manual)
			set_event(event, 0);
		assert_ret(actor_finish(first), 0);
		assert_seen(&a, SCHED_FIFO, LOW);
		assert_ends_with_the_next_wait(second);
		assert_base(first);
	}
}

/* ---- staged: the signal comes before the consumer ---- */

static void check_staged(struct fixture *f, struct actor *consumer, unsigned long request,
			 uint64_t timeout)
{
	int event = new_auto(f, false), sem = new_sem(f, 1, 1);
	struct consumption c = CONSUMPTION(request, FDS(event, sem), .timeout = timeout);

	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_event(event, 0, 1);
	c.releases_hog = true;
	/* The hog comes when the consumer has the signal: too late to be in its way. */
	actor_tell(consumer, consume, &c);
	assert_not_held_up(consumer, 0);
	assert_seen(&c, SCHED_FIFO, HIGH);
	assert_event(event, 0, 0);
	assert_boosted(consumer, HIGH);
	assert_ends_with_the_next_wait(consumer);
}

static void staged_before_the_consumer(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f), *normal = actor_new(f, "normal", NORMAL(5));

	only_ours(f, "no EVENT_SET_PI");
	check_staged(f, consumer, ANY, FOREVER);
	check_staged(f, normal, ANY, FOREVER);
	check_staged(f, consumer, ALL, FOREVER);
	check_staged(f, normal, ALL, FOREVER);
}

/* A wait that does not wait consumes the signal as well. */
static void staged_and_tried(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);

	only_ours(f, "no EVENT_SET_PI");
	check_staged(f, consumer, ANY, 0);
	check_staged(f, consumer, ALL, 0);
}

static void staged_on_an_alert(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false), sem = new_sem(f, 0, 1);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct consumption c = CONSUMPTION(requests[i], FDS(sem), .alert = event);

		assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
		assert_ret(actor_do(consumer, consume, &c), 0);
		assert_seen(&c, SCHED_FIFO, HIGH);
		assert_ends_with_the_next_wait(consumer);
	}
}

static void the_last_of_several_counts(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (int up = 0; up < 2; up++) {
		struct consumption c = CONSUMPTION(ANY, FDS(event));

		assert_ret(set_pi(event, up ? SCHED_FIFO : SCHED_RR, up ? 30 : 70), 0);
		assert_ret(set_pi(event, up ? SCHED_RR : SCHED_FIFO, up ? 70 : 30), 0);
		assert_ret(actor_do(consumer, consume, &c), 0);
		assert_seen(&c, up ? SCHED_RR : SCHED_FIFO, up ? 70 : 30);
		assert_ends_with_the_next_wait(consumer);
	}
}

static void a_plain_set_takes_it_back(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	set_event(event, 1);
	assert_consumes_without_boost(consumer, event);
}

static void set_pi_on_a_signaled_event(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, true);
	struct consumption c = CONSUMPTION(ANY, FDS(event));

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_do(consumer, consume, &c), 0);
	assert_seen(&c, SCHED_FIFO, HIGH);
	assert_ends_with_the_next_wait(consumer);
}

static void reset_and_pulse_cancel(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);

	only_ours(f, "no EVENT_SET_PI");
	for (int manual = 0; manual < 2; manual++) {
		int event = new_event(f, manual, false);

		assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
		reset_event(event, 1);
		set_event(event, 0);
		assert_consumes_without_boost(consumer, event);
		reset_event(event, manual);

		assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
		pulse_event(event, 1);
		set_event(event, 0);
		assert_consumes_without_boost(consumer, event);
	}
}

/* Whoever comes second to a signal that stays gets it without the priority. */
static void no_second_consumer(void **state)
{
	struct fixture *f = *state;
	struct actor *first = low(f), *second = actor_new(f, "second", FIFO(LOW));
	int event = new_manual(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event));

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_do(first, consume, &c), 0);
	assert_seen(&c, SCHED_FIFO, HIGH);
	assert_ends_with_the_next_wait(first);
	assert_consumes_without_boost(second, event);
	assert_consumes_without_boost(first, event);
}

/* Consumed by one, set plainly for the next. */
static void nothing_stale(void **state)
{
	struct fixture *f = *state;
	struct actor *first = low(f), *second = actor_new(f, "second", FIFO(LOW));
	int event = new_auto(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	actor_tell(first, consume, &c);
	actor_assert_asleep(first);
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_finish(first), 0);
	set_event(event, 0);
	assert_ret(actor_tries(second, event), 0);
	assert_base(second);
	assert_ends_with_the_next_wait(first);
}

/* The consumer was given the signal and interrupted at the same time. */
static void the_signal_wins_over_an_interruption(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	actor_tell(consumer, consume, &c);
	actor_assert_asleep(consumer);
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	pthread_kill(consumer->thread, SIGUSR2);
	assert_ret(actor_finish(consumer), 0);
	assert_seen(&c, SCHED_FIFO, HIGH);
	assert_ends_with_the_next_wait(consumer);
}

/* A wait that was interrupted takes neither the signal nor the priority. */
static void interrupted_before(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	actor_tell(consumer, consume, &c);
	actor_assert_asleep(consumer);
	pthread_kill(consumer->thread, SIGUSR2);
	assert_ret(actor_finish(consumer), -EINTR);
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_base(consumer);
	assert_event(event, 0, 1);
	c = CONSUMPTION(ANY, FDS(event));
	assert_ret(actor_do(consumer, consume, &c), 0);
	assert_seen(&c, SCHED_FIFO, HIGH);
	assert_ends_with_the_next_wait(consumer);
}

/* Closed with the priority still on it. */
static void closed_while_staged(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	close_fd(f, event);
	assert_true(arbiter_idle());
}

/* ---- while it lasts, and how it ends ---- */

static void round_robin(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	actor_tell(consumer, consume, &c);
	actor_assert_asleep(consumer);
	assert_ret(set_pi(event, SCHED_RR, 33), 0);
	assert_ret(actor_finish(consumer), 0);
	assert_seen(&c, SCHED_RR, 33);
	assert_ends_with_the_next_wait(consumer);
}

static void never_lowered(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = actor_new(f, "consumer", FIFO(60));
	int event = new_auto(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	actor_tell(consumer, consume, &c);
	actor_assert_asleep(consumer);
	assert_ret(set_pi(event, SCHED_FIFO, 40), 0);
	assert_ret(actor_finish(consumer), 0);
	assert_seen(&c, SCHED_FIFO, 60);
	assert_base(consumer);
	assert_ends_with_the_next_wait(consumer);
}

/* It is over when the consumer enters its next wait, not when that returns. */
static void ends_before_the_next_sleep(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false), other = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
		assert_ret(actor_tries(consumer, event), 0);
		assert_boosted(consumer, HIGH);
		actor_wait(consumer, requests[i], ARGS(FDS(other), .timeout = FOREVER));
		actor_assert_asleep(consumer);
		assert_base(consumer);
		set_event(other, 0);
		assert_ret(actor_finish(consumer), 0);
		assert_base(consumer);
	}
}

/* What is no wait does not end it. */
static int other_calls(struct actor *a, void *arg)
{
	uint32_t word = 0;
	int event = *(int *)arg;

	(void)a;
	return nt(event, NTSYNC_IOC_EVENT_SET, &word) || nt(event, NTSYNC_IOC_EVENT_RESET, &word) ?
	       -EPROTO : 0;
}

static void survives_other_calls(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_tries(consumer, event), 0);
	assert_ret(actor_do(consumer, other_calls, &event), 0);
	assert_boosted(consumer, HIGH);
	assert_ends_with_the_next_wait(consumer);
}

/* One boost after the other: the first ends as the second begins. */
static void one_after_the_other(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f);
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (int prio = 90; prio > LOW; prio -= 20) {
		struct consumption c = CONSUMPTION(ANY, FDS(event));

		assert_ret(set_pi(event, SCHED_FIFO, prio), 0);
		assert_ret(actor_do(consumer, consume, &c), 0);
		assert_seen(&c, SCHED_FIFO, prio);
	}
	assert_ends_with_the_next_wait(consumer);
}

static void together_with_a_mutex(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f), *waiter = actor_new(f, "waiter", FIFO(60));
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false), never = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (int above = 0; above < 2; above++) {
		int prio = above ? 70 : 50;

		assert_ret(actor_locks(consumer, mutex), 0);
		assert_ret(set_pi(event, SCHED_RR, prio), 0);
		assert_ret(actor_tries(consumer, event), 0);
		assert_lent(consumer, SCHED_RR, prio);
		actor_lock(waiter, mutex);
		actor_assert_asleep(waiter);
		if (above)
			assert_lent(consumer, SCHED_RR, 70);
		else
			assert_boosted(consumer, 60);
		assert_ret(actor_tries(consumer, never), -ETIMEDOUT);
		assert_boosted(consumer, 60);
		assert_ret(actor_unlocks(consumer, mutex), 0);
		assert_base(consumer);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

static void mutex_first_to_go(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f), *waiter = actor_new(f, "waiter", FIFO(60));
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(actor_locks(consumer, mutex), 0);
	assert_ret(set_pi(event, SCHED_FIFO, 40), 0);
	assert_ret(actor_tries(consumer, event), 0);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	assert_boosted(consumer, 60);
	assert_ret(actor_unlocks(consumer, mutex), 0);
	assert_boosted(consumer, 40);
	assert_ret(actor_finish(waiter), 0);
	assert_ends_with_the_next_wait(consumer);
}

/* A boosted consumer that waits for a mutex does so with its own priority. */
static void is_not_handed_on_by_waiting(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f), *holder = actor_new(f, "holder", NORMAL(0));
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(actor_locks(holder, mutex), 0);
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_tries(consumer, event), 0);
	actor_lock(consumer, mutex);
	actor_assert_asleep(consumer);
	assert_base(consumer);
	assert_boosted(holder, LOW);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_ret(actor_finish(consumer), 0);
}

/* Death is noticed within a second; on a busy machine it may take longer. */
static bool arbiter_idle_soon(void)
{
	int tries = 1000;

	while (tries-- && arbiter_has_records())
		usleep(10000);
	return arbiter_idle();
}

/* Nothing ends the boost of a task that has gone; the record must go nevertheless. */
static void consumer_exits(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = low(f), *next = actor_new(f, "next", FIFO(LOW));
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_tries(consumer, event), 0);
	assert_boosted(consumer, HIGH);
	actor_exit(consumer);
	assert_true(arbiter_idle_soon());
	assert_ret(set_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_tries(next, event), 0);
	assert_ends_with_the_next_wait(next);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(arguments),
		PI_TEST(pad_is_ignored),
		PI_TEST(faults_before_anything),
		PI_TEST(wrong_type),
		PI_TEST(queued_behind_a_hog),
		PI_TEST(queued_in_a_wait_all),
		PI_TEST(wait_all_completed_by_another_object),
		PI_TEST(queued_on_an_alert),
		PI_TEST(ended_by_another_object),
		PI_TEST(highest_of_several_gets_it),
		PI_TEST(staged_before_the_consumer),
		PI_TEST(staged_and_tried),
		PI_TEST(staged_on_an_alert),
		PI_TEST(the_last_of_several_counts),
		PI_TEST(a_plain_set_takes_it_back),
		PI_TEST(set_pi_on_a_signaled_event),
		PI_TEST(reset_and_pulse_cancel),
		PI_TEST(no_second_consumer),
		PI_TEST(nothing_stale),
		PI_TEST(the_signal_wins_over_an_interruption),
		PI_TEST(interrupted_before),
		PI_TEST(closed_while_staged),
		PI_TEST(round_robin),
		PI_TEST(never_lowered),
		PI_TEST(ends_before_the_next_sleep),
		PI_TEST(survives_other_calls),
		PI_TEST(one_after_the_other),
		PI_TEST(together_with_a_mutex),
		PI_TEST(mutex_first_to_go),
		PI_TEST(is_not_handed_on_by_waiting),
		PI_TEST(consumer_exits),
	};

	return RUN(tests);
}
