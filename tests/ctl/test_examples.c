// SPDX-License-Identifier: GPL-2.0-only
/*
 * examples/inversion on a device: it restores the machine's settings, and says which features the
 * driver does not support. Skipped where /add/examples does not exist.
 */
#include "../uapi/fixture.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define EXAMPLES "/add/examples/"
#define MODULE "/vm/module.ko"
#define SETTING "/proc/sys/kernel/sched_rt_runtime_us"

static void read_setting(char *buf, size_t size)
{
	FILE *in = fopen(SETTING, "re");

	assert_non_null(in);
	assert_non_null(fgets(buf, (int)size, in));
	fclose(in);
}

static void write_setting(const char *text)
{
	FILE *out = fopen(SETTING, "we");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

/* Its output can be read from *@out. */
static pid_t start_program(const char *name, const char *arg, bool traced, FILE **out)
{
	char path[64];
	int ends[2];
	pid_t pid;

	snprintf(path, sizeof(path), EXAMPLES "%s", name);
	if (access(path, X_OK))
		skip_because("%s is not here", path);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		if (traced)
			ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(path, name, arg, NULL);
		_exit(127);
	}
	close(ends[1]);
	*out = fdopen(ends[0], "re");
	assert_non_null(*out);
	return pid;
}

static pid_t run_program(const char *name, const char *arg, FILE **out)
{
	return start_program(name, arg, false, out);
}

static bool has_feature(uint64_t feature)
{
	struct ntsync_features_args args = { 0 };
	int dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	bool has;

	assert_true(dev >= 0);
	has = !ioctl(dev, NTSYNC_IOC_QUERY_FEATURES, &args) && args.features & feature;
	close(dev);
	return has;
}

/* A row has figures, or says that it is not supported. */
static void figures_or_not_supported(void **state)
{
	unsigned int figures = 0, unsupported = 0;
	char line[256], before[32], after[32];
	int status;
	FILE *out;
	pid_t pid;

	(void)state;
	write_setting("950000\n");
	read_setting(before, sizeof(before));
	pid = run_program("inversion", NULL, &out);
	while (fgets(line, sizeof(line), out)) {
		double ms = strlen(line) > 28 ? atof(line + 28) : 0;

		unsupported += strstr(line, "not supported") != NULL;
		if (ms > 0) {
			/* The hog takes a second, and a slow machine longer. */
			assert_true(ms < 60000);
			figures++;
		}
	}
	fclose(out);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(figures + unsupported, 20);
	assert_int_equal(unsupported, has_feature(NTSYNC_FEATURE_CHANNEL) ? 0 : 4);
	read_setting(after, sizeof(after));
	assert_string_equal(after, before);
}

/* Interrupted after it has changed the setting. */
static void check_interrupted(int signal)
{
	char before[32], now[32];
	int status;
	FILE *out;
	pid_t pid;

	write_setting("950000\n");
	read_setting(before, sizeof(before));
	pid = run_program("inversion", NULL, &out);
	do {
		read_setting(now, sizeof(now));
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	} while (!strcmp(before, now));
	assert_int_equal(kill(pid, signal), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signal);
	read_setting(now, sizeof(now));
	assert_string_equal(now, before);
	fclose(out);
}

static void interrupted_by_the_user(void **state)
{
	(void)state;
	check_interrupted(SIGINT);
}

static void told_to_end(void **state)
{
	(void)state;
	check_interrupted(SIGTERM);
}

/* The module's parameter, Y or N; 0 while it is not loaded. */
static char read_module_pi(void)
{
	FILE *in = fopen("/sys/module/ntsync/parameters/pi", "re");
	int pi = in ? fgetc(in) : EOF;

	if (in)
		fclose(in);
	return pi == EOF ? 0 : (char)pi;
}

static void need_inheritance(void)
{
	if (read_module_pi() != 'Y')
		skip_because("the in-tree driver has no inheritance");
}

/*
 * The module is loaded with other parameters in between, and must be loaded with its old ones
 * again.
 */
static void module_is_put_back(void **state)
{
	char before[32], after[32];
	int status;
	FILE *out;
	pid_t pid;

	(void)state;
	need_inheritance();
	if (access(MODULE, R_OK))
		skip_because("%s is not here", MODULE);
	read_setting(before, sizeof(before));
	pid = run_program("inversion", MODULE, &out);
	while (read_module_pi() != 'N')
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGINT), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(read_module_pi(), 'Y');
	read_setting(after, sizeof(after));
	assert_string_equal(after, before);
	fclose(out);
}

/* The program does not have the file of that module, so it could not load it again. */
static void another_build_is_left_alone(void **state)
{
	char line[256];
	int status;
	FILE *out;
	pid_t pid;

	(void)state;
	need_inheritance();
	pid = run_program("inversion", EXAMPLES "daw", &out);
	assert_null(fgets(line, sizeof(line), out));
	fclose(out);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_equal(read_module_pi(), 'Y');
}

struct names {
	const char *program;
	const char *thread[8];
};

/* Does what was made have a thread of this name? @tid stops before it exits, so none is missed. */
static void note_name(const struct names *names, pid_t tid, bool *seen)
{
	char path[64], name[32];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/comm", tid);
	in = fopen(path, "re");
	assert_non_null(in);
	assert_non_null(fgets(name, sizeof(name), in));
	fclose(in);
	name[strcspn(name, "\n")] = '\0';
	for (int i = 0; names->thread[i]; i++)
		seen[i] |= !strcmp(name, names->thread[i]);
}

/* Until none of its threads and children is left. */
static void trace(const struct names *names, bool *seen)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		int event = status >> 16, sig = WSTOPSIG(status);

		if (!WIFSTOPPED(status))
			continue;
		if (event == PTRACE_EVENT_EXIT)
			note_name(names, tid, seen);
		/* How a new one stops. */
		if (event || sig == SIGSTOP)
			sig = 0;
		/* It may have been killed since. */
		ptrace(PTRACE_CONT, tid, NULL, sig);
	}
}

/* The names are needed to find a thread in top, in the graph and in a trace. */
static void threads_have_names(void **state)
{
	static const struct names names[] = {
		{ "daw", { "clock", "audio", "ui", "track 1", "track 4" } },
		{ "rpc", { "server 1", "server 2", "client 6", "burner 1" } },
		{ "dispatcher", { "server", "client 1", "client 16" } },
		{ "inversion", { "hog", "FIFO 10", "FIFO 80" } },
	};
	const int options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			    PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL;

	(void)state;
	need_inheritance();
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		bool seen[8] = { false };
		int status;
		FILE *out;
		pid_t pid = start_program(names[n].program, NULL, true, &out);

		still_alive();
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, options), 0);
		assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
		trace(&names[n], seen);
		fclose(out);
		for (int i = 0; names[n].thread[i]; i++) {
			if (!seen[i])
				fail_msg("%s: no thread %s", names[n].program, names[n].thread[i]);
		}
	}
}

/* Nothing may have a device open, as the module is unloaded. */
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ALONE(figures_or_not_supported),
		TEST_ALONE(interrupted_by_the_user),
		TEST_ALONE(told_to_end),
		TEST_ALONE(module_is_put_back),
		TEST_ALONE(another_build_is_left_alone),
		TEST_ALONE(threads_have_names),
	};

	return RUN(tests);
}
