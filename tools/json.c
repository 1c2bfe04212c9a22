// SPDX-License-Identifier: GPL-2.0-only
/* Builds the output of --json. Strings are clean already, so they are valid UTF-8. */
#include <json-c/json.h>

#include "ctl.h"

void json_add_string(struct json_object *to, const char *key, const char *value)
{
	json_object_object_add(to, key, json_object_new_string(value));
}

void json_add_number(struct json_object *to, const char *key, uint64_t value)
{
	json_object_object_add(to, key, json_object_new_uint64(value));
}

void json_add_int(struct json_object *to, const char *key, long long value)
{
	json_object_object_add(to, key, json_object_new_int64(value));
}

void json_add_bool(struct json_object *to, const char *key, bool value)
{
	json_object_object_add(to, key, json_object_new_boolean(value));
}

struct json_object *json_add_object(struct json_object *to, const char *key)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(to, key, o);
	return o;
}

struct json_object *json_add_array(struct json_object *to, const char *key)
{
	struct json_object *o = json_object_new_array();

	json_object_object_add(to, key, o);
	return o;
}

struct json_object *json_append_object(struct json_object *array)
{
	struct json_object *o = json_object_new_object();

	json_object_array_add(array, o);
	return o;
}

void json_append_int(struct json_object *array, long long value)
{
	json_object_array_add(array, json_object_new_int64(value));
}

int json_print(struct json_object *root, bool line)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
		    (line ? JSON_C_TO_STRING_PLAIN
			  : JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
	const char *text = json_object_to_json_string_ext(root, flags);
	int ret = text && puts(text) >= 0 && !fflush(stdout) ? 0 : 2;

	json_object_put(root);
	return ret;
}

static void add_latency(struct json_object *to, const char *key, const struct latency *l)
{
	struct json_object *o = json_add_object(to, key);

	json_add_number(o, "nr", l->nr);
	json_add_number(o, "sum_ns", l->sum_ns);
	json_add_number(o, "max_ns", l->max_ns);
}

static void add_channel(struct json_object *to, const struct object *o)
{
	json_add_number(to, "max_depth", o->max_depth);
	json_add_number(to, "depth", o->depth);
	json_add_number(to, "dispatched", o->dispatched);
	json_add_number(to, "receivers", o->receivers);
	json_add_number(to, "registrations", o->registrations);
	add_latency(to, "queueing", &o->queueing);
	add_latency(to, "response", &o->response);
}

void json_add_state(struct json_object *to, const struct object *o)
{
	switch (o->type) {
	case TYPE_SEM:
		json_add_number(to, "count", o->count);
		json_add_number(to, "max", o->max);
		break;
	case TYPE_MUTEX:
		json_add_number(to, "owner", o->owner);
		json_add_number(to, "count", o->count);
		json_add_bool(to, "abandoned", o->abandoned);
		json_add_int(to, "owner_tid", o->owner_tid);
		break;
	case TYPE_EVENT:
		json_add_bool(to, "manual", o->manual);
		json_add_bool(to, "signaled", o->signaled);
		break;
	case TYPE_CHANNEL:
		add_channel(to, o);
		break;
	case TYPE_ADDRESS:
		json_add_number(to, "address", o->address);
		json_add_int(to, "owner_tid", o->owner_tid);
		break;
	default:
		break;
	}
}

void json_add_scan(struct json_object *to, const struct scan *s, bool truncated)
{
	json_add_number(to, "unreadable_processes", s->unreadable);
	json_add_bool(to, "boosts_readable", s->arbiter);
	json_add_bool(to, "truncated", truncated);
}
