// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wine's server opens the device when it starts, and never later. So a server that is older than
 * the driver keeps all programs of its prefix from using it. One that is newer, and has not opened
 * it, was built without ntsync.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

/* In seconds since the epoch; 0: not known. */
static long long booted_at(void)
{
	long long when = 0;
	bool truncated;
	/* All of it: the line comes after the counts of all interrupts. */
	char *text = file_read_all("/proc/stat", 4 << 20, &truncated);
	const char *line = text ? strstr(text, "\nbtime ") : NULL;

	if (line)
		when = strtoll(line + strlen("\nbtime "), NULL, 10);
	free(text);
	return when;
}

/* In seconds since the epoch; 0: not known. */
static long long started_at(pid_t pid)
{
	char path[64], text[1024], *after_name;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(path, text, sizeof(text)) <= 0)
		return 0;
	after_name = strrchr(text, ')');
	/* The 22nd value; the name is the second. */
	for (int i = 2; after_name && i < 22; i++)
		after_name = strchr(after_name + 1, ' ');
	return after_name ? booted_at() + strtoll(after_name, NULL, 10) / sysconf(_SC_CLK_TCK) : 0;
}

/* False also if this user may not look. */
static bool lacks_the_device(int proc, pid_t pid)
{
	DIR *fds = file_open_fds(proc, pid);
	struct dirent *entry;
	bool has = false;
	char target[32];

	if (!fds)
		return false;
	while (!has && (entry = readdir(fds))) {
		ssize_t len = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

		target[len > 0 ? len : 0] = '\0';
		has = !strcmp(target, "/dev/ntsync");
	}
	closedir(fds);
	return !has;
}

/* Notes a server that has not opened the device: as there was none yet, or as it can't. */
static void look_at_server(struct system_facts *f, int proc, const char *pid)
{
	static const char name[] = "wineserver";
	char path[64], comm[32];
	long long since;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	if (file_read(path, comm, sizeof(comm)) <= 0 || strncmp(comm, name, strlen(name)))
		return;
	since = started_at(atoi(pid));
	if (!since || !lacks_the_device(proc, atoi(pid)))
		return;
	/* The first ones are enough for a message. */
	if (since < f->node_since)
		text_list_add(f->wineservers, sizeof(f->wineservers), pid);
	else
		text_list_add(f->wine_without, sizeof(f->wine_without), pid);
}

void wine_look(struct system_facts *f)
{
	struct dirent *entry;
	char path[512];
	DIR *proc;

	f->wineservers[0] = '\0';
	f->wine_without[0] = '\0';
	snprintf(path, sizeof(path), "%s/proc", file_root);
	proc = f->node_since ? opendir(path) : NULL;
	while (proc && (entry = readdir(proc))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at_server(f, dirfd(proc), entry->d_name);
	}
	if (proc)
		closedir(proc);
}
