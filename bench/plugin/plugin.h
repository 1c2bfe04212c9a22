/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Common code of the plug-ins for the emulator, for one CPU. The guest sends, by bench/tell.h:
 *
 *	a line of /proc/kallsyms	the kernel's functions and the module's
 *	go				that was the last one
 *	begin NAME, end OPERATIONS	around what is to be measured
 *
 * The results go to the file that the argument out=FILE names.
 */
#ifndef PLUGIN_H
#define PLUGIN_H

#include "qemu.h"

#include <stdio.h>

/* ---- plugin.c ---- */

extern FILE *out;

/* ---- what each plug-in does at that ---- */

void plugin_go(size_t symbols);
void plugin_translate(struct qemu_plugin_tb *tb); /* after plugin_go() */
void plugin_begin(const char *name);
void plugin_end(double operations);

/* ---- symbols.c: lines of /proc/kallsyms ---- */

struct symbol {
	uint64_t from, to;
	char *name;
	bool module; /* in a module; the guest sends only ours */
};

void symbols_add(const char *line);
size_t symbols_sort(void);
const struct symbol *symbol_at(uint64_t address);
size_t symbol_number(const struct symbol *symbol);
const struct symbol *symbol_numbered(size_t number);

#endif
