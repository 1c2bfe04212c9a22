// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer's side of an execution: it forks the first process, waits for its end, and then kills
 * and reaps whatever is left of its process group. process.c is the other side.
 */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SEC	1000000000ull

/* How long the processes may take, and how long to die. An emulated machine may be busy. */
#define LATE_NS		(10 * NS_PER_SEC)
#define STUCK_NS	(60 * NS_PER_SEC)

struct exec_options exec_options = { .check_errors = true, .settle_us = 2000, .highest_prio = 99 };
struct shared *shared;
void *shared_area, *file_area, *private_area;

static pid_t group;

uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

void sleep_us(unsigned int us)
{
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	nanosleep(&ts, NULL);
}

static void *map(size_t size, int flags, int fd)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int exec_init(void)
{
	int file = memfd_create("fuzz", MFD_CLOEXEC);
	sigset_t set;

	if (file < 0 || ftruncate(file, AREA_SIZE))
		return -errno;
	shared = map(sizeof(*shared), MAP_SHARED | MAP_ANONYMOUS, -1);
	shared_area = map(AREA_SIZE, MAP_SHARED | MAP_ANONYMOUS, -1);
	file_area = map(AREA_SIZE, MAP_SHARED, file);
	private_area = map(AREA_SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	close(file);
	if (!shared || !shared_area || !file_area || !private_area)
		return -ENOMEM;
	/* Processes whose parent has gone become children of the fuzzer. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return 0;
}

static void reset(const struct program *program)
{
	memset(shared, 0, sizeof(*shared));
	memcpy(&shared->program, program, sizeof(*program));
	shared->fuzzer = getpid();
	memset(shared_area, 0, AREA_SIZE);
	memset(file_area, 0, AREA_SIZE);
	for (unsigned int p = 0; p < NR_PROCESSES; p++) {
		for (unsigned int slot = 0; slot < NR_SLOTS; slot++)
			atomic_store(&shared->fds[p][slot], -1);
	}
}

/* Until a child has changed its state, or @until. */
static void await_child(uint64_t until)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC), left = until > now ? until - now : 0;
	struct timespec ts = { .tv_sec = left / NS_PER_SEC, .tv_nsec = left % NS_PER_SEC };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigtimedwait(&set, NULL, &ts);
}

/* Reaps until @pid has gone, or with 0 until no child is left. False if that takes too long. */
static bool reap(pid_t pid, uint64_t ns)
{
	uint64_t until = now_ns(CLOCK_MONOTONIC) + ns;
	pid_t gone;

	for (;;) {
		gone = waitpid(-1, NULL, WNOHANG);
		if (gone < 0 && errno == ECHILD)
			return true;
		if (gone > 0 && gone == pid)
			return true;
		if (gone > 0)
			continue;
		if (now_ns(CLOCK_MONOTONIC) >= until)
			return false;
		await_child(until);
	}
}

void exec_run(const struct program *program, struct exec_result *result)
{
	memset(result, 0, sizeof(*result));
	reset(program);
	group = fork();
	if (group < 0) {
		result->end = EXEC_FAILED;
		return;
	}
	if (!group)
		process_first();
	/* Both do it, as either may come first. */
	setpgid(group, group);
	if (!reap(group, LATE_NS))
		result->end = EXEC_LATE;
	kill(-group, SIGKILL);
	if (!reap(0, STUCK_NS))
		result->end = EXEC_STUCK;
	result->calls = atomic_load(&shared->ended);
	result->driver_calls = atomic_load(&shared->driver_calls);
	result->good_calls = atomic_load(&shared->good_calls);
	result->wrong_call = atomic_load(&shared->wrong);
	result->wrong_error = atomic_load(&shared->wrong_error);
	if (result->wrong_call && result->end != EXEC_STUCK)
		result->end = EXEC_WRONG;
}

static void print_file(FILE *out, const char *path)
{
	char line[256];
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	fprintf(out, "# %s\n", path);
	while (fgets(line, sizeof(line), file))
		fprintf(out, "#   %s", line);
	fclose(file);
}

static void print_task(FILE *out, const char *pid)
{
	char path[300];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/stack", entry->d_name);
		print_file(out, path);
	}
	if (dir)
		closedir(dir);
}

void exec_print_stuck(FILE *out)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && getpgid(pid) == group)
			print_task(out, entry->d_name);
	}
	if (dir)
		closedir(dir);
}
