// SPDX-License-Identifier: GPL-2.0-only
/*
 * Special cases of the model in docs/pi.md: which task is a waiter, which is an owner, and what the
 * arbiter does when another task has set a task's parameters.
 */
#include "inversion.h"

#include <sys/syscall.h>

/* A real-time task that waits for @mutex until ->event is set. */
struct event_waiter {
	struct actor *actor;
	int event;
};

static struct event_waiter start_waiter(struct fixture *f, int prio, int mutex)
{
	struct event_waiter s = {
		.actor = actor_new(f, "start_waiter", FIFO(prio)),
		.event = new_auto(f, false),
	};

	actor_block(s.actor, ANY, ARGS(FDS(mutex, s.event), .timeout = FOREVER));
	return s;
}

static void end_waiter(struct event_waiter *s)
{
	assert_ret(nt(s->event, NTSYNC_IOC_EVENT_SET, &(uint32_t){ 0 }), 0);
	assert_ret(actor_finish(s->actor), 0);
}

/*
 * A wait for all of several objects may name a mutex that the waiter owns; it does not wait for
 * itself.
 */
static void no_task_inherits_from_itself(void **state)
{
	struct fixture *f = *state;
	struct actor *middle = actor_new(f, "middle", FIFO(HOG));
	struct actor *last = actor_low(f, "last");
	int own = new_mutex(f, 0, 0), wanted = new_mutex(f, 0, 0), held = new_mutex(f, 0, 0);
	struct event_waiter s;

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(last, wanted), 0);
	assert_ret(actor_locks(middle, own), 0);
	assert_ret(actor_locks(middle, held), 0);
	actor_block(middle, ALL, ARGS(FDS(own, wanted), .timeout = FOREVER));
	assert_boosted(last, HOG);
	s = start_waiter(f, HIGH, held);
	assert_boosted(middle, HIGH);
	assert_boosted(last, HIGH);
	end_waiter(&s);
	assert_unboosted(middle);
	assert_boosted(last, HOG);

	actor_pass_mutex(last, middle, wanted);
	assert_ret(actor_unlocks(middle, own), 0);
}

/* When a boosted task's parameters are set, the tasks further down the chain are updated too. */
static void a_change_in_the_middle_of_a_chain(void **state)
{
	struct fixture *f = *state;
	struct actor *middle = actor_new(f, "middle", FIFO(LOW + 5));
	struct actor *last = actor_low(f, "last");
	int first_mutex = new_mutex(f, 0, 0), second_mutex = new_mutex(f, 0, 0);
	struct event_waiter s;

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(last, second_mutex), 0);
	assert_ret(actor_locks(middle, first_mutex), 0);
	actor_block_on(middle, second_mutex);
	s = start_waiter(f, HIGH, first_mutex);
	assert_boosted(last, HIGH);

	assert_ret(task_set_attr(middle->tid, NORMAL(0)), 0);
	end_waiter(&s);
	assert_ret(task_get_state(middle->tid, &middle->unboosted), 0);
	assert_int_equal(middle->unboosted.attr.policy, SCHED_OTHER);
	assert_int_equal(middle->unboosted.attr.flags, 0);
	assert_unboosted(last);

	actor_pass_mutex(last, middle, second_mutex);
}

/*
 * sched_setparam() keeps the reset-on-fork flag of the boost; the task must lose it with the boost.
 */
static void set_priority_does_not_keep_the_flag(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder");
	int mutex = new_mutex(f, 0, 0);
	struct sched_param param = { .sched_priority = LOW + 5 };
	struct event_waiter s;

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	s = start_waiter(f, HIGH, mutex);
	assert_boosted(holder, HIGH);
	assert_int_equal(sched_setparam(holder->tid, &param), 0);
	end_waiter(&s);
	holder->unboosted.attr.prio = LOW + 5;
	assert_unboosted(holder);
}

static int create_mutex_for(struct actor *a, void *owner)
{
	return nt(a->f->dev, NTSYNC_IOC_CREATE_MUTEX,
		  &(struct ntsync_mutex_args){ .owner = *(uint32_t *)owner, .count = 1 });
}

/* A thread that was joined may still be on its way to the end of its exit. */
static void await_end_of(pid_t tid)
{
	while (!syscall(SYS_tgkill, getpid(), tid, 0))
		sleep_ms(1);
	assert_int_equal(errno, ESRCH);
}

/* The death of a known owner does not make the creator the owner. */
static void a_known_owner_that_has_died_is_not_the_creator(void **state)
{
	struct fixture *f = *state;
	struct actor *creator = actor_low(f, "creator");
	struct actor *owner = actor_low(f, "owner");
	struct event_waiter s;
	int mutex;

	only_ours(f, "no inheritance");
	mutex = own_fd(f, actor_do(creator, create_mutex_for, &owner->owner));
	actor_introduce(owner);
	actor_exit(owner);
	await_end_of(owner->tid);
	s = start_waiter(f, HIGH, mutex);
	assert_unboosted(creator);
	assert_true(arbiter_idle());
	end_waiter(&s);
}

/*
 * A sleeper that is lowered from outside moves back in the queue; a boost moves it forward again.
 */
static void a_boosted_sleeper_is_moved_forward(void **state)
{
	struct fixture *f = *state;
	struct actor *sleeper = actor_new(f, "sleeper", FIFO(HOG));
	struct actor *other = actor_new(f, "other", FIFO(HOG - 10));
	struct actor *third = actor_new(f, "third", FIFO(HOG - 10));
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 0, 9);
	struct event_waiter s;

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(sleeper, mutex), 0);
	actor_block_on(sleeper, sem);
	actor_block_on(other, sem);
	actor_block_on(third, sem);

	assert_ret(task_set_attr(sleeper->tid, FIFO(LOW)), 0);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, &(uint32_t){ 1 }), 0);
	assert_ret(actor_finish(other), 0);
	s = start_waiter(f, HOG, mutex);
	assert_boosted(sleeper, HOG);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, &(uint32_t){ 1 }), 0);
	assert_ret(actor_finish(sleeper), 0);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, &(uint32_t){ 1 }), 0);
	assert_ret(actor_finish(third), 0);
	end_waiter(&s);
	sleeper->unboosted.attr.prio = LOW;
	assert_unboosted(sleeper);
}

/* Of all the waiters that a manual-reset event wakes, whatever the kind of wait. */
static void the_highest_of_any_and_all_gets_the_boost(void **state)
{
	struct fixture *f = *state;
	struct actor *all = actor_new(f, "all", FIFO(LOW)), *any = actor_new(f, "any", FIFO(HOG));
	int event = new_manual(f, false);

	only_ours(f, "no EVENT_SET_PI");
	actor_block(all, ALL, ARGS(FDS(event), .timeout = FOREVER));
	actor_block(any, ANY, ARGS(FDS(event), .timeout = FOREVER));
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	assert_ret(actor_finish(any), 0);
	assert_ret(actor_finish(all), 0);
	assert_boosted(any, HIGH);
	assert_unboosted(all);
	assert_ret(actor_tries(any, new_auto(f, false)), -ETIMEDOUT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(no_task_inherits_from_itself),
		PI_TEST(a_change_in_the_middle_of_a_chain),
		PI_TEST(set_priority_does_not_keep_the_flag),
		PI_TEST(a_known_owner_that_has_died_is_not_the_creator),
		PI_TEST(a_boosted_sleeper_is_moved_forward),
		PI_TEST(the_highest_of_any_and_all_gets_the_boost),
	};

	return RUN(tests);
}
