// SPDX-License-Identifier: GPL-2.0-only
/* Prints a graph in Graphviz' language. Names are clean already; this file quotes them. */
#include <stdlib.h>
#include <string.h>

#include "graph.h"

static void describe_prio(const struct task *t, const struct boosted *b, char *out, size_t size)
{
	char now[32], normal[32];

	snprintf(now, sizeof(now), t->prio ? "%s %d" : "%s", policy_name(t->policy), t->prio);
	if (!b) {
		snprintf(out, size, "%s", now);
		return;
	}
	snprintf(normal, sizeof(normal), b->normal_prio ? "%s %d" : "%s", policy_name(b->normal_policy),
		 b->normal_prio);
	snprintf(out, size, "%s, of its own %s", now, normal);
}

static void dot_task(FILE *out, const struct scan *s, pid_t tid)
{
	const struct boosted *b = scan_boosted(s, tid);
	char prio[96];
	struct task t;

	task_look(tid, &t);
	describe_prio(&t, b, prio, sizeof(prio));
	fprintf(out, "\tt%d [shape=box, label=\"", tid);
	text_dot(out, t.comm);
	fprintf(out, "\\n%d\\n%s\"%s];\n", tid, prio, b ? ", color=red" : "");
}

/* The name of a node. */
struct name {
	char text[48];
};

static struct name name_object(const struct object *o)
{
	struct name name;

	if (o->type == TYPE_ADDRESS)
		snprintf(name.text, sizeof(name.text), "a%lu_%lx", o->id, o->address);
	else
		snprintf(name.text, sizeof(name.text), "o%lu", o->id);
	return name;
}

static void dot_object(FILE *out, const struct object *o)
{
	fprintf(out, "\t%s [label=\"%s ", name_object(o).text, type_names[o->type]);
	fprintf(out, o->type == TYPE_ADDRESS ? "0x%lx" : "%lu",
		o->type == TYPE_ADDRESS ? o->address : o->id);
	fputs("\"];\n", out);
}

/* If the object that it comes from was not found, a node names the kind of source. */
static void dot_boost(FILE *out, const struct edge *e)
{
	if (e->object) {
		fprintf(out, "\t%s -> t%d", name_object(e->object).text, e->tid);
	} else {
		fprintf(out, "\te%d [shape=plaintext, label=\"", e->tid);
		text_dot(out, e->source);
		fprintf(out, "\"];\n\te%d -> t%d", e->tid, e->tid);
	}
	fprintf(out, " [label=\"lends %d\", color=red, fontcolor=red];\n", e->prio);
}

/* One that is worth nothing at the moment is not red. */
static void dot_loan(FILE *out, const struct edge *e)
{
	fprintf(out, "\tt%d -> t%d [label=\"lends", e->lender, e->tid);
	if (e->prio)
		fprintf(out, " %d\", color=red, fontcolor=red];\n", e->prio);
	else
		fputs("\"];\n", out);
}

static void dot_edge(FILE *out, const struct edge *e)
{
	switch (e->kind) {
	case EDGE_PARKED:
		fprintf(out, "\tt%d -> %s [label=\"parked\", style=dotted];\n", e->tid,
			name_object(e->object).text);
		break;
	case EDGE_WAITS:
	case EDGE_PENDING:
		fprintf(out, "\tt%d -> %s [label=\"%s", e->tid, name_object(e->object).text,
			e->all ? "all" : "waits");
		if (e->prio)
			fprintf(out, " %d", e->prio);
		fprintf(out, "\"%s];\n", e->kind == EDGE_PENDING ? ", style=dashed" : "");
		break;
	case EDGE_HELD:
	case EDGE_SERVED:
		fprintf(out, "\t%s -> t%d [label=\"%s\"];\n", name_object(e->object).text, e->tid,
			edge_names[e->kind]);
		break;
	case EDGE_BOOST:
		dot_boost(out, e);
		break;
	case EDGE_LENDS:
		dot_loan(out, e);
		break;
	}
}

/* A line below the picture says why it is empty or incomplete. */
static void dot_label(FILE *out, const struct graph *g)
{
	const struct scan *s = g->scan;

	if (g->nr_edges && s->arbiter && !s->unreadable && !g->truncated)
		return;
	fputs("\tlabel=\"", out);
	if (!g->nr_edges)
		fputs("nobody waits for anything\\l", out);
	if (!s->arbiter)
		fprintf(out, "boosts can't be read: %s\\l", strerror(s->arbiter_error));
	if (s->unreadable)
		fprintf(out, "%u process%s could not be looked at\\l", s->unreadable,
			s->unreadable == 1 ? "" : "es");
	if (g->truncated)
		fputs("there is more than is shown\\l", out);
	fputs("\";\n", out);
}

static void print_dot(FILE *out, const struct graph *g)
{
	fprintf(out, "digraph ntsync {\n\trankdir=LR;\n\tnode [fontname=\"sans-serif\"];\n"
		     "\tedge [fontname=\"sans-serif\"];\n\tfontname=\"sans-serif\";\n"
		     "\tlabeljust=l;\n");
	dot_label(out, g);
	for (unsigned int i = 0; i < g->nr_tasks; i++)
		dot_task(out, g->scan, g->task[i]);
	for (unsigned int i = 0; i < g->scan->nr_objects; i++) {
		if (graph_has(g, &g->scan->object[i]))
			dot_object(out, &g->scan->object[i]);
	}
	for (unsigned int i = 0; i < g->nr_edges; i++)
		dot_edge(out, &g->edge[i]);
	fprintf(out, "}\n");
}

void graph_dot(FILE *out, const struct scan *s)
{
	struct graph *g = graph_build(s);

	if (g)
		print_dot(out, g);
	free(g);
}
