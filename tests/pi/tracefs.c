// SPDX-License-Identifier: GPL-2.0-only
#include "tracefs.h"

#define TRACEFS "/sys/kernel/tracing/"

void trace_write(const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACEFS "%s", file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

void trace_begin(void)
{
	trace_write("trace", "\n");
	trace_write("events/ntsync/enable", "1");
}

char *trace_end(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *in;

	trace_write("events/ntsync/enable", "0");
	in = fopen(TRACEFS "trace", "re");
	assert_non_null(in);
	assert_true(getdelim(&text, &size, '\0', in) > 0);
	fclose(in);
	return text;
}

bool has_trace_probes(void)
{
	return !access(TRACEFS "kprobe_events", F_OK);
}

void trace_probe(const char *function, const char *args, const char *filter, pid_t tid)
{
	char text[256];

	snprintf(text, sizeof(text), "p:ntsync_test/probe %s %s\n", function, args);
	trace_write("kprobe_events", text);
	snprintf(text, sizeof(text), "common_pid == %d && %s", tid, filter);
	trace_write("events/ntsync_test/probe/filter", text);
	trace_write("trace", "\n");
	trace_write("events/ntsync_test/enable", "1");
}

char *trace_probe_end(void)
{
	char *text;

	trace_write("events/ntsync_test/enable", "0");
	text = trace_end();
	trace_write("kprobe_events", "\n"); /* opening with O_TRUNC removes the probe */
	return text;
}

bool traced(const char *text, const char *event, const char *first, const char *words)
{
	char head[128];
	const char *at = text, *found;

	snprintf(head, sizeof(head), "%s: %s ", event, first);
	while ((at = strstr(at, head))) {
		at += strlen(head);
		found = strstr(at, words);
		if (found && found < at + strcspn(at, "\n"))
			return true;
	}
	return false;
}

bool traced_task(const char *text, const char *event, pid_t tid, const char *words)
{
	char first[32];

	snprintf(first, sizeof(first), "tid=%d", tid);
	return traced(text, event, first, words);
}

/* The new_prio of the next event "…boost: tid=TID …" from *at on; -1: there is none. */
static int read_next_prio(const char **at, pid_t tid)
{
	char who[48];
	const char *found, *prio;

	snprintf(who, sizeof(who), "boost: tid=%d ", tid);
	found = strstr(*at, who);
	prio = found ? strstr(found, " new_prio=") : NULL;
	if (!prio)
		return -1;
	*at = prio;
	return atoi(prio + strlen(" new_prio="));
}

void trace_assert_prios(pid_t tid, const int *prios, size_t count, const char *file, int line)
{
	char *text = trace_end();
	const char *at = text;
	bool ok = true;

	for (size_t i = 0; i < count; i++)
		ok &= read_next_prio(&at, tid) == prios[i];
	ok &= read_next_prio(&at, tid) < 0;
	if (!ok) {
		fprintf(stderr, "# task %d: want", tid);
		for (size_t i = 0; i < count; i++)
			fprintf(stderr, " %d", prios[i]);
		fprintf(stderr, "\n%s", text);
	}
	free(text);
	if (!ok)
		_fail(file, line);
}

unsigned long long object_id(int fd)
{
	char path[64], line[128];
	unsigned long long id = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	in = fopen(path, "re");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in))
		sscanf(line, "ntsync-id:\t%llu", &id);
	fclose(in);
	assert_true(id > 0);
	return id;
}
