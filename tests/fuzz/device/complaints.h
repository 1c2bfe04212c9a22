/* SPDX-License-Identifier: GPL-2.0-only */
/* Looks for complaints in the kernel's log, while the fuzzer runs. */
#ifndef NTSYNC_FUZZ_COMPLAINTS_H
#define NTSYNC_FUZZ_COMPLAINTS_H

#include <stdbool.h>
#include <stddef.h>

/* @path: patterns, as scripts/vm/complaints. What is in the log already does not count. */
bool complaints_open(const char *path);

/* Reads on. True if there was one; @line has the first. */
bool complaints_new(char *line, size_t size);

/* Is this line of the log one? */
bool complaints_match(const char *line);

#endif
