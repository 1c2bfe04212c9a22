// SPDX-License-Identifier: GPL-2.0-only
#include "exit_worker.h"

#include <dirent.h>

#define EXIT_WORKER "ntsync_exit"

static bool is_exit_worker(const char *pid)
{
	char path[300], name[32] = "";
	FILE *file;
	bool is;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	is = file && fgets(name, sizeof(name), file) && !strcmp(name, EXIT_WORKER "\n");
	if (file)
		fclose(file);
	return is;
}

static pid_t find_exit_worker(void)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	pid_t pid = 0;

	assert_non_null(proc);
	while (!pid && (entry = readdir(proc))) {
		if (is_exit_worker(entry->d_name))
			pid = atoi(entry->d_name);
	}
	closedir(proc);
	assert_true(pid > 0);
	return pid;
}

pid_t exit_worker_begin(void)
{
	pid_t exit_worker = find_exit_worker();
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	assert_int_equal(sched_setaffinity(exit_worker, sizeof(cpus), &cpus), 0);
	return exit_worker;
}

void exit_worker_end(pid_t exit_worker)
{
	cpu_set_t cpus;

	for (unsigned int polls = 0; task_live_prio(exit_worker) != 1; polls++)
		let_others_run(polls);
	memset(&cpus, 0xff, sizeof(cpus));
	assert_int_equal(sched_setaffinity(exit_worker, sizeof(cpus), &cpus), 0);
}
