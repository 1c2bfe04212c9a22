/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs that the fuzzer changes: each has reached what none before has. */
#ifndef NTSYNC_FUZZ_CORPUS_H
#define NTSYNC_FUZZ_CORPUS_H

#include "mutate.h"

/**
 * struct entry - a program
 * @name: of its file, or the hash of its text
 * @program: the program
 * @map: what it reaches; see coverage.h
 * @from_tree: it was read from a file
 * @needed: of the smallest set of programs that reaches the same, as found by corpus_reduce()
 */
struct entry {
	char name[64];
	struct program program;
	uint8_t *map;
	bool from_tree;
	bool needed;
};

struct corpus {
	struct entry **entries;
	unsigned int nr;
};

struct entry *corpus_add(struct corpus *corpus, const struct program *program, const char *name);

/* All files of a folder, in the order of their names. False after a message. */
bool corpus_read(struct corpus *corpus, const char *path);

const struct entry *corpus_choose(const struct corpus *corpus, struct prng *prng);

/* Sets @needed: greedily, those that reach the most first. Returns how many are. */
unsigned int corpus_reduce(struct corpus *corpus);

/* Between lines that scripts/check/fuzz looks for. */
void entry_print(FILE *out, const struct entry *entry);

#endif
