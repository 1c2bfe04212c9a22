// SPDX-License-Identifier: GPL-2.0-only
/*
 * The corners of the model in docs/pi.md: who is a waiter, who is an owner, and what
 * is looked at again when something has changed from outside.
 */
#include "inversion.h"

/* A real-time task that waits for @mutex until ->event is set. */
struct suitor {
	struct actor *actor;
	int event;
};

static struct suitor suitor(struct fixture *f, int prio, int mutex)
{
	struct suitor s = {
		.actor = actor_new(f, "suitor", FIFO(prio)),
		.event = new_auto(f, false),
	};

	actor_wait(s.actor, ANY, ARGS(FDS(mutex, s.event), .timeout = FOREVER));
	actor_assert_asleep(s.actor);
	return s;
}

static void suitor_leaves(struct suitor *s)
{
	assert_ret(nt(s->event, NTSYNC_IOC_EVENT_SET, &(uint32_t){ 0 }), 0);
	assert_ret(actor_finish(s->actor), 0);
}

/* A wait-all may name a mutex that the waiter owns. It does not wait for itself. */
static void nobody_inherits_from_himself(void **state)
{
	struct fixture *f = *state;
	struct actor *middle = actor_new(f, "middle", FIFO(HOG));
	struct actor *last = actor_new(f, "last", FIFO(LOW));
	int own = new_mutex(f, 0, 0), wanted = new_mutex(f, 0, 0), held = new_mutex(f, 0, 0);
	struct suitor s;

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(last, wanted), 0);
	assert_ret(actor_locks(middle, own), 0);
	assert_ret(actor_locks(middle, held), 0);
	actor_wait(middle, ALL, ARGS(FDS(own, wanted), .timeout = FOREVER));
	actor_assert_asleep(middle);
	assert_boosted(last, HOG);
	s = suitor(f, HIGH, held);
	assert_boosted(middle, HIGH);
	assert_boosted(last, HIGH);
	suitor_leaves(&s);
	assert_base(middle);
	assert_boosted(last, HOG);

	assert_ret(actor_unlocks(last, wanted), 0);
	assert_ret(actor_finish(middle), 0);
	assert_ret(actor_unlocks(middle, own), 0);
}

/* What is further down a chain is told, too, when a boosted task has been changed. */
static void a_change_in_the_middle_of_a_chain(void **state)
{
	struct fixture *f = *state;
	struct actor *middle = actor_new(f, "middle", FIFO(LOW + 5));
	struct actor *last = actor_new(f, "last", FIFO(LOW));
	int first_mutex = new_mutex(f, 0, 0), second_mutex = new_mutex(f, 0, 0);
	struct suitor s;

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(last, second_mutex), 0);
	assert_ret(actor_locks(middle, first_mutex), 0);
	actor_lock(middle, second_mutex);
	actor_assert_asleep(middle);
	s = suitor(f, HIGH, first_mutex);
	assert_boosted(last, HIGH);

	assert_ret(task_set_attr(middle->tid, NORMAL(0)), 0);
	suitor_leaves(&s);
	assert_ret(task_get_state(middle->tid, &middle->base), 0);
	assert_int_equal(middle->base.attr.policy, SCHED_OTHER);
	assert_int_equal(middle->base.attr.flags, 0);
	assert_base(last);

	assert_ret(actor_unlocks(last, second_mutex), 0);
	assert_ret(actor_finish(middle), 0);
}

/* sched_setparam() keeps the flag that the boost has set; it is not the task's own. */
static void set_priority_does_not_keep_the_flag(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_new(f, "holder", FIFO(LOW));
	int mutex = new_mutex(f, 0, 0);
	struct sched_param param = { .sched_priority = LOW + 5 };
	struct suitor s;

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(holder, mutex), 0);
	s = suitor(f, HIGH, mutex);
	assert_boosted(holder, HIGH);
	assert_int_equal(sched_setparam(holder->tid, &param), 0);
	suitor_leaves(&s);
	holder->base.attr.prio = LOW + 5;
	assert_base(holder);
}

static int create_for(struct actor *a, void *owner)
{
	return nt(a->f->dev, NTSYNC_IOC_CREATE_MUTEX,
		  &(struct ntsync_mutex_args){ .owner = *(uint32_t *)owner, .count = 1 });
}

/* Nor does the death of the owner make one of the creator. */
static void a_known_owner_that_has_died_is_not_the_creator(void **state)
{
	struct fixture *f = *state;
	struct actor *creator = actor_new(f, "creator", FIFO(LOW));
	struct actor *owner = actor_new(f, "owner", FIFO(LOW));
	struct suitor s;
	int mutex;

	only_ours(f, "no inheritance");
	mutex = own_fd(f, actor_do(creator, create_for, &owner->owner));
	actor_introduce(owner);
	actor_exit(owner);
	s = suitor(f, HIGH, mutex);
	assert_base(creator);
	assert_true(arbiter_idle());
	suitor_leaves(&s);
}

/* Lowered from outside it goes back in the queue; boosted, it comes forward again. */
static void a_boosted_sleeper_is_moved_forward(void **state)
{
	struct fixture *f = *state;
	struct actor *sleeper = actor_new(f, "sleeper", FIFO(HOG));
	struct actor *other = actor_new(f, "other", FIFO(HOG - 10));
	struct actor *third = actor_new(f, "third", FIFO(HOG - 10));
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 0, 9);
	struct suitor s;

	only_ours(f, "no inheritance");
	assert_ret(actor_locks(sleeper, mutex), 0);
	actor_lock(sleeper, sem);
	actor_assert_asleep(sleeper);
	actor_lock(other, sem);
	actor_assert_asleep(other);
	actor_lock(third, sem);
	actor_assert_asleep(third);

	assert_ret(task_set_attr(sleeper->tid, FIFO(LOW)), 0);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, &(uint32_t){ 1 }), 0);
	assert_ret(actor_finish(other), 0);
	s = suitor(f, HOG, mutex);
	assert_boosted(sleeper, HOG);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, &(uint32_t){ 1 }), 0);
	assert_ret(actor_finish(sleeper), 0);
	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, &(uint32_t){ 1 }), 0);
	assert_ret(actor_finish(third), 0);
	suitor_leaves(&s);
	sleeper->base.attr.prio = LOW;
	assert_base(sleeper);
}

/* Of all that a manual-reset event lets go, whatever the kind of wait. */
static void the_best_of_any_and_all_gets_the_boost(void **state)
{
	struct fixture *f = *state;
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = HIGH };
	struct actor *all = actor_new(f, "all", FIFO(LOW)), *any = actor_new(f, "any", FIFO(HOG));
	int event = new_manual(f, false);

	only_ours(f, "no EVENT_SET_PI");
	actor_wait(all, ALL, ARGS(FDS(event), .timeout = FOREVER));
	actor_assert_asleep(all);
	actor_wait(any, ANY, ARGS(FDS(event), .timeout = FOREVER));
	actor_assert_asleep(any);
	assert_ret(nt(event, NTSYNC_IOC_EVENT_SET_PI, &args), 0);
	assert_ret(actor_finish(any), 0);
	assert_ret(actor_finish(all), 0);
	assert_boosted(any, HIGH);
	assert_base(all);
	assert_ret(actor_tries(any, new_auto(f, false)), -ETIMEDOUT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(nobody_inherits_from_himself),
		PI_TEST(a_change_in_the_middle_of_a_chain),
		PI_TEST(set_priority_does_not_keep_the_flag),
		PI_TEST(a_known_owner_that_has_died_is_not_the_creator),
		PI_TEST(a_boosted_sleeper_is_moved_forward),
		PI_TEST(the_best_of_any_and_all_gets_the_boost),
	};

	return RUN(tests);
}
