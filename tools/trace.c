// SPDX-License-Identifier: GPL-2.0-only
/*
 * ntsyncctl trace: what the lines of NTSYNC_NT_TRACE say about handles: those that were left open,
 * and those that were used though they were invalid, and who had closed them.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define MAX_TABLES	1024
#define MAX_HANDLES	1000000
/* How many handles of each kind and table are listed. */
#define MAX_LISTED	100

/* When, in seconds of CLOCK_MONOTONIC, and by which thread. */
struct moment {
	double time;
	uint32_t thread;
};

/**
 * struct line - a line of the trace
 * @op: begin, create, destroy, invalid or end; the last five members are not there in the first and
 *	the last
 */
struct line {
	char table[32], op[16], type[16];
	double time;
	uint64_t seq, object;
	uint32_t handle, generation, thread;
};

/**
 * struct life - an object's time with a handle
 * @created, @closed: a @time of -1: never
 */
struct life {
	char type[16];
	uint64_t object;
	struct moment created, closed;
};

/**
 * struct handle - a value of a table
 * @last: what it was given out for the last time
 * @used: the first use while it was invalid; @before: what it had been given out for
 * @uses: how often it was used while it was invalid
 */
struct handle {
	uint32_t table, value;
	bool open;
	struct life last, before;
	struct moment used;
	uint64_t uses;
};

/**
 * struct table - a table
 * @records: how many records there are; @last: the number of the last one
 * @nr_open, @nr_misused: handles
 */
struct table {
	char name[32];
	double begin;
	uint64_t created, closed, records, last;
	bool ended;
	uint32_t nr_open, nr_misused;
};

struct trace {
	struct table table[MAX_TABLES];
	uint32_t nr_tables, nr_handles;
	uint64_t not_understood;
	void *handles;
	bool truncated;
};

static int compare_handles(const void *a, const void *b)
{
	const struct handle *x = a, *y = b;

	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

/* NULL if there is no room. Lines of one table mostly follow each other. */
static struct table *find_table(struct trace *t, const char *name, double time)
{
	for (uint32_t i = t->nr_tables; i--;) {
		if (!strcmp(t->table[i].name, name))
			return &t->table[i];
	}
	if (t->nr_tables == MAX_TABLES)
		return NULL;
	t->table[t->nr_tables].begin = time;
	snprintf(t->table[t->nr_tables].name, sizeof(t->table[0].name), "%s", name);
	return &t->table[t->nr_tables++];
}

static struct handle *find_handle(struct trace *t, uint32_t table, uint32_t value)
{
	const struct handle key = { .table = table, .value = value };
	struct handle **found = tfind(&key, &t->handles, compare_handles), *made;

	if (found)
		return *found;
	made = t->nr_handles < MAX_HANDLES ? calloc(1, sizeof(*made)) : NULL;
	if (!made)
		return NULL;
	*made = key;
	made->last.created.time = -1;
	made->last.closed.time = -1;
	made->before = made->last;
	if (!tsearch(made, &t->handles, compare_handles)) {
		free(made);
		return NULL;
	}
	t->nr_handles++;
	return made;
}

static void apply_create(struct table *table, struct handle *h, const struct line *l)
{
	table->created++;
	table->nr_open += !h->open;
	h->open = true;
	h->last = (struct life){
		.object = l->object, .created = { l->time, l->thread }, .closed.time = -1,
	};
	memcpy(h->last.type, l->type, sizeof(h->last.type));
}

static void apply_destroy(struct table *table, struct handle *h, const struct line *l)
{
	table->closed++;
	table->nr_open -= h->open;
	h->open = false;
	h->last.closed = (struct moment){ l->time, l->thread };
	memcpy(h->last.type, l->type, sizeof(h->last.type));
}

static void apply_invalid(struct table *table, struct handle *h, const struct line *l)
{
	if (h->uses++)
		return;
	table->nr_misused++;
	h->used = (struct moment){ l->time, l->thread };
	h->before = h->last;
}

static void apply_record(struct trace *t, struct table *table, const struct line *l)
{
	struct handle *h = find_handle(t, (uint32_t)(table - t->table), l->handle);

	table->records++;
	if (!h)
		t->truncated = true;
	else if (!strcmp(l->op, "create"))
		apply_create(table, h, l);
	else if (!strcmp(l->op, "destroy"))
		apply_destroy(table, h, l);
	else
		apply_invalid(table, h, l);
}

/* Returns 0, 4 or 9: how many fields it has. */
static int parse_line(const char *text, struct line *l)
{
	int fields = sscanf(text, "ntsync_nt 1 table=%31s time=%lf seq=%" SCNu64
			    " op=%15s handle=%" SCNx32 " generation=%" SCNu32 " thread=%" SCNx32
			    " type=%15s object=%" SCNu64, l->table, &l->time, &l->seq, l->op,
			    &l->handle, &l->generation, &l->thread, l->type, &l->object);

	/* Also what is no number. */
	if (fields < 4 || !(l->time >= 0 && isfinite(l->time)))
		return 0;
	if (fields == 4 && (!strcmp(l->op, "begin") || !strcmp(l->op, "end")))
		return 4;
	return fields == 9 && (!strcmp(l->op, "create") || !strcmp(l->op, "destroy") ||
			       !strcmp(l->op, "invalid")) ? 9 : 0;
}

/* The file may be of anybody: names are made of printable letters only. */
static bool is_clean(const struct line *l, int fields)
{
	char clean[64];

	text_clean(l->table, clean, sizeof(clean), false);
	if (strcmp(clean, l->table))
		return false;
	if (fields < 9)
		return true;
	text_clean(l->type, clean, sizeof(clean), false);
	return !strcmp(clean, l->type);
}

static void add_line(struct trace *t, const char *text)
{
	struct line l = { .seq = 0 };
	int fields = parse_line(text, &l);
	struct table *table;

	if (!fields || !is_clean(&l, fields)) {
		t->not_understood++;
		return;
	}
	table = find_table(t, l.table, l.time);
	if (!table) {
		t->truncated = true;
		return;
	}
	/* The end has the number of the last record. */
	if (table->last < l.seq)
		table->last = l.seq;
	if (fields == 9)
		apply_record(t, table, &l);
	else if (!strcmp(l.op, "end"))
		table->ended = true;
}

/* -- Output -------------------------------------------------------------------------------- */

/**
 * struct report - one pass over the handles of a table
 * @misused: those that were used while they were invalid; else those that are open
 * @array: where to list them, or NULL for text
 */
struct report {
	const struct trace *trace;
	uint32_t table;
	bool misused;
	uint32_t listed;
	struct json_object *array;
};

static void print_moment(const struct table *table, const char *what, const struct moment *m)
{
	printf("%s at %.6f s by thread %#" PRIx32, what, m->time - table->begin, m->thread);
}

static void print_open(const struct table *table, const struct handle *h)
{
	printf("  open     %#-10" PRIx32 "  %-13s  ", h->value, h->last.type);
	print_moment(table, "created", &h->last.created);
	puts("");
}

static void print_misused(const struct table *table, const struct handle *h)
{
	printf("  invalid  %#-10" PRIx32 "  %-13s  ", h->value,
	       h->before.type[0] ? h->before.type : "-");
	print_moment(table, "used", &h->used);
	if (h->uses > 1)
		printf(" (%" PRIu64 " times)", h->uses);
	if (h->before.closed.time < 0)
		printf(", not created before");
	else
		print_moment(table, ", closed", &h->before.closed);
	puts("");
}

static void add_moment(struct json_object *to, const struct table *table, const char *key,
		       const struct moment *m)
{
	struct json_object *o;

	if (m->time < 0)
		return;
	o = json_add_object(to, key);
	json_object_object_add(o, "time", json_object_new_double(m->time - table->begin));
	json_add_number(o, "thread", m->thread);
}

static void add_handle(struct json_object *array, const struct table *table,
		       const struct handle *h, bool misused)
{
	const struct life *life = misused ? &h->before : &h->last;
	struct json_object *o = json_append_object(array);

	json_add_number(o, "handle", h->value);
	json_add_string(o, "type", life->type);
	json_add_number(o, "object", life->object);
	add_moment(o, table, "created", &life->created);
	add_moment(o, table, "closed", &life->closed);
	if (!misused)
		return;
	add_moment(o, table, "used", &h->used);
	json_add_number(o, "uses", h->uses);
}

static void report_handle(const void *node, VISIT visit, void *context)
{
	const struct handle *h = *(const struct handle *const *)node;
	struct report *r = context;

	if ((visit != postorder && visit != leaf) || h->table != r->table ||
	    !(r->misused ? h->uses > 0 : h->open) || r->listed++ >= MAX_LISTED)
		return;
	if (r->array)
		add_handle(r->array, &r->trace->table[r->table], h, r->misused);
	else if (r->misused)
		print_misused(&r->trace->table[r->table], h);
	else
		print_open(&r->trace->table[r->table], h);
}

static void report_handles(const struct trace *t, uint32_t table, bool misused,
			   struct json_object *array)
{
	struct report r = { .trace = t, .table = table, .misused = misused, .array = array };

	twalk_r(t->handles, report_handle, &r);
	if (!array && r.listed > MAX_LISTED)
		printf("  and %u more\n", r.listed - MAX_LISTED);
}

static void print_table(const struct trace *t, uint32_t index)
{
	const struct table *table = &t->table[index];

	printf("table %s: %" PRIu64 " handles created, %" PRIu64 " closed, %u open %s\n",
	       table->name, table->created, table->closed, table->nr_open,
	       table->ended ? "at its end" : "so far");
	report_handles(t, index, false, NULL);
	report_handles(t, index, true, NULL);
	if (table->last > table->records)
		printf("  records missing: %" PRIu64 "\n", table->last - table->records);
}

static int print_text(const struct trace *t)
{
	for (uint32_t i = 0; i < t->nr_tables; i++)
		print_table(t, i);
	if (t->not_understood)
		printf("lines that are not of a trace: %" PRIu64 "\n", t->not_understood);
	if (t->truncated)
		puts("(there is more than is counted)");
	return 0;
}

static int print_json(const struct trace *t)
{
	struct json_object *root = json_object_new_object(), *tables = json_add_array(root, "tables");

	for (uint32_t i = 0; i < t->nr_tables; i++) {
		const struct table *table = &t->table[i];
		struct json_object *o = json_append_object(tables);

		json_add_string(o, "table", table->name);
		json_add_number(o, "created", table->created);
		json_add_number(o, "closed", table->closed);
		json_add_number(o, "nr_open", table->nr_open);
		json_add_number(o, "nr_invalid", table->nr_misused);
		json_add_number(o, "missing", table->last > table->records ?
						      table->last - table->records : 0);
		json_add_bool(o, "ended", table->ended);
		report_handles(t, i, false, json_add_array(o, "open"));
		report_handles(t, i, true, json_add_array(o, "invalid"));
	}
	json_add_number(root, "not_understood", t->not_understood);
	json_add_bool(root, "truncated", t->truncated);
	return json_print(root, false);
}

/* -- The command --------------------------------------------------------------------------- */

/* A longer line than any of a trace counts as several that are not understood. False: an error. */
static bool read_trace(struct trace *t, FILE *in)
{
	char text[512];

	while (fgets(text, sizeof(text), in))
		add_line(t, text);
	return !ferror(in);
}

static FILE *open_trace(const char *path)
{
	return strcmp(path, "-") ? fopen(path, "re") : stdin;
}

int trace_print(FILE *in, bool json)
{
	struct trace *t = calloc(1, sizeof(*t));
	int ret = -1, error;

	if (t && read_trace(t, in))
		ret = json ? print_json(t) : print_text(t);
	error = errno;
	if (t)
		tdestroy(t->handles, free);
	free(t);
	errno = error;
	return ret;
}

int trace_command(const struct options *opts)
{
	FILE *in = open_trace(opts->file);
	int ret = in ? trace_print(in, opts->json) : -1;
	char clean[256];

	if (ret < 0) {
		text_clean(opts->file, clean, sizeof(clean), text_utf8());
		fprintf(stderr, "ntsyncctl: %s: %s\n", clean, strerror(errno));
		ret = 2;
	}
	if (in)
		fclose(in);
	return ret;
}
