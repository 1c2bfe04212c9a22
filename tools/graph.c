// SPDX-License-Identifier: GPL-2.0-only
/*
 * ntsyncctl graph: which tasks wait for which at this moment, as input for Graphviz' dot. An
 * arrow goes from a task to the object or address that it waits for, and from there to the task
 * that has it. A red arrow goes from an object to the task that is boosted by it, and from a task that lends
 * its priority to the borrower.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

const char *const edge_names[] = { "waits", "parked", "held", "pending", "served", "boost",
				   "lends" };

static bool add_task(struct graph *g, pid_t tid)
{
	for (unsigned int i = 0; i < g->nr_tasks; i++) {
		if (g->task[i] == tid)
			return true;
	}
	if (g->nr_tasks == MAX_NODES)
		return false;
	g->task[g->nr_tasks++] = tid;
	return true;
}

/* Drops edges to tasks of other pid namespaces, whose tid is 0. */
static void add_edge(struct graph *g, struct edge e)
{
	if (!e.tid)
		return;
	if (g->nr_edges == MAX_EDGES || !add_task(g, e.tid))
		g->truncated = true;
	else
		g->edge[g->nr_edges++] = e;
}

static void add_channel(struct graph *g, const struct object *o)
{
	for (unsigned int i = 0; i < o->nr_request; i++) {
		const struct request *r = &o->request[i];

		add_edge(g, (struct edge){ .kind = r->receiver ? EDGE_WAITS : EDGE_PENDING,
					   .tid = r->sender, .object = o, .prio = r->prio });
		if (r->receiver)
			add_edge(g, (struct edge){ .kind = EDGE_SERVED, .tid = r->receiver,
						   .object = o, .prio = r->prio });
	}
	for (unsigned int i = 0; i < o->nr_waiter; i++)
		add_edge(g, (struct edge){ .kind = EDGE_PARKED, .tid = o->waiter[i].tid, .object = o,
					   .prio = o->waiter[i].prio });
}

static void add_object(struct graph *g, const struct object *o)
{
	if (o->type == TYPE_CHANNEL) {
		add_channel(g, o);
		return;
	}
	for (unsigned int i = 0; i < o->nr_waiter; i++)
		add_edge(g, (struct edge){ .kind = EDGE_WAITS, .tid = o->waiter[i].tid, .object = o,
					   .prio = o->waiter[i].prio, .all = o->waiter[i].all });
	if (o->type == TYPE_ADDRESS)
		add_edge(g, (struct edge){ .kind = EDGE_HELD, .tid = o->owner_tid, .object = o });
	/* The owner of a mutex without waiters is shown only if the owner itself waits. */
	if (o->type == TYPE_MUTEX && o->owner && (o->nr_waiter || o->boosts))
		add_edge(g, (struct edge){ .kind = EDGE_HELD, .tid = o->owner_tid, .object = o });
}

static void add_boosts(struct graph *g, const struct boosted *b)
{
	for (unsigned int i = 0; i < b->nr; i++) {
		const struct contrib *c = &b->contrib[i];
		struct edge e = { .kind = EDGE_BOOST, .tid = b->tid, .prio = c->prio,
				  .object = scan_find_source(g->scan, c, b->tid) };

		/* fdinfo has these, also without a boost, and names the lender. */
		if (!strcmp(c->source, "loan"))
			continue;
		snprintf(e.source, sizeof(e.source), "%s", c->source);
		add_edge(g, e);
	}
}

static void add_loan(struct graph *g, const struct loan *l)
{
	if (l->lender && !add_task(g, l->lender))
		g->truncated = true;
	else if (l->lender)
		add_edge(g, (struct edge){ .kind = EDGE_LENDS, .tid = l->borrower,
					   .lender = l->lender, .prio = l->prio });
}

struct graph *graph_build(const struct scan *s)
{
	struct graph *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->scan = s;
	g->truncated = s->truncated;
	for (unsigned int i = 0; i < s->nr_objects; i++)
		add_object(g, &s->object[i]);
	for (unsigned int i = 0; i < s->nr_boosted; i++)
		add_boosts(g, &s->boosted[i]);
	for (unsigned int i = 0; i < s->nr_loans; i++)
		add_loan(g, &s->loan[i]);
	return g;
}

bool graph_has(const struct graph *g, const struct object *o)
{
	for (unsigned int i = 0; i < g->nr_edges; i++) {
		if (g->edge[i].object == o)
			return true;
	}
	return false;
}

/* ---- JSON ---- */

static void add_json_task(struct json_object *list, const struct scan *s, pid_t tid)
{
	struct json_object *o = json_append_object(list);
	const struct boosted *b = scan_boosted(s, tid);
	struct task t;

	task_look(tid, &t);
	json_add_int(o, "tid", tid);
	json_add_string(o, "name", t.comm);
	json_add_string(o, "policy", policy_name(t.policy));
	json_add_int(o, "prio", t.prio);
	json_add_bool(o, "boosted", b);
	if (b) {
		json_add_string(o, "normal_policy", policy_name(b->normal_policy));
		json_add_int(o, "normal_prio", b->normal_prio);
	}
}

static void add_json_edge(struct json_object *list, const struct edge *e)
{
	struct json_object *o = json_append_object(list);

	json_add_string(o, "kind", edge_names[e->kind]);
	json_add_int(o, "tid", e->tid);
	json_add_number(o, "object", e->object ? e->object->id : 0);
	if (e->object && e->object->type == TYPE_ADDRESS)
		json_add_number(o, "address", e->object->address);
	json_add_int(o, "prio", e->prio);
	if (e->kind == EDGE_BOOST)
		json_add_string(o, "source", e->source);
	if (e->kind == EDGE_LENDS)
		json_add_int(o, "lender", e->lender);
	if (e->kind == EDGE_WAITS)
		json_add_bool(o, "all", e->all);
}

static int print_json(const struct graph *g)
{
	struct json_object *root = json_object_new_object();
	struct json_object *tasks = json_add_array(root, "tasks");
	struct json_object *objects = json_add_array(root, "objects");
	struct json_object *edges = json_add_array(root, "edges");

	for (unsigned int i = 0; i < g->nr_tasks; i++)
		add_json_task(tasks, g->scan, g->task[i]);
	for (unsigned int i = 0; i < g->scan->nr_objects; i++) {
		struct json_object *o;

		if (!graph_has(g, &g->scan->object[i]))
			continue;
		o = json_append_object(objects);
		json_add_number(o, "id", g->scan->object[i].id);
		json_add_string(o, "type", type_names[g->scan->object[i].type]);
		json_add_state(o, &g->scan->object[i]);
	}
	for (unsigned int i = 0; i < g->nr_edges; i++)
		add_json_edge(edges, &g->edge[i]);
	json_add_scan(root, g->scan, g->truncated);
	return json_print(root, false);
}

int graph_command(const struct options *opts)
{
	struct graph *g = NULL;
	struct scan s;
	int ret;

	if (scan_init(&s))
		return 2;
	scan_run(&s);
	if (opts->json) {
		g = graph_build(&s);
		ret = g ? print_json(g) : 2;
		free(g);
	} else {
		graph_dot(stdout, &s);
		ret = 0;
	}
	scan_exit(&s);
	return ret;
}
