// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many calls, each with a result that is known before. A thread has objects of its own and keeps
 * their states, so every return value, index and previous state is checked. Hardly a call sleeps,
 * so this program makes more calls in a second than all others together.
 *
 * Two threads share an instance, whose locks they contend for, and three objects that one of them
 * can have at a time. For these they wait without a deadline: a lost wake-up hangs the program.
 */
#include "stress.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libntsync.h"

#define WORKERS 4
#define PAIRS (WORKERS / 2)
#define OBJECTS 8
#define SEM_MAX 3

enum kind { SEM, MUTEX, AUTO_EVENT, MANUAL_EVENT, KINDS };

/**
 * struct object - an object and the state that it must have
 * @value: a semaphore's count, how often a mutex was acquired, whether an event is signaled
 * @owner: of a mutex
 * @abandoned: a mutex that was killed and not acquired since
 */
struct object {
	enum kind kind;
	int fd;
	uint32_t value, owner;
	bool abandoned;
};

/**
 * struct pair - what two workers share
 * @objs: a semaphore, a mutex and an event, each for one holder
 * @holders: how many each has, as the workers know it
 */
struct pair {
	int dev, objs[3];
	atomic_int holders[3];
};

struct worker {
	pthread_t thread;
	struct pair *pair;
	uint32_t owners[2], word;
	uint64_t random;
	int channel, file;
	bool file_ready;
	struct object objs[OBJECTS];
	uint64_t acquired, all, alerts, timeouts, abandoned, shared;
};

static struct stress stress;
static struct pair pairs[PAIRS];
static struct worker workers[WORKERS];
static atomic_uint too_many_holders, still_boosted;

/* Prints the first ten differences of all. */
static void check_equal(int64_t value, int64_t want, int line)
{
	if (value != want && atomic_fetch_add(&stress_errors, 1) < 10)
		printf("# line %d: %lld instead of %lld\n", line, (long long)value, (long long)want);
}

#define CHECK_EQUAL(value, want) check_equal(value, want, __LINE__)

static unsigned int choose(struct worker *w, unsigned int bound)
{
	return stress_below(&w->random, bound);
}

static struct object *choose_object(struct worker *w)
{
	return &w->objs[choose(w, OBJECTS)];
}

static bool is_event(const struct object *o)
{
	return o->kind == AUTO_EVENT || o->kind == MANUAL_EVENT;
}

/* ---- what must happen to an object ---- */

static bool can_acquire(const struct object *o, uint32_t owner)
{
	return o->kind == MUTEX ? !o->owner || o->owner == owner : o->value;
}

/* Returns what the wait must return. */
static int acquire(struct object *o, uint32_t owner)
{
	int ret = o->abandoned ? -EOWNERDEAD : 0;

	o->abandoned = false;
	if (o->kind == MUTEX) {
		o->owner = owner;
		o->value++;
	} else if (o->kind != MANUAL_EVENT) {
		o->value--;
	}
	return ret;
}

/* What a call that signals @o must return; it may add 1 to a semaphore. */
static int signal_object(struct object *o, uint32_t owner)
{
	if (o->kind == SEM && o->value == SEM_MAX)
		return -EOVERFLOW;
	if (o->kind == MUTEX && o->owner != owner)
		return -EPERM;
	if (o->kind == SEM)
		o->value++;
	else if (o->kind != MUTEX)
		o->value = 1;
	else if (!--o->value)
		o->owner = 0;
	return 0;
}

/* ---- calls for one object ---- */

static void create_object(struct worker *w, struct object *o, enum kind kind)
{
	*o = (struct object){ .kind = kind, .value = choose(w, 2) };
	switch (kind) {
	case SEM:
		o->fd = ntsync_sem_create(w->pair->dev, o->value, SEM_MAX);
		break;
	case MUTEX:
		o->owner = o->value ? w->owners[0] : 0;
		o->fd = ntsync_mutex_create(w->pair->dev, o->owner, o->value);
		break;
	default:
		o->fd = ntsync_event_create(w->pair->dev, kind == MANUAL_EVENT, o->value);
		break;
	}
	if (o->fd < 0)
		exit(stress_bail_out("create", o->fd));
}

static void replace_object(struct worker *w)
{
	struct object *o = choose_object(w);

	close(o->fd);
	create_object(w, o, choose(w, KINDS));
}

static void signal_one(struct worker *w)
{
	struct object *o = choose_object(w);
	const uint32_t before = o->value, owner = w->owners[choose(w, 2)];
	uint32_t prev = before;
	int ret;

	switch (o->kind) {
	case SEM:
		ret = ntsync_sem_release(o->fd, 1, &prev);
		break;
	case MUTEX:
		ret = ntsync_mutex_unlock(o->fd, owner, &prev);
		break;
	default:
		ret = ntsync_event_set(o->fd, &prev);
		break;
	}
	CHECK_EQUAL(ret, signal_object(o, owner));
	CHECK_EQUAL(prev, before);
}

/* The worker that consumes it is boosted until its next wait. */
static void signal_with_priority(struct worker *w)
{
	struct object *o = choose_object(w);

	if (!is_event(o))
		return;
	CHECK_EQUAL(ntsync_event_set_pi(o->fd, SCHED_FIFO, 1 + choose(w, 40)), 0);
	o->value = 1;
}

static void take_away(struct worker *w)
{
	struct object *o = choose_object(w);
	const uint32_t owner = w->owners[choose(w, 2)], before = o->value;
	uint32_t prev = before;

	if (o->kind == SEM) {
		CHECK_EQUAL(ntsync_sem_release(o->fd, SEM_MAX + 1, &prev), -EOVERFLOW);
		CHECK_EQUAL(ntsync_sem_release(o->fd, 0, &prev), 0);
		CHECK_EQUAL(prev, before);
	} else if (o->kind == MUTEX) {
		const bool owned = o->owner == owner;

		CHECK_EQUAL(ntsync_mutex_kill(o->fd, owner), owned ? 0 : -EPERM);
		if (owned)
			*o = (struct object){ .kind = MUTEX, .fd = o->fd, .abandoned = true };
	} else {
		CHECK_EQUAL(choose(w, 2) ? ntsync_event_reset(o->fd, &prev) :
					   ntsync_event_pulse(o->fd, &prev), 0);
		CHECK_EQUAL(prev, before);
		o->value = 0;
	}
}

static void read_one(struct worker *w)
{
	struct object *o = choose_object(w);
	uint32_t first = ~0u, second = ~0u;

	switch (o->kind) {
	case SEM:
		CHECK_EQUAL(ntsync_sem_read(o->fd, &first, &second), 0);
		CHECK_EQUAL(first, o->value);
		CHECK_EQUAL(second, SEM_MAX);
		break;
	case MUTEX:
		CHECK_EQUAL(ntsync_mutex_read(o->fd, &first, &second), o->abandoned ? -EOWNERDEAD : 0);
		CHECK_EQUAL(first, o->owner);
		CHECK_EQUAL(second, o->value);
		break;
	default:
		CHECK_EQUAL(ntsync_event_read(o->fd, &first, &second), 0);
		CHECK_EQUAL(first, o->kind == MANUAL_EVENT);
		CHECK_EQUAL(second, o->value);
		break;
	}
}

/* ---- waits ---- */

/* Seldom one that the wait has to sleep for. */
static uint64_t choose_deadline(struct worker *w)
{
	return choose(w, 256) ? choose(w, 2) : stress_now() + choose(w, 50) * NS_PER_US;
}

/* All of them, in a random order. */
static void shuffle_objects(struct worker *w, struct object **objs)
{
	unsigned int numbers[OBJECTS];

	stress_shuffle(&w->random, numbers, OBJECTS);
	for (unsigned int i = 0; i < OBJECTS; i++)
		objs[i] = &w->objs[numbers[i]];
}

/* The first that can be acquired, or @count. */
static uint32_t find_first(struct object **objs, unsigned int count, uint32_t owner)
{
	uint32_t i = 0;

	while (i < count && !can_acquire(objs[i], owner))
		i++;
	return i;
}

static bool can_acquire_all(struct object **objs, unsigned int count, uint32_t owner)
{
	bool can = true;

	for (unsigned int i = 0; i < count; i++)
		can = can && can_acquire(objs[i], owner);
	return can;
}

static int acquire_all(struct object **objs, unsigned int count, uint32_t owner)
{
	int want = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (acquire(objs[i], owner))
			want = -EOWNERDEAD;
	}
	return want;
}

/* What a wait for @objs and the alert @objs[@count] must return; @index: what it must write then. */
static int expect_wait(struct worker *w, struct object **objs, unsigned int count, bool all,
		       bool alert, uint32_t owner, uint32_t *index)
{
	int want = -ETIMEDOUT;

	*index = all ? 0 : find_first(objs, count, owner);
	if (all && can_acquire_all(objs, count, owner)) {
		want = acquire_all(objs, count, owner);
		w->all++;
	} else if (!all && *index < count) {
		want = acquire(objs[*index], owner);
	} else if (alert && can_acquire(objs[count], owner)) {
		*index = count;
		want = acquire(objs[count], owner);
		w->alerts++;
	}
	w->acquired += want != -ETIMEDOUT;
	w->timeouts += want == -ETIMEDOUT;
	w->abandoned += want == -EOWNERDEAD;
	return want;
}

static void wait_for_objects(struct worker *w)
{
	const bool all = choose(w, 2), alert = !choose(w, 4);
	const unsigned int count = 1 + choose(w, OBJECTS - 1);
	struct ntsync_wait_opts opts = {
		.deadline = choose_deadline(w), .owner = w->owners[choose(w, 2)],
	};
	struct object *chosen[OBJECTS];
	uint32_t index = ~0u, want_index;
	int fds[OBJECTS], ret, want;

	shuffle_objects(w, chosen);
	for (unsigned int i = 0; i < count; i++)
		fds[i] = chosen[i]->fd;
	if (alert)
		opts.alert = chosen[count]->fd;
	ret = all ? ntsync_wait_all(w->pair->dev, fds, count, &opts, &index) :
		    ntsync_wait_any(w->pair->dev, fds, count, &opts, &index);
	want = expect_wait(w, chosen, count, all, alert, opts.owner, &want_index);
	CHECK_EQUAL(ret, want);
	CHECK_EQUAL(index, want == -ETIMEDOUT ? ~0u : want_index);
}

static void signal_and_wait(struct worker *w)
{
	const struct ntsync_wait_opts opts = {
		.deadline = choose_deadline(w), .owner = w->owners[choose(w, 2)],
	};
	struct object *chosen[OBJECTS];
	uint32_t index = ~0u, want_index;
	int ret, want;

	shuffle_objects(w, chosen);
	ret = ntsync_signal_and_wait(w->pair->dev, chosen[0]->fd, chosen[1]->fd, &opts, &index);
	want = signal_object(chosen[0], opts.owner);
	if (!want)
		want = expect_wait(w, &chosen[1], 1, false, false, opts.owner, &want_index);
	CHECK_EQUAL(ret, want);
}

/* Objects, a channel that is empty, and a file. */
static void wait_for_sources(struct worker *w)
{
	const unsigned int count = choose(w, OBJECTS + 1);
	const struct ntsync_aggregate_opts opts = {
		.deadline = choose_deadline(w), .owner = w->owners[choose(w, 2)],
	};
	struct ntsync_aggregate_source sources[OBJECTS + 2] = {
		{ .type = NTSYNC_AGG_FD, .events = POLLIN, .fd = w->file },
		{ .type = NTSYNC_AGG_OBJECT, .fd = w->channel },
	};
	struct object *chosen[OBJECTS];
	uint32_t index = ~0u, events = ~0u, want_index;
	int ret, want;

	shuffle_objects(w, chosen);
	for (unsigned int i = 0; i < count; i++)
		sources[2 + i] = (struct ntsync_aggregate_source){
			.type = NTSYNC_AGG_OBJECT, .fd = chosen[i]->fd,
		};
	ret = ntsync_aggregate_wait(w->pair->dev, sources, 2 + count, &opts, &index, &events);
	want = expect_wait(w, chosen, count, false, false, opts.owner, &want_index);
	if (want == -ETIMEDOUT && w->file_ready) {
		CHECK_EQUAL(ret, 0);
		CHECK_EQUAL(index, 0);
		CHECK_EQUAL(events, POLLIN);
		return;
	}
	CHECK_EQUAL(ret, want);
	CHECK_EQUAL(index, want == -ETIMEDOUT ? ~0u : 2 + want_index);
}

static void change_file(struct worker *w)
{
	eventfd_t value;

	if (w->file_ready)
		CHECK_EQUAL(eventfd_read(w->file, &value), 0);
	else
		CHECK_EQUAL(eventfd_write(w->file, 1), 0);
	w->file_ready = !w->file_ready;
}

/* ---- other calls ---- */

static void use_channel(struct worker *w)
{
	struct ntsync_channel_request request;
	const uint32_t tid = 1 + choose(w, 1000);

	switch (choose(w, 4)) {
	case 0:
		CHECK_EQUAL(ntsync_channel_try_recv2(w->channel, &request), -EAGAIN);
		break;
	case 1:
		CHECK_EQUAL(ntsync_channel_reply(w->channel, 1 + choose(w, 1000)), -ENOENT);
		break;
	case 2:
		CHECK_EQUAL(ntsync_channel_register_thread(w->channel, tid, w->random), 0);
		break;
	case 3:
		CHECK_EQUAL(ntsync_channel_deregister_thread(w->channel, tid), 0);
		break;
	}
}

static void use_address(struct worker *w)
{
	const uint32_t shared = choose(w, 2) ? NTSYNC_ADDR_SHARED : 0;
	struct ntsync_addr_opts opts = { .deadline = choose_deadline(w), .flags = shared };
	const bool differs = choose(w, 2);

	if (choose(w, 2)) {
		CHECK_EQUAL(ntsync_addr_wake(w->pair->dev, &w->word, choose(w, 3), shared), 0);
		return;
	}
	CHECK_EQUAL(ntsync_addr_wait(w->pair->dev, &w->word, sizeof(w->word), differs, &opts, NULL),
		    differs ? -EAGAIN : -ETIMEDOUT);
}

/* To the main thread. The worker has nothing to lend but what it inherits. */
static void use_loan(struct worker *w)
{
	if (choose(w, 2))
		CHECK_EQUAL(ntsync_lend(w->pair->dev, getpid(), NTSYNC_LEND_LATER), 0);
	else
		CHECK_EQUAL(ntsync_unlend(w->pair->dev), 0);
}

typedef void (*call_fn)(struct worker *w);

static void call_something(struct worker *w)
{
	static const call_fn calls[] = {
		signal_one, signal_one, signal_one, signal_one, take_away, read_one,
		wait_for_objects, wait_for_objects, wait_for_objects, wait_for_objects,
		signal_and_wait, signal_and_wait, wait_for_sources, wait_for_sources,
		use_channel, use_address,
	};
	static const call_fn seldom[] = {
		replace_object, signal_with_priority, change_file, use_loan,
	};

	if (choose(w, 32))
		calls[choose(w, ARRAY_SIZE(calls))](w);
	else
		seldom[choose(w, ARRAY_SIZE(seldom))](w);
}

/* ---- what two workers share ---- */

static void hold(struct worker *w, unsigned int first, unsigned int count)
{
	for (unsigned int i = first; i < first + count; i++) {
		if (atomic_fetch_add(&w->pair->holders[i], 1))
			atomic_fetch_add(&too_many_holders, 1);
	}
	for (unsigned int n = choose(w, 4); n; n--)
		call_something(w);
	for (unsigned int i = first; i < first + count; i++)
		atomic_fetch_sub(&w->pair->holders[i], 1);
}

static void release_shared(struct worker *w, unsigned int i)
{
	const int obj = w->pair->objs[i];
	uint32_t prev = ~0u;

	switch (i) {
	case SEM:
		CHECK_EQUAL(ntsync_sem_release(obj, 1, &prev), 0);
		CHECK_EQUAL(prev, 0);
		break;
	case MUTEX:
		CHECK_EQUAL(ntsync_mutex_unlock(obj, w->owners[0], &prev), 0);
		CHECK_EQUAL(prev, 1);
		break;
	default:
		CHECK_EQUAL(ntsync_event_set(obj, &prev), 0);
		CHECK_EQUAL(prev, 0);
		break;
	}
}

static void use_shared(struct worker *w)
{
	const struct ntsync_wait_opts opts = {
		.deadline = NTSYNC_WAIT_FOREVER, .owner = w->owners[0],
	};
	const bool all = !choose(w, 4);
	const unsigned int first = all ? 0 : choose(w, 3), count = all ? 3 : 1;
	int *objs = &w->pair->objs[first];

	CHECK_EQUAL(all ? ntsync_wait_all(w->pair->dev, objs, count, &opts, NULL) :
			  ntsync_wait_any(w->pair->dev, objs, count, &opts, NULL), 0);
	hold(w, first, count);
	for (unsigned int i = first; i < first + count; i++)
		release_shared(w, i);
	w->shared++;
}

/* ---- the run ---- */

/* A wait ends the last boost, and there was none that this thread did not make itself. */
static void check_own_priority(struct worker *w)
{
	const struct ntsync_wait_opts opts = { .owner = w->owners[0] };

	CHECK_EQUAL(ntsync_wait_any(w->pair->dev, NULL, 0, &opts, NULL), -ETIMEDOUT);
	if (!stress_is_scheduled(SCHED_OTHER, 0))
		atomic_fetch_add(&still_boosted, 1);
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;

	while (!stress_over(&stress)) {
		for (unsigned int n = 0; n < 64; n++)
			call_something(w);
		use_shared(w);
	}
	CHECK_EQUAL(ntsync_unlend(w->pair->dev), 0);
	check_own_priority(w);
	return NULL;
}

static void init_pair(struct pair *pair)
{
	pair->dev = ntsync_open();
	if (pair->dev < 0)
		exit(stress_bail_out("/dev/ntsync", pair->dev));
	pair->objs[SEM] = ntsync_sem_create(pair->dev, 1, 1);
	pair->objs[MUTEX] = ntsync_mutex_create(pair->dev, 0, 0);
	pair->objs[AUTO_EVENT] = ntsync_event_create(pair->dev, false, true);
}

static void init_worker(struct worker *w, unsigned int i, uint64_t *random)
{
	w->pair = &pairs[i / 2];
	w->owners[0] = 2 * i + 1;
	w->owners[1] = 2 * i + 2;
	w->random = stress_random(random) | 1;
	w->channel = ntsync_channel_create(w->pair->dev, 4);
	w->file = eventfd(0, EFD_CLOEXEC);
	for (unsigned int o = 0; o < OBJECTS; o++)
		create_object(w, &w->objs[o], o % KINDS);
}

/* A run in which these did not happen proves nothing. */
static bool has_happened(void)
{
	bool all = true;

	for (unsigned int i = 0; i < WORKERS; i++) {
		const struct worker *w = &workers[i];

		all = all && w->acquired && w->all && w->alerts && w->timeouts && w->abandoned &&
		      w->shared;
	}
	return all;
}

static void show_progress(void)
{
	uint64_t acquired = 0, timeouts = 0, shared = 0;

	for (unsigned int i = 0; i < WORKERS; i++) {
		acquired += workers[i].acquired;
		timeouts += workers[i].timeouts;
		shared += workers[i].shared;
	}
	printf("# acquired %llu, timed out %llu, shared %llu\n", (unsigned long long)acquired,
	       (unsigned long long)timeouts, (unsigned long long)shared);
}

int main(int argc, char **argv)
{
	uint64_t random;

	stress_init(&stress, argc, argv);
	stress.complete = has_happened;
	random = stress.seed;
	for (unsigned int i = 0; i < PAIRS; i++)
		init_pair(&pairs[i]);
	for (unsigned int i = 0; i < WORKERS; i++)
		init_worker(&workers[i], i, &random);
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]);
	stress_watch(&stress, show_progress);
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	show_progress();
	stress_check(&stress, !stress_errors, "each call does what was known before");
	stress_check(&stress, !too_many_holders, "what two threads share has one holder");
	stress_check(&stress, !still_boosted, "nobody keeps a boost");
	stress_check(&stress, has_happened(), "acquisitions, alerts, time-outs, abandoned mutexes");
	return stress_end(&stress);
}
