// SPDX-License-Identifier: GPL-2.0-only
/*
 * ntsyncctl top: the objects with the most waiters, on one screen that is drawn again and again.
 * On a dumb terminal, or with -b, it prints one screen below the other.
 */
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "terminal.h"

/* With -b. */
#define BATCH_ROWS	1000
/* On a terminal that does not tell its size; and the lines of a screen that are no objects. */
#define DUMB_ROWS	20
#define NOT_OBJECTS	7

/* Task and owner id fit into 80 columns. */
#define ROW	"%8lu %-7s %5lu %4d %5s %7d %s%*s %s"
#define HEADING	"%8s %-7s %5s %4s %5s %7s %-15s %s"
#define NAME_COLUMNS	15

#define LOAN_ROW	"%8d %s%*s %8d %s%*s %4d"
#define LOAN_HEADING	"%8s %-15s %8s %-15s %4s"

/* ---- the order ---- */

static bool is_idle(const struct object *o)
{
	return !object_waiters(o) && !o->boosts;
}

static int compare_objects(const void *a, const void *b)
{
	const struct object *l = a, *r = b;
	uint64_t lw = object_waiters(l), rw = object_waiters(r);
	int lp = object_top_prio(l), rp = object_top_prio(r);

	if (is_idle(l) != is_idle(r))
		return is_idle(l) ? 1 : -1;
	if (lw != rw)
		return lw < rw ? 1 : -1;
	if (lp != rp)
		return lp < rp ? 1 : -1;
	return l->id < r->id ? -1 : l->id > r->id;
}

/* Drops instances, and puts idle objects last. find_object() does not work afterwards. */
void top_sort(struct scan *s)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < s->nr_objects; i++) {
		struct object o = s->object[i];

		if (o.type == TYPE_INSTANCE)
			continue;
		s->object[i] = s->object[nr];
		s->object[nr++] = o;
	}
	qsort(s->object, nr, sizeof(*s->object), compare_objects);
	s->nr_objects = nr;
}

/* ---- one row ---- */

/* The owner of a mutex or of an address; of a channel, the first receiver that works on a request. */
static pid_t holder_of(const struct object *o)
{
	if (o->type == TYPE_MUTEX)
		return o->owner ? o->owner_tid : 0;
	if (o->type == TYPE_ADDRESS)
		return o->owner_tid;
	for (unsigned int i = 0; i < o->nr_request; i++) {
		if (o->request[i].receiver)
			return o->request[i].receiver;
	}
	for (unsigned int i = 0; i < o->nr_receiver; i++) {
		if (o->type == TYPE_CHANNEL)
			return o->receiver[i].tid;
	}
	return 0;
}

static uint64_t oldest_ns(const struct object *o)
{
	uint64_t oldest = 0;

	for (unsigned int i = 0; i < o->nr_request; i++) {
		if (o->request[i].age_ns > oldest)
			oldest = o->request[i].age_ns;
	}
	return oldest;
}

static double mean_ms(const struct latency *l)
{
	return l->nr ? l->sum_ns / 1e6 / l->nr : 0;
}

static void describe_mutex(const struct object *o, char *out, size_t size)
{
	if (!o->owner)
		snprintf(out, size, "%s", o->abandoned ? "abandoned" : "free");
	else if (o->count == 1)
		snprintf(out, size, "owner %lu", o->owner);
	else
		snprintf(out, size, "owner %lu x%lu", o->owner, o->count);
}

/* A channel has latencies: mean and longest of its replies, age of the oldest request. */
static void describe_state(const struct object *o, char *out, size_t size)
{
	switch (o->type) {
	case TYPE_SEM:
		snprintf(out, size, "%lu/%lu", o->count, o->max);
		break;
	case TYPE_MUTEX:
		describe_mutex(o, out, size);
		break;
	case TYPE_EVENT:
		snprintf(out, size, "%s%s", o->manual ? "manual" : "auto",
			 o->signaled ? ", set" : "");
		break;
	case TYPE_CHANNEL:
		snprintf(out, size, "%lu+%lu/%lu %.2f/%.2f/%.2f", o->depth, o->dispatched,
			 o->max_depth, mean_ms(&o->response), o->response.max_ns / 1e6,
			 oldest_ns(o) / 1e6);
		break;
	case TYPE_ADDRESS:
		snprintf(out, size, "0x%lx", o->address);
		break;
	default:
		snprintf(out, size, "?");
	}
}

static void print_line(FILE *out, const char *line, int width)
{
	fprintf(out, "%.*s\n", (int)text_fit(line, width), line);
}

static void print_row(FILE *out, const struct object *o, int width)
{
	char line[256], state[96], boost[16];
	const char *name;
	struct task t;
	int pad;

	task_look(holder_of(o), &t);
	name = t.tid ? t.comm : "-";
	pad = NAME_COLUMNS - text_width(name);
	describe_state(o, state, sizeof(state));
	snprintf(boost, sizeof(boost), o->boosts ? "%d" : "-", o->boost_prio);
	snprintf(line, sizeof(line), ROW, o->id, type_names[o->type], object_waiters(o),
		 object_top_prio(o), boost, t.tid, name, pad > 0 ? pad : 0, "", state);
	print_line(out, line, width);
}

/* ---- a screen ---- */

static uint64_t all_waiters(const struct scan *s)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < s->nr_objects; i++)
		sum += object_waiters(&s->object[i]);
	return sum;
}

static void print_heading(FILE *out, const struct scan *s, const struct system_facts *f, int width)
{
	char line[256];

	snprintf(line, sizeof(line), "ntsync: %s, processes: %u (and %u not readable), objects: %u",
		 driver_name(f), s->nr_processes, s->unreadable, s->nr_objects);
	print_line(out, line, width);
	if (s->arbiter)
		snprintf(line, sizeof(line), "waits: %lu, boosted tasks: %u", all_waiters(s),
			 s->nr_boosted);
	else
		snprintf(line, sizeof(line), "waits: %lu; boosts can't be read: %s", all_waiters(s),
			 strerror(s->arbiter_error));
	print_line(out, line, width);
	fputc('\n', out);
	snprintf(line, sizeof(line), HEADING, "ID", "TYPE", "WAITS", "PRIO", "BOOST", "TASK", "NAME",
		 "STATE, LATENCY ms");
	print_line(out, line, width);
}

/* Returns how many rows it has printed. */
static unsigned int print_loans(FILE *out, const struct scan *s, unsigned int rows, int width)
{
	char line[256];
	unsigned int i;

	if (!s->nr_loans || rows < 3)
		return 0;
	snprintf(line, sizeof(line), LOAN_HEADING, "LENDER", "NAME", "BORROWER", "NAME", "PRIO");
	fputc('\n', out);
	print_line(out, line, width);
	for (i = 0; i < s->nr_loans && i < rows - 2; i++) {
		const struct loan *l = &s->loan[i];
		struct task lender, borrower;
		int pad[2];

		task_look(l->lender, &lender);
		task_look(l->borrower, &borrower);
		pad[0] = NAME_COLUMNS - text_width(lender.comm);
		pad[1] = NAME_COLUMNS - text_width(borrower.comm);
		snprintf(line, sizeof(line), LOAN_ROW, l->lender, lender.comm,
			 pad[0] > 0 ? pad[0] : 0, "", l->borrower, borrower.comm,
			 pad[1] > 0 ? pad[1] : 0, "", l->prio);
		print_line(out, line, width);
	}
	return i;
}

void top_screen(FILE *out, const struct scan *s, const struct system_facts *f, unsigned int rows,
		int width, bool idle)
{
	unsigned int nr = s->nr_objects, shown;
	bool all;

	while (!idle && nr && is_idle(&s->object[nr - 1]))
		nr--;
	print_heading(out, s, f, width);
	for (unsigned int i = 0; i < nr && i < rows; i++)
		print_row(out, &s->object[i], width);
	shown = nr < rows ? nr : rows;
	all = print_loans(out, s, rows - shown, width) == s->nr_loans && nr <= rows;
	if (s->truncated || !all)
		fputs("(there is more than is shown)\n", out);
	if (nr < s->nr_objects)
		fprintf(out, "(%u idle objects: --all shows them)\n", s->nr_objects - nr);
}

static void add_row(struct json_object *list, const struct object *o)
{
	struct json_object *row = json_append_object(list);
	struct task t;

	task_look(holder_of(o), &t);
	json_add_number(row, "id", o->id);
	json_add_number(row, "instance", o->instance);
	json_add_string(row, "type", type_names[o->type]);
	json_add_number(row, "waiters", object_waiters(o));
	json_add_int(row, "top_prio", object_top_prio(o));
	json_add_int(row, "boosts", o->boosts);
	json_add_int(row, "boost_prio", o->boost_prio);
	json_add_int(row, "task", t.tid);
	json_add_string(row, "task_name", t.tid ? t.comm : "");
	if (o->type == TYPE_CHANNEL)
		json_add_number(row, "oldest_ns", oldest_ns(o));
	json_add_state(row, o);
}

static void add_loan(struct json_object *list, const struct loan *l)
{
	struct json_object *row = json_append_object(list);
	struct task t;

	json_add_int(row, "lender", l->lender);
	task_look(l->lender, &t);
	json_add_string(row, "lender_name", t.comm);
	json_add_int(row, "borrower", l->borrower);
	task_look(l->borrower, &t);
	json_add_string(row, "borrower_name", t.comm);
	json_add_int(row, "prio", l->prio);
}

static int print_json(const struct scan *s, const struct system_facts *f)
{
	struct json_object *root = json_object_new_object(), *list;

	json_add_string(root, "driver", driver_name(f));
	json_add_int(root, "boosted_tasks", s->nr_boosted);
	list = json_add_array(root, "objects");
	for (unsigned int i = 0; i < s->nr_objects && i < BATCH_ROWS; i++)
		add_row(list, &s->object[i]);
	list = json_add_array(root, "loans");
	for (unsigned int i = 0; i < s->nr_loans; i++)
		add_loan(list, &s->loan[i]);
	json_add_scan(root, s, s->truncated || s->nr_objects > BATCH_ROWS);
	return json_print(root, true);
}

static int show_screen(struct scan *s, const struct system_facts *f, const struct terminal *t,
		const struct options *opts, bool idle)
{
	unsigned int rows = (opts->batch ? BATCH_ROWS : DUMB_ROWS) + NOT_OBJECTS;
	int width = opts->batch ? 255 : 80;

	scan_run(s);
	top_sort(s);
	if (opts->json)
		return print_json(s, f);
	terminal_size(t, &rows, &width);
	terminal_clear(t);
	top_screen(stdout, s, f, rows > NOT_OBJECTS ? rows - NOT_OBJECTS : 1, width, idle);
	if (!t->live)
		puts("");
	return fflush(stdout) ? 2 : 0;
}

int top_command(const struct options *opts)
{
	struct system_facts f;
	struct terminal t;
	bool idle = opts->idle;
	struct scan s;
	int ret = 0;

	if (scan_init(&s))
		return 2;
	system_look(&f);
	terminal_begin(&t, opts->batch);
	for (unsigned long n = 0; !ret; ) {
		int key = 0;

		ret = show_screen(&s, &f, &t, opts, idle);
		if (++n != opts->iterations)
			key = terminal_pause(&t, opts->delay);
		if (n == opts->iterations || key < 0)
			break;
		idle ^= key == 'a';
	}
	terminal_end(&t);
	scan_exit(&s);
	return ret;
}
