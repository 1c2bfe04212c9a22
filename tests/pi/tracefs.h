/* SPDX-License-Identifier: GPL-2.0-only */
/* The module's tracepoints, and others, during a part of a test. */
#ifndef NTSYNC_TESTS_PI_TRACEFS_H
#define NTSYNC_TESTS_PI_TRACEFS_H

#include "../uapi/fixture.h"

/* Writes to a file of tracefs. */
void trace_write(const char *file, const char *text);

/* Traces all events of the module. trace_end() returns the text; the caller frees it. */
void trace_begin(void);
char *trace_end(void);

/* Is there an event of that name whose text begins with @first and goes on with @words? */
bool traced(const char *text, const char *event, const char *first, const char *words);
bool traced_task(const char *text, const char *event, pid_t tid, const char *words);

/*
 * Traces calls of a kernel function by task @tid until trace_probe_end(). @args and @filter are in
 * the syntax of the kernel's kprobe events.
 */
void trace_probe(const char *function, const char *args, const char *filter, pid_t tid);
char *trace_probe_end(void);

/* Does this kernel have kprobe events? */
bool has_trace_probes(void);

/* The object's number in tracepoints, fdinfo and debugfs. */
unsigned long long object_id(int fd);

/*
 * Ends the trace. The priorities that the arbiter has set for @tid since trace_begin() must be
 * these and no others, so no other one was set in between, not even for a moment. 0 = a normal
 * task.
 */
#define assert_prios(tid, ...)                                                 \
	trace_assert_prios(tid, (const int[]){ __VA_ARGS__ },                  \
			   ARRAY_SIZE(((const int[]){ __VA_ARGS__ })), __FILE__, __LINE__)
void trace_assert_prios(pid_t tid, const int *prios, size_t count, const char *file, int line);

#endif
