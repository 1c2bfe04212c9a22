// SPDX-License-Identifier: GPL-2.0-only
/* The text of a program. */
#include "program.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const end_names[NR_ENDS] = { "exit", "close", "kill" };
static const char *const pointer_names[NR_POINTERS] = { "ok", "null", "bad", "readonly", "edge" };
static const char *const target_names[] = { "none", "fuzzer", "kthread", "bad" };
static const char area_letters[] = "psm";

int op_find(const char *name)
{
	for (unsigned int i = 0; i < nr_ops; i++) {
		if (!strcmp(ops[i].name, name))
			return i;
	}
	return -1;
}

unsigned int op_nr_args(const struct op *op)
{
	unsigned int nr = 0;

	while (nr < MAX_ARGS && op->args[nr].name)
		nr++;
	return nr;
}

void call_init(struct call *call, unsigned int op)
{
	memset(call, 0, sizeof(*call));
	call->op = op;
	call->fd = SLOT_NONE;
	call->result = SLOT_NONE;
	for (unsigned int i = 0; i < op_nr_args(&ops[op]); i++)
		call->args[i] = ops[op].args[i].otherwise;
}

/* ---- printing ---- */

static void print_slot(FILE *out, uint64_t slot)
{
	if (slot < NR_SLOTS)
		fprintf(out, "f%u", (unsigned int)slot);
	else
		fputs(slot == SLOT_NONE ? "none" : "bad", out);
}

static void print_timeout(FILE *out, uint64_t timeout)
{
	if (timeout == TIMEOUT_NEVER)
		fputs("never", out);
	else if (timeout == TIMEOUT_OVER)
		fputs("over", out);
	else
		fprintf(out, "%s%llu", timeout ? "+" : "", (unsigned long long)timeout);
}

static void print_target(FILE *out, uint64_t target)
{
	if (target < NR_THREADS)
		fprintf(out, "t%u", (unsigned int)target);
	else
		fputs(target_names[target - NR_THREADS], out);
}

static void print_address(FILE *out, uint64_t address)
{
	if (ADDRESS_AREA(address) == AREA_BAD)
		fputs("bad", out);
	else
		fprintf(out, "%c%u", area_letters[ADDRESS_AREA(address)], ADDRESS_OFFSET(address));
}

static void print_arg(FILE *out, enum arg_kind kind, uint64_t value)
{
	switch (kind) {
	case ARG_SLOT:
		return print_slot(out, value);
	case ARG_TIMEOUT:
		return print_timeout(out, value);
	case ARG_POINTER:
		fputs(pointer_names[value], out);
		return;
	case ARG_THREAD:
		return print_target(out, value);
	case ARG_ADDRESS:
		return print_address(out, value);
	default:
		fprintf(out, value > 0xffff ? "0x%llx" : "%llu", (unsigned long long)value);
	}
}

static void print_list(FILE *out, const struct call *call)
{
	if (!call->nr_list)
		fputs(" -", out);
	for (unsigned int i = 0; i < call->nr_list; i++) {
		const struct item *item = &call->list[i];

		fputc(i ? ',' : ' ', out);
		print_slot(out, item->slot);
		if (ops[call->op].sources)
			fprintf(out, ":%u:%u", item->type, item->events);
	}
}

void call_print(FILE *out, const struct call *call)
{
	const struct op *op = &ops[call->op];

	fprintf(out, "t%u %s", call->thread, op->name);
	if (op->on) {
		fputc(' ', out);
		print_slot(out, call->fd);
	}
	if (op->list)
		print_list(out, call);
	for (unsigned int i = 0; i < op_nr_args(op); i++) {
		if (call->args[i] == op->args[i].otherwise)
			continue;
		fprintf(out, " %s=", op->args[i].name);
		print_arg(out, op->args[i].kind, call->args[i]);
	}
	if (call->fail)
		fprintf(out, " fail=%u", call->fail);
	if (call->crowd)
		fprintf(out, " crowd=%u", call->crowd);
	if (op->makes) {
		fputs(" -> ", out);
		print_slot(out, call->result);
	}
	fputc('\n', out);
}

void program_print(FILE *out, const struct program *program)
{
	if (program->rounds)
		fprintf(out, "rounds %u\n", program->rounds);
	if (program->end)
		fprintf(out, "end %s\n", end_names[program->end]);
	for (unsigned int i = 0; i < program->nr; i++)
		call_print(out, &program->calls[i]);
}

/* FNV-1a */
uint64_t program_hash(const struct program *program)
{
	uint64_t hash = 0xcbf29ce484222325ull;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return 0;
	program_print(out, program);
	fclose(out);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
	free(text);
	return hash;
}

/* ---- parsing ---- */

struct parser {
	char *error;
	size_t size;
	unsigned int line;
};

static bool fail(struct parser *p, const char *format, ...)
{
	va_list args;
	int len = snprintf(p->error, p->size, "line %u: ", p->line);

	va_start(args, format);
	if (len >= 0 && (size_t)len < p->size)
		vsnprintf(p->error + len, p->size - len, format, args);
	va_end(args);
	return false;
}

static bool parse_number(const char *text, uint64_t most, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*value = strtoull(text, &end, 0);
	return !*end && *value <= most;
}

static bool parse_name(const char *text, const char *const *names, unsigned int nr, uint64_t *value)
{
	for (*value = 0; *value < nr; ++*value) {
		if (!strcmp(text, names[*value]))
			return true;
	}
	return false;
}

static bool parse_slot(const char *text, uint64_t *slot)
{
	if (*text == 'f')
		return parse_number(text + 1, NR_SLOTS - 1, slot);
	*slot = !strcmp(text, "bad") ? SLOT_BAD : SLOT_NONE;
	return *slot == SLOT_BAD || !strcmp(text, "none");
}

static bool parse_timeout(const char *text, uint64_t *timeout)
{
	if (*text == '+')
		return parse_number(text + 1, TIMEOUT_OVER - 1, timeout);
	*timeout = !strcmp(text, "never") ? TIMEOUT_NEVER : !strcmp(text, "over") ? TIMEOUT_OVER : 0;
	return *timeout || !strcmp(text, "0");
}

static bool parse_target(const char *text, uint64_t *target)
{
	if (*text == 't')
		return parse_number(text + 1, NR_THREADS - 1, target);
	if (!parse_name(text, target_names, ARRAY_SIZE(target_names), target))
		return false;
	*target += NR_THREADS;
	return true;
}

static bool parse_address(const char *text, uint64_t *address)
{
	const char *area = *text ? strchr(area_letters, *text) : NULL;
	uint64_t offset;

	*address = ADDRESS(AREA_BAD, 0);
	if (!strcmp(text, "bad"))
		return true;
	if (!area || !parse_number(text + 1, AREA_SIZE - 1, &offset))
		return false;
	*address = ADDRESS(area - area_letters, offset);
	return true;
}

static bool parse_value(enum arg_kind kind, const char *text, uint64_t *value)
{
	switch (kind) {
	case ARG_SLOT:
		return parse_slot(text, value);
	case ARG_TIMEOUT:
		return parse_timeout(text, value);
	case ARG_POINTER:
		return parse_name(text, pointer_names, NR_POINTERS, value);
	case ARG_THREAD:
		return parse_target(text, value);
	case ARG_ADDRESS:
		return parse_address(text, value);
	default:
		return parse_number(text, UINT64_MAX, value);
	}
}

/* "f3", of a source "f3:TYPE:EVENTS" */
static bool parse_item(char *text, bool source, struct item *item)
{
	char *type = source ? strchr(text, ':') : NULL;
	char *events = type ? strchr(type + 1, ':') : NULL;
	uint64_t slot, number;

	if (source != !!events)
		return false;
	if (source) {
		*type = *events = '\0';
		if (!parse_number(type + 1, UINT8_MAX, &number))
			return false;
		item->type = number;
		if (!parse_number(events + 1, UINT16_MAX, &number))
			return false;
		item->events = number;
	}
	if (!parse_slot(text, &slot))
		return false;
	item->slot = slot;
	return true;
}

static bool parse_list(struct parser *p, char *text, struct call *call)
{
	char *save, *word;

	if (!strcmp(text, "-"))
		return true;
	for (word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (call->nr_list == MAX_LIST)
			return fail(p, "more than %u objects", MAX_LIST);
		if (!parse_item(word, ops[call->op].sources, &call->list[call->nr_list++]))
			return fail(p, "no object: %s", word);
	}
	return true;
}

static bool parse_arg(struct parser *p, char *word, struct call *call)
{
	const struct op *op = &ops[call->op];
	char *value = strchr(word, '=');
	uint64_t number;

	if (!value)
		return fail(p, "no argument: %s", word);
	*value++ = '\0';
	if (!strcmp(word, "fail") || !strcmp(word, "crowd")) {
		if (!parse_number(value, UINT8_MAX, &number))
			return fail(p, "no number: %s", value);
		if (*word == 'f')
			call->fail = number;
		else
			call->crowd = number;
		return true;
	}
	for (unsigned int i = 0; i < op_nr_args(op); i++) {
		if (strcmp(op->args[i].name, word))
			continue;
		return parse_value(op->args[i].kind, value, &call->args[i]) ||
		       fail(p, "no value of %s: %s", word, value);
	}
	return fail(p, "%s has no argument %s", op->name, word);
}

static bool parse_slot_word(struct parser *p, const char *word, uint8_t *out)
{
	uint64_t slot;

	if (!word || !parse_slot(word, &slot))
		return fail(p, "no descriptor: %s", word ? word : "");
	*out = slot;
	return true;
}

/* What follows the thread. */
static bool parse_call(struct parser *p, struct call *call, char **save)
{
	const char *name = strtok_r(NULL, " \t", save);
	int op = name ? op_find(name) : -1;
	unsigned int thread = call->thread;
	char *word;

	if (op < 0)
		return fail(p, "no call: %s", name ? name : "");
	call_init(call, op);
	call->thread = thread;
	if (ops[op].on && !parse_slot_word(p, strtok_r(NULL, " \t", save), &call->fd))
		return false;
	if (ops[op].list) {
		word = strtok_r(NULL, " \t", save);
		if (!word)
			return fail(p, "no list of objects");
		if (!parse_list(p, word, call))
			return false;
	}
	while ((word = strtok_r(NULL, " \t", save))) {
		if (!strcmp(word, "->")) {
			if (!ops[op].makes)
				return fail(p, "%s returns no descriptor", ops[op].name);
			if (!parse_slot_word(p, strtok_r(NULL, " \t", save), &call->result))
				return false;
		} else if (!parse_arg(p, word, call)) {
			return false;
		}
	}
	return true;
}

static bool parse_setting(struct parser *p, const char *name, const char *value, struct program *program)
{
	uint64_t number;

	if (!value)
		return fail(p, "%s without a value", name);
	if (!strcmp(name, "rounds") && parse_number(value, UINT8_MAX, &number))
		program->rounds = number;
	else if (!strcmp(name, "end") && parse_name(value, end_names, NR_ENDS, &number))
		program->end = number;
	else
		return fail(p, "no setting: %s %s", name, value);
	return true;
}

static bool parse_line(struct parser *p, char *line, struct program *program)
{
	char *comment = strchr(line, '#'), *save, *word;
	uint64_t thread;

	if (comment)
		*comment = '\0';
	word = strtok_r(line, " \t\r", &save);
	if (!word)
		return true;
	if (*word != 't' || !parse_number(word + 1, NR_THREADS - 1, &thread))
		return parse_setting(p, word, strtok_r(NULL, " \t", &save), program);
	if (program->nr == MAX_CALLS)
		return fail(p, "more than %u calls", MAX_CALLS);
	program->calls[program->nr].thread = thread;
	return parse_call(p, &program->calls[program->nr++], &save);
}

bool program_parse(const char *text, struct program *program, char *error, size_t size)
{
	struct parser p = { .error = error, .size = size };
	char *copy = strdup(text), *rest = copy, *line;
	bool good = copy || fail(&p, "no memory");

	memset(program, 0, sizeof(*program));
	while (good && (line = strsep(&rest, "\n"))) {
		p.line++;
		good = parse_line(&p, line, program);
	}
	free(copy);
	return good;
}

bool program_read(const char *path, struct program *program, char *error, size_t size)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t len;
	bool good;

	if (!file) {
		snprintf(error, size, "cannot open it");
		return false;
	}
	/* All of it: there is no NUL in a text. */
	len = getdelim(&text, &room, '\0', file);
	fclose(file);
	good = program_parse(len > 0 ? text : "", program, error, size);
	free(text);
	return good;
}
