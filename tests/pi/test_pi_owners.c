// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who owns a mutex that was created owned: the task that uses the owner id, not the one that
 * created the mutex (a server creates everything for others). The driver learns it at the
 * beginning of each valid wait with the id, whatever becomes of the wait, and from each unlock
 * and kill that succeeds. It does not forget it.
 */
#include "channel.h"

/* A waiter of FIFO HIGH that sleeps until it gets @mutex. */
static struct actor *wants(struct fixture *f, int mutex)
{
	struct actor *waiter = actor_high(f);

	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	return waiter;
}

/* The end of it: @holder is boosted, unlocks, and has its own priority again. */
static void assert_owns(struct actor *holder, int mutex, struct actor *waiter)
{
	assert_boosted(holder, HIGH);
	assert_ret(actor_unlocks(holder, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
	assert_base(holder);
	assert_ret(actor_unlocks(waiter, mutex), 0);
}

static int create_for(struct actor *a, void *owner)
{
	struct ntsync_mutex_args args = { .owner = *(uint32_t *)owner, .count = 1 };

	return nt(a->f->dev, NTSYNC_IOC_CREATE_MUTEX, &args);
}

static int created_by(struct actor *creator, uint32_t owner)
{
	return own_fd(creator->f, actor_do(creator, create_for, &owner));
}

/* ---- the creator ---- */

static void a_creator_is_no_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *creator = actor_low(f, "creator"), *waiter;

	only_ours(f, "no inheritance");
	/* Once the driver has never seen the creator wait, once it knows another id of it. */
	for (int known = 0; known < 2; known++) {
		int mutex = created_by(creator, 77);

		waiter = wants(f, mutex);
		assert_base(creator);
		actor_interrupt(waiter);
		assert_base(creator);
		actor_introduce(creator);
	}
}

static void a_creator_that_uses_the_id_is_the_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *creator = actor_low(f, "creator"), *waiter;
	int mutex;

	only_ours(f, "no inheritance");
	mutex = created_by(creator, creator->owner);
	waiter = wants(f, mutex);
	assert_base(creator);
	actor_introduce(creator);
	assert_owns(creator, mutex, waiter);
}

/* ---- what teaches ---- */

/**
 * struct lesson - a call from which the driver learns whose id it is
 * @name: for messages
 * @ret:  what it returns
 * @call: makes it, with an event that is not signaled
 */
struct lesson {
	const char *name;
	int ret;
	int (*call)(struct actor *a, int event);
};

static int any_polls(struct actor *a, int event)
{
	return wait_any_here(a, event, 0);
}

static int any_blocks(struct actor *a, int event)
{
	return wait_any_here(a, event, monotonic_ns() + NS_PER_MS);
}

static int all_until(struct actor *a, int event, uint64_t timeout)
{
	struct ntsync_wait_args args = ARGS(FDS(event), .owner = a->owner, .timeout = timeout);

	return nt(a->f->dev, ALL, &args);
}

static int all_polls(struct actor *a, int event)
{
	return all_until(a, event, 0);
}

static int all_blocks(struct actor *a, int event)
{
	return all_until(a, event, monotonic_ns() + NS_PER_MS);
}

static int aggregate_until(struct actor *a, int event, uint64_t timeout)
{
	struct ntsync_aggregate_source source = { .type = NTSYNC_AGG_OBJECT, .fd = event };
	struct ntsync_aggregate_wait_args args = { .sources = (uintptr_t)&source, .nb_sources = 1,
						   .owner = a->owner, .timeout = timeout };

	return nt(a->f->dev, NTSYNC_IOC_AGGREGATE_WAIT, &args);
}

static int aggregate_polls(struct actor *a, int event)
{
	return aggregate_until(a, event, 0);
}

static int aggregate_blocks(struct actor *a, int event)
{
	return aggregate_until(a, event, monotonic_ns() + NS_PER_MS);
}

/* The event is auto-reset: the signal is its own, and the wait gets it. */
static int signals_and_waits(struct actor *a, int event)
{
	struct ntsync_signal_and_wait_args args = { .signal = event, .wait = event,
						    .owner = a->owner };

	return nt(a->f->dev, NTSYNC_IOC_SIGNAL_AND_WAIT, &args);
}

/* A mutex that nobody has is acquired for it, and given back. */
static int unlocks(struct actor *a, int event)
{
	struct ntsync_mutex_args args = { .owner = a->owner, .count = 1 };
	int mutex = nt(a->f->dev, NTSYNC_IOC_CREATE_MUTEX, &args), ret;

	(void)event;
	ret = mutex < 0 ? mutex : unlock_here(a, mutex);
	close(mutex);
	return ret;
}

static int kills(struct actor *a, int event)
{
	struct ntsync_mutex_args args = { .owner = a->owner, .count = 1 };
	int mutex = nt(a->f->dev, NTSYNC_IOC_CREATE_MUTEX, &args), ret;

	(void)event;
	ret = mutex < 0 ? mutex : nt(mutex, NTSYNC_IOC_MUTEX_KILL, &a->owner);
	close(mutex);
	return ret;
}

static const struct lesson lessons[] = {
	{ "WAIT_ANY that polls", -ETIMEDOUT, any_polls },
	{ "WAIT_ANY that blocks and times out", -ETIMEDOUT, any_blocks },
	{ "WAIT_ALL that polls", -ETIMEDOUT, all_polls },
	{ "WAIT_ALL that blocks and times out", -ETIMEDOUT, all_blocks },
	{ "AGGREGATE_WAIT that polls", -ETIMEDOUT, aggregate_polls },
	{ "AGGREGATE_WAIT that blocks and times out", -ETIMEDOUT, aggregate_blocks },
	{ "SIGNAL_AND_WAIT", 0, signals_and_waits },
	{ "MUTEX_UNLOCK", 0, unlocks },
	{ "MUTEX_KILL", 0, kills },
};

/**
 * struct pupil - an order: a lesson, then work and an unlock behind it
 * @lesson, @event: the call
 * @mutex: unlocked at the end, 0 = none
 * @lets_hog: the hog is let loose between the two
 */
struct pupil {
	const struct lesson *lesson;
	int event, mutex;
	bool lets_hog;
};

static int learn(struct actor *a, void *arg)
{
	const struct pupil *p = arg;
	int ret = p->lesson->call(a, p->event);

	if (ret != p->lesson->ret) {
		fprintf(stderr, "# %s: %d\n", p->lesson->name, ret);
		return ret ? ret : -EPROTO;
	}
	if (p->lets_hog) {
		hog_release();
		work_here();
	}
	return p->mutex ? unlock_here(a, p->mutex) : 0;
}

static void learnt_before(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(lessons); i++) {
		struct actor *holder = actor_low(f, lessons[i].name);
		struct pupil p = { .lesson = &lessons[i], .event = new_auto(f, false) };
		int mutex;

		assert_ret(actor_do(holder, learn, &p), 0);
		mutex = new_mutex(f, holder->owner, 1);
		assert_owns(holder, mutex, wants(f, mutex));
	}
}

/* Somebody waits already: whoever turns out to be the owner is boosted at that moment. */
static void learnt_while_others_wait(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(lessons); i++) {
		struct actor *holder = actor_low(f, lessons[i].name), *waiter;
		struct pupil p = { .lesson = &lessons[i], .event = new_auto(f, false) };
		int mutex = new_mutex(f, holder->owner, 1);

		waiter = wants(f, mutex);
		assert_base(holder);
		assert_ret(actor_do(holder, learn, &p), 0);
		assert_owns(holder, mutex, waiter);
	}
}

/* The same where it counts: what follows that call is not held up by the hog. */
static void not_held_up_from_then_on(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(lessons); i++) {
		struct actor *holder = actor_low(f, lessons[i].name), *waiter;
		struct pupil p = { .lesson = &lessons[i], .event = new_auto(f, false),
				   .mutex = new_mutex(f, holder->owner, 1), .lets_hog = true };

		waiter = wants(f, p.mutex);
		actor_tell(holder, learn, &p);
		assert_not_held_up(waiter, 0);
		assert_ret(actor_finish(holder), 0);
		assert_base(holder);
		assert_ret(actor_unlocks(waiter, p.mutex), 0);
	}
}

/* Its first call has not returned yet. */
static void learnt_at_the_beginning_of_a_wait(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		/* The waiter comes after the holder sleeps, or before. */
		for (int first = 0; first < 2; first++) {
			struct actor *holder = actor_low(f, "holder"), *waiter = NULL;
			int event = new_auto(f, false), mutex = new_mutex(f, holder->owner, 1);

			if (first)
				waiter = wants(f, mutex);
			actor_wait(holder, requests[i], ARGS(FDS(event), .timeout = FOREVER));
			actor_assert_asleep(holder);
			if (!first)
				waiter = wants(f, mutex);
			assert_boosted(holder, HIGH);
			set_event(event, 0);
			assert_ret(actor_finish(holder), 0);
			assert_owns(holder, mutex, waiter);
		}
	}
}

/* A wait that a signal has ended teaches like any other. */
static void learnt_from_an_interrupted_wait(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder");
	int event = new_auto(f, false), mutex = new_mutex(f, holder->owner, 1);

	only_ours(f, "no inheritance");
	actor_wait(holder, ANY, ARGS(FDS(event), .timeout = FOREVER));
	actor_assert_asleep(holder);
	actor_interrupt(holder);
	assert_owns(holder, mutex, wants(f, mutex));
}

/* ---- what does not ---- */

/**
 * struct claim - another's id, and what calls in its name need
 * @mutex: owned by @owner, so that it can't be had
 */
struct claim {
	int mutex, event;
	uint32_t owner;
};

static int invalid_calls(struct actor *a, void *arg)
{
	const struct claim *c = arg;
	struct ntsync_mutex_args unlock = { .owner = c->owner };
	struct ntsync_wait_args no_object = ARGS(FDS(a->f->dev), .owner = c->owner);
	struct ntsync_wait_args many = ARGS(FDS(c->event), .owner = c->owner);
	struct ntsync_wait_args flags = ARGS(FDS(c->event), .owner = c->owner, .flags = ~0u);
	uint32_t owner = c->owner;

	many.count = NTSYNC_MAX_WAIT_COUNT + 1;
	return nt(a->f->dev, ANY, &no_object) == -EINVAL && nt(a->f->dev, ANY, &many) == -EINVAL &&
	       nt(a->f->dev, ALL, &flags) == -EINVAL &&
	       nt(c->event, NTSYNC_IOC_MUTEX_UNLOCK, &unlock) == -EINVAL &&
	       nt(c->mutex, NTSYNC_IOC_MUTEX_UNLOCK, &unlock) == -EPERM &&
	       nt(c->mutex, NTSYNC_IOC_MUTEX_KILL, &owner) == -EPERM ? 0 : -EPROTO;
}

static void calls_that_are_refused_teach_nothing(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *stranger = actor_low(f, "stranger");
	struct claim c = { .mutex = new_mutex(f, 88, 1), .event = new_auto(f, false),
			   .owner = holder->owner };

	only_ours(f, "no inheritance");
	for (int known = 0; known < 2; known++) {
		int mutex = new_mutex(f, holder->owner, 1);
		struct actor *waiter;

		if (known)
			actor_introduce(holder);
		assert_ret(actor_do(stranger, invalid_calls, &c), 0);
		waiter = wants(f, mutex);
		assert_base(stranger);
		assert_ret(actor_do(stranger, invalid_calls, &c), 0);
		assert_base(stranger);
		if (!known)
			actor_introduce(holder);
		assert_owns(holder, mutex, waiter);
	}
}

/* Each instance has its own ids. */
static void ids_belong_to_an_instance(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *other = actor_low(f, "other"), *waiter;
	struct fixture elsewhere = *f;
	int mutex;

	only_ours(f, "no inheritance");
	elsewhere.dev = open_device(f);
	actor_introduce(holder);
	/* The same id, there. */
	other->f = &elsewhere;
	other->owner = holder->owner;
	actor_wait(other, ANY, ARGS(FDS(own_fd(f, new_manual(&elsewhere, true)))));
	assert_ret(actor_finish(other), 0);
	mutex = new_mutex(f, holder->owner, 1);
	waiter = wants(f, mutex);
	assert_base(other);
	assert_owns(holder, mutex, waiter);
}

/* ---- what is not forgotten ---- */

#define OTHERS 500

struct crowd {
	struct fixture *f;
	int event;
	atomic_int failed;
};

static int wait_as(const struct crowd *crowd, uint32_t owner)
{
	struct ntsync_wait_args args = ARGS(FDS(crowd->event), .owner = owner);

	return nt(crowd->f->dev, ANY, &args);
}

static void *wait_once(void *arg)
{
	struct crowd *crowd = arg;

	if (wait_as(crowd, 100000 + gettid()))
		atomic_fetch_add(&crowd->failed, 1);
	return NULL;
}

/* All of them live at once, each with an id of its own. */
static void other_threads_wait(struct crowd *crowd)
{
	static pthread_t threads[OTHERS];

	for (size_t i = 0; i < OTHERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_once, crowd), 0);
	for (size_t i = 0; i < OTHERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&crowd->failed), 0);
}

static void other_ids_are_used(struct crowd *crowd)
{
	for (uint32_t id = 0; id < OTHERS; id++)
		assert_ret(wait_as(crowd, 200000 + id), 0);
}

static void never_forgotten(void **state)
{
	static void (*const meanwhile[])(struct crowd *crowd) = { other_threads_wait,
								  other_ids_are_used };
	struct fixture *f = *state;
	struct crowd crowd = { .f = f };

	only_ours(f, "no inheritance");
	crowd.event = new_manual(f, true);
	for (size_t i = 0; i < ARRAY_SIZE(meanwhile); i++) {
		struct actor *holder = actor_low(f, "holder");
		int mutex;

		actor_introduce(holder);
		meanwhile[i](&crowd);
		mutex = new_mutex(f, holder->owner, 1);
		assert_owns(holder, mutex, wants(f, mutex));
		mutex = new_mutex(f, holder->owner, 1);
		check_inversion(f, holder, mutex);
	}
}

/* Nor while a mutex is owned already: the others come between the creation and the waiter. */
static void never_forgotten_of_a_mutex(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder");
	struct crowd crowd = { .f = f };
	int mutex;

	only_ours(f, "no inheritance");
	crowd.event = new_manual(f, true);
	mutex = new_mutex(f, holder->owner, 1);
	actor_introduce(holder);
	other_threads_wait(&crowd);
	other_ids_are_used(&crowd);
	check_inversion(f, holder, mutex);
}

/* Many mutexes of ids that nobody has used yet, each wanted: the right one is found for each. */
static void many_are_unknown_at_once(void **state)
{
	enum { MANY = 20 };
	struct actor *holders[MANY], *waiters[MANY];
	struct fixture *f = *state;
	int mutexes[MANY];

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < MANY; i++) {
		holders[i] = actor_low(f, "holder");
		mutexes[i] = new_mutex(f, holders[i]->owner, 1);
		waiters[i] = wants(f, mutexes[i]);
	}
	for (size_t i = MANY; i-- > 0;) {
		struct pupil p = { .lesson = &lessons[0], .event = new_auto(f, false) };

		assert_base(holders[i]);
		assert_ret(actor_do(holders[i], learn, &p), 0);
		assert_boosted(holders[i], HIGH);
	}
	for (size_t i = 0; i < MANY; i++)
		assert_owns(holders[i], mutexes[i], waiters[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(a_creator_is_no_owner),
		PI_TEST(a_creator_that_uses_the_id_is_the_owner),
		PI_TEST(learnt_before),
		PI_TEST(learnt_while_others_wait),
		PI_TEST(not_held_up_from_then_on),
		PI_TEST(learnt_at_the_beginning_of_a_wait),
		PI_TEST(learnt_from_an_interrupted_wait),
		PI_TEST(calls_that_are_refused_teach_nothing),
		PI_TEST(ids_belong_to_an_instance),
		PI_TEST(never_forgotten),
		PI_TEST(never_forgotten_of_a_mutex),
		PI_TEST(many_are_unknown_at_once),
	};

	return RUN(tests);
}
