// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes on the kernel's tracepoints, by which the module learns of forks, exits and execve().
 */
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "hook.h"

struct search {
	const char *name;
	struct tracepoint *found;
};

static void match_tracepoint(struct tracepoint *tp, void *data)
{
	struct search *s = data;

	if (!strcmp(tp->name, s->name))
		s->found = tp;
}

/* Returns -ENODEV if the kernel has no such tracepoint. */
int ntsync_hook_init(struct ntsync_hook *hook, const char *name, void *probe)
{
	struct search s = { .name = name };
	int ret;

	for_each_kernel_tracepoint(match_tracepoint, &s);
	if (!s.found)
		return -ENODEV;
	ret = tracepoint_probe_register(s.found, probe, NULL);
	if (ret)
		return ret;
	hook->tracepoint = s.found;
	hook->probe = probe;
	return 0;
}

/* The probe does not run any more when this returns. */
void ntsync_hook_exit(struct ntsync_hook *hook)
{
	tracepoint_probe_unregister(hook->tracepoint, hook->probe, NULL);
	tracepoint_synchronize_unregister();
}
