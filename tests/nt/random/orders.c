// SPDX-License-Identifier: GPL-2.0-only
#include "orders.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/**
 * struct search - a search
 * @round: the round.
 * @seen: what was seen after it.
 * @found: the states that explain it.
 * @from: the state that the search began with.
 * @steps: the threads that have made the steps so far.
 * @nr_steps: how many steps that are.
 * @nr_visits: how many states the search has looked at.
 * @closest: the order that came closest, of those that are wrong.
 */
struct search {
	const struct round *round;
	const struct observation *seen;
	struct states found;
	const struct model *from;
	unsigned int steps[64];
	unsigned int nr_steps;
	uint64_t nr_visits;
	struct attempt *closest;
};

void states_init(struct states *states)
{
	states->nr = 0;
	states->all = calloc(MAX_STATES, sizeof(*states->all));
	states->spare = calloc(MAX_STATES, sizeof(*states->spare));
	if (!states->all || !states->spare)
		abort();
}

void states_free(struct states *states)
{
	free(states->all);
	free(states->spare);
}

static bool reject(struct search *s, const struct model *m, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* An order with more steps that are right is closer. */
static bool reject(struct search *s, const struct model *m, const char *format, ...)
{
	struct attempt *closest = s->closest;
	va_list args;

	if (closest->reason[0] && s->nr_steps < closest->nr_steps)
		return false;
	closest->nr_steps = s->nr_steps;
	memcpy(closest->steps, s->steps, sizeof(s->steps));
	closest->from = *s->from;
	closest->last = *m;
	va_start(args, format);
	vsnprintf(closest->reason, sizeof(closest->reason), format, args);
	va_end(args);
	return false;
}

/* -- What the threads have got ------------------------------------------------------------ */

static bool is_result_right(struct search *s, const struct model *m, unsigned int t)
{
	const struct result *want = &m->threads[t].result, *got = &s->round->results[t];

	if (m->threads[t].state != THREAD_RETURNS)
		return true;
	if (!s->round->returned[t])
		return reject(s, m, "thread %u sleeps, must return %#x", t, want->status);
	if (got->status != want->status)
		return reject(s, m, "thread %u has returned %#x, must return %#x", t, got->status,
			      want->status);
	if (got->value != want->value)
		return reject(s, m, "thread %u has got %lld, must get %lld", t,
			      (long long)got->value, (long long)want->value);
	return true;
}

static bool are_results_right(struct search *s, const struct model *m)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (!is_result_right(s, m, t))
			return false;
	}
	return true;
}

static bool have_all_returned(struct search *s, const struct model *m)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (s->round->returned[t] && m->threads[t].state == THREAD_SLEEPS)
			return reject(s, m, "thread %u has returned %#x, must sleep", t,
				      s->round->results[t].status);
	}
	return true;
}

/* -- What the queries say ----------------------------------------------------------------- */

static int64_t state_value(const struct model *m, const struct model_object *object)
{
	const uint32_t tid = object->owner ? FIRST_TID + object->owner - 1 : 0;
	const struct ntsync_nt_mutant_state mutant = {
		.count = 1 - object->count, .owner = tid, .abandoned = object->abandoned,
	};
	const struct ntsync_nt_timer_state timer = {
		.remaining = object->is_set ? 0 : NTSYNC_WAIT_FOREVER,
		.manual = object->manual, .signaled = object->count,
	};
	struct ntsync_nt_thread_state thread;

	switch (object->type) {
	case NTSYNC_NT_MUTANT:
		return mutant_value(&mutant);
	case NTSYNC_NT_TIMER:
		return timer_value(&timer);
	case NTSYNC_NT_THREAD:
		thread = model_thread_state(m, object);
		return thread_value(&thread);
	case NTSYNC_NT_KEYED_EVENT:
		return NO_VALUE;
	default:
		return object->count;
	}
}

/* An object that is new gets the number that the table has given it. */
static bool is_id_right(struct model *m, struct model_object *object, uint64_t id)
{
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		if (&m->objects[i] != object && m->objects[i].id == id)
			return false;
	}
	if (!object->id)
		object->id = id;
	return object->id == id;
}

static bool is_handle_right(struct search *s, struct model *m, unsigned int i)
{
	const struct seen_handle *got = &s->seen->handles[i];
	struct model_object *want = m->handles[i] ? &m->objects[m->handles[i] - 1] : NULL;
	uint32_t handle = i * 4;

	if (!want || !got->open)
		return !want == !got->open ||
		       reject(s, m, "handle %#x is %s, must not be", handle,
			      want ? "closed" : "open");
	if (!is_id_right(m, want, got->id) || got->type != want->type)
		return reject(s, m, "handle %#x is of object %llu of type %d, must be of %llu of %d",
			      handle, (unsigned long long)got->id, got->type,
			      (unsigned long long)want->id, want->type);
	if (got->handles != (uint32_t)want->handles)
		return reject(s, m, "the object of %#x has %u handles, must have %d", handle,
			      got->handles, want->handles);
	if (got->name != want->name)
		return reject(s, m, "the object of %#x has the name %u, must have %u", handle,
			      got->name, want->name);
	if (got->value != state_value(m, want))
		return reject(s, m, "the state of %#x is %lld, must be %lld", handle,
			      (long long)got->value, (long long)state_value(m, want));
	return true;
}

static bool are_handles_right(struct search *s, struct model *m)
{
	for (unsigned int i = 0; i < NR_VALUES; i++) {
		if (!is_handle_right(s, m, i))
			return false;
	}
	return true;
}

static bool are_apcs_right(const struct seen_thread *got, const struct model_thread *want)
{
	for (unsigned int i = 0; i < want->nr_apcs; i++) {
		if (got->apcs[i].function != (uint64_t)want->apcs[i])
			return false;
	}
	return got->pending.apcs == want->nr_apcs;
}

static bool is_pending_right(struct search *s, const struct model *m, unsigned int t)
{
	const struct seen_thread *got = &s->seen->threads[t];
	const struct model_thread *want = &m->threads[t];

	if (got->pending.alerted != want->alerted ||
	    got->pending.apc_pending != want->apc_pending ||
	    got->pending.alerted_by_id != want->alerted_by_id ||
	    got->pending.interruption != want->interruption)
		return reject(s, m, "thread %u has alert %d, APC %d, by id %d, interruption %#x pending; must have %d, %d, %d, %#x",
			      t, got->pending.alerted, got->pending.apc_pending,
			      got->pending.alerted_by_id, got->pending.interruption, want->alerted,
			      want->apc_pending, want->alerted_by_id, want->interruption);
	return are_apcs_right(got, want) ||
	       reject(s, m, "thread %u has other APCs queued (%zu) than it must (%u)", t,
		      got->pending.apcs, want->nr_apcs);
}

static bool are_all_pending_right(struct search *s, const struct model *m)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (!is_pending_right(s, m, t))
			return false;
	}
	return true;
}

static bool are_objects_right(struct search *s, const struct model *m)
{
	uint32_t objects[NTSYNC_NT_TYPES] = { 0 };

	for (unsigned int i = 0; i < NR_OBJECTS; i++)
		objects[m->objects[i].type]++;
	for (unsigned int type = NTSYNC_NT_NONE + 1; type < NTSYNC_NT_TYPES; type++) {
		if (s->seen->objects[type] != objects[type])
			return reject(s, m, "%u objects of type %u exist, must be %u",
				      s->seen->objects[type], type, objects[type]);
	}
	return true;
}

/* -- The search --------------------------------------------------------------------------- */

static void add_state(struct states *states, const struct model *m)
{
	for (unsigned int i = 0; i < states->nr; i++) {
		if (!memcmp(&states->all[i], m, sizeof(*m)))
			return;
	}
	if (states->nr == MAX_STATES) {
		fprintf(stderr, "# too many states are possible\n");
		abort();
	}
	states->all[states->nr++] = *m;
}

static void judge_end(struct search *s, const struct model *m)
{
	struct model end = *m;

	if (!have_all_returned(s, &end) || !are_handles_right(s, &end) ||
	    !are_all_pending_right(s, &end) || !are_objects_right(s, &end))
		return;
	model_end_round(&end);
	add_state(&s->found, &end);
}

static void explore(void *context, const struct model *m);

static void take_step(struct search *s, const struct model *m, unsigned int t)
{
	uint64_t nr_visits = s->nr_visits;

	if (s->nr_steps == ARRAY_SIZE(s->steps))
		abort();
	s->steps[s->nr_steps++] = t;
	model_step(m, t, s->round, explore, s);
	if (s->nr_visits == nr_visits)
		reject(s, m, "thread %u has got the handle %#llx, which can't be issued yet", t,
		       (long long)s->round->results[t].value);
	s->nr_steps--;
}

static void explore(void *context, const struct model *m)
{
	struct search *s = context;
	bool at_end = true;

	s->nr_visits++;
	if (!are_results_right(s, m))
		return;
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (!model_can_step(m, t, s->round))
			continue;
		at_end = false;
		take_step(s, m, t);
	}
	if (at_end)
		judge_end(s, m);
}

bool orders_explain(struct states *states, const struct round *r, const struct observation *seen,
		    struct attempt *closest)
{
	struct search s = {
		.round = r, .seen = seen, .closest = closest,
		.found = { .all = states->spare, .spare = states->all },
	};

	closest->reason[0] = '\0';
	for (unsigned int i = 0; i < states->nr; i++) {
		struct model m = states->all[i];

		s.from = &states->all[i];
		model_begin_round(&m, r);
		explore(&s, &m);
	}
	if (s.found.nr)
		*states = s.found;
	return s.found.nr;
}
