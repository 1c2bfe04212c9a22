// SPDX-License-Identifier: GPL-2.0-only
/* Reads files of /proc and /sys. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"

const char *file_root = "";

static int open_below(const char *path)
{
	char full[512];

	if (snprintf(full, sizeof(full), "%s%s", file_root, path) >= (int)sizeof(full)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* Reads to the end, or @size bytes: a read of /proc may return a part. */
static ssize_t read_up_to(int fd, char *buf, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = read(fd, buf + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		done += got;
	}
	return done;
}

ssize_t file_read(const char *path, char *buf, size_t size)
{
	int fd = open_below(path);
	ssize_t got = fd < 0 ? -errno : read_up_to(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[got > 0 ? got : 0] = '\0';
	return got;
}

char *file_read_all(const char *path, size_t limit, bool *truncated)
{
	char *buf = malloc(limit + 1);
	ssize_t got;

	if (!buf)
		return NULL;
	got = file_read(path, buf, limit + 1);
	*truncated = got == (ssize_t)limit;
	if (got >= 0)
		return buf;
	free(buf);
	errno = -got;
	return NULL;
}

long long file_number(const char *path, long long fallback)
{
	char buf[32], *end;
	long long value;

	if (file_read(path, buf, sizeof(buf)) <= 0)
		return fallback;
	errno = 0;
	value = strtoll(buf, &end, 10);
	return end == buf || errno ? fallback : value;
}

bool file_exists(const char *path)
{
	char full[512];

	return snprintf(full, sizeof(full), "%s%s", file_root, path) < (int)sizeof(full) &&
	       !access(full, F_OK);
}

DIR *file_open_fds(int proc, pid_t pid)
{
	char path[32];
	DIR *fds;
	int fd;

	snprintf(path, sizeof(path), "%d/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds = fd < 0 ? NULL : fdopendir(fd);
	if (!fds && fd >= 0)
		close(fd);
	return fds;
}

/* AT_STATX_DONT_SYNC: the file may lie on a network file system whose server never answers. */
bool file_is_device(int dir, const char *name, const char *number_path)
{
	char text[32];
	unsigned int major, minor;
	struct statx st;

	return file_read(number_path, text, sizeof(text)) > 0 &&
	       sscanf(text, "%u:%u", &major, &minor) == 2 &&
	       !statx(dir, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) &&
	       S_ISCHR(st.stx_mode) && st.stx_rdev_major == major && st.stx_rdev_minor == minor;
}
