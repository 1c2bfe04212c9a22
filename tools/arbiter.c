// SPDX-License-Identifier: GPL-2.0-only
/* Parses /sys/kernel/debug/ntsync/pi, which only root may read. */
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static void parse_contrib(struct boosted *b, const char *line)
{
	struct contrib c = { 0 };

	if (b->nr < MAX_CONTRIBS &&
	    sscanf(line, "  contribution %11[a-z] policy=%d prio=%d object=%lu", c.source, &c.policy,
		   &c.prio, &c.object) == 4)
		b->contrib[b->nr++] = c;
}

static void parse_base(struct boosted *b, const char *line)
{
	int policy, prio;

	if (sscanf(line, "normal policy=%d prio=%d", &policy, &prio) != 2)
		return;
	b->normal_policy = policy;
	b->normal_prio = prio;
}

/* Of a loan the number is the lender's tid, of an address the address: it may be an object's, too. */
uint64_t contrib_object(const struct contrib *c)
{
	return strcmp(c->source, "loan") && strcmp(c->source, "address") ? c->object : 0;
}

size_t arbiter_parse(const char *text, struct boosted *out, size_t max, bool *more)
{
	struct boosted *b = NULL;
	size_t nr = 0;
	int tid;

	*more = false;
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		if (sscanf(text, "task %d ", &tid) == 1) {
			b = nr < max ? &out[nr++] : NULL;
			*more |= !b;
			if (b)
				*b = (struct boosted){ .tid = tid };
		} else if (!strncmp(text, "more ", 5)) {
			*more = true;
		} else if (b && !strncmp(text, "normal ", 7)) {
			parse_base(b, text);
		} else if (b && !strncmp(text, "  contribution ", 15)) {
			parse_contrib(b, text);
		}
	}
	return nr;
}
