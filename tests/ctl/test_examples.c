// SPDX-License-Identifier: GPL-2.0-only
/*
 * examples/inversion on a device: it leaves the machine as it was, and says of what a driver lacks that
 * it is not supported. Skipped where /add/examples is not.
 */
#include "../uapi/fixture.h"

#include <signal.h>
#include <sys/wait.h>

#define PROGRAM "/add/examples/inversion"
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

/* What it prints comes out of *@out. */
static pid_t run_inversion(FILE **out)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		execl(PROGRAM, "inversion", NULL);
		_exit(127);
	}
	close(ends[1]);
	*out = fdopen(ends[0], "re");
	assert_non_null(*out);
	return pid;
}

static bool driver_has(uint64_t feature)
{
	struct ntsync_features_args args = { 0 };
	int dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	bool has;

	assert_true(dev >= 0);
	has = !ioctl(dev, NTSYNC_IOC_QUERY_FEATURES, &args) && args.features & feature;
	close(dev);
	return has;
}

static void needs_program(void)
{
	if (access(PROGRAM, X_OK))
		skip();
}

/* Rows of figures, and rows without. */
static void figures_or_not_supported(void **state)
{
	unsigned int figures = 0, unsupported = 0;
	char line[256], before[32], after[32];
	int status;
	FILE *out;
	pid_t pid;

	(void)state;
	needs_program();
	write_setting("950000\n");
	read_setting(before, sizeof(before));
	pid = run_inversion(&out);
	while (fgets(line, sizeof(line), out)) {
		double ms = strlen(line) > 28 ? atof(line + 28) : 0;

		unsupported += strstr(line, "not supported") != NULL;
		if (ms > 0) {
			/* The hog's second, and what a slow machine adds. */
			assert_true(ms < 60000);
			figures++;
		}
	}
	fclose(out);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(figures + unsupported, 16);
	assert_int_equal(unsupported, driver_has(NTSYNC_FEATURE_CHANNEL) ? 0 : 4);
	read_setting(after, sizeof(after));
	assert_string_equal(after, before);
}

/* Its scenes begin when the setting has changed. */
static void interrupted(int signal)
{
	char before[32], now[32];
	int status;
	FILE *out;
	pid_t pid;

	needs_program();
	write_setting("950000\n");
	read_setting(before, sizeof(before));
	pid = run_inversion(&out);
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
	interrupted(SIGINT);
}

static void told_to_end(void **state)
{
	(void)state;
	interrupted(SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_or_not_supported),
		cmocka_unit_test(interrupted_by_the_user),
		cmocka_unit_test(told_to_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
