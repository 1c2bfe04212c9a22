// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random programs. What a call needs is made before it, mostly; the driver is to see wrong
 * descriptors, too, but a program of wrong ones gets nowhere.
 */
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

/* Random calls of a program, without those that they need. */
#define LEAST_CALLS	3
#define MOST_CALLS	30
#define MOST_ROUNDS	12

struct mutate_options mutate_options;

uint64_t prng_next(struct prng *prng)
{
	uint64_t x = prng->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	prng->state = x;
	return x * 0x2545f4914f6cdd1dull;
}

unsigned int prng_below(struct prng *prng, unsigned int bound)
{
	return (prng_next(prng) >> 33) % bound;
}

bool prng_chance(struct prng *prng, unsigned int percent)
{
	return prng_below(prng, 100) < percent;
}

/* ---- what is where ---- */

static bool kind_fits(enum fd_kind kind, enum fd_kind wants)
{
	switch (wants) {
	case FD_OBJECT:
		return kind == FD_SEM || kind == FD_MUTEX || kind == FD_EVENT;
	case FD_ANY:
		return kind != FD_NONE;
	default:
		return kind == wants;
	}
}

struct slots {
	enum fd_kind kind[NR_PROCESSES][NR_SLOTS];
};

/* What the slots have when the first @nr calls have succeeded. */
static void scan(const struct program *program, unsigned int nr, struct slots *slots)
{
	memset(slots, 0, sizeof(*slots));
	for (unsigned int i = 0; i < nr; i++) {
		const struct call *call = &program->calls[i];
		unsigned int process = THREAD_PROCESS(call->thread);
		enum fd_kind kind = ops[call->op].makes;

		if (kind == FD_ANY && ops[call->op].on && call->fd < NR_SLOTS)
			kind = slots->kind[process][call->fd];
		else if (kind == FD_ANY && call->args[1] < NR_SLOTS && call->args[0] < NR_THREADS)
			kind = slots->kind[THREAD_PROCESS(call->args[0])][call->args[1]];
		if (kind && call->result < NR_SLOTS)
			slots->kind[process][call->result] = kind;
	}
}

/* A slot of the process with such a descriptor, or SLOT_NONE. */
static unsigned int find_slot(const struct slots *slots, unsigned int process, enum fd_kind wants,
			      struct prng *prng)
{
	unsigned int first = prng_below(prng, NR_SLOTS);

	for (unsigned int i = 0; i < NR_SLOTS; i++) {
		unsigned int slot = (first + i) % NR_SLOTS;

		if (kind_fits(slots->kind[process][slot], wants))
			return slot;
	}
	return SLOT_NONE;
}

/* ---- building ---- */

struct builder {
	struct program *program;
	unsigned int at;	/* where the next call goes */
	struct prng *prng;
};

static bool insert_call(struct builder *b, const struct call *call)
{
	struct program *program = b->program;

	if (program->nr == MAX_CALLS)
		return false;
	memmove(&program->calls[b->at + 1], &program->calls[b->at],
		(program->nr - b->at) * sizeof(*call));
	program->calls[b->at++] = *call;
	program->nr++;
	return true;
}

static unsigned int free_slot(const struct builder *b, unsigned int process)
{
	struct slots slots;
	unsigned int slot;

	scan(b->program, b->program->nr, &slots);
	slot = find_slot(&slots, process, FD_NONE, b->prng);
	return slot < NR_SLOTS ? slot : prng_below(b->prng, NR_SLOTS);
}

static void fill_call(struct builder *b, struct call *call);

static unsigned int maker_of(enum fd_kind wants, struct prng *prng)
{
	static const char *const objects[] = { "create_sem", "create_mutex", "create_mutex", "create_event" };
	static const char *const files[] = { "eventfd", "eventfd", "pipe", "epoll", "file" };

	switch (wants) {
	case FD_DEVICE:
		return op_find("open");
	case FD_SEM:
		return op_find("create_sem");
	case FD_MUTEX:
		return op_find("create_mutex");
	case FD_EVENT:
		return op_find("create_event");
	case FD_CHANNEL:
		return op_find("create_channel");
	case FD_OBJECT:
		return op_find(objects[prng_below(prng, ARRAY_SIZE(objects))]);
	default:
		return op_find(files[prng_below(prng, ARRAY_SIZE(files))]);
	}
}

/* From another process, if that has one. */
static bool take_slot(struct builder *b, unsigned int thread, const struct slots *slots,
		      enum fd_kind wants, unsigned int *slot)
{
	unsigned int from = find_slot(slots, 0, wants, b->prng);
	struct call call;

	if (THREAD_PROCESS(thread) == 0 || from == SLOT_NONE)
		return false;
	call_init(&call, op_find("take"));
	call.thread = thread;
	call.args[0] = 0;
	call.args[1] = from;
	*slot = call.result = free_slot(b, THREAD_PROCESS(thread));
	return insert_call(b, &call);
}

/* Makes one if there is none. */
static unsigned int need_slot(struct builder *b, unsigned int thread, enum fd_kind wants)
{
	unsigned int process = THREAD_PROCESS(thread), slot;
	struct slots slots;
	struct call call;

	if (prng_chance(b->prng, 2))
		return prng_chance(b->prng, 50) ? SLOT_BAD : prng_below(b->prng, NR_SLOTS);
	scan(b->program, b->at, &slots);
	slot = find_slot(&slots, process, wants, b->prng);
	if (slot != SLOT_NONE && !prng_chance(b->prng, wants == FD_DEVICE ? 2 : 30))
		return slot;
	if (take_slot(b, thread, &slots, wants, &slot))
		return slot;
	call_init(&call, maker_of(wants, b->prng));
	call.thread = thread;
	fill_call(b, &call);
	call.result = free_slot(b, process);
	return insert_call(b, &call) ? call.result : SLOT_BAD;
}

/* ---- arguments ---- */

/* One of the numbers in the text. */
static uint64_t choose_value(const char *values, struct prng *prng)
{
	unsigned int nr = 1, chosen;

	for (const char *at = values; (at = strchr(at, ' ')); at++)
		nr++;
	chosen = prng_below(prng, nr);
	while (chosen--)
		values = strchr(values, ' ') + 1;
	return strtoull(values, NULL, 0);
}

static uint64_t random_number(const struct arg_def *def, struct prng *prng)
{
	bool flag = !strncmp(def->name, "bad", 3) || strstr(def->name, "pad") || !strcmp(def->name, "count");

	/* What makes a call fail at once is rare. */
	if (flag && def->otherwise == 0 && !prng_chance(prng, 4))
		return def->otherwise;
	if (!def->values || prng_chance(prng, 2))
		return prng_next(prng) >> prng_below(prng, 64);
	return prng_chance(prng, 50) ? def->otherwise : choose_value(def->values, prng);
}

static uint64_t random_timeout(struct prng *prng)
{
	unsigned int percent = prng_below(prng, 100);

	if (percent < 15)
		return 0;
	if (percent < 20)
		return TIMEOUT_OVER;
	return percent < 50 ? TIMEOUT_NEVER : 1 + prng_below(prng, percent < 75 ? 1000 : 60000);
}

static unsigned int random_thread(struct prng *prng)
{
	unsigned int percent = prng_below(prng, 100);

	if (percent < 82)
		return prng_below(prng, 4);
	return (percent < 94 ? 4 : 6) + prng_below(prng, 2);
}

/* Mostly one that has calls. */
static uint64_t random_target(const struct program *program, struct prng *prng)
{
	if (prng_chance(prng, 8))
		return TARGET_NONE + prng_below(prng, NR_TARGETS - TARGET_NONE);
	if (program->nr && prng_chance(prng, 80))
		return program->calls[prng_below(prng, program->nr)].thread;
	return random_thread(prng);
}

static uint64_t random_address(struct prng *prng)
{
	unsigned int area = prng_below(prng, 3);

	if (prng_chance(prng, 3))
		return ADDRESS(AREA_BAD, 0);
	if (prng_chance(prng, 5))
		return ADDRESS(area, prng_below(prng, AREA_SIZE));
	return ADDRESS(area, 8 * prng_below(prng, 3));
}

static uint64_t random_slot(struct builder *b, const struct call *call, const struct arg_def *def)
{
	bool optional = call->op != op_find("signal_and_wait") || !strcmp(def->name, "alert");

	if (optional && prng_chance(b->prng, 75))
		return SLOT_NONE;
	if (mutate_options.common && def->wants == FD_CHANNEL)
		return SLOT_NONE;
	return need_slot(b, call->thread, def->wants);
}

static uint64_t random_arg(struct builder *b, const struct call *call, const struct arg_def *def)
{
	switch (def->kind) {
	case ARG_SLOT:
		return random_slot(b, call, def);
	case ARG_TIMEOUT:
		return random_timeout(b->prng);
	case ARG_POINTER:
		return prng_chance(b->prng, 94) ? POINTER_OK : prng_below(b->prng, NR_POINTERS);
	case ARG_THREAD:
		return random_target(b->program, b->prng);
	case ARG_ADDRESS:
		return random_address(b->prng);
	default:
		return random_number(def, b->prng);
	}
}

static unsigned int random_length(struct prng *prng)
{
	unsigned int percent = prng_below(prng, 100);

	if (percent < 88)
		return 1 + prng_below(prng, 4);
	if (percent < 92)
		return 0;
	return percent < 97 ? 5 + prng_below(prng, 10) : 60 + prng_below(prng, MAX_LIST - 60);
}

static void fill_item(struct builder *b, struct call *call, struct item *item)
{
	const struct op *op = &ops[call->op];
	enum fd_kind wants = op->on == FD_DEVICE ? FD_OBJECT : FD_ANY;

	if (op->sources) {
		item->type = prng_chance(b->prng, 65) ? 1 : prng_chance(b->prng, 95) ? 2 : prng_below(b->prng, 4);
		if (item->type != 1 || prng_chance(b->prng, 2))
			item->events = prng_chance(b->prng, 80) ? 1 : prng_below(b->prng, 65536);
		wants = item->type == 2 ? FD_ANY : prng_chance(b->prng, 60) ? FD_CHANNEL : FD_OBJECT;
	}
	item->slot = need_slot(b, call->thread, wants);
}

/* A long list has what there is already. */
static void fill_list(struct builder *b, struct call *call)
{
	struct slots slots;

	call->nr_list = random_length(b->prng);
	for (unsigned int i = 0; i < call->nr_list; i++) {
		fill_item(b, call, &call->list[i]);
		if (i > 3) {
			scan(b->program, b->at, &slots);
			call->list[i].slot = find_slot(&slots, THREAD_PROCESS(call->thread),
						       FD_OBJECT, b->prng);
		}
	}
}

/* Everything but the result; inserts what the call needs. */
static void fill_call(struct builder *b, struct call *call)
{
	const struct op *op = &ops[call->op];

	if (op->on)
		call->fd = need_slot(b, call->thread, op->on);
	if (op->list)
		fill_list(b, call);
	for (unsigned int i = 0; i < op_nr_args(op); i++)
		call->args[i] = random_arg(b, call, &op->args[i]);
	if (mutate_options.inject && op->on && prng_chance(b->prng, 5))
		call->fail = 1 + prng_below(b->prng, 6);
	/* What sleeps in many threads at once, or is raced for. */
	if (op->on && !op->makes && call->op != op_find("close") && prng_chance(b->prng, 2))
		call->crowd = prng_chance(b->prng, 80) ? 1 + prng_below(b->prng, 20) : 70;
	/* A semaphore with more than its maximum is not made. */
	if (!strcmp(op->name, "create_sem") && call->args[0] > call->args[1] && prng_chance(b->prng, 95))
		call->args[1] = call->args[0];
	if (!strcmp(op->name, "create_mutex") && prng_chance(b->prng, 95))
		call->args[1] = call->args[0] ? 1 : 0;
}

static unsigned int random_op(struct prng *prng)
{
	unsigned int total = 0, chosen;

	for (unsigned int i = 0; i < nr_ops; i++)
		total += ops[i].weight;
	for (;;) {
		unsigned int i = 0;

		chosen = prng_below(prng, total);
		while (chosen >= ops[i].weight)
			chosen -= ops[i++].weight;
		if (ops[i].common || !mutate_options.common)
			return i;
	}
}

static void insert_random(struct builder *b)
{
	struct call call;

	call_init(&call, random_op(b->prng));
	call.thread = random_thread(b->prng);
	fill_call(b, &call);
	if (ops[call.op].makes)
		call.result = prng_chance(b->prng, 95) ? free_slot(b, THREAD_PROCESS(call.thread)) : SLOT_NONE;
	insert_call(b, &call);
}

static void random_settings(struct program *program, struct prng *prng)
{
	program->rounds = prng_chance(prng, 30) ? 1 + prng_below(prng, MOST_ROUNDS) : 0;
	program->end = prng_chance(prng, 50) ? END_EXIT : prng_below(prng, NR_ENDS);
}

void program_random(struct program *program, struct prng *prng)
{
	unsigned int nr = LEAST_CALLS + prng_below(prng, MOST_CALLS - LEAST_CALLS + 1);
	struct builder b = { .program = program, .prng = prng };

	memset(program, 0, sizeof(*program));
	random_settings(program, prng);
	while (nr--) {
		insert_random(&b);
		b.at = program->nr;
	}
}

/* ---- changes ---- */

static void remove_call(struct program *program, unsigned int at)
{
	program->nr--;
	memmove(&program->calls[at], &program->calls[at + 1],
		(program->nr - at) * sizeof(program->calls[0]));
}

static void change_arg(struct builder *b, unsigned int at)
{
	struct call call = b->program->calls[at];
	const struct op *op = &ops[call.op];
	unsigned int nr = op_nr_args(op), which = prng_below(b->prng, nr + 3);

	b->at = at;
	if (which < nr)
		call.args[which] = random_arg(b, &call, &op->args[which]);
	else if (op->list && which == nr)
		fill_list(b, &call);
	else if (op->on && which == nr + 1)
		call.fd = need_slot(b, call.thread, op->on);
	else if (op->on && mutate_options.inject)
		call.fail = prng_below(b->prng, 10);
	/* What it needs was inserted before it. */
	b->program->calls[b->at] = call;
}

static void splice(struct builder *b, const struct program *other)
{
	unsigned int first = prng_below(b->prng, other->nr);
	unsigned int nr = 1 + prng_below(b->prng, other->nr - first);

	for (unsigned int i = first; i < first + nr; i++)
		insert_call(b, &other->calls[i]);
}

static void swap_calls(struct program *program, unsigned int i, unsigned int k)
{
	struct call call = program->calls[i];

	program->calls[i] = program->calls[k];
	program->calls[k] = call;
}

static void mutate_once(struct builder *b, const struct program *other)
{
	struct program *program = b->program;
	unsigned int at = prng_below(b->prng, program->nr), percent = prng_below(b->prng, 100);

	if (percent < 35) {
		b->at = prng_below(b->prng, program->nr + 1);
		insert_random(b);
	} else if (percent < 65) {
		change_arg(b, at);
	} else if (percent < 75) {
		if (program->nr > 1)
			remove_call(program, at);
	} else if (percent < 82) {
		b->at = at;
		insert_call(b, &program->calls[at]);
	} else if (percent < 87) {
		swap_calls(program, at, prng_below(b->prng, program->nr));
	} else if (percent < 92) {
		program->calls[at].thread = random_thread(b->prng);
	} else if (percent < 96) {
		random_settings(program, b->prng);
	} else if (other && other->nr) {
		b->at = prng_below(b->prng, program->nr + 1);
		splice(b, other);
	}
}

void program_mutate(struct program *program, const struct program *other, struct prng *prng)
{
	unsigned int times = 1 + prng_below(prng, 4);
	struct builder b = { .program = program, .prng = prng };

	if (!program->nr)
		return program_random(program, prng);
	while (times--)
		mutate_once(&b, other);
}
