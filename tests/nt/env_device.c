// SPDX-License-Identifier: GPL-2.0-only
#include "env.h"
#include "../stress/stress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/ntsync.h>

static int saved_0 = -1;

int env_count_fds(void)
{
	return stress_count_fds();
}

static bool read_task(pid_t tid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, size - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return len > 0;
}

bool env_asleep(pid_t tid)
{
	unsigned long nr, fd, request;
	char text[512];
	const char *state;

	if (!read_task(tid, "syscall", text, sizeof(text)) ||
	    sscanf(text, "%lu %lx %lx", &nr, &fd, &request) != 3 || nr != SYS_ioctl ||
	    (request != NTSYNC_IOC_WAIT_ANY && request != NTSYNC_IOC_WAIT_ALL &&
	     request != NTSYNC_IOC_SIGNAL_AND_WAIT))
		return false;
	if (!read_task(tid, "stat", text, sizeof(text)))
		return false;
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

void env_free_fd_0(void)
{
	saved_0 = fcntl(0, F_DUPFD_CLOEXEC, 3);
	close(0);
}

bool env_fd_0_is_used(void)
{
	return fcntl(0, F_GETFD) >= 0;
}

void env_restore_fd_0(void)
{
	if (saved_0 < 0)
		return;
	dup2(saved_0, 0);
	close(saved_0);
	saved_0 = -1;
}

/* Of all errors a real device can only be made to return "no descriptors left". */
bool env_fail_creates(int error)
{
	static struct rlimit saved;
	struct rlimit none;

	if (error && error != EMFILE)
		return false;
	if (!error)
		return saved.rlim_max && !setrlimit(RLIMIT_NOFILE, &saved);
	getrlimit(RLIMIT_NOFILE, &saved);
	none = saved;
	none.rlim_cur = 0;
	return !setrlimit(RLIMIT_NOFILE, &none);
}

bool env_interrupt(int count)
{
	(void)count;
	return false;
}

bool env_old_driver(bool on)
{
	(void)on;
	return false;
}
