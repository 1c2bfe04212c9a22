// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "process.h"

#include "../preload.h"

#include <fcntl.h>
#include <linux/ntsync.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct standin *server;
struct standin_client first;

void have_driver(void)
{
	fake = (struct fake){ .policy = SCHED_FIFO, .features = NTSYNC_FEATURE_LEND, .exists = true };
}

/* Each has a server, which ends with the test's process or is ended. */
static int run_body(int (*body)(void), bool has_other_name)
{
	int line;
	pid_t pid;

	have_driver();
	server = standin_create();
	CHECK(server);
	server->has_other_name = has_other_name;
	pid = standin_fork_server(server);
	CHECK(pid > 0);
	line = body();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	standin_remove(server);
	return line;
}

static void run(int (*body)(void), bool has_other_name)
{
	int status, result[2], line = 0;
	pid_t pid;

	assert_int_equal(pipe2(result, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		alarm(60);
		line = run_body(body, has_other_name);
		syscall(SYS_write, result[1], &line, sizeof(line));
		_exit(0);
	}
	close(result[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (read(result[0], &line, sizeof(line)) != sizeof(line))
		fail_msg("ended with status %#x", status);
	close(result[0]);
	if (line)
		fail_msg("not so: line %d", line);
}

void run_in_process(void **state)
{
	run(*(int (**)(void))state, false);
}

void run_with_other_server(void **state)
{
	run(*(int (**)(void))state, true);
}

bool start_program(int argc, char **argv)
{
	if (!is_preloaded())
		exit(preload(argv));
	return argc > 1;
}

bool sleeps_in_read(pid_t tid, int fd)
{
	char path[64], text[64] = "", *end;
	FILE *file;
	bool found;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	file = fopen(path, "re");
	found = file && fgets(text, sizeof(text), file) && text[0] >= '0' && text[0] <= '9' &&
		strtol(text, &end, 10) == SYS_read && strtol(end, NULL, 16) == fd;
	if (file)
		fclose(file);
	return found;
}
