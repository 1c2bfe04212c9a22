// SPDX-License-Identifier: GPL-2.0-only
/*
 * The owner of a mutex that was created owned is the task that uses the owner id, not the one that
 * created the mutex: a server creates everything for others. The driver learns it at the beginning
 * of each valid wait with the id, however the wait ends, and from each unlock and kill that
 * succeeds. It keeps it.
 */
#include "channel.h"

/* A waiter of FIFO HIGH that sleeps until it gets @mutex. */
static struct actor *start_waiter(struct fixture *f, int mutex)
{
	struct actor *waiter = actor_high(f);

	actor_block_on(waiter, mutex);
	return waiter;
}

/* @holder is boosted by the waiter, until it unlocks. */
static void assert_owns(struct actor *holder, int mutex, struct actor *waiter)
{
	assert_boosted(holder, HIGH);
	actor_pass_mutex(holder, waiter, mutex);
	assert_unboosted(holder);
	assert_ret(actor_unlocks(waiter, mutex), 0);
}

static int create_mutex_for(struct actor *a, void *owner)
{
	struct ntsync_mutex_args args = { .owner = *(uint32_t *)owner, .count = 1 };

	return nt(a->f->dev, NTSYNC_IOC_CREATE_MUTEX, &args);
}

static int new_mutex_by(struct actor *creator, uint32_t owner)
{
	return own_fd(creator->f, actor_do(creator, create_mutex_for, &owner));
}

/* ---- the creator ---- */

static void a_creator_is_no_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *creator = actor_low(f, "creator"), *waiter;

	only_ours(f, "no inheritance");
	/* In the second round the driver knows another id of the creator. */
	for (int known = 0; known < 2; known++) {
		int mutex = new_mutex_by(creator, 77);

		waiter = start_waiter(f, mutex);
		assert_unboosted(creator);
		actor_interrupt(waiter);
		assert_unboosted(creator);
		actor_introduce(creator);
	}
}

static void a_creator_that_uses_the_id_is_the_owner(void **state)
{
	struct fixture *f = *state;
	struct actor *creator = actor_low(f, "creator"), *waiter;
	int mutex;

	only_ours(f, "no inheritance");
	mutex = new_mutex_by(creator, creator->owner);
	waiter = start_waiter(f, mutex);
	assert_unboosted(creator);
	actor_introduce(creator);
	assert_owns(creator, mutex, waiter);
}

/* ---- calls that tell the driver the owner ---- */

/**
 * struct id_call - a call from which the driver learns whose id it is
 * @name: for messages
 * @ret:  what it returns
 * @call: makes it, with an event that is not signaled
 */
struct id_call {
	const char *name;
	int ret;
	int (*call)(struct actor *a, int event);
};

static int poll_any(struct actor *a, int event)
{
	return wait_any_here(a, event, 0);
}

static int block_any(struct actor *a, int event)
{
	return wait_any_here(a, event, monotonic_ns() + NS_PER_MS);
}

static int wait_all_until(struct actor *a, int event, uint64_t timeout)
{
	struct ntsync_wait_args args = ARGS(FDS(event), .owner = a->owner, .timeout = timeout);

	return nt(a->f->dev, ALL, &args);
}

static int poll_all(struct actor *a, int event)
{
	return wait_all_until(a, event, 0);
}

static int block_all(struct actor *a, int event)
{
	return wait_all_until(a, event, monotonic_ns() + NS_PER_MS);
}

static int wait_aggregate_until(struct actor *a, int event, uint64_t timeout)
{
	struct ntsync_aggregate_source source = { .type = NTSYNC_AGG_OBJECT, .fd = event };
	struct ntsync_aggregate_wait_args args = { .sources = (uintptr_t)&source, .nb_sources = 1,
						   .owner = a->owner, .timeout = timeout };

	return nt(a->f->dev, NTSYNC_IOC_AGGREGATE_WAIT, &args);
}

static int poll_aggregate(struct actor *a, int event)
{
	return wait_aggregate_until(a, event, 0);
}

static int block_aggregate(struct actor *a, int event)
{
	return wait_aggregate_until(a, event, monotonic_ns() + NS_PER_MS);
}

/* The call consumes its own signal, as the event is an auto-reset one. */
static int signal_and_wait(struct actor *a, int event)
{
	struct ntsync_signal_and_wait_args args = { .signal = event, .wait = event,
						    .owner = a->owner };

	return nt(a->f->dev, NTSYNC_IOC_SIGNAL_AND_WAIT, &args);
}

static int unlock_new_mutex(struct actor *a, int event)
{
	struct ntsync_mutex_args args = { .owner = a->owner, .count = 1 };
	int mutex = nt(a->f->dev, NTSYNC_IOC_CREATE_MUTEX, &args), ret;

	(void)event;
	ret = mutex < 0 ? mutex : unlock_here(a, mutex);
	close(mutex);
	return ret;
}

static int kill_new_mutex(struct actor *a, int event)
{
	struct ntsync_mutex_args args = { .owner = a->owner, .count = 1 };
	int mutex = nt(a->f->dev, NTSYNC_IOC_CREATE_MUTEX, &args), ret;

	(void)event;
	ret = mutex < 0 ? mutex : nt(mutex, NTSYNC_IOC_MUTEX_KILL, &a->owner);
	close(mutex);
	return ret;
}

static const struct id_call id_calls[] = {
	{ "WAIT_ANY that polls", -ETIMEDOUT, poll_any },
	{ "WAIT_ANY that blocks and times out", -ETIMEDOUT, block_any },
	{ "WAIT_ALL that polls", -ETIMEDOUT, poll_all },
	{ "WAIT_ALL that blocks and times out", -ETIMEDOUT, block_all },
	{ "AGGREGATE_WAIT that polls", -ETIMEDOUT, poll_aggregate },
	{ "AGGREGATE_WAIT that blocks and times out", -ETIMEDOUT, block_aggregate },
	{ "SIGNAL_AND_WAIT", 0, signal_and_wait },
	{ "MUTEX_UNLOCK", 0, unlock_new_mutex },
	{ "MUTEX_KILL", 0, kill_new_mutex },
};

/**
 * struct id_call_job - makes such a call, then works and unlocks
 * @id_call, @event: the call
 * @mutex: unlocked at the end, 0 = none
 * @releases_hog: after the call, and before the work
 */
struct id_call_job {
	const struct id_call *id_call;
	int event, mutex;
	bool releases_hog;
};

static int make_id_call(struct actor *a, void *arg)
{
	const struct id_call_job *p = arg;
	int ret = p->id_call->call(a, p->event);

	if (ret != p->id_call->ret) {
		fprintf(stderr, "# %s: %d\n", p->id_call->name, ret);
		return ret ? ret : -EPROTO;
	}
	if (p->releases_hog) {
		hog_release();
		work_here();
	}
	return p->mutex ? unlock_here(a, p->mutex) : 0;
}

static void learnt_before(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(id_calls); i++) {
		struct actor *holder = actor_low(f, id_calls[i].name);
		struct id_call_job p = { .id_call = &id_calls[i], .event = new_auto(f, false) };
		int mutex;

		assert_ret(actor_do(holder, make_id_call, &p), 0);
		mutex = new_mutex(f, holder->owner, 1);
		assert_owns(holder, mutex, start_waiter(f, mutex));
	}
}

/* A waiter is asleep already: the owner is boosted at the moment when the driver learns of it. */
static void learnt_while_others_wait(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(id_calls); i++) {
		struct actor *holder = actor_low(f, id_calls[i].name), *waiter;
		struct id_call_job p = { .id_call = &id_calls[i], .event = new_auto(f, false) };
		int mutex = new_mutex(f, holder->owner, 1);

		waiter = start_waiter(f, mutex);
		assert_unboosted(holder);
		assert_ret(actor_do(holder, make_id_call, &p), 0);
		assert_owns(holder, mutex, waiter);
	}
}

/* The same with a hog, which must not hold up what the owner does after that call. */
static void not_held_up_from_then_on(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(id_calls); i++) {
		struct actor *holder = actor_low(f, id_calls[i].name), *waiter;
		struct id_call_job p = { .id_call = &id_calls[i], .event = new_auto(f, false),
				   .mutex = new_mutex(f, holder->owner, 1), .releases_hog = true };

		waiter = start_waiter(f, p.mutex);
		actor_tell(holder, make_id_call, &p);
		assert_not_held_up(waiter, 0);
		assert_ret(actor_finish(holder), 0);
		assert_unboosted(holder);
		assert_ret(actor_unlocks(waiter, p.mutex), 0);
	}
}

/* While the owner's first call has not returned yet. */
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
				waiter = start_waiter(f, mutex);
			actor_block(holder, requests[i], ARGS(FDS(event), .timeout = FOREVER));
			if (!first)
				waiter = start_waiter(f, mutex);
			assert_boosted(holder, HIGH);
			set_event(event, 0);
			assert_ret(actor_finish(holder), 0);
			assert_owns(holder, mutex, waiter);
		}
	}
}

/* A wait that a signal has ended tells the owner like any other. */
static void learnt_from_an_interrupted_wait(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder");
	int event = new_auto(f, false), mutex = new_mutex(f, holder->owner, 1);

	only_ours(f, "no inheritance");
	actor_block(holder, ANY, ARGS(FDS(event), .timeout = FOREVER));
	actor_interrupt(holder);
	assert_owns(holder, mutex, start_waiter(f, mutex));
}

/* ---- calls that don't ---- */

/**
 * struct refused_args - for calls with another task's owner id
 * @mutex: not owned by @owner, so that an unlock is refused
 */
struct refused_args {
	int mutex, event;
	uint32_t owner;
};

static int make_refused_calls(struct actor *a, void *arg)
{
	const struct refused_args *c = arg;
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
	struct actor *holder = actor_low(f, "holder"), *other = actor_low(f, "other");
	struct refused_args c = { .mutex = new_mutex(f, 88, 1), .event = new_auto(f, false),
			   .owner = holder->owner };

	only_ours(f, "no inheritance");
	for (int known = 0; known < 2; known++) {
		int mutex = new_mutex(f, holder->owner, 1);
		struct actor *waiter;

		if (known)
			actor_introduce(holder);
		assert_ret(actor_do(other, make_refused_calls, &c), 0);
		waiter = start_waiter(f, mutex);
		assert_unboosted(other);
		assert_ret(actor_do(other, make_refused_calls, &c), 0);
		assert_unboosted(other);
		if (!known)
			actor_introduce(holder);
		assert_owns(holder, mutex, waiter);
	}
}

/* Each open of the device has its own ids. */
static void ids_belong_to_an_instance(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *other = actor_low(f, "other"), *waiter;
	struct fixture elsewhere = *f;
	int mutex;

	only_ours(f, "no inheritance");
	elsewhere.dev = open_device(f);
	actor_introduce(holder);
	/* The same id on the other one. */
	other->f = &elsewhere;
	other->owner = holder->owner;
	actor_wait(other, ANY, ARGS(FDS(own_fd(f, new_manual(&elsewhere, true)))));
	assert_ret(actor_finish(other), 0);
	mutex = new_mutex(f, holder->owner, 1);
	waiter = start_waiter(f, mutex);
	assert_unboosted(other);
	assert_owns(holder, mutex, waiter);
}

/* ---- the owner is not forgotten ---- */

#define OTHERS 500

struct other_users {
	struct fixture *f;
	int event;
	atomic_int failed;
};

static int wait_as(const struct other_users *users, uint32_t owner)
{
	struct ntsync_wait_args args = ARGS(FDS(users->event), .owner = owner);

	return nt(users->f->dev, ANY, &args);
}

static void *wait_once(void *arg)
{
	struct other_users *users = arg;

	if (wait_as(users, 100000 + gettid()))
		atomic_fetch_add(&users->failed, 1);
	return NULL;
}

/* Many threads at once, each with an id of its own. */
static void wait_in_other_threads(struct other_users *users)
{
	static pthread_t threads[OTHERS];

	for (size_t i = 0; i < OTHERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_once, users), 0);
	for (size_t i = 0; i < OTHERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&users->failed), 0);
}

static void wait_with_other_ids(struct other_users *users)
{
	for (uint32_t id = 0; id < OTHERS; id++)
		assert_ret(wait_as(users, 200000 + id), 0);
}

static void never_forgotten(void **state)
{
	static void (*const meanwhile[])(struct other_users *users) = { wait_in_other_threads,
								  wait_with_other_ids };
	struct fixture *f = *state;
	struct other_users users = { .f = f };

	only_ours(f, "no inheritance");
	users.event = new_manual(f, true);
	for (size_t i = 0; i < ARRAY_SIZE(meanwhile); i++) {
		struct actor *holder = actor_low(f, "holder");
		int mutex;

		actor_introduce(holder);
		meanwhile[i](&users);
		mutex = new_mutex(f, holder->owner, 1);
		assert_owns(holder, mutex, start_waiter(f, mutex));
		mutex = new_mutex(f, holder->owner, 1);
		check_inversion(f, holder, mutex);
	}
}

/* The same for a mutex that is owned already: the other ids are used before the waiter comes. */
static void never_forgotten_of_a_mutex(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder");
	struct other_users users = { .f = f };
	int mutex;

	only_ours(f, "no inheritance");
	users.event = new_manual(f, true);
	mutex = new_mutex(f, holder->owner, 1);
	actor_introduce(holder);
	wait_in_other_threads(&users);
	wait_with_other_ids(&users);
	check_inversion(f, holder, mutex);
}

/* The driver drops some ids of a task that has used very many, but not the one used last. */
static void the_last_of_very_many_ids(void **state)
{
	struct fixture *f = *state;
	struct actor *holder = actor_low(f, "holder"), *waiter = actor_high(f);
	const uint32_t first = holder->owner;
	int mutex;

	only_ours(f, "no inheritance");
	for (uint32_t i = 0; i < 200; i++) {
		holder->owner = first + 1000 * i;
		actor_introduce(holder);
		mutex = new_mutex(f, holder->owner, 1);
		actor_block_on(waiter, mutex);
		assert_owns(holder, mutex, waiter);
		close_fd(f, mutex);
	}
}

/*
 * Many mutexes with unknown owners, each with a waiter: the driver must find the right one for each
 * id.
 */
static void many_are_unknown_at_once(void **state)
{
	enum { HOLDERS = 20 };
	struct actor *holders[HOLDERS], *waiters[HOLDERS];
	struct fixture *f = *state;
	int mutexes[HOLDERS];

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < HOLDERS; i++) {
		holders[i] = actor_low(f, "holder");
		mutexes[i] = new_mutex(f, holders[i]->owner, 1);
		waiters[i] = start_waiter(f, mutexes[i]);
	}
	for (size_t i = HOLDERS; i-- > 0;) {
		struct id_call_job p = { .id_call = &id_calls[0], .event = new_auto(f, false) };

		assert_unboosted(holders[i]);
		assert_ret(actor_do(holders[i], make_id_call, &p), 0);
		assert_boosted(holders[i], HIGH);
	}
	for (size_t i = 0; i < HOLDERS; i++)
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
		PI_TEST(the_last_of_very_many_ids),
		PI_TEST(many_are_unknown_at_once),
	};

	return RUN(tests);
}
