// SPDX-License-Identifier: GPL-2.0-only
#include "task.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

bool task_sleeps(pid_t tid, struct task_call *call)
{
	char text[512];
	const char *state;

	if (!read_task(tid, "syscall", text, sizeof(text)) ||
	    sscanf(text, "%lu %lx %lx", &call->nr, &call->args[0], &call->args[1]) != 3)
		return false;
	if (!read_task(tid, "stat", text, sizeof(text)))
		return false;
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}
