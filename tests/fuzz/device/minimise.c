// SPDX-License-Identifier: GPL-2.0-only
#include "minimise.h"

#include <string.h>

struct attempt {
	struct program *best;
	bool (*matters)(const struct program *program, void *data);
	void *data;
	unsigned int runs;
	unsigned int left;
};

/* Keeps @candidate if it does what matters. */
static bool try(struct attempt *a, const struct program *candidate)
{
	if (!a->left)
		return false;
	a->left--;
	a->runs++;
	if (!a->matters(candidate, a->data))
		return false;
	*a->best = *candidate;
	return true;
}

static void drop_calls(struct program *program, unsigned int first, unsigned int nr)
{
	memmove(&program->calls[first], &program->calls[first + nr],
		(program->nr - first - nr) * sizeof(program->calls[0]));
	program->nr -= nr;
}

/* From the end, as a call needs those before it; first many at a time. */
static void remove_calls(struct attempt *a)
{
	static struct program candidate;

	for (unsigned int nr = a->best->nr / 2; nr; nr /= 2) {
		unsigned int end = a->best->nr;

		while (end >= nr && a->best->nr > nr) {
			candidate = *a->best;
			drop_calls(&candidate, end - nr, nr);
			end -= try(a, &candidate) ? nr : 1;
		}
	}
}

static void simplify_settings(struct attempt *a)
{
	static struct program candidate;

	candidate = *a->best;
	candidate.rounds = 0;
	if (a->best->rounds)
		try(a, &candidate);
	candidate = *a->best;
	candidate.end = END_EXIT;
	if (a->best->end)
		try(a, &candidate);
}

static void simplify_call(struct attempt *a, unsigned int at)
{
	static struct program candidate;
	const struct op *op = &ops[a->best->calls[at].op];

	for (unsigned int i = 0; i < op_nr_args(op); i++) {
		candidate = *a->best;
		candidate.calls[at].args[i] = op->args[i].otherwise;
		if (a->best->calls[at].args[i] != op->args[i].otherwise)
			try(a, &candidate);
	}
	candidate = *a->best;
	candidate.calls[at].fail = 0;
	if (a->best->calls[at].fail)
		try(a, &candidate);
	candidate = *a->best;
	candidate.calls[at].crowd = 0;
	if (a->best->calls[at].crowd)
		try(a, &candidate);
	while (a->best->calls[at].nr_list > 1) {
		candidate = *a->best;
		candidate.calls[at].nr_list /= 2;
		if (!try(a, &candidate))
			break;
	}
}

unsigned int minimise(struct program *program, bool (*matters)(const struct program *program, void *data),
		      void *data, unsigned int runs)
{
	struct attempt a = { .best = program, .matters = matters, .data = data, .left = runs };

	remove_calls(&a);
	simplify_settings(&a);
	for (unsigned int i = 0; i < a.best->nr; i++)
		simplify_call(&a, i);
	return a.runs;
}
