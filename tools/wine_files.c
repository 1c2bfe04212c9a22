// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is there a Wine that can use the device? Whether it can is decided when it is built: by a complete
 * <linux/ntsync.h>. One that can has the device's name in its server or in ntdll.so.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"

#define BLOCK		65536
/* Wine's files are smaller, also with debug information. */
#define MAX_SIZE	(256l << 20)
#define MAX_WINES	64

/* Where Wine's server is. ~ is the home folder of this user. */
static const char *const places[] = {
	"/usr/bin/wineserver*",
	"/usr/lib/wine/wineserver*",
	"/usr/lib/*/wine/wineserver*",
	"/usr/local/bin/wineserver",
	"/opt/wine*/bin/wineserver",
	"/usr/share/steam/compatibilitytools.d/*/files/bin/wineserver",
	"~/.local/share/Steam/steamapps/common/Proton*/files/bin/wineserver",
	"~/.local/share/Steam/compatibilitytools.d/*/files/bin/wineserver",
	/* Steam's own link to its folder, wherever that is: ~/.steam/debian-installation on Debian. */
	"~/.steam/root/steamapps/common/Proton*/files/bin/wineserver",
	"~/.steam/root/compatibilitytools.d/*/files/bin/wineserver",
	"~/.local/share/lutris/runners/wine/*/bin/wineserver",
	"~/.local/share/bottles/runners/*/bin/wineserver",
	"~/.var/app/com.valvesoftware.Steam/.local/share/Steam/steamapps/common/Proton*/files/bin/wineserver",
	"~/.var/app/com.valvesoftware.Steam/.local/share/Steam/compatibilitytools.d/*/files/bin/wineserver",
	"~/.var/app/com.usebottles.bottles/data/bottles/runners/*/bin/wineserver",
};

/* Where ntdll.so is, as seen from the folder of the server. */
static const char *const libraries[] = {
	"../lib/wine/x86_64-unix/ntdll.so",
	"../lib64/wine/x86_64-unix/ntdll.so",
	"../lib/x86_64-linux-gnu/wine/x86_64-unix/ntdll.so",
	"../x86_64-linux-gnu/wine/x86_64-unix/ntdll.so",
};

/* The servers that were looked at: one has several names. */
struct seen {
	struct { dev_t dev; ino_t ino; } file[MAX_WINES];
	unsigned int nr;
};

/* Opens a regular file; never waits for a FIFO or a device. */
static int open_file(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && (fstat(fd, st) || !S_ISREG(st->st_mode) || st->st_size > MAX_SIZE)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A script that starts the server is not one. */
static bool is_program(int fd)
{
	char magic[4];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && !memcmp(magic, "\177ELF", 4);
}

static bool names_the_device(int fd)
{
	static const char name[] = "/dev/ntsync";
	static char block[BLOCK];
	size_t kept = 0;
	ssize_t got;

	while ((got = read(fd, block + kept, sizeof(block) - kept)) > 0) {
		size_t len = kept + got;

		if (memmem(block, len, name, strlen(name)))
			return true;
		/* The name may begin at the end of this block. */
		kept = len < strlen(name) ? len : strlen(name) - 1;
		memmove(block, block + len - kept, kept);
	}
	return false;
}

static bool library_names_the_device(const char *server)
{
	const char *slash = strrchr(server, '/');
	bool found = false;

	for (size_t i = 0; !found && i < ARRAY_SIZE(libraries); i++) {
		char path[1024];
		struct stat st;
		int fd;

		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - server), server, libraries[i]);
		fd = open_file(path, &st);
		if (fd < 0)
			continue;
		found = names_the_device(fd);
		close(fd);
	}
	return found;
}

/* False if it was looked at before, under another name. */
static bool is_new(struct seen *seen, const struct stat *st)
{
	for (unsigned int i = 0; i < seen->nr; i++) {
		if (seen->file[i].dev == st->st_dev && seen->file[i].ino == st->st_ino)
			return false;
	}
	if (seen->nr == MAX_WINES)
		return false;
	seen->file[seen->nr].dev = st->st_dev;
	seen->file[seen->nr++].ino = st->st_ino;
	return true;
}

static void look_at_server(struct system_facts *f, struct seen *seen, const char *path)
{
	char clean[256];
	struct stat st;
	int fd = open_file(path, &st);

	if (fd < 0)
		return;
	text_clean(path + strlen(file_root), clean, sizeof(clean), text_utf8());
	if (!is_program(fd) || !is_new(seen, &st))
		;
	else if (names_the_device(fd) || library_names_the_device(path))
		text_list_add(f->wine_can, sizeof(f->wine_can), clean);
	else
		text_list_add(f->wine_cannot, sizeof(f->wine_cannot), clean);
	close(fd);
}

void wine_files_look(struct system_facts *f)
{
	const char *home = getenv("HOME");
	struct seen seen = { 0 };

	f->wine_can[0] = '\0';
	f->wine_cannot[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		bool at_home = places[i][0] == '~';
		char pattern[1024];
		glob_t found;

		if (at_home && !home)
			continue;
		snprintf(pattern, sizeof(pattern), "%s%s%s", file_root, at_home ? home : "",
			 places[i] + at_home);
		if (!glob(pattern, 0, NULL, &found)) {
			for (size_t k = 0; k < found.gl_pathc; k++)
				look_at_server(f, &seen, found.gl_pathv[k]);
			globfree(&found);
		}
	}
}
