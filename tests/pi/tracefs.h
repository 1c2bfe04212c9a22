/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module's tracepoints told about a while of a test. */
#ifndef NTSYNC_TESTS_PI_TRACEFS_H
#define NTSYNC_TESTS_PI_TRACEFS_H

#include "../uapi/fixture.h"

/* All events of the module, from an empty trace on; at the end the caller frees the text. */
void trace_begin(void);
char *trace_end(void);

/* Is there such an event that begins with @first, with these words behind it? */
bool traced(const char *text, const char *event, const char *first, const char *words);
bool traced_task(const char *text, const char *event, pid_t tid, const char *words);

/*
 * Calls of a function of the kernel by task @tid: a probe's fetch arguments and a filter, both as
 * the kernel's kprobe events know them. Until trace_probe_end().
 */
void trace_probe(const char *function, const char *args, const char *filter, pid_t tid);
char *trace_probe_end(void);

/* Was the kernel built with them? */
bool has_trace_probes(void);

/* By what number tracepoints, fdinfo and debugfs know it. */
unsigned long long object_id(int fd);

/*
 * Ends the trace: the priorities that the arbiter gave to @tid since its begin must be these and
 * no others, so there was not one in between for the shortest moment. 0 = normal.
 */
#define assert_prios(tid, ...)                                                 \
	trace_assert_prios(tid, (const int[]){ __VA_ARGS__ },                  \
			   ARRAY_SIZE(((const int[]){ __VA_ARGS__ })), __FILE__, __LINE__)
void trace_assert_prios(pid_t tid, const int *prios, size_t count, const char *file, int line);

#endif
