// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The trace as lines in a file, for ntsyncctl trace. Each line is one write to a file that is opened
 * for appending, so lines of different threads and processes do not mix, and no lock is needed.
 * man/ntsync_nt_create.3 describes the format.
 */
#include "fd.h"
#include "trace.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VARIABLE	"NTSYNC_NT_TRACE"
#define MAX_LINE	256
#define NS_PER_SECOND	((uint64_t)1000000000)

static const char *type_name(enum ntsync_nt_type type)
{
	static const char names[NTSYNC_NT_TYPES][16] = {
		[NTSYNC_NT_NONE] = "none",
		[NTSYNC_NT_EVENT] = "event",
		[NTSYNC_NT_MUTANT] = "mutant",
		[NTSYNC_NT_SEMAPHORE] = "semaphore",
		[NTSYNC_NT_TIMER] = "timer",
		[NTSYNC_NT_THREAD] = "thread",
		[NTSYNC_NT_OWN] = "own",
		[NTSYNC_NT_KEYED_EVENT] = "keyed_event",
		[NTSYNC_NT_IO_COMPLETION] = "io_completion",
		[NTSYNC_NT_CHANNEL] = "channel",
		[NTSYNC_NT_WAIT_COMPLETION_PACKET] = "wait_packet",
	};

	return names[type][0] ? names[type] : "unknown";
}

static const char *operation_name(enum ntsync_nt_operation operation)
{
	switch (operation) {
	case NTSYNC_NT_CREATE:
		return "create";
	case NTSYNC_NT_DESTROY:
		return "destroy";
	default:
		return "invalid";
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* What all lines begin with; returns its length. */
static int begin_line(const struct ntsync_nt *nt, char *line, uint64_t sequence, const char *op)
{
	uint64_t now = now_ns();

	return snprintf(line, MAX_LINE, "ntsync_nt 1 table=%s time=%" PRIu64 ".%09" PRIu64
			" seq=%" PRIu64 " op=%s", nt->trace_name, now / NS_PER_SECOND,
			now % NS_PER_SECOND, sequence, op);
}

/* MAX_LINE is enough for the longest one. If the disk is full, lines are lost. */
static void write_line(const struct ntsync_nt *nt, const char *line, int length)
{
	nt_assert(length < MAX_LINE);
	if (write(nt->trace_fd, line, (size_t)length) < 0)
		return;
}

void nt_trace_file_write(struct ntsync_nt *nt, const struct ntsync_nt_record *record)
{
	char line[MAX_LINE];
	int length;

	if (nt->trace_fd < 0)
		return;
	length = begin_line(nt, line, record->sequence, operation_name(record->operation));
	length += snprintf(line + length, sizeof(line) - (size_t)length,
			   " handle=0x%" PRIx32 " generation=%" PRIu32 " thread=0x%" PRIx32
			   " type=%s object=%" PRIu64 "\n", record->handle, record->generation,
			   record->thread, type_name(record->type), record->id);
	write_line(nt, line, length);
}

/* @op: begin or end. */
static void write_mark(const struct ntsync_nt *nt, const char *op)
{
	char line[MAX_LINE];
	int length = begin_line(nt, line, atomic_load(&nt->sequence), op);

	line[length++] = '\n';
	write_line(nt, line, length);
}

/*
 * Only a regular file: writing to a pipe without a reader would end the program. Not 0 to 2: those
 * that a program closes and opens again as its standard ones.
 */
static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	struct stat info;
	int high;

	if (fd < 0)
		return -1;
	high = fstat(fd, &info) || !S_ISREG(info.st_mode) ? -1 :
	       fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	nt_close_fd(fd);
	return high;
}

void nt_trace_file_open(struct ntsync_nt *nt)
{
	const char *path = secure_getenv(VARIABLE);

	nt->trace_fd = -1;
	if (!path || !*path)
		return;
	nt->trace_fd = open_file(path);
	if (nt->trace_fd < 0)
		return;
	snprintf(nt->trace_name, sizeof(nt->trace_name), "%d.%" PRIu64, getpid(), now_ns());
	write_mark(nt, "begin");
}

/* A forked child's copy of the table is not the table. */
void nt_trace_file_close(struct ntsync_nt *nt)
{
	if (nt->trace_fd < 0)
		return;
	if (!nt_in_forked_child(nt))
		write_mark(nt, "end");
	nt_close_fd(nt->trace_fd);
	nt->trace_fd = -1;
}
