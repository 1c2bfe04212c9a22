/* SPDX-License-Identifier: GPL-2.0-only */
/* Who waits for whom, between graph.c, which finds it out, and graph_dot.c. */
#ifndef NTSYNCCTL_GRAPH_H
#define NTSYNCCTL_GRAPH_H

#include "ctl.h"

#define MAX_EDGES	4096
#define MAX_NODES	4096

enum edge_kind { EDGE_WAITS, EDGE_PARKED, EDGE_HELD, EDGE_PENDING, EDGE_SERVED, EDGE_BOOST };

extern const char *const edge_names[];

/* task → object, or (held, served, boost) object → task. A parked receiver waits for a request. */
struct edge {
	enum edge_kind kind;
	pid_t tid;
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

/* Of a scan, to be freed; NULL: no memory. */
struct graph *graph_build(const struct scan *s);
bool graph_has(const struct graph *g, const struct object *o);

#endif
