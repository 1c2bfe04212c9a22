// SPDX-License-Identifier: GPL-2.0-only
/*
 * device: random programs for /dev/ntsync, guided by what they reach in the driver. docs/fuzzing.md
 * says how to use it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include <linux/ntsync.h>

#include "complaints.h"
#include "corpus.h"
#include "coverage.h"
#include "exec.h"
#include "minimise.h"
#include "../../fault/inject.h"

#define NS_PER_SEC	1000000000ull
/* Programs that are tried to make one smaller. */
#define MINIMISE_RUNS	25
#define KEPT		4	/* programs before a finding that are printed with it */
#define REPORT_SECONDS	30

static struct {
	unsigned int seconds;
	unsigned long long seed;
	const char *corpus;
	const char *replay;
	const char *minimise;
	const char *complaints;
	const char *driver;
	unsigned int repeat;
	bool print;
} options = { .repeat = 1 };

static struct corpus corpus;
static struct program last[KEPT];
static uint8_t *reached, *now;
static unsigned long long runs, calls, driver_calls, good_calls, late;
static bool found;

/* ---- one run ---- */

static void print_finding(const char *what)
{
	if (found) {
		printf("# and: %s\n", what);
		return;
	}
	printf("not ok 1 - finding: %s\n", what);
	for (unsigned int i = KEPT; i-- > 0; ) {
		if (!last[i].nr)
			continue;
		printf("# program finding-%u\n", i);
		program_print(stdout, &last[i]);
		puts("# end of program");
	}
	fflush(stdout);
	found = true;
}

static void remember(const struct program *program)
{
	memmove(&last[1], &last[0], (KEPT - 1) * sizeof(last[0]));
	last[0] = *program;
}

static void print_wrong(const struct program *program, const struct exec_result *result)
{
	char what[128];

	if (result->wrong_error)
		snprintf(what, sizeof(what), "call %u has failed with %s", result->wrong_call,
			 strerrorname_np(result->wrong_error));
	else
		snprintf(what, sizeof(what), "call %u sleeps past its deadline", result->wrong_call);
	print_finding(what);
	fputs("# ", stdout);
	call_print(stdout, &program->calls[result->wrong_call - 1]);
	fflush(stdout);
}

/* No finding, but somebody may want to know why. */
static void print_late(const struct program *program)
{
	printf("# program late-%llu\n", ++late);
	program_print(stdout, program);
	puts("# end of program");
}

/* False after a finding. now has what was reached. */
static bool run(const struct program *program)
{
	struct exec_result result;
	char line[256];

	if (options.print) {
		puts("# running");
		program_print(stdout, program);
		fflush(stdout);
	}
	remember(program);
	coverage_clear();
	exec_run(program, &result);
	coverage_read(now);
	runs++;
	calls += result.calls;
	driver_calls += result.driver_calls;
	good_calls += result.good_calls;
	if (result.end == EXEC_LATE)
		print_late(program);
	if (result.end == EXEC_WRONG) {
		print_wrong(program, &result);
	} else if (result.end == EXEC_STUCK) {
		print_finding("processes can't be killed");
		exec_print_stuck(stdout);
	} else if (result.end == EXEC_FAILED) {
		print_finding("can't fork");
	}
	if (complaints_new(line, sizeof(line)))
		print_finding(line);
	return !found;
}

/* ---- new coverage ---- */

static bool still_reaches(const struct program *program, void *data)
{
	return run(program) && map_contains(now, data);
}

/*
 * A program that has reached something new. What it does not reach a second time came from
 * elsewhere, such as what an earlier program has left to the driver's own threads.
 */
static void triage(const struct program *program)
{
	static struct program smaller;
	static uint8_t *fresh;
	struct entry *entry;

	if (!fresh)
		fresh = map_new();
	memcpy(fresh, now, coverage_size);
	map_subtract(fresh, reached);
	map_add(reached, now);
	if (run(program))
		map_intersect(fresh, now);
	if (!found && map_count(fresh)) {
		smaller = *program;
		minimise(&smaller, still_reaches, fresh, MINIMISE_RUNS);
		if (!found && run(&smaller)) {
			map_add(reached, now);
			entry = corpus_add(&corpus, &smaller, NULL);
			memcpy(entry->map, now, coverage_size);
			map_add(entry->map, fresh);
			entry_print(stdout, entry);
			fflush(stdout);
		}
	}
}

/* ---- the ways to run ---- */

static void report(const char *when, uint64_t begun)
{
	printf("# %s: %llu s, %llu programs, %llu calls, %llu late, corpus %u, blocks reached %u\n", when,
	       (unsigned long long)((now_ns(CLOCK_MONOTONIC) - begun) / NS_PER_SEC), runs, calls, late,
	       corpus.nr, map_count(reached));
	fflush(stdout);
}

static bool switch_tracepoints(const char *on)
{
	int fd = open("/sys/kernel/tracing/events/ntsync/enable", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, on, 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

/* Prints the events, some of each kind. */
static void read_trace(void)
{
	static char text[65536];
	int fd = open("/sys/kernel/tracing/trace", O_RDONLY | O_CLOEXEC);

	for (unsigned int i = 0; fd >= 0 && i < 32; i++) {
		if (read(fd, text, sizeof(text)) <= 0)
			break;
	}
	if (fd >= 0)
		close(fd);
}

/* All programs of the corpus as they are. */
static void run_corpus(void)
{
	for (unsigned int i = 0; i < corpus.nr && !found; i++) {
		struct entry *entry = corpus.entries[i];

		if (!run(&entry->program))
			printf("# it was %s\n", entry->name);
		map_add(entry->map, now);
		map_add(reached, now);
	}
}

static void fuzz(struct prng *prng, uint64_t begun)
{
	static struct program program;
	uint64_t end = begun + options.seconds * NS_PER_SEC, next = begun + REPORT_SECONDS * NS_PER_SEC;

	while (!found && now_ns(CLOCK_MONOTONIC) < end) {
		const struct entry *entry = corpus_choose(&corpus, prng), *other = corpus_choose(&corpus, prng);

		if (!entry || prng_chance(prng, 15)) {
			program_random(&program, prng);
		} else {
			program = entry->program;
			program_mutate(&program, &other->program, prng);
		}
		if (run(&program) && map_count_new(now, reached))
			triage(&program);
		if (now_ns(CLOCK_MONOTONIC) >= next) {
			report("so far", begun);
			next += REPORT_SECONDS * NS_PER_SEC;
		}
	}
}

static bool still_found(const struct program *program, void *data)
{
	bool result;

	(void)data;
	for (unsigned int i = 0; i < options.repeat; i++)
		run(program);
	result = found;
	found = false;
	return result;
}

/* A program from a file: runs it, and makes it smaller while it gives a finding. */
static int run_file(const char *path, bool smaller)
{
	static struct program program;
	char error[128];

	if (!program_read(path, &program, error, sizeof(error))) {
		fprintf(stderr, "%s: %s\n", path, error);
		return 2;
	}
	if (smaller && still_found(&program, NULL)) {
		minimise(&program, still_found, NULL, 500);
		puts("# program smallest");
		program_print(stdout, &program);
		puts("# end of program");
		return 1;
	}
	for (unsigned int i = 0; i < options.repeat && !found && !smaller; i++)
		run(&program);
	map_add(reached, now);
	report("replay", now_ns(CLOCK_MONOTONIC));
	return found;
}

static void print_reduced(void)
{
	unsigned int needed = corpus_reduce(&corpus);

	printf("# %u programs reach the same as all %u:", needed, corpus.nr);
	for (unsigned int i = 0; i < corpus.nr; i++) {
		if (corpus.entries[i]->needed)
			printf(" %s", corpus.entries[i]->name);
	}
	putchar('\n');
}

/* At least a quarter of the corpus' calls of the driver succeed: a driver that does nothing has no finding either. */
static bool corpus_works(void)
{
	printf("# %llu of %llu calls of the driver have succeeded\n", good_calls, driver_calls);
	return found || !corpus.nr || good_calls >= driver_calls / 4;
}

/* The corpus, then new programs for a time. TAP. */
static int run_all(void)
{
	struct prng prng = { .state = options.seed };
	uint64_t begun = now_ns(CLOCK_MONOTONIC);

	if (options.corpus && !corpus_read(&corpus, options.corpus)) {
		puts("Bail out! a program that can't be read");
		return 2;
	}
	printf("# seed %llu, %u s, %u programs in the corpus, %s\n", options.seed, options.seconds, corpus.nr,
	       coverage_size ? "guided" : "no coverage, so not guided");
	fflush(stdout);
	run_corpus();
	report("corpus", begun);
	if (!corpus_works()) {
		puts("Bail out! nearly all calls of the driver have failed");
		return 2;
	}
	/* What the tracepoints add is in each function that has one, so all programs do it. */
	if (options.seconds && coverage_size && switch_tracepoints("1")) {
		run_corpus();
		read_trace();
		coverage_read(now);
		map_add(reached, now);
	}
	switch_tracepoints("0");
	begun = now_ns(CLOCK_MONOTONIC);
	fuzz(&prng, begun);
	report("end", begun);
	/* A program may have switched them on. */
	switch_tracepoints("0");
	if (coverage_size && options.seconds) {
		print_reduced();
		coverage_print(stdout, reached);
	}
	if (!found)
		printf("ok 1 - %llu programs without a finding\n", runs);
	puts("1..1");
	return found;
}

/* ---- start ---- */

static bool is_in_tree(void)
{
	struct ntsync_features_args args;
	int dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	bool result;

	if (dev < 0)
		return false;
	result = ioctl(dev, NTSYNC_IOC_QUERY_FEATURES, &args) && errno == ENOTTY;
	close(dev);
	return result;
}

/* Is it the driver that the caller means? */
static bool is_expected(bool in_tree)
{
	return !options.driver || !strcmp(options.driver, in_tree ? "in-tree" : "ours");
}

static void print_usage(FILE *out)
{
	fputs("usage: device [OPTION]...\n"
	      "Runs random programs on /dev/ntsync and looks for findings.\n"
	      "  --seconds N      how long (default 0: only the corpus)\n"
	      "  --seed N         for the same programs again (default: the time)\n"
	      "  --corpus DIR     programs to begin with\n"
	      "  --replay FILE    only this program\n"
	      "  --minimise FILE  the same, and a smaller one that gives a finding, too\n"
	      "  --repeat N       how often to run that (default 1)\n"
	      "  --complaints FILE  patterns of the kernel's log that are findings\n"
	      "  --driver NAME    ours or in-tree: fails if it is the other one (default: either will do)\n"
	      "  --common         only what the in-tree driver has (default on that driver)\n"
	      "  --inject         the kernel can inject faults, and shall\n"
	      "  --highest-prio N  no thread has a higher real-time priority (default 99)\n"
	      "  --print          each program before it runs, and the results of its calls\n", out);
}

enum {
	SECONDS = 256, SEED, CORPUS, REPLAY, MINIMISE, REPEAT, COMPLAINTS, DRIVER, COMMON, INJECT, HIGHEST_PRIO,
	PRINT, DO_NOTHING, HELP
};

static const struct option long_options[] = {
	{ "seconds", required_argument, NULL, SECONDS },
	{ "seed", required_argument, NULL, SEED },
	{ "corpus", required_argument, NULL, CORPUS },
	{ "replay", required_argument, NULL, REPLAY },
	{ "minimise", required_argument, NULL, MINIMISE },
	{ "repeat", required_argument, NULL, REPEAT },
	{ "complaints", required_argument, NULL, COMPLAINTS },
	{ "driver", required_argument, NULL, DRIVER },
	{ "common", no_argument, NULL, COMMON },
	{ "inject", no_argument, NULL, INJECT },
	{ "highest-prio", required_argument, NULL, HIGHEST_PRIO },
	{ "print", no_argument, NULL, PRINT },
	{ "nothing", no_argument, NULL, DO_NOTHING },
	{ "help", no_argument, NULL, HELP },
	{ }
};

static void set_option(int option)
{
	switch (option) {
	case SECONDS:
		options.seconds = atoi(optarg);
		break;
	case SEED:
		options.seed = strtoull(optarg, NULL, 0);
		break;
	case CORPUS:
		options.corpus = optarg;
		break;
	case REPLAY:
		options.replay = optarg;
		break;
	case MINIMISE:
		options.minimise = optarg;
		break;
	case REPEAT:
		options.repeat = atoi(optarg);
		break;
	case COMPLAINTS:
		options.complaints = optarg;
		break;
	case DRIVER:
		options.driver = optarg;
		break;
	case COMMON:
		mutate_options.common = true;
		break;
	case INJECT:
		mutate_options.inject = true;
		break;
	case HIGHEST_PRIO:
		exec_options.highest_prio = atoi(optarg);
		break;
	case PRINT:
		options.print = true;
		exec_options.print = true;
		break;
	case DO_NOTHING:
		/* What the call "exec" executes. */
		exit(0);
	case HELP:
		print_usage(stdout);
		exit(0);
	default:
		print_usage(stderr);
		exit(2);
	}
}

static int start(void)
{
	const bool in_tree = is_in_tree();
	int error = exec_init();

	if (error) {
		fprintf(stderr, "device: %s\n", strerror(-error));
		return 2;
	}
	if (options.complaints && !complaints_open(options.complaints)) {
		fprintf(stderr, "device: %s can't be used\n", options.complaints);
		return 2;
	}
	if (access("/dev/ntsync", F_OK)) {
		puts("Bail out! no /dev/ntsync");
		return 2;
	}
	if (!is_expected(in_tree)) {
		puts("Bail out! /dev/ntsync is another driver's");
		return 2;
	}
	if (mutate_options.inject && inject_setup())
		return 2;
	mutate_options.common |= in_tree;
	exec_options.common = mutate_options.common;
	/* What the in-tree driver may fail with is not ours to say. */
	exec_options.check_errors = !mutate_options.common;
	exec_options.inject = mutate_options.inject;
	coverage_open();
	reached = map_new();
	now = map_new();
	/* What ran when the module was loaded. */
	coverage_read(reached);
	return 0;
}

int main(int argc, char **argv)
{
	int option, status;

	options.seed = now_ns(CLOCK_REALTIME) | 1;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0)
		set_option(option);
	if (optind < argc || !options.seed || !options.repeat) {
		print_usage(stderr);
		return 2;
	}
	status = start();
	if (status)
		return status;
	if (options.replay || options.minimise)
		return run_file(options.minimise ? options.minimise : options.replay, options.minimise);
	return run_all();
}
