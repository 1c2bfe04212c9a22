// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "ctl.h"
#include "tree.h"

static char root[32];

static void format_path(char *out, size_t size, const char *format, va_list args)
{
	size_t len = snprintf(out, size, "%s", root);

	vsnprintf(out + len, size - len, format, args);
}

static void make_parents(char *path)
{
	for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0700);
		*at = '/';
	}
}

void make_dir(const char *format, ...)
{
	char path[256];
	va_list args;

	va_start(args, format);
	format_path(path, sizeof(path), format, args);
	va_end(args);
	make_parents(path);
	mkdir(path, 0700);
}

void make_file(const char *text, const char *format, ...)
{
	char path[256];
	va_list args;
	FILE *out;

	va_start(args, format);
	format_path(path, sizeof(path), format, args);
	va_end(args);
	make_parents(path);
	out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void find_path(char *out, size_t size, const char *path)
{
	snprintf(out, size, "%s%s", root, path);
}

void set_time(const char *path, long long seconds)
{
	struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };
	char full[256];

	find_path(full, sizeof(full), path);
	assert_int_equal(utimensat(AT_FDCWD, full, times, 0), 0);
}

void make_executable(const char *path)
{
	char full[256];

	find_path(full, sizeof(full), path);
	assert_int_equal(chmod(full, 0700), 0);
}

void remove_file(const char *path)
{
	char full[256];

	find_path(full, sizeof(full), path);
	assert_int_equal(unlink(full), 0);
}

int tree_setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/ntsyncctl-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	file_root = root;
	return 0;
}

int tree_teardown(void **state)
{
	char command[128];

	(void)state;
	file_root = "";
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}
