/* SPDX-License-Identifier: GPL-2.0-only */
/* libntsync-wine.so is beside the test program. */
#ifndef NTSYNC_TESTS_WINE_PRELOAD_H
#define NTSYNC_TESTS_WINE_PRELOAD_H

#include <stdbool.h>

bool is_preloaded(void);
/* Starts the program again with the library, as the launcher does; returns only if that failed. */
int preload(char **argv);

#endif
