// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost of operations, one per line: name, then median, least and most of several batches, in
 * nanoseconds, or in instructions in a VM whose clock counts instructions; and the number of
 * operations in a batch:
 *
 *	scripts/vm/run --icount --add build/bench/ops -- /add/ops
 *
 * "-" means that the driver does not have the operation. bench/compare runs this on several
 * drivers.
 *
 *	-b	number of batches
 *	-c	calls in a batch; otherwise as many as take ...
 *	-u	at least that many microseconds
 *	-t	this file gets 1 before and 0 after each batch: the tracer's tracing_on
 *	-e	tells the emulator's plug-in (bench/plugin) when each batch begins and ends
 */
#define _GNU_SOURCE
#include "../tell.h"
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <libntsync.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PRIORITY 50
#define MOST_BATCHES 99

static const struct operation *const tables[] = {
	floor_ops, object_ops, single_ops, any_ops, all_ops,
	pingpong_ops, lock_ops, broadcast_ops, chain_ops, channel_ops,
	lend_ops, addr_ops,
};

static uint64_t batch_ns = 500000;
static int batches = 9;
static uint64_t fixed_calls;
static int tracing_on = -1; /* the kernel's tracing switch, if -t was given */
static bool tell_emulator;

struct batch {
	uint64_t ns;
	uint64_t count;
};

static int run_batch(const struct operation *op, uint64_t calls, struct batch *batch)
{
	uint64_t from = now(), own = 0, ns, one;

	*batch = (struct batch){ 0 };
	while (calls--) {
		int count;

		one = 0;
		count = op->run(op, &one);
		if (count < 0)
			return -1;
		batch->count += (uint64_t)count;
		own += one;
	}
	ns = now() - from;
	batch->ns = own ? own : ns;
	return 0;
}

/*
 * Fills the allocators' caches, and chooses the number of calls in a batch: the next power of two,
 * so that every run of the program uses the same.
 */
static int warm_up(const struct operation *op, uint64_t *calls)
{
	struct batch batch;

	for (*calls = fixed_calls ? fixed_calls : 1;; *calls *= 2) {
		uint64_t from = now();

		if (run_batch(op, *calls, &batch))
			return -1;
		if (fixed_calls || now() - from >= batch_ns)
			return 0;
	}
}

static int compare_values(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void set_tracing(const char *on)
{
	if (tracing_on >= 0 && write(tracing_on, on, 1) != 1)
		perror("ops: tracing_on");
}

static void announce_batch(const char *format, ...)
{
	char line[128];
	va_list args;

	if (!tell_emulator)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	tell(line);
}

/* A batch that counts; tracer and plug-in are told when it begins and ends. */
static int run_watched(const struct operation *op, uint64_t calls, struct batch *batch)
{
	int ret;

	set_tracing("1");
	announce_batch("begin %s", op->name);
	ret = run_batch(op, calls, batch);
	announce_batch("end %" PRIu64, batch->count);
	set_tracing("0");
	return ret;
}

/*
 * The pause lets the kernel do deferred work, such as grace periods and freeing after them. With a
 * batch it takes a little less than the four milliseconds between two ticks of the kernel: so ticks
 * move through the batches, and the median is a batch without one. One call is made before the
 * clock is started, so that other threads are where they will be at the end.
 */
static int measure(const struct operation *op, double *costs, uint64_t *count)
{
	const struct timespec pause = { .tv_nsec = 2700000 };
	struct batch batch;
	uint64_t calls;

	if (warm_up(op, &calls))
		return -1;
	for (int i = -1; i < batches; i++) {
		nanosleep(&pause, NULL);
		if (run_batch(op, 1, &batch) ||
		    (i < 0 ? run_batch : run_watched)(op, calls, &batch) || !batch.count)
			return -1;
		if (i >= 0)
			costs[i] = (double)batch.ns / (double)batch.count;
	}
	*count = batch.count;
	qsort(costs, (size_t)batches, sizeof(*costs), compare_values);
	return 0;
}

static int report_operation(const struct operation *op)
{
	double costs[MOST_BATCHES];
	uint64_t count;
	int ret;

	ret = op->begin(op);
	if (ret == -ENOTSUP) {
		printf("%s\t-\n", op->name);
		return 0;
	}
	if (!ret) {
		ret = measure(op, costs, &count);
		op->end(op);
	}
	if (ret)
		printf("%s\tfailed\n", op->name);
	else
		printf("%s\t%.1f\t%.1f\t%.1f\t%" PRIu64 "\n", op->name, costs[batches / 2],
		       costs[0], costs[batches - 1], count);
	fflush(stdout);
	return ret;
}

static bool is_wanted(const char *name, char *const *patterns)
{
	if (!*patterns)
		return true;
	for (; *patterns; patterns++)
		if (!fnmatch(*patterns, name, 0))
			return true;
	return false;
}

static int open_switch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0) {
		fprintf(stderr, "ops: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return fd;
}

static int fail(void)
{
	fprintf(stderr,
		"usage: ops [-b BATCHES] [-c CALLS] [-u MICROSECONDS] [-t TRACING_ON] [-e] [PATTERN]...\n");
	return 2;
}

int main(int argc, char **argv)
{
	const struct sched_param param = { .sched_priority = PRIORITY };
	int opt, ret = 0;

	while ((opt = getopt(argc, argv, "b:c:u:t:e")) != -1) {
		if (opt == 'b')
			batches = atoi(optarg);
		else if (opt == 'c')
			fixed_calls = strtoull(optarg, NULL, 10);
		else if (opt == 't')
			tracing_on = open_switch(optarg);
		else if (opt == 'e')
			tell_emulator = true;
		else if (opt == 'u')
			batch_ns = strtoull(optarg, NULL, 10) * 1000;
		else
			return fail();
	}
	if (batches < 1 || batches > MOST_BATCHES)
		return fail();
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		fprintf(stderr, "ops: no right to real-time priorities\n");
	dev = ntsync_open();
	if (dev < 0) {
		fprintf(stderr, "ops: /dev/ntsync: %s\n", strerror(-dev));
		return 1;
	}
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct operation *op = tables[t]; op->name; op++)
			if (is_wanted(op->name, argv + optind) && report_operation(op))
				ret = 1;
	return ret;
}
