// SPDX-License-Identifier: GPL-2.0-only
#include "coverage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEBUGFS		"/sys/kernel/debug/ntsync/"
#define SECTIONS	"/sys/module/ntsync/sections"
#define MOST_BYTES	(1 << 20)
#define BYTES_A_LINE	32

size_t coverage_size;
static int file = -1;

bool coverage_open(void)
{
	char *all = malloc(MOST_BYTES);
	ssize_t len;

	file = open(DEBUGFS "coverage", O_RDWR | O_CLOEXEC);
	len = file < 0 || !all ? -1 : pread(file, all, MOST_BYTES, 0);
	free(all);
	if (len > 0)
		coverage_size = len;
	return len > 0;
}

void coverage_clear(void)
{
	if (coverage_size && pwrite(file, "", 1, 0) != 1)
		perror("coverage");
}

void coverage_read(uint8_t *map)
{
	if (coverage_size && pread(file, map, coverage_size, 0) != (ssize_t)coverage_size)
		perror("coverage");
}

void *alloc_for_fuzzer(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	madvise(memory, size, MADV_DONTFORK);
	return memory;
}

uint8_t *map_new(void)
{
	return alloc_for_fuzzer(coverage_size + 1);
}

unsigned int map_count(const uint8_t *map)
{
	unsigned int nr = 0;

	for (size_t i = 0; i < coverage_size; i++)
		nr += __builtin_popcount(map[i]);
	return nr;
}

unsigned int map_count_new(const uint8_t *map, const uint8_t *known)
{
	unsigned int nr = 0;

	for (size_t i = 0; i < coverage_size; i++) {
		if (map[i] & ~known[i])
			nr += __builtin_popcount(map[i] & ~known[i]);
	}
	return nr;
}

void map_add(uint8_t *known, const uint8_t *map)
{
	for (size_t i = 0; i < coverage_size; i++)
		known[i] |= map[i];
}

void map_subtract(uint8_t *map, const uint8_t *known)
{
	for (size_t i = 0; i < coverage_size; i++)
		map[i] &= ~known[i];
}

void map_intersect(uint8_t *map, const uint8_t *other)
{
	for (size_t i = 0; i < coverage_size; i++)
		map[i] &= other[i];
}

bool map_contains(const uint8_t *map, const uint8_t *part)
{
	return !map_count_new(part, map);
}

static unsigned long long read_number(const char *dir, const char *name)
{
	char path[512], text[64] = "";
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	return len > 0 ? strtoull(text, NULL, 16) : 0;
}

static void print_sections(FILE *out, unsigned long long base)
{
	DIR *dir = opendir(SECTIONS);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strstr(entry->d_name, "text"))
			fprintf(out, "# section %s %lld\n", entry->d_name,
				(long long)(read_number(SECTIONS, entry->d_name) - base));
	}
	if (dir)
		closedir(dir);
}

void coverage_print(FILE *out, const uint8_t *map)
{
	static const uint8_t none[BYTES_A_LINE];

	print_sections(out, read_number(DEBUGFS, "coverage_base"));
	for (size_t i = 0; i < coverage_size; i += BYTES_A_LINE) {
		size_t nr = coverage_size - i < BYTES_A_LINE ? coverage_size - i : BYTES_A_LINE;

		if (!memcmp(map + i, none, nr))
			continue;
		fprintf(out, "# map %zu ", i * 32);
		for (size_t k = i; k < i + nr; k++)
			fprintf(out, "%02x", map[k]);
		fputc('\n', out);
	}
}
