// SPDX-License-Identifier: GPL-2.0-only
/* EVENT_SET_PI: the task that consumes the signal runs with the priority that was set with it. */
#include "inversion.h"

#include <signal.h>

static struct actor *new_consumer(struct fixture *f)
{
	return actor_new(f, "consumer", FIFO(LOW));
}

/* A wait, and what the consumer itself sees right after it. */
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

static void start_consumer(struct actor *a, struct consumption *c)
{
	actor_tell(a, consume, c);
	actor_assert_asleep(a);
}

#define CONSUMPTION(req, ...) \
	((struct consumption){ .request = (req), .args = ARGS(__VA_ARGS__) })

static void assert_seen(const struct consumption *c, int policy, int prio)
{
	assert_int_equal(c->seen.policy, policy);
	assert_int_equal(c->seen.prio, prio);
}

static void assert_boost_ends_at_next_wait(struct actor *a)
{
	int event = new_auto(a->f, false);

	assert_ret(actor_tries(a, event), -ETIMEDOUT);
	assert_unboosted(a);
	assert_true(arbiter_idle());
}

static void assert_consumes_without_boost(struct actor *a, int event)
{
	assert_unboosted(a);
	assert_ret(actor_tries(a, event), 0);
	assert_unboosted(a);
	assert_true(arbiter_idle());
}

/* The consumer's wait ends; it runs with this priority until its next wait. */
static void check_consumed(struct actor *a, const struct consumption *c, int policy, int prio)
{
	assert_ret(actor_finish(a), 0);
	assert_seen(c, policy, prio);
	assert_boost_ends_at_next_wait(a);
}

static void check_consumption(struct actor *a, struct consumption *c, int policy, int prio)
{
	actor_tell(a, consume, c);
	check_consumed(a, c, policy, prio);
}

static void signal_beside_hog(struct actor *consumer, int event)
{
	hog_release();
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_not_held_up(consumer, 0);
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
	assert_ret(set_event_pi(sem, SCHED_FIFO, 1), -EINVAL);
	assert_ret(set_event_pi(mutex, SCHED_FIFO, 1), -EINVAL);
	assert_sem(sem, 0, 1);
	assert_mutex(mutex, 0, 0);
	/* The argument is read before the type is looked at. */
	assert_ret(nt(sem, NTSYNC_IOC_EVENT_SET_PI, unmapped(f)), -EFAULT);
	/* A device is another kind of descriptor. */
	assert_ret(set_event_pi(f->dev, SCHED_FIFO, 1), -ENOTTY);
}

/* ---- a queued consumer ---- */

static void queued_behind_a_hog(void **state)
{
	struct fixture *f = *state;
	struct actor *consumers[] = { new_consumer(f), actor_new(f, "normal", NORMAL(0)) };

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(consumers); i++) {
		int event = new_auto(f, false);
		struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

		start_consumer(consumers[i], &c);
		signal_beside_hog(consumers[i], event);
		assert_seen(&c, SCHED_FIFO, HIGH);
		assert_event(event, 0, 0);
		assert_boosted(consumers[i], HIGH);
		assert_true(arbiter_has(consumers[i]->tid, "event", SCHED_FIFO, HIGH));
		assert_boost_ends_at_next_wait(consumers[i]);
	}
}

static void queued_in_a_wait_all(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false), sem = new_sem(f, 1, 1);
	struct consumption c = CONSUMPTION(ALL, FDS(sem, event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	start_consumer(consumer, &c);
	signal_beside_hog(consumer, event);
	assert_seen(&c, SCHED_FIFO, HIGH);
	assert_sem(sem, 0, 1);
	assert_boost_ends_at_next_wait(consumer);
}

/* The event stays signaled until another object completes the wait. */
static void wait_all_completed_by_another_object(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false), sem = new_sem(f, 0, 1);
	struct consumption c = CONSUMPTION(ALL, FDS(sem, event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	start_consumer(consumer, &c);
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_unboosted(consumer);
	hog_release();
	release(sem, 1, 0);
	assert_not_held_up(consumer, 0);
	assert_seen(&c, SCHED_FIFO, HIGH);
	assert_event(event, 0, 0);
	assert_boost_ends_at_next_wait(consumer);
}

static void queued_on_an_alert(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false), sem = new_sem(f, 0, 1);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct consumption c = CONSUMPTION(requests[i], FDS(sem), .alert = event,
						   .timeout = FOREVER);

		start_consumer(consumer, &c);
		signal_beside_hog(consumer, event);
		assert_int_equal(c.args.index, 1);
		assert_seen(&c, SCHED_FIFO, HIGH);
		assert_boost_ends_at_next_wait(consumer);
	}
}

/* A wait that another object has ended does not consume the signal. */
static void ended_by_another_object(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false), sem = new_sem(f, 0, 1);
	struct consumption c = CONSUMPTION(ANY, FDS(sem, event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	start_consumer(consumer, &c);
	release(sem, 1, 0);
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_finish(consumer), 0);
	assert_int_equal(c.args.index, 0);
	assert_seen(&c, SCHED_FIFO, LOW);
	assert_event(event, 0, 1);
}

static void highest_of_several_gets_it(void **state)
{
	struct fixture *f = *state;
	struct actor *first = new_consumer(f), *second = actor_new(f, "second", FIFO(LOW + 1));

	only_ours(f, "no EVENT_SET_PI");
	for (int manual = 0; manual < 2; manual++) {
		int event = new_event(f, manual, false);
		struct consumption a = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);
		struct consumption b = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

		start_consumer(first, &a);
		start_consumer(second, &b);
		assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
		assert_ret(actor_finish(second), 0);
		assert_seen(&b, SCHED_FIFO, HIGH);
		if (!manual)
			set_event(event, 0);
		assert_ret(actor_finish(first), 0);
		assert_seen(&a, SCHED_FIFO, LOW);
		assert_boost_ends_at_next_wait(second);
		assert_unboosted(first);
	}
}

/* ---- staged: the signal comes before the consumer ---- */

static void check_staged(struct fixture *f, struct actor *consumer, unsigned long request,
			 uint64_t timeout)
{
	int event = new_auto(f, false), sem = new_sem(f, 1, 1);
	struct consumption c = CONSUMPTION(request, FDS(event, sem), .timeout = timeout);

	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_event(event, 0, 1);
	c.releases_hog = true;
	/* The hog is released once the consumer has the signal and its boost. */
	actor_tell(consumer, consume, &c);
	assert_not_held_up(consumer, 0);
	assert_seen(&c, SCHED_FIFO, HIGH);
	assert_event(event, 0, 0);
	assert_boosted(consumer, HIGH);
	assert_boost_ends_at_next_wait(consumer);
}

static void staged_before_the_consumer(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f), *normal = actor_new(f, "normal", NORMAL(5));

	only_ours(f, "no EVENT_SET_PI");
	check_staged(f, consumer, ANY, FOREVER);
	check_staged(f, normal, ANY, FOREVER);
	check_staged(f, consumer, ALL, FOREVER);
	check_staged(f, normal, ALL, FOREVER);
}

/* A wait that only polls consumes the signal too. */
static void staged_and_tried(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);

	only_ours(f, "no EVENT_SET_PI");
	check_staged(f, consumer, ANY, 0);
	check_staged(f, consumer, ALL, 0);
}

static void staged_on_an_alert(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false), sem = new_sem(f, 0, 1);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct consumption c = CONSUMPTION(requests[i], FDS(sem), .alert = event);

		assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
		check_consumption(consumer, &c, SCHED_FIFO, HIGH);
	}
}

static void the_last_of_several_counts(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (int up = 0; up < 2; up++) {
		struct consumption c = CONSUMPTION(ANY, FDS(event));

		assert_ret(set_event_pi(event, up ? SCHED_FIFO : SCHED_RR, up ? 30 : 70), 0);
		assert_ret(set_event_pi(event, up ? SCHED_RR : SCHED_FIFO, up ? 70 : 30), 0);
		check_consumption(consumer, &c, up ? SCHED_RR : SCHED_FIFO, up ? 70 : 30);
	}
}

static void a_plain_set_takes_it_back(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	set_event(event, 1);
	assert_consumes_without_boost(consumer, event);
}

static void set_pi_on_a_signaled_event(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, true);
	struct consumption c = CONSUMPTION(ANY, FDS(event));

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	check_consumption(consumer, &c, SCHED_FIFO, HIGH);
}

static void reset_and_pulse_cancel(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);

	only_ours(f, "no EVENT_SET_PI");
	for (int manual = 0; manual < 2; manual++) {
		int event = new_event(f, manual, false);

		assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
		reset_event(event, 1);
		set_event(event, 0);
		assert_consumes_without_boost(consumer, event);
		reset_event(event, manual);

		assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
		pulse_event(event, 1);
		set_event(event, 0);
		assert_consumes_without_boost(consumer, event);
	}
}

/* The signal of a manual-reset event stays; the second consumer gets no priority with it. */
static void no_second_consumer(void **state)
{
	struct fixture *f = *state;
	struct actor *first = new_consumer(f), *second = actor_new(f, "second", FIFO(LOW));
	int event = new_manual(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event));

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	check_consumption(first, &c, SCHED_FIFO, HIGH);
	assert_consumes_without_boost(second, event);
	assert_consumes_without_boost(first, event);
}

/* The priority of a consumed signal must not come with the next, plain one. */
static void nothing_stale(void **state)
{
	struct fixture *f = *state;
	struct actor *first = new_consumer(f), *second = actor_new(f, "second", FIFO(LOW));
	int event = new_auto(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	start_consumer(first, &c);
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_finish(first), 0);
	set_event(event, 0);
	assert_ret(actor_tries(second, event), 0);
	assert_unboosted(second);
	assert_boost_ends_at_next_wait(first);
}

/* The consumer has been given the signal, and is interrupted before it runs. */
static void the_signal_wins_over_an_interruption(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	start_consumer(consumer, &c);
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	pthread_kill(consumer->thread, SIGUSR2);
	check_consumed(consumer, &c, SCHED_FIFO, HIGH);
}

/* A wait that was interrupted consumes neither the signal nor the priority. */
static void interrupted_before(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	start_consumer(consumer, &c);
	actor_interrupt(consumer);
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_unboosted(consumer);
	assert_event(event, 0, 1);
	c = CONSUMPTION(ANY, FDS(event));
	check_consumption(consumer, &c, SCHED_FIFO, HIGH);
}

/* The event is closed with a priority that nobody has consumed. */
static void closed_while_staged(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	close_fd(f, event);
	assert_true(arbiter_idle());
}

/* ---- while it lasts, and how it ends ---- */

static void round_robin(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	start_consumer(consumer, &c);
	assert_ret(set_event_pi(event, SCHED_RR, 33), 0);
	check_consumed(consumer, &c, SCHED_RR, 33);
}

static void never_lowered(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = actor_new(f, "consumer", FIFO(60));
	int event = new_auto(f, false);
	struct consumption c = CONSUMPTION(ANY, FDS(event), .timeout = FOREVER);

	only_ours(f, "no EVENT_SET_PI");
	start_consumer(consumer, &c);
	assert_ret(set_event_pi(event, SCHED_FIFO, 40), 0);
	assert_ret(actor_finish(consumer), 0);
	assert_seen(&c, SCHED_FIFO, 60);
	assert_unboosted(consumer);
	assert_boost_ends_at_next_wait(consumer);
}

/* The boost ends when the consumer enters its next wait, not when that returns. */
static void ends_before_the_next_sleep(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false), other = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
		assert_ret(actor_tries(consumer, event), 0);
		assert_boosted(consumer, HIGH);
		actor_block(consumer, requests[i], ARGS(FDS(other), .timeout = FOREVER));
		assert_unboosted(consumer);
		set_event(other, 0);
		assert_ret(actor_finish(consumer), 0);
		assert_unboosted(consumer);
	}
}

/* Calls that are no waits don't end the boost. */
static int make_other_calls(struct actor *a, void *arg)
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
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_tries(consumer, event), 0);
	assert_ret(actor_do(consumer, make_other_calls, &event), 0);
	assert_boosted(consumer, HIGH);
	assert_boost_ends_at_next_wait(consumer);
}

/* Each boost ends as the next one begins. */
static void one_after_the_other(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f);
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (int prio = 90; prio > LOW; prio -= 20) {
		struct consumption c = CONSUMPTION(ANY, FDS(event));

		assert_ret(set_event_pi(event, SCHED_FIFO, prio), 0);
		assert_ret(actor_do(consumer, consume, &c), 0);
		assert_seen(&c, SCHED_FIFO, prio);
	}
	assert_boost_ends_at_next_wait(consumer);
}

static void together_with_a_mutex(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f), *waiter = actor_new(f, "waiter", FIFO(60));
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false), never = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (int above = 0; above < 2; above++) {
		int prio = above ? 70 : 50;

		assert_ret(actor_locks(consumer, mutex), 0);
		assert_ret(set_event_pi(event, SCHED_RR, prio), 0);
		assert_ret(actor_tries(consumer, event), 0);
		assert_boosted_as(consumer, SCHED_RR, prio);
		actor_block_on(waiter, mutex);
		if (above)
			assert_boosted_as(consumer, SCHED_RR, 70);
		else
			assert_boosted(consumer, 60);
		assert_ret(actor_tries(consumer, never), -ETIMEDOUT);
		assert_boosted(consumer, 60);
		end_contention(consumer, waiter, mutex);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

static void mutex_first_to_go(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f), *waiter = actor_new(f, "waiter", FIFO(60));
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(actor_locks(consumer, mutex), 0);
	assert_ret(set_event_pi(event, SCHED_FIFO, 40), 0);
	assert_ret(actor_tries(consumer, event), 0);
	actor_block_on(waiter, mutex);
	assert_boosted(consumer, 60);
	assert_ret(actor_unlocks(consumer, mutex), 0);
	assert_boosted(consumer, 40);
	assert_ret(actor_finish(waiter), 0);
	assert_boost_ends_at_next_wait(consumer);
}

/* A boosted consumer waits for a mutex with its own priority only. */
static void is_not_passed_on_by_waiting(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f), *holder = actor_new(f, "holder", NORMAL(0));
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(actor_locks(holder, mutex), 0);
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_tries(consumer, event), 0);
	actor_block_on(consumer, mutex);
	assert_unboosted(consumer);
	assert_boosted(holder, LOW);
	actor_pass_mutex(holder, consumer, mutex);
}

/* A task that has exited has no next wait to end its boost; the record must go all the same. */
static void consumer_exits(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = new_consumer(f), *next = actor_new(f, "next", FIFO(LOW));
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_tries(consumer, event), 0);
	assert_boosted(consumer, HIGH);
	actor_exit(consumer);
	assert_true(arbiter_idle_soon());
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_tries(next, event), 0);
	assert_boost_ends_at_next_wait(next);
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
		PI_TEST(is_not_passed_on_by_waiting),
		PI_TEST(consumer_exits),
	};

	return RUN(tests);
}
