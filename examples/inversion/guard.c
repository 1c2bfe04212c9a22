// SPDX-License-Identifier: 0BSD
/*
 * The machine's settings for as long as the program runs. A child process runs the scenarios, so that
 * this process can restore the settings however the child ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inversion.h"

#define THROTTLING "/proc/sys/kernel/sched_rt_runtime_us"
#define LOADED "/sys/module/ntsync"
/* One column takes half a minute, and a few minutes in a slow VM. */
#define GIVE_UP_S 600
#define UNLOAD_TRIES 100

static sigset_t ends;
static char throttling[32];
static const char *module_file;
static char module_parameters[16];
static bool module_was_loaded, module_is_changed;

/* Reads the file and adds a NUL: the number of bytes, or -errno. */
static ssize_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -errno : read(fd, buf, size - 1);

	if (fd < 0)
		return got;
	if (got < 0)
		got = -errno;
	else
		buf[got] = '\0';
	close(fd);
	return got;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ret = -errno;
	close(fd);
	return ret;
}

/* The signals stay pending until the settings are restored. */
static void block_signals(void)
{
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigaddset(&ends, SIGQUIT);
	sigaddset(&ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ends, NULL);
}

bool guard_throttling(void)
{
	char before[sizeof(throttling)];

	block_signals();
	if (read_file(THROTTLING, before, sizeof(before)) <= 0)
		return false;
	before[strcspn(before, "\n")] = '\0';
	if (!strcmp(before, "-1"))
		return true;
	if (write_file(THROTTLING, "-1"))
		return false;
	memcpy(throttling, before, sizeof(throttling));
	return true;
}

/* ---- the module ---- */

/* Whether the loaded module is that of @file: no other one can be restored. */
static bool loaded_is_built_as(const char *file)
{
	char id[256];
	ssize_t len = read_file(LOADED "/notes/.note.gnu.build-id", id, sizeof(id));
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	bool same = false;
	struct stat st;
	void *text;

	if (fd < 0)
		return false;
	if (len > 0 && !fstat(fd, &st) && st.st_size) {
		text = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (text != MAP_FAILED) {
			same = memmem(text, st.st_size, id, len);
			munmap(text, st.st_size);
		}
	}
	close(fd);
	return same;
}

static int load(const char *parameters)
{
	int fd = open(module_file, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* Retries: the driver may still release what the last process has left. */
static int unload(void)
{
	for (int i = 0; syscall(SYS_delete_module, "ntsync", O_NONBLOCK); i++) {
		if (errno == ENOENT)
			return 0;
		if ((errno != EWOULDBLOCK && errno != EBUSY) || i == UNLOAD_TRIES)
			return -errno;
		usleep(10000);
	}
	return 0;
}

static bool put_module_back(void)
{
	int ret;

	if (!module_is_changed)
		return true;
	module_is_changed = false;
	ret = unload();
	if (!ret && module_was_loaded)
		ret = load(module_parameters);
	if (ret)
		fprintf(stderr, "inversion: %s could not be put back: %s\n", LOADED, strerror(-ret));
	return !ret;
}

/* must(), but restores the settings before the process ends. */
static void must_or_end(int ret, const char *what)
{
	if (ret < 0)
		guard_end();
	must(ret, what);
}

static void remember_module(const char *file)
{
	char pi[8];

	module_file = file;
	module_was_loaded = !access(LOADED, F_OK);
	if (!module_was_loaded)
		return;
	if (!loaded_is_built_as(file)) {
		fprintf(stderr, "inversion: another ntsync than %s is loaded, which could not be put back: unload it first\n",
			file);
		guard_end();
		exit(EXIT_FAILURE);
	}
	must_or_end(read_file(LOADED "/parameters/pi", pi, sizeof(pi)), LOADED "/parameters/pi");
	snprintf(module_parameters, sizeof(module_parameters), "pi=%c", pi[0]);
}

void guard_module(const char *module, const char *parameters)
{
	if (!module_file)
		remember_module(module);
	must_or_end(unload(), "unloading ntsync");
	module_is_changed = true;
	must_or_end(load(parameters), module);
}

bool guard_end(void)
{
	bool good = put_module_back();
	int ret = throttling[0] ? write_file(THROTTLING, throttling) : 0;

	if (ret)
		fprintf(stderr, "inversion: %s could not be put back: %s\n", THROTTLING, strerror(-ret));
	throttling[0] = '\0';
	sigprocmask(SIG_UNBLOCK, &ends, NULL);
	return good && !ret;
}

/* ---- the child ---- */

/* Restores the settings, then lets the signal take its effect. */
static void end_by(int signal)
{
	guard_end();
	raise(signal);
}

static void be_child(pid_t parent, int (*work)(void *arg), void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	exit(work(arg));
}

int guard_run(int (*work)(void *arg), void *arg)
{
	const struct timespec limit = { .tv_sec = GIVE_UP_S };
	int signal, status = 0;
	pid_t parent = getpid(), child;

	fflush(NULL);
	child = fork();
	if (!child)
		be_child(parent, work, arg);
	must_or_end(child < 0 ? -errno : 0, "fork");
	do
		signal = sigtimedwait(&ends, NULL, &limit);
	while ((signal < 0 && errno == EINTR) ||
	       (signal == SIGCHLD && !waitpid(child, &status, WNOHANG)));
	if (signal == SIGCHLD) {
		if (WIFSIGNALED(status))
			fprintf(stderr, "inversion: ended by signal %d\n", WTERMSIG(status));
		return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (signal > 0)
		end_by(signal);
	fprintf(stderr, "inversion: no end after %d s\n", GIVE_UP_S);
	return EXIT_FAILURE;
}
