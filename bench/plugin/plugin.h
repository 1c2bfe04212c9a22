/* SPDX-License-Identifier: GPL-2.0-only */
/* What plug-ins have in common: what the guest tells them, and its symbols. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include "qemu.h"

/* ---- told.c: lines from bench/tell.h ---- */

void told_translate(const struct qemu_plugin_tb *tb, void (*heard)(const char *line));

/* ---- symbols.c: lines of /proc/kallsyms ---- */

struct symbol {
	uint64_t from, to;
	char *name;
	bool module; /* in a module; the guest tells of ours only */
};

void symbols_add(const char *line);
void symbols_sort(void);
const struct symbol *symbol_at(uint64_t address);

#endif
