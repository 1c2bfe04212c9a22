// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feeds the parsers of ntsyncctl with any bytes. The first byte chooses the parser, the rest is its
 * text. libFuzzer calls this (make fuzz-parsers), and so does test_parsers.c with the inputs that
 * are in the tree. What a parser promises is asserted; the sanitizers find the rest.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "parsers.h"

#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

static void parse_object(const char *text)
{
	struct object o;

	fdinfo_parse(text, &o);
	MUST(o.type <= TYPE_UNKNOWN);
	MUST(o.nr_waiter <= MAX_WAITERS && o.nr_request <= MAX_REQUESTS && o.nr_receiver <= MAX_RECEIVERS);
	for (unsigned int i = 0; i < o.nr_receiver; i++)
		MUST(memchr(o.receiver[i].state, 0, sizeof(o.receiver[i].state)));
	object_waiters(&o);
	MUST(object_top_prio(&o) >= 0);
}

static void parse_loans(const char *text)
{
	struct loan loan[4];
	bool more;
	size_t nr = fdinfo_parse_loans(text, loan, ARRAY_SIZE(loan), &more);

	MUST(nr <= ARRAY_SIZE(loan) && (!more || nr == ARRAY_SIZE(loan)));
}

static void parse_addresses(const char *text)
{
	const char *end = text + strlen(text);
	struct object o;

	while (fdinfo_next_address(&text, &o))
		MUST(text <= end && o.type == TYPE_ADDRESS && o.id && o.nr_waiter == 1);
	MUST(text == end);
}

static void parse_arbiter(const char *text)
{
	struct boosted boosted[4];
	bool more;
	size_t nr = arbiter_parse(text, boosted, ARRAY_SIZE(boosted), &more);

	MUST(nr <= ARRAY_SIZE(boosted));
	for (size_t i = 0; i < nr; i++) {
		MUST(boosted[i].nr <= MAX_CONTRIBS);
		for (unsigned int k = 0; k < boosted[i].nr; k++)
			contrib_object(&boosted[i].contrib[k]);
	}
}

static bool is_printable(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

/* With room for any number of bytes. */
static void clean_text(const char *text, bool utf8)
{
	char out[64];

	for (size_t size = 1; size <= sizeof(out); size += 7) {
		memset(out, 'x', sizeof(out));
		text_clean(text, out, size, utf8);
		MUST(strnlen(out, size) < size && is_printable(out));
		MUST(text_fit(out, 5) <= strlen(out) && text_fit(out, 0) <= strlen(out));
		MUST(text_width(out) >= 0 && text_width(out) <= (int)sizeof(out));
	}
}

static void draw_text(const char *text)
{
	char clean[256], *drawn = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&drawn, &size);

	MUST(out);
	text_clean(text, clean, sizeof(clean), true);
	text_dot(out, clean);
	fclose(out);
	for (size_t i = 0; i < size; i++) {
		MUST(drawn[i] != '"');
		if (drawn[i] == '\\')
			i++;
	}
	free(drawn);
}

static void cut_text(const char *text)
{
	char name[16], list[24] = "";

	snprintf(name, sizeof(name), "%s", text);
	text_drop_partial(name);
	/* Without end for an empty name. */
	for (int i = 0; i < 32 && text_list_add(list, sizeof(list), name); i++)
		MUST(strlen(list) < sizeof(list));
}

/* What trace_print() writes to stdout; to be freed. */
static char *print_trace(FILE *in, bool json)
{
	FILE *out = stdout;
	char *printed = NULL;
	size_t size = 0;

	stdout = open_memstream(&printed, &size);
	MUST(stdout);
	MUST(trace_print(in, json) == 0);
	fclose(stdout);
	stdout = out;
	MUST(strlen(printed) == size);
	return printed;
}

/* json-c itself writes and reads these words. No string of a trace has a blank. */
static void judge_json(const char *printed)
{
	struct json_object *root = json_tokener_parse(printed);

	MUST(json_object_is_type(root, json_type_object));
	MUST(!strstr(printed, " NaN") && !strstr(printed, " Infinity") && !strstr(printed, " -Infinity"));
	json_object_put(root);
}

/* Lines of printable text, or one JSON document of them. */
static void judge_trace(const char *printed, bool json)
{
	if (json)
		judge_json(printed);
	for (; *printed; printed++)
		MUST(*printed == '\n' || ((unsigned char)*printed >= 0x20 && (unsigned char)*printed < 0x7f));
}

/* The only parser of a file, so its text may have bytes of zero. */
static void parse_trace(const char *text, size_t size, bool json)
{
	FILE *in = size ? fmemopen((void *)text, size, "r") : fopen("/dev/null", "re");
	char *printed;

	MUST(in);
	printed = print_trace(in, json);
	judge_trace(printed, json);
	free(printed);
	fclose(in);
}

static void parse(const char *text, size_t size, unsigned int which)
{
	switch (which % 16) {
	case 0:
		return parse_object(text);
	case 1:
		return parse_loans(text);
	case 2:
		return parse_addresses(text);
	case 3:
		return parse_arbiter(text);
	case 4:
		return clean_text(text, true);
	case 5:
		return clean_text(text, false);
	case 6:
		return draw_text(text);
	case 7:
		return cut_text(text);
	default:
		return parse_trace(text, size, which % 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	/* Memory of its own, so that a read behind the end is found. */
	text = malloc(size);
	MUST(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	parse(text, size - 1, data[0]);
	free(text);
	return 0;
}
