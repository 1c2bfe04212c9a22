// SPDX-License-Identifier: GPL-2.0-only
#include "corpus.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "coverage.h"

struct entry *corpus_add(struct corpus *corpus, const struct program *program, const char *name)
{
	struct entry **entries = realloc(corpus->entries, (corpus->nr + 1) * sizeof(*entries));
	struct entry *entry = alloc_for_fuzzer(sizeof(*entry));

	if (!entries)
		abort();
	corpus->entries = entries;
	corpus->entries[corpus->nr++] = entry;
	entry->program = *program;
	entry->map = map_new();
	if (name)
		snprintf(entry->name, sizeof(entry->name), "%s", name);
	else
		snprintf(entry->name, sizeof(entry->name), "%016llx",
			 (unsigned long long)program_hash(program));
	return entry;
}

static bool read_entry(struct corpus *corpus, const char *dir, const char *name)
{
	static struct program program;
	char path[512], error[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (!program_read(path, &program, error, sizeof(error))) {
		fprintf(stderr, "%s: %s\n", path, error);
		return false;
	}
	corpus_add(corpus, &program, name)->from_tree = true;
	return true;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

bool corpus_read(struct corpus *corpus, const char *path)
{
	struct dirent **names;
	int nr = scandir(path, &names, is_visible, alphasort);
	bool good = true;

	if (nr < 0) {
		fprintf(stderr, "%s: no such folder\n", path);
		return false;
	}
	for (int i = 0; i < nr; i++) {
		good = read_entry(corpus, path, names[i]->d_name) && good;
		free(names[i]);
	}
	free(names);
	return good;
}

/* New ones more often. */
const struct entry *corpus_choose(const struct corpus *corpus, struct prng *prng)
{
	unsigned int from = 0;

	if (!corpus->nr)
		return NULL;
	if (corpus->nr > 20 && prng_chance(prng, 40))
		from = corpus->nr - 20;
	return corpus->entries[from + prng_below(prng, corpus->nr - from)];
}

unsigned int corpus_reduce(struct corpus *corpus)
{
	static uint8_t *reached;
	unsigned int needed = 0;

	if (!reached)
		reached = map_new();

	for (;;) {
		struct entry *best = NULL;
		unsigned int most = 0;

		for (unsigned int i = 0; i < corpus->nr; i++) {
			struct entry *entry = corpus->entries[i];
			unsigned int nr = entry->needed ? 0 : map_count_new(entry->map, reached);

			if (nr > most) {
				most = nr;
				best = entry;
			}
		}
		if (!best)
			break;
		best->needed = true;
		map_add(reached, best->map);
		needed++;
	}
	return needed;
}

void entry_print(FILE *out, const struct entry *entry)
{
	fprintf(out, "# program %s\n", entry->name);
	program_print(out, &entry->program);
	fputs("# end of program\n", out);
}
