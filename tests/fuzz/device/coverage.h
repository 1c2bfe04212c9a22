/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which basic blocks of the driver have run, since the last coverage_clear(): a map with a bit for
 * each four bytes of its text. The module has it if it was built with NTSYNC_COVERAGE=y
 * (tests/fuzz/module/coverage.c).
 */
#ifndef NTSYNC_FUZZ_COVERAGE_H
#define NTSYNC_FUZZ_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes of a map; 0 without coverage. */
extern size_t coverage_size;

bool coverage_open(void);
void coverage_clear(void);
void coverage_read(uint8_t *map);

/* Memory that is 0, that is never freed, and that children do not get: so they fork faster. */
void *alloc_for_fuzzer(size_t size);

/* An empty map. */
uint8_t *map_new(void);
unsigned int map_count(const uint8_t *map);
/* Bits of @map that @known lacks. */
unsigned int map_count_new(const uint8_t *map, const uint8_t *known);
void map_add(uint8_t *known, const uint8_t *map);
/* @map without what @known has. */
void map_subtract(uint8_t *map, const uint8_t *known);
/* Keeps what both have. */
void map_intersect(uint8_t *map, const uint8_t *other);
bool map_contains(const uint8_t *map, const uint8_t *part);

/* For scripts/check/fuzz: where the module's sections are, and the map. */
void coverage_print(FILE *out, const uint8_t *map);

#endif
