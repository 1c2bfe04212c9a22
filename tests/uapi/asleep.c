// SPDX-License-Identifier: GPL-2.0-only
#include "asleep.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool read_proc(pid_t pid, pid_t tid, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, size - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return len > 0;
}

/*
 * The kernel prints the number and arguments of the system call only of a task that stays off its
 * CPU, and "running" otherwise. State S excludes the kernel's own locks and page faults, which are
 * uninterruptible.
 */
bool asleep_in_call(pid_t pid, pid_t tid, struct sleeping_call *call)
{
	char text[512];
	const char *state;

	if (!read_proc(pid, tid, "syscall", text, sizeof(text)) ||
	    sscanf(text, "%lu %lx %lx", &call->nr, &call->args[0], &call->args[1]) != 3)
		return false;
	if (!read_proc(pid, tid, "stat", text, sizeof(text)))
		return false;
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}
