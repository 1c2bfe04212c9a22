/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Probes on the kernel's tracepoints.
 */
#ifndef NTSYNC_PI_HOOK_H
#define NTSYNC_PI_HOOK_H

struct tracepoint;

struct ntsync_hook {
	struct tracepoint *tracepoint;
	void *probe;
};

int ntsync_hook_init(struct ntsync_hook *hook, const char *name, void *probe);
void ntsync_hook_exit(struct ntsync_hook *hook);

#endif
