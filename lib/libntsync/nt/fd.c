// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Descriptors. Every object is one, so the soft limit is raised. But the process needs
 * descriptors for other things, and its children rely on the limit that they would have had:
 * programs use select(), or close all descriptors up to the limit.
 */
#include "fd.h"
#include "table.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * How many descriptors objects leave to the rest of the process and to the table's threads and
 * timers, and how many threads leave: a guest may have too many of either.
 */
#define OBJECT_RESERVE	64u
#define THREAD_RESERVE	32u

/**
 * struct nt_fd_limits - the only variable of the library: the limit of children
 * @before: the soft limit before it was raised last.
 * @raised: what it was raised to; 0: it was not raised.
 * @in_children: restore_in_child() is installed.
 */
static struct nt_fd_limits {
	_Atomic uint64_t before;
	_Atomic uint64_t raised;
	_Atomic bool in_children;
} nt_fd_limits;

void nt_close_fd(int fd)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	close(fd);
	pthread_setcancelstate(state, NULL);
}

int nt_fd_nonzero(int fd)
{
	int moved;

	if (fd)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (moved < 0)
		moved = -errno;
	nt_close_fd(fd);
	return moved;
}

/* Does nothing if the limit was changed since it was raised. */
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

/* Of a low limit, an eighth and a sixteenth are left. */
static uint32_t find_fd_end(uint32_t reserve)
{
	struct rlimit limit;
	uint32_t end, most;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT32_MAX)
		return INT32_MAX;
	end = (uint32_t)limit.rlim_cur;
	most = end / (8 * OBJECT_RESERVE / reserve);
	return end - (most < reserve ? most : reserve);
}

/*
 * The kernel uses the lowest free number, so a descriptor at the end means that few lower ones
 * are free. Only then is the limit read again: it may have been changed.
 */
bool nt_fd_is_for_objects(struct ntsync_nt *nt, int fd)
{
	if ((uint32_t)fd < atomic_load_explicit(&nt->fd_end, memory_order_relaxed))
		return true;
	atomic_store_explicit(&nt->fd_end, find_fd_end(OBJECT_RESERVE), memory_order_relaxed);
	return (uint32_t)fd < atomic_load_explicit(&nt->fd_end, memory_order_relaxed);
}

bool nt_fd_is_for_threads(struct ntsync_nt *nt, int fd)
{
	return nt_fd_is_for_objects(nt, fd) || (uint32_t)fd < find_fd_end(THREAD_RESERVE);
}
