// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parses /proc/PID/fdinfo/FD of the driver's descriptors. Skips lines that it does not know or
 * that do not have the expected form: a newer driver may print more.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

const char *const type_names[NR_TYPES + 1] = {
	"instance", "sem", "mutex", "event", "channel", "unknown", "address",
};

static enum object_type type_of(const char *name)
{
	for (int i = 0; i < TYPE_UNKNOWN; i++) {
		if (!strcmp(name, type_names[i]))
			return i;
	}
	return TYPE_UNKNOWN;
}

#define NUMBER(key, member) { key, offsetof(struct object, member) }
static const struct {
	const char *key;
	size_t offset;
} numbers[] = {
	NUMBER("instance", instance), NUMBER("id", id), NUMBER("count", count), NUMBER("max", max),
	NUMBER("owner", owner), NUMBER("abandoned", abandoned), NUMBER("manual", manual),
	NUMBER("signaled", signaled), NUMBER("max-depth", max_depth), NUMBER("depth", depth),
	NUMBER("dispatched", dispatched), NUMBER("receivers", receivers),
	NUMBER("registrations", registrations), NUMBER("waiters-any", waiters_any),
	NUMBER("waiters-all", waiters_all),
};

/* Sets the field that belongs to @key; false if no field does. */
static bool parse_number(struct object *o, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (strcmp(key, numbers[i].key))
			continue;
		if (*value >= '0' && *value <= '9')
			*(uint64_t *)((char *)o + numbers[i].offset) = strtoull(value, NULL, 10);
		return true;
	}
	return false;
}

static void parse_latency(struct latency *l, const char *value)
{
	struct latency new;

	if (sscanf(value, "%lu %lu %lu", &new.nr, &new.sum_ns, &new.max_ns) == 3)
		*l = new;
}

static void parse_waiter(struct object *o, const char *value)
{
	struct waiter w;
	char kind[4];

	if (o->nr_waiter == MAX_WAITERS || sscanf(value, "%3s %d %d", kind, &w.tid, &w.prio) != 3)
		return;
	w.all = !strcmp(kind, "all");
	o->waiter[o->nr_waiter++] = w;
}

static void parse_request(struct object *o, const char *value)
{
	struct request r;

	if (o->nr_request == MAX_REQUESTS ||
	    sscanf(value, "%lu %d %d %lu %d", &r.id, &r.sender, &r.prio, &r.age_ns,
		   &r.receiver) != 5)
		return;
	o->request[o->nr_request++] = r;
}

static void parse_receiver(struct object *o, const char *value)
{
	struct receiver r;

	if (o->nr_receiver == MAX_RECEIVERS || sscanf(value, "%d %7[a-z]", &r.tid, r.state) != 2)
		return;
	o->receiver[o->nr_receiver++] = r;
}

static void parse_line(struct object *o, const char *key, const char *value)
{
	if (parse_number(o, key, value))
		return;
	if (!strcmp(key, "owner-tid"))
		o->owner_tid = atoi(value);
	else if (!strcmp(key, "waiter"))
		parse_waiter(o, value);
	else if (!strcmp(key, "pending") || !strcmp(key, "dispatched-request"))
		parse_request(o, value);
	else if (!strcmp(key, "receiver"))
		parse_receiver(o, value);
	else if (!strcmp(key, "queueing-ns"))
		parse_latency(&o->queueing, value);
	else if (!strcmp(key, "response-ns"))
		parse_latency(&o->response, value);
}

/* Takes a line "ntsync-KEY:\tVALUE" off *@text, others with an empty @key; false at the end. */
static bool next_line(const char **text, char *key, size_t key_size, char *value, size_t value_size)
{
	const char *line = *text, *end = line + strcspn(line, "\n"), *tab;
	static const char prefix[] = "ntsync-";

	if (!*line)
		return false;
	*text = *end ? end + 1 : end;
	key[0] = '\0';
	value[0] = '\0';
	tab = memmem(line, end - line, ":\t", 2);
	if (strncmp(line, prefix, strlen(prefix)) || !tab)
		return true;
	line += strlen(prefix);
	if (line > tab || (size_t)(tab - line) >= key_size || (size_t)(end - tab - 2) >= value_size)
		return true;
	snprintf(key, key_size, "%.*s", (int)(tab - line), line);
	snprintf(value, value_size, "%.*s", (int)(end - tab - 2), tab + 2);
	return true;
}

bool fdinfo_parse(const char *text, struct object *o)
{
	char key[32], value[128];
	bool ours = false;

	memset(o, 0, sizeof(*o));
	while (next_line(&text, key, sizeof(key), value, sizeof(value))) {
		if (!strcmp(key, "type")) {
			o->type = type_of(value);
			ours = true;
		} else {
			parse_line(o, key, value);
		}
	}
	return ours;
}

size_t fdinfo_parse_loans(const char *text, struct loan *out, size_t max, bool *more)
{
	char key[32], value[128];
	size_t nr = 0;

	*more = false;
	while (next_line(&text, key, sizeof(key), value, sizeof(value))) {
		struct loan l;

		if (strcmp(key, "loan") ||
		    sscanf(value, "%d %d %d", &l.lender, &l.borrower, &l.prio) != 3)
			continue;
		if (nr == max)
			*more = true;
		else
			out[nr++] = l;
	}
	return nr;
}

bool fdinfo_next_address(const char **text, struct object *o)
{
	char key[32], value[128];

	while (next_line(text, key, sizeof(key), value, sizeof(value))) {
		struct waiter *w = &o->waiter[0];

		memset(o, 0, sizeof(*o));
		if (strcmp(key, "addr-waiter") ||
		    sscanf(value, "%d %d %d %lu %lx", &w->tid, &w->prio, &o->owner_tid, &o->id,
			   &o->address) != 5 || !o->id)
			continue;
		o->type = TYPE_ADDRESS;
		o->waiters_any = 1;
		o->nr_waiter = 1;
		return true;
	}
	return false;
}

uint64_t object_waiters(const struct object *o)
{
	if (o->type == TYPE_CHANNEL)
		return o->depth + o->dispatched;
	return o->waiters_any + o->waiters_all;
}

int object_top_prio(const struct object *o)
{
	int top = 0;

	for (unsigned int i = 0; i < o->nr_waiter && o->type != TYPE_CHANNEL; i++)
		top = o->waiter[i].prio > top ? o->waiter[i].prio : top;
	for (unsigned int i = 0; i < o->nr_request; i++)
		top = o->request[i].prio > top ? o->request[i].prio : top;
	return top;
}
