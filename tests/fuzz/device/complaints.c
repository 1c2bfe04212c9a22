// SPDX-License-Identifier: GPL-2.0-only
#include "complaints.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_PATTERNS	128

static regex_t patterns[MOST_PATTERNS];
static unsigned int nr_patterns;
static int kmsg = -1;

static bool add_pattern(char *line)
{
	line[strcspn(line, "\n")] = '\0';
	if (!*line || *line == '#')
		return true;
	if (nr_patterns == MOST_PATTERNS)
		return false;
	return !regcomp(&patterns[nr_patterns++], line, REG_EXTENDED | REG_NOSUB);
}

bool complaints_open(const char *path)
{
	FILE *file = fopen(path, "re");
	bool good = file;
	char line[256];

	while (good && fgets(line, sizeof(line), file))
		good = add_pattern(line);
	if (file)
		fclose(file);
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg >= 0)
		lseek(kmsg, 0, SEEK_END);
	return good;
}

bool complaints_match(const char *line)
{
	if (strstr(line, "ntsync-test: "))
		return false;
	for (unsigned int i = 0; i < nr_patterns; i++) {
		if (!regexec(&patterns[i], line, 0, NULL, 0))
			return true;
	}
	return false;
}

bool complaints_new(char *line, size_t size)
{
	char record[2048], *text;
	bool found = false;
	ssize_t len;

	while (kmsg >= 0) {
		len = read(kmsg, record, sizeof(record) - 1);
		/* EPIPE: the log was faster; what is lost was not seen. */
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			break;
		record[len] = '\0';
		text = strchr(record, ';');
		text = text ? text + 1 : record;
		text[strcspn(text, "\n")] = '\0';
		if (found || !complaints_match(text))
			continue;
		snprintf(line, size, "%s", text);
		found = true;
	}
	return found;
}
