/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes a program smaller while it still does what matters. */
#ifndef NTSYNC_FUZZ_MINIMISE_H
#define NTSYNC_FUZZ_MINIMISE_H

#include "program.h"

/**
 * minimise() - remove what is not needed
 * @program: does what matters; becomes the smallest one found
 * @matters: runs a program and says whether it does it, too
 * @data: for @matters
 * @runs: how many programs to try at most
 *
 * Return: how many were tried.
 */
unsigned int minimise(struct program *program, bool (*matters)(const struct program *program, void *data),
		      void *data, unsigned int runs);

#endif
