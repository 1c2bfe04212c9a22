// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "preload.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define IS_PRELOADED "NTSYNC_TEST_IS_PRELOADED"

bool is_preloaded(void)
{
	return getenv(IS_PRELOADED);
}

int preload(char **argv)
{
	char path[PATH_MAX] = "", library[PATH_MAX + 32];

	if (readlink("/proc/self/exe", path, sizeof(path) - 1) <= 0)
		return 1;
	snprintf(library, sizeof(library), "%s/libntsync-wine.so", dirname(path));
	setenv("LD_PRELOAD", library, 1);
	setenv(IS_PRELOADED, "1", 1);
	execv("/proc/self/exe", argv);
	return 1;
}
