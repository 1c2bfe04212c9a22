// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Each object is a descriptor, so the soft limit is raised; but the process has other uses for
 * descriptors, and its children did not ask for the new limit: programs that use select() or
 * close all descriptors up to the limit rely on a low one.
 */
#include "nt.h"

#include <sys/resource.h>

/* So many descriptors stay free for the rest of the process, the table's threads and timers. */
#define RESERVE	64u

/**
 * struct nt_fd_limits - the only variable of the library: what a child of the process needs
 * @before: the soft limit before it was raised last.
 * @raised: what it was raised to; 0 = it was not.
 * @in_children: the handler for children has been installed.
 */
static struct nt_fd_limits {
	_Atomic uint64_t before;
	_Atomic uint64_t raised;
	_Atomic bool in_children;
} nt_fd_limits;

/* Not if somebody else has set the limit meanwhile. */
static void restore_in_child(void)
{
	uint64_t raised = atomic_load(&nt_fd_limits.raised);
	struct rlimit limit;

	if (!raised || getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur != raised)
		return;
	limit.rlim_cur = atomic_load(&nt_fd_limits.before);
	setrlimit(RLIMIT_NOFILE, &limit);
}

void nt_fd_limit_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	if (!atomic_exchange(&nt_fd_limits.in_children, true))
		pthread_atfork(NULL, NULL, restore_in_child);
	atomic_store(&nt_fd_limits.before, limit.rlim_cur);
	limit.rlim_cur = limit.rlim_max;
	if (!setrlimit(RLIMIT_NOFILE, &limit))
		atomic_store(&nt_fd_limits.raised, limit.rlim_max);
}

static uint32_t find_end(void)
{
	struct rlimit limit;
	uint32_t end;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT32_MAX)
		return INT32_MAX;
	end = (uint32_t)limit.rlim_cur;
	return end - (end / 8 < RESERVE ? end / 8 : RESERVE);
}

/*
 * The kernel gives out the lowest number that is free, so from the end on there are hardly any
 * below. The limit is looked at again only there: it may have been set anew.
 */
bool nt_fd_is_for_objects(struct ntsync_nt *nt, int fd)
{
	if ((uint32_t)fd < atomic_load_explicit(&nt->fd_end, memory_order_relaxed))
		return true;
	atomic_store_explicit(&nt->fd_end, find_end(), memory_order_relaxed);
	return (uint32_t)fd < atomic_load_explicit(&nt->fd_end, memory_order_relaxed);
}
