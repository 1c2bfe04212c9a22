// SPDX-License-Identifier: GPL-2.0-only
#include "inject.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEBUGFS "/sys/kernel/debug/"
#define SLAB "/sys/kernel/slab"

/* How many more faults of each kind the kernel may inject; it counts them down. */
#define MEMORY_LEFT DEBUGFS "failslab/times"
#define COPIES_LEFT DEBUGFS "fail_usercopy/times"
#define BUDGET "1000000000"

static int fail_nth = -1;
static unsigned int armed;
static long memory_before, copies_before;

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t done = fd < 0 ? -1 : write(fd, text, strlen(text));
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (done == (ssize_t)strlen(text))
		return 0;
	fprintf(stderr, "# cannot write %s: %s\n", path, strerror(error));
	return -1;
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		fprintf(stderr, "# cannot open %s: %s\n", path, strerror(errno));
	return fd;
}

/*
 * Allocations of the debugging features must not fail: the features go on without the memory, so
 * that the call succeeds, and kmemleak might turn itself off.
 */
static int is_of_debugging(const char *cache)
{
	return !strncmp(cache, "kmemleak_", 9) || !strcmp(cache, "debug_objects_cache");
}

static int choose_caches(void)
{
	DIR *dir = opendir(SLAB);
	struct dirent *entry;
	char path[512];
	int ret = dir ? 0 : -1;

	while (dir && !ret && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || is_of_debugging(entry->d_name))
			continue;
		snprintf(path, sizeof(path), SLAB "/%s/failslab", entry->d_name);
		ret = write_file(path, "1");
	}
	if (dir)
		closedir(dir);
	return ret;
}

static const char *const settings[][2] = {
	{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
	{ DEBUGFS "failslab/cache-filter", "Y" },
	{ MEMORY_LEFT, BUDGET },
	{ COPIES_LEFT, BUDGET },
	/* The backtrace of each fault would be taken for a complaint of the kernel. */
	{ DEBUGFS "failslab/verbose", "0" },
	{ DEBUGFS "fail_usercopy/verbose", "0" },
};

int inject_setup(void)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		if (write_file(settings[i][0], settings[i][1]))
			return -1;
	}
	if (choose_caches())
		return -1;
	fail_nth = open_file("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth < 0)
		return -1;
	/* A page fault while a fault is armed would use it up. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		fprintf(stderr, "# mlockall: %s\n", strerror(errno));
		return -1;
	}
	return 0;
}

/* The number left, from a file that can be read only once. */
static long read_budget(const char *path)
{
	int fd = open_file(path, O_RDONLY);
	char text[32];
	ssize_t len = read(fd, text, sizeof(text) - 1);

	close(fd);
	if (len <= 0)
		abort();
	text[len] = '\0';
	return atol(text);
}

static void write_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	/* The copy of this text may be what fails; then nothing is armed any more. */
	if (pwrite(fail_nth, text, len, 0) != len && (n || errno != EFAULT)) {
		fprintf(stderr, "# fail-nth: %s\n", strerror(errno));
		abort();
	}
}

void inject_arm(unsigned int n)
{
	memory_before = read_budget(MEMORY_LEFT);
	copies_before = read_budget(COPIES_LEFT);
	armed = n;
	write_nth(n);
}

/*
 * Reading the count copies it to user memory. That copy is counted too, and fails if exactly one
 * fault was left; so a successful read means that the fault was used up.
 */
static int is_used_up(void)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0)
		return 0;
	return atoi(text) == 0;
}

enum injected inject_disarm(void)
{
	int used_up = armed && is_used_up();
	long memory, copies;

	write_nth(0);
	memory = read_budget(MEMORY_LEFT);
	copies = read_budget(COPIES_LEFT);
	if (!used_up)
		return NOTHING;
	if (memory != memory_before)
		return MEMORY;
	if (copies != copies_before)
		return COPY;
	abort(); /* a third kind, which is off */
}
