// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens at boot: is the module loaded, and is it the one that is installed? The initramfs has
 * a copy of some modules. One of ntsync in it is loaded before the disk is there, and stays when the
 * module on the disk is replaced.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"

/* In the order in which the first file of a name hides the others (modules-load.d(5)). */
static const char *const lists[] = {
	"/etc/modules-load.d", "/run/modules-load.d", "/usr/local/lib/modules-load.d",
	"/usr/lib/modules-load.d",
};

static const char *const units[] = {
	"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system",
};

/* Does a line of @text consist of @word? Blanks around it don't count. */
static bool has_line(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n \t");
		if (!strncmp(line, word, len) && strchr(" \t\r\n", line[len]))
			return true;
	}
	return false;
}

static bool file_has_line(const char *path, const char *word)
{
	char text[4096];

	return file_read(path, text, sizeof(text)) > 0 && has_line(text, word);
}

/* Is there a file of this name in a folder before lists[@nr]? */
static bool is_hidden(const char *name, size_t nr)
{
	char path[512];

	for (size_t i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/%s", lists[i], name);
		if (file_exists(path))
			return true;
	}
	return false;
}

/* Calls of glob() below file_root; @found is to be freed if it returns true. */
static bool find_files(glob_t *found, const char *folder, const char *names)
{
	char pattern[512];

	snprintf(pattern, sizeof(pattern), "%s%s/%s", file_root, folder, names);
	return !glob(pattern, 0, NULL, found);
}

static bool is_in_a_list(size_t nr, char *where, size_t size)
{
	glob_t found;
	bool is = false;

	if (!find_files(&found, lists[nr], "*.conf"))
		return false;
	for (size_t i = 0; !is && i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i] + strlen(file_root);

		is = !is_hidden(strrchr(path, '/') + 1, nr) && file_has_line(path, "ntsync");
		if (is)
			text_clean(path, where, size, false);
	}
	globfree(&found);
	return is;
}

static bool is_wanted_by_a_unit(size_t nr, char *where, size_t size)
{
	glob_t found;

	if (!find_files(&found, units[nr], "*.wants/modprobe@ntsync.service"))
		return false;
	text_clean(found.gl_pathv[0] + strlen(file_root), where, size, false);
	globfree(&found);
	return true;
}

static bool is_built_in(const char *release)
{
	char path[128], *text;
	bool truncated, is;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin", release);
	text = file_read_all(path, 4 << 20, &truncated);
	is = text && strstr(text, "/ntsync.ko");
	free(text);
	return is;
}

static void look_for_loader(struct system_facts *f)
{
	char *where = f->at_boot;
	size_t size = sizeof(f->at_boot);

	where[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (is_in_a_list(i, where, size))
			return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (is_wanted_by_a_unit(i, where, size))
			return;
	}
	if (file_has_line("/etc/modules", "ntsync"))
		snprintf(where, size, "/etc/modules");
	else if (is_built_in(f->release))
		snprintf(where, size, "it is built into the kernel");
}

/*
 * Where the module is that modprobe would load, below /lib/modules/RELEASE and without the suffix of
 * a compression: "updates/dkms/ntsync.ko". False if there is none. @st: of the file.
 */
static bool find_module(const char *release, char *out, size_t size, struct stat *st)
{
	char path[512], *text, *end, *begin;
	bool truncated, is = false;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", release);
	text = file_read_all(path, 16 << 20, &truncated);
	end = text ? strstr(text, "/ntsync.ko") : NULL;
	/* One that needs ntsync would come with it in one line, after a colon. */
	if (end) {
		for (begin = end; begin > text && begin[-1] != '\n'; begin--)
			;
		end[strcspn(end, ":\n")] = '\0';
		snprintf(path, sizeof(path), "%s/lib/modules/%s/%.200s", file_root, release, begin);
		is = !stat(path, st);
		snprintf(out, size, "%.*s/ntsync.ko", (int)(end - begin), begin);
	}
	free(text);
	return is;
}

/* The output of @tool for @image; NULL if it can't be run. */
static FILE *list_image(const char *tool, const char *image, pid_t *pid)
{
	char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	int out[2], null;

	if (pipe2(out, O_CLOEXEC))
		return NULL;
	*pid = fork();
	if (!*pid) {
		null = open("/dev/null", O_RDWR);
		if (null < 0 || dup2(null, 0) < 0 || dup2(out[1], 1) < 0 || dup2(null, 2) < 0)
			_exit(127);
		execle(tool, tool, image, NULL, env);
		_exit(127);
	}
	close(out[1]);
	if (*pid < 0) {
		close(out[0]);
		return NULL;
	}
	return fdopen(out[0], "r");
}

enum { OTHER = 1, SAME = 2 };

/* Which ntsync the image has: SAME, from where @module is, or OTHER. -1: it can't be told. */
static int find_in_image(const char *tool, const char *image, const char *module)
{
	int status = -1, found = 0;
	bool any = false;
	char *line = NULL;
	size_t size = 0;
	pid_t pid;
	FILE *out = list_image(tool, image, &pid);

	if (!out)
		return -1;
	while (getline(&line, &size, out) > 0) {
		any = true;
		if (strstr(line, "/ntsync.ko"))
			found |= strstr(line, module) ? SAME : OTHER;
	}
	free(line);
	fclose(out);
	waitpid(pid, &status, 0);
	return any && !status ? found : -1;
}

/* 1: it has another ntsync, or an older one; 0: it has not; -1: there is no such image, or no tool. */
static int judge_image(const char *image, const char *module, const struct stat *of_module)
{
	static const char *const tools[] = {
		"/usr/bin/lsinitramfs", "/usr/bin/lsinitrd", "/usr/bin/lsinitcpio",
	};
	struct stat of_image;

	if (stat(image, &of_image) || access(image, R_OK))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		char tool[512];
		int found;

		snprintf(tool, sizeof(tool), "%s%s", file_root, tools[i]);
		found = access(tool, X_OK) ? -1 : find_in_image(tool, image, module);
		if (found >= 0)
			return found & OTHER ||
			       (found & SAME && of_image.st_mtime < of_module->st_mtime);
	}
	return -1;
}

/* Arch calls a kernel's image by the name of its package. Empty if there is none. */
static void read_pkgbase(const char *release, char *out, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "/lib/modules/%s/pkgbase", release);
	if (file_read(path, out, size) <= 0)
		out[0] = '\0';
	out[strcspn(out, "/\n")] = '\0';
}

static void look_at_initramfs(struct system_facts *f)
{
	char module[256], pkgbase[64], path[512];
	/* Debian; Fedora, and others with dracut; Arch. */
	const struct { const char *prefix, *kernel, *suffix; } names[] = {
		{ "initrd.img-", f->release, "" },
		{ "initramfs-", f->release, ".img" },
		{ "initramfs-", pkgbase, ".img" },
	};
	struct stat st = { 0 };

	read_pkgbase(f->release, pkgbase, sizeof(pkgbase));
	f->initramfs = -1;
	/* Without one on the disk, any copy is another one. */
	if (!find_module(f->release, module, sizeof(module), &st))
		snprintf(module, sizeof(module), "/none/");
	for (size_t i = 0; f->initramfs < 0 && i < ARRAY_SIZE(names); i++) {
		if (!names[i].kernel[0])
			continue;
		snprintf(path, sizeof(path), "%s/boot/%s%s%s", file_root, names[i].prefix,
			 names[i].kernel, names[i].suffix);
		f->initramfs = judge_image(path, module, &st);
	}
}

void boot_look(struct system_facts *f)
{
	look_for_loader(f);
	look_at_initramfs(f);
}
