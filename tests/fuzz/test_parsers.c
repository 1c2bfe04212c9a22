// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feeds the parsers with the inputs in tests/fuzz/corpus/parsers, or in the folder of the first
 * argument, each whole and cut off after each of its bytes. It is built with the sanitizers of the
 * compiler, and needs no fuzzer. TAP.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "parsers.h"

#define INPUT_SIZE	65536

static ssize_t read_input(int dir, const char *name, uint8_t *data)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, data, INPUT_SIZE);

	if (fd >= 0)
		close(fd);
	return size;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "tests/fuzz/corpus/parsers";
	static uint8_t data[INPUT_SIZE];
	DIR *dir = opendir(path);
	unsigned int nr = 0;
	struct dirent *entry;

	if (!dir) {
		printf("Bail out! no folder %s\n", path);
		return 1;
	}
	while ((entry = readdir(dir))) {
		ssize_t size;

		if (entry->d_name[0] == '.')
			continue;
		/* Before the parser has run: it ends the program if it fails. */
		printf("# %s\n", entry->d_name);
		fflush(stdout);
		size = read_input(dirfd(dir), entry->d_name, data);
		if (size < 0) {
			printf("not ok %u - %s can be read\n1..%u\n", nr + 1, entry->d_name, nr + 1);
			return 1;
		}
		for (ssize_t cut = 1; cut <= size; cut++)
			LLVMFuzzerTestOneInput(data, cut);
		printf("ok %u - %s\n", ++nr, entry->d_name);
	}
	closedir(dir);
	printf("%s %u - there are inputs\n1..%u\n", nr ? "ok" : "not ok", nr + 1, nr + 1);
	return !nr;
}
