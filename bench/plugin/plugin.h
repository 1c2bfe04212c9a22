/* SPDX-License-Identifier: GPL-2.0-only */
/* What plug-ins have in common: what the guest tells them, and its symbols. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include "qemu.h"

#include <stdio.h>

/* ---- told.c: the file to write to, and lines from bench/tell.h ---- */

FILE *output(int argc, char **argv);
void told_translate(const struct qemu_plugin_tb *tb, void (*heard)(const char *line));

/* ---- symbols.c: lines of /proc/kallsyms ---- */

struct symbol {
	uint64_t from, to;
	char *name;
	bool module; /* in a module; the guest tells of ours only */
};

void symbols_add(const char *line);
size_t symbols_sort(void);
size_t symbol_number(const struct symbol *symbol);
const struct symbol *symbol_numbered(size_t number);
const struct symbol *symbol_at(uint64_t address);

#endif
