// SPDX-License-Identifier: GPL-2.0-only
#include "round.h"
#include "../../stress/stress.h"

#include <string.h>

/* Few, so that the threads meet. */
#define MANY_HANDLES	14

/**
 * struct choice - a call that is being chosen
 * @call: the call.
 * @round: the round.
 * @m: the state before the round.
 * @busy: the threads that sleep, or have a call in this round.
 * @t: the thread.
 * @random: the state of the random numbers.
 */
struct choice {
	struct call *call;
	const struct round *round;
	const struct model *m;
	const bool *busy;
	unsigned int t;
	uint64_t *random;
};

static unsigned int below(const struct choice *c, unsigned int bound)
{
	return stress_below(c->random, bound);
}

static bool one_in(const struct choice *c, unsigned int n)
{
	return !below(c, n);
}

/* -- Handles ------------------------------------------------------------------------------ */

static bool has_type(const struct model *m, unsigned int i, uint8_t type)
{
	return m->handles[i] && (!type || m->objects[m->handles[i] - 1].type == type);
}

/* NTSYNC_NT_NONE: any type. 0: there is none. */
static uint32_t choose_open(const struct choice *c, uint8_t type)
{
	unsigned int count = 0, at;

	for (unsigned int i = 0; i < NR_VALUES; i++)
		count += has_type(c->m, i, type);
	if (!count)
		return 0;
	at = below(c, count);
	for (unsigned int i = 0;; i++) {
		if (has_type(c->m, i, type) && !at--)
			return i * 4;
	}
}

static bool leaves_table(const struct call *call)
{
	return call->kind == CALL_END || call->kind == CALL_REATTACH;
}

/* Does thread @t use handle value @i * 4 in its call? One that ends or parks, its object and its mutants. */
static bool is_used_by(const struct choice *c, unsigned int t, unsigned int i)
{
	const struct call *call = &c->round->calls[t];

	if (leaves_table(call) || call->kind == CALL_PARK)
		return c->m->handles[i] && c->m->objects[c->m->handles[i] - 1].owner == t + 1;
	for (unsigned int j = 0; j < call->count; j++) {
		if (call->handles[j] == i * 4)
			return true;
	}
	return false;
}

/* A thread that sleeps or has a call in this round, mostly the latter; NR_THREADS: no luck. */
static unsigned int choose_other(const struct choice *c)
{
	unsigned int first = below(c, NR_THREADS);

	for (unsigned int i = 0; i < NR_THREADS && !one_in(c, 4); i++) {
		unsigned int t = (first + i) % NR_THREADS;

		if (c->round->began[t])
			return t;
	}
	return c->busy[first] ? first : NR_THREADS;
}

/* A handle that another thread uses in its call, so that the calls meet. 0: there is none. */
static uint32_t choose_shared(const struct choice *c, uint8_t type)
{
	unsigned int other = choose_other(c), first = below(c, NR_VALUES);

	for (unsigned int j = 0; other < NR_THREADS && j < NR_VALUES; j++) {
		unsigned int i = (first + j) % NR_VALUES;

		if (has_type(c->m, i, type) && is_used_by(c, other, i))
			return i * 4;
	}
	return 0;
}

/* Now and then of a wrong type, or closed, or one that a call of this round creates. */
static uint32_t choose_handle(const struct choice *c, uint8_t type)
{
	uint8_t found_type = one_in(c, 20) ? NTSYNC_NT_NONE : type;
	uint32_t handle = 0;

	if (!one_in(c, 20))
		handle = choose_shared(c, found_type);
	if (!handle && !one_in(c, 20))
		handle = choose_open(c, found_type);
	return handle ? handle : 4 + 4 * below(c, MANY_HANDLES + 6);
}

static uint8_t choose_type(const struct choice *c)
{
	static const uint8_t types[] = {
		NTSYNC_NT_EVENT, NTSYNC_NT_EVENT, NTSYNC_NT_MUTANT, NTSYNC_NT_SEMAPHORE,
		NTSYNC_NT_TIMER, NTSYNC_NT_NONE, NTSYNC_NT_NONE,
	};

	return types[below(c, ARRAY_SIZE(types))];
}

static bool has_object(const struct model *m, unsigned int t)
{
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		if (m->objects[i].type == NTSYNC_NT_THREAD && m->objects[i].owner == t + 1 &&
		    !m->objects[i].ended)
			return true;
	}
	return false;
}

static unsigned int count_open(const struct model *m)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < NR_VALUES; i++)
		count += m->handles[i] && !has_type(m, i, NTSYNC_NT_THREAD);
	return count;
}

/* -- Waits -------------------------------------------------------------------------------- */

/* Of this round's calls, others may sleep, too. */
static bool is_last_awake(const struct choice *c)
{
	unsigned int asleep = 0;

	for (unsigned int t = 0; t < NR_THREADS; t++)
		asleep += c->busy[t] && c->round->calls[t].patience == WAITS_FOR_EVER;
	return asleep >= NR_THREADS - 1;
}

static void choose_patience(const struct choice *c)
{
	unsigned int dice = below(c, 10);

	if (dice < 7 && !is_last_awake(c))
		c->call->patience = WAITS_FOR_EVER;
	else if (dice < 9)
		c->call->patience = WAITS_BRIEFLY;
	c->call->brief_us = below(c, 200);
}

/*
 * Other drivers queue a wait at one object after the other. Two waits for several objects that
 * begin at the same time may then come in another order at each, which the reference does not know.
 */
static bool may_wait_for_several(const struct choice *c)
{
	for (unsigned int t = 0; c->round->two_steps && t < NR_THREADS; t++) {
		if (c->round->began[t] && c->round->calls[t].kind == CALL_WAIT &&
		    c->round->calls[t].count > 1)
			return false;
	}
	return true;
}

/* A thread that ends in this round; NR_THREADS: there is none. */
static unsigned int find_ending(const struct choice *c)
{
	unsigned int t = 0;

	while (t < NR_THREADS && (!c->round->began[t] || !leaves_table(&c->round->calls[t])))
		t++;
	return t;
}

/*
 * One of the mutants of a thread that ends, and then its object: who finds the object signaled finds
 * the mutant abandoned.
 */
static void choose_ending(const struct choice *c)
{
	unsigned int ending = find_ending(c);
	uint32_t mutant = 0, thread = 0;

	for (unsigned int i = 0; ending < NR_THREADS && i < NR_VALUES; i++) {
		if (!is_used_by(c, ending, i))
			continue;
		if (has_type(c->m, i, NTSYNC_NT_MUTANT))
			mutant = i * 4;
		else if (!c->m->objects[c->m->handles[i] - 1].ended)
			thread = i * 4;
	}
	if (!mutant || !thread)
		return;
	c->call->count = 2;
	c->call->handles[0] = mutant;
	c->call->handles[1] = thread;
}

static void choose_wait(const struct choice *c)
{
	struct call *call = c->call;

	call->count = call->kind == CALL_WAIT_ALL ? 2 + below(c, MAX_HANDLES - 1) :
		      one_in(c, 2) || !may_wait_for_several(c) ? 1 : 1 + below(c, MAX_HANDLES);
	for (unsigned int i = 0; i < call->count; i++)
		call->handles[i] = choose_handle(c, choose_type(c));
	if (one_in(c, 2) && (call->kind == CALL_WAIT_ALL || may_wait_for_several(c)))
		choose_ending(c);
	/* Of ntsync_nt_wait_single(), which takes one handle. */
	call->flag = call->kind == CALL_WAIT && call->count == 1 && one_in(c, 2);
	call->alertable = one_in(c, 3);
	choose_patience(c);
}

static void choose_signal_and_wait(const struct choice *c)
{
	c->call->count = 2;
	c->call->handles[0] = choose_handle(c, choose_type(c));
	c->call->handles[1] = choose_handle(c, choose_type(c));
	c->call->alertable = one_in(c, 3);
	choose_patience(c);
}

static void choose_delay(const struct choice *c)
{
	c->call->alertable = !one_in(c, 4);
	choose_patience(c);
}

static void choose_keyed(const struct choice *c)
{
	c->call->count = 1;
	c->call->handles[0] = one_in(c, 2) ? 0 : choose_handle(c, NTSYNC_NT_KEYED_EVENT);
	c->call->key = 2 * below(c, 2);
	c->call->alertable = one_in(c, 3);
	choose_patience(c);
}

/* -- Signals, and all else ---------------------------------------------------------------- */

static uint8_t type_for(enum call_kind kind)
{
	switch (kind) {
	case CALL_SET_EVENT:
	case CALL_RESET_EVENT:
	case CALL_PULSE_EVENT:
	case CALL_QUERY_EVENT:
		return NTSYNC_NT_EVENT;
	case CALL_RELEASE_SEMAPHORE:
	case CALL_QUERY_SEMAPHORE:
		return NTSYNC_NT_SEMAPHORE;
	case CALL_RELEASE_MUTANT:
	case CALL_QUERY_MUTANT:
		return NTSYNC_NT_MUTANT;
	case CALL_SET_TIMER:
	case CALL_CANCEL_TIMER:
	case CALL_QUERY_TIMER:
		return NTSYNC_NT_TIMER;
	case CALL_QUERY_THREAD:
	case CALL_SUSPEND:
	case CALL_RESUME:
		return NTSYNC_NT_THREAD;
	default:
		return NTSYNC_NT_NONE;
	}
}

static void choose_of_type(const struct choice *c)
{
	c->call->count = 1;
	c->call->handles[0] = choose_handle(c, type_for(c->call->kind));
	c->call->number = c->call->kind == CALL_RELEASE_SEMAPHORE ? 1 + (int32_t)below(c, 2) : 0;
}

static void choose_timer(const struct choice *c)
{
	choose_of_type(c);
	c->call->flag = !one_in(c, 3);
}

/* Each thread that begins leaves a handle of its object. */
static void choose_close(const struct choice *c)
{
	choose_of_type(c);
	if (one_in(c, 2))
		c->call->handles[0] = choose_handle(c, NTSYNC_NT_THREAD);
}

static void choose_duplicate(const struct choice *c)
{
	choose_of_type(c);
	c->call->flag = one_in(c, 2);
}

/* Mostly the type of the object that has the name. */
static void choose_open_by_name(const struct choice *c)
{
	static const enum ntsync_nt_type types[] = {
		NTSYNC_NT_EVENT, NTSYNC_NT_MUTANT, NTSYNC_NT_SEMAPHORE, NTSYNC_NT_KEYED_EVENT,
		NTSYNC_NT_TIMER,
	};

	c->call->name = one_in(c, 20) ? 0 : 1 + below(c, NR_NAMES);
	c->call->type = types[below(c, ARRAY_SIZE(types))];
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		if (c->call->name && c->m->objects[i].name == c->call->name && !one_in(c, 8))
			c->call->type = c->m->objects[i].type;
	}
}

/* Mostly of a thread that has none, to create one. */
static void choose_thread_object(const struct choice *c)
{
	c->call->target = below(c, NR_THREADS);
	for (unsigned int t = 0; c->call->kind == CALL_CREATE_THREAD && t < NR_THREADS; t++) {
		if (!has_object(c->m, t) && !one_in(c, 4))
			c->call->target = t;
	}
}

/* With too many handles, the call closes one. */
static void choose_creation(const struct choice *c)
{
	if (count_open(c->m) >= MANY_HANDLES) {
		c->call->kind = CALL_CLOSE;
		choose_close(c);
		return;
	}
	if (c->call->kind == CALL_DUPLICATE) {
		choose_duplicate(c);
		return;
	}
	if (c->call->kind == CALL_OPEN) {
		choose_open_by_name(c);
		return;
	}
	if (c->call->kind == CALL_CREATE_THREAD || c->call->kind == CALL_OPEN_THREAD) {
		choose_thread_object(c);
		return;
	}
	c->call->name = one_in(c, 2) ? 0 : 1 + below(c, NR_NAMES);
	c->call->open_if = one_in(c, 2);
	c->call->flag = one_in(c, 3);
	if (c->call->kind == CALL_CREATE_SEMAPHORE)
		c->call->limit = 1 + (int32_t)below(c, 3);
	if (c->call->kind == CALL_CREATE_EVENT || c->call->limit)
		c->call->number = one_in(c, 4);
}

/* There is an end to what the reference counts. */
static void limit_apcs(const struct choice *c)
{
	if (c->call->kind == CALL_QUEUE_USER_APC &&
	    c->m->threads[c->call->target].nr_apcs > MAX_APCS - NR_THREADS)
		c->call->kind = CALL_QUEUE_APC;
}

static void choose_target(const struct choice *c)
{
	c->call->target = below(c, NR_THREADS);
	limit_apcs(c);
}

static void choose_reattach(const struct choice *c)
{
	c->call->target = c->t;
}

/* 0: its handles are closed. */
static uint32_t handle_of_thread(const struct choice *c, unsigned int t)
{
	for (unsigned int i = 0; i < NR_VALUES; i++) {
		if (has_type(c->m, i, NTSYNC_NT_THREAD)) {
			const struct model_object *object = model_find(c->m, i * 4);

			if (object->owner == t + 1 && !object->ended)
				return i * 4;
		}
	}
	return 0;
}

/* There is an end to the count. Only of threads that are suspended a resumption does something. */
static void choose_suspension(const struct choice *c)
{
	const struct model_object *object;

	choose_of_type(c);
	object = model_find(c->m, c->call->handles[0]);
	if (object && object->type == NTSYNC_NT_THREAD &&
	    c->m->threads[object->owner - 1].suspends > 1)
		c->call->kind = CALL_RESUME;
}

/* It sleeps only if the thread is suspended. */
static void choose_park(const struct choice *c)
{
	bool suspended = c->m->threads[c->t].suspends;

	if (!is_last_awake(c) && (suspended || one_in(c, 3))) {
		c->call->patience = WAITS_FOR_EVER;
		return;
	}
	c->call->kind = suspended ? CALL_RESUME : CALL_SUSPEND;
	choose_of_type(c);
	if (handle_of_thread(c, c->t))
		c->call->handles[0] = handle_of_thread(c, c->t);
}

static void choose_nothing(const struct choice *c)
{
	c->call->flag = one_in(c, 2);
}

/**
 * struct kind - a kind of call
 * @weight: how often it is chosen, of all weights.
 * @choose: chooses the rest.
 */
static const struct kind {
	unsigned int weight;
	void (*choose)(const struct choice *c);
} kinds[NR_CALL_KINDS] = {
	[CALL_CREATE_EVENT] = { 4, choose_creation },
	[CALL_CREATE_SEMAPHORE] = { 3, choose_creation },
	[CALL_CREATE_MUTANT] = { 3, choose_creation },
	[CALL_CREATE_KEYED_EVENT] = { 1, choose_creation },
	[CALL_CREATE_TIMER] = { 2, choose_creation },
	[CALL_OPEN] = { 3, choose_creation },
	[CALL_CREATE_THREAD] = { 2, choose_creation },
	[CALL_OPEN_THREAD] = { 1, choose_creation },
	[CALL_DUPLICATE] = { 5, choose_creation },
	[CALL_CLOSE] = { 7, choose_close },
	[CALL_QUERY] = { 2, choose_of_type },
	[CALL_SET_EVENT] = { 4, choose_of_type },
	[CALL_RESET_EVENT] = { 4, choose_of_type },
	[CALL_PULSE_EVENT] = { 4, choose_of_type },
	[CALL_QUERY_EVENT] = { 1, choose_of_type },
	[CALL_RELEASE_SEMAPHORE] = { 4, choose_of_type },
	[CALL_QUERY_SEMAPHORE] = { 1, choose_of_type },
	[CALL_RELEASE_MUTANT] = { 5, choose_of_type },
	[CALL_QUERY_MUTANT] = { 1, choose_of_type },
	[CALL_SET_TIMER] = { 4, choose_timer },
	[CALL_CANCEL_TIMER] = { 1, choose_of_type },
	[CALL_QUERY_TIMER] = { 1, choose_of_type },
	[CALL_QUERY_THREAD] = { 1, choose_of_type },
	[CALL_SUSPEND] = { 4, choose_suspension },
	[CALL_RESUME] = { 2, choose_of_type },
	[CALL_WAIT] = { 30, choose_wait },
	[CALL_WAIT_ALL] = { 14, choose_wait },
	[CALL_SIGNAL_AND_WAIT] = { 14, choose_signal_and_wait },
	[CALL_DELAY] = { 1, choose_delay },
	[CALL_WAIT_KEYED] = { 4, choose_keyed },
	[CALL_RELEASE_KEYED] = { 4, choose_keyed },
	[CALL_WAIT_BY_ID] = { 3, choose_patience },
	[CALL_PARK] = { 4, choose_park },
	[CALL_ALERT_BY_ID] = { 1, choose_target },
	[CALL_ALERT] = { 1, choose_target },
	[CALL_QUEUE_APC] = { 1, choose_target },
	[CALL_QUEUE_USER_APC] = { 2, choose_target },
	[CALL_TAKE_APC] = { 4, choose_nothing },
	[CALL_TEST_ALERT] = { 2, choose_nothing },
	[CALL_INTERRUPT] = { 1, choose_target },
	[CALL_REATTACH] = { 3, choose_reattach },
	[CALL_END] = { 4, choose_nothing },
};

static enum call_kind choose_kind(const struct choice *c)
{
	unsigned int sum = 0, at;

	for (unsigned int i = 0; i < NR_CALL_KINDS; i++)
		sum += kinds[i].weight;
	at = below(c, sum);
	for (unsigned int i = 0;; i++) {
		if (at < kinds[i].weight)
			return i;
		at -= kinds[i].weight;
	}
}

/* -- Calls that end a wait ---------------------------------------------------------------- */

/* A handle of an object that the thread waits for; 0: it has been closed. */
static uint32_t handle_of_awaited(const struct choice *c, unsigned int t)
{
	const struct model_thread *thread = &c->m->threads[t];
	uint8_t number;

	if (!thread->nr_objects)
		return 0;
	number = thread->objects[below(c, thread->nr_objects)];
	for (unsigned int i = 0; i < NR_VALUES; i++) {
		if (c->m->handles[i] == number + 1)
			return i * 4;
	}
	return 0;
}

static enum call_kind signal_for(const struct choice *c, const struct model_object *object)
{
	switch (object->type) {
	case NTSYNC_NT_MUTANT:
		return object->owner == c->t + 1 || one_in(c, 4) ? CALL_RELEASE_MUTANT :
								   CALL_INTERRUPT;
	case NTSYNC_NT_SEMAPHORE:
		return CALL_RELEASE_SEMAPHORE;
	case NTSYNC_NT_EVENT:
		return one_in(c, 3) ? CALL_PULSE_EVENT : CALL_SET_EVENT;
	case NTSYNC_NT_TIMER:
		return CALL_SET_TIMER;
	default:
		return CALL_INTERRUPT;
	}
}

static void alert_sleeper(const struct choice *c, unsigned int t)
{
	static const enum call_kind alerts[] = {
		CALL_ALERT, CALL_QUEUE_APC, CALL_QUEUE_USER_APC, CALL_INTERRUPT,
	};

	c->call->kind = CALL_INTERRUPT;
	if (c->round->calls[t].alertable)
		c->call->kind = alerts[below(c, ARRAY_SIZE(alerts))];
	c->call->target = t;
	limit_apcs(c);
}

static void signal_sleeper(const struct choice *c, unsigned int t)
{
	uint32_t handle = handle_of_awaited(c, t);

	if (!handle || one_in(c, 5)) {
		alert_sleeper(c, t);
		return;
	}
	c->call->kind = signal_for(c, model_find(c->m, handle));
	kinds[c->call->kind].choose(c);
	c->call->handles[0] = handle;
	c->call->target = t;
}

static void meet_sleeper(const struct choice *c, unsigned int t)
{
	const struct call *other = &c->round->calls[t];

	c->call->kind = other->kind == CALL_WAIT_KEYED ? CALL_RELEASE_KEYED : CALL_WAIT_KEYED;
	choose_keyed(c);
	c->call->handles[0] = other->handles[0];
	c->call->key = other->key;
}

static void resume_sleeper(const struct choice *c, unsigned int t)
{
	c->call->kind = CALL_RESUME;
	choose_of_type(c);
	c->call->handles[0] = handle_of_thread(c, t);
	if (c->call->handles[0] && !one_in(c, 5))
		return;
	c->call->kind = CALL_INTERRUPT;
	c->call->target = t;
}

static void choose_for_sleeper(const struct choice *c, unsigned int t)
{
	switch (c->round->calls[t].kind) {
	case CALL_WAIT_KEYED:
	case CALL_RELEASE_KEYED:
		meet_sleeper(c, t);
		break;
	case CALL_WAIT_BY_ID:
		c->call->kind = CALL_ALERT_BY_ID;
		c->call->target = t;
		break;
	case CALL_PARK:
		resume_sleeper(c, t);
		break;
	default:
		signal_sleeper(c, t);
	}
}

/* A thread with a call that sleeps since an earlier round; NR_THREADS: none. */
static unsigned int choose_sleeper(const struct choice *c)
{
	return c->m->nr_asleep ? c->m->queue[below(c, c->m->nr_asleep)] : NR_THREADS;
}

void round_choose_call(struct round *r, const bool *busy, unsigned int t, const struct model *m,
		       uint64_t *random)
{
	struct choice c = {
		.call = &r->calls[t], .round = r, .m = m, .busy = busy, .t = t, .random = random,
	};
	unsigned int sleeper = choose_sleeper(&c);

	memset(c.call, 0, sizeof(*c.call));
	if (sleeper < NR_THREADS && below(&c, NR_THREADS) < m->nr_asleep) {
		choose_for_sleeper(&c, sleeper);
		return;
	}
	c.call->kind = choose_kind(&c);
	kinds[c.call->kind].choose(&c);
}
