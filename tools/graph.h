/* SPDX-License-Identifier: GPL-2.0-only */
/* The graph that graph.c builds and graph_dot.c prints. */
#ifndef NTSYNCCTL_GRAPH_H
#define NTSYNCCTL_GRAPH_H

#include "ctl.h"

#define MAX_EDGES	4096
#define MAX_NODES	4096

enum edge_kind { EDGE_WAITS, EDGE_PARKED, EDGE_HELD, EDGE_PENDING, EDGE_SERVED, EDGE_BOOST,
		 EDGE_LENDS };

extern const char *const edge_names[];

/*
 * From a task to an object; held, served and boost: from an object to a task; lends: from the task
 * @lender to a task.
 */
struct edge {
	enum edge_kind kind;
	pid_t tid;
	pid_t lender;
	const struct object *object;
	int prio;
	bool all;
	char source[12];
};

struct graph {
	const struct scan *scan;
	struct edge edge[MAX_EDGES];
	unsigned int nr_edges;
	pid_t task[MAX_NODES];
	unsigned int nr_tasks;
	bool truncated;
};

/* To be freed; NULL: no memory. */
struct graph *graph_build(const struct scan *s);
bool graph_has(const struct graph *g, const struct object *o);

#endif
