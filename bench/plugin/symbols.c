// SPDX-License-Identifier: GPL-2.0-only
/* The guest's functions, from lines of its /proc/kallsyms. */
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct symbol *symbols;
static size_t count, room;

/* "ffffffff81000000 T name", with "[module]" after it if it is in one. Code only. */
void symbols_add(const char *line)
{
	char kind, name[256], module[64];
	uint64_t from;
	const int fields = sscanf(line, "%lx %c %255s [%63[^]]]", &from, &kind, name, module);

	if (fields < 3 || !strchr("tTwW", kind))
		return;
	if (count == room) {
		room = room ? 2 * room : 4096;
		symbols = reallocarray(symbols, room, sizeof(*symbols));
		if (!symbols)
			abort();
	}
	symbols[count++] = (struct symbol){ from, from, strdup(name), fields == 4 };
}

static int compare_addresses(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/*
 * Returns their number. A function extends to the next one; the last one, and the last of the
 * module, a page.
 */
size_t symbols_sort(void)
{
	qsort(symbols, count, sizeof(*symbols), compare_addresses);
	for (size_t i = 0; i < count; i++) {
		const bool last = i + 1 == count || symbols[i + 1].module != symbols[i].module;

		symbols[i].to = last ? symbols[i].from + 4096 : symbols[i + 1].from;
	}
	return count;
}

size_t symbol_number(const struct symbol *symbol)
{
	return (size_t)(symbol - symbols);
}

const struct symbol *symbol_numbered(size_t number)
{
	return &symbols[number];
}

const struct symbol *symbol_at(uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (symbols[middle].to <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && symbols[low].from <= address ? &symbols[low] : NULL;
}
